"""The bounds of one answer: of its bytes, its headers, the depth and the number of its parts, and its time.

What is beyond them is not read: :class:`TooLargeError`. Nothing is concluded from such an answer, whatever its status is.
"""

from __future__ import annotations

import json
import math
import re
import socket
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from conformance.history.records import TOO_LARGE, Media

#: Bytes of a body, as they come and after decoding.
MAX_BODY = 8 << 20
#: Objects, lists and members of a JSON text. A page of a thousand messages has a hundred thousand or so.
MAX_PARTS = 150_000
#: Messages of one page: no page is asked for more than a thousand.
MAX_ROWS = 2_000
#: Objects and lists inside of each other.
MAX_DEPTH = 256
#: Header fields of an answer, and their bytes.
MAX_HEADERS, MAX_HEAD = 200, 32 << 10
#: Members of one gzip stream.
_MEMBERS = 64
#: What is asked for, and decoded.
ACCEPTED = "gzip, deflate"
#: Encodings that there are (the registry of RFC 9110) and that are not decoded here. Under any other name, a text that
#: is JSON as it stands is read.
_REGISTERED = frozenset(
    {
        *("aes128gcm", "br", "compress", "dcb", "dcz", "deflate"),
        *("exi", "gzip", "pack200-gzip", "x-compress", "x-gzip", "zstd"),
    }
)
_LARGEST = 1.7976931348623157e308


class TooLargeError(Exception):
    """An answer is beyond a bound; its text says which."""

    def __init__(self, which: str) -> None:
        super().__init__(f"{TOO_LARGE}: {which}")


class UndecodableError(Exception):
    """A body is not what its Content-Encoding says, or was cut off."""


def check_head(headers: Sequence[tuple[bytes, bytes]]) -> None:
    """:raises TooLargeError: these header fields are too many, or too long."""
    if len(headers) > MAX_HEADERS:
        raise TooLargeError(f"it has more than {MAX_HEADERS} header fields")
    if sum(len(name) + len(value) for name, value in headers) > MAX_HEAD:
        raise TooLargeError(f"its header fields are longer than {MAX_HEAD >> 10} KiB")


def read_body(parts: Iterable[bytes], encoding: str, limit: int = MAX_BODY) -> tuple[bytes, str]:
    """A body, decoded, and the Content-Encoding that could not be decoded; empty if it could.

    :param parts: as they come from the connection; :param encoding: the header, empty if there is none.
    :raises TooLargeError: it is longer than ``limit``; :raises UndecodableError: it is not what the encoding says.
    """
    names = [name for name in (each.strip().lower() for each in encoding.split(",")) if name not in ("", "identity")]
    if names in (["gzip"], ["x-gzip"], ["deflate"]):
        return b"".join(_inflated(_bounded(parts, limit), names[0], limit)), ""
    body = b"".join(_bounded(parts, limit))
    return body, ", ".join(names) if body else ""


def decodable_as_it_stands(undecoded: str) -> bool:
    """Whether this is no encoding that anybody registered, so that a body of JSON under it is what it seems."""
    return _REGISTERED.isdisjoint(name.strip() for name in undecoded.split(","))


def _bounded(parts: Iterable[bytes], limit: int) -> Iterator[bytes]:
    size = 0
    for part in parts:
        size += len(part)
        if size > limit:
            raise TooLargeError(f"its body is longer than {_bytes(limit)}")
        yield part


def _inflated(parts: Iterable[bytes], name: str, limit: int) -> Iterator[bytes]:
    decoder, size, members, came = None, 0, 0, False
    for part in parts:
        rest = part
        while rest:
            came = True
            if decoder is None:
                decoder, members = _decoder(name, rest), members + 1
            try:
                plain = decoder.decompress(rest, limit + 1 - size)
            except zlib.error:
                raise UndecodableError(f"the body is not {name}") from None
            size += len(plain)
            if size > limit:
                raise TooLargeError(f"its decoded body is longer than {_bytes(limit)}")
            if plain:
                yield plain
            rest = decoder.unconsumed_tail
            if decoder.eof:
                # Another member may follow (RFC 1952); anything else behind the end is nobody's.
                rest = decoder.unused_data if decoder.unused_data[:2] == b"\x1f\x8b" else b""
                if rest and members >= _MEMBERS:
                    raise TooLargeError(f"its body has more than {_MEMBERS} members of {name}")
                if rest:
                    decoder = None
                elif decoder.unused_data:
                    return
    if came and decoder is not None and not decoder.eof:
        raise UndecodableError(f"the body is cut off within its {name}")


