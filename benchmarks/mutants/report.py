"""The figures of a run over mutants, and the page of the documentation."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.mutants.mutation import LEFT_ALONE, PROSE, Mutant
from benchmarks.mutants.running import Outcome

#: Standard deviations on either side that hold 95 % of a normal distribution.
Z = 1.959964
REASONS = Path(__file__).with_name("survivors.toml")


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share, in percent."""
    if of == 0:
        return 0.0, 100.0
    share = hits / of
    middle = share + Z * Z / (2 * of)
    half = Z * math.sqrt(share * (1 - share) / of + Z * Z / (4 * of * of))
    low, high = ((middle + sign * half) / (1 + Z * Z / of) for sign in (-1, 1))
    return 100 * max(0.0, low), 100 * min(1.0, high)


def reasons() -> dict[str, str]:
    """Why a survivor survives, by its key."""
    if not REASONS.exists():
        return {}
    return {str(key): str(why) for key, why in tomllib.loads(REASONS.read_text("utf-8")).items()}


def lines(
    sizes: Mapping[str, int], drawn: Sequence[Mutant], known: Mapping[str, Outcome], why: Mapping[str, str]
) -> Iterator[str]:
    """The score of each module and of all, then the survivors."""
    for row in _scores(sizes, drawn, known):
        yield f"{row[0]:34} {row[1]:>6} {row[2]:>6} {row[3]:>6}  {row[4]:>6}  {row[5]}"
    missing = sum(one.name not in known for one in drawn)
    if missing:
        yield f"{missing} mutants have not run yet"
    for one in _survivors(drawn, known):
        yield ""
        yield f"{one.key}  {one.name}  line {one.lines[0]}  {known[one.name].result}"
        yield from (f"    {line}" for line in one.diff)
        yield f"    why: {why.get(one.key, 'no reason is given')}"


def page(
    sizes: Mapping[str, int],
    drawn: Sequence[Mutant],
    known: Mapping[str, Outcome],
    why: Mapping[str, str],
    **said: object,
) -> str:
    """The page of the documentation; ``said`` is what its head says of the run."""
    header, *rows = _scores(sizes, drawn, known)
    table = [header, ("---", *("---:",) * 4, "---"), *rows]
    survivors = [
        part
        for one in _survivors(drawn, known)
        for part in (
            f"- `{one.name}` ({one.key}): {why.get(one.key, 'no reason is given')}",
            "",
            "      " + "\n      ".join(one.diff),
            "",
        )
    ]
    return "\n".join(
        (
            _HEAD.format(
                size=len(drawn),
                total=sum(sizes.values()),
                prose=_listed(PROSE),
                alone=_listed(LEFT_ALONE),
                **said,
            ),
            *(f"| {' | '.join(row)} |" for row in table),
            "",
            "## Survivors",
            "",
            *(survivors or ["none"]),
            "",
        )
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _survivors(drawn: Sequence[Mutant], known: Mapping[str, Outcome]) -> list[Mutant]:
    return [one for one in drawn if one.name in known and known[one.name].result in ("survived", "uncovered")]


def _scores(
    sizes: Mapping[str, int], drawn: Sequence[Mutant], known: Mapping[str, Outcome]
) -> Iterator[tuple[str, ...]]:
    yield "module", "mutants", "run", "killed", "score", "95 % interval"
    for module in (*sizes, ""):
        results = [
            known[one.name].result for one in drawn if one.name in known and (not module or one.module == module)
        ]
        killed = sum(result in ("killed", "timeout") for result in results)
        low, high = wilson(killed, len(results))
        share = f"{100 * killed / len(results):.1f} %" if results else "-"
        size = sizes[module] if module else sum(sizes.values())
        yield module or "all", str(size), str(len(results)), str(killed), share, f"{low:.1f} to {high:.1f} %"


_HEAD = """# Mutation testing of the judges

    python -m benchmarks.mutants --seed {seed} --page docs/mutants.md

changes the judges in one place at a time, and runs the tests of the judges on each change. A change that no test notices, a
survivor, is no change of what is judged, or a hole in the tests. The command writes this page: {size} of {total} mutants, of every
module its share, drawn by seed {seed}; the figures are of commit {commit}. A run that is stopped goes on where it was. It needs the
extra `dev`, and is no part of CI.

The changes are those of [mutmut](https://github.com/boxed/mutmut). Its runner leaves out decorated functions, and with them
every rule, so only its operators are used: a process with the tests loaded forks for each mutant, puts the changed code in
the place of the function's, and runs the tests that execute the changed statement until
one fails, in an order of which every beginning runs as many lines as it can in its time. A survivor survived all of them, or as
many as run in {budget} CPU seconds (measured with coverage on, which doubles it). A test that takes ten times as long, and two
seconds more, has killed the mutant.

Left alone, by rule:

- what a person reads: literals with a space in them, f-strings, and the arguments {prose};
- annotations, docstrings, and what is carried out at import (tables, decorators, defaults), as mutmut does;
- calls of {alone}.

The tests are {tests}, but for those that take more than {slowest} CPU seconds: neither they, nor the soundness sample, nor the kill
matrix count here.

"""
