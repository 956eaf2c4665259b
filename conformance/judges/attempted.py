"""ACC-05: a retry answered 201 is attempted."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.contract.vocabulary import ENQUEUING_FAILED, RETRYABLE
from conformance.findings import DoubtReason
from conformance.judges.inference.circumstances import kinds
from conformance.judges.inference.inference import retries
from conformance.judges.inference.proof import Proof, all_of, assume
from conformance.judges.inference.quiescence import set_since
from conformance.judges.inference.retry import Retry
from conformance.judges.inference.timeline import (
    effect_until,
    follows,
    gain,
    older,
    perhaps_reset,
    read_after,
    same_attempt,
    terminal_stays,
    unchanged,
    was_reset,
)
from conformance.judges.rule import Exercised, InDoubt, Judgement, Violated, rule


@rule(
    "BR-ACC-05",
    retries,
    violation="the target accepts a retry and attempts nothing",
    expected=("a new attempt of at least one message within the settling time", f"status {ENQUEUING_FAILED}"),
    legal_if=f"a message had gained an attempt, or the status were {ENQUEUING_FAILED}",
    subject="201 that attempts nothing",
)
def attempted(retry: Retry) -> Iterator[Judgement]:
    """No view shows a new attempt of any message, one of them read when the settling time is over (rulings 16 and 29).

    And the batch then shows another status than ``messages_enqueuing_failed`` (ruling 17). Retries are not counted together: of two
    without a reading between them, the first may have been excused by a status that no client saw.
    """
    if not retry.accepted:
        return
    shown = _shown(retry)
    if shown is not None:
        yield Exercised(proof=shown)
    until = min((c.t for c in retry.batch.resets if c.t > retry.call.t and c.n != retry.n), default=float("inf"))
    proof = _nothing_gained(retry, until)
    if proof is None:
        return
    told = retry.settled_at + retry.case.status_lag
    final = [
        (r, s) for r, s in retry.case.status_readings(retry.batch) if follows(retry.case, r, told) and r.last <= until
    ]
    meanwhile = [s for r, s in retry.case.status_readings(retry.batch) if retry.call.t <= r.last <= until]
    lost = [c for c in retry.batch.retries if c.unknown and c.t < until]
    single = set_since(retry.case, retry.batch, retry.call)
    excused = ENQUEUING_FAILED in meanwhile
    if excused or not final or lost or single is not None:
        reason = DoubtReason.PARTIAL_ENQUEUE if excused else DoubtReason.ATTEMPTED_NOTHING
        why = (
            f"its status may have been set again by retry {lost[0].n}, whose outcome is unknown"
            if lost
            else "the batch's status shows messages_enqueuing_failed, which excuses it"
            if excused
            else f"single retry {single.n} may have set its status since"
            if single is not None
            else "the batch's status is not visible afterwards"
        )
        text = f"retry {retry.n} is accepted and attempts nothing; {why}"
        yield InDoubt(reason=reason, text=text, evidence=(retry.n, *proof.evidence[:8]))
        return
    reading, status = final[0]
    before = retry.status_before
    processing = before is not None and before.status not in RETRYABLE
    one_view = _views(retry) < 2
    names = ("BR-ACC-05", *(["BR-ACC-01"] if processing else []), *(["BR-IDS-07"] if one_view else []))
    seen = read_after(reading, told, f"shows the batch in {status}", *assume("A6", retry.batch.id))
    yield Violated(
        proof=proof
        & seen
        & (before.proof if before is not None and processing else Proof())
        & retry.answered("was accepted"),
        observed=f"no new attempt, status {status}",
        any_of=retry.accused(*names),
        defect=f"{kinds(retry.batch, [retry.call])}{', read as processing before' if processing else ''}",
        scenario=retry.scenario,
    )


def _shown(retry: Retry) -> Proof | None:
    """Two readings of one message around the retry that show an attempt more, which no other call can have given."""
    case, batch = retry.case, retry.batch
    for message in batch.messages:
        others = [c for c in batch.resetting(message) if c.n != retry.n]
        for view in case.views(message):
            before = [r for r in view if r.last <= retry.call.t]
            if not before:
                continue
            a = before[-1]
            b = next((r for r in view if follows(case, r, retry.call.t) and was_reset(a, r)), None)
            if b is not None and not any(effect_until(case, c) >= a.t and c.t <= b.last for c in others):
                return Proof(evidence=(a.n, retry.n, b.n))
    return None


def _nothing_gained(retry: Retry, until: float) -> Proof | None:
    """Proof for every message that no view shows an attempt more, and one was read when the settling time was over."""
    if not retry.batch.whole:
        return None
    found = []
    for message in retry.batch.messages:
        one = _stands_still(retry, message, until)
        if one is None:
            return None
        found.append(one)
    return all_of(*found) & Proof(
        because=("reads of all messages before and, settling time passed, after show no new attempt",)
    )


def _stands_still(retry: Retry, message: str, until: float) -> Proof | None:
    case = retry.case
    late: Proof | None = None
    outcomes: set[str | None] = set()
    for view in case.views(message):
        before = [r for r in view if r.last <= retry.call.t]
        after = [r for r in view if r.last >= retry.call.t and r.last <= until and r not in before]
        # The last reading before may show an older state than another one.
        past = (r for r in before if r is before[-1] or older(before[-1], r))
        outcomes |= {r.status for r in (*past, *after) if r.terminal}
        # In progress after the retry in what may be another attempt, or terminal otherwise: it may have been reset, or corrected.
        if any(r.in_progress and not (before and same_attempt(case, before[-1], r)) for r in after):
            return None
        if before and any((gain(before[-1], r) or 0) > 0 or perhaps_reset(before[-1], r) for r in after):
            return None
        if not before:
            continue
        a = before[-1]
        for b in after:
            compare = same_attempt if a.in_progress else unchanged
            same = compare(case, a, b) if follows(case, b, retry.settled_at) else None
            if late is None and same is not None:
                # In progress before and a success after, it may have failed and been corrected between (A2a).
                stays = terminal_stays(a) if a.terminal else assume("A2a", message) if b.status == "success" else ()
                late = Proof(evidence=(a.n,)) & read_after(b, retry.settled_at, "shows nothing new", *same, *stays)
    # Of a failure that was corrected (ruling 18) a worker that selects late finds nothing to attempt (ruling 16).
    return late if len(outcomes) < 2 else None


def _views(retry: Retry) -> int:
    """How many views were read of every message when the settling time was over."""
    counts = []
    for message in retry.batch.messages:
        late = {r.view for r in retry.case.readings(message) if follows(retry.case, r, retry.settled_at)}
        counts.append(len(late))
    return min(counts, default=0)


RULES = (attempted,)
