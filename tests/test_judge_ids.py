"""Family IDS: each rule accuses where the contract is broken, and nowhere else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from conformance.findings import Finding
from tests.shelf import STAMP, Shelf

NOT_FOUND = {"error": {"code": "c", "message": "m", "type": "domain_error", "id": "t"}}
AWKWARD = ("a <b> & c", "two  three", "one\ntwo", "\"said\" 'so'")


def _quiet(rows: str = "FFS", **options: Any) -> Shelf:
    """A batch that was read in all views and is at rest."""
    return Shelf(**options).send("b", rows).look("b").finish("b").views("b")


def _retried(story: Shelf) -> Shelf:
    return story.retry("b").look("b").finish("b").views("b")


def _ids(story: Shelf) -> set[str]:
    """Findings of this family only."""
    return {r for r in story.findings() if r.startswith("BR-IDS")}


def _any_of(story: Shelf) -> set[tuple[str, ...]]:
    return {o.any_of for o in story.opinions() if isinstance(o, Finding) and "IDS" in o.any_of[0]}


def test_a_faithful_target_exercises_all() -> None:
    story = _retried(_quiet("FFFFS", texts=AWKWARD, same=True))
    assert story.findings() == set()
    assert {
        "BR-IDS-01", "BR-IDS-02", "BR-IDS-06",
        *(f"BR-IDS-03 {facet}" for facet in ("markup", "blanks", "breaks", "quotes")),
        *(f"BR-IDS-04 {facet}" for facet in ("listing", "campaign", "message")),
        *(f"BR-IDS-05 {facet}" for facet in ("forward", "backward")),
    } <= story.exercised()  # fmt: skip


def test_without_a_retry_nothing_of_it_is_exercised() -> None:
    story = _quiet("FFFFS", texts=AWKWARD, same=True).wait(1).views("b")
    assert story.findings() == set()
    assert not any(e.startswith("BR-IDS") for e in story.exercised())


def test_plain_texts_exercise_no_facet() -> None:
    exercised = _retried(_quiet()).exercised()
    assert {e for e in exercised if e.startswith("BR-IDS-03")} == {"BR-IDS-03 language:english"}


# -- BR-IDS-01 ------------------------------------------------------------------------------------------------


def test_ids_01_a_message_is_lost() -> None:
    story = _quiet().retry("b").look("b").finish("b")
    story.members["b"].remove("b.1")
    assert "BR-IDS-01" in _ids(story.list("b"))


def test_ids_01_a_message_is_added() -> None:
    story = _quiet().retry("b").finish("b")
    story.messages["b.9"] = {**story.messages["b.1"]}
    story.members["b"].append("b.9")
    assert "BR-IDS-01" in _ids(story.walk("b", 2))


def test_ids_01_what_only_several_pages_add_may_be_the_pages_fault() -> None:
    story = _quiet("FFFS").send("c", "F").finish("c").retry("b").look("b").finish("b")
    added = [["b.0", "b.1"], ["b.2", "b.3"], ["c.0"]]
    named = {n for n in _any_of(story.walk("b", 2, pages=added)) if "BR-IDS-01" in n}
    assert named == {("BR-IDS-01", "BR-IDS-05")}
    named = {n for n in _any_of(story.walk("b", pages=[["b.0", "b.1", "b.2", "b.3", "c.0"]])) if "BR-IDS-01" in n}
    assert ("BR-IDS-01",) in named


def test_ids_01_a_message_stands_twice() -> None:
    story = _quiet().retry("b").finish("b")
    story.members["b"].append("b.1")
    assert _ids(story.list("b")) == {"BR-IDS-01"}


def test_ids_01_a_listing_that_was_never_whole_proves_nothing() -> None:
    story = Shelf().send("b", "FFS").finish("b").list("b", only=2).retry("b").finish("b").list("b")
    assert _ids(story) == set()


def test_ids_01_a_read_within_the_lag_proves_nothing() -> None:
    story = _quiet(lag=1.0).wait(2).retry("b").list("b", only=2)
    assert _ids(story) == set()
    assert "BR-IDS-01" in _ids(story.wait(2).list("b", only=2))


def test_ids_01_a_page_of_a_walk_that_was_not_ended_proves_nothing() -> None:
    story = _quiet().retry("b")
    pages = {"hasNextPage": True, "endCursor": "z"}
    assert _ids(story.answer("batch_list", 200, {"data": [], "pageData": pages}, batch="b")) == set()


# -- BR-IDS-02 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shown",
    [
        [{"id": "new", "status": "messages_enqueued"}],
        [{"id": "b", "status": "messages_enqueued"}, {"id": "new", "status": "messages_enqueued"}],
    ],
)
def test_ids_02_another_batch_appears(shown: list[dict[str, Any]]) -> None:
    story = _quiet().retry("b").finish("b")
    story.batch_of = lambda _: shown
    assert "BR-IDS-02" in _ids(story.look("b"))


def test_ids_02_a_batch_that_was_there_before_is_no_violation() -> None:
    story = Shelf().send("b", "FFS")
    story.batch_of = lambda _: [{"id": "b", "status": story.batches["b"]}, {"id": "import", "status": "done"}]
    assert _ids(_retried(story.look("b").finish("b").views("b"))) == set()


def test_ids_02_batches_are_not_shown() -> None:
    story = Shelf(status=False).send("b", "FFS")
    story.batch_of = lambda _: None
    _retried(story.look("b").finish("b").views("b"))
    assert _ids(story) == set()
    assert "BR-IDS-02" in story.exercised()


def test_ids_02_batches_come_to_be_shown_after_the_retry() -> None:
    story = Shelf().send("b", "FFS")
    shown = story.batch_of
    story.batch_of = lambda _: []
    story.look("b").finish("b").look("b").retry("b").finish("b")
    story.batch_of = shown
    assert _ids(story.look("b")) == set()


def test_ids_02_the_batch_is_not_found_any_more() -> None:
    story = (
        _quiet()
        .send("other", "F")
        .retry("b")
        .answer("batch_list", 404, NOT_FOUND, batch="b")
        .answer("batch_list", 404, NOT_FOUND, batch="b")
    )
    assert _ids(story) == set()
    assert _ids(story.list("other")) == {"BR-IDS-02"}
    assert _ids(story.list("b")) == set()


# -- BR-IDS-03 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("recipient", "6500000000"),
        ("language", "tamil"),
        ("fullMessage", "Hello"),
        ("fullMessage", None),
        ("campaignId", "other"),
        ("creatorId", "user_2"),
        ("templateBody.body", "Good bye {{body}}"),
        ("createdAt", "2026-01-01T08:00:00.123457+08:00"),
        ("createdAt", "2026-01-01T08:00:00.123+08:00"),
    ],
)
def test_ids_03_a_retry_changes(name: str, value: Any) -> None:
    story = _quiet().retry("b").show(name, value, message="b.1").finish("b").views("b")
    assert "BR-IDS-03" in _ids(story)


@pytest.mark.parametrize(("name", "value"), [("originalFileName", "retry.csv"), ("totalMessages", 2)])
def test_ids_03_a_retry_changes_the_batch(name: str, value: Any) -> None:
    story = _quiet().retry("b").change(lambda m: m["batches"][0].update({name: value}), view="message_read").finish("b")
    assert "BR-IDS-03" in _ids(story.look("b"))


@pytest.mark.parametrize("value", [STAMP, "2026-01-01T00:00:00.123456Z", "2026-01-01T00:00:00.12345600+00:00"])
def test_ids_03_the_same_instant_is_the_same(value: str) -> None:
    assert _ids(_quiet().retry("b").show("createdAt", value).finish("b").views("b")) == set()


@pytest.mark.parametrize("name", ["fullMessage", "values", "templateBody", "batches", "createdAt", "language"])
def test_ids_03_a_field_that_is_left_out_is_no_violation(name: str) -> None:
    assert _ids(_quiet().retry("b").hide(name).finish("b").views("b")) == set()


def test_ids_03_what_is_not_rendered_yet_may_be_shown_so_again() -> None:
    story = Shelf().send("b", "FFS")
    story.show("fullMessage", "Hello {{body}}").look("b")
    story.changes.clear()
    story.finish("b").views("b").retry("b").show("fullMessage", "Hello {{body}}").look("b")
    story.changes.clear()
    story.move("b.0", "sending").show("fullMessage", None).look("b")
    story.changes.clear()
    assert _ids(story.finish("b").views("b")) == set()


def test_ids_03_a_message_that_was_not_failed_is_not_meant() -> None:
    assert "BR-IDS-03" not in _ids(_quiet().retry("b").show("language", "tamil", message="b.2").finish("b").views("b"))


def test_ids_03_a_lost_answer_proves_nothing() -> None:
    story = _quiet().retry("b", None, takes=()).show("language", "tamil").views("b")
    assert _ids(story) == set()
    assert ("BR-IDS-03", "data-changed") in story.doubts()
    seen = _quiet().retry("b", None, takes=("b.0", "b.1")).show("language", "tamil").finish("b").views("b")
    assert "BR-IDS-03" in _ids(seen)


def test_ids_03_a_change_before_the_retry_is_not_the_retrys() -> None:
    story = _quiet().show("language", "tamil").views("b")
    assert "BR-IDS-03" not in _ids(_retried(story))


# -- BR-IDS-04 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("language", "tamil"),
        ("values", {"body": "y"}),
        ("templateBody.id", "t2"),
        ("createdAt", "2026-01-01T08:00:02Z"),
    ],
)
@pytest.mark.parametrize("view", ["batch_list", "campaign_list", "message_read"])
def test_ids_04_a_view_differs(name: str, value: Any, view: Any) -> None:
    story = Shelf().show(name, value, view=view).send("b", "FFS").look("b").finish("b").views("b")
    assert _ids(story) == {"BR-IDS-04"}


def test_ids_04_a_view_differs_after_a_retry_only() -> None:
    story = _quiet().retry("b").show("templateBody.id", "t2", view="message_read").look("b").finish("b").views("b")
    assert _ids(story) == {"BR-IDS-03", "BR-IDS-04"}


def test_ids_04_what_a_retry_changes_in_all_views_is_not_a_difference_of_views() -> None:
    story = _quiet().retry("b").show("language", "tamil").look("b").finish("b").views("b")
    assert _ids(story) == {"BR-IDS-03"}


@pytest.mark.parametrize(
    "value",
    ["2026-01-01T08:00:00.123+08:00", "2026-01-01T00:00:00Z", "2026-01-01T08:00+08:00", "2026-01-01T08:00:00", None],
)
def test_ids_04_finer_digits_may_be_dropped(value: str | None) -> None:
    story = Shelf().show("createdAt", value, view="campaign_list").send("b", "FFS").look("b").finish("b").views("b")
    assert _ids(_retried(story)) == set()


def test_ids_04_a_message_underway_may_look_different() -> None:
    story = Shelf().send("b", "FFS").show("fullMessage", "Hello {{body}}", view="campaign_list").look("b").campaign()
    story.changes.clear()
    assert _ids(story.finish("b").views("b")) == set()


def test_ids_04_a_single_read_answers_with_another_id() -> None:
    assert _ids(_quiet().show("id", "b.77", message="b.0", view="message_read").read("b.0")) == {"BR-IDS-04"}


def test_ids_04_is_laid_to_the_scenario_whose_message_it_is() -> None:
    story = _quiet().by("sends").show("id", "b.77", message="b.0", view="message_read").read("b.0").by("reads")
    assert {o.scenario for o in story.opinions() if isinstance(o, Finding)} == {"sends"}


def test_ids_04_a_single_read_does_not_find_it() -> None:
    story = _quiet().answer("message_read", 404, NOT_FOUND, message="b.0")
    assert _ids(story) == set()
    assert _ids(story.list("b")) == {"BR-IDS-04"}


def test_ids_04_a_message_that_is_just_being_sent_may_not_be_found() -> None:
    story = (
        Shelf().send("b", "FFS").list("b").answer("message_read", 404, NOT_FOUND, message="b.0").list("b").finish("b")
    )
    assert _ids(story.views("b")) == set()


def test_ids_04_the_campaign_does_not_hold_it() -> None:
    assert _ids(_quiet().campaign(without=("b.1",)).list("b")) == {"BR-IDS-04"}


def test_ids_04_a_view_shows_a_row_under_another_id() -> None:
    story = _quiet("FFS", lag=0.0)
    story.show("id", "b.77", message="b.0", view="campaign_list").campaign().list("b")
    assert _ids(story) == {"BR-IDS-04"}


# -- BR-IDS-05 ------------------------------------------------------------------------------------------------

WRONG_PAGES = {
    "missing": [["b.0", "b.1"], ["b.3"]],
    "twice": [["b.0", "b.1"], ["b.1", "b.2"], ["b.3"]],
    "another order": [["b.1", "b.0"], ["b.2", "b.3"]],
}


@pytest.mark.parametrize("wrong", WRONG_PAGES)
def test_ids_05_a_walk_is_wrong(wrong: str) -> None:
    assert _any_of(_quiet("FFFS").walk("b", 2, pages=WRONG_PAGES[wrong])) == {("BR-IDS-05",)}


@pytest.mark.parametrize("wrong", WRONG_PAGES)
def test_ids_05_a_walk_after_a_retry_is_wrong(wrong: str) -> None:
    story = _retried(_quiet("FFFS"))
    assert _any_of(story.walk("b", 2, pages=WRONG_PAGES[wrong]).list("b")) == {("BR-IDS-05",)}


def test_ids_05_a_full_page_is_called_the_last() -> None:
    """It loses no id where a listing with room for more shows them all."""
    story = _retried(_quiet("FFFS"))
    assert _any_of(story.walk("b", 2, pages=[["b.0", "b.1"]]).list("b")) == {("BR-IDS-05",)}


def test_ids_05_what_the_retry_lost_is_not_the_paging() -> None:
    story = _quiet("FFFS").retry("b").finish("b")
    story.members["b"].remove("b.1")
    assert _any_of(story.list("b").walk("b", 2).list("b")) >= {("BR-IDS-01",)}
    assert "BR-IDS-05" not in _ids(story)


def test_ids_05_with_small_pages_only_either_may_be_broken() -> None:
    story = _quiet("FFFS").retry("b").finish("b").walk("b", 2, pages=WRONG_PAGES["missing"])
    assert _any_of(story) == {("BR-IDS-05", "BR-IDS-01")}


def test_ids_05_a_walk_backward_misses_the_middle() -> None:
    story = _quiet("FFFFFS").walk("b", 2)
    story.walk("b", 2, pages=[["b.0"], ["b.2", "b.3"], ["b.4", "b.5"]], backward=True)
    assert _any_of(story) == {("BR-IDS-05",)}


@pytest.mark.parametrize(("seconds", "named"), [(30, {("BR-IDS-05", "BR-IDS-07")}), (5, set())])
def test_ids_05_a_walk_that_misses_what_is_long_there_does_not_excuse_itself_as_lag(
    seconds: float, named: set[tuple[str, ...]]
) -> None:
    """A later listing makes it good, so that it looks like a lag: of more than a settling time that is no excuse (ruling 29)."""
    story = Shelf().send("b", "FFFS").finish("b").views("b").wait(seconds)
    story.header = msgspec.structs.replace(story.header, contract_version="1.1")
    assert _any_of(story.walk("b", 2, pages=WRONG_PAGES["missing"]).list("b")) == named


def test_ids_05_a_whole_listing_just_before_does_not_excuse_a_walk_that_misses_rows() -> None:
    """Another view showed them a settling time ago: how long ago this view was seen whole does not matter."""
    story = Shelf().send("b", "FFFS").finish("b").look("b").campaign().wait(11).list("b")
    story.header = msgspec.structs.replace(story.header, contract_version="1.1")
    assert _any_of(story.walk("b", 2, pages=WRONG_PAGES["missing"]).list("b")) == {("BR-IDS-05", "BR-IDS-07")}


def test_ids_05_a_page_holds_another_batchs_messages() -> None:
    """Before a retry it is the pages; after one it may have added them."""
    story = _quiet("FFFS").send("c", "F").finish("c").list("c").walk("b", 2, pages=[["b.0", "b.1"], ["b.2", "c.0"]])
    assert _any_of(story) >= {("BR-IDS-05",)}
    story = _quiet("FFFS").send("c", "F").finish("c").list("c").retry("b").finish("b").list("b")
    assert _ids(story) == set()
    story.walk("b", 2, pages=[["b.0", "b.1"], ["b.2", "b.3"], ["c.0"]])
    assert ("BR-IDS-05", "BR-IDS-01") in _any_of(story)
    assert {name for names in _any_of(story) for name in names} == {"BR-IDS-05", "BR-IDS-01"}


def test_ids_05_the_last_page_may_be_empty() -> None:
    """A target may learn from the page behind them only that there are no more messages: it is whole, both ways."""
    full = [["b.0", "b.1"], ["b.2", "b.3"]]

    def walked(story: Shelf, backward: list[list[str]]) -> Shelf:
        return story.look("b").walk("b", 2, pages=[*full, []]).walk("b", 2, pages=backward, backward=True)

    quiet = walked(Shelf().send("b", "FFFS").look("b").finish("b"), full)
    story = walked(quiet.retry("b").look("b").finish("b"), full)
    assert _ids(story) == set()
    assert "BR-IDS-05 backward" in story.exercised()
    assert _ids(walked(story, [["b.0"], full[1]])) == {"BR-IDS-05"}


def test_ids_05_pages_backward_may_be_turned_round() -> None:
    story = _quiet("FFFFFS").walk("b", 2)
    story.walk("b", 2, pages=[["b.1", "b.0"], ["b.3", "b.2"], ["b.4", "b.5"]], backward=True)
    assert _ids(story) == set()


def test_ids_05_newest_first_is_an_order_too() -> None:
    story = Shelf().send("b", "FFFS")
    story.members["b"].reverse()
    for i, message in enumerate(story.members["b"]):
        story.show("createdAt", f"2026-01-01T08:00:{9 - i:02}Z", message=message)
    assert _ids(_retried(story.look("b").finish("b").views("b"))) == set()


def test_ids_05_the_order_turns_round_after_a_retry() -> None:
    story = _quiet("FFFS").retry("b").finish("b")
    story.members["b"].reverse()
    assert _any_of(story.list("b")) == {("BR-IDS-05",)}


def test_ids_05_created_at_goes_up_and_down() -> None:
    story = Shelf().send("b", "FFFS").show("createdAt", "2026-01-01T09:00:00Z", message="b.1")
    assert _any_of(story.look("b").finish("b").views("b")) == {("BR-IDS-05",)}


def test_ids_05_rows_that_are_not_listed_yet() -> None:
    story = Shelf().send("b", "FFFS").walk("b", 2, pages=[["b.0", "b.1"]]).walk("b", 2, pages=[["b.0", "b.1"], ["b.2"]])
    assert _ids(story.finish("b").views("b")) == set()


def test_ids_05_rows_underway_may_be_missing_while_reads_lag() -> None:
    story = Shelf().send("b", "FFFS").list("b").walk("b", 2, pages=[["b.0", "b.1"]]).finish("b")
    assert _ids(story.views("b")) == set()


def test_ids_05_a_target_that_ignores_the_page_size() -> None:
    story = _quiet("FFFS").walk("b", 2, pages=[["b.0", "b.1", "b.2", "b.3"]])
    assert _ids(story) == set()
    assert ("BR-IDS-05", "page-size-ignored") in story.doubts()


# -- BR-IDS-06 ------------------------------------------------------------------------------------------------


def _swap(story: Shelf, one: str, two: str) -> Shelf:
    a, b = story.messages[one], story.messages[two]
    a["text"], b["text"] = b["text"], a["text"]
    a["nonce"], b["nonce"] = b["nonce"], a["nonce"]
    return story


@pytest.mark.parametrize("same", [True, False])
def test_ids_06_a_retry_swaps_contents(same: bool) -> None:
    story = _quiet(same=same).retry("b")
    assert "BR-IDS-06" in _ids(_swap(story, "b.0", "b.1").look("b").finish("b").views("b"))


def test_ids_06_needs_a_recipient_twice() -> None:
    assert "BR-IDS-06" in _retried(_quiet(same=True)).exercised()
    assert "BR-IDS-06" not in _retried(_quiet(same=False)).exercised()


def test_ids_06_content_that_is_not_shown_exercises_nothing() -> None:
    story = Shelf(same=True).hide("values").hide("fullMessage").send("b", "FFS").look("b").finish("b").views("b")
    _retried(story)
    assert _ids(story) == set()
    assert "BR-IDS-06" not in story.exercised()


# -- a send that is carried out twice -------------------------------------------------------------------------


def _sent_twice(**options: Any) -> Shelf:
    """A gateway delivers a Batch Send twice: two batches of the same rows, of which the run knows one."""
    story = Shelf(**options).send("b", "FF").send("twin", "FF")
    story.exchanges.pop()
    for i in range(2):
        story.messages[f"twin.{i}"] |= {k: story.messages[f"b.{i}"][k] for k in ("nonce", "text")}
    return story.look("b")


def test_the_messages_of_a_doubled_send_are_not_the_batchs() -> None:
    # The twin stays created while the batch is retried, and is left out: neither is a message of this batch.
    story = _sent_twice().finish("b").views("b").retry("b").look("b").finish("b").wait(11).views("b")
    assert story.findings() == set()
    assert {"BR-ACC-02", "BR-SEL-01"} <= story.exercised()


def test_a_doubled_send_breaks_a6() -> None:
    story = _sent_twice().finish("b").views("b").retry("b", takes=("b.0", "b.0", "b.1"))
    assert ("BR-SEL-05", "axiom-broken") in story.look("b").finish("b").views("b").doubts()
    unseen = _sent_twice().finish("b").look("b").retry("b", takes=("b.0", "b.0", "b.1")).look("b")
    assert "BR-SEL-05" in unseen.findings()


def test_a_row_under_two_ids_after_a_retry_is_a_finding() -> None:
    story = _sent_twice().finish("b").look("b").retry("b").finish("b").views("b").look("b")
    found = [o for o in story.opinions() if isinstance(o, Finding)]
    assert {o.any_of for o in found} == {("BR-IDS-04", "BR-IDS-02", "BR-IDS-01")}
    assert all("A6" in o.axioms for o in found)
