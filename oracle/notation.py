"""A one-line notation for histories, so that a test reads like a table.

    F1 S1 [enq] | retry 201 | C2 S1 | settle | F2 S1

``|`` stands between cells, one after the other in time; ``&`` between exchanges of one cell that overlap. The send
of the batch comes first by itself; all sights show the same rows in the same order. A cell is one of:

- sights, one for each row: a letter for the status (C created, E enqueued, D sending, N sent, T sent_to_telco,
  S success, F failure), then as far as shown: ``!X`` the newest attempt's status where it differs, the number of
  attempts, ``<XY`` the earlier attempts' statuses, newest first, where not all are failures, ``~`` the earlier
  attempts with other ids and dates than elsewhere, ``@7`` updatedAt. ``-`` is a row that is not read.
  Whole rows are a page of the batch's listing (Retrieve Batch). With a batch status at the end (``[enq]``,
  ``[failed]``, ``[busy]``), with a row left out, or with ``read`` before, they are single reads (Retrieve Message),
  one after the other. ``list`` before them makes a listing that lacks the rows left out.
- ``retry ANSWER``, ``single ROW ANSWER`` (rows count from 0), where ANSWER is a status with a code as the case may
  be (``400 unresolved_batch_messages``), a status and the size of its body (``201+2``), or ``lost``.
- ``wait SECONDS``, or ``settle``: a second more than the settling time.
- ``send FSPR``, first of all: the rows' roles, failing, succeeding, pending, recovering.
"""

from __future__ import annotations

import re

from conformance.errors import FormatError
from conformance.history.records import History
from oracle.exchanges import from_history, to_history
from oracle.line import (
    BATCH_STATUSES,
    ROLES,
    STATUSES,
    Cell,
    Line,
    Listing,
    Part,
    Reads,
    Retry,
    Shown,
    Wait,
    usual_roles,
)

_SIGHT = re.compile(r"([CEDNTSF])(?:!([CEDNTSF]))?(\d{1,2})?(?:<([CEDNTSF]+))?(~)?(?:@(\d{1,6}))?")
_STATUS = re.compile(r"\[([a-z_]+)\]")
_ANSWER = re.compile(r"([1-5]\d\d)(?:\+(\d{1,6}))?")
_CODE = re.compile(r"[a-z][a-z_]*")
#: A sight has this many exchanges side by side at most, so that their times stay apart.
_WIDEST = 8


def parse(text: str, *, settle: float = 10.0, lag: float | None = 0.0) -> History:
    """The history that a line stands for.

    :param text: one line of the notation above.
    :param settle: ``settle_timeout`` of the header, in seconds.
    :param lag: ``read_lag`` of the header, in seconds; None is auto.
    :raises FormatError: the text is no such line; says in which cell, and what may stand there.
    """
    return to_history(parse_line(text), settle=settle, lag=lag)


def render(history: History) -> str:
    """The line that stands for a history; ``parse(render(history))`` has the same exchanges.

    :param history: one that ``parse`` made, or one like it: one batch, whole listings and single reads.
    :raises FormatError: the history holds something that the notation has no word for.
    """
    return render_line(from_history(history))


def parse_line(text: str) -> Line:
    """The cells of a line; raises FormatError as ``parse`` does."""
    parts = [cell.strip() for cell in text.split("|")]
    roles = None
    if parts and parts[0].split()[:1] == ["send"]:
        roles = _roles(parts.pop(0))
    cells = tuple(_cell(number, cell) for number, cell in enumerate(parts, 1)) if parts else ()
    rows = _width(cells, roles)
    return Line(roles=roles or usual_roles(rows, cells), cells=cells)


def render_line(line: Line) -> str:
    """The text of a line."""
    cells = [" & ".join(map(_part_text, cell)) for cell in line.cells]
    needed = line.roles != usual_roles(len(line.roles), line.cells) or not _widths(line.cells)
    return " | ".join(([f"send {line.roles}"] if needed else []) + cells)


def _fault(number: int, what: str, hint: str) -> FormatError:
    return FormatError(what, where=f"notation, cell {number}", hint=hint)


def _roles(cell: str) -> str:
    words = cell.split()
    if len(words) != 2 or not set(words[1]) <= ROLES.keys():
        raise FormatError(
            f"{cell!r} names no rows",
            where="notation, first cell",
            hint=f"write `send` and a letter of {''.join(ROLES)} for each row",
        )
    return words[1]


def _widths(cells: tuple[Cell, ...]) -> list[int]:
    return [len(part.rows) for cell in cells for part in cell if isinstance(part, Listing | Reads)]


def _width(cells: tuple[Cell, ...], roles: str | None) -> int:
    widths = _widths(cells)
    if roles is not None:
        widths.insert(0, len(roles))
    if not widths:
        raise FormatError(
            "no cell shows how many rows the batch has",
            where="notation",
            hint="begin with `send F` (a letter for each row) or with sights",
        )
    if len(set(widths)) > 1:
        raise FormatError(
            f"cells show {' and '.join(map(str, sorted(set(widths))))} rows",
            where="notation",
            hint="give every cell a sight of every row, `-` where it is not read",
        )
    for number, cell in enumerate(cells, 1):
        for part in cell:
            if isinstance(part, Retry) and part.message is not None and part.message >= widths[0]:
                raise _fault(number, f"there is no row {part.message}", f"rows count from 0 to {widths[0] - 1}")
    return widths[0]


