"""Family SEL: each rule accuses where the contract is broken, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.findings import Finding
from tests.shelf import Change, Shelf
from tests.story import Story

NO_FAILED = "no_failed_batch_messages_to_retry"
NOT_RETRYABLE = "batch_not_found_or_is_not_retryable"
UNRESOLVED = "unresolved_batch_messages"
TOO_MANY = "too_many_message_attempts_error"
NOT_FAILED = "message_not_found_or_retry_message_not_in_failure_status"


def _failed(rows: str = "FFS", *, status: bool = True) -> Story:
    """A batch whose messages are all terminal, read, and an untouched one beside it."""
    story = Story(status=status).send("b", rows).send("ctl", "FS").look("b").look("ctl")
    return story.finish("b").finish("ctl").look("b").look("ctl")


def _rounds(story: Story, count: int) -> Story:
    for _ in range(count):
        story.retry("b").look("b").finish("b").look("b")
    return story


@pytest.mark.parametrize("limit", [2, 3])
def test_a_legal_story_exercises_the_family_and_accuses_nobody(limit: int) -> None:
    story = _rounds(_failed(), limit).wait(11).look("b").retry("b", 400, NO_FAILED).look("b").look("ctl")
    assert story.findings() == set()
    assert story.observed()["retry-limit"] == limit
    wanted = {"BR-SEL-01", "BR-SEL-02", "BR-SEL-03", "BR-SEL-04 batch", "BR-SEL-05", "BR-SEL-07", "BR-SEL-08"}
    assert wanted <= story.exercised()


def test_sel_01_one_failed_message_is_left_out() -> None:
    story = _failed().retry("b", takes=("b.0",)).look("b")
    assert story.findings() == set()
    assert story.wait(11).look("b").findings() == {"BR-SEL-01"}


def test_sel_01_enqueuing_failed_excuses_it() -> None:
    story = _failed().retry("b", takes=("b.0",))
    story.batches["b"] = "messages_enqueuing_failed"
    assert story.wait(11).look("b").findings() == set()
    assert ("BR-SEL-01", "partial-enqueue") in story.doubts()


def test_sel_01_a_message_retried_twice_may_be_spent() -> None:
    story = _failed().single("b.0").finish("b").look("b").single("b.0").finish("b").look("b")
    assert story.retry("b", takes=("b.1",)).wait(11).look("b").findings() == set()


def test_sel_01_a_lost_retry_that_took_up_some() -> None:
    story = _failed().retry("b", None, takes=("b.0",)).wait(11).look("b")
    assert story.findings() == set()
    assert story.wait(11).look("b").findings() == {"BR-SEL-01"}
    assert _failed().retry("b", None).wait(11).look("b").wait(11).look("b").findings() == set()


def test_sel_02_a_success_is_retried() -> None:
    assert "BR-SEL-02" in _failed().retry("b", takes=("b.0", "b.1", "b.2")).look("b").findings()


def _second_attempt(*, seen: bool) -> Story:
    """A message in progress gains an attempt by a retry of its batch; ``seen``: while the older one is in progress still."""
    story = _failed().single("b.1").move("b.1", "sent").look("b").retry("b", takes=("b.0",)).list("b")
    if not seen:
        story.move("b.1", "failure")
    story.attempt("b.1")
    return story.look("b")


def test_sel_02_what_a_single_retry_may_have_given_is_not_laid_to_the_batch_s() -> None:
    """The single retry of the success was accepted, and that is BR-SGL-01."""
    story = _failed().single("b.2").retry("b").look("b").look("ctl")
    assert not any("BR-SEL-02" in names for names in story.named())
    assert ("BR-SGL-01",) in story.named()


def test_sel_02_an_attempt_that_begins_while_the_older_one_is_in_progress() -> None:
    assert {"BR-SEL-02", "BR-SEL-08"} <= _second_attempt(seen=True).findings()


def test_sel_02_a_worker_that_selects_late_may_pick_up_a_message_that_failed_meanwhile() -> None:
    assert _second_attempt(seen=False).findings() == set()


def test_sel_02_messages_underway_do_not_keep_the_others() -> None:
    story = _failed().single("b.1").move("b.1", "sent").look("b").retry("b", takes=("b.0",)).look("b")
    assert story.findings() == set()


def test_sel_03_the_status_differs_from_the_newestattempt() -> None:
    story = _failed().retry("b").look("b")
    story.exchanges[-3].end.body["latestStatus"] = "failure"
    assert story.findings() == {"BR-SEL-03"}


def test_sel_03_unknown_statuses_are_left_alone() -> None:
    story = _failed().retry("b").look("b")
    story.exchanges[-1].end.body["latestStatus"] = "resting"
    assert story.findings() == set()


def test_sel_03_a_new_attempt_shows_the_error_of_the_old_one() -> None:
    story = _failed()
    story.messages["b.0"]["attempts"][0].update(errorType="delivery_error", errorCode="routing_error")
    assert story.look("b").retry("b").look("b").findings() == set()
    story.messages["b.0"]["attempts"][1].update(errorType="delivery_error", errorCode="routing_error")
    assert story.look("b").findings() == set(), "which attempt is the newest is told when it is seen first"
    story = _failed()
    story.messages["b.0"]["attempts"][0].update(errorType="delivery_error", errorCode="routing_error")
    story.look("b").retry("b")
    story.messages["b.0"]["attempts"][1].update(errorType="delivery_error", errorCode="routing_error")
    assert "BR-SEL-03" in story.look("b").findings()


def test_sel_04_four_times() -> None:
    assert "BR-SEL-04" in _rounds(_failed(), 4).findings()


def test_sel_04_spent_after_one() -> None:
    story = _rounds(_failed(), 1).retry("b", 400, NO_FAILED)
    assert "BR-SEL-04" in story.findings()


def test_sel_04_accepted_when_spent() -> None:
    story = _rounds(_failed(), 3).wait(11).look("b").retry("b", takes=()).look("b")
    assert "BR-SEL-04" in story.findings()


def test_sel_04_another_code_when_spent() -> None:
    story = _rounds(_failed(), 3).wait(11).look("b").retry("b", 400, UNRESOLVED)
    assert story.findings() == {"BR-SEL-04"}


@pytest.mark.parametrize(("status", "named"), [(True, ("BR-SEL-04",)), (False, ("BR-ERR-01", "BR-SEL-04"))])
def test_sel_04_two_limits_in_one_run(status: bool, named: tuple[str, ...]) -> None:
    """Where the batch's status is not shown, it may be processed when it is refused, and the code be wrong."""
    story = _rounds(_failed(status=status), 3).send("d", "F").look("d").finish("d").look("d")
    story.retry("d").finish("d").look("d").retry("d").finish("d").look("d").wait(11).look("d")
    assert story.retry("d", 400, NO_FAILED).named() == {named}


