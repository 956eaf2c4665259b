"""The reference target without a socket, by a clock of its own: waiting costs no time, and a run repeats itself exactly.

For tests and benchmarks of drivers. Requests pass guard, budgets, recorder and wire as any others do; only the network
and the time are replaced.
"""

from __future__ import annotations

from collections.abc import Callable

import httpx
import msgspec

from conformance.config import Config, Limits, Timing
from conformance.history.writer import HistoryWriter
from conformance.reference.app import BASE_PATH, STATES_PATH, Service
from conformance.reference.exchange import Answer, Deferred
from conformance.reference.server import config_for
from conformance.reference.settings import Settings
from conformance.transport.client import HttpTransport
from conformance.transport.redact import Redactor

#: Seconds that a call takes by this clock: half of them before the target decides, half of them after.
CALL = 0.004
#: Seconds that a look at this clock takes.
LOOK = 1e-6


class InsideTarget:
    """A reference target in this process, in one thread.

    :param settings: how it behaves.
    :raises KeyError: a fault or variant is unknown.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._now = 0.0
        self.service = Service(self.settings, clock=self.clock)

    def clock(self) -> float:
        """Seconds; they pass while somebody waits or calls, and a little with every look, so that no two are the same."""
        self._now += LOOK
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self._now += max(seconds, 0.0)

    def config(self) -> Config:
        """A configuration that fits this target; its limits are wide, and it names no provider states."""
        return msgspec.structs.replace(
            config_for(f"http://127.0.0.1:9{BASE_PATH}"),
            limits=Limits(
                calls_per_second=1e6,
                max_messages=100_000,
                max_calls=100_000,
                max_rows=self.settings.max_rows,
                max_seconds=1e6,
            ),
            timing=Timing(settle_timeout=5 * self.settings.lifetime),
        )

    def transport(self, config: Config, writer: HistoryWriter) -> HttpTransport:
        """The way to this target, recorded as any other."""
        return HttpTransport(
            config, writer, clock=self.clock, sleep=self.sleep, inner=lambda: httpx.MockTransport(self._handle)
        )

    def connect(
        self, config: Config, writer: HistoryWriter, redactor: Redactor, stop: Callable[[], None]
    ) -> HttpTransport:
        """The same for a whole run, as ``driving.Network`` has it."""
        return HttpTransport(
            config,
            writer,
            redactor=redactor,
            clock=self.clock,
            sleep=self.sleep,
            inner=lambda: httpx.MockTransport(self._handle),
            stop=stop,
        )

    def _handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == STATES_PATH:
            self.sleep(CALL)
            return _response(self.service.provide(request.read()))
        delay = self.service.behaviour.wait()
        self.sleep((CALL + delay) / 2)
        answer = self.service.answer(
            request.method,
            request.url.raw_path.decode("ascii").split("?", 1)[0].removeprefix(BASE_PATH),
            dict(request.url.params),
            dict(request.headers),
            request.read(),
        )
        while isinstance(answer, Deferred):
            self.sleep(answer.seconds)
            answer = self.service.resumed(answer)
        self.sleep((CALL + delay) / 2)
        return _response(answer)


def _response(answer: Answer) -> httpx.Response:
    kind = {"content-type": "application/json"} if answer.content else {}
    return httpx.Response(answer.status, headers={**kind, **answer.headers}, content=answer.content)
