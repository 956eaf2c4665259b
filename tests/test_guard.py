"""The guard at large: one origin, seven operations, and keys that go out as credentials of the target only."""

from __future__ import annotations

import httpx
import pytest

from conformance.history.records import Auth
from conformance.transport.guard import Context
from tests.guarding import BASE, BATCH, FOREIGN, JSON, KEY, MESSAGE, OTHER, OTHER_KEY, OURS, a_guard, refused, request

RETRY = f"/campaigns/{OURS}/batch/{BATCH}/retry"
LIST = f"/campaigns/{OURS}/batch/{BATCH}/messages"
READ = f"/campaigns/{OURS}/messages/{MESSAGE}"

ELSEWHERE = {
    "another host": "https://example.test/api/v2",
    "production": "https://postman.gov.sg/api/v2",
    "a host below": "https://x.test.postman.gov.sg/api/v2",
    "a host beside": "https://test.postman.gov.sg.example/api/v2",
    "another port": "https://test.postman.gov.sg:8443/api/v2",
    "another scheme": "http://test.postman.gov.sg/api/v2",
    "the other scheme's port": "http://test.postman.gov.sg:443/api/v2",
    "a user": "https://user@test.postman.gov.sg/api/v2",
    "our host as user": "https://test.postman.gov.sg@example.test/api/v2",
    "our host as user and password": "https://test.postman.gov.sg:443@example.test/api/v2",
    "another base": "https://test.postman.gov.sg/api/v3",
    "a longer base": "https://test.postman.gov.sg/api/v2x",
    "no base": "https://test.postman.gov.sg",
    "dots after the base": "https://test.postman.gov.sg/api/v2/..",
    "encoded dots after the base": "https://test.postman.gov.sg/api/v2/%2e%2e/v2",
    "an address": "https://127.0.0.1/api/v2",
}


@pytest.mark.parametrize("attack", ELSEWHERE)
def test_nothing_goes_elsewhere(attack: str) -> None:
    refused(a_guard(), request("GET", LIST, base=ELSEWHERE[attack]))
    refused(a_guard(), request("POST", RETRY, base=ELSEWHERE[attack]))


@pytest.mark.parametrize("base", ["https://TEST.Postman.GOV.sg/api/v2", "https://test.postman.gov.sg:443/api/v2"])
def test_the_same_origin_in_another_spelling_is_the_same(base: str) -> None:
    assert a_guard().check(request("GET", LIST, base=base), Context()).charge == 0


@pytest.mark.parametrize(
    "path", [LIST, READ, f"/campaigns/{OTHER}/messages", f"{LIST}?limit=5&after=x&search={FOREIGN}"]
)
def test_reads_are_let_out(path: str) -> None:
    assert a_guard().check(request("GET", path), Context()).charge == 0


READS = {
    "a body": request("GET", READ, "{}", JSON),
    "another campaign": request("GET", "/campaigns/campaign_x/messages"),
    "an endpoint of no operation": request("GET", "/campaigns"),
    "all campaigns": request("GET", "/campaigns/*/messages"),
    "dots": request("GET", f"/campaigns/{OURS}/messages/.."),
    "an odd spelling": request("GET", READ + "/"),
    "a recipient in the query": request("GET", f"{READ}?recipient={FOREIGN}"),
    "a method override": request("GET", READ, headers={"x-http-method-override": "POST"}),
    "another method override": request("GET", READ, headers={"X_Method": "DELETE"}),
    "a method override in the query": request("GET", f"{READ}?_method=POST"),
    "the same, encoded": request("GET", f"{READ}?%5fMETHOD=POST"),
    "DELETE": request("DELETE", READ),
    "POST": request("POST", READ),
}


@pytest.mark.parametrize("attack", READS)
def test_reads_are_reads_and_no_more(attack: str) -> None:
    refused(a_guard(), READS[attack])


HEADERS = {
    "forwarded for": {"x-forwarded-for": "10.0.0.1"},
    "forwarded host": {"X-Forwarded-Host": "example.test"},
    "forwarded host, by underscore": {"x_forwarded_host": "example.test"},
    "forwarded": {"forwarded": "host=example.test"},
    "original URL": {"x-original-url": "/admin"},
    "rewritten URL": {"x-rewrite-url": "/admin"},
    "host override": {"x-host": "example.test"},
    "another host override": {"x-http-host-override": "example.test"},
    "another host": {"host": "example.test"},
    "another port of the host": {"host": "test.postman.gov.sg:8443"},
    "a transfer encoding": {"transfer-encoding": "chunked"},
    "the same, by underscore": {"transfer_encoding": "chunked"},
    "a wrong length": {"content-length": "5"},
    "a length with a sign": {"content-length": "+0"},
    "an upgrade": {"upgrade": "h2c"},
    "a body that waits": {"expect": "100-continue"},
    "a line end": {"x-a": "b\r\nx-recipient: 1"},
    "a lone line end": {"x-a": "b\nc"},
    "NUL": {"x-a": "b\0c"},
    "a line end in a name": {"x-a\r\nx-b": "c"},
    "a blank in a name": {"host ": "example.test"},
    "a colon in a name": {"x:y": "z"},
}


