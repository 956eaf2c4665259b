"""BR-IDS-05 in the campaign's listing: other clients' messages stand there too, so that pages are compared with care."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from conformance.findings import Finding
from tests.shelf import Shelf

#: A settling time of the stories, and more.
SETTLED = 11


def _quiet(rows: str = "FFS") -> Shelf:
    return Shelf().send("b", rows).look("b").finish("b").views("b")


def _ids(story: Shelf) -> set[str]:
    """Findings of this family only."""
    return {r for r in story.findings() if r.startswith("BR-IDS")}


def _any_of(story: Shelf) -> set[tuple[str, ...]]:
    return {o.any_of for o in story.opinions() if isinstance(o, Finding) and "IDS" in o.any_of[0]}


def _campaign(story: Shelf, *order: str) -> Shelf:
    """The campaign's listing, with the messages in this order."""
    data = {"hasNextPage": False, "hasPreviousPage": False, "startCursor": "a", "endCursor": "b"}
    shown = [story._shown(message, "campaign_list") for message in order]
    return story.answer("campaign_list", 200, {"data": shown, "pageData": data})


def test_ids_05_the_campaign_shows_a_message_twice() -> None:
    doubled = ("b.0", "b.0", "b.1", "b.2")
    assert _ids(_campaign(_quiet(), *doubled)) == set()
    assert _any_of(_campaign(_campaign(_quiet(), *doubled), *doubled)) == {("BR-IDS-05",)}


def test_ids_05_what_moves_may_stand_twice_in_the_campaign() -> None:
    story = Shelf().send("b", "FFS")
    assert _ids(_campaign(_campaign(story, "b.0", "b.0"), "b.0", "b.0")) == set()


def test_ids_05_the_campaign_stands_by_createdat() -> None:
    story = _quiet().send("c", "F").finish("c").show("createdAt", "2026-01-02T08:00:00Z", message="c.0").look("c")
    assert _ids(_campaign(story, "b.0", "b.1", "b.2", "c.0")) == set()
    assert _ids(_campaign(story, "c.0", "b.2", "b.1", "b.0")) == set()
    assert _any_of(_campaign(story, "b.0", "c.0", "b.1", "b.2")) == {("BR-IDS-05",)}


# -- between two pages ---------------------------------------------------------------------------------------------


def _pages(story: Shelf, *pages: Sequence[str], ends: bool = False, start: str = "") -> Shelf:
    """Pages of the campaign's listing, each going on from the one before.

    :param ends: whether the last one says that none follows; :param start: the cursor of the first.
    """
    cursor = start
    for place, page in enumerate(pages):
        end = f"p{len(story.exchanges)}"
        data = {"hasNextPage": not ends or place + 1 < len(pages), "startCursor": f"{end}<", "endCursor": end}
        body = {"data": [story._shown(m, "campaign_list") for m in page], "pageData": data}
        story._asked("campaign_list", body, [("limit", "2"), *([("after", cursor)] if cursor else [])])
        cursor = end
    return story


def _old(rows: str = "FFFF") -> Shelf:
    """A batch that has been terminal for longer than a settling time, and the campaign's whole listing."""
    return _quiet(rows).wait(SETTLED).campaign()


LATE, GONE = ("BR-IDS-05", "BR-IDS-07"), ("BR-IDS-05", "BR-IDS-07", "BR-IDS-04")
FIRST = ("b.0", "b.1")


@pytest.mark.parametrize("start", ["", "a cursor of others"])
def test_a_page_that_goes_on_from_another_leaves_out_what_stands_between_them(start: str) -> None:
    assert _any_of(_pages(_old(), FIRST, ("b.3",), start=start)) == {GONE}
    assert _any_of(_pages(_old(), FIRST, ("b.3",), start=start).campaign()) == {LATE}
    assert _any_of(_pages(_old(), FIRST, ("b.2", "b.3"), start=start)) == set()


def test_the_listing_ends_too_soon() -> None:
    assert _any_of(_pages(_old(), FIRST, ends=True).campaign()) == {LATE}
    assert _any_of(_pages(_old(), FIRST, ("b.2",), ends=True).campaign()) == {LATE}
    assert _any_of(_pages(_old(), FIRST)) == set(), "the next page was not asked for"
    assert _any_of(_pages(_old(), FIRST, ("b.2",))) == set(), "nor the one behind it"


def test_the_newest_may_stand_first() -> None:
    story = _quiet("FFFF").wait(SETTLED)
    turned = ("b.3", "b.2", "b.1", "b.0")
    assert _any_of(_pages(_pages(story, turned, ends=True), turned[:2], turned[2:])) == set()
    assert _any_of(_pages(story, turned[:2], turned[3:])) == {GONE}


def test_what_others_send_meanwhile_moves_nothing_out_of_its_place() -> None:
    story = _old().send("c", "FF").look("c")
    assert _any_of(_pages(story, ("c.1", "c.0", "b.0"), ("b.1", "b.2"))) == set()


def test_a_page_of_a_replica_that_lags_is_told_of_when_the_settling_time_is_over() -> None:
    assert _any_of(_pages(_quiet("FFFF").campaign(), FIRST, ("b.3",)).campaign()) == set()


def test_messages_that_are_not_the_run_s_may_be_removed() -> None:
    story = _old()
    story.members["others"] = ["x.0"]
    story.messages["x.0"] = {**story.messages["b.0"], "batch": "others"}
    story.batches["others"] = "messages_enqueued"
    _pages(story, (*FIRST, "x.0", "b.2", "b.3"), ends=True)
    assert _any_of(_pages(story, FIRST, ("b.2", "b.3"))) == set()


@pytest.mark.parametrize("lost", [True, False])
def test_a_target_that_lost_its_data_is_not_accused_of_its_pages(lost: bool) -> None:
    story = _quiet("FFFF").send("ctl", "FS").finish("ctl").look("ctl").wait(SETTLED).campaign()
    _pages(_pages(story, FIRST), (), ends=True, start=f"p{len(story.exchanges) - 1}")
    if lost:
        story.members["ctl"].clear()
        story.list("ctl").list("ctl")
    assert _any_of(story) == (set() if lost else {GONE})
