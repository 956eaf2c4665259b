"""The verdict in one line that agrees with the exit status. Pure.

conformant: all 52                                      0
no failure; 2 of 52 not settled: BR-SEC-02, -03         3
no failure; 3 of 49 not checked: no second campaign …   3
nonconformant: 3 causes, 6 requirements                 1
"""

from __future__ import annotations

from collections.abc import Sequence

from conformance.exit_status import harmless
from conformance.report.ids import short
from conformance.report.model import Report, ReportedRequirement

#: Reasons that one line can hold.
MOST_REASONS = 2


def verdict_line(report: Report) -> str:
    """What a person reads first; it never reads as if all were well next to an exit status that is not 0, nor the reverse."""
    status = report.run.exit_status
    if report.nothing_judged:
        return f"nothing was judged, exit status {status}"
    if report.verdict == "nonconformant":
        return _failing(report)
    if report.verdict == "inconclusive":
        return _open(report)
    if report.verdict == "conformant" and status != 0:
        return f"{report.claim}, but exit status {status}"
    return report.claim


def scope_line(report: Report) -> str:
    """What the verdict is about, and what decided it, where the verdict's line does not say it; else empty."""
    if report.nothing_judged or report.about is None:
        return ""
    line, detail = verdict_line(report), report.about.detail
    if detail in line:
        detail = ""
    if report.verdict == "nonconformant":
        scope = report.claim.partition(": ")[2]
        return f"{detail}; the run was about {scope}" if detail else f"the run was about {scope}"
    if report.claim == line:
        return detail
    return f"{report.claim}; {detail}" if detail else report.claim


def _failing(report: Report) -> str:
    failed = [item for item in _musts(report) if item.verdict == "fail"]
    count = len(report.causes)
    causes = [f"{count} cause{'s' if count != 1 else ''}"] if count else []
    counted = [*causes, f"{len(failed)} requirement{'s' if len(failed) != 1 else ''}"]
    excused = sum(item.waived is not None or item.known or item.not_in_baseline for item in failed)
    more = f", {'all' if excused == len(failed) else excused} of them waived or known" if excused else ""
    return f"nonconformant: {', '.join(counted)}{more}"


def _open(report: Report) -> str:
    musts = _musts(report)
    still = [item for item in musts if item.verdict in ("inconclusive", "not_run")]
    counted = [item.id for item in still if not harmless(item)]
    part = f" in {report.claim.partition(': ')[2] or len(report.chosen)}" if report.left_out else ""
    part += "" if report.run.complete else " until the run ended early"
    if not any(item.verdict == "pass" for item in musts):
        return f"nothing passed and nothing fails{part}; not settled: {short([i.id for i in still])}"
    if counted:
        unchecked = _unconfigured([item for item in still if item.id in counted])
        said = f"not checked: {unchecked}" if unchecked else f"not settled: {short(counted)}"
        return f"no failure{part}; {len(counted)} of {len(musts)} {said}"
    if still:
        return (
            f"no failure{part}; {len(still)} of {len(musts)} not settled, and excused: {short([i.id for i in still])}"
        )
    return f"no failure{part}"


def _unconfigured(still: Sequence[ReportedRequirement]) -> str:
    """What the configuration lacks, and what to set, where that is all that keeps requirements open; else empty."""
    reasons = {item.reason.text if item.reason is not None else "": item.reason for item in still}
    told = [
        f"{text} → {r.needs[0]}"
        for text, r in reasons.items()
        if r is not None and r.code == "not-configured" and r.needs
    ]
    return "; ".join(told) if len(told) == len(reasons) <= MOST_REASONS else ""


def _musts(report: Report) -> list[ReportedRequirement]:
    return [item for item in report.chosen if item.level == "MUST" and item.profile in report.run.profiles]
