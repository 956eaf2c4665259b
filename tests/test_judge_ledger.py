"""Attempts and whom they are laid to, and what stands next to a wrong verdict: small stories of one kind each."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from conformance.findings import Finding
from tests.story import Story
from tests.test_judge_innocents import done, ready

UNRESOLVED = "unresolved_batch_messages"
NO_FAILED = "no_failed_batch_messages_to_retry"


def _failed(rows: str = "FFS", **options: Any) -> Story:
    story = Story(**options).send("b", rows).send("ctl", "FS").look("b").look("ctl")
    return story.finish("b").finish("ctl").look("ctl").look("b")


def _named(story: Story) -> list[set[str]]:
    return [set(o.any_of) for o in story.opinions() if isinstance(o, Finding)]


def _undone(story: Story, message: str, **shown: Any) -> None:
    """The last exchange shows the message otherwise than it is."""
    body = story.exchanges[-1].end.body
    next(item for item in body.get("data", [body]) if item["id"] == message).update(shown)


def test_a_query_that_resends_a_success() -> None:
    story = _failed().retry("b", cause="query:force", takes=("b.0", "b.1", "b.2")).look("b").look("ctl")
    assert {"BR-SEL-02", "BR-SEC-05"} in _named(story)
    assert not {"BR-SEL-02", "BR-SEC-05"} & story.exercised()


def test_a_query_that_has_a_wholly_successful_batch_accepted() -> None:
    story = _failed("SS").retry("b", cause="query:force", takes=("b.0", "b.1")).look("b").look("ctl")
    assert {"BR-SEL-06", "BR-SEC-05"} in _named(story)
    assert {"BR-SEL-02", "BR-SEC-05"} in _named(story)


def test_a_body_is_a_retry_like_any_other() -> None:
    story = _failed().single("b.1").move("b.1", "sent").look("b").retry("b", takes=("b.0",)).list("b")
    story.move("b.0", "sent").move("b.1", "failure").retry("b", cause="body:json", takes=("b.1",)).look("b")
    assert story.findings() == set()


def test_reads_that_lag_prove_no_success_retried_and_no_attempt_by_itself() -> None:
    for retried in (True, False):
        story = _failed(fields=())
        if retried:
            story.retry("b", takes=("b.0", "b.1"))
        story.list("b")
        _undone(story, "b.2", latestStatus="sent", updatedAt="2026-01-01T00:00:00+00:00")
        assert story.list("b").look("ctl").findings() == set(), retried


def test_a_single_read_that_lags_behind_the_listing_proves_no_batch_without_failures() -> None:
    story = Story().send("b", "F").finish("b").look("b").retry("b").move("b.0", "sent").read("b.0")
    stale = story.exchanges.pop().end.body
    story.finish("b").list("b")
    for again in (True, False):
        story.read("b.0")
        _undone(story, "b.0", **stale)
        if again:
            story.retry("b")
    assert story.list("b").finish("b").look("b").findings() == set()


def test_a_worker_that_selects_when_it_runs_picks_up_what_failed_by_then() -> None:
    story = _failed("FF").single("b.1").move("b.1", "sent").look("b").retry("b", takes=()).list("b")
    story.move("b.1", "failure").list("b").attempt("b.0")
    story.attempt("b.1")
    assert story.look("b").finish("b").look("b").findings() == set()


@pytest.mark.parametrize("shift", ["2030-01-01T00:00:00+00:00", "2020-01-01T00:00:00+00:00"])
def test_two_clocks_do_not_say_which_attempt_is_the_newest(shift: str) -> None:
    story = _failed()
    for message in story.members["b"]:
        story.messages[message]["attempts"][0]["createdAt"] = shift
    story.look("b").retry("b").look("b").finish("b").look("b")
    assert "BR-SEL-03" not in story.findings()
    assert "BR-SEL-03" in story.exercised()


def test_views_that_were_first_read_before_and_after_an_attempt_do_not_dispute_each_other() -> None:
    """The listing was read before the keyless retry, the single read after it: the one gains two, the other one."""
    story = Story().send("b", "FF").send("ctl", "FS").finish("b").finish("ctl").list("b").look("ctl")
    story.retry("b", 401, cause="auth:none", takes=("b.0",)).move("b.0", "failure").read("b.0").read("b.1")
    story.retry("b").finish("b").look("b").wait(11).look("b").look("ctl")
    (names,) = story.named()
    assert "BR-SEC-01" in names
    assert "BR-IDS-07" not in names


def test_a_success_that_is_reset_in_place() -> None:
    story = _failed().retry("b", takes=("b.0", "b.1")).move("b.2", "created").look("b").finish("b").look("b")
    assert "BR-SEL-02" in story.look("ctl").findings()
    assert "BR-SEL-02" not in story.exercised()


def test_a_single_retry_answered_429_that_is_carried_out() -> None:
    story = _failed().retry("b").finish("b").look("b").wait(11).look("b")
    story.single("b.0", 429, gives=("b.0",)).look("b").look("ctl")
    assert any("BR-ERR-06" in names for names in _named(story))
    assert "BR-SEL-07" not in story.exercised()


def test_the_control_is_read_again_after_every_retry_of_the_run() -> None:
    story = _failed().retry("b").look("b").look("ctl")
    assert "BR-SEL-07" in story.exercised()
    story.finish("b").look("b").single("b.0").look("b")
    assert "BR-SEL-07" not in story.exercised()
    assert "BR-SEL-07" in story.look("ctl").exercised()
    assert "BR-SEL-07" in story.retry("b", 400, UNRESOLVED).look("ctl").exercised()


def test_a_failed_single_message_stands_still_too() -> None:
    def story(last: str) -> Story:
        told = _failed().single_send("alone", "F").read("alone").move("alone", "failure").read("alone")
        told.retry("b").look("b")
        if last == "gains":
            told.attempt("alone")
        return told if last == "unread" else told.read("alone")

    assert "BR-SEL-07" in story("stands").look("ctl").exercised()
    assert "BR-SEL-07" not in story("unread").look("ctl").exercised()
    assert "BR-SEL-07" in story("gains").look("ctl").findings()


@pytest.mark.parametrize(("status", "code", "requirement"), [(400, UNRESOLVED, "BR-BLK-03"), (429, None, "BR-ERR-06")])
def test_one_attempt_too_many_next_to_an_accepted_retry_names_both(
    status: int, code: str | None, requirement: str
) -> None:
    story = (
        _failed("F").retry("b").move("b.0", "failure").retry("b", status, code, takes=("b.0",)).look("b").look("ctl")
    )
    assert [names for names in _named(story) if requirement in names] == [{"BR-SEL-05", requirement}]
    assert {"BR-SEL-05"} not in _named(story)


def test_one_surplus_is_one_finding() -> None:
    """Several messages, each read in two views: one finding for each batch and set of requirements."""
    story = _failed("FFF").retry("b").finish("b").look("b").wait(11).look("b")
    for message in story.members["b"]:
        story.attempt(message)
    assert len(_named(story.look("b").look("ctl"))) == 1


def test_a_success_that_was_retried_wrongly_may_have_failed_since() -> None:
    story = _failed("FS").retry("b", takes=("b.0", "b.1")).move("b.0", "success").move("b.1", "failure")
    story.retry("b", takes=("b.1",)).look("b").look("ctl")
    assert any("BR-SEL-02" in names for names in _named(story))
    assert all("BR-SEL-06" not in names for names in _named(story))


@pytest.mark.parametrize("fields", [("numAttempts",), ("numAttempts", "newest"), ()])
def test_targets_that_list_no_attempts_are_decided(fields: tuple[str, ...]) -> None:
    """A status seen created again is an attempt; counts of one kind do as well."""
    story = _failed("FFS", fields=fields)
    for _ in range(2):
        story.retry("b").look("b").finish("b").look("b").look("b")
    story.wait(11).look("b").retry("b", 400, NO_FAILED).look("b").look("ctl")
    assert story.findings() == set()
    assert {f"BR-SEL-0{n}" for n in (1, 2, 3, 5, 7, 8)} | {"BR-SEL-04 batch"} <= story.exercised()


def test_attempts_that_the_loser_of_a_race_takes_back_may_be_its_rollback() -> None:
    story = _failed("F").retry("b").retry("b", 400, UNRESOLVED)
    first, second = story.exchanges[-2:]
    story.exchanges[-1] = type(second)(
        invoke=msgspec.structs.replace(second.invoke, t=first.t + 0.001),
        end=msgspec.structs.replace(second.end, last=story.now + 0.1),
    )
    story.list("b").wait(1)
    del story.messages["b.0"]["attempts"][-1]
    assert {"BR-SEL-05", "BR-BLK-03", "BR-CON-02"} in _named(story.list("b").list("b"))


def _anew(story: Story, message: str = "b.1") -> Story:
    """The message is begun anew in its attempt, seen so, and ends again."""
    return done(story.move(message, "created").look("b"))


def test_a_failed_message_that_is_reset_in_place_is_laid_to_the_refused_call() -> None:
    """``created`` is no correction of a failure (ruling 18), be it that no attempt is counted."""
    story = _anew(ready().retry("b", 401, "x", cause="auth:none"))
    assert [{"BR-SEC-01"}] == _named(story)
    assert not {"BR-SEC-01 none", "BR-SEL-07"} & story.exercised()
    blocked = _anew(ready("FFF").single("b.0").look("b").blocked("b"))
    assert [{"BR-BLK-03", "BR-SGL-02"}] == _named(blocked)
    assert "BR-BLK-03" not in blocked.exercised()


def test_a_reset_in_place_beside_one_that_may_be_an_older_state() -> None:
    """A retry explains it; an older updatedAt, or one that is newer by what clocks differ, may be a read that lags (ruling 27)."""
    assert _named(_anew(ready("FS").retry("b", takes=()), "b.0")) == []
    for moved in ("2026-01-01T00:00:00+00:00", "2026-01-01T00:00:02+00:00"):
        story = ready().retry("b", 401, "x", cause="auth:none").list("b")
        _undone(story, "b.1", latestStatus="created", updatedAt=moved)
        assert _named(done(story.look("b"))) == [], moved


def test_a_late_correction_is_no_reset() -> None:
    story = ready().retry("b", 401, "x", cause="auth:none").look("b").wait(1.2)
    assert _named(done(story.move("b.1", "success").look("b"))) == []


@pytest.mark.parametrize("again", [False, True])
def test_an_attempt_that_comes_too_late_is_not_one_too_many(again: bool) -> None:
    """The retry gave it nothing within the settling time (ruling 16): each message has one attempt for it, or another has two."""
    story = _failed("FF").retry("b", takes=("b.0", "b.1") if again else ("b.0",)).finish("b").wait(11).look("b")
    story.attempt("b.1")
    (found,) = [names for names in _named(done(story.look("b"))) if "BR-SEL-05" in names]
    assert found == ({"BR-SEL-05"} if again else {"BR-SEL-05", "BR-ACC-05", "BR-SEL-01"})


@pytest.mark.parametrize("single", [False, True])
def test_an_attempt_that_comes_too_late_may_be_the_single_retry_s_as_well(single: bool) -> None:
    """Neither call gave one within the settling time (ruling 16)."""
    story = _failed("F")
    if single:
        story.single("b.0", gives=())
    story.retry("b", takes=()).look("b").wait(11).look("b")
    story.attempt("b.0")
    (found,) = [names for names in _named(story.look("b").look("ctl")) if "BR-SEL-05" in names]
    assert found == {"BR-SEL-05", "BR-ACC-05", "BR-SEL-01", *(["BR-SGL-02"] if single else [])}


@pytest.mark.parametrize("seen", [False, True])
def test_an_attempt_that_a_read_showed_while_the_retry_was_in_flight_does_not_come_late(seen: bool) -> None:
    """Nothing counts attempts: in progress in that read it is the retry's, and the next one is one too many."""
    story = Story(fields=()).send("b", "F").send("ctl", "F").finish("b").finish("ctl").list("b").list("ctl").retry("b")
    call = story.exchanges[-1]
    if seen:
        read = story.list("b").exchanges.pop()
        story.exchanges.append(
            msgspec.structs.replace(
                read,
                invoke=msgspec.structs.replace(read.invoke, t=call.t - 0.001),
                end=msgspec.structs.replace(read.end, last=call.last + 0.001),
            )
        )
    story.finish("b").list("b").wait(11).list("b")
    story.attempt("b.0")
    (found,) = [names for names in _named(story.list("b").list("ctl")) if "BR-SEL-05" in names]
    assert found == {"BR-SEL-05"} | (set() if seen else {"BR-ACC-05", "BR-SEL-01"})


