"""Attempts that no retry explains, and the control batches that show that none come by themselves (contract, section 4)."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.findings import SURPLUS, Assumption, DoubtReason
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.ledger import Surplus, laid_to, surpluses
from conformance.judges.inference.proof import Proof
from conformance.judges.inference.quiescence import settled as owes_nothing
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.stamps import by_stamp
from conformance.judges.inference.timeline import comparable, failed_at, follows, unchanged
from conformance.judges.rule import Exercised, InDoubt, Judgement, Violated, rule, whole_run

#: To whom the ledger may lay an attempt besides (contract, section 4).
_LAID_TO = (
    *("BR-BLK-03", "BR-ERR-06", "BR-SEC-01", "BR-SEC-02", "BR-SEC-03", "BR-SEC-04", "BR-SEC-05", "BR-SEC-07"),
    *("BR-SEL-02", "BR-SEL-05", "BR-SGL-01", "BR-SGL-02", "BR-SGL-03", "BR-CON-01", "BR-CON-03", "BR-IDS-07"),
)
_DISPUTED = (
    "one view of the target shows more attempts of a message than retries can have given it ({observed}), and another answer "
    "contradicts it"
)


@rule(
    "BR-SEL-07",
    whole_run,
    violation="the target gives a message more attempts than retries can have given it ({observed})",
    expected=("one attempt for each accepted retry of the batch or message, and none else",),
    legal_if="one more retry of the batch or message had been accepted",
    subject=SURPLUS,
    also=_LAID_TO,
)
def every_attempt_has_a_retry(inference: Inference) -> Iterator[Judgement]:
    """One finding for each batch, cause and set of requirements that its surplus attempts break, whosoever they are laid to.

    BR-SEL-07 is exercised by an untouched control batch, where no attempt of the run is left unexplained.
    """
    found = _apart(surpluses(inference.case))
    told: set[tuple[str, frozenset[str], str]] = set()
    for surplus in found:
        key = (surplus.batch.id, frozenset(surplus.any_of), surplus.cause)
        if key in told:
            continue
        told.add(key)
        yield Violated(
            proof=surplus.proof,
            violation=_DISPUTED if surplus.dispute else "",
            observed=f"{surplus.gained} for {surplus.explained}",
            any_of=surplus.any_of,
            defect=surplus.cause,
            scenario=surplus.scenario,
        )
    if not found and (many := _more_than_given(inference.case)) is not None:
        text = f"read {many.n} lists {len(many.attempts or ())} attempts of a message, more than its send and retries explain"
        for name in dict.fromkeys(("BR-SEL-07", *_perhaps_broken(inference.case, many))):
            yield InDoubt(reason=DoubtReason.UNEXPLAINED_ATTEMPT, text=text, evidence=(many.n,), requirement=name)
    elif not found:
        yield from _watched(inference.case)
    elif not any("BR-SEL-07" in s.any_of for s in found):
        text = "a message gained an attempt that no accepted retry explains, laid to other requirements"
        evidence = (found[0].before.n, found[0].after.n)
        yield InDoubt(reason=DoubtReason.UNEXPLAINED_ATTEMPT, text=text, evidence=evidence)


def _apart(found: Iterator[Surplus]) -> list[Surplus]:
    """The surpluses, each once: of views that may show the same one, the view that suspects the fewest requirements tells it."""
    kept: list[Surplus] = []
    for surplus in sorted(found, key=lambda s: len(s.any_of)):
        same = (k for k in kept if k.message == surplus.message and k.after.view != surplus.after.view)
        if not any(k.before.t <= surplus.after.last and surplus.before.t <= k.after.last for k in same):
            kept.append(surplus)
    return sorted(kept, key=lambda s: (s.before.t, s.before.n))


def _more_than_given(case: Case) -> Reading | None:
    """A reading that lists more attempts of a message, each by an id of its own, than its send and the retries so far explain.

    What a list holds besides attempts no reading tells where none is from before the retry: it proves nothing, and bars a pass.
    """
    for batch in case.groups:
        for message in batch.messages:
            for reading in case.readings(message):
                ids = {a.id for a in reading.attempts or ()} - {None}
                if len(ids) > 1 + sum(t <= reading.last for t in case.resets_of(message)):
                    return reading
    return None


def _perhaps_broken(case: Case, many: Reading) -> Iterator[str]:
    """What is broken if a call that must have no effect, and left before the reading, gave one of the attempts that it lists."""
    home = case.batch_of(many.message)
    for call in home.sent if home is not None else ():
        if call.t <= many.last and not call.may_reset:
            yield from laid_to(call, many.message)


def _watched(case: Case) -> Iterator[Judgement]:
    """An untouched batch with a failure, read once more when every other retry had settled by its visible effects.

    Where failed messages were sent singly and never retried, one of them has to stand still up to then as well.
    """
    calls = [c for c in case.calls if c.sent]
    accepted = [c for c in calls if c.accepted and c.valid and not c.single]
    if not accepted:
        return
    settled = max(_settled(case, c) for c in calls)
    last = max(c.t for c in accepted)
    singles = [b for b in case.groups if b.single and not b.sent and _failed(case, b, before=last)]
    stood = next((p for b in singles if (p := _stood(case, b, last, settled)) is not None), None)
    if singles and stood is None:
        text = "no failed message that was sent singly is read again after the last retry had settled"
        yield InDoubt(reason=DoubtReason.NOT_READ_BACK, text=text)
        return
    for batch in case.ours:
        if batch.sent or not batch.whole or not _failed(case, batch, before=last):
            continue
        proof = _stood(case, batch, last, settled)
        if proof is not None:
            yield Exercised(proof=proof & stood if stood is not None else proof)


def _failed(case: Case, batch: Batch, *, before: float) -> bool:
    return any(r.status == "failure" and r.last <= before for m in batch.messages for r in case.readings(m))


def _settled(case: Case, call: RetryCall) -> float:
    """When the effects of a call were visible; at the latest when its settling time is over. A refused one has none.

    What it leaves out, exhausted or not enqueued (rulings 3 and 17), shows none, and is not waited for where another message does.
    Nor is a message that was in progress: a batch retry has to pick up what had failed, where anything had.
    """
    latest = call.last + case.header.settle_timeout
    if not call.may_reset:
        return call.last
    batch = case.batch(call.batch)
    members = [m for m in batch.messages if call.reaches(m)] if batch is not None else []
    if batch is None or not members:
        return latest
    if not call.single:
        members = [m for m in members if failed_at(case, batch, m, call) is not None] or members
    shown: list[float] = []
    for message in members:
        seen = (r for r in case.readings(message) if follows(case, r, call.last))
        done = (r for r in seen if r.status == "success" or owes_nothing(case, batch, r) is not None)
        shown += [min(ends)] if (ends := [r.last for r in done]) else []
    return min(latest, max(shown, default=latest))


#: Readings on either side that are compared, to show that a message stood still.
LOOKED_AT = 6


def _stood(case: Case, batch: Batch, last: float, settled: float) -> Proof | None:
    """That every message was terminal when the last accepted retry left, and is shown unchanged after ``settled``."""
    found: list[tuple[Reading, Reading]] = []
    assumed: list[Assumption] = []
    for message in batch.messages:
        seen = case.readings(message)
        before = [r for r in seen if r.terminal and r.last <= last]
        after = [r for r in seen if follows(case, r, settled)]
        pair, how = None, tuple[Assumption, ...]()
        for a, b in ((a, b) for a in before[:LOOKED_AT] for b in reversed(after[-LOOKED_AT:])):
            same = unchanged(case, a, b)
            if (
                same is None
                and a.view == b.view
                and a.status == b.status
                and not comparable(a, b)
                and a.updated_at is None
            ):
                same = ()
            if same is not None and all(r.status == a.status for r in seen if r.t >= a.t):
                # An updatedAt that stands still proves nothing, where a count does.
                poor = by_stamp(case, same)
                if pair is None or not poor:
                    pair, how = (a, b), same
                if not poor:
                    break
        assumed += how
        if pair is None:
            return None
        found.append(pair)
    numbers = tuple(sorted({r.n for pair in found for r in pair}))
    return Proof(evidence=numbers, assumptions=frozenset(assumed))


RULES = (every_attempt_has_a_retry,)
