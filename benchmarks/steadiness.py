"""How steady verdicts are: runs against the reference over seeds, clean and with variants. ``python -m benchmarks.steadiness``.

Every run is one as `run` does it, against a server of its own. A legal target must never fail; a run that ends undecided
(any exit status but 0 and 1) has to name a cause that the variant really has: the causes that the report names stand
beside those that the variant declares.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from conformance.config_load import load
from conformance.reference.server import ReferenceServer, config_text
from conformance.reference.settings import Settings
from conformance.reference.variants import VARIANTS
from conformance.report.model import Report
from conformance.session import Options, execute
from conformance.workers import processes

#: Seconds after which a run is given up.
PATIENCE = 120
CLEAN = "reference"
#: What is run unless it is said otherwise: legal targets on which verdicts could hang on luck.
USUAL = (CLEAN, "slow-decisions", "lagging-replicas", "two-clocks", "worker-selects-late", "gateway-noise")


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: its exit status, what failed, and for each requirement that is undecided the cause that is named."""

    variant: str
    seed: int
    exit_status: int
    failed: tuple[str, ...]
    #: (reason code, requirement).
    causes: tuple[tuple[str, str], ...]


def run(variant: str, seed: int, depth: str = "quick") -> Run:
    """Run the planned scenarios once against a target of that variant."""
    settings = Settings(seed=seed) if variant == CLEAN else Settings(seed=seed, variants=(variant,))
    with tempfile.TemporaryDirectory() as folder, ReferenceServer(settings) as server:
        file = Path(folder, "target.toml")
        file.write_text(config_text(server), encoding="utf-8")
        config = load(file, {"CONFORMANCE_LIMITS__MAX_SECONDS": str(PATIENCE)})
        options = Options(depth=depth, seed=seed, drivers=("scenarios",), report_dir=Path(folder, "reports"))
        result = execute(config, options)
    return read(variant, seed, result.exit_status, result.report)


def read(variant: str, seed: int, exit_status: int, report: Report) -> Run:
    """What steadiness looks at in a report."""
    chosen = report.requirements
    return Run(
        variant=variant,
        seed=seed,
        exit_status=exit_status,
        failed=tuple(item.id for item in chosen if item.verdict == "fail"),
        causes=tuple(
            (item.reason.code if item.reason is not None else item.verdict, item.id)
            for item in chosen
            if item.verdict in ("inconclusive", "error", "not_run")
        ),
    )


def declared(variant: str) -> tuple[str, ...]:
    """Reason codes that the variant declares: why a run against it may end undecided."""
    return tuple(getattr(VARIANTS.get(variant), "undecided_because", ()))


def lines(variant: str, runs: Sequence[Run]) -> Iterator[str]:
    """How often each exit status came, and for undecided runs the named causes beside the declared ones."""
    statuses = Counter(one.exit_status for one in runs)
    counts = ", ".join(f"{count} exit {status}" for status, count in sorted(statuses.items()))
    yield f"{variant:28} {len(runs)} runs: {counts}"
    for one in runs:
        if one.failed:
            yield f"    seed {one.seed}: FAILS {', '.join(one.failed)}"
        if one.exit_status not in (0, 1):
            by_cause: dict[str, list[str]] = {}
            for code, requirement in one.causes:
                by_cause.setdefault(code, []).append(requirement)
            named = "; ".join(f"{code} ({', '.join(about)})" for code, about in by_cause.items()) or "no cause"
            wanted = ", ".join(declared(variant)) or "none"
            strange = sorted(by_cause.keys() - set(declared(variant)))
            sign = f"  NOT DECLARED: {', '.join(strange)}" if strange or not by_cause else ""
            yield f"    seed {one.seed}: exit {one.exit_status}: {named}; declared: {wanted}{sign}"


def measure(variants: Sequence[str], runs: int, seed: int, depth: str, workers: int) -> Iterator[str]:
    """Lines for each variant, as they are done; ``runs`` seeds each."""
    with processes(workers) as pool:
        for variant in variants:
            seeds = range(seed, seed + runs)
            yield from lines(variant, list(pool.map(run, [variant] * runs, seeds, [depth] * runs)))


def main() -> None:
    """Print the counts, and the causes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.steadiness", description=__doc__)
    parser.add_argument("--runs", type=int, default=10, metavar="N", help="runs of each target")
    parser.add_argument(
        "--variants", default=",".join(USUAL), metavar="LIST", help=f"names, by comma; {CLEAN} is the clean one"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="the first seed")
    parser.add_argument("--depth", default="quick", choices=("quick", "standard", "deep"))
    parser.add_argument("--workers", type=int, default=2, metavar="W", help="runs at once; they mostly wait")
    given = parser.parse_args()
    wanted = given.variants.split(",")
    unknown = [name for name in wanted if name != CLEAN and name not in VARIANTS]
    if unknown:
        parser.error(f"there is no variant {unknown[0]!r}: `retry-conformance list variants` names them")
    for line in measure(wanted, given.runs, given.seed, given.depth, given.workers):
        print(line, flush=True)


if __name__ == "__main__":
    main()
