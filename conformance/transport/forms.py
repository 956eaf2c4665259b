"""Bodies of sends: how they are written, and the strict reading that the guard gives them."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from conformance.transport.request import OutRow, Request

_BOUNDARY = "conformance-4c1d7be2a90f4e56"
_FILENAME = re.compile(rb'filename="([\w.-]+)"')
#: Digits from which on a cell may be somebody's number.
_SHORTEST = 5


class UnreadableError(ValueError):
    """A body that has more than one reading, or none: the guard lets none such out."""


def csv_of(rows: Sequence[OutRow]) -> bytes:
    """The CSV of a Batch Send (contract section 1): recipient, language, then a column for each parameter."""
    names = list(rows[0].values) if rows else []
    lines = [[row.recipient, row.language, *(row.values[name] for name in names)] for row in rows]
    return _csv([["recipient", "language", *names], *lines]).encode()


def _csv(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def multipart_of(content: bytes, filename: str = "conformance.csv") -> tuple[bytes, str]:
    """A multipart form with this one file, and its content type."""
    disposition = f'Content-Disposition: form-data; name="file"; filename="{filename}"'
    head = "\r\n".join((f"--{_BOUNDARY}", disposition, "Content-Type: text/csv", "", ""))
    return head.encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={_BOUNDARY}"


def single_of(row: OutRow) -> bytes:
    """The JSON of a Single Send."""
    return json.dumps(
        {"recipient": row.recipient, "language": row.language, "values": row.values}, ensure_ascii=False
    ).encode()


def file_in(body: bytes, content_type: str) -> bytes:
    """The one file of a multipart form: as :func:`multipart_of` writes it, to the byte, under any plain file name.

    :raises UnreadableError: it is written in any other way.
    """
    head, blank, rest = body.partition(b"\r\n\r\n")
    name = _FILENAME.search(head)
    content = rest.removesuffix(f"\r\n--{_BOUNDARY}--\r\n".encode())
    if not blank or name is None or _BOUNDARY.encode() in content:
        raise UnreadableError("it is not a form with exactly one part, the field `file`")
    if multipart_of(content, name[1].decode()) != (body, content_type):
        raise UnreadableError("it is not a form as this suite writes it")
    return content


def recipients_in(content: bytes) -> list[str]:
    """The recipients of a CSV, one for each row: as :func:`csv_of` writes it, to the byte.

    RFC 4180 leaves nobody in doubt but readers that end rows at every line break, or take other marks for delimiters and
    quotes: so a line inside of a value may not begin with what looks like a number, nor a column's name hold such a mark.

    :raises UnreadableError: it is written in any other way, or a second reading may name somebody else.
    """
    try:
        text = content.decode()
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except UnicodeDecodeError:
        raise UnreadableError("it is not UTF-8") from None
    except csv.Error:
        raise UnreadableError("it is not CSV") from None
    if len(rows) < 2 or rows[0][:2] != ["recipient", "language"] or len(set(rows[0])) != len(rows[0]):
        raise UnreadableError("its header is not recipient, language, and parameters")
    if not all(plain_parameter(name) for name in rows[0][2:]):
        raise UnreadableError("it has a second column for recipients, or one with an odd name")
    if any(len(row) != len(rows[0]) for row in rows):
        raise UnreadableError("its rows differ in length")
    if _csv(rows) != text:
        raise UnreadableError("it is not CSV as this suite writes it")
    numbers = [row[0] for row in rows[1:]]
    for line in text.splitlines():
        for begins in (_digits(line.split(delimiter, 1)[0]) for delimiter in ",;|\t"):
            if len(begins) >= _SHORTEST and begins not in numbers:
                raise UnreadableError("a line inside of a value begins with a number")
    return numbers


def single_in(body: bytes) -> str:
    """The recipient of a Single Send: as :func:`single_of` writes it, to the byte.

    :raises UnreadableError: it is written in any other way.
    """
    value = json_in(body)
    if not isinstance(value, dict) or list(value) != ["recipient", "language", "values"]:
        raise UnreadableError("it is not recipient, language and values")
    recipient, values = value["recipient"], value["values"]
    if not isinstance(recipient, str) or not isinstance(values, dict):
        raise UnreadableError("its recipient is no text, or its values are no table")
    if not all(isinstance(v, str) and plain_parameter(k) for k, v in values.items()):
        raise UnreadableError("a value is no text, or has an odd name")
    if json.dumps(value, ensure_ascii=False).encode() != body:
        raise UnreadableError("it is not JSON as this suite writes it")
    return recipient


def plain_parameter(name: str) -> bool:
    """Whether a template's parameter may have this name: no recipient's, and without what some reader takes for a mark."""
    odd = re.fullmatch(r"[\w .-]+", name) is None or name != name.strip()
    return not odd and not recipient_like(name) and name.casefold() not in ("recipient", "language")


def _digits(cell: str) -> str:
    """The digits of a cell that holds nothing else but blanks and signs; else nothing."""
    plain = [c for c in unicodedata.normalize("NFKC", cell) if c.isalnum()]
    return "".join(str(unicodedata.decimal(c)) for c in plain) if all(c.isdecimal() for c in plain) else ""


def json_in(body: bytes) -> Any:
    """JSON read strictly.

    :raises UnreadableError: not UTF-8, not JSON, a key twice in one object.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) != len(pairs):
            raise UnreadableError("it has a key twice")
        return dict(pairs)

    try:
        return json.loads(body.decode(), object_pairs_hook=once)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise UnreadableError("it is not JSON") from None


_LIKE = (
    "recipient",
    "phone",
    "mobile",
    "msisdn",
    "destination",
    "contact",
    "number",
    "sendto",
    "receiver",
    "addressee",
)
_WORDS = frozenset({"to", "tel", "cc", "bcc", "cell", "whom"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@lru_cache(maxsize=512)
def recipient_like(name: str) -> bool:
    """Whether a field of this name may hold who is texted."""
    name = unicodedata.normalize("NFKC", name)
    plain = "".join(c for c in name.casefold() if c.isalnum())
    if plain in _WORDS or any(part in plain for part in _LIKE):
        return True
    return any(word.lower() in _WORDS for word in _WORD.findall(name))


def addressed(value: Any, *, below: bool = False) -> Iterator[str]:
    """Everything that stands below a recipient-like name, at any depth, as text: values, and names of fields."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if below:
                yield str(name)
            yield from addressed(inner, below=below or recipient_like(str(name)))
    elif isinstance(value, list):
        for inner in value:
            yield from addressed(inner, below=below)
    elif below and value is not None:
        yield str(value)


def content_of(request: Request) -> tuple[bytes, str | None]:
    """The body of a request and its content type."""
    if request.content is not None:
        return request.content, request.content_type
    if request.operation == "batch_send":
        return multipart_of(csv_of(request.rows))
    if request.operation == "single_send":
        return single_of(request.rows[0]), "application/json"
    return b"", request.content_type
