"""How an exchange ends: not sent, lost, or answered (ruling 11), and what it costs; bounded whatever a target does."""

from __future__ import annotations

import gzip
import itertools
import json
import socket
import ssl
import threading
import time
from itertools import repeat
from pathlib import Path

import httpx
import pytest

from conformance.history.reader import read_history
from conformance.history.records import Outcome
from conformance.transport.rate import MAX_PAUSE
from conformance.transport.request import Request
from tests.raw import LIST, READ, RETRY, Script, a_config, answer, listening, request_on, saying, transported
from tests.stubs import CERTIFICATE, dead_port

#: Seconds after which a test's call must have ended: time-outs here sum up to less than two.
PATIENCE = 8.0


def _silent(connection: socket.socket) -> None:
    request_on(connection)
    # Until the client hangs up.
    connection.recv(1)


def _dribbling(connection: socket.socket) -> None:
    request_on(connection)
    connection.sendall(b"HTTP/1.1 201 X\r\n")
    # A byte now and then keeps every read from timing out.
    for byte in repeat(b"a: b\r\n"):
        connection.sendall(byte)
        time.sleep(0.1)


def _endless(connection: socket.socket) -> None:
    request_on(connection)
    connection.sendall(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n")
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    for part in repeat(chunk):
        connection.sendall(part)


BOMB = gzip.compress(bytes(32 << 20))
BIG = bytes(9 << 20)
ENDS: dict[str, tuple[Script, Outcome]] = {
    "closed without a word": (saying(), "lost"),
    "closed before it is read": (lambda connection: None, "lost"),
    "reset without a word": (saying(reset=True), "lost"),
    "cut in the status line": (saying(b"HTTP/1.1 20"), "lost"),
    "cut in the head": (saying(b"HTTP/1.1 201 Created\r\ncontent-le"), "lost"),
    "cut in the body": (saying(b"HTTP/1.1 201 X\r\ncontent-length: 100\r\n\r\n{"), "lost"),
    "reset in the body": (saying(b"HTTP/1.1 201 X\r\ncontent-length: 100\r\n\r\n{", reset=True), "lost"),
    "cut in a chunk": (saying(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n10\r\n{"), "lost"),
    "without a last chunk": (saying(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n"), "lost"),
    "silent": (_silent, "lost"),
    "dribbling": (_dribbling, "lost"),
    "endless": (_endless, "lost"),
    "larger than is read": (saying(answer(200, BIG)), "lost"),
    "a bomb": (saying(answer(200, BOMB, "content-encoding: gzip")), "lost"),
    "not what its encoding says": (saying(answer(200, b"{}", "content-encoding: gzip")), "lost"),
    "no HTTP": (saying(b"220 smtp.example ESMTP\r\n"), "lost"),
    "TLS": (saying(b"\x15\x03\x01\x00\x02\x02\x28"), "lost"),
    "an odd chunk": (saying(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"), "lost"),
    "a negative length": (saying(b"HTTP/1.1 201 X\r\ncontent-length: -1\r\n\r\n"), "lost"),
    "two lengths": (saying(b"HTTP/1.1 201 X\r\ncontent-length: 0\r\ncontent-length: 5\r\n\r\n"), "lost"),
    "an endless head": (saying(b"HTTP/1.1 201 X\r\n" + b"a: b\r\n" * 40_000 + b"\r\n"), "lost"),
    "only a hint": (saying(b"HTTP/1.1 103 X\r\n\r\n"), "lost"),
    "a hint first": (saying(b"HTTP/1.1 103 X\r\nlink: x\r\n\r\n" + answer(201)), "answered"),
    "whole": (saying(answer(201)), "answered"),
    "whole, in pieces": (saying(*(bytes([b]) for b in answer(201, b"{}"))), "answered"),
    "compressed": (saying(answer(201, gzip.compress(b"{}"), "content-encoding: gzip")), "answered"),
    "an encoding that nobody knows": (saying(answer(201, b"{}", "content-encoding: zip")), "answered"),
    "HTTP/1.0": (saying(answer(201, b"{}").replace(b"1.1", b"1.0", 1)), "answered"),
    "not UTF-8": (saying(answer(201, b"\xff\xfe")), "answered"),
    "JSON that is deeper than is read": (saying(answer(200, b"[" * 200_000)), "answered"),
    "the same, closed": (saying(answer(200, b"[" * 200_000 + b"]" * 200_000)), "lost"),
}


@pytest.mark.parametrize("case", ENDS)
def test_an_exchange_ends_in_bounded_time_as_what_it_is(case: str, tmp_path: Path) -> None:
    script, outcome = ENDS[case]
    begun = time.monotonic()
    with listening(script) as server, transported(a_config(server.url), tmp_path) as transport:
        exchange = transport.call(RETRY).exchange
    assert time.monotonic() - begun < PATIENCE
    assert exchange.end.outcome == outcome
    assert (transport.budget.calls, transport.budget.messages) == (1, 2), "who knows what a lost retry did"
    assert bool(exchange.end.error) == (outcome == "lost")
    history = read_history(tmp_path / "history.jsonl")
    assert history.exchanges[0].end.outcome == outcome
    assert history.exchanges[0].open == (outcome == "lost")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{}/api/v2", "http://no-such-host.invalid:{}/api/v2", "https://127.0.0.1:{}/"]
)
def test_what_did_not_leave_is_not_sent_and_costs_nothing(url: str, tmp_path: Path) -> None:
    with transported(a_config(url.format(dead_port()).removesuffix("/")), tmp_path) as transport:
        exchange = transport.call(RETRY).exchange
    assert exchange.end.outcome == "not_sent"
    assert (transport.budget.calls, transport.budget.messages) == (0, 0)
    footer = read_history(tmp_path / "history.jsonl").footer
    assert footer is not None
    assert footer.calls == 0


def test_a_handshake_that_fails_sends_nothing(tmp_path: Path) -> None:
    with listening(lambda c: c.sendall(b"HTTP/1.1 400 X\r\n\r\n")) as server:
        url = server.url.replace("http:", "https:")
        with transported(a_config(url), tmp_path) as transport:
            assert transport.call(RETRY).exchange.end.outcome == "not_sent"
    assert transport.budget.messages == 0


@pytest.mark.parametrize(
    ("status", "kept"),
    [(200, 2), (201, 2), (204, 2), (302, 0), (400, 0), (401, 0), (404, 0), (408, 2), (500, 2), (503, 2), (520, 2)],
)
def test_a_charge_is_given_back_only_where_it_was_certainly_not_spent(status: int, kept: int, tmp_path: Path) -> None:
    with listening(saying(answer(status))) as server, transported(a_config(server.url), tmp_path) as transport:
        assert transport.call(RETRY).exchange.status == status
    assert (transport.budget.calls, transport.budget.messages) == (1, kept)


def test_the_request_is_on_disk_before_its_first_byte_leaves(tmp_path: Path) -> None:
    seen = []

    def script(connection: socket.socket) -> None:
        # As soon as there is a connection, whatever has come by then.
        connection.recv(1)
        seen.append((tmp_path / "history.jsonl").read_bytes().splitlines()[-1])
        request_on(connection)
        connection.sendall(answer(201))

    with listening(script) as server, transported(a_config(server.url), tmp_path) as transport:
        transport.call(RETRY)
    last = json.loads(seen[0])
    assert (last["kind"], last["operation"], last["charge"]) == ("invoke", "batch_retry", 2)


# -- connections that are kept ----------------------------------------------------------------------------------


def _in_turn(*answers: bytes | None) -> Script:
    """One answer for each request of a connection; None hangs up when the request is there."""

    def script(connection: socket.socket) -> None:
        for each in answers:
            if not request_on(connection) or each is None:
                return
            connection.sendall(each)

    return script


def test_a_connection_that_was_closed_between_two_calls_is_made_anew(tmp_path: Path) -> None:
    with (
        listening(_in_turn(answer(200, b"{}", kept=True))) as server,
        transported(a_config(server.url), tmp_path) as transport,
    ):
        for _ in range(3):
            assert transport.call(READ).exchange.status == 200
            _let_the_close_arrive()
    assert server.connections == 3


def test_a_call_on_a_connection_that_closes_under_it_is_lost_and_not_sent_again(tmp_path: Path) -> None:
    """What the client wrote may have been read: whether the retry happened, nobody knows."""
    with listening(_in_turn(answer(200, b"{}", kept=True), None)) as server:
        with transported(a_config(server.url), tmp_path) as transport:
            assert transport.call(READ).exchange.status == 200
            assert transport.call(RETRY).exchange.end.outcome == "lost"
            assert transport.call(READ).exchange.status == 200
        assert server.connections == 2


def _let_the_close_arrive() -> None:
    """The server hangs up as soon as it has answered; over loopback that is known at once."""
    time.sleep(0.05)


# -- 429 --------------------------------------------------------------------------------------------------------


class Fake:
    """Time that passes in sleeps only, and a target that is busy a few times."""

    def __init__(self, *retry_after: str | None) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        self.left = list(retry_after)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def answer(self, request: httpx.Request) -> httpx.Response:
        if not self.left:
            return httpx.Response(201)
        asked = self.left.pop(0)
        return httpx.Response(429, headers={} if asked is None else {"retry-after": asked})

    def inner(self) -> httpx.BaseTransport:
        return httpx.MockTransport(self.answer)


def _called(fake: Fake, folder: Path, request: Request = RETRY) -> list[int | None]:
    config = a_config("http://127.0.0.1:9/api/v2")
    with transported(config, folder, clock=fake.clock, sleep=fake.sleep, inner=fake.inner) as transport:
        transport.call(request)
        assert transport.budget.messages == (0 if fake.left else 2)
    return [e.status for e in read_history(folder / "history.jsonl").exchanges]


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        ("2", 2.0, 2.0),
        ("0", 0.0, 0.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0, 0.0),
        (None, 0.5, 1.0),
        ("-5", 0.5, 1.0),
        ("soon", 0.5, 1.0),
        ("", 0.5, 1.0),
        ("1e9", 0.5, 1.0),
        ("99999999999999999999", MAX_PAUSE, MAX_PAUSE),
        ("Wed, 21 Oct 2115 07:28:00 GMT", MAX_PAUSE, MAX_PAUSE),
    ],
)
def test_a_429_is_waited_out_as_it_asks_within_bounds(
    asked: str | None, least: float, most: float, tmp_path: Path
) -> None:
    fake = Fake(asked)
    assert _called(fake, tmp_path) == [429, 201]
    assert least <= fake.waits[0] <= most


def test_a_target_that_is_always_busy_is_left_after_some_tries(tmp_path: Path) -> None:
    fake = Fake(*[None] * 20)
    assert _called(fake, tmp_path) == [429] * 5
    pauses = [w for w in fake.waits if w >= 0.5]
    assert pauses[0] < pauses[1] < pauses[2] < pauses[3]
    assert fake.now < 60


@pytest.mark.parametrize("request_", [RETRY, READ, LIST])
def test_each_try_is_an_exchange_of_its_own(request_: Request, tmp_path: Path) -> None:
    config = a_config("http://127.0.0.1:9/api/v2")
    fake = Fake("0", "0")
    with transported(config, tmp_path, clock=fake.clock, sleep=fake.sleep, inner=fake.inner) as transport:
        assert transport.call(request_).exchange.n == 3
    assert transport.budget.calls == 3


def _talkative(apart: bool, seen: threading.Event, said: threading.Event, *, tls: bool) -> Script:
    """Answer the first request of a connection twice, in one piece or apart; the others once."""
    count = itertools.count(1)

    def script(connection: socket.socket) -> None:
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE, CERTIFICATE.with_name("key.pem"))
            connection = context.wrap_socket(connection, server_side=True)
        with connection:
            while request_on(connection):
                number = next(count)
                right = answer(200, b'{"n": %d}' % number, kept=True)
                wrong = answer(200, b'{"n": "unasked"}', kept=True)
                if number > 1:
                    connection.sendall(right)
                elif apart:
                    connection.sendall(right)
                    seen.wait(PATIENCE)
                    connection.sendall(wrong)
                    said.set()
                else:
                    connection.sendall(right + wrong)
                    said.set()

    return script


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("apart", [False, True])
def test_an_answer_that_nobody_asked_for_is_nobodys(apart: bool, tls: bool, tmp_path: Path) -> None:
    seen, said = threading.Event(), threading.Event()
    with listening(_talkative(apart, seen, said, tls=tls)) as server:
        url = server.url.replace("http:", "https:") if tls else server.url
        config = a_config(url, read_timeout=5.0, connect_timeout=5.0, **({"ca_file": str(CERTIFICATE)} if tls else {}))
        with transported(config, tmp_path) as transport:
            first = transport.call(READ)
            seen.set()
            assert said.wait(PATIENCE)
            later = [transport.call(READ), transport.call(READ)]
        assert [reply.json for reply in (first, *later)] == [{"n": 1}, {"n": 2}, {"n": 3}]
        assert server.connections == 2, "one that says more than it is asked is given up, and no other"
