"""The summary for a CI job's page, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conformance.exit_status import meaning
from conformance.report.alike import alike, reason_of
from conformance.report.cause_lines import MOST as MOST_CAUSES
from conformance.report.cause_lines import followed, summary_lines
from conformance.report.model import Report, ReportedFinding, ReportedRequirement
from conformance.report.racing import in_words
from conformance.report.story import alternatives, distinct, happened
from conformance.report.verdict_line import scope_line, verdict_line
from conformance.verdicts import ORDER

SIGNS = {
    "error": "💥 error",
    "fail": "❌ fail",
    "inconclusive": "❔ inconclusive",
    "not_run": "⏸ not run",
    "pass": "✅ pass",
    "not_applicable": "➖ not applicable",
}


#: Bytes of the page at most: GitHub takes 1 MiB for a job's summary, and refuses more.
MOST = 1_000_000


def summary(report: Report) -> str:
    """The whole page: the verdict, the counts, what did not pass, and the observations; under 1 MiB."""
    page = _page(report)
    if len(page.encode("utf-8", "replace")) <= MOST:
        return page
    kept, size = [], 0
    for line in page.splitlines():
        size += len(line.encode("utf-8", "replace")) + 1
        if size > MOST - 200:
            break
        kept.append(line)
    return "\n".join([*kept, "", "The page is cut here; conformance.json and report.html hold the rest.", ""])


def _what_ran(report: Report) -> list[str]:
    """The target and the run; nothing for a run that did not start, which knows neither."""
    if not report.target.base_url:
        return []
    run = report.run
    return [
        f"Target {_plain(report.target.words)}; "
        f"contract {_plain(report.suite.contract_version)}, suite {_plain(report.suite.version)}"
        f"{f' (commit {_plain(report.suite.commit[:12])})' if report.suite.commit else ''}. "
        f"{run.spent}, {_plain(run.started)} to {_plain(run.finished)}, seed {run.seed}, "
        f"depth {_plain(run.depth)}.",
        "",
    ]


def _page(report: Report) -> str:
    run = report.run
    lines = [
        f"# Batch Send - Retry: {_plain(verdict_line(report))}",
        "",
        *((_plain(_sentence(scope_line(report))), "") if scope_line(report) else ()),
        *_what_ran(report),
        f"Exit status {run.exit_status}: {meaning(report, run.exit_status)}.",
        "",
        *(f"- {_plain(remark)}" for remark in run.remarks),
        *("" for _ in run.remarks[:1]),
        *((f"Races: {in_words(report.races)}.", "") if report.races.pairs else ()),
        *_left_out(report),
    ]
    if report.nothing_judged:
        return "\n".join([*lines, "The run ended before anything was judged.", ""])
    lines += summary_lines(report)
    told = {mark: cause.number for cause in report.causes[:MOST_CAUSES] for mark in cause.findings}
    lines += [
        "| verdict | requirements |",
        "| --- | --- |",
        *(f"| {SIGNS[name]} | {_ids(report, name)} |" for name in ORDER if _ids(report, name)),
        "",
    ]
    for item in report.chosen:
        if item.verdict == "fail":
            or_else = f" (or {', '.join(alternatives(item))})" if alternatives(item) else ""
            lines += [
                f"## {item.id}{or_else} fails: {_plain(happened(item))}",
                "",
                f"Rule: {_plain(item.title)}.",
                "",
                *_excused(item),
            ]
            for finding, again in distinct(item.findings):
                lines += _finding(finding, len(again), told.get(finding.fingerprint))
    covered = [item for item in report.chosen if item.waived is not None and item.verdict != "fail"]
    if covered:
        lines += ["## Waived", "", *(line for item in covered for line in (f"**{item.id}**", "", *_excused(item)))]
    unsettled = [item for item in report.chosen if item.verdict in ("error", "inconclusive", "not_run")]
    under = {item.id for item in unsettled if item.verdict == "inconclusive" and followed(report, item.id) is not None}
    if unsettled:
        lines += [
            "## Not settled",
            "",
            "| requirement | verdict | why | what would settle it |",
            "| --- | --- | --- | --- |",
        ]
        for cause in report.causes:
            names = [name for name in cause.follows if name in under]
            if names:
                settle = f"fix cause {cause.number}, and run again"
                lines.append(
                    f"| {', '.join(names)} | {SIGNS['inconclusive']} | follows from cause {cause.number} | {settle} |"
                )
        lines += _rows([item for item in unsettled if item.id not in under])
        lines.append("")
    if report.observations:
        lines += ["## Which legal readings it follows", ""]
        lines += [f"- {_plain(text)}" for text in observations(report)]
        lines.append("")
    return "\n".join(lines)


def _sentence(clause: str) -> str:
    return f"{clause[:1].upper()}{clause[1:]}."


def observations(report: Report) -> Sequence[str]:
    """Each observation once, as key: value. Values that differ are one line that says so, for they are no one reading."""
    found: dict[str, dict[str, None]] = {}
    for o in report.observations:
        found.setdefault(o.key, {})[_value(o.value)] = None
    return tuple(
        f"{key}: {next(iter(values))}" if len(values) == 1 else f"{key} differs within the run: {' / '.join(values)}"
        for key, values in found.items()
    )


def _value(value: Any) -> str:
    """A value in words rather than in the notation of a programming language."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))
    return {True: "yes", False: "no", None: "none"}.get(value, str(value)) if not isinstance(value, str) else value


