"""The report folder of a pytest session: however it ends, no report of an older run is left there to be taken for its own."""

from __future__ import annotations

import argparse
from contextlib import suppress
from pathlib import Path

import pytest

from conformance.baseline import Baseline
from conformance.errors import SuiteError
from conformance.report.placeholder import begin, not_run
from conformance.run_options import baseline_of
from conformance.suite.processes import is_part
from retry_conformance.older_reports import runs_nothing

#: What was read before the reports were replaced, or why that was not possible.
_READ: pytest.StashKey[Baseline | SuiteError | None] = pytest.StashKey()
#: Exit status of what kept the suite from running; it is the session's.
UNRUN: pytest.StashKey[int] = pytest.StashKey()
#: The folder, from then until the session has told what became of the run.
_FOLDER: pytest.StashKey[Path | None] = pytest.StashKey()


def begin_session(config: pytest.Config, options: argparse.Namespace) -> None:
    """Read the baseline, then let each report of the folder say "incomplete"; once a session.

    Raises nothing: what is wrong is told by ``baseline`` when the suite is about to run.

    :param options: those of the session, as far as they are parsed.
    """
    if _READ in config.stash or runs_nothing(options) or is_part(config):
        return
    config.stash[_FOLDER] = folder = Path(options.conformance_report_dir or "reports")
    given = options.conformance_baseline
    try:
        read = baseline_of(Path(given) if given else None, allow_red=bool(options.conformance_baseline_allow_red))
        begin(folder)
        config.stash[_READ] = read
    except SuiteError as error:
        config.stash[_READ] = error
        end_unrun(config, str(error), error.exit_status)


def baseline(config: pytest.Config) -> Baseline | None:
    """The baseline of this session, if it has one; its reports say "incomplete" from now on.

    :raises SuiteError: it is none or red, or the folder cannot be written.
    """
    begin_session(config, config.option)
    read = config.stash.get(_READ, None)
    if isinstance(read, SuiteError):
        raise read
    return read


def untold(config: pytest.Config) -> bool:
    """Whether nothing has told yet what became of the run that this session was to make."""
    return config.stash.get(_FOLDER, None) is not None


def has_run(config: pytest.Config) -> None:
    """Note that the folder tells what became of the run."""
    config.stash[_FOLDER] = None


def end_unrun(config: pytest.Config, reason: str, exit_status: int) -> None:
    """Let the reports say that the suite was to run and did not, and why; the first reason that is given stays."""
    config.stash.setdefault(UNRUN, exit_status)
    folder = config.stash.get(_FOLDER, None)
    has_run(config)
    if folder is not None:
        # Best effort: the reason is told anyway.
        with suppress(SuiteError):
            not_run(folder, reason, exit_status)
