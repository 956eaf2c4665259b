"""The reference target over HTTP: paths, forms and JSON around a behaviour."""

from __future__ import annotations

import csv
import io
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import unquote

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from conformance import specs
from conformance.reference.behaviour import Behaviour
from conformance.reference.document import DOCUMENT_PATH, PAGE_PATH, document, page
from conformance.reference.exchange import Answer, Call, Deferred
from conformance.reference.faults import FAULTS
from conformance.reference.paging import BadPageError, page_of
from conformance.reference.settings import OTHER_CAMPAIGN, OWN_CAMPAIGN, OWN_KEY, Settings
from conformance.reference.variants import VARIANTS
from conformance.reference.world import World

BASE_PATH = "/api/v2"
STATES_PATH = "/provider-states"
LANGUAGES = ("english", "chinese", "malay", "tamil")
_METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]
#: Answers one operation; the names are those of the route's groups.
_Handler = Callable[[Call, dict[str, str]], Answer]
_CAMPAIGN = r"/campaigns/(?P<c>[^/]+)"


def make_behaviour(settings: Settings, world: World) -> Behaviour:
    """The behaviour with the faults and variants of the settings mixed in.

    :raises KeyError: a name is unknown.
    """
    chosen = [FAULTS[name].mixin for name in settings.faults] + [VARIANTS[name].mixin for name in settings.variants]
    made: Behaviour = type("Chosen", (*chosen, Behaviour), {})(settings, world)
    return made


