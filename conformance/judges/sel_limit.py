"""BR-SEL-04: how often a message is retried."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conformance.findings import Exercise, Finding, Observation, Opinion
from conformance.judges.acc import refused
from conformance.judges.case import Batch, Case, Write
from conformance.judges.intervals import NO_FAILED_CODE, NOT_RETRYABLE_CODE, TOO_MANY_CODE
from conformance.judges.quiet import quiet
from conformance.judges.timeline import acts_on, base, failed_at, gain, overlapping, retried


@dataclass(frozen=True)
class _Shown:
    """What shows a reading of the limit: after how many retries, and by which exchanges."""

    retries: int
    evidence: tuple[int, ...]


def limit(case: Case) -> Iterator[Opinion]:
    """BR-SEL-04, over the whole run: 2 and 3 retries pass, 1, 4 and more fail, and so do 2 and 3 in one run (ruling 3).

    How often a message was retried is bounded from both sides: from below by what a count gained (A4), from above by
    the retries that were accepted or lost and what the counts show of them (A6).
    """
    refusals: list[_Shown] = []
    rounds: list[_Shown] = []
    for batch in case.ours:
        for message in batch.messages:
            most = _most(case, batch, message)
            if most is None:
                continue
            if most.retries >= 4:
                yield _too_often(batch, most)
            elif most.retries == 3:
                rounds.append(most)
        for write in batch.writes:
            if write.valid and write.standing != "unsent" and not overlapping(batch, write):
                yield from (
                    _batch(case, batch, write, refusals)
                    if write.message is None
                    else _single(case, batch, write, refusals)
                )
    yield from _one_reading(refusals, rounds)


def _most(case: Case, batch: Batch, message: str) -> _Shown | None:
    """The largest number of retries that reads show; only as many as retries of ours explain (else BR-SEL-07)."""
    found: _Shown | None = None
    for sight in case.sights(message):
        first = base(batch, message, sight, case)
        gained = gain(first, sight) if first is not None else None
        acts = [w for w in acts_on(batch, message) if w.t <= sight.last]
        if first is None or gained is None or gained > len(acts) or gained < 1:
            continue
        if found is None or gained > found.retries:
            found = _Shown(gained, (first.n, *(w.n for w in acts), sight.n))
    return found


def _too_often(batch: Batch, most: _Shown) -> Finding:
    return Finding(
        any_of=("BR-SEL-04",),
        summary=f"the target retries one message {most.retries} times",
        argument=(
            f"reads {most.evidence[0]} and {most.evidence[-1]} show {most.retries} attempts more, one for each retry",
            "a message may be retried 3 times at most, batch and single retries together",
        ),
        expected=("no new attempt after the third retry", "no new attempt after the second (the stricter reading)"),
        observed=f"{most.retries} retries",
        evidence=most.evidence,
        axioms=("A4", "A6", "A7"),
        counterfactual="would be legal if the message had been retried 3 times",
        scenario=batch.scenario,
        subject="more than three retries of a message",
    )


def _batch(case: Case, batch: Batch, write: Write, refusals: list[_Shown]) -> Iterator[Opinion]:
    """A batch retry of a quiet batch whose failed messages have all been retried."""
    state = quiet(case, batch, write)
    if isinstance(state, str) or not state.failed:
        return
    bounds = [retried(case, batch, m, write) for m in state.failed]
    lowest, highest = min(b[0] for b in bounds), min(b[1] for b in bounds)
    evidence = (*state.evidence, write.n)
    if write.standing == "accepted" and lowest >= 3:
        yield _finding(
            write, evidence, "accepts a retry of a batch whose failed messages are all spent", "201 when spent"
        )
    if not refused(write):
        return
    if lowest < 2:
        if lowest == 1 and highest == 1 and write.code in (NO_FAILED_CODE, TOO_MANY_CODE):
            what = "refuses a message as spent after one retry"
            yield _finding(write, evidence, what, "spent after one retry", seen=state.status is not None)
        return
    allowed = {NO_FAILED_CODE} if state.status is not None else {NO_FAILED_CODE, NOT_RETRYABLE_CODE}
    if write.status != 400 or write.code not in allowed:
        what = "refuses a spent batch with another answer than documented"
        yield _finding(write, evidence, what, "spent: other code", seen=state.status is not None)
    elif write.code == NO_FAILED_CODE:
        yield Exercise(requirement="BR-SEL-04", evidence=evidence, facet="batch")
        refusals.append(_Shown(highest, evidence))


def _single(case: Case, batch: Batch, write: Write, refusals: list[_Shown]) -> Iterator[Opinion]:
    """A single retry of a failed message that has been retried."""
    if write.message is None or write.code != TOO_MANY_CODE or not refused(write):
        return
    proof = failed_at(case, batch, write.message, write)
    low, high = retried(case, batch, write.message, write)
    if proof is None:
        return
    evidence = (proof.sight.n, write.n)
    if high <= 1:
        yield _finding(write, evidence, f"refuses a message as spent after {high} retries", "spent after one retry")
    elif low >= 2:
        yield Exercise(requirement="BR-SEL-04", evidence=evidence, facet="single")
        refusals.append(_Shown(high, evidence))


def _finding(write: Write, evidence: tuple[int, ...], what: str, subject: str, *, seen: bool = True) -> Finding:
    """``seen``: the batch's status was; where not, it may still be processed, and the code be wrong for that."""
    answer = f"{write.status} {write.code or ''}".rstrip()
    return Finding(
        any_of=("BR-SEL-04",) if seen else ("BR-SEL-04", "BR-ERR-01"),
        summary=f"the target {what}",
        argument=(
            "reads before the retry show what is failed, with all earlier retries done, and how many there were",
            f"exchange {write.n} is answered {answer}",
        ),
        expected=("400 no_failed_batch_messages_to_retry once every failed message was retried 3 times (or 2)",),
        observed=answer,
        evidence=evidence,
        axioms=("A2", "A3", "A4", "A6", "A7"),
        counterfactual="would be legal if the limit were 2 or 3 retries and the documented code came after it",
        scenario=write.exchange.invoke.scenario,
        subject=subject,
    )


def _one_reading(refusals: list[_Shown], rounds: list[_Shown]) -> Iterator[Opinion]:
    """One limit in one run, whichever it is."""
    if refusals:
        least = min(refusals, key=lambda s: s.retries)
        yield Observation(key="retry-limit", value=least.retries, evidence=least.evidence)
        if least.retries == 2 and rounds:
            yield Finding(
                any_of=("BR-SEL-04",),
                summary="the target retries one message three times and refuses another after two",
                argument=(
                    f"exchange {least.evidence[-1]} refuses a failed message as spent that was retried twice",
                    f"reads {rounds[0].evidence[0]} and {rounds[0].evidence[-1]} show another retried three times",
                    "either limit is a legal reading, both in one run are not",
                ),
                expected=("one limit for all messages, 2 or 3",),
                observed="both",
                evidence=(*least.evidence, *rounds[0].evidence),
                axioms=("A2", "A3", "A4", "A6", "A7"),
                counterfactual="would be legal if both had been retried equally often",
                subject="two limits in one run",
            )
