"""When races exercise CON-01 to -03: which of them count, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.contract.vocabulary import ENQUEUING_FAILED, seconds
from conformance.findings import DoubtReason
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.proof import Proof, all_of
from conformance.judges.inference.quiescence import NotQuiescent, quiescent
from conformance.judges.inference.races import Race
from conformance.judges.inference.timeline import retried
from conformance.judges.rule import Exercised, InDoubt, Judgement, rule, whole_run

#: Races on quiescent batches without which a requirement does not pass (the contract's last column).
ENOUGH = 3
#: Seconds between the first release and the last, below which requests count as simultaneous. It only keeps out what
#: was no race at all; what window a run covers, its report says by the skew itself.
SMALL = 0.05


@rule("BR-CON-01", whole_run, also=("BR-CON-02", "BR-CON-03"))
def enough_races(inference: Inference) -> Iterator[Judgement]:
    """Exercised by three races or more that count; one that does not count vetoes nothing.

    By fewer, the first reason why one did not count is a doubt.
    """
    for requirement in ("BR-CON-01", "BR-CON-02", "BR-CON-03"):
        concerned = [race for race in inference.races if requirement in _about(race)]
        reasons = {race: _reason(requirement, race) for race in concerned}
        good = [race for race, reason in reasons.items() if reason is None]
        if len(good) >= ENOUGH:
            for race in good:
                proof = all_of(*(g.proof for g in race.gains.values())) & Proof(evidence=race.numbers)
                yield Exercised(proof=proof, requirement=requirement)
        elif concerned:
            bad = [(race, reason) for race, reason in reasons.items() if reason is not None]
            race, (reason, text) = bad[0] if bad else (good[0], (DoubtReason.RACES, ""))
            said = f"{len(good)} of {len(concerned)} races count, {ENOUGH} are needed" + (f"; {text}" if text else "")
            yield InDoubt(
                reason=reason,
                text=said,
                evidence=race.numbers,
                requirement=requirement,
                needs=DoubtReason.RACES.settled_by,
            )


def _about(race: Race) -> tuple[str, ...]:
    """What a race may exercise."""
    pair = ("BR-CON-01", "BR-CON-02") if len(race.retries) > 1 else ()
    return (*pair, *(("BR-CON-03",) if race.singles else ()))


def _reason(requirement: str, race: Race) -> tuple[DoubtReason, str] | None:
    """Why a race does not exercise the requirement; None if it does.

    The batch was quiescent before, with a failed message that may be retried; all answers are whole; the releases lie close
    together; one retry won, and the attempts that it owns were seen; for BR-CON-02 one lost as well, and the winner's attempts
    were seen to end. So each finding of this family could have come of it.
    """
    case, first = race.case, min(race.calls, key=lambda c: (c.t, c.n))
    numbers = " and ".join(f"{n}" for n in race.numbers)
    if race.of("throttled"):
        return DoubtReason.THROTTLED, f"one of {numbers} was answered 429"
    if race.of("unknown"):
        return DoubtReason.ANSWER_LOST, " and ".join(f"{c.n} {c.untold}" for c in race.of("unknown"))
    state = quiescent(case, race.batch, first, rivals=frozenset(race.numbers))
    if isinstance(state, NotQuiescent):
        return state.reason, f"that the batch was quiescent before {numbers} is not proved: {state.text}"
    if not any(retried(case, race.batch, m, first).most < 2 for m in state.failed):
        return DoubtReason.NOT_QUIESCENT, f"no failed message was surely to be retried by {numbers}"
    if race.skew >= SMALL:
        return DoubtReason.RACES, f"{numbers} were released {seconds(race.skew)} apart"
    if not race.of("accepted"):
        return DoubtReason.RACES, f"none of {numbers} was accepted"
    if not race.owned:
        shown = any(status == ENQUEUING_FAILED for _, status in race.statuses)
        reason = DoubtReason.PARTIAL_ENQUEUE if shown else DoubtReason.NOT_SETTLED
        return reason, f"the attempts of {numbers} were not all seen"
    if not all(_one_after_the_other(race, message) for message in race.gains):
        return DoubtReason.NOT_READ_BACK, f"that the attempts of {numbers} came one after the other was not seen"
    if requirement == "BR-CON-02" and not race.of("refused"):
        return DoubtReason.RACES, f"all of {numbers} were accepted, one after the other: nothing lost"
    if requirement != "BR-CON-01" and not all(_completed(race, message) for message in race.gains):
        return DoubtReason.NOT_SETTLED, f"the attempts of {numbers} were not seen to end"
    return None


def _completed(race: Race, message: str) -> bool:
    """True if the message was seen terminal in the newest attempt that the race gave it; or it got none."""
    gained = race.gains[message]
    return gained.most == 0 or any(r.terminal for r, number in gained.seen if number == gained.most)


def _one_after_the_other(race: Race, message: str) -> bool:
    """True if of several attempts each was seen to have ended before the next was there (ruling 15); one needs no look."""
    gained = race.gains[message]
    seen = {number for r, number in gained.seen if r.terminal}
    return all(number in seen for number in range(1, gained.most))


RULES = (enough_races,)
