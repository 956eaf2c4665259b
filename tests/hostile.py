"""The table of hostile behaviours: what a target, or a provider-state URL, does that no honest one would. See test_hostile.py."""

from __future__ import annotations

import gzip
import json
import socket
import time
import zlib
from collections.abc import Callable
from itertools import repeat
from typing import Any

import msgspec

from conformance.config import Config, Recipients, Timing
from tests.mutating import Mutation, Said, objects
from tests.raw import KEY, Script, answer, request_on, saying

#: The tester's own number: a success, as any that the reference target does not know.
NUMBER = "6591234567"
#: Seconds that a run of this table has, and seconds after which it hangs, on a machine that has much else to do.
SECONDS, PATIENCE = 2.5, 40.0
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJib2R5In0.c2lnbmF0dXJlLW9mLWl0"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----"


# -- the reference target behind a layer that changes its answers ---------------------------------------------------


def _everywhere(name: str, change: Callable[[Any], Any], *operations: str) -> Mutation:
    """Change the field of this name wherever it stands, in answers of these operations (of all, without any)."""

    def mutate(said: Said) -> None:
        if not operations or said.operation in operations:
            for each in objects(said.json):
                if name in each:
                    each[name] = change(each[name])

    return mutate


def _ids(change: Callable[[str], Any]) -> Mutation:
    """Change every id of a batch or message, in the answers; requests come back with the changed one."""

    def mutate(said: Said) -> None:
        for each in objects(said.json):
            for name in ("id", "batchId", "messageId"):
                if isinstance(each.get(name), str):
                    each[name] = change(each[name])

    return mutate


def _messages(change: Callable[[dict[str, Any]], object], *operations: str) -> Mutation:
    """Change every message that is shown."""

    def mutate(said: Said) -> None:
        if not operations or said.operation in operations:
            for each in objects(said.json):
                if "recipient" in each:
                    change(each)

    return mutate


def _pages(change: Callable[[dict[str, Any], int], object]) -> Mutation:
    """Change every page of a listing, knowing how many answers there were before."""

    def mutate(said: Said) -> None:
        if isinstance(said.json, dict) and "pageData" in said.json:
            change(said.json, said.number)

    return mutate


def _bodies(change: Callable[[bytes], bytes], *headers: tuple[str, str], least: int = 3) -> Mutation:
    """Change the bytes of every answer after the first few, by which a run finds that there is a target."""

    def mutate(said: Said) -> None:
        if said.number >= least:
            said.body = change(said.body)
            said.headers += [(name.encode(), value.encode()) for name, value in headers]

    return mutate


def _retries(status: int, body: bytes = b"", *headers: tuple[str, str]) -> Mutation:
    """Answer every retry so."""

    def mutate(said: Said) -> None:
        if said.operation in ("batch_retry", "single_retry"):
            said.status, said.body = status, body
            said.headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]

    return mutate


def _errors(text: Callable[[Said], str]) -> Mutation:
    """Say this in every error: as its message, in a field that no document names, and as its code."""

    def mutate(said: Said) -> None:
        if said.status >= 400 and isinstance(said.json, dict):
            shown = text(said)
            said.json = {
                "error": {"code": shown, "message": shown, "type": "x", "id": "t", "detail": shown, shown[:90]: 1}
            }

    return mutate


def _echo(said: Said) -> None:
    """Show the key wherever there is room."""
    said.headers += [(b"x-echo", said.key.encode()), (b"server", said.key.encode()), (b"date", said.key.encode())]
    for each in objects(said.json):
        each["debug"] = {
            "authorization": f"Bearer {said.key}",
            said.key: said.key[::-1],
            "list": [said.key.encode().hex()],
        }
        if "creatorEmail" in each:
            each["creatorEmail"] = f"{said.key}@example.test"


