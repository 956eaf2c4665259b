"""Judge of family SEL: which messages a retry takes up, how often, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.findings import Opinion
from conformance.judges.case import Case
from conformance.judges.sel_attempts import lifecycle, one_each, unasked, underway_twice
from conformance.judges.sel_limit import limit
from conformance.judges.sel_none import nothing_to_retry, outside
from conformance.judges.sel_taken import spent_beside, takes_up, untouched

REQUIREMENTS = tuple(f"BR-SEL-{number:02}" for number in range(1, 11))


def judge(case: Case) -> Iterator[Opinion]:
    """BR-SEL-01 to BR-SEL-10, for the batches of this run (A6); each rule argues in its own function."""
    for batch in case.ours:
        yield from takes_up(case, batch)
        yield from untouched(case, batch)
        yield from lifecycle(case, batch)
        yield from one_each(case, batch)
        yield from nothing_to_retry(case, batch)
        yield from unasked(case, batch)
        yield from underway_twice(case, batch)
        yield from spent_beside(case, batch)
        yield from outside(case, batch)
    yield from limit(case)
