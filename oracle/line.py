"""A history of one batch, small enough for one line: what was asked in turn, and what each answer showed.

Plain data between the notation (text) and histories (records); ``walk`` makes lines from the model.
"""

from __future__ import annotations

from dataclasses import dataclass

from conformance.contract.vocabulary import ENQUEUED, ENQUEUING_FAILED
from conformance.history.records import Role

#: Letters of the message statuses, in the order in which one attempt passes through them.
STATUSES = {
    "C": "created",
    "E": "enqueued",
    "D": "sending",
    "N": "sent",
    "T": "sent_to_telco",
    "S": "success",
    "F": "failure",
}
LETTERS = {status: letter for letter, status in STATUSES.items()}
#: What stands in brackets for a batch's status. The documents name no status of a batch that is being processed.
BATCH_STATUSES = {"enq": ENQUEUED, "failed": ENQUEUING_FAILED, "busy": "messages_processing"}
BATCH_WORDS = {status: word for word, status in BATCH_STATUSES.items()}
ROLES: dict[str, Role] = {"F": "failing", "S": "succeeding", "P": "pending", "R": "recovering"}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One message as one answer shows it."""

    #: Letter of latestStatus.
    status: str
    #: Number of attempts; None if the answer does not count them.
    count: int | None = None
    #: Letter of the newest attempt's status, where it is not latestStatus.
    newest: str | None = None
    #: Letters of the earlier attempts' statuses, newest first; None if they are all failures.
    earlier: str | None = None
    #: The earlier attempts carry other marks (id, createdAt) than everywhere else.
    altered: bool = False
    #: updatedAt, in seconds of the target's clock; None if it is not shown.
    stamp: int | None = None


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One page with the whole listing of the batch; None for a row that it lacks."""

    rows: tuple[Shown | None, ...]


@dataclass(frozen=True, kw_only=True)
class Reads:
    """Single reads, one after the other, of the messages that are not None; ``batch`` is the status they all show."""

    rows: tuple[Shown | None, ...]
    batch: str | None = None


@dataclass(frozen=True, kw_only=True)
class Retry:
    """A batch retry, or the single retry of ``message`` (position in the batch, from 0)."""

    message: int | None = None
    #: None: the answer is lost.
    status: int | None
    code: str | None = None
    #: Bytes of the answer's body, where that of an accepted batch retry is not empty.
    size: int = 0


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Nothing happens for so long; None is a second more than the settling time."""

    milliseconds: int | None = None


Part = Listing | Reads | Retry | Wait
#: Exchanges that overlap; most cells have one part.
Cell = tuple[Part, ...]


@dataclass(frozen=True, kw_only=True)
class Line:
    """Cells, one after the other, about a batch of so many rows; ``roles`` holds a letter of ``ROLES`` for each."""

    roles: str
    cells: tuple[Cell, ...]


def usual_roles(rows: int, cells: tuple[Cell, ...]) -> str:
    """Roles that nobody needs to name: failing where a row is ever shown failed, else succeeding."""
    seen = [part.rows for cell in cells for part in cell if isinstance(part, Listing | Reads)]
    shown = [{row.status for shown in seen if (row := shown[i]) is not None} for i in range(rows)]
    return "".join("F" if "F" in letters else "S" for letters in shown)
