"""What passes and doubts rest on: sources that broke an axiom, chains that are not closed, and reads that find nothing."""

from __future__ import annotations

import pytest

from conformance.judges.inference.axioms import breaches
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.proof import assume
from tests.shelf import STAMP, Shelf
from tests.story import Story
from tests.test_judge_bounds import NOT_FOUND, named, quiet
from tests.test_judge_innocents import ready


def test_a_message_that_moves_by_itself_breaks_the_axiom_for_itself_alone() -> None:
    story = Story().send("b", "FF").finish("b").look("b").move("b.0", "success").look("b")
    broken = breaches(Inference(story.history()).case)
    assert broken.of(assume("A2a", "b.0")[0])
    assert broken.of(assume("A2a", "b.1")[0]) is None


@pytest.mark.parametrize("frozen", [False, True])
def test_an_updatedat_that_never_moves_shows_no_control_standing_still(frozen: bool) -> None:
    """It would look the same if the message had been retried."""
    story = Shelf(fields=())
    if frozen:
        story.show("updatedAt", STAMP)
    story.send("b", "F").send("ctl", "F").look("b").finish("b").finish("ctl").look("b").look("ctl")
    story.retry("b").look("b").finish("b").wait(11).look("b").look("ctl")
    assert ("BR-SEL-07" in story.exercised()) is not frozen


def test_a_chain_on_a_batch_that_was_not_read_keeps_no_later_one_from_being_closed() -> None:
    story = Shelf().send("b", "FF").send("ctl", "FS").finish("b").finish("ctl").look("ctl")
    for _ in range(2):
        story.retry("b", 401, "x", cause="auth:none").look("b").retry("b").look("b").finish("b").wait(11).look("b")
    assert ("BR-SEC-01", "chain-not-closed") in story.look("ctl").doubts()
    assert "BR-SEC-01 none" in story.exercised()


def test_a_retry_of_a_batch_that_is_not_found_any_more_may_be_refused() -> None:
    """It was quiescent when it was read; a later read does not find it (ruling 2)."""
    story = ready()
    story._exchange("batch_list", 404, NOT_FOUND, batch="b")
    story.retry("b", 400, "parameter_invalid")
    assert "BR-ACC-02" not in story.findings()
    assert ("BR-ACC-02", "not-read-before") in story.doubts()


@pytest.mark.parametrize("after", [0.3, 5.0])
def test_a_number_that_stands_still_within_the_lag_leaves_nothing_in_doubt(after: float) -> None:
    """The listing may show a state from before the single read that counts one attempt more."""
    story = quiet("F", lag=1.0).show("numAttempts", 1, view="batch_list").retry("b").look("b").finish("b").wait(3)
    story.read("b.0").wait(after).list("b")
    assert (("BR-IDS-07", "view-may-lag") in story.doubts()) is (after > 1)


def test_a_listing_that_begins_with_the_answer_stands_next_to_the_walk() -> None:
    """It shows every message in one page after the retry: what the walk misses, its pages lose."""
    story = quiet("FFFF").wait(1)
    story.gap = 0.0
    story.retry("b").list("b").walk("b", 2, pages=[["b.0", "b.1"], ["b.3"]])
    assert named(story, "BR-IDS-05") == {("BR-IDS-05",)}
