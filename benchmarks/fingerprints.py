"""Does a baseline of one fault let another one through? ``python -m benchmarks.fingerprints [--requirement ID]…``.

For each requirement, every fault that breaks it is run once, by the planned scenarios that exercise it. A pair of faults
is listed if a baseline of the first lets the second pass: each fingerprint of the second is one of the first. A user would
call most of them different defects, so the list has to be short, and argued.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import permutations
from pathlib import Path

from conformance.reference.faults import FAULTS
from conformance.reference.server import ReferenceServer
from conformance.reference.settings import Settings
from conformance.report.model import Report
from conformance.session import Options, execute

Prints = Mapping[str, frozenset[str]]


def shared(prints: Prints) -> Iterator[tuple[str, str]]:
    """Yield the pairs in which a baseline of the first lets the second pass. Pure.

    :param prints: the fingerprints of the findings of one requirement, by fault.
    """
    for first, second in permutations(sorted(prints), 2):
        if prints[second] and prints[second] <= prints[first]:
            yield first, second


def by_requirement(reports: Mapping[str, Report]) -> dict[str, dict[str, frozenset[str]]]:
    """The fingerprints of each requirement that fails, by fault. Pure."""
    found: dict[str, dict[str, frozenset[str]]] = {}
    for fault, report in reports.items():
        for item in report.requirements:
            if item.findings:
                found.setdefault(item.id, {})[fault] = frozenset(f.fingerprint for f in item.findings)
    return found


def run(faults: Iterable[str], requirements: tuple[str, ...]) -> dict[str, Report]:
    """Run each fault once."""
    reports = {}
    for fault in faults:
        with tempfile.TemporaryDirectory() as folder, ReferenceServer(Settings(speed=4, faults=(fault,))) as server:
            options = Options(
                selected=requirements, drivers=("scenarios",), depth="quick", seed=7, report_dir=Path(folder)
            )
            reports[fault] = execute(server.config(), options).report
    return reports


def main() -> None:
    """Print the pairs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fingerprints", description=__doc__)
    parser.add_argument("--requirement", action="append", default=[], metavar="ID", help="this one only; repeatable")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="these faults only; repeatable")
    given = parser.parse_args()
    wanted = tuple(given.requirement)
    names = [
        name
        for name, fault in FAULTS.items()
        if (not wanted or set(wanted) & set(fault.breaks)) and (not given.fault or name in given.fault)
    ]
    pairs = 0
    for requirement, prints in sorted(by_requirement(run(names, wanted)).items()):
        if wanted and requirement not in wanted:
            continue
        pairs += len(prints) * (len(prints) - 1)
        for first, second in shared(prints):
            print(f"{requirement}: a baseline of {first} lets {second} pass ({', '.join(sorted(prints[second]))})")
    print(f"{len(names)} faults, {pairs} pairs of faults that fail one requirement")


if __name__ == "__main__":
    main()
