"""Write report.html, and a script for each cause that has one, next to the other reports of a folder."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from conformance.catalogue import load
from conformance.history.records import History
from conformance.report import write
from conformance.report.causes import lead
from conformance.report.model import Report
from conformance.report.page.render import page
from conformance.report.reproduce import script


def write_page(report: Report, history: History, folder: Path) -> str:
    """Replace report.html and the scripts, each in one step.

    :return: why that was not possible, in a line; empty if it was. What an earlier run left is gone then, if it could be
        removed: it is never taken for this run's.
    """
    for old in folder.glob("reproduce-*.sh"):
        _forget(old)
    for cause in report.causes:
        if cause.script:
            text = script(cause, lead(report.requirements, cause), history)
            if said := _replaced(folder / cause.script, text):
                return said
    return _replaced(folder / "report.html", page(report, history, load(report.suite.contract_version)))


def _replaced(file: Path, content: str) -> str:
    why = write.replace(file, content.encode("utf-8", "replace"))
    if not why:
        return ""
    _forget(file)
    return f"{file.parent}: {file.name} could not be written ({why}) — the verdicts stand without"


def _forget(file: Path) -> None:
    with suppress(OSError):
        file.unlink(missing_ok=True)
