"""The causes of a run for a terminal and for a job's summary. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.catalogue import load
from conformance.report.about import short
from conformance.report.causes import lead
from conformance.report.model import Cause, Report
from conformance.report.ticket import about_time, block, plain

#: Causes that a terminal shows; the rest stands in the reports.
MOST = 12


def screen_lines(report: Report) -> list[str]:
    """The causes in a few lines each, the one to read first before the others; none if nothing fails."""
    lines = []
    for cause in report.causes[:MOST]:
        first = " (read this one first)" if cause.number == 1 and len(report.causes) > 1 else ""
        lines.append(f"cause {cause.number}{first}: {cause.headline}")
        lines += [f"    {line}" for line in _details(report, cause)]
    more = len(report.causes) - MOST
    return [*lines, *([f"and {more} more causes: see report.html"] if more > 0 else [])]


def summary_lines(report: Report) -> list[str]:
    """The causes as a section of summary.md, a ticket to paste for each; nothing if nothing fails."""
    if not report.causes:
        return []
    lines = ["## Causes", ""]
    for cause in report.causes[:MOST]:
        first = " (read this one first)" if cause.number == 1 and len(report.causes) > 1 else ""
        lines += [f"### {cause.number}. {plain(cause.headline)}{first}", "", *block(report, cause, load())]
        if cause.follows:
            lines += [f"Likely left open by it: {', '.join(cause.follows)}.", ""]
        lines += [f"With requests and answers: `retry-conformance ticket {cause.number}`.", ""]
    more = len(report.causes) - MOST
    return [*lines, *([f"{more} more causes are in report.html.", ""] if more > 0 else [])]


def _places(cause: Cause) -> str:
    return f"{cause.times} place{'s' if cause.times != 1 else ''}"


def _details(report: Report, cause: Cause) -> Iterable[str]:
    finding = lead(report.requirements, cause)
    yield f"expected {'; or '.join(finding.expected)}; observed {finding.observed}"
    yield f"at {about_time(cause.at)}, exchanges {', '.join(map(str, cause.evidence))}, in {_places(cause)}"
    again = f"see it again: sh DIR/{cause.script}; " if cause.script else ""
    yield f"{again}a ticket: retry-conformance ticket {cause.number} --report-dir DIR"
    yield f"breaks {short(cause.requirements)}" + (
        f"; likely left open by it: {short(cause.follows)}" if cause.follows else ""
    )
