"""The reports that pytest makes: report.html and junit.xml, by a pytest of its own that shows a finished run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from conformance.errors import SuiteError, UsageError

#: Seconds that pytest may take.
PATIENCE = 120.0
_PLUGINS = ("conformance.plugin", "pytest_html.plugin", "pytest_metadata.plugin")
_NOTHING_COLLECTED = 5
_WRONG_USAGE = 4
_WHERE = "the arguments after --"


def render(folder: Path, profiles: Sequence[str], arguments: Sequence[str] = ()) -> None:
    """Write report.html and junit.xml beside the conformance.json of a folder.

    :param arguments: the user's own for pytest.
    :raises SuiteError: pytest could not write them.
    """
    files = {name: (folder / name).resolve() for name in ("conformance.json", "report.html", "junit.xml")}
    command = [
        *("--conformance-report", str(files["conformance.json"])),
        *("--html", str(files["report.html"]), "--self-contained-html"),
        *("--junitxml", str(files["junit.xml"]), "-o", "junit_suite_name=retry-conformance"),
        *("-o", "initial_sort=original", "-o", "render_collapsed=passed,skipped"),
        *_profiles(profiles),
        *arguments,
    ]
    ended = _pytest(command)
    missing = [name for name, file in files.items() if not file.exists()]
    if missing:
        said = (ended.stderr or ended.stdout).strip().splitlines()
        what = f"{' and '.join(missing)} could not be written"
        raise SuiteError(f"{what} ({said[-1] if said else 'pytest said nothing'})", mend="the verdicts stand without")


def select(profiles: Sequence[str], arguments: Sequence[str]) -> tuple[str, ...]:
    """The requirement ids that pytest arguments choose. Nothing is run.

    :raises UsageError: the arguments are wrong, or choose nothing.
    """
    ended = _pytest(["--collect-only", "-q", *_profiles(profiles), *arguments])
    chosen = tuple(line.rpartition("::")[2] for line in ended.stdout.splitlines() if "::BR-" in line)
    if ended.returncode == _WRONG_USAGE:
        said = [line for line in ended.stderr.splitlines() if "error:" in line]
        raise UsageError(said[-1].rpartition("error:")[2].strip() if said else "are wrong", where=_WHERE)
    if ended.returncode == _NOTHING_COLLECTED or not chosen:
        raise UsageError("choose no requirement", where=_WHERE, mend="`list` names all")
    return chosen


def _profiles(profiles: Sequence[str]) -> tuple[str, str]:
    return "--conformance-profile", ",".join(profiles)


def _pytest(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """A pytest that knows nothing but the suite: no other plugins, no configuration of the folder it runs in."""
    command = [sys.executable, "-m", "pytest", "--pyargs", "conformance.suite", "-c", os.devnull]
    command += [part for name in _PLUGINS for part in ("-p", name)]
    command += ["-p", "no:cacheprovider", *arguments]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "CONFORMANCE_"))}
    environment = {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    try:
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except (subprocess.TimeoutExpired, OSError) as error:
        raise SuiteError(f"pytest could not show the run ({type(error).__name__})") from None
