"""What a history asks of an explanation: each sight and each write, with the time in which it has its instant.

A sight shows an instant in [begin − read lag, end] (A7), a write is decided in [begin, end], or at any time after its
begin, or never, if nobody knows how it ended (ruling 11).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.errors import UsageError
from conformance.history.records import Exchange, History
from conformance.judges.inference.case import Batch, Case
from conformance.judges.inference.readings import Attempt, Reading
from conformance.judges.inference.retry_call import RetryCall
from oracle.line import BATCH_WORDS, LETTERS
from oracle.world import UNMADE, Message, Switches, World

#: The largest history that the search takes on; beyond, it would only run into its bound.
MOST_MESSAGES = 4
MOST_EXCHANGES = 40
VIEWS = ("batch_list", "campaign_list", "message_read")


@dataclass(frozen=True, kw_only=True)
class Glance:
    """What one instant of one message must have been like. None: not shown."""

    message: int
    status: str | None = None
    count: int | None = None
    #: The newest attempt's status, and those of the earlier ones.
    newest: str | None = None
    earlier: tuple[str, ...] | None = None
    stamp: str | None = None
    batch: str | None = None

    def fits(self, world: World, switches: Switches) -> bool:
        """Whether the world may show this; stamps apart, which need a memory."""
        message = world.messages[self.message]
        return (
            (message.status != UNMADE or self.status == UNMADE)
            and self.status in (None, message.status)
            and self.newest in (None, message.status)
            and self.batch in (None, world.batch)
            and (not switches.counted or self.count is None or self._counts(message))
            and (not self.earlier or set(self.earlier) == {"F"})
        )

    def _counts(self, message: Message) -> bool:
        # A target may count an attempt when it leaves `created`, so that nothing is counted at first.
        return self.count == message.attempt or (self.count == 0 and message.attempt == 1 and not message.ended)


@dataclass(frozen=True, kw_only=True)
class Look:
    """Glances that have one instant in common, in [``begin``, ``end``] seconds."""

    n: int
    begin: float
    end: float
    glances: tuple[Glance, ...]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A history as the search sees it. ``faults`` are answers that no execution explains, whatever happened."""

    rows: int
    looks: tuple[Look, ...]
    writes: tuple[RetryCall, ...]
    #: Position of the message of each single retry, by number of the exchange.
    position: dict[int, int]
    settle: float
    made: bool
    faults: tuple[str, ...]


def asked(history: History, switches: Switches) -> Asked:
    """The sights and writes of a history of one batch.

    :raises UsageError: it is larger than ``MOST_MESSAGES`` and ``MOST_EXCHANGES``, or has another batch than the one
        of its first send, or something else than plain reads and retries.
    """
    case = Case(history)
    batch = _only_batch(case)
    messages = tuple(sorted(batch.messages))
    places = {message: i for i, message in enumerate(messages)}
    lag = max(map(case.lag, VIEWS)) if switches.timely else math.inf
    pages: dict[int, list[tuple[Exchange, Glance]]] = {}
    for message in messages:
        for sight in case.readings(message):
            pages.setdefault(sight.n, []).append((sight.exchange, _glance(case, sight, places[message])))
    for exchange, i in _unlisted(case, batch, places):
        pages.setdefault(exchange.n, []).append((exchange, Glance(message=i, status=UNMADE)))
    looks = [look for page in pages.values() for look in _looks(page, switches, lag)]
    writes = tuple(w for w in batch.calls if w.valid and w.outcome not in ("not_sent", "throttled"))
    return Asked(
        rows=max(len(batch.rows), len(messages)),
        looks=tuple(sorted(looks, key=lambda look: (look.begin, look.n))),
        writes=writes,
        position={w.n: places[w.message] for w in writes if w.message in places},
        settle=case.header.settle_timeout,
        made=not any(g.status == UNMADE for look in looks for g in look.glances),
        faults=(*_wrong_answers(writes), *_changed_attempts(case, batch, lag)),
    )


