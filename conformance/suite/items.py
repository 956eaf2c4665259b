"""The pytest items of the suite, and where their verdicts come from."""

from __future__ import annotations

import argparse
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import pytest

from conformance import CONTRACT_VERSION
from conformance.baseline import Baseline
from conformance.catalogue import PROFILES, Catalogue, Requirement, load
from conformance.config import Config
from conformance.errors import SuiteError, UsageError
from conformance.history.reader import read_history
from conformance.history.records import History
from conformance.launch import CONTRACT_VARIABLE, contract_of, launch
from conformance.report.clean import harmless, one_line
from conformance.report.junit import outcome
from conformance.report.model import Report, ReportedRequirement
from conformance.report.page.write import write_page
from conformance.report.story import story, why
from conformance.report.write import read_report
from conformance.run_options import check_ids, names, one_of, options_of, requirements
from conformance.session import CRASH_FILE, Options, worsened, write_crash
from conformance.suite.beginning import baseline, end_unrun, has_run
from conformance.suite.processes import is_part, refusal
from conformance.transport.redact import Redactor
from conformance.verdicts import ORDER

STATUS: pytest.StashKey[int] = pytest.StashKey()
RESULT: pytest.StashKey[Report] = pytest.StashKey()
HISTORY: pytest.StashKey[History] = pytest.StashKey()
#: What a person should know beside the verdicts: a stale waiver, a baseline of another target.
LINES: pytest.StashKey[tuple[str, ...]] = pytest.StashKey()
#: The process that collected the suite, and the only one that may run it.
_PROCESS: pytest.StashKey[int] = pytest.StashKey()
#: Whether the run of this session has begun: there is one, however it ends.
_LAUNCHED: pytest.StashKey[bool] = pytest.StashKey()
_REDACTOR: pytest.StashKey[Redactor] = pytest.StashKey()

#: How our options of pytest begin.
PREFIX = "--conformance-"
#: Marks a report of an item of ours; a user's test may well have a property "verdict" of its own.
OURS = "retry_conformance_requirement"


class VerdictError(Exception):
    """Raised by an item whose requirement did not pass; shown without a traceback."""


class SuiteFile(pytest.File):
    """The suite's file: its items are the requirements of the chosen profiles, in the contract's order."""

    def collect(self) -> Iterator[RequirementItem]:
        self.config.stash[_PROCESS] = os.getpid()
        try:
            _check_use(self.config.option)
            chosen = _asked(self.config)
            if not self.config.getoption("conformance_report"):
                # What is wrong with them is told before any other test runs.
                _options(self.config, baseline(self.config))
            selected = _catalogue(self.config).select(_profiles(self.config))
        except SuiteError as error:
            # An error of the collection, in one line; pytest ends with 2, as for any wrong usage.
            end_unrun(self.config, str(error), error.exit_status)
            raise self.CollectError(str(error)) from None
        for requirement in selected:
            if chosen and requirement.id not in chosen:
                continue
            yield RequirementItem.from_parent(self, name=requirement.id, requirement=requirement)


def _check_use(options: argparse.Namespace) -> None:
    """:raises UsageError: the options ask for what would look like a run of the suite and is none."""
    if getattr(options, "setuponly", False) or getattr(options, "setupplan", False):
        what = "no test is run with --setup-only or --setup-plan, and so no requirement is tested"
        raise UsageError(what, hint="leave the suite out there; --collect-only lists its requirements")
    if options.conformance_report and (options.conformance_target or options.conformance_config):
        what = "shows a finished run, whatever target is named beside it"
        raise UsageError(what, where="--conformance-report", hint="leave it out to run, or leave out the target")


