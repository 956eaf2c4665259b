"""What looks like a violation and is none: views that lag or change together, owners that edit, coarse clocks, late counts.

Each stands beside a neighbour that is one.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from conformance.contract.vocabulary import NOT_RETRYABLE_CODE, UNRESOLVED_CODE
from conformance.findings import Doubt, Finding
from conformance.history.records import Operation
from tests.shelf import Shelf
from tests.story import START, Story

ENQUEUED, PROCESSING = "messages_enqueued", "messages_processing"


def _found(story: Story) -> set[str]:
    """Every requirement that a finding names."""
    return {name for o in story.opinions() if isinstance(o, Finding) for name in o.any_of}


def _without(name: str, shown: dict[str, Any]) -> None:
    shown.pop(name, None)


def _frozen(story: Shelf, message: str, view: Operation) -> Shelf:
    """From now on the view shows the message as it is now."""
    known = story.messages[message]
    listed = [dict(attempt) for attempt in known["attempts"]][::-1]
    shown = {"latestStatus": listed[0]["status"], "updatedAt": known["updated"], "numAttempts": len(listed)}
    shown |= {"attempts": listed, "messageAttempts": listed}
    return story.change(
        lambda data: data.update({n: v for n, v in shown.items() if n in data}), message=message, view=view
    )


# -- views ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seen", [True, False])
def test_what_a_view_that_lags_shows_last_is_not_what_is(seen: bool) -> None:
    """A single read shows the new attempt, and then the listing the old one: the message may block the retry."""
    story = _frozen(Shelf().send("b", "F").finish("b").look("b").look("b"), "b.0", "batch_list")
    story.retry("b", takes=())
    story.wait(9.9)
    if seen:
        story.attempt("b.0")
    story.wait(0.2).read("b.0").list("b").retry("b", 400, UNRESOLVED_CODE).read("b.0")
    assert ("BR-ACC-02" in _found(story)) is not seen


def test_a_count_that_another_view_has_outgrown_lags() -> None:
    story = Shelf(fields=("numAttempts", "attempts")).hide("updatedAt").send("b", "F").finish("b").look("b").look("b")
    _frozen(story, "b.0", "batch_list").retry("b", takes=()).wait(9.9).attempt("b.0")
    story.read("b.0").wait(0.3).list("b").wait(0.3)
    story.changes.pop()
    assert _found(story.list("b").finish("b").wait(11).look("b")) == set()


@pytest.mark.parametrize("shown", [True, False])
def test_a_batch_that_was_retryable_is_not_processed_for_a_row_that_a_listing_lacks(shown: bool) -> None:
    story = Story().send("b", "FS").finish("b").list("b", only=1)
    if shown:
        story.read("b.0")
    story.retry("b").list("b", only=1).list("b").finish("b").wait(11).look("b")
    assert ("BR-ACC-01" in _found(story)) is not shown


@pytest.mark.parametrize("view", [None, "message_read"])
def test_views_that_change_together_agree(view: Operation | None) -> None:
    story = Shelf().send("b", "FS").finish("b").list("b")
    if view is None:
        story.look("b")
    story.show("templateBody.body", "Hello there {{body}}", view=view).look("b")
    assert ("BR-IDS-04" in _found(story)) is (view is not None)


@pytest.mark.parametrize("control", [True, False])
def test_a_template_may_be_edited_by_its_owner(control: bool) -> None:
    """It is edited where a batch that nobody retried shows the same."""
    story = (
        Shelf().send("b", "FS").send("ctl", "FS").finish("b").finish("ctl").look("b").look("ctl").retry("b").finish("b")
    )
    story.show("templateBody.body", "Hello there {{body}}", message=None if control else "b.0").wait(11).look("b").look(
        "ctl"
    )
    assert ("BR-IDS-03" in _found(story)) is not control


def test_a_template_that_no_other_batch_shares_was_not_edited_by_its_owner() -> None:
    """The batch that was not retried shows another template, before and after."""
    story = Shelf()
    for message in ("ctl.0", "ctl.1"):
        story.show("templateBody.body", "Good day {{body}}", message=message)
    story.send("b", "FF").send("ctl", "FS").finish("b").finish("ctl").look("b").look("ctl").retry("b").finish("b")
    for message in ("b.0", "b.1"):
        story.show("templateBody.body", "Hello there {{body}}", message=message)
    assert story.wait(11).look("b").look("ctl").findings() == {"BR-IDS-03"}


@pytest.mark.parametrize("status", [PROCESSING, ENQUEUED])
def test_a_batch_that_is_processed_may_still_grow(status: str) -> None:
    story = Shelf().send("b", "FF").finish("b")
    story.show("batches", [{"id": "b", "status": status, "totalMessages": 1}]).campaign()
    story.changes.clear()
    story.show("batches", [{"id": "b", "status": ENQUEUED, "totalMessages": 2}])
    story.retry("b", 400, NOT_RETRYABLE_CODE).campaign()
    assert ("BR-BLK-03" in _found(story)) is (status == ENQUEUED)


@pytest.mark.parametrize("listed", [1, 2, 3])
def test_rows_that_nothing_tells_apart_are_known_by_their_number(listed: int) -> None:
    """As many messages as rows are all of them. Where there are more, a listing that shows every row would not help."""
    story = Shelf().hide("values").hide("fullMessage").send("x", "F").send("b", "FF").finish("x").finish("b")
    story.members["b"] = ["b.0", "b.1", "x.0"][:listed]
    story.look("b").retry("b", 400, "some_code")
    told = [o.text for o in story.opinions() if isinstance(o, Doubt) and "told apart" in o.text]
    assert bool(told) is (listed > 2)
    assert ("BR-ACC-02" in _found(story)) is (listed == 2)


def test_a_row_that_shows_no_text_beside_one_that_does_is_not_told_by_its_number() -> None:
    story = Shelf().send("b", "FF").finish("b")
    for name in ("values", "fullMessage"):
        story.change(partial(_without, name), message="b.1")
    story.look("b").retry("b", 400, "some_code")
    assert [o for o in story.opinions() if isinstance(o, Doubt) and "told apart" in o.text]
    assert "BR-ACC-02" not in _found(story)


# -- corrections ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("corrected", [True, False])
def test_a_retry_that_delivered_late_has_sent_again(corrected: bool) -> None:
    story = Story().send("r1", "R").send("r2", "R")
    for batch in ("r1", "r2"):
        story.move(f"{batch}.0", "failure").look(batch)
    for batch in ("r1", "r2"):
        story.retry(batch).look(batch).move(f"{batch}.0", "failure").look(batch)
    story.send("s", "S").finish("s").look("s").wait(3)
    for batch in ("r1", "r2"):
        if corrected:
            story.move(f"{batch}.0", "success")
        story.look(batch)
    assert ("BR-LIV-02" in _found(story)) is not corrected


def test_a_success_is_not_older_than_a_failure_of_the_same_attempt() -> None:
    """Whatever the clock says that stamped it (rulings 18 and 27)."""
    story = Shelf().send("b", "F").finish("b").list("b").wait(11).move("b.0", "success")
    story.messages["b.0"]["updated"] = (START + timedelta(seconds=0.001)).isoformat()
    assert _found(story.read("b.0")) == set()


@pytest.mark.parametrize("seconds", [1, 11])
def test_a_retry_of_a_failure_that_was_corrected_may_still_be_carried_out(seconds: int) -> None:
    """In its time (ruling 16) a worker may take the batch up, and find nothing to send (rulings 5 and 18)."""
    story = Story(fields=("numAttempts",)).send("b", "F").finish("b").look("b").retry("b", takes=()).look("b")
    story.move("b.0", "success").look("b").wait(seconds).look("b").retry("b", 400, NOT_RETRYABLE_CODE)
    assert ("BR-SEL-06" in _found(story.look("b"))) is (seconds > 10)


def test_that_nothing_was_attempted_rests_on_no_correction_where_a_success_came() -> None:
    """It may have failed, been retried, and been corrected before a worker looked."""
    story = Story().send("b", "F").move("b.0", "sent").look("b").retry("b", takes=())
    story.move("b.0", "success").wait(11).look("b")
    (found,) = (o for o in story.opinions() if isinstance(o, Finding))
    assert found.any_of == ("BR-ACC-05",)
    assert "A2a" in found.axioms


@pytest.mark.parametrize("corrected", [True, False])
def test_an_older_state_that_is_read_last_hides_no_failure_that_was_corrected(corrected: bool) -> None:
    """A worker that selects late finds nothing to attempt (rulings 18 and 21)."""
    story = Shelf(fields=("numAttempts", "attempts")).hide("numAttempts", view="batch_list")
    story.send("b", "F").finish("b").look("b").single("b.0").move("b.0", "sent").read("b.0")
    behind = _frozen(story, "b.0", "batch_list").changes.pop()
    story.move("b.0", "failure").list("b").changes.append(behind)
    story.list("b").changes.pop()
    # What the single retry does to the batch's status is over by then (rulings 16 and 24).
    story.wait(11).retry("b", takes=())
    if corrected:
        story.move("b.0", "success")
    assert ("BR-ACC-05" in _found(story.wait(11).look("b"))) is not corrected


@pytest.mark.parametrize("late", [True, False])
def test_a_single_retry_may_have_its_batch_processed_behind_a_refusal(late: bool) -> None:
    """Next to the message that blocks, a batch in ``messages_enqueuing_failed`` may be processed late (rulings 16 and 24)."""
    story = Story().send("b", "FF").finish("b").look("b").single("b.0").look("b").blocked("b").look("b")
    if not late:
        story.wait(11).look("b")
    story.retry("b", 400, NOT_RETRYABLE_CODE).look("b")
    assert ("BR-ERR-02" in _found(story)) is not late


# -- counts, ids and clocks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [("id",), ("createdAt",), ("id", "createdAt")])
def test_an_attempt_that_is_shown_without_an_id_or_a_time_once_is_not_lost(missing: tuple[str, ...]) -> None:
    story = Shelf().send("b", "F").finish("b").look("b").retry("b")

    def bare(shown: dict[str, Any]) -> None:
        for attempt in (shown.get("messageAttempts") or shown.get("attempts") or [])[:1]:
            attempt.update(dict.fromkeys(missing))

    story.change(bare).look("b")
    story.changes.pop()
    assert "BR-SEL-05" not in _found(story.look("b").finish("b").wait(11).look("b"))


@pytest.mark.parametrize("counted", [True, False])
def test_a_state_that_comes_back_is_no_retry_where_a_count_shows_fewer(counted: bool) -> None:
    """Only the single read counts. A retry is lost on its way, and the listing shows an older state for a moment."""
    story = Shelf(fields=("numAttempts",)).hide("updatedAt").hide("numAttempts", view="batch_list")
    story.change(lambda shown: shown.update(numAttempts=len(story.messages["b.0"]["attempts"])), view="message_read")
    story.send("b", "F").finish("b").read("b.0").list("b").retry("b").list("b").finish("b").list("b")
    story.retry("b", None).show("latestStatus", "created", view="batch_list").list("b")
    story.changes.pop()
    story.list("b").wait(11).list("b")
    for _ in range(2):
        story.retry("b").list("b").finish("b").list("b").wait(11)
    if counted:
        story.read("b.0")
    assert ("BR-SEL-04" in _found(story)) is not counted


def test_a_number_that_had_not_risen_when_it_was_read_first_outgrows_no_view() -> None:
    story = Shelf(fields=("numAttempts", "attempts")).send("b", "F").finish("b").read("b.0")
    story.show("numAttempts", 0, view="batch_list").list("b")
    story.changes.pop()
    story.retry("b").look("b").finish("b").look("b").wait(11).look("b")
    assert ("BR-IDS-07",) not in {o.any_of for o in story.opinions() if isinstance(o, Finding)}


class _Noughts(Story):
    """A clock of whole seconds that writes milliseconds."""

    def _stamp(self) -> str:
        return super()._stamp().replace("+00:00", ".000+00:00")


@pytest.mark.parametrize("kind", [_Noughts, Story])
def test_a_clock_of_whole_seconds_may_write_a_fraction_of_noughts(kind: type[Story]) -> None:
    """Two attempts within one second look alike (ruling 27)."""
    story = kind(fields=(), whole_seconds=kind is _Noughts).send("b", "F").finish("b").look("b")
    story = story.retry("b") if kind is _Noughts else story.retry("b", takes=())
    story.finish("b").wait(11).look("b")
    assert ("BR-ACC-05" in _found(story)) is (kind is Story)


@pytest.mark.parametrize("by", [1, 2])
def test_a_number_that_counts_more_than_is_listed_beside_it_proves_nothing_of_attempts(by: int) -> None:
    """It is wrong itself, and every view has it from there: no retry gave a message two attempts."""
    story = Shelf()
    for message in ("b.0", "b.1"):
        story.change(partial(_numbered, story, message, by), message=message)
    story.send("b", "FF").send("ctl", "FS").finish("b").finish("ctl").views("b").look("ctl")
    story.retry("b").finish("b").views("b").wait(11).views("b").look("ctl")
    found = {o.any_of for o in story.opinions() if isinstance(o, Finding)}
    assert found == ({("BR-IDS-07", "BR-SEL-05")} if by > 1 else set())


def _numbered(story: Shelf, message: str, by: int, shown: dict[str, Any]) -> None:
    if "numAttempts" in shown:
        shown["numAttempts"] = by * (len(story.messages[message]["attempts"]) - 1) + 1


@pytest.mark.parametrize("late", [False, True])
def test_a_view_that_shows_another_updatedat_may_show_another_attempt(late: bool) -> None:
    """Nothing is counted: the listing lags, and the single read shows that the message failed once more, or it was not read."""
    story = Shelf(fields=()).send("b", "FF").finish("b").look("b")
    story.retry("b", takes=("b.0",)).look("b").finish("b")
    _frozen(story, "b.1", "batch_list").attempt("b.1")
    story.move("b.1", "failure").wait(11).list("b")
    story.changes.pop()
    if late:
        story.look("b")
    else:
        story.read("b.0")
    assert ("BR-SEL-01" in _found(story)) is not late


def test_an_older_status_in_an_attempt_that_its_own_view_counts_is_a_read_that_lags() -> None:
    """A retry has left, and its view counts no attempt more: the message was not reset."""
    story = Shelf(fields=("numAttempts",)).hide("updatedAt").send("b", "F").move("b.0", "enqueued").list("b")
    old = dict(story.messages["b.0"]["attempts"][-1])
    story.move("b.0", "sent").read("b.0").retry("b", takes=())
    story.move("b.0", "failure").attempt("b.0")
    story.change(lambda shown: shown.update(latestStatus=old["status"], numAttempts=1), view="batch_list").list("b")
    story.changes.pop()
    assert "BR-SEL-06" not in _found(story.look("b").finish("b").wait(11).look("b"))


@pytest.mark.parametrize("late", [False, True])
def test_a_read_that_was_out_of_date_by_the_target_s_own_clock_lags(late: bool) -> None:
    """No answer before it shows the new attempt; those after it do, with a time at which it should have shown it."""
    story = Shelf().send("b", "F").send("ctl", "FS").finish("b").finish("ctl").look("ctl").look("b")
    _frozen(story.retry("b", takes=()), "b.0", "batch_list").wait(5)
    if not late:
        story.attempt("b.0")
        story.move("b.0", "failure")
    story.wait(6).list("b")
    story.changes.pop()
    if late:
        story.attempt("b.0")
        story.move("b.0", "failure")
    assert ("BR-SEL-05" in _found(story.look("b").wait(11).look("b").look("ctl"))) is late


@pytest.mark.parametrize("fields", [("numAttempts",), ("numAttempts", "messageAttempts", "attempts")])
@pytest.mark.parametrize("retried", [True, False])
def test_a_count_of_0_that_had_not_risen_yet_counts_nothing(fields: tuple[str, ...], retried: bool) -> None:
    """A message that has ended has had an attempt, as the control shows by the same field."""
    story = Shelf(fields=fields).hide("updatedAt").send("b", "F").send("ctl", "FS").finish("b").finish("ctl")
    story.show("numAttempts", 0, message="b.0", view="batch_list").look("b")
    story.changes.pop()
    story.look("ctl")
    if retried:
        story.retry("b").look("b").finish("b")
    assert _found(story.look("b").wait(11).look("b").look("ctl")) == set()


@pytest.mark.parametrize("twice", [True, False])
def test_a_count_of_retries_only_is_0_before_the_first(twice: bool) -> None:
    story = Shelf(fields=("numAttempts",)).change(lambda shown: shown.update(numAttempts=shown["numAttempts"] - 1)
                                                  if "numAttempts" in shown else None)  # fmt: skip
    story.send("b", "FF").finish("b").look("b").look("b")
    story.retry("b", takes=("b.0", "b.0", "b.1") if twice else None).finish("b")
    assert ("BR-SEL-05" in _found(story.look("b").wait(11).look("b"))) is twice


@pytest.mark.parametrize(("shown", "agrees"), [("00.000", True), ("00.123000", True), ("00.125000", False)])
def test_a_view_may_write_noughts_for_digits_that_it_drops(shown: str, agrees: bool) -> None:
    """Ruling 19."""
    story = Shelf().show("createdAt", "2026-01-01T08:00:00.123456+08:00")
    story.show("createdAt", f"2026-01-01T08:00:{shown}+08:00", view="campaign_list")
    story.send("b", "FS").finish("b").views("b").retry("b").finish("b").wait(11).views("b")
    assert ("BR-IDS-04" in _found(story)) is not agrees


@pytest.mark.parametrize("moment", ["settled", "unseen", "gained"])
def test_a_message_in_progress_is_not_waited_for(moment: str) -> None:
    """An accepted retry next to a message in progress has settled when what had failed shows its new attempt."""
    story = Story().send("b", "FF").send("ctl", "FS").finish("b").finish("ctl").look("ctl").look("b")
    story.single("b.0").move("b.0", "sending").look("b").retry("b", takes=("b.1",))
    story.finish("b").read("b.0")
    if moment != "unseen":
        story.look("b")
    if moment == "gained":
        story.attempt("ctl.0")
        story.finish("ctl")
    # A read after the settling time shows the first message once more, but not the control batch.
    story.look("ctl").wait(11).list("b")
    assert ("BR-SEL-07" in story.exercised()) is (moment == "settled")
    assert ("BR-SEL-07" in _found(story)) is (moment == "gained")


@pytest.mark.parametrize("seconds", [2, 11])
@pytest.mark.parametrize(("by", "after"), [("single", PROCESSING), ("single", ENQUEUED), ("batch", PROCESSING)])
def test_a_batch_that_a_single_retry_leaves_unretryable_is_in_doubt(by: str, after: str, seconds: int) -> None:
    """No page says what a single retry does to the status: no finding, as after a batch retry; but, in time, no pass either."""
    story = Story().send("b", "FF").finish("b").look("b").wait(9)
    story = story.single("b.0") if by == "single" else story.retry("b")
    story.batches["b"] = PROCESSING
    story.finish("b").look("b").wait(seconds)
    story.batches["b"] = after
    story.look("b")
    open_ = after == PROCESSING and by == "single" and seconds > 10
    doubts = {("BR-ACC-06", "left-unretryable")} if open_ else set()
    assert {d for d in story.doubts() if d[1] == "left-unretryable"} == doubts
    assert _found(story) == ({"BR-ACC-06"} if by == "batch" and seconds > 10 else set())


@pytest.mark.parametrize(("read", "refused"), [(True, False), (False, False), (True, True)])
def test_a_status_that_goes_back_by_itself_was_there(read: bool, refused: bool) -> None:
    """A blocked retry puts the batch in its status; a worker sets it back when the message is created no longer."""
    story = Story().send("b", "FF").finish("b").look("b").single("b.0").read("b.0").blocked("b")
    if read:
        story.read("b.0")
    story.batches["b"] = ENQUEUED
    story.finish("b").look("b").wait(11).look("b")
    story = story.retry("b", 400, NOT_RETRYABLE_CODE) if refused else story.retry("b")
    story.look("b").finish("b").look("b")
    assert ("BR-ACC-03" in story.exercised()) is (read and not refused)
    assert (_found(story) & {"BR-ACC-02", "BR-ACC-03"} != set()) is refused


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize("blocks", [True, False])
def test_an_updated_at_that_stands_still_spoils_no_count(counted: bool, blocks: bool) -> None:
    """No page says when updatedAt changes; what counts attempts tells them apart."""
    story = Shelf(fields=("numAttempts", "attempts") if counted else ()).send("b", "FF").finish("b").look("b")
    story.change(lambda data: data.update(updatedAt=data["createdAt"]))
    story.look("b").single("b.0").read("b.0")
    story = story.blocked("b") if blocks else story.retry("b", takes=("b.1",))
    story.read("b.0").move("b.0", "sending").read("b.0").finish("b").look("b")
    assert any(name.startswith("BR-BLK-01") for name in story.exercised()) is (blocks and counted)
    assert ("BR-BLK-01" in _found(story)) is (counted and not blocks)


@pytest.mark.parametrize("shown", ["all", "newest", "newest, by one id", "all, by one id"])
def test_an_attempt_may_have_been_written_over(shown: str) -> None:
    """A list of the newest attempt alone is allowed; by an id of its own it loses none, by an old one perhaps."""

    def change(data: dict[str, Any]) -> None:
        listed = data.get("messageAttempts", [])
        for attempt in listed if "one id" in shown else ():
            attempt["id"] = "attempt_1"
        if listed and "newest" in shown:
            data["messageAttempts"] = listed[:1]

    fields = ("numAttempts", "messageAttempts")
    story = Shelf(fields=fields).send("b", "FF").finish("b").change(change).look("b")
    for _ in range(2):
        story.retry("b").list("b").finish("b").look("b").wait(11).look("b")
    assert (("BR-SEL-05", "attempt-begun-anew") in story.doubts()) is (shown == "newest, by one id")
    assert _found(story) == set()


@pytest.mark.parametrize(("refused", "after"), [(True, PROCESSING), (True, ENQUEUED), (False, PROCESSING)])
def test_a_batch_that_stays_unretryable_after_a_refused_retry_is_in_doubt(refused: bool, after: str) -> None:
    """The retry that comes too early may have no effect; without it the same is a finding."""
    story = Story().send("b", "FF").finish("b").look("b").retry("b")
    story.batches["b"] = PROCESSING
    if refused:
        story.retry("b", 400, NOT_RETRYABLE_CODE)
    story.finish("b").look("b").wait(11)
    story.batches["b"] = after
    story.look("b")
    assert (("BR-ACC-06", "left-unretryable") in story.doubts()) is (refused and after == PROCESSING)
    assert _found(story) == (set() if refused else {"BR-ACC-06"})


@pytest.mark.parametrize("delivered", [True, False])
def test_the_status_of_an_older_attempt_is_no_failure(delivered: bool) -> None:
    """A retry has delivered the message, and latestStatus stays failure: that it cannot be retried again is right."""
    story = Shelf().send("b", "F").finish("b").look("b").retry("b").look("b")
    story.move("b.0", "success" if delivered else "failure").show("latestStatus", "failure")
    story.look("b").wait(11).look("b").retry("b", 400, "no_failed_batch_messages_to_retry")
    assert ("BR-SEL-03" in _found(story)) is delivered
    assert ("BR-ACC-02" in _found(story)) is not delivered
