"""CON-01, and the same for CON-03: every accepted retry of a race owns an attempt that no other owns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from conformance.contract.vocabulary import ENQUEUING_FAILED, IN_PROGRESS, TERMINAL
from conformance.findings import DoubtReason
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.proof import Proof, all_of, assume
from conformance.judges.inference.races import Race, gained_by_view
from conformance.judges.inference.readings import Attempt
from conformance.judges.inference.timeline import follows, gain
from conformance.judges.rule import InDoubt, Judgement, Violated, rule, whole_run

#: Races in which accepted retries own no attempt that exclude partial enqueue (ruling 25).
ENOUGH = 3


def races(inference: Inference) -> tuple[Race, ...]:
    """The subjects of a rule that looks at each race: those without a 429."""
    return tuple(race for race in inference.races if not race.of("throttled"))


def names(race: Race, alone: str = "BR-CON-01") -> tuple[str, ...]:
    """Of which requirements at least one is broken where the members of this race get in each other's way."""
    return (*((alone,) if len(race.retries) > 1 else ()), *(("BR-CON-03",) if race.singles else ()))


def story(race: Race) -> str:
    """The race in a line."""
    answers = ", ".join(f"{c.n} is answered {c.said}" for c in race.calls)
    return f"retries {' and '.join(map(str, race.numbers))} are in flight together: {answers}"


@rule(
    "BR-CON-01",
    races,
    violation="the target gives a message two attempts at once when it is retried twice at once",
    expected=("one of the retries is refused", "its attempt begins when the other's is terminal"),
    legal_if="all but one of the attempts had been terminal",
    subject="race: two attempts in progress",
    also=("BR-CON-03",),
    first_only=True,
)
def two_at_once(race: Race) -> Iterator[Judgement]:
    """One answer shows two attempts in progress that the race began.

    One answer is one instant (A3). Before the race every attempt was terminal; no other client writes (A6): both attempts are the
    race's. A retry resets failed messages only, so that while one attempt is in progress no other is to be had.
    """
    for message in race.batch.messages:
        resets = [c for c in race.calls if c.may_reset and c.reaches(message)]
        if len(resets) < 2:
            continue
        # Each view is looked at: the one that counts most may have been read when both had ended.
        shown = [
            (gained, reading, number)
            for gained in gained_by_view(race, message)
            if not gained.before.abbreviated and _ended(gained.before.attempts)
            for reading, number in gained.seen
        ]
        for gained, reading, number in shown:
            in_progress = [a for a in reading.attempts or () if a.status in IN_PROGRESS]
            if number >= 2 and len(in_progress) >= 2:
                statuses = ", ".join(str(a.status) for a in in_progress)
                yield Violated(
                    proof=gained.proof
                    & Proof(
                        because=(
                            f"read {gained.before.n} shows all attempts of the message terminal",
                            story(race),
                            f"answer {reading.n} shows {number} more, and {len(in_progress)} of them in progress: {statuses}",
                            "a message that is in progress cannot be retried: there was one attempt for both",
                        ),
                        evidence=(gained.before.n, *race.numbers, reading.n),
                        assumptions=frozenset((*assume("A3"), *assume("A2a", message))),
                    ),
                    observed=f"{len(in_progress)} attempts in progress",
                    any_of=names(race),
                    scenario=race.calls[0].scenario,
                )
                return


def _ended(attempts: tuple[Attempt, ...] | None) -> bool:
    return bool(attempts) and all(a.status in TERMINAL for a in attempts or ())


@rule(
    "BR-CON-01",
    whole_run,
    violation="the target accepts retries that come at once, and gives fewer attempts than it accepts",
    expected=("an attempt of its own for each accepted retry", "one of the retries is refused"),
    legal_if="each accepted retry had given a message an attempt",
    subject="race: accepted without an attempt of its own",
    also=("BR-CON-03",),
)
def each_owns_one(inference: Inference) -> Iterator[Judgement]:
    """More retries of a race are accepted than attempts can be shared out among them (Hall's theorem, over all messages).

    Only one thing excuses that: enqueuing failed wholly for one of them (ruling 17), unseen. So it takes three races, a status that
    is visible and never ``messages_enqueuing_failed``, and no accepted retry of the run that was so excused (ruling 25, A9).
    """
    for requirement in ("BR-CON-01", "BR-CON-03"):
        mine = [r for r in races(inference) if names(r) and names(r)[-1] == requirement]
        lacking = [r for r in mine if len(r.of("accepted")) > 1 and not r.owned]
        judged = [(race, _open_to(race)) for race in lacking]
        proved = [race for race, reason in judged if reason is None]
        if len(proved) >= ENOUGH and not excused(inference):
            yield _unowned(requirement, proved)
            continue
        for race, reason in judged:
            if reason is DoubtReason.PARTIAL_ENQUEUE:
                continue
            text = f"{story(race)}; not all of them are seen to own an attempt"
            yield InDoubt(
                reason=reason or DoubtReason.RACED_ONCE, text=text, evidence=race.numbers, requirement=requirement
            )


def _open_to(race: Race) -> DoubtReason | None:
    """Why the missing attempts of a race prove nothing; None if they do."""
    if race.of("unknown"):
        return DoubtReason.ANSWER_LOST
    if any(status == ENQUEUING_FAILED for _, status in race.statuses):
        return DoubtReason.PARTIAL_ENQUEUE
    if not any(follows(race.case, reading, race.last) for reading, _ in race.statuses):
        return DoubtReason.STATUS_NOT_VISIBLE
    return None if race.closed else DoubtReason.NOT_SETTLED


def _unowned(requirement: str, proved: Sequence[Race]) -> Violated:
    race = proved[0]
    total = sum(g.most for g in race.gains.values())
    read = [(g.before.n, g.final.n) for g in race.gains.values() if g.final is not None]
    pairs = ", ".join(f"{before} and {final}" for before, final in read)
    return Violated(
        proof=all_of(*(g.proof for r in proved for g in r.gains.values()))
        & Proof(
            because=(
                story(race),
                f"reads {pairs}, before and after the settling time, show all new attempts: {total}. Of the answers 201, "
                f"{race.missing} at least own none",
                "no read from the race on shows the batch in messages_enqueuing_failed",
                f"the same in {len(proved)} races of the run; no other retry of it was seen to leave messages out",
            ),
            evidence=tuple(dict.fromkeys(n for numbers in (*(r.numbers for r in proved), *read) for n in numbers)),
            assumptions=frozenset(assume("A9")),
        ),
        observed=f"accepted: {len(race.of('accepted'))}, new attempts: {total}",
        any_of=names(race) if requirement in names(race) else (requirement,),
        defect="" if any(len(r.calls) == 2 for r in proved) else "of more than two",
        scenario=race.calls[0].scenario,
    )


def excused(inference: Inference) -> bool:
    """True if any accepted retry without a rival left a failed message out, with ``messages_enqueuing_failed`` shown after it.

    Wide on purpose: it takes the excuse of partial enqueue (ruling 17) for possible in the whole run.
    """
    for retry in inference.retries:
        if not retry.accepted or retry.n in inference.raced:
            continue
        if not any(status == ENQUEUING_FAILED for _, status in retry.statuses_after()):
            continue
        for message in retry.failed:
            for view in retry.case.views(message):
                before = [r for r in view if r.last <= retry.call.t]
                after = [r for r in view if follows(retry.case, r, retry.call.last) and r.last <= retry.until]
                if before and after and gain(before[-1], after[-1]) == 0:
                    return True
    return False


RULES = (two_at_once, each_owns_one)
