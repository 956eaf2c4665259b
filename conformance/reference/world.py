"""What the reference target holds: campaigns, batches, messages, attempts. No rules here: see ``behaviour``."""

from __future__ import annotations

import contextlib
import random
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

#: Parts of an attempt's lifetime at which a message reaches a status.
LIFECYCLE = ((0.0, "created"), (0.4, "enqueued"), (0.55, "sending"), (0.75, "sent"))
TERMINAL = ("success", "failure")


@dataclass
class Attempt:
    """One try to deliver a message: from when on it had which status."""

    id: str
    path: list[tuple[float, str]]
    error: tuple[str, str] | None = None

    def at(self, now: float) -> tuple[float, str]:
        """The newest status reached by ``now``, and since when."""
        return [step for step in self.path if step[0] <= now][-1] if self.path[0][0] <= now else self.path[0]

    def status(self, now: float) -> str:
        """The status at ``now``."""
        return self.at(now)[1]


@dataclass
class Message:
    """A message of a campaign."""

    id: str
    recipient: str
    language: str
    values: dict[str, str]
    created: float
    batch: Batch | None
    attempts: list[Attempt] = field(default_factory=list)

    def status(self, now: float) -> str:
        """latestStatus at ``now``."""
        return self.attempts[-1].status(now)

    @property
    def text(self) -> str:
        """What the phone shows."""
        return " ".join(self.values.values())


@dataclass
class Batch:
    """A batch of messages, with the status that only ``batches`` of a message shows."""

    id: str
    campaign: str
    created: float
    messages: list[Message] = field(default_factory=list)
    #: Seconds at which the batch took a status.
    path: list[tuple[float, str]] = field(default_factory=list)

    def status(self, now: float) -> str:
        """The batch's status at ``now``; before its first status, the first."""
        return next((status for since, status in reversed(self.path) if since <= now), self.path[0][1])

    def since(self, now: float) -> float:
        """When the batch took the status that it has at ``now``."""
        return next((since for since, _ in reversed(self.path) if since <= now), self.path[0][0])

    def set(self, now: float, status: str) -> None:
        """Take a status, for good."""
        self.path = [*(step for step in self.path if step[0] <= now), (now, status)]


class World:
    """All that there is, and the clock.

    :param clock: seconds; lifecycles are computed from it, so nothing runs by itself.
    """

    def __init__(self, campaigns: Iterable[str], *, clock: Callable[[], float], seed: int = 0) -> None:
        self._clock = clock
        self._at: float | None = None
        self._random = random.Random(seed)
        self._epoch = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
        self._zero = clock()
        #: Makes the part of an id behind its prefix.
        self.make_id: Callable[[], str] = self._uuid
        self.batches: dict[str, Batch] = {}
        self.messages: dict[str, list[Message]] = {name: [] for name in campaigns}

    def tick(self) -> None:
        """Let the time move on to the present. Between two ticks it stands still, so that one answer is one instant."""
        self._at = self._clock()

    def now(self) -> float:
        """Seconds, by the clock at the last tick."""
        return self._clock() if self._at is None else self._at

    @contextlib.contextmanager
    def at(self, moment: float) -> Iterator[float]:
        """Make ``moment`` the present for as long as the block lasts: a job that was due then, a replica that lags."""
        before, self._at = self._at, moment
        try:
            yield moment
        finally:
            self._at = before

    def new_id(self, prefix: str) -> str:
        """An id: a prefix and, unless ``make_id`` was replaced, a UUID."""
        return f"{prefix}_{self.make_id()}"

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def moment(self, at: float) -> datetime:
        """A time of this clock as an instant of the calendar."""
        return self._epoch + timedelta(seconds=at - self._zero)

    def clear(self) -> None:
        """Lose all batches and messages, as a server does that keeps them in memory and is restarted."""
        self.batches.clear()
        for held in self.messages.values():
            held.clear()

    def find(self, campaign: str, message_id: str) -> Message | None:
        """A message of a campaign."""
        return next((m for m in self.messages.get(campaign, ()) if m.id == message_id), None)

    def batch(self, campaign: str, batch_id: str) -> Batch | None:
        """A batch of a campaign."""
        batch = self.batches.get(batch_id)
        return batch if batch is not None and batch.campaign == campaign else None


JSON = dict[str, Any]
