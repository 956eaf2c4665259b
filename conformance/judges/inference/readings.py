"""Readings: every message in every answer, whatever operation gave it.

One reading is one message in one answer, hence one instant (axiom A3). Counts of attempts are kept by the field that showed
them, because they compare only within one field of one operation (axiom A4).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from math import nextafter
from typing import Any

from conformance.contract.vocabulary import IN_PROGRESS, TERMINAL, instant, nonces
from conformance.history.records import Exchange, Operation

#: A count above this, or a negative one, is none that a history of retries can give (ruling 33).
LARGEST_COUNT = 1000

_KNOWN = TERMINAL | IN_PROGRESS

#: What suites before 0.2 wrote in place of any text that looked random: two of them need not stand for equal texts.
_NO_IDENTITY = ("[redacted:secret]", "[redacted:key]")

_FRACTION = re.compile(r"T\d\d:?\d\d(?P<seconds>:?\d\d)?(?:[.,](?P<digits>\d+))?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One attempt as an answer shows it. ``data`` is its whole JSON object."""

    status: str | None
    created_at: datetime | None
    id: str | None
    data: Mapping[str, Any] = field(repr=False, hash=False, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A message in one answer. It held at some instant in [``t`` − lag, ``last``], in seconds."""

    exchange: Exchange
    #: The operation that shows it. A field, as are the times, because judges compare them far more often than anything else.
    view: Operation
    n: int
    t: float
    last: float
    message: str
    #: batchId of the listing that shows it; None in other views. See ``Case.batch_of``.
    listed_in: str | None
    #: ``latestStatus``; in a ``Case`` None where the same answer contradicts it.
    status: str | None
    created_at: datetime | None
    updated_at: datetime | None
    #: Seconds that the last digit of ``updatedAt`` stands for, as this answer writes it.
    updated_unit: float
    #: Number of attempts by the field that shows it ("batch_list.numAttempts", "message_read.attempts", …). In a ``Case`` only
    #: fields that may be trusted to count (``counters``).
    counts: Mapping[str, int]
    #: ``numAttempts`` as shown, trusted or not; None if it is not shown or is no count.
    number: int | None
    #: As listed, in the target's order; None if no list of attempts is shown.
    attempts: tuple[Attempt, ...] | None
    #: Status by id, for every batch in ``batches``; empty if the field is missing (ruling 12).
    batch_statuses: Mapping[str, str]
    #: Position in its page.
    position: int
    #: Nonces in values and fullMessage.
    nonces: frozenset[str]
    #: True if this view's lists of attempts are not known to hold all of them.
    partial_list: bool = False
    data: Mapping[str, Any] = field(repr=False, hash=False, compare=False)

    @property
    def abbreviated(self) -> bool:
        """True if attempts are listed, and perhaps not all: no document says that a list holds all."""
        if self.attempts is None:
            return False
        return self.partial_list or (self.number is not None and len(self.attempts) < self.number)

    @property
    def strangers(self) -> tuple[str, ...]:
        """The messages that attempts in its list belong to by their own ``messageId``, next to attempts of this one."""
        named = [identity(attempt.data.get("messageId")) for attempt in self.attempts or ()]
        others = (name for name in named if name is not None and name != self.message)
        return tuple(dict.fromkeys(others)) if self.message in named else ()

    @property
    def terminal(self) -> bool:
        return self.status in TERMINAL

    @property
    def in_progress(self) -> bool:
        """True for a known status that is not terminal; an unknown status is neither (ruling 6)."""
        return self.status in IN_PROGRESS

    @property
    def attempts_in_progress(self) -> bool:
        """True if the answer lists an attempt that is in progress, whatever it says of the message."""
        return any(attempt.status in IN_PROGRESS for attempt in self.attempts or ())

    @property
    def shown_status(self) -> str | None:
        """``latestStatus`` as shown, trusted or not."""
        return _text(self.data.get("latestStatus"))

    @property
    def contradicts_itself(self) -> bool:
        """True if it shows an outcome that none of the attempts has which it lists, as far as those are known to be all.

        A message may have been shown before its newest attempt is listed, but not ended (ruling 29). Which of the two is wrong, no
        answer says by itself: such a status proves nothing, and is a matter of BR-SEL-03. So is an outcome in the answer to a
        single retry that lists the attempt which the retry gave.
        """
        status = self.shown_status
        if status not in TERMINAL or not self.attempts or self.abbreviated or self.strangers:
            return False
        if self.view == "single_retry" and self.attempts_in_progress:
            return True
        listed = {attempt.status for attempt in self.attempts}
        return status not in listed and listed <= _KNOWN


def readings(exchange: Exchange) -> Iterator[Reading]:
    """Every message in a 2xx JSON answer of an operation that shows messages."""
    body = exchange.end.body
    if not exchange.accepted or not isinstance(body, Mapping):
        return
    operation = exchange.invoke.operation
    if operation in ("batch_list", "campaign_list"):
        items = body.get("data")
        for position, item in enumerate(items if isinstance(items, list) else ()):
            yield from _reading(exchange, item, position)
    elif operation in ("message_read", "single_send", "single_retry"):
        yield from _reading(exchange, body, 0)


def identity(value: Any) -> str | None:
    """An id or a cursor, also one that stands as a mark with a digest; None for what is none, or cannot be told from others."""
    return value if isinstance(value, str) and not any(mark in value for mark in _NO_IDENTITY) else None


def _reading(exchange: Exchange, data: Any, position: int) -> Iterator[Reading]:
    if not isinstance(data, Mapping) or identity(data.get("id")) is None:
        return
    view = exchange.invoke.operation
    yield Reading(
        exchange=exchange,
        view=view,
        n=exchange.n,
        t=exchange.t,
        # An answer is made before its last byte is read: a call that leaves at that very instant comes after it.
        last=nextafter(exchange.last, 0.0),
        message=data["id"],
        listed_in=exchange.invoke.batch if view == "batch_list" else None,
        status=_text(data.get("latestStatus")),
        created_at=instant(data.get("createdAt")),
        updated_at=instant(data.get("updatedAt")),
        updated_unit=unit(data.get("updatedAt")),
        counts=_counts(view, data),
        number=_number(data),
        attempts=_attempts(data),
        batch_statuses=_batch_statuses(data),
        position=position,
        nonces=nonces([data.get("values"), data.get("fullMessage")]),
        data=data,
    )


#: Units that a clock may have whatever digits it writes, in seconds, the coarser first.
_UNITS = (60.0, 1.0, 0.001)


def unit(text: Any) -> float:
    """Seconds that the last shown digit of a time stands for; a day for what is no time."""
    match = _FRACTION.search(text) if isinstance(text, str) else None
    if match is None:
        return 86400.0
    if match["seconds"] is None:
        return 60.0
    return float(10 ** -len(match["digits"])) if match["digits"] else 1.0


def at_their_units(seen: Iterable[Reading]) -> Iterator[Reading]:
    """The readings of a run; the updatedAt of a view stands for no less than the coarsest unit that all its stamps there fit.

    A clock of whole seconds may be written with a fraction of noughts (ruling 27).
    """
    known = list(seen)
    stamps: dict[str, set[datetime]] = {}
    for reading in known:
        if reading.updated_at is not None:
            stamps.setdefault(reading.view, set()).add(reading.updated_at)
    units = {view: next((u for u in _UNITS if all(_fits(s, u) for s in shown)), 0.0) for view, shown in stamps.items()}
    for reading in known:
        coarse = units.get(reading.view, 0.0)
        yield replace(reading, updated_unit=coarse) if coarse > reading.updated_unit else reading


def _fits(stamp: datetime, unit: float) -> bool:
    return (stamp.second * 1_000_000 + stamp.microsecond) % round(unit * 1_000_000) == 0


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(data: Mapping[str, Any]) -> int | None:
    number = data.get("numAttempts")
    good = isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= LARGEST_COUNT
    return number if good and isinstance(number, int) else None


def _counts(view: str, data: Mapping[str, Any]) -> dict[str, int]:
    """What counts attempts; the length of a list does not where the answer's own number says that there are more."""
    counts = {}
    number = _number(data)
    if number is not None:
        counts[f"{view}.numAttempts"] = number
    for name in ("messageAttempts", "attempts"):
        items = data.get(name)
        if isinstance(items, list) and len(items) >= (number or 0):
            counts[f"{view}.{name}"] = len(items)
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


def counted_apart(seen: Iterable[Reading]) -> tuple[Reading, ...]:
    """The first of each that count attempts alike: from one of them a message gains what it gains from the others."""
    kept: dict[object, Reading] = {}
    for reading in seen:
        if reading.counts:
            kept.setdefault((tuple(sorted(reading.counts.items())), reading.terminal), reading)
    return tuple(kept.values())


def without_gaps(seen: Iterable[Reading]) -> Iterator[Reading]:
    """The readings of one message; a field that counted an attempt when it was terminal shows nothing where it counts none later.

    A list that is empty once has lost nothing (ruling 33).
    """
    counted: set[str] = set()
    for reading in seen:
        gaps = {name for name in counted if reading.counts.get(name) == 0}
        yield replace(reading, counts={n: c for n, c in reading.counts.items() if n not in gaps}) if gaps else reading
        counted |= {name for name, count in reading.counts.items() if count and reading.terminal}


def without_first_zeros(
    by_message: Mapping[str, tuple[Reading, ...]], resets_of: Callable[[str], tuple[float, ...]]
) -> dict[str, tuple[Reading, ...]]:
    """The readings of a run, in order, without counts of 0 that had not risen yet.

    A message that has ended has had an attempt. A field that counts the first one had not risen where it shows none and more later;
    one that counts retries only shows none again and again.
    """
    from_one: set[str] = set()
    again: set[str] = set()
    for message, seen in by_message.items():
        first = min(resets_of(message), default=float("inf"))
        ended = [r for r in seen if r.terminal and r.last <= first]
        for name in {name for r in ended for name in r.counts}:
            shown = [r for r in ended if name in r.counts]
            risen = (b for a, b in pairwise(shown) if a.counts[name] == 0 < b.counts[name] and _one_state(a, b))
            if shown[0].counts[name] or any(risen):
                from_one.add(name)
            elif sum(r.counts[name] == 0 for r in shown) > 1:
                again.add(name)
    return {message: tuple(_risen(seen, again - from_one)) for message, seen in by_message.items()}


def _one_state(a: Reading, b: Reading) -> bool:
    """True if both show one outcome with one updatedAt, fine enough to tell another attempt (A5)."""
    return a.status == b.status and a.updated_at is not None and a.updated_at == b.updated_at and b.updated_unit < 1


def _risen(seen: Sequence[Reading], retries_only: Collection[str]) -> Iterator[Reading]:
    rises = {name: r.last for r in seen for name, count in r.counts.items() if count and name not in retries_only}
    for reading in seen:
        early = {n for n, c in reading.counts.items() if c == 0 and reading.terminal and reading.last < rises.get(n, 0)}
        yield replace(reading, counts={n: c for n, c in reading.counts.items() if n not in early}) if early else reading
