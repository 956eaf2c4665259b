"""Three alike answers in one situation: when they are the target's own refusal (rulings 11, 22, 28).

One answer that may be a gateway's, a 5xx, or a 401 to the configured key proves nothing. The same answer three times in a row to
the same request, while nothing moves and no message gains anything by it, is the target's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from conformance.contract.vocabulary import RETRYABLE
from conformance.history.records import Exchange, Header
from conformance.judges.inference.own_word import word
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.retry_call import RetryCall

#: Statuses of a gateway that are its own unless the body is the documented envelope (BR-ERR-08).
GATEWAY_5XX = frozenset({502, 503, 504, *range(520, 531)})
#: Alike answers that make them the target's.
ENOUGH = 3

Key = tuple[str, str, str, int, str]


def repeated(
    calls: Sequence[RetryCall],
    exchanges: Sequence[Exchange],
    by_message: Mapping[str, tuple[Reading, ...]],
    home: Mapping[str, str],
    header: Header,
) -> frozenset[int]:
    """Numbers of the calls that three alike answers make refusals.

    :param calls: every retry call, with its outcome by itself.
    """
    found: set[int] = set()
    by_batch: dict[str, list[RetryCall]] = {}
    for call in calls:
        if call.valid and call.sent:
            by_batch.setdefault(call.batch or f"message {call.message}", []).append(call)
    for batch, mine in by_batch.items():
        members = {m: seen for m, seen in by_message.items() if home.get(m) == batch}
        for run in _runs(mine, members):
            if len(run) < ENOUGH or not _answered_between(run, exchanges) or not _still(run, mine, members, header):
                continue
            if word(run[0].exchange) != "credential" or all(alive(c.exchange, exchanges) for c in run):
                found.update(c.n for c in run)
    found |= _credential(calls, exchanges)
    return frozenset(found)


def repeated_unknown(exchanges: Sequence[Exchange]) -> frozenset[int]:
    """The same for retries of ids that no batch has: numbers of the answers that three alike make the target's."""
    groups: dict[tuple[int | None, str], list[int]] = {}
    for e in exchanges:
        if e.invoke.operation != "batch_retry" or e.invoke.cause != "id:unknown" or e.invoke.auth != "valid":
            continue
        said = word(e)
        if said == "gateway" or (said == "credential" and alive(e, exchanges)):
            groups.setdefault((e.status, said), []).append(e.n)
    return frozenset(n for alike in groups.values() if len(alike) >= ENOUGH for n in alike)


def envelope(exchange: Exchange) -> bool:
    """True if the answer's body is the documented error envelope, as a target and no gateway writes it."""
    body = exchange.end.body
    return isinstance(body, Mapping) and ("error" in body or "statusCode" in body)


def server_error(exchange: Exchange) -> bool:
    """True for a 5xx that no gateway writes of itself (BR-ERR-08)."""
    status = exchange.status or 0
    return status >= 500 and (status not in GATEWAY_5XX or envelope(exchange))


def _key(call: RetryCall) -> Key | None:
    """What makes two calls and their answers alike; None for an answer that needs no repetition."""
    said, status = word(call.exchange), call.status
    if status is None:
        return None
    if said == "none":
        if status == 408 or (status in GATEWAY_5XX and not envelope(call.exchange)):
            return None
    elif said != "gateway" and not (said == "credential" and _wordless(call)):
        return None
    return (call.exchange.invoke.operation, call.exchange.invoke.cause or "", call.message or "", status, said)


def _wordless(call: RetryCall) -> bool:
    """True for an answer without JSON: of a 401 or 403 too, nobody knows whether it is a gateway's (ruling 22)."""
    return call.exchange.end.media != "json"


def _runs(calls: Sequence[RetryCall], members: Mapping[str, Sequence[Reading]]) -> Iterable[list[RetryCall]]:
    """Calls one after the other, alike and in one situation, with no other valid call of the batch between them."""
    run: list[RetryCall] = []
    for call in sorted(calls, key=lambda c: (c.t, c.n)):
        key = _key(call)
        alike = key is not None and bool(run) and key == _key(run[-1]) and call.t >= run[-1].last
        if alike and not any(_moved(seen, run[-1], call) for seen in members.values()):
            run.append(call)
        else:
            if run:
                yield run
            run = [call] if key is not None else []
    if run:
        yield run


def _moved(seen: Sequence[Reading], first: RetryCall, second: RetryCall) -> bool:
    """True if a view shows the message, or its batch, in another situation before the second call than before the first."""
    for view in {r.view for r in seen}:
        earlier = _last_before(seen, view, first.t)
        now = _last_before(seen, view, second.t)
        if earlier is not None and now is not None and _situation(earlier) != _situation(now):
            return True
    return False


def _last_before(seen: Sequence[Reading], view: str, t: float) -> Reading | None:
    """The last reading of a view before ``t``; None if there is none, or if it is out of date."""
    mine = next((r for r in reversed(seen) if r.view == view and r.last <= t), None)
    return mine if mine is not None and _end_elsewhere(seen, mine, t) is None else None


