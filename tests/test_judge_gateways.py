"""Answers of gateways, effects that come late and statuses that lag: who is not accused, and what more it takes to accuse."""

from __future__ import annotations

import msgspec
import pytest

from tests.story import Story
from tests.test_judge_innocents import ENQUEUED, FAILED, HTML, NOT_RETRYABLE, UNRESOLVED, done, ready

PROCESSING = "messages_processing"


def _refused_while_processing(story: Story, *gains: str) -> Story:
    """A refusal as not retryable, for a status that no read showed; what it was set for is seen later."""
    story.batches["b"] = PROCESSING
    story.retry("b", 400, NOT_RETRYABLE)
    for message in gains:
        story.attempt(message)
    story.batches["b"] = ENQUEUED
    return done(story.look("b"))


@pytest.mark.parametrize(("status", "body"), [(404, HTML), (403, HTML), (302, HTML), (400, None)])
def test_three_answers_of_a_gateway_are_no_refusal_before_the_settling_time_is_over(
    status: int, body: str | None
) -> None:
    """One of the retries is carried out behind it, and late (rulings 16 and 22)."""
    story = ready("F")
    for _ in range(3):
        story.retry("b", status, body=body).look("b")
    assert _refused_while_processing(story, "b.0").named() == set()
    settled = ready("F")
    for _ in range(3):
        settled.retry("b", status, body=body).look("b")
    assert settled.named() == set()
    assert {name for found in done(settled).named() for name in found} >= {"BR-ACC-02"}


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("carried_out", [True, False])
def test_a_401_or_403_without_json_in_three_batches_is_no_refusal(status: int, carried_out: bool) -> None:
    """Each may be a gateway's, and be carried out behind it (ruling 22); ruling 28 tells of the key alone."""
    story = Story()
    for batch in ("b", "q", "r", "ctl"):
        story.send(batch, "F").finish(batch).look(batch)
    for batch in ("b", "q", "r"):
        story.retry(batch, status, body=HTML, takes=(f"{batch}.0",) if carried_out else ()).look(batch)
        if not carried_out:
            story.retry(batch).look(batch)
        story.finish(batch).wait(11).look(batch)
    assert story.look("ctl").named() == set()


def test_a_403_in_json_in_three_batches_is_the_target_s() -> None:
    story = Story()
    for batch in ("b", "q", "r"):
        story.send(batch, "F").finish(batch).look(batch).retry(batch, 403, "not_permitted").look(batch)
    assert ("BR-ACC-02",) in story.named()


def _other_key_accepted() -> Story:
    story = ready().retry("b", 201, takes=(), cause="auth:other-key")
    last = story.exchanges[-1]
    story.exchanges[-1] = msgspec.structs.replace(last, invoke=msgspec.structs.replace(last.invoke, auth="other"))
    return story


def test_a_probe_with_a_key_that_may_be_the_campaign_s_own_may_take_effect_late() -> None:
    story = _other_key_accepted().look("b")
    assert _refused_while_processing(story, "b.0", "b.1").named() == set()
    settled = _other_key_accepted().look("b").wait(11).look("b")
    assert ("BR-ACC-02",) in _refused_while_processing(settled).named()


def _status_seen_late() -> Story:
    """A refusal of one batch shows that the status lags by more than a second; of another nothing is enqueued, and late."""
    story = Story().send("a", "FF").finish("a").look("a").single("a.0").look("a").retry("a", 400, UNRESOLVED)
    story.wait(1.4).read("a.0")
    story.batches["a"] = FAILED
    return story.wait(0.1).read("a.0").finish("a").send("b", "FF").finish("b").look("b")


def test_a_lag_of_the_status_counts_where_it_is_to_show_that_enqueuing_did_not_fail() -> None:
    """BR-ACC-05 (ruling 17): until the settling time is over, and the lag of ruling 23 with it."""
    assert _status_seen_late().retry("b", takes=()).wait(10.1).look("b").named() == set()
    assert ("BR-ACC-05",) in _status_seen_late().retry("b", takes=()).wait(14).look("b").named()


def test_a_lag_of_the_status_counts_where_some_are_left_out() -> None:
    """BR-SEL-01, the same."""
    soon = _status_seen_late().retry("b", takes=("b.0",)).finish("b").wait(10.1).look("b")
    assert soon.named() == set()
    late = _status_seen_late().retry("b", takes=("b.0",)).finish("b").wait(14).look("b")
    assert "BR-SEL-01" in {name for found in late.named() for name in found}


@pytest.mark.parametrize(
    ("statuses", "broken"), [((404, 500, 404, 500, 404, 500), False), ((404, 500, 500, 500, 404), True)]
)
def test_an_unknown_message_is_refused_by_5xx_in_a_row(statuses: tuple[int, ...], broken: bool) -> None:
    story = ready("F")
    for status in statuses:
        story.single("zz", status, "x", gives=(), cause="id:unknown").look("b")
    assert story.named() == ({("BR-SGL-01",)} if broken else set())


def test_what_a_single_retry_does_to_the_status_may_come_when_the_message_has_ended() -> None:
    """Within the settling time (rulings 16 and 24); a refusal for another reason is none for the status."""
    story = ready().single("b.0").move("b.0", "failure").look("b")
    assert _refused_while_processing(story).named() == set()
    settled = ready().single("b.0").move("b.0", "failure").wait(11).look("b")
    assert ("BR-ACC-02",) in _refused_while_processing(settled).named()
    other = ready().single("b.0").move("b.0", "failure").look("b").retry("b", 400, "parameter_invalid")
    assert ("BR-ACC-02",) in done(other).named()


def test_a_batch_that_wholly_succeeded_may_be_refused_for_what_a_single_retry_did_to_its_status() -> None:
    def delivered() -> Story:
        story = Story().send("b", "SR").send("ctl", "FS").finish("ctl").move("b.0", "success").move("b.1", "failure")
        return story.look("ctl").look("b").single("b.1").move("b.1", "success")

    assert _refused_while_processing(delivered().look("b")).named() == set()
    assert ("BR-SEL-06",) in _refused_while_processing(delivered().wait(11).look("b")).named()
    other = delivered().look("b").retry("b", 400, UNRESOLVED)
    assert ("BR-SEL-06",) in done(other).named()
