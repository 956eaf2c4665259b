"""Odd retries, each odd in one thing: the parts of a drawn case, one request for each.

Every one of them names an id that this run made up, so that it texts nobody. What might direct a server to anything
else (a field, query or header that names batches, messages, campaigns, methods or recipients) is left out, by name.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import unquote, urlencode

from conformance.fuzzing.drawing import Drawn
from conformance.transport.forms import recipient_like
from conformance.transport.guard import OWN_HEADERS
from conformance.transport.inert import LONGEST, inert

T = TypeVar("T")

#: Parts of names that might direct a server to something else than the path does.
_DIRECTING = ("batch", "message", "campaign", "method", "uuid", "auth", "token", "cookie", "forward", "origin", "host")
#: Headers that are about the connection, not about the request.
_CONNECTION = ("expect", "upgrade", "te", "trailer", "keep-alive", "proxy-connection", "http2-settings", "range")
_BOUNDARY = "conformance-0d9f36a1b27c58e4"
#: Bytes of a body, and characters of a query's or header's value, at most.
_LONGEST_BODY = 20_000
_LONGEST_VALUE = 2_000
#: Methods beyond those that the scenarios try. TRACE shows a request's headers: the key would come back.
_METHODS = ("QUERY",)


@dataclass(frozen=True, kw_only=True)
class OddRetry:
    """A retry of a made-up id. ``tail`` stands behind the id's UUID."""

    cause: str
    tail: str = ""
    method: str | None = None
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes | None = None
    content_type: str | None = None


def odd_retries(cases: Iterable[Drawn]) -> list[OddRetry]:
    """Every odd request in these cases, each once, the kinds in turn."""
    return in_turn({odd: odd.cause for case in cases for odd in _parts(case)})


def in_turn(kinds: dict[T, str]) -> list[T]:
    """The keys, one of each kind after the other, then the next of each: so that any beginning shows most kinds."""
    turns: dict[str, int] = {}
    order = []
    for place, (item, kind) in enumerate(kinds.items()):
        turns[kind] = turns.get(kind, 0) + 1
        order.append((turns[kind], place, item))
    return [item for _, _, item in sorted(order, key=lambda entry: entry[:2])]


def directing(name: str) -> bool:
    """Whether a field of this name may lead a server to something else than the path names."""
    plain = "".join(c for c in name.casefold() if c.isalnum())
    return plain in ("id", "ids", "all") or recipient_like(name) or any(part in plain for part in _DIRECTING)


def _parts(case: Drawn) -> Iterator[OddRetry]:
    if case.method in _METHODS:
        yield OddRetry(cause=f"method:{case.method}", method=case.method)
    if case.media_type is not None:
        yield from _body(case.body, case.media_type)
    pairs = tuple((n, v) for n, v in case.query if not directing(n) and len(n) + len(v) <= _LONGEST_VALUE)
    for some in (pairs, *((pair,) for pair in pairs)):
        if any(value for _, value in some):
            yield OddRetry(cause=f"query:generated:{_text_kind(''.join(n + v for n, v in some))}", query=some)
    for name, value in case.headers:
        yield from _header(name, value)
    tail = "".join(c for c in unquote(case.name) if inert(c))[:LONGEST]
    if tail and inert(tail) and not tail.startswith("batch_"):
        yield OddRetry(cause=f"id:generated:{_text_kind(tail)}", tail=tail)


def _header(name: str, value: str) -> Iterator[OddRetry]:
    low = name.lower()
    if low in (*OWN_HEADERS, *_CONNECTION) or directing(low) or low.startswith("x-rewrite"):
        return
    if not value.isascii() or not value.isprintable() or value != value.strip() or len(value) > _LONGEST_VALUE:
        return
    if low == "content-type":
        yield OddRetry(cause="header:generated:content-type", headers=((low, value),))
    elif all(c.isascii() and (c.isalnum() or c in "-_.!#$%&'*+^`|~") for c in name) and name:
        yield OddRetry(
            cause="header:generated:named" if low != "x-odd" else "header:generated:value", headers=((low, value),)
        )


def _body(body: Any, media_type: str) -> Iterator[OddRetry]:
    if _directs(body):
        return
    content, content_type = _written(body, media_type)
    if content is not None and len(content) <= _LONGEST_BODY:
        yield OddRetry(
            cause=f"body:generated:{_body_kind(body, media_type)}", content=content, content_type=content_type
        )


def _directs(value: Any) -> bool:
    if isinstance(value, dict):
        return any(directing(str(name)) or _directs(inner) for name, inner in value.items())
    return isinstance(value, list) and any(map(_directs, value))


def _written(body: Any, media_type: str) -> tuple[bytes | None, str]:
    """The body's bytes and content type; None for what cannot be written."""
    if isinstance(body, bytes):
        return body, media_type
    try:
        if media_type == "multipart/form-data":
            return _multipart(body), f"{media_type}; boundary={_BOUNDARY}"
        if media_type == "application/x-www-form-urlencoded" and isinstance(body, dict):
            return urlencode({name: _said(value) for name, value in body.items()}).encode(), media_type
        text = _said(body) if media_type == "text/plain" else json.dumps(body, ensure_ascii=False)
        return text.encode(), media_type
    except (UnicodeEncodeError, ValueError, RecursionError):
        return None, media_type


def _multipart(body: Any) -> bytes:
    fields = body if isinstance(body, dict) else {"": body}
    parts = []
    for name, value in fields.items():
        label = "".join(c for c in name if c.isprintable() and c not in '"\\')
        parts.append(f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{label}"\r\n\r\n{_said(value)}\r\n')
    return f"{''.join(parts)}--{_BOUNDARY}--\r\n".encode()


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _body_kind(body: Any, media_type: str) -> str:
    kinds = {"multipart/form-data": "multipart", "application/x-www-form-urlencoded": "form", "text/plain": "text"}
    if media_type != "application/json":
        return kinds.get(media_type, "bytes")
    if isinstance(body, bool) or body is None:
        return "null" if body is None else "boolean"
    if isinstance(body, int | float):
        return "number"
    return "string" if isinstance(body, str) else "array" if isinstance(body, list) else "object"


def _text_kind(text: str) -> str:
    if any(unicodedata.category(c) == "Cc" for c in text):
        return "control"
    return "plain" if text.isascii() else "non-ascii"
