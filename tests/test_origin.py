"""Which base_url may be tested, and what is the same origin."""

from __future__ import annotations

import pytest

from conformance.errors import UsageError
from conformance.transport.origin import parse_base_url

NORMAL = {
    "https://test.postman.gov.sg/api/v2": "https://test.postman.gov.sg/api/v2",
    "https://test.postman.gov.sg/api/v2/": "https://test.postman.gov.sg/api/v2",
    "HTTPS://TEST.postman.GOV.sg.:443/api/v2": "https://test.postman.gov.sg/api/v2",
    "https://ｔｅｓｔ.postman.gov.sg/api/v2": "https://test.postman.gov.sg/api/v2",
    "http://127.0.0.1:8080": "http://127.0.0.1:8080",
    "http://localhost:80/": "http://localhost",
    "http://[0:0::1]:8080/x": "http://[::1]:8080/x",
    "https://bücher.example/api": "https://xn--bcher-kva.example/api",
    "https://BÜCHER.example/api": "https://xn--bcher-kva.example/api",
    "https://xn--bcher-kva.example/api": "https://xn--bcher-kva.example/api",
    "https://my_host.local/api": "https://my_host.local/api",
    "https://gov.sg.example/api": "https://gov.sg.example/api",
    "https://mygov.sg/api": "https://mygov.sg/api",
}


@pytest.mark.parametrize("url", NORMAL)
def test_a_base_url_has_one_normal_form(url: str) -> None:
    base = parse_base_url(url)
    assert base.url == NORMAL[url]
    assert parse_base_url(base.url) == base
    assert base.same_origin(url)


PRODUCTION = [
    "https://postman.gov.sg/api/v2",
    "https://POSTMAN.GOV.SG/api/v2",
    "https://postman.gov.sg./api/v2",
    "https://postman.gov.sg../api/v2",
    "https://postman.gov.sg:8443/api/v2",
    "http://postman.gov.sg/api/v2",
    "https://www.postman.gov.sg/api/v2",
    "https://x.test.postman.gov.sg/api/v2",
    "https://gov.sg/api/v2",
    "https://GOV.SG./api/v2",
    "https://agency.gov.sg/api/v2",
    "https://ｐｏｓｔｍａｎ.ｇｏｖ.ｓｇ/api/v2",
    "https://postman．gov．sg/api/v2",
    "https://postman。gov。sg/api/v2",
    "https://post\u00adman.gov.sg/api/v2",
    "https://post\u200bman.gov.sg/api/v2",
    "https://ⓟⓞⓢⓣⓜⓐⓝ.gov.sg/api/v2",
    "https://%70ostman.gov.sg/api/v2",
    "https://postman%2egov%2esg/api/v2",
    "https://postman.gov.sg%00/api/v2",
    "https://xn--postman-.gov.sg/api/v2",
    "https://user@postman.gov.sg/api/v2",
    "https://test.postman.gov.sg@postman.gov.sg/api/v2",
    "https://postman.gov.sg#@test.postman.gov.sg/api/v2",
    "https://postman.gov.sg?@test.postman.gov.sg/api/v2",
    "https://postman.gov.sg\\@test.postman.gov.sg/api/v2",
    "https:\\\\postman.gov.sg/api/v2",
    "//postman.gov.sg/api/v2",
    "https:postman.gov.sg/api/v2",
    "https:///postman.gov.sg/api/v2",
]


@pytest.mark.parametrize("url", PRODUCTION)
@pytest.mark.parametrize("booked", [False, True])
def test_production_is_refused_in_every_spelling(url: str, booked: bool) -> None:
    with pytest.raises(UsageError) as caught:
        parse_base_url(url, booked=booked)
    assert "\n" not in str(caught.value)


def test_the_load_test_environment_is_by_booking() -> None:
    url = "https://LoadTest.postman.gov.sg/api/v2"
    with pytest.raises(UsageError, match="booked"):
        parse_base_url(url)
    assert parse_base_url(url, booked=True).host == "loadtest.postman.gov.sg"


