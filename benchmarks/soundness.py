"""Whether verdicts hold: legal histories that are accused, broken ones that are missed. ``python -m benchmarks.soundness``.

Legal histories come from two sources that share no code: walks through the model (``oracle.walk``), and a simulator of
targets and clients (``oracle.simulator``). Broken ones come from the simulator, with one fault planted, and from walks
with something changed. Everything is drawn from the seed; a line for each wrong verdict says how to see it again.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from conformance.errors import UsageError
from conformance.findings import Doubt, Finding
from conformance.history.records import History
from conformance.judges import judge
from conformance.workers import processes
from oracle.exchanges import to_history
from oracle.explain import SearchBoundError, explain
from oracle.simulator.faults import FAULTS
from oracle.simulator.reduced import write
from oracle.simulator.session import broken, simulate, simulate_small
from oracle.spoiled import spoiled
from oracle.walk import Walk
from oracle.world import AXIOMS, Switches

#: Of legal histories the model gives one in so many, of broken ones too; its walks are small.
MODEL_SHARE = 5
#: One in so many is a small history of the simulator, which the model is asked to explain.
SMALL_SHARE = 20
#: States that the search for an explanation looks at.
BOUND = 3_000
#: Histories that one task of a worker judges.
CHUNK = 50
#: A fault is planted in so many histories at most before one shows it.
TRIES = 8
#: What the model can argue about; other families look at data, keys and input, which it does not know.
FAMILIES = ("BR-ACC", "BR-BLK", "BR-SEL")
LAGS = (0.0, 0.0, 0.1)


@dataclass(kw_only=True)
class Tally:
    """What was judged, and what was wrong with it. Lines are for people."""

    judged: Counter[str] = field(default_factory=Counter)
    #: Small legal histories of the simulator, by whether the model explains them; those that it does not.
    agreed: Counter[str] = field(default_factory=Counter)
    disputed: list[str] = field(default_factory=list)
    exchanges: int = 0
    accused: list[str] = field(default_factory=list)
    #: By fault: histories that show it, and in how many of them a finding names a requirement that it breaks.
    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    #: Findings that name only requirements which the fault does not break.
    strayed: list[str] = field(default_factory=list)
    #: Findings that a legal execution explains under the axioms that they name; axioms that are not needed.
    explained: list[str] = field(default_factory=list)
    #: Findings that the model had an answer for.
    checked: int = 0
    needless: Counter[str] = field(default_factory=Counter)
    #: Histories that nothing explains, and that no judge flags, of all those that nothing explains.
    inexplicable: int = 0
    missed: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Take over what another tally holds."""
        for mine, theirs in (
            (self.judged, other.judged),
            (self.agreed, other.agreed),
            (self.planted, other.planted),
            (self.found, other.found),
            (self.needless, other.needless),
        ):
            mine.update(theirs)
        self.exchanges += other.exchanges
        self.inexplicable += other.inexplicable
        self.checked += other.checked
        self.accused += other.accused
        self.disputed += other.disputed
        self.strayed += other.strayed
        self.explained += other.explained
        self.missed += other.missed


def findings(history: History) -> list[Finding]:
    """What the judges find; a judge that broke is an error of ours.

    :raises AssertionError: a judge broke.
    """
    opinions = judge(history)
    crashed = [o.text for o in opinions if isinstance(o, Doubt) and o.code == "suite-error"]
    assert not crashed, crashed
    return [o for o in opinions if isinstance(o, Finding)]


def simulated(seed: int, tally: Tally) -> None:
    """Judge one legal history of the simulator."""
    history = simulate(seed).history
    tally.judged["legal, simulator"] += 1
    tally.exchanges += len(history.exchanges)
    tally.accused += _accusations(history, f"--show {seed}")


def agreed(seed: int, tally: Tally) -> None:
    """Judge one small legal history of the simulator, and ask the model whether it is legal."""
    made = simulate_small(seed)
    how = f"[--show {seed} --small]"
    tally.judged["legal, simulator, small"] += 1
    tally.exchanges += len(made.history.exchanges)
    tally.accused += (f"{line}  {how}" for line in map(_kind, findings(made.history)))
    try:
        legal = explicable(made.history, Switches().without("A2a") if made.habits.corrections else Switches())
    except UsageError:
        tally.agreed["too large"] += 1
        return
    tally.agreed["search ended at its bound" if legal is None else "explained" if legal else "not explained"] += 1
    if legal is False:
        tally.disputed.append(f"no execution of the model explains it  {how}")


def walk(seed: int) -> Walk:
    """The walk with that seed."""
    return Walk(seed, rows=1 + seed % 4, cells=2 + seed % 19, lag=LAGS[seed % 3])


def walked(seed: int, tally: Tally) -> None:
    """Judge one legal history of the model."""
    history = walk(seed).history
    tally.judged["legal, model"] += 1
    tally.exchanges += len(history.exchanges)
    tally.accused += _accusations(history, f"--show {seed} --model")


def _accusations(history: History, how: str) -> Iterator[str]:
    yield from (f"{_kind(finding)}  [{how}]" for finding in findings(history))


