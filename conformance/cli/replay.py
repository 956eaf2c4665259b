"""`run --replay`: is what a program or a report showed still there?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from conformance.cli.screen import Screen
from conformance.errors import SuiteError, UsageError
from conformance.program.steps import Program
from conformance.replaying import (
    FILE,
    TRIES,
    Replayed,
    exit_status,
    question_of,
    replay_file,
    replay_program,
    replay_report,
)
from conformance.report.folder import make_folder
from conformance.report.page.write import write_page
from conformance.report.write import read_report
from conformance.report.write import replace as replace_file
from conformance.session import Options, Result, read_program

Launch = Callable[[Options], Result]


def replay(screen: Screen, what: Path, into: Path | None, options: Options, launch: Launch) -> int:
    """Ask of a program, or of each cause of a report, whether it is still there; a line for each, and one exit status.

    :param what: a program's file, or a folder of reports.
    :param into: where the tries go; None: the folder ``replay`` next to what is replayed.
    """
    tries: list[Result] = []
    if what.is_dir():
        old = read_report(what / "conformance.json")
        place = into if into is not None else what / "replay"
    else:
        # What is wrong with the program is said before anything else.
        program = read_program(what)
        home = what.parent.parent if what.parent.name == "programs" else what.parent
        place = into if into is not None else home / "replay"

    def once(programs: Sequence[Program], folder: Path) -> Result:
        first, *others = programs
        result = launch(replace(options, replay=first, beside=tuple(others), selected=(), report_dir=folder))
        if unwritten := write_page(result.report, result.history, folder):
            screen.complain(unwritten)
        tries.append(result)
        return result

    screen.concluded = True
    found: list[Replayed] = []
    asked = replay_report(old, what, place, once) if what.is_dir() else None
    for one in asked or replay_program(program, question_of(what, options.selected), place, once, home):
        screen.say(one.line, fold=True)
        found.append(one)
    for line in dict.fromkeys(line for result in tries for line in result.lines):
        screen.complain(line)
    if what.is_dir():
        _write(place, msgspec.json.format(msgspec.json.encode(replay_file(old, found, tries)), indent=1))
        screen.say(f"what changed: retry-conformance compare {what} {place}", fold=True)
    if tries:
        each = f"{TRIES} tries of each program" if what.is_dir() else f"{len(tries)} tries"
        screen.say(
            f"{each}, {sum(r.report.run.messages for r in tries)} messages; their reports are in {place}", fold=True
        )
    return exit_status(found)


def _write(folder: Path, content: bytes) -> None:
    if why := replace_file(make_folder(folder) / FILE, content + b"\n"):
        raise SuiteError(f"{FILE} could not be written ({why})", where=str(folder), hint="the lines above stand")


def refuse(given: dict[str, object]) -> None:
    """Refuse options that say nothing of a replay.

    :raises UsageError: one of them is given.
    """
    for option, value in given.items():
        if value:
            what = "cannot go with --replay, which asks one question and judges nothing else"
            raise UsageError(what, where=option, hint="leave it out")