def _end_elsewhere(seen: Sequence[Reading], mine: Reading, t: float) -> Reading | None:
    """A reading before ``t`` by which this one is out of date: it began later, and shows the end of what is on its way here."""
    return next((r for r in seen if r.terminal and mine.last <= r.t and r.last <= t and not mine.terminal), None)


def _situation(reading: Reading) -> tuple[object, ...]:
    """What of a message decides how a retry is to be answered: created, in progress, or its outcome; and its batch's status."""
    retryable = {batch: status in RETRYABLE for batch, status in reading.batch_statuses.items()}
    if reading.in_progress and reading.status != "created":
        return "in progress", retryable
    return reading.status, retryable


def _answered_between(run: Sequence[RetryCall], exchanges: Sequence[Exchange]) -> bool:
    """True if a read was answered 200 between each two calls; asked of 5xx only (BR-ERR-08)."""
    return word(run[0].exchange) != "none" or answered_between(run, exchanges)


def answered_between(run: Sequence[RetryCall], exchanges: Sequence[Exchange]) -> bool:
    """True if a read was answered 200 between each two of the calls."""
    reads = [e for e in exchanges if e.invoke.method == "GET" and e.status == 200]
    return all(any(a.last <= e.t and e.last <= b.t for e in reads) for a, b in pairwise(run[:ENOUGH]))


def _still(
    run: Sequence[RetryCall],
    calls: Sequence[RetryCall],
    members: Mapping[str, Sequence[Reading]],
    header: Header,
) -> bool:
    """True if every message is seen after the run as it was before it, with no more attempts than earlier calls explain.

    And once more when one settling time is over: whoever answered, the calls may have been carried out, and late (ruling 16).
    """
    last, lag = run[-1], header.read_lag or 0.0
    until = min((c.t for c in calls if c.t > last.t), default=float("inf"))
    settled = last.last + header.settle_timeout + lag
    read = {message: [r for r in seen if r.last <= until] for message, seen in members.items()}
    return bool(members) and all(
        _gained_nothing(seen, run, last.t + lag, settled, [c for c in calls if c.reaches(message) and c.may_reset])
        for message, seen in read.items()
    )


def _gained_nothing(
    seen: Sequence[Reading], run: Sequence[RetryCall], decided: float, settled: float, resets: Sequence[RetryCall]
) -> bool:
    """:param decided: from when on a reading shows a state not older than the last call of the run."""
    first = run[0]
    known = late = False
    for view in {r.view for r in seen}:
        mine = [r for r in seen if r.view == view]
        before = next((r for r in reversed(mine) if r.last <= first.t), None)
        after = [r for r in mine if r.t >= first.last]
        if before is not None:
            earlier = sum(before.last <= c.t < first.t for c in resets)
            end = _end_elsewhere(seen, before, first.t)
            if end is not None:
                # What it shows afterwards has to be that end, in the attempt that was on its way.
                if any(r.status != end.status or _gained(before, r) > earlier for r in after):
                    return False
                late = late or any(r.t >= settled for r in after)
                continue
            then = next((r for r in after if r.t >= decided), None)
            moved = then is not None and _situation(then) != _situation(before)
            if moved or any(_gained(before, r) > earlier for r in after):
                return False
            # What was read before a call that may have reset the message says nothing of its situation.
            known = known or (then is not None and not earlier)
        late = late or any(r.t >= settled for r in after)
    return known and late


def _gained(a: Reading, b: Reading) -> int:
    """Attempts that the second reading shows more than the first, at least."""
    grown = max((b.counts[name] - a.counts[name] for name in a.counts.keys() & b.counts.keys()), default=0)
    changed = a.terminal and (b.in_progress or (a.status, a.updated_at) != (b.status, b.updated_at))
    return max(grown, int(changed))


def _credential(calls: Sequence[RetryCall], exchanges: Sequence[Exchange]) -> set[int]:
    """401 and 403 in JSON to the configured key, with reads answered 200 before and after, from the third on all of them."""
    asked = (c for c in calls if c.valid and c.sent and word(c.exchange) == "credential" and not _wordless(c))
    found = {c.n for c in asked if alive(c.exchange, exchanges)}
    return found if len(found) >= ENOUGH else set()


def alive(exchange: Exchange, exchanges: Sequence[Exchange]) -> bool:
    """True if the configured key is shown to be valid on both sides of an exchange: by the nearest plain reads.

    A read that is refused for the key while the exchange is in flight speaks against it.
    """
    before = after = False
    for read in exchanges:
        invoke = read.invoke
        if invoke.method != "GET" or invoke.auth != "valid" or invoke.cause is not None or read.status is None:
            continue
        if read.last <= exchange.t:
            before = read.status == 200
        elif read.t >= exchange.last:
            after = read.status == 200
            break
        elif read.status in (401, 403):
            return False
    return before and after
