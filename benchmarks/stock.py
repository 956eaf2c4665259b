"""Plain ``schemathesis run`` beside our own driver: with its own checks, and with our hooks (docs/schemathesis.md)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.drivers import found_after
from conformance import specs
from conformance.catalogue import load
from conformance.history.reader import read_history
from conformance.reference.faults import FAULTS
from conformance.reference.server import ReferenceServer, config_text
from conformance.reference.settings import OWN_KEY, Settings

#: Seconds that one run may take, and examples of each operation.
PATIENCE, EXAMPLES = 180.0, 20
#: What of schemathesis' own checks says something about this contract (design.md section 5).
OWN_CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def with_its_own_checks(fault: str, seed: int) -> int | None:
    """Calls of a run that fails for something which it does not say of the clean target; None if it says the same."""
    calls, said = _own((fault,), seed)
    return calls if said - _own((), seed)[1] else None


@cache
def _own(faults: tuple[str, ...], seed: int) -> tuple[int, frozenset[tuple[str, str]]]:
    """How many cases were sent, and what failed where."""
    with ReferenceServer(Settings(speed=10, faults=faults)) as server, TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        arguments = ["--url", server.base_url, "-H", f"Authorization: Bearer {OWN_KEY}", "--checks", OWN_CHECKS]
        _schemathesis(folder, seed, *arguments, "--report", "json", "--report-json-path", str(report))
        data = json.loads(report.read_bytes())
    failures = frozenset((failure["type"], where) for failure in data["failures"] for where in failure["operations"])
    return data["test_cases"]["generated"], failures


def with_our_hooks(fault: str, seed: int) -> int | None:
    """Calls after which the history of such a run proves broken what the fault breaks; None if it never does."""
    with ReferenceServer(Settings(speed=10, faults=(fault,))) as server, TemporaryDirectory() as folder:
        Path(folder, "target.toml").write_text(config_text(server), encoding="utf-8")
        checks = "".join(
            f"[checks.{requirement.id.replace('-', '_')}]\nenabled = true\n" for requirement in load().requirements
        )
        hooks = f'hooks = "conformance.schemathesis_hooks"\nbase-url = "{server.base_url}"\nworkers = 1\n'
        Path(folder, "schemathesis.toml").write_text(f"{hooks}[checks]\nenabled = false\n{checks}", encoding="utf-8")
        _schemathesis(folder, seed, CONFORMANCE_CONFIG="target.toml", CONFORMANCE_HISTORY="history.jsonl")
        return found_after(read_history(Path(folder, "history.jsonl")), FAULTS[fault].breaks)


def _schemathesis(folder: str, seed: int, *arguments: str, **environ: str) -> None:
    document = Path(folder, "openapi.json")
    document.write_bytes(specs.read("openapi.json"))
    command = [sys.executable, "-m", "schemathesis.cli", "run", document.name, "--seed", str(seed)]
    command += ["-n", str(EXAMPLES), *arguments]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CONFORMANCE_")}
    subprocess.run(command, cwd=folder, env={**kept, **environ}, capture_output=True, timeout=PATIENCE, check=False)
