"""Family BLK: each rule accuses where the contract is broken, and nowhere else."""

from __future__ import annotations

import pytest

from conformance.findings import Doubt
from tests.story import Story

UNRESOLVED = "unresolved_batch_messages"
NOT_RETRYABLE = "batch_not_found_or_is_not_retryable"
COUNTS = ("numAttempts", "messageAttempts", "attempts")


def _blocking(message: str = "b.0", *, fields: tuple[str, ...] = COUNTS, lag: float | None = None) -> Story:
    """A failed batch in which a single retry has put one message to ``created``, read so (ruling 24); an untouched one beside."""
    story = Story(fields=fields, lag=lag).send("b", "FFF").send("ctl", "FS").look("b").look("ctl")
    return story.finish("b").finish("ctl").look("ctl").look("b").single(message).read(message)


def _doubted(story: Story, requirement: str) -> list[str]:
    """What every doubt about the requirement says."""
    return [o.text for o in story.opinions() if isinstance(o, Doubt) and o.requirement == requirement]


@pytest.mark.parametrize(("message", "place"), [("b.0", "first"), ("b.1", "elsewhere"), ("b.2", "last")])
def test_a_refusal_exercises_the_place_of_the_message(message: str, place: str) -> None:
    story = _blocking(message).blocked("b").look("b").look("ctl")
    assert story.findings() == set()
    assert {f"BR-BLK-01 {place}", "BR-BLK-02", "BR-BLK-03"} <= story.exercised()


@pytest.mark.parametrize("fields", [COUNTS, ("attempts",), ()])
def test_blk_01_an_accepted_retry(fields: tuple[str, ...]) -> None:
    story = _blocking(fields=fields).read("b.0").retry("b").look("b")
    assert "BR-BLK-01" in story.findings()


def test_blk_01_a_message_that_left_created_meanwhile_proves_nothing() -> None:
    story = _blocking().move("b.0", "enqueued").retry("b").look("b")
    assert story.findings() == set()


def test_blk_01_a_message_that_failed_and_was_taken_up_again_proves_nothing() -> None:
    story = _blocking().finish("b").retry("b").look("b")
    assert story.findings() == set()


def test_blk_01_a_lag_as_long_as_the_read_took_proves_nothing() -> None:
    story = _blocking(lag=1.0).read("b.0").retry("b", takes=("b.1", "b.2")).look("b")
    assert story.findings() == set()


def test_blk_01_the_doubt_tells_the_status_that_the_batch_was_shown_in() -> None:
    """Refused as not retryable next to a created message, with no single retry that may have set the status."""
    story = Story().send("b", "FF").move("b.0", "failure")
    story.batches["b"] = "messages_processing"
    story.look("b").retry("b", 400, NOT_RETRYABLE).look("b")
    (text,) = _doubted(story, "BR-BLK-01")
    assert text.endswith("shows the batch in messages_processing")


def test_blk_01_without_anything_else_to_retry_is_not_exercised() -> None:
    story = Story().send("b", "F").look("b").finish("b").look("b").single("b.0").blocked("b").look("b")
    assert story.findings() == set()
    assert not any(e.startswith("BR-BLK-01") for e in story.exercised())


def test_blk_02_the_status_stays() -> None:
    story = _blocking().retry("b", 400, UNRESOLVED).look("b")
    assert story.findings() == set(), "one answer proves nothing (ruling 23)"
    assert ("BR-BLK-02", "status-may-lag") in story.doubts()
    assert story.wait(1).look("b").findings() == {"BR-BLK-02"}


def _blocked_twice(story: Story, batch: str, *, back: bool, cause: str | None = None, code: str = UNRESOLVED) -> Story:
    """Blocked, and blocked again at once: the second refusal keeps the status, or sets it back."""
    message = f"{batch}.0"
    story.send(batch, "FF").look(batch).finish(batch).look(batch).single(message).read(message)
    story.blocked(batch).read(message)
    if back:
        story.batches[batch] = "messages_enqueued"
    return story.retry(batch, 400, code, cause=cause).read(message)


def test_blk_02_a_second_refusal_in_a_row_sets_the_status_back() -> None:
    """Three in one situation prove it, whatever the first refusals showed (ruling 23)."""
    story = Story()
    for batch in ("b", "c"):
        assert _blocked_twice(story, batch, back=True).findings() == set()
    assert _blocked_twice(story, "d", back=True).findings() == {"BR-BLK-02"}
    kept = Story()
    for batch in ("b", "c", "d"):
        assert _blocked_twice(kept, batch, back=False).findings() == set()


@pytest.mark.parametrize(("code", "found"), [(UNRESOLVED, True), ("parameter_invalid", False)])
def test_blk_02_a_retry_with_a_query_counts_where_its_code_names_the_message(code: str, found: bool) -> None:
    """It may be refused for the query (ruling 30), but not as blocked."""
    story = Story()
    for batch in ("b", "c"):
        _blocked_twice(story, batch, back=True)
    asked = _blocked_twice(story, "d", back=True, cause="query:force", code=code)
    assert (asked.findings() == {"BR-BLK-02"}) is found


def test_blk_02_a_status_that_was_late_behind_a_single_retry_may_be_late_everywhere() -> None:
    """Which of the two set it nobody knows; three refusals that are looked at sooner prove nothing then."""
    story = Story().send("a", "F").look("a").finish("a").look("a").single("a.0").look("a")
    story.retry("a", 400, UNRESOLVED).look("a").wait(0.3)
    story.batches["a"] = "messages_enqueuing_failed"
    story.look("a").finish("a").look("a")
    for batch in ("b", "c", "d"):
        _blocked_twice(story, batch, back=True)
    assert "BR-BLK-02" not in story.findings()
    assert ("BR-BLK-02", "status-may-lag") in story.doubts()


