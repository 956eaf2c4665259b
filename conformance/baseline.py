"""A baseline: the report of an earlier run, whose failures do not count again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from conformance import CONTRACT_VERSIONS
from conformance.catalogue import load
from conformance.errors import UsageError
from conformance.exit_status import possible
from conformance.report.model import Report, ReportedRequirement
from conformance.report.write import read_report


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What a baseline has already.

    :param known: fingerprints of its findings; :param waived: of those that only a waiver let pass there.
    :param uncounted: of those that its run came upon and was not about: left out by its selection, or not listed by its
        own baseline.
    :param listed: ids of its requirements, and of its contract's; None if that does not matter.
    :param about: what it is a report of, as (what, value): target, campaign, contract.
    """

    known: frozenset[str] = frozenset()
    waived: frozenset[str] = frozenset()
    uncounted: frozenset[str] = frozenset()
    listed: frozenset[str] | None = None
    about: tuple[tuple[str, str], ...] = ()


def read_baseline(path: Path, *, allow_red: bool = False) -> Baseline:
    """Read a baseline.

    :param allow_red: take a report whose own exit status is not 0.
    :raises FormatError: it is no report; :raises UsageError: it is red, or its exit status is not that of its verdicts.
    """
    report = read_report(path)
    status = report.run.exit_status
    if status not in possible(report):
        what = f"says exit status {status}, which does not come of its own verdicts: it is not as a run wrote it"
        raise UsageError(what, where=str(path), hint="give the conformance.json of the last green run")
    if status != 0 and not allow_red:
        what = f"is the report of a run that ended with exit status {status}, and would let pass what is broken in it"
        start = "to start without one, look at its failures and add --baseline-allow-red"
        hint = f"give the conformance.json of the last green run; {start}"
        raise UsageError(what, where=str(path), hint=hint)
    waived = _waived(report)
    # No exit status ever stood for the others, so nobody has accepted them.
    counted = _fingerprints(item for item in report.requirements if item.verdict == "fail" and not item.not_in_baseline)
    return Baseline(
        known=counted - waived,
        waived=waived,
        uncounted=_fingerprints(report.requirements) - counted - waived,
        listed=frozenset(item.id for item in report.requirements) | _of_contract(report.suite.contract_version),
        about=about(report),
    )


def _waived(report: Report) -> frozenset[str]:
    """Fingerprints of the findings that passed by a waiver alone: it has a last day, which a baseline has not."""
    excused = [item for item in report.requirements if item.waived is not None and not item.known]
    return _fingerprints(excused) - _fingerprints(item for item in report.requirements if item.known)


def _of_contract(version: str) -> frozenset[str]:
    """The requirements of a contract: what a report under it lacks all the same was taken out, and is asked for."""
    return frozenset(r.id for r in load(version).requirements) if version in CONTRACT_VERSIONS else frozenset()


def _fingerprints(items: Iterable[ReportedRequirement]) -> frozenset[str]:
    return frozenset(f.fingerprint for item in items for f in item.findings)


def about(report: Report) -> tuple[tuple[str, str], ...]:
    """What a report is about, as far as two of them should agree on it."""
    return (
        ("target", report.target.base_url),
        ("campaign", report.target.campaign_id),
        ("contract", report.suite.contract_version),
    )


def differing(before: Iterable[tuple[str, str]], report: Report) -> list[tuple[str, str, str]]:
    """What an older report and this one do not agree on, as (what, was, now).

    :param before: what ``about`` says of the older one.
    """
    return [(what, was, now) for (what, was), (_, now) in zip(before, about(report), strict=False) if was != now]


def remarks(baseline: Baseline, report: Report) -> list[str]:
    """What a person should know about a baseline beside this run: what it knows, what it does not list, what differs."""
    lines = [
        f"the baseline is of another {what} ({was or 'none'}, this run: {now})"
        for what, was, now in differing(baseline.about, report)
    ]
    met = [item.id for item in report.requirements if item.known]
    if met:
        lines.append(f"{', '.join(met)}: the baseline fails there already, and it does not count again")
    for item in report.chosen:
        marks = dict.fromkeys(f.fingerprint for f in item.findings) if item.verdict == "fail" else {}
        if item.not_in_baseline:
            continue
        unknown = [mark for mark in marks if mark not in baseline.known | baseline.waived | baseline.uncounted]
        if unknown:
            had = sum(mark in baseline.known for mark in marks)
            told = f"; {had} of its {len(marks)} are known" if had else ""
            lines.append(f"{item.id}: new since the baseline: {', '.join(unknown)}{told}")
        uncounted = [mark for mark in marks if mark in baseline.uncounted]
        if uncounted:
            lines.append(f"{item.id}: seen in the baseline's run, where it did not count: {', '.join(uncounted)}")
        lapsed = [mark for mark in marks if mark in baseline.waived and item.waived is None]
        if lapsed:
            lines.append(f"{item.id}: waived in the baseline's run, and waived no more: {', '.join(lapsed)}")
    new = [item.id for item in report.chosen if item.not_in_baseline]
    if new:
        lines.append(f"{', '.join(new)}: the baseline does not list them; they are reported, and do not count")
    return lines
