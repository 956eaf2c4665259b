"""CON-02, and the same for CON-03: a retry that loses a race does not undo the one that won."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from conformance.contract.vocabulary import ENQUEUING_FAILED
from conformance.findings import DoubtReason
from conformance.judges.concurrency.owned import excused, names, races, story
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.proof import Proof, all_of
from conformance.judges.inference.quiescence import set_since
from conformance.judges.inference.races import Gain, Race, gained_by_view
from conformance.judges.inference.stuck import Stuck, ended, stands
from conformance.judges.inference.timeline import follows, gain, read_after, retried, terminal_stays
from conformance.judges.rule import InDoubt, Judgement, Violated, rule, whole_run

_UNDONE = "BR-CON-02"


def decided(race: Race) -> bool:
    """True if some won, some lost, and nothing is unknown."""
    return bool(race.of("accepted")) and bool(race.of("refused")) and not race.of("unknown")


@rule(
    _UNDONE,
    races,
    violation="the target takes back the attempt of a retry that won against another",
    expected=("the winner's attempt stays, and ends",),
    legal_if="every attempt that was shown once were shown ever after",
    subject="race: attempt taken back",
    also=("BR-CON-03",),
    first_only=True,
)
def taken_back(race: Race) -> Iterator[Judgement]:
    """A read shows the winner's attempt, and a later one does not.

    Counts never fall (A4), whatever a retry does. Nothing but the race lies between the reads (A6).
    """
    if not decided(race):
        return
    for gained in race.gains.values():
        for i, (reading, number) in enumerate(gained.seen):
            less = next(
                ((r, n) for r, n in gained.seen[i + 1 :] if n < number and follows(race.case, r, reading.last)), None
            )
            if number < 1 or less is None:
                continue
            shows = f"begins after that and shows it with {less[1]} more"
            yield Violated(
                proof=gained.proof
                & Proof(
                    because=(
                        story(race),
                        f"read {reading.n} shows a message with more attempts than read {gained.before.n}: {number} more",
                    ),
                    evidence=(gained.before.n, *race.numbers, reading.n),
                )
                & read_after(less[0], reading.last, shows),
                observed=f"{number} more, then {less[1]} more",
                any_of=names(race, _UNDONE),
                scenario=race.calls[0].scenario,
            )
            return


@rule(
    _UNDONE,
    whole_run,
    violation="the target accepts one retry, refuses another that comes at once, and attempts nothing",
    expected=("the winner's attempt",),
    legal_if="a message had gained an attempt, or the status were messages_enqueuing_failed",
    subject="race: winner attempts nothing",
    also=("BR-CON-03",),
)
def came_to_nothing(inference: Inference) -> Iterator[Judgement]:
    """The winner's 201 has given no message an attempt when the settling time is over.

    In itself that is BR-ACC-05. The race is the cause where it happened in two races, and every accepted retry without a rival was
    attempted; otherwise it is one of the two.
    """
    found = [race for race in races(inference) if decided(race) and _nothing(race)]
    if not found:
        return
    caused = len(found) > 1 and _attempted_alone(inference) and not excused(inference)
    race = found[0]
    pairs = ", ".join(f"{g.before.n} and {g.final.n}" for g in race.gains.values() if g.final is not None)
    yield Violated(
        proof=all_of(*(g.proof for r in found for g in r.gains.values()))
        & Proof(
            assumptions=frozenset(a for r in found for g in _left(r) for a in terminal_stays(g.before)),
            because=(
                story(race),
                f"reads {pairs}, before and after the settling time, show no attempt more; none from the race on shows "
                "messages_enqueuing_failed",
                f"the same in {len(found)} races; every accepted retry that had no rival was attempted"
                if caused
                else "whether it is for the rival that nothing is attempted is open",
            ),
            evidence=tuple(dict.fromkeys(n for r in found for n in r.numbers)),
        ),
        observed="no new attempt",
        any_of=names(race, _UNDONE) if caused else ("BR-ACC-05", *names(race, _UNDONE)),
        scenario=race.calls[0].scenario,
    )


@rule(
    _UNDONE,
    races,
    violation="the target accepts one retry, refuses another that comes at once, and leaves a failed message out",
    expected=("the winner's attempt of every failed message", f"status {ENQUEUING_FAILED} while one is left out"),
    legal_if=f"the message had gained an attempt, or the status were {ENQUEUING_FAILED}",
    subject="race: message left out",
    also=("BR-CON-03",),
    first_only=True,
)
def left_out(race: Race) -> Iterator[Judgement]:
    """The winner's 201 has given some of the batch's failed messages an attempt, and others none (ruling 17).

    Without the rival that is BR-SEL-01; which of the two it is cannot be told. A message that may be exhausted is none to be taken
    up (ruling 3), and what a single retry sets may hide the status (ruling 24).
    """
    won = race.of("accepted")
    if not decided(race) or not race.closed or any(c.single for c in won) or _shows_partial(race):
        return
    if set_since(race.case, race.batch, won[0]) is not None:
        return
    left = [g for g in _left(race) if not g.most and retried(race.case, race.batch, g.before.message, won[0]).most < 2]
    taken = [g for g in race.gains.values() if g.most]
    if not left or not taken:
        return
    gained = left[0]
    message = gained.before.message
    views = [g for g in gained_by_view(race, message) if g.final is not None]
    yield Violated(
        proof=all_of(gained.proof, taken[0].proof, retried(race.case, race.batch, message, won[0]).proof)
        & Proof(
            because=(
                story(race),
                f"a message that read {gained.before.n} shows failed gains no attempt until the settling time is over, and "
                f"another one of the batch does; none from the race on shows {ENQUEUING_FAILED}",
            ),
            evidence=race.numbers,
            assumptions=frozenset(terminal_stays(gained.before)),
        ),
        observed="no new attempt",
        any_of=("BR-SEL-01", *names(race, _UNDONE), *(() if len(views) > 1 else ("BR-IDS-07",))),
        scenario=race.calls[0].scenario,
    )


def _left(race: Race) -> list[Gain]:
    """Messages that were failed before the race and still are: what was corrected meanwhile was none to be retried (ruling 18)."""
    ends = ((g, g.final) for g in race.gains.values())
    return [g for g, end in ends if end is not None and g.before.status == end.status == "failure"]


def _nothing(race: Race) -> bool:
    """No attempt where one had to come. A single retry's is not excused by the status of a batch (ruling 17)."""
    if not race.closed or any(g.most for g in race.gains.values()) or not _left(race):
        return False
    if all(c.single for c in race.of("accepted")):
        return True
    return not _shows_partial(race)


