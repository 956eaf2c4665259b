"""Doctor and preflight before odd targets: a sentence that says what to do, an exit status, never a traceback."""

from __future__ import annotations

import itertools
import json
import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from conformance.errors import UsageError
from conformance.history.reader import read_history
from conformance.session import Options, execute
from tests.conftest import command
from tests.raw import CAMPAIGN, KEY, a_config, answer, listening, request_on
from tests.stubs import CERTIFICATE, Canned, answering

JSON = "application/json"


def _api(rows: Any = (), *, page: Any = None, unknown: int = 404, status: int = 200) -> Canned:
    body = {"data": rows, "pageData": {"hasNextPage": False}} if page is None else page
    return lambda method, path: (
        (unknown, JSON, b"{}") if "/messages/message_" in path else (status, JSON, json.dumps(body).encode())
    )


def _doctor(folder: Path, url: str, more: str = "") -> tuple[int, str]:
    path = folder / "c.toml"
    path.write_text(
        f'[target]\nbase_url = "{url}"\ncampaign_id = "{CAMPAIGN}"\napi_key = "{KEY}"\nread_timeout = 2.0\n{more}\n'
        "[limits]\ncalls_per_second = 1000\n",
        encoding="utf-8",
    )
    status, out, err = command("doctor", "--config", str(path))
    assert "Traceback" not in out + err
    assert KEY not in out + err
    return status, out + err


PAGES: dict[str, Sequence[Any]] = {
    "nothing": [],
    "no objects": [None, 7, "x", [], True, 1.5],
    "objects with nothing": [{}, {"id": None}, {"id": 7, "recipient": []}],
    "odd batches": [{"id": "m", "batches": 5}, {"id": "n", "batches": [None, 7, {"status": {}}]}],
    "odd attempts": [{"id": "m", "messageAttempts": {"a": 1}, "numAttempts": "many", "latestStatus": []}],
    "odd times": [{"id": "m", "createdAt": 0, "updatedAt": "yesterday", "values": 7}],
    "the same twice": [{"id": "m", "recipient": "6511111111"}] * 2,
    "deep": [{"values": json.loads("[" * 200 + "]" * 200)}],
}


@pytest.mark.parametrize("rows", PAGES)
def test_odd_rows_are_taken_in(rows: str, tmp_path: Path) -> None:
    with answering(_api(PAGES[rows])) as url:
        status, said = _doctor(tmp_path, url)
    assert status == 0
    assert "ok    target: it answers a page" in said
    open_ = [line for line in said.splitlines() if line.startswith("open  ")]
    assert "requirements will not be checked, the cheapest to change first" in open_[0]
    assert [line for line in open_ if "BR-SEL-06" in line and "no phone of your own" in line], "no recipient succeeds"
    assert "costs nothing" in open_[1], "a second campaign is cheaper than a message"
    assert said.splitlines()[-len(open_) :] == open_, "it is said in the end"


@pytest.mark.parametrize(
    ("page", "wanted"),
    [
        ({"data": {}, "pageData": {}}, "does not answer as this API"),
        ({"data": [], "pageData": None}, "does not answer as this API"),
        ({"data": []}, "does not answer as this API"),
        ([], "does not answer as this API"),
        ("page", "does not answer as this API"),
        (7, "does not answer as this API"),
    ],
)
def test_what_is_no_page_is_said(page: Any, wanted: str, tmp_path: Path) -> None:
    with answering(_api(page=page)) as url:
        status, said = _doctor(tmp_path, url)
    assert status == 4
    assert wanted in said


@pytest.mark.parametrize("status", [201, 204, 206, 300, 400, 418, 599])
def test_odd_statuses_are_said(status: int, tmp_path: Path) -> None:
    with answering(_api(status=status)) as url:
        ended, said = _doctor(tmp_path, url)
    assert ended == 4
    assert str(status) in said
    assert "BAD   target" in said


@pytest.mark.parametrize("unknown", [400, 401, 403, 404, 422, 500])
def test_a_message_that_there_is_not_may_be_refused_in_any_way(unknown: int, tmp_path: Path) -> None:
    with answering(_api(unknown=unknown)) as url:
        assert _doctor(tmp_path, url)[0] == 0


