"""Where proofs end: instants at which one exchange ends and another begins, what a proof rests on, and whom it names."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from conformance.findings import Finding
from conformance.judges.inference.axioms import breaches
from conformance.judges.inference.circumstances import nearest
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.proof import assume
from tests.shelf import Shelf
from tests.story import Story
from tests.test_judge_innocents import FAILED, NOT_RETRYABLE, UNRESOLVED, ready, together

NOT_FOUND = {"error": {"code": "c", "message": "m", "type": "domain_error", "id": "t"}}


def quiet(rows: str = "FFF", **options: Any) -> Shelf:
    return Shelf(**options).send("b", rows).send("ctl", "FS").finish("b").finish("ctl").look("b").look("ctl")


def findings_of(story: Story, requirement: str) -> list[Finding]:
    """The findings that name this requirement first."""
    return [o for o in story.opinions() if isinstance(o, Finding) and o.any_of[0] == requirement]


def named(story: Story, requirement: str) -> set[tuple[str, ...]]:
    """The requirements of every finding that names this one."""
    return {names for names in story.named() if requirement in names}


def _timed(story: Story, index: int, begin: float, end: float) -> None:
    """Let an exchange have begun and ended at these instants."""
    told = story.exchanges[index]
    story.exchanges[index] = msgspec.structs.replace(
        told, invoke=msgspec.structs.replace(told.invoke, t=begin), end=msgspec.structs.replace(told.end, last=end)
    )


# -- one instant ---------------------------------------------------------------------------------------------------
# What is asked for at the instant at which an answer is whole is asked for after it; an answer is made before it is whole.


def test_copies_that_are_read_at_the_instant_of_the_answer_were_made_by_the_retry() -> None:
    story = quiet("FF").campaign()
    story.gap = 0.0
    story.retry("b")
    story.messages["copy"] = {**story.messages["b.0"], "batch": "new"}
    story.members["new"] = ["copy"]
    story.batches["new"] = "messages_enqueued"
    story.campaign()
    assert "BR-IDS-02" in story.list("b").findings()


def test_a_batch_that_is_shown_at_the_instant_of_the_answer_was_not_lost_by_the_retry() -> None:
    story = quiet("F")
    story.gap = 0.0
    story.retry("b").read("b.0")
    for _ in range(2):
        story.answer("batch_list", 404, NOT_FOUND, batch="b")
    assert "BR-IDS-02" not in story.wait(1).look("ctl").findings()


def test_a_batch_whose_message_is_read_at_the_instant_of_the_404_was_lost_by_the_retry() -> None:
    """The message is there when the batch is not found, so that the data are kept; a read during the 404 would say nothing."""
    story = quiet("F")
    story.gap = 0.0
    story.retry("b").read("b.0").answer("batch_list", 404, NOT_FOUND, batch="b").read("b.0")
    story.answer("batch_list", 404, NOT_FOUND, batch="b")
    assert "BR-IDS-02" in story.wait(1).look("ctl").findings()


def test_a_listing_that_ended_when_the_walk_began_stands_next_to_it() -> None:
    """It shows every message in one page: what the walk misses, its pages lose, and not the retry."""
    story = quiet("FFFF").retry("b").finish("b").wait(11)
    story.gap = 0.0
    story.list("b").walk("b", 2, pages=[["b.0", "b.1"], ["b.3"]])
    assert named(story, "BR-IDS-05") == {("BR-IDS-05",)}


def test_a_retry_that_leaves_when_the_walk_ends_is_not_its_cause() -> None:
    story = quiet("FFFF").wait(1)
    story.gap = 0.0
    story.walk("b", 2, pages=[["b.0", "b.1"], ["b.3"]]).retry("b")
    assert named(story, "BR-IDS-05") == {("BR-IDS-05",)}


def test_a_probe_that_was_answered_when_the_views_were_read_does_not_make_them_differ() -> None:
    story = Shelf().send("b", "FF").finish("b").show("language", "tamil", view="campaign_list")
    story.gap = 0.0
    story.retry("b", 401, "x", cause="auth:none").campaign().campaign()
    assert named(story.list("b"), "BR-IDS-04") == {("BR-IDS-04",)}


def test_a_target_may_lose_its_data_while_a_read_is_in_flight() -> None:
    """The read that shows another batch begins with the first answer that shows nothing; all that follow show nothing."""
    story = quiet("FF").retry("b").finish("b").look("b")
    story.answer("batch_list", 200, {"data": [], "pageData": {"hasNextPage": False}}, batch="b").read("ctl.0")
    first = story.exchanges[-2]
    _timed(story, -1, first.t, first.last)
    for batch in ("b", "ctl"):
        story.answer("batch_list", 200, {"data": [], "pageData": {"hasNextPage": False}}, batch=batch)
    assert "data-lost" in story.observed()
    assert "BR-IDS-01" not in story.findings()


@pytest.mark.parametrize("late", [0.0, 0.25])
def test_a_retry_may_take_effect_until_its_settling_time_is_over(late: float) -> None:
    story = Story().send("b", "F").finish("b").retry("b", takes=()).read("b.0").read("b.0")
    _timed(story, -3, 0.5, 1.0)
    _timed(story, -2, 11.0 + late, 11.5)
    _timed(story, -1, 12.0, 12.5)
    case = Inference(story.history()).case
    a, b = case.readings("b.0")
    assert len(nearest(case, case.calls, a, b)) == (0 if late else 1)


@pytest.mark.parametrize("late", [0.0, 0.25])
def test_a_success_that_is_read_when_the_settling_time_is_over_was_not_surely_one_before(late: float) -> None:
    """The first retry may take effect until then, so that the second one may have found the message failed."""
    story = Story(fields=()).send("b", "F").finish("b").list("b").retry("b")
    _timed(story, -1, 0.5, 1.0)
    story.move("b.0", "success").now = 11.0 + late
    story.list("b").retry("b", takes=("b.0",)).list("b")
    assert bool(named(story, "BR-SEL-02")) is bool(late)


def test_a_call_that_was_answered_when_a_read_began_does_not_lie_behind_it() -> None:
    story = Story().send("b", "F").finish("b").retry("b", takes=()).read("b.0").retry("b").read("b.0")
    _timed(story, -3, story.exchanges[-4].last, story.exchanges[-4].last + 0.01)
    case = Inference(story.history()).case
    a, b = case.readings("b.0")
    assert [c.n for c in nearest(case, case.calls, a, b)] == [story.exchanges[-2].n]


@pytest.mark.parametrize("late", [0.0, 0.25])
def test_reads_may_lag_as_far_as_is_configured(late: float) -> None:
    """A7: by at most ``read_lag``."""
    story = Shelf(lag=1.0).send("b", "F").finish("b").list("b").answer("message_read", 404, NOT_FOUND, message="b.0")
    _timed(story, -2, 0.5, 1.0)
    _timed(story, -1, 2.0 + late, 2.5)
    story.wait(5)
    broken = breaches(Inference(story.read("b.0").history()).case).of(assume("A7", "message_read")[0])
    assert (broken is not None) is bool(late)


# -- what a proof rests on -----------------------------------------------------------------------------------------


def test_that_a_message_in_progress_gets_no_attempt_rests_on_no_outcome_of_it() -> None:
    """Its count stands still (A4); terminal it never was."""
    story = Story().send("b", "FP").move("b.0", "failure").move("b.1", "sent").look("b").retry("b", takes=())
    found = findings_of(story.wait(11).look("b"), "BR-ACC-05")
    assert found
    assert not [a for f in found for a in f.assumptions if a.source == "b.1" and a.axiom.startswith("A2")]


def test_attempts_of_another_message_by_their_own_word_rest_on_no_axiom() -> None:
    """Whenever each attempt of the list was read, it belongs to another message."""
    story = quiet("FF")
    story.messages["b.0"]["attempts"].insert(0, dict(story.messages["b.1"]["attempts"][0]))
    found = [f for f in findings_of(story.list("b"), "BR-IDS-07") if "under another" in f.summary]
    assert found
    assert not [f for f in found if f.assumptions]
    assert found[0].subject == "a view does not keep up: batch_list lists attempts of another message"


@pytest.mark.parametrize("caught_up", [False, True])
def test_two_outcomes_of_one_attempt_leave_open_which_was_corrected(caught_up: bool) -> None:
    """Reads lag: the failure may come before the success (ruling 18) or after it, until its own view shows the success."""
    story = Story().send("b", "F").finish("b").look("b").retry("b").look("b")
    story.move("b.0", "failure").list("b").move("b.0", "success").read("b.0")
    story.list("b") if caught_up else story
    broken = breaches(Inference(story.history()).case)
    assert broken.of(assume("A2a", "b.0")[0])
    assert (broken.of(assume("A2b", "b.0")[0]) is None) is caught_up


def test_a_list_that_is_empty_once_does_not_count_backwards() -> None:
    """A passing gap (ruling 33), whatever other views show meanwhile: its count has not fallen (A4)."""
    story = Shelf(fields=("messageAttempts", "attempts")).send("b", "F").finish("b").list("b").read("b.0")
    story.show("messageAttempts", []).list("b")
    story.changes.clear()
    case = Inference(story.list("b").history()).case
    assert breaches(case).of(assume("A4", "batch_list.messageAttempts")[0]) is None


def test_two_surplus_attempts_next_to_one_that_is_due() -> None:
    """The message is read first when its retry is answered, so that one attempt may come; two come, and no call between."""
    story = Story().send("b", "F").finish("b").retry("b", takes=()).list("b")
    story.attempt("b.0")
    story.move("b.0", "failure").attempt("b.0")
    found = findings_of(story.finish("b").list("b"), "BR-SEL-05")
    assert found
    assert assume("A6", "b")[0] in found[0].assumptions
    one = Story().send("b", "F").finish("b").retry("b", takes=()).list("b")
    one.attempt("b.0")
    assert one.finish("b").list("b").findings() == set()


# -- the status of the batch ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("late", [1.5, 9.0])
def test_a_status_is_late_beyond_twice_the_lag_that_was_seen(late: float) -> None:
    """Seen to follow a refusal after two seconds; in another batch it does not follow at all (ruling 23)."""
    story = Story().send("a", "FF").send("b", "FF").finish("a").finish("b").look("a").look("b")
    story.single("a.0").look("a").retry("a", 400, UNRESOLVED).wait(1.5).read("a.0")
    story.batches["a"] = FAILED
    story.wait(0.5).read("a.0")
    story.single("b.0").look("b").retry("b", 400, UNRESOLVED).wait(late).read("b.0")
    assert ("BR-BLK-02" in story.findings()) is (late > 4)


def test_a_batch_that_is_processed_is_not_quiescent() -> None:
    """A race of its retries does not count (BR-CON-01), and says so."""
    story = Story().send("b", "F").finish("b")
    story.batches["b"] = "messages_processing"
    story.look("b").retry("b", 400, NOT_RETRYABLE).retry("b", 400, NOT_RETRYABLE)
    assert ("BR-CON-01", "not-quiescent") in together(story).look("b").doubts()


# -- what explains ---------------------------------------------------------------------------------------------------


def test_a_retry_of_another_batch_is_a_suspect_next_to_a_control_that_stands_still() -> None:
    """The control excludes only that attempts come by themselves (ruling 26)."""
    story = ready().send("c", "F").finish("c").look("c").look("ctl")
    story.retry("c").retry("b", 429, "too_many_requests", takes=("b.1",)).look("b").look("ctl")
    assert [names for names in named(story, "BR-ERR-06") if "BR-SEL-07" in names]
    alone = ready().retry("b", 429, "too_many_requests", takes=("b.1",)).look("b").look("ctl")
    assert not [names for names in named(alone, "BR-ERR-06") if "BR-SEL-07" in names]


def test_a_failure_that_one_view_showed_before_another_showed_the_attempt_underway() -> None:
    """The second view lags: the message had failed when the retry was accepted, as it has to be (BR-SEL-06)."""
    story = Shelf().send("b", "F").finish("b").look("b").retry("b").finish("b").list("b")
    story.show("latestStatus", "sent", view="message_read").read("b.0").retry("b", takes=()).read("b.0")
    assert "BR-SEL-06" not in story.findings()


def test_a_view_that_lags_behind_itself_alone_loses_no_pages() -> None:
    """No other view had shown the messages; what the view makes good later is its lag (ruling 29)."""
    story = Shelf().send("b", "FFF").finish("b").list("b").wait(11).walk("b", 2, pages=[["b.0", "b.1"], []]).list("b")
    assert named(story, "BR-IDS-05") == set()


def test_a_read_at_the_instant_of_the_last_answer_shows_that_data_are_kept() -> None:
    """It begins when the first answer that shows nothing is whole: the target has not lost its data, but the batch's rows."""
    story = quiet("FF").retry("b").finish("b").look("b")
    story.gap = 0.0
    nothing = {"data": [], "pageData": {"hasNextPage": False}}
    story.answer("batch_list", 200, nothing, batch="b").read("ctl.0").answer("batch_list", 200, nothing, batch="b")
    assert "BR-IDS-01" in story.findings()


