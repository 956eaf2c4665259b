"""Ids of requirements in a sentence. Pure."""

from __future__ import annotations

from collections.abc import Sequence

#: Requirements that a sentence names at most.
MAX_NAMED = 8


def short(names: Sequence[str], most: int = MAX_NAMED) -> str:
    """Requirement ids, with the family said once: "BR-SEC-02, -03, BR-SGL-03"; the first few of many."""
    told: list[str] = []
    family = ""
    for name in names[:most]:
        head, _, number = name.rpartition("-")
        told.append(f"-{number}" if head == family else name)
        family = head
    more = len(names) - most
    return ", ".join(told) + (f" and {more} more" if more > 0 else "")
