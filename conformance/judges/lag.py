"""Axiom A7: how far reads lag behind, as far as the history itself shows it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from conformance.judges.intervals import rank
from conformance.judges.sightings import Sight

if TYPE_CHECKING:
    from conformance.judges.case import Case


#: Seconds, and the read that lags so far.
Shown = tuple[float, Sight]


def largest(case: Case) -> Shown | None:
    """The largest lag that the history shows; None if it shows none.

    Two things show a lag of some read: it begins after a single retry's 201 and misses the attempt that a later
    read shows; or it shows an older state of a message than an answer that came before it began, and a later read
    shows the newer state again. Reads that never come right again are no lag but a fault, and stay for the judges;
    so is an attempt that was taken back and that a later retry made up for by another.
    """
    shown: list[Shown] = []
    for message in case.messages:
        batch = case.batch_of(message)
        acts = [w.t for w in batch.acts if w.message in (None, message)] if batch is not None else []
        for view in _views(case.sights(message)):
            shown.extend(_regressions(view, acts))
    for batch in case.ours:
        for single in batch.singles:
            others = [w for w in batch.writes if w.acts and w is not single and w.message in (None, single.message)]
            if single.exchange.accepted and single.message is not None:
                for view in _views(case.sights(single.message)):
                    begun = min((w.t for w in others if w.t > single.t), default=float("inf"))
                    ended = max((w.last for w in others if w.t <= single.t), default=float("-inf"))
                    shown.extend(_missed(view, single.t, single.last, ended, begun))
    return max(shown, key=lambda one: (one[0], -one[1].n), default=None)


def _views(seen: Iterable[Sight]) -> list[list[Sight]]:
    """The sights of one message, apart by operation: counts compare only there (axiom A4)."""
    views: dict[str, list[Sight]] = {}
    for sight in seen:
        views.setdefault(sight.operation, []).append(sight)
    return [sorted(view, key=lambda s: (s.t, s.n)) for view in views.values()]


def _key(sight: Sight) -> tuple[int, int] | None:
    """Grows with every step of a message: attempts first, then the way along the attempt (A1, A4)."""
    step = rank(sight.status)
    if not sight.counts or step is None:
        return None
    return sight.number if sight.number is not None else max(sight.counts.values()), step


def _regressions(view: list[Sight], acts: list[float]) -> Iterable[Shown]:
    """Lags of reads that show less than an earlier answer did, where a later read makes up for it.

    :param acts: when the writes left that may have given the message an attempt.
    """
    keyed = [(s, k) for s in view if (k := _key(s)) is not None]
    best: list[tuple[Sight, tuple[int, int]]] = []
    ahead: list[tuple[int, int] | None] = [None] * len(keyed)
    for i in range(len(keyed) - 1, -1, -1):
        later = ahead[i + 1] if i + 1 < len(keyed) else None
        ahead[i] = keyed[i][1] if later is None else max(later, keyed[i][1])
    for i, (sight, key) in enumerate(keyed):
        later = ahead[i + 1] if i + 1 < len(keyed) else None
        for earlier, seen in best:
            less = earlier.last <= sight.t and seen > key and later is not None and later >= seen
            if less and any(k >= seen and not _made_up(earlier, s, acts) for s, k in keyed[i + 1 :]):
                yield sight.t - earlier.last, sight
        if not best or key > best[-1][1]:
            best.append((sight, key))


def _made_up(earlier: Sight, later: Sight, acts: list[float]) -> bool:
    """Whether a retry of ours lies between, and it is seen to be by another attempt that there are as many again.

    A read of a target that only lags shows every attempt again when it shows as many (by id and createdAt), so that no
    lag is overlooked. That there are as many again says nothing by itself: a retry between may have found nothing to
    take up. Where attempts are not listed, or not all of them, both are thinkable, and the larger lag counts.
    """
    if later.abbreviated or not earlier.attempts or later.attempts is None:
        return False
    marks = {(a.id, a.created_at) for a in later.attempts}
    gone = any((a.id, a.created_at) not in marks for a in earlier.attempts)
    return gone and any(earlier.t < t <= later.last for t in acts)


def _missed(view: list[Sight], begun: float, answered: float, ended: float, closed: float) -> Iterable[Shown]:
    """Lags of reads that begin after the single retry's answer and still show the count from before it."""
    before = [s for s in view if s.t > ended and s.last < begun and s.counts]
    if not before:
        return
    base = before[-1]
    after = [(s, s.counts.keys() & base.counts.keys()) for s in view if s.t > answered and s.last < closed]
    grown = [s.t for s, names in after if names and all(s.counts[name] > base.counts[name] for name in names)]
    if grown:
        same = [s for s, names in after if names and all(s.counts[name] == base.counts[name] for name in names)]
        yield from ((s.t - answered, s) for s in same if s.t < max(grown))
