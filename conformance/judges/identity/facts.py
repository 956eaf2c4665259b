"""Common ground of family IDS: which retry counts, between which readings nothing can have changed, and data that was lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from conformance.history.records import Operation
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.ledger import laid_to
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.timeline import comparable, effect_until, follows, gain, owed

#: The three views of a message, and the cases of BR-IDS-04 and BR-IDS-07 that they are.
VIEWS: Mapping[Operation, str] = {"batch_list": "listing", "campaign_list": "campaign", "message_read": "message"}


def accepted(batch: Batch, message: str | None = None) -> RetryCall | None:
    """The first accepted retry of the batch, or (with ``message``) the first, batch or single, that may reset this message."""
    calls = batch.resets if message is None else batch.resetting(message)
    return next((c for c in calls if c.accepted and (message is not None or not c.single)), None)


def blamed(call: RetryCall, *requirements: str) -> tuple[str, ...]:
    """The requirements, and BR-SEC-05 where the call had a body, query or header, which may be the cause."""
    return (*requirements, "BR-SEC-05") if call.harmless else requirements


def besides(case: Case, batch: Batch, since: float, until: float) -> tuple[str, ...]:
    """What calls break whose effects may have come between two instants, if one of them made or took messages of the batch.

    Those aside that may reset the batch as a whole: what these break is the rule's own.
    """
    near = (c for c in batch.sent if effect_until(case, c) >= since and c.t <= until and (c.single or not c.may_reset))
    return tuple(
        dict.fromkeys(n for c in near for n in (("BR-SGL-02",) if c.may_reset else laid_to(c, c.message or "")))
    )


def moved(a: Reading, b: Reading) -> bool:
    """True if a message that is failed in ``a`` shows in ``b`` that it was retried since."""
    if comparable(a, b):
        return (gain(a, b) or 0) > 0
    return b.in_progress or (a.updated_at is not None and b.updated_at is not None and a.updated_at != b.updated_at)


@dataclass(frozen=True)
class Epoch:
    """Readings of a message between which no retry of it can have taken effect; ``number`` retries came before."""

    number: int
    readings: tuple[Reading, ...]
    proof: Proof


def epochs(case: Case, batch: Batch, message: str) -> Iterator[Epoch]:
    """The epochs of a message: before the first retry left, and after each from when it surely has no effect any more.

    That is so from a reading on at which every retry so far has shown its attempt or is out of time (ruling 16).
    """
    resets = batch.resetting(message)
    seen = [r for r in case.readings(message) if r.view in VIEWS]
    starts = [float("-inf"), *(c.last for c in resets)]
    ends = [*(c.t for c in resets), float("inf")]
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        inside = [r for r in seen if r.t > start and r.last <= end]
        if number == 0:
            yield Epoch(0, tuple(inside), Proof(assumptions=frozenset(assume("A6", batch.id))))
            continue
        for r in inside:
            rest = owed(case, batch, r)
            if rest.none:
                yield Epoch(number, (r, *(o for o in inside if follows(case, o, r.last))), rest.proof)
                break
