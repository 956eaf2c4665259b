"""The state of a simulated target: messages and batches with their whole past, so that a view may show any instant."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from math import inf
from typing import Any, Generic, TypeVar

from conformance.history.records import Row

EPOCH = datetime(2026, 1, 1, 9, tzinfo=UTC)
TERMINAL = ("success", "failure")
BUSY, ENQUEUED, FAILED = "messages_processing", "messages_enqueued", "messages_enqueuing_failed"
RETRYABLE = (ENQUEUED, FAILED)


def stamp(at: float, *, coarse: bool = False) -> str:
    """An instant of the virtual clock as ISO 8601, to the microsecond or the second."""
    return (EPOCH + timedelta(seconds=int(at) if coarse else round(at, 6))).isoformat()


class Clock:
    """Virtual time: things that will happen, in order. ``now`` is in seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._ties = count()

    def at(self, when: float, what: Callable[[], object]) -> None:
        """Let ``what`` happen at ``when``, or now if that is past."""
        heapq.heappush(self._due, (max(when, self.now), next(self._ties), what))

    def run(self, until: Callable[[], bool]) -> None:
        """Let things happen until nothing is due, or ``until`` says that it is enough."""
        while self._due and not until():
            self.now, _, what = heapq.heappop(self._due)
            what()


T = TypeVar("T")


class Past(Generic[T]):
    """A value that changes with time, with all its past."""

    __slots__ = ("times", "values")

    def __init__(self, at: float, value: T) -> None:
        self.times = [at]
        self.values = [value]

    def put(self, at: float, value: T) -> None:
        self.times.append(at)
        self.values.append(value)

    @property
    def now(self) -> T:
        return self.values[-1]

    def index(self, at: float) -> int:
        """Which of the values held at that time; -1 before the first."""
        return bisect_right(self.times, at) - 1


class Attempt:
    """One attempt of a message: when it began, its id and stamp, and what its error is if it fails."""

    __slots__ = ("began", "created", "ended", "id")

    def __init__(self, id: str, began: float, created: str) -> None:
        self.id = id
        self.began = began
        self.created = created
        #: The status in which another attempt of the message left it.
        self.ended = "failure"


class Message:
    """One message. ``past`` holds (number of the attempt, status, updatedAt)."""

    __slots__ = ("attempts", "batch", "data", "id", "made", "number", "past", "reserved", "row", "spoiled", "views")

    def __init__(self, id: str, number: int, batch: Batch | None, row: Row, made: float) -> None:
        self.id = id
        self.number = number
        self.batch = batch
        self.row = row
        self.made = made
        self.attempts: list[Attempt] = []
        self.past: Past[tuple[int, str, str]] = Past(-inf, (0, "unmade", ""))
        #: An accepted retry owes it an attempt.
        self.reserved = False
        self.data: dict[str, Any] = {}
        #: What it showed before a fault changed it: (until, data).
        self.spoiled: list[tuple[float, dict[str, Any]]] = []
        #: Per view: data that only this view shows otherwise (faults).
        self.views: dict[str, dict[str, Any]] = {}

    @property
    def status(self) -> str:
        return self.past.values[-1][1]

    @property
    def exists(self) -> bool:
        return bool(self.attempts)

    @property
    def ended(self) -> bool:
        return self.past.values[-1][1] in TERMINAL


class Batch:
    """One batch of a campaign."""

    def __init__(self, id: str, at: float, status: str) -> None:
        self.id = id
        self.created = at
        self.messages: list[Message] = []
        self.past: Past[str] = Past(at, status)
        #: Accepted retries that have not done everything they owe.
        self.owed = 0
        #: Accepted retries so far.
        self.rounds = 0
        #: An accepted retry left something out, and the batch shows it.
        self.left = False
        #: A refused retry put it to ``messages_enqueuing_failed``, and none was accepted since.
        self.refused = False
        self.data: dict[str, Any] = {}

    @property
    def status(self) -> str:
        return self.past.values[-1]

    def put(self, at: float, status: str) -> None:
        """The status changes; a later change that was meant for the old one is lost."""
        if self.past.values[-1] != status:
            self.past.put(at, status)
