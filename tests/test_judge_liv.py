"""Family LIV: standing still is a violation only where others pass by, twice."""

from __future__ import annotations

from tests.story import Story


def _stuck(*batches: str, later: bool = True, status: str = "sending") -> Story:
    story = Story()
    for batch in batches:
        story.send(batch, "F").look(batch).finish(batch).look(batch)
        story.retry(batch).move(f"{batch}.0", status).look(batch)
    if later:
        story.send("z", "F").look("z").finish("z").look("z")
    story.wait(11)
    for batch in batches:
        story.look(batch)
    return story


def test_two_batches_stuck_while_a_later_message_is_delivered() -> None:
    assert _stuck("a", "b").findings() == {"BR-LIV-01"}


def test_one_batch_is_a_doubt() -> None:
    story = _stuck("a")
    assert story.findings() == set()
    assert ("BR-LIV-01", "stuck-once") in story.doubts()


def test_nothing_later_delivered_proves_nothing() -> None:
    assert _stuck("a", "b", later=False).findings() == set()


def test_sent_to_telco_may_stay() -> None:
    assert _stuck("a", "b", status="sent_to_telco").findings() == set()


def test_a_retried_message_that_ends_exercises_it() -> None:
    story = Story().send("a", "F").look("a").finish("a").look("a").retry("a").look("a").finish("a").look("a")
    assert story.exercised() >= {"BR-LIV-01"}