def test_a_message_of_another_client_may_be_retried_by_it() -> None:
    """The campaign's listing shows it in progress a settling time after a single read showed it failed."""

    def told(*, ours: bool) -> Shelf:
        story = Shelf().hide("updatedAt").send("b", "F")
        if not ours:
            story.exchanges.clear()
        story.finish("b").read("b.0").campaign().wait(11).attempt("b.0")
        return story.campaign()

    assert "BR-IDS-07" not in told(ours=False).findings()
    assert "BR-IDS-07" in told(ours=True).findings()


@pytest.mark.parametrize("lags", [False, True])
def test_a_row_under_another_id_in_a_view_that_may_lag(lags: bool) -> None:
    """The listing has to show the row for longer than the view may lag."""
    story = Shelf().send("b", "F").finish("b").read("b.0").wait(1).campaign(without=("b.0",) if lags else ()).campaign()
    story.list("b").wait(0.5).show("id", "b.77", message="b.0", view="campaign_list").campaign().list("b")
    assert ("BR-IDS-04" in story.findings()) is not lags


def test_a_page_that_is_read_again_is_no_whole_listing() -> None:
    story = quiet("FFFF").retry("b").finish("b").wait(11).walk("b", 2)
    second = story.exchanges[-1]
    story.list("b")._exchange("batch_list", 200, second.end.body, batch="b")
    last = story.exchanges[-1]
    invoke = msgspec.structs.replace(last.invoke, query=second.invoke.query)
    story.exchanges[-1] = msgspec.structs.replace(last, invoke=invoke)
    assert story.findings() == set()


