"""Views that lag or do not keep up (ruling 29), copies of a batch, lost data, and ids that are marks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from conformance.findings import Finding
from conformance.history.records import Operation
from conformance.judges.inference.case import Case
from tests.shelf import Shelf

NOT_FOUND = {"error": {"code": "c", "message": "m", "type": "domain_error", "id": "t"}}
VIEWS = ("listing", "campaign", "message")


def _quiet(rows: str = "FFS", **options: Any) -> Shelf:
    return Shelf(**options).send("b", rows).look("b").finish("b").views("b")


def _ids(story: Shelf) -> set[str]:
    return {r for r in story.findings() if r.startswith("BR-IDS")}


def _agreed(story: Shelf) -> set[str]:
    return {e.removeprefix("BR-IDS-07 ") for e in story.exercised() if e.startswith("BR-IDS-07")}


def _stale(story: Shelf, view: Operation) -> Shelf:
    """From now on the view shows b.0 as it was right after its retry."""
    return story.show("latestStatus", "created", message="b.0", view=view)


# -- BR-IDS-07 ----------------------------------------------------------------------------------------------------


def test_views_that_agree_after_a_retry() -> None:
    assert _agreed(_quiet()) == set()
    assert _agreed(_quiet().retry("b").look("b").finish("b").views("b")) == set(VIEWS)


@pytest.mark.parametrize("left_out", VIEWS)
def test_two_views_are_not_three(left_out: str) -> None:
    story = _quiet().retry("b").finish("b")
    reads: dict[str, Callable[[], Shelf]] = {
        "listing": lambda: story.list("b"),
        "campaign": story.campaign,
        "message": lambda: story.read("b.0"),
    }
    for view, read in reads.items():
        if view != left_out:
            read()
    assert _agreed(story) == set()
    reads[left_out]()
    assert _agreed(story.campaign()) == set(VIEWS)


@pytest.mark.parametrize("view", ["batch_list", "campaign_list", "message_read"])
def test_a_view_that_has_not_caught_up_within_the_settling_time(view: Operation) -> None:
    story = _stale(_quiet().retry("b").finish("b"), view).views("b")
    assert _ids(story) == set()
    assert ("BR-IDS-07", "view-may-lag") in story.doubts()
    assert _ids(story.wait(11).views("b")) == {"BR-IDS-07"}


@pytest.mark.parametrize("view", ["batch_list", "campaign_list", "message_read"])
def test_lag_that_is_made_good_in_time_breaks_nothing(view: Operation) -> None:
    story = _stale(_quiet().retry("b").finish("b"), view).views("b").wait(5)
    story.changes.clear()
    story.views("b").wait(11).views("b")
    assert _ids(story) == set()
    assert _agreed(story) == set(VIEWS)


def test_a_count_that_stands_still_in_one_view() -> None:
    story = _quiet(fields=("numAttempts", "attempts"))
    story.show("numAttempts", 1, view="batch_list").retry("b").finish("b").views("b").wait(11).views("b")
    assert _ids(story) == {"BR-IDS-07"}
    even = _quiet(fields=("numAttempts", "attempts")).retry("b").finish("b").views("b").wait(11).views("b")
    assert _ids(even) == set()


@pytest.mark.parametrize("outgrown", [True, False])
def test_a_number_that_its_own_list_outgrows_is_told_from_one_beside_a_list_that_stands_still_too(
    outgrown: bool,
) -> None:
    story = _quiet().show("numAttempts", 1, message="b.0", view="batch_list")
    if not outgrown:
        shown = [dict(a) for a in story.messages["b.0"]["attempts"]]
        story.show("messageAttempts", shown, message="b.0", view="batch_list")
    story.retry("b").finish("b").views("b").wait(11).views("b")
    subjects = {o.subject for o in story.opinions() if isinstance(o, Finding) and "BR-IDS-07" in o.any_of}
    told = {s.partition(", ")[2] for s in subjects if "numAttempts" in s}
    assert told == {"at the first attempt, and behind its own list" if outgrown else "at the first attempt"}, subjects


@pytest.mark.parametrize("underway", [True, False], ids=["its status goes back", "it is read at rest only"])
def test_a_count_that_stands_still_and_is_not_read_again_is_in_doubt(underway: bool) -> None:
    """No pass beside a number that another view has outgrown, although it may yet be made good."""
    story = Shelf(fields=("numAttempts", "attempts")).show("numAttempts", 1, view="campaign_list")
    story.send("b", "FFS").look("b").finish("b").views("b").retry("b")
    if underway:
        story.views("b")
    story.finish("b").views("b").wait(5).views("b")
    assert _ids(story) == set()
    assert ("BR-IDS-07", "view-may-lag") in story.doubts()
    assert _ids(story.wait(11).views("b")) == {"BR-IDS-07"}


@pytest.mark.parametrize("underway", [True, False])
def test_a_count_that_is_made_good_is_in_no_doubt(underway: bool) -> None:
    story = Shelf(fields=("numAttempts", "attempts")).show("numAttempts", 1, view="campaign_list")
    story.send("b", "FF").look("b").finish("b").views("b").retry("b")
    if underway:
        story.views("b")
    story.finish("b").views("b").wait(5)
    story.changes.clear()
    story.show("numAttempts", 2, view="campaign_list").views("b")
    assert _ids(story) == set()
    assert ("BR-IDS-07", "view-may-lag") not in story.doubts()


def _frozen(story: Shelf) -> Shelf:
    """From now on the single read shows b.0 as it is now."""
    known = story.messages["b.0"]
    now = {"attempts": [dict(a) for a in reversed(known["attempts"])], "updatedAt": known["updated"]}
    return story.change(lambda shown: shown.update(now), message="b.0", view="message_read")


def test_a_view_that_stands_still_is_behind_and_the_others_do_not_lag() -> None:
    """The states that come and go are those of two views: the one with fewer attempts is the older."""
    story = _quiet("FF").retry("b").finish("b").views("b")
    story = _frozen(story).retry("b").finish("b").views("b").views("b").wait(11).views("b")
    assert _ids(story) == {"BR-IDS-07"}
    assert "read-lag" not in story.observed()


def test_a_view_that_moves_on_in_the_end_has_lagged() -> None:
    story = _quiet("FF").retry("b").finish("b").views("b")
    _frozen(story).retry("b").finish("b").views("b").views("b")
    story.changes.clear()
    story.views("b").wait(11).views("b")
    assert story.findings() == set()
    assert "message_read" in str(story.observed()["read-lag"])


def test_where_nothing_counts_the_effect_may_be_to_come() -> None:
    """Ruling 16: no view shows that the retry had reset the message before, so that the view need not be behind."""
    story = _stale(_quiet(fields=()).retry("b").finish("b").views("b").wait(11), "message_read").read("b.0")
    assert not [o for o in story.opinions() if isinstance(o, Finding) and "BR-IDS-07" in o.any_of]


@pytest.mark.parametrize("lagged", [False, True], ids=["read once before", "read in an older state before the retry"])
def test_an_older_state_before_the_retry_is_no_effect_of_it(lagged: bool) -> None:
    """The single read shows it failed right after the 201, and the listing in progress a settling time later: it was reset late."""
    story = Shelf(fields=()).hide("updatedAt").send("b", "F").look("b").finish("b").look("b")
    if lagged:
        story.show("latestStatus", "sent", message="b.0", view="message_read").read("b.0")
        story.changes.pop()
    story.list("b").retry("b", takes=()).read("b.0").wait(9).move("b.0", "sending").wait(2).list("b")
    assert not [o for o in story.opinions() if isinstance(o, Finding) and "BR-IDS-07" in o.any_of]


@pytest.mark.parametrize("lag", [None, 1.0])
def test_an_older_state_after_the_retry_is_no_effect_of_it_where_reads_may_lag_as_long(lag: float | None) -> None:
    """The same; but the older state is shown between the 201 and the reset, where a longer lag would say nothing."""
    story = (
        Shelf(fields=(), lag=lag)
        .hide("updatedAt")
        .send("b", "F")
        .look("b")
        .finish("b")
        .look("b")
        .list("b")
        .retry("b", takes=())
    )
    story.show("latestStatus", "sent", message="b.0", view="message_read").read("b.0")
    story.changes.pop()
    story.read("b.0").wait(9).move("b.0", "sending").wait(2).list("b")
    accused = [o for o in story.opinions() if isinstance(o, Finding) and "BR-IDS-07" in o.any_of]
    assert bool(accused) == (lag is None)


def _outcomes(wait: int) -> Shelf:
    """The single read shows b.0 as failed, with the updatedAt with which the other views show its success."""
    story = Shelf().hide("attempts", view="message_read").send("b", "FF").look("b").finish("b").views("b")
    story.retry("b").move("b.0", "success").finish("b").wait(wait).look("b")
    story.show("latestStatus", "failure", message="b.0", view="message_read")
    return story.list("b").look("b")


def test_a_view_that_keeps_a_failure_beside_the_success_that_came_of_it() -> None:
    story = _outcomes(11).wait(11).read("b.0").list("b")
    assert story.findings() == {"BR-IDS-07"}


def test_two_outcomes_with_one_updatedat_prove_nothing_of_the_message() -> None:
    """One of the views is wrong, and nobody knows which: a retry of what only one shows failed is not owed a 201."""
    story = _outcomes(0).retry("b", 400, "no_failed_batch_messages_to_retry", takes=())
    assert "BR-ACC-02" not in story.look("b").findings()


# -- BR-IDS-04 under lag ------------------------------------------------------------------------------------------


def test_a_campaign_listing_that_holds_it_later_only_lagged() -> None:
    """Case 05e."""
    story = _quiet().campaign(without=("b.1",)).list("b")
    assert _ids(story) == {"BR-IDS-04"}
    assert _ids(story.campaign()) == set()


def test_a_single_read_that_finds_it_later_only_lagged() -> None:
    """Case 05f."""
    story = _quiet().answer("message_read", 404, NOT_FOUND, message="b.0").list("b")
    assert _ids(story) == {"BR-IDS-04"}
    assert _ids(story.read("b.0")) == set()


def test_a_404_that_is_no_json_is_a_gateways() -> None:
    assert _ids(_quiet().answer("message_read", 404, message="b.0").list("b")) == set()


# -- BR-IDS-02: copies --------------------------------------------------------------------------------------------


def _copied(story: Shelf) -> Shelf:
    """A batch that no client sent holds copies of the rows of b."""
    story.send("copy", "FF")
    story.exchanges.pop()
    for i in range(2):
        story.messages[f"copy.{i}"] |= {k: story.messages[f"b.{i}"][k] for k in ("nonce", "text")}
    return story.finish("copy")


def test_copies_in_another_batch_after_a_retry() -> None:
    """Case 12b: the campaign's whole listing before the retry held none of them."""
    story = _copied(_quiet("FF").retry("b")).finish("b").list("b").campaign()
    assert "BR-IDS-02" in _ids(story)
    assert "BR-IDS-02" not in story.exercised()
    innocent = _quiet("FF").retry("b").finish("b").list("b").campaign()
    assert _ids(innocent) == set()
    assert "BR-IDS-02" in innocent.exercised()


