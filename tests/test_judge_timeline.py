"""The evidence layer: listings, lag, brackets, quiet batches, and what broken axioms cost."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from conformance.contract.vocabulary import error_code, instant, nonces
from conformance.findings import Doubt, Finding
from conformance.history.records import End, Exchange, Invoke
from conformance.judges import judge
from conformance.judges.inference.axioms import breaches
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.brackets import brackets
from conformance.judges.inference.case import Case
from conformance.judges.inference.listings import snapshots
from conformance.judges.inference.quiescence import NotQuiescent, quiescent
from conformance.judges.inference.timeline import gain, owed, retried
from tests.story import Story


def _case(story: Story) -> tuple[Case, Batch]:
    case = Case(story.history())
    return case, case.ours[0]


def _page(n: int, ids: list[str], query: tuple[tuple[str, str], ...], **data: Any) -> Exchange:
    body = {"data": [{"id": i, "recipient": "1", "latestStatus": "failure"} for i in ids], "pageData": data}
    return Exchange(
        invoke=Invoke(
            n=n, t=float(n), operation="batch_list", method="GET", path="/", campaign="c", batch="b",
            query=(("limit", "2"), *query),
        ),
        end=End(n=n, outcome="answered", last=n + 0.5, status=200, media="json", body=body),
    )  # fmt: skip


def test_instants_are_compared_as_instants() -> None:
    assert instant("2024-05-16T10:30:50.904+08:00") == instant("2024-05-16T02:30:50.904Z")
    assert instant("yesterday") is None
    assert instant(7) is None


def test_nonces_are_found_at_any_depth() -> None:
    assert nonces({"a": ["x [n:0123abcd]", {"b": "[n:89ab4567]"}]}) == {"0123abcd", "89ab4567"}


@pytest.mark.parametrize("body", [None, [], {"error": "x"}, {"error": {"code": 7}}, {"message": "Unauthorized"}])
def test_bodies_without_a_code_have_none(body: Any) -> None:
    assert error_code(body) is None


def test_pages_are_put_together_by_their_cursors() -> None:
    pages = [
        _page(1, ["m1", "m2"], (), hasNextPage=True, hasPreviousPage=False, startCursor="1", endCursor="2"),
        _page(2, ["m1", "m2"], (), hasNextPage=True, hasPreviousPage=False, startCursor="1", endCursor="2"),
        _page(3, ["m3"], (("after", "2"),), hasNextPage=False, hasPreviousPage=True, startCursor="3", endCursor="3"),
        _page(
            4, ["m1", "m2"], (("before", "3"),), hasNextPage=True, hasPreviousPage=False, startCursor="1", endCursor="2"
        ),
    ]
    walks = snapshots(pages)
    assert [(w.direction, w.ids, w.complete, w.evidence) for w in walks] == [
        ("forward", ("m1", "m2"), False, (1,)),
        ("forward", ("m1", "m2", "m3"), True, (2, 3)),
        ("backward", ("m1", "m2"), True, (4,)),
    ]


def test_messages_are_told_apart_by_their_nonce() -> None:
    _, batch = _case(Story().send("b", "FS").look("b"))
    assert batch.whole
    assert [batch.row_of[m].role for m in batch.messages] == ["failing", "succeeding"]


def test_counts_compare_only_within_one_field() -> None:
    story = Story(fields=("numAttempts", "attempts")).send("b", "F").look("b").finish("b").look("b")
    case, _ = _case(story.retry("b").look("b"))
    listed = [s for s in case.readings("b.0") if s.view == "batch_list"]
    single = [s for s in case.readings("b.0") if s.view == "message_read"]
    assert gain(listed[0], listed[-1]) == 1
    assert gain(listed[0], single[-1]) is None


def test_a_zero_before_the_first_attempt_ends_does_not_count() -> None:
    story = Story().send("b", "F").list("b").finish("b").list("b")
    first = story.exchanges[1].end.body["data"][0]
    first["numAttempts"], first["messageAttempts"] = 0, []
    case, _ = _case(story)
    assert gain(case.readings("b.0")[0], case.readings("b.0")[1]) is None
    assert story.findings() == set()


def test_retries_are_bounded_from_both_sides() -> None:
    story = Story().send("b", "F").look("b").finish("b").look("b").retry("b").retry("b", None).look("b")
    case, batch = _case(story)
    later = batch.retries[-1]
    times = retried(case, batch, "b.0", later)
    assert (times.least, times.most) == (0, 1)
    assert owed(case, batch, case.readings("b.0")[-1]).most == 1


def test_the_lag_is_twice_what_the_history_shows() -> None:
    story = Story().send("b", "F").look("b").finish("b").look("b")
    before = story.exchanges[-2]
    story.single("b.0")
    story.list("b")
    late = story.exchanges[-1]
    story.exchanges[-1] = msgspec.structs.replace(late, end=msgspec.structs.replace(late.end, body=before.end.body))
    case, _ = _case(story.list("b"))
    assert case.lag("batch_list") == pytest.approx(2 * (late.t - story.exchanges[-3].last))


def _taken_back(fields: tuple[str, ...] = ("numAttempts", "messageAttempts")) -> Story:
    """A retry's attempt is seen, and gone, and there is another one by a later retry."""
    story = Story(fields=fields).send("b", "F").finish("b").list("b").retry("b").finish("b").list("b")
    story.messages["b.0"]["attempts"].pop()
    return story.wait(1).list("b").retry("b").finish("b").list("b")


