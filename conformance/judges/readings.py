"""Observations: which of several legal readings the target follows (rulings 4, 5, 6, 18). Judges nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from conformance.findings import Observation
from conformance.history.records import PREFLIGHT
from conformance.judges.case import Batch, Case, Write
from conformance.judges.intervals import TERMINAL, UNDERWAY, seconds
from conformance.judges.timeline import around, comparable, failed_at, follows, same_attempt, views
from conformance.links import links

REQUIREMENTS: tuple[str, ...] = ()

_KNOWN = TERMINAL | UNDERWAY


def judge(case: Case) -> Iterator[Observation]:
    """One observation for each key and value, at its first sight."""
    seen: set[tuple[str, object]] = set()
    for observation in _all(case):
        if (observation.key, observation.value) not in seen:
            seen.add((observation.key, observation.value))
            yield observation


def _all(case: Case) -> Iterator[Observation]:
    for batch in case.ours:
        for write in batch.retries:
            yield from _underway(case, batch, write)
            yield from _status_after(case, batch, write)
        yield from _late_corrections(case, batch)
    yield from _broken_links(case)
    if case.header.read_lag is None and case.shown_lag is not None:
        lag, sight = case.shown_lag
        yield Observation(key="read-lag", value=f"{seconds(lag)} at least, in {sight.operation}", evidence=(sight.n,))
    for sight in case.all_sights:
        if sight.status is not None and sight.status not in _KNOWN:
            yield Observation(key="unknown-message-status", value=sight.status, evidence=(sight.n,))
        if sight.abbreviated:
            yield Observation(key="attempts-abbreviated", value=sight.operation, evidence=(sight.n,))
        if sight.attempts is not None and sight.number is not None and len(sight.attempts) > sight.number:
            # It may count retries only; that it does not keep up with its own list looks the same.
            yield Observation(key="attempts-beyond-their-number", value=sight.operation, evidence=(sight.n,))


def _underway(case: Case, batch: Batch, write: Write) -> Iterator[Observation]:
    """Ruling 4: what becomes of a retry beside messages that are underway."""
    if write.standing not in ("accepted", "refused"):
        return
    if not any(failed_at(case, batch, m, write) for m in batch.messages):
        return
    for message in batch.messages:
        for before, after in around(case, message, write):
            still = before.underway and after.underway and comparable(before, after) and same_attempt(before, after)
            if before.status != "created" and still:
                value = "accepted" if write.standing == "accepted" else f"{write.status} {write.code or ''}".rstrip()
                yield Observation(key="retry-beside-underway", value=value, evidence=(before.n, write.n, after.n))
                return


def _status_after(case: Case, batch: Batch, write: Write) -> Iterator[Observation]:
    """Ruling 5: the batch's status after an accepted retry, in the first read that shows it."""
    if write.standing != "accepted":
        return
    following = min((w.t for w in batch.writes if w.t > write.t and w.standing != "unsent"), default=float("inf"))
    for sight, status in case.status_sights(batch):
        if follows(case, sight, write.last) and sight.last <= following:
            yield Observation(key="status-after-retry", value=status, evidence=(write.n, sight.n))
            return


def _late_corrections(case: Case, batch: Batch) -> Iterator[Observation]:
    """Ruling 18: one outcome, then another, in one attempt."""
    for message in batch.messages:
        for view in views(case.sights(message)):
            ended = [s for s in view if s.terminal]
            for a, b in pairwise(ended):
                if a.status != b.status and comparable(a, b) and same_attempt(a, b):
                    yield Observation(key="late-correction", value=f"{a.status} to {b.status}", evidence=(a.n, b.n))


def _broken_links(case: Case) -> Iterator[Observation]:
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
                yield Observation(key="link-leads-nowhere", value=value, evidence=(exchange.n,))
