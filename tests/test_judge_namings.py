"""Findings that cannot tell one requirement from another name both."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.findings import Finding
from tests.shelf import Shelf


def _named(story: Shelf, requirement: str) -> set[tuple[str, ...]]:
    """What the findings name that name this requirement."""
    return {o.any_of for o in story.opinions() if isinstance(o, Finding) and requirement in o.any_of}


def _quiet(rows: str = "FFF") -> Shelf:
    return Shelf().send("b", rows).send("ctl", "FS").finish("b").finish("ctl").look("ctl").look("b")


@pytest.mark.parametrize("idle", [True, False])
def test_what_the_answer_of_a_single_retry_alone_shows_created_may_have_been_left_alone_by_it(idle: bool) -> None:
    """A single retry that does nothing answers as one that does: the attempt may be the batch retry's own (BR-SGL-02)."""
    story = _quiet()
    if idle:
        story.single("b.0", gives=(), body={"id": "b.0", "recipient": "6511112200", "latestStatus": "created"}).retry(
            "b"
        )
    else:
        story.single("b.0").read("b.0").retry("b", takes=("b.1", "b.2"))
    story.look("b").finish("b").wait(11).look("b")
    assert _named(story, "BR-BLK-01") == {("BR-BLK-01", "BR-SGL-02") if idle else ("BR-BLK-01",)}


def test_so_it_is_where_the_answer_of_the_batch_retry_is_lost() -> None:
    story = _quiet().single("b.0", gives=(), body={"id": "b.0", "recipient": "6511112200", "latestStatus": "created"})
    story.retry("b", None, takes=("b.0", "b.1", "b.2")).look("b").finish("b").wait(11).look("b")
    assert [set(named) >= {"BR-SGL-02", "BR-ERR-07"} for named in _named(story, "BR-BLK-01")] == [True]


@pytest.mark.parametrize("status", ["processing", "messages_enqueued"])
def test_another_code_next_to_created_may_be_that_of_a_batch_in_processing(status: str) -> None:
    story = Shelf().send("b", "FF").send("ctl", "FS")
    story.batches["b"] = status
    story.look("b").retry("b", 400, "parameter_invalid").look("b")
    named = ("BR-ERR-02", "BR-ERR-01") if status == "processing" else ("BR-ERR-02",)
    assert _named(story, "BR-ERR-02") == {named}


@pytest.mark.parametrize("refused", [True, False])
def test_a_view_that_shows_an_older_status_may_show_what_a_refused_retry_did(refused: bool) -> None:
    """The other view is not read again: the view lags, or the message moved by itself, or by the retry (BR-BLK-03)."""
    story = _quiet().single("b.0").read("b.0").move("b.0", "failure").look("b").single("b.1").read("b.1")
    if refused:
        story.retry("b", 400, "unresolved_batch_messages")
    story.show("latestStatus", "sent", message="b.0", view="batch_list").wait(15).list("b").wait(1).list("b")
    assert _named(story, "BR-IDS-07") == {("BR-IDS-07", "BR-SEL-07", *(("BR-BLK-03",) if refused else ()))}


@pytest.mark.parametrize("view", ["single_retry", "message_read"])
def test_a_view_that_lists_the_two_newest_attempts_only_is_not_accused(view: Any) -> None:
    """No document says that a list holds all."""
    story = _quiet("FF")

    def newest(shown: dict[str, Any]) -> None:
        shown["attempts"] = [dict(a) for a in story.messages[shown["id"]]["attempts"]][:-3:-1]

    story.change(newest, view=view)
    for _ in range(3):
        story.single("b.0").read("b.0").move("b.0", "failure").look("b").read("b.0")
    assert not story.wait(11).look("b").findings()


@pytest.mark.parametrize("shown", [True, False])
def test_an_accepted_retry_without_an_attempt_may_have_given_one_that_was_forgotten(shown: bool) -> None:
    """A refusal for want of failed messages may then be right, and the attempts that are listed are not all (BR-SEL-05)."""
    story = _quiet("FF")
    story.retry("b", takes=("b.0", "b.1") if shown else ()).look("b").finish("b").wait(11).look("b")
    story.retry("b", 400, "no_failed_batch_messages_to_retry").look("b")
    refused = [names for names in story.named() if "BR-ACC-02" in names]
    assert refused
    assert all(("BR-SEL-05" in names) != shown for names in refused)
