"""Ids that no other id can be taken for: those of a target that are made by chance, and those that this run makes up. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from uuid import UUID

#: A UUID of version 4, or 7, in which the time stands first (RFC 9562), at the end of an id, with hyphens or without.
_RANDOM = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?([47])[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}\Z", re.IGNORECASE)
#: The last group of a UUID, random in both versions.
_LAST = 12
#: Characters at the beginning of a UUID, and within its last group, that two UUIDs made by chance share for once in four billion.
_APART = 8
#: Own ids beside the one in question that have to look the same.
_ENOUGH = 2


def stands_alone(batch: str, made: Collection[str], known: Collection[str]) -> bool:
    """Whether a part of this id, or a pattern that it is, can mean no other batch of the target's.

    So it is where every batch of the run has an id that ends with a random UUID, and no known id begins or ends nearly as this
    one: where something is counted or timed in what looks like a random UUID, ids that were made one after the other do.

    :param made: ids of batches that the target has made for this run; :param known: those, and all others that it showed.
    """
    match = _RANDOM.search(batch)
    others = [_RANDOM.search(other) for other in made if other != batch]
    if match is None or len(others) < _ENOUGH or any(o is None or _form(o) != _form(match) for o in others):
        return False
    own = batch.lower()
    # Where the time stands first, all that stands before the last group is compared.
    begins = own[: match.start() + _APART] if match[1] == "4" else own[:-_LAST]
    ends = own[-_LAST : -_LAST + _APART]
    near = (other.lower() for other in {*made, *known} - {batch})
    return not any(other.startswith(begins) or other[-_LAST : -_LAST + _APART] == ends for other in near)


def _form(match: re.Match[str]) -> tuple[int, str]:
    return match.start(), match[1]


def lettered(identifier: UUID) -> str:
    """A UUID as text, with letters where a lenient reader looks for a number: first, last, and first in two of its groups."""
    text = list(str(identifier))
    for place in (0, 9, 24, len(text) - 1):
        text[place] = "abcdef"[int(text[place], 16) % 6]
    return "".join(text)
