"""Does a baseline of one fault let another one through? ``python -m benchmarks.fingerprints [--requirement ID]…``.

Every fault is run once, by the drivers and scenarios that exercise what it breaks. A pair of faults that break one requirement
is listed if a gate with a baseline of the first is green for the second: each fingerprint of the second, of any requirement, is
one of the first. A user would call most of them different defects, so the list has to be short, and argued
(``benchmarks.argued``). Exit status 1 if a pair is listed that is not argued.

With ``--again SEED`` every fault is run twice, and fingerprints that only one of its runs has are listed: a gate that meets them
is red for a defect that it knows.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from pathlib import Path

from benchmarks.argued import ARGUED, why
from conformance.catalogue import load as load_catalogue
from conformance.config_load import load
from conformance.findings import Finding
from conformance.history.reader import read_history
from conformance.judges import judge
from conformance.reference.faults import FAULTS
from conformance.reference.mixins import Fault
from conformance.reference.server import ReferenceServer, config_text
from conformance.selftest import PATIENCE, settings_of
from conformance.session import Options, execute
from conformance.workers import processes

SEED = 7


@dataclass(frozen=True, kw_only=True)
class Print:
    """A fingerprint: the words that it is made of, and the requirements that its findings may be laid to."""

    words: str
    requirements: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one fault was found by: its fingerprints."""

    fault: str
    prints: Mapping[str, Print]

    def broken(self, requirement: str) -> bool:
        """True if a finding names the requirement."""
        return any(requirement in one.requirements for one in self.prints.values())


def read(fault: str, findings: Sequence[Finding]) -> Run:
    """The fingerprints of findings, each once. Pure."""
    words = {f.fingerprint: f.kind for f in findings}
    names = {p: frozenset(n for f in findings if f.fingerprint == p for n in f.any_of) for p in words}
    return Run(fault=fault, prints={p: Print(words=words[p], requirements=names[p]) for p in words})


def lets_pass(first: Run, second: Run, faults: Mapping[str, Fault], must: frozenset[str]) -> bool:
    """True if a gate with a baseline of the first would be green for the second. Pure.

    A SHOULD counts if both break it.
    """
    shared = frozenset(faults[first.fault].breaks) & frozenset(faults[second.fault].breaks)
    fresh = [p.requirements for name, p in second.prints.items() if name not in first.prints]
    return bool(second.prints) and not any(names & (must | shared) for names in fresh)


def pairs(faults: Mapping[str, Fault]) -> Iterator[tuple[str, str]]:
    """Yield the pairs of faults that break one requirement. Pure."""
    for first, second in permutations(sorted(faults), 2):
        if frozenset(faults[first].breaks) & frozenset(faults[second].breaks):
            yield first, second


def lines(
    runs: Sequence[Run], faults: Mapping[str, Fault], must: frozenset[str], requirements: Sequence[str] = ()
) -> Iterator[tuple[str, bool]]:
    """Yield a line for each pair that a gate lets pass, and whether it is argued. Pure."""
    by_name = {run.fault: run for run in runs}
    for first, second in pairs({name: faults[name] for name in by_name}):
        shared = sorted(set(faults[first].breaks) & set(faults[second].breaks))
        if requirements and not set(requirements) & set(shared):
            continue
        if lets_pass(by_name[first], by_name[second], faults, must):
            said = " | ".join(sorted(p.words for p in by_name[second].prints.values()))
            reason = why(first, second)
            yield f"{first} lets {second} pass ({', '.join(shared)}): {reason or f'NOT ARGUED: {said}'}", bool(reason)


def unsteady(one: Run, other: Run) -> Iterator[str]:
    """Yield the words of each fingerprint that only one of two runs of a fault has. Pure."""
    for mine, yours, which in ((one, other, "first"), (other, one, "second")):
        for name, shown in sorted(mine.prints.items()):
            if name not in yours.prints:
                yield f"{one.fault}: in the {which} run only: {shown.words} ({', '.join(sorted(shown.requirements))})"


def history(name: str, folder: Path, seed: int = SEED) -> None:
    """Run one fault, about what it breaks and nothing else, and keep its history in a folder, if it is not there yet."""
    kept = folder / f"{name}.jsonl"
    if kept.is_file():
        return
    fault = FAULTS[name]
    with tempfile.TemporaryDirectory() as work, ReferenceServer(settings_of("fault", name)) as server:
        file = Path(work, "target.toml")
        file.write_text(config_text(server), encoding="utf-8")
        options = Options(
            selected=() if fault.whole else (*fault.breaks, *fault.also),
            drivers=fault.drivers,
            depth="deep" if fault.deep else "quick",
            seed=seed,
            report_dir=Path(work, "reports"),
        )
        execute(load(file, {"CONFORMANCE_LIMITS__MAX_SECONDS": str(PATIENCE)}), options)
        shutil.copy(Path(work, "reports", "history.jsonl"), kept.with_suffix(".part"))
    os.replace(kept.with_suffix(".part"), kept)


def judged(name: str, folder: Path) -> Run:
    """Judge a history that is kept."""
    opinions = judge(read_history(folder / f"{name}.jsonl"), load_catalogue())
    return read(name, [o for o in opinions if isinstance(o, Finding)])


def both(name: str, folder: Path, seed: int = SEED) -> Run:
    """Run a fault, unless its history is kept, and judge it."""
    history(name, folder, seed)
    return judged(name, folder)


def _runs(names: Sequence[str], folder: Path, seed: int, workers: int) -> list[Run]:
    folder.mkdir(exist_ok=True)
    with processes(workers) as pool:
        return list(pool.map(partial(both, folder=folder, seed=seed), names))


def main() -> None:
    """Print the pairs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fingerprints", description=__doc__)
    parser.add_argument("--requirement", action="append", default=[], metavar="ID", help="this one only; repeatable")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep histories there; begun again, it goes on from them"
    )
    parser.add_argument("--workers", type=int, default=2, metavar="W", help="runs at once; they mostly wait")
    parser.add_argument("--again", type=int, metavar="SEED", help="run every fault once more, with this seed")
    given = parser.parse_args()
    must = frozenset(r.id for r in load_catalogue().requirements if r.level == "MUST")
    about = [n for n, f in FAULTS.items() if not given.requirement or set(given.requirement) & set(f.breaks)]
    about.sort(key=lambda name: FAULTS[name].deep)
    with tempfile.TemporaryDirectory() as work:
        folder = given.keep or Path(work)
        runs = _runs(about, folder, SEED, given.workers)
        again = _runs(about, folder / f"seed-{given.again}", given.again, given.workers) if given.again else []
    listed = list(lines(runs, FAULTS, must, given.requirement))
    for text, _ in listed:
        print(text)
    for one in runs:
        if missed := [name for name in FAULTS[one.fault].breaks if not one.broken(name)]:
            print(f"{one.fault}: no finding of {', '.join(missed)}")
    for one, other in zip(runs, again, strict=False):
        for text in unsteady(one, other):
            print(text)
    argued = sum(known for _, known in listed)
    total = sum(1 for _ in pairs({name: FAULTS[name] for name in about}))
    print(
        f"{len(runs)} faults, {total} pairs that break one requirement: {len(listed)} let pass, {argued} of them argued "
        f"(for {len(ARGUED)} reasons)"
    )
    sys.exit(1 if argued < len(listed) else 0)


if __name__ == "__main__":
    main()
