"""Planted faults are found, legal variants are left alone, and the clean target passes.

A sample of them: `retry-conformance selftest` tries all.
"""

from __future__ import annotations

import random

import pytest

from conformance.reference.faults import FAULTS
from conformance.reference.variants import VARIANTS
from conformance.selftest import Kind, Trial, trials

#: What is tried of each kind: so many take most of a minute on two cores.
FAULTS_TRIED, VARIANTS_TRIED = 9, 3
_DRAW = random.Random("kill matrix")
SAMPLE: tuple[tuple[Kind, str], ...] = (
    ("clean", "reference"),
    *(("variant", name) for name in sorted(_DRAW.sample(sorted(VARIANTS), VARIANTS_TRIED))),
    *(("fault", name) for name in sorted(_DRAW.sample(sorted(FAULTS), FAULTS_TRIED))),
)


@pytest.fixture(scope="module")
def matrix() -> dict[tuple[Kind, str], Trial]:
    """The sample's trials, run once, a few at a time; a fault with what exercises the requirements that it breaks."""
    return {(trial.kind, trial.name): trial for trial in trials(SAMPLE, narrow=True)}


@pytest.mark.parametrize(("kind", "name"), SAMPLE, ids=[f"{kind}-{name}" for kind, name in SAMPLE])
def test_the_verdict_on_the_target_holds(kind: Kind, name: str, matrix: dict[tuple[Kind, str], Trial]) -> None:
    trial = matrix[kind, name]
    assert trial.as_it_should_be, trial.line


def test_there_are_enough_ways_to_be_wrong_and_to_be_right() -> None:
    assert len(FAULTS) >= 130
    assert len(VARIANTS) >= 40
