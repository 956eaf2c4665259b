"""What a run costs by the size of its largest batch, in time and in memory. ``python -m benchmarks.sizes``.

Each line is a process of its own: the scenario of the largest batch against the reference target in that process, by a
clock of its own, then the judges. Linear means that the last two columns stand still while rows grow.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from conformance.catalogue import load
from conformance.drivers.drive import Drive
from conformance.drivers.scenarios import run_programs
from conformance.exploring.running import header_of
from conformance.findings import Finding
from conformance.history.reader import read_history
from conformance.history.writer import HistoryWriter
from conformance.judges import judge
from conformance.reference.inside import InsideTarget
from conformance.reference.settings import Settings
from conformance.scenarios.blocking import BLOCKED
from conformance.workers import processes

#: Rows of the largest batch: around a page of 1,000 too.
ROWS = (20, 100, 300, 1000, 1100)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Seconds of the processor for the run and for the judges, and megabytes above an idle process."""

    rows: int
    calls: int
    run: float
    judge: float
    memory: float
    findings: int

    @property
    def line(self) -> str:
        """The cost in a line, and for each row."""
        each = f"{1000 * (self.run + self.judge) / self.rows:7.2f} ms  {1000 * self.memory / self.rows:7.1f} kB"
        whole = f"{self.calls:4} calls  run {self.run:6.2f} s  judges {self.judge:6.2f} s  {self.memory:6.1f} MB"
        return f"{self.rows:5} rows  {whole}  a row: {each}" + (f"  {self.findings} FINDINGS" if self.findings else "")


def measure(rows: int) -> Cost:
    """Run the scenario of the largest batch with so many rows."""
    idle = _memory()
    inside = InsideTarget(Settings(max_rows=rows, delivery=max(0.8, rows / 50)))
    config = inside.config()
    with TemporaryDirectory() as folder:
        path = Path(folder, "history.jsonl")
        begun = time.process_time()
        with HistoryWriter(path, header_of(config)) as writer:
            transport = inside.transport(config, writer)
            everything = [requirement.id for requirement in load().requirements]
            drive = Drive(
                transport=transport, config=config, requirements=everything, folder=Path(folder), sleep=inside.sleep
            )
            run_programs(drive, {BLOCKED.name: (BLOCKED.program(config), BLOCKED.requirements)})
            writer.close(transport.now(), complete=True, messages=transport.budget.messages)
            transport.close()
        ran = time.process_time()
        history = read_history(path)
        opinions = judge(history)
    return Cost(
        rows=rows,
        calls=len(history.exchanges),
        run=ran - begun,
        judge=time.process_time() - ran,
        memory=_memory() - idle,
        findings=sum(isinstance(opinion, Finding) for opinion in opinions),
    )


def _memory() -> float:
    """The most memory that this process had so far, in megabytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if sys.platform == "darwin" else most / 2**10


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizes", description=__doc__)
    parser.add_argument("--rows", default=",".join(map(str, ROWS)), metavar="LIST", help="by comma")
    sizes = [int(size) for size in parser.parse_args(arguments).rows.split(",")]
    # A process for each: the most memory of a process never falls.
    for size in sizes:
        with processes(1) as pool:
            print(pool.submit(measure, size).result().line, flush=True)


if __name__ == "__main__":
    main()
