"""Proxies, client certificates and short keys: each error names the setting, the file and the reason."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from conformance.config_load import load
from conformance.errors import UsageError
from conformance.history.reader import read_history
from conformance.session import Options, execute
from conformance.transport.request import Request
from tests.conftest import command
from tests.raw import (
    BATCH,
    CAMPAIGN,
    KEY,
    READ,
    RETRY,
    Script,
    a_config,
    answer,
    listening,
    request_on,
    saying,
    transported,
)
from tests.stubs import CERTIFICATE, answering, dead_port
from tests.test_doctor import _api, _doctor

TLS = CERTIFICATE.parent
HTTPS = "https://127.0.0.1:9/api/v2"


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (TLS / "encrypted.pem", "has an encrypted key, and no password is asked for"),
        (TLS / "mismatched.pem", "holds a key that does not belong to its certificate"),
        (TLS / "certificate.pem", "holds no private key"),
        (TLS / "key.pem", "holds no certificate"),
        (TLS / "nowhere.pem", "names no file"),
    ],
)
def test_a_client_certificate_that_cannot_be_used(file: Path, reason: str, tmp_path: Path) -> None:
    status, said = _doctor(tmp_path, HTTPS, f'client_cert = "{file}"')
    assert status == 2
    assert "target.client_cert" in said
    assert reason in said
    if file.exists():
        assert str(file) in " ".join(said.split())


def test_a_target_that_asks_for_a_client_certificate(tmp_path: Path) -> None:
    with listening(_asking) as server:
        status, said = _doctor(tmp_path, server.url.replace("http:", "https:"), f'ca_file = "{CERTIFICATE}"')
    assert status == 4
    assert "target.client_cert" in said
    assert "asks for a client certificate" in said


def _asking(connection: socket.socket) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, TLS / "key.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(CERTIFICATE)
    try:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(1)
    except ssl.SSLError:
        # It has said so, and waits until the client has read it.
        connection.recv(1)


def _refusing(status: str) -> Script:
    return saying(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n".encode())


def _deaf(connection: socket.socket) -> None:
    request_on(connection)
    connection.recv(1)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_dead_proxy_is_the_proxys_fault(scheme: str, tmp_path: Path) -> None:
    proxy = f"http://127.0.0.1:{dead_port()}"
    status, said = _doctor(tmp_path, f"{scheme}://127.0.0.1:9/api/v2", f'proxy = "{proxy}"')
    assert status == 4
    assert "target.proxy" in said
    assert "base_url" not in said.partition("BAD")[2]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (_refusing("407 Proxy Authentication Required"), "407"),
        (_refusing("403 Forbidden"), "403"),
        (_refusing("502 Bad Gateway"), "502"),
        (_refusing("301 Moved\r\nlocation: http://192.0.2.1/"), "301"),
    ],
)
def test_a_proxy_that_refuses_to_connect_is_named_and_nothing_was_sent(
    script: Script, reason: str, tmp_path: Path
) -> None:
    with listening(script) as proxy:
        status, said = _doctor(tmp_path, HTTPS, f'proxy = "http://127.0.0.1:{proxy.port}"')
        config = a_config(HTTPS, proxy=f"http://127.0.0.1:{proxy.port}")
        with transported(config, tmp_path) as transport:
            exchange = transport.call(RETRY).exchange
    assert status == 4
    assert "target.proxy" in said
    assert reason in said
    assert exchange.end.outcome == "not_sent"
    assert (transport.budget.calls, transport.budget.messages) == (0, 0)


def test_a_proxy_that_never_connects_has_not_passed_the_request_on(tmp_path: Path) -> None:
    with (
        listening(_deaf) as proxy,
        transported(a_config(HTTPS, proxy=f"http://127.0.0.1:{proxy.port}"), tmp_path) as transport,
    ):
        assert transport.call(RETRY).exchange.end.outcome == "not_sent"


def test_a_407_to_a_plain_request_names_the_proxy(tmp_path: Path) -> None:
    with listening(saying(answer(407))) as proxy:
        status, said = _doctor(tmp_path, "http://127.0.0.1:9/api/v2", f'proxy = "http://127.0.0.1:{proxy.port}"')
    assert status == 4
    assert "target.proxy: the proxy asks for a user and a password (407)" in said


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/states?x=1", "http://u:p@127.0.0.1/s", "https://postman.gov.sg/s", "http://h/a b"]
)
def test_a_provider_state_url_that_cannot_be_used_names_itself(url: str, tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(f'[provider_states]\nurl = "{url}"\n', encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load(path, {})
    assert caught.value.where == "provider_states.url"
    assert "base_url" not in str(caught.value)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (saying(answer(404)), "ok    provider_states.url: it refuses a state that there is not (answered 404)"),
        (saying(answer(500)), "answered 500: 4xx says that it knows none"),
        (saying(answer(200, b"{}")), "it claims to have set up a state that there is not"),
        (saying(answer(200, b"<h1>")), "the answer is no JSON object of texts: see that it runs"),
        (saying(), "no answer (RemoteProtocolError): see that it runs"),
    ],
)
def test_the_doctor_says_what_the_provider_state_url_answers(script: Script, said: str, tmp_path: Path) -> None:
    asked: list[bytes] = []

    def kept(connection: socket.socket) -> None:
        # Looked at, and left to be read by the script.
        asked.append(connection.recv(65536, socket.MSG_PEEK))
        script(connection)

    with listening(kept) as vendor, answering(_api()) as url:
        more = f'[provider_states]\nurl = "http://127.0.0.1:{vendor.port}/states"'
        status, out = _doctor(tmp_path, url, more)
    assert status == 0
    assert said in " ".join(out.split("\n"))
    assert len(asked) == 1


def test_a_target_that_answers_in_br_is_told_so(tmp_path: Path) -> None:
    with listening(saying(answer(200, b"\x3b", "content-encoding: br"))) as server:
        status, said = _doctor(tmp_path, server.url)
    assert status == 4
    assert "encoding that was not asked for" in said


def test_only_what_is_decoded_is_asked_for(tmp_path: Path) -> None:
    seen: list[bytes] = []

    def script(connection: socket.socket) -> None:
        seen.append(request_on(connection))
        connection.sendall(answer(201, b"\x3b", "content-encoding: br"))

    with listening(script) as server, transported(a_config(server.url), tmp_path) as transport:
        transport.call(RETRY)
    assert b"accept-encoding: gzip, deflate\r\n" in seen[0]
    end = read_history(tmp_path / "history.jsonl").exchanges[0].end
    # Neither empty nor full (ruling 33).
    assert (end.outcome, end.status, end.media, end.undecoded, end.size) == ("answered", 201, "binary", "br", 0)


# -- keys -----------------------------------------------------------------------------------------------------------


def _with_key(folder: Path, url: str, key: str) -> Path:
    path = folder / "c.toml"
    path.write_text(f'[target]\nbase_url = "{url}"\ncampaign_id = "{CAMPAIGN}"\napi_key = "{key}"\n', encoding="utf-8")
    return path


def test_a_short_key_is_taken_on_this_machine_with_a_word_about_it(tmp_path: Path) -> None:
    with answering(_api()) as url:
        status, out, err = command("doctor", "--config", str(_with_key(tmp_path, url, "test")))
        config = load(_with_key(tmp_path, url, "retry"), {})
        result = execute(config, Options(report_dir=tmp_path / "r", drivers=()))
    assert status == 0
    assert "target.api_key has fewer than 8 characters: it cannot be redacted" in out + err
    assert any("cannot be redacted" in line for line in result.lines)


@pytest.mark.parametrize("url", ["https://test.postman.gov.sg/api/v2", "http://192.0.2.1/api"])
def test_a_short_key_is_refused_elsewhere(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"target.api_key: is shorter than 8 characters.*on this machine only"):
        load(_with_key(tmp_path, url, "test"), {})


@pytest.mark.parametrize(
    ("key", "auth", "sent"),
    [
        ("1234567890123456", "case", None),
        ("1234567890123456", "cut", "123456789012345"),
        ("1234567890123456", "extended", "12345678901234560"),
        ("12345678-90123456", "case", None),
        ("aB34567890123456", "case", "Ab34567890123456"),
        ("x", "cut", None),
        ("x", "case", "X"),
    ],
)
def test_an_altered_key_is_never_the_valid_one(key: str, auth: str, sent: str | None, tmp_path: Path) -> None:
    seen: list[bytes] = []

    def script(connection: socket.socket) -> None:
        seen.append(request_on(connection))
        connection.sendall(answer(401, b"{}"))

    probe = Request(operation="batch_retry", campaign=CAMPAIGN, batch=BATCH, auth=auth, cause=f"auth:{auth}")  # type: ignore[arg-type]
    with listening(script) as server, transported(a_config(server.url, api_key=key), tmp_path) as transport:
        exchange = transport.call(probe).exchange
        assert transport.call(READ).exchange.status == 401
    if sent is None:
        assert (exchange.end.outcome, len(seen)) == ("not_sent", 1)
        assert "valid key" in (exchange.end.error or "") or "nothing is left" in (exchange.end.error or "")
    else:
        assert f"authorization: Bearer {sent}\r\n".encode() in seen[0]
    assert transport.budget.calls == len(seen)
    read = read_history(tmp_path / "history.jsonl")
    assert [e.invoke.cause for e in read.exchanges] == [f"auth:{auth}", None]


def test_the_second_key_is_no_altered_key_either(tmp_path: Path) -> None:
    with listening(saying(answer(401))) as server:
        config = a_config(server.url, second_api_key=KEY.swapcase())
        probe = Request(operation="batch_retry", campaign=CAMPAIGN, batch=BATCH, auth="case", cause="auth:case")
        with transported(config, tmp_path) as transport:
            assert transport.call(probe).exchange.end.outcome == "not_sent"
        assert server.connections == 0
