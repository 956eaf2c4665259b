"""`serve` beside `run`, as two processes: the run knows nothing of the target but URL and configuration."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conformance.history.reader import read_history

#: Seconds for which a process may take to do what it is started for.
PATIENCE = 60.0
HERE = {k: v for k, v in os.environ.items() if not k.startswith("CONFORMANCE_")}


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[Path]:
    """A reference target of its own process; yields the configuration that it printed."""
    command = [sys.executable, "-m", "conformance", "serve", "--speed", "2", *arguments]
    config = folder / "printed.toml"
    with config.open("w") as out, subprocess.Popen(command, stdout=out, env=HERE) as process:
        try:
            _until(lambda: "[[template.languages]]" in config.read_text())
            yield config
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(PATIENCE)
            finally:
                process.kill()
    assert process.returncode == 0


def _until(condition: object) -> None:
    assert callable(condition)
    for _ in range(int(PATIENCE / 0.05)):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def _run(config: Path, reports: Path, *arguments: str, **environ: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "conformance", "run", "--config", str(config), "--report-dir", str(reports)]
    command += arguments
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**HERE, **environ})


def test_a_fault_is_found_from_another_process_and_its_program_finds_it_again(tmp_path: Path) -> None:
    with serving(tmp_path, "--fault", "created-does-not-block") as config:
        run = _run(config, tmp_path / "r", "--requirement", "BR-BLK-01")
        out, err = run.communicate(timeout=PATIENCE)
        assert run.returncode == 1, out + err
        program = tmp_path / "r" / "programs" / "blocked.json"
        command = [sys.executable, "-m", "conformance", "run", "--config", str(config)]
        command += ["--replay", str(program), "--report-dir", str(tmp_path / "again")]
        again = subprocess.run(command, capture_output=True, text=True, env=HERE, timeout=PATIENCE, check=False)
    assert again.returncode == 1
    assert "seen in 3 of 3 tries" in again.stdout
    assert (tmp_path / "again" / "blocked-1" / "report.html").is_file()


#: What is in the history once a driver is at work.
AT_WORK = {"scenarios": b'"batch_retry"', "machine": b'"driver":"machine"', "schemathesis": b'"driver":"schemathesis"'}


@pytest.mark.parametrize("driver", AT_WORK)
def test_a_run_that_is_killed_leaves_a_history_that_is_judged(driver: str, tmp_path: Path) -> None:
    history = tmp_path / "r" / "history.jsonl"
    with serving(tmp_path) as config:
        run = _run(config, tmp_path / "r", "--drivers", driver)
        _until(lambda: history.exists() and history.read_bytes().count(AT_WORK[driver]) > 3)
        run.kill()
        run.communicate(timeout=PATIENCE)
    found = read_history(history)
    assert found.footer is None
    command = [sys.executable, "-m", "conformance", "judge", str(history)]
    judged = subprocess.run(command, capture_output=True, text=True, env=HERE, timeout=PATIENCE, check=False)
    assert judged.returncode == 3
    assert "Traceback" not in judged.stderr
    assert "inconclusive" in judged.stdout


@pytest.mark.parametrize(
    ("driver", "number", "status"),
    [("scenarios", signal.SIGTERM, 143), ("machine", signal.SIGINT, 130), ("schemathesis", signal.SIGINT, 130)],
)
def test_an_interrupted_run_says_the_verdicts_so_far(driver: str, number: int, status: int, tmp_path: Path) -> None:
    history = tmp_path / "r" / "history.jsonl"
    with serving(tmp_path) as config:
        run = _run(config, tmp_path / "r", "--drivers", driver)
        _until(lambda: history.exists() and history.read_bytes().count(AT_WORK[driver]) > 3)
        run.send_signal(number)
        out, err = run.communicate(timeout=PATIENCE)
    assert run.returncode == status, out + err
    assert f"exit status {status}" in out
    assert "Traceback" not in err
    assert (tmp_path / "r" / "conformance.json").exists()
    footer = read_history(history).footer
    assert footer is not None
    assert not footer.complete


def test_the_plan_holds(tmp_path: Path) -> None:
    with serving(tmp_path) as config:
        command = [sys.executable, "-m", "conformance", "run", "--config", str(config)]
        planned = subprocess.run([*command, "--plan"], capture_output=True, text=True, env=HERE, check=True)
        run = _run(config, tmp_path / "r")
        out, _ = run.communicate(timeout=PATIENCE)
    drawn = re.search(r"schemathesis +(\d+) at most +(\d+) at most", planned.stdout)
    scenarios = re.search(
        r"scenarios +(\d+), (\d+) at most +about \d+; (\d+) without polling, (\d+) at most", planned.stdout
    )
    machine = re.search(r"machine +(\d+) at most +(\d+) at most", planned.stdout)
    took = re.search(r"(\d+) calls, (\d+) messages", out)
    assert drawn is not None
    assert scenarios is not None
    assert machine is not None
    assert took is not None
    exchanges = read_history(tmp_path / "r" / "history.jsonl").exchanges
    calls = {
        name: [e for e in exchanges if e.invoke.driver == name] for name in ("schemathesis", "scenarios", "machine")
    }
    # What a refused request was charged is given back, so the history's own charges are the bound.
    messages = {name: sum(e.invoke.charge for e in made if e.accepted or e.open) for name, made in calls.items()}
    assert 0 < len(calls["schemathesis"]) <= int(drawn[2])
    assert 0 < messages["schemathesis"] <= int(drawn[1])
    assert int(scenarios[3]) <= len(calls["scenarios"]) <= int(scenarios[4])
    # That the forecast itself is exact is shown where time stands still: tests/test_patience.py.
    assert 0 < messages["scenarios"] <= int(scenarios[2])
    assert 0 < len(calls["machine"]) <= int(machine[2])
    assert 0 < messages["machine"] <= int(machine[1])
    assert int(took[2]) == sum(messages.values())
