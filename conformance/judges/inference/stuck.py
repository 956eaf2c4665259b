"""Messages that a retry reset, and whether they end or do not move any more: the common ground of BR-LIV and BR-CON-02."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.findings import Margin
from conformance.history.records import Role
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.rounds import again
from conformance.judges.inference.timeline import begun, comparable, counts_by, follows, gain, same_attempt


@dataclass(frozen=True)
class Stuck:
    """A message that stands still since ``call`` reset it, as reads ``first`` to ``last`` show, and why that is known."""

    batch: Batch
    call: RetryCall
    first: Reading
    last: Reading
    proof: Proof


def ended(case: Case, message: str, first: RetryCall) -> Proof | None:
    """That reads show a new attempt, terminal: by a count, or since the message was seen in progress again before it ended."""
    for view in case.views(message):
        before = [r for r in view if r.last <= first.t and r.terminal]
        after = [r for r in view if before and follows(case, r, first.t)]
        moving: Reading | None = None
        for r in after:
            if r.terminal and (gain(before[-1], r) or 0) >= 1:
                assumed = counts_by(before[-1], r)
                return Proof(evidence=(before[-1].n, first.n, r.n), assumptions=frozenset(assumed))
            if moving is not None and r.terminal and follows(case, r, moving.last):
                return Proof(evidence=(before[-1].n, first.n, moving.n, r.n))
            if not comparable(before[-1], r) and again(case, before[-1], r):
                moving = r
    return None


def stands(case: Case, batch: Batch, message: str, resets: tuple[RetryCall, ...]) -> Stuck | None:
    """Proof that the message does not move any more since one of these calls reset it."""
    row = batch.row_of.get(message)
    seen = case.readings(message)
    if row is None or not resets or not seen:
        return None
    last = max(seen, key=lambda r: (r.last, r.n))
    if not last.in_progress or _with_the_carrier(case, last):
        return None
    same = [
        (r, s)
        for r in seen
        if r.status == last.status and r.t > resets[0].t and (s := same_attempt(case, r, last)) is not None
    ]
    if not same:
        return None
    first, assumed = same[0]
    retry = next((c for c in reversed(resets) if c.t < first.t), None)
    reset = any(r.terminal and r.last <= first.t for r in seen)
    if retry is None or not reset or begun(case, last) - first.last < case.header.settle_timeout:
        return None
    overtaken = delivered(case, retry.last, last.last, but=message, recipient=row.recipient)
    if overtaken is None or any(first.t < r.t < last.t and r.status != last.status for r in seen):
        return None
    line = (
        f"retry {retry.n}: {last.t - first.last:.0f} s apart, reads {first.n} and {last.n} show a message in {last.status}; in "
        f"read {overtaken.n} a later one to that number is terminal"
    )
    proof = Proof(
        because=(line,),
        evidence=(retry.n, first.n, last.n, overtaken.n),
        assumptions=frozenset((*assume("A1", message), *assume("A7", last.view), *assumed)),
        margins={last.view: Margin(last.t - first.last - case.header.settle_timeout, last.view, last.n)},
    )
    return Stuck(batch, retry, first, last, proof)


def _with_the_carrier(case: Case, reading: Reading) -> bool:
    """True if the status may be the last (contract, section 1): ``sent_to_telco``, and ``sent`` in the words of the older guide."""
    newer = ("enqueued", "sending", "sent_to_telco")
    older = reading.status == "sent" and not any(r.status in newer for r in case.all_readings)
    return older or reading.status == "sent_to_telco"


def delivered(
    case: Case, since: float, until: float, *, but: str, recipient: str = "", role: Role | None = None
) -> Reading | None:
    """A terminal reading of another message, sent after ``since``: to this recipient, or a success to one of this role."""
    for other in case.messages:
        row, home = case.row(other), case.batch_of(other)
        if other == but or row is None or home is None or home.send is None or home.send.t < since:
            continue
        if (role is not None and row.role != role) or (recipient and row.recipient != recipient):
            continue
        for reading in case.readings(other):
            if reading.last <= until and (reading.status == "success" if role is not None else reading.terminal):
                return reading
    return None
