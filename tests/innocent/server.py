"""The service over HTTP, a thread for each connection, and a configuration that fits it."""

from __future__ import annotations

import json
import logging
import socket
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qsl, urlsplit

from conformance.config import Config, Language, Limits, OtherCampaign, Recipients, Target, Template, Timing
from tests.innocent.answers import RefusalError, Reply
from tests.innocent.queue import PENDING, RECOVERING, SUCCEEDING, Queue
from tests.innocent.service import Request, Service
from tests.innocent.store import Store

BASE = "/api/v2"
#: Campaigns and their keys; no key of anything else.
OWN, OTHER = ("campaign_c0ffee01", "qM7vWd2LxYt9RnZs"), ("campaign_c0ffee02", "jB4hKp8GzEa3UcXf")
ROWS = 20
_MOST_BYTES = 41 * 1024 * 1024


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    #: Seconds for which a connection may be idle.
    timeout = 30
    disable_nagle_algorithm = True
    service: Service

    def __getattr__(self, name: str) -> object:
        # Any method is answered, not only those that have a handler.
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _serve(self) -> None:
        body = self._body()
        if body is None:
            self.close_connection = True
            reply = RefusalError(413, "payload_too_large", "the body is too large, or its length is none").reply
        else:
            reply = self._answer(body)
        self._write(reply)

    def _answer(self, body: bytes) -> Reply:
        parts = urlsplit(self.path)
        if not parts.path.startswith(BASE + "/"):
            return RefusalError(404, "invalid_path", "there is nothing at this path").reply
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        request = Request(self.command, parts.path.removeprefix(BASE), query, headers, body)
        try:
            return self.service.answer(request)
        except Exception:
            # A boundary, as any server has one.
            logging.getLogger(__name__).exception("%s %s", request.method, request.path)
            return RefusalError(500, "internal_error", "something went wrong").reply

    def _body(self) -> bytes | None:
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            return self._chunks()
        length = self.headers.get("content-length", "0")
        if not (length.isascii() and length.isdecimal() and int(length) <= _MOST_BYTES):
            return None
        return self.rfile.read(int(length))

    def _chunks(self) -> bytes | None:
        whole = b""
        try:
            while size := int(self.rfile.readline(100).split(b";")[0], 16):
                if size < 0 or len(whole) + size > _MOST_BYTES:
                    return None
                whole += self.rfile.read(size)
                self.rfile.readline(10)
            while self.rfile.readline(1000).strip():
                pass
        except ValueError:
            return None
        return whole

    def _write(self, reply: Reply) -> None:
        content = b"" if reply.body is None else json.dumps(reply.body, ensure_ascii=False).encode()
        self.send_response(reply.status)
        if content:
            self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that the client drops is no matter."""


class InnocentServer:
    """The second target on a free port of 127.0.0.1, for as long as the ``with`` block lasts.

    :param delivery: seconds that an attempt takes, more or less.
    :param seed: of what it draws; what threads do is their own.
    :param service: the service, or one with a fault.
    """

    def __init__(
        self, *, delivery: float = 0.8, seed: int = 0, rows: int = ROWS, service: type[Service] = Service
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._rows = rows
        self._delivery = delivery
        store = Store(Path(self._folder.name))
        self._queue = Queue(store, delivery=delivery, seed=seed)
        handler = type("Handler", (_Handler,), {"service": service(store, self._queue, dict((OWN, OTHER)), rows)})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> InnocentServer:
        self._queue.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.socket.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._queue.stop()
        self._folder.cleanup()

    def config(self) -> Config:
        """A configuration that fits."""
        value = {"body": "conformance"}
        others = tuple(Language(language=name, values=value) for name in ("chinese", "malay", "tamil"))
        return Config(
            target=Target(
                base_url=f"http://127.0.0.1:{self._server.server_address[1]}{BASE}",
                campaign_id=OWN[0],
                api_key=OWN[1],
                read_timeout=20.0,
                other=OtherCampaign(campaign_id=OTHER[0], api_key=OTHER[1]),
            ),
            template=Template(values=value, languages=others),
            recipients=Recipients(succeeding=SUCCEEDING, pending=PENDING, recovering=RECOVERING),
            limits=Limits(
                calls_per_second=200, max_messages=2000, max_calls=5000, max_rows=self._rows, max_seconds=1800
            ),
            timing=Timing(settle_timeout=max(1.0, 6 * self._delivery)),
        )
