"""Two unrelated faults at once: are they told as two causes? ``python -m benchmarks.pairs``.

Draws pairs of faults of the reference target that break nothing in common, runs the planned scenarios against a target with
both, and prints for each pair how its causes tell them. *apart*: a cause that names only what the one breaks, and another that
names only what the other breaks. *as one*: both are seen, and not so. *hidden*: no finding names what one of them breaks, as
where a fault keeps the other from acting.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from conformance.reference.faults import FAULTS
from conformance.reference.mixins import Fault
from conformance.reference.server import ReferenceServer
from conformance.reference.settings import Settings
from conformance.report.model import Report
from conformance.session import Options, execute
from conformance.workers import processes


@dataclass(frozen=True, kw_only=True)
class Told:
    """A pair, and how the report tells it."""

    pair: tuple[str, str]
    how: str
    #: The requirements of each cause.
    causes: tuple[tuple[str, ...], ...]

    @property
    def line(self) -> str:
        """The pair as one row."""
        said = "; ".join(" ".join(name.removeprefix("BR-") for name in names) for names in self.causes)
        return f"{self.how:7} {' + '.join(self.pair):68} {said}"


def drawn(count: int, seed: int) -> tuple[tuple[str, str], ...]:
    """So many pairs of faults that planned scenarios find at depth quick and that break nothing in common."""
    usual = Settings()
    fit = [
        f for f in FAULTS.values() if not (f.deep or f.tls) and "scenarios" in f.drivers and f.rows == usual.max_rows
    ]
    pairs = [(a.name, b.name) for i, a in enumerate(fit) for b in fit[i + 1 :] if not _broken(a) & _broken(b)]
    return tuple(random.Random(seed).sample(pairs, min(count, len(pairs))))


def _broken(fault: Fault) -> set[str]:
    return {*fault.breaks, *fault.also}


def tell(pair: tuple[str, str], seed: int = 1) -> Told:
    """Run against both at once, and look at the causes."""
    speed = min(FAULTS[name].speed for name in pair)
    with tempfile.TemporaryDirectory() as folder, ReferenceServer(Settings(faults=pair, speed=speed)) as server:
        options = Options(depth="quick", drivers=("scenarios",), seed=seed, report_dir=Path(folder))
        report = execute(server.config(), options).report
    return Told(pair=pair, how=_how(pair, report), causes=tuple(cause.requirements for cause in report.causes))


def _how(pair: tuple[str, str], report: Report) -> str:
    failed = {item.id for item in report.requirements if item.verdict == "fail"}
    one, other = (_broken(FAULTS[name]) for name in pair)
    if not (failed & one and failed & other):
        return "hidden"
    told = [(bool(set(c.requirements) & one), bool(set(c.requirements) & other)) for c in report.causes]
    return "apart" if {(True, False), (False, True)} <= {*told} else "as one"


def lines(count: int, seed: int, workers: int) -> Iterator[str]:
    """A row for each pair, as it is done, and the figures."""
    met: Counter[str] = Counter()
    chosen = drawn(count, seed)
    with processes(workers) as pool:
        for told in pool.map(tell, chosen):
            met[told.how] += 1
            yield told.line
    seen = met["apart"] + met["as one"]
    of = f"{len(chosen)} pairs, seed {seed}: of {seen} that show both"
    yield f"{of}, {met['apart']} apart and {met['as one']} as one; {met['hidden']} hide one"


def main() -> None:
    """Print them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pairs", description=__doc__)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    for line in lines(given.count, given.seed, given.workers):
        print(line, flush=True)


if __name__ == "__main__":
    main()
