"""Judge of family ERR: how a retry is refused, and that odd input and refusals do no harm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from conformance.findings import Exercise, Finding, Observation, Opinion
from conformance.history.records import Exchange
from conformance.judges import held
from conformance.judges.acc import partly_listed, refused
from conformance.judges.case import Batch, Case, Write
from conformance.judges.err_effects import effects
from conformance.judges.err_inputs import inputs
from conformance.judges.intervals import (
    NO_FAILED_CODE,
    NOT_RETRYABLE_CODE,
    RETRYABLE,
    TOO_MANY_CODE,
    UNRESOLVED_CODE,
    error_code,
)
from conformance.judges.leaks import leak
from conformance.judges.quiet import status_before, steady
from conformance.judges.timeline import Bracket, brackets, failed_at, retried

REQUIREMENTS = tuple(f"BR-ERR-0{n}" for n in range(1, 8))

_ENVELOPE = ("code", "message", "type", "id")
#: Causes that leave a request plain enough for the endpoint itself, not something in front of it, to refuse it.
_PLAIN = ("body:", "query:", "id:unknown")


def judge(case: Case) -> Iterator[Opinion]:
    """BR-ERR-01 to BR-ERR-07."""
    for exchange in case.exchanges:
        if exchange.invoke.operation == "batch_retry" and exchange.answered:
            yield from _unknown(exchange)
            yield from _envelope(exchange)
            yield from _leaks(exchange)
    for batch in case.ours:
        for write in batch.retries:
            yield from _processing(case, batch, write)
            yield from _blocked(case, batch, write)
        yield from effects(case, batch)
    yield from held.code(case)
    yield from inputs(case)


def _answer(exchange: Exchange) -> str:
    return f"{exchange.status} {error_code(exchange.end.body) or ''}".rstrip()


def _unknown(exchange: Exchange) -> Iterator[Opinion]:
    """BR-ERR-01: an id that this run made up is refused as not found; 404 passes (ruling 2).

    Read off the answer; a random id of the documented form names no batch. 429, 5xx and lost answers say nothing.
    """
    if exchange.invoke.cause != "id:unknown" or exchange.open or exchange.status == 429:
        return
    right = exchange.status == 400 and error_code(exchange.end.body) == NOT_RETRYABLE_CODE
    if right or exchange.status == 404:
        yield Observation(key="unknown-batch", value=_answer(exchange), evidence=(exchange.n,))
        yield Exercise(requirement="BR-ERR-01", evidence=(exchange.n,))
        return
    yield Finding(
        any_of=("BR-ERR-01",),
        summary=f"the target answers the retry of an unknown batch with {_answer(exchange)}",
        argument=(f"request {exchange.n} retries an id that this run made up and no batch has",),
        expected=(f"400 {NOT_RETRYABLE_CODE}", "404"),
        observed=_answer(exchange),
        evidence=(exchange.n,),
        counterfactual="would be legal if a batch had that id",
        scenario=exchange.invoke.scenario,
        subject=f"unknown batch: {_answer(exchange)}",
    )


def _processing(case: Case, batch: Batch, write: Write) -> Iterator[Opinion]:
    """BR-ERR-01: a batch that is still processing is refused as not retryable.

    Proved as for BR-ACC-01 by rows that are not listed yet (A7). Its messages may be created already, so the codes
    of the other reasons pass too (ruling 13).
    """
    partial = partly_listed(case, batch, write) if refused(write) else None
    if partial is None:
        return
    codes = (NOT_RETRYABLE_CODE, UNRESOLVED_CODE, NO_FAILED_CODE)
    evidence = (write.n, partial[1], partial[3])
    if write.status == 400 and write.code in codes:
        yield Exercise(requirement="BR-ERR-01", evidence=evidence)
        return
    said = f"{write.status} {write.code or 'without a code'}"
    yield Finding(
        any_of=("BR-ERR-01",),
        summary=f"the target refuses to retry a batch that it is still processing with {said}",
        argument=(
            f"listing {partial[1]}, begun after the answer to retry {write.n}, shows {partial[0]} of "
            f"{len(batch.rows)} rows; {partial[3]} shows them all: the batch was still being processed",
        ),
        expected=tuple(f"400 {code}" for code in codes),
        observed=said,
        evidence=evidence,
        axioms=("A7",),
        counterfactual="would be legal with one of these codes",
        scenario=write.exchange.invoke.scenario,
        subject=f"processing batch: {said}",
    )


def _blocked(case: Case, batch: Batch, write: Write) -> Iterator[Opinion]:
    """BR-ERR-02: a retry blocked by a ``created`` message alone is refused with 400 and its code.

    The bracket (A1, A7, and A4 or A5) proves the reason; the codes of every other reason that is possible within
    the interval pass too (ruling 13), as nobody else sets the batch's status (A6).
    """
    found = brackets(case, batch, write) if refused(write) else ()
    if not found:
        return
    allowed = (UNRESOLVED_CODE, *_other_reasons(case, batch, write))
    if write.status == 400 and write.code in allowed:
        if write.code == UNRESOLVED_CODE:
            yield Exercise(requirement="BR-ERR-02", evidence=found[0].evidence)
        return
    yield _wrong_code(write, found[0], allowed)


def _other_reasons(case: Case, batch: Batch, write: Write) -> Iterator[str]:
    shown = status_before(case, batch, write)
    if shown is None or shown[1] not in RETRYABLE or not steady(case, batch, shown[0]):
        # What a single retry does to the batch's status is not said.
        yield NOT_RETRYABLE_CODE
    proofs = [m for m in batch.messages if failed_at(case, batch, m, write) is not None]
    if not any(retried(case, batch, m, write)[1] < 2 for m in proofs):
        yield NO_FAILED_CODE
    if any(retried(case, batch, m, write)[1] >= 2 for m in batch.messages):
        yield TOO_MANY_CODE


def _wrong_code(write: Write, bracket: Bracket, allowed: tuple[str, ...]) -> Finding:
    said = f"{write.status} {write.code or 'without a code'}"
    return Finding(
        any_of=("BR-ERR-02",),
        summary=f"the target refuses a retry that a created message blocks with {said}",
        argument=(*bracket.argument, f"retry {write.n} is refused with {said}, and no other reason was possible"),
        expected=tuple(f"400 {code}" for code in allowed),
        observed=said,
        evidence=bracket.evidence,
        axioms=tuple(sorted({*bracket.axioms, "A6"})),
        slack=bracket.slack,
        counterfactual=f"would be legal if the answer were 400 {UNRESOLVED_CODE}",
        scenario=write.exchange.invoke.scenario,
        subject=f"blocked: {said}",
    )


def _envelope(exchange: Exchange) -> Iterator[Opinion]:
    """BR-ERR-03: a 400 is JSON, an object ``error`` with code, message, type and id.

    Read off the answer. Only requests that the endpoint itself has to refuse are judged: what is malformed, and what a
    generator drew, may be refused by something in front of it (ruling 8).
    """
    invoke = exchange.invoke
    cause = invoke.cause or ""
    plain = invoke.auth == "valid" and (not cause or (cause.startswith(_PLAIN) and ":generated:" not in cause))
    if exchange.status != 400 or not plain:
        return
    wrong = _wrong_with(exchange)
    if wrong is None:
        yield Exercise(requirement="BR-ERR-03", evidence=(exchange.n,))
        return
    yield Finding(
        any_of=("BR-ERR-03",),
        summary=f"the target refuses a retry with a 400 whose body {wrong}",
        argument=(f"request {exchange.n} is answered 400, and its body {wrong}",),
        expected=('{"error": {"code": …, "message": …, "type": …, "id": …}}, each a string',),
        observed=wrong,
        evidence=(exchange.n,),
        counterfactual="would be legal with the documented envelope",
        scenario=invoke.scenario,
        subject=f"400 whose body {wrong}",
    )


def _wrong_with(exchange: Exchange) -> str | None:
    if exchange.end.media != "json":
        return "is empty" if exchange.end.media == "none" else "is not JSON"
    body = exchange.end.body
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return "has no object `error`"
    missing = [name for name in _ENVELOPE if not isinstance(error.get(name), str)]
    return f"lacks error.{', error.'.join(missing)}" if missing else None


def _leaks(exchange: Exchange) -> Iterator[Opinion]:
    """BR-ERR-05: an error shows no stack trace, file path, SQL or secret. Read off the answer."""
    status = exchange.status or 0
    if status < 400:
        return
    found = leak(exchange.end.body)
    if found is None:
        if status < 500 and status != 429:
            yield Exercise(requirement="BR-ERR-05", evidence=(exchange.n,))
        return
    yield Finding(
        any_of=("BR-ERR-05",),
        summary=f"the target shows {found} in an error",
        argument=(f"answer {exchange.n} ({status}) holds {found}",),
        expected=("an error that says what is wrong with the request, and nothing of the server's inside",),
        observed=found,
        evidence=(exchange.n,),
        counterfactual="would be legal without it",
        scenario=exchange.invoke.scenario,
        subject=f"an error shows {found}",
    )
