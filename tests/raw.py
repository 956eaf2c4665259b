"""Servers on loopback that do as told with each connection, byte by byte, and a transport to try them with."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from conformance.config import Config, Limits, Recipients, Target
from conformance.history.records import Header
from conformance.history.writer import HistoryWriter
from conformance.transport.client import HttpTransport
from conformance.transport.paths import Named
from conformance.transport.request import Request
from tests.guarding import NOTHING_YET

#: What a server does with a connection; a read of the request is up to it.
Script = Callable[[socket.socket], None]

CAMPAIGN, BATCH, KEY = "campaign_a", "batch_0001", "a_real_key_0123456789"
RETRY = Request(operation="batch_retry", campaign=CAMPAIGN, batch=BATCH)
READ = Request(operation="message_read", campaign=CAMPAIGN, message="message_0001")
LIST = Request(operation="campaign_list", campaign=CAMPAIGN, query=(("limit", "1"),))


class Listener:
    """A server and what it saw: requests as bytes, and how many connections."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.connections = 0
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(64)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v2"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(10)
            self.script(connection)

    def close(self) -> None:
        # A shutdown wakes the accept; a close alone does not.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


@contextmanager
def listening(script: Script = lambda connection: None) -> Iterator[Listener]:
    """A server that does this with every connection."""
    listener = Listener(script)
    try:
        yield listener
    finally:
        listener.close()


def request_on(connection: socket.socket) -> bytes:
    """One request, head and body; empty if the client has gone."""
    head = b""
    while b"\r\n\r\n" not in head:
        part = connection.recv(65536)
        if not part:
            return b""
        head += part
    named = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    whole = head.index(b"\r\n\r\n") + 4 + (int(named[0].partition(b":")[2]) if named else 0)
    while len(head) < whole:
        head += connection.recv(65536)
    return head


def saying(*parts: bytes, reset: bool = False) -> Script:
    """Read a request, say this, and end the connection."""

    def script(connection: socket.socket) -> None:
        request_on(connection)
        for part in parts:
            connection.sendall(part)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return script


def answer(status: int, body: bytes = b"", *headers: str, kept: bool = False) -> bytes:
    """A whole answer; one behind which the connection is not kept says so, or the next call may be written on it."""
    head = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}", "content-type: application/json", *headers]
    return "\r\n".join([*head, *([] if kept else ["connection: close"]), "", ""]).encode() + body


def a_config(url: str, **target: Any) -> Config:
    """A configuration for this target."""
    given: dict[str, Any] = {
        "read_timeout": 0.4,
        "connect_timeout": 0.4,
        "campaign_id": CAMPAIGN,
        "api_key": KEY,
    } | target
    return Config(
        target=Target(base_url=url, **given),
        recipients=Recipients(failing=("6511111111",), succeeding=("6591230000",)),
        limits=Limits(calls_per_second=1000, max_calls=50, max_messages=20),
    )


@contextmanager
def transported(config: Config, folder: Path, **more: Any) -> Iterator[HttpTransport]:
    """A transport whose run has sent a batch of two rows; its history is ``history.jsonl`` in the folder."""
    header = Header(
        suite_version="0",
        contract_version="1.0",
        run_id="r",
        started="",
        base_url=config.target.base_url,
        campaign_id=CAMPAIGN,
    )
    with HistoryWriter(folder / "history.jsonl", header) as writer:
        transport = HttpTransport(config, writer, **more)
        transport.guard.made.learn_send(Named("batch_send", CAMPAIGN), 2, {"batchId": BATCH})
        transport.guard.made.learn_page(BATCH, (), NOTHING_YET)
        try:
            yield transport
        finally:
            transport.close()
            writer.close(transport.now(), complete=True)
