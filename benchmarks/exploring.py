"""How many calls it takes to come upon a planted fault, and to shrink what shows it. ``python -m benchmarks.exploring``.

Every competitor of ours gets the same targets (inside this process, by a clock of their own) and the same bound of calls;
plain ``schemathesis run``, with its own checks and with our hooks, gets them over HTTP, and shrinks nothing that we could
count. Calls are what exploring costs: on a real target they are limited, and each takes its time.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis
from hypothesis import Phase
from hypothesis.stateful import run_state_machine_as_test

from benchmarks import stock
from conformance.catalogue import load
from conformance.drivers.drive import Drive
from conformance.errors import GuardError
from conformance.exploring.engine import Engine
from conformance.exploring.machine import RetryMachine
from conformance.exploring.programs import generate, settings_for, steps_of
from conformance.exploring.running import Share, header_of
from conformance.exploring.scope import SCOPES
from conformance.history.writer import HistoryWriter
from conformance.program.steps import Program
from conformance.reference.faults import FAULTS
from conformance.reference.inside import InsideTarget
from conformance.reference.settings import Settings

#: Calls that a competitor has to find a fault, and as many again to shrink it.
CALLS = 1500
#: Programs that are drawn at most, and machines.
PROGRAMS, MACHINES = 80, 300
#: What is planted, unless it is said otherwise: what any search comes upon in time, then what hardly anything does.
PLANTED = (
    *("created-does-not-block", "blocked-keeps-status", "only-the-first-failed", "attempts-nothing"),
    *("two-attempts-at-once", "forgets-attempts", "answers200", "new-ids", "no-limit", "another-code-when-blocked"),
    *(name for name, fault in FAULTS.items() if fault.drivers == ("machine",)),
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One search: calls until the first proof, calls from there to the end, steps of the smallest program; None: not found."""

    find: int | None = None
    shrink: int | None = None
    steps: int | None = None


#: A way to search: a target, for violations of these requirements, with this seed.
Search = Callable[[Drive, Sequence[str], int], Outcome]
#: A competitor: searches a target with this fault, with this seed.
Competitor = Callable[[str, int], Outcome]


@contextlib.contextmanager
def target(fault: str, seed: int) -> Iterator[Drive]:
    """A run against a target with this fault, with no other driver."""
    inside = InsideTarget(Settings(faults=(fault,), speed=10))
    config = inside.config()
    with TemporaryDirectory() as folder, HistoryWriter(Path(folder, "history.jsonl"), header_of(config)) as writer:
        transport = inside.transport(config, writer)
        requirements = [requirement.id for requirement in load().requirements]
        yield Drive(
            transport=transport,
            config=config,
            requirements=requirements,
            seed=seed,
            folder=Path(folder),
            sleep=inside.sleep,
        )
        transport.close()


def engine(run: Drive, breaks: Sequence[str], seed: int) -> Outcome:
    """The driver ``machine``, without its corpus, and one program after the other, so that the calls can be told."""
    return _search(run, breaks, seed, side_by_side=True)


def programs_alone(run: Drive, breaks: Sequence[str], seed: int) -> Outcome:
    """The same programs, shrunk by hypothesis alone."""
    return _search(run, breaks, seed, side_by_side=False)


def _search(run: Drive, breaks: Sequence[str], seed: int, *, side_by_side: bool) -> Outcome:
    search = Engine(run, replace(SCOPES["deep"], programs=PROGRAMS), known=())
    search.runner.share = Share(calls=CALLS, messages=10**9, until=1e9)
    spent = 0
    for number, program in enumerate(generate(run.config, seed=seed, count=PROGRAMS), 1):
        for ran in search.runner.side_by_side({f"machine-{number:03}": program}):
            search.memo.learn(ran)
            spent += len(ran.exchanges)
            kinds = [kind for kind, finding in ran.findings.items() if set(finding.any_of) & set(breaks)]
            if kinds:
                before = run.transport.budget.calls
                search.runner.share = Share(calls=search.runner.spent.calls + CALLS, messages=10**9, until=1e9)
                if side_by_side:
                    search.reduced(kinds[0], program, 1e9)
                smallest = search.shrunk(kinds[0], 1e9)
                return Outcome(find=spent, shrink=run.transport.budget.calls - before, steps=_size(smallest))
    return Outcome()


