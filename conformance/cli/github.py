"""On GitHub, without being asked: the job's summary, and one annotation for each violated MUST."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from conformance.exit_status import meaning, of_item
from conformance.report.cause_lines import why_of
from conformance.report.clean import one_line
from conformance.report.model import Report
from conformance.report.summary import summary


def on_github(environ: Mapping[str, str]) -> bool:
    """Whether this is a job of GitHub's."""
    return environ.get("GITHUB_ACTIONS") == "true"


def announce(report: Report, environ: Mapping[str, str], command: Callable[[str], None]) -> str:
    """Show a report on the page of a job.

    :param command: prints a line for the runner as it is.
    :return: why the summary could not be written, if so.
    """
    if not on_github(environ):
        return ""
    for line in error_lines(report):
        command(line)
    return append(summary(report), environ)


def error_lines(report: Report) -> Iterator[str]:
    """One ``::error`` for each MUST that fails and counts; one for a run that is red for another reason."""
    run = report.run
    failing = [r for r in report.chosen if of_item(r, run.profiles, fail_on=run.fail_on) == 1]
    for item in failing:
        yield annotation(f"{item.id} fails", why_of(report, item))
    for line in run.stale:
        yield annotation("a waiver is stale", line)
    if run.exit_status and not failing and not run.stale:
        said = run.remarks[0] if run.remarks else meaning(report, run.exit_status)
        yield annotation(f"exit status {run.exit_status}", said)


def annotation(title: str, text: str) -> str:
    """Return the runner's command for one annotation."""
    return f"::error title={_property(one_line(title))}::{_data(one_line(text))}"


def append(page: str, environ: Mapping[str, str]) -> str:
    """Append a page to the job's summary; why that was not possible, else nothing."""
    file = environ.get("GITHUB_STEP_SUMMARY")
    if not file:
        return ""
    try:
        with Path(file).open("a", encoding="utf-8", errors="replace") as out:
            out.write(f"{page}\n")
    except OSError as error:
        return f"GITHUB_STEP_SUMMARY: the summary could not be written ({error.strerror})"
    return ""


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
