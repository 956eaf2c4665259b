"""Closed chains: probes on a quiescent batch, closed by the same request without their cause, answered 201.

Only that closing 201 binds the refusals to their causes (docs/design.md): the batch was quiescent before the first probe and before
the closing retry, so it stood the same at every probe between, since terminal messages stay as they are until a retry (A2) and
no other client writes (A6).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conformance.findings import Assumption, DoubtReason
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.changes import altered
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.quiescence import NotQuiescent, quiescent
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.timeline import follows, stirred, terminal_stays, unchanged


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Probes of one batch that are bound to their causes."""

    batch: Batch
    probes: tuple[RetryCall, ...]
    closing: RetryCall
    #: That the batch was quiescent before the first probe and before the closing retry, which was answered 201.
    proof: Proof


@dataclass(frozen=True, kw_only=True)
class OpenChain:
    """Probes that nothing binds, and why."""

    batch: Batch
    probes: tuple[RetryCall, ...]
    reason: DoubtReason
    text: str
    #: The valid retry behind them, if its answer is why.
    closing: RetryCall | None = None


def runs(batch: Batch) -> Iterator[tuple[tuple[RetryCall, ...], RetryCall | None]]:
    """Each run of probes that must have no effect, with the valid call of the batch that follows it."""
    gathered: list[RetryCall] = []
    for call in sorted(batch.sent, key=lambda c: (c.t, c.n)):
        if not call.valid:
            gathered.append(call)
        elif gathered:
            yield tuple(gathered), call
            gathered = []
    if gathered:
        yield tuple(gathered), None


def chains(case: Case, batch: Batch) -> Iterator[Chain | OpenChain]:
    """Every run of probes of a batch: closed, or why not."""
    for probes, closing in runs(batch):
        if closing is None or closing.single or not closing.plain:
            text = "no valid retry follows the probes"
            yield OpenChain(batch=batch, probes=probes, reason=DoubtReason.CHAIN_NOT_CLOSED, text=text)
            continue
        if closing.status != 201:
            text = f"the valid retry that closes the chain, {closing.n}, was answered {closing.said} instead of 201"
            yield OpenChain(batch=batch, probes=probes, closing=closing, reason=DoubtReason.CHAIN_NOT_CLOSED, text=text)
            continue
        first, last = quiescent(case, batch, probes[0]), quiescent(case, batch, closing)
        if isinstance(first, NotQuiescent) or isinstance(last, NotQuiescent):
            why = first if isinstance(first, NotQuiescent) else last
            text = f"the batch is not shown to be quiescent at both ends of the chain: {getattr(why, 'text', '')}"
            yield OpenChain(batch=batch, probes=probes, reason=DoubtReason.CHAIN_NOT_CLOSED, text=text)
            continue
        stays = [a for r in first.readings for a in terminal_stays(r)]
        bound = Proof(
            because=(f"the same request with nothing wrong, {closing.n}, is answered 201",),
            evidence=(closing.n,),
            assumptions=frozenset((*stays, *assume("A6", batch.id))),
        )
        yield Chain(batch=batch, probes=probes, closing=closing, proof=first.proof & last.proof & bound)


def untouched(case: Case, batch: Batch, call: RetryCall) -> Proof | None:
    """Proof by two readings around a call, of one failed message, that it had no effect up to the second.

    None as well where what a message of the batch holds changed meanwhile, or one is in progress again.
    """
    following = min((c.t for c in batch.resets if c.t > call.t), default=float("inf"))
    if altered(case, batch, call, following) or stirred(case, batch, call, following):
        return None
    for message in batch.messages:
        for view in case.views(message):
            before = [r for r in view if r.last <= call.t and r.terminal]
            after = [r for r in view if follows(case, r, call.last) and r.last <= following]
            if before and after and before[-1].status == "failure":
                same = unchanged(case, before[-1], after[0]) or _still_failed(before[-1], after[0])
                if same is not None:
                    return Proof(evidence=(before[-1].n, call.n, after[0].n), assumptions=frozenset(same))
    return None


def _still_failed(a: Reading, b: Reading) -> tuple[Assumption, ...] | None:
    """Where nothing counts attempts: the message is failed still, and would have been seen in progress (weak, for a pass only)."""
    return () if a.status == b.status and not (a.counts.keys() & b.counts.keys()) and a.updated_at is None else None
