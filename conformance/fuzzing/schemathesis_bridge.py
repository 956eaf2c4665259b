"""The way out for users of plain ``schemathesis run``: its requests, put through our own guarded transport.

schemathesis sends with ``requests``. Here every request that any session of the process is about to send is read as what
it means in the contract's terms, sent by :class:`~conformance.transport.client.HttpTransport` (guard, budgets, rate,
history, keys) or not at all, and answered back. So plain runs text nobody but allowed recipients, touch no batch but those
that they made, and leave a history that our judges can read.
"""

from __future__ import annotations

import json
import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx

from conformance import CONTRACT_VERSION, __version__
from conformance.config import Config
from conformance.config_load import digest, offers
from conformance.errors import GuardError
from conformance.fuzzing.drawing import Drawn
from conformance.fuzzing.reads import classify
from conformance.fuzzing.texts import role_of
from conformance.fuzzing.unusual import odd_retries
from conformance.history.records import Header, Operation, Role
from conformance.history.writer import HistoryWriter
from conformance.program.batch_state import TERMINAL, make_rows
from conformance.program.steps import RowSpec
from conformance.transport.client import HttpTransport
from conformance.transport.paths import Named, odd_retry, plain
from conformance.transport.request import Origin, OutRow, Reply, Request

NAME = "schemathesis"
#: The ``type`` of an error that the guard answers in place of the target.
GUARD = "conformance_guard"
#: Headers that a client sets by itself.
_USUAL = (
    "user-agent",
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "authorization",
    "host",
)
_ORIGIN = Origin(driver=NAME, scenario=NAME)


