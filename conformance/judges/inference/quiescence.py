"""Quiescent batches: nothing moves but by calls of ours, so that what reads show holds when the next call is decided.

Built on ``timeline``: which retries may still owe an attempt, and what of the batch's status stays as it was seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf

from conformance.contract.vocabulary import ENQUEUING_FAILED, NOT_RETRYABLE_CODE, RETRYABLE, UNRESOLVED_CODE
from conformance.findings import DoubtReason, Margin
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.brackets import brackets
from conformance.judges.inference.case import Case
from conformance.judges.inference.lost import missing
from conformance.judges.inference.proof import Proof, all_of, assume
from conformance.judges.inference.provider_state import asked
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.timeline import (
    begun,
    effect_until,
    exhausted,
    failed_at,
    follows,
    gain,
    last_before,
    older_outcome,
    owed,
    retried,
    terminal_stays,
)


@dataclass(frozen=True)
class NotQuiescent:
    """Why it is not proved that a batch was quiescent."""

    reason: DoubtReason
    text: str


@dataclass(frozen=True)
class Quiescent:
    """Proof that a batch was quiescent when a call left."""

    case: Case
    batch: Batch
    call: RetryCall
    #: One reading of each message, begun after the last call's answer and ended before this call left.
    readings: tuple[Reading, ...]
    #: Status of the batch in those reads; None if not visible (ruling 12), or if a refusal may be for another (``set_singly``).
    status: str | None
    proof: Proof

    @property
    def failed(self) -> tuple[str, ...]:
        return tuple(r.message for r in self.readings if r.status == "failure")

    @property
    def since(self) -> float:
        """When the reading of it was over."""
        return max(r.last for r in self.readings)

    @cached_property
    def stays(self) -> Proof:
        """That every message was still in the outcome that the reads showed when the call was decided (A2)."""
        return Proof(assumptions=frozenset(a for r in self.readings for a in terminal_stays(r)))

    @cached_property
    def retriable(self) -> tuple[str, ...]:
        """Failed messages that were retried at most once, so that both readings of the limit let them be retried (ruling 3)."""
        return tuple(m for m in self.failed if retried(self.case, self.batch, m, self.call).most < 2)

    @cached_property
    def must_accept(self) -> Proof | None:
        """Proof that a retry had to be answered 201 (BR-ACC-02); None if no failed message surely may be retried.

        Where the status is not visible this says nothing of it: see ``status``.
        """
        if not self.retriable:
            return None
        message = self.retriable[0]
        times = retried(self.case, self.batch, message, self.call)
        shows = f"{len(self.retriable)} messages of it are failed and were retried at most once"
        return self.proof & self.stays & times.proof & Proof(because=(shows,))


def quiescent(
    case: Case, batch: Batch, call: RetryCall, *, rivals: frozenset[int] = frozenset()
) -> Quiescent | NotQuiescent:
    """Proof that the batch was quiescent when ``call`` left, or why that is not proved.

    Quiescent: nothing outstanding or lost, all earlier retries settled, and every message terminal in a read begun after the last
    call's answer; the batch's status, where visible, is retryable.

    :param rivals: numbers of its rivals in a race, begun no sooner; what they do does not count.
    """
    others = [c for c in batch.sent if c.n != call.n and c.n not in rivals]
    earlier = [c for c in others if c.t < call.t]
    if any(c.t <= call.last and c.last > call.t for c in others):
        return NotQuiescent(DoubtReason.NOT_QUIESCENT, "another call was in flight")
    if any(c.unknown for c in earlier):
        return NotQuiescent(DoubtReason.ANSWER_LOST, "an earlier call has an unknown outcome")
    if not batch.whole:
        text = "not every row of the batch is known as a message"
        if len(batch.messages) >= len(batch.rows):
            text = "its messages show neither values nor a fullMessage by which its rows are told apart"
        return NotQuiescent(DoubtReason.MESSAGES_NOT_LISTED, text)
    since = max(e.last for e in (batch.send, *earlier) if e is not None)
    found = []
    for message in batch.messages:
        reading = last_before(case, message, call.t, since=since)
        if reading is None:
            return NotQuiescent(DoubtReason.NOT_READ_BEFORE, "not every message was read right before it")
        found.append(reading)
    if not all(r.terminal and not r.attempts_in_progress for r in found):
        return NotQuiescent(DoubtReason.NOT_QUIESCENT, "a message was in progress")
    if any(r.status == "failure" and older_outcome(case, r.message, call.t) for r in found):
        return NotQuiescent(
            DoubtReason.NOT_QUIESCENT, "a message was shown as failed, with an attempt delivered or in progress"
        )
    read = max(r.last for r in found)
    if call.refused and any(read <= e.t and e.last <= call.t and missing(e, batch) for e in case.exchanges):
        return NotQuiescent(DoubtReason.NOT_READ_BEFORE, "reads after those do not find it any more")
    done = [_settled_since(case, batch, r, since) for r in found]
    if any(one is None for one in done):
        return NotQuiescent(DoubtReason.NOT_SETTLED, "an earlier retry may still have an effect to come")
    shown = _status(case, batch, since, call.t)
    if shown is not None and shown[0] not in RETRYABLE:
        return NotQuiescent(DoubtReason.NOT_QUIESCENT, f"the batch is in {shown[0]}")
    if (
        shown is not None
        and call.code in (None, NOT_RETRYABLE_CODE)
        and call.refused
        and set_singly(case, batch, shown[1])
    ):
        put = _refused_since(case, batch, shown[1])
        shown = (shown[0], shown[1], shown[2] & put) if put is not None else None
    if any(begin <= call.last and end >= min(r.t for r in found) for begin, end in asked(case, batch.id)):
        return NotQuiescent(DoubtReason.NOT_QUIESCENT, "its vendor was asked for a state of the batch")
    numbers = tuple(sorted({r.n for r in found} | ({shown[1].n} if shown else set())))
    said = f"reads {numbers[0]} to {numbers[-1]}, after the last call's answer and before retry {call.n}, show "
    said += f"every message of the batch terminal{f' and the batch in {shown[0]}' if shown else ''}"
    margins: dict[str, Margin] = {}
    for r in found:
        margin = Margin(r.t - since, r.view, r.n)
        margins[r.view] = min(margin, margins.get(r.view, margin))
    views = dict.fromkeys(r.view for r in found)
    proof = all_of(*(one for one in done if one is not None), *([shown[2]] if shown else [])) & Proof(
        because=(said,),
        evidence=numbers,
        assumptions=frozenset((*assume("A6", batch.id), *assume("A7", *views))),
        margins=margins,
    )
    return Quiescent(case, batch, call, tuple(found), shown[0] if shown else None, proof)


def settled(case: Case, batch: Batch, reading: Reading) -> Proof | None:
    """Proof that no earlier retry can still owe the message an attempt: each reset it already, or time is over.

    A success is owed none by retries that found it so (A2b), nor by a single other one: it was reset by it, or in progress; but
    what is shown failed after that one's answer, in the same attempt, was corrected (ruling 18). An exhausted message is owed none.
    """
    known = exhausted(case, batch, reading.message, reading.last)
    if known is not None:
        return known
    outstanding = owed(case, batch, reading)
    if outstanding.none:
        # That the count belongs to the status that the same answer shows is A3.
        counted = Proof(assumptions=frozenset(assume("A3"))) if outstanding.proof.evidence else Proof()
        return outstanding.proof & counted
    if reading.status != "success":
        return None
    seen = [r for r in case.readings(reading.message) if r.last <= reading.last]
    delivered = [r for r in seen if r.status == "success"]
    past = [
        c for c in batch.resetting(reading.message) if c.t <= reading.last and not any(r.last <= c.t for r in delivered)
    ]
    alive = [c for c in past if effect_until(case, c) >= begun(case, reading)]
    failed = [r for r in seen if r.status == "failure" and any(r.t >= c.last for c in alive)]
    if len(alive) > 1 or any(gain(f, s) == 0 for f in failed for s in delivered):
        return None
    # A failure that was corrected may still be taken up: that it was reset rests on A2a.
    corrected = assume("A2a", reading.message) if any(r.status == "failure" for r in seen) else ()
    return Proof(evidence=(reading.n,), assumptions=frozenset((*terminal_stays(reading), *corrected)))


def _settled_since(case: Case, batch: Batch, reading: Reading, since: float) -> Proof | None:
    """As ``settled``, by whichever reading begun after ``since``, the last call's answer, counts attempts: it stays so."""
    seen = [
        r for r in case.readings(reading.message) if follows(case, r, since) and r.last <= reading.last and r.terminal
    ]
    proofs = (settled(case, batch, r) for r in (reading, *reversed(seen)))
    return next((proof for proof in proofs if proof is not None), None)


