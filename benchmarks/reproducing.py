"""What a report gives to see its causes again: on the faulty target, and on one where they are fixed.

``python -m benchmarks.reproducing`` runs the suite against the reference target with each of ten faults, and then, against
that target and against a clean one, the script of the first cause (``sh reproduce-1.sh`` in a fresh shell, with nothing but
the variables that it asks for) and ``run --replay`` of the report. A row is right if both see it on the first and do not on the
second.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from conformance.config_load import load
from conformance.reference.faults import FAULTS
from conformance.reference.server import ReferenceServer, config_text
from conformance.reference.settings import Settings
from conformance.report.page.write import write_page
from conformance.session import Options, execute
from conformance.workers import processes

TEN = (
    *("created-does-not-block", "blocked-keeps-status", "blocked-retries-the-rest", "another-code-when-blocked"),
    *("both-retries-act-25-ms", "no-key-needed", "never-retryable", "answers-a-body", "escapes-again"),
    "two-attempts-at-once",
)
#: Seconds that a script or a replay may take.
PATIENCE = 300
#: Deliveries are this much slower than by default: what a machine that has other work does not miss.
SPEED = 0.4
WORDS = {0: "gone", 1: "seen", 3: "did not come about"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """What came of one fault: exit statuses of the script and the replay, on the faulty target and on the clean one."""

    fault: str
    causes: int
    script: tuple[int, int] | None = None
    replay: tuple[int, int] | None = None

    @property
    def right(self) -> bool:
        """True if both tell faulty from clean."""
        return self.script == (1, 0) and self.replay == (1, 0)

    @property
    def line(self) -> str:
        """The row as a line of the table."""
        cells = [self.fault, str(self.causes)]
        for pair in (self.script, self.replay):
            cells += [WORDS.get(status, f"exit {status}") for status in pair] if pair is not None else ["none", "none"]
        return f"| {' | '.join(cells)} | {'right' if self.right else 'WRONG'} |"


def attempt(fault: str) -> Row:
    """Run the suite against a fault, then the script and the replay of its report against both targets."""
    speed = min(FAULTS[fault].speed, SPEED)
    with (
        tempfile.TemporaryDirectory() as name,
        ReferenceServer(Settings(faults=(fault,), speed=speed)) as faulty,
        ReferenceServer(Settings(speed=speed)) as clean,
    ):
        folder = Path(name)
        reports = folder / "reports"
        files = []
        for server, called in ((faulty, "faulty.toml"), (clean, "clean.toml")):
            files.append(folder / called)
            files[-1].write_text(config_text(server), encoding="utf-8")
        result = execute(load(files[0], {}), Options(depth="quick", drivers=("scenarios",), seed=1, report_dir=reports))
        write_page(result.report, result.history, reports)
        causes = result.report.causes
        if not causes:
            return Row(fault=fault, causes=0)
        first, second = (_script(reports / causes[0].script, server) for server in (faulty, clean))
        again, mended = (_replay(reports, file, folder / file.stem) for file in files)
    return Row(
        fault=fault,
        causes=len(causes),
        script=(first, second) if causes[0].script else None,
        replay=(again, mended),
    )


def _script(file: Path, server: ReferenceServer) -> int:
    if not file.is_file():
        return -1
    config = server.config()
    environ = {
        "PATH": os.environ["PATH"],
        "BASE_URL": config.target.base_url,
        "CAMPAIGN": config.target.campaign_id,
        "API_KEY": config.target.api_key or "",
    }
    return _status(["sh", str(file)], environ, "yes\n")


def _replay(reports: Path, config: Path, into: Path) -> int:
    command = [sys.executable, "-m", "conformance", "run", "--config", str(config), "--replay", str(reports)]
    # The configuration is the file: a variable of the caller's own gate would lie over it.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CONFORMANCE_")}
    return _status([*command, "--report-dir", str(into)], environ, "")


def _status(command: list[str], environ: dict[str, str], said: str) -> int:
    try:
        return subprocess.run(
            command, env=environ, input=said, text=True, capture_output=True, timeout=PATIENCE, check=False
        ).returncode
    except subprocess.TimeoutExpired:
        return -2


def main() -> int:
    """Print the table; exit status 1 if a row is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reproducing", description=__doc__)
    parser.add_argument("faults", nargs="*", metavar="FAULT", help="by default ten")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    print("| fault | causes | script, faulty | script, clean | replay, faulty | replay, clean | |")
    print("| --- | ---: | --- | --- | --- | --- | --- |", flush=True)
    wrong = 0
    with processes(given.workers) as pool:
        for row in pool.map(attempt, given.faults or TEN):
            print(row.line, flush=True)
            wrong += not row.right
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
