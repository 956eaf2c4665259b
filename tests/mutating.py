"""A reference target whose answers are changed on their way out, for tests with hostile targets."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.proxy import _operation as operation_of


@dataclass
class Said:
    """An answer on its way out: what a mutation may change."""

    operation: str
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    #: How many answers went out before.
    number: int
    #: The credential of the request.
    key: str
    path: str
    json: Any = field(default=None)

    def say(self, value: Any) -> None:
        """Answer with this JSON."""
        self.body = json.dumps(value).encode()


#: Changes an answer in place.
Mutation = Callable[[Said], None]


class Mutating:
    """An ASGI application that changes the answers of another one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._mutation: Mutation = lambda said: None
        self._number = 0

    def change(self, mutation: Mutation) -> None:
        """From now on, change answers so, and count them anew."""
        self._mutation, self._number = mutation, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: Message = {}
        body = b""

        async def keep(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if not message.get("more_body"):
                await changed()

        async def changed() -> None:
            headers = [(n, v) for n, v in start["headers"] if n != b"content-length"]
            given = dict(scope.get("headers", [])).get(b"authorization", b"").decode("latin-1")
            said = Said(
                operation=operation_of(scope["method"], scope["path"]),
                status=start["status"],
                headers=headers,
                body=body,
                number=self._number,
                key=given.partition(" ")[2],
                path=scope["path"],
            )
            self._number += 1
            try:
                said.json = json.loads(body) if body else None
            except ValueError:
                said.json = None
            before = json.dumps(said.json)
            self._mutation(said)
            if json.dumps(said.json) != before:
                said.say(said.json)
            length = [(b"content-length", b"%d" % len(said.body))] if said.status not in (204, 304) else []
            content = said.body if length else b""
            await send({**start, "status": said.status, "headers": [*said.headers, *length]})
            await send({"type": "http.response.body", "body": content})

        await self._app(scope, receive, keep)


def objects(value: Any) -> list[dict[str, Any]]:
    """Every object in a JSON value, outermost first."""
    found: list[dict[str, Any]] = []
    rest = [value]
    while rest:
        each = rest.pop(0)
        if isinstance(each, dict):
            found.append(each)
            rest += each.values()
        elif isinstance(each, list):
            rest += each
    return found
