"""Plain ``schemathesis run`` with our hooks: what leaves, what is recorded, what is reported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from conformance.findings import Finding
from conformance.fuzzing.schemathesis_bridge import Door
from conformance.history.reader import read_history
from conformance.history.records import History
from conformance.judges import judge
from conformance.reference.server import ReferenceServer, config_text
from conformance.reference.settings import OWN_KEY, Settings
from tests.sieve import CONFIG, Sieve

ROOT = Path(__file__).parent.parent
BASE = CONFIG.target.base_url
AT = f"{BASE}/campaigns/anybody"


@pytest.fixture
def sieve() -> Sieve:
    return Sieve()


@pytest.fixture
def door(sieve: Sieve, tmp_path: Path) -> Iterator[Door]:
    inner = httpx.MockTransport(sieve.handle)
    made = Door(CONFIG, tmp_path / "history.jsonl", inner=lambda: inner, sleep=lambda _: None)
    yield made
    made.close()


def recorded(door: Door) -> History:
    """The history, ended."""
    door.close()
    return read_history(door.history)


def test_whoever_is_drawn_an_allowed_recipient_is_texted(door: Door, sieve: Sieve) -> None:
    drawn = b'{"recipient": "6590000000", "language": "english", "values": {"to": "6590000000"}}'
    status, _, body = door.answer("POST", f"{AT}/messages", {"Content-Type": "application/json"}, drawn)
    assert (status, b'"message_one"' in body) == (201, True)
    assert door.answer("POST", f"{AT}/batch/messages", {}, b"6590000000")[0] == 201
    # One by the single send; two that fail and one that does not by the batch.
    assert (sieve.messages, sieve.foreign) == (4, 0)
    assert {e.invoke.campaign for e in recorded(door).exchanges} == {CONFIG.target.campaign_id}


def test_only_what_was_made_here_is_retried_as_it_is(door: Door, sieve: Sieve) -> None:
    door.answer("POST", f"{AT}/batch/messages", {}, b"")
    made = next(iter(sieve.batches))
    headers = {"User-Agent": "schemathesis", "X-Schemathesis-TestCaseId": "1", "Authorization": "Bearer x"}
    for batch in (made, "batch_7b9d8e10-52f4-4f0a-8a53-4f3b9f1f2a61", "%25"):
        door.answer("POST", f"{AT}/batch/{batch}/retry", headers, b"")
    assert sieve.strangers == 0
    retries = [e.invoke for e in recorded(door).exchanges if e.invoke.operation == "batch_retry"]
    assert [(i.cause, i.batch == made) for i in retries] == [(None, True), ("id:unknown", False), ("id:unknown", False)]


def test_a_single_retry_waits_for_its_batch(door: Door, sieve: Sieve) -> None:
    door.answer("POST", f"{AT}/batch/messages", {}, b"")
    door.answer("GET", f"{AT}/batch/{next(iter(sieve.batches))}/messages?limit=5", {}, b"")
    door.answer("POST", f"{AT}/messages/message_0/retry", {}, b"")
    done = [e.invoke.operation for e in recorded(door).exchanges][-3:]
    assert done == ["batch_list", "single_retry", "batch_list"]


@pytest.mark.parametrize(
    ("method", "end", "headers", "body", "cause"),
    [
        ("POST", "", {"Content-Type": "application/json"}, b"3", "body:generated:number"),
        ("POST", "", {"Content-Type": "text/plain"}, b"a", "body:generated:text"),
        ("POST", "?q=%C3%A9", {}, b"", "query:generated:non-ascii"),
        ("POST", "", {"X-Odd": "1"}, b"", "header:generated:value"),
        ("QUERY", "", {}, b"", "method:QUERY"),
        # What might lead a server elsewhere does not leave; a plain unknown id does.
        ("POST", "", {"Content-Type": "application/json"}, b'{"batchId": "%"}', "id:unknown"),
        ("POST", "?recipient=6590000000", {}, b"", "id:unknown"),
    ],
)
def test_an_odd_retry_names_nobodys_batch(
    door: Door, sieve: Sieve, method: str, end: str, headers: dict[str, str], body: bytes, cause: str
) -> None:
    door.answer("POST", f"{AT}/batch/messages", {}, b"")
    door.answer(method, f"{AT}/batch/{next(iter(sieve.batches))}/retry{end}", headers, body)
    last = recorded(door).exchanges[-1].invoke
    assert (last.cause, last.batch in sieve.batches) == (cause, False)
    assert (sieve.foreign, sieve.strangers) == (0, 0)


@pytest.mark.parametrize(
    "url",
    ["https://postman.gov.sg/api/v2/campaigns/c/messages?limit=1", "http://127.0.0.1:9/other", f"{BASE}/campaigns/c/keys",
     f"{BASE}/campaigns/c/messages/message_x/retry", "http://127.0.0.1:9/"],
)  # fmt: skip
def test_what_must_not_leave_is_answered_by_the_guard(door: Door, sieve: Sieve, url: str) -> None:
    status, headers, body = door.answer("POST" if "retry" in url else "GET", url, {}, b"")
    assert (status, headers["content-type"]) == (403, "application/json")
    assert b"the guard did not send a request" in body
    assert (sieve.left, door.refused) == (0, 1)


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("/messages?limit=5", None),
        ("/messages?limit=5&after=QUJD", "generated:valid"),
        ("/messages?limit=5&after=%00", "generated:odd"),
        ("/messages?limit=0", "query:generated:read"),
        ("/messages?limit=5&limit=6", "query:generated:read"),
        ("/messages?limit=5&x=1", "query:generated:read"),
        ("/messages/message_nobody", "id:generated:read"),
        ("/batch/batch_nobody/messages?limit=5", "id:generated:read"),
    ],
)
def test_a_read_is_plain_or_says_what_is_drawn_about_it(door: Door, path: str, cause: str | None) -> None:
    door.answer("GET", f"{AT}{path}", {}, b"")
    assert recorded(door).exchanges[-1].invoke.cause == cause


def test_no_key_is_in_the_history(door: Door) -> None:
    key = str(CONFIG.target.api_key)
    door.answer("GET", f"{AT}/messages?limit=5&after={key}", {"Authorization": f"Bearer {key}"}, b"")
    recorded(door)
    assert key not in door.history.read_text()


def run(tmp_path: Path, fault: str | None, *, hooks: bool) -> subprocess.CompletedProcess[str]:
    """Plain schemathesis, against the retry endpoint only, with our checks or without."""
    with ReferenceServer(Settings(speed=40, faults=() if fault is None else (fault,))) as server:
        (tmp_path / "target.toml").write_text(config_text(server), encoding="utf-8")
        toml = (ROOT / "docs" / "schemathesis.toml").read_text(encoding="utf-8")
        if not hooks:
            toml = "\n".join(line for line in toml.splitlines() if not line.startswith("hooks"))
            toml = toml.split("[checks.BR", 1)[0] + "[checks.not_a_server_error]\nenabled = true\n"
        (tmp_path / "schemathesis.toml").write_text(toml, encoding="utf-8")
        key = str(server.config().target.api_key)
        environ = {"BASE_URL": server.base_url, "CONFORMANCE_CONFIG": "target.toml", "PYTHONPATH": str(ROOT)}
        chosen = ("--include-operation-id=batch_retry", "--phases=fuzzing", "-n", "4", "--seed=1")
        return subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", str(ROOT / "specs" / "openapi.json"), *chosen]
            + ([] if hooks else ["-H", f"Authorization: Bearer {key}"]),
            cwd=tmp_path, env={**os.environ, **environ}, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip


def test_what_plain_schemathesis_passes_our_checks_report(tmp_path: Path) -> None:
    fault = "another-code-for-unknown"
    stock = run(tmp_path, fault, hooks=False)
    assert stock.returncode == 0, stock.stdout
    ours = run(tmp_path, fault, hooks=True)
    assert ours.returncode == 1
    assert "BR-ERR-01 is violated" in ours.stdout
    history = read_history(tmp_path / "conformance-history.jsonl")
    assert {r for o in judge(history) if isinstance(o, Finding) for r in o.any_of} == {"BR-ERR-01"}


def test_the_clean_target_passes_our_checks_and_what_was_not_exercised_is_said(tmp_path: Path) -> None:
    clean = run(tmp_path, None, hooks=True)
    assert clean.returncode == 0, clean.stdout
    # Each answer of the target is checked, and none that the guard gave itself.
    assert "No issues found" in clean.stdout
    assert "4 generated, 4 passed" in clean.stdout
    assert "never exercised: BR-ACC-01" in clean.stderr


#: Says how each check would begin with a configuration, and what a request would meet, in one process for all of them.
_BEGIN = """
import json, os, sys, requests
from conformance import schemathesis_hooks as hooks
for name, environ in json.load(sys.stdin).items():
    os.environ.update(environ)
    hooks.door.cache_clear()
    try:
        hooks.CHECKS["BR-ERR-01"]()
    except hooks.ConfigError as error:
        print(json.dumps([name, str(error)]))
    try:
        requests.get("http://127.0.0.1:9/")
    except requests.exceptions.ConnectionError as error:
        # As schemathesis reads it.
        assert error.args[0].args == (str(error.args[0]),)
