"""Answers that contradict themselves: a latestStatus that none of the attempts has which the same answer lists."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.findings import Finding
from tests.reported import reported, whole
from tests.shelf import Shelf


def _with_the_telco(*, lies: bool) -> Shelf:
    """A batch that is retried; ``lies``: from then on one view calls a success what is with the telco."""
    story = Shelf().send("b", "FFFF").send("ctl", "FS").finish("b").finish("ctl").look("ctl").look("b")
    if lies:
        story.change(_delivered, view="batch_list")
    return story.retry("b").look("b")


def _delivered(shown: dict[str, Any]) -> None:
    if shown["latestStatus"] == "sent_to_telco":
        shown["latestStatus"] = "success"


def _listed_then_failed(*, lies: bool, status: str) -> Shelf:
    story = _with_the_telco(lies=lies)
    for message in story.members["b"]:
        story.move(message, status)
    return story.list("b")


@pytest.mark.parametrize("by", ["single", "batch"])
def test_an_outcome_that_its_own_answer_contradicts_makes_no_success_of_a_message(by: str) -> None:
    """What the listing calls a success fails later, and is retried by right: the target is accused of its listing alone."""
    story = _listed_then_failed(lies=True, status="sent_to_telco").finish("b")
    story = story.single("b.0").look("b") if by == "single" else story.retry("b").look("b")
    assert story.finish("b").wait(11).look("b").look("ctl").named() == {("BR-SEL-03",)}


@pytest.mark.parametrize("by", ["single", "batch"])
def test_an_outcome_that_its_own_attempts_bear_out_is_believed(by: str) -> None:
    story = _listed_then_failed(lies=False, status="success")
    story = story.single("b.0").look("b") if by == "single" else story.retry("b", takes=("b.0",)).look("b")
    named = {name for names in story.finish("b").wait(11).look("b").look("ctl").named() for name in names}
    assert ("BR-SGL-01" if by == "single" else "BR-SEL-02") in named
    assert "BR-SEL-03" not in named


def test_with_the_telco_is_no_contradiction() -> None:
    story = _listed_then_failed(lies=False, status="sent_to_telco").finish("b").single("b.0").look("b")
    assert story.finish("b").wait(11).look("b").look("ctl").findings() == set()


def test_no_view_has_to_catch_up_with_an_outcome_that_its_answer_contradicts() -> None:
    story = _listed_then_failed(lies=True, status="sent_to_telco").list("b").wait(11)
    assert story.look("b").wait(11).look("b").look("ctl").named() == {("BR-SEL-03",)}


def test_a_message_that_was_not_retried_is_in_doubt_only() -> None:
    story = Shelf().send("b", "FFP").send("c", "FF").finish("c").look("c").retry("c").look("c").finish("c").look("c")
    story.move("b.0", "failure").move("b.1", "failure").move("b.2", "sent_to_telco")
    story.change(_delivered, view="batch_list").list("b")
    assert story.findings() == set()
    assert ("BR-SEL-03", "status-of-no-attempt") in story.doubts()


def test_the_headline_says_what_the_view_shows() -> None:
    story = _listed_then_failed(lies=True, status="sent_to_telco").finish("b").single("b.0").look("b")
    report = reported(whole(story.finish("b").wait(11).look("b").look("ctl")))
    headline = "The batch listing shows a retried message in success, and its newest attempt in sent_to_telco"
    assert [(c.requirements, c.headline) for c in report.causes] == [(("BR-SEL-03",), headline)]


def test_findings_about_views_name_them() -> None:
    story = Shelf().send("b", "FF").finish("b").views("b").retry("b").views("b").finish("b").views("b")
    story.show("latestStatus", "sending", view="campaign_list")
    story.wait(11).views("b").wait(11).views("b")
    said = [o.summary for o in story.opinions() if isinstance(o, Finding)]
    assert "the campaign listing shows an older status than the batch listing had shown a settling time before" in said
