"""What a history asks of an explanation: each reading and each retry call, with the time in which it has its instant.

A reading shows an instant in [begin − lag of its view, end] (A7), a retry is decided in [begin, end], or at any time
after its begin, or never, if its outcome is unknown (rulings 11 and 22).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from conformance.errors import UsageError
from conformance.history.records import Exchange, History
from oracle.line import BATCH_WORDS
from oracle.seen import UNKNOWN, Counts, Seen, lags, seen
from oracle.world import UNMADE, Message, Switches, World

#: The largest history that the search takes on; beyond, it would only run into its bound.
MOST_MESSAGES = 4
MOST_EXCHANGES = 40
#: Differences to a valid retry that must not matter (BR-SEC-05).
_HARMLESS = ("body:", "query:", "header:")

Outcome = Literal["accepted", "refused", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Call:
    """A retry that may have done something: of the batch, or of the message at ``place``."""

    n: int
    t: float
    last: float
    outcome: Outcome
    place: int | None = None
    single: bool = False
    status: int | None = None
    code: str | None = None
    #: It has a body, query or header that must not matter: a strict server may refuse it for that (ruling 30).
    harmless: bool = False


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
            and _shows(message.status, self.status)
            and _shows(message.status, self.newest)
            and self.batch in (None, world.shown)
            and (not switches.counted or self.count is None or self._counts(message))
            and (not self.earlier or set(self.earlier) <= {"F", UNKNOWN})
        )

    def _counts(self, message: Message) -> bool:
        # A target may count an attempt when it leaves `created`, so that nothing is counted at first.
        return self.count == message.attempt or (self.count == 0 and message.attempt == 1 and not message.ended)


def _shows(status: str, shown: str | None) -> bool:
    """Whether a message in that status may be shown so; an unknown status is one on the way (ruling 6)."""
    return shown in (None, status) or (shown == UNKNOWN and status not in ("C", "S", "F", UNMADE))


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
    calls: tuple[Call, ...]
    settle: float
    made: bool
    #: Views of whose numbers nothing tells whether they count the first send.
    unclear: frozenset[str]
    faults: tuple[str, ...]


def asked(history: History, switches: Switches, from_retries: frozenset[str] = frozenset()) -> Asked:
    """The readings and retry calls of a history of one batch.

    :param from_retries: views whose numbers are taken to count retries, of those of which nothing tells.
    :raises UsageError: it is larger than ``MOST_MESSAGES`` and ``MOST_EXCHANGES``, has another batch than the one of its
        first send, or messages sent singly.
    """
    send, batch = _only_batch(history)
    nonces = [row.nonce for row in send.invoke.rows]
    everything = seen(history)
    places = _places(send, batch, everything)
    shown = [one for one in everything if one.message in places]
    counts = Counts(shown, from_retries)
    lag = lags(history, shown, counts) if switches.timely else {}
    coarse = _coarse(shown)
    pages: dict[int, list[tuple[Exchange, Glance]]] = {}
    for one in shown:
        glance = _glance(one, counts, places[one.message], batch, coarse=coarse)
        pages.setdefault(one.exchange.n, []).append((one.exchange, glance))
    for exchange, i in _unlisted(history, batch, places, len(nonces)):
        pages.setdefault(exchange.n, []).append((exchange, Glance(message=i, status=UNMADE)))
    looks = [look for page in pages.values() for look in _looks(page, switches, lag)]
    calls = tuple(call for e in history.exchanges if (call := _call(e, batch, places)) is not None)
    return Asked(
        rows=len(nonces),
        looks=tuple(sorted(looks, key=lambda look: (look.begin, look.n))),
        calls=calls,
        settle=history.header.settle_timeout,
        made=not any(g.status == UNMADE for look in looks for g in look.glances),
        unclear=counts.unclear,
        faults=(*_wrong_answers(history, batch), *_changed_attempts(shown, counts, lag)),
    )


def _places(send: Exchange, batch: str, everything: Sequence[Seen]) -> dict[str, int]:
    """Which row each message is: by what the row said; where nothing shows that, by the one row of its recipient.

    :raises UsageError: messages show neither, so that nobody can tell them apart.
    """
    rows = send.invoke.rows
    nonces = {row.nonce: i for i, row in enumerate(rows)}
    told = {one.message: nonces[nonce] for one in everything for nonce in one.nonces if nonce in nonces}
    listed = {one.message: one.recipient for one in everything if one.exchange.invoke.batch == batch}
    if told or not listed:
        return told
    recipients = [row.recipient for row in rows]
    if len(set(recipients)) < len(rows) or not set(recipients).issuperset(listed.values()):
        what = "its messages show neither what was sent nor a recipient of their own"
        raise UsageError(what, where="history", hint="leave out rows to the same number")
    return {message: recipients.index(str(recipient)) for message, recipient in listed.items()}


def _only_batch(history: History) -> tuple[Exchange, str]:
    sends = [e for e in history.exchanges if e.invoke.operation in ("batch_send", "single_send")]
    made = [e.end.body.get("batchId") for e in sends if e.accepted and isinstance(e.end.body, Mapping)]
    batch = made[0] if len(made) == 1 else None
    if len(sends) != 1 or not isinstance(batch, str):
        raise UsageError(
            "the model explains one batch, with reads of it and retries",
            where="history",
            hint="leave out other batches and messages sent singly",
        )
    rows = sends[0].invoke.rows
    if len(rows) > MOST_MESSAGES or len(history.exchanges) > MOST_EXCHANGES:
        raise UsageError(
            f"{len(rows)} messages and {len(history.exchanges)} exchanges are more than the model explains",
            where="history",
            hint=f"leave {MOST_MESSAGES} messages and {MOST_EXCHANGES} exchanges at most",
        )
    return sends[0], batch


# ---------------------------------------------------------------------- retry calls


def outcome(exchange: Exchange) -> Outcome | None:
    """How a retry call came out, as far as the answer is the target's own word (rulings 10, 11, 22); None: no effect."""
    status = exchange.status
    if exchange.end.outcome == "not_sent" or status == 429:
        return None
    if status is None or status >= 500 or status == 408 or 300 <= status < 400:
        return "unknown"
    json = exchange.end.media == "json"
    if status < 300:
        return "accepted" if status == 201 or json else "unknown"
    return "refused" if json else "unknown"


