"""What a timeline shows of one cause: its calls, the messages concerned, the batch. Pure, from the history alone.

A bar says what answers showed, and what that implies; see ``Bar.shown``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from conformance.history.records import Exchange, History
from conformance.judges.inference.readings import Reading, readings
from conformance.report.headline import RETRIES, answer

#: Messages and calls that one timeline shows at most.
MAX_LANES = 6
MAX_CALLS = 10
#: Exchanges that are looked at for one timeline, beside retries and those that are cited.
MAX_LOOKED_AT = 120
#: Seconds before the proof that may be drawn, to show how things stood.
CONTEXT = 60.0
#: Readings of one lane that are drawn at most.
MAX_BARS = 24


Shown = Literal["yes", "assumed", "no"]


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A status from ``start`` to ``end``, in seconds of the run.

    ``shown``: ``yes`` if readings show it; ``assumed`` if the readings before and after show it, and it may have been another
    in between; ``no`` if it is unknown.
    """

    start: float
    end: float
    status: str
    shown: Shown
    #: How many attempts the answer shows; None if it shows no number.
    attempts: int | None = None


@dataclass(frozen=True, kw_only=True)
class Lane:
    """A message, or the batch's status."""

    id: str
    label: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, kw_only=True)
class Call:
    """A retry call or another request of the evidence, from when it left to when it was answered."""

    n: int
    start: float
    end: float
    what: str
    answer: str
    retry: bool
    #: Seconds by which it left after the first of its race; None if it was in none.
    skew: float | None = None
    #: True if the cause's proof cites it.
    cited: bool = True


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """All that is drawn. ``mark``: the instant at which the last exchange of the proof shows the contradiction."""

    start: float
    end: float
    calls: tuple[Call, ...]
    batch: Lane | None
    lanes: tuple[Lane, ...]
    more: int
    mark: float
    said: str


def timeline(history: History, evidence: Sequence[int], said: str) -> Timeline | None:
    """The timeline of a proof; None if none of its exchanges is in the history.

    :param evidence: numbers of the exchanges that prove the finding; :param said: the contradiction, in a few words.
    """
    wanted = set(evidence)
    cited = [e for e in history.exchanges if e.n in wanted]
    if not cited:
        return None
    races = {e.invoke.race for e in cited if e.invoke.race is not None and e.invoke.operation in RETRIES}
    rivals = [
        e for e in history.exchanges if e.invoke.race in races and e.invoke.operation in RETRIES and races != {None}
    ]
    start, end = min(map(_begins, cited)), max(e.last for e in cited)
    # A proof names what it is about first, and control batches after it.
    batches = _batches(history, sorted(cited, key=lambda e: list(evidence).index(e.n)))
    # What was read last before the proof says how things stood.
    earlier = [e for e in history.exchanges if e.last < start and start - e.last < CONTEXT and _is_read(e)]
    before = max((e for e in earlier[-MAX_LOOKED_AT:] if _is_about(e, batches)), key=lambda e: e.last, default=None)
    start = start if before is None else before.t
    within = [e for e in history.exchanges if e.last >= start and e.t <= end]
    recent = {e.n for e in within[-MAX_LOOKED_AT:]}
    # Of a wait of many polls the last ones are looked at, and whatever the proof cites.
    about = [e for e in within if e.n in wanted or e.invoke.operation in RETRIES or e.n in recent]
    about = [e for e in about if _is_about(e, batches)]
    retries = [e for e in about if e.invoke.operation in RETRIES]
    drawn = {e.n: e for e in (*[e for e in cited if e.invoke.operation in RETRIES], *rivals, *cited, *retries)}
    shown = sorted(list(drawn.values())[:MAX_CALLS], key=lambda e: (_left(e), e.n))
    lanes, more = _lanes(about, cited, batches)
    return Timeline(
        start=min([start, *map(_begins, shown)]),
        end=max([end, *(e.last for e in shown)]),
        calls=tuple(_call(e, rivals, wanted) for e in shown),
        batch=_batch_lane(about, batches),
        lanes=lanes,
        more=more,
        mark=_mark([e for e in cited if _is_about(e, batches)] or cited, said),
        said=said,
    )


def _begins(exchange: Exchange) -> float:
    """When it left. A retry of a race is on record earlier, and held back until all are ready."""
    return exchange.t if _is_read(exchange) else _left(exchange)


def _mark(cited: Sequence[Exchange], said: str) -> float:
    """Where the contradiction is: the answer that should not have come, if that is what was observed; else the last reading."""
    wrong = [
        e for e in cited if e.invoke.operation in RETRIES and e.status is not None and str(e.status) in said.split()
    ]
    return max(wrong or cited, key=lambda e: e.last).last


def _left(exchange: Exchange) -> float:
    return exchange.t if exchange.end.released is None else exchange.end.released


def listed(exchange: Exchange) -> Iterator[Mapping[str, Any]]:
    """The messages in an answer, as they stand there: cheap, where all answers of a run are looked through."""
    body = exchange.end.body
    if exchange.accepted and isinstance(body, Mapping):
        items = body["data"] if isinstance(body.get("data"), list) else [body]
        yield from (item for item in items if isinstance(item, Mapping))


def _batches(history: History, cited: Iterable[Exchange]) -> list[str]:
    """The batch that the retries of the proof are about, else that of its other exchanges; empty if none is known."""
    for exchange in sorted(cited, key=_is_read):
        if batch := exchange.invoke.batch or _home(history, exchange.invoke.message):
            return [batch]
    return []


