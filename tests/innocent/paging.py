"""Keyset paging: a cursor says behind or before which (created, id) a page lies, and the index does the rest."""

from __future__ import annotations

import base64
import binascii
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from tests.innocent.answers import bad_parameter

MOST = 1000
Key = tuple[int, str]


def to_cursor(key: Key) -> str:
    """A cursor for a position."""
    return base64.b32encode(f"{key[0]}/{key[1]}".encode()).decode().rstrip("=").lower()


def from_cursor(text: str) -> Key:
    """The position of a cursor.

    :raises RefusalError: it is none.
    """
    try:
        created, _, name = base64.b32decode(text.upper() + "=" * (-len(text) % 8)).decode().partition("/")
        return int(created), name
    except (binascii.Error, ValueError):
        raise bad_parameter("cursor is invalid") from None


@dataclass(frozen=True)
class Wanted:
    """The page that a query asks for."""

    limit: int = 10
    after: Key | None = None
    before: Key | None = None
    search: str = ""


def wanted(query: Mapping[str, str]) -> Wanted:
    """Read a query.

    :raises RefusalError: a parameter is invalid.
    """
    number = query.get("limit", "10")
    if not (number.isascii() and number.isdecimal() and len(number) <= 4 and 1 <= int(number) <= MOST):
        raise bad_parameter(f"limit must be 1 to {MOST}")
    if "after" in query and "before" in query:
        raise bad_parameter("after and before exclude each other")
    return Wanted(
        int(number),
        from_cursor(query["after"]) if "after" in query else None,
        from_cursor(query["before"]) if "before" in query else None,
        query.get("search", ""),
    )


class Keyset:
    """Pages of the messages that a condition selects, in the order of createdAt, then id."""

    #: What a row is compared by; what it is ordered by.
    key = "(created, id)"
    bound = "(?, ?)"

    def values(self, position: Key) -> tuple[object, ...]:
        """What a position is compared with."""
        return position

    def rows(
        self, db: sqlite3.Connection, column: str, owner: str, page: Wanted
    ) -> tuple[list[sqlite3.Row], dict[str, object]]:
        """The rows of a page, and ``pageData``.

        :param column: of ``latest``; :param owner: its value.
        """
        # instr and not LIKE, in which % and _ would mean something.
        where, values = f"{column} = ? AND instr(recipient, ?) > 0", [owner, page.search]
        backward = page.before is not None
        position = page.before if backward else page.after
        beyond, order = ("<", "DESC") if backward else (">", "ASC")
        edge: list[object] = [*values, *(self.values(position) if position else ())]
        limit = f" AND {self.key} {beyond} {self.bound}" if position else ""
        found = db.execute(
            f"SELECT * FROM latest WHERE {where}{limit} ORDER BY created {order}, id {order} LIMIT ?",
            [*edge, page.limit + 1],
        ).fetchall()
        more, found = len(found) > page.limit, found[: page.limit]
        if backward:
            found.reverse()
        data: dict[str, object] = {
            "hasNextPage": self._any(db, where, values, found, ">") if backward else more,
            "hasPreviousPage": more if backward else self._any(db, where, values, found, "<"),
            "startCursor": to_cursor((found[0]["created"], found[0]["id"])) if found else None,
            "endCursor": to_cursor((found[-1]["created"], found[-1]["id"])) if found else None,
        }
        return found, data

    def _any(
        self, db: sqlite3.Connection, where: str, values: list[str], found: list[sqlite3.Row], beyond: str
    ) -> bool:
        """True if there is a row beyond these."""
        if not found:
            return False
        edge = found[-1 if beyond == ">" else 0]
        query = f"SELECT 1 FROM latest WHERE {where} AND {self.key} {beyond} {self.bound} LIMIT 1"
        return db.execute(query, [*values, *self.values((edge["created"], edge["id"]))]).fetchone() is not None
