"""The pytest items of the suite, and where their verdicts come from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conformance.catalogue import Requirement, load
from conformance.errors import SuiteError
from conformance.report.model import Report, ReportedRequirement
from conformance.report.story import story

if TYPE_CHECKING:
    from conformance.history.records import History

STATUS: pytest.StashKey[int] = pytest.StashKey()
RESULT: pytest.StashKey[Report] = pytest.StashKey()
HISTORY: pytest.StashKey[History] = pytest.StashKey()


class VerdictError(Exception):
    """Raised by an item whose requirement did not pass; shown without a traceback."""


class SuiteFile(pytest.File):
    """The suite's file: its items are the requirements of the chosen profiles, in the contract's order."""

    def collect(self) -> Iterator[RequirementItem]:
        chosen = str(self.config.getoption("--conformance-profile")).split(",")
        for requirement in load().select(chosen):
            yield RequirementItem.from_parent(self, name=requirement.id, requirement=requirement)


class RequirementItem(pytest.Item):
    """One requirement."""

    def __init__(self, *, requirement: Requirement, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.requirement = requirement
        self.add_marker(pytest.mark.requirement(requirement.id))
        self.add_marker(pytest.mark.profile(requirement.profile))
        self.add_marker(pytest.mark.level(requirement.level))
        self.add_marker(requirement.profile)
        self.add_marker(requirement.level.lower())

    def runtest(self) -> None:
        """Take the verdict of this requirement; run the suite first if that has not been done."""
        report = _report(self.config)
        item = report[self.requirement.id]
        self.user_properties += [
            ("requirement", item.id),
            ("title", item.title),
            ("profile", item.profile),
            ("level", item.level),
            ("verdict", item.verdict),
            ("reason", item.reason.code if item.reason else ""),
        ]
        if item.verdict == "pass":
            return
        text = story(item, self.requirement, report, color=False)
        if item.verdict in ("not_run", "not_applicable"):
            pytest.skip(_why(item))
        raise VerdictError(text)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The story of the verdict, not a traceback of ours."""
        if isinstance(excinfo.value, VerdictError | SuiteError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Where it stands: in the catalogue."""
        return self.path, None, self.requirement.id


def _why(item: ReportedRequirement) -> str:
    reason = item.reason
    return f"{item.verdict.replace('_', ' ')}: {reason.text}" if reason else item.verdict


def _report(config: pytest.Config) -> Report:
    """The report of this session: handed over, or made by a run of its own, once."""
    done = config.stash.get(RESULT, None)
    if done is not None:
        return done
    given = config.getoption("--conformance-report")
    if given:
        from conformance.history.reader import read_history
        from conformance.report.write import read_report

        report = read_report(Path(given))
        history = Path(given).with_name("history.jsonl")
        if history.exists():
            config.stash[HISTORY] = read_history(history)
    else:
        report = _run(config)
    config.stash[RESULT] = report
    config.stash[STATUS] = report.run.exit_status
    return report


def _run(config: pytest.Config) -> Report:
    from conformance.launch import launch
    from conformance.session import Options

    options = Options(
        profiles=tuple(str(config.getoption("--conformance-profile")).split(",")),
        depth=str(config.getoption("--conformance-depth")),
        report_dir=Path(str(config.getoption("--conformance-dir"))),
    )
    file = config.getoption("--conformance-config")
    try:
        result = launch(config.getoption("--target", None), Path(file) if file else None, os.environ, options)
    except SuiteError as error:
        pytest.exit(str(error), returncode=error.exit_status)
    config.stash[HISTORY] = result.history
    return result.report
