"""The causes of a run for a terminal and for a job's summary. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.catalogue import load
from conformance.report.causes import lead
from conformance.report.ids import short
from conformance.report.model import Cause, Report, ReportedRequirement
from conformance.report.story import again_with, proof_lines, why, wrap
from conformance.report.ticket import about_time, block, plain

#: Causes that a terminal shows; the rest stands in the reports.
MOST = 12


def causes_of(report: Report, name: str) -> tuple[int, ...]:
    """The numbers of the causes that break a requirement."""
    return tuple(cause.number for cause in report.causes if name in cause.requirements)


def followed(report: Report, name: str) -> int | None:
    """The number of the cause that leaves a requirement open; None if none does."""
    return next((cause.number for cause in report.causes if name in cause.follows), None)


def why_of(report: Report, item: ReportedRequirement, *, brief: bool = False) -> str:
    """Why the verdict is what it is, in one line, with the cause that it hangs under.

    :param brief: of what follows from a cause or from an early end, say no more than that.
    """
    if item.verdict == "fail" and (numbers := causes_of(report, item.id)):
        return f"cause{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}: {why(item)}"
    if item.verdict == "inconclusive" and (number := followed(report, item.id)) is not None:
        reason = "" if brief or item.reason is None else f": {item.reason.text}"
        return f"follows from cause {number}{reason}"
    if brief and item.reason is not None and item.reason.code == "run-incomplete":
        return "not exercised when the run ended early"
    return why(item)


def screen_lines(report: Report, width: int = 100, folder: str = "DIR", options: str | None = None) -> list[str]:
    """The causes, each with its proof, the one to read first before the others; none if nothing fails.

    :param folder: where the report lies, as a shell takes it; :param options: those that named the target, if they are known.
    """
    lines = []
    for cause in report.causes[:MOST]:
        first = " (read this one first)" if cause.number == 1 and len(report.causes) > 1 else ""
        lines.append(f"cause {cause.number}{first}: {cause.headline}")
        lines += [*_details(report, cause, width, folder, options), ""]
    more = len(report.causes) - MOST
    return [*lines, *([f"and {more} more causes: see report.html", ""] if more > 0 else [])]


def one_line_each(report: Report, width: int = 100) -> list[str]:
    """The causes, a line for each: told in full they may need more lines than a screen has."""
    lines = (f"  {cause.number}. {cause.headline}" for cause in report.causes[:MOST])
    return [line if len(line) <= width else f"{line[: width - 1]}…" for line in lines]


def summary_lines(report: Report) -> list[str]:
    """The causes as a section of summary.md, a ticket to paste for each; nothing if nothing fails."""
    if not report.causes:
        return []
    lines = ["## Causes", ""]
    for cause in report.causes[:MOST]:
        first = " (read this one first)" if cause.number == 1 and len(report.causes) > 1 else ""
        lines += [f"### {cause.number}. {plain(cause.headline)}{first}", "", *block(report, cause, load())]
        if cause.follows:
            lines += [f"Inconclusive because of it: {', '.join(cause.follows)}.", ""]
        lines += [f"With requests and answers: `retry-conformance ticket {cause.number}`.", ""]
    more = len(report.causes) - MOST
    return [*lines, *([f"{more} more causes are in report.html.", ""] if more > 0 else [])]


def _details(report: Report, cause: Cause, width: int, folder: str, options: str | None) -> Iterable[str]:
    finding = lead(report.requirements, cause)
    places = f"{cause.times} place{'s' if cause.times != 1 else ''}"
    yield from wrap(f"{short(cause.requirements)}", width, "  breaks    ")
    if cause.follows:
        yield from wrap(f"{short(cause.follows)}: inconclusive because of it", width, "  follows   ")
    yield from wrap(f"{about_time(cause.at)}, in {places} of the run", width, "  when      ")
    yield from proof_lines(finding, width)
    script = f"sh {folder}/{cause.script}" if cause.script else ""
    program = again_with(finding.program, folder, options) if finding.program else ""
    # Commands are to be pasted: they are never folded.
    yield f"  again     {script or program or 'run the suite again: there is no program for this one'}"
    yield f"  ticket    retry-conformance ticket {cause.number} --report-dir {folder}"
