"""One exchange in full, as text: what left, what came, when. Keys and testers' numbers are not in a history. Pure."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from conformance.history.records import Exchange, Header
from conformance.report.clean import harmless
from conformance.report.clock import Clock
from conformance.report.concern import Concern, as_text, narrowed

#: What stands for the credential of each kind of request; the record holds the kind only.
_AUTH = {
    "valid": "the configured one",
    "second": "the campaign's second one",
    "other": "the other campaign's",
    "wrong": "a made-up one",
    "empty": "the scheme Bearer without a key",
    "cut": "the configured one, cut short",
    "extended": "the configured one, made longer",
    "case": "the configured one, in other case",
    "scheme": "the configured one, under the scheme Basic",
}


def line(exchange: Exchange, clock: Clock) -> str:
    """The exchange in one line: number, time, request, answer."""
    invoke = exchange.invoke
    came = str(exchange.status) if exchange.answered else exchange.end.outcome.replace("_", " ")
    return f"{exchange.n}  {clock.utc(exchange.t)}  {invoke.method} {_path(exchange)}  {came}"


def full(exchange: Exchange, header: Header, *, most: int | None = None, about: Concern | None = None) -> str:
    """The exchange in full, in lines.

    :param most: characters of a body that are shown at most; None shows all that is on record.
    :param about: what the reader is to see: a longer listing is cut to the rows that belong to it.
    """
    clock, invoke, end = Clock(header.started), exchange.invoke, exchange.end
    lines = [
        f"exchange {exchange.n}: {invoke.operation}" + (f", {invoke.cause}" if invoke.cause else ""),
        *([f"scenario {invoke.scenario}, driver {invoke.driver}"] if invoke.scenario else []),
        *([f"race {invoke.race}: released together with the others of this number"] if invoke.race is not None else []),
        "",
        *_times(exchange, clock),
        "",
        f"{invoke.method} {header.base_url}{_path(exchange)}",
        *([f"key: {_AUTH[invoke.auth]}"] if invoke.auth in _AUTH else ["key: none"]),
        *([f"Content-Type: {invoke.content_type}"] if invoke.content_type else []),
        "",
        *_rows(exchange),
        *_body(invoke.body, most),
        "",
        *_answer(exchange, most, about),
        *([f"({end.error})"] if end.error else []),
        *(f"({remark})" for remark in end.remarks),
    ]
    return harmless("\n".join(lines)).rstrip() + "\n"


def _times(exchange: Exchange, clock: Clock) -> list[str]:
    end = exchange.end
    told = {
        "began": exchange.t,
        "last byte left": end.released,
        "first byte of the answer": end.first,
        "over": end.last,
    }
    return [f"{clock.utc(at)}  {at:12.6f} s  {what}" for what, at in told.items() if at is not None]


def _path(exchange: Exchange) -> str:
    query = exchange.invoke.query
    return exchange.invoke.path + (f"?{urlencode(query)}" if query else "")


def _rows(exchange: Exchange) -> list[str]:
    rows = exchange.invoke.rows
    return [
        f"row {i}: to {r.recipient} ({r.role}), {r.language}, {json.dumps(r.values)}" for i, r in enumerate(rows, 1)
    ]


def _answer(exchange: Exchange, most: int | None, about: Concern | None) -> list[str]:
    end = exchange.end
    if end.outcome == "not_sent":
        return ["not sent: no byte left"]
    if end.outcome == "lost":
        return ["no whole answer came: whether the request was carried out is unknown"]
    headers = [f"{name}: {value}" for name, value in end.headers.items()]
    if end.undecoded:
        return [f"HTTP {end.status}", *headers, "", f"(a body encoded as {end.undecoded}, which is not read)"]
    empty = end.media == "none" or (end.body is None and not end.size)
    if empty:
        return [f"HTTP {end.status}", *headers, "", "(an empty body)"]
    body, rows = narrowed(exchange, about, most) if about is not None and most is not None else (end.body, 0)
    left_out = f"({rows} row{'s' if rows != 1 else ''} left out; `show {exchange.n}` prints all)"
    return [f"HTTP {end.status}", *headers, "", *_body(body, most, shown=True), *([left_out] if rows else [])]


def _body(body: Any, most: int | None, *, shown: bool = False) -> list[str]:
    if body is None and not shown:
        return ["(no body)"]
    text = as_text(body)
    if most is not None and len(text) > most:
        return [f"{text[:most]}…", f"({len(text) - most} characters more)"]
    return [text]
