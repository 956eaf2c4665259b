"""BR-SEL-06 and BR-SEL-10: batches with nothing to retry, and what lies outside a batch."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.contract.vocabulary import NO_FAILED_CODE, NOT_RETRYABLE_CODE, UNRESOLVED_CODE
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.inference import retries
from conformance.judges.inference.not_failed import not_failed
from conformance.judges.inference.proof import Proof, all_of, assume
from conformance.judges.inference.quiescence import Quiescent
from conformance.judges.inference.retry import Retry
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.timeline import begun, effect_until, follows, read_after, same_attempt
from conformance.judges.rule import Exercised, Judgement, Violated, rule

WORD = f"400 {NO_FAILED_CODE}"


@rule(
    "BR-SEL-06",
    retries,
    expected=(WORD, "any answer outside 2xx"),
    legal_if="one message had been failed",
    subject="nothing failed",
)
def nothing_failed_is_not_accepted(retry: Retry) -> Iterator[Judgement]:
    """A batch without a failed message is not accepted; if it wholly succeeded, the code is documented.

    Proved message by message: each was a success, or in progress in one attempt, when the retry was decided.
    """
    if retry.accepted and not retry.overlapped and retry.batch.whole:
        proofs = [not_failed(retry.case, retry.batch, m, retry.call) for m in retry.batch.messages]
        known = [p for p in proofs if p is not None]
        if known and len(known) == len(proofs):
            yield Violated(
                proof=all_of(*known) & retry.answered("had to be refused, as no message was failed"),
                violation="the target accepts a retry of a batch in which no message is failed",
                observed=retry.answer,
                any_of=retry.accused("BR-SEL-06"),
                defect="2xx",
                scenario=retry.scenario,
            )
    state = retry.quiescent
    if not retry.refused or retry.call.repeated or not isinstance(state, Quiescent) or state.failed:
        return
    if retry.stray is not None:
        return
    allowed = {NO_FAILED_CODE} if state.status is not None else {NO_FAILED_CODE, NOT_RETRYABLE_CODE, UNRESOLVED_CODE}
    if retry.call.status == 400 and retry.call.code in allowed:
        if retry.call.code == NO_FAILED_CODE:
            yield Exercised(proof=state.proof & Proof(evidence=(retry.n,)))
        return
    yield Violated(
        proof=state.proof
        & state.stays
        & retry.answered(f"had to be refused with {WORD}, as every message was a success"),
        violation="the target refuses to retry a batch that wholly succeeded, but with another answer than documented",
        observed=retry.answer,
        # Where the status is not visible the batch may still be processed, and the code be wrong for that.
        any_of=("BR-SEL-06",) if state.status is not None else ("BR-SEL-06", "BR-ERR-01"),
        expected=tuple(f"400 {code}" for code in sorted(allowed)),
        legal_if=f"the answer were {WORD}",
        defect=retry.answer,
        scenario=retry.scenario,
    )


@rule(
    "BR-SEL-10",
    retries,
    violation="the target refuses to retry a quiescent batch while a message elsewhere is created",
    expected=("201 with an empty body",),
    legal_if="the created message were of this batch",
    subject="blocked by a message elsewhere",
)
def nothing_elsewhere_decides(retry: Retry) -> Iterator[Judgement]:
    """A quiescent batch with a failed message that may be retried is accepted, whatever other batches and messages do.

    Where it is refused while a message elsewhere is provably ``created``, one of BR-SEL-10 and BR-ACC-02 is broken.
    """
    if retry.must_accept is None or not isinstance(retry.quiescent, Quiescent):
        return
    elsewhere = _created_elsewhere(retry)
    if elsewhere is None:
        return
    if retry.accepted:
        yield Exercised(proof=retry.must_accept & elsewhere & Proof(evidence=(retry.n,)))
    elif retry.refused and not retry.call.repeated and retry.quiescent.status is not None and retry.stray is None:
        yield Violated(
            proof=retry.must_accept & elsewhere & retry.answered("had to be accepted"),
            observed=retry.answer,
            any_of=("BR-SEL-10", "BR-ACC-02"),
            defect=retry.answer,
            scenario=retry.scenario,
        )


def _created_elsewhere(retry: Retry) -> Proof | None:
    """A message of another batch, or sent singly, that was ``created`` when the retry was decided."""
    for other in retry.case.groups:
        if other.id == retry.batch.id or other.send is None or other.send.last > retry.call.t:
            continue
        for message in other.messages:
            found = _created(retry.case, other, message, retry.call)
            if found is not None:
                return found
    return None


def _created(case: Case, other: Batch, message: str, call: RetryCall) -> Proof | None:
    """That a read begun after the answer shows it ``created``, in an attempt that had begun before the call left (A1).

    It was made before; and either it was never retried, or a read from before shows the same attempt, or ``created`` with no retry
    between that may have reset it.
    """
    seen = case.readings(message)
    resets = other.resetting(message)
    for after in seen:
        if after.status != "created" or not follows(case, after, call.last):
            continue
        shows = "begins after the retry's answer and shows a message elsewhere in created"
        stays = (*assume("A1", message), *assume("A6", other.id))
        if not any(c.t <= after.last for c in resets):
            return read_after(after, call.last, shows, *stays)
        for before in seen:
            if before.last > call.t or before.status != "created":
                continue
            same = same_attempt(case, before, after)
            alone = not any(c.t <= after.last and effect_until(case, c) >= begun(case, before) for c in resets)
            if same is not None or alone:
                return Proof(evidence=(before.n,)) & read_after(after, call.last, shows, *stays, *(same or ()))
    return None


RULES = (nothing_failed_is_not_accepted, nothing_elsewhere_decides)