def test_an_attempt_that_another_retry_makes_up_for_is_no_lag() -> None:
    story = _taken_back()
    assert _case(story)[0].lag("batch_list") == 0
    assert "BR-SEL-05" in story.findings()


def test_where_attempts_are_not_listed_it_may_be_lag() -> None:
    assert _case(_taken_back(("numAttempts",)))[0].lag("batch_list") > 2


def _shown_by_its_retry_only(gap: float, *, cut: bool = False) -> Story:
    """A single retry's answer lists an attempt that no read shows, and ``gap`` seconds later another retry gives another.

    ``cut``: the reads list the two newest attempts only, and it is the oldest that they lack.
    """
    story = Story().send("b", "F").look("b").finish("b").wait(2).look("b")
    known = story.messages["b.0"]
    before = known["updated"]
    story.single("b.0")
    story.exchanges[-1].end.body["attempts"] = [dict(a) for a in known["attempts"]]
    if cut:
        known["attempts"].insert(0, known["attempts"][0] | {"id": "b.0#-1", "createdAt": "2020-01-01T00:00:00+00:00"})
        story.exchanges[-1].end.body["attempts"] = [dict(a) for a in known["attempts"][:2]]
        del known["attempts"][0]
    lost, updated = known["attempts"].pop(), known["updated"]
    known["updated"] = before
    story.wait(gap).look("b")
    if cut:
        known["attempts"].append(lost)
        known["updated"] = updated
    return story.single("b.0").look("b").finish("b").look("b")


def test_an_attempt_that_only_its_retrys_answer_shows_and_another_makes_up_for_is_no_lag() -> None:
    assert _case(_shown_by_its_retry_only(5))[0].lags.largest is None


def test_two_views_may_stamp_an_attempt_a_little_apart_so_that_it_may_be_the_same() -> None:
    largest = _case(_shown_by_its_retry_only(0.5))[0].lags.largest
    assert largest is not None
    assert largest.seconds > 0.5


def test_a_list_that_lacks_the_oldest_attempt_has_taken_none_back() -> None:
    largest = _case(_shown_by_its_retry_only(5, cut=True))[0].lags.largest
    assert largest is not None
    assert largest.seconds > 5


def test_a_late_read_before_a_retry_that_takes_nothing_up_is_lag() -> None:
    story = Story().send("b", "RF").finish("b")
    story.move("b.0", "failure").list("b")
    before = story.exchanges[-1].end.body
    story.retry("b").finish("b").list("b")
    seen = story.exchanges[-1]
    story.wait(1).list("b")
    late = story.exchanges[-1]
    story.exchanges[-1] = msgspec.structs.replace(late, end=msgspec.structs.replace(late.end, body=before))
    # The recovering message is a success by now, so that this retry gives it nothing.
    story.retry("b").finish("b").list("b")
    case, _ = _case(story)
    assert case.lag("batch_list") == pytest.approx(2 * (late.t - seen.last))
    assert story.findings() == set()


def test_reads_at_once_show_no_state_that_comes_back() -> None:
    """One of two reads that leave with a retry shows what is after it, the other what was before: neither lags."""
    story = Story(fields=()).send("b", "F").look("b").finish("b").look("b").single("b.0").read("b.0")
    *_, before, single, after = story.exchanges
    begun = after.invoke.t
    ended = msgspec.structs.replace(single.end, last=after.end.last + 0.002)
    story.exchanges[-2] = msgspec.structs.replace(single, end=ended)
    old = msgspec.structs.replace(before.end, n=after.n + 1, last=after.end.last + 0.001)
    beside = Exchange(invoke=msgspec.structs.replace(before.invoke, n=after.n + 1, t=begun + 0.0001), end=old)
    story.exchanges.append(beside)
    story.now += 1
    case, _ = _case(story.read("b.0").finish("b").read("b.0"))
    assert case.lag("message_read") == 0


