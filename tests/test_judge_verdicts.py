"""What a verdict rests on changes only where that is meant; ``python -m tests.verdicts`` writes the file of verdicts anew."""

from __future__ import annotations

import pytest

from tests.further import LINES
from tests.verdicts import STORIES, bare, read, said, touching

KEPT = read()


@pytest.mark.parametrize("name", STORIES)
def test_the_whole_verdict_is_as_it_was(name: str) -> None:
    assert said(STORIES[name]()) == KEPT[name]


@pytest.mark.parametrize("name", [name for name in STORIES if name not in LINES])
def test_a_verdict_holds_where_exchanges_touch(name: str) -> None:
    """Each exchange begins at the very instant at which the one before it ends: a bound is included or not, as it is meant."""
    assert bare(said(touching(STORIES[name]))) == bare(KEPT.get(f"{name} (touching)", KEPT[name]))


def test_no_verdict_is_left_over() -> None:
    assert {name.removesuffix(" (touching)") for name in KEPT} == set(STORIES)


def test_a_story_is_accused_where_its_name_says_so() -> None:
    accused = {name for name, lines in KEPT.items() if any(line.startswith("FAIL") for line in lines)}
    assert accused == {name for name in KEPT if name.removesuffix(" (touching)").endswith("!")}
