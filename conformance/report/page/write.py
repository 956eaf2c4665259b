"""Write report.html next to the other reports of a folder."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from conformance.catalogue import load
from conformance.history.records import History
from conformance.report.causes import lead
from conformance.report.model import Report
from conformance.report.page.render import page
from conformance.report.reproduce import script


def write_page(report: Report, history: History, folder: Path) -> str:
    """Replace report.html and the scripts, each in one step: what stood there before is never taken for it, nor half of one.

    :return: why that was not possible, in a line; empty if it was.
    """
    for old in folder.glob("reproduce-*.sh"):
        with suppress(OSError):
            old.unlink()
    for cause in report.causes:
        if cause.script:
            text = script(cause, lead(report.requirements, cause), history)
            if why := _replaced(folder / cause.script, text):
                return why
    return _replaced(folder / "report.html", page(report, history, load(report.suite.contract_version)))


def _replaced(file: Path, content: str) -> str:
    part = file.with_name(f".{file.name}.part")
    try:
        part.write_bytes(content.encode("utf-8", "replace"))
        os.replace(part, file)
    except OSError as error:
        for old in (part, file):
            with suppress(OSError):
                old.unlink(missing_ok=True)
        return f"{file.parent}: {file.name} could not be written ({error.strerror}) — the verdicts stand without"
    return ""
