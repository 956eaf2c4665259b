"""The case: one history, indexed once, from which every judge argues.

Facts only: who sent what, which message is which row, every sight of every message, every write. What follows
from them is in ``timeline``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from conformance.history.records import Exchange, Header, History, Row
from conformance.judges.intervals import error_code
from conformance.judges.lag import Shown, largest
from conformance.judges.listings import Snapshot, snapshots
from conformance.judges.sightings import Sight, marked, sights

#: How a write stands: carried out (2xx), nobody knows (ruling 11), refused (any other whole answer), dropped
#: (429, ruling 10), or it never left.
Standing = Literal["accepted", "open", "refused", "dropped", "unsent"]

#: Causes that leave a retry valid in the contract's eyes: it may be accepted all the same (BR-SEC-05).
_HARMLESS = ("body:", "query:", "header:")


@dataclass(frozen=True)
class Write:
    """A batch retry, or a single retry of a message of the batch."""

    exchange: Exchange
    batch: str | None
    #: Set for a single retry.
    message: str | None = None

    @property
    def n(self) -> int:
        return self.exchange.n

    @property
    def t(self) -> float:
        return self.exchange.t

    @property
    def last(self) -> float:
        return self.exchange.last

    @property
    def status(self) -> int | None:
        return self.exchange.status

    @property
    def code(self) -> str | None:
        """``error.code`` of the answer."""
        return error_code(self.exchange.end.body) if self.exchange.answered else None

    @property
    def valid(self) -> bool:
        """A plain valid request, no probe."""
        return self.exchange.invoke.cause is None and self.exchange.invoke.auth == "valid"

    @property
    def harmless(self) -> bool:
        """Valid but for a body, query or header that must not matter."""
        invoke = self.exchange.invoke
        return invoke.auth == "valid" and invoke.method == "POST" and (invoke.cause or "").startswith(_HARMLESS)

    @property
    def standing(self) -> Standing:
        if self.exchange.end.outcome == "not_sent":
            return "unsent"
        if self.exchange.open:
            return "open"
        if self.exchange.accepted:
            return "accepted"
        return "dropped" if self.exchange.status == 429 else "refused"

    @property
    def acts(self) -> bool:
        """Whether it may have given a message an attempt without breaking the contract."""
        return (self.valid or self.harmless) and self.standing in ("accepted", "open")


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A batch that this run made (``ours``) or was given."""

    id: str
    send: Exchange | None
    rows: tuple[Row, ...]
    #: Message ids, in the order in which they were first seen.
    messages: tuple[str, ...]
    row_of: Mapping[str, Row]
    #: All writes on the batch and its messages, probes too, in order of their start.
    writes: tuple[Write, ...]
    #: Messages that carry the nonce of one of its rows, but that it neither lists nor is shown to hold, while it lists
    #: another with that nonce. A send that is carried out twice makes them; no judge may take them for its messages.
    strays: tuple[str, ...] = ()

    @property
    def ours(self) -> bool:
        """Made by this run: nobody else can write to it (axiom A6)."""
        return self.send is not None

    @cached_property
    def whole(self) -> bool:
        """Whether every row of the send is known as a message."""
        return self.ours and bool(self.rows) and len({row.nonce for row in self.row_of.values()}) == len(self.rows)

    @cached_property
    def acts(self) -> tuple[Write, ...]:
        """Accepted and open writes that may give messages attempts, in order."""
        return tuple(w for w in self.writes if w.acts)

    @cached_property
    def retries(self) -> tuple[Write, ...]:
        """Valid batch retries that left, 429 included, in order."""
        return tuple(w for w in self.writes if w.message is None and w.valid and w.standing != "unsent")

    @cached_property
    def singles(self) -> tuple[Write, ...]:
        """Valid single retries that left, in order."""
        return tuple(w for w in self.writes if w.message is not None and w.valid and w.standing != "unsent")

    @cached_property
    def probes(self) -> tuple[Write, ...]:
        """Requests that differ from a valid retry in one thing."""
        return tuple(w for w in self.writes if not w.valid and w.standing != "unsent")

    @property
    def scenario(self) -> str:
        return self.send.invoke.scenario if self.send is not None else ""


