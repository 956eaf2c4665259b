"""What a Batch Send brings: a form with one file, and its rows."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from tests.innocent.answers import bad_parameter

LANGUAGES = frozenset(("english", "chinese", "malay", "tamil"))
MOST_BYTES = 40 * 1024 * 1024
_NUMBER = re.compile(r"[1-9][0-9]{7,14}", re.ASCII)


@dataclass(frozen=True)
class Row:
    """A message to send; ``params`` is a JSON object of texts."""

    recipient: str
    language: str
    params: str


def row(recipient: object, language: object, values: object) -> Row:
    """A row that can be sent.

    :raises RefusalError: it cannot.
    """
    if not isinstance(recipient, str) or not _NUMBER.fullmatch(recipient):
        raise bad_parameter("recipient is invalid")
    if not isinstance(language, str) or language not in LANGUAGES:
        raise bad_parameter("language is invalid")
    if not isinstance(values, Mapping) or not all(isinstance(v, str) for v in values.values()):
        raise bad_parameter("values are invalid")
    return Row(recipient, language, json.dumps(values, ensure_ascii=False))


def file_of(content_type: str, body: bytes) -> tuple[str, bytes]:
    """Name and content of the part ``file`` of a form.

    :raises RefusalError: there is no such form, or not one such part.
    """
    mark = re.search(r'boundary="?([^";,]+)"?', content_type)
    if not content_type.lower().startswith("multipart/form-data") or mark is None or len(body) > MOST_BYTES:
        raise bad_parameter("a form with a file is needed")
    parts = (b"\r\n" + body).split(b"\r\n--" + mark[1].encode("latin-1"))
    found = []
    for part in parts[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        text = head.decode("utf-8", "replace")
        if re.search(r'name="file"', text):
            name = re.search(r'filename="([^"]*)"', text)
            found.append((name[1] if name else "upload.csv", content))
    if len(found) != 1:
        raise bad_parameter("a form with one file is needed")
    return found[0]


def rows_of(content: bytes, most: int) -> list[Row]:
    """The rows of a file; one bad row makes all of it bad.

    :raises RefusalError: it is bad.
    """
    try:
        table = [line for line in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True) if line]
    except (csv.Error, UnicodeDecodeError):
        raise bad_parameter("the file is no CSV in UTF-8") from None
    if not table or table[0][:2] != ["recipient", "language"] or len(set(table[0])) != len(table[0]):
        raise bad_parameter("the file's header is invalid")
    if not 1 <= len(table) - 1 <= most:
        raise bad_parameter(f"the file must have 1 to {most} rows")
    if any(len(line) != len(table[0]) for line in table):
        raise bad_parameter("a row has another number of columns than the header")
    return [row(line[0], line[1], dict(zip(table[0][2:], line[2:], strict=True))) for line in table[1:]]
