"""A batch retry in its history: its answer, what was read before and after it, and what can be proved about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from conformance.contract.vocabulary import NO_FAILED_CODE, NOT_RETRYABLE_CODE, RETRYABLE, TOO_MANY_CODE
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.brackets import Bracket, brackets
from conformance.judges.inference.case import Case
from conformance.judges.inference.ledger import Surplus
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.quiescence import (
    NotQuiescent,
    Quiescent,
    StatusBefore,
    partial_enqueue,
    perhaps_not_retryable,
    quiescent,
    retryable_before,
    status_before,
)
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.timeline import (
    Failed,
    begun,
    comparable,
    counts_by,
    failed_at,
    follows,
    gain,
    grown,
    owed,
    perhaps_reset,
    read_after,
    retried,
    same_attempt,
    stirred,
    terminal_stays,
)


@dataclass(frozen=True)
class Effect:
    """What became of one message by one retry: it shows a new attempt, or still none when its time is over."""

    kind: Literal["reset", "left"]
    before: Reading
    after: Reading
    proof: Proof


@dataclass(frozen=True, eq=False)
class Retry:
    """A valid batch retry that left, 429 included; with a body, query or header that must not matter, or without."""

    case: Case
    batch: Batch
    call: RetryCall
    #: Every attempt of the run that no retry explains.
    surpluses: Callable[[], tuple[Surplus, ...]] = tuple

    # -- what was asked and answered ---------------------------------------------------------------------------

    @property
    def n(self) -> int:
        return self.call.n

    @property
    def scenario(self) -> str:
        return self.call.scenario

    @property
    def accepted(self) -> bool:
        return self.call.accepted

    @property
    def refused(self) -> bool:
        """True for a plain retry that the target refused. One with a body may be refused for it (ruling 30)."""
        return self.call.refused and self.call.plain

    @property
    def refused_as_not_retryable(self) -> bool:
        return self.call.code == NOT_RETRYABLE_CODE

    @property
    def answer(self) -> str:
        """Status and code, such as ``400 unresolved_batch_messages``."""
        return self.call.said

    def accused(self, *requirements: str) -> tuple[str, ...]:
        """The requirements, and BR-SEC-05 where the retry had a body, query or header, which may be the cause."""
        return (*requirements, "BR-SEC-05") if self.call.harmless else requirements

    def answered(self, due: str) -> Proof:
        """That this answer came where another was due."""
        return Proof(because=(f"retry {self.n} {due}, and {self.answer} came",), evidence=(self.n,))

    # -- what surrounds it -------------------------------------------------------------------------------------

    @cached_property
    def overlapped(self) -> bool:
        return bool(self.batch.overlapping(self.call))

    @cached_property
    def until(self) -> float:
        """When the next call on the batch or its messages left."""
        return self.batch.next_call(self.call)

    @property
    def settled_at(self) -> float:
        """When its effects must be visible (ruling 16), in seconds."""
        return self.call.last + self.case.header.settle_timeout

    def read_after(self, message: str) -> Iterator[Reading]:
        """Readings of a message that surely show a state after this answer and before the next call."""
        for reading in self.case.readings(message):
            if follows(self.case, reading, self.call.last) and reading.last <= self.until:
                yield reading

    @cached_property
    def status_before(self) -> StatusBefore | None:
        return status_before(self.case, self.batch, self.call)

    @cached_property
    def retryable_before(self) -> StatusBefore | None:
        return retryable_before(self.case, self.batch, self.call)

    @cached_property
    def perhaps_not_retryable(self) -> bool:
        """True if the batch may have been in a status that is not retryable when it was decided."""
        return perhaps_not_retryable(self.case, self.batch, self.call)

    def statuses_after(self) -> tuple[tuple[Reading, str], ...]:
        """The batch's status in readings begun after the answer and ended before the next call."""
        return tuple(
            (r, s)
            for r, s in self.case.status_readings(self.batch)
            if follows(self.case, r, self.call.last) and r.last <= self.until
        )

    @cached_property
    def partial_enqueue(self) -> bool | None:
        """Whether ruling 17 may excuse what it left out: True, False, or None if no read tells."""
        return partial_enqueue(self.case, self.batch, self.call, self.until)

    # -- what can be proved ------------------------------------------------------------------------------------

    @cached_property
    def blockers(self) -> tuple[Bracket, ...]:
        """Every message that was provably ``created`` when the retry was decided."""
        return brackets(self.case, self.batch, self.call)

    @cached_property
    def failed(self) -> dict[str, Failed]:
        """Messages that were provably failed when it was decided."""
        found = ((m, failed_at(self.case, self.batch, m, self.call)) for m in self.batch.messages)
        return {m: known for m, known in found if known is not None}

    @cached_property
    def retriable(self) -> dict[str, Proof]:
        """Messages that were provably failed when it was decided, and retried at most once (ruling 3)."""
        found = {}
        for message, known in self.failed.items():
            times = retried(self.case, self.batch, message, self.call)
            if times.most < 2:
                found[message] = known.proof & times.proof
        return found

    @cached_property
    def quiescent(self) -> Quiescent | NotQuiescent:
        """Proof that the batch was quiescent when it left, or why that is not proved."""
        return quiescent(self.case, self.batch, self.call)

    @cached_property
    def stray(self) -> Surplus | None:
        """A surplus attempt that may have begun before the answer to a quiescent batch, and be the reason for a refusal.

        Not one that can only be the retry's own.
        """
        state = self.quiescent
        since = {r.message: begun(self.case, r) for r in state.readings} if isinstance(state, Quiescent) else {}
        for one in self.surpluses() if since else ():
            near = one.batch.id == self.batch.id and one.before.t <= self.call.last
            mine = not one.unprovoked and {s.call.n for s in one.suspects} == {self.n}
            if near and not mine and one.after.last >= since[one.message]:
                return one
        return None

    @cached_property
    def must_accept(self) -> Proof | None:
        """Proof that the batch was quiescent with a failed message retried fewer than twice (BR-ACC-02)."""
        return self.quiescent.must_accept if isinstance(self.quiescent, Quiescent) else None

    @cached_property
    def other_codes(self) -> tuple[str, ...]:
        """The codes of reasons that it may have been refused for next to a ``created`` message (ruling 13)."""
        often = any(retried(self.case, self.batch, m, self.call).most >= 2 for m in self.batch.messages)
        reasons = {
            # What a single retry does to the batch's status is not said (ruling 24).
            NOT_RETRYABLE_CODE: self.perhaps_not_retryable,
            NO_FAILED_CODE: not self.retriable,
            TOO_MANY_CODE: often,
        }
        return tuple(code for code, possible in reasons.items() if possible)

    @cached_property
    def other_reason(self) -> str:
        """What else may be why it was refused next to a ``created`` message (ruling 13), in words; empty if nothing may.

        Nothing may where a failed message was there to be retried, the batch was retryable, and no message was in progress beyond
        ``created`` (ruling 4): each other one was terminal in a read right before or after.
        """
        if not self.retriable:
            return "no message is shown that was failed and retried at most once"
        if self.refused_as_not_retryable and self.perhaps_not_retryable:
            return self._perhaps_put()
        blocking = {b.message for b in self.blockers}
        moving = next((m for m in self.batch.messages if m not in blocking and not self._terminal(m)), None)
        return f"message {moving}, another one, may have been in progress" if moving is not None else ""

    def _perhaps_put(self) -> str:
        """By what the batch may have been in a status that is not retryable, in words (ruling 24)."""
        shown = [(r, s) for r, s in self.case.status_readings(self.batch) if r.last <= self.call.t]
        singles = [c for c in self.batch.resets if c.single and c.t < self.call.t]
        by = f"single retry {singles[-1].n} of message {singles[-1].message}" if singles else ""
        if shown and shown[-1][1] not in RETRYABLE:
            reading, status = shown[-1]
            if singles and singles[-1].n == reading.n:
                return f"{by} is answered with the batch in {status}"
            after = f" after {by}" if singles and singles[-1].last <= reading.t else ""
            return f"answer {reading.n} shows the batch in {status}{after}"
        return f"{by} may have set the batch's status" if singles else "the batch is not shown in a retryable status"

    def _terminal(self, message: str) -> bool:
        if message in self.failed:
            return True
        # A view that does not count shows the same as one that does: what is terminal stays so until it is reset (A2).
        reset = max((c.t for c in self.batch.resetting(message) if c.t < self.call.t), default=float("-inf"))
        before = [r for r in self.case.readings(message) if reset < r.t and r.last <= self.call.t]
        ended = bool(before) and before[-1].terminal
        return ended and any(r.terminal and owed(self.case, self.batch, r).none for r in before)

    @cached_property
    def kept_failed(self) -> Proof | None:
        """That a message which was failed before the retry still is, in the same attempt, after it, and none moves again."""
        if stirred(self.case, self.batch, self.call, self.until):
            return None
        for message, known in self.failed.items():
            after = next(self.read_after(message), None)
            if after is None or after.status != "failure":
                continue
            before = [
                (r, same)
                for r in self.case.readings(message)
                if r.last <= self.call.t and r.status == "failure"
                if (same := same_attempt(self.case, r, after)) is not None
            ]
            if before:
                return known.proof & Proof(
                    evidence=(before[-1][0].n, self.n, after.n),
                    assumptions=frozenset((*before[-1][1], *assume("A7", after.view))),
                )
        return None

    def effect(self, message: str) -> Effect | None:
        """What the retry did to a message that was failed when it was decided; None if no read tells.

        Between the two readings no other retry can have reset it, so a gain is this one's.
        """
        return self._effects[message]

    @cached_property
    def _effects(self) -> dict[str, Effect | None]:
        return {m: effect(self.case, self.batch, m, self.call) for m in self.batch.messages}


