"""The exit status of a run, from its verdicts: pure functions. JUnit and the pytest items mirror them, item by item."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

from conformance.deciding import HARMLESS_REASONS
from conformance.errors import SuiteError, TargetError
from conformance.report.ids import short
from conformance.report.model import Report, ReportedRequirement
from conformance.stopping import WORDS, status_of

FailOn = Literal["fail", "inconclusive"]

MEANING = {
    0: "every MUST that was chosen passed, or is not applicable, waived, known, or declared absent",
    1: "at least one MUST fails, or a waiver is stale",
    2: "wrong usage or configuration; nothing was sent",
    3: "no MUST fails, and at least one MUST is inconclusive or was not run",
    4: "the target cannot be tested, or the guard stopped the run",
    5: "the suite itself broke, or a report could not be written",
    130: "interrupted; these are the verdicts so far",
    143: "ended from outside; these are the verdicts so far",
}
#: What 0 means where ``--fail-on fail`` lets pass what is not settled.
LENIENT = (
    "no MUST that was chosen fails but what is waived or known (--fail-on fail: what is not settled does not count)"
)
#: What 3 means where some fail, and are excused.
EXCUSED = "no MUST fails but what is waived or known, and at least one MUST is inconclusive or was not run"
#: What 3 means where there was nothing to pass.
NOTHING_APPLIES = "nothing that was chosen applies to this target, so nothing passed"
#: What 3 means where all that was seen passed, and the rest was not waited for.
CUT_SHORT = "no MUST fails, and the run ended before it had done all that it had planned"
#: What 1 means where it is about waivers alone.
STALE = "no MUST fails that counts, but the file of waivers does: a waiver is stale (--stale-waivers warn lets it pass)"
#: Observation of the judges: even an untouched batch is gone, so that nothing that is missing is laid to a retry.
DATA_LOST = "data-lost"
#: The exit status of a run in which a MUST fails.
FAILED = 1
FAILS = "at least one MUST fails"
#: Of several, the first of these counts.
PRECEDENCE = (130, 143, 2, 5, 1, 4, 3, 0)


def of_item(
    item: ReportedRequirement,
    profiles: Collection[str],
    *,
    fail_on: FailOn = "inconclusive",
    known: Collection[str] = (),
) -> int:
    """What one requirement contributes: 0, 1, 3 or 5.

    :param known: fingerprints of findings that a baseline has already; they do not count. A report says so itself
        (``known``, ``not_in_baseline``).
    """
    if item.level != "MUST" or item.profile not in profiles:
        return 0
    waived = item.waived.covers if item.waived is not None else None
    if item.verdict == "error":
        return 5
    if item.not_in_baseline:
        return 0
    if item.verdict == "fail":
        had = item.known or (bool(item.findings) and all(f.fingerprint in known for f in item.findings))
        return 0 if waived == "fail" or had else 1
    if item.verdict in ("inconclusive", "not_run"):
        return 0 if harmless(item) or fail_on == "fail" else 3
    return 0


def of_verdicts(
    requirements: Iterable[ReportedRequirement],
    profiles: Collection[str],
    *,
    fail_on: FailOn = "inconclusive",
    known: Collection[str] = (),
    stale: bool = False,
) -> int:
    """0, 1, 3 or 5.

    :param known: fingerprints of findings that a baseline has already; they do not count.
    :param stale: a waiver is expired, unknown, or for something that passes.
    """
    statuses = {of_item(item, profiles, fail_on=fail_on, known=known) for item in requirements}
    return worst(statuses | {1 if stale else 0})


def of_report(report: Report, *, fail_on: FailOn = "inconclusive", stale: bool = False) -> int:
    """What the verdicts of a report come to: 0, 1, 3, 4 or 5.

    :param stale: as for ``of_verdicts``.
    """
    statuses = {of_verdicts(report.requirements, report.run.profiles, fail_on=fail_on, stale=stale)}
    if nothing_applies(report.chosen) or not report.run.complete:
        statuses.add(3)
    if any(o.key == DATA_LOST for o in report.observations):
        statuses.add(TargetError.exit_status)
    return worst(statuses)


def possible(report: Report) -> frozenset[int]:
    """The exit statuses that come of a report's own verdicts, and of how it says that its run ended."""
    run = report.run
    if run.stopped_by == "not_started":
        return frozenset(PRECEDENCE) - {0}
    judged = of_report(report, fail_on=run.fail_on, stale=bool(run.stale))
    statuses = {worst({judged, status_of(run.stopped_by)})}
    excused = any(item.waived is not None or item.known or item.not_in_baseline for item in report.requirements)
    if run.fail_on == "inconclusive" and not run.stale and not excused:
        # `judge` gives what the verdicts alone come to, and excuses nothing.
        statuses.add(judged)
    # Whatever a run came to, a report that could not be written makes it 5.
    return frozenset(statuses | {worst({status, SuiteError.exit_status}) for status in statuses})


def nothing_applies(chosen: Collection[ReportedRequirement]) -> bool:
    """Whether all that a run was about is not applicable, or declared absent: nothing passed, so the run is not green."""
    return bool(chosen) and all(item.verdict == "not_applicable" or _declared_absent(item) for item in chosen)


def _declared_absent(item: ReportedRequirement) -> bool:
    return item.verdict == "not_run" and item.reason is not None and item.reason.code == "declared-absent"


def harmless(item: ReportedRequirement) -> bool:
    """True if a requirement that is not settled does not count: waived, declared, not selected, or not in the baseline."""
    waived = item.waived is not None and item.waived.covers == item.verdict
    meant = item.reason is not None and item.reason.code in HARMLESS_REASONS
    return waived or meant or item.not_in_baseline


def meaning(report: Report, status: int) -> str:
    """What an exit status means for this report, in words."""
    if status == 1 and report.run.stopped_by == "not_started":
        return WORDS["not_started"]
    if status == 1 and report.run.stale:
        counted = any(of_item(item, report.run.profiles) == 1 for item in report.requirements)
        return f"{FAILS}, and a waiver is stale" if counted else STALE
    if status == 1:
        failed = [item.id for item in report.chosen if item.verdict == "fail" and item.level == "MUST"]
        own = _counting(report, 1)
        return FAILS if own in ([], failed) else f"{FAILS} that is not waived or known: {short(own)}"
    if status == 3 and nothing_applies(report.chosen):
        return NOTHING_APPLIES
    if status == 3 and not report.run.complete and of_verdicts(report.requirements, report.run.profiles) == 0:
        stopped = WORDS.get(report.run.stopped_by, "")
        return f"{CUT_SHORT} ({stopped})" if stopped else CUT_SHORT
    if status == 3 and any(item.verdict == "fail" and item.level == "MUST" for item in report.chosen):
        return f"{EXCUSED}: {short(_counting(report, 3))}"
    known = {finding.fingerprint for item in report.requirements for finding in item.findings}
    if status == 0 and of_verdicts(report.requirements, report.run.profiles, known=known) == 3:
        return LENIENT
    said = MEANING.get(status, "unknown")
    stopped = WORDS.get(report.run.stopped_by, "")
    return f"{said} ({stopped})" if stopped and status in (3, 4, 5) else said


def _counting(report: Report, status: int) -> list[str]:
    """The requirements that make it this status."""
    return [item.id for item in report.chosen if of_item(item, report.run.profiles) == status]


def worst(statuses: Collection[int]) -> int:
    """Of several statuses, the one that counts."""
    return min(statuses, key=PRECEDENCE.index)
