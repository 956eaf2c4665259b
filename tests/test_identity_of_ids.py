"""A target whose ids and cursors look like credentials: two of them are two in the history, and no secret is shown."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conformance.history.reader import read_history
from conformance.reference import server as reference
from conformance.reference.app import create_app
from conformance.reference.settings import OWN_CAMPAIGN, Settings
from conformance.session import Options, execute
from tests.mutating import objects

_HEAD, _TAIL = "eyJhbGciOiJIUzI1NiJ9", "c2lnbmF0dXJlLW9mLWl0"
_JWT = re.compile(rf"{re.escape(_HEAD)}\.([\w-]+)\.{_TAIL}")


def _jwt(text: str) -> str:
    return f"{_HEAD}.{base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')}.{_TAIL}"


def _plain(text: str) -> str:
    return _JWT.sub(lambda m: base64.urlsafe_b64decode(m[1] + "=" * (-len(m[1]) % 4)).decode(), text)


class Renaming:
    """An ASGI application whose ids and cursors are others outside than inside."""

    def __init__(self, app: ASGIApp, cursor: Callable[[str], str]) -> None:
        self._app = app
        self._cursor = cursor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = _plain(scope["path"])
        pairs = [(n, _plain(v).removeprefix("token=")) for n, v in parse_qsl(scope["query_string"].decode())]
        scope = {**scope, "path": path, "raw_path": path.encode(), "query_string": urlencode(pairs).encode()}
        start: Message = {}
        body = b""

        async def keep(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            content = self._renamed(body)
            headers = [(n, v) for n, v in start["headers"] if n != b"content-length"]
            await send({**start, "headers": [*headers, (b"content-length", b"%d" % len(content))]})
            await send({"type": "http.response.body", "body": content})

        await self._app(scope, receive, keep)

    def _renamed(self, body: bytes) -> bytes:
        value = json.loads(body) if body else None
        for each in objects(value):
            for name in each.keys() & {"id", "batchId", "messageId"}:
                if isinstance(each[name], str) and each[name] != OWN_CAMPAIGN:
                    each[name] = _jwt(each[name])
            for name in each.keys() & {"startCursor", "endCursor"}:
                if isinstance(each[name], str):
                    each[name] = self._cursor(each[name])
        return json.dumps(value).encode() if value is not None else body


@pytest.mark.parametrize("cursor", [_jwt, lambda text: f"token={text}"], ids=["JWTs", "named tokens"])
def test_ids_and_cursors_that_look_like_credentials_accuse_nobody(
    cursor: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "create_app", lambda service: Renaming(create_app(service), cursor))
    selected = ("BR-IDS-01", "BR-IDS-02", "BR-IDS-04", "BR-IDS-05", "BR-ERR-05")
    with reference.ReferenceServer(Settings(speed=8)) as server:
        result = execute(
            server.config(), Options(report_dir=tmp_path, drivers=("scenarios",), depth="quick", selected=selected)
        )
    assert {item.id: item.verdict for item in result.report.requirements if item.id in selected} == dict.fromkeys(
        selected, "pass"
    )
    assert result.exit_status == 0
    batches = {e.invoke.batch for e in read_history(tmp_path / "history.jsonl").exchanges if e.invoke.batch}
    assert sum(batch.startswith(_HEAD) for batch in batches) >= 2
