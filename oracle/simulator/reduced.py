"""The smallest part of a history that still shows something: whole batches are left out, then reads.

What is left is legal if the whole was: a client may ask for less. It may lack what shows that reads lag or that a
failure was corrected, though; ``kept`` names exchanges that stay.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import msgspec

from conformance.history.records import Exchange, Footer, History
from conformance.history.writer import HistoryWriter

READS = ("batch_list", "campaign_list", "message_read")


def reduced(history: History, holds: Callable[[History], bool], kept: Collection[int] = ()) -> History:
    """A smaller history for which ``holds`` is true, as it is for the whole; numbered anew."""
    exchanges = list(history.exchanges)
    for batch in _batches(exchanges):
        fewer = [e for e in exchanges if not _about(e, batch, exchanges)]
        if holds(_with(history, fewer)):
            exchanges = fewer
    size = max(1, len(exchanges) // 2)
    while size:
        place = 0
        while place < len(exchanges):
            part = exchanges[place : place + size]
            fewer = [e for e in exchanges if e not in part or e.invoke.operation not in READS or e.n in kept]
            if len(fewer) < len(exchanges) and holds(_with(history, fewer)):
                exchanges = fewer
            else:
                place += size
        size //= 2
    return _with(history, exchanges)


def _batches(exchanges: Iterable[Exchange]) -> list[str]:
    return [e.end.body["batchId"] for e in exchanges if e.invoke.operation == "batch_send" and e.accepted]


def _about(exchange: Exchange, batch: str, exchanges: Iterable[Exchange]) -> bool:
    if exchange.invoke.operation == "batch_send":
        return exchange.accepted and bool(exchange.end.body["batchId"] == batch)
    if exchange.invoke.message is not None:
        lists = [e for e in exchanges if e.invoke.batch == batch and e.invoke.operation == "batch_list"]
        bodies = [e.end.body for e in lists if e.status == 200 and isinstance(e.end.body, dict)]
        return any(item["id"] == exchange.invoke.message for body in bodies for item in body["data"])
    return exchange.invoke.batch == batch


def _with(history: History, exchanges: Iterable[Exchange]) -> History:
    renumbered = tuple(
        Exchange(invoke=msgspec.structs.replace(e.invoke, n=n), end=msgspec.structs.replace(e.end, n=n))
        for n, e in enumerate(exchanges, 1)
    )
    footer = history.footer
    if footer is not None:
        calls = sum(e.end.outcome != "not_sent" for e in renumbered)
        footer = Footer(t=footer.t, complete=True, calls=calls, messages=sum(e.invoke.charge for e in renumbered))
    return History(header=history.header, exchanges=renumbered, footer=footer)


def write(history: History, path: Path) -> None:
    """Write a history to a file, as a run would have."""
    with HistoryWriter(path, history.header) as writer:
        for exchange in history.exchanges:
            writer.write(exchange.invoke)
            writer.write(exchange.end)
        writer.close(history.footer.t if history.footer is not None else 0.0, complete=True)
