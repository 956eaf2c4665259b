"""The one way out: guard, budgets, rate, recorder and wire put together (design.md sections 1 and 4)."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx

from conformance.config import Config
from conformance.errors import GuardError, UsageError
from conformance.history.records import Auth, End, Exchange, Invoke, Media, Note, Row
from conformance.history.writer import HistoryWriter
from conformance.transport.forms import content_of
from conformance.transport.guard import OWN_HEADERS, Admission, Context, Guard
from conformance.transport.origin import parse_base_url
from conformance.transport.race import Track, widest
from conformance.transport.rate import Budget, Rate, retry_after
from conformance.transport.redact import Redactor
from conformance.transport.request import OutRow, Reply, Request
from conformance.transport.silence import Silence
from conformance.transport.states import Action, ProviderStates, StateAnswer
from conformance.transport.wire import Passage, Wire, inner_transport, parsed, torn

#: How often a request that was answered 429 is sent in all (ruling 10).
MAX_TRIES = 5
#: A key that nobody was given, for negative probes.
MADE_UP_KEY = "not_a_key_0000000000"

_TEMPLATES = {
    "batch_send": ("POST", "/campaigns/{c}/batch/messages"),
    "batch_retry": ("POST", "/campaigns/{c}/batch/{b}/retry"),
    "batch_list": ("GET", "/campaigns/{c}/batch/{b}/messages"),
    "message_read": ("GET", "/campaigns/{c}/messages/{m}"),
    "campaign_list": ("GET", "/campaigns/{c}/messages"),
    "single_send": ("POST", "/campaigns/{c}/messages"),
    "single_retry": ("POST", "/campaigns/{c}/messages/{m}/retry"),
}


def keys_of(config: Config) -> tuple[str, ...]:
    """Every secret that the configuration holds, for the guard and the redactor."""
    proxy = urlsplit(config.target.proxy).password if config.target.proxy else None
    return (*_keys(config), *config.target.headers.values(), *([proxy] if proxy else []))


def _keys(config: Config) -> tuple[str, ...]:
    target = config.target
    other = target.other.api_key if target.other else None
    return tuple(key for key in (target.api_key, target.second_api_key, other) if key)


def numbers_of(config: Config) -> tuple[str, ...]:
    """Every number that may be texted."""
    roles = config.recipients
    return (*roles.failing, *roles.succeeding, *roles.pending, *roles.recovering)


def redactor_of(config: Config) -> Redactor:
    """The redactor of a run with this configuration."""
    known = [config.target.campaign_id, config.template.language]
    return Redactor(keys_of(config), numbers_of(config), known=[text for text in known if text])


@dataclass(frozen=True)
class _Departure:
    """A request that is on record and about to leave."""

    request: Request
    http: httpx.Request
    admission: Admission
    invoke: Invoke


class HttpTransport:
    """Implements :class:`conformance.transport.request.Transport` over HTTP. Thread-safe.

    :param config: a loaded configuration with a target.
    :param writer: the history.
    :param redactor: scrubs what is recorded.
    :param clock: monotonic seconds; ``sleep`` waits. Injected by tests.
    :param inner: makes the part that does the networking, for tests; None is the network.
    :raises UsageError: no target is configured, or its certificates or proxy cannot be used.
    """

    def __init__(
        self,
        config: Config,
        writer: HistoryWriter,
        *,
        redactor: Redactor | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        inner: Callable[[], httpx.BaseTransport] | None = None,
    ) -> None:
        self._config = config
        self._base = parse_base_url(config.target.base_url, booked=config.target.booked)
        self._writer = writer
        self.redactor = redactor or redactor_of(config)
        self._clock = clock
        self._begun = clock()
        self._inner = inner
        if inner is None:
            # A certificate or proxy that cannot be used is found before anything is on record.
            inner_transport(config.target).close()
        other = config.target.other
        self._keys: dict[Auth, str | None] = _credentials(config)
        self.guard = Guard(
            self._base,
            [config.target.campaign_id, *([other.campaign_id] if other else [])],
            numbers_of(config),
            keys=_keys(config),
            headers=config.target.headers,
            max_rows=config.limits.max_rows,
            given=[given.batch_id for given in config.given],
        )
        self.budget = Budget(config.limits, clock=clock)
        self._rate = Rate(config.limits.calls_per_second, clock=clock, sleep=sleep)
        url = config.provider_states.url
        self._states = ProviderStates(url, inner() if inner else None) if url else None
        self.silence = Silence(config.target.base_url, config.timing.settle_timeout)
        self._numbers = itertools.count(1)
        self._local = threading.local()
        self._wires: list[Wire] = []
        self._races = itertools.count(1)
        # Twice, for a connection may be made and secured.
        self._track = Track(self._make_wire, patience=2 * config.target.connect_timeout, clock=self.now)
        self._backoff = random.Random(0)

    # -- the interface ----------------------------------------------------------------------------------------

    def now(self) -> float:
        """Seconds since the run began."""
        return self._clock() - self._begun

    def note(self, event: str, *, scenario: str = "", text: str = "", **data: Any) -> None:
        """Put a note on record."""
        clean = self.redactor.sent(data)
        self._writer.note(Note(t=self.now(), event=event, scenario=scenario, text=self.redactor.text(text), data=clean))

    def state(self, name: str, params: Mapping[str, str], action: Action, *, scenario: str = "") -> StateAnswer:
        """Ask the vendor for a provider state, and put it on record. See the protocol."""
        if self._states is None:
            return StateAnswer(values={}, error="provider_states.url is not set")
        begun = self.now()
        answer = self._states.ask(name, params, action)
        batch = answer.values.get("batchId")
        if batch is not None and action == "setup":
            self.guard.made.give(batch)
        error = self.redactor.foreign(answer.error)
        about = {"state": name, "action": action, "params": dict(params), "batch": batch, "begun": begun}
        self.note("state", scenario=scenario, text=error, **about)
        return answer

    def reserve(self, calls: int) -> AbstractContextManager[None]:
        """Wait until ``calls`` calls may leave back to back, and keep other callers out until the block ends."""
        return self._rate.reserve(calls)

    def call(self, request: Request) -> Reply:
        """Send one request when the rate allows, record it, and return how it ended. See the protocol."""
        for attempt in range(MAX_TRIES):
            self._rate.take()
            reply = self._once(request)
            self.silence.heard(reply.exchange)
            if reply.exchange.status != 429:
                self._rate.steady()
                return reply
            self._rate.slower()
            if attempt == MAX_TRIES - 1:
                return reply
            asked = retry_after(reply.exchange.end.headers.get("retry-after"))
            self._rate.pause(asked if asked is not None else 0.5 * 2**attempt * (1 + self._backoff.random()))
        return reply

    def race(self, requests: Sequence[Request]) -> list[Reply]:
        """Send these requests at once, record them, and return how each ended. See the protocol."""
        if len(requests) > (most := widest(self._config.limits.calls_per_second, loopback=self._base.loopback)):
            raise GuardError(f"a race of {len(requests)} is wider than limits.calls_per_second, {most}")
        number = next(self._races)
        with self._rate.reserve(len(requests)):
            for _ in requests:
                self._rate.take()
            departures: list[_Departure] = []
            for request in requests:
                try:
                    departure = self._prepare(request, race=number)
                except GuardError:
                    for earlier in departures:
                        self._not_sent(earlier, "the race was called off")
                    raise
                departures.append(departure)
            results = self._track.run([departure.http for departure in departures])
        ended = list(zip(departures, results, strict=True))
        replies = [self._conclude(departure, way) for departure, way in ended if isinstance(way, Passage)]
        for departure, way in ended:
            if isinstance(way, GuardError):
                self._not_sent(departure, "the guard did not send it")
        for way in results:
            if isinstance(way, GuardError):
                raise way
        for reply in replies:
            self.silence.heard(reply.exchange)
        self._mind([reply for reply in replies if reply.exchange.status == 429])
        return replies

    def _mind(self, dropped: Sequence[Reply]) -> None:
        """After a race: wait as its answers 429 ask for; nothing is sent again."""
        for reply in dropped:
            self._rate.slower()
            self._rate.pause(retry_after(reply.exchange.end.headers.get("retry-after")) or 0.5)
        if not dropped:
            self._rate.steady()

    def close(self) -> None:
        """Close all connections. The history stays open."""
        self._track.close()
        for wire in self._wires:
            wire.close()
        if self._states is not None:
            self._states.close()

    # -- one exchange -----------------------------------------------------------------------------------------

    def _once(self, request: Request) -> Reply:
        departure = self._prepare(request)
        try:
            passage = self._wire().send(departure.http)
        except GuardError:
            self._not_sent(departure, "the guard did not send it")
            raise
        return self._conclude(departure, passage)

    def _prepare(self, request: Request, race: int | None = None) -> _Departure:
        """Guard, charge and record; the invoke record has left the process when this returns.

        :raises GuardError: the request may not leave, or the budget does not bear it; that is noted, nothing charged.
        """
        http = self.build(request)
        context = Context(auth=request.auth, cause=request.cause)
        try:
            admission = self.guard.check(http, context)
            self.budget.charge(admission.charge)
        except GuardError as error:
            self.note("refused", scenario=request.origin.scenario, text=error.what, operation=request.operation)
            raise
        invoke = self._invoke(next(self._numbers), http, request, admission, race)
        self._writer.write(invoke)
        http.extensions["conformance"] = context
        return _Departure(request, http, admission, invoke)

    def _not_sent(self, departure: _Departure, why: str) -> None:
        self._writer.write(End(n=departure.invoke.n, outcome="not_sent", last=self.now(), error=why))
        self.budget.refund(departure.admission.charge, calls=1)

    def _conclude(self, departure: _Departure, passage: Passage) -> Reply:
        """Refund, learn and record what came of it."""
        answer, media = parsed(passage)
        if torn(departure.request, passage, media):
            passage.outcome, passage.error = "lost", "nothing marks the end of the answer, and its JSON has none"
        self._settle(departure.admission, passage)
        self._learn(departure.http, departure.admission, passage, answer)
        end = self._end(departure.invoke.n, passage, answer, media)
        self._writer.write(end)
        return Reply(exchange=Exchange(invoke=departure.invoke, end=end), json=answer if media == "json" else None)

    def _wire(self) -> Wire:
        wire: Wire | None = getattr(self._local, "wire", None)
        if wire is None:
            wire = self._local.wire = self._make_wire()
            self._wires.append(wire)
        return wire

    def _make_wire(self) -> Wire:
        return Wire(self._config.target, self._admit, self.now, self._inner() if self._inner else None)

    def _admit(self, http: httpx.Request) -> None:
        """The last check, at the door itself: what the wire is about to send, whoever built it."""
        context = http.extensions.get("conformance")
        self.guard.check(http, context if isinstance(context, Context) else Context())

    def build(self, request: Request) -> httpx.Request:
        """The HTTP request that this request means. Sends nothing.

        :raises GuardError: a driver set a header that is the transport's alone.
        :raises UsageError: the kind of key that it needs is not configured.
        """
        method, template = _TEMPLATES[request.operation]
        path = request.path if request.path is not None else _fill(template, request)
        query = f"?{urlencode(request.query)}" if request.query else ""
        base = self._base.url
        if request.cause == "scheme:http":
            base = f"http://{self._base.netloc}{self._base.path}"
        content, kind = content_of(request)
        headers = {"accept": "application/json", "user-agent": "retry-conformance", **self._config.target.headers}
        if request.cause == "scheme:http" or request.auth in ("none", "wrong"):
            # Configured headers may be credentials too, such as a gateway's key.
            headers = {"accept": "application/json", "user-agent": "retry-conformance"}
        for name, value in request.headers:
            if name.lower() in OWN_HEADERS or name.lower().startswith("x-forwarded"):
                raise GuardError(f"the guard did not send a request: a driver set the header {name}")
            headers[name.lower()] = value
        if kind is not None:
            headers["content-type"] = kind
        credential = self._credential(request)
        if credential is not None:
            headers["authorization"] = credential
        return httpx.Request(request.method or method, f"{base}{path}{query}", headers=headers, content=content)

    def _credential(self, request: Request) -> str | None:
        if request.cause == "scheme:http":
            return f"Bearer {MADE_UP_KEY}"
        key = self._keys["valid"]
        if request.auth == "none" or key is None:
            return None
        if request.auth == "scheme":
            return f"Basic {key}"
        variants: dict[str, str | None] = {
            "valid": key,
            "wrong": MADE_UP_KEY,
            "cut": key[:-1],
            "extended": f"{key}0",
            "case": key.swapcase(),
            "other": self._keys.get("other"),
        }
        chosen = variants[request.auth]
        if chosen is None:
            raise UsageError("is not set", where="target.other.api_key", mend="set it, or leave BR-SEC-02 not run")
        return f"Bearer {chosen}"

    # -- the recorder -----------------------------------------------------------------------------------------

    def _invoke(self, n: int, http: httpx.Request, request: Request, admission: Admission, race: int | None) -> Invoke:
        path = http.url.raw_path.decode("ascii").split("?", 1)[0].removeprefix(self._base.path)
        text = self.redactor.text
        return Invoke(
            n=n,
            t=self.now(),
            operation=request.operation,
            method=http.method,
            path=text(path),
            query=tuple((text(k), text(v)) for k, v in request.query),
            # Ids are the target's words: what it put into them is not written down either.
            campaign=text(request.campaign),
            batch=None if request.batch is None else text(request.batch),
            message=None if request.message is None else text(request.message),
            auth=request.auth,
            cause=request.cause,
            content_type=http.headers.get("content-type"),
            body=self._sent_body(request),
            rows=tuple(self._row(row) for row in request.rows),
            charge=admission.charge,
            race=race,
            driver=request.origin.driver,
            scenario=request.origin.scenario,
            step=request.origin.step,
        )

    def _sent_body(self, request: Request) -> Any:
        if request.content is None:
            return None
        try:
            return self.redactor.sent(json.loads(request.content))
        except (ValueError, RecursionError):
            return self.redactor.text(request.content.decode("utf-8", "replace"))

    def _row(self, row: OutRow) -> Row:
        text = self.redactor.text
        return Row(
            recipient=self.redactor.token(row.recipient),
            role=row.role,
            language=row.language,
            values={name: text(value) for name, value in row.values.items()},
            nonce=row.nonce,
        )

    def _end(self, n: int, passage: Passage, answer: Any, media: Media) -> End:
        body = None
        if media == "json":
            body = self.redactor.body(answer)
        elif media == "text":
            body = self.redactor.foreign(answer)
        return End(
            n=n,
            outcome=passage.outcome,
            released=passage.released,
            first=passage.first,
            last=passage.last,
            status=passage.status,
            headers=self.redactor.headers(passage.headers),
            size=len(passage.body),
            media=media,
            body=body,
            error=self.redactor.foreign(passage.error) if passage.error else None,
        )

    def _settle(self, admission: Admission, passage: Passage) -> None:
        """Give back what was certainly not spent. A lost answer, a 408 and any 5xx keep the charge (ruling 11)."""
        if passage.outcome == "not_sent":
            self.budget.refund(admission.charge, calls=1)
        elif passage.outcome == "answered" and passage.status is not None and 300 <= passage.status < 500:
            self.budget.refund(0 if passage.status == 408 else admission.charge)

    def _learn(self, http: httpx.Request, admission: Admission, passage: Passage, answer: Any) -> None:
        if passage.outcome != "answered" or passage.status is None or not 200 <= passage.status < 300:
            return
        named, made = admission.named, self.guard.made
        if named.operation in ("batch_send", "single_send"):
            made.learn_send(named, admission.charge, answer)
        elif named.operation == "batch_list":
            made.learn_page(named.batch or "", http.url.params.multi_items(), answer)
        elif named.operation == "message_read":
            made.learn_message(answer)


def _credentials(config: Config) -> dict[Auth, str | None]:
    other = config.target.other
    return {"valid": config.target.api_key, "other": other.api_key if other else None}


def _fill(template: str, request: Request) -> str:
    ids = {"c": request.campaign, "b": request.batch or "", "m": request.message or ""}
    return template.format(**{name: quote(value, safe="") for name, value in ids.items()})
