"""Reads that the document allows: boundary sizes of pages, cursors that nobody gave out, any text to search for."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from conformance.fuzzing.drawing import Drawn
from conformance.fuzzing.unusual import in_turn
from conformance.history.records import Operation

#: A read that differs from a plain one in cursor or search, in letters that no gateway refuses; and in any others.
VALID = "generated:valid"
ODD = "generated:odd"

_PLAIN = re.compile(r"[A-Za-z0-9_=-]{0,200}")
#: A number of this many digits might be somebody's.
_NUMBER = re.compile(r"\d{8}")
_OPTIONAL = ("after", "before", "search")


@dataclass(frozen=True, kw_only=True)
class ListRead:
    """A read of a listing. ``cause`` None: it asks for a page size only."""

    operation: Operation
    query: tuple[tuple[str, str], ...]
    cause: str | None


def list_reads(operation: Operation, cases: Iterable[Drawn]) -> list[ListRead]:
    """Every read in these cases, each once, the kinds in turn."""
    found = [read for case in cases for read in _reads(operation, case)]
    return in_turn({read: _kind(read) for read in found})


def _kind(read: ListRead) -> str:
    names = [name for name, value in read.query if value or name == "limit"]
    # The boundaries are kinds of their own, so that they come first.
    return (
        f"{read.cause} {names} {read.query[0][1] if read.cause is None and read.query[0][1] in ('1', '1000') else ''}"
    )


def classify(query: Sequence[tuple[str, str]]) -> str | None:
    """The cause of a read of a listing with this query: None if it is plain, ``query:…`` if the document forbids it."""
    names = [name for name, _ in query]
    limit = dict(query).get("limit", "")
    within = limit.isascii() and limit.isdecimal() and 1 <= int(limit[:5]) <= 1000
    if not within or len(set(names)) != len(names) or not set(names) <= {"limit", *_OPTIONAL}:
        return "query:generated:read"
    if names == ["limit"]:
        return None
    return VALID if all(_PLAIN.fullmatch(value) for _, value in query) else ODD


def _reads(operation: Operation, case: Drawn) -> Iterator[ListRead]:
    query = dict(case.query)
    limit = query.get("limit", "")
    if not (limit.isascii() and limit.isdecimal() and 1 <= int(limit) <= 1000):
        return
    yield ListRead(operation=operation, query=(("limit", limit),), cause=None)
    for name in _OPTIONAL:
        if name in query:
            # A cursor, or a part of a number, as it might look.
            spelled = base64.urlsafe_b64encode(query[name].encode("utf-8", "replace")).decode()[:40]
            yield _read(operation, (("limit", limit), (name, spelled)))
    yield _read(operation, (("limit", limit), *((n, unquote(query[n])) for n in _OPTIONAL if n in query)))


def _read(operation: Operation, query: tuple[tuple[str, str], ...]) -> ListRead:
    texts = [_NUMBER.sub("0000000", value)[:200] for _, value in query]
    pairs = tuple(zip([name for name, _ in query], texts, strict=True))
    return ListRead(operation=operation, query=pairs, cause=classify(pairs))
