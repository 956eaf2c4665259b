"""The one way out: guard, budgets, rate, recorder and wire put together (design.md sections 1 and 4)."""

from __future__ import annotations

import itertools
import random
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import httpx

from conformance.config import Config
from conformance.errors import GuardError, TargetError
from conformance.history.records import STATE_NOTE, End, Exchange, Invoke, Note
from conformance.history.totals import kept
from conformance.history.writer import HistoryWriter
from conformance.transport.building import Builder
from conformance.transport.guard import Admission, Context, Guard
from conformance.transport.network import inner_transport, read_certificates
from conformance.transport.origin import parse_base_url
from conformance.transport.outage import Outage
from conformance.transport.paths import Named
from conformance.transport.race import Track, widest
from conformance.transport.rate import Budget, Rate, retry_after
from conformance.transport.recording import Recorder, held_by
from conformance.transport.redact import Redactor
from conformance.transport.request import Reply, Request
from conformance.transport.states import Action, ProviderStates, StateAnswer
from conformance.transport.volume import Volume
from conformance.transport.wire import GRACE, Passage, Wire, parsed, torn

#: How often a request that was answered 429 is sent in all (ruling 10).
MAX_TRIES = 5
#: Bytes of a history above which a run ends: what cannot be judged is not worth recording.
MAX_HISTORY = 256 << 20


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
    other = config.target.other
    known = [config.target.campaign_id, other.campaign_id if other else None, config.template.language]
    keys = _keys(config)
    others = [secret for secret in keys_of(config) if secret not in keys]
    return Redactor(keys, numbers_of(config), known=[text for text in known if text], others=others)


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
    :param stop: raises what is to end the run, before anything more leaves.
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
        stop: Callable[[], None] = lambda: None,
    ) -> None:
        self._stop = stop
        self._config = config
        self._base = parse_base_url(config.target.base_url, booked=config.target.booked)
        self._writer = writer
        self.redactor = redactor or redactor_of(config)
        self._clock = clock
        self._sleep = sleep
        self._begun = clock()
        self._inner = inner
        self._certificates: ssl.SSLContext | None = None
        if inner is None:
            # A certificate or proxy that cannot be used is found before anything is on record.
            self._certificates = read_certificates(config.target)
            inner_transport(config.target, self._certificates).close()
        self._builder = Builder(config)
        self._recorder = Recorder(self.redactor, self._base.path)
        self.guard = Guard(
            self._base,
            [config.target.campaign_id, *([config.target.other.campaign_id] if config.target.other else [])],
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
        self._volume = Volume(config.limits.max_calls)
        self.outage = Outage(config.target.base_url, config.timing.settle_timeout)
        self._numbers = itertools.count(1)
        self._local = threading.local()
        self._wires: list[Wire] = []
        self._races = itertools.count(1)
        # Twice, for a connection may be made and secured.
        self._track = Track(self._make_wire, patience=2 * config.target.connect_timeout, clock=self.now)
        self._backoff = random.Random(0)

    # -- the interface ----------------------------------------------------------------------------------------

    def now(self) -> float:
        """Seconds since the run began, to a microsecond: no wire is faster, and a history needs no longer numbers."""
        return round(self._clock() - self._begun, 6)

    def note(self, event: str, *, scenario: str = "", text: str = "", **data: Any) -> None:
        """Put a note on record."""
        clean = self.redactor.sent(data)
        self._writer.note(Note(t=self.now(), event=event, scenario=scenario, text=self.redactor.text(text), data=clean))

    def state(self, name: str, params: Mapping[str, str], action: Action, *, scenario: str = "") -> StateAnswer:
        """Ask the vendor for a provider state, and put it on record. See the protocol."""
        if self._states is None:
            return StateAnswer(values={}, error="provider_states.url is not set")
        begun = self.now()
        answer = self._states.ask(name, params, action, within=self.budget.left() + GRACE)
        batch = answer.values.get("batchId")
        if batch is not None and action == "setup":
            self.guard.made.give(batch)
        error = self.redactor.foreign(answer.error)
        shown = None if batch is None else self.redactor.data(batch)
        about = {"state": name, "action": action, "params": dict(params), "batch": shown, "begun": begun}
        self.note(STATE_NOTE, scenario=scenario, text=error, **about)
        return answer

    def reserve(self, calls: int) -> AbstractContextManager[None]:
        """Wait until ``calls`` calls may leave back to back, and keep other callers out until the block ends."""
        return self._rate.reserve(calls)

    def pause(self, seconds: float) -> None:
        """Wait, and send nothing meanwhile. See the protocol."""
        self._sleep(seconds)

    def call(self, request: Request) -> Reply:
        """Send one request when the rate allows, record it, and return how it ended. See the protocol."""
        for attempt in range(MAX_TRIES):
            if (why := self._builder.unfit(request)) is not None:
                return self._withheld(request, why)
            self._rate.take()
            reply = self._once(request)
            self._heard(reply)
            if reply.exchange.status != 429:
                self._rate.steady()
                return reply
            self._rate.slower()
            if attempt == MAX_TRIES - 1:
                return reply
            asked = retry_after(reply.exchange.end.headers.get("retry-after"))
            pause = asked if asked is not None else 0.5 * 2**attempt * (1 + self._backoff.random())
            # Beyond the run's time nothing is sent, and there is nothing to wait for.
            self._rate.pause(min(pause, max(0.1, self.budget.left())))
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
            self._heard(reply)
        self._mind([reply for reply in replies if reply.exchange.status == 429])
        return replies

    def _heard(self, reply: Reply) -> None:
        """Take in how an exchange ended.

        :raises TargetError: the target has fallen silent, or what it answers fills the history.
        """
        self.outage.heard(reply.exchange)
        if self._writer.size > MAX_HISTORY or self._volume.full:
            filled = (
                f"{MAX_HISTORY >> 20} MiB of history" if self._writer.size > MAX_HISTORY else "can be judged at once"
            )
            hint = "run fewer scenarios, with fewer rows, or in a campaign that holds fewer messages"
            raise TargetError(
                f"the target's answers fill more than {filled}", where=self._config.target.base_url, hint=hint
            )

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
        self._stop()
        http = self._builder.build(request)
        context = Context(auth=request.auth, cause=request.cause)
        try:
            admission = self.guard.check(http, context)
            self.budget.charge(admission.charge)
        except GuardError as error:
            self.note("refused", scenario=request.origin.scenario, text=error.what, operation=request.operation)
            raise
        invoke = self._recorder.invoke(next(self._numbers), self.now(), http, request, admission, race)
        self._writer.write(invoke)
        http.extensions["conformance"] = context
        return _Departure(request, http, admission, invoke)

    def _withheld(self, request: Request, why: str) -> Reply:
        """Put a probe on record that cannot be sent as what it is, and send nothing. It costs nothing."""
        self._stop()
        nameless = replace(request, auth="none")
        admission = Admission(Named(request.operation, request.campaign, request.batch, request.message), 0)
        invoke = self._recorder.invoke(
            next(self._numbers), self.now(), self._builder.build(nameless), request, admission, None
        )
        self._writer.write(invoke)
        end = End(n=invoke.n, outcome="not_sent", last=self.now(), error=why)
        self._writer.write(end)
        return Reply(exchange=Exchange(invoke=invoke, end=end))

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
        own = held_by(departure.http, departure.request)
        end = self._recorder.end(departure.invoke.n, passage, answer, media, own)
        self._writer.write(end)
        self._volume.add(end.body)
        return Reply(exchange=Exchange(invoke=departure.invoke, end=end), json=answer if media == "json" else None)

    def _wire(self) -> Wire:
        wire: Wire | None = getattr(self._local, "wire", None)
        if wire is None:
            wire = self._local.wire = self._make_wire()
            self._wires.append(wire)
        return wire

    def _make_wire(self) -> Wire:
        inner = self._inner() if self._inner else None
        return Wire(self._config.target, self._admit, self.now, inner, self.budget.left, self._certificates)

    def _admit(self, http: httpx.Request) -> None:
        """The last check, at the door itself: what the wire is about to send, whoever built it."""
        context = http.extensions.get("conformance")
        self.guard.check(http, context if isinstance(context, Context) else Context())

    def _settle(self, admission: Admission, passage: Passage) -> None:
        """Give back what was certainly not spent."""
        spent = kept(admission.charge, passage.outcome, passage.status)
        self.budget.refund(admission.charge - spent, calls=int(passage.outcome == "not_sent"))

    def _learn(self, http: httpx.Request, admission: Admission, passage: Passage, answer: Any) -> None:
        named, made = admission.named, self.guard.made
        # Whom an answer shows counts, whatever its status and its end.
        made.learn_shown(named, answer)
        if passage.outcome != "answered" or passage.status is None or not 200 <= passage.status < 300:
            return
        if named.operation in ("batch_send", "single_send"):
            made.learn_send(named, admission.charge, answer)
        elif named.operation == "batch_list":
            made.learn_page(named.batch or "", http.url.params.multi_items(), answer)
