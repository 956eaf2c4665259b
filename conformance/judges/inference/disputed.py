"""Attempts that one view shows, and that another view disputes (ruling 29).

What such a view lists may not be so: then its attempts break nothing, but the views disagree (BR-IDS-07).
"""

from __future__ import annotations

from conformance.judges.inference.case import Case
from conformance.judges.inference.proof import Proof
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.timeline import comparable, gain

#: The requirement that is broken where what is disputed is not so.
INSTEAD = "BR-IDS-07"


def disputed(case: Case, a: Reading | None, b: Reading) -> Proof | None:
    """What disputes the attempts that ``b`` shows, more than ``a`` of the same view; None if nothing does.

    Another view, read later, has gained less since before the first retry, when both showed the same attempts: it lags, or one
    of the two is wrong.
    """
    first = min(case.resets_of(b.message), default=a.last if a is not None else 0.0)
    start = _base(case, first, b, latest=True)
    gained = gain(start, b) if start is not None else None
    for view in case.views(b.message) if gained else ():
        for reading in view if view[0].view != b.view else ():
            base = _base(case, first, reading, latest=False) if reading.t >= b.last else None
            if start is None or base is None or _apart(start, base):
                continue
            mine = gain(base, reading)
            if mine is not None and gained is not None and mine < gained:
                line = f"read {reading.n} ({reading.view}), begun later, shows fewer new attempts than {b.view} does"
                return Proof(because=(line,), evidence=(reading.n,))
    return None


def _base(case: Case, first: float, reading: Reading, *, latest: bool) -> Reading | None:
    """A reading of the same view before ``first``, the latest or the earliest that counts alike."""
    seen = case.readings(reading.message)
    before = (r for r in (reversed(seen) if latest else seen) if r.view == reading.view and r.last <= first)
    return next((r for r in before if comparable(r, reading)), None)


def _apart(start: Reading, base: Reading) -> bool:
    """Whether an attempt that no retry explains may lie between: the later of the two does not show what the earlier one shows."""
    return base.last > start.t and set(base.counts.values()).isdisjoint(start.counts.values())