@pytest.mark.parametrize("attack", HEADERS)
def test_no_header_leads_astray(attack: str) -> None:
    refused(a_guard(), request("POST", RETRY, headers=HEADERS[attack]), Context(cause="header:x"))


@pytest.mark.parametrize("name", ["host", "authorization", "content-length"])
def test_no_header_stands_twice(name: str) -> None:
    plain = request("POST", RETRY)
    plain.headers = httpx.Headers([*plain.headers.raw, (name.encode(), plain.headers[name].encode())])
    refused(a_guard(), plain)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "TRACK", "POST /x HTTP/1.1\r\nX:", "PO ST", ""])
def test_methods_that_are_never_tried(method: str) -> None:
    refused(a_guard(), request(method, RETRY), Context(cause="method:x"))


@pytest.mark.parametrize("name", ["target", "sni_hostname", "network_stream"])
def test_nothing_changes_a_request_after_the_guard(name: str) -> None:
    plain = request("POST", RETRY)
    plain.extensions = {
        "timeout": {},
        "trace": None,
        "conformance": Context(),
        name: b"/api/v2/campaigns/x/batch/y/retry",
    }
    refused(a_guard(), plain)


@pytest.mark.parametrize(
    "where",
    [
        request("POST", f"{RETRY}?key={KEY}"),
        request("POST", f"{RETRY}?key={OTHER_KEY}"),
        request("POST", f"{RETRY}?key=%6b{KEY[1:]}"),
        request("POST", f"{RETRY};{KEY}"),
        request("POST", RETRY, f'{{"key": "{KEY}"}}', JSON),
        request("POST", RETRY, headers={"x-api-key": KEY}),
        request("POST", RETRY, headers={"cookie": f"session={OTHER_KEY}"}),
        request("POST", RETRY, headers={f"x-{KEY}": "1"}),
        request("GET", f"{LIST}?after={KEY}"),
    ],
)
def test_a_key_goes_nowhere_but_into_the_credential(where: httpx.Request) -> None:
    refused(a_guard(), where)


@pytest.mark.parametrize("auth", ["none", "wrong"])
def test_a_probe_without_a_key_has_none(auth: Auth) -> None:
    context = Context(auth=auth, cause=f"auth:{auth}")
    guard = a_guard(headers={"x-gateway": "gateway_secret_1"})
    refused(guard, request("POST", RETRY), context)
    bare = {"authorization": "Bearer wrong"}
    refused(guard, request("POST", RETRY, headers=bare | {"x-gateway": "gateway_secret_1"}), context)
    assert guard.check(request("POST", RETRY, headers=bare), context).charge == 2


def test_a_configured_header_goes_out_under_its_own_name_only() -> None:
    guard = a_guard(headers={"X-Gateway": "gateway_secret_1", "x-env": "test"})
    assert guard.check(request("GET", LIST, headers={"x-gateway": "gateway_secret_1"}), Context()).charge == 0
    refused(guard, request("GET", LIST, headers={"x-other": "gateway_secret_1"}))


def test_a_short_configured_header_is_no_secret() -> None:
    """A header such as ``x-env: test`` shares its value with the host's name: that must not end the run."""
    guard = a_guard(headers={"x-env": "test", "x-accept": JSON})
    bare = {"authorization": "Bearer wrong", "accept": JSON}
    assert guard.check(request("POST", RETRY, headers=bare), Context(auth="wrong", cause="auth:wrong")).charge == 2


# -- the probe of plain HTTP ------------------------------------------------------------------------------------

PLAIN = Context(auth="wrong", cause="scheme:http")
BARE = {"authorization": "Bearer made_up_0000000000"}


@pytest.mark.parametrize(
    ("base", "probe"),
    [
        (BASE, "http://test.postman.gov.sg/api/v2"),
        ("https://localhost:8443/api/v2", "http://localhost:8443/api/v2"),
        ("https://bücher.example/api/v2", "http://bücher.example/api/v2"),
        ("https://[::1]:8443/api/v2", "http://[::1]:8443/api/v2"),
    ],
)
def test_plain_http_is_tried_at_the_same_host_only(base: str, probe: str) -> None:
    guard = a_guard(base)
    assert guard.check(request("POST", RETRY, base=probe, headers=BARE), PLAIN).charge == 2
    refused(guard, request("POST", RETRY, base=probe), PLAIN)
    refused(guard, request("POST", RETRY, base=probe, headers=BARE | {"x-key": OTHER_KEY}), PLAIN)
    for other in ("http://example.test/api/v2", probe.replace("/api", ":81/api"), probe.replace("/api", "/x/api")):
        if ":8443:81" not in other:
            refused(guard, request("POST", RETRY, base=other, headers=BARE), PLAIN)


def test_a_plain_target_needs_no_probe() -> None:
    guard = a_guard("http://127.0.0.1:8080/api/v2")
    refused(guard, request("POST", RETRY, base="http://127.0.0.1/api/v2", headers=BARE), PLAIN)
