"""What a run costs, on a clean target and on broken ones, when deliveries are fast and slow. ``python -m benchmarks.cost``.

Runs are those of ``run``, with the default limits at 10 calls a second, against a reference target inside this process by a
clock of its own: ten minutes of waiting take no time. A run is compared with its lower bound: the time of its calls at the
rate, or the longest chain of deliveries that one of its programs waits for one after the other, whichever is longer.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from conformance.config import Config, Limits, ProviderStates, Timing
from conformance.drivers import DRIVERS
from conformance.drivers.drive import DEPTHS
from conformance.history.records import History
from conformance.program.cost import Cost, cost_of
from conformance.program.steps import Program, Wait
from conformance.reference.app import BASE_PATH, STATES_PATH
from conformance.reference.faults import FAULTS
from conformance.reference.inside import InsideTarget
from conformance.reference.settings import Settings
from conformance.session import Options, execute
from conformance.workers import processes

#: Where the target seems to be: not on this machine, where races are wider and exploring goes further.
ELSEWHERE = "http://staging.test"
#: Goals: the wall time in lower bounds, and the settle times that a broken target may cost beyond it.
GOAL, GOAL_SETTLES = 1.3, 2.2
#: Goals on a clean target, by drivers and depth: calls, polls included, and messages.
CLEAN_GOALS = {
    ("scenarios", "quick"): (550, 230),
    ("scenarios", "standard"): (550, 230),
    ("all", "quick"): (700, 270),
    ("all", "standard"): (850, 320),
}
DELIVERIES = (0.2, 3.0, 20.0)
#: Targets with several faults, as they cost most; then faults by themselves, first those whose effects never come.
BROKEN = (
    "attempts-nothing+retried-get-stuck+stays-processing",
    "listing-never-catches-up+only-the-first-failed",
    *("attempts-nothing", "retried-get-stuck", "retried-stay-created", "stays-processing", "only-the-first-failed"),
    *("queue-loses-every-third", "listing-never-catches-up", "campaign-listing-never-catches-up", "pool-of-five"),
    *("loser-rolls-back", "loser-leaves-stuck", "drops-the-last-chunk", "loses-a-message", "status-of-an-old-attempt"),
    *("breaks-and-carries-out", "created-does-not-block", "two-attempts-at-once", "no-key-needed"),
)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: seconds by the target's clock, and what was done in them."""

    faults: str
    delivery: float
    settle: float
    calls: int
    #: Calls of waits, of them.
    polls: int
    messages: int
    wall: float
    bound: float
    exit_status: int
    stopped_by: str
    failed: tuple[str, ...]
    unsettled: tuple[str, ...]
    #: Programs that were carried out, and programs that came to their end.
    begun: int
    ended: int

    @property
    def ratio(self) -> float:
        """Return the wall time in lower bounds."""
        return self.wall / self.bound

    @property
    def settles(self) -> float:
        """Return the settle times beyond what a clean run may take."""
        return max(0.0, self.wall - GOAL * self.bound) / self.settle

    @property
    def line(self) -> str:
        """Return the run as one row."""
        good = self.settles <= (GOAL_SETTLES if self.faults else 0.0)
        said = f"{len(self.failed)} fail, {len(self.unsettled)} open"
        stop = f", {self.stopped_by}" if self.stopped_by else ""
        return (
            f"{'ok ' if good else 'BAD'} {self.faults or 'clean':52} {self.delivery:5g} s {self.calls:5} calls"
            f" {self.polls:5} polls {self.messages:4} messages {self.wall:7.1f} s, {self.ratio:5.2f} bounds,"
            f" {self.settles:4.2f} settles; {self.ended} of {self.begun} programs; exit {self.exit_status}: {said}{stop}"
        )


def config_of(target: InsideTarget, settle: float) -> Config:
    """The configuration of a run on staging: the default limits, and a settle time of this many seconds."""
    config = target.config()
    base_url = ELSEWHERE + BASE_PATH
    return msgspec.structs.replace(
        config,
        target=msgspec.structs.replace(config.target, base_url=base_url),
        limits=Limits(max_rows=target.settings.max_rows),
        timing=Timing(settle_timeout=settle),
        provider_states=ProviderStates(url=ELSEWHERE + STATES_PATH),
    )