def test_a_history_without_lag_has_none() -> None:
    case, _ = _case(Story().send("b", "F").look("b").finish("b").look("b").single("b.0").look("b"))
    assert case.lag("batch_list") == 0


def test_a_bracket_needs_both_sides() -> None:
    story = Story().send("b", "FF").look("b").finish("b").look("b").single("b.0").retry("b", 400).list("b")
    case, batch = _case(story)
    assert [b.message for b in brackets(case, batch, batch.retries[0])] == ["b.0"]
    story.exchanges.pop()
    case, batch = _case(story)
    assert brackets(case, batch, batch.retries[0]) == ()


def test_a_batch_that_is_not_quiescent_says_why_not() -> None:
    def state(story: Story) -> object:
        case, batch = _case(story.retry("b"))
        found = quiescent(case, batch, batch.retries[-1])
        return found.reason.value if isinstance(found, NotQuiescent) else "quiescent"

    def ready() -> Story:
        return Story().send("b", "FF").look("b").finish("b").look("b")

    assert state(ready()) == "quiescent"
    assert state(Story().send("b", "FF").list("b", only=1)) == "messages-not-listed"
    assert state(Story().send("b", "FF").look("b")) == "not-quiescent"
    assert state(ready().single("b.0").finish("b")) == "not-read-before"
    assert state(ready().retry("b", None).look("b")) == "answer-lost"
    assert state(ready().retry("b", takes=("b.0",)).finish("b").look("b")) == "not-settled"
    assert state(ready().retry("b", takes=("b.0",)).finish("b").wait(11).look("b")) == "quiescent"


def test_retries_in_flight_together_are_unordered() -> None:
    story = Story().send("b", "FF").look("b").finish("b").look("b").retry("b")
    story.retry("b", 400, "unresolved_batch_messages").look("b")
    first, second = story.exchanges[-5], story.exchanges[-4]
    moved = msgspec.structs.replace(second.invoke, t=first.t)
    story.exchanges[-4] = msgspec.structs.replace(second, invoke=moved)
    assert story.findings() == set()


def test_a_broken_axiom_turns_the_finding_into_a_doubt() -> None:
    story = (
        Story(fields=("numAttempts",)).send("b", "FS").look("b").finish("b").look("b").move("b.0", "success").look("b")
    )
    story.move("b.0", "failure").look("b")
    story.retry("b", 400, "unresolved_batch_messages").look("b")
    case, _ = _case(story)
    assert {a.axiom for a in breaches(case).found} == {"A2a", "A2b"}
    assert story.findings() == set()
    assert ("BR-ACC-02", "axiom-broken") in story.doubts()


def test_an_axiom_can_be_switched_off() -> None:
    history = (
        Story().send("b", "F").look("b").finish("b").look("b").retry("b", 400, "unresolved_batch_messages").history()
    )
    assert [o.any_of for o in judge(history) if isinstance(o, Finding)]
    off = judge(history, without=frozenset({"A2"}))
    assert not [o for o in off if isinstance(o, Finding)]
    assert [o for o in off if isinstance(o, Doubt) and o.code == "axiom-broken"]


def test_readings_are_observed_not_judged() -> None:
    story = Story().send("b", "FFF").look("b").finish("b").look("b").single("b.1").move("b.1", "sent").look("b")
    story.retry("b", takes=("b.0", "b.2")).look("b").move("b.0", "resting").look("b")
    observed = story.observed()
    assert observed["retry-beside-in-progress"] == "accepted"
    assert observed["status-after-retry"] == "messages_enqueued"
    assert observed["unknown-message-status"] == "resting"


def test_a_call_that_leaves_when_an_answer_ends_comes_after_it() -> None:
    story = Story().send("b", "F").finish("b").look("b").retry("b")
    last = story.exchanges[-1]
    at = story.exchanges[-2].last
    story.exchanges[-1] = msgspec.structs.replace(last, invoke=msgspec.structs.replace(last.invoke, t=at))
    case, batch = _case(story.look("b"))
    assert owed(case, batch, case.readings("b.0")[-3]).none
    assert not isinstance(quiescent(case, batch, batch.retries[0]), NotQuiescent)
