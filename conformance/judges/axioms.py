"""Axioms, checked against the history before they are used (docs/design.md).

A finding that uses an axiom which this very history breaks proves nothing; ``judge`` turns it into a doubt. Only
what no defect under test explains counts as a broken axiom: a message that a retry may have touched meanwhile is
left to the judges.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from conformance.judges.case import Batch, Case, Write
from conformance.judges.held import standing
from conformance.judges.intervals import RETRYABLE, rank, seconds
from conformance.judges.sightings import Sight
from conformance.judges.timeline import comparable, follows, gain, views


def broken(case: Case) -> dict[str, str]:
    """Axiom ids that the history breaks, with how; at the first breach of each."""
    found: dict[str, str] = {}
    for message in case.messages:
        touched = case.batch_of(message)
        # A refusal moves nothing: BR-BLK-03 is about attempts, and here there is none more.
        writes = [(w.t, w.last) for w in touched.writes if not _idle(w)] if touched is not None else []
        for view in views(case.sights(message)):
            for a, b in pairwise(view):
                if not follows(case, b, a.last):
                    continue
                alone = not any(t <= b.last for t, _ in writes) or not any(
                    t <= b.last and last + case.header.settle_timeout >= a.t for t, last in writes
                )
                for axiom, how in _breaches(a, b, alone=alone):
                    found.setdefault(axiom, how)
    for note, until in standing(case):
        held = str(note.data.get("batch"))
        for sight in case.all_sights:
            status = sight.batch_statuses.get(held)
            if status in RETRYABLE and note.t <= sight.t - case.lag and sight.last <= until:
                found.setdefault("A8", f"read {sight.n} shows the batch that is held in processing in {status}")
    for batch in case.ours:
        for twice in _sent_twice(case, batch):
            found.setdefault("A6", twice)
    shown, allowed = case.shown_lag, case.header.read_lag
    if allowed is not None and shown is not None and shown[0] > allowed:
        found["A7"] = f"read {shown[1].n} lags {seconds(shown[0])}, more than the configured {seconds(allowed)}"
    return found


def _idle(write: Write) -> bool:
    return write.standing == "unsent" or (write.standing == "refused" and write.valid)


def _sent_twice(case: Case, batch: Batch) -> Iterator[str]:
    """Reads that show a send of ours carried out twice, as by a gateway that repeats it: somebody else writes (A6).

    One answer shows a row of the batch under two ids, of which the batch's listing has one, before any retry of the
    batch left: no retry can have made the other.
    """
    first = min((w.t for w in batch.writes if w.standing != "unsent"), default=float("inf"))
    held = {(s.n, nonce) for m in batch.messages for s in case.sights(m) for nonce in s.nonces}
    for stray in batch.strays:
        for sight in case.sights(stray):
            if sight.last <= first and any((sight.n, nonce) in held for nonce in sight.nonces):
                yield f"read {sight.n} shows a row of a batch under two ids before any retry: it was sent twice"


def _breaches(a: Sight, b: Sight, *, alone: bool) -> list[tuple[str, str]]:
    """What two reads of one message, one after the other, break. ``alone``: no write can have touched it between."""
    where = f"reads {a.n} and {b.n} show {a.status}, then {b.status}"
    fields = comparable(a, b)
    grown = gain(a, b)
    found = []
    if fields and grown is None:
        found.append(("A4", f"reads {a.n} and {b.n}: the fields that count attempts grow by different numbers"))
    first, second = rank(a.status), rank(b.status)
    if grown == 0 and first is not None and second is not None and second < first and alone:
        found.append(("A2" if a.terminal else "A1", f"{where} in one attempt"))
    if grown == 0 and a.terminal and b.terminal and a.status != b.status:
        found.append(("A2", f"{where} in one attempt"))
    if a.status != b.status and a.updated_at is not None and a.updated_at == b.updated_at:
        found.append(("A5", f"{where}, with the same updatedAt"))
    return found
