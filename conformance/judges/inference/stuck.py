"""Messages that a retry reset and that do not move any more: the common ground of BR-LIV-01 and BR-CON-02."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.findings import Margin
from conformance.judges.inference.case import Batch, Case
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.timeline import follows, same_attempt, was_reset


@dataclass(frozen=True)
class Stuck:
    """A message that stands still although a later one to the same recipient got through."""

    batch: Batch
    call: RetryCall
    first: Reading
    last: Reading
    #: The reading of a message to the same recipient, sent later, that is terminal.
    overtaken: Reading
    proof: Proof


def ended(case: Case, message: str, first: RetryCall) -> Proof | None:
    """Proof by two readings that the message had a new attempt after ``first`` left, and that it became terminal."""
    for view in case.views(message):
        before = [r for r in view if r.last <= first.t and r.terminal]
        if not before:
            continue
        reset = False
        for r in view:
            if r.t < first.t or not follows(case, r, first.t):
                continue
            reset = reset or was_reset(before[-1], r)
            if reset and r.terminal:
                return Proof(evidence=(before[-1].n, first.n, r.n))
    return None


def stands(case: Case, batch: Batch, message: str, resets: tuple[RetryCall, ...]) -> Stuck | None:
    """Proof that the message does not move any more since one of these calls reset it."""
    row = batch.row_of.get(message)
    seen = case.readings(message)
    if row is None or not resets or not seen:
        return None
    last = max(seen, key=lambda r: (r.last, r.n))
    still = [
        r for r in seen if r.status == last.status and r.t > resets[0].t and same_attempt(case, r, last) is not None
    ]
    if not last.in_progress or last.status == "sent_to_telco" or not still:
        return None
    first = still[0]
    call = next((c for c in reversed(resets) if c.t < first.t), None)
    was_terminal = any(r.terminal and r.last <= first.t for r in seen)
    if call is None or not was_terminal or last.t - case.lag(last.view) - first.last < case.header.settle_timeout:
        return None
    overtaken = _overtaken(case, message, row.recipient, call.last, last.last)
    if overtaken is None or any(first.t < r.t < last.t and r.status != last.status for r in seen):
        return None
    said = (
        f"retry {call.n}: {last.t - first.last:.0f} s apart, reads {first.n} and {last.n} show a message in {last.status}; in read "
        f"{overtaken.n} a later one to that number is terminal"
    )
    same = same_attempt(case, first, last) or ()
    proof = Proof(
        because=(said,),
        evidence=(call.n, first.n, last.n, overtaken.n),
        assumptions=frozenset((*same, *assume("A1", message), *assume("A7", last.view))),
        margins={last.view: Margin(last.t - first.last - case.header.settle_timeout, last.view, last.n)},
    )
    return Stuck(batch, call, first, last, overtaken, proof)


def _overtaken(case: Case, message: str, recipient: str, begun: float, until: float) -> Reading | None:
    """A terminal reading of another message to the recipient that was sent after ``begun``."""
    for batch in case.groups:
        if batch.send is None or batch.send.t < begun:
            continue
        for other, row in batch.row_of.items():
            if other == message or row.recipient != recipient:
                continue
            for reading in case.readings(other):
                if reading.terminal and reading.last <= until:
                    return reading
    return None
