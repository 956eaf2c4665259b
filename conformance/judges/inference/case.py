"""The case: one history, indexed once, from which every judge argues.

Facts only: who sent what, which message is which row, every reading of every message, every retry call. What follows from them
is in the other modules of this folder.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from math import inf

from conformance.history.records import Exchange, Header, History, Row
from conformance.judges.inference.aliases import alike
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.counters import Trust, counted
from conformance.judges.inference.lag import Lags, lags
from conformance.judges.inference.listings import Snapshot, snapshots
from conformance.judges.inference.other_campaign import perhaps_own
from conformance.judges.inference.readings import (
    Reading,
    at_their_units,
    counted_apart,
    identity,
    readings,
    without_first_zeros,
    without_gaps,
)
from conformance.judges.inference.repetition import repeated
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.stamps import standing
from conformance.judges.inference.status_lag import status_lag


class Case:
    """A history with its indices.

    :param history: what happened.
    """

    def __init__(self, history: History) -> None:
        self.history = history
        self.header: Header = history.header
        self.exchanges: tuple[Exchange, ...] = tuple(sorted(history.exchanges, key=lambda e: (e.t, e.n)))
        self._by_number = {e.n: e for e in self.exchanges}
        #: Every reading as shown; rules use ``readings``, which leaves out what may not be trusted.
        self.shown: tuple[Reading, ...] = tuple(at_their_units(r for e in self._first_key() for r in readings(e)))
        self._rows = {row.nonce: (e, row) for e in self.exchanges for row in e.invoke.rows}
        by_message = _grouped(self.shown)
        self._home = self._homes(by_message)
        calls = self._calls(by_message)
        #: Retry calls that name no batch or message which the history knows, in order.
        self.unplaced: tuple[RetryCall, ...] = tuple(c for c in calls if c.sent and not c.batch)
        self.batches: tuple[Batch, ...] = tuple(self._batches(by_message, calls))
        self._batches_by_id = {batch.id: batch for batch in self.batches}
        self._resets = {m: tuple(c.t for c in batch.resetting(m)) for batch in self.batches for m in batch.messages}
        by_message = without_first_zeros(by_message, self.resets_of)
        #: What counts attempts, and which views do not keep up (ruling 29).
        ours = frozenset(m for batch in self.batches if batch.ours for m in batch.messages)
        self.trust: Trust = counted(
            by_message, ours, self.resets_of, self.settled_at, self.header.settle_timeout, self.header.read_lag or 0.0
        )
        self._readings = {m: self.trust.applied(seen) for m, seen in by_message.items()}
        self.all_readings: tuple[Reading, ...] = tuple(
            sorted((r for seen in self._readings.values() for r in seen), key=lambda r: (r.t, r.n, r.position))
        )
        #: By how many attempts readings have grown, for ``timeline.grown`` to look up: each with its reading, so that no other
        #: object takes its number.
        self.growth: dict[int, tuple[Reading, tuple[Reading, int] | None]] = {}

    def __getitem__(self, n: int) -> Exchange:
        return self._by_number[n]

    def _first_key(self) -> tuple[Exchange, ...]:
        """The exchanges but for those with a second key: what such a one shows is observed, and proves nothing."""
        return tuple(e for e in self.exchanges if e.invoke.auth != "second")

    @cached_property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """Walks through listings, in order of their first page."""
        return snapshots(self._first_key())

    @cached_property
    def lags(self) -> Lags:
        """How far the reads of each view may lag, in seconds (axiom A7)."""
        return lags(self)

    def lag(self, view: str) -> float:
        """Seconds that a read of this view may lag: as configured, else twice what the history shows."""
        return self.lags.allowed(view)

    @cached_property
    def status_lag(self) -> float:
        """Seconds that the status of a batch may come after what it tells of; 0 if it was never seen to be late (ruling 23)."""
        return status_lag(self)

    @cached_property
    def standing_stamps(self) -> frozenset[str]:
        """The views that show a message in another status with the same updatedAt, so that it tells nothing (A5)."""
        return frozenset(v for m in self.messages for seen in self.views(m) for v in standing(seen, self.lag))

    def resets_of(self, message: str) -> tuple[float, ...]:
        """When the calls left that may have given the message an attempt."""
        return self._resets.get(message, ())

    def settled_at(self, message: str) -> float:
        """From when on no call has an effect on the message to come (ruling 16); infinity if one was lost."""
        batch = self.batch_of(message)
        calls = batch.resetting(message) if batch is not None else ()
        return max((inf if c.unknown else c.last + self.header.settle_timeout for c in calls), default=-inf)

    @cached_property
    def ours(self) -> tuple[Batch, ...]:
        """Batches that this run made, in the order of their sends."""
        return tuple(batch for batch in self.batches if batch.ours and not batch.single)

    @cached_property
    def groups(self) -> tuple[Batch, ...]:
        """Batches that this run made, and messages that it sent singly."""
        return tuple(batch for batch in self.batches if batch.ours)

    def batch(self, batch_id: str | None) -> Batch | None:
        return self._batches_by_id.get(batch_id or "")

    @property
    def messages(self) -> tuple[str, ...]:
        """Every message id that was ever seen."""
        return tuple(self._readings)

    def readings(self, message: str) -> tuple[Reading, ...]:
        """Every trusted reading of a message, in order of the request's start."""
        return self._readings.get(message, ())

    @cached_property
    def _by_view(self) -> dict[str, tuple[tuple[Reading, ...], ...]]:
        return {m: _views(seen) for m, seen in self._readings.items()}

    def views(self, message: str) -> tuple[tuple[Reading, ...], ...]:
        """The readings of a message, apart by view."""
        return self._by_view.get(message, ())

    @cached_property
    def _unretried(self) -> dict[tuple[str, str], tuple[Reading, ...]]:
        found: defaultdict[tuple[str, str], list[Reading]] = defaultdict(list)
        for message, seen in self._readings.items():
            first = min(self.resets_of(message), default=inf)
            for reading in seen:
                if reading.last <= first:
                    found[message, reading.view].append(reading)
        return {key: counted_apart(kept) for key, kept in found.items()}

    def unretried(self, message: str, view: str) -> tuple[Reading, ...]:
        """Readings that count attempts, from before any retry could act on the message: the first of each that count alike."""
        return self._unretried.get((message, view), ())

    def batch_of(self, message: str) -> Batch | None:
        return self.batch(self._home.get(message))

    def row(self, message: str) -> Row | None:
        """The row that the message was made from, told by its nonce."""
        for reading in self.readings(message):
            for nonce in reading.nonces:
                if nonce in self._rows:
                    return self._rows[nonce][1]
        return None

    def batch_status(self, reading: Reading) -> str | None:
        """Status of the message's own batch, as this answer shows it; None if it does not (ruling 12)."""
        home = self._home.get(reading.message)
        return reading.batch_statuses.get(home) if home else None

    @cached_property
    def _statuses(self) -> dict[str, tuple[tuple[Reading, str], ...]]:
        found: defaultdict[str, list[tuple[Reading, str]]] = defaultdict(list)
        for reading in self.all_readings:
            home = self._home.get(reading.message)
            if home is not None and home in reading.batch_statuses:
                found[home].append((reading, reading.batch_statuses[home]))
        return {batch: tuple(shown) for batch, shown in found.items()}

    def status_readings(self, batch: Batch) -> tuple[tuple[Reading, str], ...]:
        """Every reading that shows the batch's status, with it, in order."""
        return self._statuses.get(batch.id, ())

    @cached_property
    def status_visible(self) -> bool:
        """True if any answer of the history shows a batch's status (ruling 12)."""
        return any(r.batch_statuses for r in self.all_readings)

    @cached_property
    def _listings(self) -> dict[str, tuple[Snapshot, ...]]:
        found: defaultdict[str, list[Snapshot]] = defaultdict(list)
        for snapshot in self.snapshots:
            if snapshot.batch is not None:
                found[snapshot.batch].append(snapshot)
        return {batch: tuple(walks) for batch, walks in found.items()}

    def listings(self, batch: Batch) -> tuple[Snapshot, ...]:
        """Walks through the batch's own listing."""
        return self._listings.get(batch.id, ())

    def order(self, batch: Batch) -> tuple[str, ...]:
        """The messages of the batch in listing order (first complete forward walk); empty if none was seen."""
        for snapshot in self.listings(batch):
            if snapshot.complete and snapshot.direction == "forward" and len(snapshot.ids) >= len(batch.messages):
                return snapshot.ids
        return ()

    def _homes(self, by_message: Mapping[str, tuple[Reading, ...]]) -> dict[str, str]:
        """Message id to batch id: by the row's nonce, else by the listing that shows it, else by ``batches``."""
        sends = {e.n: _made(e) for e in self.exchanges if e.invoke.operation in ("batch_send", "single_send")}
        homes: dict[str, str] = {}
        for message, seen in by_message.items():
            sent = {sends.get(self._rows[n][0].n) for r in seen for n in r.nonces if n in self._rows} - {None}
            sent |= {sends.get(r.n) for r in seen if r.view == "single_send"} - {None}
            listed = {r.listed_in for r in seen} - {None}
            shown = {b for r in seen for b in r.batch_statuses}
            for candidates in (sent, listed, shown):
                if len(candidates) == 1:
                    homes[message] = str(next(iter(candidates)))
                    break
        return homes

    def _calls(self, by_message: Mapping[str, tuple[Reading, ...]]) -> tuple[RetryCall, ...]:
        calls = []
        for e in self.exchanges:
            invoke = e.invoke
            if invoke.operation == "batch_retry":
                calls.append(RetryCall(e, invoke.batch))
            elif invoke.operation == "single_retry":
                calls.append(RetryCall(e, self._home.get(invoke.message or ""), invoke.message or ""))
        settled = repeated(calls, self.exchanges, by_message, self._home, self.header)
        ids = alike(by_message, (e for e in self.exchanges if _made(e) is not None))
        return tuple(
            replace(
                c,
                repeated=c.n in settled,
                perhaps_own=perhaps_own(self, c),
                aliases=ids.get(c.message or "", frozenset()) - {c.message},
            )
            for c in calls
        )

    @cached_property
    def calls(self) -> tuple[RetryCall, ...]:
        """Every retry call of the history on a known batch or message, in order."""
        return tuple(sorted((c for b in self.batches for c in b.calls), key=lambda c: (c.t, c.n)))

    def _batches(self, by_message: Mapping[str, tuple[Reading, ...]], calls: Iterable[RetryCall]) -> Iterable[Batch]:
        by_batch: defaultdict[str, list[RetryCall]] = defaultdict(list)
        for call in calls:
            if call.batch:
                by_batch[call.batch].append(call)
        known: dict[str, Exchange | None] = {}
        for e in self.exchanges:
            if (made := _made(e)) is not None:
                known.setdefault(made, e)
        for given in self.header.given:
            known.setdefault(given.batch, None)
        members: defaultdict[str, list[str]] = defaultdict(list)
        for message, home in self._home.items():
            members[home].append(message)
        for batch_id, send in known.items():
            sent = Counter(row.nonce for row in send.invoke.rows) if send is not None else Counter[str]()
            strays = _strays(batch_id, members[batch_id], by_message, sent)
            messages = tuple(m for m in members[batch_id] if m not in strays)
            rows = {m: row for m in messages if (row := self._row_of(by_message[m])) is not None}
            yield Batch(
                id=batch_id,
                send=send,
                rows=send.invoke.rows if send is not None else (),
                messages=messages,
                row_of=rows,
                calls=tuple(by_batch[batch_id]),
                single=send is not None and send.invoke.operation == "single_send",
                strays=strays,
            )

    def _row_of(self, seen: Iterable[Reading]) -> Row | None:
        return next((self._rows[n][1] for r in seen for n in r.nonces if n in self._rows), None)


