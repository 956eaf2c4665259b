"""Which requirements the pytest arguments after ``--`` choose: pytest itself is asked, and nothing is run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence

from conformance import CONTRACT_VERSION
from conformance.errors import SuiteError, UsageError

#: Seconds that pytest may take.
PATIENCE = 120.0
_WRONG_USAGE = 4
#: Arguments of pytest that choose, each with a value; and those that are a habit, and change nothing here.
_CHOOSING = ("-k", "-m", "--deselect")
_IDLE = re.compile(r"-[vqs]+|-r[a-zA-Z]*|--tb=\w+|--verbose|--quiet|--color=\w+")
WHERE = "the arguments after --"


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
        raise UsageError(re.split("error:", said[-1], flags=re.I)[-1].strip() if said else "are wrong", where=WHERE)
    if not chosen:
        raise UsageError("choose no requirement", where=WHERE, hint="`list` names all")
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
            raise UsageError(f"{argument} chooses no requirement", where=WHERE, hint=f"{', '.join(_CHOOSING)} do")
    return found


def _profiles(profiles: Sequence[str]) -> tuple[str, str]:
    return "--conformance-profile", ",".join(profiles)


def _pytest(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """A pytest that knows nothing but the suite: no other plugins, no configuration of the folder it runs in."""
    # -P: what lies in the folder it runs in, such as another package of our name, is not imported.
    command = [sys.executable, "-P", "-m", "pytest", "--pyargs", "conformance.suite", "-c", os.devnull]
    command += ["-p", "retry_conformance.pytest_plugin", "-p", "no:cacheprovider", *arguments]
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
        raise SuiteError(f"pytest could not be asked what {WHERE} choose ({type(error).__name__})") from None
