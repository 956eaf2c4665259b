"""The hooks of the suite: verdicts, exit status, rows of a pytest-html page. Registered by ``retry_conformance.pytest_plugin``.

They have effects on the suite's own items only. The run itself is ``session.execute``; with ``--conformance-report`` pytest
shows a finished run.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.errors import SuiteError
from conformance.exit_status import meaning, worst
from conformance.suite.beginning import UNRUN, end_unrun, untold
from conformance.suite.items import (
    HISTORY,
    LINES,
    OURS,
    RESULT,
    STATUS,
    RequirementItem,
    VerdictError,
    worst_first,
)
from conformance.suite.processes import asked_for, refusal, shared_out, unasked
from retry_conformance.older_reports import runs_nothing

#: Reports of ours that pytest counts as failed.
_FAILED: pytest.StashKey[int] = pytest.StashKey()
#: Whether the arguments name the suite, it was not run, and nothing else has told why.
_UNTOLD: pytest.StashKey[bool] = pytest.StashKey()
_MARKERS = (
    "conformance_requirement(id): a requirement of the retry contract",
    "conformance_profile(name): core, guide or hardening",
    "conformance_level(name): MUST or SHOULD",
    "conformance_core: a requirement of the profile core",
    "conformance_guide: a requirement of the profile guide",
    "conformance_hardening: a requirement of the profile hardening",
    "conformance_must: a requirement of level MUST",
    "conformance_should: a requirement of level SHOULD",
)
_LEFT_OUT = "the suite was named and not run: the arguments choose no requirement, or a test ended the session"
_LETTERS = {"pass": ".", "fail": "F", "inconclusive": "?", "not_run": "-", "not_applicable": "~", "error": "E"}
_CATEGORIES = {"pass": "passed", "fail": "failed", "error": "error"}


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known. A session of several processes that is about the suite ends here, and one that only seems to be."""
    if shared_out(config):
        end_unrun(config, str(refusal()), refusal().exit_status)
        pytest.exit(str(refusal()), returncode=refusal().exit_status)
    if error := unasked(config):
        pytest.exit(str(error), returncode=error.exit_status)
    config.stash[_FAILED] = 0
    for line in _MARKERS:
        config.addinivalue_line("markers", line)
    config.pluginmanager.register(_Counting(config))
    if _alone(config) or asked_for(config):
        config.pluginmanager.register(_Page())


class _Counting:
    """Counts the reports of our items that pytest takes for failures."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in one report."""
        if report.failed and _about(report):
            self._config.stash[_FAILED] += 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Show a finished run worst first; a run of its own goes by the contract."""
    if _alone(config):
        from conformance.report.write import read_report

        try:
            worst_first(items, read_report(Path(config.getoption("conformance_report"))))
        except SuiteError as error:
            pytest.exit(str(error), returncode=error.exit_status)


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Set the suite's own exit status, so that inconclusive is never 0; never improve on what other tests did."""
    yield
    # Before the summary is written, or after it: the line is told in either.
    session.config.stash[_UNTOLD] = _left_out(session.config) and untold(session.config)
    session.exitstatus = status_of(session)
    ended = int(session.exitstatus)
    end_unrun(session.config, f"pytest ended with {ended} before the suite ran", ended or 3)


def status_of(session: pytest.Session) -> int:
    """The exit status of a session: the suite's, unless something that is not ours failed, or pytest itself was stopped."""
    status = session.config.stash.get(STATUS, None)
    unrun = session.config.stash.get(UNRUN, None)
    if unrun is not None and session.exitstatus in (unrun, pytest.ExitCode.INTERRUPTED):
        # A 5 is pytest's word for a session without tests, and its 2 for any error of the collection.
        return unrun
    if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) and _left_out(session.config):
        # Whatever else was run and passed: nothing of the suite was, and nothing was sent.
        end_unrun(session.config, _LEFT_OUT, 2)
        return 2
    if status is None:
        return session.exitstatus
    ours = session.config.stash.get(_FAILED, 0)
    if session.exitstatus == pytest.ExitCode.OK:
        return status
    if session.exitstatus == pytest.ExitCode.TESTS_FAILED:
        # A status 1 that our items do not account for is somebody else's, and stays.
        return status if ours and session.testsfailed == ours else worst({1, status})
    return session.exitstatus


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Tell a verdict without a traceback, and put the evidence into the row of report.html."""
    report = yield
    if not isinstance(item, RequirementItem):
        return report
    # What else goes wrong here is not ours: a hook of the user's, or the end of what their fixtures hold for the session.
    report.told = call.excinfo is None or isinstance(call.excinfo.value, VerdictError | pytest.skip.Exception)
    if call.excinfo is not None and isinstance(call.excinfo.value, VerdictError):
        # pytest asks an item how its call failed, but not how its set-up did.
        report.longrepr = str(call.excinfo.value)
    result = item.config.stash.get(RESULT, None)
    if result is not None and (call.when == "call" or report.outcome != "passed"):
        from conformance.report.html import evidence

        shown = evidence(result[item.requirement.id], item.requirement, item.config.stash.get(HISTORY, None))
        report.extras = [
            {"name": "evidence", "format_type": "html", "content": shown, "mime_type": None, "extension": None}
        ]
    return report


def _about(report: Any) -> dict[str, Any]:
    """What an item of ours says of itself; empty for any other report, a collector's too."""
    about = dict(getattr(report, "user_properties", ()))
    return about if OURS in about and getattr(report, "told", True) else {}


