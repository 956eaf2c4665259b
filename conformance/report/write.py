"""Write the reports that are data: conformance.json, summary.md, badge.svg and the programs. The rest is pytest's."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path

import msgspec

from conformance.errors import FormatError
from conformance.history.records import History
from conformance.program.steps import Program
from conformance.report.badge import badge
from conformance.report.build import program_file
from conformance.report.model import REPORT_VERSION, Report
from conformance.report.summary import summary

_PLAIN = re.compile(r"[a-z0-9][a-z0-9-]*")


class _Version(msgspec.Struct):
    schema_version: int


def write_all(report: Report, history: History, folder: Path) -> tuple[str, ...]:
    """Write everything but the pytest reports into a folder that exists.

    :return: a line for each file that could not be written. What an earlier run left in its place is gone, if it could
        be removed: an old report is never taken for a new one.
    """
    programs = _programs(report, history)
    for old in (folder / "programs").glob("*.json"):
        # What lies there afterwards is of this run.
        if f"programs/{old.name}" not in programs:
            _forget(old)
    data = msgspec.json.format(msgspec.json.encode(report), indent=1)
    contents = {
        "conformance.json": data + b"\n",
        "summary.md": summary(report).encode(),
        "badge.svg": badge(report.claim, report.verdict).encode(),
        **programs,
    }
    return tuple(line for name, content in contents.items() if (line := _write(folder / name, content)))


def _forget(file: Path) -> None:
    """Remove a program that an earlier run left; a file that none of ours has written stays where it is."""
    with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if msgspec.json.decode(file.read_bytes(), type=Program).name == file.stem:
            file.unlink()


def _write(file: Path, content: bytes) -> str:
    """Write a file anew; a line about it if that was not possible, else nothing."""
    try:
        file.unlink(missing_ok=True)
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
    except OSError as error:
        return f"{file} could not be written ({error.strerror}); the verdicts stand without it"
    return ""


def _programs(report: Report, history: History) -> dict[str, bytes]:
    """The programs that a reader may want to run again, by the name of the file."""
    found: dict[str, bytes] = {}
    drawn = {e.invoke.scenario for e in history.exchanges if e.invoke.driver == "machine"}
    told = {f.program for item in report.requirements for f in item.findings}
    for note in history.notes:
        name = program_file(note.scenario)
        # Programs that were drawn and found nothing stand in the history.
        if not name or (note.scenario in drawn and name not in told and not note.scenario.startswith("found-")):
            continue
        if note.event == "program" and _PLAIN.fullmatch(note.scenario):
            found[name] = (json.dumps(note.data.get("program"), indent=1, ensure_ascii=False) + "\n").encode()
    return found


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
