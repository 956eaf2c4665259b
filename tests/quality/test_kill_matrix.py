"""Every planted fault is found, every legal variant is left alone, and the clean target passes."""

from __future__ import annotations

import pytest

from conformance.reference.faults import FAULTS
from conformance.reference.variants import VARIANTS
from conformance.selftest import Kind, Trial, choose, trials

EVERYTHING = choose((), ())


@pytest.fixture(scope="module")
def matrix() -> dict[tuple[Kind, str], Trial]:
    """All trials, run once, a few at a time; a fault with what exercises the requirements that it breaks."""
    return {(trial.kind, trial.name): trial for trial in trials(EVERYTHING, narrow=True)}


@pytest.mark.parametrize(("kind", "name"), EVERYTHING, ids=[f"{kind}-{name}" for kind, name in EVERYTHING])
def test_the_verdict_on_the_target_holds(kind: Kind, name: str, matrix: dict[tuple[Kind, str], Trial]) -> None:
    trial = matrix[kind, name]
    assert trial.as_it_should_be, trial.line


def test_there_are_enough_ways_to_be_wrong_and_to_be_right() -> None:
    assert len(FAULTS) >= 25
    assert len(VARIANTS) >= 8