def _left_out(report: Report) -> list[str]:
    if not report.left_out:
        return []
    about = f"Of {len(report.requirements)} requirements this run is about {len(report.chosen)}"
    return [f"{about}; of the other {report.left_out} it says nothing.", ""]


def _excused(item: ReportedRequirement) -> list[str]:
    """What keeps a verdict from counting: the waiver that covers it, or the baseline that has it."""
    if item.waived is not None:
        w = item.waived
        said = f"{item.verdict.replace('_', ' ')}, until {w.expires}: {_plain(w.reason)} ({_plain(w.link)})"
        return [f"Waived: {said}", ""]
    if item.not_in_baseline:
        return ["New: the contract of the baseline does not have it, and it does not count yet.", ""]
    return ["Known: the baseline fails there already.", ""] if item.known else []


def _ids(report: Report, verdict: str) -> str:
    return " ".join(f"{item.id}{_mark(item)}" for item in report.chosen if item.verdict == verdict)


def _mark(item: ReportedRequirement) -> str:
    if item.waived is not None:
        return " (waived)"
    return " (known)" if item.known else " (not in the baseline)" if item.not_in_baseline else ""


def _finding(finding: ReportedFinding, again: int, cause: int | None) -> list[str]:
    """A finding with its proof; one of a cause that is told above, in a line."""
    where = f"exchanges {', '.join(map(str, finding.evidence))}, fingerprint `{finding.fingerprint}`"
    more = f"; and in {again} more place{'s' if again != 1 else ''} of the history" if again else ""
    if cause is not None:
        return [f"- cause {cause}: {_plain(finding.summary)}; observed: {_plain(finding.observed)}; {where}{more}", ""]
    one_of = f" (at least one of {', '.join(finding.any_of)})" if len(finding.any_of) > 1 else ""
    return [
        f"**{_plain(finding.summary)}**{one_of}",
        "",
        f"- expected: {_plain('; or '.join(finding.expected))}",
        f"- observed: {_plain(finding.observed)}",
        *(f"- {_plain(line)}" for line in finding.argument),
        f"- {where}{more}",
        "",
    ]


def _rows(unsettled: Sequence[ReportedRequirement]) -> list[str]:
    """A row for each requirement; those that are open for one reason share one."""
    return [_row(group) for group in alike(unsettled, _why)]


def _row(group: list[ReportedRequirement]) -> str:
    first, ids = group[0], ", ".join(item.id for item in group)
    about = f"{first.id} {_plain(first.title)}" if len(group) == 1 else f"{len(group)} requirements: {ids}"
    needs = _plain("; ".join(first.reason.needs)) if first.reason else ""
    return f"| {about} | {SIGNS[first.verdict]} | {_plain(reason_of(group, _why))} | {needs} |"


def _why(item: ReportedRequirement) -> str:
    return item.reason.text if item.reason else ""


def _plain(text: str) -> str:
    """A text that a table's cell can hold, whatever a target put in it."""
    folded = " ".join(text.split())
    for char in "\\`*_[]<>|#&~$@":
        folded = folded.replace(char, f"\\{char}")
    return folded
