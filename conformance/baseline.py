"""A baseline: the report of an earlier run, whose failures do not count again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from conformance.errors import UsageError
from conformance.report.model import Report
from conformance.report.write import read_report


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What a baseline has already.

    :param known: fingerprints of its findings.
    :param listed: ids of its requirements; None if that does not matter.
    :param about: what it is a report of, as (what, value): target, campaign, contract.
    """

    known: frozenset[str] = frozenset()
    listed: frozenset[str] | None = None
    about: tuple[tuple[str, str], ...] = ()


def read_baseline(path: Path, *, allow_red: bool = False) -> Baseline:
    """Read a baseline.

    :param allow_red: take a report whose own exit status is not 0.
    :raises FormatError: it is no report; :raises UsageError: it is red.
    """
    report = read_report(path)
    status = report.run.exit_status
    if status != 0 and not allow_red:
        what = f"is the report of a run that ended with exit status {status}, and would let pass what is broken in it"
        start = "to start without one, look at its failures and add --baseline-allow-red"
        hint = f"give the conformance.json of the last green run; {start}"
        raise UsageError(what, where=str(path), hint=hint)
    return Baseline(
        known=frozenset(f.fingerprint for item in report.requirements for f in item.findings),
        listed=frozenset(item.id for item in report.requirements),
        about=about(report),
    )


def about(report: Report) -> tuple[tuple[str, str], ...]:
    """What a report is about, as far as two of them should agree on it."""
    return (
        ("target", report.target.base_url),
        ("campaign", report.target.campaign_id),
        ("contract", report.suite.contract_version),
    )


def remarks(baseline: Baseline, report: Report) -> list[str]:
    """What a person should know about a baseline beside this run: what it knows, what it does not list, what differs."""
    lines = [
        f"the baseline is of another {what} ({was or 'none'}, this run: {now})"
        for (what, was), (_, now) in zip(baseline.about, about(report), strict=False)
        if was != now
    ]
    met = [item.id for item in report.requirements if item.known]
    if met:
        lines.append(f"{', '.join(met)}: the baseline fails there already, and it does not count again")
    for item in report.chosen:
        marks = dict.fromkeys(f.fingerprint for f in item.findings) if item.verdict == "fail" else {}
        unknown = [mark for mark in marks if mark not in baseline.known]
        if unknown and not item.not_in_baseline:
            had = f"; {len(marks) - len(unknown)} of its {len(marks)} are known" if len(unknown) < len(marks) else ""
            lines.append(f"{item.id}: new since the baseline: {', '.join(unknown)}{had}")
    new = [item.id for item in report.chosen if item.not_in_baseline]
    if new:
        lines.append(f"{', '.join(new)}: the baseline does not list them; they are reported, and do not count")
    return lines
