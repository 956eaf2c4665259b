"""The kill matrix: the suite against targets that are known to be wrong, and against legal ones that differ.

Each trial is a run as `run` does it: a reference target is started on a port of its own, and the run is given a
configuration file. It knows nothing else of the target.
"""

from __future__ import annotations

import importlib.util
import logging
import statistics
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from conformance.catalogue import load as load_catalogue
from conformance.config_load import load
from conformance.drivers import DRIVERS
from conformance.errors import UsageError
from conformance.reference.faults import FAULTS
from conformance.reference.server import ReferenceServer, config_text
from conformance.reference.settings import Settings
from conformance.reference.variants import VARIANTS
from conformance.report.model import Report
from conformance.session import Options, execute
from conformance.workers import processes

#: Seconds after which a trial is given up.
PATIENCE = 120
#: Trials at once: they mostly wait.
WORKERS = 4

Kind = Literal["clean", "fault", "variant"]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One run against one target: what it is, how the run ended, which requirements failed."""

    kind: Kind
    name: str
    breaks: tuple[str, ...]
    exit_status: int
    failed: tuple[str, ...]
    unsettled: tuple[str, ...]
    calls: int
    messages: int
    #: The requirements that a finding names, for each finding that names none which the fault breaks.
    strays: tuple[tuple[str, ...], ...] = ()
    #: Whether all that a fault breaks is a SHOULD.
    only_shoulds: bool = False
    #: Reason codes of the requirements that are undecided.
    reasons: tuple[str, ...] = ()
    #: Reason codes that the variant declares.
    declared: tuple[str, ...] = ()
    #: How many causes the report tells.
    causes: int = 0

    @property
    def as_it_should_be(self) -> bool:
        """A fault: one of the requirements that it breaks fails, and every finding names one of those; exit 1, but where all that
        it breaks is a SHOULD, which ends no run with 1.

        Anything else: no requirement fails.
        """
        if self.kind == "fault":
            ended = self.exit_status == 1 or self.only_shoulds
            return ended and bool(set(self.breaks) & set(self.failed)) and not self.strays
        if self.kind == "clean":
            return self.exit_status == 0
        return self.exit_status in (0, 3) and not self.failed

    @property
    def line(self) -> str:
        """The trial as one row of the matrix."""
        sign = "ok " if self.as_it_should_be else "BAD"
        hit = [name for name in self.failed if name in self.breaks]
        beside = [name for name in self.failed if name not in self.breaks]
        said = f"fails {', '.join(hit) or '-'}" + (f" (and {', '.join(beside)})" if beside else "")
        if self.kind != "fault":
            said = said if self.failed else f"unsettled {', '.join(self.unsettled) or '-'}"
            undeclared = [code for code in self.reasons if code not in self.declared]
            said += f"; for {', '.join(undeclared)}, which it does not declare" if undeclared else ""
        if self.strays:
            said += f"; names only what it does not break: {'; '.join(' or '.join(names) for names in self.strays)}"
        return f"{sign} {self.kind:7} {self.name:34} exit {self.exit_status}  {self.calls:4} calls  {said}"


def settings_of(kind: Kind, name: str) -> Settings:
    """The settings of the target of a trial."""
    if kind == "fault":
        fault = FAULTS[name]
        return Settings(faults=(name,), speed=fault.speed, tls=fault.tls, max_rows=fault.rows)
    if kind == "variant":
        return Settings(variants=(name,), speed=VARIANTS[name].speed, tls=VARIANTS[name].tls)
    return Settings()


def attempt(trial: tuple[Kind, str], *, depth: str = "quick", narrow: bool = False) -> Trial:
    """Run one trial. Takes some seconds; raises nothing for a target that misbehaves.

    :param narrow: try a fault with what exercises the requirements that it breaks, and nothing else, if that is enough; a
        variant with planned scenarios and one of the drivers that draw.
    """
    kind, name = trial
    with tempfile.TemporaryDirectory() as folder, ReferenceServer(settings_of(kind, name)) as server:
        file = Path(folder, "target.toml")
        file.write_text(config_text(server), encoding="utf-8")
        config = load(file, {"CONFORMANCE_LIMITS__MAX_SECONDS": str(max(PATIENCE, server.settings.max_rows))})
        fault = FAULTS[name] if kind == "fault" else None
        options = Options(
            depth="deep" if fault is not None and fault.deep else depth,
            drivers=fault.drivers if fault is not None else _drivers(name, narrow=narrow),
            selected=fault.breaks if fault is not None and narrow and not fault.whole else (),
            report_dir=Path(folder, "reports"),
        )
        try:
            result = execute(config, options)
        except Exception:
            # A boundary: one trial that breaks the suite is one bad row of the matrix, and not the end of it.
            logging.getLogger(__name__).exception("the suite broke")
            return Trial(kind=kind, name=name, breaks=(), exit_status=5, failed=(), unsettled=(), calls=0, messages=0)
    return read(kind, name, result.exit_status, result.report)


def read(kind: Kind, name: str, status: int, report: Report) -> Trial:
    """What the matrix looks at in the report of a run against one target."""
    breaks, also = (FAULTS[name].breaks, FAULTS[name].also) if kind == "fault" else ((), ())
    named = {finding.any_of for item in report.requirements for finding in item.findings}
    undecided = {
        item.reason.code for item in report.requirements if item.verdict == "inconclusive" and item.reason is not None
    }
    return Trial(
        kind=kind,
        name=name,
        breaks=breaks,
        strays=tuple(sorted(names for names in named if not set(names) & {*breaks, *also})),
        reasons=tuple(sorted(undecided)),
        only_shoulds=bool(breaks) and all(r.level == "SHOULD" for r in load_catalogue().requirements if r.id in breaks),
        declared=VARIANTS[name].undecided_because if kind == "variant" else (),
        exit_status=status,
        failed=tuple(item.id for item in report.requirements if item.verdict == "fail"),
        unsettled=tuple(item.id for item in report.requirements if item.verdict == "inconclusive"),
        calls=report.run.calls,
        messages=report.run.messages,
        causes=len(report.causes),
    )


def causes_line(found: Sequence[Trial]) -> str:
    """How many causes the reports tell of one fault each: the median and the most; empty if no fault was tried."""
    counts = [trial.causes for trial in found if trial.kind == "fault"]
    if not counts:
        return ""
    most = [trial.name for trial in found if trial.kind == "fault" and trial.causes == max(counts)]
    named = f" ({', '.join(most[:3])})" if max(counts) > 1 else ""
    return f"causes of a fault: median {statistics.median(counts):g}, at most {max(counts)}{named}"


def _drivers(innocent: str, *, narrow: bool) -> tuple[str, ...]:
    """All drivers for an innocent target; narrowly, the planned scenarios and one that draws, in turn."""
    if not narrow or innocent not in VARIANTS:
        return tuple(DRIVERS)
    drawing = [name for name in DRIVERS if name != "scenarios"]
    beside = drawing[list(VARIANTS).index(innocent) % len(drawing)]
    return tuple(name for name in DRIVERS if name in ("scenarios", beside))


def choose(faults: Iterable[str], variants: Iterable[str]) -> tuple[tuple[Kind, str], ...]:
    """The trials that were asked for; all of them, and the clean target, if none were.

    :raises UsageError: a name is unknown.
    """
    chosen: list[tuple[Kind, str]] = []
    for name in faults:
        if name not in FAULTS:
            raise UsageError(f"there is no fault {name!r}", where="--fault", hint="`list faults` names them")
        chosen.append(("fault", name))
    for name in variants:
        if name not in VARIANTS:
            raise UsageError(f"there is no variant {name!r}", where="--variant", hint="`list variants` names them")
        chosen.append(("variant", name))
    if chosen:
        return tuple(chosen)
    everything: list[tuple[Kind, str]] = [("clean", "reference")]
    everything += [("variant", name) for name in VARIANTS]
    everything += [("fault", name) for name in FAULTS]
    return tuple(everything)


def without_tls(chosen: Sequence[tuple[Kind, str]]) -> tuple[tuple[Kind, str], ...]:
    """The trials that need no HTTPS, for which a package is needed that is not always installed."""
    return tuple(trial for trial in chosen if not settings_of(*trial).tls)


def trials(
    chosen: Iterable[tuple[Kind, str]], *, depth: str = "quick", narrow: bool = False, workers: int = WORKERS
) -> Iterator[Trial]:
    """Run the trials, a few at once, each in a process of its own, and yield them in the order asked for."""
    with processes(workers) as pool:
        yield from pool.map(partial(attempt, depth=depth, narrow=narrow), tuple(chosen))


def run(
    faults: Sequence[str] = (),
    variants: Sequence[str] = (),
    *,
    depth: str = "quick",
    echo: Callable[[str], None] = print,
) -> int:
    """Print the matrix and return the exit status: 0 if every trial is as it should be, else 1.

    :raises UsageError: a name is unknown, or was asked for and cannot be tried.
    """
    asked = bool(faults or variants)
    chosen = choose(faults, variants)
    if importlib.util.find_spec("trustme") is None:
        possible = without_tls(chosen)
        left = [name for _, name in chosen if name not in {name for _, name in possible}]
        hint = "pip install 'retry-conformance[test]'"
        if asked and left:
            raise UsageError(f"{left[0]} shows over HTTPS only, which needs trustme", hint=hint)
        echo(f"left out, for HTTPS on loopback needs trustme ({hint}): {', '.join(left)}")
        chosen = possible
    done = []
    for trial in trials(chosen, depth=depth):
        echo(trial.line)
        done.append(trial)
    wrong = [trial for trial in done if not trial.as_it_should_be]
    killed = sum(trial.kind == "fault" and trial.as_it_should_be for trial in done)
    planted = sum(trial.kind == "fault" for trial in done)
    innocent = sum(trial.kind != "fault" for trial in done)
    accused = sum(trial.kind != "fault" and not trial.as_it_should_be for trial in done)
    echo(f"{killed} of {planted} faults found; {accused} of {innocent} innocent targets accused or unsettled")
    if line := causes_line(done):
        echo(line)
    return 1 if wrong else 0
