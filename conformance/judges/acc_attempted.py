"""BR-ACC-05: a retry answered 201 is attempted."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.findings import Doubt, Exercise, Finding, Opinion
from conformance.judges.case import Batch, Case, Write
from conformance.judges.intervals import ENQUEUING_FAILED, seconds
from conformance.judges.sightings import Sight
from conformance.judges.timeline import follows, gain, same_attempt, views


def attempted(case: Case, batch: Batch) -> Iterator[Opinion]:
    """BR-ACC-05, for each accepted retry that a reading of every message encloses.

    No attempt gained by any message between the two readings (A4, or A5 where nothing is counted), the later one
    begun when the settling time has passed (ruling 16), and the batch then in another status than
    ``messages_enqueuing_failed`` (ruling 17). Retries are not counted together: of two without a reading between
    them, the first may have been excused by a status that nobody saw.
    """
    accepted = [w for w in batch.retries if w.standing == "accepted"]
    for i, write in enumerate(accepted):
        shown = _shown(case, batch, write)
        if shown is not None:
            yield Exercise(requirement="BR-ACC-05", evidence=(write.n, *shown))
        until = accepted[i + 1].t if i + 1 < len(accepted) else float("inf")
        window = _window(case, batch, write, write.last + case.header.settle_timeout, until)
        opinion = _judged(case, batch, write, window, until) if window is not None else None
        if opinion is not None:
            yield opinion


def _shown(case: Case, batch: Batch, write: Write) -> tuple[int, int] | None:
    """Two reads of one message around the retry that show an attempt more, with no other write between them."""
    others = [w for w in batch.writes if w.acts and w.n != write.n]
    for message in batch.messages:
        for view in views(case.sights(message)):
            before = [s for s in view if s.last <= write.t]
            after = [s for s in view if follows(case, s, write.last)]
            if not before or not after:
                continue
            a = before[-1]
            b = next((s for s in after if (gain(a, s) or 0) >= 1), None)
            if b is not None and not any(w.last >= a.t - case.header.settle_timeout and w.t <= b.last for w in others):
                return a.n, b.n
    return None


def _window(
    case: Case, batch: Batch, first: Write, settled: float, until: float
) -> tuple[tuple[Sight, Sight], ...] | None:
    """For every message a sight from before the retry and one from after the settling time; None if one lacks it."""
    if not batch.whole:
        return None
    pairs = []
    for message in batch.messages:
        found = None
        for view in views(case.sights(message)):
            before = [s for s in view if s.last <= first.t]
            after = [s for s in view if follows(case, s, settled) and s.last <= until]
            if before and after and (gain(before[-1], after[0]) is not None or same_attempt(before[-1], after[0])):
                found = (before[-1], after[0])
                break
        if found is None:
            return None
        pairs.append(found)
    return tuple(pairs)


def _judged(
    case: Case, batch: Batch, write: Write, window: tuple[tuple[Sight, Sight], ...], until: float
) -> Opinion | None:
    if any((gain(a, b) or 0) > 0 for a, b in window):
        return None
    settled = write.last + case.header.settle_timeout
    statuses = [(s, status) for s, status in case.status_sights(batch) if write.t <= s.last <= until]
    final = [(s, status) for s, status in statuses if follows(case, s, settled)]
    evidence = (write.n, *sorted({s.n for pair in window for s in pair}))
    lost = [w for w in batch.retries if w.standing == "open" and w.t < until]
    if any(status == ENQUEUING_FAILED for _, status in statuses) or not final or lost:
        seen = "shows messages_enqueuing_failed, which excuses it" if final else "is not visible afterwards"
        seen = f"may have been set again by retry {lost[0].n}, whose answer is lost" if lost else seen
        return Doubt(
            requirement="BR-ACC-05",
            code="answer-lost" if lost else "partial-enqueue" if final else "status-not-visible",
            text=f"retry {write.n} is accepted and attempts nothing; the batch's status {seen}",
            needs=("a read of one message, with its batches, after the settling time",),
            evidence=evidence,
        )
    sight, status = final[0]
    return Finding(
        any_of=("BR-ACC-05",),
        summary="the target accepts a retry and attempts nothing",
        argument=(
            f"retry {write.n} is answered {write.status}",
            f"reads of all {len(window)} messages before and, settling time passed, after show no new attempt",
            f"read {sight.n} shows the batch in {status}, not in messages_enqueuing_failed",
        ),
        expected=("a new attempt of at least one message within the settling time", "status messages_enqueuing_failed"),
        observed=f"no new attempt, status {status}",
        evidence=(*evidence, sight.n),
        axioms=("A4", "A6", "A7") if all(gain(a, b) is not None for a, b in window) else ("A5", "A6", "A7"),
        slack=f"holds if what a retry does shows within {seconds(min(b.t for _, b in window) - write.last)}",
        counterfactual="would be legal if a message had gained one, or the status were messages_enqueuing_failed",
        scenario=write.exchange.invoke.scenario,
        subject="201 that attempts nothing",
    )