NO_TARGETS = {
    "nothing": "",
    "blanks": "   ",
    "a name": "reference-target",
    "a path": "/api/v2",
    "another scheme": "ftp://127.0.0.1/api",
    "a file": "file:///etc/hosts",
    "no host": "http:///api",
    "no host but a port": "http://:80/api",
    "a user": "http://me:secret_pass@127.0.0.1/api",
    "an empty user": "http://@127.0.0.1/api",
    "a query": "http://127.0.0.1/api?x=1",
    "an empty query": "http://127.0.0.1/api?",
    "a fragment": "http://127.0.0.1/api#x",
    "an empty fragment": "http://127.0.0.1/api#",
    "a port in words": "http://127.0.0.1:secret_port/api",
    "a port too high": "http://127.0.0.1:65536/api",
    "a negative port": "http://127.0.0.1:-1/api",
    "a blank": "http://127.0.0.1/a b",
    "a tab inside": "http://127.0\t.0.1/api",
    "a line end": "http://127.0.0.1/api\n",
    "a backslash": "http://127.0.0.1\\x/api",
    "NUL": "http://127.0.0.1\0/api",
    "decimal": "http://2130706433/api",
    "octal": "http://0177.0.0.1/api",
    "octal, one digit": "http://127.0.0.01/api",
    "hexadecimal": "http://0x7f000001/api",
    "hexadecimal parts": "http://0x7f.0.0.0x1/api",
    "short": "http://127.1/api",
    "full-width address": "http://１２７.1/api",
    "address and a dot": "http://127.1./api",
    "too many parts": "http://127.0.0.1.1/api",
    "out of range": "http://256.0.0.1/api",
    "an open bracket": "http://[::1/api",
    "a zone": "http://[fe80::1%25eth0]/api",
    "a zone, unencoded": "http://[fe80::1%eth0]/api",
    "a name in brackets": "http://[localhost]/api",
    "an empty label": "http://a..b/api",
    "a dot first": "http://.localhost/api",
    "only a dot": "http://./api",
    "a comma": "http://a,b/api",
    "a star": "http://*.example/api",
    "an encoded path": "http://127.0.0.1/%61pi",
    "dots": "http://127.0.0.1/api/../v2",
    "a dot segment": "http://127.0.0.1/./api",
    "an empty segment": "http://127.0.0.1/api//v2",
    "an empty segment at the end": "http://127.0.0.1/api//",
    "parameters": "http://127.0.0.1/api;x=1",
    "a path that is not ASCII": "http://127.0.0.1/äpi",
}


@pytest.mark.parametrize("case", NO_TARGETS)
def test_what_is_no_plain_url_is_refused_in_one_line(case: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_base_url(NO_TARGETS[case])
    text = str(caught.value)
    assert text.startswith(("target.base_url: ", "no target is named"))
    assert "secret" not in text
    assert "\n" not in text


OTHERS = [
    "https://test.postman.gov.sg:444/",
    "http://test.postman.gov.sg/",
    "https://test.postman.gov.sg.evil.example/",
    "https://test.postman.gov.sg@evil.example/",
    "https://evil.example/https://test.postman.gov.sg/",
    "https://[::1]/",
    "https://[test.postman.gov.sg]/",
    "//test.postman.gov.sg/",
    "https:/test.postman.gov.sg/",
    "https://test.postman.gov.sg%2eevil.example/",
    "",
]


@pytest.mark.parametrize("url", OTHERS)
def test_other_origins_are_not_ours(url: str) -> None:
    assert not parse_base_url("https://test.postman.gov.sg/api/v2").same_origin(url)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:1/", True),
        ("http://127.9.9.9/", True),
        ("http://[::1]/", True),
        ("http://localhost/", True),
        ("http://LOCALHOST./", True),
        ("http://localhost.example/", False),
        ("http://10.0.0.1/", False),
        ("https://test.postman.gov.sg/", False),
    ],
)
def test_this_machine_is_known(url: str, loopback: bool) -> None:
    assert parse_base_url(url).loopback is loopback