def run(faults: str, delivery: float, settle: float, drivers: Sequence[str], depth: str, seed: int = 1) -> Run:
    """Run the suite once against a target with these faults, separated by ``+``."""
    target = InsideTarget(Settings(faults=tuple(filter(None, faults.split("+"))), delivery=delivery, seed=seed))
    config = config_of(target, settle)
    with tempfile.TemporaryDirectory() as folder:
        options = Options(drivers=tuple(drivers), depth=depth, seed=seed, report_dir=Path(folder))
        result = execute(config, options, network=target)
    history, report = result.history, result.report
    events = [note.event for note in history.notes]
    chain = deliveries(history, config)
    return Run(
        faults=faults,
        delivery=delivery,
        settle=settle,
        calls=report.run.calls,
        polls=polls(history),
        messages=report.run.messages,
        wall=history.footer.t if history.footer is not None else 0.0,
        bound=max(report.run.calls / config.limits.calls_per_second, chain * delivery),
        exit_status=result.exit_status,
        stopped_by=report.run.stopped_by,
        failed=tuple(item.id for item in report.requirements if item.verdict == "fail"),
        unsettled=tuple(item.id for item in report.requirements if item.verdict == "inconclusive"),
        begun=events.count("started"),
        ended=events.count("finished") - events.count("unmet"),
    )


def programs(history: History) -> dict[str, Program]:
    """The programs that were carried out, by scenario."""
    return {
        note.scenario: msgspec.convert(note.data["program"], Program)
        for note in history.notes
        if note.event == "program"
    }


def deliveries(history: History, config: Config) -> int:
    """How many deliveries the longest chain of a run has; what waits for all others comes behind it."""
    costs: list[Cost] = [cost_of(program, config) for program in programs(history).values()]
    return max((c.deliveries for c in costs), default=0) + max((c.deliveries_last for c in costs), default=0)


def polls(history: History) -> int:
    """How many calls were looks of waits."""
    waits = {
        (scenario, str(index))
        for scenario, program in programs(history).items()
        for index, step in enumerate(program.steps)
        if isinstance(step, Wait)
    }
    return sum((e.invoke.scenario, e.invoke.step) in waits for e in history.exchanges)


def summary(runs: Sequence[Run], drivers: str, depth: str) -> Iterator[str]:
    """The figures that the goals are about."""
    clean, broken = [one for one in runs if not one.faults], [one for one in runs if one.faults]
    goal = CLEAN_GOALS.get((drivers, depth))
    if clean:
        calls, messages = max(one.calls for one in clean), max(one.messages for one in clean)
        aim = f" (goals {goal[0]} and {goal[1]})" if goal else ""
        yield f"clean: {calls} calls and {messages} messages at most{aim}; {max(r.ratio for r in clean):.2f} bounds (goal {GOAL})"
    if broken:
        over = sum(one.settles > GOAL_SETTLES for one in broken)
        yield (
            f"broken: {max(r.settles for r in broken):.2f} settle times beyond {GOAL} bounds at most (goal {GOAL_SETTLES}), median "
            f"{statistics.median(r.settles for r in broken):.2f}; {over} of {len(broken)} runs above; "
            f"{sum(bool(r.stopped_by) for r in broken)} ended by a limit; {max(r.calls for r in broken)} calls at most"
        )


def _one(what: tuple[str, float], settle: float, drivers: Sequence[str], depth: str) -> Run:
    return run(*what, settle, drivers, depth)


def main() -> None:
    """Print a line for each run, and the goals."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__)
    parser.add_argument("--drivers", default="scenarios", metavar="LIST", help="by comma, or all")
    parser.add_argument("--depth", default="standard", choices=DEPTHS)
    parser.add_argument("--settle", type=float, default=600.0, metavar="SECONDS", help="timing.settle_timeout")
    parser.add_argument("--delivery", type=float, action="append", metavar="SECONDS", help="by default 0.2, 3 and 20")
    parser.add_argument("--faults", action="append", metavar="NAME[+NAME…]", help="by default a clean target and 20")
    parser.add_argument("--workers", type=int, default=2, help="runs at once")
    asked = parser.parse_args()
    drivers = tuple(DRIVERS) if asked.drivers == "all" else tuple(asked.drivers.split(","))
    wanted = ["", *BROKEN] if asked.faults is None else ["" if f == "clean" else f for f in asked.faults]
    strange = [name for faults in wanted for name in filter(None, faults.split("+")) if name not in FAULTS]
    if strange:
        parser.error(f"there is no fault {strange[0]!r}: `retry-conformance list faults` names them")
    what = [(faults, delivery) for faults in wanted for delivery in asked.delivery or DELIVERIES]
    runs = []
    with processes(asked.workers) as pool:
        waited = [pool.submit(_one, each, asked.settle, drivers, asked.depth) for each in what]
        for future in waited:
            runs.append(future.result())
            print(runs[-1].line, flush=True)
    for line in summary(runs, asked.drivers, asked.depth):
        print(line)


if __name__ == "__main__":
    main()
