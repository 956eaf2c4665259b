"""`run --replay reports/`: is each cause of a report still there? One question, and nothing else judged.

The program of each cause is carried out three times, each time in a folder of its own, so that the report itself stays and
`compare` still has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from conformance.errors import UsageError
from conformance.history.records import History
from conformance.program.steps import Program
from conformance.report.causes import lead
from conformance.report.headline import answer
from conformance.report.model import Cause, Report
from conformance.session import Result, read_program

#: How often each program is carried out.
TRIES = 3

Outcome = Literal["seen", "not seen", "did not come about"]


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """A cause, and what came of each try; none if it has no program."""

    cause: Cause
    outcomes: tuple[Outcome, ...]
    #: How retries were answered, each answer once.
    answers: tuple[str, ...] = ()

    @property
    def exit_status(self) -> int:
        """1 seen in any try; 3 the situation came about in none; else 0."""
        if "seen" in self.outcomes:
            return 1
        return 0 if "not seen" in self.outcomes else 3

    @property
    def line(self) -> str:
        """What came of it, in a line."""
        head = f"cause {self.cause.number} ({self.cause.headline})"
        if not self.outcomes:
            script = f"; {self.cause.script} shows it" if self.cause.script else ""
            return f"{head}: has no program to replay{script}"
        tried = [o for o in self.outcomes if o != "did not come about"]
        if not tried:
            return f"{head}: the situation did not come about in any of {len(self.outcomes)} tries"
        seen = tried.count("seen")
        if seen:
            return f"{head}: seen in {seen} of {len(tried)} tries"
        answers = f"; the target answered {', '.join(self.answers)}" if self.answers else ""
        return f"{head}: not seen in {len(tried)} of {len(self.outcomes)} tries{answers}"


def outcome(cause: Cause, report: Report) -> Outcome:
    """What a run of a cause's program shows of it.

    A requirement of the cause that fails by another finding counts as seen: "fixed" is said only of what passed.
    """
    mine = [item for item in report.requirements if item.id in cause.requirements]
    found = {f.fingerprint for item in report.requirements for f in item.findings}
    if found & set(cause.findings) or any(item.verdict == "fail" for item in mine):
        return "seen"
    return "not seen" if any(item.exercised for item in mine) else "did not come about"


def replay(report: Report, folder: Path, into: Path, once: Callable[[Program, Path], Result]) -> Iterable[Replayed]:
    """Replay every cause of a report.

    :param folder: the report's own; :param into: where the tries' reports go, a folder each.
    :param once: runs a program, and writes the reports into a folder.
    :raises UsageError: nothing fails in the report.
    :raises FormatError: a program is missing or none.
    """
    if not report.causes:
        raise UsageError("has no causes to replay", where=str(folder), hint="nothing in it fails")
    for cause in report.causes:
        finding = lead(report.requirements, cause)
        if not finding.program:
            yield Replayed(cause=cause, outcomes=())
            continue
        program = read_program(folder / finding.program)
        results = [once(program, into / f"cause-{cause.number}-{number}") for number in range(1, TRIES + 1)]
        yield Replayed(
            cause=cause,
            outcomes=tuple(_outcome(cause, result) for result in results),
            answers=tuple(dict.fromkeys(a for r in results for a in _answers(r.history, program.name))),
        )


def _outcome(cause: Cause, result: Result) -> Outcome:
    # A run that broke or was stopped shows nothing but what it proves.
    found = outcome(cause, result.report)
    return found if result.exit_status in (0, 1, 3) or found == "seen" else "did not come about"


def _answers(history: History, scenario: str) -> Sequence[str]:
    retries = (e for e in history.exchanges if e.invoke.scenario == scenario and e.invoke.operation == "batch_retry")
    return list(dict.fromkeys(answer(e) for e in retries))


def exit_status(found: Iterable[Replayed]) -> int:
    """1 if any cause is seen, 3 if the situation of one did not come about, else 0."""
    statuses = {one.exit_status for one in found}
    return 1 if 1 in statuses else 3 if 3 in statuses else 0