def state_machine(run: Drive, breaks: Sequence[str], seed: int) -> Outcome:
    """The state machine of hypothesis over the same steps."""
    found: list[int] = []
    least: list[Program] = []

    class Bound(RetryMachine):
        opened = staticmethod(lambda: replace(run, requirements=breaks))

        def prove(self) -> None:
            if not found and run.transport.budget.calls >= CALLS:
                return
            try:
                super().prove()
            except AssertionError:
                found.append(run.transport.budget.calls)
                least.append(Program(name="", steps=tuple(self.done)))
                raise

    machine = hypothesis.seed(seed)(Bound)
    settings = settings_for(MACHINES, Phase.generate, Phase.shrink, steps=8)
    with contextlib.suppress(AssertionError, hypothesis.errors.HypothesisException, GuardError):
        run_state_machine_as_test(machine, settings=settings)
    if not found:
        return Outcome()
    return Outcome(find=found[0], shrink=run.transport.budget.calls - found[0], steps=_size(least[-1]))


def _inside(search: Search) -> Competitor:
    def compete(fault: str, seed: int) -> Outcome:
        with target(fault, seed) as run:
            return search(run, FAULTS[fault].breaks, seed)

    return compete


def _stock(run: Callable[[str, int], int | None]) -> Competitor:
    return lambda fault, seed: Outcome(find=run(fault, seed))


#: By name, in the order of the table's columns.
COMPETITORS: Mapping[str, Competitor] = {
    "machine": _inside(engine),
    "shrunk by hypothesis alone": _inside(programs_alone),
    "state machine": _inside(state_machine),
    "schemathesis with our hooks": _stock(stock.with_our_hooks),
    "schemathesis run": _stock(stock.with_its_own_checks),
}


def _size(program: Program | None) -> int | None:
    return None if program is None else len(steps_of(program))


def measure(faults: Sequence[str], competitors: Sequence[str], seeds: int, seconds: float) -> Iterator[str]:
    """A line for each fault, and one over all; faults that the time is not enough for are left out, and it is said."""
    until = time.monotonic() + seconds
    everything: dict[str, list[Outcome]] = {name: [] for name in competitors}
    yield f"{'fault':36}" + "".join(f"{name:>36}" for name in competitors)
    for number, fault in enumerate(faults):
        if time.monotonic() > until:
            yield f"{len(faults) - number} faults left out: {seconds:.0f} s are over"
            break
        cells = []
        for name in competitors:
            outcomes = [COMPETITORS[name](fault, seed) for seed in range(seeds)]
            everything[name] += outcomes
            cells.append(_cell(outcomes))
        yield f"{fault:36}" + "".join(f"{cell:>36}" for cell in cells)
    yield f"{'all':36}" + "".join(f"{_cell(outcomes):>36}" for outcomes in everything.values())


def _cell(outcomes: Sequence[Outcome]) -> str:
    """How often it was found; medians of the calls to find and to shrink, and of the steps that were left."""
    found = [o for o in outcomes if o.find is not None]
    if not found:
        return f"0 of {len(outcomes)}"
    find = statistics.median(o.find or 0 for o in found)
    if all(o.shrink is None for o in found):
        return f"{len(found)} of {len(outcomes)}: {find:.0f} calls"
    shrink, steps = (statistics.median(getattr(o, part) or 0 for o in found) for part in ("shrink", "steps"))
    return f"{len(found)} of {len(outcomes)}: {find:.0f} + {shrink:.0f} calls, {steps:.0f} steps"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.exploring", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="searches for each fault and competitor")
    parser.add_argument("--faults", default=",".join(PLANTED), metavar="LIST", help="names, by comma")
    parser.add_argument("--competitors", default=",".join(COMPETITORS), metavar="LIST", help="names, by comma")
    parser.add_argument("--seconds", type=float, default=1800.0, help="no further fault is begun after that")
    given = parser.parse_args()
    for line in measure(given.faults.split(","), given.competitors.split(","), given.seeds, given.seconds):
        print(line, flush=True)


if __name__ == "__main__":
    main()
