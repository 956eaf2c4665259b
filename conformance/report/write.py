"""Write the reports that are data: conformance.json, summary.md, badge.svg and the programs. The rest is pytest's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec

from conformance.errors import FormatError
from conformance.history.records import History
from conformance.report.badge import badge
from conformance.report.build import program_file
from conformance.report.model import REPORT_VERSION, Report
from conformance.report.summary import summary

_PLAIN = re.compile(r"[a-z0-9][a-z0-9-]*")


class _Version(msgspec.Struct):
    schema_version: int


def write_all(report: Report, history: History, folder: Path) -> None:
    """Write everything but the pytest reports into a folder that exists."""
    data = msgspec.json.format(msgspec.json.encode(report), indent=1)
    (folder / "conformance.json").write_bytes(data + b"\n")
    (folder / "summary.md").write_text(summary(report), encoding="utf-8")
    (folder / "badge.svg").write_text(badge(report.verdict), encoding="utf-8")
    drawn = {e.invoke.scenario for e in history.exchanges if e.invoke.driver == "machine"}
    told = {f.program for item in report.requirements for f in item.findings}
    for note in history.notes:
        name = program_file(note.scenario)
        # Programs that were drawn and found nothing stand in the history.
        if not name or (note.scenario in drawn and name not in told and not note.scenario.startswith("found-")):
            continue
        if note.event == "program" and _PLAIN.fullmatch(note.scenario):
            file = folder / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps(note.data.get("program"), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_report(path: Path) -> Report:
    """A report from its `conformance.json`, read as strictly as it is written.

    :raises FormatError: it is missing, cut off, no report, or of another version.
    """
    mend = "give the conformance.json of a run"
    try:
        data = path.read_bytes()
        written_as = msgspec.json.decode(data, type=_Version).schema_version
        if written_as != REPORT_VERSION:
            what = f"has version {written_as}, this suite reads {REPORT_VERSION}"
            raise FormatError(what, where=str(path), mend="use the suite that wrote it")
        return msgspec.json.decode(data, type=Report)
    except OSError as error:
        raise FormatError(f"cannot be read ({error.strerror})", where=str(path), mend=mend) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError(f"is no report ({error})", where=str(path), mend=mend) from None
