"""The one way out: nothing of the environment, no redirect and no driver changes where a request goes or what it carries."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import httpx
import msgspec
import pytest

from conformance.config import GivenBatch, OtherCampaign
from conformance.errors import BudgetError, GuardError, UsageError
from conformance.history.reader import read_history
from conformance.history.records import Auth, Invoke
from conformance.transport.forms import csv_of, multipart_of
from conformance.transport.request import OutRow, Request
from tests.guarding import NOTHING_YET
from tests.raw import (
    BATCH,
    CAMPAIGN,
    KEY,
    LIST,
    READ,
    RETRY,
    a_config,
    answer,
    listening,
    request_on,
    saying,
    transported,
)


def _head(raw: bytes) -> dict[str, str]:
    lines = raw.split(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"])
def test_nothing_leaves_to_a_proxy_of_the_environment(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []

    def script(connection: socket.socket) -> None:
        seen.append(request_on(connection))
        connection.sendall(answer(200, b"{}"))

    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password a_netrc_password\n", encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("NO_PROXY", "")
    with listening() as proxy, listening(script) as server:
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        with transported(a_config(server.url), tmp_path) as transport:
            assert transport.call(READ).exchange.status == 200
        assert proxy.connections == 0
        assert _head(seen[0])["authorization"] == f"Bearer {KEY}"


def test_a_configured_proxy_gets_the_request_and_nobody_else(tmp_path: Path) -> None:
    with listening(saying(answer(200, b"{}"))) as proxy, listening() as server:
        config = a_config(server.url, proxy=f"http://127.0.0.1:{proxy.port}")
        with transported(config, tmp_path) as transport:
            assert transport.call(READ).exchange.status == 200
        assert (proxy.connections, server.connections) == (1, 0)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int, tmp_path: Path) -> None:
    with listening() as elsewhere:
        location = f"location: http://127.0.0.1:{elsewhere.port}/api/v2/steal?key=x"
        with listening(saying(answer(status, b"", location))) as server:
            with transported(a_config(server.url), tmp_path) as transport:
                assert transport.call(RETRY).exchange.status == status
            assert server.connections == 1
        assert elsewhere.connections == 0


AUTHS: dict[Auth, str | None] = {
    "valid": f"Bearer {KEY}",
    "none": None,
    "wrong": "Bearer not_a_key_0000000000",
    "cut": f"Bearer {KEY[:-1]}",
    "extended": f"Bearer {KEY}0",
    "case": f"Bearer {KEY.upper()}",
    "scheme": f"Basic {KEY}",
    "other": "Bearer the_other_key_987654",
}


@pytest.mark.parametrize("auth", AUTHS)
def test_what_each_kind_of_probe_carries(auth: Auth, tmp_path: Path) -> None:
    sent: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(401)

    other = OtherCampaign(campaign_id="campaign_b", api_key="the_other_key_987654")
    config = a_config("http://127.0.0.1:9/api/v2", headers={"x-gateway": "a_gateway_secret"}, other=other)
    probe = Request(
        operation="batch_retry",
        campaign=CAMPAIGN,
        batch=BATCH,
        auth=auth,
        cause=None if auth == "valid" else f"auth:{auth}",
    )
    with transported(config, tmp_path, inner=lambda: httpx.MockTransport(take)) as transport:
        transport.call(probe)
    assert sent[0].headers.get("authorization") == AUTHS[auth]
    assert ("x-gateway" in sent[0].headers) == (auth not in ("none", "wrong"))
    text = (tmp_path / "history.jsonl").read_text(encoding="utf-8")
    assert not any(secret[i : i + 8] in text for secret in (KEY, "a_gateway_secret") for i in range(len(secret) - 7))


def test_a_key_that_is_not_configured_is_named(tmp_path: Path) -> None:
    other = Request(operation="batch_retry", campaign=CAMPAIGN, batch=BATCH, auth="other")
    with (
        transported(a_config("http://127.0.0.1:9/api/v2"), tmp_path) as transport,
        pytest.raises(UsageError, match=r"target\.other\.api_key"),
    ):
        transport.call(other)


@pytest.mark.parametrize(
    "name", ["Host", "authorization", "Content-Length", "x-forwarded-for", "Connection", "Forwarded"]
)
def test_a_driver_does_not_set_the_transports_headers(name: str, tmp_path: Path) -> None:
    request = Request(operation="batch_retry", campaign=CAMPAIGN, batch=BATCH, headers=((name, "x"),), cause="header:x")
    with transported(a_config("http://127.0.0.1:9/api/v2"), tmp_path) as transport:
        with pytest.raises(GuardError, match="header"):
            transport.call(request)
        assert transport.budget.calls == 0


def _row(recipient: str) -> OutRow:
    return OutRow(
        recipient=recipient, role="failing", language="english", values={"body": "x [n:00000000]"}, nonce="00000000"
    )


REFUSED = {
    "another recipient": Request(operation="batch_send", campaign=CAMPAIGN, rows=(_row("6590000000"),)),
    "another recipient, singly": Request(operation="single_send", campaign=CAMPAIGN, rows=(_row("6590000000"),)),
    "no row": Request(operation="batch_send", campaign=CAMPAIGN),
    "another batch": Request(operation="batch_retry", campaign=CAMPAIGN, batch="batch_0002"),
    "an id that is a path": Request(operation="batch_retry", campaign=CAMPAIGN, batch=f"../{BATCH}"),
    "another campaign": Request(operation="campaign_list", campaign="campaign_x"),
    "another path": Request(operation="batch_retry", campaign=CAMPAIGN, path="/admin", cause="path:x"),
    "another host by the path": Request(
        operation="batch_retry", campaign=CAMPAIGN, path="@example.test/x", cause="path:x"
    ),
    "another port by the path": Request(operation="batch_retry", campaign=CAMPAIGN, path=".example/x", cause="path:x"),
}


@pytest.mark.parametrize("attack", REFUSED)
def test_what_the_guard_refuses_is_noted_and_costs_nothing(attack: str, tmp_path: Path) -> None:
    with listening() as server, transported(a_config(server.url), tmp_path) as transport:
        with pytest.raises(GuardError):
            transport.call(REFUSED[attack])
        assert server.connections == 0
        assert (transport.budget.calls, transport.budget.messages) == (0, 0)
    history = read_history(tmp_path / "history.jsonl")
    assert [n.event for n in history.notes] == ["refused"]
    assert history.exchanges == ()
    assert "6590000000" not in (tmp_path / "history.jsonl").read_text(encoding="utf-8")


def test_what_the_guard_refuses_at_the_door_is_not_sent_and_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the first check and the last another thread may have learnt that the batch holds somebody else."""
    with listening() as server, transported(a_config(server.url), tmp_path) as transport:
        write = transport._writer.write

        def learning(record: Invoke) -> None:
            write(record)
            page = {"data": [{"id": "m", "recipient": "6590000000"}]}
            transport.guard.made.learn_page(BATCH, (), page)

        monkeypatch.setattr(transport._writer, "write", learning)
        with pytest.raises(GuardError):
            transport.call(RETRY)
        assert server.connections == 0
        assert (transport.budget.calls, transport.budget.messages) == (0, 0)
    assert [e.end.outcome for e in read_history(tmp_path / "history.jsonl").exchanges] == ["not_sent"]


