"""Rate and budgets: how fast calls may leave, and how many (design.md section 4)."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from conformance.config import Limits
from conformance.errors import BudgetError

#: Seconds that one Retry-After may make us wait at most.
MAX_PAUSE = 120.0
#: The shortest stretch, in seconds, in which no more calls leave than the rate allows in one second. Longer than a
#: second by what clocks and networks may shorten it on the way.
WINDOW = 1.02
#: Calls a second below which no 429 slows us down.
SLOWEST = 0.5


class _Call:
    """A call of the last window, and when it counts from."""

    def __init__(self, at: float) -> None:
        self.at = at


class Rate:
    """A sliding window that all drivers share: in no second more calls than the rate. A 429 halves the pace, quiet
    calls restore it.

    A call is counted from when it may leave; when it is answered (``steady`` or ``slower``), from then on: a
    connection that had to be made first lets it arrive that much later, and the target counts arrivals.

    :param per_second: calls a second.
    :param clock: monotonic seconds.
    :param sleep: waits for seconds.
    """

    def __init__(self, per_second: float, *, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._limit = per_second
        self._pace = per_second
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.RLock()
        #: The calls of the last window, oldest first.
        self._calls: deque[_Call] = deque()
        #: Nobody calls before this time: a reservation wider than the rate is being paid off.
        self._closed_until = clock()
        self._own = threading.local()

    def take(self) -> None:
        """Wait until one call may leave."""
        with self._lock:
            held: int = getattr(self._own, "held", 0)
            if held > 0:
                self._own.held = held - 1
            else:
                self._wait_for_room(1)
            self._own.call = _Call(self._clock())
            self._calls.append(self._own.call)

    @contextmanager
    def reserve(self, calls: int) -> Iterator[None]:
        """Wait until ``calls`` calls may leave back to back; other threads stay out until the block ends.

        More than the rate allows in one second wait for an empty window; afterwards nobody calls until the
        average is the rate again. What the block did not use is given back.
        """
        with self._lock:
            self._wait_for_room(calls)
            self._own.held = calls
            try:
                yield
            finally:
                used = calls - self._own.held
                self._own.held = 0
                # Whatever left in the block left by now; nobody else did.
                for _ in range(min(used, len(self._calls))):
                    self._calls.pop()
                self._calls.extend(_Call(self._clock()) for _ in range(used))
                capacity, window = self._room()
                if used > capacity:
                    self._closed_until = self._clock() + window * used / capacity

    def slower(self) -> None:
        """The target answered 429: halve the pace, down to a call every two seconds."""
        with self._lock:
            self._over()
            self._pace = max(self._pace / 2, min(SLOWEST, self._limit))

    def steady(self) -> None:
        """A call was not answered 429: the pace recovers by a hundredth of the limit."""
        with self._lock:
            self._over()
            self._pace = min(self._limit, self._pace + self._limit / 100)

    def pause(self, seconds: float) -> None:
        """Wait, bounded, and let nobody else call meanwhile."""
        with self._lock:
            self._sleep(min(max(seconds, 0.0), MAX_PAUSE))

    def _room(self) -> tuple[int, float]:
        """How many calls there may be in a window of how many seconds, at the present pace."""
        capacity = max(1, int(self._pace))
        return capacity, WINDOW * max(1.0, capacity / self._pace)

    def _wait_for_room(self, calls: int) -> None:
        capacity, window = self._room()
        # The calls that must have left the window before the next one comes into it.
        most = max(0, capacity - calls)
        for _ in range(1000):
            now = self._clock()
            while self._calls and self._calls[0].at + window <= now:
                self._calls.popleft()
            free_at = self._closed_until
            if len(self._calls) > most:
                free_at = max(free_at, self._calls[-1 - most].at + window)
            if free_at <= now:
                return
            self._sleep(max(free_at - now, 0.0005))

    def _over(self) -> None:
        """This thread's call was answered just now. One that took longer than a window had arrived long before."""
        call: _Call | None = getattr(self._own, "call", None)
        self._own.call = None
        for place in range(len(self._calls) - 1, -1, -1):
            if self._calls[place] is call:
                del self._calls[place]
                self._calls.append(_Call(self._clock()))
                return


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
                    f"all {self._limits.max_calls} calls are spent", where="limits.max_calls", hint="raise it"
                )
            if self.messages + messages > self._limits.max_messages:
                spent = f"{self.messages} of {self._limits.max_messages} messages are spent"
                raise BudgetError(
                    f"{spent}; the next call may cost {messages}",
                    where="limits.max_messages",
                    hint="raise it",
                )
            if self._clock() - self._begun > self._limits.max_seconds:
                raise BudgetError(
                    f"{self._limits.max_seconds:g} s are over", where="limits.max_seconds", hint="raise it"
                )
            self.calls += 1
            self.messages += messages

    def left(self) -> float:
        """Seconds that the run still has; 0 if its time is over."""
        return max(0.0, self._limits.max_seconds - (self._clock() - self._begun))

    def refund(self, messages: int, *, calls: int = 0) -> None:
        """Give back what was certainly not spent."""
        with self._lock:
            self.messages -= messages
            self.calls -= calls