def _shows_partial(race: Race) -> bool:
    """True if the batch's status from the race on may excuse what was left out, or is not shown once all is settled."""
    final = [status for r, status in race.statuses if follows(race.case, r, race.settled + race.case.status_lag)]
    return not final or any(status == ENQUEUING_FAILED for _, status in race.statuses)


def _attempted_alone(inference: Inference) -> bool:
    """True if some accepted batch retry without a rival was seen to give an attempt, and none was seen to give none."""
    shown = False
    for retry in inference.retries:
        if not retry.accepted or retry.n in inference.raced:
            continue
        gains = []
        for message in retry.batch.messages:
            for view in retry.case.views(message):
                before = [r for r in view if r.last <= retry.call.t]
                after = [r for r in view if follows(retry.case, r, retry.call.last) and r.last <= retry.until]
                grown = gain(before[-1], after[-1]) if before and after else None
                if grown is not None:
                    gains.append(grown)
                    break
        if gains and not any(gains):
            return False
        shown = shown or any(gains)
    return shown


@rule(
    _UNDONE,
    whole_run,
    violation="the target leaves messages in progress for ever when a retry of them loses against another",
    expected=("every message that the winner reset becomes success or failure",),
    legal_if="messages sent later to the same recipients had stood still as well",
    subject="race: winner's message stuck",
    also=("BR-CON-03",),
)
def left_stuck(inference: Inference) -> Iterator[Judgement]:
    """The winner's messages stand still for ever, in two batches, while retries that had no rival completed.

    That a message stands still is told as for BR-LIV-01. Where retries without a rival get stuck as well, it is that requirement's.
    """
    case = inference.case
    for requirement in (_UNDONE, "BR-CON-03"):
        stuck: dict[str, tuple[Race, Stuck]] = {}
        for race in races(inference):
            concerned = decided(race) and names(race, _UNDONE)[-1:] == (requirement,)
            for message in race.batch.messages if concerned else ():
                found = stands(case, race.batch, message, race.batch.resetting(message))
                if found is not None and found.call.n in race.numbers:
                    stuck.setdefault(race.batch.id, (race, found))
        if len(stuck) > 1 and _complete_alone(inference):
            yield _stuck(case.header.settle_timeout, list(stuck.values()))
        elif stuck:
            race, one = next(iter(stuck.values()))
            text = f"{story(race)}; a message that the winner reset stands still in {one.last.status}"
            yield InDoubt(
                reason=DoubtReason.STUCK_ONCE,
                text=text,
                evidence=(*race.numbers, one.first.n, one.last.n),
                requirement=requirement,
            )


def _stuck(settle: float, stuck: Sequence[tuple[Race, Stuck]]) -> Violated:
    return Violated(
        proof=all_of(*(s.proof for _, s in stuck))
        & Proof(
            because=(
                *(story(race) for race, _ in stuck),
                f"no move for {settle:g} s, in {len(stuck)} batches; retries without a rival completed",
            ),
            evidence=tuple(n for race, _ in stuck for n in race.numbers),
        ),
        observed=", ".join(sorted({str(s.last.status) for _, s in stuck})),
        any_of=tuple(dict.fromkeys(name for race, _ in stuck for name in names(race, _UNDONE))),
        scenario=stuck[0][0].calls[0].scenario,
    )


def _complete_alone(inference: Inference) -> bool:
    """True if a message became terminal by a retry without a rival, and none stands still by such a one."""
    done = False
    for batch in inference.case.ours:
        for message in batch.messages:
            resets = batch.resetting(message)
            if resets and resets[0].n not in inference.raced:
                done = done or ended(inference.case, message, resets[0]) is not None
            found = stands(inference.case, batch, message, resets)
            if found is not None and found.call.n not in inference.raced:
                return False
    return done


RULES = (taken_back, came_to_nothing, left_out, left_stuck)
