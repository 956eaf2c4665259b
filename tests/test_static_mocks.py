"""A static mock ends in 4 where the preflight sees it, and is named once where only the run does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from conformance import preflight
from conformance.errors import TargetError
from conformance.history.records import End, Exchange, Header, History, Invoke, Row
from conformance.report.write import read_report
from conformance.suspicions import SENDS, suspicions
from tests.conftest import command
from tests.stubs import answering, dead_port

JSON = "application/json"
MESSAGE = {"id": "message_1", "latestStatus": "created", "createdAt": "2026-01-01T00:00:00.000Z"}
PAGE = {
    "data": [MESSAGE],
    "pageData": {"startCursor": "a", "endCursor": "b", "hasNextPage": False, "hasPreviousPage": False},
}


def _prism(method: str, path: str) -> tuple[int, str, bytes]:
    """What a mock made of the document answers: the example of each operation, whatever was asked."""
    status = 201 if method == "POST" else 200
    body = PAGE if re.search(r"/messages(\?|$)", path) and method == "GET" else MESSAGE | {"batchId": "batch_1"}
    return status, JSON, json.dumps(body).encode()


def _config(folder: Path, url: str) -> str:
    path = folder / "c.toml"
    path.write_text(
        f'[target]\nbase_url = "{url}"\ncampaign_id = "campaign_a"\napi_key = "key_0123456789"\n'
        "[limits]\ncalls_per_second = 100\nmax_calls = 300\n[timing]\nsettle_timeout = 1\n",
        encoding="utf-8",
    )
    return str(path)


def test_a_mock_of_the_document_ends_in_4_and_nothing_is_sent(tmp_path: Path) -> None:
    with answering(_prism) as url:
        status, out, _ = command("run", "--config", _config(tmp_path, url), "--report-dir", str(tmp_path / "r"))
    assert status == 4
    assert "nonconformant" not in out
    run = read_report(tmp_path / "r" / "conformance.json").run
    assert (run.stopped_by, run.messages, run.calls < 5) == ("answers_alike", 0, True)


def _history(batches: list[str], shown: int, rows: int = 10) -> History:
    header = Header(
        suite_version="0", contract_version="1.0", run_id="r", started="", base_url="http://h", campaign_id="c"
    )
    exchanges: list[Exchange] = []
    for batch in batches:
        n = len(exchanges) + 1
        sent = Invoke(
            n=n, t=float(n), operation="batch_send", method="POST", path="/", charge=rows,
            rows=tuple(
                Row(nonce=str(i), recipient="6511111111", role="failing", language="english", values={})
                for i in range(rows)
            ),
        )  # fmt: skip
        exchanges.append(
            Exchange(invoke=sent, end=End(n=n, outcome="answered", last=n + 0.5, status=201, body={"batchId": batch}))
        )
        listed = Invoke(n=n + 1, t=n + 1.0, operation="batch_list", method="GET", path="/", batch=batch)
        page = {"data": [{"id": f"m{i}"} for i in range(shown)], "pageData": {"hasNextPage": False}}
        exchanges.append(
            Exchange(invoke=listed, end=End(n=n + 1, outcome="answered", last=n + 1.5, status=200, body=page))
        )
    return History(header=header, exchanges=tuple(exchanges), notes=())


@pytest.mark.parametrize(
    ("batches", "shown", "rows", "said"),
    [
        (["b"] * SENDS, 10, 10, ["the same batchId"]),
        (["a", "b", "c"], 1, 10, ["one row at most"]),
        (["b"] * SENDS, 1, 10, ["the same batchId"]),
        (["a", "b", "c"], 10, 10, []),
        (["a", "b", "c"], 1, 1, []),
        (["b"] * (SENDS - 1), 10, 10, []),
        (["a", "a", "b"], 10, 10, []),
        (["a", "b", "c"], 9, 10, []),
    ],
)
def test_a_stub_is_named_once(batches: list[str], shown: int, rows: int, said: list[str]) -> None:
    found = suspicions(_history(batches, shown, rows))
    assert len(found) == len(said)
    assert all(word in line for word, line in zip(said, found, strict=True))


def test_a_target_that_is_starting_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands still but for the pauses."""
    now, left = 0.0, 3

    def checked(*_: object, **__: object) -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            raise TargetError("is not there", cause=cause)

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    def wait(seconds: float) -> None:
        preflight.wait_for(None, None, seconds=seconds, sleep=sleep, clock=lambda: now)  # type: ignore[arg-type]

    monkeypatch.setattr(preflight, "check", checked)
    cause = "unreachable"
    wait(60)
    assert (left, now) == (-1, 0.5 + 1 + 2)
    now, left = 0.0, 1000
    with pytest.raises(TargetError):
        wait(60)
    assert 50 < now <= 60
    now, left = 0.0, 1000
    with pytest.raises(TargetError):
        wait(0)
    assert now == 0
    left, cause = 3, "key_refused"
    with pytest.raises(TargetError):
        wait(60)
    assert now == 0, "waiting hints no key"


@pytest.mark.parametrize("seconds", ["0", "1"])
def test_a_target_that_does_not_come_ends_in_4(seconds: str, tmp_path: Path) -> None:
    config = _config(tmp_path, f"http://127.0.0.1:{dead_port()}/api/v2")
    status, out, _ = command("run", "--config", config, "--report-dir", str(tmp_path / "r"), "--wait", seconds)
    assert status == 4
    assert "the target cannot be reached" in out
    assert read_report(tmp_path / "r" / "conformance.json").run.stopped_by == "unreachable"
