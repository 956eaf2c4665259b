"""HTTPS on loopback: certificates for tests, and a port at which both TLS and plain HTTP may be tried."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
import threading
from pathlib import Path
from types import TracebackType

from conformance.errors import UsageError

#: How a connection over TLS begins: the type of a record that holds a handshake.
_HANDSHAKE = 0x16
#: Bytes that are passed on at once.
_CHUNK = 1 << 16


class Certificates:
    """A certificate for 127.0.0.1 and the authority that issued it, as PEM files, until ``close``.

    :raises UsageError: trustme, which makes them, is not installed.
    """

    def __init__(self) -> None:
        try:
            import trustme
        except ImportError:
            raise UsageError("HTTPS on loopback needs trustme", hint="pip install 'retry-conformance[test]'") from None
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        self.authority = folder / "authority.pem"
        #: The certificate with its private key.
        self.own = folder / "own.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.authority)
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(self.own)

    def close(self) -> None:
        """Remove the files."""
        self._folder.cleanup()


class Switch:
    """Passes connections to one port on to either of two, by their first byte, while the ``with`` block lasts.

    :param listening: the socket at which connections arrive; closed at the end.
    :param tls: port on loopback for those that begin with TLS.
    :param plain: port on loopback for the others; None hangs up on them.
    """

    def __init__(self, listening: socket.socket, *, tls: int, plain: int | None) -> None:
        self._listening = listening
        self._tls, self._plain = tls, plain
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)

    def __enter__(self) -> Switch:
        # What connects before the thread accepts waits in the queue.
        self._listening.listen()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, sock=self._listening)
        await self._over.wait()
        server.close()
        passing = asyncio.all_tasks() - {asyncio.current_task()}
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            first = await reader.read(_CHUNK)
            port = self._tls if first[:1] == bytes((_HANDSHAKE,)) else self._plain
            if port is not None and first:
                onward, back = await asyncio.open_connection("127.0.0.1", port)
                back.write(first)
                await asyncio.gather(_pass(reader, back), _pass(onward, writer))
        writer.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes, to its end."""
    try:
        while content := await reader.read(_CHUNK):
            writer.write(content)
            await writer.drain()
    except ConnectionError:
        # The other side is told in the same way.
        pass
    finally:
        writer.close()
