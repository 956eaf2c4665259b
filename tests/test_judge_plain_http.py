"""SEC-06: what plain HTTP comes to."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from conformance.history.records import Exchange
from tests.story import Story


def _plain(*, status: int | None = None, **end: Any) -> Story:
    """A request over plain HTTP, and how it ended."""
    story = Story()
    story.members["b"] = []
    story.retry("b", status, takes=(), cause="scheme:http")
    last = story.exchanges[-1]
    story.exchanges[-1] = Exchange(invoke=last.invoke, end=msgspec.structs.replace(last.end, **end))
    return story


HTTPS = {"Location": "HTTPS://t/api/v2"}
LEGAL: dict[str, dict[str, Any]] = {
    "not sent": {"outcome": "not_sent"},
    "hung up": {"error": "RemoteProtocolError"},
    "hung up, no reason": {"error": None},
    "redirect": {"status": 301, "headers": HTTPS},
    "the last redirect": {"status": 399, "headers": HTTPS},
    "redirect of another spelling": {"status": 308, "headers": {"LOCATION": "https://t/"}},
    "400": {"status": 400},
    "403": {"status": 403},
    "499": {"status": 499},
}
OPEN: dict[str, dict[str, Any]] = {
    "a time-out": {"error": "ReadTimeout"},
    "a time-out in words": {"error": "Connection timed-out: read time-out"},
    "another in words": {"error": "read time out"},
    "a byte came": {"error": "RemoteProtocolError", "first": 0.1},
    "408": {"status": 408},
    "429": {"status": 429},
    "500": {"status": 500},
}
WRONG: dict[str, dict[str, Any]] = {
    "served": {"status": 201},
    "looked at": {"status": 401},
    "redirect to plain": {"status": 301, "headers": {"location": "http://t/"}},
    "https elsewhere": {"status": 302, "headers": {"link": "https://t/"}},
    "a path": {"status": 307, "headers": {"location": "/https:"}},
}


@pytest.mark.parametrize("name", LEGAL)
def test_no_connection_a_redirect_and_a_refusal_pass(name: str) -> None:
    story = _plain(**LEGAL[name])
    assert "BR-SEC-06" in story.exercised()
    assert story.findings() == set()


@pytest.mark.parametrize("name", OPEN)
def test_what_says_nothing_settles_nothing(name: str) -> None:
    story = _plain(**OPEN[name])
    assert ("BR-SEC-06", "answer-lost") in story.doubts()
    assert "BR-SEC-06" not in story.exercised()
    assert story.findings() == set()


@pytest.mark.parametrize("name", WRONG)
def test_an_answer_over_plain_http_fails(name: str) -> None:
    assert "BR-SEC-06" in _plain(**WRONG[name]).findings()