def test_a_cookie_of_the_targets_is_not_sent_back(tmp_path: Path) -> None:
    seen: list[bytes] = []

    def script(connection: socket.socket) -> None:
        while raw := request_on(connection):
            seen.append(raw)
            connection.sendall(answer(200, b"{}", "set-cookie: recipient=6590000000; path=/", kept=True))

    with listening(script) as server, transported(a_config(server.url), tmp_path) as transport:
        for _ in range(2):
            assert transport.call(READ).exchange.status == 200
    assert [b"cookie" in raw.lower() for raw in seen] == [False, False]


def test_a_key_that_shares_a_word_with_the_campaign_leaves_the_campaign_as_the_header_has_it(tmp_path: Path) -> None:
    """Judges tell the run's own campaign from the other one by it."""
    config = a_config(
        "http://127.0.0.1:9/api/v2",
        campaign_id="campaign_alpha",
        api_key="key_campaign_alpha_0001",
        other=OtherCampaign(campaign_id="campaign_beta", api_key="key_campaign_beta_0001"),
    )
    with transported(
        config, tmp_path, inner=lambda: httpx.MockTransport(lambda _: httpx.Response(200, json=NOTHING_YET))
    ) as transport:
        own = Request(operation="campaign_list", campaign="campaign_alpha", query=(("limit", "9"),))
        other = Request(operation="campaign_list", campaign="campaign_beta", query=(("limit", "9"),), auth="other")
        found = [transport.call(request).exchange for request in (own, other)]
    assert [e.invoke.campaign for e in found] == ["campaign_alpha", "campaign_beta"]
    assert all("key_campaign" not in e.invoke.path for e in found)


