"""An updatedAt that stands still where the status moves, so that it tells nothing (A5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from conformance.findings import Assumption
from conformance.judges.inference.readings import Reading

if TYPE_CHECKING:
    from conformance.judges.inference.case import Case


def standing(view: Sequence[Reading], lag: Callable[[str], float]) -> Iterator[str]:
    """Yield the name of the view for each two readings with one updatedAt, finer than a second, and two statuses.

    :param view: readings of one message in one view. :param lag: seconds that reads of a view may lag.
    """
    for a, b in pairwise(view):
        apart = a.last <= b.t - lag(b.view) and None not in (a.status, b.status, a.updated_at)
        if apart and a.status != b.status and a.updated_at == b.updated_at and b.updated_unit < 1:
            yield a.view


def by_stamp(case: Case, assumed: Iterable[Assumption]) -> bool:
    """True if one of these assumptions is that of an updatedAt which stands still: anything else proves more."""
    views = case.standing_stamps
    return any(a.axiom == "A5" and (a.source in views or (not a.source and bool(views))) for a in assumed)
