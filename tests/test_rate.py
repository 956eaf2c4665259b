"""How fast calls may leave, how long a 429 makes us wait, and what a budget lets through."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.config import Limits
from conformance.errors import BudgetError
from conformance.transport.rate import MAX_PAUSE, WINDOW, Budget, Rate, retry_after


class Clock:
    """Time that passes only in sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds


def _rate(per_second: float) -> tuple[Rate, Clock]:
    clock = Clock()
    return Rate(per_second, clock=clock, sleep=clock.sleep), clock


def _departures(rate: Rate, clock: Clock, calls: int) -> list[float]:
    times = []
    for _ in range(calls):
        rate.take()
        times.append(clock.now)
        rate.steady()
    return times


def _most_in(times: list[float], seconds: float) -> int:
    return max(sum(begin <= t < begin + seconds for t in times) for begin in times)


#: Seconds of silence before a call, and from its leave to its answer.
CALLS = st.lists(st.tuples(st.floats(0, 2), st.floats(0, 0.9)), min_size=1, max_size=60)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(rate=st.sampled_from([0.3, 1.0, 2.5, 5.0, 10.0, 33.0]), calls=CALLS, arrives=st.floats(0, 1))
def test_in_no_second_do_more_calls_arrive_than_the_rate_allows(
    rate: float, calls: list[tuple[float, float]], arrives: float
) -> None:
    limiter, clock = _rate(rate)
    arrivals = []
    for silence, taken in calls:
        clock.now += silence / rate
        limiter.take()
        # A target counts a call when it comes in: at any time between its leave and its answer.
        arrivals.append(clock.now + arrives * taken)
        clock.now += taken
        limiter.steady()
    assert _most_in(arrivals, 1.0) <= max(1, int(rate))


@settings(max_examples=200, derandomize=True, deadline=None)
@given(plan=st.lists(st.tuples(st.integers(1, 4), st.floats(0, 1)), min_size=1, max_size=20))
def test_reserved_calls_count_like_others(plan: list[tuple[int, float]]) -> None:
    limiter, clock = _rate(5)
    times = []
    for width, silence in plan:
        clock.now += silence
        with limiter.reserve(width):
            begun = clock.now
            for _ in range(width):
                limiter.take()
                times.append(clock.now)
            assert clock.now == begun, "reserved calls leave back to back"
    assert _most_in(times, 1.0) <= 5


def test_after_a_pause_no_burst_beyond_the_rate_leaves() -> None:
    limiter, clock = _rate(10)
    clock.now += 100
    assert _most_in(_departures(limiter, clock, 40), 1.0) == 10


@pytest.mark.parametrize("rate", [1.0, 5.0, 10.0, 200.0])
def test_a_steady_run_is_no_slower_than_it_has_to_be(rate: float) -> None:
    limiter, clock = _rate(rate)
    calls = int(20 * rate)
    assert _departures(limiter, clock, calls)[-1] <= WINDOW * (calls - 1) / rate


@pytest.mark.parametrize("width", [11, 20, 35])
def test_a_reservation_wider_than_the_rate_waits_for_silence_and_pays_off(width: int) -> None:
    limiter, clock = _rate(10)
    _departures(limiter, clock, 10)
    with limiter.reserve(width):
        begun = clock.now
        for _ in range(width):
            limiter.take()
        assert clock.now == begun
    assert begun >= 1.0, "the window was not empty"
    limiter.take()
    assert clock.now - begun >= width / 10


def test_calls_of_a_reservation_count_from_its_end() -> None:
    """A race takes its calls first, makes its connections then, and releases all at once."""
    limiter, clock = _rate(10)
    with limiter.reserve(10):
        for _ in range(10):
            limiter.take()
        clock.now += 0.7
    limiter.take()
    assert clock.now >= 0.7 + 1.0


def test_what_a_reservation_does_not_use_is_given_back() -> None:
    limiter, clock = _rate(10)
    with limiter.reserve(30):
        limiter.take()
    before = clock.now
    _departures(limiter, clock, 9)
    assert clock.now == before


