"""Retries of a batch that the vendor holds in processing by a provider state (axiom A8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from conformance.history.records import STATE_NOTE, Note
from conformance.judges.inference.case import Case
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.retry_call import RetryCall

#: The provider state (docs/provider-states.md).
PROCESSING = "batch_processing"


@dataclass(frozen=True)
class Held:
    """A valid retry that left when the state had been set up, and was answered before it was let go."""

    call: RetryCall
    proof: Proof


def standing(case: Case) -> Iterator[tuple[Note, float]]:
    """Every time that the vendor held a batch in processing: the note of it, and when it was let go, in seconds.

    It stands from the vendor's answer on, and no longer than until the next state is asked for, whatever is answered.
    """
    for note in case.history.notes:
        if _stands(note):
            ends = [float(n.data.get("begun", n.t)) for n in case.history.notes if _lets_go(n, note)]
            yield note, min(ends, default=float("inf"))


def asked(case: Case, batch: str) -> Iterator[tuple[float, float]]:
    """From when until when the vendor may have held the batch: asked to, and to let it go."""
    for note, until in standing(case):
        if note.data["batch"] == batch:
            yield float(note.data.get("begun", note.t)), until


def held(case: Case) -> Iterator[Held]:
    """Every answered valid retry of a batch that the vendor held in processing all the while."""
    for note, until in standing(case):
        held_batch = str(note.data.get("batch"))
        for call in retries_of(case, held_batch):
            if note.t <= call.t and call.exchange.answered and call.last <= until:
                why = (
                    f"the provider state {PROCESSING} is set up {call.t - note.t:.2f} s before retry {call.n} leaves, and not "
                    "let go before it is answered"
                )
                yield Held(
                    call, Proof(because=(why,), evidence=(call.n,), assumptions=frozenset(assume("A8", held_batch)))
                )


def retries_of(case: Case, held_batch: str) -> Iterable[RetryCall]:
    """Every valid retry of a batch that a vendor made, whether a listing of the run shows it or not."""
    batch = case.batch(held_batch)
    return (batch.retries if batch is not None else ()) or _unlisted(case, held_batch)


def _unlisted(case: Case, batch: str) -> Iterator[RetryCall]:
    """Retries of a batch that the vendor made, and that no send or listing of the run knows."""
    for exchange in case.exchanges:
        if exchange.invoke.operation == "batch_retry" and exchange.invoke.batch == batch:
            call = RetryCall(exchange, batch)
            if call.valid and call.sent:
                yield call


def _stands(note: Note) -> bool:
    set_up = note.event == STATE_NOTE and note.data.get("action") == "setup" and not note.text
    return set_up and note.data.get("state") == PROCESSING and isinstance(note.data.get("batch"), str)


def _lets_go(later: Note, note: Note) -> bool:
    params = later.data.get("params")
    named = params.get("batchId") if isinstance(params, dict) else None
    return later.event == STATE_NOTE and later.t > note.t and named in (None, note.data.get("batch"))