def _status(case: Case, batch: Batch, since: float, until: float) -> tuple[str, Reading, Proof] | None:
    """The batch's status in the latest read begun after ``since`` and ended by ``until``, if it stays so, and why it does.

    That it belongs to the state in which the messages are is told by the answers that show both (A3).
    """
    shown = [(r, status) for r, status in case.status_readings(batch) if follows(case, r, since) and r.last <= until]
    if not shown:
        return None
    reading, status = shown[-1]
    stays = steady(case, batch, reading) if status in RETRYABLE else Proof()
    if stays is None:
        return None
    # Before the first retry the status does not change any more once it is retryable.
    one_instant = assume("A3") if any(not c.single and c.t <= reading.last for c in batch.resets) else ()
    return status, reading, stays & Proof(assumptions=frozenset(one_instant))


def steady(case: Case, batch: Batch, shown: Reading) -> Proof | None:
    """Proof that a retryable status stays as the reading shows it until the next call.

    As long as an accepted batch retry may owe a message an attempt, the batch may still have to be processed (rulings 5 and 16).
    """
    alive = _alive(case, batch, shown, single=False)
    if not alive:
        return Proof(evidence=(shown.n,), assumptions=frozenset((*assume("A6", batch.id), *assume("A7", shown.view))))
    since = max(c.last for c in alive)
    if not batch.whole:
        return None
    found = []
    for message in batch.messages:
        one = next(
            (
                p
                for r in case.readings(message)
                if (r is shown or follows(case, shown, r.last)) and follows(case, r, since)
                if (p := settled(case, batch, r)) is not None
            ),
            None,
        )
        if one is None:
            return None
        found.append(one)
    return all_of(*found) & Proof(evidence=(shown.n,), assumptions=frozenset(assume("A7", shown.view)))


