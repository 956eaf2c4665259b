"""The reports that pytest makes: report.html and junit.xml, by a pytest of its own that shows a finished run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from conformance import CONTRACT_VERSION
from conformance.errors import SuiteError, UsageError

#: Seconds that pytest may take.
PATIENCE = 120.0
_PLUGINS = ("conformance.plugin", "pytest_html.plugin", "pytest_metadata.plugin")
#: What pytest writes, and how each file ends.
_ENDS = {"report.html": b"</html>", "junit.xml": b"</testsuites>"}
_WRONG_USAGE = 4
#: Arguments of pytest that choose, each with a value; and those that are a habit, and change nothing here.
_CHOOSING = ("-k", "-m", "--deselect")
_IDLE = re.compile(r"-[vqs]+|-r[a-zA-Z]*|--tb=\w+|--verbose|--quiet|--color=\w+")
_WHERE = "the arguments after --"


def render(folder: Path, profiles: Sequence[str], arguments: Sequence[str] = ()) -> None:
    """Write report.html and junit.xml beside the conformance.json of a folder.

    What an earlier run left there is removed before, and what is there afterwards is looked at: an old page, or half of
    one, is never taken for the new one.

    :param arguments: the user's own for pytest.
    :raises SuiteError: pytest could not write them, or not both; says which, and why.
    """
    source = (folder / "conformance.json").resolve()
    blocked = {name: why for name in _ENDS if (why := _cleared(folder / name))}
    command = [
        *("--conformance-report", str(source)),
        *("-o", "initial_sort=original", "-o", "render_collapsed=passed,skipped"),
        *_profiles(profiles),
    ]
    if "report.html" not in blocked:
        command += ["--html", str((folder / "report.html").resolve()), "--self-contained-html"]
    if "junit.xml" not in blocked:
        command += ["--junitxml", str((folder / "junit.xml").resolve()), "-o", "junit_suite_name=retry-conformance"]
    said: list[str] = []
    if source.is_file() and len(blocked) < len(_ENDS):
        ended = _pytest([*command, *_choosing(arguments)])
        said = (ended.stderr or ended.stdout).strip().splitlines()
    missing = [name for name, end in _ENDS.items() if name in blocked or not _whole(folder / name, end)]
    if missing:
        why = next(iter(blocked.values()), said[-1] if said else "there is no conformance.json to show")
        what = f"{' and '.join(missing)} could not be written ({why})"
        raise SuiteError(what, where=str(folder), mend="the verdicts stand without")


def _cleared(file: Path) -> str:
    """Remove what an earlier run left; why that is not possible, if so."""
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""


def _whole(file: Path, end: bytes) -> bool:
    """Whether a file is there to its end: a full disk leaves half of it."""
    try:
        return file.read_bytes().rstrip().endswith(end)
    except OSError:
        return False


def select(profiles: Sequence[str], arguments: Sequence[str], contract: str = CONTRACT_VERSION) -> tuple[str, ...]:
    """The requirement ids that pytest arguments choose. Nothing is run.

    :param contract: the version whose requirements there are to choose from.

    :raises UsageError: the arguments are wrong, or choose nothing.
    """
    held_to = ("--conformance-contract", contract)
    ended = _pytest(["--collect-only", "-q", *_profiles(profiles), *held_to, *_choosing(arguments)])
    chosen = tuple(line.rpartition("::")[2] for line in ended.stdout.splitlines() if "::BR-" in line)
    if ended.returncode == _WRONG_USAGE:
        said = [
            line for line in (*ended.stderr.splitlines(), *ended.stdout.splitlines()) if re.search("error:", line, re.I)
        ]
        raise UsageError(re.split("error:", said[-1], flags=re.I)[-1].strip() if said else "are wrong", where=_WHERE)
    if not chosen:
        raise UsageError("choose no requirement", where=_WHERE, mend="`list` names all")
    return chosen


def _choosing(arguments: Sequence[str]) -> list[str]:
    """Of the user's arguments those that choose: what else pytest can do it would do when the run is over, to its pages.

    :raises UsageError: an argument is neither that nor a mere habit.
    """
    found: list[str] = []
    left = iter(arguments)
    for argument in left:
        if argument in _CHOOSING:
            found += [argument, *([value] if (value := next(left, None)) is not None else [])]
        elif argument.startswith(("-k", "-m", "--deselect=")):
            found.append(argument)
        elif not _IDLE.fullmatch(argument):
            raise UsageError(f"{argument} chooses no requirement", where=_WHERE, mend=f"{', '.join(_CHOOSING)} do")
    return found


def _profiles(profiles: Sequence[str]) -> tuple[str, str]:
    return "--conformance-profile", ",".join(profiles)


def _pytest(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """A pytest that knows nothing but the suite: no other plugins, no configuration of the folder it runs in."""
    # -P: what lies in the folder it runs in, such as another package of our name, is not imported.
    command = [sys.executable, "-P", "-m", "pytest", "--pyargs", "conformance.suite", "-c", os.devnull]
    command += [part for name in _PLUGINS for part in ("-p", name)]
    command += ["-p", "no:cacheprovider", *arguments]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "CONFORMANCE_"))}
    environment = {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONUTF8": "1"}
    try:
        return subprocess.run(
            command,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        raise SuiteError(f"pytest could not show the run ({type(error).__name__})") from None
