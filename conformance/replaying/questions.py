"""What a replay asks: of each cause of a report, or of a program by itself, whether it is still there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from conformance.errors import FormatError, UsageError
from conformance.history.reader import read_history
from conformance.history.records import Exchange, History
from conformance.program.steps import Program
from conformance.report.build import program_file
from conformance.report.causes import lead
from conformance.report.headline import RETRIES, answer
from conformance.report.model import Cause, Report
from conformance.report.write import read_report
from conformance.scenarios import SCENARIOS
from conformance.scenarios.selecting import CONTROL as CONTROL_BATCH
from conformance.session import read_program

#: The scenario of the batch that every replay leaves alone next to its own.
CONTROL = CONTROL_BATCH.name
#: Requirements that one situation proves while it lasts long enough to be read twice, and else several of its kind: on a target
#: that has become faster, the program that showed it may not show it by itself.
ONE_OR_SEVERAL = ("BR-BLK-02",)
Outcome = Literal["seen", "not seen", "did not come about"]


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of a program: does it still show this?"""

    #: Who is asked about: "cause 2 (…)", or the program's name.
    about: str
    #: The cause of an older report; None for a program that belongs to none.
    cause: Cause | None = None
    #: Requirements of which a failure counts as seen; empty: any.
    requirements: tuple[str, ...] = ()
    #: Files of other programs that its proof cites too, next to the report.
    beside: tuple[str, ...] = ()
    #: Which of the program's retries the proof rests on, by position; empty: all retries of batches.
    positions: tuple[int, ...] = ()


def outcome(question: Question, report: Report, retried: bool = True) -> Outcome:
    """What a run of a program shows of what is asked.

    A requirement of a cause that fails by another finding counts as seen: "fixed" is said only of what passed.

    :param retried: a retry of the program was answered; the situation of a program that belongs to no cause.
    """
    mine = [item for item in report.requirements if item.id in question.requirements or not question.requirements]
    found = {f.fingerprint for item in report.requirements for f in item.findings}
    known = set(question.cause.findings) if question.cause is not None else set()
    if found & known or any(item.verdict == "fail" for item in mine):
        return "seen"
    came = any(item.exercised for item in mine) if question.requirements else retried
    return "not seen" if came else "did not come about"


def questions(report: Report, folder: Path, program: str = "") -> Mapping[str, tuple[Question, ...]]:
    """What to ask, by program; the program "" stands for causes that have none.

    :param folder: the report's own, with its history; :param program: only of this one, as a finding names it.
    """
    file = folder / "history.jsonl"
    history = read_history(file) if file.is_file() else None
    asked: dict[str, list[Question]] = {}
    for cause in report.causes:
        told = lead(report.requirements, cause)
        shown_by = told.program
        if program and program != shown_by:
            programs = {f.program for i in report.requirements for f in i.findings if f.fingerprint in cause.findings}
            if program not in programs:
                continue
            shown_by = program
        positions = _positions(history, cause.evidence) if history is not None else ()
        about = f"cause {cause.number} ({cause.headline})"
        beside = _beside(history, cause.evidence, told.any_of, folder, shown_by) if history is not None else ()
        question = Question(
            about=about, cause=cause, requirements=cause.requirements, positions=positions, beside=beside
        )
        asked.setdefault(shown_by, []).append(question)
    return {name: tuple(these) for name, these in asked.items()}


def question_of(file: Path, requirements: Sequence[str]) -> tuple[Question, ...]:
    """What to ask of one program: is what it showed in the report that it lies beside still there; else, does anything fail.

    :param requirements: ask about these instead.
    """
    plain = (Question(about=file.stem, requirements=tuple(requirements)),)
    report = file.parent.parent / "conformance.json"
    if requirements or file.parent.name != "programs" or not report.is_file():
        return plain
    try:
        found = questions(read_report(report), report.parent, f"programs/{file.name}")
    except FormatError:
        # A run that has not ended, or an older format: the program stands for itself.
        return plain
    return next(iter(found.values()), plain)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked together, and the programs that a try of it carries out; none for causes without a program."""

    questions: tuple[Question, ...]
    programs: tuple[Program, ...] = ()


def of_report(report: Report, folder: Path) -> list[Asked]:
    """What to ask of a report, program by program.

    :param folder: the report's own.
    :raises UsageError: nothing fails in the report.
    :raises FormatError: a program is missing or none.
    """
    if not report.causes:
        raise UsageError("has no causes to replay", where=str(folder), hint="nothing in it fails")
    return [
        of_program(read_program(folder / name), these, folder) if name else Asked(questions=these)
        for name, these in questions(report, folder).items()
    ]


def of_program(program: Program, asked: Sequence[Question], folder: Path) -> Asked:
    """What to ask of a program.

    :param folder: the report's own, where the programs lie that a proof cites too.
    :raises FormatError: one of these is missing or none.
    """
    names = dict.fromkeys(name for question in asked for name in question.beside)
    return Asked(questions=tuple(asked), programs=(program, *(read_program(folder / name) for name in names)))


def retries_of(history: History, scenario: str) -> list[Exchange]:
    """A program's retries, in their order; batches' and single ones."""
    return [e for e in history.exchanges if e.invoke.scenario == scenario and e.invoke.operation in RETRIES]


def _positions(history: History, evidence: Sequence[int]) -> tuple[int, ...]:
    """Which retries of their program the cited batch retries are: a program does the same steps each time."""
    cited = [e for e in history.exchanges if e.n in set(evidence) and e.invoke.operation == "batch_retry"]
    found = {index for one in cited for index, e in enumerate(retries_of(history, one.invoke.scenario)) if e.n == one.n}
    return tuple(sorted(found))


def _beside(history: History, evidence: Sequence[int], names: Sequence[str], folder: Path, own: str) -> tuple[str, ...]:
    """The files of the programs that a proof of these requirements cites next to its own, or may need: some take several
    situations of one kind."""
    cited = set(evidence)
    scenarios = dict.fromkeys(e.invoke.scenario for e in history.exchanges if e.n in cited and e.invoke.scenario)
    if len(names) == 1 and names[0] in ONE_OR_SEVERAL:
        scenarios |= dict.fromkeys(_answered_alike(history, cited, names[0]))
    files = (program_file(scenario) for scenario in scenarios if scenario != CONTROL)
    return tuple(name for name in dict.fromkeys(files) if name and name != own and (folder / name).is_file())


def _answered_alike(history: History, cited: Collection[int], requirement: str) -> list[str]:
    """The scenarios planned for a requirement in which a batch's retry was answered like one that the proof cites."""
    planned = {s.name for s in SCENARIOS if requirement in s.requirements}
    retries = [e for e in history.exchanges if e.invoke.operation == "batch_retry" and e.answered]
    answers = {answer(e) for e in retries if e.n in cited}
    return [e.invoke.scenario for e in retries if e.invoke.scenario in planned and answer(e) in answers]
