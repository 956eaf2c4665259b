"""The pytest plugin as every session of the environment loads it: options, and nothing else.

It is dormant until an option of ours is given, an argument names the suite, or the suite's file is collected. Only then
is anything of ours imported (``conformance.plugin``), are markers registered, and do hooks have effects.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from retry_conformance import HOME, NAMES, NameTakenError, claim

if TYPE_CHECKING:
    from conformance.suite.items import SuiteFile

SUITE_FILE = HOME / "suite" / "test_requirements.py"
#: Whether this session has removed what an older run left.
_BEGUN: pytest.StashKey[bool] = pytest.StashKey()
#: Name of the option, metavar, help. All are None, or False for flags, unless they are given.
_OPTIONS = (
    ("config", "FILE", "configuration, TOML"),
    ("target", "URL", 'the target\'s base_url, or "reference"; also --target, where nothing else has that option'),
    ("profile", "LIST", "profiles, by comma (core,guide,hardening)"),
    ("requirement", "LIST", "these requirements only, by comma (BR-BLK-01,BR-BLK-02)"),
    ("depth", "DEPTH", "quick, standard or deep (standard)"),
    ("seed", "N", "repeats what was drawn; by default a new one"),
    ("drivers", "LIST", "drivers, by comma"),
    ("report-dir", "DIR", "where reports go (reports)"),
    ("contract", "VERSION", "version of the contract to judge by"),
    ("baseline", "REPORT", "fail only for what this conformance.json does not have"),
    ("waivers", "FILE", "known failures, each with a reason and an expiry date"),
    ("stale-waivers", "fail|warn", "what a stale waiver does (fail)"),
    ("fail-on", "fail|inconclusive", "what makes the session fail (inconclusive)"),
    ("wait", "SECONDS", "wait so long for a target that is starting (0)"),
    ("report", "FILE", "show this conformance.json instead of running"),
)
_FLAGS = (
    ("baseline-allow-red", "take a baseline whose own exit status is not 0"),
    ("stop-early", "end the run once a MUST is proved broken, with verdicts so far"),
)


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the options of the suite. They have no effect on other tests.

    Where the arguments name the suite, the reports of an older run go now: importing the plugins that come after this one
    may take a second.
    """
    group = parser.getgroup("conformance", "conformance of a Batch Send - Retry target")
    for name, value, about in _OPTIONS:
        group.addoption(f"--conformance-{name}", dest=_dest(name), default=None, metavar=value, help=about)
    for name, about in _FLAGS:
        group.addoption(f"--conformance-{name}", dest=_dest(name), default=False, action="store_true", help=about)
    config = pluginmanager.get_plugin("pytestconfig")
    if isinstance(config, pytest.Config):
        arguments = [os.fspath(argument) for argument in config.invocation_params.args]
        # Cheap first: a session without us should not pay for us.
        if any("conformance" in argument for argument in arguments):
            # What is wrong with them is for pytest to tell.
            with suppress(pytest.UsageError):
                options = parser.parse_known_args(arguments)
                if names_the_suite(arguments, config.invocation_params.dir, pyargs=options.pyargs):
                    _withdraw(config, options)


def _dest(name: str) -> str:
    return f"conformance_{name.replace('-', '_')}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Iterator[None]:
    """Where the arguments name the suite: import it before a folder of its name is, replace the reports of an older run
    before anything can go wrong, and take ``--target`` if it is free."""
    options = early_config.known_args_namespace
    named = names_the_suite(args, early_config.invocation_params.dir, pyargs=options.pyargs)
    if named:
        _begin(early_config, options)
    yield
    if not named:
        return
    # Every conftest that may add options has been loaded: what is still unknown belongs to nobody.
    _, unknown = parser.parse_known_and_unknown_args(args)
    if any(argument.partition("=")[0] == "--target" for argument in unknown):
        group = parser.getgroup("conformance")
        group.addoption("--target", dest="conformance_target", default=None, metavar="URL", help="--conformance-target")


def pytest_configure(config: pytest.Config) -> None:
    """Wake up if an option of ours is given, or an argument names the suite."""
    given = any(getattr(config.option, _dest(name), None) for name, *_ in (*_OPTIONS, *_FLAGS))
    if given or names_the_suite(config.args, config.invocation_params.dir, pyargs=config.option.pyargs):
        wake(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SuiteFile | None:
    """Collect the suite's one file ourselves."""
    if file_path != SUITE_FILE:
        return None
    wake(parent.config)
    _begin(parent.config, parent.config.option)
    from conformance.suite.items import SuiteFile

    return SuiteFile.from_parent(parent, path=file_path)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let Hypothesis print its examples, which schemathesis, a dependency of ours, silences in every session."""
    if session.items and "hypothesis" in sys.modules and "schemathesis" in sys.modules:
        from retry_conformance import hypothesis_printer

        hypothesis_printer.restore({kind for item in session.items for kind in map(type, item.listchain())})


def wake(config: pytest.Config) -> None:
    """Register the plugin that does something; once for a session.

    :raises pytest.UsageError: the name ``conformance`` is taken in this process.
    """
    _claim()
    from conformance import plugin

    if not config.pluginmanager.is_registered(plugin):
        config.pluginmanager.register(plugin, "retry_conformance_suite")


def names_the_suite(arguments: list[str], folder: Path, *, pyargs: bool) -> bool:
    """Return whether arguments of pytest name the suite, or its folder or file, or a folder above that.

    :param pyargs: names are those of packages; otherwise they are those of files, and ``conformance`` may be the user's.
    """
    for argument in arguments:
        name = argument.partition("::")[0]
        if pyargs and name in NAMES:
            return True
        # Cheap first: a session without us should not pay for us.
        if name.startswith("-") or not name:
            continue
        path = Path(folder, name)
        if path.is_absolute() and SUITE_FILE.is_relative_to(path.resolve()) and path.resolve() != folder:
            return True
    return False


def _begin(config: pytest.Config, options: argparse.Namespace) -> None:
    """Let the reports of an older run say "incomplete"; in a process of pytest-xdist, nothing."""
    _withdraw(config, options)
    _claim()
    if "PYTEST_XDIST_WORKER" not in os.environ:
        from conformance.suite.beginning import begin_session

        begin_session(config, options)


def _withdraw(config: pytest.Config, options: argparse.Namespace) -> None:
    """Remove the reports of an older run, once a session; that of a baseline stays until it is read."""
    if "PYTEST_XDIST_WORKER" not in os.environ and _BEGUN not in config.stash:
        from retry_conformance import older_reports

        older_reports.withdraw_for_session(options)
        config.stash[_BEGUN] = True


def _claim() -> None:
    try:
        claim()
    except NameTakenError as error:
        raise pytest.UsageError(str(error)) from None
