"""Who is named in places that are no send's list of recipients: queries, headers, paths, and bodies of retries.

A retry carries no recipient. Where something in it may still be read as one, by whatever reader, it has to be a
number that the configuration allows. Numbers inside texts that speak of no recipient are none (design.md section 4).
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, unquote_plus

from conformance.transport.forms import UnreadableError, addressed, json_in, recipient_like

_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2}))")
_ESCAPED = re.compile(r"[%&\\\0]")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
#: Digits that may be somebody's number, with what people write between them.
_NUMBER = re.compile(r"\d(?:[ ().-]*\d){7,}")


def unescaped(text: str) -> str:
    """A text as a generous reader sees it: percent, HTML and backslash escapes undone, widths made equal, NUL dropped."""
    if text.isascii() and not _ESCAPED.search(text):
        return text
    for _ in range(4):
        plain = _ESCAPE.sub(lambda m: chr(int(m[1] or m[2], 16)), html.unescape(unquote(text)))
        if plain == text:
            break
        text = plain
    return unicodedata.normalize("NFKC", text.replace("\0", ""))


def mentions(text: str) -> bool:
    """Whether a word of the text is a name under which a recipient may stand."""
    return any(recipient_like(word) for word in re.split(r"[^\w.-]+", unescaped(text)))


def in_text(text: str) -> Iterator[str]:
    """The numbers in a text that speaks of recipients; none if it does not."""
    plain = unescaped(text)
    found = _NUMBER.findall(_UUID.sub("", plain))
    # Few texts hold a number: the costlier question comes second.
    if found and mentions(plain):
        for number in found:
            yield "".join(str(unicodedata.decimal(c)) for c in number if c.isdecimal())


def in_pairs(text: str) -> Iterator[str]:
    """The values of ``name=value`` pairs, however separated, that stand under a recipient-like name."""
    for part in re.split(r"[&;]", text):
        name, equals, value = part.partition("=")
        if recipient_like(unescaped(name)):
            yield unescaped(unquote_plus(value)) if equals else ""
        else:
            yield from in_text(unquote_plus(part))


def in_path(path: str) -> Iterator[str]:
    """The same in the parameters of a path's segments (``/retry;name=value``)."""
    for segment in unescaped(path).split("/"):
        if ";" in segment:
            yield from in_pairs(segment.partition(";")[2])


def in_json(value: Any) -> Iterator[str]:
    """Whom JSON names: below recipient-like names, and in texts that speak of recipients."""
    yield from addressed(value)
    if isinstance(value, dict):
        for inner in value.values():
            yield from in_json(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from in_json(inner)
    elif isinstance(value, str):
        yield from in_text(value)


def in_body(body: bytes, content_type: str) -> Iterator[str]:
    """Whom the body of a request names that is no send.

    :raises UnreadableError: it has more than one reading, or none, and one of them may name recipients.
    """
    kind = content_type.lower()
    charset = re.search(r"charset\s*=\s*[\"']?([\w.:-]*)", kind)
    if charset is not None and charset[1] not in ("utf-8", "utf8", "us-ascii"):
        raise UnreadableError("it is not UTF-8")
    text = body.decode("utf-8", "replace")
    if kind.startswith("application/x-www-form-urlencoded"):
        yield from in_pairs(text)
        return
    try:
        value = json_in(body)
    except UnreadableError as error:
        if mentions(text):
            raise UnreadableError(f"it speaks of recipients, and {error}") from None
        return
    if kind.startswith("multipart/"):
        raise UnreadableError("it is JSON, and says that it is a form")
    yield from in_json(value)