"""


def test_every_mistake_of_the_configuration_is_one_line_before_anything_is_sent(tmp_path: Path) -> None:
    with ReferenceServer(Settings(speed=40)) as server:
        right = config_text(server)
        wrong = {
            "a wrong key": (right.replace(OWN_KEY, OWN_KEY[:-1] + "0"), "refuses the key (401) — check target.api_key"),
            "an unknown key": (right.replace("campaign_id", "campain_id", 1), "did you mean campaign_id?"),
            "no TOML": ("[[", "is not TOML"),
            "no target": ("[limits]\nmax_rows = 2\n", "target"),
            "a dead target": (right.replace(server.base_url, "http://127.0.0.1:9/api/v2"), "cannot be reached"),
        }
        environs = {"no file": {"CONFORMANCE_CONFIG": str(tmp_path / "nowhere.toml")}}
        for number, (name, (text, _)) in enumerate(wrong.items()):
            file = tmp_path / f"{number}.toml"
            file.write_text(text, encoding="utf-8")
            environs[name] = {"CONFORMANCE_CONFIG": str(file), "CONFORMANCE_HISTORY": str(tmp_path / f"{number}.jsonl")}
        ran = subprocess.run(
            [sys.executable, "-c", _BEGIN], input=json.dumps(environs), cwd=tmp_path, capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=120, check=False,
        )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    said = dict(json.loads(line) for line in ran.stdout.splitlines())
    expected = {"no file": "cannot be read (No such file or directory)"} | {n: t for n, (_, t) in wrong.items()}
    assert said.keys() == expected.keys()
    for name, text in expected.items():
        assert text in said[name]
        assert "\n" not in said[name]
        assert OWN_KEY[:-1] not in said[name]


def test_a_run_of_which_nothing_left_is_no_pass(door: Door) -> None:
    for url in ("http://127.0.0.1:9/other", "https://postman.gov.sg/api/v2/campaigns/c/messages?limit=1"):
        door.answer("GET", url, {}, b"")
    assert (door.answered, door.refused) == (0, 2)
    assert "another origin" in door.refusal
    door.answer("GET", f"{AT}/messages?limit=5", {}, b"")
    assert door.answered == 1
