"""Batches that are still being processed, by what no answer had shown of their rows."""

from __future__ import annotations

from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.timeline import read_after


def processing(case: Case, batch: Batch, call: RetryCall) -> Proof | None:
    """Proof that rows of the batch had not been made when the call was decided: it was still being processed.

    A whole listing begun after the answer (A7) lacks rows that no answer of any view had shown by then, and a later listing holds
    all of them. Nor did the call give one of them an attempt: then the listing may as well have lagged, unseen by any other read.
    """
    walks = [s for s in case.listings(batch) if s.complete and not s.search and s.direction == "forward"]
    for walk in walks:
        ids = set(walk.ids)
        if walk.t - case.lag("batch_list") < call.last or len(ids) >= len(batch.rows):
            continue
        fuller = next((w for w in walks if w.t >= walk.last and len(set(w.ids)) == len(batch.rows)), None)
        if fuller is None:
            continue
        missing = [m for m in batch.messages if m not in ids]
        if any(r.last <= walk.t for m in missing for r in case.readings(m)):
            continue
        if any(_took_up(case, batch, m, call) for m in missing):
            continue
        first = next((r for m in ids for r in case.readings(m) if r.n == walk.pages[0].n), None)
        said = (
            f"listing {walk.pages[0].n}, begun after the answer to retry {call.n}, shows {len(ids)} of {len(batch.rows)} rows; "
            f"{fuller.pages[0].n} shows them all: the others had not been made when the retry was decided"
        )
        found = Proof(
            because=(said,),
            evidence=(call.n, walk.pages[0].n, fuller.pages[0].n),
            assumptions=frozenset((*assume("A6", batch.id), *assume("A7", "batch_list"))),
        )
        return found if first is None else found & read_after(first, call.last, "is that listing")
    return None


def _took_up(case: Case, batch: Batch, message: str, call: RetryCall) -> bool:
    """True if a reading shows more attempts of the message than its first and those of all other calls."""
    others = [c for c in batch.resetting(message) if c.n != call.n]
    return any(
        max(r.counts.values(), default=0) > 1 + sum(c.t < r.last for c in others) for r in case.readings(message)
    )