def _set(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda each: each.update(fields)


def _deep(depth: int) -> Any:
    return json.loads("[" * depth + "]" * depth)


def _location(url: str) -> Mutation:
    return _retries(302, b"", ("location", url))


def _cycle(page: dict[str, Any], number: int) -> None:
    page["pageData"] |= {"hasNextPage": True, "endCursor": f"cursor-{number % 2}"}


def _fresh(page: dict[str, Any], number: int) -> None:
    page["pageData"] |= {"hasNextPage": True, "endCursor": f"cursor-{number}"}


def _data(value: Any) -> Callable[[dict[str, Any], int], object]:
    return lambda page, number: page.update(data=value) if number > 2 else None


def _paging(value: Any) -> Callable[[dict[str, Any], int], object]:
    return lambda page, number: page.update(pageData=value) if number > 2 else None


def _cursor(value: Any) -> Callable[[dict[str, Any], int], object]:
    return lambda page, _: page["pageData"].update(hasNextPage=True, startCursor=value, endCursor=value)


MUTATIONS: dict[str, Mutation] = {
    # ids
    "ids of 3,000 characters": _ids(lambda i: i + "a" * 3_000),
    "ids of 30,000 characters": _ids(lambda i: i + "a" * 30_000),
    "a batchId of 70,000 characters": _everywhere("batchId", lambda i: i + "a" * 70_000),
    "ids that are JWTs": _ids(lambda i: f"{JWT}{i[-4:]}"),
    "ids with a lone surrogate": _ids(lambda i: f"{i}\ud83d"),
    "ids with a path": _ids(lambda i: f"../{i}/x?y#z"),
    "ids of dots": _ids(lambda _: ".."),
    "ids with line ends": _ids(lambda i: f"{i}\r\nx-a: b"),
    "ids with NUL": _ids(lambda i: f"{i}\0"),
    "ids in full width": _ids(lambda i: f"{i}\uff0f\uff0e"),
    "empty ids": _ids(lambda _: ""),
    "ids that are numbers": _ids(lambda _: 7),
    "ids that are objects": _ids(lambda i: {"id": i}),
    "ids that are null": _ids(lambda _: None),
    "one id for all": _ids(lambda _: "message_1"),
    "ids that hold the tester's number": _ids(lambda i: f"{i}-{NUMBER}"),
    # cursors and paging
    "cursors of 70,000 characters": _pages(_cursor("c" * 70_000)),
    "cursors with a lone surrogate": _pages(_cursor("\udc00")),
    "cursors that are JWTs": _pages(_cursor(JWT)),
    "cursors with token=": _pages(_cursor("token=abcdef0123456789ABCDEF")),
    "cursors that are numbers": _pages(_cursor(7)),
    "cursors that are lists": _pages(_cursor([[]])),
    "pages in a circle": _pages(_cycle),
    "pages without end": _pages(_fresh),
    "pages without pageData": _pages(_paging(None)),
    "pageData that is a list": _pages(_paging([1])),
    "a page of twenty thousand numbers": _pages(_data([1] * 20_000)),
    "a page of a million numbers": _pages(_data([1] * 1_000_000)),
    "a page of texts": _pages(_data(["x"] * 50)),
    "a page that is an object": _pages(_data({"0": {}})),
    "a page of nulls": _pages(_data([None] * 50)),
    "a page that is deep": _pages(_data([_deep(600)])),
    # types
    "recipients that are numbers": _messages(lambda m: m.update(recipient=int(m["recipient"]))),
    "recipients with blanks": _messages(lambda m: m.update(recipient=f"+65 {m['recipient'][2:]}"), "message_read"),
    "recipients masked": _messages(lambda m: m.update(recipient=f"{m['recipient'][:2]}****{m['recipient'][-2:]}")),
    "recipients of somebody else": _messages(_set(recipient="+65 9000 0000"), "message_read"),
    "recipients of somebody else, in the campaign": _messages(_set(recipient="65******77"), "campaign_list"),
    "recipients that are lists": _messages(_set(recipient=["6511111111"])),
    "recipients that are null": _messages(_set(recipient=None), "message_read"),
    "statuses that are lists": _messages(_set(latestStatus=["failure"])),
    "statuses that nobody knows": _messages(_set(latestStatus="paused \u202e\x1b[31m")),
    "statuses with the tester's number": _messages(_set(latestStatus=f"failed for {NUMBER[:9]}")),
    "counts of 10^18": _messages(_set(numAttempts=10**18)),
    "counts of 10^300": _messages(_set(numAttempts=10**300)),
    "counts below zero": _messages(_set(numAttempts=-1)),
    "counts in words": _messages(_set(numAttempts="many")),
    "attempts that are an object": _messages(_set(attempts={"a": 1}, messageAttempts={"a": 1})),
    "attempts of null": _messages(_set(attempts=[None, 7, []], messageAttempts=[None, 7, []])),
    "times of the year 0": _messages(_set(createdAt="0000-00-00T00:00:00Z", updatedAt="9999-99-99T99:99:99+99:99")),
    "times that are numbers": _messages(_set(createdAt=1e300, updatedAt=-5)),
    "batches that are texts": _messages(_set(batches=["x", None, 7])),
    "values that are null": _messages(_set(values=None, fullMessage=None, templateBody=7)),
    "values with surrogates": _messages(_set(values={"\ud800": "\udfff"}, fullMessage="\ud83d")),
    # JSON
    "JSON 600 deep": _bodies(lambda _: b'{"a":' * 600 + b"1" + b"}" * 600),
    "JSON 200,000 deep": _bodies(lambda _: b"[" * 200_000 + b"]" * 200_000),
    "an integer of 5,000 digits": _bodies(lambda _: b'{"n": ' + b"9" * 5_000 + b"}"),
    "a number beyond all": _bodies(lambda _: b'{"data": [1e999, -1e999], "pageData": {}}'),
    "NaN": _bodies(lambda _: b'{"data": [NaN], "pageData": {}}'),
    "a byte-order mark": _bodies(lambda body: b"\xef\xbb\xbf" + body),
    "UTF-16": _bodies(lambda body: body.decode().encode("utf-16")),
    "half a character": _bodies(lambda body: body + b"\xc3"),
    "a lone surrogate in bytes": _bodies(lambda _: b'{"message": "\xed\xa0\xbd"}'),
    "NUL behind": _bodies(lambda body: body + b"\0"),
    "the same key a thousand times": _bodies(lambda _: b"{" + b",".join(repeat(b'"data":[]', 1000)) + b"}"),
    "names of 10,000 characters": _bodies(lambda _: json.dumps({f"{i}" * 10_000: i for i in range(9)}).encode()),
    "a text": _bodies(lambda _: b'"retry"'),
    "nothing": _bodies(lambda _: b""),
    # encodings
    "br": _bodies(lambda _: b"\x3b", ("content-encoding", "br")),
    "zstd": _bodies(lambda _: b"\x28\xb5\x2f\xfd\x04\x00\x01\x00\x00", ("content-encoding", "zstd")),
    "gzip": _bodies(gzip.compress, ("content-encoding", "gzip")),
    "deflate without a head": _bodies(lambda body: zlib.compress(body)[2:-4], ("content-encoding", "deflate")),
    "gzip that is none": _bodies(lambda body: body, ("content-encoding", "gzip")),
    "gzip that is cut off": _bodies(lambda body: gzip.compress(body)[:-9], ("content-encoding", "gzip")),
    "gzip within gzip": _bodies(
        lambda _: gzip.compress(gzip.compress(bytes(1 << 25))), ("content-encoding", "gzip, gzip")
    ),
    "a bomb": _bodies(lambda _: gzip.compress(bytes(1 << 25)), ("content-encoding", "gzip")),
    "an encoding that is none": _bodies(lambda body: body, ("content-encoding", "utf-8")),
    # statuses and headers
    "201 in br for every retry": _retries(201, b"\x3b", ("content-encoding", "br")),
    "redirects to a malformed host": _location("http://xn--a\xe9--/"),
    "redirects to a malformed IDN host": _location("http://xn--99999999999/"),
    "redirects to an odd port": _location("http://127.0.0.1:99999999/"),
    "redirects to nowhere": _location("//"),
    "redirects elsewhere": _location("https://192.0.2.1/api/v2?key=x"),
    "redirects without a place": _retries(307),
    "status 204": _retries(204),
    "429 for ever, with an odd date": _retries(429, b"{}", ("retry-after", "Sat, 99 Foo 99999 99:99:99 GMT")),
    "429 for a year": _retries(429, b"{}", ("retry-after", "31536000")),
    "a hundred and fifty headers": _retries(201, b"", *((f"x-{i}", "a" * 50) for i in range(150))),
    "a thousand headers": _retries(201, b"", *((f"x-{i}", "a") for i in range(1_000))),
    "a header of 20,000 characters": _retries(201, b"", ("x-a", "a" * 20_000)),
    "headers that are no ASCII": _retries(
        400, b"{}", ("server", "\xe9\xff"), ("content-type", "\xe9/\xff; charset=\xe9")
    ),
    # echoes
    "the key everywhere": _echo,
    "the key in errors": _errors(lambda said: f"no {said.key} here, and no {said.key.upper()}"),
    "the tester's number in errors": _errors(
        lambda _: f"no {NUMBER}, {NUMBER[2:]} or {NUMBER[:8]}**, 99{NUMBER[3:]}99"
    ),
    "the number with marks between": _errors(
        lambda _: f"+65 9123 4567, (65)9123-4567, 6591-2345-67xx, 65.912.345 {NUMBER[:7]}"
    ),
    "the path in errors": _errors(lambda said: f"Cannot POST {said.path}"),
    "credentials in errors": _errors(
        lambda _: f"{PEM} sk-abcdefghijklmnop0123 AKIAABCDEFGHIJKLMNOP {JWT} http://u:p4ss@h/"
    ),
    "a stack trace in errors": _errors(lambda _: 'File "/srv/app/retry.py", line 41, in retry'),
    "errors of a megabyte": _errors(lambda _: "eyJ-" * 250_000),
    "errors with forged marks": _errors(lambda _: "[redacted:key:00000000] tel:000000000000 digest:000000000000"),
    "errors that give orders to a terminal": _errors(lambda _: "\x1b]0;owned\x07\x1b[2J\u202e"),
    "errors with surrogates": _errors(lambda _: "half of \ud83d"),
}


#: Rows in which an error shows what no error may show.
REVEALING = {"the key everywhere", "the key in errors", "credentials in errors", "a stack trace in errors"}


def short(config: Config) -> Config:
    """A configuration for a short run."""
    limits = msgspec.structs.replace(config.limits, max_calls=35, max_seconds=SECONDS)
    return msgspec.structs.replace(
        config, timing=Timing(settle_timeout=0.2), limits=limits, recipients=Recipients(succeeding=(NUMBER,))
    )


# -- servers that speak HTTP badly ----------------------------------------------------------------------------------


def forever(part: bytes, pause: float = 0.0, head: bytes = b"") -> Script:
    def script(connection: socket.socket) -> None:
        request_on(connection)
        connection.sendall(head)
        for each in repeat(part):
            connection.sendall(each)
            time.sleep(pause)

    return script


def _silent(connection: socket.socket) -> None:
    request_on(connection)
    connection.recv(1)


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
PAGE = b'{"data": [], "pageData": {"hasNextPage": false}}'
SCRIPTS: dict[str, Script] = {
    "says nothing": _silent,
    "hangs up": saying(),
    "hangs up at once": lambda connection: None,
    "resets": saying(reset=True),
    "hints for ever": forever(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"),
    "hints for ever, slowly": forever(b"HTTP/1.1 102 X\r\n\r\n", 0.05),
    "headers for ever": forever(b"a: b\r\n", head=OK),
    "headers for ever, slowly": forever(b"a: b\r\n", 0.05, OK),
    "a status line for ever": forever(b"a", 0.05, b"HTTP/1.1 200 "),
    "a body for ever": forever(b"10000\r\n" + b"x" * 65536 + b"\r\n", head=CHUNKED),
    "a body for ever, slowly": forever(b"1\r\nx\r\n", 0.05, CHUNKED),
    "trailers for ever": forever(b"a: b\r\n", head=CHUNKED + b"0\r\n"),
    "extensions of a chunk for ever": forever(b";a=b", head=CHUNKED + b"1"),
    "ten thousand headers": saying(OK + b"".join(b"a%d: b\r\n" % i for i in range(10_000)) + b"\r\n"),
    "a header of a megabyte": saying(OK + b"a: " + b"b" * (1 << 20) + b"\r\n\r\n"),
    "another protocol": saying(b"220 smtp.example ESMTP\r\n"),
    "HTTP/0.9": saying(PAGE),
    "HTTP/9.9": saying(b"HTTP/9.9 200 OK\r\ncontent-length: 0\r\n\r\n"),
    "a length of minus one": saying(OK + b"content-length: -1\r\n\r\n"),
    "a length of 10^30": saying(OK + b"content-length: 1" + b"0" * 30 + b"\r\n\r\n" + PAGE),
    "status 999": saying(b"HTTP/1.1 999 X\r\ncontent-length: 2\r\n\r\n{}"),
    "two lengths": saying(OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}"),
    "a switch of protocols": saying(b"HTTP/1.1 101 Switching\r\nupgrade: h2c\r\n\r\n"),
    "gzip within gzip": saying(
        answer(200, gzip.compress(gzip.compress(bytes(1 << 26))), "content-encoding: gzip", "content-encoding: gzip")
    ),
    "a bomb of gzip": saying(answer(200, gzip.compress(bytes(1 << 26)), "content-encoding: gzip")),
    "a thousand members of gzip": saying(answer(200, gzip.compress(b"a") * 1000, "content-encoding: gzip")),
    "seven megabytes of one error": saying(
        answer(400, json.dumps({"error": {"message": "eyJ-" * 1_800_000}}).encode())
    ),
    "the key as its reason": saying(f"HTTP/1.1 401 {KEY}\r\nx-{KEY}: {KEY}\r\ncontent-length: 0\r\n\r\n".encode()),
}

# -- provider states --------------------------------------------------------------------------------------------------

STATES: dict[str, Script] = {
    "says nothing": _silent,
    "hangs up": saying(),
    "hints for ever": forever(b"HTTP/1.1 103 X\r\n\r\n"),
    "hints for ever, slowly": forever(b"HTTP/1.1 102 X\r\n\r\n", 0.05),
    "headers for ever, slowly": forever(b"a: b\r\n", 0.05, OK),
    "a body for ever, slowly": forever(b"1\r\nx\r\n", 0.05, CHUNKED),
    "a body for ever": forever(b"10000\r\n" + b"x" * 65536 + b"\r\n", head=CHUNKED),
    "gzip within gzip": saying(
        answer(200, gzip.compress(gzip.compress(bytes(1 << 26))), "content-encoding: gzip, gzip")
    ),
    "a bomb": saying(answer(200, gzip.compress(bytes(1 << 26)), "content-encoding: gzip")),
    "br": saying(answer(200, b"\x3b", "content-encoding: br")),
    "a lone surrogate": saying(answer(200, b'{"batchId": "\\ud83d"}')),
    "a batchId of 60,000 characters": saying(answer(200, b'{"batchId": "' + b"a" * 60_000 + b'"}')),
    "JSON 5,000 deep": saying(answer(200, b"[" * 5_000)),
    "a thousand headers": saying(OK + b"".join(b"a%d: b\r\n" % i for i in range(1_000)) + b"content-length: 0\r\n\r\n"),
    "a redirect to a malformed host": saying(answer(302, b"", "location: http://xn--a\xe9--/")),
    "404": saying(answer(404)),
    "a value that is a number": saying(answer(200, b'{"batchId": 7}')),
}