@pytest.mark.parametrize(("status", "named"), [(True, ("BR-SEL-04",)), (False, ("BR-ERR-01", "BR-SEL-04"))])
def test_sel_04_another_code_may_be_right_where_the_status_is_not_shown(status: bool, named: tuple[str, ...]) -> None:
    story = _rounds(_failed(status=status), 3).wait(11).look("b").retry("b", 400, "parameter_invalid")
    assert story.named() == {named}


def test_sel_04_a_message_with_an_attempt_too_many_tells_no_limit() -> None:
    """It may have had the one more before it was refused: that is the ledger's, and no second limit."""
    story = _rounds(_failed(), 3).send("d", "F").look("d").finish("d").look("d")
    story.retry("d").finish("d").look("d").retry("d").finish("d").look("d").wait(11).look("d")
    story.retry("d", 429, takes=("d.0",)).finish("d").look("d").wait(11).look("d").retry("d", 400, NO_FAILED)
    assert any("BR-ERR-06" in names for names in story.named())
    assert not any("BR-SEL-04" in names for names in story.named())


def test_sel_04_a_failure_with_an_attempt_in_progress_is_none() -> None:
    """The status is an older attempt's (BR-SEL-03): that nothing was there to be retried is no second limit."""
    story = _rounds(_failed(), 3).send("d", "F").look("d").finish("d").look("d")
    story.retry("d").finish("d").look("d").retry("d").move("d.0", "sent").wait(11).look("d")
    for e in story.exchanges[-2:]:
        body = e.end.body
        for shown in body.get("data", [body]):
            shown["latestStatus"] = "failure"
    found = story.retry("d", 400, NO_FAILED).findings()
    assert "BR-SEL-03" in found
    assert "BR-SEL-04" not in found


