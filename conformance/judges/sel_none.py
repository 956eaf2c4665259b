"""BR-SEL-06 and BR-SEL-10: batches with nothing to retry, and what lies outside a batch."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.findings import Exercise, Finding, Opinion
from conformance.judges.acc import refused
from conformance.judges.case import Batch, Case, Write
from conformance.judges.intervals import NO_FAILED_CODE, NOT_RETRYABLE_CODE
from conformance.judges.quiet import quiet
from conformance.judges.sightings import Sight
from conformance.judges.timeline import (
    acts_on,
    around,
    comparable,
    first_after,
    follows,
    overlapping,
    retried,
    same_attempt,
)


def nothing_to_retry(case: Case, batch: Batch) -> Iterator[Opinion]:
    """BR-SEL-06: a batch without a failed message is not accepted.

    Proved message by message: a success that was seen before the retry left is terminal (A2); a message that no
    earlier retry can have reset, and that a read begun after the answer shows underway in an attempt seen before,
    was not failed when the retry was decided (A1).
    """
    for write in batch.retries:
        if overlapping(batch, write) or not batch.whole:
            continue
        proofs = [_not_failed(case, batch, m, write) for m in batch.messages]
        if not all(proofs):
            continue
        numbers = tuple(sorted({n for p in proofs if p for n in p}))
        if write.standing == "accepted":
            yield Finding(
                any_of=("BR-SEL-06",),
                summary="the target accepts a retry of a batch in which no message is failed",
                argument=(
                    f"reads {numbers[0]} to {numbers[-1]} show that no message of the batch was failed when retry "
                    f"{write.n} was decided: success is terminal, and what is underway still was so before",
                    f"the retry had to be refused, and {write.status} came",
                ),
                expected=("400 no_failed_batch_messages_to_retry", "any answer outside 2xx"),
                observed=f"{write.status}",
                evidence=(*numbers, write.n),
                axioms=("A2", "A6", "A7")
                if all(len(p or ()) == 1 for p in proofs)
                else ("A1", "A2", "A3", "A4", "A6", "A7"),
                counterfactual="would be legal if one message had been failed",
                scenario=write.exchange.invoke.scenario,
                subject="2xx without a failed message",
            )
        elif refused(write):
            yield from _code(case, batch, write)


def _not_failed(case: Case, batch: Batch, message: str, write: Write) -> tuple[int, ...] | None:
    sights = case.sights(message)
    success = [s for s in sights if s.last <= write.t and s.status == "success"]
    if success:
        return (success[-1].n,)
    for after in sights:
        if not after.underway or not follows(case, after, write.last):
            continue
        for before in sights:
            if before.last <= write.t and comparable(before, after) and same_attempt(before, after) and before.underway:
                return before.n, after.n
    return None


def _code(case: Case, batch: Batch, write: Write) -> Iterator[Opinion]:
    """The refusal of a batch that wholly succeeded: 400 with the documented code, other possible reasons apart (13)."""
    state = quiet(case, batch, write)
    if isinstance(state, str) or state.failed:
        return
    allowed = {NO_FAILED_CODE} if state.status is not None else {NO_FAILED_CODE, NOT_RETRYABLE_CODE}
    if write.status == 400 and write.code in allowed:
        if write.code == NO_FAILED_CODE:
            yield Exercise(requirement="BR-SEL-06", evidence=(*state.evidence, write.n))
        return
    yield Finding(
        # Where the status is not visible the batch may still be processed, and the code be wrong for that.
        any_of=("BR-SEL-06",) if state.status is not None else ("BR-SEL-06", "BR-ERR-01"),
        summary="the target refuses to retry a batch that wholly succeeded, but with another answer than documented",
        argument=(
            f"reads {state.evidence[0]} to {state.evidence[-1]} show every message in success"
            + (f" and the batch in {state.status}" if state.status else ""),
            f"retry {write.n} is refused with {write.status} {write.code or 'and no code'}",
        ),
        expected=tuple(f"400 {code}" for code in sorted(allowed)),
        observed=f"{write.status} {write.code or ''}".rstrip(),
        evidence=(*state.evidence, write.n),
        # That earlier retries are done with is told by counts.
        axioms=("A2", "A3", "A4", "A6", "A7") if any(w.t < write.t for w in batch.acts) else ("A2", "A6", "A7"),
        counterfactual="would be legal if the answer were 400 no_failed_batch_messages_to_retry",
        scenario=write.exchange.invoke.scenario,
        subject=f"nothing failed: {write.status} {write.code or ''}".rstrip(),
    )


def outside(case: Case, batch: Batch) -> Iterator[Opinion]:
    """BR-SEL-10: nothing outside the batch decides.

    A quiet batch with a failed message that may be retried must be accepted (BR-ACC-02), whatever other batches do.
    Where one is refused while another batch provably has a ``created`` message (A1), one of the two is violated.
    """
    for write in batch.retries:
        state = quiet(case, batch, write)
        if isinstance(state, str) or not any(retried(case, batch, m, write)[1] < 2 for m in state.failed):
            continue
        elsewhere = _created_elsewhere(case, batch, write)
        if elsewhere is None:
            continue
        evidence = (*state.evidence, write.n, elsewhere.n)
        if write.standing == "accepted":
            yield Exercise(requirement="BR-SEL-10", evidence=evidence)
        elif refused(write) and state.status is not None:
            yield Finding(
                any_of=("BR-SEL-10", "BR-ACC-02"),
                summary="the target refuses to retry a quiet batch while another batch has a created message",
                argument=(
                    f"reads before retry {write.n} show the batch quiet in {state.status}, with failed messages",
                    f"read {elsewhere.n}, begun after its answer, shows a message of another batch in created",
                    f"201 had to come, and {write.status} {write.code or ''} came".rstrip(),
                ),
                expected=("201 with an empty body",),
                observed=f"{write.status} {write.code or ''}".rstrip(),
                evidence=evidence,
                axioms=("A1", "A2", "A6", "A7"),
                counterfactual="would be legal if the created message were of this batch",
                scenario=write.exchange.invoke.scenario,
                subject="blocked by a message of another batch",
            )


def _created_elsewhere(case: Case, batch: Batch, write: Write) -> Sight | None:
    """A message of another batch that was ``created`` when the retry was decided, by a read begun after its answer.

    Either it was never retried, and so is ``created`` since its send, which was answered before the retry left; or
    a read from before the retry shows the same attempt (A1).
    """
    for other in case.ours:
        if other.id == batch.id or other.send is None or other.send.last > write.t:
            continue
        for message in other.messages:
            sight = first_after(case, message, write.last)
            if sight is None or sight.status != "created":
                continue
            if not any(w.t <= sight.last for w in acts_on(other, message)):
                return sight
            for before, after in around(case, message, write):
                if after.status == "created" and comparable(before, after) and same_attempt(before, after):
                    return after
    return None
