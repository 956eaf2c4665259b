"""What a history holds beside batches that were sent and listed as usual: messages sent singly, sends whose answer was lost,

messages without values, numbers that never end. Each violation stands beside a neighbour that is none.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from conformance.contract.vocabulary import NOT_FAILED_CODE, TOO_MANY_CODE
from conformance.findings import Finding
from conformance.history.records import Note
from conformance.judges import judge
from tests.shelf import STAMP, Shelf
from tests.story import Story

BODY = "body:json-ids"


def _found(story: Story) -> set[str]:
    """Every requirement that a finding names."""
    return {name for o in story.opinions() if isinstance(o, Finding) for name in o.any_of}


def _alone(*names: str, **options: Any) -> Shelf:
    """A batch, an untouched one, and messages that were sent singly and failed."""
    story = Shelf(**options).send("b", "FF").send("ctl", "FS").finish("b").finish("ctl").look("ctl").look("b")
    for name in names:
        story.single_send(name, "F").move(name, "failure").read(name)
    return story


def _rounds(story: Shelf, message: str, count: int) -> Shelf:
    for _ in range(count):
        story.single(message).read(message).move(message, "failure").read(message)
    return story


def _done(story: Shelf, *messages: str) -> Shelf:
    story.wait(11).look("b").look("ctl")
    for message in messages:
        story.read(message)
    return story


# -- messages that were sent singly -------------------------------------------------------------------------------


@pytest.mark.parametrize(("times", "refused"), [(2, True), (3, True), (4, False), (1, True)])
def test_a_message_that_was_sent_singly_has_the_limit_of_the_others(times: int, refused: bool) -> None:
    """BR-SEL-04: message by message, batch and single retries alike."""
    story = _done(_rounds(_alone("one"), "one", times), "one")
    if refused:
        story.single("one", 400, TOO_MANY_CODE).read("one")
    assert _found(story) == (set() if times in (2, 3) else {"BR-SEL-04"})


@pytest.mark.parametrize("others", [2, 3])
def test_one_limit_holds_for_messages_of_batches_and_for_others(others: int) -> None:
    story = _rounds(_alone("one"), "one", 3)
    for _ in range(others):
        story.single("b.0").look("b").move("b.0", "failure").look("b")
    _done(story, "one").single("b.0", 400, TOO_MANY_CODE)
    assert _found(_done(story, "one")) == ({"BR-SEL-04"} if others == 2 else set())


@pytest.mark.parametrize("seen", ["at once", "one read later"])
def test_a_message_that_was_sent_singly_shows_the_status_of_its_newest_attempt(seen: str) -> None:
    story = _alone("one").single("one")
    if seen == "at once":
        story.show("latestStatus", "failure", message="one", view="message_read")
    story.read("one")
    story.changes.clear()
    story.read("one").move("one", "failure").read("one")
    assert _found(_done(story, "one")) == ({"BR-SEL-03"} if seen == "at once" else set())


@pytest.mark.parametrize("ended", [True, False])
def test_a_message_that_was_sent_singly_has_one_attempt_in_progress(ended: bool) -> None:
    story = _alone("one").single("one")
    if ended:
        story.move("one", "failure").single("one")
    else:
        story.attempt("one")
    story.read("one").move("one", "failure").read("one")
    assert ("BR-SEL-08" in _found(_done(story, "one"))) is not ended


@pytest.mark.parametrize("changed", [True, False])
def test_a_message_that_was_sent_singly_keeps_its_earlier_attempts(changed: bool) -> None:
    story = _rounds(_alone("one"), "one", 1).single("one")
    if changed:
        story.messages["one"]["attempts"][0]["id"] = "other"
    story.read("one").move("one", "failure").read("one")
    assert _found(_done(story, "one")) == ({"BR-SEL-05"} if changed else set())


@pytest.mark.parametrize("status", ["sending", "sent_to_telco"])
def test_messages_that_were_sent_singly_move_on(status: str) -> None:
    story = _alone("one", "two")
    for message in ("one", "two"):
        story.single(message).move(message, status).read(message)
    story.single_send("late", "F").move("late", "failure").read("late")
    assert _found(_done(story, "one", "two")) == ({"BR-LIV-01"} if status == "sending" else set())


@pytest.mark.parametrize("view", ["campaign_list", None])
def test_views_show_a_message_that_was_sent_singly_alike(view: Any) -> None:
    story = Shelf().show("language", "malay", view=view).send("b", "F").finish("b").look("b").single_send("one", "F")
    story.move("one", "failure")
    story.members["one"] = ["one"]
    for _ in range(2):
        story.read("one").campaign().wait(6)
    accused = {o.evidence for o in story.opinions() if isinstance(o, Finding) and "BR-IDS-04" in o.any_of}
    assert bool(accused) is (view is not None)


@pytest.mark.parametrize("gives", [("b.0",), ("b.0", "b.0")])
def test_a_second_attempt_may_be_a_single_retry_s_of_that_message(gives: tuple[str, ...]) -> None:
    """BR-SGL-02: exactly one. Next to a batch retry either may have given it (ruling 26)."""
    story = _alone().single("b.0", gives=gives).finish("b").look("b")
    assert ("BR-SGL-02" in _found(_done(story))) is (len(gives) > 1)
    both = _alone().retry("b").finish("b").single("b.0", gives=gives).finish("b").look("b")
    named = {o.any_of for o in _done(both).opinions() if isinstance(o, Finding)} - {("BR-SEL-08",)}
    assert named == ({("BR-SEL-05", "BR-SGL-02")} if len(gives) > 1 else set())
    # One that had settled before is covered by BR-SEL-05, which is about accepted retries of both kinds.
    before = _done(_alone().single("b.0").look("b").finish("b").look("b")).retry("b", takes=("b.0", *gives, "b.1"))
    named = {o.any_of for o in _done(before.finish("b").look("b")).opinions() if isinstance(o, Finding)}
    assert ("BR-SEL-05",) in named


# -- batches that the target names, and nothing else ----------------------------------------------------------------


def _send_lost() -> Shelf:
    """The answer to a send is lost; the campaign's listing shows its batch."""
    story = _alone().send("q", "FF").mend_end(outcome="lost", status=None, body=None, media="none")
    return story.finish("q").campaign().look("q")


