"""Read a history file. As strict as the writer, but for the end: a killed run leaves a file that counts as far as it goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from conformance.errors import FormatError
from conformance.history.records import (
    SCHEMA_VERSION,
    AnyRecord,
    End,
    Exchange,
    Footer,
    Header,
    History,
    Invoke,
    Note,
)

#: Bytes of one file above which it is not read.
MAX_BYTES = 1 << 30
#: Requests that may have been numbered, and not yet be on record, when a run is killed: races and drivers at once.
UNDERWAY = 64


def read_history(path: Path) -> History:
    """The history in this file.

    :raises FormatError: the file is missing, empty, too large, not a history, of another version, or broken
        before its last line. (A last line that is cut off, and a missing footer, are what a killed run leaves.)
    """
    hint = "give a history.jsonl that a run of this suite wrote"
    decoder = msgspec.json.Decoder(AnyRecord)
    records: list[AnyRecord] = []
    shared = _Shared()
    try:
        if path.stat().st_size > MAX_BYTES:
            raise FormatError("is larger than 1 GiB", where=str(path), hint=hint)
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    records.append(shared.within(decoder.decode(line)))
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                    # Only a last line can have no end.
                    if records and not line.endswith(b"\n"):
                        break
                    what = f"is not a record of a history ({error})"
                    raise FormatError(what, where=f"{path}:{number}", hint=hint) from None
    except OSError as error:
        raise FormatError(f"cannot be read ({error.strerror})", where=str(path), hint=hint) from None
    try:
        return join(records)
    except FormatError as error:
        raise FormatError(error.what, where=str(path), hint=error.hint or hint) from None


class _Shared:
    """Rows of pages, each held once: a campaign's listing shows the same messages again and again."""

    def __init__(self) -> None:
        self._rows: dict[bytes, Any] = {}

    def within(self, record: AnyRecord) -> AnyRecord:
        """The same record, with rows that were seen before in place of equal ones. Nothing changes a body that was read."""
        body = record.body if isinstance(record, End) else None
        rows = body.get("data") if isinstance(body, dict) else None
        if isinstance(rows, list):
            rows[:] = [self._rows.setdefault(sha256(msgspec.json.encode(row)).digest(), row) for row in rows]
        return record


def join(records: Iterable[AnyRecord]) -> History:
    """Records to exchanges. A request without an end is lost: the run was killed while it was underway (ruling 11).

    :raises FormatError: no header first, another version, an end without its request, a number used twice or missing.
    """
    header: Header | None = None
    footer: Footer | None = None
    invokes: dict[int, Invoke] = {}
    ends: dict[int, End] = {}
    notes: list[Note] = []
    for record in records:
        if header is None:
            if not isinstance(record, Header):
                raise FormatError("does not begin with a header")
            if record.schema_version != SCHEMA_VERSION:
                raise FormatError(
                    f"has version {record.schema_version}, this suite reads {SCHEMA_VERSION}",
                    hint="use the suite that wrote it",
                )
            header = record
        elif footer is not None:
            raise FormatError("goes on after its footer: two histories in one file?")
        elif isinstance(record, Header):
            raise FormatError("has two headers: two histories in one file?")
        elif isinstance(record, Footer):
            footer = record
        elif isinstance(record, Invoke):
            if record.n in invokes:
                raise FormatError(f"has two requests with the number {record.n}")
            invokes[record.n] = record
        elif isinstance(record, End):
            if record.n not in invokes or record.n in ends:
                raise FormatError(f"has an end without its request, or twice: {record.n}")
            ends[record.n] = record
        else:
            notes.append(record)
    if header is None:
        raise FormatError("is empty")
    _check_whole(invokes, ends, footer)
    # When the run was killed, the request may have been carried out at any time after it left.
    over = max((*(e.last for e in ends.values()), *(i.t for i in invokes.values()), 0.0))
    exchanges = tuple(
        Exchange(invoke=invoke, end=ends.get(n) or End(n=n, outcome="lost", last=over, error="the run ended first"))
        for n, invoke in sorted(invokes.items())
    )
    return History(header=header, exchanges=exchanges, notes=tuple(notes), footer=footer)


def _check_whole(invokes: Mapping[int, Invoke], ends: Mapping[int, End], footer: Footer | None) -> None:
    """A judge reads what is not there as what did not happen, so nothing may be missing.

    Requests are numbered from 1 on. A run that did not end by itself may have numbered some that it did not live to
    record; they are among its last. What a footer counts must be there.
    """
    last = max(invokes, default=0)
    bound = last if footer is not None and footer.complete else last - UNDERWAY
    if bound > 0:
        # Bounded by what there is, whatever the numbers are.
        missing = next((n for n in range(1, min(bound, len(invokes) + 1) + 1) if n not in invokes), None)
        if missing is not None:
            raise FormatError(f"lacks the request with the number {missing}: the history has a hole")
    if any(n < 1 for n in invokes):
        raise FormatError(f"has a request with the number {min(invokes)}: they begin with 1")
    sent = len(invokes) - sum(end.outcome == "not_sent" for end in ends.values())
    # A signal may strike between the record of a request and its count.
    counted = footer is None or footer.calls == sent or (not footer.complete and footer.calls == sent - 1)
    if footer is not None and not counted:
        raise FormatError(f"holds {sent} requests that were sent, and its footer counts {footer.calls}")
