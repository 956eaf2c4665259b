"""Rate and budgets: how fast calls may leave, and how many (design.md section 4)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from conformance.config import Limits
from conformance.errors import BudgetError

#: Seconds that one Retry-After may make us wait at most.
MAX_PAUSE = 120.0


class Rate:
    """A token bucket that all drivers share. Its tokens refill steadily; a 429 halves the pace, quiet calls restore it.

    :param per_second: calls a second.
    :param clock: monotonic seconds.
    :param sleep: waits for seconds.
    """

    def __init__(self, per_second: float, *, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._limit = per_second
        self._pace = per_second
        self._burst = max(1.0, per_second / 2)
        self._tokens = self._burst
        self._clock = clock
        self._sleep = sleep
        self._filled = clock()
        self._lock = threading.RLock()
        self._reserved = threading.local()

    def take(self) -> None:
        """Wait until one call may leave."""
        held = getattr(self._reserved, "calls", 0)
        if held > 0:
            self._reserved.calls = held - 1
            return
        with self._lock:
            self._wait_for(1.0)

    @contextmanager
    def reserve(self, calls: int) -> Iterator[None]:
        """Wait until ``calls`` calls may leave back to back; other threads stay out until the block ends."""
        with self._lock:
            self._wait_for(float(calls))
            self._reserved.calls = calls
            try:
                yield
            finally:
                self._tokens = min(self._burst, self._tokens + self._reserved.calls)
                self._reserved.calls = 0

    def slower(self) -> None:
        """The target answered 429: halve the pace, down to a call every two seconds."""
        with self._lock:
            self._fill()
            self._pace = max(self._pace / 2, min(0.5, self._limit))
            self._tokens = min(self._tokens, 0.0)

    def steady(self) -> None:
        """A call was not answered 429: the pace recovers by a hundredth of the limit."""
        with self._lock:
            self._pace = min(self._limit, self._pace + self._limit / 100)

    def pause(self, seconds: float) -> None:
        """Wait, bounded, and let nobody else call meanwhile."""
        with self._lock:
            self._sleep(min(max(seconds, 0.0), MAX_PAUSE))

    def _wait_for(self, tokens: float) -> None:
        self._fill()
        # A reservation above the bucket's size goes into debt, which later calls pay off.
        wanted = min(tokens, self._burst)
        for _ in range(1000):
            if self._tokens >= wanted:
                break
            self._sleep(max((wanted - self._tokens) / self._pace, 0.0005))
            self._fill()
        self._tokens -= tokens

    def _fill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled) * self._pace)
        self._filled = now


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a Retry-After header asks for; None if it says nothing that can be understood (ruling 10)."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        then = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - (now or datetime.now(UTC))).total_seconds())


class Budget:
    """What may be spent in one run: messages, calls, seconds. Charged before a call, given back only for certain."""

    def __init__(self, limits: Limits, *, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._begun = clock()
        self._lock = threading.Lock()
        self.calls = 0
        self.messages = 0

    def charge(self, messages: int) -> None:
        """Charge one call and this many messages.

        :raises BudgetError: that would exceed a limit; nothing is charged.
        """
        with self._lock:
            if self.calls + 1 > self._limits.max_calls:
                raise BudgetError(
                    f"all {self._limits.max_calls} calls are spent", where="limits.max_calls", mend="raise it"
                )
            if self.messages + messages > self._limits.max_messages:
                spent = f"{self.messages} of {self._limits.max_messages} messages are spent"
                raise BudgetError(
                    f"{spent}; the next call may cost {messages}",
                    where="limits.max_messages",
                    mend="raise it",
                )
            if self._clock() - self._begun > self._limits.max_seconds:
                raise BudgetError(
                    f"{self._limits.max_seconds:g} s are over", where="limits.max_seconds", mend="raise it"
                )
            self.calls += 1
            self.messages += messages

    def refund(self, messages: int, *, calls: int = 0) -> None:
        """Give back what was certainly not spent."""
        with self._lock:
            self.messages -= messages
            self.calls -= calls