def _home(history: History, message: str | None) -> str | None:
    if message is None:
        return None
    lists = (e for e in history.exchanges if e.invoke.operation == "batch_list")
    return next((e.invoke.batch for e in lists if any(m.get("id") == message for m in listed(e))), None)


def _is_read(exchange: Exchange) -> bool:
    return exchange.invoke.operation not in RETRIES


def _is_about(exchange: Exchange, batches: Sequence[str]) -> bool:
    if exchange.invoke.batch in batches:
        return True
    return any(
        isinstance(shown, Mapping) and shown.get("id") in batches
        for message in listed(exchange)
        for shown in _shown_batches(message)
    )


def _shown_batches(message: Mapping[str, Any]) -> Iterator[Any]:
    shown = message.get("batches")
    yield from shown if isinstance(shown, list) else ()


def _call(exchange: Exchange, rivals: Sequence[Exchange], cited: set[int]) -> Call:
    operation = exchange.invoke.operation
    what = {
        "batch_retry": "retry of the batch",
        "single_retry": "single retry",
        "batch_list": "read of the listing",
        "message_read": "read of one message",
        "campaign_list": "read of the campaign",
        "batch_send": "send of the batch",
        "single_send": "send of one message",
    }[operation]
    special = exchange.invoke.cause or ("" if exchange.invoke.auth == "valid" else f"key: {exchange.invoke.auth}")
    race = [e for e in rivals if e.invoke.race == exchange.invoke.race]
    in_race = exchange in rivals and len(race) > 1
    return Call(
        n=exchange.n,
        start=_begins(exchange),
        end=max(exchange.last, _left(exchange)),
        what=f"{what} ({special})" if special else what,
        answer=answer(exchange),
        retry=operation in RETRIES,
        skew=_left(exchange) - min(map(_left, race)) if in_race else None,
        cited=exchange.n in cited,
    )


def _lanes(
    about: Sequence[Exchange], cited: Sequence[Exchange], batches: Sequence[str]
) -> tuple[tuple[Lane, ...], int]:
    """A lane for each message that the proof is about, those that it names first."""
    by_message: dict[str, list[Reading]] = {}
    for exchange in about:
        for reading in readings(exchange):
            if reading.listed_in in batches or any(b in reading.batch_statuses for b in batches):
                by_message.setdefault(reading.message, []).append(reading)
    positions = {r.message: r.position for seen in by_message.values() for r in seen if r.view == "batch_list"}
    named = {e.invoke.message for e in cited if e.invoke.message}
    weight = {m: (m not in named, -len(_bars(seen)), positions.get(m, 0)) for m, seen in by_message.items()}
    chosen = sorted(by_message, key=lambda m: weight[m])[:MAX_LANES]
    lanes = tuple(
        Lane(id=m, label=_label(m, positions), bars=_bars(by_message[m]))
        for m in sorted(chosen, key=lambda m: positions.get(m, 0))
    )
    return lanes, len(by_message) - len(lanes)


def _label(message: str, positions: Mapping[str, int]) -> str:
    row = f"message {positions[message] + 1}" if message in positions else "message"
    return f"{row} …{message[-6:]}"


def _bars(seen: Iterable[Reading]) -> tuple[Bar, ...]:
    ordered = sorted(seen, key=lambda r: (r.last, r.n))
    return _joined([(r.t, r.last, r.status or "not shown", _attempts(r)) for r in ordered])


def _attempts(reading: Reading) -> int | None:
    counts = [*reading.counts.values(), *([len(reading.attempts)] if reading.attempts is not None else [])]
    return max(counts, default=None)


def _batch_lane(about: Sequence[Exchange], batches: Sequence[str]) -> Lane | None:
    points = [
        (r.t, r.last, r.batch_statuses[batch], None)
        for exchange in about
        for r in readings(exchange)
        for batch in batches
        if batch in r.batch_statuses
    ]
    if not points:
        return None
    return Lane(id=batches[0], label="batch status", bars=_joined(sorted(points, key=lambda p: p[1])))


def _joined(points: Sequence[tuple[float, float, str, int | None]]) -> tuple[Bar, ...]:
    """Readings as bars. Between two readings that show the same status in the same attempt that is what there was (axiom A1);
    between others of the same status it is assumed, and drawn so; between different ones it is unknown."""
    bars: list[Bar] = []
    for t, last, status, attempts in points:
        before = bars[-1] if bars else None
        if before is None:
            bars.append(Bar(start=t, end=last, status=status, shown="yes", attempts=attempts))
            continue
        end = max(last, before.end)
        if before.status == status and (before.attempts == attempts or None in (before.attempts, attempts)):
            if attempts is not None and before.attempts is not None:
                bars[-1] = Bar(start=before.start, end=end, status=status, shown="yes", attempts=attempts)
                continue
            if t > before.end:
                first = (
                    bars[-2] if len(bars) > 1 and bars[-2].shown == "assumed" and bars[-2].status == status else before
                )
                since = first.start if first is not before else before.end
                del bars[len(bars) - (2 if first is not before else 0) :]
                bars.append(Bar(start=since, end=t, status=status, shown="assumed"))
        elif t > before.end:
            bars.append(Bar(start=before.end, end=t, status="unknown", shown="no"))
        bars.append(Bar(start=max(t, bars[-1].end), end=end, status=status, shown="yes", attempts=attempts))
    return tuple(bars[:MAX_BARS])
