"""Races at the transport: nothing is whole before all are ready, all is charged and recorded, nobody waits for ever."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpcore
import httpx
import msgspec
import pytest

from conformance.config import Config, Limits, Target
from conformance.errors import BudgetError, GuardError
from conformance.history.reader import read_history
from conformance.history.records import Header, History
from conformance.history.writer import HistoryWriter
from conformance.transport.client import HttpTransport
from conformance.transport.gate import Gate
from conformance.transport.paths import Named
from conformance.transport.request import Request
from tests.guarding import NOTHING_YET

#: A certificate for 127.0.0.1 that signs itself, and its key: for these tests, no secret.
CERTIFICATE = Path(__file__).parent / "data" / "loopback.pem"
HEADER = Header(suite_version="0", contract_version="1.0", run_id="r", started="", base_url="", campaign_id="c")
CREATED = b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n"
DROPPED = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n"
REFUSED = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"


class Listener:
    """A server that answers whole requests, in turn with ``answers``, the last of them ever after."""

    def __init__(self, answers: tuple[bytes, ...] = (CREATED,), *, tls: bool = False) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._answers = list(answers)
        self._lock = threading.Lock()
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if tls else None
        if self.context is not None:
            self.context.load_cert_chain(CERTIFICATE)
        self.whole = 0
        #: Set when the first request is whole.
        self.begun = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http{'s' if self.context else ''}://127.0.0.1:{self._socket.getsockname()[1]}/api/v2"

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with self.context.wrap_socket(connection, server_side=True) if self.context else connection as stream:
                self._answer(stream)
        except OSError:
            # The other side is gone, as in a race that is called off.
            return

    def _answer(self, stream: socket.socket) -> None:
        came = b""
        while piece := stream.recv(65536):
            came += piece
            if came.endswith(b"\r\n\r\n"):
                came = b""
                self.begun.set()
                with self._lock:
                    self.whole += 1
                    answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
                stream.sendall(answer)


@contextmanager
def _listening(*answers: bytes, tls: bool = False) -> Iterator[Listener]:
    listener = Listener(answers or (CREATED,), tls=tls)
    try:
        yield listener
    finally:
        listener.close()


class Track:
    """A transport with one batch of one message, and the history that it leaves."""

    def __init__(self, url: str, folder: Path, **options: Any) -> None:
        limits = msgspec.convert(options.pop("limits", {}), Limits)
        target = Target(
            base_url=url, campaign_id="c", api_key="key_0123456789", connect_timeout=options.pop("patience", 2.0),
            read_timeout=5.0, ca_file=str(CERTIFICATE),
        )  # fmt: skip
        self.path = folder / "history.jsonl"
        self.writer = HistoryWriter(self.path, HEADER)
        self.slept: list[float] = []
        config = Config(target=target, limits=limits)
        self.transport = HttpTransport(config, self.writer, sleep=self.slept.append, **options)
        self.transport.guard.made.learn_send(Named("batch_send", "c"), 1, {"batchId": "b"})
        self.transport.guard.made.learn_page("b", (), NOTHING_YET)

    def race(self, *batches: str) -> list[tuple[str, int | None]]:
        requests = [Request(operation="batch_retry", campaign="c", batch=batch) for batch in batches]
        return [(r.exchange.end.outcome, r.exchange.status) for r in self.transport.race(requests)]

    def close(self) -> None:
        self.transport.close()
        self.writer.close(0.0, complete=True)

    def history(self) -> History:
        return read_history(self.path)

    @property
    def outcomes(self) -> list[str]:
        return [e.end.outcome for e in self.history().exchanges]

    @property
    def spent(self) -> tuple[int, int]:
        return self.transport.budget.messages, self.transport.budget.calls


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Everything that goes out through httpcore, piece by piece, in order."""
    pieces: list[bytes] = []
    connect = httpcore.SyncBackend.connect_tcp

    def noting(stream: Any) -> Any:
        kind = type(stream)
        write = kind.write

        def noted(self: Any, buffer: bytes, timeout: float | None = None) -> None:
            if buffer:
                pieces.append(bytes(buffer))
            write(self, buffer, timeout)

        if write.__name__ != "noted":
            monkeypatch.setattr(kind, "write", noted)
        return stream

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", lambda *a, **k: noting(connect(*a, **k)))
    return pieces


def _connecting(monkeypatch: pytest.MonkeyPatch, second: Callable[[], object]) -> list[int]:
    """Do something before the second connection that is made; returns the numbers of those that were asked for."""
    connect = httpcore.SyncBackend.connect_tcp
    made: list[int] = []
    lock = threading.Lock()

    def connected(*arguments: Any, **options: Any) -> Any:
        with lock:
            made.append(len(made))
            number = made[-1]
        if number == 1:
            second()
        return connect(*arguments, **options)

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connected)
    return made


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_all_but_the_last_byte_of_all_leaves_before_the_last_byte_of_any(
    tls: bool, tmp_path: Path, written: list[bytes]
) -> None:
    with _listening(tls=tls) as target:
        track = Track(target.url, tmp_path)
        assert track.race("b", "b", "b") == [("answered", 201)] * 3
        track.close()
    heads, ends = written[:3], written[3:]
    assert all(head.startswith(b"POST /api/v2/campaigns/c/batch/b/retry") for head in heads)
    assert all(head.endswith(b"\r\n\r") and b"\r\n\r\n" not in head for head in heads)
    assert ends == [b"\n"] * 3


