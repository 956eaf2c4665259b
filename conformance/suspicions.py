"""What a whole history shows at a glance of a target that is no service: named once, beside the verdicts. Pure.

A static mock answers a send with the example of its document. Every verdict that comes of it is true, and none of them
says what a reader has to know first.
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.history.records import Exchange, History
from conformance.judges.inference.listings import snapshots

#: Sends that must have been accepted before anything is said of all of them.
SENDS = 3


def suspicions(history: History) -> tuple[str, ...]:
    """Return a sentence for each sign that the target is a stub, or has not been set up."""
    return (*_same_batch(history), *_rows_missing(history))


def _accepted(history: History) -> list[tuple[Exchange, str]]:
    """Accepted sends of batches, with the ids that came."""
    found = []
    for exchange in history.exchanges:
        body = exchange.end.body
        batch = body.get("batchId", body.get("id")) if isinstance(body, dict) else None
        sent = exchange.invoke.operation == "batch_send" and exchange.invoke.cause is None
        if sent and exchange.accepted and isinstance(batch, str):
            found.append((exchange, batch))
    return found


def _same_batch(history: History) -> Iterator[str]:
    sends = _accepted(history)
    if len(sends) >= SENDS and len({batch for _, batch in sends}) == 1:
        yield (
            f"the target answers each of {len(sends)} sends with the same batchId: it is a stub, or does not keep what is "
            "sent; look at this before any verdict"
        )


def _rows_missing(history: History) -> Iterator[str]:
    """Batches of which the target never lists more than one row, though more were sent."""
    sizes = {batch: len(exchange.invoke.rows) or exchange.invoke.charge for exchange, batch in _accepted(history)}
    seen: dict[str, set[str]] = {}
    for snapshot in snapshots(history.exchanges):
        if snapshot.batch in sizes and snapshot.complete:
            seen.setdefault(snapshot.batch or "", set()).update(snapshot.ids)
    larger = {batch: len(ids) for batch, ids in seen.items() if sizes[batch] > 1}
    if len(larger) >= SENDS and all(count <= 1 for count in larger.values()):
        most = max(sizes[batch] for batch in larger)
        yield (
            f"the target lists one row at most of each of {len(larger)} batches of up to {most} rows: it is a stub, or "
            "does not keep what is sent; look at this before any verdict"
        )
