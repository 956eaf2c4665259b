"""How much of a target's answers there is to judge. Judges hold a whole history at once, so that its volume has a bound."""

from __future__ import annotations

import threading
from typing import Any

import msgspec

#: Bytes that judging takes, measured (benchmarks/hostile.py): for each object, list or member of JSON, and for each message that
#: a page shows, whether it was shown before or not.
PART, ROW = 150, 1000
#: Bytes in all, for a run of so many calls at most; a run that may make more has more.
MOST, CALLS = 210 << 20, 5000


class Volume:
    """What the answers of one run come to, in bytes of memory, roughly. Thread-safe.

    :param max_calls: ``limits.max_calls``.
    """

    def __init__(self, max_calls: int) -> None:
        self.most = int(MOST * max(1.0, max_calls / CALLS))
        self.size = 0
        self._seen: set[int] = set()
        self._lock = threading.Lock()

    @property
    def full(self) -> bool:
        """True if no more may come."""
        return self.size > self.most

    def add(self, body: Any) -> None:
        """Count the body of an answer, as it is recorded. Messages that were shown before just so are held once."""
        rows = body.get("data") if isinstance(body, dict) else None
        if isinstance(rows, list):
            for row in rows:
                self._add(row, ROW if isinstance(row, dict) else 0)
            body = {name: value for name, value in body.items() if name != "data"}
        self._add(body, 0)

    def _add(self, item: Any, always: int) -> None:
        text = msgspec.json.encode(item)
        key = hash(text)
        with self._lock:
            self.size += always
            if key not in self._seen:
                self._seen.add(key)
                self.size += len(text) + PART * (text.count(b",") + text.count(b"{") + text.count(b"["))
