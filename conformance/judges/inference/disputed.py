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


def disputed(case: Case, message: str, a: Reading | None, b: Reading) -> Proof | None:
    """What disputes the attempts that ``b`` shows, more than ``a`` of the same view; None if nothing does.

    Another view, read later, has gained less since before the first retry, when both showed the same attempts: it lags, or one
    of the two is wrong.
    """
    first = min(case.resets_of(message), default=a.last if a is not None else 0.0)
    gained = _grown(case, message, first, b)
    for view in case.views(message) if gained else ():
        for reading in view if view[0].view != b.view else ():
            mine = _grown(case, message, first, reading) if reading.t >= b.last else None
            if mine is not None and gained is not None and mine < gained:
                line = f"read {reading.n} ({reading.view}), begun later, shows fewer new attempts than {b.view} does"
                return Proof(because=(line,), evidence=(reading.n,))
    return None


def _grown(case: Case, message: str, first: float, reading: Reading) -> int | None:
    """Attempts more than a reading of the same view showed before ``first``; None if none counts alike."""
    before = (
        r for r in case.readings(message) if r.view == reading.view and r.last <= first and comparable(r, reading)
    )
    base = next(before, None)
    return gain(base, reading) if base is not None else None