@pytest.mark.parametrize(("takes", "named"), [(("b.0", "b.1"), {"BR-SEL-02"}), (("b.1",), set())])
def test_sel_02_what_a_single_retry_delivered_next_to_an_earlier_retry(takes: tuple[str, ...], named: set[str]) -> None:
    """It was in progress, in the attempt that succeeded, when the earlier batch retry left: that one has nothing to give it."""
    story = _failed("FF").single("b.0").look("b").move("b.0", "sending").list("b")
    story.retry("b", takes=("b.1",)).look("b").move("b.0", "success").finish("b").look("b")
    story.retry("b", takes=takes).look("b").move("b.0", "success").finish("b").look("b")
    assert story.findings() == named


@pytest.mark.parametrize(("rounds", "exercised"), [(3, True), (2, False), (1, False)])
def test_sel_04_no_page_binds_a_code_to_an_exhausted_single_retry(rounds: int, exercised: bool) -> None:
    """As not in failure status it keeps the limit where the message was retried three times; before, it may mean what it says."""
    story = _failed("FF")
    for _ in range(rounds):
        story.single("b.0").look("b").finish("b").look("b")
    story.wait(11).look("b").single("b.0", 400, NOT_FAILED).look("b").look("ctl")
    assert story.findings() == set()
    assert ("BR-SEL-04 single" in story.exercised()) == exercised
    assert "retry-limit" not in story.observed()


def test_sel_04_single_retries_count() -> None:
    story = _rounds(_failed("F"), 2).single("b.0").finish("b").look("b")
    story.wait(11).look("b").single("b.0", 400, TOO_MANY).look("b")
    assert story.findings() == set()
    assert "BR-SEL-04 single" in story.exercised()


def test_sel_05_two_attempts_for_one_retry() -> None:
    story = _failed().retry("b", takes=("b.0", "b.0", "b.1"))
    story.messages["b.0"]["attempts"][1]["status"] = "failure"
    assert "BR-SEL-05" in story.look("b").look("ctl").findings()


def test_sel_05_an_earlier_attempt_is_rewritten() -> None:
    story = _failed().retry("b")
    story.messages["b.0"]["attempts"][0]["id"] = "other"
    assert story.look("b").findings() == {"BR-SEL-05"}


def test_sel_05_an_earlier_attempt_is_dropped() -> None:
    story = _failed().retry("b")
    del story.messages["b.0"]["attempts"][0]
    assert "BR-SEL-05" in story.look("b").findings()


@pytest.mark.parametrize("numbered", [True, False])
def test_sel_05_an_attempt_in_place_of_the_one_before(numbered: bool) -> None:
    """A list of one may hold the newest only; the number beside it that stands still says that one was dropped, or is not kept."""
    story = Shelf(fields=("numAttempts", "messageAttempts")).send("b", "F").finish("b").list("b").retry("b")
    del story.messages["b.0"]["attempts"][0]
    if not numbered:
        story.hide("numAttempts")
    assert story.finish("b").list("b").named() == ({("BR-IDS-07", "BR-SEL-05")} if numbered else set())
    assert "suite-error" not in {code for _, code in story.doubts()}


def _last_only(*, less: int = 0) -> Change:
    """A list of attempts that holds the newest only, beside a number that counts all of them (less some)."""

    def change(shown: dict[str, Any]) -> None:
        shown["messageAttempts"] = shown["messageAttempts"][:1]
        shown["numAttempts"] -= less

    return change


def _abbreviated(rounds: int, *, at: int = 0, less: int = 0) -> Shelf:
    """Rounds of a batch whose listing shows the last attempt only, from round ``at`` on."""
    shelf = Shelf().send("b", "FF").send("ctl", "FS")
    shelf.look("b").look("ctl").finish("b").finish("ctl").look("b").look("ctl")
    for number in range(rounds):
        if number == at:
            shelf.change(_last_only(less=less), view="batch_list")
        shelf.retry("b").list("b").finish("b").list("b")
    return shelf


@pytest.mark.parametrize("at", [0, 1])
def test_sel_05_a_list_that_shows_the_last_attempt_only_loses_none(at: int) -> None:
    story = _abbreviated(3, at=at).look("b").look("ctl")
    assert story.findings() == set()
    assert story.doubts().isdisjoint({(r, "axiom-broken") for r in ("BR-SEL-05", "BR-SEL-07", "BR-SEL-03")})
    assert {"BR-SEL-03", "BR-SEL-05", "BR-SEL-08"} <= story.exercised()