def _cell(number: int, cell: str) -> Cell:
    texts = [text.strip() for text in cell.split("&")]
    if not all(texts):
        raise _fault(number, "an exchange is missing", "write sights, `retry`, `single`, `wait` or `settle`")
    parts = tuple(_part(number, text.split()) for text in texts)
    if len(parts) > 1 and any(isinstance(part, Wait) for part in parts):
        raise _fault(number, "a wait overlaps an exchange", "give the wait a cell of its own")
    if sum(_exchanges(part) for part in parts) > _WIDEST and len(parts) > 1:
        raise _fault(number, f"more than {_WIDEST} exchanges overlap", "spread them over several cells")
    return parts


def _exchanges(part: Part) -> int:
    return sum(row is not None for row in part.rows) if isinstance(part, Reads) else 1


def _part(number: int, words: list[str]) -> Part:
    head, rest = words[0], words[1:]
    if head == "retry":
        return _retry(number, None, rest)
    if head == "single":
        if not rest or not rest[0].isdecimal():
            raise _fault(number, "`single` names no row", "write `single 0 201`; rows count from 0")
        return _retry(number, int(rest[0]), rest[1:])
    if head == "settle" and not rest:
        return Wait()
    if head == "wait":
        return _wait(number, rest)
    return _sights(number, words)


def _wait(number: int, words: list[str]) -> Wait:
    try:
        (word,) = words
        milliseconds = round(float(word) * 1000)
    except (ValueError, OverflowError):
        raise _fault(number, "`wait` has no duration", "write seconds, such as `wait 0.5`") from None
    if milliseconds <= 0:
        raise _fault(number, "the wait is no longer than nothing", "write a millisecond or more")
    return Wait(milliseconds=milliseconds)


def _retry(number: int, message: int | None, words: list[str]) -> Retry:
    if words == ["lost"]:
        return Retry(message=message, status=None)
    answer = _ANSWER.fullmatch(words[0]) if words else None
    if answer is None or len(words) > 2:
        raise _fault(number, f"{' '.join(words) or 'nothing'!r} is no answer", "write `201`, `400 some_code` or `lost`")
    code = words[1] if len(words) == 2 else None
    size = int(answer[2] or 0)
    if code is not None and not _CODE.fullmatch(code):
        raise _fault(number, f"{code!r} is no code", "write it in small letters and underscores")
    if size and (code is not None or message is not None):
        raise _fault(number, "a size stands where the body is known", "write it with a batch retry without a code")
    return Retry(message=message, status=int(answer[1]), code=code, size=size)


def _sights(number: int, words: list[str]) -> Part:
    how = words.pop(0) if words[0] in ("list", "read") else None
    status = _STATUS.fullmatch(words[-1]) if words else None
    if status is not None:
        words.pop()
        if status[1] not in BATCH_STATUSES:
            raise _fault(number, f"{status[0]} is no batch status", f"write one of {', '.join(BATCH_STATUSES)}")
    rows = tuple(_sight(number, word) for word in words)
    if not any(rows):
        raise _fault(number, "no message is read", "write a sight of one row or more, such as `F1 -`")
    if how == "list" and status is not None:
        raise _fault(number, "a listing shows no batch status", "leave out `list`, or the status")
    if how == "list" or (how is None and status is None and all(rows)):
        return Listing(rows=rows)
    return Reads(rows=rows, batch=status[1] if status is not None else None)


def _sight(number: int, word: str) -> Shown | None:
    if word == "-":
        return None
    found = _SIGHT.fullmatch(word)
    if found is None:
        raise _fault(
            number, f"{word!r} is no sight", f"write a letter of {''.join(STATUSES)} and a number: `F1`, or `-`"
        )
    status, newest, count, earlier, altered, stamp = found.groups()
    number_of = int(count) if count is not None else None
    if (newest or earlier or altered) and not number_of:
        raise _fault(number, f"{word!r} shows attempts but not how many", "write their number after the status")
    if earlier is not None and len(earlier) != (number_of or 0) - 1:
        raise _fault(number, f"{word!r} has {number_of} attempts", "write one letter less than attempts after `<`")
    if altered and number_of == 1:
        raise _fault(number, f"{word!r} has no earlier attempts", "write `~` where there are two or more")
    return Shown(
        status=status,
        count=number_of,
        newest=newest if newest != status else None,
        earlier=earlier if earlier is not None and set(earlier) != {"F"} else None,
        altered=altered is not None,
        stamp=int(stamp) if stamp is not None else None,
    )


def _part_text(part: Part) -> str:
    if isinstance(part, Wait):
        return "settle" if part.milliseconds is None else f"wait {part.milliseconds / 1000:g}"
    if isinstance(part, Retry):
        head = "retry" if part.message is None else f"single {part.message}"
        if part.status is None:
            return f"{head} lost"
        return f"{head} {part.status}" + (f"+{part.size}" if part.size else "") + (f" {part.code}" if part.code else "")
    rows = " ".join(map(_sight_text, part.rows))
    if isinstance(part, Listing):
        return rows if all(part.rows) else f"list {rows}"
    if part.batch is not None:
        return f"{rows} [{part.batch}]"
    return f"read {rows}" if all(part.rows) else rows


def _sight_text(shown: Shown | None) -> str:
    if shown is None:
        return "-"
    return (
        shown.status
        + (f"!{shown.newest}" if shown.newest else "")
        + ("" if shown.count is None else str(shown.count))
        + (f"<{shown.earlier}" if shown.earlier else "")
        + ("~" if shown.altered else "")
        + ("" if shown.stamp is None else f"@{shown.stamp}")
    )
