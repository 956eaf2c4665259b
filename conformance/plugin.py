"""pytest plugin: one item for each requirement, with its verdict. Dormant unless ``conformance.suite`` is collected.

The run itself is ``session.execute``; a run of the command line hands its report over with ``--conformance-report``,
and pytest then only renders it (report.html, junit.xml).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conformance import examples

if TYPE_CHECKING:
    from conformance.suite.items import SuiteFile

SUITE_FILE = Path(__file__).parent / "suite" / "test_requirements.py"
#: Exit statuses of pytest that the suite's own replaces: all passed, some failed, nothing collected.
_REPLACED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)
_LETTERS = {"pass": ".", "fail": "F", "inconclusive": "?", "not_run": "-", "not_applicable": "~", "error": "E"}
_CATEGORIES = {"pass": "passed", "fail": "failed", "error": "error"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the suite. They have no effect on other tests."""
    group = parser.getgroup("conformance", "conformance of a Batch Send - Retry target")
    group.addoption("--conformance-config", default=None, metavar="FILE", help="configuration, TOML")
    group.addoption("--conformance-report", default=None, metavar="FILE", help="show this report instead of running")
    group.addoption("--conformance-dir", default="reports", metavar="DIR", help="where reports go")
    group.addoption("--conformance-profile", default="core,guide,hardening", metavar="LIST", help="profiles, by comma")
    group.addoption(
        "--conformance-contract", default=None, metavar="VERSION", help="of the contract; by default target.contract"
    )
    group.addoption("--conformance-depth", default="standard", metavar="DEPTH", help="quick, standard or deep")
    try:
        group.addoption("--target", default=None, metavar="URL", help='the target\'s base_url, or "reference"')
    except ValueError:
        # Another plugin has an option of this name; the configuration file still names a target.
        return


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known. A session of several processes that is about the suite ends here."""
    from conformance.suite.processes import refusal, shared_out

    if shared_out(config):
        pytest.exit(str(refusal()), returncode=refusal().exit_status)
    for line in (
        "requirement(id): a requirement of the retry contract",
        "profile(name): core, guide or hardening",
        "level(name): MUST or SHOULD",
        "core: a requirement of the profile core",
        "guide: a requirement of the profile guide",
        "hardening: a requirement of the profile hardening",
        "must: a requirement of level MUST",
        "should: a requirement of level SHOULD",
    ):
        config.addinivalue_line("markers", line)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let Hypothesis print its examples again."""
    examples.restore({kind for item in session.items for kind in map(type, item.listchain())})


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SuiteFile | None:
    """Collect the suite's one file ourselves."""
    if file_path != SUITE_FILE:
        return None
    from conformance.suite.items import SuiteFile

    return SuiteFile.from_parent(parent, path=file_path)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Show a finished run worst first; a run of its own goes by the contract."""
    given = config.getoption("--conformance-report", None)
    if given:
        from conformance.report.write import read_report
        from conformance.suite.items import worst_first

        worst_first(items, read_report(Path(given)))


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Set the suite's own exit status, so that inconclusive is never 0."""
    from conformance.suite.items import STATUS
    from conformance.suite.processes import asked_for

    yield
    status = session.config.stash.get(STATUS, None)
    if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and asked_for(session.config):
        # Nothing of the suite was selected, and nothing was sent.
        session.exitstatus = 2
    if status is not None and session.exitstatus in _REPLACED:
        session.exitstatus = status


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Put the evidence into the row of report.html."""
    from conformance.suite.items import HISTORY, RESULT, RequirementItem, VerdictError

    report = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, VerdictError):
        # pytest asks an item how its call failed, but not how its set-up did.
        report.longrepr = str(call.excinfo.value)
    result = item.config.stash.get(RESULT, None)
    ended = call.when == "call" or report.outcome != "passed"
    if isinstance(item, RequirementItem) and result is not None and ended:
        from conformance.report.html import evidence

        shown = evidence(result[item.requirement.id], item.requirement, item.config.stash.get(HISTORY, None))
        report.extras = [
            {"name": "evidence", "format_type": "html", "content": shown, "mime_type": None, "extension": None}
        ]
    return report


def pytest_report_teststatus(report: pytest.TestReport | pytest.CollectReport) -> tuple[str, str, str] | None:
    """Name verdicts by their own names."""
    if not isinstance(report, pytest.TestReport):
        return None
    about = dict(report.user_properties)
    verdict = about.get("verdict")
    if about.get("waived"):
        return ("waived", "w", "WAIVED") if report.when == "setup" else None
    if verdict is None or (report.when != "call" and report.outcome == "passed"):
        return None
    words = str(verdict).replace("_", " ")
    return _CATEGORIES.get(str(verdict), words), _LETTERS.get(str(verdict), "?"), words.upper()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the verdict is about, and why what could not be settled was not: pytest tells failures and errors only."""
    from conformance.suite.items import RESULT

    for report in terminalreporter.stats.get("inconclusive", ()):
        terminalreporter.write_sep("_", report.nodeid.rpartition("::")[2])
        terminalreporter.write_line(str(report.longrepr))
    result = terminalreporter.config.stash.get(RESULT, None)
    if result is not None:
        terminalreporter.write_line(result.claim)


@pytest.hookimpl(optionalhook=True)
def pytest_html_report_title(report: Any) -> None:
    """Title of report.html."""
    report.title = "Batch Send - Retry: conformance"


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_table_header(cells: list[str]) -> None:
    """A column for the requirement and one for the profile, in place of the test's name, duration and links."""
    cells[1] = '<th class="sortable requirement" data-column-type="requirement">Requirement</th>'
    cells[2] = '<th class="sortable" data-column-type="profile">Profile</th>'
    cells[3] = "<th>Why</th>"


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_table_row(report: Any, cells: list[str]) -> None:
    """The requirement's id and title in place of pytest's node id."""
    about = dict(report.user_properties)
    if "requirement" in about:
        from conformance.report.html import cells_of

        cells[:] = cells_of(about, cells[0])


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_summary(
    prefix: list[str], summary: list[str], postfix: list[str], session: pytest.Session
) -> None:
    """The verdict above the table."""
    from conformance.suite.items import RESULT

    result = session.config.stash.get(RESULT, None)
    if result is not None:
        from conformance.report.html import headline

        prefix.append(headline(result))


@pytest.hookimpl(optionalhook=True)
def pytest_metadata(metadata: dict[str, Any], config: pytest.Config) -> None:
    """Nothing of the environment reaches the report: a CI server's variables may hold secrets."""
    if config.getoption("--conformance-report", None):
        metadata.clear()
