"""Readings that say less than they seem to, and some that say more: what lags, what is reset in place, what was corrected."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import pytest

from conformance.findings import Doubt, Exercise, Finding, Observation
from conformance.history.records import History
from conformance.judges import judge
from oracle.notation import parse
from tests.shelf import Shelf
from tests.story import Story
from tests.test_judge_innocents import NO_FAILED, NOT_RETRYABLE, done, ready


def _named(history: History) -> set[tuple[str, ...]]:
    return {o.any_of for o in judge(history) if isinstance(o, Finding)}


def _exercised(history: History) -> set[str]:
    return {o.requirement for o in judge(history) if isinstance(o, Exercise)}


def _show(story: Story, message: str, **shown: Any) -> Story:
    """The last answer shows the message otherwise than it is; a field that is None is not shown."""
    body = story.exchanges[-1].end.body
    item = next(i for i in body.get("data", [body]) if i["id"] == message)
    item.update(shown)
    for name in [name for name, value in item.items() if value is None]:
        del item[name]
    return story


# -- times that one view writes in fewer digits (ruling 19) ---------------------------------------------------------


def _told(digits: str) -> Story:
    """Two batches, one after the other, that are blocked and retried; the listing writes updatedAt in so many digits."""
    story = done(ready().retry("b").look("b").finish("b").look("b"))
    story = done(
        story.single("b.0").look("b").blocked("b").look("b").finish("b").wait(1).look("b").retry("b").look("b")
    )
    for e in story.exchanges:
        for item in e.end.body["data"] if e.invoke.operation == "batch_list" else ():
            item["updatedAt"] = datetime.fromisoformat(item["updatedAt"]).isoformat(timespec=digits)
    return story


@pytest.mark.parametrize("digits", ["seconds", "milliseconds"])
def test_a_view_that_drops_digits_of_times_does_not_lag(digits: str) -> None:
    plain, dropped = _told("microseconds"), _told(digits)
    assert dropped.findings() == plain.findings() == set()
    assert dropped.exercised() == plain.exercised()


# -- a success that is seen in progress again ---------------------------------------------------------------------


def test_a_success_in_progress_again_in_the_same_attempt_may_be_a_read_that_lags() -> None:
    """Attempts are counted up at a reset (A4), and within one a message moves forward only (A1)."""
    line = "F1 S1 | retry 201 | C2 {} | C2 S1 | settle | F2 S1"
    assert _named(parse(line.format("N1"), lag=None)) == set()
    assert "BR-SEL-02" not in _exercised(parse(line.format("N1"), lag=None))
    stamped = "F1@1 S1@1 | retry 201 | C2@5 {} | C2@5 S1@7 | settle | F2@9 S1@7"
    assert ("BR-SEL-02", "BR-SEL-07") in _named(parse(stamped.format("N1@6"), lag=None)), "a newer updatedAt is no lag"


@pytest.mark.parametrize("view", ["message_read", "batch_list"])
def test_a_view_without_counts_does_not_outweigh_one_that_counts(view: str) -> None:
    """One view shows a success in progress after a retry, without counts; the other counts one attempt all the time."""
    story = ready("FS").retry("b")
    story = story.list("b").read("b.1") if view == "message_read" else story.read("b.0").read("b.1").list("b")
    done(_show(story, "b.1", latestStatus="sent"))
    for e in story.exchanges:
        if e.invoke.operation == view:
            for item in e.end.body.get("data", [e.end.body]):
                for name in ("attempts", "messageAttempts", "numAttempts", "updatedAt"):
                    item.pop(name, None)
    assert story.findings() == set()


@pytest.mark.parametrize("seen", ["C1", "S1"])
def test_a_success_that_one_view_shows_created_was_not_left_alone(seen: str) -> None:
    line = "F1 S1 | read F1 S1 | retry 201 | C2 S1 | read C2 {} | settle | F2 S1 | read F2 S1"
    history = parse(line.format(seen), lag=None)
    assert _named(history) == set()
    assert ("BR-SEL-02" in _exercised(history)) == (seen == "S1")


# -- more attempts than any other view shows ----------------------------------------------------------------------


def test_an_attempt_that_comes_by_itself_is_no_read_that_lags() -> None:
    """Each view shows more attempts than it ever did: none of these reads is older than what another view showed."""
    rounds = "F1 | read F1 | retry 201 | C2 | read C2 | settle | F2 | read F2 | wait 30 | {} | settle | F3 | read F3"
    assert _named(parse(rounds.format("C3 | read C3"), lag=None)) == {("BR-SEL-05", "BR-SEL-07")}
    assert _named(parse(rounds.format("retry 201 | C3 | read C3"), lag=None)) == set()


def _more(story: Story, **attempt: Any) -> Story:
    """The last listing shows one attempt more of its first message."""
    item = story.exchanges[-1].end.body["data"][0]
    item["messageAttempts"].insert(0, {**item["messageAttempts"][0], "id": "more", **attempt})
    item["numAttempts"] += 1
    return story


def test_a_surplus_that_another_view_disputes_may_be_the_fault_of_the_view_that_shows_it() -> None:
    """Either it came, and the other view lags; or it did not, and the views disagree (BR-IDS-07)."""
    story = ready().retry("b").look("b").finish("b").wait(11)
    story.header = msgspec.structs.replace(story.header, contract_version="1.1")
    assert _more(story.list("b")).named() == {("BR-SEL-05", "BR-SEL-07")}
    assert story.read("b.0").named() == {("BR-IDS-07", "BR-SEL-05", "BR-SEL-07")}


def test_a_list_that_holds_another_messages_attempts_counts_nothing() -> None:
    story = ready().retry("b").look("b").finish("b").wait(11)
    story.header = msgspec.structs.replace(story.header, contract_version="1.1")
    assert _more(story.list("b"), messageId="b.1", status="sent").named() == {("BR-IDS-07",)}
    same = ready().retry("b").look("b").finish("b").wait(11)
    assert _more(same.list("b"), messageId="some other id").named() == {("BR-SEL-05", "BR-SEL-07")}, (
        "of the run's messages only"
    )


# -- late corrections (ruling 18) ---------------------------------------------------------------------------------


def test_a_correction_is_seen_without_counts_where_every_retry_had_settled() -> None:
    story = Story(fields=()).send("b", "F").finish("b").look("b").retry("b").look("b")
    story.finish("b").wait(11).look("b").retry("b", 400, NO_FAILED)
    assert {"BR-ACC-02", "BR-ACC-06"} <= story.findings()
    assert story.move("b.0", "success").look("b").findings() == set()


def test_what_was_corrected_into_a_success_stays_one() -> None:
    """A2a is broken, for every view shows the success in the end; A2b is not, and a success may not be retried."""
    story = ready().move("b.0", "success").look("b").wait(11).look("b")
    assert "BR-SEL-02" in done(story.retry("b", takes=("b.0", "b.1")).look("b").look("ctl")).findings()
    broken = [str(o.value) for o in story.opinions() if isinstance(o, Observation) and o.key == "axiom-broken"]
    assert [text.partition(":")[0] for text in broken] == ["A2a"]


# -- attempts that are listed --------------------------------------------------------------------------------------


def test_latest_status_is_that_of_the_newest_attempt_in_every_answer() -> None:
    """BR-SEL-03, also where an earlier answer had listed that attempt already; not where another may have come since."""
    story = ready().retry("b").look("b").move("b.0", "success").finish("b").look("b").list("b")
    assert story.findings() == set()
    _show(story, "b.0", latestStatus="failure")
    assert story.findings() == {"BR-SEL-03"}
    again = ready().retry("b").look("b").finish("b").wait(11).look("b").retry("b", None).list("b")
    assert _show(again, "b.0", latestStatus="created").findings() == set()


def test_a_single_retry_that_gives_two_attempts_gives_not_exactly_one() -> None:
    story = done(ready("FFS").single("b.0", gives=("b.0", "b.0")).look("b"))
    assert ("BR-SEL-05", "BR-SGL-02") in story.named()
    assert "BR-SGL-02" not in story.exercised()
    assert "BR-SGL-02" in done(ready("FFS").single("b.0").look("b")).exercised()
    assert not [o for o in story.opinions() if isinstance(o, Doubt) and o.requirement == "BR-SEL-05"]


@pytest.mark.parametrize("names", [("attempts", "messageAttempts"), ("attempts", "messageAttempts", "numAttempts")])
def test_no_attempts_where_some_were_counted_are_no_count(names: tuple[str, ...]) -> None:
    """A list that is empty once has lost nothing if it is whole again later (ruling 33), and nothing is gained by that."""
    story = ready().retry("b").finish("b").wait(11).look("b").look("b")
    for e in story.exchanges[-3:]:
        for item in e.end.body.get("data", [e.end.body]):
            item.update({name: 0 if name == "numAttempts" else [] for name in names if name in item})
    story.retry("b").look("b")
    assert done(story).findings() == set()
    story.attempt("b.0")
    assert {"BR-SEL-05", "BR-SEL-07"} & story.look("b").findings()


@pytest.mark.parametrize("confirmed", [False, True])
def test_an_empty_list_that_no_later_answer_confirms_has_lost_nothing(confirmed: bool) -> None:
    """It may be filled again (ruling 33): neither were attempts dropped, nor has the view missed the new one (ruling 29)."""
    story = ready("F").retry("b").finish("b").wait(11).look("b").wait(11).list("b")
    for _ in range(2 if confirmed else 1):
        _show(story.read("b.0"), "b.0", attempts=[])
    assert ("BR-SEL-05" in story.findings()) is confirmed
    assert "BR-IDS-07" not in story.findings()


def test_a_number_that_is_nought_until_the_first_attempt_is_sent_counts_none_that_is_not() -> None:
    """The second attempt had ended, and the third is created, when the number shows two: the retry was not blocked."""
    story = Shelf(fields=("numAttempts",)).hide("updatedAt").send("b", "FF")
    for message in ("b.0", "b.1"):
        story.show("numAttempts", 0, message=message)
    story.list("b")
    story.changes = story.changes[:1]
    story.finish("b").list("b").single("b.1").move("b.1", "failure").retry("b").show("numAttempts", 2).list("b")
    assert "BR-BLK-01" not in story.findings()
    assert "BR-BLK-01" in _counted_at_once().findings(), "a number that counts at once tells the attempts apart"


@pytest.mark.parametrize("moved", [False, True])
def test_a_number_of_retries_that_is_nought_twice_and_then_one_counts_an_attempt(moved: bool) -> None:
    """Nothing retried the message: its updatedAt tells another attempt from a first one that was counted late (A5)."""
    story = Shelf(fields=("numAttempts",)).send("b", "F").finish("b").show("numAttempts", 0).list("b").list("b")
    if moved:
        story.move("b.0", "failure")
    story.show("numAttempts", 1).list("b").list("b")
    assert story.findings() == ({"BR-SEL-07"} if moved else set())


def _counted_at_once() -> Shelf:
    story = Shelf(fields=("numAttempts",)).hide("updatedAt").send("b", "FF").list("b").finish("b").list("b")
    return story.single("b.1").retry("b").show("numAttempts", 2).list("b")


@pytest.mark.parametrize("waits", [True, False])
def test_what_an_accepted_retry_leaves_out_may_have_set_the_status_beside_a_refusal(waits: bool) -> None:
    """A retry that may take up a message in progress (ruling 21) owes it an attempt still; then the single retry may have the batch
    processed late, behind a status that the refusal need not have set."""
    story = Story().send("b", "FF").finish("b").look("b").single("b.0").look("b").retry("b", takes=("b.1",)).look("b")
    story.finish("b").look("b").retry("b").look("b").finish("b").look("b")
    if waits:
        story.wait(11).look("b")
    story.single("b.0").blocked("b").look("b").finish("b").look("b").retry("b", 400, NOT_RETRYABLE).look("b")
    assert (("BR-ACC-03", "BR-SEL-04") in story.named()) is waits


def test_an_exhausted_message_is_owed_nothing_by_a_retry_of_the_others() -> None:
    """Right behind that retry its single retry is refused as one too many, and the limit is that of three retries."""
    story = Story().send("b", "FF").finish("b").look("b")
    for _ in range(3):
        story.single("b.0").look("b").finish("b").look("b")
    story.retry("b", takes=("b.1",)).look("b").finish("b").look("b").single(
        "b.0", 400, "too_many_message_attempts_error"
    )
    assert "BR-SEL-04 single" in story.exercised()
    assert story.observed()["retry-limit"] == 3
    assert story.findings() == set()


@pytest.mark.parametrize("processed", [True, False])
def test_processing_that_is_shown_behind_a_refusal_may_have_ended_in_the_status_that_the_refusal_sets(
    processed: bool,
) -> None:
    """The single retry before may then have the batch processed once more, so that a retry is refused for that."""
    story = Story().send("b", "FS").finish("b").look("b").single("b.0").blocked("b")
    if processed:
        story.batches["b"] = "messages_processing"
    story.look("b").move("b.0", "success")
    story.batches["b"] = "messages_enqueuing_failed"
    story.look("b").retry("b", 400, NOT_RETRYABLE).look("b")
    assert any("BR-SEL-06" in names for names in story.named()) is not processed


def test_that_a_failure_was_reset_and_not_corrected_rests_on_a2a() -> None:
    """Where it was corrected, the accepted retry may have it taken up still, and refuse another meanwhile."""
    story = Story().send("b", "F").finish("b").list("b").retry("b").move("b.0", "success").read("b.0")
    story.retry("b", 400, NOT_RETRYABLE).look("b")
    (finding,) = [o for o in story.opinions() if isinstance(o, Finding) and "BR-SEL-06" in o.any_of]
    assert "A2a" in finding.axioms


# -- an outcome that is an older attempt's ----------------------------------------------------------------------------


@pytest.mark.parametrize("newest", ["sent", "failure"])
def test_an_outcome_next_to_an_attempt_in_progress_is_an_older_attempts(newest: str) -> None:
    """A view without attempts shows it too, and a retry that finds nothing failed is right (BR-SEL-03 is not the retry's)."""
    story = Story(fields=("attempts",)).send("b", "F").look("b").finish("b").look("b").retry("b").look("b")
    story.move("b.0", newest).read("b.0")
    _show(story, "b.0", latestStatus="failure")
    story.wait(0.1).list("b")
    _show(story, "b.0", latestStatus="failure").retry("b", 400, NO_FAILED)
    refused = {names for names in story.named() if "BR-SEL-04" in names or "BR-ACC-02" in names}
    assert bool(refused) == (newest == "failure")
