"""What a plan counts, and which scenarios are chosen."""

from __future__ import annotations

import re

import msgspec

from conformance.catalogue import load
from conformance.cli.planned import plan_lines
from conformance.config import Limits, Recipients
from conformance.drivers import DRIVERS
from conformance.drivers.scenarios import chosen
from conformance.drivers.worth import affordable
from conformance.plan import make_plan, replay_plan
from conformance.program.cost import cost_of
from conformance.program.steps import (
    Program,
    Read,
    Retry,
    RowSpec,
    Send,
    Together,
    Wait,
)
from conformance.scenarios import SCENARIOS
from conformance.session import replayed
from tests.puppet import CONFIG

EVERYTHING = [r for s in SCENARIOS for r in s.requirements]


def test_a_race_is_planned_as_one_retry_and_bounded_by_all() -> None:
    race = next(s for s in SCENARIOS if s.name == "race-single").program(CONFIG)
    cost = cost_of(race, CONFIG)
    rows = {step.batch: len(step.rows) for step in race.steps if isinstance(step, Send)}
    raced = [step for step in race.steps if isinstance(step, Together)]
    prices = [
        [rows[s.batch] if isinstance(s, Retry) else 1 for s in step.steps if not isinstance(s, Read)] for step in raced
    ]
    assert cost.messages == sum(rows.values()) + sum(map(max, prices))
    assert cost.messages_at_most == sum(rows.values()) + sum(map(sum, prices))


def test_every_scenario_is_plain_data() -> None:
    for scenario in SCENARIOS:
        program = scenario.program(CONFIG)
        assert msgspec.json.decode(msgspec.json.encode(program), type=Program) == program


def test_scenarios_are_chosen_by_requirement_and_by_what_is_offered() -> None:
    names = {s.name for s in chosen(CONFIG, EVERYTHING)}
    assert "delivered" in names
    assert "foreign-key" not in names
    assert {s.name for s in chosen(CONFIG, ["BR-ERR-01"])} == {"processing", "after-accepted", "unknown"}
    without = msgspec.structs.replace(CONFIG, recipients=Recipients(failing=("6511111111",)))
    assert "delivered" not in {s.name for s in chosen(without, EVERYTHING)}


def test_a_plan_counts_every_message_and_names_whom() -> None:
    plan = make_plan(CONFIG, "standard", ["BR-SEL-09"])
    rounds = next(s for s in SCENARIOS if s.name == "rounds")
    rows = sum(len(s.rows) for s in rounds.program(CONFIG).steps if isinstance(s, Send))
    assert [s.name for s in plan.scenarios] == ["rounds"]
    assert plan.recipients == {"failing": rows - 1, "succeeding": 1}
    # Three batch retries are accepted, and three single ones; what comes after is refused.
    assert plan.messages == 4 * rows + 3
    assert plan.messages <= plan.messages_at_most
    assert plan.price is None


def test_a_plan_says_which_limits_do_not_hold_it() -> None:
    def short(**limits: float) -> dict[str, int]:
        config = msgspec.structs.replace(CONFIG, limits=msgspec.convert(limits, Limits))
        return {s.limit: s.needs for s in make_plan(config, "standard", ["BR-SEL-09"], tuple(DRIVERS)).short}

    plan = make_plan(CONFIG, "standard", ["BR-SEL-09"])
    rows = sum(plan.recipients.values())
    likely = 2 + plan.parts[0].calls_likely
    assert short() == {}
    assert short(max_messages=plan.messages) == {}
    assert short(max_messages=plan.messages - 1) == {"max_messages": plan.messages}
    assert short(max_calls=likely - 1) == {"max_calls": likely}
    assert short(max_rows=rows - 1) == {"max_rows": rows}
    assert short(calls_per_second=1.0, max_seconds=2.0).keys() == {"max_seconds"}
    assert plan.calls_low <= likely <= plan.calls_high


