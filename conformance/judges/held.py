"""Retries of a batch that the vendor holds in processing by a provider state (axiom A8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conformance.findings import Doubt, Exercise, Finding, Opinion
from conformance.history.records import Note
from conformance.judges.case import Case, Write
from conformance.judges.intervals import NO_FAILED_CODE, NOT_RETRYABLE_CODE, UNRESOLVED_CODE

#: The provider state (docs/provider-states.md).
PROCESSING = "batch_processing"


@dataclass(frozen=True)
class Held:
    """A valid retry that left when the state had been set up, and was answered before it was let go."""

    write: Write
    #: Seconds at which the vendor said that the state stands.
    since: float


def standing(case: Case) -> Iterator[tuple[Note, float]]:
    """Every time that the vendor held a batch in processing: the note of it, and when it was let go, in seconds.

    It stands from the vendor's answer on, and no longer than until the next state is asked for, whatever is answered.
    """
    for note in case.history.notes:
        if _stands(note):
            ends = [float(n.data.get("begun", n.t)) for n in case.history.notes if _lets_go(n, note)]
            yield note, min(ends, default=float("inf"))


def held(case: Case) -> Iterator[Held]:
    """Every answered valid retry of a batch that the vendor held in processing all the while."""
    for note, until in standing(case):
        for exchange in case.exchanges:
            invoke = exchange.invoke
            if invoke.operation == "batch_retry" and invoke.batch == note.data.get("batch") and note.t <= exchange.t:
                write = Write(exchange, invoke.batch)
                if write.valid and exchange.answered and exchange.last <= until:
                    yield Held(write, note.t)


def _stands(note: Note) -> bool:
    set_up = note.event == "state" and note.data.get("action") == "setup" and not note.text
    return set_up and note.data.get("state") == PROCESSING and isinstance(note.data.get("batch"), str)


def _lets_go(later: Note, note: Note) -> bool:
    params = later.data.get("params")
    named = params.get("batchId") if isinstance(params, dict) else None
    return later.event == "state" and later.t > note.t and named in (None, note.data.get("batch"))


def accepted(case: Case) -> Iterator[Opinion]:
    """BR-ACC-01: no 201 for a batch that the vendor holds in processing.

    The vendor's own word tells the status when the retry was decided (A8): it was neither of the two that are
    retryable. No read of the status is needed, which at a real target may be over before anybody can look.
    """
    for one in held(case):
        write = one.write
        if write.standing == "accepted":
            yield Finding(
                any_of=("BR-ACC-01",),
                summary="the target accepts a retry of a batch that its vendor holds in processing",
                argument=(
                    f"the provider state {PROCESSING} is set up {write.t - one.since:.2f} s before retry {write.n} "
                    "leaves, and not let go before it is answered",
                    f"the retry had to be refused, and {write.status} came",
                ),
                expected=(f"400 {NOT_RETRYABLE_CODE}", "any answer outside 2xx"),
                observed=f"{write.status}",
                evidence=(write.n,),
                axioms=("A8",),
                counterfactual="would be legal if the batch had been in a retryable status",
                scenario=write.exchange.invoke.scenario,
                subject="201 while held in processing",
            )
        elif write.standing == "refused":
            yield Exercise(requirement="BR-ACC-01", evidence=(write.n,), facet="refused-otherwise")


def code(case: Case) -> Iterator[Opinion]:
    """BR-ERR-01: such a batch is refused as not retryable; its messages may be created, and none failed (ruling 13)."""
    codes = (NOT_RETRYABLE_CODE, UNRESOLVED_CODE, NO_FAILED_CODE)
    for one in held(case):
        write = one.write
        if write.standing == "dropped":
            text = f"the retry {write.n} of a batch that is held in processing was answered 429"
            yield Doubt(requirement="BR-ERR-01", code="dropped", text=text, evidence=(write.n,))
        if write.standing != "refused":
            continue
        if write.status == 400 and write.code in codes:
            yield Exercise(requirement="BR-ERR-01", evidence=(write.n,))
            continue
        said = f"{write.status} {write.code or 'without a code'}"
        yield Finding(
            any_of=("BR-ERR-01",),
            summary=f"the target refuses to retry a batch that its vendor holds in processing with {said}",
            argument=(f"the provider state {PROCESSING} stands when retry {write.n} is decided",),
            expected=tuple(f"400 {name}" for name in codes),
            observed=said,
            evidence=(write.n,),
            axioms=("A8",),
            counterfactual="would be legal with one of these codes",
            scenario=write.exchange.invoke.scenario,
            subject=f"held in processing: {said}",
        )
