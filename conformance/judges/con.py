"""Judge of family CON: retries that overlap, of a batch against each other and against single retries."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.findings import Doubt, Exercise, Opinion
from conformance.judges.case import Case
from conformance.judges.con_attempts import ownership, too_many, twice
from conformance.judges.con_undone import came_to_nothing, left_stuck, undone
from conformance.judges.intervals import ENQUEUING_FAILED, seconds
from conformance.judges.quiet import quiet
from conformance.judges.races import Race, races
from conformance.judges.timeline import retried

REQUIREMENTS = ("BR-CON-01", "BR-CON-02", "BR-CON-03")

#: Races on quiet batches without which a requirement does not pass (the contract's last column).
ENOUGH = 3
#: Seconds between the first release and the last, below which requests count as simultaneous. It only keeps out what
#: was no race at all; what window a run covers, its report says by the skew itself.
SMALL = 0.05


def judge(case: Case) -> Iterator[Opinion]:
    """BR-CON-01 to BR-CON-03, for the batches of this run (A6).

    A race with a 429 does not count (ruling 10): what that answer may have done is BR-ERR-06.
    """
    every = tuple(race for batch in case.ours for race in races(case, batch))
    counted = tuple(race for race in every if not race.of("dropped"))
    opinions: list[Opinion] = []
    for race in counted:
        opinions += (*twice(race), *too_many(race), *undone(race))
    opinions += (*ownership(case, counted), *came_to_nothing(case, counted), *left_stuck(case, counted))
    yield from opinions
    open_to_doubt = {o.requirement for o in opinions if isinstance(o, Doubt)}
    for requirement in REQUIREMENTS:
        concerned = [race for race in every if requirement in _about(race)]
        if requirement not in open_to_doubt:
            yield from _exercises(case, requirement, concerned)


def _about(race: Race) -> tuple[str, ...]:
    """What a race may exercise."""
    pair = ("BR-CON-01", "BR-CON-02") if len(race.retries) > 1 else ()
    return (*pair, *(("BR-CON-03",) if race.singles else ()))


def _exercises(case: Case, requirement: str, concerned: list[Race]) -> Iterator[Opinion]:
    """Exercised by three races or more; by fewer, the first reason why one did not count is a doubt."""
    reasons = {race: _reason(case, requirement, race) for race in concerned}
    good = [race for race, reason in reasons.items() if reason is None]
    if len(good) >= ENOUGH:
        for race in good:
            yield Exercise(requirement=requirement, evidence=race.numbers)
    elif concerned:
        bad = [(race, reason) for race, reason in reasons.items() if reason is not None]
        race, (code, text) = bad[0] if bad else (good[0], ("too-few-races", ""))
        yield Doubt(
            requirement=requirement,
            code=code,
            text=f"{len(good)} of {len(concerned)} races count, {ENOUGH} are needed" + (f"; {text}" if text else ""),
            needs=("more races: --depth deep", "a target and a way to it that answer steadily"),
            evidence=race.numbers,
        )


def _reason(case: Case, requirement: str, race: Race) -> tuple[str, str] | None:
    """Why a race does not exercise the requirement: reason code and text; None if it does.

    The batch was quiet before, with a failed message that may be retried; all answers are whole; the releases lie close
    together; one retry won, and the attempts that it owns were seen; for BR-CON-02 one lost as well, and the winner's
    attempts were seen to end. So each finding of this family could have come of it.
    """
    first = min(race.writes, key=lambda w: (w.t, w.n))
    names = " and ".join(f"{n}" for n in race.numbers)
    if race.of("dropped"):
        return "answered-429", f"one of {names} was answered 429"
    if race.of("open"):
        return "answer-lost", f"an answer to {names} was lost"
    state = quiet(case, race.batch, first, beside=frozenset(race.numbers))
    if isinstance(state, str):
        return state, f"that the batch was quiet before {names} is not proved: {state}"
    if not any(retried(case, race.batch, m, first)[1] < 2 for m in state.failed):
        return "nothing-to-retry", f"no failed message was surely to be retried by {names}"
    if race.skew >= SMALL:
        return "released-apart", f"{names} were released {seconds(race.skew)} apart"
    if not race.of("accepted"):
        return "no-winner", f"none of {names} was accepted"
    if not race.owned:
        shown = any(status == ENQUEUING_FAILED for _, status in race.statuses)
        return "partial-enqueue" if shown else "not-settled", f"the attempts of {names} were not all seen"
    if requirement == "BR-CON-02" and not race.of("refused"):
        return "no-loser", f"all of {names} were accepted, one after the other: nothing lost"
    if requirement != "BR-CON-01" and not all(_completed(race, message) for message in race.gains):
        return "messages-underway", f"the attempts of {names} were not seen to end"
    return None


def _completed(race: Race, message: str) -> bool:
    """Whether the message was seen terminal in the newest attempt that the race gave it; or it got none."""
    gained = race.gains[message]
    return gained.most == 0 or any(s.terminal for s, number in gained.seen if number == gained.most)
