"""Whatever is drawn, nobody is texted whom the configuration does not name, and nobody's batch is retried."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import httpx
import msgspec
import pytest

from conformance.config import Limits, Recipients
from conformance.drivers.drive import Drive
from conformance.errors import BudgetError, GuardError
from conformance.fuzzing import one_turn as turns
from conformance.fuzzing.budget import AMOUNTS, Share
from conformance.history.records import Header
from conformance.history.writer import HistoryWriter
from conformance.plan import make_plan
from conformance.transport.chance import lettered
from conformance.transport.client import HttpTransport
from conformance.transport.guard import Context, Guard
from conformance.transport.inert import inert
from conformance.transport.origin import parse_base_url
from conformance.transport.request import OutRow
from tests.sieve import ALLOWED, CONFIG, Sieve, sift

FRESH = UUID("11111111-2222-4333-8444-555555555555")


def test_drawn_requests_carry_no_other_recipient_and_name_no_other_batch(tmp_path: Path) -> None:
    sieve = Sieve()
    sift(sieve, tmp_path, seed=0, depth="deep")
    for seed in range(1, 5):
        sift(sieve, tmp_path, seed=seed)
    assert sieve.left > 1200
    assert sieve.operations["batch_send"] > 8
    assert sieve.operations["single_send"] == 5
    assert sieve.operations["batch_retry"] > 700
    assert (sieve.foreign, sieve.strangers) == (0, 0)


def test_the_sieve_sees_what_it_looks_for() -> None:
    """Without the guard between, it counts the recipients and the batches that it is to count."""
    sieve, base = Sieve(), "http://t/api/v2/campaigns/c"
    wrong = {"recipient": "6590000000", "language": "english", "values": {}}
    part = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
    form = part + b"recipient,language,body\r\n6590000000,english,x\r\n--b--\r\n"
    kind = {"content-type": "multipart/form-data; boundary=b"}
    for request in (
        httpx.Request("POST", f"{base}/messages", json=wrong),
        httpx.Request("POST", f"{base}/batch/messages", content=form, headers=kind),
        httpx.Request("POST", f"{base}/batch/batch_{FRESH}/retry?to=6590000000"),
        httpx.Request("POST", f"{base}/batch/batch_{FRESH}/retry", json={"a": [{"phone": [1]}]}),
    ):
        sieve.handle(request)
    assert (sieve.foreign, sieve.strangers) == (4, 0)
    sieve.handle(httpx.Request("POST", f"{base}/batch/batch_other/retry"))
    sieve.handle(httpx.Request("POST", f"{base}/messages/m/retry"))
    assert sieve.strangers == 2


@pytest.mark.parametrize("drawn", ["", "abcXYZ", "é", "\U0001f4e8", "\x00", "\x7f", "批", "~_"])
def test_letters_are_inert(drawn: str) -> None:
    assert inert(drawn)


@pytest.mark.parametrize(
    "drawn",
    ["0", "a1b", "½", "²", "٣",
     "%", "*", ".", "..", "/", "\\", "?", "#", "&", ";", ",", "|", "'", '"', " ", "\n", "\r", "\t", "\x0b", "\x85", "\u2028",
     "\u3000", "%25", "or 1=1", "{$ne}", "(", "[", "+", ":", "=", "$", "`", "\ud800",
     "\uff05", "\uff0a", "\uff0f", "\uff0e", "\u2024", "\uff1b", "\u2044x\u2100", "a" * 201],
)  # fmt: skip
def test_what_might_be_read_as_more_is_not(drawn: str) -> None:
    assert not inert(drawn)
    with pytest.raises(GuardError):
        _guard().invent_drawn(FRESH, drawn)


def test_a_drawn_id_may_be_retried_and_costs_nothing() -> None:
    guard = _guard()
    made_up = guard.invent_drawn(FRESH, "é\x01x")
    assert made_up == f"batch_{lettered(FRESH)}%C3%A9%01x"
    url = f"http://127.0.0.1:9/api/v2/campaigns/campaign_a/batch/{made_up}/retry"
    assert guard.check(httpx.Request("POST", url), Context(cause="id:generated:control")).charge == 0
    with pytest.raises(GuardError):
        guard.check(httpx.Request("POST", url.replace("%C3", "0%C3")), Context(cause="id:generated:control"))


def _guard() -> Guard:
    return Guard(parse_base_url(CONFIG.target.base_url), ["campaign_a"], ALLOWED)


def test_a_row_to_anybody_else_is_refused_and_the_driver_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver that forgot whom it may text: nothing of it leaves, and what is harmless still does."""
    monkeypatch.setattr("conformance.drivers.fuzzing.rows_saying", _to_a_stranger)
    sieve = Sieve()
    history = sift(sieve, tmp_path, seed=1)
    assert (sieve.foreign, sieve.messages) == (0, 0)
    assert sieve.operations["batch_retry"] > 30
    refusals = [note for note in history.notes if note.event == "refused"]
    assert refusals
    assert f"the guard refused {len(refusals)} drawn requests" in history.notes[-1].text
    assert not any("6590000000" in note.text for note in history.notes)


