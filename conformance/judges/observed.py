"""Observations: which of several legal readings the target follows (rulings 4, 5, 6, 18), or what no page rules. No judgement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from conformance.contract.vocabulary import IN_PROGRESS, TERMINAL, error_code, seconds
from conformance.history.records import PREFLIGHT, STATE_NOTE
from conformance.judges.inference.case import Case
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.retry import Retry
from conformance.judges.inference.timeline import around, comparable, same_attempt
from conformance.judges.rule import Observed, rule, whole_run
from conformance.links import links

_KNOWN = TERMINAL | IN_PROGRESS


@rule("", whole_run)
def observations(inference: Inference) -> Iterator[Observed]:
    """One observation for each key and value, where it is first seen."""
    seen: set[tuple[str, object]] = set()
    for one in _all(inference):
        if (one.key, one.value) not in seen:
            seen.add((one.key, one.value))
            yield one


def _all(inference: Inference) -> Iterator[Observed]:
    case = inference.case
    for retry in inference.retries:
        yield from _in_progress(retry)
        shown = next(iter(retry.statuses_after()), None) if retry.accepted else None
        if shown is not None:
            yield Observed(key="status-after-retry", value=shown[1], evidence=(retry.n, shown[0].n))
    yield from _second_key(case)
    yield from _provider_states(case)
    yield from _late_corrections(case)
    yield from _broken_links(case)
    lag = case.lags.largest
    if case.header.read_lag is None and lag is not None:
        yield Observed(key="read-lag", value=f"{seconds(lag.seconds)} at least, in {lag.view}", evidence=(lag.n,))
    for reading in case.shown:
        if reading.status is not None and reading.status not in _KNOWN:
            yield Observed(key="unknown-message-status", value=reading.status, evidence=(reading.n,))
        if reading.attempts is None or reading.number is None or len(reading.attempts) == reading.number:
            continue
        # More than its number: it may count retries only; that it does not keep up with its own list looks the same.
        more = len(reading.attempts) > reading.number
        key = "attempts-beyond-their-number" if more else "attempts-abbreviated"
        yield Observed(key=key, value=reading.view, evidence=(reading.n,))


def _in_progress(retry: Retry) -> Iterator[Observed]:
    """Ruling 4: what becomes of a retry beside messages that are in progress."""
    if not (retry.accepted or retry.refused) or not retry.failed:
        return
    for message in retry.batch.messages:
        for before, after in around(retry.case, message, retry.call):
            still = before.in_progress and after.in_progress and comparable(before, after)
            if before.status != "created" and still and same_attempt(retry.case, before, after) is not None:
                value = "accepted" if retry.accepted else retry.answer
                yield Observed(key="retry-beside-in-progress", value=value, evidence=(before.n, retry.n, after.n))
                return


def _second_key(case: Case) -> Iterator[Observed]:
    """What came of a read and a retry with another key of the campaign (``target.second_api_key``)."""
    for operation, what in (("batch_list", "read"), ("batch_retry", "retry")):
        for e in case.exchanges:
            if e.invoke.auth == "second" and e.invoke.operation == operation:
                said = f"{e.status or 'no answer'} {error_code(e.end.body) or ''}".rstrip()
                yield Observed(key=f"second-key-{what}", value=f"answered {said}", evidence=(e.n,))


def _provider_states(case: Case) -> Iterator[Observed]:
    """Which states the vendor was asked to set up, and which of them did not come about. Notes have no exchange to cite."""
    for note in case.history.notes:
        if note.event == STATE_NOTE and note.data.get("action") == "setup":
            came = f"did not come about: {note.text}" if note.text else "was set up; what is found there rests on A8"
            yield Observed(key="provider-state", value=f"{note.data.get('state')} {came}", evidence=())


def _late_corrections(case: Case) -> Iterator[Observed]:
    """Ruling 18: one outcome, then another, in one attempt."""
    for batch in case.ours:
        for message in batch.messages:
            for view in case.views(message):
                for a, b in pairwise([r for r in view if r.terminal]):
                    if a.status != b.status and comparable(a, b) and same_attempt(case, a, b) is not None:
                        yield Observed(key="late-correction", value=f"{a.status} to {b.status}", evidence=(a.n, b.n))


def _broken_links(case: Case) -> Iterator[Observed]:
    """An answer lacks what a link of the document needs, as an empty page rightly does."""
    for exchange in case.exchanges:
        invoke, body = exchange.invoke, exchange.end.body
        empty = isinstance(body, Mapping) and body.get("data") == []
        if not exchange.accepted or invoke.cause is not None or invoke.driver == PREFLIGHT or empty:
            continue
        path = {"campaignId": invoke.campaign, "batchId": invoke.batch, "messageId": invoke.message}
        for link in links(invoke.operation, exchange.status or 0, path, body):
            if link.parameters is None:
                value = f"{invoke.operation} {link.name}"
                yield Observed(key="link-leads-nowhere", value=value, evidence=(exchange.n,))


RULES = (observations,)
