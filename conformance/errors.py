"""Every error that a user of the suite can meet, as one tree.

    SuiteError
    ├── UsageError             wrong configuration, command line or file       exit status 2
    │   └── FormatError        a history, report, program or waiver file that cannot be read
    ├── StaleWaiverError       a waiver names no requirement                   exit status 1
    ├── TargetError            the target cannot be tested                     exit status 4
    ├── ProvedError            --stop-early: a MUST is proved broken           exit status 1
    └── GuardError             the guard did not let a request out             exit status 4
        ├── BudgetError        messages, calls or time are spent
        └── UnreadError        a retry of a batch that was not read whole

Each carries three parts, so that every message says the same three things: what is wrong, where, and
how to fix it.
"""

from __future__ import annotations


class SuiteError(Exception):
    """Base of the tree. ``str()`` is one line, fit for a terminal.

    :param what: what is wrong, a clause in the present tense.
    :param where: the key, file and line, option or URL that it is about.
    :param hint: what the user does about it.
    :param cause: a word for machines, of ``stopping.REASONS``; empty where the class says it.
    """

    exit_status = 5

    def __init__(self, what: str, *, where: str = "", hint: str = "", cause: str = "") -> None:
        self.what = what
        self.where = where
        self.hint = hint
        self.cause = cause
        parts = [f"{where}: {what}" if where else what]
        if hint:
            parts.append(hint)
        super().__init__(" — ".join(" ".join(part.split()) for part in parts))


class UsageError(SuiteError):
    """The command line, the configuration or a file is wrong; nothing was sent."""

    exit_status = 2


class FormatError(UsageError):
    """A file (history, report, program, waivers) is not what it should be."""


class StaleWaiverError(SuiteError):
    """A file of waivers outlived the contract; nothing was sent."""

    exit_status = 1


class TargetError(SuiteError):
    """The target cannot be tested at all, or not any more: unreachable, key refused, not this API, fallen silent."""

    exit_status = 4


class ProvedError(SuiteError):
    """A MUST is proved broken, and the run was asked to end there (``--stop-early``). What is on record is judged."""

    exit_status = 1


class GuardError(SuiteError):
    """A request would have left the bounds that the user set; it was not sent (design.md section 4)."""

    exit_status = 4


class BudgetError(GuardError):
    """The budget of messages, calls or time is spent; nothing more is sent."""


class UnreadError(GuardError):
    """A retry of a batch of which no reading shows whom it texts; it was not sent. Reading the batch whole hints it."""
