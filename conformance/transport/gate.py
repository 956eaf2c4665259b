"""Last-byte release: racers that have sent all but the end of their requests wait here, and leave together.

A request that lacks the end of its head is none yet: no server can carry it out. So each racer connects and sends
everything up to there in its own time; then one thread sends the rest of all, one after the other, as fast as it can.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterable
from typing import Any

import httpcore
import httpx

_HEAD_ENDS = b"\r\n\r\n"
#: Seconds beyond a bound that the other side is given to notice it.
GRACE = 5.0


class Lane:
    """One racer's place at the gate."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.go: Callable[[], None] | None = None
        self.gone = False
        #: When the rest of the request was sent; None if it was not. Seconds by the gate's clock.
        self.released: float | None = None
        self.trouble: Exception | None = None
        self.opened = threading.Event()

    def hold(self, go: Callable[[], None]) -> None:
        """Say that all but the rest was sent, and wait until the gate has sent it by ``go``.

        :raises httpcore.WriteError: the race was called off, and the rest not sent; or sending it failed.
        """
        self.gate.arrived(self, go)
        if not self.opened.wait(self.gate.patience + GRACE) and self.gate.leave(self):
            # The release had begun already; it takes no time to speak of.
            self.opened.wait(GRACE)
        if self.released is None:
            raise httpcore.WriteError("the race was called off")
        if self.trouble is not None:
            raise httpcore.WriteError("the last byte could not be sent") from self.trouble


class Gate:
    """Where the racers of one race wait for each other.

    :param width: how many racers there are.
    :param patience: seconds for which racers are waited for; one that comes later stays behind.
    :param clock: seconds since the run began.
    """

    def __init__(self, width: int, *, patience: float, clock: Callable[[], float]) -> None:
        self.lanes = tuple(Lane(self) for _ in range(width))
        self.patience = patience
        self._clock = clock
        self._changed = threading.Condition()
        self._closed = False

    def arrived(self, lane: Lane, go: Callable[[], None]) -> None:
        """A racer is ready; one that comes too late finds the race called off."""
        with self._changed:
            if self._closed:
                lane.opened.set()
            else:
                lane.go = go
            self._changed.notify_all()

    def leave(self, lane: Lane) -> bool:
        """A racer will not come, or waits no longer. Returns whether it has been chosen for release all the same."""
        with self._changed:
            if self._closed and lane.go is not None:
                return True
            lane.go, lane.gone = None, True
            self._changed.notify_all()
            return False

    def gather(self) -> None:
        """Wait until every racer is ready or will not come; bounded by ``patience``."""
        with self._changed:
            self._changed.wait_for(lambda: all(lane.go or lane.gone for lane in self.lanes), self.patience)

    def release(self) -> None:
        """Send the rest of every request whose racer is ready, in the order of the lanes, and let the racers read on.

        A release is dated so that the span of all is never understated: the first from before it was sent, the others
        from after.
        """
        ready = self._close()
        clock, dated = self._clock, []
        begun = clock()
        for lane in ready:
            try:
                if lane.go is not None:
                    lane.go()
            except (httpcore.NetworkError, httpcore.TimeoutException, OSError) as trouble:
                lane.trouble = trouble
            dated.append(clock())
        for lane, at in zip(ready, (begun, *dated[1:]), strict=False):
            lane.released = at
            lane.opened.set()

    def call_off(self) -> None:
        """Release nobody: the racers that are ready end without having sent the rest."""
        for lane in self._close():
            lane.opened.set()

    def _close(self) -> list[Lane]:
        with self._changed:
            self._closed = True
            return [lane for lane in self.lanes if lane.go is not None]


class GatedBackend(httpcore.NetworkBackend):
    """httpcore's networking, whose streams wait at a lane's gate while there is one. For one thread at a time."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()
        self.lane: Lane | None = None

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        return _GatedStream(self._inner.connect_tcp(host, port, timeout, local_address, socket_options), self)


class _GatedStream(httpcore.NetworkStream):
    """A stream that keeps a whole request back while its backend has a lane, and sends it when the answer is awaited."""

    def __init__(self, inner: httpcore.NetworkStream, backend: GatedBackend) -> None:
        self._inner = inner
        self._backend = backend
        self._kept = b""
        self._timeout: float | None = None

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        lane = self._backend.lane
        if lane is not None and self._kept:
            kept, self._kept = self._kept, b""
            self._backend.lane = None
            # The body, if there is one, comes with the last byte of the head: servers begin when the head is whole.
            end = kept.index(_HEAD_ENDS) + len(_HEAD_ENDS) - 1
            self._inner.write(kept[:end], self._timeout)
            lane.hold(lambda: self._inner.write(kept[end:], self._timeout))
        return self._inner.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # What is said to a proxy on the way is no part of the race.
        if self._backend.lane is None or (not self._kept and buffer.startswith(b"CONNECT ")):
            self._inner.write(buffer, timeout)
        else:
            self._kept += buffer
            self._timeout = timeout

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _GatedStream(self._inner.start_tls(ssl_context, server_hostname, timeout), self._backend)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def gated(transport: httpx.HTTPTransport) -> GatedBackend:
    """Make the transport's connections wait at gates; returns the backend that is told at which."""
    backend = GatedBackend()
    # httpx 0.28 hands no backend on to the pool that it makes (tests/test_race.py fails if this ceases to work).
    transport._pool._network_backend = backend
    return backend


def drop_unasked(transport: httpx.HTTPTransport) -> None:
    """Close each idle connection on which more was read than the answer: it would pass for the answer to the next request.

    What comes later, while a connection is idle, the pool notices by itself.
    """
    for connection in transport._pool.connections:
        # Where h11 keeps it, below a proxy's connection if there is one (tests/test_wire.py fails if this ceases to work).
        inner: Any = connection
        while inner is not None and not hasattr(inner, "_h11_state"):
            inner = getattr(inner, "_connection", None)
        if inner is not None and connection.is_idle() and inner._h11_state.trailing_data[0]:
            connection.close()
