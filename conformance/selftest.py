"""The kill matrix: the suite against targets that are known to be wrong, and against legal ones that differ.

Each trial is what a stranger would do: a reference target is started, and ``retry-conformance run`` is
given its URL and a configuration file in a process of its own. It knows nothing else of the target.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from conformance.errors import UsageError
from conformance.reference.faults import FAULTS
from conformance.reference.server import ReferenceServer, config_text
from conformance.reference.settings import Settings
from conformance.reference.variants import VARIANTS

#: How much faster than life the reference target is in a trial.
SPEED = 2.0
#: Seconds after which a trial is given up.
PATIENCE = 300.0

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

    @property
    def as_it_should_be(self) -> bool:
        """A fault: exit 1, and one of the requirements that it breaks fails. Anything else: no requirement fails."""
        if self.kind == "fault":
            return self.exit_status == 1 and bool(set(self.breaks) & set(self.failed))
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
        return f"{sign} {self.kind:7} {self.name:34} exit {self.exit_status}  {self.calls:4} calls  {said}"


def settings_of(kind: Kind, name: str) -> Settings:
    """The settings of the target of a trial."""
    if kind == "fault":
        return Settings(speed=SPEED, faults=(name,))
    if kind == "variant":
        return Settings(speed=SPEED, variants=(name,))
    return Settings(speed=SPEED)


def attempt(kind: Kind, name: str, *, depth: str = "quick", patience: float = PATIENCE) -> Trial:
    """Run one trial. Takes some seconds; raises nothing for a target that misbehaves.

    :param patience: seconds after which the run is ended; it then counts with exit status 5.
    """
    with tempfile.TemporaryDirectory() as folder, ReferenceServer(settings_of(kind, name)) as server:
        config = Path(folder, "target.toml")
        config.write_text(config_text(server), encoding="utf-8")
        command = [sys.executable, "-m", "conformance", "run", "--config", str(config)]
        command += ["--depth", depth, "--report-dir", folder]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("CONFORMANCE_")}
        try:
            ended = subprocess.run(command, env=environment, capture_output=True, timeout=patience, check=False)
            status = ended.returncode
        except subprocess.TimeoutExpired:
            status = 5
        return _read(kind, name, status, Path(folder, "conformance.json"))


def _read(kind: Kind, name: str, status: int, report: Path) -> Trial:
    said = json.loads(report.read_bytes()) if report.exists() else {"requirements": [], "run": {}}
    by_verdict: dict[str, list[str]] = {}
    for item in said["requirements"]:
        by_verdict.setdefault(item["verdict"], []).append(item["id"])
    return Trial(
        kind=kind,
        name=name,
        breaks=FAULTS[name].breaks if kind == "fault" else (),
        exit_status=status,
        failed=tuple(by_verdict.get("fail", ())),
        unsettled=tuple(by_verdict.get("inconclusive", [])),
        calls=int(said["run"].get("calls", 0)),
        messages=int(said["run"].get("messages", 0)),
    )


def choose(faults: Iterable[str], variants: Iterable[str]) -> tuple[tuple[Kind, str], ...]:
    """The trials that were asked for; all of them, and the clean target, if none were.

    :raises UsageError: a name is unknown.
    """
    chosen: list[tuple[Kind, str]] = []
    for name in faults:
        if name not in FAULTS:
            raise UsageError(f"there is no fault {name!r}", where="--fault", mend="`list faults` names them")
        chosen.append(("fault", name))
    for name in variants:
        if name not in VARIANTS:
            raise UsageError(f"there is no variant {name!r}", where="--variant", mend="`list variants` names them")
        chosen.append(("variant", name))
    if chosen:
        return tuple(chosen)
    everything: list[tuple[Kind, str]] = [("clean", "reference")]
    everything += [("variant", name) for name in VARIANTS]
    everything += [("fault", name) for name in FAULTS]
    return tuple(everything)


def trials(chosen: Iterable[tuple[Kind, str]], *, depth: str = "quick", workers: int = 3) -> Iterator[Trial]:
    """Run the trials, a few at once (they mostly wait), and yield them in the order asked for."""
    with ThreadPoolExecutor(max_workers=workers) as pool:
        yield from pool.map(lambda pair: attempt(pair[0], pair[1], depth=depth), tuple(chosen))


def run(
    faults: Iterable[str] = (),
    variants: Iterable[str] = (),
    *,
    depth: str = "quick",
    echo: Callable[[str], None] = print,
) -> int:
    """Print the matrix and return the exit status: 0 if every trial is as it should be, else 1.

    :raises UsageError: a name is unknown.
    """
    done = []
    for trial in trials(choose(faults, variants), depth=depth):
        echo(trial.line)
        done.append(trial)
    wrong = [trial for trial in done if not trial.as_it_should_be]
    killed = sum(trial.kind == "fault" and trial.as_it_should_be for trial in done)
    planted = sum(trial.kind == "fault" for trial in done)
    innocent = sum(trial.kind != "fault" for trial in done)
    accused = sum(trial.kind != "fault" and not trial.as_it_should_be for trial in done)
    echo(f"{killed} of {planted} faults found; {accused} of {innocent} innocent targets accused or unsettled")
    return 1 if wrong else 0
