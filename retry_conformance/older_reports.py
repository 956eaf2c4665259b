"""Reports of an older run, out of the way before the suite is imported: in that second a job may be killed.

What is here needs the standard library only. The suite puts reports that say "incomplete" in their places
(``conformance.report.placeholder``) as soon as it is there.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

#: As in ``conformance.report.write``.
FILES = ("conformance.json", "junit.xml", "ctrf.json", "summary.md", "badge.svg", "report.html")
HISTORY = "history.jsonl"
DEFAULT_FOLDER = "reports"
#: Options of pytest with which no test is run.
_SHOWING = (
    "help",
    "version",
    "collectonly",
    "markers",
    "showfixtures",
    "show_fixtures_per_test",
    "cacheshow",
)


def withdraw(folder: Path, baseline: Path | None = None) -> None:
    """Remove each report of a folder, unless a run is writing there. Raises nothing: ``begin`` tells what is wrong there.

    :param baseline: a report that is still to be read; it stays.
    """
    with suppress(OSError, ValueError):
        if _in_use(folder / HISTORY):
            return
        kept = baseline.resolve() if baseline is not None else None
        for file in (folder / name for name in FILES):
            if file.resolve() != kept:
                with suppress(OSError):
                    file.unlink()


def _in_use(history: Path) -> bool:
    """Return whether a run holds a history file; False where the platform has no locks."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        with history.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def withdraw_for(arguments: Sequence[str]) -> None:
    """Do so for a command line, if it is one of a run."""
    folder = report_folder(arguments)
    if folder is not None:
        baseline = _value(_own(arguments), "--baseline", "")
        withdraw(folder, Path(baseline) if baseline else None)


def report_folder(arguments: Sequence[str]) -> Path | None:
    """The report folder of a command line that is a run, as far as it can be told; None if it is none, or sends nothing."""
    own = _own(arguments)
    if not own or own[0] != "run" or {"--plan", "--help", "-h"}.intersection(own):
        return None
    if any(argument.partition("=")[0] == "--replay" for argument in own):
        # A replay writes into a folder of its own: the report itself stays.
        return None
    folder = _value(own, "--report-dir", DEFAULT_FOLDER)
    return Path(folder) if folder is not None else None


def _own(arguments: Sequence[str]) -> list[str]:
    """The arguments that are not pytest's."""
    return list(itertools.takewhile(lambda argument: argument != "--", arguments))


def _value(arguments: Sequence[str], option: str, default: str) -> str | None:
    """The last value of an option, or the default; None if the value is missing. It may be empty: a variable that is not set."""
    found: str | None = default
    for argument, following in itertools.zip_longest(arguments, arguments[1:]):
        name, mark, value = argument.partition("=")
        if name == option:
            found = value if mark else following
    return found


def runs_nothing(options: argparse.Namespace) -> bool:
    """True if a session of pytest shows something, such as a finished report, and runs no test."""
    return bool(options.conformance_report) or any(getattr(options, name, False) for name in _SHOWING)


def withdraw_for_session(options: argparse.Namespace) -> None:
    """Do so for a session of pytest that is about the suite.

    :param options: those of the session, as far as they are parsed.
    """
    if not runs_nothing(options):
        baseline = options.conformance_baseline
        withdraw(Path(options.conformance_report_dir or DEFAULT_FOLDER), Path(baseline) if baseline else None)
