"""Proofs that a message was not failed when a call was decided."""

from __future__ import annotations

from conformance.findings import Margin
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.timeline import (
    begun,
    comparable,
    counts_by,
    effect_until,
    follows,
    gain,
    grown,
    read_after,
    same_attempt,
    terminal_stays,
)


def not_failed(case: Case, batch: Batch, message: str, call: RetryCall) -> Proof | None:
    """Proof that the message was a success, or in progress, at every instant at which the call can have been decided."""
    return success_at(case, batch, message, call) or in_progress_at(case, message, call)


def success_at(case: Case, batch: Batch, message: str, call: RetryCall) -> Proof | None:
    """Proof that the message was a success when the call was decided.

    A reading that ended before it left shows a success. It stays one until a retry (A2b), and a retry may have reset it against the
    contract: so either no call can have touched it since, or a reading begun after the answer shows it in that attempt still.
    """
    seen = [r for r in case.readings(message) if r.last <= call.t and r.status == "success"]
    for before in reversed(seen):
        stays = Proof(
            because=(f"read {before.n}, before retry {call.n} leaves, shows a message in success",),
            evidence=(before.n,),
            assumptions=frozenset((*terminal_stays(before), *assume("A6", batch.id), *assume("A7", before.view))),
        )
        if not any(_touches(case, c, message, before) for c in batch.sent if c.n != call.n and c.t <= call.last):
            done = [effect_until(case, c) for c in batch.resetting(message) if c.t < before.t and c.n != call.n]
            margin = Margin(before.t - max(done), before.view, before.n) if done else None
            return stays & Proof(margins={margin.view: margin} if margin is not None else {})
        for after in case.readings(message):
            same = same_attempt(case, before, after)
            if follows(case, after, call.last) and same is not None:
                return stays & read_after(after, call.last, "shows it in that attempt after the answer", *same)
    return None


def success_or_new(case: Case, batch: Batch, message: str, call: RetryCall) -> Proof | None:
    """Proof that the message was a success when the call was decided, or ``created`` in an attempt that had just begun.

    A reading before the call shows a success, and one begun after the answer shows ``created``, with one attempt more. ``created``
    comes first and is not entered again, so that the new attempt had not failed, whoever gave it. A success does not fail (A2b).
    """
    seen = case.readings(message)
    for before in (r for r in reversed(seen) if r.last <= call.t and r.status == "success"):
        others = [c for c in batch.sent if c.n != call.n and c.reaches(message) and c.last > begun(case, before)]
        for after in seen:
            new = after.status == "created" and gain(before, after) == 1 and follows(case, after, call.last)
            if not new or any(c.t <= after.last for c in others):
                continue
            shown = Proof(
                because=(f"read {before.n}, before retry {call.n} leaves, shows a message in success",),
                evidence=(before.n,),
                assumptions=frozenset((*terminal_stays(before), *assume("A6", batch.id), *assume("A1", message))),
            )
            more = "begins after the retry's answer and shows created, with one attempt more"
            return shown & read_after(after, call.last, more, *counts_by(before, after))
    return None


def _touches(case: Case, call: RetryCall, message: str, before: Reading) -> bool:
    """True if the call may have reset the message after ``before``, by right or not."""
    if not call.reaches(message):
        return False
    return call.last > begun(case, before) or (call.may_reset and effect_until(case, call) >= begun(case, before))


def in_progress_at(case: Case, message: str, call: RetryCall) -> Proof | None:
    """Proof that one attempt of the message was in progress before the call left and after its answer (A1)."""
    seen = case.readings(message)
    for after in reversed(seen):
        if not after.in_progress or not follows(case, after, call.last):
            continue
        for before in seen:
            if before.last > call.t or not before.in_progress or not comparable(before, after):
                continue
            same = same_attempt(case, before, after)
            if same is None or _had_ended(case, before, after):
                continue
            first = Proof(
                because=(f"read {before.n}, before retry {call.n} leaves, shows a message in {before.status}",),
                evidence=(before.n,),
                assumptions=frozenset((*assume("A1", message), *assume("A3"), *same)),
            )
            return first & read_after(after, call.last, f"shows it in {after.status} after the answer, in that attempt")
    return None


def _had_ended(case: Case, before: Reading, after: Reading) -> bool:
    """True if a reading of any view shows that attempt terminal by then: one of them lags, or A1 is broken."""
    begins = grown(case, before)

    def same(reading: Reading) -> bool:
        ends = grown(case, reading)
        return begins is not None and ends is not None and begins[1] == ends[1]

    return any(
        r.terminal and r.last <= after.t and (r.t >= before.last or same(r)) for r in case.readings(before.message)
    )