def _call(exchange: Exchange, batch: str, places: Mapping[str, int]) -> Call | None:
    invoke = exchange.invoke
    single = invoke.operation == "single_retry"
    ours = invoke.batch == batch if invoke.operation == "batch_retry" else single
    harmless = (invoke.cause or "").startswith(_HARMLESS)
    came = outcome(exchange)
    # A probe that must have no effect has none.
    if not ours or came is None or invoke.auth != "valid" or invoke.method != "POST" or (invoke.cause and not harmless):
        return None
    place = places.get(invoke.message or "") if single else None
    if single and place is None:
        return None
    return Call(
        n=exchange.n, t=exchange.t, last=exchange.last, outcome=came, place=place, single=single,
        status=exchange.status, code=error_code(exchange.end.body), harmless=harmless,
    )  # fmt: skip


def error_code(body: Any) -> str | None:
    """``error.code`` of a documented error body; None if there is none."""
    error = body.get("error") if isinstance(body, Mapping) else None
    code = error.get("code") if isinstance(error, Mapping) else None
    return code if isinstance(code, str) else None


# ---------------------------------------------------------------------- readings


def _glance(one: Seen, counts: Counts, place: int, batch: str, *, coarse: bool) -> Glance:
    newest = counts.newest(one)
    attempts = one.attempts or ()
    earlier = None if newest is None else tuple(a.status for i, a in enumerate(attempts) if i != newest)
    status = one.batches.get(batch)
    return Glance(
        message=place,
        status=one.status,
        count=counts.count(one),
        newest=None if newest is None else attempts[newest].status,
        earlier=earlier,
        stamp=None if coarse else one.updated,
        batch=None if status is None else BATCH_WORDS.get(status, "busy"),
    )


def _coarse(shown: Iterable[Seen]) -> bool:
    """Whether updatedAt is kept in whole seconds: two changes within one look like none."""
    stamps = [one.updated for one in shown if one.updated is not None]
    return bool(stamps) and not any("." in stamp for stamp in stamps)


