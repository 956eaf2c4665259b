"""Which views show an updatedAt that stands still where the status moves, so that it tells nothing (A5)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

from conformance.findings import Assumption
from conformance.judges.inference.case import Case


@lru_cache(maxsize=4)
def standing_stamps(case: Case) -> frozenset[str]:
    """Return the views that show a message in another status with the same updatedAt, finer than a second."""
    return frozenset(
        a.view
        for message in case.messages
        for view in case.views(message)
        for a, b in pairwise(view)
        if a.last <= b.t - case.lag(b.view)
        and None not in (a.status, b.status, a.updated_at)
        and a.status != b.status
        and a.updated_at == b.updated_at
        and b.updated_unit < 1
    )


def by_stamp(case: Case, assumed: Iterable[Assumption]) -> bool:
    """True if one of these assumptions is that of an updatedAt which stands still: anything else proves more."""
    views = standing_stamps(case)
    return any(a.axiom == "A5" and (a.source in views or (not a.source and bool(views))) for a in assumed)