def _strays(
    batch_id: str, members: Iterable[str], by_message: Mapping[str, tuple[Reading, ...]], sent: Mapping[str, int]
) -> tuple[str, ...]:
    """Of the messages that go by their nonces, those that the batch does not hold; ``sent``: how many rows have each."""
    held: Counter[str] = Counter()
    others: list[str] = []
    for message in members:
        seen = by_message[message]
        if any(r.listed_in == batch_id for r in seen):
            held.update({n for r in seen for n in r.nonces})
        elif not any(batch_id in r.batch_statuses for r in seen):
            others.append(message)
    return tuple(m for m in others if any(held[n] >= max(1, sent.get(n, 1)) for r in by_message[m] for n in r.nonces))


def _grouped(found: Iterable[Reading]) -> dict[str, tuple[Reading, ...]]:
    grouped: defaultdict[str, list[Reading]] = defaultdict(list)
    for reading in found:
        grouped[reading.message].append(reading)
    return {message: tuple(without_gaps(seen)) for message, seen in grouped.items()}


def _views(seen: Iterable[Reading]) -> tuple[tuple[Reading, ...], ...]:
    by: defaultdict[str, list[Reading]] = defaultdict(list)
    for reading in seen:
        by[reading.view].append(reading)
    return tuple(tuple(sorted(view, key=lambda r: (r.t, r.n))) for view in by.values())


def _made(exchange: Exchange) -> str | None:
    """The batchId that a send was answered with; of a single send, a name for the group of its one message."""
    body = exchange.end.body
    if not exchange.accepted or not isinstance(body, Mapping):
        return None
    if exchange.invoke.operation == "batch_send":
        return identity(body.get("batchId"))
    if exchange.invoke.operation == "single_send":
        made = identity(body.get("id"))
        return f"single send of {made}" if made is not None else None
    return None