def _kind(finding: Finding) -> str:
    return f"{' '.join(finding.any_of)}  {finding.kind}"


def planted(name: str, seed: int, tally: Tally) -> None:
    """Judge one history of a target with that fault, if it comes to show itself."""
    for number in range(seed * TRIES, seed * TRIES + TRIES):
        made = broken(name, number)
        if not made.target.fired:
            continue
        breaks = FAULTS[name].breaks
        found = findings(made.history)
        tally.judged["broken, simulator"] += 1
        tally.exchanges += len(made.history.exchanges)
        tally.planted[name] += 1
        tally.found[name] += any(set(f.any_of) & set(breaks) for f in found)
        tally.strayed += [
            f"{_kind(f)}  [--show {number} --fault {name}]" for f in found if not set(f.any_of) & set(breaks)
        ]
        _explained(made.history, found, f"[--show {number} --fault {name}]", tally)
        return


def changed(seed: int, tally: Tally) -> None:
    """Judge one walk that was changed, and ask the model what explains it."""
    line = spoiled(seed, Walk(seed, rows=1 + seed % 3, cells=2 + seed % 8, lag=LAGS[seed % 3]).line)
    history = to_history(line, settle=1.0, lag=LAGS[seed % 3])
    how = f"[--show {seed} --model --fault changed]"
    tally.judged["broken, model"] += 1
    tally.exchanges += len(history.exchanges)
    found = findings(history)
    _explained(history, found, how, tally)
    if seed % 10 == 0:
        tally.needless.update(name for finding in found if _arguable(finding) for name in _needless(history, finding))
    if explicable(history, Switches()) is False:
        tally.inexplicable += 1
        if not found:
            tally.missed.append(f"{_excuse(history)}  {how}")


def _excuse(history: History) -> str:
    """Which freedom would explain what nothing explains: what a judge may have taken for the cause."""
    if explicable(history, Switches(codes=False)):
        return "a code"
    gone = [axiom for axiom in AXIOMS if explicable(history, Switches().without(axiom))]
    return f"{' or '.join(gone)} broken" if gone else "nothing"


def _arguable(finding: Finding) -> bool:
    """Whether the model knows what the finding is about: no data, nor the form of an answer."""
    known = all(requirement.startswith(FAMILIES) for requirement in finding.any_of)
    return known and "BR-ACC-04" not in finding.any_of and not finding.subject.startswith("changed data")


def _explained(history: History, found: Iterable[Finding], how: str, tally: Tally) -> None:
    """Note the findings that a legal execution explains under the axioms that they name."""
    for finding in filter(_arguable, found):
        try:
            explained = explicable(history, _under(finding, finding.axioms))
        except UsageError:
            return
        tally.checked += explained is not None
        if explained:
            tally.explained.append(f"{_kind(finding)}  {' '.join(finding.axioms)}  {how}")


def explicable(history: History, switches: Switches) -> bool | None:
    """Whether the model explains the history; None if the search ends at its bound."""
    try:
        return explain(history, switches, bound=BOUND) is not None
    except SearchBoundError:
        return None


def _under(finding: Finding, axioms: tuple[str, ...]) -> Switches:
    """The switches under which nothing may explain the finding: those axioms, and codes if it is about them."""
    return Switches(codes=any(requirement.startswith("BR-ERR") for requirement in finding.any_of)).only(axioms)


def _needless(history: History, finding: Finding) -> Iterator[str]:
    """Axioms without which nothing explains the finding either."""
    for axiom in finding.axioms:
        others = tuple(name for name in finding.axioms if name != axiom)
        if axiom in AXIOMS and explicable(history, _under(finding, others)) is False:
            yield f"{finding.any_of[0]} {axiom}"


#: What is judged, by name of the task; the fault's name for planted ones.
Task = tuple[str, int, int]
_SINGLE: dict[str, Callable[[int, Tally], None]] = {
    "simulated": simulated,
    "walked": walked,
    "agreed": agreed,
    "changed": changed,
}


def work(task: Task) -> Tally:
    """Judge the histories of one task: its name, first seed and number of seeds."""
    name, first, count = task
    tally = Tally()
    for seed in range(first, first + count):
        if name in _SINGLE:
            _SINGLE[name](seed, tally)
        else:
            planted(name, seed, tally)
    return tally


