"""A ticket for each cause, in Markdown: what somebody needs who never saw this suite. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.catalogue import Catalogue
from conformance.history.records import Exchange, History
from conformance.report import exchange_text
from conformance.report.causes import lead
from conformance.report.clean import one_line
from conformance.report.concern import concern
from conformance.report.model import Cause, Report
from conformance.report.story import again_with, provided
from conformance.verdicts.shown import sent

#: Exchanges that a ticket shows in full, and characters of a body in it.
MOST_EXCHANGES = 6
MOST_BODY = 1500


def about_time(at: str) -> str:
    """A time for people: ``2026-01-01 08:00:00.123 UTC``."""
    return f"{at.replace('T', ' ').removesuffix('Z')} UTC"


def ticket(report: Report, cause: Cause, history: History | None, catalogue: Catalogue) -> str:
    """The ticket of a cause.

    :param history: what the report was made from; without it requests and answers are left out.
    """
    lines = [f"## {plain(cause.headline)}", "", *block(report, cause, catalogue), *_exchanges(cause, history)]
    return "\n".join(lines)


def block(report: Report, cause: Cause, catalogue: Catalogue) -> list[str]:
    """The ticket without its headline, and without requests and answers."""
    finding = lead(report.requirements, cause)
    known = {r.id: r for r in catalogue.requirements}
    broken = [known[name] for name in cause.requirements if name in known]
    return [
        f"- **Expected:** {plain('; or '.join(finding.expected))}",
        f"- **Observed:** {plain(finding.observed)}",
        f"- **When:** {about_time(cause.at)}, in {cause.times} place{'s' if cause.times != 1 else ''} of the run",
        f"- **Target:** {plain(report.target.words)}",
        f"- **Breaks:** {', '.join(cause.requirements)} (contract {report.suite.contract_version})",
        f"- **Run:** {plain(report.run.id)}, exchanges {', '.join(map(str, cause.evidence))}, fingerprint `{cause.fingerprint}`",
        "",
        "**Why this follows**",
        "",
        *(f"1. {plain(line)}" for line in finding.argument),
        f"1. {plain(provided(finding.slack))}",
        "",
        "**Requirement**",
        "",
        *(f"- {r.id}: {plain(r.sentence)}{_sources(r.sources)}" for r in broken),
        "",
        "**Reproduce**",
        "",
        *_reproduce(cause, finding.program),
        "",
    ]


def _sources(sources: Sequence[object]) -> str:
    told = [
        f"[{plain(str(getattr(s, 'title', '')))}]({getattr(s, 'address', '')})"
        for s in sources
        if getattr(s, "address", "")
    ]
    return f" — {', '.join(told)}" if told else ""


def _reproduce(cause: Cause, program: str) -> list[str]:
    lines = []
    if cause.script:
        lines.append(f"- `sh {cause.script}` next to the report; it asks before it texts anybody")
    if program:
        lines.append(f"- `{again_with(program)}`")
    return lines or ["- run the suite again; there is no program for this one"]


def _exchanges(cause: Cause, history: History | None) -> list[str]:
    if history is None:
        return []
    wanted = set(cause.evidence)
    found: list[Exchange] = [e for e in history.exchanges if e.n in wanted]
    about = concern(sent(history), cause.evidence)
    lines = ["**Requests and answers**", ""]
    for exchange in found[:MOST_EXCHANGES]:
        text = exchange_text.full(exchange, history.header, most=MOST_BODY, about=about)
        lines += ["```text", text.rstrip().replace("```", "'''"), "```", ""]
    if len(found) > MOST_EXCHANGES:
        lines += [f"{len(found) - MOST_EXCHANGES} more: `retry-conformance show N --history history.jsonl`", ""]
    return lines


def plain(text: str) -> str:
    """A text as Markdown shows it, whatever a target put in it."""
    folded = one_line(text)
    for char in "\\`*_[]<>|#&~$@":
        folded = folded.replace(char, f"\\{char}")
    return folded