def test_copies_that_may_have_been_there_before_pass_nothing() -> None:
    story = Shelf().send("b", "FF").look("b").finish("b").look("b").retry("b")
    story = _copied(story).finish("b").list("b").campaign()
    assert "BR-IDS-02" not in _ids(story)
    assert ("BR-IDS-02", "copies-of-rows") in story.doubts()


# -- a target that lost its data ----------------------------------------------------------------------------------


def _gone(story: Shelf, *batches: str) -> Shelf:
    for batch in batches * 2:
        story.answer("batch_list", 404, NOT_FOUND, batch=batch)
    return story


def test_a_vanished_control_explains_a_vanished_batch() -> None:
    def told(*gone: str) -> Shelf:
        story = Shelf().send("b", "FF").send("ctl", "F").look("b").finish("b").finish("ctl").look("ctl").views("b")
        return _gone(story.retry("b"), *gone)

    # A batch of that time that is shown still tells a batch that vanished from a target that lost its data.
    assert _ids(told("b").look("ctl")) == {"BR-IDS-02"}
    assert _ids(told("b")) == set()
    assert "data-lost" in told("b").observed()
    assert "data-lost" not in told("b").look("ctl").observed()
    story = told("b", "ctl")
    assert _ids(story) == set()
    assert "data-lost" in story.observed()


