"""BR-SGL-03: a message is not retried across campaigns, by itself no more than with its batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from conformance.contract.vocabulary import NOT_FAILED_CODE
from conformance.findings import DoubtReason
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.other_campaign import proved_other, why_unproved
from conformance.judges.inference.own_word import word
from conformance.judges.inference.proof import Proof
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.timeline import failed_at, follows, unchanged
from conformance.judges.rule import Exercised, InDoubt, Judgement, Violated, rule
from conformance.judges.single import CODE, NEW, Placed, bare, next_reset


def foreign(inference: Inference) -> Iterable[Placed]:
    """Single retries with another campaign's key, or through its path, of messages of this run."""
    case = inference.case
    for batch in case.groups:
        for call in batch.probes:
            if call.single and call.probe is not None and call.probe.requirement("single_retry") == "BR-SGL-03":
                yield case, batch, call


@rule(
    "BR-SGL-03",
    foreign,
    violation="the target answers a single retry with another campaign's key or path with {observed}",
    expected=("401, 403 or 404 without effect", f"{CODE} without effect"),
    legal_if="the key and the path had been the campaign's own",
    subject="single retry across campaigns",
    earlier=NEW,
)
def not_across_campaigns(placed: Placed) -> Iterator[Judgement]:
    """A message is not retried with another campaign's key or through its path.

    Bound by a closed chain: the message was failed at the probe and at the same request without its cause, which was answered 201.
    """
    case, batch, call = placed
    if call.outcome in ("throttled", "unknown"):
        reason = DoubtReason.THROTTLED if call.outcome == "throttled" else DoubtReason.ANSWER_LOST
        yield InDoubt(reason=reason, text=f"request {call.n} {call.untold}", evidence=(call.n,))
        return
    other = proved_other(case, call)
    if other is None:
        yield InDoubt(reason=DoubtReason.OTHER_CAMPAIGN, text=why_unproved(case, call), evidence=(call.n,))
        return
    proof = other & Proof(because=(f"request {call.n} ({call.probe}) is answered {call.said}",), evidence=(call.n,))
    if call.accepted:
        yield Violated(proof=proof, observed="2xx", defect=f"{call.probe}: 2xx", scenario=call.scenario)
        return
    closing = _closing(case, batch, call)
    if closing is None:
        text = f"no valid retry of the message, failed still, is answered 201 after request {call.n}"
        yield InDoubt(reason=DoubtReason.CHAIN_NOT_CLOSED, text=text, evidence=(call.n,))
    elif (seen := _kept(case, batch, call)) is None:
        text = f"no read shows that request {call.n} had no effect"
        yield InDoubt(reason=DoubtReason.NOT_READ_BACK, text=text, evidence=(call.n,))
    elif word(call.exchange) == "target" and call.status not in (401, 403, 404) and call.code != NOT_FAILED_CODE:
        yield Violated(
            proof=proof & closing, observed=call.said, defect=f"{call.probe}: {call.said}", scenario=call.scenario
        )
    elif call.status in (400, 401, 403, 404):
        yield Exercised(proof=proof & closing & seen)


def _closing(case: Case, batch: Batch, call: RetryCall) -> Proof | None:
    """Proof by the next valid call that reaches the message, answered 201, that nothing but the probe's cause was wrong."""
    message = call.message or ""
    valid = (c for c in batch.sent if c.t >= call.last and c.valid and c.reaches(message))
    closing = next(valid, None)
    if closing is None or not closing.plain or closing.status != 201:
        return None
    first, last = failed_at(case, batch, message, call), failed_at(case, batch, message, closing)
    if first is None or last is None:
        return None
    line = f"the same message, failed before and after, is retried by {closing.n}, answered 201"
    return first.proof & last.proof & Proof(because=(line,), evidence=(closing.n,))


def _kept(case: Case, batch: Batch, call: RetryCall) -> Proof | None:
    """Proof that the message is failed in the same attempt after the probe, before the next call that may reset it."""
    message = call.message or ""
    until = next_reset(batch, message, call)
    for view in case.views(message):
        before = [r for r in view if r.last <= call.t]
        after = [r for r in view if follows(case, r, call.last) and r.last <= until]
        if before and after:
            same = unchanged(case, before[-1], after[-1])
            if same is not None or bare(before[-1], after):
                return Proof(evidence=(before[-1].n, after[-1].n), assumptions=frozenset(same or ()))
    return None


RULES = (not_across_campaigns,)
