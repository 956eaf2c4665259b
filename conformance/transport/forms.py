"""Bodies of sends: how they are written, and the strict reading that the guard gives them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from conformance.transport.request import OutRow

_BOUNDARY = "conformance-4c1d7be2a90f4e56"
_DISPOSITION = re.compile(rb'form-data; name="file"; filename="[\w.-]+"\Z')


class UnreadableError(ValueError):
    """A body that has more than one reading, or none: the guard lets none such out."""


def csv_of(rows: Sequence[OutRow]) -> bytes:
    """The CSV of a Batch Send (contract section 1): recipient, language, then a column for each parameter."""
    names = list(rows[0].values) if rows else []
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["recipient", "language", *names])
    for row in rows:
        writer.writerow([row.recipient, row.language, *(row.values[name] for name in names)])
    return text.getvalue().encode()


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
    """The one file of a multipart form, read strictly.

    :raises UnreadableError: another content type, not one part, odd headers, text around the part.
    """
    match = re.fullmatch(r'multipart/form-data; boundary="?([\w.-]{8,70})"?', content_type)
    if match is None:
        raise UnreadableError("its content type is not one multipart form")
    mark = b"--" + match.group(1).encode()
    if not body.startswith(mark + b"\r\n") or not body.endswith(b"\r\n" + mark + b"--\r\n") or body.count(mark) != 2:
        raise UnreadableError("it is not a form with exactly one part")
    part = body[len(mark) + 2 : -len(mark) - 6]
    head, blank, content = part.partition(b"\r\n\r\n")
    if not blank:
        raise UnreadableError("its part has no content")
    headers = [line.partition(b": ") for line in head.split(b"\r\n")]
    names = [name.lower() for name, _, _ in headers]
    if sorted(names) not in ([b"content-disposition"], [b"content-disposition", b"content-type"]):
        raise UnreadableError("its part has headers that a file needs not")
    if not _DISPOSITION.fullmatch({n.lower(): v for n, _, v in headers}[b"content-disposition"]):
        raise UnreadableError("its part is not the field `file`")
    return content


def recipients_in(content: bytes) -> list[str]:
    """The recipients of a CSV, one for each row, read strictly (RFC 4180).

    :raises UnreadableError: not UTF-8, a byte order mark, NUL, a lone CR or LF, a wrong header, ragged rows.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise UnreadableError("it is not UTF-8") from None
    if "\0" in text or text.startswith("\ufeff"):
        raise UnreadableError("it holds a NUL or a byte order mark")
    if re.search(r"\r(?!\n)|(?<!\r)\n", re.sub(r'"(?:[^"]|"")*"', "", text)):
        raise UnreadableError("its lines do not all end in CR LF")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise UnreadableError(f"it is not CSV: {error}") from None
    if len(rows) < 2 or rows[0][:2] != ["recipient", "language"] or len(set(rows[0])) != len(rows[0]):
        raise UnreadableError("its header is not recipient, language, and parameters")
    if any(recipient_like(name) for name in rows[0][1:]):
        raise UnreadableError("it has a second column for recipients")
    if any(len(row) != len(rows[0]) for row in rows):
        raise UnreadableError("its rows differ in length")
    return [row[0] for row in rows[1:]]


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


_LIKE = ("recipient", "phone", "mobile", "msisdn", "destination", "contact", "number", "sendto", "receiver")


def recipient_like(name: str) -> bool:
    """Whether a field of this name may hold who is texted."""
    plain = "".join(c for c in name.casefold() if c.isalnum())
    return plain in ("to", "tel", "cc", "bcc") or any(part in plain for part in _LIKE)


def addressed(value: Any, *, below: bool = False) -> Iterator[str]:
    """Every value that stands below a recipient-like name, at any depth, as text."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from addressed(inner, below=below or recipient_like(str(name)))
    elif isinstance(value, list):
        for inner in value:
            yield from addressed(inner, below=below)
    elif below and value is not None:
        yield str(value)
