"""One process: pytest-xdist would let each of its processes run the suite, and text the recipients once more."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.errors import UsageError
from retry_conformance import NAMES
from retry_conformance.older_reports import runs_nothing
from retry_conformance.pytest_plugin import names_the_suite

_FOLDER = Path(__file__).parent


def refusal(where: str = "--numprocesses", hint: str = "give -n 0") -> UsageError:
    """What is said where the suite would run in several processes."""
    what = "the suite runs in one process: each further one would text the recipients again"
    return UsageError(what, where=where, hint=hint)


def shared_out(config: pytest.Config) -> bool:
    """Whether this session is one that pytest-xdist shares out, and its arguments name the suite."""
    return config.getoption("dist", "no") != "no" and not config.option.collectonly and asked_for(config)


def asked_for(config: pytest.Config) -> bool:
    """Whether the arguments of this session name the suite."""
    named = {argument.partition("::")[0] for argument in config.args}
    paths = {Path(config.invocation_params.dir, name).resolve() for name in named}
    by_name = config.option.pyargs and named.intersection(NAMES)
    return bool(by_name or paths.intersection((_FOLDER, *_FOLDER.glob("test_*.py"))))


def unasked(config: pytest.Config) -> UsageError | None:
    """What is said where this command line gives an option of ours, and nothing in it names the suite: the session would be as
    green as the other tests are. Options in a file or a variable are for the sessions that do name it."""
    given = [argument.partition("=")[0] for argument in map(str, config.invocation_params.args)]
    ours = next((argument for argument in given if argument.startswith("--conformance-")), None)
    named = names_the_suite(config.args, config.invocation_params.dir, pyargs=config.option.pyargs)
    if ours is None or named or runs_nothing(config.option):
        return None
    return UsageError("is given, and no argument names the suite", where=ours, hint="add --pyargs conformance.suite")


def is_part(config: pytest.Config) -> bool:
    """Whether this is one of the processes of pytest-xdist."""
    return hasattr(config, "workerinput")