def _decoder(name: str, head: bytes) -> Any:
    if name != "deflate":
        return zlib.decompressobj(zlib.MAX_WBITS | 16)
    # Both readings of "deflate" are in use: with a zlib header (its check bits say so), and without.
    wrapped = len(head) > 1 and head[0] & 15 == 8 and (head[0] << 8 | head[1]) % 31 == 0
    return zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)


def _bytes(limit: int) -> str:
    return f"{limit >> 20} MiB" if limit >= 1 << 20 else f"{limit >> 10} KiB"


def parse(body: bytes) -> tuple[Any, Media, tuple[str, ...]]:
    """A body as JSON or text, which of them it is, and what was done to it (``End.remarks``).

    :raises TooLargeError: it is too deep, has too many parts, or is a page of too many messages.
    """
    if not body:
        return None, "none", ()
    try:
        # A byte-order mark may stand before JSON, and be ignored (RFC 8259, section 8.1).
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None, "binary", ()
    # An upper bound: marks in strings count too. What is not closed is no JSON, however much of it there is.
    opening = body.count(b"[") + body.count(b"{")
    closed = text.lstrip()[:1] in ("[", "{") and text.rstrip()[-1:] in ("]", "}")
    if opening + body.count(b",") > MAX_PARTS and closed:
        raise TooLargeError(f"it has more than {MAX_PARTS} parts")
    try:
        value = json.loads(text, parse_constant=_no_constant, parse_int=_whole, parse_float=_fraction)
    except ValueError:
        return text, "text", ()
    except RecursionError:
        if not closed:
            return text, "text", ()
        raise TooLargeError(f"it is nested deeper than {MAX_DEPTH}") from None
    if opening > MAX_DEPTH:
        _check_depth(value)
    rows = value.get("data") if isinstance(value, dict) else None
    if isinstance(rows, list) and len(rows) > MAX_ROWS:
        raise TooLargeError(f"it lists more than {MAX_ROWS} messages")
    if "\\ud" in text or "\\uD" in text:
        clean = without_surrogates(value)
        return clean, "json", (() if clean == value else ("surrogates",))
    return value, "json", ()


def _check_depth(value: Any) -> None:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        inner = (each for outer in level for each in (outer.values() if isinstance(outer, dict) else outer))
        level = [each for each in inner if isinstance(each, dict | list)]
        if not level:
            return
    raise TooLargeError(f"it is nested deeper than {MAX_DEPTH}")


def without_surrogates(value: Any) -> Any:
    """JSON with every lone surrogate escaped: UTF-8 has none."""
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, dict):
        return {escaped(name): without_surrogates(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [without_surrogates(inner) for inner in value]
    return value


_SURROGATES = re.compile("[\ud800-\udfff]")


def escaped(text: str) -> str:
    """The text with every lone surrogate written as JSON escapes it: a backslash, ``u``, and four digits."""
    return _SURROGATES.sub(lambda m: f"\\u{ord(m[0]):04x}", text)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _whole(text: str) -> int | float:
    """An integer; one that has no place in 64 bits as the nearest fraction, which a history can hold."""
    if len(text) < 19:
        return int(text)
    if len(text) > 400:
        return -_LARGEST if text[0] == "-" else _LARGEST
    number = int(text)
    return number if -(1 << 63) <= number < 1 << 63 else _fraction(text)


def _fraction(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else math.copysign(_LARGEST, number)


class Watchdog:
    """Ends a call that takes too long, whatever the other side does, by cutting its connection.

    ``trace`` is to be told what httpcore traces. For one thread at a time.
    """

    def __init__(self) -> None:
        self._stream: Any = None

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Learn which connection the call has."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._stream = info.get("return_value")

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Cut the connection if the block has not ended within so many seconds."""
        timer = threading.Timer(seconds, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut(self) -> None:
        sock = self._stream.get_extra_info("socket") if self._stream is not None else None
        if isinstance(sock, socket.socket):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return
