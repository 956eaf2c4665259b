"""From a report and its history to report.html. Pure, but for reading the template that ships with the package."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup

from conformance.catalogue import Catalogue
from conformance.exit_status import meaning
from conformance.history.records import Exchange, History
from conformance.report import exchange_text
from conformance.report.cause_lines import causes_of, followed
from conformance.report.causes import lead
from conformance.report.clean import harmless, one_line
from conformance.report.clock import Clock
from conformance.report.concern import concern
from conformance.report.model import Cause, Report, ReportedFinding, ReportedRequirement
from conformance.report.racing import in_words
from conformance.report.story import WORDS, again_with, distinct, why
from conformance.report.summary import observations
from conformance.report.ticket import about_time
from conformance.report.timeline import svg, timeline
from conformance.report.verdict_line import scope_line, verdict_line
from conformance.verdicts import ORDER
from conformance.verdicts.shown import sent

#: Characters of one body, and of all exchanges that are shown in full.
MOST_BODY = 8_000
MOST_EXCHANGES = 1_000_000
#: Defects of one requirement that are told in full; causes that are.
MOST_FINDINGS = 8
MOST_CAUSES = 40


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("conformance.report.page", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_clean,
    )


def _clean(value: Any) -> Any:
    """Texts of a target as they may stand in a page, and what was made of them: no control characters."""
    if isinstance(value, Markup):
        return Markup(harmless(str(value)))
    return harmless(value) if isinstance(value, str) else value


def page(report: Report, history: History, catalogue: Catalogue) -> str:
    """report.html.

    :param history: what the report was made from; exchanges that a cause cites are shown in full.
    """
    clock = Clock(history.header.started)
    exchanges = _exchanges(report, history)
    told = report.causes[:MOST_CAUSES]
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            run=report.run,
            style=Markup(_source("timeline.css") + _source("style.css")),
            script=Markup(_source("filter.js")),
            verdict=verdict_line(report),
            scope=scope_line(report),
            meaning=meaning(report, report.run.exit_status),
            counts=[(name, sum(i.verdict == name for i in report.chosen)) for name in ORDER],
            causes=[_cause(cause, report, history, clock, catalogue) for cause in told],
            more_causes=len(report.causes) - len(told),
            requirements=[
                _requirement(item, report, catalogue)
                for item in sorted(report.chosen, key=lambda i: ORDER.index(i.verdict))
            ],
            races=in_words(report.races),
            observations=[one_line(text) for text in observations(report)],
            exchanges=exchanges,
            cited={one["n"] for one in exchanges},
            words=WORDS,
        )
    )


def _ordered(report: Report) -> list[ReportedRequirement]:
    """What the run was about, the worst verdicts first."""
    return sorted(report.chosen, key=lambda item: ORDER.index(item.verdict))


def _source(name: str) -> str:
    source, _, _ = jinja2.PackageLoader("conformance.report.page", ".").get_source(_environment(), name)
    return source


def _cause(cause: Cause, report: Report, history: History, clock: Clock, catalogue: Catalogue) -> dict[str, Any]:
    finding = lead(report.requirements, cause)
    drawn = timeline(history, cause.evidence, f"observed: {finding.observed}")
    known = {r.id: r for r in catalogue.requirements}
    return {
        "cause": cause,
        "finding": finding,
        "when": about_time(cause.at),
        "svg": Markup(svg(drawn, clock, f"tl{cause.number}")) if drawn is not None else "",
        "timeline": drawn,
        "clock": clock,
        "again": again_with(finding.program) if finding.program else "",
        "requirements": [(name, known[name].title if name in known else "") for name in cause.requirements],
        "sources": [s for name in cause.requirements[:1] if name in known for s in known[name].sources],
    }


def _requirement(item: ReportedRequirement, report: Report, catalogue: Catalogue) -> dict[str, Any]:
    known = {r.id: r for r in catalogue.requirements}
    told = distinct(item.findings)
    follows = followed(report, item.id) if item.verdict == "inconclusive" else None
    return {
        "item": item,
        "sentence": known[item.id].sentence if item.id in known else "",
        "why": item.reason.text if follows is not None and item.reason is not None else why(item),
        "causes": (follows,) if follows is not None else causes_of(report, item.id) if item.verdict == "fail" else (),
        "follows": follows is not None,
        "findings": told[:MOST_FINDINGS],
        "more": len(told) - MOST_FINDINGS,
        "cause_of": {f.fingerprint: _cause_of(f, report) for f, _ in told},
    }


def _cause_of(finding: ReportedFinding, report: Report) -> int | None:
    return next((c.number for c in report.causes if finding.fingerprint in c.findings), None)


def _exchanges(report: Report, history: History) -> list[dict[str, Any]]:
    """What causes and then other findings cite, in full as far as there is room; of what is left out `show N` prints all."""
    wanted = dict.fromkeys(n for cause in report.causes[:MOST_CAUSES] for n in cause.evidence)
    by_number = {e.n: e for e in history.exchanges}
    clock = Clock(history.header.started)
    found: list[dict[str, Any]] = []
    room = MOST_EXCHANGES
    told = [f for item in report.chosen for f, _ in distinct(item.findings)[:MOST_FINDINGS]]
    # What several proofs cite is shown with the rows of each.
    beside: dict[int, set[int]] = {}
    for evidence in (*(cause.evidence for cause in report.causes), *(finding.evidence for finding in told)):
        for n in evidence:
            beside.setdefault(n, set()).update(evidence)
    rows = sent(history)
    for n in dict.fromkeys((*_first_of_each(report, wanted), *(n for finding in told for n in finding.evidence))):
        if n not in by_number:
            continue
        about = concern(rows, beside[n])
        text = exchange_text.full(by_number[n], history.header, most=min(MOST_BODY, room), about=about)
        if room < len(text):
            break
        room -= len(text)
        found.append({"n": n, "line": _line(by_number[n], clock), "text": text})
    return sorted(found, key=lambda one: int(one["n"]))


def _first_of_each(report: Report, wanted: dict[int, None]) -> Sequence[int]:
    """The cited numbers, each cause's first ones before any cause's later ones."""
    longest = max((len(c.evidence) for c in report.causes), default=0)
    turns = [c.evidence[i] for i in range(longest) for c in report.causes if i < len(c.evidence)]
    return list(dict.fromkeys(n for n in turns if n in wanted))


def _line(exchange: Exchange, clock: Clock) -> str:
    return one_line(exchange_text.line(exchange, clock), 200)