def _unlisted(history: History, batch: str, places: Mapping[str, int], rows: int) -> Iterator[tuple[Exchange, int]]:
    """Rows that a whole listing of one page, or a 404 in JSON of a single read, shows not to be there."""
    for exchange in history.exchanges:
        invoke, body = exchange.invoke, exchange.end.body
        if invoke.operation == "message_read" and exchange.status == 404 and exchange.end.media == "json":
            if (place := places.get(invoke.message or "")) is not None:
                yield exchange, place
        elif invoke.operation == "batch_list" and invoke.batch == batch and exchange.status == 200:
            query = dict(invoke.query)
            page = body.get("pageData") if isinstance(body, Mapping) else None
            whole = isinstance(page, Mapping) and page.get("hasNextPage") is False
            if whole and isinstance(body["data"], list) and not query.keys() & {"after", "before", "search"}:
                there = {places.get(str(item.get("id"))) for item in body["data"] if isinstance(item, Mapping)}
                yield from ((exchange, i) for i in range(rows) if i not in there)


def _looks(page: list[tuple[Exchange, Glance]], switches: Switches, lag: Mapping[str, float]) -> Iterator[Look]:
    exchange = page[0][0]
    view = exchange.invoke.operation
    # What a single retry answers with is the message that it has just reset, not a read that lags.
    behind = 0.0 if view == "single_retry" else lag.get(view, 0.0) if switches.timely else math.inf
    apart = [(glance,) for _, glance in page] if switches.torn_pages else [tuple(glance for _, glance in page)]
    for glances in apart:
        groups = [glances] if switches.instant else [(part,) for g in glances for part in _fields(g)]
        if switches.instant and behind:
            # The batch's status may follow later than the messages (ruling 23).
            groups = [tuple(_without_batch(g) for g in glances), *((_batch(g),) for g in glances if g.batch)]
        for group in groups:
            yield Look(n=exchange.n, begin=exchange.t - behind, end=exchange.last, glances=group)


def _without_batch(glance: Glance) -> Glance:
    return Glance(
        message=glance.message, status=glance.status, count=glance.count, newest=glance.newest, earlier=glance.earlier,
        stamp=glance.stamp,
    )  # fmt: skip


def _batch(glance: Glance) -> Glance:
    return Glance(message=glance.message, batch=glance.batch)


def _fields(glance: Glance) -> Iterator[Glance]:
    """One glance for each field that is shown (A3 switched off)."""
    apart = (
        Glance(message=glance.message, status=glance.status),
        Glance(message=glance.message, count=glance.count),
        Glance(message=glance.message, newest=glance.newest),
        Glance(message=glance.message, stamp=glance.stamp),
        _batch(glance),
    )
    nothing = Glance(message=glance.message)
    yield from (part for part in apart if part != nothing)


# ---------------------------------------------------------------------- what nothing explains


def _wrong_answers(history: History, batch: str) -> Iterator[str]:
    for exchange in history.exchanges:
        invoke = exchange.invoke
        if invoke.operation != "batch_retry" or not exchange.accepted:
            continue
        if invoke.auth != "valid" or (invoke.cause or "").startswith(("path:", "campaign:", "auth:")):
            yield f"request {exchange.n} is accepted, though it must not be (BR-SEC)"
            continue
        plain = invoke.method == "POST" and invoke.batch == batch and outcome(exchange) == "accepted"
        if plain and (exchange.status != 201 or exchange.end.size):
            yield f"retry {exchange.n} is not answered 201 with an empty body (BR-ACC-04)"


def _changed_attempts(shown: Iterable[Seen], counts: Counts, lag: Mapping[str, float]) -> Iterator[str]:
    """An attempt that a whole list has shown stands in all that come after it, with its id and createdAt."""
    listed = [one for one in shown if one.attempts is not None and one.view in counts.whole]
    for a in listed:
        for b in (b for b in listed if (b.message, b.view) == (a.message, a.view)):
            if b.exchange.t - lag.get(b.view, math.inf if not lag else 0.0) >= a.exchange.last:
                after = {attempt.mark for attempt in b.attempts or ()}
                if any(attempt.mark not in after for attempt in a.attempts or ()):
                    yield f"read {b.exchange.n} lacks an attempt that read {a.exchange.n} shows (BR-SEL-05)"
