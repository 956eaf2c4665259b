"""Family ACC: each rule accuses where the contract is broken, and nowhere else."""

from __future__ import annotations

import pytest

from conformance.findings import Finding
from tests.story import Story

NOT_RETRYABLE = "batch_not_found_or_is_not_retryable"
NO_FAILED = "no_failed_batch_messages_to_retry"


def _failed(rows: str = "FFS", *, status: bool = True, lag: float | None = None) -> Story:
    """A batch whose messages are all terminal, read."""
    return Story(status=status, lag=lag).send("b", rows).look("b").finish("b").look("b")


def _retried(rows: str = "FFS", *, status: bool = True) -> Story:
    """The same, retried once and terminal again."""
    return _failed(rows, status=status).retry("b").look("b").finish("b").look("b")


def test_a_legal_story_exercises_the_family_and_accuses_nobody() -> None:
    story = _retried().retry("b").look("b")
    assert story.findings() == set()
    assert {
        "BR-ACC-01 accepted-when-retryable",
        "BR-ACC-02",
        "BR-ACC-04",
        "BR-ACC-05",
        "BR-ACC-06",
    } <= story.exercised()


def test_acc_01_a_201_while_rows_are_missing() -> None:
    story = Story().send("b", "FFF").retry("b", takes=()).list("b", only=1).list("b").finish("b").look("b")
    assert "BR-ACC-01" in story.findings()


def test_acc_01_a_refusal_while_rows_are_missing_exercises_it() -> None:
    story = Story().send("b", "FFF").retry("b", 400, NOT_RETRYABLE).list("b", only=1).list("b")
    assert story.findings() == set()
    assert "BR-ACC-01 refused-otherwise" in story.exercised()


def test_acc_01_rows_that_never_come_prove_nothing() -> None:
    story = Story().send("b", "FFF").retry("b", takes=()).list("b", only=1)
    assert story.findings() == set()


def test_acc_01_without_a_visible_status_is_in_doubt() -> None:
    assert ("BR-ACC-01", "status-not-visible") in _failed(status=False).retry("b").look("b").doubts()


@pytest.mark.parametrize("code", [NOT_RETRYABLE, NO_FAILED, "parameter_invalid"])
def test_acc_02_a_first_retry_of_a_quiet_batch_is_refused(code: str) -> None:
    assert "BR-ACC-02" in _failed().retry("b", 400, code).look("b").findings()


@pytest.mark.parametrize("status", [301, 400, 401, 404, 429, 503, None])
def test_acc_02_other_answers_prove_nothing(status: int | None) -> None:
    assert _failed().retry("b", status).look("b").findings() == set()


def test_acc_02_messages_underway_may_block() -> None:
    story = _failed().single("b.0").move("b.0", "sent").read("b.0").retry("b", 400, "unresolved_batch_messages")
    assert story.look("b").findings() == set()


def test_acc_02_a_read_from_before_the_last_write_proves_nothing() -> None:
    story = _failed().single("b.0").finish("b").retry("b", 400, "unresolved_batch_messages")
    assert story.findings() == set()


def test_acc_02_an_unseen_status_is_believed_until_the_settling_time_is_over() -> None:
    story = _failed(status=False).retry("b", 400, NOT_RETRYABLE).look("b")
    assert story.findings() == set()
    assert ("BR-ACC-02", "status-not-visible") in story.doubts()
    story.wait(11).look("b").retry("b", 400, NOT_RETRYABLE)
    assert "BR-ACC-02" in story.findings()


def test_acc_06_an_unseen_status_is_believed_after_a_retry_too() -> None:
    """Which requirement stays open is told by whether the batch had been retried before."""
    assert ("BR-ACC-06", "status-not-visible") in _retried(status=False).retry("b", 400, NOT_RETRYABLE).look(
        "b"
    ).doubts()


def test_acc_02_a_failure_that_was_corrected_may_be_taken_up_still_and_be_why_a_refusal_came() -> None:
    """An accepted retry owes b.0 an attempt until its settling time is over (ruling 18): the batch is not quiescent."""
    story = Story().send("b", "FF").finish("b").look("b").retry("b", takes=("b.1",)).look("b")
    story.finish("b").move("b.0", "success").look("b").retry("b", 400, NOT_RETRYABLE).look("b")
    assert not any(name.startswith("BR-ACC") for names in story.named() for name in names)


def test_acc_02_a_lost_retry_leaves_everything_open() -> None:
    story = _failed().retry("b", None).look("b").retry("b", 400, NOT_RETRYABLE).look("b")
    assert story.findings() == set()


