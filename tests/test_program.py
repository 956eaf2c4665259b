"""Programs: what the interpreter does with a step, how waiting programs share one thread, and what a plan counts."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from uuid import UUID

import msgspec
import pytest

from conformance.catalogue import load
from conformance.cli.planned import plan_lines
from conformance.config import Config, Language, Limits, Recipients, Target, Template, Timing
from conformance.drivers import DRIVERS
from conformance.drivers.scenarios import chosen
from conformance.drivers.worth import affordable
from conformance.history.records import End, Exchange, Invoke
from conformance.plan import make_plan, replay_plan
from conformance.program import scheduler
from conformance.program.batch_state import Held, make_rows
from conformance.program.cost import cost_of
from conformance.program.interpreter import Interpreter
from conformance.program.pace import NEAR, Pace
from conformance.program.retrying import TRIES
from conformance.program.scheduler import Pause, Progress, Running
from conformance.program.steps import (
    Burst,
    Program,
    Read,
    Retry,
    RowSpec,
    Send,
    SingleRetry,
    SingleSend,
    Text,
    Together,
    Wait,
)
from conformance.scenarios import SCENARIOS
from conformance.session import replayed
from conformance.transport.request import OutRow, Reply, Request
from conformance.transport.states import Action, StateAnswer

CONFIG = Config(
    target=Target(base_url="http://127.0.0.1:1/api/v2", campaign_id="c"),
    template=Template(values={"body": "hello"}, languages=(Language(language="tamil", values={"body": "vanakkam"}),)),
    recipients=Recipients(failing=("6511111111", "6511112222"), succeeding=("6500000001",)),
    timing=Timing(settle_timeout=10.0),
)
EVERYTHING = [r for s in SCENARIOS for r in s.requirements]


class Puppet:
    """A transport whose answers are told by a function from request to (status, JSON)."""

    def __init__(self, answers: Any) -> None:
        self.answers = answers
        self.requests: list[Request] = []
        self.notes: list[tuple[str, dict[str, Any]]] = []
        self.reserved: list[int] = []
        self.paused: list[float] = []
        self.raced: list[list[str]] = []
        self.clock = 0.0
        self.states: Callable[[str], StateAnswer] = lambda name: StateAnswer(values={"batchId": "made_by_the_vendor"})

    def call(self, request: Request) -> Reply:
        self.requests.append(request)
        self.clock += 0.01
        n = len(self.requests)
        status, body = self.answers(request)
        invoke = Invoke(n=n, t=self.clock, operation=request.operation, method="GET", path="/", batch=request.batch)
        end = End(n=n, outcome="answered", last=self.clock, status=status, body=body, media="json")
        return Reply(exchange=Exchange(invoke=invoke, end=end), json=body)

    def race(self, requests: Sequence[Request]) -> list[Reply]:
        self.raced.append([r.operation for r in requests])
        return [self.call(request) for request in requests]

    def pause(self, seconds: float) -> None:
        self.paused.append(seconds)

    def reserve(self, calls: int) -> AbstractContextManager[None]:
        self.reserved.append(calls)
        return nullcontext()

    def state(self, name: str, params: Mapping[str, str], action: Action, *, scenario: str = "") -> StateAnswer:
        self.note("state", state=name, action=action, params=dict(params))
        return self.states(name)

    def now(self) -> float:
        return self.clock

    def note(self, event: str, *, scenario: str = "", text: str = "", **data: Any) -> None:
        self.notes.append((event, {"text": text, **data}))

    def operations(self) -> list[str]:
        return [r.operation for r in self.requests]


def _message(name: str, row: OutRow, status: str = "failure", attempts: int = 1) -> dict[str, Any]:
    shown = [{"id": "batch_1", "status": "messages_enqueued"}]
    return {"id": name, "latestStatus": status, "values": row.values, "numAttempts": attempts, "batches": shown}


def _target(status: str = "failure") -> tuple[Puppet, dict[str, Any]]:
    """A target with one batch, every message of which is in ``status``."""
    world: dict[str, Any] = {"rows": (), "status": status}

    def answers(request: Request) -> tuple[int, Any]:
        if request.operation == "batch_send":
            world["rows"] = request.rows
            return 201, {"isValid": True, "batchId": "batch_1"}
        messages = [_message(f"m{i}", row, world["status"]) for i, row in enumerate(world["rows"])]
        if request.operation == "batch_list":
            return 200, {"data": messages, "pageData": {"hasNextPage": False}}
        if request.operation == "message_read":
            return 200, next(m for m in messages if m["id"] == request.message)
        return 201, None

    return Puppet(answers), world


class Inventor:
    """Makes ids up, and tells nobody."""

    def invent(self, identifier: UUID, shape: str | None = None) -> str:
        return f"made-up-{shape}"

    def invent_message(self, identifier: UUID) -> str:
        return "made-up-message"

    def near(self, batch: str, how: str, identifier: UUID) -> str | None:
        return None if how == "wildcard" else f"{batch}-{how}"


def _interpret(
    transport: Puppet, *steps: Any, requirements: tuple[str, ...] = (), pace: Pace | None = None
) -> list[Pause]:
    interpreter = Interpreter(
        transport, CONFIG, rng=random.Random(1), invent=Inventor(), scenario="s", requirements=requirements, pace=pace
    )
    pauses = []
    for pause in interpreter.run(Program(name="s", steps=steps)):
        pauses.append(pause)
        transport.clock = max(transport.clock, pause.until)
    return pauses


def test_a_row_is_told_by_its_nonce_and_recipients_take_turns() -> None:
    specs = [RowSpec(), RowSpec(), RowSpec(), RowSpec(role="succeeding"), RowSpec(same_as=0), RowSpec(language="tamil")]
    rows = make_rows(specs, CONFIG, random.Random(3))
    assert [r.recipient for r in rows[:5]] == ["6511111111", "6511112222", "6511111111", "6500000001", "6511111111"]
    assert rows[5].values["body"].startswith("vanakkam")
    assert len({r.nonce for r in rows}) == len(rows)
    assert all(f"[n:{r.nonce}]" in r.values["body"] for r in rows)


def test_a_row_that_repeats_no_earlier_one_is_a_row_like_any() -> None:
    rows = make_rows([RowSpec(same_as=3), RowSpec(same_as=3), RowSpec(same_as=-1)], CONFIG, random.Random(3))
    assert len({row.recipient for row in rows}) == 1


def test_a_probe_that_might_reach_somebody_else_s_batch_is_left_out_and_the_others_are_not() -> None:
    transport, _ = _target()
    retries = (Retry(batch="b", cause=f"id:near:{how}") for how in ("wildcard", "longer"))
    _interpret(transport, Send(batch="b", rows=(RowSpec(),)), *retries)
    asked = [r for r in transport.requests if r.operation == "batch_retry"]
    assert [(r.cause, (r.path or "").rpartition("-")[2]) for r in asked] == [("id:near:longer", "longer/retry")]
    assert ["not random" in data["text"] for event, data in transport.notes if event == "left_out"] == [True]


def test_a_role_without_a_number_is_unmet() -> None:
    transport, _ = _target()
    _interpret(transport, Send(batch="b", rows=(RowSpec(role="recovering"),)))
    assert transport.requests == []
    assert [data["code"] for event, data in transport.notes if event == "unmet"] == ["not-configured"]


@pytest.mark.parametrize(
    ("text", "held"),
    [
        *(("markup", "<b>"), ("quotes", '"said"'), ("blanks", "two   three"), ("breaks", "\n\n")),
        *(("chinese", "\u8c22"), ("tamil", "\u0ba3"), ("composed", "\u00e9"), ("decomposed", "e\u0301")),
        *(("emoji", "\U0001f4e8"), ("zeros", "007 "), ("date", "01/02/2026"), ("number", "1234.50")),
    ],
)
def test_awkward_texts(text: Any, held: str) -> None:
    assert held in make_rows([RowSpec(text=text)], CONFIG, random.Random(3))[0].values["body"]


def test_a_text_is_changed_by_either_normal_form_and_one_is_longer_than_an_sms() -> None:
    composed, decomposed, long = (
        make_rows([RowSpec(text=text)], CONFIG, random.Random(3))[0].values["body"]
        for text in ("composed", "decomposed", "long")
    )
    assert composed != decomposed
    assert decomposed not in {unicodedata.normalize("NFC", decomposed), unicodedata.normalize("NFD", decomposed)}
    assert len(long) > 160


def test_with_several_parameters_a_number_or_a_date_stands_alone() -> None:
    config = msgspec.structs.replace(CONFIG, template=Template(values={"body": "hello", "code": "x"}))
    texts: tuple[Text, ...] = ("zeros", "date", "number", "blanks", "plain")
    rows = make_rows([RowSpec(text=text) for text in texts], config, random.Random(3))
    assert [row.values["code"] for row in rows] == ["00700", "01/02/2026", "1234.50", "  two   three  ", "x"]
    assert all(f"[n:{row.nonce}]" in row.values["body"] for row in rows)


def test_a_wait_ends_when_the_batch_is_quiet() -> None:
    transport, _ = _target()
    assert _interpret(transport, Send(batch="b", rows=(RowSpec(),)), Wait(batch="b", until="quiet")) == []
    assert transport.operations() == ["batch_send", "batch_list", "message_read"]


def test_a_wait_has_a_bound_and_says_what_was_not_reached() -> None:
    transport, _ = _target("sending")
    steps = (Send(batch="b", rows=(RowSpec(),)), Wait(batch="b", until="quiet"), Retry(batch="b"))
    pauses = _interpret(transport, *steps, requirements=("BR-ACC-02",))
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
    transport = _failing(_target()[0], "batch_send")
    _interpret(transport, Send(batch="b", rows=(RowSpec(),)), Retry(batch="b"))
    assert [data["code"] for event, data in transport.notes if event == "unmet"] == ["answer-lost"]


def test_a_wait_that_sees_nothing_says_so() -> None:
    transport = _failing(_target()[0], "batch_list", after=1)
    send = Send(batch="b", rows=(RowSpec(),))
    _interpret(transport, send, Wait(batch="b", until="quiet"), Wait(batch="b", until="quiet"), Retry(batch="b"))
    assert "batch_retry" not in transport.operations()
    assert [data["code"] for event, data in transport.notes if event == "unmet"] == ["answer-lost"]


def test_a_listing_without_an_answer_says_nothing_new() -> None:
    transport = _failing(_target()[0], "batch_list", after=1)
    steps = (Send(batch="b", rows=(RowSpec(),)), Wait(batch="b", until="quiet"), Read(batch="b"))
    _interpret(transport, *steps, Read(batch="b", view="message"))
    # The first single read is the wait's, for the batch's status; the other finds its message all the same.
    assert transport.operations()[-3:] == ["message_read", "batch_list", "message_read"]


def test_a_status_that_got_no_answer_is_not_quiet() -> None:
    transport = _failing(_target()[0], "message_read")
    _interpret(transport, Send(batch="b", rows=(RowSpec(),)), Wait(batch="b", until="quiet"), Retry(batch="b"))
    assert "batch_retry" not in transport.operations()


def test_a_wait_that_is_not_essential_goes_on() -> None:
    transport, _ = _target("sending")
    wait = Wait(batch="b", until="quiet", essential=False)
    _interpret(transport, Send(batch="b", rows=(RowSpec(),)), wait, Retry(batch="b"))
    assert "batch_retry" in transport.operations()


def test_after_a_refused_retry_there_is_nothing_to_wait_for() -> None:
    transport, _ = _target()
    asked = transport.answers

    def answers(request: Request) -> tuple[int, Any]:
        return (400, {}) if request.operation == "batch_retry" else asked(request)

    transport.answers = answers
    steps = (Send(batch="b", rows=(RowSpec(),)), Wait(batch="b", until="quiet"), Retry(batch="b"))
    assert _interpret(transport, *steps, Wait(batch="b", until="taken")) == []


def _answering(transport: Puppet, operation: str, *statuses: int) -> Puppet:
    """The operation is answered with these statuses in turn, the last of them from then on."""
    asked = transport.answers
    left = list(statuses)

    def answers(request: Request) -> tuple[int, Any]:
        if request.operation != operation:
            return asked(request)  # type: ignore[no-any-return]
        return (left.pop(0) if len(left) > 1 else left[0]), None

    transport.answers = answers
    return transport


READY = (Send(batch="b", rows=(RowSpec(), RowSpec())), Wait(batch="b", until="quiet"))


def test_a_valid_retry_answered_5xx_is_sent_three_times_with_a_read_between_and_waited_for() -> None:
    transport = _answering(_target()[0], "batch_retry", 500)
    _interpret(transport, *READY, Retry(batch="b"), Wait(batch="b", until="retried"))
    assert transport.operations()[3:8] == ["batch_retry", "batch_list", "batch_retry", "batch_list", "batch_retry"]
    # One settling time after it, a last look (BR-ERR-08).
    assert 10 <= transport.clock < 13
    assert transport.operations()[-2:] == ["batch_list", "message_read"]


@pytest.mark.parametrize(("statuses", "times"), [((500, 201), 2), ((503, 503, 400), 3), ((400,), 1), ((201,), 1)])
def test_a_valid_retry_is_sent_again_only_while_it_is_answered_5xx(statuses: tuple[int, ...], times: int) -> None:
    transport = _answering(_target()[0], "batch_retry", *statuses)
    _interpret(transport, *READY, Retry(batch="b"))
    assert transport.operations().count("batch_retry") == times


def test_in_a_burst_what_is_read_between_is_the_message_that_the_burst_reads() -> None:
    transport = _answering(_target()[0], "batch_retry", 500)
    burst = Burst(steps=(SingleRetry(batch="b", row=0), Retry(batch="b"), Read(batch="b", view="message", rows=(0,))))
    _interpret(transport, *READY, burst)
    assert transport.operations()[3:] == [
        *("single_retry", "batch_retry", "message_read", "batch_retry", "message_read", "batch_retry", "message_read")
    ]


@pytest.mark.parametrize(
    ("statuses", "times"), [((429, 429, 401), 3), ((429,), 3), ((302, 401), 2), ((500, 401), 2), ((401,), 1)]
)
def test_a_probe_that_met_a_429_a_page_or_a_lost_answer_is_made_again(statuses: tuple[int, ...], times: int) -> None:
    transport = _answering(_target()[0], "batch_retry", *statuses)
    _interpret(transport, *READY, Retry(batch="b", cause="auth:none"), Retry(batch="b", cause="auth:none"))
    assert transport.operations().count("batch_retry") == times + (3 if statuses == (429,) else 1)
    single = _answering(_target()[0], "single_retry", *statuses)
    _interpret(single, *READY, SingleRetry(batch="b", row=0, cause="auth:none"))
    assert single.operations().count("single_retry") == times


def test_a_race_whose_loser_is_answered_5xx_is_waited_out_before_the_next() -> None:
    transport, world = _target()
    asked = transport.answers
    met = {"retries": 0}

    def answers(request: Request) -> tuple[int, Any]:
        met["retries"] += request.operation == "batch_retry"
        if request.operation == "batch_retry" and met["retries"] == 2:
            return 500, {"error": {"code": "x"}}
        if request.operation == "batch_list" and met["retries"]:
            data = [_message(f"m{i}", row, "failure", attempts=2) for i, row in enumerate(world["rows"])]
            return 200, {"data": data, "pageData": {"hasNextPage": False}}
        return asked(request)  # type: ignore[no-any-return]

    transport.answers = answers
    pair = Together(steps=(Retry(batch="b"), Retry(batch="b")))
    _interpret(transport, *READY, pair, Wait(batch="b", until="retried"))
    assert transport.clock > 10
    assert transport.operations().count("batch_list") == 2, "one look before the race, and one behind the settling time"


def test_a_message_sent_singly_is_waited_for_and_read_by_itself() -> None:
    statuses = iter(["created", "failure", "failure"])

    def answers(request: Request) -> tuple[int, Any]:
        if request.operation == "single_send":
            return 201, {"id": "m7", "latestStatus": "created"}
        return 200, {"id": "m7", "latestStatus": next(statuses), "attempts": [{}]}

    transport = Puppet(answers)
    steps = (SingleSend(batch="one"), Wait(batch="one", until="terminal"), Read(batch="one"), Retry(batch="one"))
    _interpret(transport, *steps)
    assert [(r.operation, r.message) for r in transport.requests[1:]] == [("message_read", "m7")] * 3
    assert [data["code"] for event, data in transport.notes if event == "unmet"] == ["batch-unknown"]


def test_a_blocking_message_is_watched_until_it_has_left_created() -> None:
    transport, world = _target("created")
    watch = Wait(batch="b", until="left", row=0, seconds=1.1, essential=False)
    send = (Send(batch="b", rows=(RowSpec(),)), Read(batch="b"))
    _interpret(transport, *send, watch)
    reads = [r for r in transport.operations() if r == "message_read"]
    assert 1.0 <= transport.clock < 2
    assert 2 <= len(reads) <= 3
    assert not [event for event, _ in transport.notes if event == "waited_out"]
    world["status"] = "sending"
    transport.requests.clear()
    _interpret(transport, *send, watch)
    assert transport.operations() == ["batch_send", "batch_list", "message_read"]


def test_where_deliveries_take_long_a_blocking_message_is_looked_at_once_when_its_time_is_over() -> None:
    pace = Pace()
    pace.learn("quiet", 20.0, looks=3, missed=15.0)
    transport, _ = _target("created")
    watch = Wait(batch="b", until="left", row=0, seconds=1.1, essential=False)
    _interpret(transport, Send(batch="b", rows=(RowSpec(),)), Read(batch="b"), watch, pace=pace)
    assert transport.operations() == ["batch_send", "batch_list", "message_read"]
    assert transport.clock > 1.1


def test_views_that_do_not_agree_are_polled_until_they_do_or_time_is_over() -> None:
    transport, world = _target()
    asked = transport.answers
    behind = {"campaign": 2}

    def answers(request: Request) -> tuple[int, Any]:
        if request.operation != "campaign_list":
            return asked(request)  # type: ignore[no-any-return]
        behind["campaign"] -= 1
        status = "sending" if behind["campaign"] >= 0 else "failure"
        messages = [_message(f"m{i}", row, status) for i, row in enumerate(world["rows"])]
        return 200, {"data": messages, "pageData": {"hasNextPage": False}}

    transport.answers = answers
    agreed = Wait(batch="b", until="agreed", essential=False)
    _interpret(transport, *READY, agreed)
    assert transport.operations().count("campaign_list") == 3
    # The first look goes by the listing that the wait before it has read; each further one reads it anew.
    assert transport.operations().count("batch_list") == 1 + 2
    behind["campaign"] = 10**6
    _interpret(transport, *READY, agreed)
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


def test_a_wait_that_nobody_informs_looks_for_itself() -> None:
    pace = Pace()
    assert pace.scouts("another wait")
    transport, _ = _target()
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


RACE = Together(steps=(Retry(batch="b"), SingleRetry(batch="b", row=0), Read(batch="b"), Retry(batch="b")))


def test_a_race_is_one_request_for_each_step() -> None:
    transport, _ = _target()
    steps = (Send(batch="b", rows=(RowSpec(), RowSpec())), Wait(batch="b", until="quiet"), RACE)
    _interpret(transport, *steps, Together(steps=(Read(batch="b", view="message", rows=(0, 1)), Retry(batch="b"))))
    assert transport.raced == [
        ["batch_retry", "single_retry", "batch_list", "batch_retry"],
        ["message_read", "message_read", "batch_retry"],
    ]


def test_after_a_race_each_accepted_retry_is_waited_for() -> None:
    held = Held("b", ())
    held.seen = {"a": ("failure", 1), "b": ("failure", 1)}
    held.before, held.owed, held.more = dict(held.seen), 2, {"b": 1}
    held.seen = {"a": ("failure", 3), "b": ("failure", 3)}
    assert not held.taken
    held.seen = {"a": ("failure", 3), "b": ("created", 4)}
    assert held.taken


def test_what_is_not_essential_is_waited_for_from_the_last_retry_on() -> None:
    transport, _ = _target()
    waits = tuple(Wait(batch=b, until="taken", essential=False) for b in ("b", "c"))
    sends = tuple(Send(batch=b, rows=(RowSpec(),)) for b in ("b", "c"))
    _interpret(transport, *sends, Read(batch="b"), Read(batch="c"), Retry(batch="b"), Retry(batch="c"), *waits)
    assert transport.clock < 11


def test_a_race_wider_than_the_rate_is_unmet() -> None:
    transport, _ = _target()
    target = Target(base_url="https://target.test/api/v2", campaign_id="c")
    config = msgspec.structs.replace(CONFIG, target=target, limits=Limits(calls_per_second=3))
    interpreter = Interpreter(transport, config, rng=random.Random(1), invent=Inventor())
    steps = (Send(batch="b", rows=(RowSpec(),)), Wait(batch="b", until="quiet"), RACE)
    for pause in interpreter.run(Program(name="s", steps=steps)):
        transport.clock = max(transport.clock, pause.until)
    assert transport.raced == []
    assert [data["code"] for event, data in transport.notes if event == "unmet"] == ["rate-too-low"]


def test_a_race_is_planned_as_one_retry_and_bounded_by_all() -> None:
    race = next(s for s in SCENARIOS if s.name == "race-single").program(CONFIG)
    cost = cost_of(race, CONFIG)
    rows = {step.batch: len(step.rows) for step in race.steps if isinstance(step, Send)}
    raced = [step for step in race.steps if isinstance(step, Together)]
    prices = [
        [rows[s.batch] if isinstance(s, Retry) else 1 for s in step.steps if not isinstance(s, Read)] for step in raced
    ]
    assert cost.messages == sum(rows.values()) + sum(map(max, prices))
    assert cost.messages_at_most == sum(rows.values()) + sum(map(sum, prices))


def test_races_are_enough_at_every_depth() -> None:
    for name, kinds in (("race-batch", {Retry}), ("race-single", {Retry, SingleRetry})):
        program = next(s for s in SCENARIOS if s.name == name).program(CONFIG)
        pairs = [s for s in program.steps if isinstance(s, Together) and {type(inner) for inner in s.steps} == kinds]
        assert len(pairs) >= 4


def test_a_burst_reserves_the_rate_for_all_its_steps() -> None:
    transport, _ = _target()
    burst = Burst(steps=(SingleRetry(batch="b", row=0), Retry(batch="b"), Read(batch="b")))
    _interpret(transport, Send(batch="b", rows=(RowSpec(),)), Wait(batch="b", until="quiet"), burst)
    assert transport.reserved == [4]
    assert transport.operations()[-3:] == ["single_retry", "batch_retry", "batch_list"]


def test_a_probe_without_a_batch_is_sent_again_only_while_it_is_answered_5xx_or_by_something_in_front() -> None:
    for status, times in ((400, 1), (302, TRIES), (500, TRIES)):
        transport = Puppet(lambda request, status=status: (status, {}))
        _interpret(transport, Retry(batch="nobody's", cause="id:malformed:quote"))
        sent = [r for r in transport.requests if r.operation == "batch_retry"]
        assert len(sent) == times
        assert len(transport.requests) == 2 * times - 1, "a read comes between"
        assert sent[0].batch == "made-up-quote"
        single = Puppet(lambda request, status=status: (status, {}))
        _interpret(single, SingleRetry(batch="nobody's", cause="id:unknown"))
        asked = [(r.operation, r.message) for r in single.requests if r.operation != "campaign_list"]
        assert asked == [("single_retry", "made-up-message")] * times


def test_a_batch_that_the_vendor_makes_is_read_retried_and_let_go() -> None:
    transport, world = _target()
    world["rows"] = make_rows([RowSpec()], CONFIG, random.Random(1))
    held = next(s for s in SCENARIOS if s.name == "held").program(CONFIG)
    _interpret(transport, *held.steps)
    assert {r.batch for r in transport.requests if r.batch is not None} == {"made_by_the_vendor"}
    # Retried while its message is on its way, and once it has failed: then only the status stands in the way.
    assert transport.operations() == [
        *("batch_list", "batch_retry", "batch_list", "message_read", "batch_retry", "message_read")
    ]
    asked = [data for event, data in transport.notes if event == "state"]
    assert [data["action"] for data in asked] == ["setup", "teardown"]
    assert asked[1]["params"]["batchId"] == "made_by_the_vendor"


def test_a_state_that_does_not_come_about_is_unmet() -> None:
    transport, _ = _target()
    transport.states = lambda name: StateAnswer(values={}, error="answered 404")
    held = next(s for s in SCENARIOS if s.name == "held").program(CONFIG)
    _interpret(transport, *held.steps)
    assert transport.requests == []
    (unmet,) = [data for event, data in transport.notes if event == "unmet"]
    assert (unmet["code"], "404" in unmet["text"]) == ("state-refused", True)


def test_a_batch_that_was_not_made_is_unmet() -> None:
    transport = Puppet(lambda request: (403, None))
    _interpret(transport, Send(batch="b", rows=(RowSpec(),)), Retry(batch="b"))
    assert transport.operations() == ["batch_send"]
    assert [event for event, _ in transport.notes] == ["program", "started", "unmet", "finished"]


def test_a_listing_that_never_ends_is_left() -> None:
    pages = iter(range(10_000))

    def answers(request: Request) -> tuple[int, Any]:
        if request.operation == "batch_send":
            return 201, {"batchId": "b1"}
        return 200, {"data": [{"id": "m"}], "pageData": {"hasNextPage": True, "endCursor": f"c{next(pages)}"}}

    transport = Puppet(answers)
    _interpret(transport, Send(batch="b", rows=(RowSpec(),)), Read(batch="b", limit=1))
    assert len(transport.requests) < 100


@pytest.mark.parametrize("body", [None, [], {}, {"data": None}, {"data": [None, 1, {"id": 3}, {"id": "x"}]}, "text"])
def test_hostile_answers_end_no_program_with_an_error(body: Any) -> None:
    def answers(request: Request) -> tuple[int, Any]:
        return (201, {"batchId": "b1"}) if request.operation == "batch_send" else (200, body)

    for scenario in SCENARIOS:
        transport = Puppet(answers)
        _interpret(transport, *scenario.program(CONFIG).steps)
        assert transport.notes[-1][0] == "finished"


def test_every_scenario_is_plain_data() -> None:
    for scenario in SCENARIOS:
        program = scenario.program(CONFIG)
        assert msgspec.json.decode(msgspec.json.encode(program), type=Program) == program


def test_scenarios_are_chosen_by_requirement_and_by_what_is_offered() -> None:
    names = {s.name for s in chosen(CONFIG, EVERYTHING)}
    assert "delivered" in names
    assert "foreign-key" not in names
    assert {s.name for s in chosen(CONFIG, ["BR-ERR-01"])} == {"processing", "after-accepted", "unknown"}
    without = msgspec.structs.replace(CONFIG, recipients=Recipients(failing=("6511111111",)))
    assert "delivered" not in {s.name for s in chosen(without, EVERYTHING)}


def _pausing(name: str, done: list[str], *until: float, for_others: int = 0) -> Running:
    for at in until:
        yield Pause(until=at, what=name, deadline=at + 1, for_others=for_others)
    done.append(name)


def test_programs_wait_side_by_side() -> None:
    clock = [0.0]
    slept: list[float] = []
    done: list[str] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    programs = {
        "last": _pausing("last", done, 0.0, for_others=1),
        "slow": _pausing("slow", done, 5.0),
        "fast": _pausing("fast", done, 1.0, 2.0),
    }
    said: list[Progress] = []
    scheduler.run(programs, now=lambda: clock[0], sleep=sleep, progress=said.append)
    assert done == ["fast", "slow", "last"]
    assert sum(slept) == pytest.approx(5.0, abs=0.1)
    assert said[0].of == 3


def test_those_that_wait_for_others_go_on_by_their_rank() -> None:
    done: list[str] = []

    def old() -> Running:
        yield Pause(until=2.0, what="others", deadline=2.0, for_others=1)
        # What it does then is waited for by the next.
        yield from _pausing("old", done, 3.0)

    clock = [0.0]
    programs = {"control": _pausing("control", done, 0.0, for_others=3), "old": old(), "a": _pausing("a", done, 1.0)}
    programs["stuck"] = _pausing("stuck", done, 0.0, for_others=2)
    scheduler.run(programs, now=lambda: clock[0], sleep=lambda s: clock.__setitem__(0, clock[0] + s))
    assert done == ["a", "old", "stuck", "control"]


def test_what_is_soon_over_again_goes_first() -> None:
    done: list[str] = []

    def urgent() -> Running:
        yield Pause(until=0.0, what="moved", deadline=1.0, urgent=True)
        done.append("urgent")

    programs = {"a": _pausing("a", done, 0.0), "urgent": urgent(), "b": _pausing("b", done, 0.0)}
    scheduler.run(programs, now=lambda: 0.0, sleep=lambda _: None)
    assert done[0] == "urgent"


def test_what_one_program_raises_ends_them_all() -> None:
    closed = []

    def other() -> Running:
        try:
            yield Pause(until=9.0, what="", deadline=9.0)
        finally:
            closed.append(True)

    def broken() -> Running:
        yield Pause(until=0.0, what="", deadline=0.0)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        scheduler.run({"a": other(), "b": broken()}, now=lambda: 0.0, sleep=lambda _: None)
    assert closed


def test_a_plan_counts_every_message_and_names_whom() -> None:
    plan = make_plan(CONFIG, "standard", ["BR-SEL-09"])
    rounds = next(s for s in SCENARIOS if s.name == "rounds")
    rows = sum(len(s.rows) for s in rounds.program(CONFIG).steps if isinstance(s, Send))
    assert [s.name for s in plan.scenarios] == ["rounds"]
    assert plan.recipients == {"failing": rows - 1, "succeeding": 1}
    # Three batch retries are accepted, and three single ones; what comes after is refused.
    assert plan.messages == 4 * rows + 3
    assert plan.messages <= plan.messages_at_most
    assert plan.price is None


def test_a_plan_says_which_limits_do_not_hold_it() -> None:
    def short(**limits: float) -> dict[str, int]:
        config = msgspec.structs.replace(CONFIG, limits=msgspec.convert(limits, Limits))
        return {s.limit: s.needs for s in make_plan(config, "standard", ["BR-SEL-09"], tuple(DRIVERS)).short}

    plan = make_plan(CONFIG, "standard", ["BR-SEL-09"])
    rows = sum(plan.recipients.values())
    likely = 2 + plan.parts[0].calls_likely
    assert short() == {}
    assert short(max_messages=plan.messages) == {}
    assert short(max_messages=plan.messages - 1) == {"max_messages": plan.messages}
    assert short(max_calls=likely - 1) == {"max_calls": likely}
    assert short(max_rows=rows - 1) == {"max_rows": rows}
    assert short(calls_per_second=1.0, max_seconds=2.0).keys() == {"max_seconds"}
    assert plan.calls_low <= likely <= plan.calls_high


def test_a_plan_tells_drivers_apart() -> None:
    config = msgspec.structs.replace(CONFIG, limits=Limits(max_messages=90, max_calls=900))
    plan = make_plan(config, "standard", [r.id for r in load().requirements], tuple(DRIVERS))
    assert [part.driver for part in plan.parts] == list(DRIVERS)
    told = "\n".join(plan_lines(plan, config.limits))
    for words in (r"schemathesis +6 at most +140 at most", r"machine +30 at most +300 at most", r"limits +90 +900"):
        assert re.search(words, told)
    assert re.search(rf"SHORT +limits.max_messages is 90, but scenarios take {plan.parts[0].messages}", told)


def test_a_plan_multiplies_by_depth_and_has_a_price() -> None:
    config = msgspec.structs.replace(CONFIG, limits=Limits(price_per_message=0.05))
    one, three = (make_plan(config, depth, ["BR-SEC-01"]) for depth in ("standard", "deep"))
    assert three.messages == 3 * one.messages
    assert one.price == round(one.messages * 0.05, 2)


def test_a_plan_has_a_price_at_most_and_a_bound_that_counts_what_explores() -> None:
    limits = Limits(price_per_message=0.05, max_messages=60, max_seconds=1000.0)
    config = msgspec.structs.replace(CONFIG, limits=limits)
    drawn = make_plan(config, "standard", ["BR-ACC-02"], ("machine",))
    assert (drawn.price, drawn.price_at_most) == (0.0, 1.0)
    assert drawn.seconds_at_most > 300
    told = "\n".join(plan_lines(drawn, limits))
    assert "nobody" not in told
    assert "1.00 at most" in told
    few = msgspec.structs.replace(config, limits=Limits(price_per_message=0.05, max_messages=5))
    both = make_plan(few, "standard", ["BR-ACC-02"], ("scenarios", "machine"))
    assert both.price_at_most == 0.25, "no more than the limits let out"


def test_the_plan_of_a_replay_is_of_its_program_only() -> None:
    program = Program(
        name="p", steps=(Send(batch="b", rows=(RowSpec(), RowSpec())), Wait(batch="b", until="quiet"), Retry(batch="b"))
    )
    plan = replay_plan(CONFIG, [[program]])
    assert (plan.messages, plan.scenarios, [part.driver for part in plan.parts]) == (4, (), ["replay"])
    beside = replayed(program, CONFIG, ["BR-ACC-02"])
    assert list(beside) == ["control", "p"], "a batch that is left alone is watched beside it"


def test_a_plan_is_folded_between_words() -> None:
    plan = make_plan(CONFIG, "standard", ["BR-ACC-02", "BR-BLK-01"])
    for line in plan_lines(plan, CONFIG.limits, 80):
        assert len(line) <= 80
    whole, folded = (" ".join(" ".join(plan_lines(plan, CONFIG.limits, width)).split()) for width in (None, 80))
    assert whole == folded


@pytest.mark.parametrize(("lag", "pauses"), [(2.0, 1), ("auto", 0)])
@pytest.mark.parametrize("burst", [False, True])
def test_what_was_just_written_is_not_read_back_within_the_lag(lag: float | str, pauses: int, burst: bool) -> None:
    """Other programs go on meanwhile, but for a burst, which lets none of them between."""
    config = msgspec.structs.replace(CONFIG, timing=msgspec.structs.replace(CONFIG.timing, read_lag=lag))
    puppet, _ = _target()
    interpreter = Interpreter(puppet, config, rng=random.Random(1), invent=Inventor())
    steps = (Send(batch="b", rows=(RowSpec(),)), Read(batch="b"), Read(batch="b"))
    yielded = []
    for pause in interpreter.run(Program(name="s", steps=(Burst(steps=steps),) if burst else steps)):
        yielded.append(pause.until - puppet.clock)
        puppet.clock = max(puppet.clock, pause.until)
    # This target's own clock stands still while a burst pauses.
    assert (len(yielded), bool(puppet.paused)) == ((0, bool(pauses)) if burst else (pauses, False))
    assert all(0 < seconds <= 2.0 for seconds in (*yielded, *puppet.paused))


def test_where_the_limits_do_not_hold_all_programs_what_others_exercise_too_is_left_out() -> None:
    def one(rows: int) -> Program:
        return Program(name="p", steps=(Send(batch="b", rows=(RowSpec(),) * rows), Wait(batch="b", until="quiet")))

    programs = {
        "dear": (one(20), ("A", "B")),
        "cheap": (one(1), ("A",)),
        "again": (one(1), ("A",)),
        "other": (one(1), ("C",)),
    }
    kept, left_out = affordable(programs, CONFIG, calls=1000, messages=23)
    assert (list(kept), left_out) == (list(programs), ())
    kept, left_out = affordable(programs, CONFIG, calls=1000, messages=21)
    assert list(kept) == ["dear", "other"]
    assert [one.name for one in left_out] == ["cheap", "again"]
    assert left_out[0].text == (
        "scenario cheap is left out, for limits.max_messages (500) leaves 21, and all of them take about 23; "
        "others exercise what it does"
    )
    assert left_out[0].needs == ("a limits.max_messages of about 502",)
    kept, left_out = affordable(programs, CONFIG, calls=1000, messages=2)
    assert list(kept) == ["cheap", "other"]
    assert "nothing else exercises B" in left_out[0].text