def _alive(case: Case, batch: Batch, shown: Reading, *, single: bool) -> list[RetryCall]:
    """Return the retries of one kind that may still have an effect when the reading begins to show its state."""
    since = begun(case, shown)
    return [c for c in batch.resets if c.single == single and c.t <= shown.last and effect_until(case, c) >= since]


def set_singly(case: Case, batch: Batch, shown: Reading) -> bool:
    """True if a single retry may still set the batch's status after the reading: what it does to it is not said (ruling 24), nor
    that it is done by the time that the message is seen to be reset, or to end (ruling 16)."""
    return bool(_alive(case, batch, shown, single=True))


def _refused_since(case: Case, batch: Batch, shown: Reading) -> Proof | None:
    """Proof that a refusal behind those single retries has set the status ``messages_enqueuing_failed`` that the reading shows.

    One that a ``created`` message provably blocked, behind which none shows the batch processed: processing may end in that status
    by itself. Such a batch has to be retryable once it rests (BR-ACC-03); next to a message that moves it may be processed all
    the same. An accepted batch retry that owes a message an attempt still may have set the status as well, by leaving it out
    (ruling 17).
    """
    owing = max((c.last for c in _alive(case, batch, shown, single=False)), default=None)
    if owing is not None and not all(_paid(case, batch, m, owing, shown.last) for m in batch.messages):
        return None
    processed = (r.t for r, s in case.status_readings(batch) if s not in RETRYABLE and r.last <= shown.last)
    since = max(processed, default=-inf)
    blocked = (c for c in batch.retries if c.refused and c.code == UNRESOLVED_CODE and c.last <= begun(case, shown))
    last = max((c for c in blocked if c.t >= since), key=lambda c: c.last, default=None)
    if last is None or case.batch_status(shown) != ENQUEUING_FAILED:
        return None
    if any(c.last > last.last for c in _alive(case, batch, shown, single=True)):
        return None
    return next((b.proof for b in brackets(case, batch, last)), None)


def _paid(case: Case, batch: Batch, message: str, since: float, until: float) -> bool:
    """Whether a reading begun after ``since`` shows that no retry owes the message an attempt any more."""
    seen = (r for r in case.readings(message) if follows(case, r, since) and r.last <= until)
    return any(owed(case, batch, r).none for r in seen)


def set_by_a_worker(case: Case, batch: Batch, shown: Reading) -> bool:
    """True if a batch retry may still have the batch processed after the reading (ruling 5).

    The worker that sends its messages may set the status later than they are reset (ruling 16), until they have ended.
    """
    return any(not _ended(case, batch, c, shown) for c in _alive(case, batch, shown, single=False))