def test_acc_02_attempts_that_a_refused_retry_gave_use_up_the_limit() -> None:
    story = Story().send("b", "FF").finish("b").look("b")
    for _ in range(3):
        story.retry("b", 400, "unresolved_batch_messages", takes=("b.0", "b.1")).look("b").finish("b").look("b")
    story.wait(11).look("b").retry("b", 400, "no_failed_batch_messages_to_retry").look("b")
    assert "BR-BLK-03" in story.findings()
    last = max(e.n for e in story.exchanges if e.invoke.operation == "batch_retry")
    assert not [o for o in story.opinions() if isinstance(o, Finding) and last in o.evidence]


def test_acc_02_a_message_that_may_just_have_moved_by_itself_is_another_reason_to_refuse() -> None:
    """An attempt that no retry explains is seen after the refusal: it may have begun before it, and no other batch stood still."""
    story = Story().send("b", "FF").finish("b").look("b")
    story.attempt("b.0")
    story.retry("b", 400, "unresolved_batch_messages").look("b")
    assert story.named() == {("BR-BLK-03", "BR-SEL-07")}
    assert ("BR-ACC-02", "another-reason") in story.doubts()


def test_acc_02_three_times_500() -> None:
    """A read between each, and one when the settling time is over (ruling 11)."""
    story = _failed().retry("b", 500).look("b").retry("b", 500).look("b")
    assert story.findings() == set()
    assert story.retry("b", 500).look("b").findings() == set()
    assert story.wait(11).look("b").named() == {("BR-ACC-02", "BR-ERR-08")}


def test_acc_02_names_the_lag_it_stands_by() -> None:
    story = _failed(lag=5.0).retry("b").look("b").finish("b").look("b").retry("b", 400, NOT_RETRYABLE)
    assert story.findings() == set()


def test_acc_03_a_batch_that_a_blocked_retry_put_there() -> None:
    story = _failed().single("b.0").read("b.0").blocked("b").look("b").finish("b").look("b")
    refused = story.retry("b", 400, NOT_RETRYABLE).look("b")
    assert refused.findings() == {"BR-ACC-03"}
    assert "BR-ACC-03" in refused.retry("b").look("b").exercised()


@pytest.mark.parametrize(("status", "size"), [(200, 2), (202, 2), (201, 2)])
def test_acc_04_another_success_or_a_body(status: int, size: int) -> None:
    story = _failed().retry("b", status, size=size, takes=("b.0", "b.1"), body={} if status != 201 else None).look("b")
    assert story.findings() == {"BR-ACC-04"}


def test_acc_05_a_201_that_attempts_nothing() -> None:
    story = _failed().retry("b", takes=()).look("b")
    assert story.findings() == set()
    assert story.wait(11).look("b").findings() == {"BR-ACC-05"}


def test_acc_05_enqueuing_failed_excuses_it() -> None:
    story = _failed().retry("b", takes=())
    story.batches["b"] = "messages_enqueuing_failed"
    story.wait(11).look("b")
    assert story.findings() == set()
    assert ("BR-ACC-05", "partial-enqueue") in story.doubts()


def test_acc_05_an_unseen_status_leaves_it_in_doubt() -> None:
    story = _failed(status=False).retry("b", takes=()).wait(11).look("b")
    assert story.findings() == set()
    assert ("BR-ACC-05", "attempted-nothing") in story.doubts()


def test_acc_05_a_retry_in_between_may_have_been_excused_unseen() -> None:
    story = _failed("F").retry("b").finish("b").retry("b", takes=()).wait(11).look("b")
    assert story.findings() == set()


def test_acc_06_a_second_retry_is_refused_as_not_retryable() -> None:
    story = _retried(status=False)
    for _ in range(3):
        story.retry("b", 400, NOT_RETRYABLE).wait(6).look("b")
    assert story.findings() == {"BR-ACC-06"}


def test_acc_06_a_status_that_stays_not_retryable() -> None:
    story = _failed().retry("b")
    story.batches["b"] = "messages_processing"
    story.look("b").finish("b").look("b")
    assert story.findings() == set()
    assert story.wait(11).look("b").findings() == {"BR-ACC-06"}


@pytest.mark.parametrize(("moves", "accused"), [(False, True), (True, False)])
def test_acc_06_refusals_between_leave_the_status_as_it_is(moves: bool, accused: bool) -> None:
    """Unless a message moves meanwhile: then the refused one may have been carried out, and the batch be processed once more."""
    story = _failed().retry("b").finish("b")
    story.batches["b"] = "messages_processing"
    story.wait(11).look("b").retry("b", 400, NOT_RETRYABLE, takes=("b.0",) if moves else ()).finish("b").wait(11)
    assert ("BR-ACC-06" in story.look("b").findings()) is accused


@pytest.mark.parametrize("taken", [True, False])
def test_acc_01_rows_that_the_retry_took_up_had_been_made(taken: bool) -> None:
    """A listing that lacks them as the first read of the batch lagged, as far as anybody knows."""
    story = Story().send("b", "FF").finish("b").retry("b", takes=None if taken else ()).list("b", only=0)
    story.finish("b").look("b")
    assert ("BR-ACC-01" in story.findings()) is not taken


