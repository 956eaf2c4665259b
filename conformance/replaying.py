"""`run --replay`: is it still there? One question for each cause, and nothing else judged.

A program is carried out three times, each time into a folder of its own, so that the report itself stays and `compare` still
has it. Causes that one program shows share its tries: each try texts people. All tries share the limits of the configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec

from conformance.errors import BudgetError, FormatError, UsageError
from conformance.exit_status import worst
from conformance.history.reader import read_history
from conformance.history.records import Exchange, History
from conformance.program.steps import Program
from conformance.replay_budget import Lack, ReplayBudget, Try
from conformance.report.build import program_file
from conformance.report.causes import lead
from conformance.report.headline import RETRIES, answer
from conformance.report.model import Cause, Report
from conformance.report.write import read_report
from conformance.scenarios import SCENARIOS
from conformance.scenarios.selecting import CONTROL as CONTROL_BATCH
from conformance.session import Result, read_program

#: How often each program is carried out.
TRIES = 3
#: The scenario of the batch that every replay leaves alone next to its own.
CONTROL = CONTROL_BATCH.name
#: Requirements that one situation proves while it lasts long enough to be read twice, and else several of its kind: on a target
#: that has become faster, the program that showed it may not show it by itself.
ONE_OR_SEVERAL = ("BR-BLK-02",)
#: The file that says what came of it, for `compare`.
FILE = "replay.json"

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


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """A question, and what came of each try; none if there is no program."""

    question: Question
    outcomes: tuple[Outcome, ...]
    #: How the retries in question were answered, each answer once.
    answers: tuple[str, ...] = ()
    #: What was seen, in a sentence; or why a situation did not come about.
    said: str = ""
    #: The exit status of a try that could not be made (4: no target, a limit; 5: the suite broke, …), else 0.
    stopped: int = 0
    #: The limit that did not hold the tries that were not begun, if any were not; and how many.
    lack: Lack | None = None
    unmade: int = 0

    @property
    def exit_status(self) -> int:
        """1 seen in any try; the status of a try that could not be made; 3 the situation came about in none; else 0."""
        if "seen" in self.outcomes:
            return 1
        return self.stopped or (0 if "not seen" in self.outcomes else 3)

    @property
    def outcome(self) -> Outcome:
        """What counts of all tries."""
        outcomes: dict[int, Outcome] = {0: "not seen", 1: "seen"}
        return outcomes.get(self.exit_status, "did not come about")

    @property
    def line(self) -> str:
        """What came of it, in a line."""
        return f"{self.question.about}: {self._came}"

    @property
    def _came(self) -> str:
        return f"{self._shown}{self._not_made}"

    @property
    def _not_made(self) -> str:
        if self.lack is None or not self.outcomes:
            return ""
        return f"; {self.unmade} more {'was' if self.unmade == 1 else 'were'} not made: {self.lack.where}"

    @property
    def _shown(self) -> str:
        cause = self.question.cause
        if not self.outcomes and self.lack is not None:
            return f"not tried: {self.lack.where} leaves {self.lack.has:g}, and a try takes {self.lack.needs:g}"
        if not self.outcomes and not self.stopped:
            return "no program to replay" + (f"; {cause.script} shows it" if cause is not None and cause.script else "")
        tries = f"{len(self.outcomes)} tries"
        came = len(self.outcomes) - self.outcomes.count("did not come about")
        seen = self.outcomes.count("seen")
        if seen:
            return f"seen in {seen} of {tries}" + (f": {self.said}" if self.said else "")
        if self.stopped:
            return f"could not be tried, exit status {self.stopped}" + (f": {self.said}" if self.said else "")
        if not came:
            where = "the one try" if len(self.outcomes) == 1 else f"any of {tries}"
            return f"the situation did not come about in {where}" + (f": {self.said}" if self.said else "")
        return f"not seen in {came} of {tries}{self._answered}"

    @property
    def _answered(self) -> str:
        if not self.answers:
            return ""
        each = f"{self.answers[0]} each time" if len(self.answers) == 1 else " or ".join(self.answers)
        return f"; the target answered {each}"


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


#: Carries out the programs of a try, and writes the reports into a folder.
Once = Callable[[Try, Path], Result]


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


def all_tries(asked: Iterable[Asked]) -> list[Try]:
    """Every try of a replay."""
    return [one.programs for one in asked if one.programs for _ in range(TRIES)]


def replay(asked: Sequence[Asked], into: Path, once: Once, budget: ReplayBudget) -> Iterable[Replayed]:
    """Carry out each program three times, as far as the budget goes, and answer each question.

    :param into: where the tries' reports go, a folder each; :param once: makes a try.
    :raises UsageError: the budget does not hold one try; nothing was sent.
    """
    tries = [one.programs for one in asked if one.programs]
    lacks = [(budget.lack(one), one[0].name) for one in tries]
    if lacks and all(lack for lack, _ in lacks):
        lack, name = lacks[0]
        if lack is not None:
            what = f"is {lack.has:g}, but one try of {name} takes {lack.needs:g}; nothing was sent"
            raise UsageError(what, where=lack.where, hint="raise it")
    for place, one in enumerate(asked):
        if not one.programs:
            yield from (Replayed(question=question, outcomes=()) for question in one.questions)
            continue
        yield from _tried(one, into, once, budget, [later.programs for later in asked[place + 1 :] if later.programs])


def _tried(one: Asked, into: Path, once: Once, budget: ReplayBudget, later: Sequence[Try]) -> Iterable[Replayed]:
    """Carry out the programs three times. A target that cannot be tested ends it.

    :param later: what is tried after this: its first tries come before second ones of this.
    """
    results: list[Result] = []
    lack: Lack | None = None
    name = one.programs[0].name
    for number in range(1, TRIES + 1):
        lack = budget.lack(one.programs, *(budget.held(later) if results else ()))
        if lack is not None:
            break
        results.append(once(one.programs, into / f"{name}-{number}"))
        budget.spend(one.programs, results[-1])
        if results[-1].exit_status not in (0, 1, 3):
            break
    for question in one.questions:
        if results:
            answered = _answer(question, one.programs[0], results)
        else:
            answered = Replayed(question=question, outcomes=(), stopped=BudgetError.exit_status)
        yield replace(answered, lack=lack, unmade=TRIES - len(results))


def _answer(question: Question, program: Program, results: Sequence[Result]) -> Replayed:
    outcomes, answers = [], []
    for result in results:
        retries = _retries(result.history, program.name)
        found = outcome(question, result.report, retried=any(e.answered for e in retries))
        # A run that broke or was stopped shows nothing but what it proves.
        outcomes.append(found if result.exit_status in (0, 1, 3) or found == "seen" else "did not come about")
        answers += [answer(e) for i, e in enumerate(retries) if _is_asked_about(question, i, e)]
    stopped = next((r for r in results if r.exit_status not in (0, 1, 3)), None)
    answered = Replayed(
        question=question,
        outcomes=tuple(outcomes),
        answers=tuple(dict.fromkeys(answers)),
        stopped=stopped.exit_status if stopped is not None else 0,
    )
    return replace(answered, said=_said(answered, question, stopped or results[0]))


def _is_asked_about(question: Question, position: int, retry: Exchange) -> bool:
    return position in question.positions if question.positions else retry.invoke.operation == "batch_retry"


def _said(answered: Replayed, question: Question, result: Result) -> str:
    report = result.report
    if answered.exit_status == 1:
        return "" if question.cause is not None else next((c.headline for c in report.causes), "")
    if answered.stopped:
        return next(iter((*result.lines, *report.run.remarks)), "")
    mine = [item for item in report.requirements if item.id in question.requirements and item.reason is not None]
    return next((item.reason.text for item in mine if item.reason is not None), "")


def _retries(history: History, scenario: str) -> list[Exchange]:
    return [e for e in history.exchanges if e.invoke.scenario == scenario and e.invoke.operation in RETRIES]


def _positions(history: History, evidence: Sequence[int]) -> tuple[int, ...]:
    """Which retries of their program the cited batch retries are: a program does the same steps each time."""
    cited = [e for e in history.exchanges if e.n in set(evidence) and e.invoke.operation == "batch_retry"]
    found = {index for one in cited for index, e in enumerate(_retries(history, one.invoke.scenario)) if e.n == one.n}
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


def exit_status(found: Iterable[Replayed]) -> int:
    """1 if any cause is seen; else the status of a try that could not be made; 3 if a situation did not come about; else 0."""
    return worst({one.exit_status for one in found} | {0})


class ReplayedCause(msgspec.Struct, frozen=True, kw_only=True):
    """A cause in ``replay.json``: that of the older report, or one that the tries brought up."""

    headline: str
    outcome: str
    line: str
    requirements: tuple[str, ...]
    findings: tuple[str, ...]


class ReplayFile(msgspec.Struct, frozen=True, kw_only=True):
    """``replay.json``: what a replay of a report found, for `compare`."""

    replay_version: int = 1
    #: Run id of the report that was replayed.
    of: str
    causes: tuple[ReplayedCause, ...]
    new: tuple[ReplayedCause, ...] = ()


def replay_file(old: Report, found: Iterable[Replayed], tries: Iterable[Result]) -> ReplayFile:
    """What `compare` reads: each cause with its outcome, and what the tries show that the old report does not have."""
    told = [
        ReplayedCause(
            headline=one.question.cause.headline,
            outcome=one.outcome,
            line=one.line,
            requirements=one.question.cause.requirements,
            findings=one.question.cause.findings,
        )
        for one in found
        if one.question.cause is not None
    ]
    known = {f.fingerprint for item in old.requirements for f in item.findings}
    failing = {item.id for item in old.requirements if item.verdict == "fail"}
    fresh = {
        cause.fingerprint: ReplayedCause(
            headline=cause.headline,
            outcome="seen",
            line=cause.headline,
            requirements=cause.requirements,
            findings=cause.findings,
        )
        for result in tries
        for cause in result.report.causes
        if not known & set(cause.findings) and not failing & set(cause.requirements)
    }
    return ReplayFile(of=old.run.id, causes=tuple(told), new=tuple(fresh.values()))


def read_replay(path: Path) -> ReplayFile:
    """Read a ``replay.json``.

    :raises FormatError: it is none.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=ReplayFile)
    except OSError as error:
        raise FormatError(f"cannot be read ({error.strerror})", where=str(path), hint="name a replay.json") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError(f"is no replay ({error})", where=str(path), hint="`run --replay DIR` writes one") from None