def pytest_report_teststatus(report: Any) -> tuple[str, str, str] | None:
    """Name verdicts by their own names."""
    about = _about(report)
    if not about:
        return None
    if about.get("waived"):
        return ("waived", "w", "WAIVED") if report.when == "setup" else None
    if report.when != "call" and report.outcome == "passed":
        return None
    verdict = str(about["verdict"])
    words = verdict.replace("_", " ")
    if report.outcome == "skipped" and verdict in ("fail", "inconclusive", "error"):
        # It does not count: a SHOULD, or what --fail-on lets pass.
        return f"{words} that does not count", _LETTERS.get(verdict, "?").lower(), f"{words.upper()} (DOES NOT COUNT)"
    category = _CATEGORIES.get(verdict, words)
    if report.outcome == "failed" and category not in ("failed", "error"):
        category = words
    return category, _LETTERS.get(verdict, "?"), words.upper()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the verdict is about, and why what could not be settled was not: pytest tells failures and errors only."""
    for name in ("inconclusive", "not run"):
        for report in terminalreporter.stats.get(name, ()):
            if _about(report) and report.outcome == "failed":
                terminalreporter.write_sep("_", report.nodeid.rpartition("::")[2])
                terminalreporter.write_line(str(report.longrepr))
    result = terminalreporter.config.stash.get(RESULT, None)
    if terminalreporter.config.stash.get(_UNTOLD, _left_out(terminalreporter.config)):
        terminalreporter.write_line(_LEFT_OUT)
    for line in terminalreporter.config.stash.get(LINES, ()):
        terminalreporter.write_line(f"retry-conformance: {line}")
    if result is not None:
        from conformance.report.verdict_line import verdict_line

        terminalreporter.write_line(verdict_line(result))
        status = result.run.exit_status
        terminalreporter.write_line(f"exit status {status}: {meaning(result, status)}")
        if _alone(terminalreporter.config):
            shown = terminalreporter.config.getoption("conformance_report")
            about = f"a run of {result.run.started} against {result.target.base_url}"
            terminalreporter.write_line(f"shown from {shown}, {about}; nothing was sent")
        else:
            folder = terminalreporter.config.getoption("conformance_report_dir") or "reports"
            terminalreporter.write_line(f"reports are in {folder}; report.html shows the requests and answers")


def _left_out(config: pytest.Config) -> bool:
    """Whether the arguments name the suite, and it has not run."""
    return asked_for(config) and not runs_nothing(config.option) and config.stash.get(STATUS, None) is None


def _alone(config: pytest.Config) -> bool:
    """Whether this session shows a finished run."""
    return bool(config.getoption("conformance_report", None))


class _Page:
    """Columns for the suite's items in a page that a user has pytest-html make; the page stays theirs, with what else is in it."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        """A column for the requirement and one for the reason, next to the test's name."""
        cells[2:2] = ['<th class="sortable" data-column-type="requirement">Requirement</th>', "<th>Why</th>"]

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(
        self, prefix: list[str], summary: list[str], postfix: list[str], session: pytest.Session
    ) -> None:
        """The verdict above the table."""
        result = session.config.stash.get(RESULT, None)
        if result is not None:
            from conformance.report.html import headline

            prefix.append(headline(result))

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: Any, cells: list[str]) -> None:
        """The requirement's title and the reason of its verdict; nothing there for other tests."""
        about = _about(report)
        if not about:
            cells[2:2] = ["<td></td>", "<td></td>"]
            return
        from conformance.report.html import cells_of

        cells[:] = cells_of(about, cells)
