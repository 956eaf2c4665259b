"""What was not exercised is not passed (ruling 20), and its mirror: the neighbour that exercises it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.findings import Doubt, Finding
from tests.shelf import Shelf
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


def test_a_retry_that_begins_the_old_attempt_anew_passes_nothing_about_attempts() -> None:
    def retried(*, anew: bool) -> Story:
        story = ready().retry("b", takes=() if anew else None)
        for message in ("b.0", "b.1") if anew else ():
            story.move(message, "created")
        return done(story.look("b"))

    about = {"BR-ACC-05", "BR-SEL-01", "BR-SEL-03", "BR-SEL-08"}
    assert about <= retried(anew=False).exercised()
    assert {(name, "attempt-begun-anew") for name in about} <= retried(anew=True).doubts()
    assert retried(anew=True).findings() == set()
    assert not {code for _, code in retried(anew=False).doubts()} & {"attempt-begun-anew"}


@pytest.mark.parametrize("more", [True, False])
def test_more_attempts_than_retries_bar_the_pass_of_none_but_by_a_retry(more: bool) -> None:
    story = Story().send("b", "F").send("ctl", "FS").finish("ctl").look("ctl").finish("b")
    if more:
        story.attempt("b.0")
    done(story.finish("b").look("b").retry("b").look("b"))
    assert story.findings() == set()
    assert ("BR-SEL-07" in story.exercised()) is not more
    assert (("BR-SEL-07", "unexplained-attempt") in story.doubts()) is more


@pytest.mark.parametrize("stays", [True, False])
def test_a_number_of_attempts_that_falls_bars_a_pass(stays: bool) -> None:
    """Where the view shows as much again later, it only lagged."""
    story = (
        Shelf(fields=("numAttempts",)).send("b", "FS").send("ctl", "FS").finish("b").finish("ctl").look("ctl").look("b")
    )
    story.retry("b").look("b").finish("b").look("b").wait(11).show("numAttempts", 1, message="b.0").look("b")
    if not stays:
        story.changes.clear()
    story.wait(11).look("b").look("ctl")
    assert story.findings() == set()
    assert ({("BR-SEL-05", "view-may-lag"), ("BR-IDS-07", "view-may-lag")} <= story.doubts()) is stays


@pytest.mark.parametrize("wrong", [True, False])
def test_a_status_that_no_listed_attempt_has_bars_a_pass(wrong: bool) -> None:
    """Without an earlier read of the view nobody knows the newest attempt: no proof."""
    story = Shelf().send("b", "FS").finish("b").list("b").retry("b").list("b").finish("b").wait(11)
    if wrong:
        story.show("latestStatus", "success", message="b.0", view="message_read")
    story.look("b").look("b")
    assert story.findings() == set()
    assert ("BR-SEL-03" in story.exercised()) is not wrong
    assert (("BR-SEL-03", "status-of-no-attempt") in story.doubts()) is wrong


@pytest.mark.parametrize("before", [True, False])
def test_a_batch_that_first_shows_after_the_retry_bars_a_pass(before: bool) -> None:
    """Ruling 12: a message may stand in several batches; a retry may add none."""
    story = Shelf().send("b", "FS").finish("b")
    story.change(
        lambda shown: shown["batches"].append({"id": "zz", "status": "messages_enqueued"}), view="message_read"
    )
    (story.look("b") if before else story.list("b")).campaign()
    story.retry("b").list("b").finish("b").list("b").campaign().look("b")
    assert story.findings() == set()
    assert ("BR-IDS-02" in story.exercised()) is before
    assert (("BR-IDS-02", "data-changed") in story.doubts()) is not before


@pytest.mark.parametrize("second", ["b.0", "b.1"])
def test_what_two_accepted_retries_leave_out_in_a_row_is_no_pass(second: str) -> None:
    """Enqueuing may fail (ruling 17), and the next accepted retry takes up what it left out."""
    story = Story().send("b", "FF").send("ctl", "FS").finish("b").finish("ctl").look("b").look("ctl")
    for taken in ("b.0", second):
        story.retry("b", takes=(taken,))
        story.batches["b"] = "messages_enqueuing_failed"
        story.look("b").finish("b").wait(11).look("b").look("ctl")
    left = [o for o in story.opinions() if isinstance(o, Doubt) and o.code == "left-out"]
    assert [o.needs for o in left] == (
        [("a run in which an accepted retry picks up what the one before it left out",)] if second == "b.0" else []
    )
