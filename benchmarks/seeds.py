"""Is a fault found whatever the seed? ``python -m benchmarks.seeds``.

Runs each fault with so many seeds, by the drivers that it takes to find it, against a reference target inside this process by a
clock of its own. A run is right if one of the requirements that the fault breaks fails, and every finding names one of those, or
of what follows from it. The usual faults are those of what once gave wrong verdicts: requests with a body, query or header, large
batches, redelivery, refusals and 429s that are carried out, values that are rewritten, a second batch.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.cost import config_of
from conformance.reference.faults import FAULTS
from conformance.reference.inside import InsideTarget
from conformance.reference.server import ReferenceServer
from conformance.reference.settings import Settings
from conformance.selftest import Trial, read
from conformance.session import Options, execute
from conformance.workers import processes

USUAL = (
    "body-is-refused-and-carried-out",
    "query-is-refused-and-carried-out",
    "status-in-the-query-selects",
    "body-is-accepted-and-dropped",
    "body-names-the-recipient",
    "body-replaces-values",
    "header-sets-the-language",
    "breaks-on-more-than-ten",
    "only-the-first-fifteen-listed",
    "breaks-when-blocked",
    "breaks-with-nothing-to-retry",
    "breaks-for-the-loser",
    "breaks-and-carries-out",
    "redelivers-jobs",
    "redelivers-one-job-in-twenty",
    "refuses-every-other-and-carries-it-out",
    "throttled-is-carried-out",
    "throttled-single-is-carried-out",
    "retries-the-delivered",
    "second-batch-appears",
    "blocked-empties-values",
    "put-empties-values",
    "single-empties-values",
    "falls-back-to-english",
    "created-does-not-block",
)


#: Of these, the one that shows only where requests are in flight together: it is run against a server.
RACED = ("breaks-for-the-loser",)


def attempt(trial: tuple[str, int], settle: float = 60.0) -> Trial:
    """Run against one fault with one seed."""
    name, seed = trial
    fault = FAULTS[name]
    settings = Settings(faults=(name,), speed=fault.speed, max_rows=fault.rows, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        depth = "deep" if fault.deep else "quick"
        options = Options(drivers=fault.drivers, depth=depth, seed=seed, report_dir=Path(folder))
        if name in RACED:
            with ReferenceServer(settings) as server:
                result = execute(server.config(), options)
        else:
            target = InsideTarget(settings)
            result = execute(config_of(target, settle), options, network=target)
    return read("fault", name, result.exit_status, result.report)


def lines(names: tuple[str, ...], seeds: int, first: int, workers: int) -> Iterator[str]:
    """A line for each fault, as its runs are done, and how many were right in all."""
    right = 0
    with processes(workers) as pool:
        for name in names:
            found = list(pool.map(partial(attempt), [(name, first + i) for i in range(seeds)]))
            good = sum(trial.as_it_should_be for trial in found)
            right += good == seeds
            yield f"{'ok ' if good == seeds else 'BAD'} {name:42} {good} of {seeds}"
            for seed, trial in enumerate(found, first):
                if not trial.as_it_should_be:
                    yield f"      seed {seed}: {trial.line}"
    yield f"{right} of {len(names)} faults found and rightly named in {seeds} of {seeds} runs"


def main() -> None:
    """Print them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.seeds", description=__doc__)
    parser.add_argument("--faults", default=",".join(USUAL), help="names, by comma")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    names = tuple(given.faults.split(","))
    if unknown := [name for name in names if name not in FAULTS]:
        parser.error(f"there is no fault {unknown[0]!r}; `retry-conformance list faults` names them")
    for line in lines(names, given.seeds, given.first, given.workers):
        print(line, flush=True)


if __name__ == "__main__":
    main()
