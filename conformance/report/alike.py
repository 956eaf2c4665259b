"""Requirements that are open for one reason, told once. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from conformance.report.model import ReportedRequirement

#: Verdicts of which each is told by itself.
_APART = ("fail", "error")
#: Of an exchange, a time, a count; not of a cause or an answer's status, nor part of an id or an axiom's name.
_NUMBER = re.compile(r"(?<!cause )(?<!answered )(?<![-\w.])\d+(\.\d+)?")

Why = Callable[[ReportedRequirement], str]


def alike(items: Iterable[ReportedRequirement], why: Why) -> list[list[ReportedRequirement]]:
    """The requirements in their order, those of one verdict together that have one reason; what fails stays apart.

    Numbers of exchanges and times make no other reason of it.

    :param why: the reason of a requirement, in words.
    """
    groups: dict[tuple[str, str], list[ReportedRequirement]] = {}
    for item in items:
        reason = item.id if item.verdict in _APART else _NUMBER.sub("", why(item))
        groups.setdefault((item.verdict, reason), []).append(item)
    return list(groups.values())


def reason_of(group: list[ReportedRequirement], why: Why) -> str:
    """The reason that they share; where it differs by numbers, whose it is."""
    said = [why(item) for item in group]
    return said[0] if len(set(said)) == 1 else f"{said[0]} ({group[0].id}; the others alike)"