@pytest.mark.parametrize(("broken", "status"), [((1,), 0), ((2,), 0), ((1, 2), 4), ((2, 3), 4)])
def test_one_connection_that_breaks_is_no_reason_to_give_up(
    broken: tuple[int, ...], status: int, tmp_path: Path
) -> None:
    count = itertools.count(1)
    page = json.dumps({"data": [], "pageData": {"hasNextPage": False}}).encode()

    def script(connection: socket.socket) -> None:
        raw = request_on(connection)
        if next(count) not in broken:
            known = b"/messages/message_" not in raw
            connection.sendall(answer(200 if known else 404, page))

    with listening(script) as server:
        assert _doctor(tmp_path, server.url)[0] == status


def test_what_will_stay_open_is_said(tmp_path: Path) -> None:
    with answering(_api([{"id": "m"}])) as url:
        said = _doctor(tmp_path, url, "[timing]\nsettle_timeout = 5")[1]
    assert "messages show no `batches`" in said
    assert re.search(r"note  a run costs, by scenarios: \d+ messages, about \d+ calls", said)
    assert "note  a run costs, by machine: " in said
    assert "settle_timeout" not in said, "on this machine short times are right"


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b'{"data": [], "pageData": {}}', "ok    target.other: its key opens its campaign"),
        (401, b"{}", "note  target.other: a page of that campaign with that key is answered 401: check target.other"),
        (404, b"{}", "answered 404"),
        (500, b"", "answered 500"),
        (200, b"welcome", "answered 200"),
    ],
)
def test_a_page_of_the_other_campaign_is_asked_for_and_spoils_nothing(
    status: int, body: bytes, said: str, tmp_path: Path
) -> None:
    api = _api()
    with answering(lambda method, path: (status, JSON, body) if "/other-c/" in path else api(method, path)) as url:
        ended, out = _doctor(tmp_path, url, '[target.other]\ncampaign_id = "other-c"\napi_key = "another-key-1"')
        keyless = _doctor(tmp_path, url, '[target.other]\ncampaign_id = "other-c"')[1]
    assert ended == 0
    assert said in out
    assert "another-key-1" not in out
    assert "target.other:" not in keyless, "without a key nothing is asked"


# -- certificates -----------------------------------------------------------------------------------------------


def test_a_certificate_that_nobody_vouches_for_names_ca_file(tmp_path: Path) -> None:
    with answering(_api(), tls=True) as url:
        status, said = _doctor(tmp_path, url)
    assert status == 4
    assert "cannot be reached" in said
    assert "ca_file" in said


def test_with_its_ca_file_the_target_is_tested(tmp_path: Path) -> None:
    with answering(_api(), tls=True) as url:
        assert _doctor(tmp_path, url, f'ca_file = "{CERTIFICATE}"')[0] == 0
        config = a_config(url, ca_file=str(CERTIFICATE), read_timeout=2.0)
        result = execute(config, Options(report_dir=tmp_path, drivers=()))
    assert result.exit_status == 3
    assert [e.outcome for e in (x.end for x in read_history(tmp_path / "history.jsonl").exchanges)] == ["answered"] * 2


def test_a_certificate_for_another_name_is_refused_all_the_same(tmp_path: Path) -> None:
    with answering(_api(), tls=True) as url:
        other = url.replace("127.0.0.1", "127.0.0.2")
        # All of 127/8 is this machine, but the server listens at one address only: what counts is that nothing is sent.
        status, said = _doctor(tmp_path, other, f'ca_file = "{CERTIFICATE}"')
    assert status == 4
    assert "cannot be reached" in said


@pytest.mark.parametrize("key", ["ca_file", "client_cert"])
def test_a_file_that_is_no_certificate_is_wrong_usage(key: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate", encoding="utf-8")
    config = a_config("https://127.0.0.1:9/api/v2", **{key: str(wrong)})
    with pytest.raises(UsageError, match=key):
        execute(config, Options(report_dir=tmp_path / "r"))
    assert _doctor(tmp_path, "https://127.0.0.1:9/api/v2", f'{key} = "{wrong}"')[0] == 2