def test_a_batch_that_was_sent_as_bytes_costs_its_rows_when_retried(tmp_path: Path) -> None:
    content, kind = multipart_of(csv_of([_row("6511111111")] * 3))
    send = Request(operation="batch_send", campaign=CAMPAIGN, content=content, content_type=kind)

    def take(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json=NOTHING_YET)
        return httpx.Response(201, json={"isValid": True, "batchId": "batch_0003"})

    with transported(
        a_config("http://127.0.0.1:9/api/v2"), tmp_path, inner=lambda: httpx.MockTransport(take)
    ) as transport:
        transport.call(send)
        transport.call(Request(operation="batch_list", campaign=CAMPAIGN, batch="batch_0003", query=(("limit", "9"),)))
        transport.call(Request(operation="batch_retry", campaign=CAMPAIGN, batch="batch_0003"))
    assert transport.budget.messages == 6


def test_a_given_batch_is_retried_after_a_walk_of_all_its_pages(tmp_path: Path) -> None:
    pages = {"": ("c1", True), "c1": ("c2", True), "c2": ("c3", False)}

    def take(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(201)
        cursor, more = pages[request.url.params.get("after", "")]
        row = {"id": f"message_{cursor}", "recipient": "6511111111"}
        return httpx.Response(200, json={"data": [row], "pageData": {"hasNextPage": more, "endCursor": cursor}})

    config = a_config("http://127.0.0.1:9/api/v2")
    config = msgspec.structs.replace(config, given=(GivenBatch(batch_id="batch_given"),))
    retry = Request(operation="batch_retry", campaign=CAMPAIGN, batch="batch_given")
    with transported(config, tmp_path, inner=lambda: httpx.MockTransport(take)) as transport:
        for after in ("c2", "", "c1", "c2"):
            with pytest.raises(GuardError):
                transport.call(retry)
            query = (("limit", "1"), *([("after", after)] if after else []))
            transport.call(Request(operation="batch_list", campaign=CAMPAIGN, batch="batch_given", query=query))
        assert transport.call(retry).exchange.status == 201
    assert transport.budget.messages == 3


@pytest.mark.parametrize("limit", ["max_messages", "max_calls"])
def test_a_spent_budget_sends_nothing(limit: str, tmp_path: Path) -> None:
    with listening(saying(answer(201))) as server:
        config = a_config(server.url)
        config = msgspec.structs.replace(config, limits=msgspec.structs.replace(config.limits, **{limit: 1}))
        with transported(config, tmp_path) as transport:
            if limit == "max_calls":
                transport.call(READ)
            before = server.connections
            with pytest.raises(BudgetError, match=limit):
                transport.call(RETRY)
            assert server.connections == before


def test_threads_have_numbers_and_connections_of_their_own(tmp_path: Path) -> None:
    def script(connection: socket.socket) -> None:
        while raw := request_on(connection):
            body = json.dumps({"id": raw.split(b" ")[1].decode()}).encode()
            connection.sendall(answer(200, body, kept=True))

    mixed: list[str] = []
    with listening(script) as server, transported(a_config(server.url, read_timeout=5.0), tmp_path) as transport:

        def work(name: str) -> None:
            for i in range(10):
                request = Request(operation="message_read", campaign=CAMPAIGN, message=f"message_{name}_{i}")
                if not str((transport.call(request).json or {}).get("id")).endswith(f"/message_{name}_{i}"):
                    mixed.append(name)

        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert server.connections == 4
    assert not mixed
    exchanges = read_history(tmp_path / "history.jsonl").exchanges
    assert [e.n for e in exchanges] == list(range(1, 41))
    assert all(e.answered and e.t <= e.last for e in exchanges)


def test_a_list_of_one_is_read_by_the_same_rules(tmp_path: Path) -> None:
    """An answer that is JSON but no object teaches the guard nothing, and breaks nothing."""
    for body in (b"[]", b"null", b"7", b'"x"', b'{"data": {"a": 1}}', b'{"data": [null, 7, []]}'):
        with listening(saying(answer(200, body))) as server, transported(a_config(server.url), tmp_path) as transport:
            listing = Request(operation="batch_list", campaign=CAMPAIGN, batch=BATCH)
            assert transport.call(listing).exchange.status == 200
            assert transport.call(LIST).exchange.status == 200
