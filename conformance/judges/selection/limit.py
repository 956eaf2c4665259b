"""BR-SEL-04: how often a message is retried."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conformance.contract.vocabulary import (
    ENQUEUING_FAILED,
    NO_FAILED_CODE,
    NOT_FAILED_CODE,
    NOT_RETRYABLE_CODE,
    TOO_MANY_CODE,
    UNRESOLVED_CODE,
)
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.ledger import unseen
from conformance.judges.inference.proof import Proof, all_of, assume
from conformance.judges.inference.quiescence import Quiescent
from conformance.judges.inference.retry import Retry
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.rounds import Rounds, rounds, times_retried
from conformance.judges.inference.timeline import counts_by, failed_at, grown
from conformance.judges.rule import Exercised, Judgement, Observed, Violated, rule, whole_run


@dataclass(frozen=True)
class _Shown:
    """What shows a reading of the limit: after how many retries, and why."""

    retries: int
    proof: Proof
    scenario: str
    harmless: bool = False
    #: Which retries these were, in words for a fingerprint.
    how: str = ""
    #: Whether it is known that the batch was not processed: else that, with a wrong code, may be why the retry was refused.
    seen: bool = True


@rule(
    "BR-SEL-04",
    whole_run,
    expected=(f"400 {NO_FAILED_CODE} once every failed message was retried 3 times (or 2, the stricter reading)",),
    legal_if="the limit were 2 or 3 retries, the same for all messages, and the documented code came after it",
    subject="limit of retries",
)
def at_most_three_retries(inference: Inference) -> Iterator[Judgement]:
    """2 and 3 retries pass; 1, 4 and more fail, and so do 2 and 3 in one run (ruling 3).

    How often a message was retried is bounded from below by what a count gained (A4), or by how often it was seen in progress again
    (A2), and from above by the retries that may have reset it (A6).
    """
    case = inference.case
    refusals: list[_Shown] = []
    rounds_seen: list[_Shown] = []
    # How often a message was retried that has an attempt too many is not known.
    doubtful = {surplus.message for surplus in inference.surpluses}
    for batch in case.groups:
        beyond = set()
        for message in batch.messages:
            most = _most(case, batch, message)
            if most is not None and most.retries >= 4:
                beyond.add(message)
                names = ("BR-SEL-04", "BR-SEC-05") if most.harmless else ("BR-SEL-04",)
                yield Violated(
                    proof=most.proof,
                    violation="the target retries one message {observed}",
                    observed=f"{most.retries} times",
                    any_of=names,
                    defect=f"more than three retries of a message{most.how}",
                    scenario=most.scenario,
                )
            elif most is not None and most.retries == 3:
                rounds_seen.append(most)
        for call in (*batch.retries, *batch.singles):
            retry = inference.retry(call.n)
            if not batch.overlapping(call):
                told: list[_Shown] = []
                yield from _single(case, batch, call, told) if retry is None else _batch(retry, told, beyond)
                named = (call.message,) if call.single else batch.messages
                refusals += told if doubtful.isdisjoint(named) else ()
    yield from _one_reading(refusals, rounds_seen)


def _most(case: Case, batch: Batch, message: str) -> _Shown | None:
    """The largest number of retries that reads show; only as many as calls that may reset it explain (else the ledger's)."""
    found: _Shown | None = None
    resets = batch.resetting(message)
    if len(resets) < 3:
        return None
    seen = rounds(case, message)
    if seen.count <= len(resets) and not _counted_less(case, message, seen):
        found = _shown(seen.count, seen.proof, batch, resets)
    for reading in case.readings(message):
        known = grown(case, reading)
        past = [c for c in resets if c.t <= reading.last]
        if known is None or not 1 <= known[1] <= len(past) or (found and known[1] <= found.retries):
            continue
        first, gained = known
        counted = Proof(evidence=(first.n, reading.n), assumptions=frozenset(counts_by(first, reading)))
        found = _shown(gained, counted, batch, past)
    return found


def _counted_less(case: Case, message: str, seen: Rounds) -> bool:
    """Whether a count shows fewer retries behind the last of these rounds: an older state had come back, and was taken for one."""
    since = max(seen.proof.evidence, default=0)
    later = (r for r in case.readings(message) if r.n >= since)
    return any((known := grown(case, r)) is not None and known[1] < seen.count for r in later)


def _shown(count: int, known: Proof, batch: Batch, calls: list[RetryCall] | tuple[RetryCall, ...]) -> _Shown:
    numbers = tuple(c.n for c in calls)
    proof = known & Proof(
        because=(f"reads show that a message was retried {count} times, one for each retry that may have reset it",),
        evidence=numbers,
        assumptions=frozenset(assume("A6", batch.id)),
    )
    how = ", some of them single" if any(c.single for c in calls) else ""
    return _Shown(count, proof, batch.scenario, any(c.harmless for c in calls), how)


def _batch(retry: Retry, refusals: list[_Shown], beyond: set[str]) -> Iterator[Judgement]:
    """A batch retry of a quiescent batch, by the failed message that was retried least.

    :param beyond: messages that were seen to be retried more than three times.
    """
    state = retry.quiescent
    if not isinstance(state, Quiescent) or not state.failed:
        return
    times = [times_retried(retry.case, retry.batch, m, retry.call) for m in state.failed]
    least, most = min(t.least for t in times), min(t.most for t in times)
    proof = state.proof & state.stays & all_of(*(t.proof for t in times))
    how = f"every failed message had been retried {least} times at least, and one of them {most} at most"
    proof &= Proof(because=(how,), evidence=(retry.n,))
    seen = state.status is not None
    if retry.accepted and least >= 3:
        past = beyond & set(state.failed)
        yield Violated(
            proof=proof & retry.answered("had to be refused"),
            violation="the target accepts a retry of a batch whose failed messages are all exhausted",
            observed=retry.answer,
            any_of=retry.accused("BR-SEL-04", *(() if seen else ("BR-ERR-01",))),
            defect=f"201 when exhausted{', for some of them' if 0 < len(past) < len(state.failed) else ''}",
            scenario=retry.scenario,
        )
    if not retry.refused or retry.call.repeated or retry.stray is not None:
        return
    if least < 2:
        if least == most == 1 and retry.call.code in (NO_FAILED_CODE, TOO_MANY_CODE):
            hidden = unseen(retry.case, retry.batch, state.failed[0], retry.call)
            names = ("BR-SEL-04", *(() if seen else ("BR-ERR-01",)), *hidden)
            yield _after_one(proof & retry.answered("had to be accepted"), retry.answer, retry.scenario, names)
        return
    allowed = {NO_FAILED_CODE} if seen else {NO_FAILED_CODE, NOT_RETRYABLE_CODE, UNRESOLVED_CODE}
    if retry.call.status != 400 or retry.call.code not in allowed:
        # A target that takes the status of a blocked batch for one that cannot be retried says so of an exhausted batch too.
        denied = state.status == ENQUEUING_FAILED and retry.call.code == NOT_RETRYABLE_CODE
        yield Violated(
            proof=proof & retry.answered(f"had to be refused with 400 {NO_FAILED_CODE}"),
            violation="the target refuses an exhausted batch with another answer than documented",
            observed=retry.answer,
            any_of=("BR-SEL-04", *(() if seen else ("BR-ERR-01",)), *(["BR-ACC-03"] if denied else [])),
            defect=f"exhausted: {retry.answer}",
            scenario=retry.scenario,
        )
    elif retry.call.code == NO_FAILED_CODE:
        yield Exercised(proof=proof, case="batch")
        refusals.append(_Shown(most, proof, retry.scenario, seen=seen))


def _single(case: Case, batch: Batch, call: RetryCall, refusals: list[_Shown]) -> Iterator[Judgement]:
    """A single retry that is refused as one attempt too many.

    No page binds a code to that. As not in failure status, of a message that had failed and was retried three times, it keeps the
    limit as well, and says nothing of where the limit is.
    """
    if call.message is None or call.code not in (TOO_MANY_CODE, NOT_FAILED_CODE) or not call.refused:
        return
    failed = failed_at(case, batch, call.message, call)
    if failed is None:
        return
    times = times_retried(case, batch, call.message, call)
    how = f"the message had been retried {times.least} times at least and {times.most} at most when {call.n} left"
    proof = failed.proof & times.proof & Proof(because=(how, f"{call.said} came"), evidence=(call.n,))
    if call.code == NOT_FAILED_CODE:
        if times.least >= 3:
            yield Exercised(proof=proof, case="single")
    elif times.most <= 1:
        names = ("BR-SEL-04", *unseen(case, batch, call.message, call))
        yield _after_one(proof, call.said, call.scenario, names)
    elif times.least >= 2:
        yield Exercised(proof=proof, case="single")
        refusals.append(_Shown(times.most, proof, call.scenario))


def _after_one(proof: Proof, answer: str, scenario: str, names: tuple[str, ...]) -> Violated:
    """:param names: what is broken. Where the batch's status is not visible it may be processed still, and the code wrong."""
    return Violated(
        proof=proof,
        violation="the target refuses a message as exhausted that was retried once at most",
        observed=answer,
        any_of=names,
        defect="exhausted after one retry",
        scenario=scenario,
    )


def _one_reading(refusals: list[_Shown], seen: list[_Shown]) -> Iterator[Judgement]:
    """One limit in one run, whichever it is."""
    if not refusals:
        return
    least = min(refusals, key=lambda s: (s.retries, not s.seen))
    yield Observed(key="retry-limit", value=least.retries, evidence=least.proof.evidence)
    if least.retries == 2 and seen:
        yield Violated(
            proof=least.proof & seen[0].proof,
            violation="the target retries one message three times and refuses another after two",
            observed="both limits",
            any_of=("BR-SEL-04",) if least.seen else ("BR-SEL-04", "BR-ERR-01"),
            expected=("one limit for all messages, 2 or 3",),
            legal_if="both had been retried equally often",
            defect="two limits in one run",
            scenario=least.scenario,
        )


RULES = (at_most_three_retries,)
