"""What stands in a folder of reports until a run has ended: reports that say so, in place of those of an older run.

A run that is killed, or that never starts, leaves these. None of them can be taken for a pass.
"""

from __future__ import annotations

from contextlib import suppress
from html import escape
from pathlib import Path

from conformance import CONTRACT_VERSION, __version__
from conformance.catalogue import load
from conformance.errors import SuiteError, UsageError
from conformance.history.writer import in_use
from conformance.report.clean import one_line
from conformance.report.folder import make_folder
from conformance.report.model import (
    REPORT_VERSION,
    Races,
    Report,
    ReportedRequirement,
    RunInfo,
    SuiteInfo,
    TargetInfo,
)
from conformance.report.provenance import commit
from conformance.report.write import FILES, data_files, replace
from conformance.stopping import StoppedBy
from conformance.verdicts import Reason

INCOMPLETE = "incomplete: the run has not ended, or was killed"


def begin(folder: Path) -> None:
    """Replace each report of a folder by one that says "incomplete".

    :raises UsageError: another run is writing there, or the folder is none.
    :raises SuiteError: a report cannot be replaced.
    """
    make_folder(folder)
    _refuse_if_in_use(folder)
    _replace_all(folder, _report(INCOMPLETE, 5, "unknown"), "incomplete")


def not_run(folder: Path, reason: str, exit_status: int) -> None:
    """Replace each report of a folder by one that says why there was no run.

    :raises SuiteError: that is not possible, or another run is writing there.
    """
    make_folder(folder)
    _refuse_if_in_use(folder)
    _replace_all(folder, _report(f"not run: {reason}", exit_status, "not_started"), "not run")


def _refuse_if_in_use(folder: Path) -> None:
    path = folder / "history.jsonl"
    if in_use(path):
        hint = "wait for its end, or name another --report-dir"
        raise UsageError("another run is writing there", where=str(path), hint=hint)


def _replace_all(folder: Path, report: Report, badge: str) -> None:
    said = report.run.remarks[0]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(badge)}</title>'
    page = f'<!DOCTYPE html><html lang="en"><head>{head}</head>'
    page += f"<body><main><h1>Batch Send - Retry: {escape(badge)}</h1><p>{escape(said)}</p></main></body></html>\n"
    contents = {**data_files(report, badge=badge), "report.html": page.encode("utf-8", "replace")}
    failed = {name: why for name in FILES if (why := replace(folder / name, contents[name]))}
    if failed:
        name, why = next(iter(failed.items()))
        left = [other for other in failed if not _removed(folder / other)]
        then = "the reports there are of an older run" if left else "the older reports are removed"
        what = f"{name} cannot be replaced ({why}): nothing was sent, and {then}"
        raise SuiteError(what, where=str(folder), hint="make room, or name another --report-dir")


def _removed(file: Path) -> bool:
    """Remove a report of an older run: a full disk has room for that. True if it is gone."""
    with suppress(OSError):
        file.unlink(missing_ok=True)
    return not file.exists()


def _report(said: str, exit_status: int, stopped_by: StoppedBy) -> Report:
    said = one_line(said)
    reason = Reason(code="run-incomplete", text=said)
    items = tuple(
        ReportedRequirement(
            id=r.id,
            level=r.level,
            profile=r.profile,
            title=r.title,
            verdict="not_run",
            reason=reason,
            exercised=0,
            evidence=(),
            findings=(),
        )
        for r in load().requirements
    )
    run = RunInfo(
        id="",
        started="",
        finished="",
        complete=False,
        exit_status=exit_status,
        seed=0,
        depth="",
        profiles=(),
        drivers=(),
        calls=0,
        messages=0,
        config_digest="",
        history_sha256="",
        remarks=(said,),
        stopped_by=stopped_by,
    )
    return Report(
        schema_version=REPORT_VERSION,
        suite=SuiteInfo(
            name="retry-conformance",
            version=__version__,
            contract_version=CONTRACT_VERSION,
            libraries={},
            commit=commit(),
        ),
        target=TargetInfo(base_url="", campaign_id=""),
        run=run,
        verdict="inconclusive",
        profiles={},
        requirements=items,
        observations=(),
        latency={},
        races=Races(),
    )
