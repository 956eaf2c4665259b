"""What of a message does not change, and when two answers show the same of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from conformance.contract.vocabulary import RETRYABLE, instant
from conformance.judges.inference.readings import Reading, unit

_PLAIN = (
    *("recipient", "language", "values", "fullMessage", "templateBodyId"),
    *("campaignId", "creatorId", "creatorEmail", "createdAt"),
)
_TEMPLATE = ("id", "templateId", "language", "body", "creatorId", "createdAt")
_BATCH = ("originalFileName", "totalMessages")
_NOUGHTS = re.compile(r"(T\d\d:?\d\d:?\d\d[.,]\d*?)0+(?!\d)")
_OFFSET = re.compile(r"(?:Z|[+-]\d\d:?\d\d)$", re.I)


def facts(reading: Reading, batch: str) -> dict[str, Any]:
    """The unchanging data that an answer shows of a message and its batch, by name; what is missing is left out (ruling 6).

    A batch that is still processed, or may be, need not have its full size yet.
    """
    data = reading.data
    found = {name: data[name] for name in _PLAIN if name in data}
    template = data.get("templateBody")
    if isinstance(template, Mapping):
        found |= {f"templateBody.{name}": template[name] for name in _TEMPLATE if name in template}
    shown = data.get("batches")
    for item in shown if isinstance(shown, list) else ():
        if isinstance(item, Mapping) and item.get("id") == batch:
            names = _BATCH if reading.batch_statuses.get(batch) in RETRYABLE else _BATCH[:1]
            found |= {f"batches.{name}": item[name] for name in names if name in item}
    return found


def nothing(value: Any) -> bool:
    """True for null and an empty list, which a view may show for a while in place of what it has (ruling 33)."""
    return value is None or value == []


def same(name: str, a: Any, b: Any) -> bool:
    """True if one view shows the same: JSON as values, times as instants to the last digit (ruling 19).

    A time without an offset is none, and BR-SCH-02's matter: it is not compared with one that has an offset.
    """
    if name.endswith("createdAt") and (one := instant(a)) is not None and (two := instant(b)) is not None:
        return one == two or bool(_OFFSET.search(a)) != bool(_OFFSET.search(b))
    return bool(a == b)


def alike(name: str, a: Any, b: Any) -> bool:
    """True if two views show the same: finer digits of a time may be dropped (ruling 19).

    Values of different JSON types, null, and times without an offset are not compared: which representation a view chooses
    is BR-SCH-02's.
    """
    if a is None or b is None or type(a) is not type(b):
        return True
    if not name.endswith("createdAt"):
        return bool(a == b)
    one, two = instant(a), instant(b)
    if one is None or two is None or not (_OFFSET.search(a) and _OFFSET.search(b)):
        return True
    return one == two or abs((one - two).total_seconds()) < max(_digit(a), _digit(b))


def _digit(text: str) -> float:
    """Seconds that the last digit of a time stands for which is no nought: those may stand for digits that were dropped."""
    return unit(_NOUGHTS.sub(r"\1", text))


def clip(value: Any) -> str:
    """A value for people, of bounded length."""
    text = repr(value)
    return text if len(text) <= 90 else f"{text[:87]}…"
