"""The suite against a second target that keeps the contract, and against its faults. ``python -m benchmarks.innocent``.

The target (``tests/innocent``) shares no code with the reference: threads, SQLite, a queue of jobs, keyset paging. Every run
is one as `run` does it, with every driver. No requirement may fail; what stays undecided is counted by its reason. A fault
is found if a requirement that it breaks fails, and rightly named if every finding names one.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from conformance.drivers import DRIVERS
from conformance.session import Options, execute
from conformance.workers import processes
from tests.innocent.faults import FAULTS
from tests.innocent.server import InnocentServer
from tests.innocent.service import Service

CLEAN = "innocent"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: how it ended, what its findings name, and why what is undecided is so."""

    name: str
    seed: int
    exit_status: int
    calls: int
    seconds: float
    failed: tuple[str, ...]
    #: For each finding, the requirements of which it says that one is violated, and what it says.
    findings: tuple[tuple[tuple[str, ...], str], ...]
    #: (reason code, requirement).
    undecided: tuple[tuple[str, str], ...]

    @property
    def strays(self) -> tuple[str, ...]:
        """Findings that name nothing that is broken."""
        planted = FAULTS.get(self.name)
        broken = {*planted.breaks, *planted.also} if planted else set()
        return tuple(f"{' or '.join(named)}: {text}" for named, text in self.findings if not broken & set(named))

    @property
    def right(self) -> bool:
        """True if the verdicts hold."""
        planted = FAULTS.get(self.name)
        found = self.exit_status in (0, 3) if planted is None else bool(set(planted.breaks) & set(self.failed))
        return found and not self.strays

    @property
    def lines(self) -> Iterator[str]:
        """The run in a line, and one for each thing that is wrong."""
        why = "; ".join(f"{code} ({requirement})" for code, requirement in self.undecided)
        what = f"fails {', '.join(self.failed)}" if self.failed else f"undecided: {why}" if why else "all decided"
        sign = "ok " if self.right else "BAD"
        cost = f"exit {self.exit_status}  {self.calls:4} calls  {self.seconds:5.1f} s"
        yield f"{sign} {self.name:30} seed {self.seed:3}  {cost}  {what}"
        yield from (f"      accuses: {line}" for line in self.strays)


def run(
    seed: int,
    *,
    name: str = CLEAN,
    depth: str = "quick",
    drivers: Sequence[str] = (),
    selected: Sequence[str] = (),
    delivery: float = 0.8,
    keep: str = "",
) -> Run:
    """Run the suite once.

    :param selected: requirements; empty for all. :param delivery: seconds that an attempt takes.
    :param keep: a folder in which the reports of a run are kept that ended wrongly.
    """
    service = FAULTS[name].service if name in FAULTS else Service
    with (
        tempfile.TemporaryDirectory() as folder,
        InnocentServer(delivery=delivery, seed=seed, service=service) as server,
    ):
        options = Options(
            depth=depth,
            seed=seed,
            selected=tuple(selected),
            drivers=tuple(drivers) or tuple(DRIVERS),
            report_dir=Path(folder, "reports"),
        )
        result = execute(server.config(), options)
        report = result.report
        done = Run(
            name=name,
            seed=seed,
            exit_status=result.exit_status,
            calls=report.run.calls,
            seconds=result.history.footer.t if result.history.footer else 0.0,
            failed=tuple(item.id for item in report.requirements if item.verdict == "fail"),
            findings=tuple((f.any_of, f.summary) for item in report.requirements for f in item.findings),
            undecided=tuple(
                (item.reason.code if item.reason is not None else item.verdict, item.id)
                for item in report.requirements
                if item.verdict in ("inconclusive", "error", "not_run")
            ),
        )
        if keep and not (done.right and (name in FAULTS or done.exit_status == 0)):
            shutil.copytree(options.report_dir, Path(keep, f"{name}-{seed}"), dirs_exist_ok=True)
    return done


def summary(runs: Sequence[Run]) -> Iterator[str]:
    """Counts over all runs."""
    clean = [one for one in runs if one.name not in FAULTS]
    if clean:
        statuses = Counter(one.exit_status for one in clean)
        said = ", ".join(f"{count} exit {status}" for status, count in sorted(statuses.items()))
        accused = sum(bool(one.strays or one.failed) for one in clean)
        yield f"{len(clean)} runs of the innocent target: {said}; {accused} accused"
        for (code, requirement), count in Counter(u for one in clean for u in one.undecided).most_common():
            yield f"    {count} times undecided: {requirement} ({code})"
    names = {one.name for one in runs if one.name in FAULTS}
    if names:
        found = {one.name for one in runs if one.name in FAULTS and one.right}
        missed = sorted(one.name for one in runs if one.name in FAULTS and not one.right)
        yield f"{len(found)} of {len(names)} faults found and rightly named" + (f"; not: {missed}" if missed else "")


def main() -> None:
    """Print a line for each run, and the counts."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.innocent", description=__doc__)
    parser.add_argument("--runs", type=int, default=20, metavar="N", help="runs of the innocent target")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="the first seed")
    parser.add_argument("--faults", default=",".join(FAULTS), metavar="LIST", help="by comma; empty for none")
    parser.add_argument("--depth", default="quick", choices=("quick", "standard", "deep"))
    parser.add_argument("--drivers", default="", metavar="LIST", help="by comma; all, unless it is said")
    parser.add_argument("--delivery", type=float, default=0.8, metavar="S", help="seconds that an attempt takes")
    parser.add_argument("--workers", type=int, default=2, metavar="W", help="runs at once; they mostly wait")
    parser.add_argument("--keep", default="", metavar="DIR", help="keep the reports of what ended wrongly or undecided")
    given = parser.parse_args()
    faults = [name for name in given.faults.split(",") if name]
    if strange := [name for name in faults if name not in FAULTS]:
        parser.error(f"there is no fault {strange[0]!r}: there are {', '.join(FAULTS)}")
    one = partial(
        run,
        depth=given.depth,
        drivers=tuple(filter(None, given.drivers.split(","))),
        delivery=given.delivery,
        keep=given.keep,
    )
    runs: list[Run] = []
    with processes(given.workers) as pool:
        clean = pool.map(one, range(given.seed, given.seed + given.runs))
        planted = [pool.submit(one, given.seed, name=name) for name in faults]
        for done in chain(clean, (future.result() for future in planted)):
            runs.append(done)
            for line in done.lines:
                print(line, flush=True)
    for line in summary(runs):
        print(line)


if __name__ == "__main__":
    main()
