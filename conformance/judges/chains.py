"""Closed chains: probes on a quiet batch, closed by the same request without their cause, answered 201.

Only that closing 201 binds the refusals to their causes (docs/design.md): the batch was quiet before the first probe
and before the closing retry, so it stood the same at every probe between, since terminal messages stay as they are
until a retry (A2) and nobody else writes (A6).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conformance.judges.case import Batch, Case, Write
from conformance.judges.intervals import seconds
from conformance.judges.quiet import Quiet, quiet
from conformance.judges.sightings import Sight
from conformance.judges.timeline import acts_on, comparable, controls, follows, gain, pending, views

AXIOMS = ("A2", "A6", "A7")


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Probes of one batch that are bound to their causes."""

    batch: Batch
    probes: tuple[Write, ...]
    closing: Write
    #: Reads that show the batch quiet before the first probe and before the closing retry.
    evidence: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Open:
    """Probes that nothing binds, and why."""

    batch: Batch
    probes: tuple[Write, ...]
    code: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Effect:
    """An attempt that appears after probes, and that no acting retry explains."""

    message: str
    before: Sight
    after: Sight
    #: The probes that may have caused it, newest first: all that left before it was seen, and whose effect may have
    #: been outstanding (ruling 16). None of them need lie between the two reads.
    probes: tuple[Write, ...]
    #: Valid retries that were refused or dropped meanwhile: they must have had no effect either, and may have.
    beside: tuple[Write, ...]
    #: Reads of an untouched batch that stood still meanwhile; empty if there is none.
    control: tuple[int, ...]
    axioms: tuple[str, ...]
    slack: str


def runs(batch: Batch) -> Iterator[tuple[tuple[Write, ...], Write | None]]:
    """Each run of probes that are not harmless, with the valid or harmless retry of the batch that follows it."""
    gathered: list[Write] = []
    for write in sorted((w for w in batch.writes if w.standing != "unsent"), key=lambda w: (w.t, w.n)):
        if write.message is None and not write.valid and not write.harmless:
            gathered.append(write)
        elif gathered:
            yield tuple(gathered), write
            gathered = []
    if gathered:
        yield tuple(gathered), None


def chains(case: Case, batch: Batch) -> Iterator[Chain | Open]:
    """Every run of probes of a batch: closed, or why not."""
    for probes, closing in runs(batch):
        if closing is None or closing.message is not None or not closing.valid:
            text = "no valid retry follows the probes"
            yield Open(batch=batch, probes=probes, code="chain-not-closed", text=text)
            continue
        if closing.status != 201:
            said = closing.status if closing.status is not None else "no answer"
            text = f"the closing retry {closing.n}, without a cause, was answered {said} instead of 201"
            yield Open(batch=batch, probes=probes, code="chain-not-closed", text=text)
            continue
        states = (quiet(case, batch, probes[0]), quiet(case, batch, closing))
        why = next((state for state in states if isinstance(state, str)), None)
        if why is not None:
            text = f"the batch is not shown to be quiet at both ends of the chain ({why})"
            yield Open(batch=batch, probes=probes, code=f"chain-{why}", text=text)
            continue
        numbers = {n for state in states if isinstance(state, Quiet) for n in state.evidence}
        yield Chain(batch=batch, probes=probes, closing=closing, evidence=tuple(sorted(numbers)))


def effects(case: Case, batch: Batch) -> Iterator[Effect]:
    """Attempts that only probes can have caused, each between two reads as near as can be, first of each message.

    A count grows at a reset only (A4; without counts, a terminal message is underway again: A2), nobody else writes
    (A6), and no retry that may act was pending at the first read or left before the second was over.
    """
    suspects = [w for w in batch.probes if not w.harmless]
    if not suspects:
        return
    for message in batch.messages:
        found = next(_of(case, batch, message, suspects), None)
        if found is not None:
            yield found


def _of(case: Case, batch: Batch, message: str, suspects: list[Write]) -> Iterator[Effect]:
    for view in views(case.sights(message)):
        for index, a in enumerate(view):
            b = next((s for s in view[index + 1 :] if follows(case, s, a.last)), None)
            if b is None or not _moved(a, b) or pending(case, batch, message, a):
                continue
            if any(a.t <= w.last and w.t <= b.last for w in acts_on(batch, message)):
                continue
            since = a.t - case.lag - case.header.settle_timeout
            causes = sorted((w for w in suspects if w.t <= b.last and w.last > since), key=lambda w: -w.t)
            if causes:
                yield Effect(
                    message=message,
                    before=a,
                    after=b,
                    probes=tuple(causes),
                    beside=tuple(
                        w
                        for w in batch.writes
                        if w.valid
                        and w.standing in ("refused", "dropped")
                        and w.message in (None, message)
                        and w.t <= b.last
                        and w.last > since
                    ),
                    control=controls(case, a.last, b.t, but=batch),
                    axioms=("A4", "A6", "A7") if comparable(a, b) else ("A2", "A6", "A7"),
                    slack=f"holds if reads lag less than {seconds(b.t - a.last)}",
                )


def _moved(a: Sight, b: Sight) -> bool:
    return (gain(a, b) or 0) >= 1 if comparable(a, b) else a.terminal and b.underway


def untouched(case: Case, batch: Batch, write: Write) -> tuple[int, int] | None:
    """Two reads around a probe, of one message, that show the same attempts: it had no effect up to the second."""
    following = min((w.t for w in acts_on(batch, "") if w.t > write.t), default=float("inf"))
    for message in batch.messages:
        for view in views(case.sights(message)):
            before = [s for s in view if s.last <= write.t and s.terminal]
            after = [s for s in view if follows(case, s, write.last) and s.last <= following]
            if before and after and before[-1].status == "failure" and after[0].status == "failure":
                same = gain(before[-1], after[0]) == 0 if comparable(before[-1], after[0]) else True
                if same:
                    return before[-1].n, after[0].n
    return None
