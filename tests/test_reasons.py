"""What a report says of a requirement that stays open: the true reason, and what would settle it."""

from __future__ import annotations

import msgspec

from conformance.history.records import Note
from conformance.report.model import ReportedRequirement
from tests.reported import NOT_RETRYABLE, blocked_batch, reported, whole
from tests.shelf import Shelf
from tests.story import Story

FAILED = "messages_enqueuing_failed"


def _open(story: Story, name: str, *notes: Note) -> ReportedRequirement:
    told = whole(story)
    header = msgspec.structs.replace(told.header, offers=("failing", "other_key"))
    history = msgspec.structs.replace(told, header=header, notes=notes)
    item = next(item for item in reported(history, 3).requirements if item.id == name)
    assert item.verdict == "inconclusive"
    assert item.reason is not None
    return item


def _why(story: Story, name: str, *notes: Note) -> str:
    reason = _open(story, name, *notes).reason
    return reason.text if reason is not None else ""


def _needs(story: Story, name: str) -> tuple[str, ...]:
    reason = _open(story, name).reason
    return reason.needs if reason is not None else ()


# -- created is never read (ruling 15) ------------------------------------------------------------------------------


def _never_created(*, at_first: bool = False) -> Story:
    """A target of which every message is beyond created before it is read; ``at_first``: but when it was sent."""
    story = Story().send("b", "FF")
    if at_first:
        story.look("b")
    story.finish("b").look("b").single("b.0")
    return story.move("b.0", "enqueued").look("b").retry("b", 400, NOT_RETRYABLE).look("b").finish("b").look("b")


def test_what_needs_created_says_that_no_message_was_ever_read_in_it() -> None:
    for name in ("BR-BLK-01", "BR-BLK-02", "BR-BLK-03", "BR-ERR-02", "BR-SEL-10", "BR-ACC-03"):
        assert _why(_never_created(), name).endswith("no message was ever read in created"), name
    assert _needs(_never_created(), "BR-BLK-01")[0].startswith("a target that shows a retried message in created")
    assert "created" not in _why(_never_created(), "BR-CON-01"), "it needs none"


def test_created_that_only_a_first_attempt_shows_is_told_apart() -> None:
    assert _why(_never_created(at_first=True), "BR-BLK-02").endswith("no retried message was ever read in created")


def test_where_created_was_read_that_is_not_the_reason() -> None:
    story = Story().send("b", "FF").finish("b").look("b").single("b.0").look("b").finish("b").look("b")
    assert _why(story, "BR-BLK-01") == "not exercised: first, last, elsewhere"


# -- messages that are left out (ruling 17) ------------------------------------------------------------------------


def _left_out(times: int) -> Story:
    """Each of so many accepted retries leaves the last message out, and says so by the batch's status."""
    story = Story().send("b", "FFF").finish("b").look("b")
    for taken in ("b.0", "b.1")[:times]:
        story.batches["b"] = FAILED
        story.retry("b", takes=(taken,) if times > 1 else ("b.0", "b.1")).look("b").finish("b").wait(11).look("b")
    return story


def test_a_message_that_is_left_out_twice_is_told_as_that() -> None:
    assert "had left out too" in _why(_left_out(2), "BR-SEL-01")
    assert "picks up" in _needs(_left_out(2), "BR-SEL-01")[0]


def test_a_message_that_no_later_retry_could_pick_up_is_told_as_that() -> None:
    assert _why(_left_out(1), "BR-SEL-01").endswith(
        f"{FAILED}, and no retry was accepted after it that could pick them up"
    )


def test_what_was_not_waited_for_does_not_hide_what_was_left_out() -> None:
    data = {"code": "not-waited-for", "requirements": ["BR-SEL-01", "BR-SEC-05"], "needs": ["patience"]}
    note = Note(t=1.0, event="unmet", text="the run has waited long enough", data=data)
    assert _why(_left_out(1), "BR-SEL-01", note).startswith("retry ")
    other = _why(_left_out(1), "BR-SEC-05", note)
    assert other.startswith("the run has waited long enough; retry ")
    assert "leaves 1 failed message out" in other
    quiet = Story().send("b", "FF").finish("b").look("b")
    assert _why(quiet, "BR-SEL-01", note) == "the run has waited long enough"


# -- what else may be why a retry was refused (rulings 13 and 24) ----------------------------------------------------


def test_the_single_retry_that_may_have_set_the_status_is_named() -> None:
    story = blocked_batch().retry("b", 400, NOT_RETRYABLE).look("b")
    single = next(e.n for e in story.exchanges if e.invoke.operation == "single_retry")
    assert f"single retry {single} of message b.0 may have set the batch's status" in _why(story, "BR-BLK-01")


def test_a_status_that_a_read_shows_after_the_single_retry_is_named() -> None:
    story = Story().send("b", "FFF").finish("b").look("b").single("b.0")
    story.batches["b"] = "messages_enqueuing"
    text = _why(story.read("b.0").retry("b", 400, NOT_RETRYABLE).look("b"), "BR-BLK-01")
    assert "shows the batch in messages_enqueuing after single retry" in text
    assert "of message b.0" in text


def test_a_status_that_the_single_retry_s_own_answer_shows_is_named() -> None:
    story = Shelf().send("b", "FFF").finish("b").look("b")
    story.batches["b"] = "messages_enqueuing"
    story.single("b.0").retry("b", 400, NOT_RETRYABLE).look("b")
    single = next(e for e in story.exchanges if e.invoke.operation == "single_retry")
    single.end.body["batches"] = [{"id": "b", "status": "messages_enqueuing"}]
    assert f"single retry {single.n} of message b.0 is answered with the batch in messages_enqueuing" in _why(
        story, "BR-BLK-01"
    )


def test_another_message_in_progress_is_named() -> None:
    story = Story().send("b", "FFF").finish("b").look("b").single("b.0").single("b.1").move("b.1", "sending").look("b")
    text = _why(story.blocked("b").look("b"), "BR-BLK-01")
    assert text.endswith("but message b.1, another one, may have been in progress")


# -- a status that follows late (ruling 23) ------------------------------------------------------------------------


def test_a_status_that_follows_late_is_told_with_by_how_much_and_the_setting() -> None:
    story = blocked_batch().retry("b", 400, "unresolved_batch_messages").read("b.0").finish("b").wait(0.1)
    story.batches["b"] = FAILED
    story.look("b")
    text = _why(story, "BR-BLK-02")
    assert "shows the batch in messages_enqueued; an answer 1" in text
    assert "ms after the refusal shows that it followed, and not the message still created" in text
    assert _needs(story, "BR-BLK-02")[0].startswith(
        "timing.read_lag, in seconds: longer than the status takes to follow ("
    )


def test_a_status_that_was_never_seen_to_follow_is_told_as_that() -> None:
    story = blocked_batch().retry("b", 400, "unresolved_batch_messages").read("b.0").finish("b").look("b")
    assert _why(story, "BR-BLK-02").endswith("shows the batch in messages_enqueued; it may follow")
    assert not _needs(story, "BR-BLK-02")[0].startswith("timing.read_lag")
