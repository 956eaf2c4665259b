"""Whatever a target answers, a report can be made of it: no answer breaks causes, timelines, the page, tickets or scripts."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from conformance.catalogue import load
from conformance.history.records import Exchange, History
from conformance.report.causes import lead
from conformance.report.page import page
from conformance.report.reproduce import script
from conformance.report.summary import summary
from conformance.report.ticket import ticket
from tests.reported import (
    accepted_although_created,
    answered_with_a_body,
    refused_quiescent,
    reported,
    whole,
    wrong_code,
)

JUNK: tuple[Any, ...] = (
    None, True, -1, 10**30, 1.5, "", "x" * 5000, "\x00\x1b[2J", [], [None], {}, {"id": 1},
)  # fmt: skip


def _spoilt(value: Any, chance: random.Random) -> Any:
    """The same JSON, here and there with something else in a place."""
    if chance.random() < 0.04:
        return chance.choice(JUNK)
    if isinstance(value, dict):
        return {key: _spoilt(item, chance) for key, item in value.items()}
    if isinstance(value, list):
        return [_spoilt(item, chance) for item in value]
    return value


def _history(seed: int) -> History:
    chance = random.Random(seed)
    made = chance.choice((accepted_although_created, refused_quiescent, answered_with_a_body, wrong_code))
    history = whole(made())

    def spoilt(e: Exchange) -> Exchange:
        end = msgspec.structs.replace(e.end, body=_spoilt(e.end.body, chance))
        invoke = msgspec.structs.replace(e.invoke, race=chance.choice((None, None, 1)))
        if chance.random() < 0.05:
            end = msgspec.structs.replace(end, outcome="lost", status=None, error="reset")
        return msgspec.structs.replace(e, invoke=invoke, end=end)

    return msgspec.structs.replace(history, exchanges=tuple(map(spoilt, history.exchanges)))


@pytest.mark.parametrize("seed", range(25))
def test_no_answer_breaks_a_report(seed: int) -> None:
    history = _history(seed)
    report = reported(history)
    text = page(report, history, load())
    assert text.rstrip().endswith("</html>")
    assert summary(report).startswith("# Batch Send - Retry: ")
    for cause in report.causes:
        assert ticket(report, cause, history, load()).startswith("## ")
        assert bool(script(cause, lead(report.requirements, cause), history)) == bool(cause.script)
    failed = {item.id for item in report.requirements if item.verdict == "fail"}
    assert failed == {name for cause in report.causes for name in cause.requirements}, "what fails has a cause"
