"""What attempts show that have ended: who may change it, and what comes by itself."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.findings import Finding
from tests.shelf import Shelf

UNRESOLVED = "unresolved_batch_messages"
CODE = "recipient_invalid"


def _with_errors(rows: str, gone: set[str]) -> Shelf:
    """A quiet batch whose ended attempts show an error, or when they were delivered; of messages in ``gone`` none any more."""
    story = Shelf()

    def change(data: dict[str, Any]) -> None:
        for attempt in data.get("messageAttempts", data.get("attempts", [])):
            left = None if data["id"] in gone else attempt["createdAt"]
            if attempt["status"] == "failure":
                attempt["errorCode"] = left and CODE
            if attempt["status"] == "success":
                attempt["deliveredAt"] = left

    return (
        story.change(change).send("b", rows).send("ctl", "F").look("b").finish("b").finish("ctl").look("b").look("ctl")
    )


def _about(story: Shelf) -> set[tuple[str, ...]]:
    return {
        o.any_of for o in story.opinions() if isinstance(o, Finding) and o.kind.startswith("ended attempts changed")
    }


def _subjects(story: Shelf) -> list[str]:
    found = (o.subject for o in story.opinions() if isinstance(o, Finding))
    return [s.removeprefix("ended attempts changed: ") for s in found if s.startswith("ended attempts changed")]


@pytest.mark.parametrize("gone", [{"b.1", "b.2"}, {"b.1"}])
def test_errors_that_a_refused_retry_takes_are_found_of_several_messages(gone: set[str]) -> None:
    """One alone may be a report that came late."""
    lost: set[str] = set()
    story = _with_errors("FFF", lost).single("b.0").list("b").retry("b", 400, UNRESOLVED)
    lost |= gone
    assert _subjects(story.list("b").list("b")) == (["errorCode changed by refused retry"] if len(gone) > 1 else [])
    assert _about(story) == ({("BR-BLK-03",)} if len(gone) > 1 else set())


def test_what_changes_without_a_call_somewhere_comes_by_itself_everywhere() -> None:
    lost: set[str] = set()
    story = _with_errors("FFF", lost).single("b.0").list("b").retry("b", 400, UNRESOLVED)
    lost |= {"b.1", "b.2"}
    story.list("b").list("b").list("ctl")
    lost.add("ctl.0")
    assert _about(story.list("ctl").list("ctl")) == set()


def test_a_value_that_is_shown_again_was_not_lost() -> None:
    lost: set[str] = set()
    story = _with_errors("FFF", lost).single("b.0").list("b").retry("b", 400, UNRESOLVED)
    lost |= {"b.1", "b.2"}
    story.list("b")
    lost.clear()
    assert _about(story.list("b")) == set()


@pytest.mark.parametrize("rows", ["FSS", "FFF"])
def test_an_accepted_retry_leaves_what_was_delivered_alone(rows: str) -> None:
    """Of failed messages it may change the errors: no page says that they stay."""
    lost: set[str] = set()
    story = _with_errors(rows, lost).retry("b", takes=("b.0",))
    lost |= {"b.1", "b.2"}
    assert _about(story.list("b").list("b")) == ({("BR-SEL-02",)} if rows == "FSS" else set())


@pytest.mark.parametrize("waits", [True, False])
def test_a_retry_that_may_still_take_failed_messages_up_may_change_their_errors(waits: bool) -> None:
    """Accepted before the refused one, and with nothing seen of it: its effect may come now (ruling 16)."""
    lost: set[str] = set()
    story = _with_errors("FFF", lost).retry("b", takes=()).list("b")
    if waits:
        story.wait(11).list("b")
    story.retry("b", 400, UNRESOLVED)
    lost |= {"b.1", "b.2"}
    assert bool(_about(story.list("b").list("b"))) is waits