class Door:
    """One run of plain schemathesis against a target.

    :param config: whom it may text, where it may go, what it may spend.
    :param history: the file that everything is recorded in.
    :param inner: makes the part that does the networking, for tests; :param sleep: waits for seconds.
    :raises UsageError: no target is configured, or the history cannot be written.
    """

    def __init__(
        self,
        config: Config,
        history: Path,
        *,
        inner: Callable[[], httpx.BaseTransport] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._config = config
        self._sleep = sleep
        self.history = history
        self._writer = HistoryWriter(history, _header(config))
        self.transport = HttpTransport(config, self._writer, inner=inner)
        self._rng = random.Random(NAME)
        self._lock = threading.Lock()
        self._batches: set[str] = set()
        #: The batch made here that lists a message, as far as that was seen.
        self._messages: dict[str, str | None] = {}
        self.answered = self.refused = 0
        #: Why the last of them was not sent.
        self.refusal = ""

    def close(self) -> None:
        """End the run: the history is whole. A second call does nothing."""
        self.transport.close()
        self._writer.close(self.transport.now(), complete=True, messages=self.transport.budget.messages)

    def answer(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for a request; 403 in the documented envelope where it must not leave."""
        try:
            request = self.request(method, url, headers, body)
            reply = self._sent(request)
        except GuardError as error:
            with self._lock:
                self.refused += 1
                self.refusal = error.what
            return _refusal(str(error))
        self._learn(reply)
        with self._lock:
            self.answered += 1
        end = reply.exchange.end
        if end.outcome != "answered" or end.status is None:
            raise ConnectionError(end.error or "no answer")
        content = json.dumps(reply.json).encode() if end.media == "json" else str(end.body or "").encode()
        return end.status, {k: v for k, v in end.headers.items() if k.lower() == "content-type"}, content

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Request:
        """What a request means: its recipients, ids of retries and campaign are ours, whatever was drawn.

        :raises GuardError: it is none of the seven operations, or goes elsewhere.
        """
        parts = urlsplit(url)
        base = urlsplit(self._config.target.base_url)
        path = parts.path.removeprefix(base.path.rstrip("/"))
        if (parts.scheme, parts.netloc) != (base.scheme, base.netloc) or path == parts.path:
            raise GuardError("the guard did not send a request: it goes to another origin than the target's")
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        named = plain(method, path) or odd_retry(path)
        if named is None:
            raise GuardError("the guard did not send a request: it is none of the seven operations")
        fields: dict[str, Any] = {"campaign": self._config.target.campaign_id, "origin": _ORIGIN}
        if named.operation in ("batch_send", "single_send"):
            return Request(operation=named.operation, rows=self._rows(batch=named.operation == "batch_send"), **fields)
        if named.operation == "batch_retry":
            return self._retry(method, named, query, headers, body, fields)
        if named.operation == "single_retry":
            return Request(operation="single_retry", message=named.message, **fields)
        return Request(
            operation=named.operation,
            batch=named.batch,
            message=named.message,
            query=query,
            cause=self._cause(named, query),
            **fields,
        )

    def _rows(self, *, batch: bool) -> tuple[OutRow, ...]:
        """One message; for a batch as many as it takes to see whom a retry takes up: two that fail, and one that does not."""
        role = role_of(self._config)
        if role is None:
            raise GuardError("the guard did not send a request: the configuration names nobody who may be texted")
        roles: list[Role] = [role]
        if batch:
            roles.append(role)
            if role != "succeeding" and self._config.recipients.succeeding:
                roles.append("succeeding")
        specs = [RowSpec(role=role) for role in roles[: self._config.limits.max_rows]]
        with self._lock:
            return make_rows(specs, self._config, self._rng)

    def _retry(
        self,
        method: str,
        named: Named,
        query: tuple[tuple[str, str], ...],
        headers: Mapping[str, str],
        body: bytes,
        fields: dict[str, Any],
    ) -> Request:
        """A plain retry of a batch that was made here; or an odd one of an id that is made up on the spot."""
        named_so = {name.lower(): value for name, value in headers.items()}
        extra = tuple((n, v) for n, v in named_so.items() if n not in _USUAL and not n.startswith("x-schemathesis"))
        if method == "POST" and not (query or body or extra) and named.batch in self._batches:
            return Request(operation="batch_retry", batch=named.batch, **fields)
        media = named_so.get("content-type")
        drawn = Drawn(
            operation="batch_retry",
            method=method,
            query=query,
            headers=extra,
            body=_data(body, media) if body else None,
            media_type=(media or "application/octet-stream").split(";")[0] if body else None,
            name=named.batch or "",
        )
        odd = next(iter(odd_retries([drawn])), None)
        with self._lock:
            identifier = uuid.UUID(int=self._rng.getrandbits(128), version=4)
        if odd is None or odd.cause == "id:generated:plain":
            # An id of the documented form that nobody has.
            made_up = self.transport.guard.invent(identifier)
            return Request(operation="batch_retry", batch=made_up, cause="id:unknown", **fields)
        made_up = self.transport.guard.invent_drawn(identifier, odd.tail)
        return Request(
            operation="batch_retry",
            batch=made_up,
            path=f"/campaigns/{self._config.target.campaign_id}/batch/{made_up}/retry",
            cause=odd.cause,
            method=odd.method,
            query=odd.query,
            headers=odd.headers,
            content=odd.content,
            content_type=odd.content_type,
            **fields,
        )

    def _sent(self, request: Request) -> Reply:
        """Send it; around a retry of what was made here, wait until it can be told what it did."""
        own = self._retried(request)
        if own is not None:
            self._settled(own)
        reply = self.transport.call(request)
        if own is not None:
            self._settled(own)
        return reply

    def _retried(self, request: Request) -> str | None:
        """The batch made here that a plain retry is about, of all of it or of one message."""
        if request.operation == "single_retry":
            return self._messages.get(request.message or "")
        return request.batch if request.operation == "batch_retry" and request.cause is None else None

    def _settled(self, batch: str) -> None:
        """Read a batch's listing until all of its messages are terminal, for at most the settling time.

        schemathesis waits for nothing: without this no retry of it would ever come upon a batch that can be retried.
        """
        settle = self._config.timing.settle_timeout
        deadline = self.transport.now() + settle
        interval = min(max(settle / 100, 0.02), 2.0)
        while True:
            listed = Request(
                operation="batch_list",
                campaign=self._config.target.campaign_id,
                batch=batch,
                query=(("limit", "1000"),),
                origin=_ORIGIN,
            )
            reply = self.transport.call(listed)
            self._learn(reply)
            said = reply.json
            data = said.get("data") if isinstance(said, dict) else None
            shown = [m.get("latestStatus") for m in data if isinstance(m, dict)] if isinstance(data, list) else []
            left = deadline - self.transport.now()
            if (shown and all(status in TERMINAL for status in shown)) or left <= 0:
                return
            self._sleep(min(interval, left))
            interval *= 1.5

    def _cause(self, named: Named, query: tuple[tuple[str, str], ...]) -> str | None:
        """None for a read that is plain and of something that exists; else what is drawn about it."""
        known = (named.batch is None or named.batch in self._batches) and (
            named.message is None or named.message in self._messages
        )
        if not known:
            return "id:generated:read"
        return classify(query) if named.operation in ("batch_list", "campaign_list") else None

    def _learn(self, reply: Reply) -> None:
        """Which batches and messages there are, as the answers say."""
        said = reply.json
        if not reply.exchange.accepted or not isinstance(said, dict):
            return
        operation: Operation = reply.exchange.invoke.operation
        listed = said.get("data")
        with self._lock:
            if operation == "batch_send" and isinstance(said.get("batchId"), str):
                self._batches.add(said["batchId"])
            items = listed if isinstance(listed, list) else [said]
            batch = reply.exchange.invoke.batch if operation == "batch_list" else None
            for item in items:
                if isinstance(item, dict) and isinstance(item.get("id"), str):
                    self._messages[item["id"]] = batch or self._messages.get(item["id"])


def _header(config: Config) -> Header:
    lag = config.timing.read_lag
    return Header(
        suite_version=__version__,
        contract_version=CONTRACT_VERSION,
        run_id=str(uuid.uuid4()),
        started="",
        base_url=config.target.base_url,
        campaign_id=config.target.campaign_id,
        drivers=(NAME,),
        settle_timeout=config.timing.settle_timeout,
        read_lag=None if isinstance(lag, str) else lag,
        config_digest=digest(config),
        offers=offers(config),
    )


def _refusal(why: str) -> tuple[int, dict[str, str], bytes]:
    error = {"code": "not_sent", "message": why, "type": GUARD, "id": "none"}
    return 403, {"content-type": "application/json"}, json.dumps({"error": error}).encode()


def _data(body: bytes, media: str | None) -> Any:
    """A body as it was drawn: JSON data, text, or bytes."""
    kind = (media or "").split(";")[0]
    try:
        if kind == "application/json":
            return json.loads(body)
        if kind == "application/x-www-form-urlencoded":
            return dict(parse_qsl(body.decode(), keep_blank_values=True))
        return unquote(body.decode()) if kind == "text/plain" else body
    except (ValueError, RecursionError):
        return body