def test_a_batch_whose_send_was_lost_is_a_batch() -> None:
    """BR-ERR-04: a body makes no retry one that names none."""
    story = _send_lost().retry("q", cause=BODY).look("q").finish("q").wait(11).look("q")
    assert _found(_done(story)) == set()


def test_a_made_up_id_is_none_whatever_the_body() -> None:
    story = _send_lost()
    story.members["nobody"] = []
    assert "BR-ERR-04" in _found(_done(story.retry("nobody", cause=BODY)))


@pytest.mark.parametrize("made", ["held", "other", ["a note that was edited"]])
def test_a_batch_of_a_provider_state_is_a_batch(made: Any) -> None:
    story = Story().wait(1)
    story.members["held"] = []
    story.retry("held", cause=BODY)
    about = {"state": "batch_with_message", "action": "setup", "batch": made, "params": {}, "begun": 0.5}
    opinions = judge(msgspec.structs.replace(story.history(), notes=(Note(t=0.6, event="state", data=about),)))
    accused = [o for o in opinions if isinstance(o, Finding) and "BR-ERR-04" in o.any_of]
    assert bool(accused) is (made != "held")


# -- messages that show little ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("moved", [False, True])
def test_a_control_without_values_stands_still(moved: bool) -> None:
    """Its rows are known by their number: what a 429 gave did not come by itself."""
    story = Shelf().hide("values").hide("fullMessage").send("b", "FF").send("ctl", "FS").finish("b").finish("ctl")
    story.look("ctl").look("b").retry("b", 429, "too_many_requests", takes=("b.0",)).look("b").finish("b")
    if moved:
        story.attempt("ctl.0")
        story.finish("ctl")
    named = [set(o.any_of) for o in _done(story).opinions() if isinstance(o, Finding)]
    assert {"BR-ERR-06", *(["BR-SEL-07"] if moved else [])} in named


def _bare(rows: str, **options: Any) -> Shelf:
    story = Shelf(fields=(), **options).hide("updatedAt").send("b", rows).send("ctl", "FS").finish("ctl").look("ctl")
    return story.move("b.0", "failure").look("b")


@pytest.mark.parametrize("row", ["P", "F"])
def test_a_number_that_never_ends_is_created_all_the_time_between(row: str) -> None:
    """BR-BLK-01 where nothing tells attempts apart: only what fails is reset, and may be created twice."""
    story = _bare(f"F{row}").retry("b", takes=("b.0",)).look("b").move("b.0", "failure")
    assert _found(story.wait(11).look("b").look("ctl")) == ({"BR-BLK-01"} if row == "P" else set())


def test_a_number_that_was_to_never_end_and_has_ended_proves_nothing() -> None:
    story = _bare("FP").retry("b", takes=("b.0",)).look("b").move("b.0", "failure").move("b.1", "failure")
    assert _found(story.wait(11).look("b").look("ctl")) == set()


