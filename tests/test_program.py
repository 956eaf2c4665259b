"""Programs: what the interpreter does with a step."""

from __future__ import annotations

import random
import unicodedata
from typing import Any

import msgspec
import pytest

from conformance.config import Limits, Target, Template
from conformance.program.batch_state import Held, make_rows
from conformance.program.interpreter import Interpreter
from conformance.program.retrying import TRIES
from conformance.program.steps import (
    Burst,
    Program,
    Read,
    Retry,
    RowSpec,
    Send,
    SingleRetry,
    Text,
    Together,
    Wait,
)
from conformance.scenarios import SCENARIOS
from conformance.transport.request import Request
from conformance.transport.states import StateAnswer
from tests.puppet import CONFIG, READY, Inventor, Puppet, a_message, a_target, interpret


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
    transport, _ = a_target()
    retries = (Retry(batch="b", cause=f"id:near:{how}") for how in ("wildcard", "longer"))
    interpret(transport, Send(batch="b", rows=(RowSpec(),)), *retries)
    asked = [r for r in transport.requests if r.operation == "batch_retry"]
    assert [(r.cause, (r.path or "").rpartition("-")[2]) for r in asked] == [("id:near:longer", "longer/retry")]
    assert ["three batches" in data["text"] for event, data in transport.notes if event == "left_out"] == [True]


def test_a_role_without_a_number_is_unmet() -> None:
    transport, _ = a_target()
    interpret(transport, Send(batch="b", rows=(RowSpec(role="recovering"),)))
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


def test_a_valid_retry_answered_5xx_is_sent_three_times_with_a_read_between_and_waited_for() -> None:
    transport = _answering(a_target()[0], "batch_retry", 500)
    interpret(transport, *READY, Retry(batch="b"), Wait(batch="b", until="retried"))
    assert transport.operations()[3:8] == ["batch_retry", "batch_list", "batch_retry", "batch_list", "batch_retry"]
    # One settling time after it, a last look (BR-ERR-08).
    assert 10 <= transport.clock < 13
    assert transport.operations()[-2:] == ["batch_list", "message_read"]


@pytest.mark.parametrize(("statuses", "times"), [((500, 201), 2), ((503, 503, 400), 3), ((400,), 1), ((201,), 1)])
def test_a_valid_retry_is_sent_again_only_while_it_is_answered_5xx(statuses: tuple[int, ...], times: int) -> None:
    transport = _answering(a_target()[0], "batch_retry", *statuses)
    interpret(transport, *READY, Retry(batch="b"))
    assert transport.operations().count("batch_retry") == times


def test_in_a_burst_what_is_read_between_is_the_message_that_the_burst_reads() -> None:
    transport = _answering(a_target()[0], "batch_retry", 500)
    burst = Burst(steps=(SingleRetry(batch="b", row=0), Retry(batch="b"), Read(batch="b", view="message", rows=(0,))))
    interpret(transport, *READY, burst)
    assert transport.operations()[3:] == [
        *("single_retry", "batch_retry", "message_read", "batch_retry", "message_read", "batch_retry", "message_read")
    ]


@pytest.mark.parametrize(
    ("statuses", "times"), [((429, 429, 401), 3), ((429,), 3), ((302, 401), 2), ((500, 401), 2), ((401,), 1)]
)
def test_a_probe_that_met_a_429_a_page_or_a_lost_answer_is_made_again(statuses: tuple[int, ...], times: int) -> None:
    transport = _answering(a_target()[0], "batch_retry", *statuses)
    interpret(transport, *READY, Retry(batch="b", cause="auth:none"), Retry(batch="b", cause="auth:none"))
    assert transport.operations().count("batch_retry") == times + (3 if statuses == (429,) else 1)
    single = _answering(a_target()[0], "single_retry", *statuses)
    interpret(single, *READY, SingleRetry(batch="b", row=0, cause="auth:none"))
    assert single.operations().count("single_retry") == times


def test_a_race_whose_loser_is_answered_5xx_is_waited_out_before_the_next() -> None:
    transport, world = a_target()
    asked = transport.answers
    met = {"retries": 0}

    def answers(request: Request) -> tuple[int, Any]:
        met["retries"] += request.operation == "batch_retry"
        if request.operation == "batch_retry" and met["retries"] == 2:
            return 500, {"error": {"code": "x"}}
        if request.operation == "batch_list" and met["retries"]:
            data = [a_message(f"m{i}", row, "failure", attempts=2) for i, row in enumerate(world["rows"])]
            return 200, {"data": data, "pageData": {"hasNextPage": False}}
        return asked(request)  # type: ignore[no-any-return]

    transport.answers = answers
    pair = Together(steps=(Retry(batch="b"), Retry(batch="b")))
    interpret(transport, *READY, pair, Wait(batch="b", until="retried"))
    assert transport.clock > 10
    assert transport.operations().count("batch_list") == 2, "one look before the race, and one behind the settling time"


RACE = Together(steps=(Retry(batch="b"), SingleRetry(batch="b", row=0), Read(batch="b"), Retry(batch="b")))


def test_a_race_is_one_request_for_each_step() -> None:
    transport, _ = a_target()
    steps = (Send(batch="b", rows=(RowSpec(), RowSpec())), Wait(batch="b", until="quiet"), RACE)
    interpret(transport, *steps, Together(steps=(Read(batch="b", view="message", rows=(0, 1)), Retry(batch="b"))))
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