def test_acc_01_rows_that_were_listed_before_had_been_made() -> None:
    """A listing that later lacks them says something else: here ids of it were lost."""
    story = _failed("FFF").retry("b", takes=()).list("b", only=1).list("b").finish("b").look("b")
    assert "BR-ACC-01" not in story.findings()


@pytest.mark.parametrize(("moves", "accused"), [(False, True), (True, False)])
def test_acc_02_a_message_that_moves_by_itself_is_proof_of_nothing(moves: bool, accused: bool) -> None:
    """Underway again in the attempt that had ended, with nothing but a refusal between: so it may have been at the refusal."""
    story = _failed("F").retry("b", 400, "unresolved_batch_messages")
    if moves:
        story.move("b.0", "sending")
    assert ("BR-ACC-02" in story.look("b").findings()) is accused


def test_acc_02_a_message_refused_as_spent_may_be_owed_what_was_accepted_before() -> None:
    """The target counts a retry when it accepts it, and carries it out a little later (ruling 16)."""
    story = _failed("F").single("b.0").finish("b").look("b").single("b.0").finish("b").look("b").retry("b", takes=())
    story.single("b.0", 400, "too_many_message_attempts_error").look("b").retry("b", 400, "unresolved_batch_messages")
    story.attempt("b.0")
    assert story.look("b").findings() == set()


def _spent_beside(story: Story) -> Story:
    """The first message is spent, by single retries; then the batch is retried, and the second taken up."""
    for _ in range(3):
        story.single("b.0").finish("b").look("b")
    story.single("b.0", 400, "too_many_message_attempts_error").retry("b", takes=("b.1",)).look("b").finish("b")
    story.batches["b"] = "processing"
    return story.look("b")


@pytest.mark.parametrize(("seconds", "found", "doubted"), [(3, False, False), (6, False, True), (11, True, False)])
def test_acc_06_a_spent_message_is_owed_nothing(seconds: float, found: bool, doubted: bool) -> None:
    """The status has settle_timeout from when the others are terminal; half of it, and it is no pass."""
    story = _spent_beside(_failed("FF")).wait(seconds).look("b")
    assert (story.findings() == {"BR-ACC-06"}) is found
    assert (("BR-ACC-06", "left-unretryable") in story.doubts()) is doubted


def test_acc_06_what_was_seen_when_an_earlier_retry_was_refused_is_part_of_the_proof() -> None:
    """Counts beside statuses, of one instant each: the batch has stood still since (A3)."""
    story = _retried(status=False)
    for _ in range(3):
        story.retry("b", 400, NOT_RETRYABLE).wait(6).look("b")
    first, *_, last = [e.n for e in story.exchanges if e.invoke.operation == "batch_retry"][1:]
    for finding in (o for o in story.opinions() if isinstance(o, Finding) and last in o.evidence):
        assert "A3" in finding.axioms
        assert first in finding.evidence
        assert f"retry {first} was refused then" in finding.argument


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        (("numAttempts", "messageAttempts", "attempts"), {("BR-ACC-02",), ("BR-ACC-06",)}),
        ((), {("BR-ACC-02", "BR-SEL-05"), ("BR-ACC-06", "BR-SEL-05")}),
    ],
)
def test_attempts_that_no_answer_shows_may_be_why_nothing_is_left_to_retry(
    fields: tuple[str, ...], names: set[tuple[str, ...]]
) -> None:
    """Two attempts for one retry, say: only a count excludes it."""
    story = (
        Story(fields=fields).send("b", "FF").look("b").finish("b").look("b").retry("b").look("b").finish("b").look("b")
    )
    story.wait(11).look("b").retry("b", 400, NO_FAILED).look("b")
    assert {n for n in story.named() if n[0].startswith("BR-ACC")} == names
    assert {n for n in story.named() if "BR-SEL-04" in n} == (
        {("BR-SEL-04",)} if fields else {("BR-SEL-04", "BR-SEL-05")}
    )


def test_a_probe_may_have_given_the_attempts_that_no_answer_shows() -> None:
    story = Story(fields=()).send("b", "F").look("b").finish("b").look("b").retry("b", 404, cause="campaign:other")
    story.wait(11).look("b").retry("b", 400, NO_FAILED).look("b")
    assert story.named() == {("BR-ACC-02", "BR-SEC-03")}


def test_attempts_that_a_list_does_not_hold_any_more_may_be_why_nothing_is_left_to_retry() -> None:
    story = _retried("F")
    story.messages["b.0"]["attempts"][0].update(id="another", createdAt="2026-01-01T00:00:00.5+00:00")
    story.wait(11).look("b").retry("b", 400, NO_FAILED).look("b")
    assert {n for n in story.named() if "BR-ACC-02" in n} == {("BR-ACC-02", "BR-SEL-05")}
