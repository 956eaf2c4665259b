"""Attempts that no retry explains: the common ground of BR-BLK-03, BR-SEL-05 and BR-SEL-07."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conformance.judges.case import Batch, Case, Write
from conformance.judges.intervals import seconds
from conformance.judges.sightings import Sight
from conformance.judges.timeline import between, comparable, follows, gain, pending, views


@dataclass(frozen=True, kw_only=True)
class Surplus:
    """Two sights of a message between which it gained more attempts than retries can have given it."""

    message: str
    before: Sight
    after: Sight
    gained: int
    #: How many of them accepted or open retries may have given it, those still pending at ``before`` included.
    explained: int
    #: Everything on the batch that left before ``after`` was over and had not been over before ``before`` began.
    writes: tuple[Write, ...]
    axioms: tuple[str, ...]
    slack: str

    @property
    def sentence(self) -> str:
        return (
            f"reads {self.before.n} and {self.after.n} show a message of the batch with {self.gained} attempts more "
            f"({self.before.status}, then {self.after.status})"
        )


def surpluses(case: Case, batch: Batch) -> Iterator[Surplus]:
    """Every surplus in a batch of this run, message by message, each between two reads as near as can be.

    Sound under A4 (a count grows at a reset only) and A6 (nobody else writes): what may explain an attempt is an
    upper bound, delayed effects (ruling 16) and lost answers (ruling 11) included. Without counts, a terminal
    message that is underway again has been reset at least once (A2).
    """
    for message in batch.messages:
        for view in views(case.sights(message)):
            for i, a in enumerate(view):
                b = next((s for s in view[i + 1 :] if follows(case, s, a.last)), None)
                if b is not None and (found := _surplus(case, batch, message, a, b)) is not None:
                    yield found


def _surplus(case: Case, batch: Batch, message: str, a: Sight, b: Sight) -> Surplus | None:
    counted = bool(comparable(a, b))
    gained = (gain(a, b) or 0) if counted else int(a.terminal and b.underway)
    if gained < 1:
        return None
    explained = pending(case, batch, message, a) + len(between(batch, message, a, b))
    # What a probe may have done is family SEC's to say, whatever its answer was.
    since = a.t - case.lag - case.header.settle_timeout
    suspects = [w for w in batch.probes if not w.harmless and w.t <= b.last and w.last > since]
    if gained <= explained or suspects:
        return None
    return Surplus(
        message=message,
        before=a,
        after=b,
        gained=gained,
        explained=explained,
        writes=tuple(
            w
            for w in batch.writes
            if w.standing != "unsent"
            and w.message in (None, message)
            and w.t <= b.last
            and w.last > a.t - case.lag - case.header.settle_timeout * (w.standing == "accepted")
        ),
        axioms=("A4",) if counted else ("A2",),
        slack=f"holds if reads lag less than {seconds(b.t - a.last)}",
    )
