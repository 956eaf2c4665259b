"""SEC-01 to -04, -07 and SGL-03: requests that must have no effect leave the batch's status alone."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.findings import Margin
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.chains import runs
from conformance.judges.inference.circumstances import kinds
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.ledger import laid_to
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.quiescence import Quiescent, quiescent
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.timeline import follows
from conformance.judges.rule import Judgement, Violated, rule


def _probed(inference: Inference) -> Iterator[tuple[Case, Batch, tuple[RetryCall, ...], float]]:
    """The first run of probes of each batch that no valid call came before, and when the next such call left."""
    for batch in inference.case.ours:
        for probes, closing in runs(batch):
            until = closing.t if closing is not None else float("inf")
            if not any(c.valid and c.t < probes[-1].t for c in batch.sent):
                yield inference.case, batch, probes, until


@rule(
    "BR-SEC-01",
    _probed,
    violation="the target changes a batch's status at a request that must have no effect",
    expected=("the status that it had before",),
    legal_if="the status were the same before and after",
    subject="status changed by a request without effect",
    also=("BR-SEC-02", "BR-SEC-03", "BR-SEC-04", "BR-SEC-07", "BR-SGL-03", "BR-BLK-02"),
)
def status_kept(about: tuple[Case, Batch, tuple[RetryCall, ...], float]) -> Iterator[Judgement]:
    """A batch that is quiescent and was never retried keeps its status until a valid retry: nothing else sets it (A6).

    A status that was shown before may be an older one; one that a batch shows which no call named may come by itself. What a
    refused retry of another batch was to set may have been set here (BR-BLK-02).
    """
    case, batch, probes, until = about
    state = quiescent(case, batch, probes[0])
    if not isinstance(state, Quiescent) or state.status is None:
        return
    known = {status for r, status in case.status_readings(batch) if r.t <= probes[0].t}
    known |= {status for other in case.ours if not other.sent for _, status in case.status_readings(other)}
    for reading, status in case.status_readings(batch):
        suspects = [c for c in probes if c.t <= reading.last]
        if status in known or reading.last > until or not follows(case, reading, probes[0].last):
            continue
        names = [name for c in suspects for name in laid_to(c, c.message or reading.message)]
        others = (c for c in case.calls if c.batch != batch.id and c.valid and c.refused and c.last >= state.since)
        astray = next((c for c in others if c.t <= reading.last), None)
        said = f"read {reading.n}, after {', '.join(str(c.n) for c in suspects)} and before any valid retry, shows it in {status}"
        yield Violated(
            proof=state.proof
            & Proof(
                because=(said,),
                evidence=(*(c.n for c in suspects), *((astray.n,) if astray else ()), reading.n),
                assumptions=frozenset((*assume("A6", batch.id), *assume("A7", reading.view))),
                margins={reading.view: Margin(reading.t - probes[0].last, reading.view, reading.n)},
            ),
            observed=f"{state.status}, then {status}",
            any_of=(*names, *(("BR-BLK-02",) if astray else ())),
            defect=f"{status}, by {kinds(batch, suspects)}",
            scenario=suspects[-1].scenario,
        )
        return


RULES = (status_kept,)