class Service:
    """The seven operations, each one request to one answer, under one lock."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self.world = World((OWN_CAMPAIGN, OTHER_CAMPAIGN), clock=clock, seed=settings.seed)
        self.behaviour = make_behaviour(settings, self.world)
        self._lock = threading.Lock()
        self._seen = 0
        self._calls: dict[str, list[float]] = {}
        #: Anchored patterns, the retry's first; the rest in any order.
        self._routes: list[tuple[re.Pattern[str], _Handler]] = [
            (re.compile(_CAMPAIGN + r"/batch/(?P<b>[^/]*)/retry"), self._retry),
            (re.compile(_CAMPAIGN + r"/batch/messages"), self._send),
            (re.compile(_CAMPAIGN + r"/batch/(?P<b>[^/]+)/messages"), self._batch_list),
            (re.compile(_CAMPAIGN + r"/messages/(?P<m>[^/]+)/retry"), self._retry_one),
            (re.compile(_CAMPAIGN + r"/messages/(?P<m>[^/]+)"), self._message),
            (re.compile(_CAMPAIGN + r"/messages"), self._campaign),
        ]

    def answer(
        self,
        method: str,
        raw_path: str,
        query: dict[str, str],
        headers: dict[str, str],
        body: bytes,
        *,
        plain: bool = False,
    ) -> Answer:
        """The answer to one request.

        :param raw_path: below the base path, still percent-encoded.
        :param plain: it came over plain HTTP to a port of HTTPS.
        """
        with self._lock:
            self.world.tick()
            self._seen += 1
            if self.settings.restart_after is not None and self._seen == self.settings.restart_after + 1:
                self.world.clear()
            call, ids, handler = self._routed(Call(method, "", headers, query, body, path=raw_path, plain=plain))
            return self._complete(call, lambda: self._answered(call, ids, handler))

    def _routed(self, call: Call) -> tuple[Call, dict[str, str], _Handler | None]:
        for pattern, handler in self._routes:
            match = pattern.fullmatch(call.path)
            if match is not None:
                ids = {name: unquote(value) for name, value in match.groupdict().items()}
                return replace(call, campaign=ids["c"], batch=ids.get("b", "")), ids, handler
        nearly = re.search(r"/campaigns/([^/]+)/+batch/+([^/]+)/+(?:\./+)*retry", unquote(call.path), re.I)
        if nearly is not None:
            return replace(call, campaign=nearly[1], odd=True), {"b": nearly[2]}, None
        return call, {}, None

    def _answered(self, call: Call, ids: dict[str, str], handler: _Handler | None) -> Answer:
        instead = self.behaviour.gateway(call)
        if instead is not None:
            return instead
        if handler is not None:
            return self._limited(call) or self._revoked(call) or self._admitted(call, ids, handler)
        return self.behaviour.odd_path(call, ids["b"]) if ids else self.behaviour.error(404, "invalid_path")

    def _complete(self, call: Call, decide: Callable[[], Answer]) -> Answer:
        """Answer a call, or what is left to do of it, at the present of the world."""
        self.behaviour.calling = call
        self.behaviour.advance()
        answer = decide()
        if isinstance(answer, Deferred):
            then = answer.then
            return replace(answer, then=lambda: self._complete(call, then))
        return self.behaviour.respond(call, answer)

    def provide(self, body: bytes) -> Answer:
        """The answer to a request for a provider state."""
        said = Call("POST", "", body=body).json
        if not isinstance(said, dict) or not isinstance(said.get("params"), dict):
            return Answer(400, {"error": "write state, params and action"})
        with self._lock:
            self.world.tick()
            self.behaviour.advance()
            params = {str(name): str(value) for name, value in said["params"].items()}
            made = self.behaviour.provide(str(said.get("state")), params, str(said.get("action", "setup")))
        return Answer(404, {"error": "there is no such state"}) if made is None else Answer(200, made)

    def resumed(self, deferred: Deferred) -> Answer:
        """What an answer comes to that was still to come."""
        with self._lock:
            self.world.tick()
            return deferred.then()

    def _limited(self, call: Call) -> Answer | None:
        if self.settings.rate is None:
            return None
        now = self.world.now()
        recent = [t for t in self._calls.get(call.campaign, []) if t > now - 1]
        if len(recent) >= self.settings.rate:
            answer = self.behaviour.error(429, "too_many_requests")
            return Answer(answer.status, answer.body, {"retry-after": "1"})
        self._calls[call.campaign] = [*recent, now]
        return None

    def _revoked(self, call: Call) -> Answer | None:
        after = self.settings.revoke_after
        dead = after is not None and self._seen > after and self.behaviour.key_in(call) == OWN_KEY
        return self.behaviour.error(401, "invalid_api_key_provided") if dead else None

    def _admitted(self, call: Call, ids: dict[str, str], handler: _Handler) -> Answer:
        if handler == self._retry and call.method != "POST":
            return self.behaviour.other_method(call, ids["b"])
        return self.behaviour.admit(call) or handler(call, ids)

    # -- operations -------------------------------------------------------------------------------------------

    def _retry(self, call: Call, ids: dict[str, str]) -> Answer:
        return self.behaviour.retry(call, ids["b"])

    def _retry_one(self, call: Call, ids: dict[str, str]) -> Answer:
        if call.method != "POST":
            return self.behaviour.error(405, "method_not_allowed")
        return self.behaviour.retry_one(call, ids["m"])

    def _send(self, call: Call, ids: dict[str, str]) -> Answer:
        if call.method != "POST":
            return self.behaviour.error(405, "method_not_allowed")
        rows = rows_in(call.headers.get("content-type", ""), call.body, self.settings.max_rows)
        if rows is None:
            return self.behaviour.error(400, "parameter_invalid")
        return self.behaviour.send(call.campaign, rows)

    def _batch_list(self, call: Call, ids: dict[str, str]) -> Answer:
        batch = self.world.batch(call.campaign, ids["b"])
        if call.method != "GET" or batch is None:
            return self.behaviour.error(404 if batch is None else 405, "not_found")
        return self._page(call, self.behaviour.listed(batch.messages), "listing")

    def _campaign(self, call: Call, ids: dict[str, str]) -> Answer:
        if call.method == "POST":
            return self._single_send(call)
        if call.method != "GET":
            return self.behaviour.error(405, "method_not_allowed")
        return self._page(call, self.behaviour.listed(self.world.messages[call.campaign]), "campaign")

    def _page(self, call: Call, messages: list[Any], view: str) -> Answer:
        try:
            page = page_of(messages, dict(call.query), self.behaviour.cursor)
        except BadPageError:
            return self.behaviour.page(call, self.behaviour.error(400, "parameter_invalid"))
        with self.world.at(self.world.now() - self.behaviour.lag(view)) as now:
            shown = [self.behaviour.view(m, view) for m in page.messages if m.created <= now]
        return self.behaviour.page(call, Answer(200, {"data": shown, "pageData": page.data}))

    def _single_send(self, call: Call) -> Answer:
        said = call.json
        if not isinstance(said, dict) or not valid_row(said.get("recipient"), said.get("language"), said.get("values")):
            return self.behaviour.error(400, "parameter_invalid")
        return self.behaviour.send_one(call.campaign, said["recipient"], said["language"], said["values"])

    def _message(self, call: Call, ids: dict[str, str]) -> Answer:
        message = self.world.find(call.campaign, ids["m"])
        if call.method != "GET" or message is None:
            return self.behaviour.error(404 if message is None else 405, "not_found")
        with self.world.at(self.world.now() - self.behaviour.lag("message")) as now:
            if message.created > now:
                return self.behaviour.error(404, "not_found")
            return Answer(200, self.behaviour.view(message, "message"))


def valid_row(recipient: Any, language: Any, values: Any) -> bool:
    """Whether a row can be sent."""
    if not isinstance(recipient, str) or not isinstance(values, dict):
        return False
    number = recipient.isascii() and recipient.isdigit() and 8 <= len(recipient) <= 15
    return number and language in LANGUAGES and all(isinstance(v, str) for v in values.values())


def rows_in(content_type: str, body: bytes, most: int) -> list[tuple[str, str, dict[str, str]]] | None:
    """The rows of a Batch Send's form; None if one of them, or the form, is bad."""
    form = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    files = [p for p in form.iter_parts() if p.get_param("name", header="content-disposition") == "file"]
    content = files[0].get_payload(decode=True) if len(files) == 1 else None
    if not isinstance(content, bytes):
        return None
    try:
        lines = list(csv.reader(io.StringIO(_text_of(body, content), newline=""), strict=True))
    except (csv.Error, UnicodeDecodeError):
        return None
    if not 2 <= len(lines) <= most + 1 or lines[0][:2] != ["recipient", "language"]:
        return None
    rows = []
    for line in lines[1:]:
        values = dict(zip(lines[0][2:], line[2:], strict=False))
        if len(line) != len(lines[0]) or not valid_row(line[0], line[1], values):
            return None
        rows.append((line[0], line[1], values))
    return rows


