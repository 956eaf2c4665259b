"""Waits of a program: when it looks, and when it gives up."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from conformance.program.batch_state import Held
from conformance.program.interpreter import Interpreter
from conformance.program.pace import NEAR, Pace
from conformance.program.steps import (
    Burst,
    Program,
    Read,
    Retry,
    RowSpec,
    Send,
    SingleSend,
    Wait,
)
from conformance.transport.request import Request
from tests.puppet import CONFIG, READY, Inventor, Puppet, a_message, a_target, interpret


def test_a_wait_ends_when_the_batch_is_quiet() -> None:
    transport, _ = a_target()
    assert interpret(transport, Send(batch="b", rows=(RowSpec(),)), Wait(batch="b", until="quiet")) == []
    assert transport.operations() == ["batch_send", "batch_list", "message_read"]


def test_a_wait_has_a_bound_and_says_what_was_not_reached() -> None:
    transport, _ = a_target("sending")
    steps = (Send(batch="b", rows=(RowSpec(),)), Wait(batch="b", until="quiet"), Retry(batch="b"))
    pauses = interpret(transport, *steps, requirements=("BR-ACC-02",))
    assert transport.clock < 12
    assert pauses
    assert "batch_retry" not in transport.operations()
    unmet = [data for event, data in transport.notes if event == "unmet"]
    assert unmet[0]["requirements"] == ["BR-ACC-02"]
    assert "quiet" in unmet[0]["text"]


def _failing(transport: Puppet, operation: str, *, after: int = 0) -> Puppet:
    """From the given answer on, the operation is answered 503."""
    asked = transport.answers
    met = {"count": 0}

    def answers(request: Request) -> tuple[int, Any]:
        met["count"] += request.operation == operation
        return (503, None) if request.operation == operation and met["count"] > after else asked(request)

    transport.answers = answers
    return transport


def test_a_send_without_an_answer_is_not_a_refused_one() -> None:
    transport = _failing(a_target()[0], "batch_send")
    interpret(transport, Send(batch="b", rows=(RowSpec(),)), Retry(batch="b"))
    assert [data["code"] for event, data in transport.notes if event == "unmet"] == ["answer-lost"]


def test_a_wait_that_sees_nothing_says_so() -> None:
    transport = _failing(a_target()[0], "batch_list", after=1)
    send = Send(batch="b", rows=(RowSpec(),))
    interpret(transport, send, Wait(batch="b", until="quiet"), Wait(batch="b", until="quiet"), Retry(batch="b"))
    assert "batch_retry" not in transport.operations()
    assert [data["code"] for event, data in transport.notes if event == "unmet"] == ["answer-lost"]


def test_a_listing_without_an_answer_says_nothing_new() -> None:
    transport = _failing(a_target()[0], "batch_list", after=1)
    steps = (Send(batch="b", rows=(RowSpec(),)), Wait(batch="b", until="quiet"), Read(batch="b"))
    interpret(transport, *steps, Read(batch="b", view="message"))
    # The first single read is the wait's, for the batch's status; the other finds its message all the same.
    assert transport.operations()[-3:] == ["message_read", "batch_list", "message_read"]


def test_a_status_that_got_no_answer_is_not_quiet() -> None:
    transport = _failing(a_target()[0], "message_read")
    interpret(transport, Send(batch="b", rows=(RowSpec(),)), Wait(batch="b", until="quiet"), Retry(batch="b"))
    assert "batch_retry" not in transport.operations()


def test_a_wait_that_is_not_essential_goes_on() -> None:
    transport, _ = a_target("sending")
    wait = Wait(batch="b", until="quiet", essential=False)
    interpret(transport, Send(batch="b", rows=(RowSpec(),)), wait, Retry(batch="b"))
    assert "batch_retry" in transport.operations()


def test_after_a_refused_retry_there_is_nothing_to_wait_for() -> None:
    transport, _ = a_target()
    asked = transport.answers

    def answers(request: Request) -> tuple[int, Any]:
        return (400, {}) if request.operation == "batch_retry" else asked(request)

    transport.answers = answers
    steps = (Send(batch="b", rows=(RowSpec(),)), Wait(batch="b", until="quiet"), Retry(batch="b"))
    assert interpret(transport, *steps, Wait(batch="b", until="taken")) == []


def test_a_message_sent_singly_is_waited_for_and_read_by_itself() -> None:
    statuses = iter(["created", "failure", "failure"])

    def answers(request: Request) -> tuple[int, Any]:
        if request.operation == "single_send":
            return 201, {"id": "m7", "latestStatus": "created"}
        return 200, {"id": "m7", "latestStatus": next(statuses), "attempts": [{}]}

    transport = Puppet(answers)
    steps = (SingleSend(batch="one"), Wait(batch="one", until="terminal"), Read(batch="one"), Retry(batch="one"))
    interpret(transport, *steps)
    assert [(r.operation, r.message) for r in transport.requests[1:]] == [("message_read", "m7")] * 3
    assert [data["code"] for event, data in transport.notes if event == "unmet"] == ["batch-unknown"]


def test_a_blocking_message_is_watched_until_it_has_left_created() -> None:
    transport, world = a_target("created")
    watch = Wait(batch="b", until="left", row=0, seconds=1.1, essential=False)
    send = (Send(batch="b", rows=(RowSpec(),)), Read(batch="b"))
    interpret(transport, *send, watch)
    reads = [r for r in transport.operations() if r == "message_read"]
    assert 1.0 <= transport.clock < 2
    assert 2 <= len(reads) <= 3
    assert not [event for event, _ in transport.notes if event == "waited_out"]
    world["status"] = "sending"
    transport.requests.clear()
    interpret(transport, *send, watch)
    assert transport.operations() == ["batch_send", "batch_list", "message_read"]


def test_where_deliveries_take_long_a_blocking_message_is_looked_at_once_when_its_time_is_over() -> None:
    pace = Pace()
    pace.learn("quiet", 20.0, looks=3, missed=15.0)
    transport, _ = a_target("created")
    watch = Wait(batch="b", until="left", row=0, seconds=1.1, essential=False)
    interpret(transport, Send(batch="b", rows=(RowSpec(),)), Read(batch="b"), watch, pace=pace)
    assert transport.operations() == ["batch_send", "batch_list", "message_read"]
    assert transport.clock > 1.1


def test_views_that_do_not_agree_are_polled_until_they_do_or_time_is_over() -> None:
    transport, world = a_target()
    asked = transport.answers
    behind = {"campaign": 2}

    def answers(request: Request) -> tuple[int, Any]:
        if request.operation != "campaign_list":
            return asked(request)  # type: ignore[no-any-return]
        behind["campaign"] -= 1
        status = "sending" if behind["campaign"] >= 0 else "failure"
        messages = [a_message(f"m{i}", row, status) for i, row in enumerate(world["rows"])]
        return 200, {"data": messages, "pageData": {"hasNextPage": False}}

    transport.answers = answers
    agreed = Wait(batch="b", until="agreed", essential=False)
    interpret(transport, *READY, agreed)
    assert transport.operations().count("campaign_list") == 3
    # The first look goes by the listing that the wait before it has read; each further one reads it anew.
    assert transport.operations().count("batch_list") == 1 + 2
    behind["campaign"] = 10**6
    interpret(transport, *READY, agreed)
    assert transport.clock < 13
    assert "waited_out" in [event for event, _ in transport.notes]


def test_one_wait_finds_out_how_long_deliveries_take_and_the_others_look_when_they_are_over() -> None:
    pace = Pace()
    assert [pace.scouts(wait) for wait in ("a", "b", "a")] == [True, False, True]
    pace.release("a")
    assert [pace.scouts(wait) for wait in ("b", "a")] == [True, False]
    pace.learn("quiet", 20.0, looks=4)
    assert [pace.scouts(wait) for wait in ("b", "a")] == [True, True]
    assert pace.first("retried", 100.0) == 120.0
    pace.learn("retried", 20.0, looks=1)
    assert pace.first("quiet", 0.0) < 20.0
    pace.learn("terminal", 25.0, looks=2, missed=10.0)
    assert pace.first("quiet", 0.0) == 25.0


def test_first_looks_come_nearer_to_what_was_too_soon_and_not_nearer_than_is_worth_a_look() -> None:
    pace = Pace()
    pace.learn("quiet", 30.0, looks=3, missed=10.0)
    seen = [30.0]
    for _ in range(10):
        pace.learn("retried", 40.0, looks=1)
        seen.append(pace.first("quiet", 0.0))
    assert seen[1:] <= seen[:-1], "a look that was late because of others is no reason to look later"
    assert 10.0 < seen[-1] <= 10.0 / (1 - NEAR)
    pace.learn("retried", 13.0, looks=2, missed=12.0)
    pace.learn("retried", 13.0, looks=1)
    assert pace.first("quiet", 0.0) == 13.0


def test_each_pause_says_how_many_deliveries_its_program_still_has_to_wait_for() -> None:
    transport, _ = a_target("sending")
    steps = (*READY, Retry(batch="b"), Wait(batch="b", until="retried"), Wait(batch="b", until="terminal"))
    interpreter = Interpreter(transport, CONFIG, rng=random.Random(1), invent=Inventor())
    running = interpreter.run(Program(name="s", steps=steps))
    assert next(running).ahead == 2, "behind the first of three waits"
    running.close()


def test_a_wait_that_nobody_informs_looks_for_itself() -> None:
    pace = Pace()
    assert pace.scouts("another wait")
    transport, _ = a_target()
    interpreter = Interpreter(transport, CONFIG, rng=random.Random(1), invent=Inventor(), pace=pace)
    for pause in interpreter.run(Program(name="s", steps=READY)):
        transport.clock = max(transport.clock, pause.until)
    assert transport.operations() == ["batch_send", "batch_list", "message_read"]
    assert transport.clock < CONFIG.timing.settle_timeout / 2


@pytest.mark.parametrize(
    ("a", "b", "taken"),
    [
        (("failure", 3), ("failure", 2), False),
        (("failure", 3), ("created", 3), True),
        (("created", 4), ("failure", 2), False),
        (("created", 4), ("created", 3), True),
    ],
)
def test_a_message_retried_twice_may_be_exhausted_and_is_not_waited_for_next_to_one_that_moved(
    a: tuple[str, int], b: tuple[str, int], taken: bool
) -> None:
    held = Held("b", ())
    held.before = {"a": ("failure", 3), "b": ("failure", 2)}
    held.seen = {"a": a, "b": b}
    assert held.taken is taken


def test_taken_waits_for_every_failed_message() -> None:
    held = Held("b", ())
    held.seen = {"a": ("failure", 1), "b": ("success", 1)}
    held.before = dict(held.seen)
    assert not held.taken
    held.seen = {"a": ("created", 2), "b": ("success", 1)}
    assert held.taken


@pytest.mark.parametrize(
    ("number", "listed", "count"), [(1, 3, 3), (3, 1, 3), (None, 2, 2), (2, None, 2), (None, None, None)]
)
def test_an_attempt_shows_in_the_number_or_in_the_list_whichever_keeps_up(
    number: int | None, listed: int | None, count: int | None
) -> None:
    held = Held("b", ())
    attempts: list[object] | None = None if listed is None else [{}] * listed
    held.learn([{"id": "a", "latestStatus": "failure", "numAttempts": number, "messageAttempts": attempts}])
    assert held.seen == {"a": ("failure", count)}


def test_taken_of_nothing_waits_for_anything() -> None:
    held = Held("b", ())
    held.seen = {"a": ("created", 1)}
    held.before = dict(held.seen)
    held.seen = {"a": ("failure", 1)}
    assert not held.taken
    held.seen = {"a": ("created", 2)}
    assert held.taken


def test_what_is_not_essential_is_waited_for_from_the_last_retry_on() -> None:
    transport, _ = a_target()
    waits = tuple(Wait(batch=b, until="taken", essential=False) for b in ("b", "c"))
    sends = tuple(Send(batch=b, rows=(RowSpec(),)) for b in ("b", "c"))
    interpret(transport, *sends, Read(batch="b"), Read(batch="c"), Retry(batch="b"), Retry(batch="c"), *waits)
    assert transport.clock < 11


@pytest.mark.parametrize(("lag", "pauses"), [(2.0, 1), ("auto", 0)])
@pytest.mark.parametrize("burst", [False, True])
def test_what_was_just_written_is_not_read_back_within_the_lag(lag: float | str, pauses: int, burst: bool) -> None:
    """Other programs go on meanwhile, but for a burst, which lets none of them between."""
    config = msgspec.structs.replace(CONFIG, timing=msgspec.structs.replace(CONFIG.timing, read_lag=lag))
    puppet, _ = a_target()
    interpreter = Interpreter(puppet, config, rng=random.Random(1), invent=Inventor())
    steps = (Send(batch="b", rows=(RowSpec(),)), Read(batch="b"), Read(batch="b"))
    yielded = []
    for pause in interpreter.run(Program(name="s", steps=(Burst(steps=steps),) if burst else steps)):
        yielded.append(pause.until - puppet.clock)
        puppet.clock = max(puppet.clock, pause.until)
    # This target's own clock stands still while a burst pauses.
    assert (len(yielded), bool(puppet.paused)) == ((0, bool(pauses)) if burst else (pauses, False))
    assert all(0 < seconds <= 2.0 for seconds in (*yielded, *puppet.paused))
