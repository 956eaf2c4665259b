"""A proxy on loopback that makes the network bad, for tests: it loses, cuts, delays, doubles and makes up answers.

It stands in front of a target; the suite is given the proxy's ``base_url``. What it does to which request is a
plan, a list of :class:`Fault`; what is left to chance is drawn from a seed. Whatever it does, it knows and keeps in
``log`` whether the target carried the request out, which the suite cannot see.
"""

from __future__ import annotations

import contextlib
import random
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import BinaryIO, Literal
from urllib.parse import urlsplit

#: ``delay``: it waits before it forwards; ``hold``: before it passes the answer on, or until another answer went by.
#: ``reset``: the connection is reset, and the target never hears of it; ``late``: reset, and forwarded afterwards;
#: ``lost``: forwarded, then reset; ``silent``: forwarded, and never answered. ``answer``: an answer of its own, without
#: forwarding; ``cover``: forwarded, then an answer of its own in place of the target's.
#: ``cut-head``, ``cut-body``, ``cut-chunk``, ``cut-open``: the answer ends in the middle, by whatever marks its end
#: (``cut-open``: nothing does but the end of the connection). ``twice``: forwarded twice, the first answer passed
#: on; ``again``: twice, the last one. ``dribble``: the answer comes in eight bits or so. ``stale``: the connection is closed
#: after the answer, without a word; ``open``: the answer is whole, but nothing marks its end.
#: ``cached``: a GET is answered as the last one of the same URL was, if that is not older than ``seconds``.
Kind = Literal[
    "delay",
    "hold",
    "reset",
    "late",
    "lost",
    "silent",
    "answer",
    "cover",
    "cut-head",
    "cut-body",
    "cut-chunk",
    "cut-open",
    "twice",
    "again",
    "dribble",
    "stale",
    "open",
    "cached",
]
#: Kinds after which the target may have carried a request out that got no whole answer.
LOSING: tuple[Kind, ...] = ("late", "lost", "silent", "cut-head", "cut-body", "cut-chunk", "cut-open")
WRITES = ("batch_send", "single_send", "batch_retry", "single_retry")
READS = ("batch_list", "campaign_list", "message_read")

#: Seconds for which any one socket operation, and the end of a thread, is waited for.
PATIENCE = 10.0