def test_others_stay_out_of_a_reservation() -> None:
    limiter, _ = _rate(100)
    order: list[str] = []
    entered, started = threading.Event(), threading.Event()

    def other() -> None:
        entered.wait(5)
        started.set()
        limiter.take()
        order.append("other")

    thread = threading.Thread(target=other)
    thread.start()
    with limiter.reserve(3):
        entered.set()
        assert started.wait(5)
        for _ in range(3):
            limiter.take()
            order.append("own")
        thread.join(0.05)
    thread.join(5)
    assert order == ["own", "own", "own", "other"]


def test_a_reservation_that_breaks_lets_the_others_in() -> None:
    limiter, clock = _rate(10)
    with pytest.raises(ZeroDivisionError), limiter.reserve(10):
        raise ZeroDivisionError
    thread = threading.Thread(target=limiter.take)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
    assert clock.now == 0


def test_a_429_halves_the_pace_and_quiet_calls_restore_it() -> None:
    limiter, clock = _rate(8)
    clock.now += 10
    limiter.take()
    limiter.slower()
    assert _most_in(_departures(limiter, clock, 6), 1.0) <= 4
    _departures(limiter, clock, 100)
    assert _most_in(_departures(limiter, clock, 30), 1.0) == 8


@pytest.mark.parametrize(("limit", "apart"), [(10.0, 2.0), (0.2, 5.0)])
def test_however_many_429_the_pace_has_a_floor(limit: float, apart: float) -> None:
    limiter, clock = _rate(limit)
    for _ in range(50):
        limiter.slower()
    limiter.take()
    before = clock.now
    limiter.take()
    assert clock.now - before == pytest.approx(apart * WINDOW)


@pytest.mark.parametrize(("asked", "waits"), [(3.0, 3.0), (-5.0, 0.0), (1e9, MAX_PAUSE)])
def test_a_pause_is_bounded(asked: float, waits: float) -> None:
    limiter, clock = _rate(10)
    limiter.pause(asked)
    assert clock.now == waits


def test_many_threads_together_keep_the_rate() -> None:
    limiter, clock = _rate(10)
    times: list[float] = []
    guard = threading.Lock()

    def work() -> None:
        for _ in range(10):
            limiter.take()
            with guard:
                times.append(clock.now)
            limiter.steady()

    _together([work] * 4)
    assert len(times) == 40
    # A thread may note its time after another one has slept on: the count of all is what is sure.
    assert clock.now >= 3 * 1.0


NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        (" 17 ", 17.0),
        ("9" * 400, 999999999.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("١٢", None),
        ("Sun, 01 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Nov 2026 12:00:30 -0000", 30.0),
        ("Sun, 01 Nov 2026 20:00:30 +0800", 30.0),
        ("Sun, 01 Nov 2026 11:00:00 GMT", 0.0),
        ("Sun, 99 Nov 99999999 12:00:30 GMT", None),
        ("Sun, 01 Nov 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_read_or_left(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


def _budget(clock: Callable[[], float] = lambda: 0.0, **limits: float) -> Budget:
    return Budget(
        msgspec.structs.replace(Limits(max_calls=3, max_messages=10, max_seconds=60.0), **limits), clock=clock
    )


def test_each_limit_of_a_budget_stops_and_names_its_key() -> None:
    clock = Clock()
    budget = _budget(clock)
    budget.charge(10)
    with pytest.raises(BudgetError, match=r"limits\.max_messages"):
        budget.charge(1)
    assert (budget.calls, budget.messages) == (1, 10), "what is refused is not charged"
    budget.charge(0)
    budget.charge(0)
    with pytest.raises(BudgetError, match=r"limits\.max_calls"):
        budget.charge(0)
    budget.refund(4, calls=1)
    budget.charge(4)
    budget.refund(0, calls=1)
    clock.now = 61
    with pytest.raises(BudgetError, match=r"limits\.max_seconds"):
        budget.charge(0)


def test_a_budget_is_never_overdrawn_by_threads() -> None:
    budget = _budget(max_calls=1000, max_messages=50)

    def spend() -> None:
        for _ in range(100):
            try:
                budget.charge(1)
            except BudgetError:
                return

    _together([spend] * 8)
    assert budget.messages == 50
    assert budget.calls == 50


def _together(work: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=w) for w in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