def test_a_race_wider_than_the_rate_is_unmet() -> None:
    transport, _ = a_target()
    target = Target(base_url="https://target.test/api/v2", campaign_id="c")
    config = msgspec.structs.replace(CONFIG, target=target, limits=Limits(calls_per_second=3))
    interpreter = Interpreter(transport, config, rng=random.Random(1), invent=Inventor())
    steps = (Send(batch="b", rows=(RowSpec(),)), Wait(batch="b", until="quiet"), RACE)
    for pause in interpreter.run(Program(name="s", steps=steps)):
        transport.clock = max(transport.clock, pause.until)
    assert transport.raced == []
    assert [data["code"] for event, data in transport.notes if event == "unmet"] == ["rate-too-low"]


def test_races_are_enough_at_every_depth() -> None:
    for name, kinds in (("race-batch", {Retry}), ("race-single", {Retry, SingleRetry})):
        program = next(s for s in SCENARIOS if s.name == name).program(CONFIG)
        pairs = [s for s in program.steps if isinstance(s, Together) and {type(inner) for inner in s.steps} == kinds]
        assert len(pairs) >= 4


def test_a_burst_reserves_the_rate_for_all_its_steps() -> None:
    transport, _ = a_target()
    burst = Burst(steps=(SingleRetry(batch="b", row=0), Retry(batch="b"), Read(batch="b")))
    interpret(transport, Send(batch="b", rows=(RowSpec(),)), Wait(batch="b", until="quiet"), burst)
    assert transport.reserved == [4]
    assert transport.operations()[-3:] == ["single_retry", "batch_retry", "batch_list"]


def test_a_probe_without_a_batch_is_sent_again_only_while_it_is_answered_5xx_or_by_something_in_front() -> None:
    for status, times in ((400, 1), (302, TRIES), (500, TRIES)):
        transport = Puppet(lambda request, status=status: (status, {}))
        interpret(transport, Retry(batch="nobody's", cause="id:malformed:quote"))
        sent = [r for r in transport.requests if r.operation == "batch_retry"]
        assert len(sent) == times
        assert len(transport.requests) == 2 * times - 1, "a read comes between"
        assert sent[0].batch == "made-up-quote"
        single = Puppet(lambda request, status=status: (status, {}))
        interpret(single, SingleRetry(batch="nobody's", cause="id:unknown"))
        asked = [(r.operation, r.message) for r in single.requests if r.operation != "campaign_list"]
        assert asked == [("single_retry", "made-up-message")] * times


def test_a_batch_that_the_vendor_makes_is_read_retried_and_let_go() -> None:
    transport, world = a_target()
    world["rows"] = make_rows([RowSpec()], CONFIG, random.Random(1))
    held = next(s for s in SCENARIOS if s.name == "held").program(CONFIG)
    interpret(transport, *held.steps)
    assert {r.batch for r in transport.requests if r.batch is not None} == {"made_by_the_vendor"}
    # Retried while its message is on its way, and once it has failed: then only the status stands in the way.
    assert transport.operations() == [
        *("batch_list", "batch_retry", "batch_list", "message_read", "batch_retry", "message_read")
    ]
    asked = [data for event, data in transport.notes if event == "state"]
    assert [data["action"] for data in asked] == ["setup", "teardown"]
    assert asked[1]["params"]["batchId"] == "made_by_the_vendor"


def test_a_state_that_does_not_come_about_is_unmet() -> None:
    transport, _ = a_target()
    transport.states = lambda name: StateAnswer(values={}, error="answered 404")
    held = next(s for s in SCENARIOS if s.name == "held").program(CONFIG)
    interpret(transport, *held.steps)
    assert transport.requests == []
    (unmet,) = [data for event, data in transport.notes if event == "unmet"]
    assert (unmet["code"], "404" in unmet["text"]) == ("state-refused", True)


def test_a_batch_that_was_not_made_is_unmet() -> None:
    transport = Puppet(lambda request: (403, None))
    interpret(transport, Send(batch="b", rows=(RowSpec(),)), Retry(batch="b"))
    assert transport.operations() == ["batch_send"]
    assert [event for event, _ in transport.notes] == ["program", "started", "unmet", "finished"]


def test_a_listing_that_never_ends_is_left() -> None:
    pages = iter(range(10_000))

    def answers(request: Request) -> tuple[int, Any]:
        if request.operation == "batch_send":
            return 201, {"batchId": "b1"}
        return 200, {"data": [{"id": "m"}], "pageData": {"hasNextPage": True, "endCursor": f"c{next(pages)}"}}

    transport = Puppet(answers)
    interpret(transport, Send(batch="b", rows=(RowSpec(),)), Read(batch="b", limit=1))
    assert len(transport.requests) < 100


@pytest.mark.parametrize("body", [None, [], {}, {"data": None}, {"data": [None, 1, {"id": 3}, {"id": "x"}]}, "text"])
def test_hostile_answers_end_no_program_with_an_error(body: Any) -> None:
    def answers(request: Request) -> tuple[int, Any]:
        return (201, {"batchId": "b1"}) if request.operation == "batch_send" else (200, body)

    for scenario in SCENARIOS:
        transport = Puppet(answers)
        interpret(transport, *scenario.program(CONFIG).steps)
        assert transport.notes[-1][0] == "finished"
