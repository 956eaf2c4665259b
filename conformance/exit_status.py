"""The exit status of a run, from its verdicts: one pure function."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

from conformance.deciding import HARMLESS_REASONS
from conformance.report.model import Report, ReportedRequirement

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
#: Of several, the first of these counts.
PRECEDENCE = (130, 143, 2, 5, 1, 4, 3, 0)


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
    statuses = {1 if stale else 0}
    for item in requirements:
        if item.level != "MUST" or item.profile not in profiles:
            continue
        waived = item.waived.covers if item.waived is not None else None
        if item.verdict == "error":
            statuses.add(5)
        elif item.not_in_baseline:
            continue
        elif item.verdict == "fail":
            excused = waived == "fail" or (item.findings and all(f.fingerprint in known for f in item.findings))
            statuses.add(0 if excused else 1)
        elif item.verdict in ("inconclusive", "not_run"):
            statuses.add(0 if harmless(item) or fail_on == "fail" else 3)
    return worst(statuses)


def harmless(item: ReportedRequirement) -> bool:
    """True if a requirement that is not settled does not count: waived, declared, not selected, or not in the baseline."""
    waived = item.waived is not None and item.waived.covers == item.verdict
    meant = item.reason is not None and item.reason.code in HARMLESS_REASONS
    return waived or meant or item.not_in_baseline


def meaning(report: Report, status: int) -> str:
    """What an exit status means for this report, in words."""
    known = {finding.fingerprint for item in report.requirements for finding in item.findings}
    lenient = status == 0 and of_verdicts(report.requirements, report.run.profiles, known=known) == 3
    if status == 3 and any(item.verdict == "fail" and item.level == "MUST" for item in report.chosen):
        return EXCUSED
    return LENIENT if lenient else MEANING.get(status, "unknown")


def worst(statuses: Collection[int]) -> int:
    """Of several statuses, the one that counts."""
    return min(statuses, key=PRECEDENCE.index)
