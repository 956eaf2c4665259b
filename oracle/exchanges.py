"""Lines as histories, and back: the records that HTTP would have left of a line's exchanges.

Times are whole milliseconds: an exchange takes 10, the next begins 10 later, exchanges that overlap begin one
after the other, 1 apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from conformance.errors import FormatError
from conformance.history.records import End, Exchange, Header, History, Invoke, Operation, Row
from oracle.line import (
    BATCH_STATUSES,
    BATCH_WORDS,
    LETTERS,
    ROLES,
    STATUSES,
    Cell,
    Line,
    Listing,
    Part,
    Reads,
    Retry,
    Shown,
    Wait,
)
from oracle.request_model import error_code
from oracle.seen import instant

CAMPAIGN = "campaign_A"
BATCH = "batch_1"
_TAKES = 10
_START = datetime(2026, 1, 1, tzinfo=UTC)
_ROLE_LETTERS = {role: letter for letter, role in ROLES.items()}
#: An earlier attempt that shows other marks is dated so much later.
_ALTERED = timedelta(seconds=1)


def message_id(row: int) -> str:
    """The id of the message in that row, counted from 0."""
    return f"message_{row}"


def to_history(line: Line, *, settle: float, lag: float | None) -> History:
    """A history with the line's exchanges, the send first.

    :param settle: ``settle_timeout``, seconds.
    :param lag: ``read_lag``, seconds; None is auto.
    """
    header = Header(
        suite_version="0", contract_version="1.0", run_id="notation", started=_START.isoformat(),
        base_url="http://target.test/api/v2", campaign_id=CAMPAIGN, settle_timeout=settle, read_lag=lag,
        offers=("failing", "succeeding"),
    )  # fmt: skip
    exchanges = [_send(line)]
    now = 2 * _TAKES
    for cell in line.cells:
        if isinstance(wait := cell[0], Wait):
            now += round(settle * 1000) + 1000 if wait.milliseconds is None else wait.milliseconds
            continue
        made = [one for part in cell for one in _requests(part, line)]
        for i, (invoke, end) in enumerate(made):
            start = now + (i if len(cell) > 1 else i * 2 * _TAKES)
            exchanges.append(_exchange(len(exchanges) + 1, start, invoke, end))
        now = round(exchanges[-1].last * 1000) + _TAKES
    return History(header=header, exchanges=tuple(exchanges))


def from_history(history: History) -> Line:
    """The line of a history; raises FormatError for what a line cannot say."""
    if not history.exchanges:
        raise FormatError("the history is empty", where="history", hint="begin with a batch_send")
    send, *others = history.exchanges
    if send.invoke.operation != "batch_send" or not send.invoke.rows:
        raise _unsaid(send, "does not send the batch", "begin with the one batch_send of the history")
    ids = tuple(message_id(i) for i in range(len(send.invoke.rows)))
    cells: list[Cell] = []
    now = 2 * _TAKES
    settle = round(history.header.settle_timeout * 1000) + 1000
    for group in _groups(others):
        start = round(group[0].t * 1000)
        if start > now:
            cells.append((Wait(milliseconds=None if start - now == settle else start - now),))
        cells.append(tuple(_part(exchange, ids) for exchange in group))
        now = round(group[-1].last * 1000) + _TAKES
    return Line(roles="".join(_ROLE_LETTERS[row.role] for row in send.invoke.rows), cells=tuple(cells))


def _groups(exchanges: list[Exchange]) -> Iterator[list[Exchange]]:
    group: list[Exchange] = []
    for exchange in exchanges:
        if group and exchange.t >= group[-1].last:
            yield group
            group = []
        group.append(exchange)
    if group:
        yield group


def _exchange(n: int, start: int, invoke: dict[str, Any], end: dict[str, Any]) -> Exchange:
    last = (start + _TAKES) / 1000
    return Exchange(
        invoke=Invoke(n=n, t=start / 1000, path="/", campaign=CAMPAIGN, **invoke), end=End(n=n, last=last, **end)
    )


def _answer(status: int | None, body: Any = None, size: int = 0) -> dict[str, Any]:
    outcome = "lost" if status is None else "answered"
    return {
        "outcome": outcome,
        "status": status,
        "body": body,
        "size": size,
        "media": "none" if body is None else "json",
    }


def _nonce(row: int) -> str:
    return f"{row:08x}"


def _values(row: int) -> dict[str, str]:
    return {"body": f"text [n:{_nonce(row)}]"}


def _recipient(row: int) -> str:
    return f"651111{row + 1}{row + 1}{row + 1}{row + 1}"


def _send(line: Line) -> Exchange:
    rows = tuple(
        Row(recipient=_recipient(i), role=ROLES[letter], language="english", values=_values(i), nonce=_nonce(i))
        for i, letter in enumerate(line.roles)
    )
    invoke = {"operation": "batch_send", "method": "POST", "rows": rows}
    return _exchange(1, 0, invoke, _answer(201, {"isValid": True, "batchId": BATCH}))


def _requests(part: Part, line: Line) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """What is asked and answered, exchange by exchange."""
    if isinstance(part, Listing):
        invoke: dict[str, Any] = {
            "operation": "batch_list",
            "method": "GET",
            "batch": BATCH,
            "query": (("limit", "20"),),
        }
        items = [_message(i, row, "batch_list") for i, row in enumerate(part.rows) if row is not None]
        page = {"hasNextPage": False, "hasPreviousPage": False, "startCursor": "a", "endCursor": "b"}
        yield invoke, _answer(200, {"data": items, "pageData": page})
    elif isinstance(part, Reads):
        for i, row in enumerate(part.rows):
            if row is not None:
                body = _message(i, row, "message_read")
                if part.batch is not None:
                    body["batches"] = [{"id": BATCH, "status": BATCH_STATUSES[part.batch]}]
                yield {"operation": "message_read", "method": "GET", "message": message_id(i)}, _answer(200, body)
    elif isinstance(part, Retry):
        error = {"error": {"code": part.code, "message": "m", "type": "domain_error", "id": "t"}} if part.code else None
        if part.message is None:
            yield {"operation": "batch_retry", "method": "POST", "batch": BATCH}, _answer(part.status, error, part.size)
        else:
            made = part.status is not None and 200 <= part.status < 300
            answer = _message(part.message, Shown(status="C"), "single_retry") if made else error
            invoke = {"operation": "single_retry", "method": "POST", "message": message_id(part.message)}
            yield invoke, _answer(part.status, answer)


def _message(row: int, shown: Shown, operation: Operation) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": message_id(row),
        "recipient": _recipient(row),
        "values": _values(row),
        "latestStatus": STATUSES[shown.status],
        "createdAt": _START.isoformat(),
    }
    if shown.stamp is not None:
        body["updatedAt"] = (_START + timedelta(seconds=shown.stamp, milliseconds=1)).isoformat()
    if shown.count is not None:
        listed = operation == "batch_list"
        if listed:
            body["numAttempts"] = shown.count
        body["messageAttempts" if listed else "attempts"] = _attempts(row, shown, shown.count)
    return body


def _attempts(row: int, shown: Shown, count: int) -> list[dict[str, Any]]:
    """Newest first, each later by a minute."""
    letters = [shown.newest or shown.status, *(shown.earlier or "F" * (count - 1))][:count]
    return [
        {
            "id": f"attempt_{row}_{number}" + ("_altered" if shown.altered and number < count else ""),
            "status": STATUSES[letter],
            "createdAt": _date(number, altered=shown.altered and number < count),
        }
        for number, letter in zip(range(count, 0, -1), letters, strict=True)
    ]


def _date(number: int, *, altered: bool) -> str:
    return (_START + timedelta(minutes=number) + (_ALTERED if altered else timedelta())).isoformat()


def _unsaid(exchange: Exchange, what: str, hint: str) -> FormatError:
    return FormatError(
        f"the notation has no word for an exchange that {what}", where=f"exchange {exchange.n}", hint=hint
    )


def _part(exchange: Exchange, ids: tuple[str, ...]) -> Part:
    operation, body = exchange.invoke.operation, exchange.end.body
    if operation in ("batch_retry", "single_retry") and exchange.invoke.cause is None:
        message = _place(exchange, {"id": exchange.invoke.message}, ids) if operation == "single_retry" else None
        code = error_code(body)
        return Retry(message=message, status=exchange.status, code=code, size=exchange.end.size)
    if operation == "batch_list" and exchange.status == 200 and isinstance(body, Mapping):
        rows: list[Shown | None] = [None] * len(ids)
        for item in body["data"]:
            rows[_place(exchange, item, ids)] = _shown(exchange, item)
        return Listing(rows=tuple(rows))
    if operation == "message_read" and exchange.status == 200 and isinstance(body, Mapping):
        place = _place(exchange, body, ids)
        status = next((item["status"] for item in body.get("batches", ())), None)
        if status is not None and status not in BATCH_WORDS:
            raise _unsaid(exchange, f"shows the batch in {status!r}", f"use one of {', '.join(BATCH_WORDS)}")
        shown = tuple(_shown(exchange, body) if i == place else None for i in range(len(ids)))
        return Reads(rows=shown, batch=BATCH_WORDS.get(status or ""))
    raise _unsaid(exchange, f"is a {operation} answered {exchange.status}", "leave it out")


def _place(exchange: Exchange, item: Mapping[str, Any], ids: tuple[str, ...]) -> int:
    if item.get("id") not in ids:
        raise _unsaid(exchange, "shows a message of no row", f"name the messages {ids[0]} to {ids[-1]}")
    return ids.index(item["id"])


def _shown(exchange: Exchange, item: Mapping[str, Any]) -> Shown:
    status = LETTERS.get(item.get("latestStatus", ""))
    if status is None:
        raise _unsaid(exchange, f"shows a message in {item.get('latestStatus')!r}", f"use one of {', '.join(LETTERS)}")
    attempts = item.get("messageAttempts", item.get("attempts"))
    updated = instant(item.get("updatedAt"))
    stamp = None if updated is None else round((updated - _START).total_seconds())
    if attempts is None:
        return Shown(status=status, stamp=stamp)
    letters = [LETTERS.get(a["status"], "?") for a in attempts]
    if "?" in letters:
        raise _unsaid(exchange, "shows an attempt in another status", f"use one of {', '.join(LETTERS)}")
    newest = letters[0] if letters and letters[0] != status else None
    earlier = "".join(letters[1:])
    return Shown(
        status=status,
        count=len(attempts),
        newest=newest,
        earlier=earlier if set(earlier) - {"F"} else None,
        altered=any(str(a["id"]).endswith("_altered") for a in attempts),
        stamp=stamp,
    )