class Case:
    """A history with its indices.

    :param history: what happened.
    """

    def __init__(self, history: History) -> None:
        self.history = history
        self.header: Header = history.header
        self.exchanges: tuple[Exchange, ...] = tuple(sorted(history.exchanges, key=lambda e: (e.t, e.n)))
        self._by_number = {e.n: e for e in self.exchanges}
        self.all_sights: tuple[Sight, ...] = marked([s for e in self.exchanges for s in sights(e)])
        self._sights = _grouped(self.all_sights)
        self._rows = {row.nonce: (e, row) for e in self.exchanges for row in e.invoke.rows}
        self._home = self._homes()
        self.batches: tuple[Batch, ...] = tuple(self._batches())
        self._batches_by_id = {batch.id: batch for batch in self.batches}

    def __getitem__(self, n: int) -> Exchange:
        return self._by_number[n]

    @cached_property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """Walks through listings, in order of their first page."""
        return snapshots(self.exchanges)

    @cached_property
    def shown_lag(self) -> Shown | None:
        """The largest lag of a read that the history shows, whatever was configured; None if it shows none."""
        return largest(self)

    @cached_property
    def lag(self) -> float:
        """Seconds that a read may lag (axiom A7): as configured, else twice what the history shows."""
        if self.header.read_lag is not None:
            return self.header.read_lag
        return 0.0 if self.shown_lag is None else 2 * self.shown_lag[0]

    @property
    def ours(self) -> tuple[Batch, ...]:
        """Batches that this run made, in the order of their sends."""
        return tuple(batch for batch in self.batches if batch.ours)

    def batch(self, batch_id: str | None) -> Batch | None:
        return self._batches_by_id.get(batch_id or "")

    @property
    def messages(self) -> tuple[str, ...]:
        """Every message id that was ever seen."""
        return tuple(self._sights)

    def sights(self, message: str) -> tuple[Sight, ...]:
        """Every sight of a message, in order of the request's start."""
        return self._sights.get(message, ())

    def batch_of(self, message: str) -> Batch | None:
        return self.batch(self._home.get(message))

    def row(self, message: str) -> Row | None:
        """The row that the message was made from, told by its nonce."""
        for sight in self.sights(message):
            for nonce in sight.nonces:
                if nonce in self._rows:
                    return self._rows[nonce][1]
        return None

    def batch_status(self, sight: Sight) -> str | None:
        """Status of the message's own batch, as this answer shows it; None if it does not (ruling 12)."""
        home = self._home.get(sight.message)
        return sight.batch_statuses.get(home) if home else None

    def status_sights(self, batch: Batch) -> tuple[tuple[Sight, str], ...]:
        """Every sight that shows the batch's status, with it, in order."""
        found = [
            (s, s.batch_statuses[batch.id])
            for m in batch.messages
            for s in self.sights(m)
            if batch.id in s.batch_statuses
        ]
        return tuple(sorted(found, key=lambda pair: (pair[0].t, pair[0].n)))

    def listings(self, batch: Batch) -> tuple[Snapshot, ...]:
        """Walks through the batch's own listing."""
        return tuple(s for s in self.snapshots if s.batch == batch.id)

    def order(self, batch: Batch) -> tuple[str, ...]:
        """The messages of the batch in listing order (first complete forward walk); empty if none was seen."""
        for snapshot in self.listings(batch):
            if snapshot.complete and snapshot.direction == "forward" and len(snapshot.ids) >= len(batch.messages):
                return snapshot.ids
        return ()

    def _homes(self) -> dict[str, str]:
        """Message id to batch id: by the row's nonce, else by the listing that shows it, else by ``batches``."""
        by_send = {e.n: _batch_id(e) for e in self.exchanges if e.invoke.operation == "batch_send"}
        homes: dict[str, str] = {}
        for message, seen in self._sights.items():
            sent = {by_send.get(self._rows[n][0].n) for s in seen for n in s.nonces if n in self._rows} - {None}
            listed = {s.listed_in for s in seen} - {None}
            shown = {b for s in seen for b in s.batch_statuses}
            for candidates in (sent, listed, shown):
                if len(candidates) == 1:
                    homes[message] = str(next(iter(candidates)))
                    break
        return homes

    def _batches(self) -> Iterable[Batch]:
        writes: defaultdict[str, list[Write]] = defaultdict(list)
        for e in self.exchanges:
            invoke = e.invoke
            if invoke.operation == "batch_retry" and invoke.batch:
                writes[invoke.batch].append(Write(e, invoke.batch))
            elif invoke.operation == "single_retry" and invoke.message:
                home = self._home.get(invoke.message)
                writes[home or ""].append(Write(e, home, invoke.message))
        known: dict[str, Exchange | None] = {}
        for e in self.exchanges:
            if e.invoke.operation == "batch_send" and (made := _batch_id(e)) is not None:
                known.setdefault(made, e)
        for given in self.header.given:
            known.setdefault(given.batch, None)
        for batch_id, send in known.items():
            homed = tuple(m for m, home in self._home.items() if home == batch_id)
            strays = self._strays(batch_id, homed)
            members = tuple(m for m in homed if m not in strays)
            rows = {m: row for m in members if (row := self.row(m)) is not None}
            yield Batch(
                id=batch_id,
                send=send,
                rows=send.invoke.rows if send is not None else (),
                messages=members,
                row_of=rows,
                writes=tuple(writes[batch_id]),
                strays=strays,
            )

    def _strays(self, batch_id: str, homed: Iterable[str]) -> tuple[str, ...]:
        """Of the messages that go by their nonces, those that the batch does not hold."""
        held: set[str] = set()
        others: list[str] = []
        for message in homed:
            seen = self.sights(message)
            if any(s.listed_in == batch_id for s in seen):
                held.update(n for s in seen for n in s.nonces)
            elif not any(batch_id in s.batch_statuses for s in seen):
                others.append(message)
        return tuple(m for m in others if any(n in held for s in self.sights(m) for n in s.nonces))


def _grouped(found: Iterable[Sight]) -> dict[str, tuple[Sight, ...]]:
    grouped: defaultdict[str, list[Sight]] = defaultdict(list)
    for sight in found:
        grouped[sight.message].append(sight)
    return {message: tuple(seen) for message, seen in grouped.items()}


def _batch_id(exchange: Exchange) -> str | None:
    body = exchange.end.body
    if not exchange.accepted or not isinstance(body, Mapping):
        return None
    made = body.get("batchId")
    return made if isinstance(made, str) else None
