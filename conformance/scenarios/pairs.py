"""Situations in pairs: what no other scenario brings together. ``python -m benchmarks.factors`` prints the table.

The other scenarios each have a purpose; these only fill the table: rows, place and language of a created message, a
recipient that stands twice, outcomes, exhausted messages, the history of the batch, the kind of call, the views.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from conformance.config import Config
from conformance.program.steps import AnyStep, Burst, Read, Retry, RowSpec, SingleRetry, Together
from conformance.scenarios.scenario import Scenario, retried, sent, single

#: ``first``, ``last`` and ``middle``: a retry that is blocked there. ``again``: a retry, and another before it shows.
#: ``race``: two at once. Otherwise the kind of call of one retry.
Event = Literal["first", "last", "middle", "again", "race", "plain", "body", "query", "header"]

_CAUSES = {"body": "body:json-recipient", "query": "query:limit", "header": "header:accept-language"}


@dataclass(frozen=True, kw_only=True)
class Mix:
    """A batch and what is done with it.

    :param other: places of rows in another language; :param delivered: whether the row before the last is to a succeeding
        number; :param twice: whether the second row repeats the first's recipient.
    """

    size: int
    other: tuple[int, ...]
    events: tuple[Event, ...]
    delivered: bool = False
    twice: bool = False


#: Chosen by a greedy search for the cheapest batches that cover what the other scenarios leave.
MIXES = (
    Mix(size=1, other=(0,), events=("again", "query", "body")),
    Mix(size=4, other=(-1,), events=("middle", "last", "again", "header", "race"), delivered=True, twice=True),
    Mix(size=4, other=(0, 2, -1), events=("middle", "middle", "race", "last", "query", "first")),
    Mix(size=1, other=(0,), events=("header", "middle", "body", "header", "again", "query")),
    Mix(size=12, other=(0, -1), events=("body", "middle", "middle", "last"), delivered=True),
    Mix(size=12, other=(6,), events=("middle", "again", "query", "last"), twice=True),
    Mix(size=4, other=(0,), events=("first", "first", "body", "header"), delivered=True, twice=True),
    Mix(size=12, other=(0, 6), events=("first", "race", "last", "header", "middle"), delivered=True),
)


def mixed_rows(size: int, *, delivered: bool, second: bool) -> tuple[RowSpec, ...]:
    """Rows of a batch, all of them failing but for the one before the last, if it is to be delivered.

    :param second: whether the second repeats the first's recipient.
    """
    rows = [RowSpec() for _ in range(size)]
    if second and size > 1:
        rows[1] = RowSpec(same_as=0)
    if delivered and size > 2:
        rows[-2] = RowSpec(role="succeeding")
    return tuple(rows)


def in_languages(rows: Sequence[RowSpec], places: Sequence[int], language: str | None) -> tuple[RowSpec, ...]:
    """The rows, those at these places in another language; as they are, if there is none."""
    at = {place % len(rows) for place in places}
    return tuple(
        RowSpec(role=row.role, same_as=row.same_as, language=language) if i in at and language else row
        for i, row in enumerate(rows)
    )


def events(batch: str, size: int, wanted: Sequence[Event]) -> tuple[AnyStep, ...]:
    """What is done with a quiescent batch, one after the other; all views are read after each."""
    places = {"first": 0, "last": size - 1, "middle": size // 2}
    listing, campaign = Read(batch=batch), Read(batch=batch, view="campaign")
    steps: list[AnyStep] = []
    for event in wanted:
        if event in places:
            look = single(batch, places[event])
            block = SingleRetry(batch=batch, row=places[event], by="place")
            steps += [Burst(steps=(block, look, Retry(batch=batch), look, listing, campaign)), retried(batch)]
        elif event == "again":
            retry, look = Retry(batch=batch), single(batch, size - 1)
            steps += [Burst(steps=(retry, look, retry, look, campaign)), retried(batch), campaign]
        elif event == "race":
            steps += [Together(steps=(Retry(batch=batch),) * 2), retried(batch), campaign]
        else:
            steps += [Retry(batch=batch, cause=_CAUSES.get(event)), retried(batch), campaign]
        steps.append(single(batch, size - 1))
    return tuple(steps)


def _built(mix: Mix) -> Callable[[Config], tuple[AnyStep, ...]]:
    def build(config: Config) -> tuple[AnyStep, ...]:
        size = min(mix.size, config.limits.max_rows)
        language = next((offered.language for offered in config.template.languages), None)
        delivered = mix.delivered and bool(config.recipients.succeeding)
        rows = in_languages(mixed_rows(size, delivered=delivered, second=mix.twice), mix.other, language)
        return (*sent("b", rows), Read(batch="b", view="campaign"), *events("b", size, mix.events))

    return build


PAIRS = tuple(
    Scenario(
        name=f"pairs-{number}",
        title=f"A batch of {mix.size}, retried in turn: {', '.join(mix.events)}.",
        requirements=(
            *("BR-ACC-02", "BR-ACC-05", "BR-BLK-01", "BR-BLK-02", "BR-BLK-03", "BR-SEL-01", "BR-SEL-02", "BR-SEL-05"),
            *("BR-SEL-08", "BR-SEL-09", "BR-IDS-03", "BR-IDS-06", "BR-IDS-07", "BR-SEC-05", "BR-ERR-02", "BR-CON-01"),
        ),
        needs=("failing",),
        build=_built(mix),
        deep=True,
    )
    for number, mix in enumerate(MIXES, 1)
)
