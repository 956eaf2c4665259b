"""Write a history, record by record, as it happens."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType

import msgspec

from conformance.errors import UsageError
from conformance.history.records import AnyRecord, End, Footer, Header, Invoke, Note


class HistoryWriter:
    """An append-only history file. Thread-safe; every record has left the process when ``write`` returns.

    :param path: the file to write; one that exists is replaced.
    :param header: the first record.
    :raises UsageError: the file cannot be written.
    """

    def __init__(self, path: Path, header: Header) -> None:
        try:
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise UsageError(
                f"the history cannot be written ({error.strerror})", where=str(path), mend="name a folder to write to"
            ) from None
        self.path = path
        self._lock = threading.Lock()
        self._encoder = msgspec.json.Encoder()
        self.calls = 0
        self.messages = 0
        self._closed = False
        self.write(header)

    def write(self, record: AnyRecord) -> None:
        """Append one record. Unbuffered: what was written outlives a killed process."""
        line = self._encoder.encode(record) + b"\n"
        with self._lock:
            if self._closed:
                return
            self._file.write(line)
            if isinstance(record, Invoke):
                self.calls += 1
                self.messages += record.charge
            elif isinstance(record, End) and record.outcome == "not_sent":
                self.calls -= 1

    def note(self, note: Note) -> None:
        """Append a note."""
        self.write(note)

    def close(self, t: float, *, complete: bool) -> None:
        """Write the footer and close the file; a second call does nothing.

        :param t: seconds since the run began.
        :param complete: whether the run did all that it had planned.
        """
        if self._closed:
            return
        self.write(Footer(t=t, complete=complete, calls=self.calls, messages=self.messages))
        with self._lock:
            self._closed = True
            self._file.close()

    def __enter__(self) -> HistoryWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._file.close()