def test_a_batch_that_reads_found_after_the_retry_was_not_lost_by_it() -> None:
    assert _ids(_gone(_quiet().retry("b").look("b").finish("b").views("b"), "b")) == set()


# -- ids that stand as marks --------------------------------------------------------------------------------------


def _marked(marks: tuple[str, str]) -> Shelf:
    """A story in which two messages of a batch have these ids."""
    story = Shelf().send("b", "FF")
    for message, mark in zip(("b.0", "b.1"), marks, strict=True):
        story.show("id", mark, message=message)
    story.list("b").finish("b").list("b").walk("b", 1).retry("b")
    return story.finish("b").list("b").walk("b", 1).campaign()


@pytest.mark.parametrize(
    "marks",
    [
        ("[redacted:secret]", "[redacted:secret]"),
        ("message_[redacted:key]", "message_[redacted:key]"),
        ("[redacted:jwt:00000001]", "[redacted:jwt:00000002]"),
    ],
)
def test_marks_in_place_of_ids_accuse_nobody(marks: tuple[str, str]) -> None:
    """An old mark is no id at all; marks with a digest are ids like any other."""
    story = _marked(marks)
    assert _ids(story) == set()
    assert ("BR-IDS-05 forward" in story.exercised()) == (marks[0] != marks[1])