def test_three_5xx_of_a_target_that_shows_no_attempts() -> None:
    """Status and updatedAt stand still: nothing was gained by them (BR-ERR-08)."""
    story = Story(fields=()).send("b", "F").finish("b").look("b")
    for _ in range(3):
        story.retry("b", 500).look("b")
    assert "BR-ERR-08" in {name for names in story.wait(11).look("b").named() for name in names}


def test_a_control_that_shows_no_attempts_and_another_updatedat_did_not_surely_stand_still() -> None:
    """It may have failed once more in an attempt that no client saw."""

    def told(*, moved: bool) -> Story:
        story = Story(fields=()).send("b", "F").send("ctl", "F").finish("b").finish("ctl").look("b").look("ctl")
        if moved:
            story.move("ctl.0", "failure")
        return story.retry("b").look("b").finish("b").wait(11).look("b").look("ctl")

    assert "BR-SEL-07" in told(moved=False).exercised()
    assert "BR-SEL-07" not in told(moved=True).exercised()


def test_a_success_that_shows_no_attempts_and_another_updatedat_was_not_surely_left_alone() -> None:
    def told(*, moved: bool) -> Story:
        story = Story(fields=()).send("b", "FS").finish("b").look("b").retry("b")
        if moved:
            story.move("b.1", "success")
        return story.look("b").finish("b").wait(11).look("b")

    assert "BR-SEL-02" in told(moved=False).exercised()
    assert "BR-SEL-02" not in told(moved=True).exercised()


