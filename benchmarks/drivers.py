"""What each driver finds by itself: every fault of the reference target against every driver alone.

``python -m benchmarks.drivers`` runs them all, and prints the table.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from conformance.drivers import DRIVERS
from conformance.drivers.drive import DEPTHS
from conformance.findings import Finding
from conformance.history.records import History
from conformance.judges import judge
from conformance.reference.faults import FAULTS
from conformance.reference.server import ReferenceServer
from conformance.reference.settings import Settings
from conformance.session import Options, execute
from conformance.workers import processes

#: Seconds after which one run is given up.
PATIENCE = 120.0


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One fault against one driver. ``found_after``: the exchange that completes the first proof."""

    fault: str
    driver: str
    failed: tuple[str, ...] = ()
    found_after: int | None = None
    calls: int = 0


def proves(history: History, breaks: Collection[str], exchanges: int) -> bool:
    """Whether the first so many exchanges of a history prove that one of these requirements is broken."""
    part = msgspec.structs.replace(history, exchanges=history.exchanges[:exchanges])
    return any(isinstance(o, Finding) and set(o.any_of) & set(breaks) for o in judge(part))


def found_after(history: History, breaks: Collection[str]) -> int | None:
    """After how many exchanges the history proves one of these broken, by bisection; None if it never does."""
    low, high = 0, len(history.exchanges)
    if not proves(history, breaks, high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if proves(history, breaks, middle) else (middle, high)
    return high


def attempt(what: tuple[str, str], *, depth: str) -> Tried:
    """Run one driver against one fault."""
    fault, driver = what
    breaks = FAULTS[fault].breaks
    with tempfile.TemporaryDirectory() as folder, ReferenceServer(Settings(faults=(fault,))) as server:
        config = server.config()
        limits = msgspec.structs.replace(config.limits, max_seconds=PATIENCE)
        options = Options(drivers=(driver,), depth=depth, seed=1, report_dir=Path(folder))
        try:
            report = execute(msgspec.structs.replace(config, limits=limits), options).report
        except Exception:
            # A boundary: one run that breaks the suite is one bad cell of the table.
            logging.getLogger(__name__).exception("the suite broke")
            return Tried(fault=fault, driver=driver)
    failed = [item for item in report.requirements if item.verdict == "fail" and item.id in breaks]
    proofs = [max(finding.evidence) for item in failed for finding in item.findings if finding.evidence]
    after = min(proofs, default=None)
    return Tried(
        fault=fault, driver=driver, failed=tuple(i.id for i in failed), found_after=after, calls=report.run.calls
    )


def page(tried: Iterable[Tried], drivers: Sequence[str], depth: str) -> str:
    """The table, in Markdown."""
    cells = {(t.fault, t.driver): t for t in tried}
    faults = list(dict.fromkeys(fault for fault, _ in cells))
    found = {d: sum(bool(cells[f, d].failed) for f in faults) for d in drivers}
    alone = {
        d: [f for f in faults if cells[f, d].failed and not any(cells[f, o].failed for o in drivers if o != d)]
        for d in drivers
    }
    lines = [
        "# What each driver finds by itself",
        "",
        f"Every fault of the reference target, against each driver alone, at depth {depth}, seed 1. A cell says after how many",
        "calls the first proof is complete that something is broken which the fault breaks; a dash, that it was not found.",
        "",
        f"| fault | breaks | {' | '.join(drivers)} |",
        f"| --- | --- |{' ---: |' * len(drivers)}",
    ]
    for fault in faults:
        said = " | ".join(str(cells[fault, d].found_after or "–") for d in drivers)
        lines.append(f"| {fault} | {', '.join(FAULTS[fault].breaks)} | {said} |")
    counts = " | ".join(f"**{found[d]} of {len(faults)}**" for d in drivers)
    only = " | ".join(f"**{len(alone[d])}**" for d in drivers)
    calls = " | ".join(str(sum(cells[f, d].calls for f in faults) // max(1, len(faults))) for d in drivers)
    lines += [
        f"| found | | {counts} |",
        f"| found by it alone | | {only} |",
        f"| calls of a run, on average | | {calls} |",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drivers", description=__doc__)
    parser.add_argument("--fault", action="append", default=[], choices=list(FAULTS), help="this fault; by default all")
    parser.add_argument("--depth", default="quick", choices=DEPTHS)
    parser.add_argument("--workers", type=int, default=3, help="runs at once")
    asked = parser.parse_args()
    faults = asked.fault or list(FAULTS)
    pairs = [(fault, driver) for fault in faults for driver in DRIVERS]
    with processes(asked.workers) as pool:
        text = page(pool.map(partial(attempt, depth=asked.depth), pairs), tuple(DRIVERS), asked.depth)
    print(text)


if __name__ == "__main__":
    main()
