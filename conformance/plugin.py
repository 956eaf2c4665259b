"""pytest plugin: one item for each requirement, with its verdict. Dormant unless ``conformance.suite`` is collected.

The run itself is ``session.execute``; a run of the CLI hands its report over with ``--conformance-report``, and
pytest then only renders it (report.html, junit.xml).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conformance.suite.items import SuiteFile

SUITE_FILE = Path(__file__).parent / "suite" / "test_requirements.py"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the suite. They have no effect on other tests."""
    group = parser.getgroup("conformance", "conformance of a Batch Send - Retry target")
    group.addoption("--conformance-config", default=None, metavar="FILE", help="configuration, TOML")
    group.addoption("--conformance-report", default=None, metavar="FILE", help="show this report instead of running")
    group.addoption("--conformance-dir", default="reports", metavar="DIR", help="where reports go")
    group.addoption("--conformance-profile", default="core,guide,hardening", metavar="LIST", help="profiles, by comma")
    group.addoption("--conformance-depth", default="standard", metavar="DEPTH", help="quick, standard or deep")
    try:
        group.addoption("--target", default=None, metavar="URL", help='the target\'s base_url, or "reference"')
    except ValueError:
        # Another plugin has an option of this name; the configuration file still names a target.
        return


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known."""
    for line in (
        "requirement(id): a requirement of the retry contract",
        "profile(name): core, guide or hardening",
        "level(name): MUST or SHOULD",
    ):
        config.addinivalue_line("markers", line)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SuiteFile | None:
    """Collect the suite's one file ourselves."""
    if file_path != SUITE_FILE:
        return None
    from conformance.suite.items import SuiteFile

    return SuiteFile.from_parent(parent, path=file_path)


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Set the suite's own exit status, so that inconclusive is never 0."""
    yield
    status = session.config.stash.get(_status_key(), None)
    if status is not None and session.exitstatus in (0, 1, 5):
        session.exitstatus = status


def _status_key() -> pytest.StashKey[int]:
    from conformance.suite.items import STATUS

    return STATUS


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Name verdicts by their own names."""
    verdict = dict(report.user_properties).get("verdict")
    if verdict is None or report.when != "call":
        return None
    letters = {"pass": ".", "fail": "F", "inconclusive": "?", "not_run": "-", "not_applicable": "~", "error": "E"}
    words = str(verdict).replace("_", " ")
    category = {"pass": "passed", "fail": "failed", "error": "error"}.get(str(verdict), words)
    return category, letters.get(str(verdict), "?"), words.upper()


def pytest_html_report_title(report: Any) -> None:
    """Title of report.html."""
    report.title = "Batch Send - Retry: conformance"


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_table_header(cells: list[str]) -> None:
    """A column for the requirement, one for the profile; no links."""
    cells[1] = '<th class="sortable requirement" data-column-type="requirement">Requirement</th>'
    cells[2] = '<th class="sortable" data-column-type="profile">Profile</th>'
    cells[3] = "<th>Evidence</th>"


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_table_row(report: Any, cells: list[str]) -> None:
    """The requirement's id and title in place of pytest's node id."""
    about = dict(report.user_properties)
    if "requirement" not in about:
        return
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
    """Nothing of the environment reaches the report: CI variables may hold secrets."""
    if config.getoption("--conformance-report", None):
        metadata.clear()


pytest_html_report_title = pytest.hookimpl(optionalhook=True)(pytest_html_report_title)
