"""What was not exercised is not passed (ruling 20), and its mirror: the neighbour that exercises it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.findings import Finding
from tests.story import Story
from tests.test_judge_innocents import (
    BODY,
    FAILED,
    NO_FAILED,
    NOT_RETRYABLE,
    UNRESOLVED,
    blocked,
    done,
    ready,
    together,
)


def body_refused(*, carried_out: bool = False) -> Story:
    takes = ("b.0", "b.1") if carried_out else ()
    return done(ready().retry("b", 415, "x", cause=BODY, takes=takes).look("b").look("ctl"))


def body_accepted() -> Story:
    return done(ready().retry("b", cause=BODY).look("b"))


def unknown(code: str) -> Story:
    story = ready()
    story.members["nobody"] = []
    return story.retry("nobody", 400, code, cause="id:unknown")


def processing(code: str) -> Story:
    return Story().send("b", "FF").retry("b", 400, code).list("b", only=1).list("b")


def status_before(status: str) -> Story:
    story = blocked(status)
    return done(story.blocked("b").look("b"))


def beside(other: str) -> Story:
    """A message created beside a failed one and another in this status."""
    story = ready("FFF").single("b.2")
    if other != "created":
        story.move("b.2", other)
    story.single("b.0").look("b")
    return done(story.blocked("b").look("b"))


def races(*kinds: str) -> Story:
    """A race in a batch of its own for each kind of loser: ``refused``, ``throttled``, or ``accepted`` without an attempt."""
    story = Story()
    for number, kind in enumerate(kinds):
        batch = f"r{number}"
        story.send(batch, "F").finish(batch).look(batch).retry(batch)
        if kind == "throttled":
            story.retry(batch, 429, "too_many_requests")
        elif kind == "accepted":
            story.retry(batch, takes=())
        else:
            story.blocked(batch)
        together(story).look(batch).finish(batch).wait(11).look(batch)
    return story


def refused(code: str) -> Story:
    return done(ready("SS").retry("b", 400, code).look("b"))


def throttled(*, read: bool) -> Story:
    story = ready().retry("b", 429, "too_many_requests")
    return (story.look("b") if read else story).retry("b").look("b")


#: Requirement and case; a story that must not exercise it, and one that does.
TABLE: dict[str, tuple[str, Callable[[], Story], Callable[[], Story]]] = {
    "a refused body": ("BR-SEC-05 body", body_refused, body_accepted),
    "a refused body, carried out": ("BR-SEC-05 body", lambda: body_refused(carried_out=True), body_accepted),
    "processing, refused as unresolved": (
        "BR-ERR-01",
        lambda: processing(UNRESOLVED),
        lambda: processing(NOT_RETRYABLE),
    ),
    "unknown id, html": (
        "BR-ERR-01",
        lambda: ready().retry("b", 404, body="<h1>", cause="id:unknown"),
        lambda: unknown(NOT_RETRYABLE),
    ),
    "failed before": ("BR-BLK-02", lambda: status_before(FAILED), lambda: status_before("messages_enqueued")),
    "sending beside": ("BR-BLK-01 first", lambda: beside("sending"), lambda: beside("failure")),
    "races with a 429": ("BR-CON-01", lambda: races(*["throttled"] * 4), lambda: races(*["refused"] * 3)),
    "races in which one owns nothing": (
        "BR-CON-01",
        lambda: races("accepted", "refused", "refused"),
        lambda: races(*["refused"] * 3, "throttled"),
    ),
    "nothing to retry, wrongly coded": ("BR-ERR-02", lambda: refused(NO_FAILED), lambda: status_before(FAILED)),
    "a 429 that nobody read back": ("BR-ERR-06", lambda: ready().retry("b", 429, "x"), lambda: throttled(read=True)),
}


@pytest.mark.parametrize("name", TABLE)
def test_exercised_by_its_neighbour_only(name: str) -> None:
    what, without, exercising = TABLE[name]
    assert what not in without().exercised()
    assert what in exercising().exercised()


def test_the_first_of_three_500_may_be_why_the_others_were_refused() -> None:
    """It was carried out (BR-ERR-07), so that the batch need not have been quiescent at the others."""
    story = ready("F").retry("b", 500, takes=("b.0",)).look("b").finish("b").look("b")
    done(story.retry("b", 500).look("b").retry("b", 500).look("b"))
    assert {o.any_of for o in story.opinions() if isinstance(o, Finding)} == {("BR-ERR-07",)}


def test_a_reading_that_shows_another_stage_before_withdraws_the_bracket() -> None:
    """A single read shows the message enqueued before the retry; the listing after it shows created: it lags, or A1 is broken."""
    story = ready().single("b.0").look("b").move("b.0", "enqueued").read("b.0").retry("b", takes=("b.1",))
    story.messages["b.0"]["attempts"][-1]["status"] = "created"
    story.list("b")
    story.messages["b.0"]["attempts"][-1]["status"] = "enqueued"
    assert story.look("b").findings() == set()


def test_an_updated_at_that_never_moves_shows_nothing_untouched() -> None:
    """Counts are not shown, and updatedAt is the same whatever happens (A5): a control that was retried would look the same."""

    def told(*, moves: bool) -> Story:
        story = Story(fields=()).send("b", "FF").send("ctl", "FS").look("b").look("ctl")
        story.finish("b").finish("ctl").look("ctl").look("b").retry("b").look("b").finish("b").wait(11).look("b").look(
            "ctl"
        )
        for e in story.exchanges if not moves else ():
            for item in (e.end.body or {}).get("data", [e.end.body or {}]):
                item.update({"updatedAt": item["createdAt"]} if "updatedAt" in item else {})
        return story

    assert "BR-SEL-07" in told(moves=True).exercised()
    assert told(moves=False).findings() == set()
    assert "BR-SEL-07" not in told(moves=False).exercised()