def test_sel_05_attempts_are_lost_where_the_number_falls_too_or_there_is_none() -> None:
    fallen = _abbreviated(2, at=2).change(_last_only(less=2), view="batch_list").retry("b").list("b")
    assert "BR-SEL-05" in fallen.findings()
    shelf = Shelf().send("b", "FF").finish("b").look("b").retry("b").finish("b").look("b")
    shelf.change(lambda shown: shown.update(attempts=shown["attempts"][:1]), view="message_read")
    assert "BR-SEL-05" in shelf.retry("b").look("b").findings(), "a single read says no number beside its list"


def test_sel_05_a_number_counts_where_the_list_is_abbreviated() -> None:
    shelf = _abbreviated(2).wait(11).list("b")
    shelf.attempt("b.0")
    assert shelf.list("b").look("ctl").findings() & {"BR-SEL-05", "BR-SEL-07"}


def test_sel_03_an_abbreviated_list_may_lack_the_newest() -> None:
    shelf = Shelf().send("b", "FF").finish("b").look("b")
    shelf.change(lambda shown: shown.update(messageAttempts=shown["messageAttempts"][-1:]), view="batch_list")
    assert "BR-SEL-03" not in shelf.retry("b").look("b").findings()


def test_sel_05_overlapping_lost_retries_may_explain_two() -> None:
    story = _failed("F").retry("b", None).retry("b").finish("b")
    story.attempt("b.0")
    assert story.finish("b").look("b").findings() == set()


def test_sel_06_a_success_only_batch_is_accepted() -> None:
    assert "BR-SEL-06" in _failed("SS").retry("b").look("b").findings()


def test_sel_06_a_batch_wholly_underway_is_accepted() -> None:
    story = Story().send("b", "FF").move("b.0", "sent").move("b.1", "sent").look("b").retry("b").look("b")
    assert "BR-SEL-06" in story.findings()


def test_sel_06_the_code() -> None:
    assert "BR-SEL-06" in _failed("SS").retry("b", 400, NO_FAILED).exercised()
    assert _failed("SS").retry("b", 400, UNRESOLVED).findings() == {"BR-SEL-06"}
    assert _failed("SS", status=False).retry("b", 400, NOT_RETRYABLE).findings() == set()
    assert _failed("SS").retry("b", 404, "missing").findings() == {"BR-SEL-06"}


def test_sel_07_an_attempt_from_nowhere() -> None:
    story = _failed()
    story.attempt("ctl.0")
    assert story.look("ctl").findings() == {"BR-SEL-07"}


def test_sel_07_through_a_retry_of_another_batch() -> None:
    story = _failed().retry("b", takes=("b.0", "b.1", "ctl.0"))
    assert story.look("b").look("ctl").findings() == {"BR-SEL-07"}


def test_sel_08_two_attempts_underway() -> None:
    story = _failed().single("b.0").look("b")
    story.attempt("b.0")
    assert "BR-SEL-08" in story.read("b.0").findings()


def test_sel_08_is_laid_to_the_scenario_that_retried_and_not_to_the_one_that_read() -> None:
    story = _failed().by("sends").single("b.0").look("b").by("retries")
    story.attempt("b.0")
    found = {o.any_of[0]: o.scenario for o in story.read("b.0").by("reads").opinions() if isinstance(o, Finding)}
    assert found["BR-SEL-08"] == "retries"
    unasked = _failed().by("sends")
    unasked.attempt("b.0")
    unasked.attempt("b.0")
    found = {o.any_of[0]: o.scenario for o in unasked.read("b.0").by("reads").opinions() if isinstance(o, Finding)}
    assert found["BR-SEL-08"] == "sends"


def test_sel_08_attempts_that_nobody_shows_are_in_doubt() -> None:
    story = Story(fields=("numAttempts",)).send("b", "F").look("b").finish("b").look("b").retry("b").look("b")
    assert ("BR-SEL-08", "attempts-not-visible") in story.doubts()


def _one_spent() -> Story:
    story = _failed("FF")
    for _ in range(3):
        story.single("b.0").look("b").finish("b").look("b")
    return story.wait(11).look("b").single("b.0", 400, TOO_MANY).look("b")


def test_sel_09_a_spent_message_beside_a_fresh_one() -> None:
    story = _one_spent().retry("b", takes=("b.1",)).look("b")
    assert story.findings() == set()
    assert "BR-SEL-09" in story.exercised()


def test_sel_09_the_spent_message_is_retried() -> None:
    assert "BR-SEL-09" in _one_spent().retry("b", takes=("b.0", "b.1")).look("b").findings()


