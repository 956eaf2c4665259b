"""What answers show of messages, read off the records alone: the model shares no reading with the judges it specifies."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from conformance.history.records import Exchange, History
from oracle.line import LETTERS

#: A status that no document names (ruling 6): neither created nor terminal.
UNKNOWN = "?"
#: Operations whose answers are reads of what may lag, each a view of its own.
VIEWS = ("batch_list", "campaign_list", "message_read")
_NONCE = re.compile(r"\[n:([0-9a-f]{8})\]")


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt in a list."""

    status: str
    mark: tuple[str | None, str | None]
    created: str | None


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One message in one answer."""

    exchange: Exchange
    message: str
    nonces: frozenset[str]
    recipient: str | None
    status: str | None
    updated: str | None
    number: int | None
    attempts: tuple[Attempt, ...] | None
    batches: Mapping[str, str]

    @property
    def view(self) -> str:
        return self.exchange.invoke.operation


def instant(value: Any) -> datetime | None:
    """A time stamp with an offset (ruling 19); None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed.astimezone(UTC) if parsed.tzinfo is not None else None


def letter(status: Any) -> str | None:
    """The letter of a message status; ``UNKNOWN`` for one that no document names, None if there is none."""
    return LETTERS.get(status, UNKNOWN) if isinstance(status, str) else None


def seen(history: History) -> tuple[Seen, ...]:
    """Every message in every JSON answer of an operation that shows messages."""
    return tuple(one for exchange in history.exchanges for one in _seen(exchange))


def _seen(exchange: Exchange) -> Iterator[Seen]:
    body = exchange.end.body
    if not exchange.accepted or not isinstance(body, Mapping):
        return
    operation = exchange.invoke.operation
    items: Iterable[Any] = ()
    if operation in ("batch_list", "campaign_list"):
        data = body.get("data")
        items = data if isinstance(data, list) else ()
    elif operation in ("message_read", "single_retry", "single_send"):
        items = (body,)
    for item in items:
        if isinstance(item, Mapping) and isinstance(item.get("id"), str):
            yield _one(exchange, item)


def _one(exchange: Exchange, item: Mapping[str, Any]) -> Seen:
    updated = instant(item.get("updatedAt"))
    number = item.get("numAttempts")
    listed = next((item[name] for name in ("messageAttempts", "attempts") if isinstance(item.get(name), list)), None)
    batches = item.get("batches")
    return Seen(
        exchange=exchange,
        message=item["id"],
        nonces=frozenset(_NONCE.findall(str(item.get("values")))),
        recipient=item["recipient"] if isinstance(item.get("recipient"), str) else None,
        status=letter(item.get("latestStatus")),
        updated=updated.isoformat() if updated is not None else None,
        number=number if isinstance(number, int) and not isinstance(number, bool) else None,
        attempts=None if listed is None else tuple(_attempt(a) for a in listed if isinstance(a, Mapping)),
        batches={
            b["id"]: b["status"]
            for b in (batches if isinstance(batches, list) else ())
            if isinstance(b, Mapping) and isinstance(b.get("id"), str) and isinstance(b.get("status"), str)
        },
    )


def _attempt(item: Mapping[str, Any]) -> Attempt:
    known = item.get("id")
    created = instant(item.get("createdAt"))
    text = created.isoformat() if created is not None else None
    mark = (known if isinstance(known, str) else None, text)
    return Attempt(status=letter(item.get("status")) or UNKNOWN, mark=mark, created=text)


