"""Recorded failures, one for each requirement: what the pages of ``docs/requirements`` show. ``python -m benchmarks.examples``
records them."""

from __future__ import annotations

from pathlib import Path

import msgspec

from conformance.errors import FormatError
from conformance.history.records import History
from conformance.report.model import Report, ReportedFinding
from conformance.report.timeline import Timeline, timeline


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """One failure of a run against the reference target with a fault."""

    requirement: str
    fault: str
    #: When the run began: the drawing's times count from there.
    started: str
    #: What happened, in a sentence.
    headline: str
    #: Requirements of which at least one is violated.
    any_of: tuple[str, ...]
    expected: tuple[str, ...]
    observed: str
    argument: tuple[str, ...]
    slack: str
    axioms: tuple[str, ...]
    evidence: tuple[int, ...]
    timeline: Timeline | None


def example(requirement: str, fault: str, report: Report, history: History) -> Example | None:
    """The finding that tells a requirement's failure best; None if none names it."""
    named = [f for item in report.requirements for f in item.findings if requirement in f.any_of]
    if not named:
        return None
    headlines = {cause.fingerprint: cause.headline for cause in report.causes}
    finding = min(named, key=lambda f: (len(f.any_of), f.fingerprint not in headlines, len(f.evidence)))
    return Example(
        requirement=requirement,
        fault=fault,
        started=history.header.started,
        headline=headlines.get(finding.fingerprint) or _sentence(finding),
        any_of=finding.any_of,
        expected=finding.expected,
        observed=finding.observed,
        argument=finding.argument,
        slack=finding.slack,
        axioms=finding.axioms,
        evidence=finding.evidence,
        timeline=timeline(history, finding.evidence, f"observed: {finding.observed}"),
    )


def _sentence(finding: ReportedFinding) -> str:
    return f"{finding.summary[:1].upper()}{finding.summary[1:]}"


def read_examples(path: Path) -> dict[str, Example]:
    """The examples of a file, by requirement.

    :raises FormatError: it is none.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=tuple[Example, ...])
    except OSError as error:
        raise FormatError(
            f"cannot be read ({error.strerror})", where=str(path), hint="give a file of examples"
        ) from None
    except msgspec.DecodeError as error:
        raise FormatError(f"holds no examples ({error})", where=str(path), hint="record them anew") from None
    return {one.requirement: one for one in found}
