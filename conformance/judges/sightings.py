"""Sightings: every sight of a message that an answer gives, whatever operation gave it.

One sight is one message in one answer, hence one instant (axiom A3). Counts of attempts are kept by the field
that showed them, because they compare only within one field of one operation (axiom A4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from conformance.history.records import Exchange, Operation
from conformance.judges.intervals import TERMINAL, UNDERWAY, instant, nonces


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt as an answer shows it. ``data`` is its whole JSON object."""

    status: str | None
    created_at: datetime | None
    id: str | None
    data: Mapping[str, Any] = field(repr=False, hash=False, compare=False)


@dataclass(frozen=True, kw_only=True)
class Sight:
    """A message in one answer. It held at some instant in [``t`` − lag, ``last``]."""

    exchange: Exchange
    #: Of the exchange; fields, because judges compare times far more often than anything else.
    operation: Operation
    n: int
    t: float
    last: float
    message: str
    #: batchId of the batch that the message belongs to, as far as this answer tells; see ``Case.batch_of``.
    listed_in: str | None
    status: str | None
    created_at: datetime | None
    updated_at: datetime | None
    #: Number of attempts by the field that shows it ("batch_list.numAttempts", "message_read.attempts", …).
    counts: Mapping[str, int]
    #: As listed, in the target's order; None if no list of attempts is shown.
    attempts: tuple[Attempt, ...] | None
    #: Status by id, for every batch in ``batches``; empty if the field is missing (ruling 12).
    batch_statuses: Mapping[str, str]
    #: Position in its page.
    position: int
    #: Nonces that stand in values and fullMessage.
    nonces: frozenset[str]
    #: Whether the operation's lists of attempts show the newest one only, for all that the history tells.
    newest_only: bool = False
    data: Mapping[str, Any] = field(repr=False, hash=False, compare=False)

    @property
    def number(self) -> int | None:
        """How many attempts the answer says that the message has, beside what it lists of them."""
        return self.counts.get(f"{self.operation}.numAttempts")

    @property
    def abbreviated(self) -> bool:
        """Whether fewer attempts are listed than there are: no document says that a list holds all."""
        if self.newest_only:
            return self.attempts is not None
        return self.attempts is not None and self.number is not None and len(self.attempts) < self.number

    @property
    def terminal(self) -> bool:
        return self.status in TERMINAL

    @property
    def underway(self) -> bool:
        """A known status that is not terminal; an unknown status is neither (ruling 6)."""
        return self.status in UNDERWAY


def marked(seen: Sequence[Sight]) -> tuple[Sight, ...]:
    """The same sights; where an operation's lists show the newest attempt only, their length counts nothing any more.

    So it is taken to be where no list of the operation ever holds more than one attempt, some message shows another one
    later, and no number stands still meanwhile: a list of the newest, and attempts that were dropped, look the same.
    """
    longest: dict[str, int] = {}
    shown: dict[tuple[str, str], tuple[set[tuple[object, object]], set[int]]] = {}
    for sight in seen:
        if sight.attempts is not None:
            longest[sight.operation] = max(longest.get(sight.operation, 0), len(sight.attempts))
            marks, numbers = shown.setdefault((sight.operation, sight.message), (set(), set()))
            marks.update((a.id, a.created_at) for a in sight.attempts)
            numbers.update(() if sight.number is None else (sight.number,))
    replaced = {operation for (operation, _), (marks, _) in shown.items() if len(marks) > 1}
    still = {operation for (operation, _), (marks, numbers) in shown.items() if numbers and len(numbers) < len(marks)}
    newest = {operation for operation, most in longest.items() if most == 1} & replaced - still
    return tuple(_newest_only(sight) if sight.operation in newest else sight for sight in seen)


def _newest_only(sight: Sight) -> Sight:
    counts = {name: count for name, count in sight.counts.items() if name.endswith(".numAttempts")}
    return replace(sight, counts=counts, newest_only=True)


def sights(exchange: Exchange) -> Iterator[Sight]:
    """Every message in a 2xx JSON answer of an operation that shows messages."""
    body = exchange.end.body
    if not exchange.accepted or not isinstance(body, Mapping):
        return
    operation = exchange.invoke.operation
    if operation in ("batch_list", "campaign_list"):
        items = body.get("data")
        for position, item in enumerate(items if isinstance(items, list) else ()):
            yield from _sight(exchange, item, position)
    elif operation in ("message_read", "single_send", "single_retry"):
        yield from _sight(exchange, body, 0)


def _sight(exchange: Exchange, data: Any, position: int) -> Iterator[Sight]:
    if not isinstance(data, Mapping) or not isinstance(data.get("id"), str):
        return
    operation = exchange.invoke.operation
    yield Sight(
        exchange=exchange,
        operation=operation,
        n=exchange.n,
        t=exchange.t,
        last=exchange.last,
        message=data["id"],
        listed_in=exchange.invoke.batch if operation == "batch_list" else None,
        status=_text(data.get("latestStatus")),
        created_at=instant(data.get("createdAt")),
        updated_at=instant(data.get("updatedAt")),
        counts=_counts(operation, data),
        attempts=_attempts(data),
        batch_statuses=_batch_statuses(data),
        position=position,
        nonces=nonces([data.get("values"), data.get("fullMessage")]),
        data=data,
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _counts(operation: str, data: Mapping[str, Any]) -> dict[str, int]:
    """What counts attempts; the length of a list does not where the answer's own number says that there are more."""
    counts = {}
    least = 0
    number = data.get("numAttempts")
    if isinstance(number, int) and not isinstance(number, bool):
        counts[f"{operation}.numAttempts"] = least = number
    for name in ("messageAttempts", "attempts"):
        items = data.get(name)
        if isinstance(items, list) and len(items) >= least:
            counts[f"{operation}.{name}"] = len(items)
    return counts


def _attempts(data: Mapping[str, Any]) -> tuple[Attempt, ...] | None:
    for name in ("messageAttempts", "attempts"):
        items = data.get(name)
        if isinstance(items, list):
            return tuple(
                Attempt(
                    status=_text(item.get("status")),
                    created_at=instant(item.get("createdAt")),
                    id=_text(item.get("id")),
                    data=item,
                )
                for item in items
                if isinstance(item, Mapping)
            )
    return None


def _batch_statuses(data: Mapping[str, Any]) -> dict[str, str]:
    items = data.get("batches")
    return {
        item["id"]: item["status"]
        for item in (items if isinstance(items, list) else ())
        if isinstance(item, Mapping) and isinstance(item.get("id"), str) and isinstance(item.get("status"), str)
    }
