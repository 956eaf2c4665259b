"""What a pass was shown with: how large the batches were, in which languages, to which kinds of recipients.

A pass holds for what was exercised (ruling 20). A target may treat the eleventh row or the second language otherwise, so
that the verdict says what it rests on. Read off the exchanges of the exercises; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.history.records import Exchange, History, Row
from conformance.verdicts.model import Shown


@dataclass(frozen=True)
class Sent:
    """The rows of a history's sends, by the batch or message that they became."""

    #: By batch id.
    batches: Mapping[str, tuple[Row, ...]]
    #: By message id: the batch that it is in.
    batch_of: Mapping[str, str]
    #: By message id: the row of a message that was sent by itself.
    singles: Mapping[str, tuple[Row, ...]]
    #: By number: the exchanges of the history.
    exchanges: Mapping[int, Exchange]

    def shown(self, evidence: Iterable[int]) -> Shown | None:
        """What these exchanges were about; None if no row that the run sent is among it."""
        found: dict[str, tuple[Row, ...]] = {}
        for number in evidence:
            exchange = self.exchanges.get(number)
            if exchange is not None:
                name, of_one = self._rows(exchange)
                found[name] = of_one
        rows = [row for of_one in found.values() for row in of_one]
        if not rows:
            return None
        return Shown(
            rows=max(map(len, found.values())),
            languages=tuple(sorted({row.language for row in rows})),
            roles=tuple(sorted({row.role for row in rows})),
        )

    def _rows(self, exchange: Exchange) -> tuple[str, tuple[Row, ...]]:
        invoke = exchange.invoke
        batch = invoke.batch or self.batch_of.get(invoke.message or "") or _made(exchange)
        if batch in self.batches:
            return batch, self.batches[batch]
        message = invoke.message or _id(exchange.end.body)
        return message, self.singles.get(message, ())


def sent(history: History) -> Sent:
    """The rows that a history's sends carried, and what became of them as far as the answers say."""
    batches: dict[str, tuple[Row, ...]] = {}
    batch_of: dict[str, str] = {}
    singles: dict[str, tuple[Row, ...]] = {}
    for exchange in history.exchanges:
        invoke, body = exchange.invoke, exchange.end.body
        if not exchange.accepted or not isinstance(body, dict):
            continue
        if invoke.operation == "batch_send":
            batches[_made(exchange)] = invoke.rows
        elif invoke.operation == "single_send":
            singles[_id(body)] = invoke.rows
        elif invoke.operation == "batch_list" and invoke.batch is not None:
            listed = body.get("data")
            batch_of |= {_id(item): invoke.batch for item in listed} if isinstance(listed, list) else {}
    return Sent(batches, batch_of, singles, {exchange.n: exchange for exchange in history.exchanges})


def _made(exchange: Exchange) -> str:
    """The id of the batch that a send made; empty if the answer names none."""
    body = exchange.end.body
    made = body.get("batchId") if isinstance(body, dict) and exchange.invoke.operation == "batch_send" else None
    return made if isinstance(made, str) else ""


def _id(body: Any) -> str:
    found = body.get("id") if isinstance(body, dict) else None
    return found if isinstance(found, str) else ""