@pytest.mark.parametrize("refused", [False, True])
def test_what_was_left_out_may_be_enqueued_later(refused: bool) -> None:
    """The batch says so by its status (ruling 17); a retry that is refused meanwhile is suspected all the same."""
    story = _failed("FF").retry("b", takes=("b.0",)).finish("b")
    story.batches["b"] = "messages_enqueuing_failed"
    story.wait(11).look("b")
    if refused:
        story.retry("b", 400, NO_FAILED).look("b")
    story.attempt("b.1")
    named = _named(done(story.look("b")))
    assert any("BR-BLK-03" in names for names in named) is refused
    assert any("BR-SEL-05" in names for names in named) is refused


@pytest.mark.parametrize("surplus", [False, True])
def test_an_attempt_that_was_there_before_uses_up_no_later_retry(surplus: bool) -> None:
    """A dropped retry that is carried out is one finding; what is accepted later, and acts late, owes its attempt all the same."""
    story = _failed("FF").retry("b", 429, takes=("b.0", "b.1")).look("b").finish("b").wait(11).look("b").look("ctl")
    story.retry("b", takes=()).look("b")
    for message in ("b.0", "b.1", *(["b.1"] if surplus else [])):
        story.attempt(message)
        story.finish("b")
    story.look("b").wait(11).look("b").look("ctl")
    assert _named(story) == [{"BR-ERR-06"}, *([{"BR-SEL-05"}] if surplus else [])]
