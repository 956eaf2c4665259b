"""Family LIV: standing still is a violation only where others pass by, twice."""

from __future__ import annotations

import pytest

from conformance.catalogue import load
from conformance.deciding import decide
from conformance.findings import Doubt
from tests.shelf import Shelf
from tests.story import Story
from tests.test_judge_innocents import together


def _stuck(*batches: str, later: bool = True, status: str = "sending") -> Story:
    story = Story()
    for batch in batches:
        story.send(batch, "F").look(batch).finish(batch).look(batch)
        story.retry(batch).move(f"{batch}.0", status).look(batch)
    if later:
        story.send("z", "F").look("z").finish("z").look("z")
    story.wait(11)
    for batch in batches:
        story.look(batch)
    return story


def test_two_batches_stuck_while_a_later_message_is_delivered() -> None:
    assert _stuck("a", "b").findings() == {"BR-LIV-01"}


def test_one_batch_is_a_doubt() -> None:
    story = _stuck("a")
    assert story.findings() == set()
    assert ("BR-LIV-01", "stuck-once") in story.doubts()


def test_nothing_later_delivered_proves_nothing() -> None:
    assert _stuck("a", "b", later=False).findings() == set()


def test_what_is_left_underway_withholds_the_pass() -> None:
    story = _stuck("a", later=False)
    story.send("b", "F").look("b").finish("b").look("b").retry("b").finish("b").look("b")
    assert "BR-LIV-01" in story.exercised()
    doubt = next(o for o in story.opinions() if isinstance(o, Doubt) and o.code == "left-underway")
    retry = next(e.n for e in story.exchanges if e.invoke.operation == "batch_retry")
    assert f"retry {retry} " in doubt.text
    assert "sending" in doubt.text
    assert "settle_timeout" in doubt.needs[0]
    verdicts = decide(story.history(), story.opinions(), load())
    assert next(v for v in verdicts.items if v.requirement == "BR-LIV-01").verdict == "inconclusive"


def test_two_fields_less_and_it_is_a_doubt_all_the_same() -> None:
    story = Story(fields=(), status=False)
    story.send("a", "F").look("a").finish("a").look("a").retry("a").move("a.0", "sent").look("a").wait(11).look("a")
    assert ("BR-LIV-01", "left-underway") in story.doubts()


def _left(*, role: str = "F", status: str = "sending", wait: float = 11, then: str = "") -> Story:
    story = Story().send("a", role).look("a")
    story.move("a.0", "failure").look("a").retry("a").move("a.0", status).look("a").wait(wait)
    if then:
        story.move("a.0", then)
    return story.look("a")


def test_what_is_left_underway_and_no_reason_for_doubt() -> None:
    assert _left().doubts() == {("BR-LIV-01", "left-underway")}
    innocent = {
        "seen for too short": _left(wait=9),
        "with the carrier": _left(status="sent_to_telco"),
        "a recipient that never ends": _left(role="P"),
        "moved just now": _left(then="sent"),
        "ended": _left(then="failure"),
        "never retried": Story().send("a", "F").look("a").move("a.0", "sent").look("a").wait(11).look("a"),
    }
    for name, story in innocent.items():
        assert "BR-LIV-01" not in {requirement for requirement, _ in story.doubts()}, name
    assert "BR-LIV-01" in innocent["ended"].exercised()


def test_sent_to_telco_may_stay() -> None:
    assert _stuck("a", "b", status="sent_to_telco").findings() == set()


def test_a_retried_message_that_ends_exercises_it() -> None:
    story = Story().send("a", "F").look("a").finish("a").look("a").retry("a").look("a").finish("a").look("a")
    assert story.exercised() >= {"BR-LIV-01"}


def _recovered(*ends: str, later: str = "success", role: str = "R") -> Story:
    """Batches with one message to a recovering number each, that its first retry ends so; and a message sent later."""
    story = Story()
    for name, end in zip("abc", ends, strict=False):
        story.send(name, role).look(name).move(f"{name}.0", "failure").look(name)
        story.retry(name).look(name).move(f"{name}.0", end).look(name)
    return story.send("z", "S").look("z").move("z.0", later).look("z")


def test_liv_02_recovering_numbers_that_fail_again_in_two_batches() -> None:
    assert _recovered("failure", "failure").findings() == {"BR-LIV-02"}
    innocent = {
        "one batch only": _recovered("failure", "success"),
        "nothing sent later is delivered": _recovered("failure", "failure", later="failure"),
        "other numbers": _recovered("failure", "failure", role="F"),
    }
    for name, story in innocent.items():
        assert story.findings() == set(), name
    assert ("BR-LIV-02", "stuck-once") in innocent["one batch only"].doubts()


def test_liv_02_a_recovering_number_that_is_delivered() -> None:
    assert "BR-LIV-02" in _recovered("success").exercised()
    bare = Story(fields=(), status=False).send("a", "R").look("a").move("a.0", "failure").look("a")
    assert "BR-LIV-02" not in bare.move("a.0", "success").look("a").exercised(), "a late correction is no delivery"
    assert "BR-LIV-02" not in _recovered("success", role="F").exercised()


def test_liv_02_of_an_attempt_that_is_listed_as_underway_no_status_tells_the_end() -> None:
    """A status that stays failure until the end breaks BR-SEL-03."""
    story = Shelf()
    for name in "ab":
        story.send(name, "R").look(name).move(f"{name}.0", "failure").look(name)
        story.retry(name).show("latestStatus", "failure", message=f"{name}.0").look(name)
    story.send("z", "S").look("z").move("z.0", "success").look("z")
    assert "BR-LIV-02" not in story.findings()
    assert "BR-SEL-03" in story.findings()


def test_sent_is_with_the_carrier_where_the_older_guide_s_statuses_are_shown() -> None:
    """It knows created, sent, success and failure only: what the newer calls sent_to_telco, which may stay, is sent there."""
    older = _stuck("a", "b", status="sent")
    assert older.findings() == set()
    assert ("BR-LIV-01", "left-underway") in older.doubts()
    newer = _stuck("a", "b", status="sent").send("n", "F").move("n.0", "enqueued").look("n")
    assert newer.findings() == {"BR-LIV-01"}


def _raced(*ends: str, alone: str = "") -> Story:
    """As ``_recovered``, each batch by two retries at once; one more, by a retry without a rival, ends as ``alone`` says."""
    story = Story()
    for name, end in zip("abc", ends, strict=False):
        story.send(name, "R").look(name).move(f"{name}.0", "failure").look(name)
        story.retry(name).retry(name, 400, "unresolved_batch_messages")
        together(story)
        story.look(name).move(f"{name}.0", end).look(name)
    if alone:
        story.send("y", "R").look("y").move("y.0", "failure").look("y")
        story.retry("y").look("y").move("y.0", alone).look("y")
    return story.send("z", "S").look("z").move("z.0", "success").look("z")


@pytest.mark.parametrize(
    ("story", "named"),
    [
        (_raced("failure", "failure"), {("BR-CON-02", "BR-LIV-02")}),
        (_raced("failure", "failure", alone="success"), {("BR-CON-02", "BR-LIV-02")}),
        (_raced("failure", "failure", alone="failure"), {("BR-LIV-02",)}),
        (_raced("failure", alone="success"), set()),
        (_raced("success", "success"), set()),
    ],
)
def test_liv_02_what_only_the_winners_of_races_come_to_may_be_the_losers_work(
    story: Story, named: set[tuple[str, ...]]
) -> None:
    assert story.named() == named
