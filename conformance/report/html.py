"""What report.html shows beyond pytest-html's own: the headline, the rows, the evidence inside a row."""

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
from conformance.report.story import again_with, distinct
from conformance.report.summary import headline as verdict_of
from conformance.report.summary import observations
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
body{font-family:system-ui,sans-serif;max-width:1200px;margin:1em auto;padding:0 1em;min-width:0}
#environment-header,#environment,.summary__reload__button,.run-count,.filter,.controls{display:none!important}
.cf h2{margin:.2em 0}.cf p{margin:.3em 0}.cf .verdict{font-size:1.5em;font-weight:700}
.cf table,.cf-e table{border-collapse:collapse;margin:.5em 0;font-size:13px}
.cf td,.cf th,.cf-e td,.cf-e th{border:1px solid #ddd;padding:3px 8px;text-align:left;vertical-align:top}
.cf-e{padding:.3em .8em;font-size:13px;line-height:1.45}
.cf-e pre{white-space:pre-wrap;word-break:break-word;background:#f6f6f6;padding:6px}
.cf-e dt{font-weight:600;margin-top:.5em}.cf-e dd{margin:0 0 0 1em}.cf-v{font-weight:700;white-space:nowrap}
.collapsible .col-result{font-size:0}
.collapsible .col-result::after{content:attr(data-verdict)!important;font-size:13px;font-weight:700;color:inherit!important}
#results-table td,#results-table th,.cf td,.cf th{color:#222}
.col-requirement b{white-space:nowrap}.col-requirement span{color:#333}
#results-table{font-size:13px;width:100%}.logwrapper,.media{display:none!important}
.log{max-height:none!important;height:auto!important;font-family:inherit!important;white-space:normal!important;background:#fff!important}
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
        "Run": f"{run.calls} calls, {run.messages} messages, {run.started} to {run.finished}",
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
        f'{_STYLE}<div class="cf"><p class="verdict" style="color:{colour}">{escape(verdict_of(report))}</p>{_detail(report)}'
        f"<p>{shown}{left_out}</p><table>{table}</table></div>"
    )


def _detail(report: Report) -> str:
    return f"<p>{escape(report.about.detail)}</p>" if report.about is not None and report.about.detail else ""


def _readings(report: Report) -> str:
    """Which legal readings the target follows, as a list that is folded away."""
    told = observations(report)
    if not told:
        return "none observed"
    items = "".join(f"<li>{escape(text)}</li>" for text in told)
    return f"<details><summary>{len(told)} observed</summary><ul>{items}</ul></details>"


def cells_of(about: Mapping[str, Any], result_cell: str) -> list[str]:
    """The cells of one row: verdict, requirement, profile, and why."""
    verdict = str(about["verdict"])
    colour = _COLOURS.get(verdict, "#333")
    # pytest-html takes the row's outcome from the text of its first cell: keep it, and show the verdict by style.
    words = verdict.replace("_", " ")
    first = result_cell.replace("<td ", f'<td data-verdict="{words}" style="color:{colour}" ', 1)
    named = f"<b>{escape(str(about['requirement']))}</b><br><span>{escape(str(about['title']))}</span>"
    return [
        first,
        f'<td class="col-requirement">{named}</td>',
        f'<td class="col-profile">{escape(str(about["profile"]))}<br>{escape(str(about["level"]))}</td>',
        f"<td>{escape(str(about.get('why', '')))}</td>",
    ]


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
    commands = escape("\n".join(finding.curl))
    foot = " · ".join(
        escape(text)
        for text in (
            finding.slack,
            f"rests on {', '.join(finding.axioms)}" if finding.axioms else "",
            finding.counterfactual,
        )
        if text
    )
    return (
        f"<dt>{escape(finding.summary)}</dt><dd>{one_of}<b>Expected</b> {expected}<br>"
        f"<b>Observed</b> {escape(finding.observed)}"
        f"<ol>{lines}</ol><p>{foot}</p>{replay}<pre>{commands}</pre>"
        f"<p>Fingerprint <code>{escape(finding.fingerprint)}</code>{also}</p></dd>"
    )
