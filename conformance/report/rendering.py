"""report.html, which pytest-html makes, by a pytest of its own that shows a finished run; and what -k chooses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from conformance import CONTRACT_VERSION
from conformance.errors import SuiteError, UsageError

#: Seconds that pytest may take.
PATIENCE = 120.0
_PLUGINS = ("retry_conformance.pytest_plugin", "pytest_html.plugin", "pytest_metadata.plugin")
_PAGE = "report.html"
_END = b"</html>"
_WRONG_USAGE = 4
#: Arguments of pytest that choose, each with a value; and those that are a habit, and change nothing here.
_CHOOSING = ("-k", "-m", "--deselect")
_IDLE = re.compile(r"-[vqs]+|-r[a-zA-Z]*|--tb=\w+|--verbose|--quiet|--color=\w+")
WHERE = "the arguments after --"


def render(folder: Path, profiles: Sequence[str], selected: Sequence[str] = ()) -> None:
    """Write report.html beside the conformance.json of a folder.

    It is made beside its place and moved there when it is whole: an old page, or half of one, is never taken for it.

    :param selected: ids of requirements that the page is about; empty means all of the profiles.
    :raises SuiteError: pytest could not write it; says why.
    """
    source = (folder / "conformance.json").resolve()
    page, part = folder / _PAGE, folder / ".report.part.html"
    said: list[str] = []
    why = ""
    if page.is_dir():
        why = "Is a directory"
    elif not source.is_file():
        why = "there is no conformance.json to show"
    else:
        command = [
            *("--conformance-report", str(source)),
            *("-o", "initial_sort=original", "-o", "render_collapsed=passed,skipped"),
            *("--html", str(part.resolve()), "--self-contained-html"),
            *_profiles(profiles),
        ]
        try:
            ended = _pytest([*command, *(("-k", " or ".join(selected)) if selected else ())])
            said = (ended.stderr or ended.stdout).strip().splitlines()
            if not _whole(part):
                why = said[-1] if said else f"pytest ended with {ended.returncode}"
            else:
                os.replace(part, page)
        except OSError as error:
            why = error.strerror or type(error).__name__
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
    if why:
        with suppress(OSError):
            # What lies there is of this run's beginning, or of another run.
            page.unlink(missing_ok=True)
        what = f"{_PAGE} could not be written ({why})"
        raise SuiteError(what, where=str(folder), hint="the verdicts stand without")


def _whole(file: Path) -> bool:
    """Whether the page is there to its end: a full disk leaves half of it."""
    try:
        return file.read_bytes().rstrip().endswith(_END)
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