def _to_a_stranger(said: list[str | None], *_: object) -> tuple[OutRow, ...]:
    one = OutRow(recipient="6590000000", role="failing", language="english", values={"body": "x"}, nonce="0" * 8)
    return tuple(one for _ in said)


def test_nobody_is_texted_where_nobody_may_be_and_never_at_the_least_depth(tmp_path: Path) -> None:
    sieve = Sieve()
    sift(sieve, tmp_path, seed=1, depth="quick")
    nobody = msgspec.structs.replace(CONFIG, recipients=Recipients(failing=()))
    sift(sieve, tmp_path, seed=2, config=nobody)
    assert sieve.messages == 0


def test_a_standard_run_costs_six_messages_at_most(tmp_path: Path) -> None:
    sieve = Sieve()
    history = sift(sieve, tmp_path, seed=3)
    assert 0 < sieve.messages <= 6
    assert sum(e.invoke.charge for e in history.exchanges) <= 6


def test_the_driver_takes_a_third_of_what_is_left_and_stops_quietly(tmp_path: Path) -> None:
    limits = msgspec.structs.replace(CONFIG.limits, max_calls=60, max_messages=9)
    sieve = Sieve()
    history = sift(sieve, tmp_path, seed=3, config=msgspec.structs.replace(CONFIG, limits=limits))
    assert sieve.left == 20
    assert sum(e.invoke.charge for e in history.exchanges) <= 3
    assert "its share of the run is spent" in history.notes[-1].text


def test_a_plan_says_what_the_driver_may_cost(tmp_path: Path) -> None:
    without = make_plan(CONFIG, "standard", ["BR-ERR-04", "BR-SCH-02"])
    plan = make_plan(CONFIG, "standard", ["BR-ERR-04", "BR-SCH-02"], ("scenarios", "schemathesis"))
    history = sift(Sieve(), tmp_path, seed=3)
    assert plan.messages - without.messages >= sum(e.invoke.charge for e in history.exchanges)
    assert plan.calls_high - without.calls_high >= len(history.exchanges)
    assert plan.recipients["failing"] > without.recipients.get("failing", 0)
    assert make_plan(CONFIG, "standard", ["BR-ACC-06"], ("scenarios", "schemathesis")) == make_plan(
        CONFIG, "standard", ["BR-ACC-06"]
    )


def test_a_share_of_nothing_is_nothing() -> None:
    share = Share.of(AMOUNTS["deep"], Limits(max_calls=5, max_messages=1, max_seconds=10), calls=5, messages=1, now=20)
    assert (share.calls, share.messages, share.until) == (0, 0, 20)
    assert not share.take(0.0)


def test_the_budget_of_the_run_ends_the_driver(tmp_path: Path) -> None:
    """The driver's share is a third; but what ends the whole run ends it too."""
    limits = msgspec.structs.replace(CONFIG.limits, max_calls=1)
    config = msgspec.structs.replace(CONFIG, limits=limits)
    header = Header(suite_version="0", contract_version="1.0", run_id="r", started="", base_url="", campaign_id="c")
    with HistoryWriter(tmp_path / "h.jsonl", header) as writer:
        transport = HttpTransport(config, writer, inner=lambda: httpx.MockTransport(Sieve().handle))
        turn = turns.Turn(
            Drive(transport=transport, config=config, requirements=()), Share(calls=5, messages=0, until=1e9)
        )
        assert turn.call("campaign_list", query=(("limit", "1"),)) is not None
        with pytest.raises(BudgetError):
            turn.call("campaign_list", query=(("limit", "1"),))
        transport.close()


def test_no_key_is_drawn_into_what_is_sent(tmp_path: Path) -> None:
    history = sift(Sieve(), tmp_path, seed=4)
    written = json.dumps([msgspec.to_builtins(e.invoke) for e in history.exchanges])
    assert str(CONFIG.target.api_key) not in written