def effect(case: Case, batch: Batch, message: str, call: RetryCall, settled: float | None = None) -> Effect | None:
    """What a call did to a message that was failed when it was decided; None if no read tells.

    :param settled: when its effects must have come, in seconds; by default the settling time after its answer.
    """
    resets = batch.resetting(message)
    limit = min((c.t for c in resets if c.t > call.t and c.n != call.n), default=float("inf"))
    settled = call.last + case.header.settle_timeout if settled is None else settled
    left: Effect | None = None
    moved = False
    for view in case.views(message):
        before = [r for r in view if r.last <= call.t and r.status == "failure"]
        if not before:
            continue
        a = before[-1]
        outstanding = owed(case, batch, a)
        if not outstanding.none or any(a.last <= c.t < call.t for c in resets) or _moved_on(case, a, call.t):
            continue
        for r in view:
            if not follows(case, r, call.t) or r.last > limit:
                continue
            moved = moved or perhaps_reset(a, r)
            counted = comparable(a, r)
            if (gain(a, r) or 0) >= 1 or (not counted and r.in_progress):
                assumed = counts_by(a, r) if counted else terminal_stays(a)
                shows = f"shows a message with a new attempt that read {a.n} shows failed"
                return Effect(
                    "reset",
                    a,
                    r,
                    outstanding.proof & Proof(evidence=(a.n,)) & read_after(r, call.t, shows, *assumed),
                )
            same = same_attempt(case, a, r)
            if left is None and same is not None and follows(case, r, settled) and r.status == a.status:
                shows = f"shows a message in the attempt that read {a.n} shows failed, when the settling time is over"
                left = Effect(
                    "left",
                    a,
                    r,
                    outstanding.proof
                    & Proof(evidence=(a.n,))
                    & read_after(r, settled, shows, *same, *terminal_stays(a)),
                )
    return None if moved else left


def _moved_on(case: Case, failed: Reading, until: float) -> bool:
    """True if another read that ended by then shows the message in a later attempt: what is gained is not the call's alone."""
    known = grown(case, failed)
    for reading in case.readings(failed.message):
        if reading.last <= until and follows(case, reading, failed.last):
            more = grown(case, reading)
            if reading.in_progress or (known is not None and more is not None and more[1] > known[1]):
                return True
    return False
