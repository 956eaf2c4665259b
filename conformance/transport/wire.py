"""One HTTP exchange: what left, when, and how it ended. Bounded in time and size, whatever the target does."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx

from conformance.config import Target
from conformance.errors import UsageError
from conformance.history.records import Media, Outcome
from conformance.transport.gate import GatedBackend, Lane, drop_unasked, gated
from conformance.transport.request import Request

#: Bytes of an answer's body, after content decoding, above which it is not read on.
MAX_BODY = 8 << 20

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


def inner_transport(target: Target) -> httpx.HTTPTransport:
    """httpx's own transport, with nothing taken from the environment.

    :raises UsageError: a certificate or proxy of the configuration cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=target.ca_file)
        if target.client_cert is not None:
            context.load_cert_chain(target.client_cert)
        return httpx.HTTPTransport(verify=context, trust_env=False, http2=False, proxy=target.proxy, retries=0)
    except (ssl.SSLError, OSError):
        raise UsageError("cannot be used", where="target.ca_file or client_cert", mend="name PEM files") from None
    except ValueError:
        raise UsageError("is no URL of a proxy", where="target.proxy", mend="write http://host:port") from None


class Wire:
    """A client with warm connections; one for each thread.

    :param target: time-outs, certificates, proxy.
    :param check: the guard.
    :param clock: seconds since the run began.
    :param inner: replaces the network, for tests.
    """

    def __init__(
        self, target: Target, check: Check, clock: Callable[[], float], inner: httpx.BaseTransport | None = None
    ) -> None:
        self._clock = clock
        self._timeout = httpx.Timeout(
            connect=target.connect_timeout,
            read=target.read_timeout,
            write=target.read_timeout,
            pool=target.connect_timeout,
        )
        self._whole = target.connect_timeout + 2 * target.read_timeout
        network = inner_transport(target) if inner is None else None
        self._network = network
        self._backend: GatedBackend | None = gated(network) if network is not None else None
        self._client = httpx.Client(
            transport=GuardedTransport(network or inner or httpx.BaseTransport(), check),
            trust_env=False,
            follow_redirects=False,
        )
        self._stream: Any = None

    @property
    def bound(self) -> float:
        """Seconds that one call may take at most."""
        return self._whole

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

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
            if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
                self._stream = info.get("return_value")
            elif event.endswith(".send_request_headers.started"):
                left = True
            elif event.endswith(".send_request_body.complete"):
                passage.released = self._clock()
            elif event.endswith(".receive_response_headers.complete"):
                passage.first = self._clock()

        request.extensions = {**request.extensions, "timeout": self._timeout.as_dict(), "trace": trace}
        watchdog = threading.Timer(self._whole, self._cut)
        watchdog.daemon = True
        watchdog.start()
        try:
            self._exchange(request, passage)
        except httpx.TransportError as error:
            passage.outcome = "lost" if left else "not_sent"
            passage.error = _say(error)
        except (httpx.DecodingError, httpx.InvalidURL, httpx.StreamError) as error:
            passage.outcome = "lost" if left else "not_sent"
            passage.error = f"the answer could not be decoded ({type(error).__name__})"
        finally:
            watchdog.cancel()
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
        response = self._client.send(request, stream=True)
        try:
            if passage.first is None:
                passage.first = self._clock()
            passage.status = response.status_code
            passage.headers = dict(response.headers.items())
            parts: list[bytes] = []
            size = 0
            for part in response.iter_bytes():
                size += len(part)
                if size > MAX_BODY:
                    passage.outcome = "lost"
                    passage.error = "the answer is larger than 8 MiB and was not read to its end"
                    return
                parts.append(part)
            passage.body = b"".join(parts)
            passage.outcome = "answered"
        finally:
            response.close()
            if self._network is not None:
                drop_unasked(self._network)

    def _cut(self) -> None:
        """The target dribbles: end the connection, so that the call ends too."""
        sock = self._stream.get_extra_info("socket") if self._stream is not None else None
        if isinstance(sock, socket.socket):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return


def parsed(passage: Passage) -> tuple[Any, Media]:
    """The answer's body as JSON or text, and which of them it is."""
    if not passage.body:
        return None, "none"
    try:
        text = passage.body.decode()
    except UnicodeDecodeError:
        return None, "binary"
    try:
        return json.loads(text, parse_constant=_no_constant), "json"
    except (ValueError, RecursionError):
        return text, "text"


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


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _say(error: httpx.TransportError) -> str:
    """A transport error in one line of ours."""
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
    if isinstance(error, httpx.ConnectError | httpx.WriteError) and detail:
        return f"{text}: {detail}"
    return text
