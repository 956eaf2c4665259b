"""Words that findings are told by: fingerprints are the same in every run, and tell one defect from another."""

from __future__ import annotations

from tests.shelf import Shelf
from tests.story import Story
from tests.test_judge_bounds import findings_of, quiet
from tests.test_judge_innocents import done, ready, together


def test_of_several_created_messages_the_last_to_be_reset_is_named() -> None:
    """Others are left from before, where an earlier retry was refused for them."""
    story = ready("FFFF").single("b.0").look("b").single("b.1").look("b").retry("b", takes=("b.2", "b.3")).look("b")
    assert [f.subject for f in findings_of(story, "BR-BLK-01")] == [
        "2xx next to a created message: elsewhere, next to another, 201"
    ]


def test_the_hundred_and_first_message_stands_after_the_first_hundred_alone() -> None:
    story = Story(fields=("numAttempts",)).send("b", "F" * 101).finish("b").list("b").single("b.100")
    found = findings_of(story.retry("b", takes=()).list("b"), "BR-BLK-01")
    assert [f.subject for f in found] == ["2xx next to a created message: last, after the first hundred, 201"]


def test_a_2xx_for_no_batch_is_another_defect_than_input_that_breaks() -> None:
    story = ready()
    story.members["nobody"] = []
    for cause in ("id:unknown", "id:short", "id:long"):
        story.retry("nobody", 201, cause=cause, takes=())
    assert {f.subject for f in findings_of(story.look("b"), "BR-ERR-04")} == {"unusual input: 2xx for no batch"}


def test_a_change_is_told_by_the_field_and_the_kind_of_request() -> None:
    story = quiet("FF").retry("b")
    story.change(lambda shown: shown["batches"][0].update(originalFileName="x.csv"), view="message_read").finish("b")
    said = {f.summary for f in findings_of(story.look("b"), "BR-IDS-03")}
    assert said == {"the target changes originalFileName of a message's batch in an accepted retry"}


def test_a_surplus_attempt_by_a_retry_with_a_body_is_the_defect_of_every_retry() -> None:
    story = ready().retry("b", cause="body:json-recipient")
    story.move("b.0", "failure").attempt("b.0")
    found = findings_of(done(story.look("b")), "BR-SEL-05")
    assert {f.subject for f in found} == {"attempt that no retry explains: accepted retry"}


def test_a_success_of_a_single_retry_is_told_from_one_of_the_sending() -> None:
    story = ready("FS").single("b.0").move("b.0", "success").look("b").single("b.0").look("b").single("b.1")
    subjects = {f.subject.rpartition("failed: ")[2] for f in findings_of(story.look("b"), "BR-SGL-01")}
    assert subjects >= {"success of a retry: 2xx", "success: 2xx"}


def test_of_a_page_that_holds_a_message_twice_the_first_is_told() -> None:
    story = Shelf().send("b", "F").finish("b").read("b.0")
    story.members["b"] = ["b.0", "b.0"]
    story.campaign().by("first").campaign().by("second")
    assert [f.scenario for f in findings_of(story, "BR-IDS-05")] == ["first"]


def test_the_races_that_own_no_attempt_are_counted() -> None:
    story = Story()
    for number in range(3):
        batch = f"r{number}"
        story.send(batch, "F").finish(batch).look(batch).retry(batch).retry(batch, takes=())
        together(story).look(batch).finish(batch).wait(11).look(batch)
    assert any("1 at least own none" in line for f in findings_of(story, "BR-CON-01") for line in f.argument)


def test_a_number_beyond_its_list_is_told_from_a_view_that_is_behind() -> None:
    story = Story(fields=("numAttempts", "messageAttempts")).send("b", "F").finish("b").list("b").retry("b").finish("b")
    story.list("b").exchanges[-1].end.body["data"][0]["numAttempts"] = 3
    subjects = [f.subject for f in findings_of(story, "BR-IDS-07")]
    assert subjects == ["a view does not keep up: numAttempts beyond the list beside it"]
