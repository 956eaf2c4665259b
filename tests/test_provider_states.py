"""Provider states over HTTP: what is asked, what may come back, and what never travels there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import httpx
import msgspec
import pytest

from conformance.errors import UsageError
from conformance.history.records import Note
from conformance.reference.server import ReferenceServer
from conformance.report.summary import summary
from conformance.transport.states import MAX_ANSWER, ProviderStates
from tests.reported import refused_quiescent, reported, whole

URL = "http://127.0.0.1:9/states"


def _states(answer: Callable[[httpx.Request], httpx.Response]) -> ProviderStates:
    return ProviderStates(URL, httpx.MockTransport(answer))


def test_it_asks_as_pact_does_and_carries_no_key() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"batchId": "b1"})

    asked = _states(answer).ask("batch_processing", {"messages": "1"}, "setup")
    assert (asked.values, asked.error) == ({"batchId": "b1"}, "")
    assert str(seen[0].url) == URL
    assert seen[0].method == "POST"
    assert json.loads(seen[0].content) == {
        "state": "batch_processing", "params": {"messages": "1"}, "action": "setup"
    }  # fmt: skip
    assert "authorization" not in seen[0].headers


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (httpx.Response(404), "404"),
        (httpx.Response(500, text="oh"), "500"),
        (httpx.Response(302, headers={"location": "http://127.0.0.1:9/elsewhere"}), "302"),
        (httpx.Response(200, text="<h1>"), "no JSON"),
        (httpx.Response(200, json=["batchId"]), "no JSON object"),
        (httpx.Response(200, json={"batchId": 7}), "of texts"),
        (httpx.Response(200, content=b"x" * (MAX_ANSWER + 1)), "64 KiB"),
        (httpx.Response(200, content=b"\xff"), "no JSON"),
    ],
)
def test_an_odd_answer_is_a_reason_and_no_error(response: httpx.Response, said: str) -> None:
    asked = _states(lambda request: response).ask("batch_processing", {}, "setup")
    assert not asked.values
    assert said in asked.error


def test_an_answer_that_dribbles_is_given_up() -> None:
    now = [0.0]

    def dribble() -> Iterator[bytes]:
        for _ in range(10_000):
            now[0] += 20.0
            yield b" "

    inner = httpx.MockTransport(lambda request: httpx.Response(200, content=dribble()))
    asked = ProviderStates(URL, inner, lambda: now[0]).ask("batch_processing", {}, "setup")
    assert "within 30 s" in asked.error
    assert now[0] < 100


def test_an_empty_answer_has_no_values() -> None:
    assert _states(lambda request: httpx.Response(204)).ask("s", {}, "teardown").error == ""


def test_no_answer_is_a_reason() -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no")

    assert "ConnectError" in _states(fail).ask("s", {}, "setup").error


@pytest.mark.parametrize(
    "url", ["https://postman.gov.sg/states", "https://x.GOV.SG./s", "http://u:p@127.0.0.1/s", "ftp://127.0.0.1/s"]
)
def test_no_state_is_asked_for_where_no_target_may_be(url: str) -> None:
    with pytest.raises(UsageError):
        ProviderStates(url)


def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with ReferenceServer() as server:
        states = ProviderStates(server.states_url)
        made = states.ask("batch_processing", {"messages": "1"}, "setup")
        assert made.values["batchId"].startswith("batch_")
        assert states.ask("batch_processing", {"batchId": made.values["batchId"]}, "teardown").error == ""
        assert "404" in states.ask("a_state_that_there_is_not", {}, "setup").error
        states.close()


def test_the_report_says_which_states_were_set_up_and_which_did_not_come_about() -> None:
    about: dict[str, object] = {"action": "setup", "params": {}, "batch": None, "begun": 1.0}
    notes = (
        Note(t=1.0, event="state", data={"state": "batch_processing", **about}),
        Note(t=2.0, event="state", text="answered 404", data={"state": "enqueuing_failed", **about}),
        Note(t=3.0, event="state", data={"state": "batch_processing", **about, "action": "teardown"}),
    )
    history = msgspec.structs.replace(whole(refused_quiescent()), notes=notes)
    observed = [o.value for o in reported(history).observations if o.key == "provider-state"]
    assert observed == [
        "batch_processing was set up; what is found there rests on A8",
        "enqueuing_failed did not come about: answered 404",
    ]
    assert "enqueuing\\_failed did not come about" in summary(reported(history))