@pytest.mark.parametrize("answer", [201, 400])
def test_a_bare_message_that_just_failed_may_be_refused_singly(answer: int) -> None:
    """A worker may have reset it by then (ruling 21)."""
    story = _bare("F").retry("b", takes=()).look("b")
    story.attempt("b.0")
    if answer == 400:
        story.single("b.0", 400, NOT_FAILED_CODE)
    assert _found(story.look("b").move("b.0", "failure").wait(11).look("b").look("ctl")) == set()


# -- attempts that one answer lists, and views that disagree for good ----------------------------------------------


def _ready(rows: str = "FF", **options: Any) -> Shelf:
    return Shelf(**options).send("b", rows).send("ctl", "FS").finish("b").finish("ctl").look("ctl").look("b")


@pytest.mark.parametrize(("status", "shown"), [("sending", "failure"), ("sending", "sending"), ("failure", "failure")])
def test_the_status_of_one_new_attempt_where_two_retries_may_have_given_one(status: str, shown: str) -> None:
    """It is the newest, or began beside another: BR-SEL-03 or BR-SEL-08."""
    story = _ready().retry("b", takes=()).single("b.0").move("b.0", status).show("latestStatus", shown, message="b.0")
    story.list("b")
    story.changes.clear()
    story.move("b.0", "failure").attempt("b.0")
    story.attempt("b.1")
    named = {o.any_of for o in _done(story.look("b").finish("b")).opinions() if isinstance(o, Finding)}
    assert named == ({("BR-SEL-03", "BR-SEL-08")} if status != shown else set())


@pytest.mark.parametrize("ended", [True, False])
def test_an_attempt_that_began_before_another_had_ended(ended: bool) -> None:
    """BR-SEL-08, or what is listed as in progress has ended (BR-SEL-03)."""
    story = _ready().retry("b").move("b.0", "sent").look("b")
    if ended:
        story.move("b.0", "failure")
    story.retry("b", takes=("b.0",)).move("b.0", "failure").list("b").finish("b")
    named = {o.any_of for o in _done(story).opinions() if isinstance(o, Finding)}
    assert (("BR-SEL-08", "BR-SEL-03") in named) is not ended


def _stamped(shown: dict[str, Any]) -> None:
    """Every attempt has one and the same stamp."""
    for attempt in shown.get("messageAttempts") or shown.get("attempts") or ():
        attempt["createdAt"] = STAMP


@pytest.mark.parametrize("told", ["before", "in another view", "by stamps alike"])
def test_which_of_two_attempts_began_later_is_told_by_an_earlier_answer_and_by_stamps(told: str) -> None:
    """Of the same view, for another one may show fewer; stamps may be coarse (ruling 27)."""
    story = _ready().retry("b").move("b.0", "sent")
    if told == "by stamps alike":
        story.change(_stamped)
    story = story.list("b") if told == "in another view" else story.read("b.0")
    story.retry("b", takes=("b.0",)).move("b.0", "failure").read("b.0").wait(11).look("ctl")
    named = {o.any_of for o in story.opinions() if isinstance(o, Finding)}
    assert (("BR-SEL-08", "BR-SEL-03") in named) is (told == "before")


@pytest.mark.parametrize("since", ["retried again", "not read again", "made good"])
def test_a_view_that_keeps_a_failure_while_its_batch_is_retried_again(since: str) -> None:
    """No retry resets a success: the listing shows it in the same attempt to the last, and the single read its old failure."""
    story = _ready("RF").retry("b").move("b.0", "success").finish("b")
    story.show("latestStatus", "failure", message="b.0", view="message_read").hide("attempts", view="message_read")
    for _ in range(2):
        story.look("b").wait(6).retry("b").look("b").finish("b")
    if since == "made good":
        story.changes.clear()
        story.look("b")
    if since != "not read again":
        story.wait(11).look("b")
    assert ("BR-IDS-07" in _found(story.look("ctl"))) is (since == "retried again")


def test_a_success_that_was_retried_is_none_that_a_view_keeps() -> None:
    """BR-SEL-02, and the single read shows it; that it is not read again puts it behind nothing."""
    story = _ready("SF").retry("b", takes=("b.0", "b.1")).look("b").finish("b").wait(11).list("b").look("ctl")
    assert _found(story) == {"BR-SEL-02"}


