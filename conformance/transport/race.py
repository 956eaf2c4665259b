"""Races: requests that leave at once, each by a connection and a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

import httpx

from conformance.errors import GuardError
from conformance.transport.gate import GRACE, Gate, Lane
from conformance.transport.wire import Passage, Wire


def widest(calls_per_second: float, *, loopback: bool) -> int:
    """How many requests may be released at once: no more than in a second, but on this machine."""
    return 64 if loopback else int(calls_per_second)


class Track:
    """Where races are run. Its connections are kept for later races.

    :param make_wire: makes a client; each racer has one.
    :param patience: seconds for which racers are waited for before the others are released without them.
    :param clock: seconds since the run began.
    """

    def __init__(self, make_wire: Callable[[], Wire], *, patience: float, clock: Callable[[], float]) -> None:
        self._make_wire = make_wire
        self._patience = patience
        self._clock = clock
        self._wires: list[Wire] = []
        self._lock = threading.Lock()

    def run(self, requests: Sequence[httpx.Request]) -> list[Passage | GuardError]:
        """Send the requests at once, and say for each how it went; one race at a time.

        Connections are made, and all but the last byte is sent, before anything is released: racers that fail by then
        do not hold the others up, and are ``not_sent``. Where the guard refuses one at the door, nothing is released.
        """
        with self._lock:
            while len(self._wires) < len(requests):
                self._wires.append(self._make_wire())
            gate = Gate(len(requests), patience=self._patience, clock=self._clock)
            racers = [_Racer(*each) for each in zip(self._wires, requests, gate.lanes, strict=False)]
            for racer in racers:
                racer.start()
            gate.gather()
            if any(isinstance(racer.result, GuardError) for racer in racers):
                gate.call_off()
            else:
                gate.release()
            return [self._result(racer) for racer in racers]

    def close(self) -> None:
        """Close the connections."""
        for wire in self._wires:
            wire.close()

    def _result(self, racer: _Racer) -> Passage | GuardError:
        racer.join(racer.wire.bound + self._patience + 2 * GRACE)
        if racer.crash is not None:
            raise racer.crash
        if racer.result is not None:
            return racer.result
        # It does not end although its connection was cut: its wire is not used again.
        self._wires.remove(racer.wire)
        sent = racer.lane.released
        return Passage(
            outcome="not_sent" if sent is None else "lost",
            released=sent,
            last=self._clock(),
            error="the call did not end in time",
        )


class _Racer(threading.Thread):
    """Sends one request when its lane opens."""

    def __init__(self, wire: Wire, request: httpx.Request, lane: Lane) -> None:
        super().__init__(name="racer", daemon=True)
        self.wire = wire
        self.lane = lane
        self.result: Passage | GuardError | None = None
        self.crash: Exception | None = None
        self._request = request

    def run(self) -> None:
        """Send the request; whatever happens, the others learn that this one does not come any more."""
        try:
            self.result = self.wire.send(self._request, self.lane)
        except GuardError as error:
            self.result = error
        except Exception as crash:
            # A boundary: what breaks in this thread is raised in the one that waits for it.
            logging.getLogger(__name__).debug("a racer broke", exc_info=True)
            self.crash = crash
        finally:
            self.lane.gate.leave(self.lane)
