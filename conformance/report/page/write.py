"""Write report.html next to the other reports of a folder."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from conformance.catalogue import load
from conformance.history.records import History
from conformance.report.model import Report
from conformance.report.page.render import page


def write_page(report: Report, history: History, folder: Path) -> str:
    """Replace report.html in one step: what stood there before is never taken for it, nor half of one.

    :return: why that was not possible, in a line; empty if it was.
    """
    file, part = folder / "report.html", folder / ".report.html.part"
    content = page(report, history, load(report.suite.contract_version))
    try:
        part.write_bytes(content.encode("utf-8", "replace"))
        os.replace(part, file)
    except OSError as error:
        for old in (part, file):
            with suppress(OSError):
                old.unlink(missing_ok=True)
        return f"{file} could not be written ({error.strerror}); the verdicts stand without it"
    return ""