def _only_batch(case: Case) -> Batch:
    plain = all(
        e.invoke.operation in ("batch_send", "batch_list", "message_read", "batch_retry", "single_retry")
        and e.invoke.cause is None
        for e in case.exchanges
    )
    if len(case.ours) != 1 or len(case.batches) != 1 or not plain:
        raise UsageError(
            "the model explains one batch, with reads of it and plain retries",
            where="history",
            mend="leave out other batches and probes",
        )
    (batch,) = case.ours
    if len(batch.rows) > MOST_MESSAGES or len(case.exchanges) > MOST_EXCHANGES:
        raise UsageError(
            f"{len(batch.rows)} messages and {len(case.exchanges)} exchanges are more than the model explains",
            where="history",
            mend=f"leave {MOST_MESSAGES} messages and {MOST_EXCHANGES} exchanges at most",
        )
    return batch


def _glance(case: Case, sight: Reading, place: int) -> Glance:
    latest = _newest(sight)
    earlier = None
    if latest is not None and sight.attempts is not None:
        earlier = tuple(LETTERS.get(a.status or "", "?") for a in sight.attempts if a is not latest)
    counts = set(sight.counts.values())
    return Glance(
        message=place,
        status=LETTERS.get(sight.status or ""),
        count=max(counts, default=None),
        newest=LETTERS.get(latest.status or "") if latest is not None else None,
        earlier=earlier,
        stamp=sight.updated_at.isoformat() if sight.updated_at is not None else None,
        batch=_word(case.batch_status(sight)),
    )


def _newest(reading: Reading) -> Attempt | None:
    """The attempt with the latest createdAt, however the list is turned; None if that is not plain."""
    attempts = reading.attempts or ()
    times = [a.created_at for a in attempts if a.created_at is not None]
    if not attempts or len(times) != len(attempts) or len(set(times)) != len(times):
        return None
    return max(attempts, key=lambda a: (a.created_at is not None, a.created_at or max(times)))


def _word(status: str | None) -> str | None:
    return None if status is None else BATCH_WORDS.get(status, "busy")


def _unlisted(case: Case, batch: Batch, places: dict[str, int]) -> Iterator[tuple[Exchange, int]]:
    for walk in case.listings(batch):
        if walk.complete and not walk.search and len(walk.pages) == 1:
            yield from ((walk.pages[0], i) for message, i in places.items() if message not in walk.ids)


def _looks(page: list[tuple[Exchange, Glance]], switches: Switches, lag: float) -> Iterator[Look]:
    exchange = page[0][0]
    # What a single retry answers with is the message that it has just reset, not a read that lags.
    begin = exchange.t - (0.0 if exchange.invoke.operation == "single_retry" else lag)
    apart = [(glance,) for _, glance in page] if switches.torn_pages else [tuple(glance for _, glance in page)]
    for glances in apart:
        for group in [glances] if switches.instant else [(part,) for g in glances for part in _fields(g)]:
            yield Look(n=exchange.n, begin=begin, end=exchange.last, glances=group)


def _fields(glance: Glance) -> Iterator[Glance]:
    """One glance for each field that is shown (A3 switched off)."""
    apart = (
        Glance(message=glance.message, status=glance.status),
        Glance(message=glance.message, count=glance.count),
        Glance(message=glance.message, newest=glance.newest),
        Glance(message=glance.message, stamp=glance.stamp),
        Glance(message=glance.message, batch=glance.batch),
    )
    nothing = Glance(message=glance.message)
    yield from (part for part in apart if part != nothing)


def _wrong_answers(writes: tuple[RetryCall, ...]) -> Iterator[str]:
    for write in writes:
        accepted = write.message is None and write.outcome == "accepted"
        if accepted and (write.status != 201 or write.exchange.end.size):
            yield f"retry {write.n} is not answered 201 with an empty body (BR-ACC-04)"


def _changed_attempts(case: Case, batch: Batch, lag: float) -> Iterator[str]:
    """An attempt that a listing of attempts has shown stands in all that come after it, with its id and createdAt."""
    for message in batch.messages:
        shown = [s for s in case.readings(message) if s.attempts is not None]
        for a in shown:
            for b in (b for b in shown if b.view == a.view and b.t - lag >= a.last):
                after = {(attempt.id, attempt.created_at) for attempt in b.attempts or ()}
                if any((attempt.id, attempt.created_at) not in after for attempt in a.attempts or ()):
                    yield f"read {b.n} lacks an attempt that read {a.n} shows (BR-SEL-05)"
