"""Write a history, record by record, as it happens."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import ModuleType, TracebackType
from typing import IO

import msgspec

from conformance.errors import UsageError
from conformance.history.records import AnyRecord, End, Footer, Header, Invoke, Note

try:
    import fcntl as _fcntl

    _LOCKS: ModuleType | None = _fcntl
except ImportError:
    # A platform without such locks: there two runs into one folder are the user's to keep apart.
    _LOCKS = None


class HistoryWriter:
    """An append-only history file. Thread-safe; every record has left the process when ``write`` returns.

    The file is locked as long as it is open, where the platform can do that: nothing else writes into a run's history.

    :param path: the file to write; one that exists is replaced, unless a run still writes to it.
    :param header: the first record.
    :raises UsageError: the file cannot be written, or another run holds it. It is left as it was.
    """

    def __init__(self, path: Path, header: Header) -> None:
        try:
            self._file = _locked(path)
        except OSError as error:
            raise UsageError(
                f"the history cannot be written ({error.strerror})", where=str(path), hint="name a folder to write to"
            ) from None
        self.path = path
        self._lock = threading.Lock()
        self._encoder = msgspec.json.Encoder()
        self.calls = 0
        self.messages = 0
        #: Bytes written so far.
        self.size = 0
        self._closed = False
        #: Why a record could not be written; None as long as all could.
        self.failed: OSError | None = None
        self.write(header)

    def write(self, record: AnyRecord) -> None:
        """Append one record. Unbuffered: what was written outlives a killed process."""
        line = self._encoder.encode(record) + b"\n"
        with self._lock:
            if self._closed:
                return
            try:
                self._file.write(line)
            except OSError as error:
                self.failed = error
                raise
            self.size += len(line)
            if isinstance(record, Invoke):
                self.calls += 1
                self.messages += record.charge
            elif isinstance(record, End) and record.outcome == "not_sent":
                self.calls -= 1

    def note(self, note: Note) -> None:
        """Append a note."""
        self.write(note)

    def close(self, t: float, *, complete: bool, messages: int | None = None) -> None:
        """Write the footer and close the file; a second call does nothing.

        :param t: seconds since the run began.
        :param complete: whether the run did all that it had planned.
        :param messages: spent, as the budget counted them; without it, all that were charged, refunded ones too.
        """
        if self._closed:
            return
        spent = self.messages if messages is None else messages
        self.write(Footer(t=t, complete=complete, calls=self.calls, messages=spent))
        with self._lock:
            self._closed = True
            self._file.close()

    def hold(self) -> IO[bytes]:
        """The same file, to be closed by the caller: until then it stays locked, though the history is closed."""
        return os.fdopen(os.dup(self._file.fileno()), "ab", buffering=0)

    def __enter__(self) -> HistoryWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._file.close()


def in_use(path: Path) -> bool:
    """Return whether another run holds a history file; False where there is none, or where the platform has no locks."""
    if _LOCKS is None or not path.is_file():
        return False
    try:
        with path.open("ab") as file:
            _LOCKS.flock(file, _LOCKS.LOCK_EX | _LOCKS.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        # It cannot be opened at all: whoever writes there says so better.
        return False
    return False


def _locked(path: Path) -> IO[bytes]:
    """The file, empty and locked; it is emptied only when the lock is had.

    :raises UsageError: another run holds it; :raises OSError: it cannot be written.
    """
    file = path.open("ab", buffering=0)
    try:
        if _LOCKS is not None:
            _LOCKS.flock(file, _LOCKS.LOCK_EX | _LOCKS.LOCK_NB)
        file.truncate(0)
    except BlockingIOError:
        file.close()
        raise UsageError(
            "another run is writing there", where=str(path), hint="wait for its end, or name another --report-dir"
        ) from None
    except OSError:
        file.close()
        raise
    return file
