"""Why a run ended early: a word for machines (``run.stopped_by`` in conformance.json), and the same for people."""

from __future__ import annotations

from typing import Literal, get_args

from conformance.errors import BudgetError, GuardError, ProvedError, SuiteError, TargetError
from conformance.history.records import PREFLIGHT, History

StoppedBy = Literal[
    "",
    "unreachable",
    "key_refused",
    "not_permitted",
    "no_such_campaign",
    "throttled",
    "broken",
    "no_answer",
    "not_this_api",
    "answers_alike",
    "stopped_working",
    "messages_spent",
    "calls_spent",
    "time_over",
    "guard",
    "data_lost",
    "stopped_early",
    "history_lost",
    "suite_broke",
    "interrupted",
    "terminated",
    "not_started",
    "unknown",
]
REASONS: tuple[StoppedBy, ...] = get_args(StoppedBy)
WORDS: dict[str, str] = {
    "unreachable": "the target cannot be reached",
    "key_refused": "the target refuses the key",
    "not_permitted": "the target does not permit this key or this address",
    "no_such_campaign": "the target knows no such campaign",
    "throttled": "the target answers 429 again and again",
    "broken": "the target answers server errors",
    "no_answer": "the target gives no whole answer",
    "not_this_api": "the target does not answer as this API",
    "answers_alike": "the target answers everything alike",
    "stopped_working": "the target stopped working during the run",
    "messages_spent": "limits.max_messages is used up",
    "calls_spent": "limits.max_calls is used up",
    "time_over": "limits.max_seconds is over",
    "guard": "the guard did not let a request out",
    "data_lost": "the target lost its data during the run",
    "stopped_early": "a MUST is proved broken, and --stop-early was given",
    "history_lost": "the history could not be written",
    "suite_broke": "the suite itself broke",
    "interrupted": "the run was interrupted",
    "terminated": "the run was ended from outside",
    "not_started": "the run did not start",
    "unknown": "the run was killed, or goes on",
}
_LIMITS: dict[str, StoppedBy] = {
    "limits.max_messages": "messages_spent",
    "limits.max_calls": "calls_spent",
    "limits.max_seconds": "time_over",
}


def by_error(error: SuiteError) -> StoppedBy:
    """Return the reason that an error stands for."""
    for reason in REASONS:
        if reason and reason == error.cause:
            return reason
    if isinstance(error, ProvedError):
        return "stopped_early"
    if isinstance(error, BudgetError):
        return _LIMITS.get(error.where, "guard")
    return "guard" if isinstance(error, GuardError) else "stopped_working"


def by_history(history: History) -> StoppedBy:
    """Return why the run of a history ended early; empty if it did all that it had planned."""
    if history.footer is None:
        return "unknown"
    if history.footer.complete:
        return ""
    told = [str(note.data.get("by", "")) for note in history.notes if note.event == "stopped"]
    for reason in REASONS:
        if told and reason and reason == told[-1]:
            return reason
    return "unknown"


def turned_away(history: History) -> bool:
    """Return whether the preflight turned the target away: it is not judged by the few reads of that."""
    return bool(by_history(history)) and all(e.invoke.driver == PREFLIGHT for e in history.exchanges)


def status_of(stopped_by: StoppedBy) -> int:
    """Return the exit status of a run that ended so, whatever its verdicts are; 0 if they alone make it."""
    if stopped_by in ("", "stopped_early", "unknown"):
        return 0
    own = {"history_lost": 5, "suite_broke": 5, "interrupted": 130, "terminated": 143}
    return own.get(stopped_by, TargetError.exit_status)