def tasks(histories: int, wrong: int, seed: int) -> Iterator[Task]:
    """So many legal histories, and about so many broken ones."""
    model, changed_walks = histories // MODEL_SHARE, wrong // MODEL_SHARE
    each = -(-(wrong - changed_walks) // len(FAULTS)) if wrong else 0
    small = histories // SMALL_SHARE
    wanted = [
        ("simulated", histories - model - small),
        ("walked", model),
        ("agreed", small),
        ("changed", changed_walks),
    ]
    for name, count in (*wanted, *((name, each) for name in FAULTS)):
        for first in range(0, count, CHUNK):
            yield name, seed + first, min(CHUNK, count - first)


def measure(histories: int, wrong: int, seed: int, workers: int = 1) -> Tally:
    """Judge them all, in so many processes."""
    total = Tally()
    wanted = list(tasks(histories, wrong, seed))
    if workers == 1:
        parts: Iterable[Tally] = map(work, wanted)
        for part in parts:
            total.add(part)
        return total
    with processes(workers) as pool:
        for part in pool.map(work, wanted):
            total.add(part)
    return total


def report(tally: Tally, seconds: float, shown: int) -> Iterator[str]:
    """The figures, then the lines of what is wrong, ``shown`` of each kind at most."""
    number = sum(tally.judged.values())
    judged = ", ".join(f"{count} {what}" for what, count in tally.judged.items())
    yield f"judged {number} histories ({judged}), {tally.exchanges} exchanges, {number / seconds:.0f} a second"
    legal = sum(count for what, count in tally.judged.items() if what.startswith("legal"))
    yield f"{len(tally.accused)} accusations in {legal} legal histories"
    yield from _grouped(tally.accused, shown)
    yield f"small legal histories of the simulator that the model explains: {dict(tally.agreed)}"
    yield from _grouped(tally.disputed, shown)
    yield f"{sum(tally.found.values())} of {sum(tally.planted.values())} planted faults found; by fault:"
    for name in FAULTS:
        yield f"    {name:32} {tally.found[name]:5} of {tally.planted[name]:5}  {' '.join(FAULTS[name].breaks)}"
    missed = [name for name in FAULTS if tally.planted[name] and not tally.found[name]]
    silent = [name for name in FAULTS if not tally.planted[name]]
    yield f"kinds that no judge flags: {', '.join(missed) or 'none'}" + (
        f"; that never showed themselves: {', '.join(silent)}" if silent and tally.planted else ""
    )
    yield f"{len(tally.strayed)} findings name only requirements that the fault does not break"
    yield from _grouped(tally.strayed, shown)
    explained = f"{len(tally.explained)} of {tally.checked} findings that the model knows"
    yield f"{explained} are explained by a legal execution under the axioms that they name"
    yield from _grouped(tally.explained, shown)
    needless = ", ".join(f"{what} ({count})" for what, count in tally.needless.most_common(shown))
    yield f"axioms named that are not needed, in one changed walk of ten: {needless or 'none'}"
    yield f"{len(tally.missed)} of {tally.inexplicable} changed walks that nothing explains are flagged by no judge"
    yield "  (by what alone would explain them):"
    yield from _grouped(tally.missed, shown)


def _grouped(lines: Sequence[str], shown: int) -> Iterator[str]:
    """A line for each kind, with how often and how to see some of them again."""
    kinds = Counter(line.rpartition("  [")[0] for line in lines)
    for kind, count in kinds.most_common():
        seen = [line.rpartition("  [")[2].rstrip("]") for line in lines if line.rpartition("  [")[0] == kind]
        yield f"    {count:5}  {kind}  [{']  ['.join(seen[:shown])}]"


def show(seed: int, fault: str | None, *, model: bool, small: bool, out: Path | None) -> Iterator[str]:
    """Say what the judges find in one history, and write it to the file if one is named."""
    if model and fault is not None:
        line = spoiled(seed, Walk(seed, rows=1 + seed % 3, cells=2 + seed % 8, lag=LAGS[seed % 3]).line)
        history = to_history(line, settle=1.0, lag=LAGS[seed % 3])
    elif model:
        history = walk(seed).history
    elif small:
        history = simulate_small(seed).history
    else:
        history = (simulate(seed) if fault is None else broken(fault, seed)).history
    if out is not None:
        write(history, out)
    yield f"{len(history.exchanges)} exchanges{f' in {out}' if out is not None else ''}"
    for finding in findings(history):
        yield f"{' '.join(finding.any_of)}  {finding.kind}  ({' '.join(finding.axioms)})"
        yield from (f"    {line}" for line in finding.argument)


def main() -> None:
    """Print the figures, or one history."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soundness", description=__doc__)
    parser.add_argument("--histories", type=int, default=2000, metavar="N", help="legal histories")
    parser.add_argument("--broken", type=int, default=1000, metavar="M", help="broken histories, about")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="the first seed")
    parser.add_argument("--workers", type=int, default=1, metavar="W", help="processes")
    parser.add_argument("--shown", type=int, default=3, metavar="K", help="histories that a line names")
    parser.add_argument("--show", type=int, metavar="SEED", help="print what is found in the history with this seed")
    parser.add_argument("--fault", metavar="NAME", help="with --show: of the target with this fault")
    parser.add_argument("--model", action="store_true", help="with --show: of the model")
    parser.add_argument("--small", action="store_true", help="with --show: one client and one batch")
    parser.add_argument("--out", type=Path, metavar="FILE", help="with --show: write the history there")
    given = parser.parse_args()
    if given.show is not None:
        for line in show(given.show, given.fault, model=given.model, small=given.small, out=given.out):
            print(line)
        return
    begun = time.monotonic()
    tally = measure(given.histories, given.broken, given.seed, given.workers)
    for line in report(tally, time.monotonic() - begun, given.shown):
        print(line)


if __name__ == "__main__":
    main()
