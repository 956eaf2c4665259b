"""Shrinking against a target that is a predicate: what is carried out, what is not, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.config import Config
from conformance.errors import GuardError
from conformance.exploring.programs import generate, key_of, size_of, steps_of
from conformance.exploring.reducing import reductions
from conformance.exploring.running import Ran
from conformance.exploring.shrinking import Memo, shrink
from conformance.findings import Finding
from conformance.program.steps import Burst, Program, Read, Retry, RowSpec, Send

CONFIG = Config()
FINDING = Finding(
    any_of=("BR-SEL-01",), summary="s", argument=(), expected=(), observed="", evidence=(1,), subject="the defect"
)
SEED, COUNT = 2, 10
DRAWN = generate(CONFIG, seed=SEED, count=COUNT)


def shows(program: Program) -> bool:
    """Three batch retries, and two rows in one batch: as a defect of the third round might need."""
    steps = steps_of(program)
    return sum(isinstance(s, Retry) and s.cause is None for s in steps) >= 3 and any(
        isinstance(s, Send) and len(s.rows) >= 2 for s in steps
    )


def ran(program: Program, predicate: Callable[[Program], bool] = shows, *, whole: bool = True) -> Ran:
    findings = {FINDING.kind: FINDING} if predicate(program) else {}
    return Ran(name="x", program=program, exchanges=(), findings=findings, whole=whole)


def explored() -> Memo:
    memo = Memo()
    for program in DRAWN:
        memo.learn(ran(program))
    return memo


def test_the_smallest_program_is_found_and_none_is_carried_out_twice() -> None:
    memo = explored()
    known, drawn = set(memo.shown), memo.smallest(FINDING.kind)
    carried: list[str] = []

    def execute(program: Program) -> Ran:
        carried.append(key_of(program))
        return ran(program)

    found = shrink(FINDING.kind, memo, execute, CONFIG, seed=SEED, count=COUNT)
    assert found is not None
    assert drawn is not None
    assert shows(found)
    assert size_of(found) < size_of(drawn)
    assert size_of(found)[1] == 2
    assert sum(isinstance(s, Retry) for s in steps_of(found)) == 3
    assert len(carried) == len(set(carried))
    assert not known.intersection(carried)
    assert found == memo.smallest(FINDING.kind)


def test_beyond_the_budget_the_best_so_far_stands() -> None:
    memo = explored()
    left = [3]

    def execute(program: Program) -> Ran | None:
        left[0] -= 1
        return ran(program) if left[0] >= 0 else None

    found = shrink(FINDING.kind, memo, execute, CONFIG, seed=SEED, count=COUNT)
    assert found is not None
    assert shows(found)


def test_a_defect_that_comes_and_goes_keeps_the_program_that_showed_it() -> None:
    memo = explored()
    turns = [0]

    def sometimes(program: Program) -> bool:
        turns[0] += 1
        return shows(program) and turns[0] % 3 == 0

    def execute(program: Program) -> Ran | None:
        return ran(program, sometimes) if turns[0] < 30 else None

    found = shrink(FINDING.kind, memo, execute, CONFIG, seed=SEED, count=COUNT)
    assert found is not None
    assert FINDING.kind in memo.shown[key_of(found)]


def test_what_nobody_showed_is_not_looked_for() -> None:
    def execute(program: Program) -> Ran:
        raise AssertionError("nothing is to be carried out")

    assert shrink("another defect", explored(), execute, CONFIG, seed=SEED, count=COUNT) is None


@pytest.mark.parametrize("error", [GuardError("the guard did not send a request"), KeyboardInterrupt()])
def test_what_ends_the_run_is_no_finding(error: BaseException) -> None:
    def execute(program: Program) -> Ran:
        raise error

    with pytest.raises(type(error)):
        shrink(FINDING.kind, explored(), execute, CONFIG, seed=SEED, count=COUNT)


def test_a_program_that_was_cut_short_is_no_pass() -> None:
    memo = Memo()
    program = DRAWN[0]
    memo.learn(ran(program, lambda _: False, whole=False))
    assert key_of(program) not in memo.shown
    memo.learn(ran(program, lambda _: True, whole=False))
    assert memo.smallest(FINDING.kind) == program


def test_reductions_are_smaller_and_still_send_and_retry() -> None:
    for program in DRAWN:
        for smaller in reductions(program):
            assert size_of(smaller) < size_of(program)
            assert isinstance(smaller.steps[0], Send)
            assert any(isinstance(step, Retry) for step in steps_of(smaller))


def test_one_reduction_after_the_other_leads_to_the_smallest() -> None:
    program = next(p for p in DRAWN if shows(p))
    while better := [p for p in reductions(program) if shows(p)]:
        program = better[0]
    assert size_of(program)[:2] == (4, 2)


def test_a_batch_rows_and_parts_of_a_burst_are_left_out() -> None:
    send, retry = Send(batch="b1", rows=(RowSpec(), RowSpec(), RowSpec())), Retry(batch="b1")
    look = Read(batch="b1", view="message", rows=(0,))
    other = (Send(batch="b2", rows=(RowSpec(),)), Retry(batch="b2"))
    found = [p.steps for p in reductions(Program(name="x", steps=(send, Burst(steps=(look, retry, look)), *other)))]
    assert (send, retry, *other) in found
    assert (send, Burst(steps=(look, retry, look))) in found
    assert other in found
    assert (send, Burst(steps=(look, retry)), *other) in found
    assert (Send(batch="b1", rows=(RowSpec(),)), Burst(steps=(look, retry, look)), *other) in found
