"""If a report is what its history gives: the history is judged again, and the two are held side by side. Pure.

That shows consistency, not origin: whoever can write a history can write another one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from conformance import __version__
from conformance.catalogue import load
from conformance.deciding import decide
from conformance.exit_status import of_verdicts
from conformance.history import totals
from conformance.history.records import History
from conformance.judges import judge
from conformance.report.build import build
from conformance.report.clean import one_line
from conformance.report.model import Report, ReportedFinding, ReportedObservation, ReportedRequirement

#: Differences that are told at most.
MOST = 40


@dataclass(frozen=True)
class Agreement:
    """What came of it, in lines."""

    same: bool
    lines: tuple[str, ...]


def agreement(report: Report, history: History, content: bytes) -> Agreement:
    """Judge the history under the report's contract, and compare.

    :param content: the bytes of the history's file.
    :raises UsageError: this suite does not judge by the contract that the report names.
    """
    catalogue = load(report.suite.contract_version)
    digest = hashlib.sha256(content).hexdigest()
    again = build(
        history,
        decide(history, judge(history, catalogue), catalogue),
        catalogue,
        finished=totals.finished(history) or report.run.finished,
        exit_status=report.run.exit_status,
        history_sha256=digest,
        messages=report.run.messages,
    )
    wrong = [one_line(line, 300) for line in _differences(report, again)]
    if not wrong:
        said = f"the report is what this history gives under contract {report.suite.contract_version}: {report.verdict}"
        note = "this shows that the two agree; it does not show where the history came from"
        return Agreement(True, (said, note))
    lines = [f"differs: {line}" for line in wrong[:MOST]]
    if len(wrong) > MOST:
        lines.append(f"and {len(wrong) - MOST} more differences")
    if report.suite.version != __version__:
        lines.append(
            f"the report was written by suite {report.suite.version}; this is {__version__}, whose judges may differ"
        )
    lines.append("the report is not what this history gives")
    return Agreement(False, tuple(lines))


def _differences(report: Report, again: Report) -> Iterator[str]:
    if report.run.history_sha256 != again.run.history_sha256:
        yield f"the report is of a history with sha256 {report.run.history_sha256}, this one has {again.run.history_sha256}"
    told = {
        "run.id": (report.run.id, again.run.id),
        "run.started": (report.run.started, again.run.started),
        "run.complete": (report.run.complete, again.run.complete),
        "run.calls": (report.run.calls, again.run.calls),
        "run.profiles": (report.run.profiles, again.run.profiles),
        "run.seed": (report.run.seed, again.run.seed),
        "target.base_url": (report.target.base_url, again.target.base_url),
        "target.campaign_id": (report.target.campaign_id, again.target.campaign_id),
    }
    for name, (said, gives) in told.items():
        if said != gives:
            yield f"{name} is {said} in the report, and {gives} by the history"
    # A run that broke or ended early does not say that its target conforms, whatever the verdicts are.
    if report.verdict != again.verdict and not (
        report.run.exit_status not in (0, 1, 3) and again.verdict == "conformant"
    ):
        yield f"the verdict is {report.verdict} in the report, and {again.verdict} by the history"
    yield from _requirements(report, again)
    yield from _prose(report, again)
    possible = {
        of_verdicts(report.requirements, report.run.profiles, fail_on=fail_on, known=known, stale=stale)
        for fail_on in ("fail", "inconclusive")
        for stale in (False, True)
        for known in ((), _known(report))
    }
    if report.run.exit_status in (0, 1, 3) and report.run.exit_status not in possible:
        yield f"exit status {report.run.exit_status} does not come of these verdicts"


def _prose(report: Report, again: Report) -> Iterator[str]:
    """What a report tells besides: its causes, which may be fewer where some are waived or known, and its observations."""
    gives = {cause.evidence: one_line(cause.headline) for cause in again.causes}
    for cause in report.causes:
        if gives.get(cause.evidence) != one_line(cause.headline):
            yield f"cause {cause.number} is told otherwise in the report than by the history"
    if len(report.causes) < len(again.causes) and not any(i.known or i.waived for i in report.requirements):
        yield f"the report tells {len(report.causes)} causes, and the history gives {len(again.causes)}"
    if list(map(_told, report.observations)) != list(map(_told, again.observations)):
        yield "the observations are others in the report than by the history"


def _told(observation: ReportedObservation) -> tuple[str, str, tuple[int, ...]]:
    return observation.key, one_line(str(observation.value)), observation.evidence


def _known(report: Report) -> frozenset[str]:
    return frozenset(f.fingerprint for item in report.requirements if item.known for f in item.findings)


def _requirements(report: Report, again: Report) -> Iterator[str]:
    said = {item.id: item for item in report.requirements}
    gives = {item.id: item for item in again.requirements}
    for name in sorted(said.keys() ^ gives.keys()):
        yield f"{name} is {'not in the report' if name not in said else 'in the report, and not in its contract'}"
    for name, item in gives.items():
        if name in said:
            yield from _requirement(said[name], item)


def _requirement(said: ReportedRequirement, gives: ReportedRequirement) -> Iterator[str]:
    if said.verdict != gives.verdict:
        yield f"{said.id} is {said.verdict} in the report, and {gives.verdict} by the history"
        return
    if (said.level, said.profile) != (gives.level, gives.profile):
        yield f"{said.id} is {said.level}, {said.profile} in the report, and {gives.level}, {gives.profile} in the contract"
    if list(map(_essence, said.findings)) != list(map(_essence, gives.findings)):
        yield f"{said.id} has other findings in the report ({len(said.findings)}) than by the history ({len(gives.findings)})"
    if (said.reason and said.reason.code) != (gives.reason and gives.reason.code):
        yield f"{said.id} has another reason in the report than by the history"


def _essence(finding: ReportedFinding) -> tuple[object, ...]:
    return (
        one_line(finding.summary),
        tuple(map(one_line, finding.argument)),
        one_line(finding.observed),
        finding.any_of,
        finding.axioms,
        finding.fingerprint,
        finding.evidence,
    )
