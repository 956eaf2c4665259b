"""`run --replay`: is what a program or a report showed still there?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace as changed
from pathlib import Path

import msgspec

from conformance.cli.screen import Screen
from conformance.config import Limits
from conformance.errors import SuiteError, UsageError
from conformance.replaying.budget import ReplayBudget, Try
from conformance.replaying.file import FILE, replay_file
from conformance.replaying.questions import Asked, of_program, of_report, question_of
from conformance.replaying.tries import Replayed, exit_status
from conformance.replaying.tries import replay as replayed
from conformance.report.folder import make_folder
from conformance.report.page.write import write_page
from conformance.report.write import read_report
from conformance.report.write import replace as replace_file
from conformance.session import Options, Result, read_program

#: Runs within these limits.
Launch = Callable[[Options, Limits], Result]


def asked_of(what: Path, selected: Sequence[str]) -> list[Asked]:
    """What a replay asks, and the programs that it carries out.

    :param what: a program's file, or a folder of reports; :param selected: requirements that were asked for.
    """
    if what.is_dir():
        return of_report(read_report(what / "conformance.json"), what)
    # What is wrong with the program is said before anything else.
    program = read_program(what)
    return [of_program(program, question_of(what, selected), _home(what))]


def _home(program: Path) -> Path:
    """The folder of the report that a program's file belongs to."""
    return program.parent.parent if program.parent.name == "programs" else program.parent


def replay(
    screen: Screen,
    what: Path,
    into: Path | None,
    options: Options,
    asked: Sequence[Asked],
    budget: ReplayBudget,
    launch: Launch,
) -> int:
    """Ask of a program, or of each cause of a report, whether it is still there; a line for each, and one exit status.

    :param what: a program's file, or a folder of reports; :param asked: what is asked of it.
    :param into: where the tries go; None: the folder ``replay`` next to what is replayed.
    :param budget: of all tries together.
    """
    tries: list[Result] = []
    place = into if into is not None else (what if what.is_dir() else _home(what)) / "replay"

    def once(programs: Try, folder: Path) -> Result:
        first, *others = programs
        run = changed(options, replay=first, beside=tuple(others), selected=(), report_dir=folder)
        result = launch(run, budget.rest)
        if unwritten := write_page(result.report, result.history, folder):
            screen.complain(unwritten)
        tries.append(result)
        return result

    screen.concluded = True
    found: list[Replayed] = []
    for one in replayed(asked, place, once, budget):
        screen.say(one.line, fold=True)
        found.append(one)
    for line in dict.fromkeys(line for result in tries for line in result.lines):
        screen.complain(line)
    if what.is_dir():
        old = read_report(what / "conformance.json")
        _write(place, msgspec.json.format(msgspec.json.encode(replay_file(old, found, tries)), indent=1))
        screen.say(f"what changed: retry-conformance compare {what} {place}", fold=True)
    if tries:
        each = f"{len(tries)} tr{'y' if len(tries) == 1 else 'ies'}"
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
