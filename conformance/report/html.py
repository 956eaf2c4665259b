"""What a page of pytest-html shows of the suite: the verdict, the causes, columns, the evidence inside a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from conformance.catalogue import Requirement, load
from conformance.exit_status import meaning
from conformance.history.records import History
from conformance.report.about import exercised
from conformance.report.exchange_table import exchange_table
from conformance.report.model import Report, ReportedFinding, ReportedRequirement
from conformance.report.racing import in_words
from conformance.report.story import again_with, distinct, provided
from conformance.report.summary import observations
from conformance.report.verdict_line import scope_line, verdict_line
from conformance.verdicts import ORDER

_COLOURS = {
    "fail": "#b3261e",
    "error": "#5b3a8e",
    "inconclusive": "#8a5a00",
    "not_run": "#555",
    "pass": "#2b7a3d",
    "not_applicable": "#777",
}
_STYLE = """<style>
.cf .verdict{font-size:1.5em;font-weight:700}.cf p{margin:.3em 0}
.cf table,.cf-e table{border-collapse:collapse;margin:.5em 0;font-size:13px}
.cf td,.cf th,.cf-e td,.cf-e th{border:1px solid #ddd;padding:3px 8px;text-align:left;vertical-align:top;color:#222}
.cf-e{padding:.3em .8em;font-size:13px;line-height:1.45}
.cf-e dt{font-weight:600;margin-top:.5em}.cf-e dd{margin:0 0 0 1em}
.col-result[data-verdict]{font-size:0}
.col-result[data-verdict]::after{content:attr(data-verdict)!important;font-size:13px;font-weight:700;color:inherit!important}
.col-requirement b{white-space:nowrap}
</style>"""


def headline(report: Report) -> str:
    """The block above the table."""
    run = report.run
    counts = {name: sum(item.verdict == name for item in report.chosen) for name in ORDER}
    left_out = f" · {report.left_out} not part of this run" if report.left_out else ""
    shown = " · ".join(
        f'<span style="color:{_COLOURS[name]}"><b>{count}</b> {name.replace("_", " ")}</span>'
        for name, count in counts.items()
        if count
    )
    rows = {
        "Target": report.target.words,
        "Exit status": f"{run.exit_status}: {meaning(report, run.exit_status)}",
        "Run": f"{run.spent}, {run.started} to {run.finished}",
        "How": f"seed {run.seed}, depth {run.depth}, profiles {', '.join(run.profiles)}, drivers {', '.join(run.drivers)}",
        "Suite": f"{' '.join((report.suite.version, report.suite.commit[:12]))}, contract {report.suite.contract_version}",
        "Races": in_words(report.races) or "none",
    }
    rows |= {"Note": "; ".join(run.remarks)} if run.remarks else {}
    table = "".join(f"<tr><th>{name}</th><td>{escape(text)}</td></tr>" for name, text in rows.items())
    table += f"<tr><th>Readings</th><td>{_readings(report)}</td></tr>"
    good = _COLOURS["fail" if run.exit_status else "pass"]
    colour = {"conformant": good, "nonconformant": _COLOURS["fail"]}.get(report.verdict, "#8a5a00")
    return (
        f'{_STYLE}<div class="cf"><p class="verdict" style="color:{colour}">{escape(verdict_line(report))}</p>{_detail(report)}'
        f"<p>{shown}{left_out}</p>{_causes(report)}<table>{table}</table></div>"
    )


def _detail(report: Report) -> str:
    scope = scope_line(report)
    return f"<p>{escape(scope)}</p>" if scope else ""


def _causes(report: Report) -> str:
    """The headlines of the causes; report.html tells them in full."""
    items = "".join(
        f"<li>{escape(cause.headline)} ({escape(', '.join(cause.requirements))})</li>" for cause in report.causes
    )
    return f"<p>Causes, told in full in report.html next to conformance.json:</p><ol>{items}</ol>" if items else ""


def _readings(report: Report) -> str:
    """Which legal readings the target follows, as a list that is folded away."""
    told = observations(report)
    if not told:
        return "none observed"
    items = "".join(f"<li>{escape(text)}</li>" for text in told)
    return f"<details><summary>{len(told)} observed</summary><ul>{items}</ul></details>"


def cells_of(about: Mapping[str, Any], cells: Sequence[str]) -> list[str]:
    """The cells of one row: those of pytest-html, with the requirement and the reason next to the test's name."""
    verdict = str(about["verdict"])
    colour = _COLOURS.get(verdict, "#333")
    # pytest-html takes the row's outcome from the text of its first cell: keep it, and show the verdict by style.
    words = verdict.replace("_", " ")
    first = cells[0].replace("<td ", f'<td data-verdict="{words}" style="color:{colour}" ', 1)
    named = (
        f"<b>{escape(str(about['requirement']))}</b> ({escape(str(about['level']))})<br>{escape(str(about['title']))}"
    )
    ours = [f'<td class="col-requirement">{named}</td>', f"<td>{escape(str(about.get('why', '')))}</td>"]
    return [first, *cells[1:2], *ours, *cells[2:]]


def evidence(item: ReportedRequirement, requirement: Requirement, history: History | None) -> str:
    """What stands inside a row."""
    parts = [f"<dt>Rule ({item.level}, {item.profile})</dt><dd>{escape(requirement.sentence)}</dd>"]
    if item.reason is not None:
        needs = "".join(f"<li>{escape(need)}</li>" for need in item.reason.needs)
        text = f"{escape(item.reason.text)} [{escape(item.reason.code)}]"
        parts.append(
            f"<dt>Why {item.verdict.replace('_', ' ')}</dt><dd>{text}{f'<ul>{needs}</ul>' if needs else ''}</dd>"
        )
    if item.known:
        parts.append("<dt>Known</dt><dd>The baseline fails there already.</dd>")
    if item.not_in_baseline:
        parts.append("<dt>New</dt><dd>The baseline does not list it: it does not count.</dd>")
    if item.waived is not None:
        parts.append(f"<dt>Waived until {escape(item.waived.expires)}</dt><dd>{escape(item.waived.reason)}</dd>")
    parts += [_finding(f, again) for f, again in distinct(item.findings)]
    if item.verdict == "pass":
        times = escape(exercised(item.exercised, item.shown_with))
        parts.append(f"<dt>Exercised</dt><dd>{escape(requirement.exercised_when)}: {times}</dd>")
    if history is not None and item.evidence:
        told = tuple(dict.fromkeys(n for finding, _ in distinct(item.findings) for n in finding.evidence))
        parts.append(exchange_table(history, told or item.evidence))
    sources = "".join(
        f'<li><a href="{escape(s.address)}">{escape(s.title)}</a></li>' if s.address else f"<li>{escape(s.title)}</li>"
        for s in requirement.sources
    )
    rulings = load().rulings
    allowed = "".join(f"<li>{number}: {escape(rulings[number])}</li>" for number in requirement.rulings)
    if allowed:
        parts.append(f"<dt>Rulings: what passes all the same</dt><dd><ul>{allowed}</ul></dd>")
    parts.append(f"<dt>Sources</dt><dd><ul>{sources}</ul></dd>")
    return f'<div class="cf-e"><dl>{"".join(parts)}</dl></div>'


def _finding(finding: ReportedFinding, again: Sequence[ReportedFinding]) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in finding.argument)
    one_of = (
        f"<p>At least one of {escape(', '.join(finding.any_of))} is violated.</p>" if len(finding.any_of) > 1 else ""
    )
    expected = "<br>or ".join(escape(e) for e in finding.expected)
    replay = f"<p>Again: <code>{escape(again_with(finding.program))}</code></p>" if finding.program else ""
    also = f", and in {len(again)} more places of the history" if again else ""
    foot = " · ".join(
        escape(text)
        for text in (
            provided(finding.slack),
            f"rests on {', '.join(finding.axioms)}" if finding.axioms else "",
            finding.counterfactual,
        )
        if text
    )
    return (
        f"<dt>{escape(finding.summary)}</dt><dd>{one_of}<b>Expected</b> {expected}<br>"
        f"<b>Observed</b> {escape(finding.observed)}"
        f"<ol>{lines}</ol><p>{foot}</p>{replay}"
        f"<p>Fingerprint <code>{escape(finding.fingerprint)}</code>{also}</p></dd>"
    )
