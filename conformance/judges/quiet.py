"""Quiet batches: nothing moves but by writes of ours, so that what reads show holds when the next one is decided.

Built on ``timeline``: which retries may still owe an attempt, and what of the batch's status stays as it was seen.
"""

from __future__ import annotations

from dataclasses import dataclass

from conformance.judges.case import Batch, Case, Write
from conformance.judges.intervals import RETRYABLE
from conformance.judges.sightings import Sight
from conformance.judges.timeline import (
    acts_on,
    begun,
    comparable,
    effect_until,
    follows,
    gain,
    last_before,
    pending,
    spent,
)


@dataclass(frozen=True, kw_only=True)
class Quiet:
    """Proof that a batch was quiet when a write left."""

    #: One sight of each message, begun after the last write's answer and ended before this write left.
    sights: tuple[Sight, ...]
    #: Status of the batch in those reads; None if not visible (ruling 12).
    status: str | None
    evidence: tuple[int, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        return tuple(s.message for s in self.sights if s.status == "failure")

    @property
    def since(self) -> float:
        """When the reading of it was over."""
        return max(s.last for s in self.sights)


def quiet(case: Case, batch: Batch, write: Write, *, beside: frozenset[int] = frozenset()) -> Quiet | str:
    """Proof that the batch was quiet when ``write`` left, or the reason code why that is not proved.

    ``beside``: numbers of its rivals in a race, begun no sooner; what they do does not count.

    Quiet (docs/design.md): nothing outstanding or lost, all earlier retries settled, and every message terminal in
    a read begun after the last write's answer; the batch's status, where visible, is retryable.
    """
    others = [w for w in batch.writes if w.n != write.n and w.n not in beside and w.standing != "unsent"]
    earlier = [w for w in others if w.t < write.t]
    if any(w.t <= write.last and w.last > write.t for w in others):
        return "overlapping"
    if any(w.standing == "open" for w in earlier):
        return "answer-lost"
    if not batch.whole:
        return "messages-not-listed"
    since = max((w.last for w in earlier), default=batch.send.last if batch.send else 0.0)
    seen = [last_before(case, m, write.t, since=since) for m in batch.messages]
    sights = tuple(s for s in seen if s is not None)
    if len(sights) < len(seen):
        return "not-read-before"
    if not all(s.terminal for s in sights):
        return "messages-underway"
    if not all(settled(case, batch, s) for s in sights):
        return "not-settled"
    if write.standing == "refused" and any(_moved_by_itself(case, batch, s) for s in sights):
        return "moved-by-itself"
    status, shown = _status(case, batch, since, write.t)
    if status is not None and status not in RETRYABLE:
        return "status-not-retryable"
    return Quiet(sights=sights, status=status, evidence=tuple(sorted({*(s.n for s in sights), *shown})))


def _moved_by_itself(case: Case, batch: Batch, sight: Sight) -> bool:
    """Whether a later answer shows the message underway in the attempt that the sight shows terminal, and no retry that may
    have been carried out lies between. A2 does not hold for it then: it may have moved before the refusal, too."""
    acts = acts_on(batch, sight.message)
    following = min((w.t for w in acts if w.last > sight.t), default=float("inf"))
    later = (s for s in case.sights(sight.message) if s.t > sight.last and s.last < following)
    return any(s.underway and comparable(sight, s) and gain(sight, s) == 0 for s in later)


def settled(case: Case, batch: Batch, sight: Sight) -> bool:
    """No earlier retry can still owe the message an attempt: each took it up already, or time is over.

    A success is owed none by retries that found it so (A2), nor by a single other one: it was reset by it, or underway.
    A message that is spent is owed none by any.
    """
    if spent(case, batch, sight.message, sight.last):
        return True
    if pending(case, batch, sight.message, sight) == 0:
        return True
    before = [s.last for s in case.sights(sight.message) if s.status == "success"]
    past = [w for w in acts_on(batch, sight.message) if w.t <= sight.last and not any(t <= w.t for t in before)]
    return sight.status == "success" and sum(effect_until(case, w) >= begun(case, sight) for w in past) <= 1


def _status(case: Case, batch: Batch, since: float, until: float) -> tuple[str | None, tuple[int, ...]]:
    """The batch's status in the latest read begun after ``since`` and ended by ``until``, if it stays so."""
    shown = [(s, status) for s, status in case.status_sights(batch) if follows(case, s, since) and s.last <= until]
    if not shown or (shown[-1][1] in RETRYABLE and not steady(case, batch, shown[-1][0])):
        return None, ()
    return shown[-1][1], (shown[-1][0].n,)


def steady(case: Case, batch: Batch, shown: Sight) -> bool:
    """Whether a retryable status stays as the sight shows it until the next write.

    As long as an accepted retry may owe a message an attempt, it may still have to be processed (rulings 5 and 16).
    """
    alive = [w for w in batch.retries if w.acts and w.t <= shown.last and effect_until(case, w) >= begun(case, shown)]
    if not alive:
        return True
    since = max(w.last for w in alive)
    return batch.whole and all(
        any(
            (s is shown or follows(case, shown, s.last)) and follows(case, s, since) and settled(case, batch, s)
            for s in case.sights(message)
        )
        for message in batch.messages
    )


def status_before(case: Case, batch: Batch, write: Write) -> tuple[Sight, str] | None:
    """The batch's status in the latest read between any earlier write's answer and this write."""
    since = max((w.last for w in batch.writes if w.t < write.t and w.standing != "unsent"), default=float("-inf"))
    shown = [pair for pair in case.status_sights(batch) if pair[0].last <= write.t and follows(case, pair[0], since)]
    return shown[-1] if shown else None


def status_ever(case: Case) -> bool:
    """Whether any answer of the history shows a batch's status at all (ruling 12)."""
    return any(s.batch_statuses for s in case.all_sights)
