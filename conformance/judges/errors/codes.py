"""ERR-01 and -02: the code of a refusal, where its reason is known."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.contract.vocabulary import (
    NO_FAILED_CODE,
    NOT_RETRYABLE_CODE,
    RETRYABLE,
    UNRESOLVED_CODE,
    error_code,
)
from conformance.findings import DoubtReason
from conformance.history.probe import Probe
from conformance.history.records import Exchange
from conformance.judges.inference.inference import Inference, retries
from conformance.judges.inference.own_word import word
from conformance.judges.inference.processing import processing
from conformance.judges.inference.proof import Proof
from conformance.judges.inference.provider_state import held
from conformance.judges.inference.repetition import repeated_unknown
from conformance.judges.inference.retry import Retry
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.rule import Exercised, InDoubt, Judgement, Observed, Violated, rule, whole_run

#: Its messages may be created already, and none failed (ruling 13).
_PROCESSING_CODES = (NOT_RETRYABLE_CODE, UNRESOLVED_CODE, NO_FAILED_CODE)
_UNKNOWN = Probe("id", "unknown")


@rule(
    "BR-ERR-01",
    whole_run,
    violation="the target refuses a batch that it does not know, or still processes, with {observed}",
    expected=(f"400 {NOT_RETRYABLE_CODE}",),
    legal_if="the answer had the documented code",
    subject="not retryable",
    first_only=True,
)
def unknown_or_processing(inference: Inference) -> Iterator[Judgement]:
    """An id that this run made up is refused as not found, 404 passes (ruling 2); a batch in processing as not retryable.

    The batch is known to be processing by its vendor's word (A8), or by rows that are not made yet (A7).
    """
    own = repeated_unknown(inference.case.exchanges)
    for exchange in inference.case.exchanges:
        if exchange.invoke.operation == "batch_retry" and exchange.invoke.cause == str(_UNKNOWN):
            yield from _unknown(exchange, exchange.n in own)
    for one in held(inference.case):
        yield from _processing(one.call, one.proof)
    for retry in inference.retries:
        if retry.refused and (rows := processing(retry.case, retry.batch, retry.call)) is not None:
            yield from _processing(retry.call, rows)


def _unknown(exchange: Exchange, repeated: bool) -> Iterator[Judgement]:
    if not repeated and (word(exchange) != "target" or exchange.invoke.auth != "valid"):
        if word(exchange) in ("gateway", "credential"):
            text = f"the retry of an unknown batch, {exchange.n}, got no answer of the target's own ({exchange.status})"
            yield InDoubt(reason=DoubtReason.GATEWAY, text=text, evidence=(exchange.n,))
        return
    said = f"{exchange.status} {error_code(exchange.end.body) or ''}".rstrip()
    proof = Proof(
        because=(f"request {exchange.n} retries an id that this run made up and no batch has; it is answered {said}",),
        evidence=(exchange.n,),
    )
    if said == f"400 {NOT_RETRYABLE_CODE}" or exchange.status == 404:
        yield Observed(key="unknown-batch", value=said, evidence=(exchange.n,))
        yield Exercised(proof=proof)
        return
    yield Violated(
        proof=proof,
        observed=said,
        defect=f"unknown id, {said}",
        violation="the target answers the retry of an unknown batch with {observed}",
        expected=(f"400 {NOT_RETRYABLE_CODE}", "404"),
        scenario=exchange.invoke.scenario,
    )


def _broken(call: RetryCall) -> bool:
    """A 5xx that counts as a refusal: no code is judged besides (ruling 11)."""
    return (call.status or 0) >= 500


def _processing(call: RetryCall, known: Proof) -> Iterator[Judgement]:
    if not call.refused or not call.plain or _broken(call):
        if call.outcome == "throttled":
            text = f"the retry {call.n} of a batch in processing was answered 429"
            yield InDoubt(reason=DoubtReason.THROTTLED, text=text, evidence=(call.n,))
        return
    if call.status == 400 and call.code in _PROCESSING_CODES:
        if call.code == NOT_RETRYABLE_CODE:
            yield Exercised(proof=known)
        return
    yield Violated(
        proof=known & Proof(because=(f"retry {call.n} is refused with {call.said}",), evidence=(call.n,)),
        observed=call.said,
        defect=f"processing, {call.said}",
        expected=tuple(f"400 {code}" for code in _PROCESSING_CODES),
        scenario=call.scenario,
    )


_WRONGLY_BLOCKED = "the target refuses a retry that a created message blocks with {observed}"


@rule(
    "BR-ERR-02",
    retries,
    violation=_WRONGLY_BLOCKED,
    expected=(f"400 {UNRESOLVED_CODE}",),
    legal_if=f"the answer were 400 {UNRESOLVED_CODE}",
    subject="blocked",
    first_only=True,
    also=("BR-ERR-01",),
)
def blocked_code(retry: Retry) -> Iterator[Judgement]:
    """A retry blocked by a ``created`` message alone is refused with 400 and its code.

    The bracket proves the reason; the codes of every other reason that is possible within the interval pass too (ruling 13). Where
    the batch may have been in processing as well, a code that is none of them may be that of BR-ERR-01.
    """
    if not (retry.refused and retry.blockers) or _broken(retry.call):
        return
    allowed = (UNRESOLVED_CODE, *retry.other_codes)
    if retry.call.status == 400 and retry.call.code in allowed:
        if retry.call.code == UNRESOLVED_CODE:
            yield Exercised(proof=retry.blockers[0].proof)
        return
    processing = NOT_RETRYABLE_CODE in allowed and not _shown_retryable(retry)
    due = "is blocked, and the batch may be in processing" if processing else "is blocked, no other reason was possible"
    proof = retry.blockers[0].proof & retry.answered(due)
    if retry.retryable_before is not None:
        proof &= retry.retryable_before.proof
    for known in retry.retriable.values():
        proof &= known
        break
    yield Violated(
        proof=proof,
        observed=retry.answer,
        violation=_WRONGLY_BLOCKED if retry.call.code else f"{_WRONGLY_BLOCKED} without a code",
        defect=retry.answer,
        any_of=("BR-ERR-02", "BR-ERR-01") if processing else ("BR-ERR-02",),
        expected=tuple(f"400 {code}" for code in allowed),
        scenario=retry.scenario,
    )


def _shown_retryable(retry: Retry) -> bool:
    """True if the last reading before it and the first after it show the batch in a retryable status."""
    before = [status for r, status in retry.case.status_readings(retry.batch) if r.last <= retry.call.t]
    after = [status for _, status in retry.statuses_after()]
    return bool(before and after) and before[-1] in RETRYABLE and after[0] in RETRYABLE


RULES = (unknown_or_processing, blocked_code)
