"""How surely races are found. ``python -m benchmarks.races [--runs N]``: found in k of N runs, innocents accused in how many.

Each target runs in a process of its own on loopback, as `serve` would run it; each run is at standard depth and does the
race scenarios only (and what they need for a comparison).
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
from collections.abc import Iterator
from concurrent.futures import as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from conformance.catalogue import load as load_catalogue
from conformance.config import Config
from conformance.findings import Finding
from conformance.judges import judge
from conformance.reference.faults_races import FAULTS
from conformance.reference.server import PATIENCE, ReferenceServer
from conformance.reference.settings import Settings
from conformance.session import Options, execute
from conformance.workers import processes

RACES = ("BR-CON-01", "BR-CON-02", "BR-CON-03")
#: Runs against one server, one after the other.
CHUNK = 5
SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Tally:
    """What became of some runs against one target: how many failed a requirement of its fault, and how many any at all."""

    name: str
    runs: int
    found: int
    accused: int
    #: How many passed all three requirements.
    passed: int
    skews: tuple[float, ...]
    windows: tuple[float, ...]


def measure(runs: int, clean: int, workers: int) -> Iterator[str]:
    """A line for each fault, and one for the clean target, as they are done."""
    chunks = [(name, min(CHUNK, runs - i)) for name in FAULTS for i in range(0, runs, CHUNK)]
    chunks += [("", min(CHUNK, clean - i)) for i in range(0, clean, CHUNK)]
    wanted = {name: sum(n for named, n in chunks if named == name) for name, _ in chunks}
    done: dict[str, list[Tally]] = {}
    with processes(workers) as pool:
        for future in as_completed([pool.submit(attempt, *chunk) for chunk in chunks]):
            tally = future.result()
            done.setdefault(tally.name, []).append(tally)
            if sum(t.runs for t in done[tally.name]) == wanted[tally.name]:
                yield _line(tally.name, done[tally.name])


def attempt(name: str, runs: int) -> Tally:
    """Some runs against a target of its own, one after the other; ``name`` is a fault, or empty."""
    found = accused = passed = 0
    skews: list[float] = []
    windows: list[float] = []
    with _served(name) as config, TemporaryDirectory() as folder:
        for seed in range(runs):
            # Rows are told apart by what the seed draws: runs against one server need one each.
            options = Options(
                depth="standard", drivers=("scenarios",), seed=seed, selected=RACES, report_dir=Path(folder)
            )
            result = execute(config, options)
            said = [o for o in judge(result.history, load_catalogue()) if isinstance(o, Finding)]
            broken = {requirement for finding in said for requirement in finding.any_of}
            found += bool(broken.intersection(FAULTS[name].breaks if name else ()))
            accused += bool(said)
            passed += all(result.report[requirement].verdict == "pass" for requirement in RACES)
            skews += [result.report.races.skew or 0.0]
            windows += [result.report.races.window or 0.0]
    return Tally(name, runs, found, accused, passed, tuple(skews), tuple(windows))


@contextmanager
def _served(name: str) -> Iterator[Config]:
    """A reference target in a process of its own, and the configuration that fits it."""
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=_serve, args=(name, theirs), daemon=True)
    process.start()
    try:
        if not ours.poll(6 * PATIENCE):
            raise TimeoutError("the target does not start")
        yield ours.recv()
    finally:
        ours.send(None)
        process.join(PATIENCE)
        process.kill()


def _serve(name: str, pipe: Connection) -> None:
    with ReferenceServer(Settings(speed=4, faults=(name,) if name else ())) as server:
        pipe.send(server.config())
        pipe.recv()


def _line(name: str, tallies: list[Tally]) -> str:
    runs = sum(t.runs for t in tallies)
    skews = [s for t in tallies for s in t.skews]
    windows = [w for t in tallies for w in t.windows]
    shown = (
        f"largest skew of a run: median {1000 * statistics.median(skews):.2f} ms, worst {1000 * max(skews):.2f} ms; "
        f"window: median {1000 * statistics.median(windows):.1f} ms"
    )
    if name:
        return f"{name:30} found in {sum(t.found for t in tallies)} of {runs} runs; {shown}"
    accused, passed = sum(t.accused for t in tallies), sum(t.passed for t in tallies)
    return f"{'the clean target':30} accused in {accused} of {runs} runs, passes all in {passed}; {shown}"


def main() -> None:
    """Print the figures as they come."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.races", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="against each fault")
    parser.add_argument(
        "--clean", type=int, default=None, help="against the clean target; by default ten times as many"
    )
    parser.add_argument("--workers", type=int, default=2, help="runs at once")
    given = parser.parse_args()
    for line in measure(given.runs, 10 * given.runs if given.clean is None else given.clean, given.workers):
        print(line, flush=True)


if __name__ == "__main__":
    main()