def _text_of(body: bytes, content: bytes) -> str:
    """The file as it was sent: the form's reader changes line ends, which may stand inside a quoted value."""
    start = body.find(b"\r\n\r\n") + 4
    end = body.rfind(b"\r\n--")
    return (body[start:end] if 4 <= start < end else content).decode()


def create_app(service: Service, *, plain: bool = False) -> Starlette:
    """The application around a service.

    :param plain: it answers plain HTTP in the name of a port of HTTPS.
    """

    async def handle(request: Request) -> Response:
        raw = request.scope.get("raw_path", b"").decode("latin-1").split("?", 1)[0]
        body = await request.body()
        delay = service.behaviour.wait()
        if delay:
            await anyio.sleep(delay / 2)
        answer = service.answer(
            request.method,
            raw.removeprefix(BASE_PATH),
            dict(request.query_params),
            dict(request.headers),
            body,
            plain=plain,
        )
        while isinstance(answer, Deferred):
            await anyio.sleep(answer.seconds)
            answer = service.resumed(answer)
        if delay:
            await anyio.sleep(delay / 2)
        return _response(answer)

    async def provide(request: Request) -> Response:
        return _response(service.provide(await request.body()))

    def base_url(request: Request) -> str:
        return str(request.base_url).rstrip("/") + BASE_PATH

    def described(request: Request) -> Response:
        return Response(specs.text(document(base_url(request))), media_type="application/json")

    def shown(request: Request) -> Response:
        return HTMLResponse(page(base_url(request)))

    about = [Route(DOCUMENT_PATH, described, methods=["GET"])]
    about += [Route(path, shown, methods=["GET"]) for path in (PAGE_PATH, "/")]
    states = Route(STATES_PATH, provide, methods=["POST"])
    return Starlette(routes=[*about, states, Route(BASE_PATH + "/{rest:path}", handle, methods=_METHODS)])


def _response(answer: Answer) -> Response:
    headers = {name: value for name, value in answer.headers.items() if name != "content-type"}
    kind = answer.headers.get("content-type", "application/json")
    return Response(answer.content, answer.status, headers, media_type=kind if answer.content else None)
