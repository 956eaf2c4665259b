"""Does a baseline of one fault let another one through? ``python -m benchmarks.fingerprints [--requirement ID]…``.

Every fault is run once, by the drivers and scenarios that exercise what it breaks. For each requirement, a pair of the
faults that break it is listed if a baseline of the first lets the second pass: each fingerprint of the second is one of
the first. A user would call most of them different defects, so the list has to be short, and argued (``ARGUED``). Exit
status 1 if a pair is listed that is not argued.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from pathlib import Path

from conformance.catalogue import load as load_catalogue
from conformance.config_load import load
from conformance.reference.faults import FAULTS
from conformance.reference.server import ReferenceServer, config_text
from conformance.report.model import Report
from conformance.selftest import PATIENCE, settings_of
from conformance.session import Options, conclude, execute

#: Pairs that share each fingerprint and that a user would call one defect, with the reason. Either order.
ARGUED: Mapping[frozenset[str], str] = {}


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one fault was found by: for each requirement, the summary of each fingerprint."""

    fault: str
    found: Mapping[str, Mapping[str, str]]


def shared(prints: Mapping[str, frozenset[str]]) -> Iterator[tuple[str, str]]:
    """Yield the pairs in which a baseline of the first lets the second pass. Pure.

    :param prints: the fingerprints of the findings of one requirement, by fault.
    """
    for first, second in permutations(sorted(prints), 2):
        if prints[second] and prints[second] <= prints[first]:
            yield first, second


def by_requirement(runs: Sequence[Run]) -> dict[str, dict[str, frozenset[str]]]:
    """The fingerprints of each requirement that fails, by fault. Pure."""
    found: dict[str, dict[str, frozenset[str]]] = {}
    for run in runs:
        for requirement, summaries in run.found.items():
            found.setdefault(requirement, {})[run.fault] = frozenset(summaries)
    return found


def read(fault: str, report: Report) -> Run:
    """What a report says of a fault, of the requirements that fail. Pure."""
    failing = (item for item in report.requirements if item.findings)
    return Run(fault=fault, found={item.id: {f.fingerprint: f.summary for f in item.findings} for item in failing})


def history(name: str, folder: Path) -> None:
    """Run one fault, about what it breaks and nothing else, and keep its history in a folder, if it is not there yet."""
    kept = folder / f"{name}.jsonl"
    if kept.is_file():
        return
    fault = FAULTS[name]
    with tempfile.TemporaryDirectory() as work, ReferenceServer(settings_of("fault", name)) as server:
        file = Path(work, "target.toml")
        file.write_text(config_text(server), encoding="utf-8")
        options = Options(
            selected=() if fault.whole else fault.breaks,
            drivers=fault.drivers,
            depth="deep" if fault.deep else "quick",
            seed=7,
            report_dir=Path(work, "reports"),
        )
        execute(load(file, {"CONFORMANCE_LIMITS__MAX_SECONDS": str(PATIENCE)}), options)
        shutil.copy(Path(work, "reports", "history.jsonl"), kept.with_suffix(".part"))
    os.replace(kept.with_suffix(".part"), kept)


def judged(name: str, folder: Path) -> Run:
    """Judge a history that is kept."""
    return read(name, conclude(folder / f"{name}.jsonl", load_catalogue(), Options()).report)


def both(name: str, folder: Path) -> Run:
    """Run a fault, unless its history is kept, and judge it."""
    history(name, folder)
    return judged(name, folder)


def lines(runs: Sequence[Run], requirements: Sequence[str] = ()) -> Iterator[tuple[str, bool]]:
    """Yield a line for each pair that shares its fingerprints, and whether it is argued. Pure."""
    texts = {run.fault: run.found for run in runs}
    for requirement, prints in sorted(by_requirement(runs).items()):
        if requirements and requirement not in requirements:
            continue
        broken = {name: found for name, found in prints.items() if requirement in FAULTS[name].breaks}
        for first, second in shared(broken):
            why = ARGUED.get(frozenset((first, second)), "")
            said = " | ".join(sorted(texts[second][requirement].values()))
            yield f"{requirement}: {first} lets {second} pass: {why or f'NOT ARGUED: {said}'}", bool(why)


def main() -> None:
    """Print the pairs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fingerprints", description=__doc__)
    parser.add_argument("--requirement", action="append", default=[], metavar="ID", help="this one only; repeatable")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep histories there; begun again, it goes on from them"
    )
    parser.add_argument("--workers", type=int, default=2, metavar="W", help="runs at once; they mostly wait")
    given = parser.parse_args()
    about = [n for n, f in FAULTS.items() if not given.requirement or set(given.requirement) & set(f.breaks)]
    with tempfile.TemporaryDirectory() as work:
        folder = given.keep or Path(work)
        folder.mkdir(exist_ok=True)
        # Spawned: a fork of a process that runs threads may hang.
        with ProcessPoolExecutor(given.workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            runs = list(pool.map(partial(both, folder=folder), about))
    listed = list(lines(runs, given.requirement))
    for text, _ in listed:
        print(text)
    for one in runs:
        if missed := [name for name in FAULTS[one.fault].breaks if not one.found.get(name)]:
            print(f"{one.fault}: no finding of {', '.join(missed)}")
    broken = [[run.fault for run in runs if name in FAULTS[run.fault].breaks] for name in by_requirement(runs)]
    pairs = sum(len(names) * (len(names) - 1) for names in broken)
    argued = sum(known for _, known in listed)
    print(
        f"{len(runs)} faults, {pairs} pairs that break one requirement: {len(listed)} let pass, {argued} of them argued"
    )
    sys.exit(1 if argued < len(listed) else 0)


if __name__ == "__main__":
    main()
