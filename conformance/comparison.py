"""Two reports side by side: what a change of the target did to its verdicts. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from conformance.baseline import about, differing
from conformance.errors import UsageError
from conformance.replaying.file import ReplayFile
from conformance.report.clock import Clock
from conformance.report.model import Report, ReportedFinding, ReportedRequirement
from conformance.stopping import WORDS


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What changed.

    :param lines: for people, worst first; :param exit_status: 1 a new failure, 3 something no longer settled, else 0.
    :param remarks: why the two may not be meant to be compared, or not in this order.
    """

    lines: tuple[str, ...]
    exit_status: int
    remarks: tuple[str, ...] = ()


def compare(old: Report, new: Report) -> Comparison:
    """What is new in the second report. A SHOULD is named, but does not count; nor does what the first does not list."""
    failures: list[str] = []
    lost: list[str] = []
    gained: list[str] = []
    status = 0
    before = {item.id: item for item in old.requirements}
    for item in new.requirements:
        was = before.get(item.id)
        if was is None:
            gained.append(f"not in OLD    {item.id} {item.title}: {_words(item)} now; it does not count")
            continue
        # What the old run came upon and was not about failed nothing there.
        fresh = _told(item.findings, {f.fingerprint for f in was.findings if was.verdict == "fail"})
        failures += [f"new failure   {item.id} {item.title}: {summary}" for summary in fresh]
        if fresh and item.level == "MUST":
            status = 1
        change = f"{item.id} {item.title}: {_words(was)} before, {_words(item)} now"
        if was.verdict in ("pass", "fail") and item.verdict in ("inconclusive", "not_run", "error"):
            lost.append(f"not settled   {change}")
            status = status or (3 if item.level == "MUST" else 0)
        elif was.verdict != item.verdict and not fresh:
            gained.append(f"changed       {change}")
        gone = _told(was.findings, {f.fingerprint for f in item.findings})
        if item.verdict in ("pass", "fail"):
            gained += [f"fixed         {item.id}: {summary}" for summary in gone]
    now = {item.id for item in new.requirements}
    gained += [
        f"not in NEW    {item.id} {item.title}: {_words(item)} before"
        for item in old.requirements
        if item.id not in now
    ]
    open_ = _open(old, new)
    if open_:
        status = status or 3
    lines = [*_causes(old, new), *failures, *lost, *open_, *gained] or ["nothing changed"]
    listed = [item for item in new.requirements if item.id in before]
    known = sum(len({f.fingerprint for f in item.findings}) for item in listed) - len(failures)
    if known:
        lines.append(f"{known} finding{'s' if known > 1 else ''} as before")
    return Comparison(lines=tuple(lines), exit_status=status, remarks=tuple(_remarks(old, new)))


def _remarks(old: Report, new: Report) -> Iterator[str]:
    for what, was, now in differing(about(old), new):
        yield f"NEW is of another {what} ({now}, OLD: {was or 'none'})"
    before, after = (Clock(report.run.started).utc(0) for report in (old, new))
    if after < before:
        yield f"NEW began before OLD ({after}, OLD: {before}): the older report is to come first"


def compare_replay(old: Report, new: ReplayFile) -> Comparison:
    """What a replay says of an older report: each cause is fixed, still there or not settled; and what is new.

    :raises UsageError: it is the replay of another report.
    """
    if new.of != old.run.id:
        what = f"is the replay of run {new.of}, not of {old.run.id}"
        raise UsageError(what, where="NEW", hint="compare it with the report that was replayed")
    words = {"seen": "still there   ", "not seen": "fixed         ", "did not come about": "not settled   "}
    lines = [f"new cause     {cause.headline}: {', '.join(cause.requirements)}" for cause in new.new]
    lines += [f"{words.get(cause.outcome, words['did not come about'])}{cause.line}" for cause in new.causes]
    open_ = any(cause.outcome == "did not come about" for cause in new.causes)
    return Comparison(lines=tuple(lines), exit_status=1 if new.new else 3 if open_ else 0)


def _causes(old: Report, new: Report) -> list[str]:
    """What became of each cause, and which are new; nothing for reports without causes."""
    before = {f.fingerprint for item in old.requirements for f in item.findings}
    now = {f.fingerprint for item in new.requirements for f in item.findings}
    verdicts = {item.id: item.verdict for item in new.requirements}
    lines = [f"new cause     {c.headline}" for c in new.causes if not before & set(c.findings)]
    for cause in old.causes:
        came = {verdicts.get(name, "not_run") for name in cause.requirements}
        told = "not settled   "
        if now & set(cause.findings) or "fail" in came:
            told = "still there   "
        elif came <= {"pass", "not_applicable"}:
            told = "fixed         "
        lines.append(f"{told}cause {cause.number} ({cause.headline})")
    return lines


def _open(old: Report, new: Report) -> list[str]:
    """A line if the new report settles too little to be compared: its run ended early, or nothing in it is settled."""
    settled = any(item.verdict in ("pass", "fail") for item in new.requirements)
    if settled and new.run.complete:
        return []
    why = WORDS.get(new.run.stopped_by, "") or "nothing in it is settled"
    before = " The old one is no better." if not old.run.complete else ""
    return [f"not compared  the new report is of a run that ended with {new.run.exit_status}: {why}.{before}"]


def _told(findings: Iterable[ReportedFinding], known: Collection[str]) -> list[str]:
    """Each defect that is not known, once, by its fingerprint, and how often it was found.

    Where several have the same words, the fingerprint tells them apart.
    """
    groups: dict[str, list[ReportedFinding]] = {}
    for finding in findings:
        if finding.fingerprint not in known:
            groups.setdefault(finding.fingerprint, []).append(finding)
    words = Counter(group[0].summary for group in groups.values())
    return [
        group[0].summary
        + (f" ({len(group)} times)" if len(group) > 1 else "")
        + (f", fingerprint {name}" if words[group[0].summary] > 1 else "")
        for name, group in groups.items()
    ]


def _words(item: ReportedRequirement) -> str:
    return item.verdict.replace("_", " ")