@pytest.mark.parametrize("last", [1, 3])
def test_a_number_that_the_list_beside_it_outgrows_is_no_pass(last: int) -> None:
    """BR-IDS-07: no other view tells which of the two is wrong; nor is it one, if the number has caught up in the end."""
    story = Shelf(fields=("numAttempts", "messageAttempts")).send("b", "F").send("ctl", "FS").finish("b").finish("ctl")
    story.look("b").campaign().look("ctl").show("numAttempts", 1, message="b.0", view="batch_list")
    for _ in range(2):
        story.retry("b").look("b").finish("b").look("b").campaign()
    story.changes[-1:] = []
    story.show("numAttempts", last, message="b.0", view="batch_list").wait(11).look("b").campaign()
    assert _found(story) == set()
    assert (("BR-IDS-07", "view-may-lag") in story.doubts()) is (last == 1)


@pytest.mark.parametrize("before", [True, False])
def test_a_429_before_the_first_read_may_have_given_what_that_lists(before: bool) -> None:
    """Nothing shows that it had no effect (ruling 20), be it that a later one had none."""
    story = Shelf().send("b", "FF").send("ctl", "FS").finish("ctl").look("ctl").finish("b")
    if before:
        story.retry("b", 429, "too_many_requests", takes=("b.0", "b.1")).finish("b")
    story.look("b").retry("b", 429, "too_many_requests").look("b")
    assert _found(_done(story)) == set()
    assert (("BR-ERR-06", "unexplained-attempt") in story.doubts()) is before


@pytest.mark.parametrize("status", ["messages_processing", "messages_enqueued"])
def test_a_429_does_not_keep_a_batch_processed(status: str) -> None:
    """BR-ACC-06: it claims to have had no effect (ruling 10)."""
    story = _ready().retry("b").look("b").finish("b")
    story.batches["b"] = "messages_processing"
    story.look("b").wait(2).retry("b", 429, "too_many_requests").wait(9)
    story.batches["b"] = status
    assert _found(_done(story)) == ({"BR-ACC-06"} if status == "messages_processing" else set())


def test_stamps_of_coarse_clocks_tell_no_attempt_apart() -> None:
    """Attempts have no ids: a later one has the stamp of an earlier one, and one between was stamped by another clock."""

    def bare(shown: dict[str, Any]) -> None:
        for attempt in shown.get("messageAttempts") or shown.get("attempts") or ():
            attempt.pop("id", None)

    story = Shelf(whole_seconds=True).change(bare).send("b", "FF").send("ctl", "FS").finish("b").finish("ctl")
    story.look("ctl").look("b").wait(2)
    for clock in (0, 2, 0):
        story.single("b.0")
        story.messages["b.0"]["attempts"][-1]["createdAt"] = f"2026-01-01T00:00:{5 + clock:02}+00:00"
        story.list("b").read("b.0").move("b.0", "failure")
    assert _found(_done(story)) == set()


# -- what a single retry does to the batch's status ------------------------------------------------------------------


@pytest.mark.parametrize("waits", [0, 11])
@pytest.mark.parametrize("taken", [("b.1",), ()])
def test_a_single_retry_may_hide_what_an_accepted_retry_set(waits: int, taken: tuple[str, ...]) -> None:
    """It may have the batch processed late (rulings 16 and 24), when the retry had shown that enqueuing failed (ruling 17)."""
    story = _ready("FFF").single("b.0").move("b.0", "failure").wait(waits).look("b").retry("b", takes=taken).look("b")
    found = _found(_done(story.finish("b")))
    assert found == ({"BR-SEL-01" if taken else "BR-ACC-05"} if waits else set())


@pytest.mark.parametrize("batch", ["[redacted:secret]", "made-up"])
def test_a_mark_that_stands_for_many_ids_names_any_batch(batch: str) -> None:
    """As suites before 0.2 wrote down ids that look random."""
    story = _ready()
    story.members[batch] = []
    assert ("BR-ERR-04" in _found(story.retry(batch, cause=BODY))) is (batch == "made-up")


@pytest.mark.parametrize("outcome", ["success", "failure"])
def test_two_outcomes_within_the_lag_of_the_later_read(outcome: str) -> None:
    """The single read may be the older one: a retry of what only that shows failed is not owed a 201."""
    story = Shelf(lag=1.0, fields=("numAttempts",)).hide("updatedAt").send("b", "R").send("ctl", "FS").finish("ctl")
    story.look("ctl").move("b.0", "failure").wait(2).look("b").retry("b").move("b.0", outcome).wait(1.1).list("b")
    story.show("latestStatus", "failure", message="b.0", view="message_read").read("b.0")
    story.changes.pop()
    story.retry("b", 400, "no_failed_batch_messages_to_retry")
    assert ("BR-ACC-02" in _found(_done(story))) is (outcome == "failure")
