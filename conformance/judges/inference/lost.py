"""Whether the target lost its data: then what is missing is laid to no retry, since a vanished control explains it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from conformance.history.records import Exchange
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.listings import query
from conformance.judges.inference.own_word import word


@dataclass(frozen=True)
class Lost:
    """The target lost its data: a batch that no retry touched is gone as well. ``since``: when it was shown last."""

    since: float
    evidence: tuple[int, ...]


def lost_data(case: Case) -> Lost | None:
    """When the target lost its data; None if no batch vanished without a retry.

    A control batch: no retry of it, accepted or of unknown outcome, ever left; or nothing at all is shown any more. What
    misses after it was shown for the last time may be missing for the same reason as the control.
    """
    found = []
    for batch in case.ours:
        gone = _vanished(case, batch)
        if gone and (not batch.resets or _all_gone(case, gone[0].last)):
            shown = [r.last for m in batch.messages for r in case.readings(m)]
            found.append(Lost(max(shown), (*(e.n for e in gone[:2]),)))
    return min(found, key=lambda lost: lost.since, default=None)


def _all_gone(case: Case, since: float) -> bool:
    """True if no message that was sent before is shown by a read begun after ``since``: retried or not, everything may be gone."""
    sent = [b for b in case.groups if b.send is not None and b.send.t < since]
    return not any(r.t >= since for b in sent for m in b.messages for r in case.readings(m))


def _vanished(case: Case, batch: Batch) -> tuple[Exchange, ...]:
    """Two or more listings or single reads of a batch that do not find it, after every answer that shows any of its messages.

    Counted are the target's own words only (ruling 22).
    """
    shown = max((r.last for m in batch.messages for r in case.readings(m)), default=None)
    if shown is None:
        return ()
    gone = tuple(e for e in case.exchanges if e.t >= shown and missing(e, batch))
    whole = any(e.invoke.operation == "batch_list" for e in gone)
    return gone if len(gone) > 1 and (whole or {e.invoke.message for e in gone} == set(batch.messages)) else ()


def lists(exchange: Exchange, batch: Batch) -> bool:
    """True for a plain valid request for the first page of the batch's listing, answered by the target itself."""
    invoke = exchange.invoke
    plain = invoke.cause is None and invoke.auth == "valid" and invoke.operation == "batch_list"
    first = not query(exchange).keys() & {"after", "before", "search"}
    return plain and invoke.batch == batch.id and first and word(exchange) == "target"


def missing(exchange: Exchange, batch: Batch) -> bool:
    """True if the target itself says that there is no such batch or message, or lists nothing in it (ruling 22)."""
    invoke = exchange.invoke
    if lists(exchange, batch):
        body = exchange.end.body
        empty = isinstance(body, Mapping) and body.get("data") == []
        return exchange.status in (400, 404) or (exchange.status == 200 and empty)
    plain = invoke.cause is None and invoke.auth == "valid" and invoke.operation == "message_read"
    found = exchange.status not in (400, 404) or word(exchange) != "target"
    return plain and invoke.message in batch.messages and not found