def test_a_race_is_on_record_before_it_leaves_and_dated_so_that_its_members_overlap(tmp_path: Path) -> None:
    with _listening() as target:
        track = Track(target.url, tmp_path)
        track.race("b", "b")
        track.race("b", "b")
        track.close()
    kinds = [line.split(b'"kind":"')[1].split(b'"')[0] for line in track.path.read_bytes().splitlines()[1:-1]]
    assert kinds == [b"invoke", b"invoke", b"end", b"end"] * 2
    exchanges = track.history().exchanges
    assert [e.invoke.race for e in exchanges] == [1, 1, 2, 2]
    assert all(e.invoke.cause is None for e in exchanges)
    for pair in (exchanges[:2], exchanges[2:]):
        released = [e.end.released for e in pair if e.end.released is not None]
        assert len(released) == 2
        assert max(released) < min(e.last for e in pair)
    assert track.spent == (4, 4)


def test_connections_are_kept_for_later_races(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = _connecting(monkeypatch, lambda: None)
    with _listening() as target:
        track = Track(target.url, tmp_path)
        for _ in range(3):
            track.race("b", "b")
        track.close()
    assert len(made) == 2


def test_what_was_refused_is_given_back(tmp_path: Path) -> None:
    with _listening(CREATED, REFUSED) as target:
        track = Track(target.url, tmp_path)
        assert sorted(track.race("b", "b")) == [("answered", 201), ("answered", 400)]
        track.close()
    assert track.spent == (1, 2)


def test_a_429_is_not_sent_again_but_waited_out(tmp_path: Path) -> None:
    with _listening(CREATED, DROPPED) as target:
        track = Track(target.url, tmp_path)
        assert sorted(track.race("b", "b")) == [("answered", 201), ("answered", 429)]
        track.close()
        assert target.whole == 2
    assert track.slept == [7.0]
    assert track.spent == (1, 2)


def test_a_racer_without_a_connection_does_not_hold_up_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> None:
        raise httpcore.ConnectError("refused")

    with _listening() as target:
        track = Track(target.url, tmp_path)
        _connecting(monkeypatch, refused)
        assert sorted(track.race("b", "b")) == [("answered", 201), ("not_sent", None)]
        track.close()
        assert target.whole == 1
    assert track.spent == (1, 1)


def test_a_racer_that_comes_too_late_stays_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with _listening() as target:
        track = Track(target.url, tmp_path, patience=0.2)
        _connecting(monkeypatch, lambda: target.begun.wait(30))
        assert sorted(track.race("b", "b")) == [("answered", 201), ("not_sent", None)]
        track.close()
        assert target.whole == 1
    late = next(e for e in track.history().exchanges if e.end.outcome == "not_sent")
    assert "called off" in (late.end.error or "")
    assert track.spent == (1, 1)


def test_what_the_guard_refuses_calls_the_race_off(tmp_path: Path) -> None:
    with _listening() as target:
        track = Track(target.url, tmp_path)
        with pytest.raises(GuardError, match="did not make"):
            track.race("b", "another's")
        track.close()
        assert target.whole == 0
    assert track.outcomes == ["not_sent"]
    assert [note.event for note in track.history().notes] == ["refused"]
    assert track.spent == (0, 0)


def test_what_the_guard_refuses_at_the_door_calls_the_race_off(
    tmp_path: Path, written: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    with _listening() as target:
        track = Track(target.url, tmp_path)
        check, asked = track.transport.guard.check, []

        def strict(request: httpx.Request, context: Any) -> Any:
            asked.append(request)
            if len(asked) == 4:
                raise GuardError("not this one")
            return check(request, context)

        monkeypatch.setattr(track.transport.guard, "check", strict)
        with pytest.raises(GuardError, match="not this one"):
            track.race("b", "b")
        track.close()
        assert target.whole == 0
    assert b"\n" not in written
    assert track.outcomes == ["not_sent", "not_sent"]
    assert track.spent == (0, 0)


def test_a_budget_that_does_not_bear_all_sends_none(tmp_path: Path) -> None:
    with _listening() as target:
        track = Track(target.url, tmp_path, limits={"max_messages": 1})
        with pytest.raises(BudgetError):
            track.race("b", "b")
        track.close()
        assert target.whole == 0
    assert track.outcomes == ["not_sent"]
    assert track.spent == (0, 0)


def test_elsewhere_than_on_this_machine_a_race_is_no_wider_than_the_rate(tmp_path: Path) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(201)

    track = Track(
        "https://target.test/api/v2",
        tmp_path,
        limits={"calls_per_second": 2},
        inner=lambda: httpx.MockTransport(answer),
    )
    with pytest.raises(GuardError, match="wider"):
        track.race("b", "b", "b")
    assert asked == []
    assert track.race("b", "b") == [("answered", 201)] * 2
    track.close()


def test_a_race_that_is_called_off_releases_nobody() -> None:
    gate = Gate(2, patience=5.0, clock=lambda: 0.0)
    sent: list[int] = []
    ended: list[type[Exception]] = []

    def run(number: int) -> None:
        try:
            gate.lanes[number].hold(lambda: sent.append(number))
        except httpcore.WriteError as error:
            ended.append(type(error))

    racers = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for racer in racers:
        racer.start()
    gate.gather()
    gate.call_off()
    for racer in racers:
        racer.join(10)
    assert sent == []
    assert len(ended) == 2


def test_a_release_is_dated_so_that_the_span_is_never_understated() -> None:
    ticks = iter(range(100))
    gate = Gate(2, patience=5.0, clock=lambda: float(next(ticks)))
    racers = [threading.Thread(target=lane.hold, args=(lambda: None,)) for lane in gate.lanes]
    for racer in racers:
        racer.start()
    gate.gather()
    gate.release()
    for racer in racers:
        racer.join(10)
    assert [lane.released for lane in gate.lanes] == [0.0, 2.0]