def test_sel_09_the_spent_message_keeps_the_others_from_it() -> None:
    assert "BR-SEL-09" in _one_spent().retry("b", 400, TOO_MANY).look("b").findings()


def test_sel_10_created_elsewhere() -> None:
    story = _failed().send("new", "F").look("new").look("b").retry("b").look("new").look("b")
    assert story.findings() == set()
    assert "BR-SEL-10" in story.exercised()


def test_sel_10_blocked_by_another_batch() -> None:
    story = _failed().send("new", "F").look("new").look("b").retry("b", 400, UNRESOLVED).look("new").look("b")
    assert "BR-SEL-10" in story.findings()


def test_sel_02_an_old_attempt_that_moves_again_is_another_defect() -> None:
    """A listing showed it terminal before the retry: that it is underway beside the later one breaks A2."""
    story = _failed().single("b.1").move("b.1", "sent").look("b").move("b.1", "failure").list("b").retry("b")
    story.messages["b.1"]["attempts"][-2]["status"] = "sending"
    assert story.look("b").findings() == {"BR-SEL-08"}


@pytest.mark.parametrize("late", [True, False])
def test_sel_03_a_list_that_enters_attempts_late_may_lack_the_newest(late: bool) -> None:
    """It was seen to lack a new attempt while the message is created: then it may lack one that came by itself, too."""
    shelf = Shelf().send("b", "FF").send("ctl", "FS").look("b").look("ctl")

    def without(shown: dict[str, Any]) -> None:
        for name in shown.keys() & {"messageAttempts", "attempts"}:
            shown[name] = [a for a in shown[name] if a["status"] != "created"]
        shown.pop("numAttempts", None)

    if late:
        shelf.change(without)
    shelf.finish("b").finish("ctl").look("b").look("ctl").retry("b").look("b").finish("b").wait(11).look("b")
    shelf.attempt("b.0")
    found = shelf.look("b").look("ctl").findings()
    assert "BR-SEL-03" not in found
    assert found == {"BR-SEL-05"}


@pytest.mark.parametrize("oldest", [True, False])
def test_sel_03_a_list_of_the_newest_attempt_only(oldest: bool) -> None:
    """Every attempt was listed when it was the newest, so that one which was not listed yet is newer than all of them."""

    def one(shown: dict[str, Any]) -> None:
        for name in shown.keys() & {"messageAttempts", "attempts"}:
            shown[name] = shown[name][-1:] if oldest else shown[name][:1]
        shown.pop("numAttempts", None)

    def told() -> Shelf:
        return Shelf().change(one).send("b", "FF").look("b").finish("b").look("b").retry("b")

    assert told().look("b").findings() == set()
    wrong = told().show("latestStatus", "failure", message="b.0").look("b")
    assert ("BR-SEL-03" in wrong.findings()) is not oldest


def _late(*, listed: bool) -> Story:
    """A message retried twice, and by a refused retry a third time, late; the batch is retried then, and takes up the other one."""
    story = Story().send("b", "FF").look("b").finish("b").look("b")
    for _ in range(2):
        story.single("b.0").look("b").finish("b").look("b")
    story.single("b.1").read("b.1").blocked("b").look("b").finish("b").look("b")
    story.attempt("b.0")
    story.list("b") if listed else story.wait(0.1)
    story.finish("b").list("b")
    story.retry("b", takes=("b.1",)).wait(0.1)
    return story.look("b").finish("b").look("b")


@pytest.mark.parametrize("listed", [True, False])
def test_sel_09_an_attempt_that_another_view_showed_before_the_retry_is_not_the_retry_s(listed: bool) -> None:
    """The single read does not tell; the listing showed the message retried again before the retry left."""
    named = _late(listed=listed).named()
    assert any("BR-BLK-03" in names for names in named)
    assert not [names for names in named if "BR-SEL-09" in names]


def test_sel_09_what_else_may_have_given_the_attempt_is_named() -> None:
    story = Story().send("b", "FF").look("b").finish("b").look("b")
    for _ in range(3):
        story.single("b.0").look("b").finish("b").look("b")
    story.single("b.1").read("b.1").blocked("b").look("b").finish("b").look("b")
    found = [names for names in story.retry("b").look("b").finish("b").look("b").named() if "BR-SEL-09" in names]
    assert found
    assert all({"BR-SEL-04", "BR-BLK-03"} <= set(names) for names in found)
