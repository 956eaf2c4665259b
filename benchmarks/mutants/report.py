"""The figures of a run over mutants, and the page of the documentation."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.mutants.mutation import Mutant
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
    *,
    seed: int,
) -> str:
    """The page of the documentation."""
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
            _HEAD.format(seed=seed, size=len(drawn)),
            *(f"| {' | '.join(row)} |" for row in table),
            "",
            "## Survivors",
            "",
            *(survivors or ["none"]),
            "",
        )
    )


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
"""