def test_blk_02_a_refusal_after_a_single_retry_is_no_second_in_a_row() -> None:
    """What an accepted single retry does to the status is not said (ruling 24)."""
    story = Story()
    for batch in ("b", "c"):
        _blocked_twice(story, batch, back=True)
    story.send("d", "FF").look("d").finish("d").look("d").single("d.0").read("d.0").blocked("d").read("d.0")
    story.single("d.1").read("d.1").read("d.0").blocked("d").read("d.1").read("d.0")
    assert _blocked_twice(story, "e", back=True).findings() == {"BR-BLK-02"}


def test_blk_02_a_read_after_the_message_moved_proves_nothing() -> None:
    story = _blocking().retry("b", 400, UNRESOLVED).list("b").move("b.0", "enqueued").read("b.0")
    assert story.findings() == set()
    assert ("BR-BLK-02", "status-not-visible") in story.doubts()


def test_blk_02_a_refusal_as_not_retryable_has_another_reason() -> None:
    """That the batch was not in such a status breaks BR-ERR-02; what the refusal sets is not shown by it.

    What the single retry does to the status may come within the settling time (rulings 16 and 24): the code is right then.
    """
    story = _blocking().wait(11).look("b").retry("b", 400, NOT_RETRYABLE).look("b").wait(2).look("b")
    assert story.named() == {("BR-ERR-02",)}
    assert _blocking().look("b").retry("b", 400, NOT_RETRYABLE).look("b").wait(2).look("b").named() == set()


def test_blk_02_a_status_that_a_single_retry_may_have_set_is_none_of_the_refusal_s() -> None:
    """It comes after the read that shows the batch retryable (rulings 16 and 24); one that stands is left as it was."""
    late = _blocking().look("b")
    late.batches["b"] = "messages_processing"
    assert late.retry("b", 400, UNRESOLVED).look("b").wait(2).look("b").named() == set()
    assert ("BR-BLK-02", "status-before-unknown") in late.doubts()
    stands = _blocking().look("b").retry("b", 400, UNRESOLVED).look("b").wait(2).look("b")
    assert stands.named() == {("BR-BLK-02",)}


def test_blk_02_the_doubt_names_the_last_single_retry_before_the_refusal() -> None:
    """It may have set the status that is shown (ruling 24); one that left later has not."""
    story = _blocking("b.1").single("b.0").look("b")
    single = story.exchanges[-5].n
    story.batches["b"] = "messages_processing"
    story.retry("b", 400, UNRESOLVED).look("b").single("b.2").look("b")
    (text,) = _doubted(story, "BR-BLK-02")
    assert text.startswith(f"single retry {single} of message b.0 may have set the status")


def test_blk_03_the_refused_retry_is_carried_out() -> None:
    story = _blocking().retry("b", 400, UNRESOLVED, takes=("b.1", "b.2")).look("b").look("ctl")
    # An accepted single retry of another message is a suspect too (ruling 26).
    assert ("BR-BLK-03", "BR-SGL-02") in story.named()


def test_blk_03_a_lost_retry_may_explain_it() -> None:
    story = _blocking().retry("b", None).retry("b", 400, UNRESOLVED, takes=("b.1",)).look("b")
    assert "BR-BLK-03" not in story.findings()


def test_blk_03_a_late_effect_may_explain_it() -> None:
    story = Story().send("b", "FF").look("b").finish("b").look("b").retry("b", takes=("b.0",)).look("b")
    story.retry("b", 400, UNRESOLVED, takes=("b.1",)).look("b")
    assert "BR-BLK-03" not in story.findings()


def test_a_batch_with_nothing_left_to_retry_may_be_refused_for_that() -> None:
    """The message beside the created one is exhausted: no failed message may be retried (ruling 13)."""

    def refused(rounds: int, code: str) -> Story:
        story = Story(lag=0.05).send("b", "FF").look("b").finish("b").look("b")
        for _ in range(rounds):
            story.single("b.1").look("b").finish("b").wait(1).look("b")
        story.wait(11).look("b").single("b.0").wait(1).look("b")
        return story.retry("b", 400, code).wait(1).look("b")

    exhausted = refused(3, "no_failed_batch_messages_to_retry")
    assert exhausted.findings() == set()
    assert ("BR-BLK-02", "another-reason") in exhausted.doubts()
    assert not any(e.startswith("BR-BLK-01") for e in refused(3, UNRESOLVED).exercised())
    assert {"BR-BLK-02", "BR-ERR-02"} <= refused(1, "no_failed_batch_messages_to_retry").findings()


def test_a_lost_retry_that_is_carried_out_next_to_a_created_message() -> None:
    """Accepted, refused or dropped: one of several is broken in every world (ruling 11)."""
    story = _blocking("b.0").look("b").retry("b", None, takes=("b.1", "b.2")).look("b").wait(11).look("b").look("ctl")
    assert story.named() == {("BR-BLK-01", "BR-BLK-03", "BR-ERR-06", "BR-ERR-07", "BR-SGL-02")}


def test_a_lost_retry_may_be_carried_out_when_nothing_blocks_any_more() -> None:
    story = _blocking("b.0").look("b").retry("b", None).look("b").move("b.0", "sent")
    story.attempt("b.1")
    story.attempt("b.2")
    assert story.look("b").finish("b").wait(11).look("b").look("ctl").findings() == set()
    late = _blocking("b.0").look("b").retry("b", None).look("b").wait(1)
    late.attempt("b.1")
    late.attempt("b.2")
    assert late.move("b.0", "sent").look("b").finish("b").wait(11).look("b").look("ctl").findings() == set()
