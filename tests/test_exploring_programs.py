"""What is drawn: programs that fit, that exercise something, and that are the same wherever the seed is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import hypothesis
import msgspec
import pytest

from conformance.config import Config, Limits, Recipients
from conformance.exploring.programs import MESSAGES, WAITS, Move, Swarm, build, generate, key_of, size_of, steps_of
from conformance.program.cost import cost_of
from conformance.program.steps import Burst, Program, Retry, RowSpec, Send, SingleRetry, Together, Wait

BARE = Config()
WHOLE = Config(
    recipients=Recipients(succeeding=("6500000001",), pending=("6500000003",), recovering=("6500000004",)),
    limits=Limits(max_rows=12),
)
TINY = Config(limits=Limits(max_rows=1))
ALL = Swarm(kinds=frozenset(), singles=False, close=False, hurry=False, variety=False)


@pytest.mark.parametrize("config", [BARE, WHOLE, TINY], ids=["bare", "whole", "tiny"])
def test_programs_fit_the_configuration_and_exercise_something(config: Config) -> None:
    drawn = generate(config, seed=1, count=40)
    assert len({key_of(program) for program in drawn}) == len(drawn) >= (5 if config is TINY else 30)
    offered = {
        "failing",
        *(role for role in ("succeeding", "pending", "recovering") if getattr(config.recipients, role)),
    }
    for program in drawn:
        steps = steps_of(program)
        sends = [step for step in steps if isinstance(step, Send)]
        assert isinstance(steps[0], Send)
        assert any(isinstance(step, Retry) and step.cause is None for step in steps)
        assert all(1 <= len(step.rows) <= config.limits.max_rows for step in sends)
        assert {row.role for step in sends for row in step.rows} <= offered
        assert not any(isinstance(step, Together) for step in steps)
        assert msgspec.json.decode(msgspec.json.encode(program), type=Program) == program
        most = len(sends[0].rows)
        assert cost_of(program, config).messages_unrepeated <= MESSAGES + 2 * most * 3
        assert sum(isinstance(step, Wait) and step.essential for step in steps) <= 3 * WAITS


def test_small_batches_are_likelier_and_large_ones_come_up() -> None:
    sizes = [len(step.rows) for p in generate(BARE, seed=3, count=60) for step in p.steps if isinstance(step, Send)]
    assert sum(size <= 4 for size in sizes) > len(sizes) / 2
    assert max(sizes) > 10


def test_a_seed_draws_the_same_in_another_process_that_loaded_other_modules(tmp_path: Path) -> None:
    code = (
        "from conformance.config import Config; from conformance.exploring.programs import generate, key_of\n"
        "print(*(key_of(p) for p in generate(Config(), seed=5, count=20)), sep='\\n')"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert there.stdout.splitlines() == [key_of(p) for p in generate(BARE, seed=5, count=20)]
    assert list(tmp_path.iterdir()) == []


def test_a_seed_draws_the_same_under_the_profile_of_a_ci_server() -> None:
    before = generate(BARE, seed=5, count=10)
    current = hypothesis.settings.get_current_profile_name()
    hypothesis.settings.register_profile("as-in-ci", derandomize=True, max_examples=1, database=None)
    try:
        hypothesis.settings.load_profile("as-in-ci")
        assert generate(BARE, seed=5, count=10) == before
    finally:
        hypothesis.settings.load_profile(current)


def test_seeds_differ() -> None:
    assert generate(BARE, seed=5, count=10) != generate(BARE, seed=6, count=10)


def test_races_are_drawn_only_if_asked_for() -> None:
    drawn = generate(BARE, seed=1, count=40, races=True)
    assert any(isinstance(step, Together) and len(step.steps) > 1 for program in drawn for step in program.steps)


def test_places_are_taken_modulo_what_there_is() -> None:
    moves = [Move(kind="act", batch=3, writes=(-1,)), Move(kind="act", batch=1, writes=(2,))]
    program = build((RowSpec(), RowSpec()), "quiet", moves, ALL)
    assert [(s.batch, s.row) for s in steps_of(program) if isinstance(s, SingleRetry)] == [("b1", 1), ("b1", 0)]


def test_a_program_without_a_retry_gets_one() -> None:
    program = build((RowSpec(),), "quiet", [Move(kind="look", view="campaign")], ALL)
    assert any(isinstance(step, Retry) for step in program.steps)


def test_what_the_swarm_does_without_is_a_retry_instead() -> None:
    without = Swarm(kinds=frozenset({"odd"}), singles=True, close=True, hurry=True, variety=True)
    moves = [Move(kind="odd", cause="auth:none"), Move(kind="act", writes=(1, None), close=True, then="nothing")]
    steps = build((RowSpec(role="succeeding"),), "nothing", moves, without).steps
    assert steps[0] == Send(batch="b1", rows=(RowSpec(),))
    assert not any(isinstance(step, Burst | SingleRetry) or getattr(step, "cause", None) for step in steps)
    assert sum(isinstance(step, Retry) for step in steps) == 3
    assert not any(isinstance(step, Wait) and step.until == "moved" for step in steps)


def test_a_batch_with_a_pending_message_is_never_waited_for_to_be_quiet() -> None:
    moves = [Move(kind="act", writes=(None,), then="quiet")]
    steps = build((RowSpec(), RowSpec(role="pending")), "quiet", moves, ALL).steps
    assert [step.until for step in steps if isinstance(step, Wait)] == ["ended", "taken", "ended"]


def test_what_would_cost_too_much_is_left_out() -> None:
    rows = tuple(RowSpec() for _ in range(20))
    retry = Move(kind="act", writes=(None, None, None))
    program = build(rows, "quiet", [retry, retry, Move(kind="send", rows=rows)], ALL)
    assert sum(isinstance(step, Retry) for step in program.steps) == 3
    assert sum(isinstance(step, Send) for step in program.steps) == 1


def test_the_size_of_a_program_is_what_a_person_reads() -> None:
    retry = Retry(batch="b1")
    small = Program(name="a", steps=(Send(batch="b1", rows=(RowSpec(),)), retry))
    large = Program(name="b", steps=(Send(batch="b1", rows=(RowSpec(),)), Burst(steps=(retry, retry))))
    assert size_of(small)[:2] == (2, 1)
    assert size_of(large)[:2] == (3, 1)
    assert size_of(small) < size_of(large)
