"""What of a message does not change, and between which sights it must not: the common ground of family IDS."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from conformance.history.records import Operation
from conformance.judges.case import Batch, Case, Write
from conformance.judges.intervals import instant
from conformance.judges.sightings import Sight
from conformance.judges.timeline import acts_on, begun, comparable, effect_until, follows, gain, pending

#: The three views of a message, and the facets of BR-IDS-04 that they are.
VIEWS: Mapping[Operation, str] = {"batch_list": "listing", "campaign_list": "campaign", "message_read": "message"}

_PLAIN = (
    *("recipient", "language", "values", "fullMessage", "templateBodyId"),
    *("campaignId", "creatorId", "creatorEmail", "createdAt"),
)
_TEMPLATE = ("id", "templateId", "language", "body", "creatorId", "createdAt")
_BATCH = ("originalFileName", "totalMessages")

_CLOCK = re.compile(r"T\d\d:?\d\d(?P<seconds>:?\d\d)?(?:[.,](?P<digits>\d+))?")
_OFFSET = re.compile(r"(?:Z|[+-]\d\d:?\d\d)$", re.I)


def facts(sight: Sight, batch: Batch) -> dict[str, Any]:
    """The unchanging data that an answer shows of a message and its batch, by name; what is missing is left out."""
    data = sight.data
    found = {name: data[name] for name in _PLAIN if name in data}
    template = data.get("templateBody")
    if isinstance(template, Mapping):
        found |= {f"templateBody.{name}": template[name] for name in _TEMPLATE if name in template}
    shown = data.get("batches")
    for item in shown if isinstance(shown, list) else ():
        if isinstance(item, Mapping) and item.get("id") == batch.id:
            found |= {f"batches.{name}": item[name] for name in _BATCH if name in item}
    return found


def same(name: str, a: Any, b: Any) -> bool:
    """Whether one view shows the same: JSON compared as values, times as instants to the last digit (ruling 19)."""
    if name.endswith("createdAt"):
        one, two = instant(a), instant(b)
        if one is not None and two is not None:
            return one == two
    return bool(a == b)


def alike(name: str, a: Any, b: Any) -> bool:
    """Whether two views show the same: finer digits of a time may be dropped (ruling 19).

    Values of different JSON types, null, and times without an offset are not compared: which representation a view
    chooses is BR-SCH-02's.
    """
    if a is None or b is None or type(a) is not type(b):
        return True
    if not name.endswith("createdAt"):
        return bool(a == b)
    one, two = instant(a), instant(b)
    if one is None or two is None or not (_OFFSET.search(a) and _OFFSET.search(b)):
        return True
    return abs((one - two).total_seconds()) < max(_unit(a), _unit(b)) or one == two


def _unit(text: str) -> float:
    """Seconds that the last shown digit of a time stands for."""
    match = _CLOCK.search(text)
    if match is None:
        return 86400.0
    if match["seconds"] is None:
        return 60.0
    return float(10 ** -len(match["digits"])) if match["digits"] else 1.0


def accepted(case: Case, batch: Batch, message: str | None = None) -> Write | None:
    """The first accepted retry of the batch, or (with ``message``) the first that could take this message up."""
    acts = batch.acts if message is None else acts_on(batch, message)
    return next((w for w in acts if w.standing == "accepted" and (message is not None or w.message is None)), None)


def moved(a: Sight, b: Sight) -> bool:
    """Whether a message that failed in ``a`` shows in ``b`` that it was retried since."""
    if comparable(a, b):
        return (gain(a, b) or 0) > 0
    return b.underway or (a.updated_at is not None and b.updated_at is not None and a.updated_at != b.updated_at)


def epochs(case: Case, batch: Batch, message: str) -> Iterator[tuple[int, tuple[Sight, ...]]]:
    """Sights between which no retry of the message can have taken effect, with the number of retries before them.

    Before the first retry left: all of them. After that: from a sight at which every retry so far has shown its
    attempt or is out of time (ruling 16), to the next retry.
    """
    acts = acts_on(batch, message)
    seen = [s for s in case.sights(message) if s.operation in VIEWS]
    starts = [float("-inf"), *(w.last for w in acts)]
    ends = [*(w.t for w in acts), float("inf")]
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        inside = [s for s in seen if s.t > start and s.last <= end]
        if number == 0:
            yield 0, tuple(inside)
            continue
        calm = next((s for s in inside if _settled(case, batch, message, s)), None)
        if calm is not None:
            yield number, (calm, *(s for s in inside if follows(case, s, calm.last)))


def _settled(case: Case, batch: Batch, message: str, sight: Sight) -> bool:
    if sight.counts and pending(case, batch, message, sight) == 0:
        return True
    return all(effect_until(case, w) < begun(case, sight) for w in acts_on(batch, message) if w.t <= sight.last)


def clip(value: Any) -> str:
    """A value for people, of bounded length."""
    text = repr(value)
    return text if len(text) <= 90 else f"{text[:87]}…"
