"""The planned scenarios against the reference target: what each makes happen, by the recorded history, and what it costs."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.config import Config
from conformance.drivers.scenarios import run_programs
from conformance.history.records import Exchange, History
from conformance.program.cost import cost_of
from conformance.program.steps import Program
from conformance.scenarios import SCENARIOS
from tests.exploring import exploring

NAMES = [scenario.name for scenario in SCENARIOS if scenario.name not in ("plain-http", "held")]
RACES = ("race-batch", "race-single")


def _program(name: str, config: Config) -> Program:
    return next(s for s in SCENARIOS if s.name == name).program(config)


def _ran(name: str, folder: Path, *faults: str) -> History:
    with exploring(folder, *faults) as at:
        run_programs(at.run, {name: (_program(name, at.config), ())})
        return at.history()


def _retries(history: History, operation: str = "batch_retry") -> list[Exchange]:
    return [e for e in history.exchanges if e.invoke.operation == operation]


def _code(exchange: Exchange) -> str:
    body = exchange.end.body
    return str(body["error"]["code"]) if isinstance(body, dict) and "error" in body else ""


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_reaches_its_end_and_costs_what_is_planned(name: str, tmp_path: Path) -> None:
    with exploring(tmp_path) as at:
        program = _program(name, at.config)
        cost = cost_of(program, at.config)
        run_programs(at.run, {name: (program, ())})
        messages, calls, history = at.run.transport.budget.messages, at.calls, at.history()
    assert not [n.text for n in history.notes if n.event in ("unmet", "waited_out", "refused")]
    if name in RACES:
        # Inside one thread no two requests overlap: the second of a pair may be accepted too.
        assert messages <= cost.messages_at_most
    else:
        assert messages == cost.messages
    assert cost.calls <= calls <= cost.calls_at_most
