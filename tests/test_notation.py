"""The notation: what a line means, that it comes back as it went in, and what it says about a line that is none."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.errors import FormatError
from conformance.history.records import Exchange
from conformance.judges.inference.case import Case
from oracle.notation import parse, render
from oracle.walk import Walk

LINES = [
    "F1 S1 | retry 201 | C2 S1",
    "F1 S | retry 201 | C2 S",
    "C1 - [enq] | retry 400 unresolved_batch_messages | C1 - [failed]",
    "F1 | settle | retry lost & F1 | wait 0.5 | read F2<S@7",
    "F1 F1 | single 0 201 | list C2 - | retry 201+2 & single 1 400 some_code",
    "send FP | retry 429 | F1 T1",
    "send SSS",
    "F!C2 S1 | C3<NS F2~",
]


def _exchange(line: str, n: int) -> Exchange:
    return parse(line)[n]


@pytest.mark.parametrize("line", LINES)
def test_a_line_comes_back_as_it_went_in(line: str) -> None:
    history = parse(line)
    assert parse(render(history)) == history
    assert render(parse(render(history))) == render(history)


@pytest.mark.parametrize("line", LINES[:2] + LINES[3:])
def test_a_line_without_several_single_reads_is_rendered_as_written(line: str) -> None:
    assert render(parse(line)) == line


@settings(max_examples=60, derandomize=True, deadline=None)
@given(seed=st.integers(0, 100_000), rows=st.integers(1, 4))
def test_every_walk_has_a_line(seed: int, rows: int) -> None:
    history = Walk(seed, rows=rows).history
    assert parse(render(history), settle=history.header.settle_timeout) == history


def test_sights_become_a_listing() -> None:
    exchange = _exchange("F2<S@3 S", 2)
    first, second = exchange.end.body["data"]
    assert (exchange.invoke.operation, exchange.status) == ("batch_list", 200)
    assert (first["latestStatus"], first["numAttempts"], first["updatedAt"][17:19]) == ("failure", 2, "03")
    assert [attempt["status"] for attempt in first["messageAttempts"]] == ["failure", "success"]
    assert (second["latestStatus"], "numAttempts" in second, "updatedAt" in second) == ("success", False, False)


def test_a_batch_status_makes_single_reads() -> None:
    history = parse("C1 - S1 [failed]")
    reads = history.exchanges[1:]
    assert [e.invoke.operation for e in reads] == ["message_read", "message_read"]
    assert [e.invoke.message for e in reads] == ["message_0", "message_2"]
    assert {e.end.body["batches"][0]["status"] for e in reads} == {"messages_enqueuing_failed"}


def test_the_newest_attempt_may_differ_and_the_earlier_ones_may_change() -> None:
    shown = _exchange("F!C2 S2~", 2).end.body["data"]
    plain = _exchange("F2 S2", 2).end.body["data"]
    assert [a["status"] for a in shown[0]["messageAttempts"]] == ["created", "failure"]
    assert shown[1]["messageAttempts"][0] == plain[1]["messageAttempts"][0]
    assert shown[1]["messageAttempts"][1] != plain[1]["messageAttempts"][1]


def test_writes() -> None:
    history = parse("F1 | retry 201 | retry 400 some_code | retry lost | single 0 201 | retry 200+5")
    first, second, third, fourth, fifth = history.exchanges[2:]
    assert (first.status, first.end.size, first.end.media) == (201, 0, "none")
    assert (second.status, second.end.body["error"]["code"]) == (400, "some_code")
    assert (third.status, third.open) == (None, True)
    assert (fourth.invoke.message, fourth.end.body["latestStatus"]) == ("message_0", "created")
    assert (fifth.status, fifth.end.size) == (200, 5)


def test_cells_follow_each_other_and_exchanges_of_a_cell_overlap() -> None:
    _, listing, one, other, last = parse("F1 | retry 201 & retry 201 | settle | F2", settle=3.0).exchanges
    assert listing.last < one.t < other.t < one.last < other.last
    assert last.t - other.last == pytest.approx(4.01)


def test_the_judges_know_its_batch_and_rows() -> None:
    (batch,) = Case(parse("F1 S1 | retry 201 | - S1 [enq]")).ours
    assert batch.whole
    assert [row.role for row in batch.rows] == ["failing", "succeeding"]
    assert [c.n for c in batch.retries] == [3]


@pytest.mark.parametrize(
    ("line", "where", "what"),
    [
        ("", "cell 1", "is missing"),
        ("F1 | ", "cell 2", "is missing"),
        ("F1 & ", "cell 1", "is missing"),
        ("F1 X1", "cell 1", "'X1' is no sight"),
        ("F1 | F1 S1", "notation", "1 and 2 rows"),
        ("retry 201", "notation", "how many rows"),
        ("F1 | retry", "cell 2", "'nothing' is no answer"),
        ("F1 | retry 2O1", "cell 2", "is no answer"),
        ("F1 | retry 400 No-Code", "cell 2", "is no code"),
        ("F1 | retry 400+2 some_code", "cell 2", "a size"),
        ("F1 | single 201", "cell 2", "'nothing' is no answer"),
        ("F1 | single x 201", "cell 2", "names no row"),
        ("F1 | single 3 201", "cell 2", "no row 3"),
        ("F1 | wait", "cell 2", "no duration"),
        ("F1 | wait inf", "cell 2", "no duration"),
        ("F1 | wait -1", "cell 2", "no longer than nothing"),
        ("F1 | F1 & settle", "cell 2", "a wait overlaps"),
        ("F1 [lost]", "cell 1", "no batch status"),
        ("list F1 [enq]", "cell 1", "shows no batch status"),
        ("F1 | - [enq]", "cell 2", "no message is read"),
        ("F<S", "cell 1", "not how many"),
        ("F3<S", "cell 1", "has 3 attempts"),
        ("F1~", "cell 1", "no earlier attempts"),
        ("send", "first cell", "names no rows"),
        ("send FX", "first cell", "names no rows"),
        ("F1 | send F", "cell 2", "is no sight"),
        (" & ".join(["F1"] * 9), "cell 1", "more than 8"),
    ],
)
def test_a_wrong_line_gets_one_clear_line(line: str, where: str, what: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse(line)
    assert where in caught.value.where
    assert what in str(caught.value)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.text(alphabet="F1SC |&[]enq<!~@-retry2 0single", max_size=40))
def test_any_text_is_a_line_or_a_format_error(text: str) -> None:
    try:
        history = parse(text)
    except FormatError:
        return
    assert parse(render(history)) == history


def test_a_history_beyond_the_notation_is_a_format_error() -> None:
    history = parse("F1 | retry 201")
    read, write = history.exchanges[1:]
    invoke = msgspec.structs.replace(write.invoke, cause="method:PUT")
    other = msgspec.structs.replace(
        history, exchanges=(*history.exchanges[:2], msgspec.structs.replace(write, invoke=invoke))
    )
    with pytest.raises(FormatError, match="exchange 3"):
        render(other)
    read.end.body["data"][0]["latestStatus"] = "resting"
    with pytest.raises(FormatError, match="'resting'"):
        render(history)
    with pytest.raises(FormatError, match="exchange 2"):
        render(msgspec.structs.replace(history, exchanges=history.exchanges[1:]))
