"""Run programs side by side in one thread: those that wait let the others go on, so a run waits once for all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import dataclass

#: Seconds after which progress is told again, while nothing is to be done.
SLICE = 1.0
#: What programs beside the planned ones are called on the screen, once these have ended.
BESIDE = "drawn programs"
#: A program underway: yields a pause whenever it has to wait.
Running = Generator["Pause", None, None]


@dataclass(frozen=True, kw_only=True)
class Pause:
    """Why a program waits, and when it wants to look again. Seconds by the run's clock."""

    until: float
    what: str
    #: Since when it waits.
    since: float = 0.0
    #: When it gives up.
    deadline: float
    #: It waits for the programs that do not wait for others, and for those of a lower rank; 0 waits for none.
    for_others: int = 0
    #: What it waits for is soon over again: it goes before others that are due.
    urgent: bool = False
    #: How many waits for deliveries its program has still to come: the longest chain goes first, for it ends last.
    ahead: int = 0


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What a run does or waits for, for the screen."""

    #: The part of the run: mostly a driver.
    part: str
    what: str
    #: Seconds until the one that waits longest gives up; it is mostly over much sooner. None: nothing is waited for.
    at_most: float | None = None
    #: Seconds for which that one has waited so far.
    since: float = 0.0
    ended: int = 0
    #: Of how many; 0 where nothing is counted.
    of: int = 0
    #: The run as a whole: seconds since it began, calls and messages with their limits, requirements that are proved broken, and
    #: causes of that. Filled in for the screen.
    elapsed: float = 0.0
    calls: int = 0
    max_calls: int = 0
    messages: int = 0
    max_messages: int = 0
    failures: int = 0
    causes: int = 0


def run(
    programs: Mapping[str, Running],
    beside: Mapping[str, Running] | None = None,
    *,
    now: Callable[[], float],
    sleep: Callable[[float], None],
    progress: Callable[[Progress], None] = lambda _: None,
    idle: Callable[[float], None] = lambda _: None,
    ended: Callable[[], None] = lambda: None,
    part: str = "scenarios",
) -> None:
    """Run all programs to their ends. Returns when all have ended; what a program raises ends them all.

    :param programs: by name; those that are ready run in this order. :param beside: others, which run when none of them is ready.
    :param now: seconds by the run's clock; :param sleep: waits for seconds.
    :param progress: told of every turn, and of every wait; it is quick. :param part: said with it.
    :param idle: told for how many seconds nothing is to be done, before they pass; :param ended: told that a program has ended.
        What they raise ends all programs.
    """
    both = {**programs, **(beside or {})}
    waiting: dict[str, Pause | None] = dict.fromkeys(both)
    try:
        while waiting:
            name = _ready(waiting, now(), programs)
            left = sum(key in programs for key in waiting)
            named, done, of = (part, len(programs) - left, len(programs))
            if not left:
                named, done, of = BESIDE, len(both) - len(programs) - len(waiting), len(both) - len(programs)
            if name is None:
                pauses = [p for p in waiting.values() if p is not None]
                timed = [p for p in pauses if not p.for_others]
                wake = min(p.until for p in timed or pauses)
                last = max(timed or pauses, key=lambda p: p.deadline)
                at_most = max(0.0, last.deadline - now())
                since = max(0.0, now() - last.since)
                progress(Progress(part=named, what=last.what, at_most=at_most, since=since, ended=done, of=of))
                idle(max(0.0, wake - now()))
                # In slices, so that whoever watches sees that time passes.
                sleep(min(SLICE, max(0.001, wake - now())))
                continue
            progress(Progress(part=named, what=name, ended=done, of=of))
            try:
                waiting[name] = next(both[name])
            except StopIteration:
                del waiting[name]
                ended()
    finally:
        for running in both.values():
            running.close()


def _ready(waiting: Mapping[str, Pause | None], at: float, first: Collection[str]) -> str | None:
    """Return the program that has waited longest for its turn: urgent ones before all others, then those in ``first``.

    None if all have to wait on.
    """
    ranks = [p.for_others if p is not None else 0 for p in waiting.values()]
    due: list[tuple[bool, bool, int, float, str]] = []
    for name, pause in waiting.items():
        if pause is None:
            due.append((True, name not in first, 0, float("-inf"), name))
        elif pause.for_others:
            if pause.for_others == min(ranks):
                due.append((True, name not in first, 0, pause.until, name))
        elif pause.until <= at:
            due.append((not pause.urgent, name not in first, -pause.ahead, pause.until, name))
    return min(due, key=lambda entry: entry[:4])[4] if due else None