def test_a_message_that_got_an_attempt_of_its_own_shows_no_second_limit() -> None:
    """Refused after two retries and an attempt that none explains: the limit may be three, as it is for another message."""
    story = Story(fields=()).send("a", "F").send("b", "F").finish("a").finish("b").look("a").look("b")
    for batch, rounds in (("a", 3), ("b", 2)):
        if batch == "b":
            story.attempt("b.0")
            story.look("b").finish("b").look("b")
        for _ in range(rounds):
            story.retry(batch).look(batch).finish(batch).look(batch)
        story.wait(11).look(batch).retry(batch, 400, "no_failed_batch_messages_to_retry").look(batch)
    assert "BR-SEL-04" not in story.findings()


@pytest.mark.parametrize("still", [True, False])
def test_an_exhausted_message_that_shows_its_status_alone(still: bool) -> None:
    """It is left alone if it is failed still; a failure that is corrected meanwhile (ruling 18) shows nothing."""
    story = Shelf(fields=()).hide("updatedAt").send("b", "FF").finish("b").look("b")
    for _ in range(3):
        story.single("b.0").look("b").move("b.0", "failure").look("b")
    story.wait(11).look("b").retry("b", takes=("b.1",))
    if not still:
        story.move("b.0", "success")
    assert ("BR-SEL-09" in story.look("b").move("b.1", "failure").look("b").exercised()) is still


