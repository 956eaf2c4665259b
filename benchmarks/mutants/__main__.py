"""Draw mutants of the judges, run the tests of the judges on each, and print the score and the survivors.

What became of a mutant is kept in ``.mutants/``: a run that was stopped goes on where it was. A mutant that was killed stays so
until its module changes; one that survived runs again when the tests have changed. ``--fresh`` runs all of them again.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from benchmarks.mutants import mutation, running
from benchmarks.mutants.mutation import Mutant
from benchmarks.mutants.report import lines, page, reasons
from benchmarks.mutants.running import Covers, Outcome

JUDGES = Path("conformance/judges")
#: The tests of the judges: small histories with the right verdict. What takes more CPU seconds than that is left out: a survivor
#: takes all that run its line.
TESTS = ("tests/test_judge_*.py",)
SLOWEST = 0.3
KEPT = Path(".mutants")

T = TypeVar("T")


class Kept(msgspec.Struct, frozen=True):
    """A line of the file of outcomes."""

    name: str
    #: Digests of the mutated module and of the tests.
    source: str
    tests: str
    outcome: Outcome


def main() -> None:
    """Run the mutants that have not run, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description=__doc__)
    parser.add_argument("--size", type=int, default=600, metavar="N", help="mutants, at least")
    parser.add_argument("--seed", type=int, default=8, metavar="S", help="which of them")
    parser.add_argument("--only", default="", metavar="TEXT", help="only those with the text in their name")
    parser.add_argument("--fresh", action="store_true", help="run all of them again")
    parser.add_argument("--figures", action="store_true", help="run nothing: print what is known")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the page of the documentation there")
    given = parser.parse_args()
    KEPT.mkdir(exist_ok=True)
    sources = {path.relative_to(JUDGES).as_posix(): path.read_text("utf-8") for path in sorted(JUDGES.rglob("*.py"))}
    sizes, drawn = _drawn(sources, given.size, given.seed)
    files = sorted(path.as_posix() for pattern in TESTS for path in Path().glob(pattern))
    judges = _digest(*sources.values())
    marks = {file: _digest(judges, _read(Path(file))) for file in files}
    tests = _digest(*(_read(path) for path in sorted(Path("tests").glob("*.py"))))
    results = KEPT / "outcomes.jsonl"
    if given.fresh:
        results.unlink(missing_ok=True)
    known = _known(results, drawn, tests)
    todo = [one for one in drawn if one.name not in known and given.only in one.name]
    if todo and not given.figures:
        covers = _measured(files, marks)
        begun = time.monotonic()

        def tell(mutant: Mutant, outcome: Outcome) -> None:
            known[mutant.name] = outcome
            with results.open("ab") as file:
                kept = Kept(mutant.name, _digest(mutant.source), tests, outcome)
                file.write(msgspec.json.encode(kept) + b"\n")
            said = f"{len(known)}/{len(drawn)} {time.monotonic() - begun:.0f} s  {outcome.result}  {mutant.name}"
            print(said, file=sys.stderr, flush=True)

        running.run(todo, covers, files, JUDGES.absolute(), tell)
    why = reasons()
    for line in lines(sizes, drawn, known, why):
        print(line)
    if given.page is not None:
        commit = subprocess.run(("git", "rev-parse", "--short", "HEAD"), capture_output=True, text=True, check=True)
        text = page(
            sizes, drawn, known, why, seed=given.seed, commit=commit.stdout.strip(), slowest=SLOWEST,
            budget=running.BUDGET,
            tests=", ".join(f"`{pattern}`" for pattern in TESTS),
        )  # fmt: skip
        given.page.write_text(text, encoding="utf-8")


def _read(path: Path) -> str:
    return path.read_text("utf-8")


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def _drawn(sources: Mapping[str, str], size: int, seed: int) -> tuple[dict[str, int], tuple[Mutant, ...]]:
    """How many mutants each module has, and the sample: of each its share, rounded up. Kept, since to find all takes a minute."""
    own = _read(Path(mutation.__file__))
    sizes = {}
    for module, source in sources.items():
        file = KEPT / f"count-{_digest(own, module, source)}.json"
        sizes[module] = _kept(file, int, partial(mutation.count, module, source))
    drawn: list[Mutant] = []
    for module, source in sources.items():
        share = -(-size * sizes[module] // sum(sizes.values()))
        file = KEPT / f"drawn-{_digest(own, module, source, str(share), str(seed))}.json"
        drawn += _kept(file, tuple[Mutant, ...], partial(mutation.draw, module, source, share, seed))
    return sizes, tuple(drawn)


def _kept(file: Path, kind: type[T], make: Callable[[], T]) -> T:
    """What the file holds, or what is made and written there."""
    if not file.exists():
        file.write_bytes(msgspec.json.encode(make()))
    return msgspec.json.decode(file.read_bytes(), type=kind)


def _measured(files: Iterable[str], marks: Mapping[str, str]) -> dict[str, Covers]:
    """What each test runs; kept by file, for as long as neither it nor the judges change."""
    kept = {file: KEPT / f"covers-{marks[file]}.json" for file in files}
    missing = [file for file in files if not kept[file].exists()]
    of = running.measured(missing, JUDGES.absolute(), SLOWEST) if missing else {}
    for file in missing:
        these = {name: covers for name, covers in of.items() if name.partition("::")[0] == file}
        kept[file].write_bytes(msgspec.json.encode(these))
    found: dict[str, Covers] = {}
    for path in kept.values():
        found.update(msgspec.json.decode(path.read_bytes(), type=dict[str, Covers]))
    said = f"{sum(covers.seconds for covers in found.values()):.1f} s of {len(found)} tests"
    print(said, file=sys.stderr, flush=True)
    return found


def _known(results: Path, drawn: Iterable[Mutant], tests: str) -> dict[str, Outcome]:
    """What is known of the mutants and still holds."""
    wanted = {one.name: _digest(one.source) for one in drawn}
    known: dict[str, Outcome] = {}
    for line in results.read_bytes().splitlines() if results.exists() else ():
        kept = msgspec.json.decode(line, type=Kept)
        holds = kept.outcome.result in ("killed", "timeout") or kept.tests == tests
        if holds and wanted.get(kept.name) == kept.source:
            known[kept.name] = kept.outcome
    return known


if __name__ == "__main__":
    main()
