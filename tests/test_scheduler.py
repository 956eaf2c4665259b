"""Programs that wait share one thread."""

from __future__ import annotations

import pytest

from conformance.program import scheduler
from conformance.program.scheduler import Pause, Progress, Running


def _pausing(name: str, done: list[str], *until: float, for_others: int = 0) -> Running:
    for at in until:
        yield Pause(until=at, what=name, deadline=at + 1, for_others=for_others)
    done.append(name)


def test_programs_wait_side_by_side() -> None:
    clock = [0.0]
    slept: list[float] = []
    done: list[str] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    programs = {
        "last": _pausing("last", done, 0.0, for_others=1),
        "slow": _pausing("slow", done, 5.0),
        "fast": _pausing("fast", done, 1.0, 2.0),
    }
    said: list[Progress] = []
    scheduler.run(programs, now=lambda: clock[0], sleep=sleep, progress=said.append)
    assert done == ["fast", "slow", "last"]
    assert sum(slept) == pytest.approx(5.0, abs=0.1)
    assert said[0].of == 3


def test_those_that_wait_for_others_go_on_by_their_rank() -> None:
    done: list[str] = []

    def old() -> Running:
        yield Pause(until=2.0, what="others", deadline=2.0, for_others=1)
        # What it does then is waited for by the next.
        yield from _pausing("old", done, 3.0)

    clock = [0.0]
    programs = {"control": _pausing("control", done, 0.0, for_others=3), "old": old(), "a": _pausing("a", done, 1.0)}
    programs["stuck"] = _pausing("stuck", done, 0.0, for_others=2)
    scheduler.run(programs, now=lambda: clock[0], sleep=lambda s: clock.__setitem__(0, clock[0] + s))
    assert done == ["a", "old", "stuck", "control"]


def test_of_those_that_are_due_the_one_with_the_most_waits_to_come_goes_first() -> None:
    done: list[str] = []

    def waiting(name: str, ahead: int) -> Running:
        yield Pause(until=1.0, what=name, deadline=2.0, ahead=ahead)
        done.append(name)

    clock = [0.0]
    programs = {"short": waiting("short", 0), "long": waiting("long", 5)}
    scheduler.run(programs, now=lambda: clock[0], sleep=lambda s: clock.__setitem__(0, clock[0] + s))
    assert done == ["long", "short"]


def test_what_is_soon_over_again_goes_first() -> None:
    done: list[str] = []

    def urgent() -> Running:
        yield Pause(until=0.0, what="moved", deadline=1.0, urgent=True)
        done.append("urgent")

    programs = {"a": _pausing("a", done, 0.0), "urgent": urgent(), "b": _pausing("b", done, 0.0)}
    scheduler.run(programs, now=lambda: 0.0, sleep=lambda _: None)
    assert done[0] == "urgent"


def test_what_one_program_raises_ends_them_all() -> None:
    closed = []

    def other() -> Running:
        try:
            yield Pause(until=9.0, what="", deadline=9.0)
        finally:
            closed.append(True)

    def broken() -> Running:
        yield Pause(until=0.0, what="", deadline=0.0)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        scheduler.run({"a": other(), "b": broken()}, now=lambda: 0.0, sleep=lambda _: None)
    assert closed
