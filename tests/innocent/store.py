"""The database: a file, a connection for each request, and transactions that are what they say."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

_SCHEMA = Path(__file__).with_name("schema.sql")
#: Seconds for which a writer waits for another.
PATIENCE = 30.0


class Store:
    """Where batches and messages are kept.

    :param folder: an empty folder; the file lasts as long as it does.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "messages.db"
        with self.connected() as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(_SCHEMA.read_text(encoding="utf-8"))

    def connected(self) -> contextlib.closing[sqlite3.Connection]:
        """A connection, for one thread."""
        # Transactions are begun by hand: the module's own way begins them too late for a check before a change.
        db = sqlite3.connect(self._path, timeout=PATIENCE, isolation_level=None)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA synchronous = OFF")
        return contextlib.closing(db)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A snapshot: whatever is read in the block is of one instant."""
        with self.connected() as db, transaction(db, "BEGIN"):
            yield db

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A change that no other overlaps; all of it, or nothing if the block raises."""
        with self.connected() as db, transaction(db, "BEGIN IMMEDIATE"):
            yield db


@contextlib.contextmanager
def transaction(db: sqlite3.Connection, begin: str) -> Iterator[None]:
    """A transaction that is begun with ``begin``, and rolled back if the block raises."""
    db.execute(begin)
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def wall_clock() -> int:
    """Microseconds since 1970, by the clock of whoever serves requests."""
    return time.time_ns() // 1000