_OPERATIONS = (
    ("batch_retry", re.compile(r"/batch/[^/]*/retry$|/batch/.*retry", re.I)),
    ("batch_send", re.compile(r"/batch/messages$")),
    ("batch_list", re.compile(r"/batch/[^/]+/messages$")),
    ("single_retry", re.compile(r"/messages/[^/]+/retry$")),
    ("message_read", re.compile(r"/messages/[^/]+$")),
    ("campaign_list", re.compile(r"/messages$")),
)
_HTML = b"<html><head><title>error</title></head><body><h1>Something went wrong</h1></body></html>"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is done to which requests.

    :param operations: names as in the contract; :param method: none means any.
    :param nth: which of the matching requests, from 1; none means each of them, by ``chance``.
    :param seconds: of a wait; :param status: of a made-up answer, with ``headers``.
    """

    kind: Kind
    operations: tuple[str, ...] = (*WRITES, *READS)
    method: str | None = None
    nth: tuple[int, ...] = ()
    chance: float = 1.0
    seconds: float = 0.02
    status: int = 503
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Passed:
    """One request, as the proxy knows it: what was done to it, and what the target answered each time it heard it."""

    operation: str
    method: str
    path: str
    kind: Kind | None
    answers: tuple[int, ...]


@dataclass
class _Message:
    """A request or an answer: its first line, its headers, its body."""

    first: bytes
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: bytes) -> bytes | None:
        return next((v for k, v in self.headers if k.lower() == name), None)

    def raw(self, *, length: bool = True) -> bytes:
        """On the wire; ``length`` False leaves out what marks the end of the body."""
        lines = [k + b": " + v for k, v in self.headers if length or k.lower() != b"content-length"]
        return b"\r\n".join([self.first, *lines, b"", b""]) + self.body


class Proxy:
    """A bad network in front of a target, for as long as the ``with`` block lasts. No thread outlives it.

    :param target: the base_url that is behind it.
    :param faults: the first that matches a request and is drawn befalls it; what none befalls passes unharmed.
    :param spared: how many requests pass unharmed at first: the preflight, which is no part of these tests.
    """

    def __init__(self, target: str, faults: Sequence[Fault] = (), *, seed: int = 0, spared: int = 2) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._path = parts.path
        self._faults = tuple(faults)
        self._random = random.Random(seed)
        self._spared = spared
        self._met: Counter[int] = Counter()
        self._lock = threading.Lock()
        self._went = threading.Condition()
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._kept: dict[bytes, tuple[float, _Message]] = {}
        self.log: list[Passed] = []

    @property
    def base_url(self) -> str:
        """Where the suite goes."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}{self._path}"

    def befell(self, *kinds: Kind) -> tuple[Passed, ...]:
        """What was done to requests, by kind."""
        return tuple(p for p in self.log if p.kind in kinds)

    def __enter__(self) -> Proxy:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        with self._went:
            self._went.notify_all()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        until = time.monotonic() + PATIENCE
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        assert not any(thread.is_alive() for thread in self._threads)

    # -- connections ------------------------------------------------------------------------------------------

    def _start(self, work: object, *arguments: object) -> None:
        assert callable(work)
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        with self._lock:
            self._threads = [t for t in self._threads if t.is_alive()]
            thread.start()
            self._threads.append(thread)

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(PATIENCE)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(sock)
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock.makefile("rb") as stream:
            while not self._over.is_set():
                request = _read(stream)
                if request is None or not self._pass_on(sock, request):
                    break
        with self._lock:
            self._open.discard(sock)
        sock.close()

    def _pass_on(self, sock: socket.socket, request: _Message) -> bool:
        """One request, and what befalls it. Says whether the connection goes on."""
        method, path, _ = request.first.decode("latin-1").split(" ", 2)
        operation = _operation(method, path.split("?", 1)[0])
        fault = self._drawn(operation, method)
        kind = fault.kind if fault is not None else None
        seconds = fault.seconds if fault is not None else 0.0
        if kind == "delay":
            self._over.wait(seconds)
        if kind == "late":
            sock.shutdown(socket.SHUT_RDWR)
            self._over.wait(seconds)
        since, kept = self._kept.get(request.first, (0.0, None))
        known = kept if kind == "cached" and method == "GET" and time.monotonic() - since <= seconds else None
        heard = 0 if kind in ("reset", "answer") or known else 2 if kind in ("twice", "again") else 1
        answers = [self._forward(request) for _ in range(heard)]
        if answers:
            self._kept[request.first] = (time.monotonic(), answers[-1])
        statuses = tuple(int(a.first.split()[1]) for a in answers)
        with self._lock:
            self.log.append(Passed(operation=operation, method=method, path=path, kind=kind, answers=statuses))
        if kind in ("reset", "lost"):
            # Closed with RST: whatever was underway is gone.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if kind in ("reset", "late", "lost"):
            return False
        if kind == "silent":
            self._over.wait(seconds)
            return False
        if kind == "hold":
            with self._went:
                self._went.wait(seconds)
        made = _made_up(fault, method) if fault is not None and kind in ("answer", "cover") else None
        answer = made or known or (answers[-1] if kind == "again" else answers[0])
        going_on = self._send(sock, answer, kind, head=method == "HEAD", seconds=seconds)
        with self._went:
            self._went.notify_all()
        return going_on

    def _drawn(self, operation: str, method: str) -> Fault | None:
        """The fault that befalls the next request, if any."""
        with self._lock:
            if self._spared > 0:
                self._spared -= 1
                return None
            for number, fault in enumerate(self._faults):
                if operation not in fault.operations or fault.method not in (None, method):
                    continue
                self._met[number] += 1
                if fault.nth and self._met[number] not in fault.nth:
                    continue
                if self._random.random() < fault.chance:
                    return fault
        return None

    def _forward(self, request: _Message) -> _Message:
        """What the target answers."""
        kept = [(k, v) for k, v in request.headers if k.lower() not in (b"connection", b"host")]
        host = f"{self._target[0]}:{self._target[1]}".encode()
        asked = _Message(request.first, [(b"host", host), (b"connection", b"close"), *kept], request.body)
        with socket.create_connection(self._target, timeout=PATIENCE) as upstream:
            upstream.sendall(asked.raw())
            with upstream.makefile("rb") as stream:
                answer = _read(stream, whole=not request.first.startswith(b"HEAD "))
        if answer is None:
            raise ConnectionError("the target gives no answer")
        answer.headers = [(k, v) for k, v in answer.headers if k.lower() not in (b"connection", b"date", b"server")]
        return answer

    def _send(self, sock: socket.socket, answer: _Message, kind: Kind | None, *, head: bool, seconds: float) -> bool:
        raw = answer.raw()
        if head or kind is None or not kind.startswith(("cut-", "dribble", "open")):
            sock.sendall(raw)
            return kind != "stale"
        if kind == "dribble":
            for start in range(0, len(raw), max(1, len(raw) // 8)):
                sock.sendall(raw[start : start + max(1, len(raw) // 8)])
                self._over.wait(seconds / 8)
            return True
        half = len(answer.body) // 2
        if kind == "cut-head":
            sock.sendall(raw[: raw.index(b"\r\n\r\n") - 3])
        elif kind == "cut-body" and answer.body:
            sock.sendall(raw[: len(raw) - len(answer.body) + half])
        elif kind in ("cut-open", "open"):
            body = answer.body if kind == "open" else answer.body[:half]
            sock.sendall(_Message(answer.first, answer.headers, body).raw(length=False))
        else:
            head_only = _Message(answer.first, answer.headers).raw(length=False)
            chunked = head_only[:-2] + b"transfer-encoding: chunked\r\n\r\n"
            sock.sendall(chunked + (b"%x\r\n%s" % (len(answer.body), answer.body[:half]) if half else b""))
        return False


def _operation(method: str, path: str) -> str:
    name = next((name for name, pattern in _OPERATIONS if pattern.search(path)), "other")
    return "single_send" if name == "campaign_list" and method == "POST" else name


def _made_up(fault: Fault, method: str) -> _Message:
    """An answer as gateways give it: HTML, or the documented envelope for 429."""
    body = b'{"error":{"code":"too_many_requests","message":"m","type":"api_error","id":"t"}}'
    kind = b"application/json"
    if fault.status != 429:
        body, kind = _HTML, b"text/html"
    named = [(k.encode(), v.encode()) for k, v in fault.headers]
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *named]
    return _Message(b"HTTP/1.1 %d Made up" % fault.status, headers, b"" if method == "HEAD" else body)


def _read(stream: BinaryIO, *, whole: bool = True) -> _Message | None:
    """A request or an answer, None at the end of the stream. ``whole`` False: no body follows, whatever is said."""

    first = stream.readline(65537)
    if not first.strip():
        return None
    message = _Message(first.strip())
    while (line := stream.readline(65537).strip()) != b"":
        name, _, value = line.partition(b":")
        message.headers.append((name, value.strip()))
    length = message.header(b"content-length")
    if whole and length is not None:
        message.body = stream.read(int(length))
    return message
