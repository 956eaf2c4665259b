"""How far a batch's status lags behind what it tells of (ruling 23), as the reads after refused retries show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.contract.vocabulary import ENQUEUING_FAILED
from conformance.judges.inference.retry_call import RetryCall

if TYPE_CHECKING:
    from conformance.judges.inference.batch import Batch
    from conformance.judges.inference.case import Case


def seen_late(case: Case, batch: Batch, call: RetryCall) -> float | None:
    """Seconds by which the status was seen to follow a refusal; None if it was not seen to be late.

    Any read before the next call shows it, also when the blocking message has moved on: nothing but the refusal sets it (A6).
    """
    until = batch.next_call(call)
    shown = [
        (r, status)
        for r, status in case.status_readings(batch)
        if r.t - case.lag(r.view) >= call.last and r.last <= until
    ]
    first = next((r for r, status in shown if status == ENQUEUING_FAILED), None)
    if first is None or not any(r.t < first.t and status != ENQUEUING_FAILED for r, status in shown):
        return None
    return first.t - call.last


def status_lag(case: Case) -> float:
    """Seconds that a status may be late in any batch of the run: twice the most that was seen, as of reads (A7)."""
    refused = ((batch, call) for batch in case.ours for call in batch.retries if call.refused)
    late = (seen_late(case, batch, call) for batch, call in refused)
    return 2 * max((seconds for seconds in late if seconds is not None), default=0.0)
