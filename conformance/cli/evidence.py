"""`show`, `ticket` and `verify`: what stands behind a report."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from conformance.catalogue import load
from conformance.cli.paths import DEFAULT, FILE, FOLDER
from conformance.cli.screen import Screen
from conformance.errors import UsageError
from conformance.history.reader import read_history
from conformance.history.records import History
from conformance.report.clean import harmless
from conformance.report.clock import Clock
from conformance.report.exchange_text import full, line
from conformance.report.model import Cause, Report
from conformance.report.ticket import ticket as ticket_of
from conformance.report.verifying import agreement
from conformance.report.write import read_report


@click.command()
@click.argument("what", nargs=-1, required=True, metavar="N|ID...")
@click.option(
    "--report-dir", default=DEFAULT, show_default=True, type=FOLDER, metavar="DIR", help="Whose history it is."
)
@click.option("--history", type=FILE, help="The history that holds it; by default that of the report folder.")
@click.pass_obj
def show(screen: Screen, what: tuple[str, ...], report_dir: Path, history: Path | None) -> int:
    """Show exchanges in full: request, answer, and times in UTC; for the id of a batch or message, a line for each exchange that
    holds it. Keys and testers' numbers are not in a history."""
    path = history or report_dir / "history.jsonl"
    read = read_history(path)
    for one in what:
        for text in _lines(read, one, str(path)):
            screen.say(text)
        screen.say()
    return 0


def _lines(history: History, what: str, where: str) -> Iterator[str]:
    known = {str(e.n): e for e in history.exchanges}
    if what in known:
        yield from full(known[what], history.header).splitlines()
        return
    if what.isdecimal():
        hint = f"its numbers go from 1 to {max((e.n for e in history.exchanges), default=0)}"
        raise UsageError(f"has no exchange {what}", where=where, hint=hint)
    whole = re.compile(rf"(?<![\w-]){re.escape(what)}(?![\w-])")
    named = [e for e in known.values() if whole.search(full(e, history.header))]
    if not named:
        raise UsageError(
            f"has no exchange that holds {what!r}", where=where, hint="give a number, or an id of this run"
        )
    clock = Clock(history.header.started)
    yield from (harmless(line(e, clock)) for e in named)


@click.command()
@click.argument("number", type=click.IntRange(1), metavar="N")
@click.option(
    "--report-dir", default=DEFAULT, show_default=True, type=FOLDER, metavar="DIR", help="The folder of the report."
)
@click.pass_obj
def ticket(screen: Screen, number: int, report_dir: Path) -> int:
    """Print a ticket for cause N of a report, in Markdown, to paste into a tracker."""
    report = read_report(report_dir / "conformance.json")
    for text in ticket_of(report, _cause(report, number, report_dir), _history(report_dir), load()).splitlines():
        screen.say(text)
    return 0


def _cause(report: Report, number: int, folder: Path) -> Cause:
    for cause in report.causes:
        if cause.number == number:
            return cause
    count = len(report.causes)
    what = (
        f"has {count} cause{'s' if count != 1 else ''}, and none with the number {number}" if count else "has no causes"
    )
    hint = "name one" if count else "nothing in it fails" if report.run.complete else "its run did not end"
    raise UsageError(what, where=str(folder / "conformance.json"), hint=hint)


def _history(folder: Path) -> History | None:
    """The history next to a report; None if there is none: the ticket then goes without requests and answers."""
    file = folder / "history.jsonl"
    return read_history(file) if file.is_file() else None


@click.command()
@click.argument("report", type=FOLDER)
@click.argument("history", type=FILE, required=False)
@click.pass_obj
def verify(screen: Screen, report: Path, history: Path | None) -> int:
    """Judge HISTORY again, under the contract that REPORT names, and say if the report is what the history gives. REPORT may be
    the folder that holds both.

    Exit status 0 if it is, 1 if it is not. That shows that the two agree; it does not show where the history came from.
    """
    if report.is_dir():
        report, history = report / "conformance.json", history or report / "history.jsonl"
    if history is None:
        raise UsageError("is missing", where="HISTORY", hint="give the history.jsonl, or the folder that holds both")
    found = agreement(read_report(report), read_history(history), history.read_bytes())
    for text in found.lines:
        screen.say(text, fold=True)
    return 0 if found.same else 1
