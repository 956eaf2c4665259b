"""One HTTP exchange: what left, when, and how it ended. Bounded in time and size, whatever the target does."""

from __future__ import annotations

import math
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx

from conformance.config import Target
from conformance.history.records import Media, Outcome
from conformance.transport.bounds import (
    TooLargeError,
    UndecodableError,
    Watchdog,
    check_head,
    decodable_as_it_stands,
    parse,
    read_body,
)
from conformance.transport.gate import GatedBackend, Lane, drop_unasked, gated
from conformance.transport.network import inner_transport
from conformance.transport.request import Request

#: Seconds by which a call may outlast the run's time: it is told to end, and has to be noticed.
GRACE = 3.0
#: How errors name the configured proxy.
PROXY = "the proxy (target.proxy)"

#: Calls that the guard checks on every request, at the last moment before the network.
Check = Callable[[httpx.Request], object]


@dataclass
class Passage:
    """How one exchange went. Times by the wire's clock."""

    outcome: Outcome = "not_sent"
    released: float | None = None
    first: float | None = None
    last: float = 0.0
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    #: The Content-Encoding that could not be decoded; ``body`` is as it came then.
    undecoded: str = ""
    remarks: tuple[str, ...] = ()
    error: str | None = None


class GuardedTransport(httpx.BaseTransport):
    """The door of every client that the suite makes: nothing passes that ``check`` does not admit."""

    def __init__(self, inner: httpx.BaseTransport, check: Check) -> None:
        self._inner = inner
        self._check = check

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the request on if the guard admits it.

        :raises GuardError: it does not.
        """
        self._check(request)
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


class Wire:
    """A client with warm connections; one for each thread.

    :param target: time-outs, certificates, proxy.
    :param check: the guard.
    :param clock: seconds since the run began.
    :param inner: replaces the network, for tests.
    :param left: seconds that the run still has; a call does not outlast them by more than ``GRACE``.
    :param certificates: those of the target, if they have been read already.
    """

    def __init__(
        self,
        target: Target,
        check: Check,
        clock: Callable[[], float],
        inner: httpx.BaseTransport | None = None,
        left: Callable[[], float] = lambda: math.inf,
        certificates: ssl.SSLContext | None = None,
    ) -> None:
        self._clock = clock
        self._left = left
        self._proxied = target.proxy is not None
        self._timeout = httpx.Timeout(
            connect=target.connect_timeout,
            read=target.read_timeout,
            write=target.read_timeout,
            pool=target.connect_timeout,
        )
        self._whole = target.connect_timeout + 2 * target.read_timeout
        network = inner_transport(target, certificates) if inner is None else None
        self._network = network
        self._backend: GatedBackend | None = gated(network) if network is not None else None
        # No httpx.Client: it takes redirects apart that are not to be followed, and fails over odd ones.
        self._door = GuardedTransport(network or inner or httpx.BaseTransport(), check)
        self._watchdog = Watchdog()

    @property
    def bound(self) -> float:
        """Seconds that one call may take at most."""
        return self._whole

    def close(self) -> None:
        """Close the connections."""
        self._door.close()

    def send(self, request: httpx.Request, lane: Lane | None = None) -> Passage:
        """Send a request and read its answer whole.

        :param lane: the place in a race; the request waits there, whole but for its end, until it is released.
        :raises GuardError: the guard does not admit it.
        """
        passage = Passage()
        if self._backend is not None:
            self._backend.lane = lane
        elif lane is not None:
            return self._without_gate(request, lane)
        left = False

        def trace(event: str, info: Mapping[str, Any]) -> None:
            nonlocal left
            self._watchdog.trace(event, info)
            if event.endswith(".send_request_headers.started"):
                # What a proxy is told to connect to is not the request yet.
                left = left or getattr(info.get("request"), "method", b"") != b"CONNECT"
            elif event.endswith(".send_request_body.complete"):
                passage.released = self._clock()
            elif event.endswith(".receive_response_headers.complete"):
                passage.first = self._clock()

        request.extensions = {**request.extensions, "timeout": self._timeout.as_dict(), "trace": trace}
        try:
            with self._watchdog.within(min(self._whole, max(0.0, self._left()) + GRACE)):
                self._exchange(request, passage)
        except httpx.TransportError as error:
            passage.outcome = "lost" if left and not isinstance(error, httpx.ProxyError) else "not_sent"
            passage.error = say(error, proxied=self._proxied)
        except TooLargeError as error:
            passage.outcome, passage.error = "lost", str(error)
        except UndecodableError as error:
            passage.outcome, passage.error = "lost", f"the answer could not be decoded: {error}"
        except (httpx.InvalidURL, httpx.StreamError, UnicodeError) as error:
            passage.outcome = "lost" if left else "not_sent"
            passage.error = f"the answer could not be read ({type(error).__name__})"
        passage.last = self._clock()
        if lane is not None:
            passage.released = lane.released
            if lane.released is None:
                passage.outcome = "not_sent"
        return passage

    def _without_gate(self, request: httpx.Request, lane: Lane) -> Passage:
        """A race over something else than the network (in tests): the racer waits before it sends anything."""
        try:
            lane.hold(lambda: None)
        except httpcore.WriteError as error:
            return Passage(last=self._clock(), error=str(error))
        passage = self.send(request)
        passage.released = lane.released
        return passage

    def _exchange(self, request: httpx.Request, passage: Passage) -> None:
        response = self._door.handle_request(request)
        try:
            if passage.first is None:
                passage.first = self._clock()
            passage.status = response.status_code
            check_head(response.headers.raw)
            passage.headers = dict(response.headers.items())
            stream = response.stream
            assert isinstance(stream, httpx.SyncByteStream)
            passage.body, passage.undecoded = read_body(stream, passage.headers.get("content-encoding", ""))
            passage.outcome = "answered"
        finally:
            response.close()
            if self._network is not None:
                drop_unasked(self._network)


def parsed(passage: Passage) -> tuple[Any, Media]:
    """The answer's body as JSON or text, and which of them it is.

    What is too large to be parsed makes the passage lost; what is in an encoding that is not decoded is binary.
    """
    if passage.undecoded and not decodable_as_it_stands(passage.undecoded):
        return None, "binary"
    try:
        value, media, passage.remarks = parse(passage.body)
    except TooLargeError as error:
        passage.outcome, passage.error, passage.body = "lost", str(error), b""
        return None, "none"
    if passage.undecoded:
        if media != "json":
            return None, "binary"
        passage.undecoded = ""
    return value, media


def torn(request: Request, passage: Passage, media: Media) -> bool:
    """Whether an answer may have been cut off without a sign of it (ruling 11).

    Where neither Content-Length nor Transfer-Encoding marks the end of the body, the end of the connection does
    (RFC 9112, section 6.3), wherever that comes. JSON tells a cut by itself: it does not parse. No body at all is
    none, where none is due.
    """
    if passage.outcome != "answered" or passage.headers.keys() & {"content-length", "transfer-encoding"}:
        return False
    if request.method == "HEAD" or passage.status in (204, 304) or media == "json":
        return False
    kind = passage.headers.get("content-type", "")
    if not passage.body:
        accepted = request.operation == "batch_retry" and 200 <= (passage.status or 0) < 300
        return "json" in kind and not accepted
    return "json" in kind or (not kind and passage.body.lstrip()[:1] in (b"{", b"["))


def say(error: httpx.TransportError, *, proxied: bool = False) -> str:
    """A transport error in one line of ours.

    :param proxied: connections are made to the proxy of the configuration.
    """
    kinds = {
        httpx.ConnectTimeout: "no connection within target.connect_timeout",
        httpx.ConnectError: "no connection",
        httpx.ReadTimeout: "no answer within target.read_timeout",
        httpx.WriteTimeout: "the request could not be written within target.read_timeout",
        httpx.PoolTimeout: "no free connection",
        httpx.RemoteProtocolError: "the answer is not HTTP, or was cut off",
        httpx.ReadError: "the connection was closed while the answer was awaited",
        httpx.WriteError: "the connection was closed while the request was written",
        httpx.ProxyError: "the proxy refused",
        httpx.UnsupportedProtocol: "the URL is not http or https",
    }
    text = kinds.get(type(error), type(error).__name__)
    detail = str(error)
    low = detail.lower()
    if "certificate required" in low or "certificate_required" in low:
        return f"the target asks for a client certificate: {detail}"
    if isinstance(error, httpx.ProxyError):
        return f"{PROXY} refused ({detail})"
    if proxied and isinstance(error, httpx.ConnectError | httpx.ConnectTimeout) and "ssl" not in low:
        return f"no connection to {PROXY}: {detail or 'it does not answer within target.connect_timeout'}"
    if isinstance(error, httpx.ConnectError | httpx.WriteError) and detail:
        return f"{text}: {detail}"
    return text