def test_a_refused_single_retry_of_a_success_that_shows_its_status_alone() -> None:
    story = Shelf(fields=()).hide("updatedAt").send("b", "FS").finish("b").look("b")
    story.single("b.1", 400, "message_not_found_or_retry_message_not_in_failure_status").look("b")
    assert "BR-SGL-01 success" in story.exercised()


def test_a_field_that_one_answer_leaves_out_is_not_compared() -> None:
    """numAttempts may be missing (ruling 6), also from the listing that lacks a row."""
    story = Shelf().send("b", "FF").finish("b").list("b").hide("numAttempts").list("b", only=1)
    story.changes.clear()
    assert list(Inference(story.wait(1).list("b").history()).case.lags.shown) == ["batch_list"]


def test_three_404_without_a_body_are_described() -> None:
    """Either envelope passes on 404, or none (ruling 8); three alike are the target's own (ruling 22)."""
    story = ready()
    for _ in range(3):
        story.retry("b", 404).look("b")
    assert "BR-SCH-01 refused" in story.wait(11).look("b").exercised()
    assert not [value for value in story.observed().values() if value == "batch_retry 404"]


def test_a_message_that_two_single_retries_reset_blocks_by_the_second() -> None:
    """Nothing but the second one's answer shows it created before the batch's retry, and a listing one attempt more after it."""
    story = (
        Shelf(fields=("numAttempts",)).hide("updatedAt").send("b", "FFF").finish("b").list("b").single("b.1").list("b")
    )
    story.finish("b").wait(11).list("b").single("b.0").single("b.1").retry("b", takes=("b.2",)).list("b")
    assert [f.subject for f in findings_of(story, "BR-BLK-01")] == [
        "2xx next to a created message: elsewhere, next to another, 201"
    ]


def test_a_view_that_was_first_read_after_the_retry_disputes_no_attempt() -> None:
    """What it showed before is not known: it may have grown as much."""
    story = Story().send("b", "F").finish("b").list("b").retry("b").move("b.0", "failure")
    story.attempt("b.0")
    found = named(story.read("b.0").list("b").read("b.0"), "BR-SEL-05")
    assert found
    assert not [names for names in found if "BR-IDS-07" in names]


def test_a_list_that_is_empty_once_lags_behind_nothing() -> None:
    """A passing gap (ruling 33), whatever other views show between."""
    story = Story(fields=("messageAttempts",)).send("b", "F").finish("b").list("b").retry("b").finish("b")
    story.list("b").read("b.0").list("b")
    story.exchanges[-1].end.body["data"][0]["messageAttempts"] = []
    assert not Inference(story.list("b").history()).case.lags.shown


def test_an_attempt_in_another_status_than_the_message_is_no_pass() -> None:
    """The list may lack a newer one, so that it is no violation either."""

    def newest(shown: dict[str, Any]) -> None:
        shown["messageAttempts"] = shown["messageAttempts"][:1]

    story = Shelf(fields=("numAttempts", "messageAttempts")).change(newest, view="batch_list")
    story.send("b", "F").finish("b").read("b.0")
    story.retry("b").read("b.0").finish("b").wait(11).list("b").retry("b").show("latestStatus", "failure").list("b")
    story.changes.clear()
    assert "BR-SEL-03" not in story.findings()
    assert "BR-SEL-03" not in story.exercised()


def test_an_id_twice_in_a_page_while_rows_are_still_to_come() -> None:
    """A page is not one instant (A3): what one listing shows once, others may have shown twice while rows were added."""
    story = Shelf().send("b", "FFF").finish("b").read("b.0")
    for _ in range(2):
        story.walk("b", pages=[["b.0", "b.0"]])
    assert "BR-IDS-05" in story.findings()
    assert "BR-IDS-05" not in story.walk("b", pages=[["b.0", "b.1"]]).findings()
