"""Write the reports that are data: conformance.json, junit.xml, summary.md and their like. report.html is pytest's.

A file is written beside its place and then moved there, so that a full disk or a kill leaves what stood there before: a
report that says "incomplete" (``report/placeholder.py``), never half of one.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from pathlib import Path

import msgspec

from conformance.catalogue import load
from conformance.errors import FormatError
from conformance.files import read_json
from conformance.history.records import History
from conformance.program.steps import Program
from conformance.report.badge import badge as badge_of
from conformance.report.build import program_file
from conformance.report.ctrf import ctrf
from conformance.report.junit import junit
from conformance.report.model import REPORT_VERSION, Report
from conformance.report.summary import summary

#: Every report that a run leaves, in the order in which they are replaced.
FILES = ("conformance.json", "junit.xml", "ctrf.json", "summary.md", "badge.svg", "report.html")
_PLAIN = re.compile(r"[a-z0-9][a-z0-9-]*")


class _Version(msgspec.Struct):
    schema_version: int


def data_files(report: Report, *, badge: str = "") -> dict[str, bytes]:
    """Every report that is data, by the name of its file.

    :param badge: what the badge says, where that is not the verdict.
    """
    return {
        "conformance.json": msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n",
        "junit.xml": junit(report, load()),
        "ctrf.json": ctrf(report),
        "summary.md": summary(report).encode("utf-8", "replace"),
        "badge.svg": (badge_of(badge) if badge else _badge(report)).encode("utf-8", "replace"),
    }


def _badge(report: Report) -> str:
    """The badge: what was claimed; a run that is not green has no green one."""
    product, day = report.target.product, report.run.finished[:10]
    if report.verdict == "conformant" and report.run.exit_status != 0:
        return badge_of(f"exit status {report.run.exit_status}", product=product, day=day)
    more = f" (contract {report.suite.contract_version}, {report.target.base_url})"
    return badge_of(report.claim, report.verdict, product=product, day=day, more=more)


def write_all(report: Report, history: History, folder: Path) -> tuple[str, ...]:
    """Write everything but report.html into a folder that exists.

    :return: a line for each file that could not be written. What stands in its place is a report that says "incomplete":
        an old report is never taken for a new one.
    """
    programs = _programs(report, history)
    for old in (folder / "programs").glob("*.json"):
        # What lies there afterwards is of this run.
        if f"programs/{old.name}" not in programs:
            _forget(old)
    # The report that a gate reads comes last: where it says "0", the others are there.
    files = data_files(report)
    whole = files.pop("conformance.json")
    contents = {**programs, **files, "conformance.json": whole}
    return tuple(
        f"{folder / name} could not be written ({why}); it does not hold these verdicts"
        for name, content in contents.items()
        if (why := replace(folder / name, content))
    )


def written(report: Report, folder: Path) -> tuple[str, ...]:
    """Names of the reports in a folder that hold this one. On a full disk others say "incomplete" still."""
    return tuple(name for name, content in data_files(report).items() if _holds(folder / name, content))


def _holds(file: Path, content: bytes) -> bool:
    with suppress(OSError):
        return file.read_bytes() == content
    return False


def _forget(file: Path) -> None:
    """Remove a program that an earlier run left; a file that none of ours has written stays where it is."""
    with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if msgspec.json.decode(file.read_bytes(), type=Program).name == file.stem:
            file.unlink()


def replace(file: Path, content: bytes) -> str:
    """Replace a file in one step; why that was not possible, else nothing. What stood there before stays then."""
    part = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(exist_ok=True)
        part.write_bytes(content)
        os.replace(part, file)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        return error.strerror or type(error).__name__
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
    hint = "give the conformance.json of a run"
    written_as = read_json(path, _Version, what="report", hint=hint).schema_version
    if written_as != REPORT_VERSION:
        what = f"has version {written_as}, this suite reads {REPORT_VERSION}"
        raise FormatError(what, where=str(path), hint="use the suite that wrote it")
    return read_json(path, Report, what="report", hint=hint)
