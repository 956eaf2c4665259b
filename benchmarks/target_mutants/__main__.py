"""Try a seeded sample of the mutants and print what became of them. Stops and goes on where it stopped."""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.target_mutants import trying
from benchmarks.target_mutants.making import sample, sources
from benchmarks.target_mutants.reasons import why
from benchmarks.target_mutants.trying import CAUGHT, Tried
from conformance.scenarios import SCENARIOS


def done_before(path: Path) -> dict[str, Tried]:
    """What a file of results holds, by mutant; a last line that was cut off is left out."""
    found: dict[str, Tried] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            tried = Tried(**json.loads(line))
        except (ValueError, TypeError):
            continue
        found[tried.name] = tried
    return found


def report(tried: Sequence[Tried], *, listed: bool) -> Iterator[str]:
    """The counts, and a line or two for each survivor."""
    counts = Counter(one.outcome for one in tried)
    caught = sum(counts[outcome] for outcome in CAUGHT)
    visible = caught + counts["differs"] + counts["undecided"]
    yield f"{len(tried)} mutants: " + ", ".join(f"{n} {outcome}" for outcome, n in counts.most_common())
    never_green = caught + counts["undecided"]
    yield (
        f"of {visible} that the run showed to differ {caught} are caught, and {counts['undecided']} more leave open what the "
        f"original passes: {100 * never_green / max(visible, 1):.1f} % never end with exit status 0"
    )
    legal = Counter(why(one.function, one.before) for one in tried if one.outcome == "differs")
    missed = legal.pop("", 0)
    yield f"{counts['differs']} differ and pass: {sum(legal.values())} for a reason, {missed} without"
    yield from (f"  {n:4} {reason}" for reason, n in legal.most_common())
    if listed:
        for one in tried:
            if one.outcome not in CAUGHT:
                yield f"{one.outcome:10} {one.name} in {one.function or 'module'}: {one.before}  →  {one.after}"
                if one.detail:
                    yield f"           {one.detail}"


def main() -> None:
    """Try what was not tried before, and print the counts."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.target_mutants", description=__doc__)
    parser.add_argument("--size", type=int, default=400, metavar="N", help="mutants of the sample")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="from which the sample is drawn")
    parser.add_argument("--seconds", type=float, default=1e9, metavar="S", help="stop after so long")
    parser.add_argument("--results", type=Path, default=Path("reports/target-mutants.jsonl"), metavar="FILE")
    parser.add_argument("--only", default="", metavar="NAME", help="this mutant, and what becomes of it")
    parser.add_argument("--survivors", action="store_true", help="list what was not caught")
    given = parser.parse_args()
    until = time.monotonic() + given.seconds
    made = sources()
    chosen = [given.only] if given.only else sample(made, given.size, given.seed)
    known = {} if given.only else done_before(given.results)
    left = [name for name in chosen if name not in known]
    if left:
        # Plain HTTP is of no target without HTTPS.
        names = [scenario.name for scenario in SCENARIOS if not scenario.deep and scenario.name != "plain-http"]
        clean = trying.original(names)
        assert not clean.findings, clean.findings
        reached = trying.reach(names)
        given.results.parent.mkdir(parents=True, exist_ok=True)
        with given.results.open("a", encoding="utf-8") as out:
            for name in left:
                if time.monotonic() > until:
                    break
                mutant = made[name.partition(":")[0]].make(name)
                tried = trying.attempt(mutant, clean, reached) if mutant else trying.the_same(name)
                known[name] = tried
                if not given.only:
                    out.write(json.dumps(asdict(tried)) + "\n")
                    out.flush()
    if not given.only:
        everything = sum(len(source.names()) for source in made.values())
        print(f"a sample of {len(chosen)} of {everything} changes of {', '.join(made)}, seed {given.seed}")
    for line in report([known[name] for name in chosen if name in known], listed=given.survivors or bool(given.only)):
        print(line)


if __name__ == "__main__":
    main()
