"""What every opinion of a judge keeps to, whatever it says: ``Story.opinions`` checks it in every test that tells a story."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from conformance.catalogue import load
from conformance.findings import Assumption, Doubt, DoubtReason, Finding, Observation, Opinion
from conformance.history.records import History

REQUIREMENTS = frozenset(requirement.id for requirement in load().requirements)
AXIOMS = frozenset(("A1", "A2a", "A2b", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A10"))
#: Observations that are about more than some exchanges.
UNSHOWN = ("axiom-broken", "provider-state")
_NUMBERS = re.compile(r"\b(?:answer|calls?|exchange|pages?|reads?|retry|retries) ((?:\d+(?:, | and | to )?)+)")
#: What stands in a text where a value is missing, or a template was not filled in.
_NO_WORD = re.compile(r"\bNone\b|\{observed\}|\{\{")


def flaws(history: History, opinions: Iterable[Opinion]) -> list[str]:
    """What is wrong with opinions about a history, whether or not they hold; empty if nothing is."""
    numbers = frozenset(e.n for e in history.exchanges)
    scenarios = frozenset(e.invoke.scenario for e in history.exchanges)
    return [
        f"{flaw}: {opinion}"
        for opinion in opinions
        for flaw in (
            *_shared(opinion, numbers),
            *(_finding(opinion, scenarios, _sources(history)) if isinstance(opinion, Finding) else ()),
            *(_doubt(opinion) if isinstance(opinion, Doubt) else ()),
        )
    ]


def _shared(opinion: Opinion, numbers: frozenset[int]) -> Iterator[str]:
    if not set(opinion.evidence) <= numbers:
        yield "evidence that is no exchange"
    lines = opinion.argument if isinstance(opinion, Finding) else (opinion.text,) if isinstance(opinion, Doubt) else ()
    cited = {int(n) for line in lines for found in _NUMBERS.findall(line) for n in re.findall(r"\d+", found)}
    needed = bool(cited) if isinstance(opinion, Doubt) else getattr(opinion, "key", "") not in UNSHOWN
    if needed and not opinion.evidence:
        yield "no evidence"
    if isinstance(opinion, Finding) and not cited <= set(opinion.evidence):
        yield f"it cites {cited - set(opinion.evidence)}"
    if isinstance(opinion, Observation):
        if not re.fullmatch(r"[a-z0-9-]+", opinion.key):
            yield "no key of an observation"
        return
    named = opinion.any_of if isinstance(opinion, Finding) else (opinion.requirement,)
    if not named or not set(named) <= REQUIREMENTS:
        yield "no requirement"


def _finding(finding: Finding, scenarios: frozenset[str], sources: frozenset[str]) -> Iterator[str]:
    texts = (finding.summary, finding.subject, finding.observed, finding.counterfactual, finding.slack)
    if any(_NO_WORD.search(text) for text in (finding.summary, finding.subject, finding.counterfactual)):
        yield "a text that is none"
    if not finding.argument or not finding.expected or not all((*texts[:4], *finding.argument, *finding.expected)):
        yield "a text is missing"
    if finding.subject.startswith(":"):
        yield "a defect without a subject"
    if finding.scenario not in scenarios:
        yield "no scenario"
    for assumed in finding.assumptions:
        if assumed.axiom not in AXIOMS or not _about(assumed, sources):
            yield f"no assumption {assumed}"
    if finding.slack and not finding.slack.startswith("holds if "):
        yield "no slack"


def _about(assumed: Assumption, sources: frozenset[str]) -> bool:
    source = assumed.source.removeprefix("single send of ")
    return not source or source in sources or source.partition(".")[0] in sources


def _doubt(doubt: Doubt) -> Iterator[str]:
    if doubt.reason not in tuple(DoubtReason):
        yield "no reason"
    elif doubt.reason is DoubtReason.SUITE_ERROR:
        yield "a judge broke"
    if not doubt.text or _NO_WORD.search(doubt.text):
        yield "a text that is none"


def _sources(history: History) -> frozenset[str]:
    """What an assumption may be about: operations, batches and messages."""
    found: set[str] = set()
    for exchange in history.exchanges:
        invoke, body = exchange.invoke, exchange.end.body
        found |= {invoke.operation, invoke.batch or "", invoke.message or ""}
        items = [body] if isinstance(body, dict) else []
        for item in items:
            found |= {str(item.get(name, "")) for name in ("id", "batchId")}
            rows = item.get("data")
            items += [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
            shown = item.get("batches")
            items += [row for row in shown if isinstance(row, dict)] if isinstance(shown, list) else []
    return frozenset(found)