def test_a_plan_tells_drivers_apart() -> None:
    config = msgspec.structs.replace(CONFIG, limits=Limits(max_messages=90, max_calls=900))
    plan = make_plan(config, "standard", [r.id for r in load().requirements], tuple(DRIVERS))
    assert [part.driver for part in plan.parts] == list(DRIVERS)
    told = "\n".join(plan_lines(plan, config.limits))
    for words in (r"schemathesis +6 at most +140 at most", r"machine +30 at most +300 at most", r"limits +90 +900"):
        assert re.search(words, told)
    assert re.search(rf"SHORT +limits.max_messages is 90, but scenarios take {plan.parts[0].messages}", told)


def test_a_plan_multiplies_by_depth_and_has_a_price() -> None:
    config = msgspec.structs.replace(CONFIG, limits=Limits(price_per_message=0.05))
    one, three = (make_plan(config, depth, ["BR-SEC-01"]) for depth in ("standard", "deep"))
    assert three.messages == 3 * one.messages
    assert one.price == round(one.messages * 0.05, 2)


def test_a_plan_has_a_price_at_most_and_a_bound_that_counts_what_explores() -> None:
    limits = Limits(price_per_message=0.05, max_messages=60, max_seconds=1000.0)
    config = msgspec.structs.replace(CONFIG, limits=limits)
    drawn = make_plan(config, "standard", ["BR-ACC-02"], ("machine",))
    assert (drawn.price, drawn.price_at_most) == (0.0, 1.0)
    assert drawn.seconds_at_most > 300
    told = "\n".join(plan_lines(drawn, limits))
    assert "nobody" not in told
    assert "1.00 at most" in told
    few = msgspec.structs.replace(config, limits=Limits(price_per_message=0.05, max_messages=5))
    both = make_plan(few, "standard", ["BR-ACC-02"], ("scenarios", "machine"))
    assert both.price_at_most == 0.25, "no more than the limits let out"


def test_the_plan_of_a_replay_is_of_its_program_only() -> None:
    program = Program(
        name="p", steps=(Send(batch="b", rows=(RowSpec(), RowSpec())), Wait(batch="b", until="quiet"), Retry(batch="b"))
    )
    plan = replay_plan(CONFIG, [[program]])
    assert (plan.messages, plan.scenarios, [part.driver for part in plan.parts]) == (4, (), ["replay"])
    beside = replayed(program, CONFIG, ["BR-ACC-02"])
    assert list(beside) == ["control", "p"], "a batch that is left alone is watched beside it"


def test_a_plan_is_folded_between_words() -> None:
    plan = make_plan(CONFIG, "standard", ["BR-ACC-02", "BR-BLK-01"])
    for line in plan_lines(plan, CONFIG.limits, 80):
        assert len(line) <= 80
    whole, folded = (" ".join(" ".join(plan_lines(plan, CONFIG.limits, width)).split()) for width in (None, 80))
    assert whole == folded


def test_where_the_limits_do_not_hold_all_programs_what_others_exercise_too_is_left_out() -> None:
    def one(rows: int) -> Program:
        return Program(name="p", steps=(Send(batch="b", rows=(RowSpec(),) * rows), Wait(batch="b", until="quiet")))

    programs = {
        "dear": (one(20), ("A", "B")),
        "cheap": (one(1), ("A",)),
        "again": (one(1), ("A",)),
        "other": (one(1), ("C",)),
    }
    kept, left_out = affordable(programs, CONFIG, calls=1000, messages=23)
    assert (list(kept), left_out) == (list(programs), ())
    kept, left_out = affordable(programs, CONFIG, calls=1000, messages=21)
    assert list(kept) == ["dear", "other"]
    assert [one.name for one in left_out] == ["cheap", "again"]
    assert left_out[0].text == (
        "scenario cheap is left out, for limits.max_messages (500) leaves 21, and all of them take about 23; "
        "others exercise what it does"
    )
    assert left_out[0].needs == ("a limits.max_messages of about 502",)
    kept, left_out = affordable(programs, CONFIG, calls=1000, messages=2)
    assert list(kept) == ["cheap", "other"]
    assert "nothing else exercises B" in left_out[0].text