def _shown_lags(story: Shelf) -> dict[str, float]:
    return {view: shown.seconds for view, shown in Case(story.history()).lags.shown.items()}


def test_a_view_that_lags_for_a_moment_lends_no_lag_to_others() -> None:
    story = Shelf().send("b", "FF").look("b").finish("b").list("b")
    ended = story.exchanges[-1].end.body["data"][0]["updatedAt"]
    before = ended.replace("00:00:00.0", "00:00:00.00")
    story.show("latestStatus", "sent", message="b.0", view="message_read")
    story.show("updatedAt", before, message="b.0", view="message_read").read("b.0")
    story.changes.clear()
    assert set(_shown_lags(story.read("b.0").wait(8).campaign().wait(1).campaign())) == {"message_read"}


def test_a_view_that_shows_what_was_before_a_retry_lends_no_lag_to_others() -> None:
    story = _quiet("FF").read("b.0")
    before = story.exchanges[-1].end.body
    story.single("b.0").change(lambda shown: shown.update(before), message="b.0", view="message_read").read("b.0")
    story.changes.clear()
    assert set(_shown_lags(story.wait(0.5).campaign().read("b.0").finish("b").views("b"))) == {"message_read"}


@pytest.mark.parametrize("seconds", [11.0, 1.0])
def test_ids_04_a_batch_listing_that_never_holds_a_message(seconds: float) -> None:
    """Proved a settling time after the message was terminal; before that it may be on its way, and nothing is exercised."""
    story = Shelf().send("b", "FF").send("ctl", "F").finish("b").finish("ctl")
    for retried in (False, True):
        if retried:
            story.retry("b").finish("b")
        for _ in range(3):
            story.campaign().list("b", only=1).read("b.0").read("b.1").list("b", only=1).campaign().wait(seconds)
    assert (("BR-IDS-04", "BR-IDS-05") in story.named()) is (seconds > 10)
    assert not any(e.startswith("BR-IDS-04") for e in story.exercised())


@pytest.mark.parametrize("whole", [True, False])
def test_ids_04_a_listing_that_lacks_a_message_by_its_own_word_only(whole: bool) -> None:
    """A first page says that more follows."""
    story = Shelf().send("b", "FF").finish("b")
    for _ in range(3):
        story.campaign().walk("b", pages=[["b.0"]] if whole else [["b.0"], ["b.1"]])
        if not whole:
            story.exchanges.pop()
        story.read("b.0").read("b.1").campaign().wait(11)
    assert ("BR-IDS-04" in story.findings()) is whole


