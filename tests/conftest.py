"""Runs that several tests look at, each made once."""

from __future__ import annotations

import contextlib
import io
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from conformance.cli import status_of
from conformance.drivers import DRIVERS
from conformance.reference.server import ReferenceServer, config_text
from conformance.reference.settings import Settings

pytest_plugins = ["pytester"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it puts into the background so, and what we start would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Ran:
    """A run of the command line: its exit status, what was on the screen, and the folder of its reports."""

    status: int
    out: str
    err: str
    folder: Path


def command(*arguments: str) -> tuple[int, str, str]:
    """Run a command line in this process: exit status, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = status_of(arguments)
    return status, out.getvalue(), err.getvalue()


def run_against(settings: Settings, folder: Path, *arguments: str, drivers: str = "scenarios") -> Ran:
    """Run the suite against a reference target with these settings; by planned scenarios, unless it is said otherwise."""
    with ReferenceServer(settings) as server:
        config = folder / "target.toml"
        config.write_text(config_text(server), encoding="utf-8")
        reports = folder / "reports"
        status, out, err = command(
            *("run", "--config", str(config), "--seed", "7", "--report-dir", str(reports), "--drivers", drivers),
            *arguments,
        )
    return Ran(status, out, err, reports)


@pytest.fixture(scope="session")
def clean_run(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The clean reference target, by all drivers."""
    return run_against(Settings(speed=2), tmp_path_factory.mktemp("clean"), drivers=",".join(DRIVERS))


@pytest.fixture(scope="session")
def faulty_run(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A target in which a created message does not block."""
    return run_against(Settings(speed=2, faults=("created-does-not-block",)), tmp_path_factory.mktemp("faulty"))
