"""Carrying out what a replay asks about: each program three times, and what the tries say of each question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from conformance.errors import BudgetError, UsageError
from conformance.exit_status import worst
from conformance.history.records import Exchange
from conformance.program.steps import Program
from conformance.replaying.budget import Lack, ReplayBudget, Try
from conformance.replaying.questions import Asked, Outcome, Question, outcome, retries_of
from conformance.report.headline import answer
from conformance.session import Result

#: How often each program is carried out.
TRIES = 3
#: Carries out the programs of a try, and writes the reports into a folder.
Once = Callable[[Try, Path], Result]


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
        retries = retries_of(result.history, program.name)
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


def exit_status(found: Iterable[Replayed]) -> int:
    """1 if any cause is seen; else the status of a try that could not be made; 3 if a situation did not come about; else 0."""
    return worst({one.exit_status for one in found} | {0})