class Counts:
    """Which fields count attempts, and from where (rulings 6, 29): what a field shows in the whole history tells.

    A list counts once it was seen to hold two. A number that is 0 for a message that is not created counts retries; one
    that is 0 only for created messages rises later than attempts begin (A4 does not hold of it), and says nothing.
    """

    def __init__(self, all_seen: Iterable[Seen], from_retries: frozenset[str] = frozenset()) -> None:
        longest: defaultdict[str, int] = defaultdict(int)
        zero: defaultdict[str, set[str | None]] = defaultdict(set)
        numbered: set[str] = set()
        agreed: set[str] = set()
        self.turned: dict[str, bool] = {}
        before: dict[tuple[str, str], tuple[Attempt, ...]] = {}
        for one in all_seen:
            if one.attempts is not None:
                longest[one.view] = max(longest[one.view], len(one.attempts))
                self._turn(one, before.get((one.view, one.message), ()))
                before[one.view, one.message] = one.attempts
            if one.number is not None:
                numbered.add(one.view)
                if one.attempts is not None and one.number == len(one.attempts) > 1:
                    agreed.add(one.view)
            if one.number == 0:
                zero[one.view].add(one.status)
        self.whole = {view for view, most in longest.items() if most > 1}
        self.from_retries = {view for view, statuses in zero.items() if statuses - {"C"}} | from_retries
        self.late = {view for view, statuses in zero.items() if statuses == {"C"}}
        #: Views of whose numbers nothing tells whether they count the first send.
        self.unclear = frozenset(numbered - agreed - zero.keys())

    def _turn(self, one: Seen, before: tuple[Attempt, ...]) -> None:
        """Learn on which end of its list a view puts the newest attempt (ruling 14)."""
        attempts = one.attempts or ()
        if before and len(attempts) == len(before) + 1 and one.view not in self.turned:
            marks = [a.mark for a in before]
            if [a.mark for a in attempts[1:]] == marks != [a.mark for a in attempts[:-1]]:
                self.turned[one.view] = True
            elif [a.mark for a in attempts[:-1]] == marks != [a.mark for a in attempts[1:]]:
                self.turned[one.view] = False

    def count(self, one: Seen) -> int | None:
        """How many attempts the answer says that the message has."""
        if one.number is not None and one.view not in self.late:
            return one.number + (one.view in self.from_retries)
        if one.attempts is not None and one.view in self.whole:
            return len(one.attempts)
        return None

    def newest(self, one: Seen) -> int | None:
        """Which of the listed attempts is the newest; None if nothing tells (ruling 27: clocks do not, closely)."""
        attempts = one.attempts or ()
        if len(attempts) == 1 and one.view in self.whole:
            return 0
        if not attempts or one.view not in self.whole:
            return None
        if one.view in self.turned:
            return 0 if self.turned[one.view] else len(attempts) - 1
        times = [instant(a.created) for a in attempts]
        known = sorted(t for t in times if t is not None)
        apart = all((b - a).total_seconds() >= 30 for a, b in pairwise(known))
        if len(known) < len(times) or not apart:
            return None
        return times.index(known[-1])


def lags(history: History, all_seen: Iterable[Seen], counts: Counts) -> dict[str, float]:
    """By how much each view lags at most: as configured, else twice what the view shows and later makes good (A7)."""
    if history.header.read_lag is not None:
        return dict.fromkeys(VIEWS, history.header.read_lag)
    single = [e for e in history.exchanges if e.invoke.operation == "single_retry" and e.status == 201]
    whole = [e for e in history.exchanges if e.invoke.operation == "batch_retry" and e.status in (201, None)]
    found = dict.fromkeys(VIEWS, 0.0)
    by_view: defaultdict[tuple[str, str], list[Seen]] = defaultdict(list)
    for one in all_seen:
        if one.view in VIEWS:
            by_view[one.view, one.message].append(one)
    for (view, message), reads in by_view.items():
        shown = [(r, (counts.count(r), r.status, r.updated)) for r in reads]
        resets = [e.t for e in (*single, *whole) if e.invoke.message in (None, message)]
        for i, (read, state) in enumerate(shown):
            # What a view shows behind another retry makes nothing good: that retry gives it.
            reset = min((t for t in resets if t > read.exchange.t), default=math.inf)
            for earlier, other in shown[:i]:
                again = any(later == other and r.exchange.t < reset for r, later in shown[i + 1 :])
                before = any(
                    past == state for past_read, past in shown[:i] if past_read.exchange.last < earlier.exchange.t
                )
                if other != state and before and again and earlier.exchange.last <= read.exchange.t:
                    found[view] = max(found[view], 2 * (read.exchange.t - earlier.exchange.last))
            for e in single:
                if e.invoke.message == message and e.last <= read.exchange.t:
                    old = any(past == state for past_read, past in shown[:i] if past_read.exchange.last < e.t)
                    grown = any(later != state for _, later in shown[i + 1 :])
                    if old and grown:
                        found[view] = max(found[view], 2 * (read.exchange.t - e.last))
    return found