@pytest.mark.parametrize("lags", [False, True])
def test_ids_04_a_listing_that_lacks_a_message_within_its_lag(lags: bool) -> None:
    """It showed another message two seconds late, and so may this one come, though the settling time is over."""
    story = Shelf(settle=1.0).send("b", "FF").finish("b").read("b.1").read("b.0").wait(2)
    if lags:
        story.show("latestStatus", "sent", message="b.0", view="batch_list").list("b", only=1)
        story.changes.clear()
    story.list("b", only=1).list("b", only=1).wait(3).read("b.1")
    assert ("BR-IDS-04" in story.findings()) is not lags


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_view_that_counts_more_than_another_is_not_behind_it(attempts: int) -> None:
    """It shows a message in progress that another had shown failed: in a new attempt, which a retry answered 429 gave it."""
    story = (
        Shelf()
        .change(lambda data: data.pop("updatedAt", None))
        .send("b", "F")
        .finish("b")
        .look("b")
        .wait(30)
        .read("b.0")
    )
    story.retry("b", 429, takes=("b.0",) if attempts == 2 else ())
    if attempts == 1:
        story.show("latestStatus", "sent", view="batch_list")
    assert _ids(story.list("b")) == ({"BR-IDS-07"} if attempts == 1 else set())


@pytest.mark.parametrize("read_again", [True, False])
def test_an_attempt_in_progress_tells_of_a_number_that_does_not_follow(read_again: bool) -> None:
    """If its view shows it later as well: else it may have been taken back."""
    story = _quiet("F").show("numAttempts", 1, view="batch_list").retry("b").read("b.0").finish("b").wait(11).list("b")
    if read_again:
        story.read("b.0")
    assert _ids(story) == ({"BR-IDS-07"} if read_again else set())


@pytest.mark.parametrize("slow", [0.0, 2.0])
def test_what_several_clocks_stamp_shows_no_lag(slow: float) -> None:
    """A worker's clock is slow (ruling 27): a message that moves on shows an older updatedAt than when it was reset."""

    def change(data: dict[str, Any]) -> None:
        if data.get("latestStatus") != "created":
            data["updatedAt"] = (datetime.fromisoformat(data["updatedAt"]) - timedelta(seconds=slow)).isoformat()

    story = Shelf().change(change).send("b", "FF").views("b").finish("b").views("b")
    for _ in range(2):
        story.retry("b").views("b").move("b.0", "sending").move("b.1", "sending").views("b").finish("b").views("b")
    assert _shown_lags(story) == {}


def test_an_answer_to_a_single_retry_that_shows_the_old_outcome_spoils_nothing_else() -> None:
    """It lists the attempt that the retry gave, created, beside a latestStatus of failure: a matter of BR-SEL-03."""
    story = _quiet("FF")

    def change(data: dict[str, Any]) -> None:
        data.update(latestStatus="failure", attempts=[dict(a) for a in story.messages["b.0"]["attempts"][::-1]])

    story.change(change, view="single_retry")
    story.single("b.0").read("b.0").retry("b", 400, "unresolved_batch_messages").read("b.0").finish("b").look("b")
    assert {names[0] for names in story.named()} == {"BR-SEL-03"}
    assert any(name.startswith("BR-BLK-01") for name in story.exercised())


def test_an_older_state_that_shows_no_count_is_no_other_clock_s() -> None:
    """The campaign's listing counts nothing: a failure behind the created of its retry is a read that lags."""
    story = _quiet("F")
    before = story.messages["b.0"]["updated"]
    story.retry("b").campaign().show("latestStatus", "failure", view="campaign_list")
    story.show("updatedAt", before, view="campaign_list").campaign()
    story.changes.clear()
    assert _shown_lags(story.campaign())


@pytest.mark.parametrize(("seconds", "found"), [(14, False), (17, True)])
def test_where_a_view_lags_a_batch_without_a_status_has_stood_still_only_when_that_is_over_too(
    seconds: int, found: bool
) -> None:
    """The listing of another batch is 3 s behind, so that any may be 6 s behind; the settling time is 10 s."""
    code = "batch_not_found_or_is_not_retryable"
    story = Shelf()
    story.batch_of = lambda _: None
    story.send("b", "FF").send("c", "F").look("b").look("c").finish("c").finish("b").read("c.0")
    story.show("latestStatus", "created", message="c.0", view="batch_list").wait(3).list("c")
    story.changes.clear()
    story.list("c").look("b").retry("b", 400, code).wait(seconds).look("b").retry("b", 400, code).look("b")
    assert (story.findings() == {"BR-ACC-02"}) is found
