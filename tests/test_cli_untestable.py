"""Targets that cannot be tested: exit status 4, one sentence that says what to do, and the history kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from conformance.cli import status_of
from conformance.history.reader import read_history
from tests.stubs import answering, dead_port, silent

JSON = "application/json"
EMPTY_PAGE = json.dumps({"data": [], "pageData": {"hasNextPage": False}}).encode()


def _always(status: int, kind: str = JSON, body: bytes = b"{}") -> AbstractContextManager[str]:
    return answering(lambda method, path: (status, kind, body))


CASES: dict[str, tuple[Callable[[], AbstractContextManager[str]], str, str]] = {
    "dead port": (lambda: nullcontext(f"http://127.0.0.1:{dead_port()}/api/v2"), "cannot be reached", "base_url"),
    "no such name": (lambda: nullcontext("http://no-such-host.invalid/api/v2"), "cannot be reached", "base_url"),
    "a web page": (lambda: _always(200, "text/html", b"<h1>hello</h1>"), "does not answer as this API", "base_url"),
    "a wrong path": (lambda: _always(404), "knows no such campaign", "campaign_id"),
    "a refused key": (lambda: _always(401), "refuses the key", "api_key"),
    "no permission": (lambda: _always(403), "does not permit", "allow-list"),
    "everything is 200": (lambda: _always(200, JSON, EMPTY_PAGE), "answers everything alike", "stub"),
    "everything is 500": (lambda: _always(500), "is broken", "500"),
    "everything is a redirect": (lambda: _always(302), "answers 302", "base_url"),
    "never": (silent, "no whole answer", "read_timeout"),
}


@pytest.mark.parametrize("case", CASES)
def test_it_says_what_to_do(case: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make, said, hint = CASES[case]
    with make() as url:
        assert _run(tmp_path, url) == 4
    err = capfd.readouterr().err
    line = next(line for line in err.splitlines() if "retry-conformance: " in line)
    assert said in line
    assert hint in line
    assert "Traceback" not in err
    history = read_history(tmp_path / "reports" / "history.jsonl")
    assert history.footer is not None
    assert not history.footer.complete
    assert json.loads((tmp_path / "reports" / "conformance.json").read_bytes())["run"]["exit_status"] == 4


def test_a_target_that_is_always_busy(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with answering(lambda method, path: (429, JSON, b"{}"), (("retry-after", "0"),)) as url:
        assert _run(tmp_path, url) == 4
    assert "429" in capfd.readouterr().err


def test_plain_http_behind_https(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with _always(200) as url:
        assert _run(tmp_path, url.replace("http:", "https:")) == 4
    err = capfd.readouterr().err
    assert "cannot be reached" in err
    assert "certificate" in err


def _run(folder: Path, url: str) -> int:
    config = folder / "c.toml"
    config.write_text(
        f'[target]\nbase_url = "{url}"\ncampaign_id = "campaign_a"\napi_key = "key_0123456789"\n'
        "read_timeout = 0.5\nconnect_timeout = 0.5\n[limits]\ncalls_per_second = 100\n",
        encoding="utf-8",
    )
    return status_of(["run", "--config", str(config), "--report-dir", str(folder / "reports")])