class RequirementItem(pytest.Item):
    """One requirement."""

    def __init__(self, *, requirement: Requirement, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.requirement = requirement
        self.add_marker(pytest.mark.conformance_requirement(requirement.id))
        self.add_marker(pytest.mark.conformance_profile(requirement.profile))
        self.add_marker(pytest.mark.conformance_level(requirement.level))
        self.add_marker(f"conformance_{requirement.profile}")
        self.add_marker(f"conformance_{requirement.level.lower()}")
        # The run is the set-up of the first item: it has bounds of its own, and its verdict is not another the next time.
        if self.config.pluginmanager.hasplugin("timeout"):
            self.add_marker(pytest.mark.timeout(0))
        if any(self.config.pluginmanager.hasplugin(name) for name in ("rerunfailures", "pytest-retry")):
            # pytest-retry goes by the condition alone, and repeats every other test that has this marker.
            self.add_marker(pytest.mark.flaky(reruns=0, condition=False))

    def setup(self) -> None:
        """Take the verdict of this requirement; run the suite first if that has not been done.

        What could not be settled is an error of the set-up, for JUnit too: it accuses nobody. What does not count is
        skipped with its text: what a waiver covers or the baseline has, a SHOULD, what --fail-on lets pass.
        """
        report = _report(self.session)
        item = report[self.requirement.id]
        self.user_properties += [
            (OURS, item.id),
            ("requirement", item.id),
            ("title", item.title),
            ("profile", item.profile),
            ("level", item.level),
            ("verdict", item.verdict),
            ("reason", item.reason.code if item.reason else ""),
            ("exercised", str(item.exercised)),
            ("why", why(item)),
            ("waived", _waiver(item)),
        ]
        if _waiver(item):
            pytest.skip(_waiver(item))
        if item.verdict in ("fail", "inconclusive", "error") and outcome(item, report) == "skipped":
            pytest.skip(f"{item.verdict.replace('_', ' ')}, and does not count: {why(item)}")
        if outcome(item, report) == "error":
            early = item.reason is not None and item.reason.code == "run-incomplete"
            raise VerdictError("\n".join([story(item, self.requirement), *(report.run.remarks[:1] if early else ())]))

    def runtest(self) -> None:
        """Pass, fail or skip as the verdict says."""
        item = _report(self.session)[self.requirement.id]
        if item.verdict in ("not_run", "not_applicable"):
            pytest.skip(f"{item.verdict.replace('_', ' ')}: {why(item)}")
        if item.verdict != "pass":
            raise VerdictError(story(item, self.requirement))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The story of the verdict, not a traceback of ours."""
        if isinstance(excinfo.value, VerdictError | SuiteError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Where it stands: in the catalogue."""
        return self.path, None, self.requirement.id


def _catalogue(config: pytest.Config) -> Catalogue:
    """The requirements that this session is about: those of the report that it shows, or of the contract asked for.

    :raises SuiteError: the report, the configuration or the version is wrong.
    """
    given = config.getoption("conformance_report")
    if given:
        known = {item.id for item in read_report(Path(given)).requirements}
        shipped = load()
        kept = tuple(r for r in shipped.requirements if r.id in known)
        return msgspec.structs.replace(shipped, requirements=kept)
    return load(_contract(config))


def _contract(config: pytest.Config) -> str:
    """The version of the contract that this session judges by."""
    asked, file = config.getoption("conformance_contract"), config.getoption("conformance_config")
    if asked is None and file is None and CONTRACT_VARIABLE not in os.environ:
        # Collecting alone needs no configuration.
        return CONTRACT_VERSION
    return contract_of(
        config.getoption("conformance_target"), Path(file) if file else None, os.environ, asked, f"{PREFIX}contract"
    )


def _waiver(item: ReportedRequirement) -> str:
    """What excuses this verdict, the waiver that covers it or the baseline that has it; empty if nothing does."""
    waived = item.waived
    if waived is None or waived.covers != item.verdict:
        if item.not_in_baseline and item.verdict in ("fail", "inconclusive", "not_run"):
            return f"{item.verdict.replace('_', ' ')}, and the baseline does not list it"
        return f"{item.verdict}, and the baseline fails there already" if item.known else ""
    return f"{item.verdict.replace('_', ' ')}, waived until {waived.expires}: {waived.reason} ({waived.link})"


def worst_first(items: list[pytest.Item], report: Report) -> None:
    """Put the items of a finished run in the order in which a reader needs them: failures on top."""
    items.sort(key=lambda i: ORDER.index(report[i.requirement.id].verdict) if isinstance(i, RequirementItem) else -1)


def _report(session: pytest.Session) -> Report:
    """The report of this session: handed over, or made by a run of its own, once."""
    stash = session.config.stash
    done = stash.get(RESULT, None)
    if done is not None:
        return done
    try:
        handed_over = _handed_over(session.config)
        if handed_over is None and is_part(session.config):
            # An exit would be taken for a crash of this process, and the item given to the next.
            raise VerdictError(str(refusal()))
        if handed_over is None and stash[_PROCESS] != os.getpid():
            raise VerdictError(str(refusal("a process for each test", "leave out --forked, or what else does that")))
        report, history = handed_over or _run(session)
    except SuiteError as error:
        _end(session.config, str(error), error.exit_status)
    except VerdictError:
        raise
    except Exception as crash:
        # A traceback of pytest's would show keys (--showlocals), and every further item would run the suite again.
        logging.getLogger(__name__).debug("the suite broke", exc_info=True)
        _end(session.config, _broken(session.config, crash), 5)
    if history is not None:
        stash[HISTORY] = history
    stash[RESULT] = report
    stash[STATUS] = report.run.exit_status
    return report


def _end(config: pytest.Config, reason: str, exit_status: int) -> NoReturn:
    end_unrun(config, reason, exit_status)
    pytest.exit(reason, returncode=exit_status)


def _broken(config: pytest.Config, crash: Exception) -> str:
    """Keep the traceback of an error of ours in a file; return a line about it."""
    redactor = config.stash.get(_REDACTOR, Redactor())
    said = one_line(redactor.text(f"the suite itself broke ({type(crash).__name__}: {crash})"))
    folder = Path(_given(config, "report_dir", "reports"))
    with suppress(OSError):
        write_crash(folder, redactor)
        said += f" — {folder / CRASH_FILE} says where; please report it"
    return said


def _handed_over(config: pytest.Config) -> tuple[Report, History | None] | None:
    given = config.getoption("conformance_report")
    if not given:
        return None
    history = Path(given).with_name("history.jsonl")
    return read_report(Path(given)), read_history(history) if history.exists() else None


def _options(config: pytest.Config, had: Baseline | None = None, selected: tuple[str, ...] = ()) -> Options:
    """The options of a run of this session.

    :raises SuiteError: one of them is wrong.
    """
    check_ids((str(config.option.keyword), *map(str, config.getoption("deselect") or ())), _contract(config), "-k")
    fail_on = one_of(_given(config, "fail_on", "inconclusive"), ("fail", "inconclusive"), f"{PREFIX}fail-on")
    stale = one_of(_given(config, "stale_waivers", "fail"), ("fail", "warn"), f"{PREFIX}stale-waivers")
    seed = config.getoption("conformance_seed")
    return options_of(
        profiles=",".join(_profiles(config)),
        depth=_given(config, "depth", "standard"),
        seed=None if seed is None else int(number(seed, f"{PREFIX}seed")),
        drivers=config.getoption("conformance_drivers"),
        report_dir=Path(_given(config, "report_dir", "reports")),
        baseline=had,
        waivers=_path(config, "waivers"),
        stale_waivers="warn" if stale == "warn" else "fail",
        fail_on="fail" if fail_on == "fail" else "inconclusive",
        wait=number(_given(config, "wait", "0"), f"{PREFIX}wait"),
        selected=selected,
        contract=_contract(config),
        stop_early=bool(config.getoption("conformance_stop_early")),
        prefix=PREFIX,
    )


def _run(session: pytest.Session) -> tuple[Report, History]:
    config = session.config
    had = baseline(config)
    selected = tuple(item.requirement.id for item in session.items if isinstance(item, RequirementItem))
    options = _options(config, had, selected)
    folder = options.report_dir
    if config.stash.get(_LAUNCHED, False):
        raise SuiteError("the run was broken off, and is not made again", hint="see what ended its first item")
    config.stash[_LAUNCHED] = True

    def ready(_: Config, redactor: Redactor) -> None:
        config.stash[_REDACTOR] = redactor

    with warnings.catch_warnings():
        # A project that turns warnings into errors means its own, not those of the libraries of a run.
        warnings.simplefilter("ignore")
        result = launch(
            config.getoption("conformance_target"), _path(config, "config"), os.environ, options, ready=ready
        )
    unwritten = write_page(result.report, result.history, folder)
    if unwritten:
        result = worsened(result, [unwritten], folder)
    has_run(config)
    redactor = config.stash[_REDACTOR]
    lines = (*result.lines, *([unwritten] if unwritten else []))
    config.stash[LINES] = tuple(harmless(redactor.text(line)) for line in lines)
    return result.report, result.history


def number(text: str, option: str) -> float:
    """A number that is not negative, as it was typed.

    :raises UsageError: it is none.
    """
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < 2**63:
        raise UsageError(f"is no number ({text!r})", where=option, hint="give a number, 0 or more")
    return found


def _given(config: pytest.Config, name: str, default: str) -> str:
    return str(config.getoption(f"conformance_{name}") or default)


def _path(config: pytest.Config, name: str) -> Path | None:
    given = config.getoption(f"conformance_{name}")
    return Path(given) if given else None


def _asked(config: pytest.Config) -> tuple[str, ...]:
    """The requirements that this session was asked for; empty for all.

    :raises UsageError: one is unknown, or not in the profiles.
    """
    asked = [name for name in _given(config, "requirement", "").split(",") if name.strip()]
    return requirements(asked, _profiles(config), _contract(config), f"{PREFIX}requirement") if asked else ()


def _profiles(config: pytest.Config) -> tuple[str, ...]:
    """The profiles of this session.

    :raises UsageError: one is unknown.
    """
    return names(_given(config, "profile", ",".join(PROFILES)), PROFILES, f"{PREFIX}profile")