def _ended(case: Case, batch: Batch, call: RetryCall, shown: Reading) -> bool:
    """True if by the end of the reading every message was seen terminal after the call, with nothing owed to it."""
    return batch.whole and all(
        any(
            r.terminal and r.last <= shown.last and follows(case, r, call.last) and settled(case, batch, r) is not None
            for r in case.readings(message)
        )
        for message in batch.messages
    )


@dataclass(frozen=True)
class StatusBefore:
    """The batch's status when a call was decided, and why it was that."""

    status: str
    reading: Reading
    proof: Proof


def status_before(case: Case, batch: Batch, call: RetryCall) -> StatusBefore | None:
    """The batch's status when the call left: as the latest read showed it, if nothing of ours can have changed it since.

    Neither a batch retry nor a single retry (ruling 24) lies between, and no accepted retry is still outstanding.
    """
    shown = [(r, status) for r, status in case.status_readings(batch) if r.last <= call.t]
    if not shown:
        return None
    reading, status = shown[-1]
    since = begun(case, reading)
    if any(c.n != call.n and c.last > since and c.t < call.last for c in batch.sent):
        return None
    if any(reading.t <= begin <= call.last for begin, _ in asked(case, batch.id)):
        return None
    why = steady(case, batch, reading) if status in RETRYABLE else Proof(assumptions=frozenset(assume("A6", batch.id)))
    if why is None:
        return None
    said = f"read {reading.n}, before retry {call.n}, shows the batch in {status}"
    margin = Margin(
        reading.t - max((c.last for c in batch.sent if c.t < reading.t), default=0.0), reading.view, reading.n
    )
    return StatusBefore(
        status,
        reading,
        why
        & Proof(
            because=(said,),
            evidence=(reading.n,),
            assumptions=frozenset((*assume("A6", batch.id), *assume("A7", reading.view))),
            margins={reading.view: margin},
        ),
    )


def retryable_before(case: Case, batch: Batch, call: RetryCall) -> StatusBefore | None:
    """The batch's status when the call left, if it was provably retryable."""
    found = status_before(case, batch, call)
    return found if found is not None and found.status in RETRYABLE else None


def perhaps_not_retryable(case: Case, batch: Batch, call: RetryCall) -> bool:
    """True if the batch may have been in a status that is not retryable when the call was decided."""
    before = retryable_before(case, batch, call)
    if before is None:
        return True
    return set_singly(case, batch, before.reading) or set_by_a_worker(case, batch, before.reading)


def shown_between(case: Case, batch: Batch, since: float, until: float) -> tuple[tuple[Reading, str], ...]:
    """Readings of the batch's status that may show an instant from ``since`` to ``until``."""
    return tuple((r, s) for r, s in case.status_readings(batch) if r.last >= since and r.last <= until)


def set_since(case: Case, batch: Batch, call: RetryCall) -> RetryCall | None:
    """A single retry before the call that may set the batch's status after it (rulings 16 and 24), and hide what the call set.

    Not where a refusal since then has set ``messages_enqueuing_failed``, as in ``_refused_since``.
    """
    before = [status for r, status in case.status_readings(batch) if r.last <= call.t]
    put = before[-1:] == [ENQUEUING_FAILED]
    refused = max((c.t for c in batch.retries if put and c.refused and c.last <= call.t), default=float("-inf"))
    singles = (c for c in batch.resets if c.single and refused < c.last and c.t < call.last)
    return next((c for c in singles if effect_until(case, c) >= call.t), None)


def partial_enqueue(case: Case, batch: Batch, call: RetryCall, until: float) -> bool | None:
    """Whether ruling 17 may excuse what an accepted call left out: True, False, or None if no read tells.

    A read begun when the settling time is over, and the lag of the status with it, tells: the status stands as long as a message is
    left out.
    """
    shown = shown_between(case, batch, call.t, until)
    if any(status == ENQUEUING_FAILED for _, status in shown):
        return True
    due = call.last + case.header.settle_timeout + case.status_lag
    told = any(follows(case, r, due) for r, _ in shown)
    return False if told and set_since(case, batch, call) is None else None


def failed_retriable(case: Case, batch: Batch, call: RetryCall) -> tuple[str, ...]:
    """Messages that were provably failed when the call was decided, and retried at most once."""
    return tuple(
        m
        for m in batch.messages
        if failed_at(case, batch, m, call) is not None and retried(case, batch, m, call).most < 2
    )
