"""Sends: nobody is texted whom the configuration does not allow, however the request is written or read."""

from __future__ import annotations

import codecs
import csv
import dataclasses
import io
import json
import re
import unicodedata
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.errors import GuardError
from conformance.transport.forms import csv_of, multipart_of, single_of
from conformance.transport.guard import Context
from conformance.transport.request import OutRow
from tests.guarding import ALLOWED, FOREIGN, JSON, OTHER, SENDS, SINGLE, a_guard, refused, request, rows, send

A, B = ALLOWED
HEAD = "recipient,language,body\r\n"
GOOD = HEAD + f"{A},english,hello\r\n"
FORM, FORM_TYPE = multipart_of(GOOD.encode())
MARK = FORM_TYPE.partition("=")[2]
SINGLE_BODY = single_of(rows(A)[0])


def test_what_the_suite_writes_is_let_out_and_charged_by_row() -> None:
    guard = a_guard()
    assert guard.check(send(), Context()).charge == 2
    assert guard.check(request("POST", SINGLE, SINGLE_BODY, JSON), Context()).charge == 1
    odd = csv_of(rows(A, B, A, body='a "quoted", text;\nand 6590000000 in a line\n\n=1+1\r\n[n:12345678] | \ttail '))
    assert guard.check(send(odd), Context()).charge == 3


CSV = {
    "another recipient": HEAD + f"{FOREIGN},english,hello\r\n",
    "one of two is another": GOOD + f"{FOREIGN},english,hello\r\n",
    "plus": HEAD + f"+{A},english,hello\r\n",
    "blank before": HEAD + f" {A},english,hello\r\n",
    "blank after": HEAD + f"{A} ,english,hello\r\n",
    "full-width digits": HEAD + "６５９０００００００,english,hello\r\n",
    "Arabic digits": HEAD + "٦٥٩٠٠٠٠٠٠٠,english,hello\r\n",
    "full-width digits of an allowed one": HEAD + "６５１１１１１１１１,english,hello\r\n",
    "two in one cell": HEAD + f'"{A},{FOREIGN}",english,hello\r\n',
    "two in one cell, by semicolon": HEAD + f"{A};{FOREIGN},english,hello\r\n",
    "empty recipient": HEAD + ",english,hello\r\n",
    "no row": HEAD,
    "nothing": "",
    "no header": f"{A},english,hello\r\n",
    "a second recipient column": f"recipient,language,recipient\r\n{A},english,{FOREIGN}\r\n",
    "a column like it": f"recipient,language,phone_number\r\n{A},english,{FOREIGN}\r\n",
    "a column like it in full width": f"recipient,language,ｒｅｃｉｐｉｅｎｔ\r\n{A},english,{FOREIGN}\r\n",
    "a column `to`": f"recipient,language,to\r\n{A},english,{FOREIGN}\r\n",
    "a column sendTo": f"recipient,language,deliverTo\r\n{A},english,{FOREIGN}\r\n",
    "a column with a delimiter of others": f"recipient,language,x;to\r\n{A},english,x;{FOREIGN}\r\n",
    "a column with a tab": f"recipient,language,x\ty\r\n{A},english,x\r\n",
    "a column with a line break": f'recipient,language,"x\r\nrecipient"\r\n{A},english,x\r\n',
    "Recipient beside it": f"recipient,language,Recipient\r\n{A},english,{FOREIGN}\r\n",
    "other order": f"language,recipient,body\r\nenglish,{A},hello\r\n",
    "more cells than the header": GOOD + f"{A},english,hello,{FOREIGN}\r\n",
    "fewer cells": GOOD + f"{A}\r\n",
    "lone LF": GOOD.replace("\r\n", "\n"),
    "lone CR": GOOD + f"{A},english,x\r{FOREIGN},english,x\r\n",
    "an empty line": GOOD + "\r\n",
    "no last line end": GOOD.removesuffix("\r\n"),
    "quotes that need not be": HEAD + f'"{A}",english,hello\r\n',
    "a quote inside of a cell": HEAD + f'{A},english,a"b\n{FOREIGN},english,c"d\r\n',
    "an open quote": HEAD + f'{A},english,"hello\r\n{FOREIGN},english,x\r\n',
    "backslash for those who escape by it": HEAD + f'{A},english,"a\\"\r\n{B},english,"x\r\n{FOREIGN},english,y"\r\n',
    "a row inside of a value": HEAD + f'{A},english,"x\r\n{FOREIGN},english,y"\r\n',
    "the same by LF": HEAD + f'{A},english,"x\n{FOREIGN},english,y"\r\n',
    "the same by CR": HEAD + f'{A},english,"x\r{FOREIGN},english,y"\r\n',
    "the same with quotes": HEAD + f'{A},english,"x\n""{FOREIGN}"",english,y"\r\n',
    "the same with plus and blanks": HEAD + f'{A},english,"x\n +65 9000-0000,english,y"\r\n',
    "the same with formula": HEAD + f'{A},english,"x\n={FOREIGN},english,y"\r\n',
    "the same by semicolons": HEAD + f'{A},english,"x\n{FOREIGN};english;y"\r\n',
    "the same in full-width digits": HEAD + f'{A},english,"x\n６５９０００００００,english,y"\r\n',
    "the same in Arabic digits": HEAD + f'{A},english,"x\n٦٥٩٠٠٠٠٠٠٠,english,y"\r\n',
    "the same after another delimiter": HEAD + f'{A},english,"x\n||{FOREIGN},english,y"\r\n',
    "the same by line separator": HEAD + f"{A},english,x\u2028{FOREIGN},english,y\r\n",
    "the same by next line": HEAD + f"{A},english,x\u0085{FOREIGN},english,y\r\n",
    "the same by form feed": HEAD + f"{A},english,x\f{FOREIGN},english,y\r\n",
    "byte order mark": "\ufeff" + GOOD,
    "NUL": HEAD + f"{A}\0,english,hello\r\n",
    "more rows than may be": HEAD + f"{A},english,hello\r\n" * 21,
}


@pytest.mark.parametrize("attack", CSV)
def test_no_csv_names_anybody_else(attack: str) -> None:
    refused(a_guard(), send(CSV[attack]))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp037"])
def test_no_other_encoding_is_read(encoding: str) -> None:
    written = HEAD + f"{FOREIGN},english,héllo\r\n"
    refused(a_guard(), send(codecs.encode(written, encoding, "replace")))
    refused(a_guard(), send(codecs.encode(GOOD, encoding) if encoding != "utf-7" else b"\xff" + GOOD.encode()))


def _form(*replaced: tuple[str, str], kind: str = FORM_TYPE) -> tuple[bytes, str]:
    text = FORM.decode()
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new, 1)
    return text.encode(), kind


PART = f'--{MARK}\r\nContent-Disposition: form-data; name="file"; filename="x.csv"\r\n\r\n{HEAD}{FOREIGN},english,x\r\n\r\n'
FORMS: dict[str, tuple[bytes | str, str | None]] = {
    "a second file": _form((f"--{MARK}--", PART + f"--{MARK}--")),
    "a file before": (PART.encode() + FORM, FORM_TYPE),
    "a preamble": (b"x\r\n" + FORM, FORM_TYPE),
    "an epilogue": (FORM + PART.encode(), FORM_TYPE),
    "a field beside it": _form(
        (f"--{MARK}--", f'--{MARK}\r\nContent-Disposition: form-data; name="recipient"\r\n\r\n{FOREIGN}\r\n--{MARK}--')
    ),
    "the boundary inside": _form(("hello", f"x\r\n--{MARK}\r\n")),
    "the boundary inside, by LF": _form(("hello", f"x\n--{MARK}\n")),
    "a longer boundary inside": _form(("hello", f"x\r\n--{MARK}1")),
    "the end twice": _form((f"--{MARK}--", f"--{MARK}--\r\n--{MARK}--")),
    "no end": (FORM.removesuffix(f"--{MARK}--\r\n".encode()), FORM_TYPE),
    "another field": _form(('name="file"', 'name="files"')),
    "two names": _form(('name="file"', 'name="file"; name="recipient"')),
    "an extended file name": _form(('filename="conformance.csv"', "filename*=UTF-8''x.csv")),
    "a path for file name": _form(('filename="conformance.csv"', 'filename="../x.csv"')),
    "a part in another charset": _form(("text/csv", "text/csv; charset=utf-7")),
    "a part that is a form": _form(("text/csv", 'multipart/mixed; boundary="b"')),
    "a part in base64": _form(("Content-Type: text/csv", "Content-Transfer-Encoding: base64")),
    "LF after the part's head": _form(("text/csv\r\n\r\n", f"text/csv\n\n{HEAD}{FOREIGN},english,x\r\n\r\n\r\n")),
    "a folded header": _form(("Content-Type: text/csv", "Content-Type: text/csv;\r\n charset=utf-16")),
    "another boundary said": (FORM, "multipart/form-data; boundary=somethingelse"),
    "two boundaries said": (FORM, f"multipart/form-data; boundary={MARK}; boundary=b1234567"),
    "a charset said": (FORM, f"{FORM_TYPE}; charset=utf-16"),
    "another type said": (FORM, "text/csv"),
    "no type said": (FORM, ""),
    "mixed": (FORM, FORM_TYPE.replace("form-data", "mixed")),
    "CSV without a form": (GOOD.encode(), "text/csv"),
    "JSON": (SINGLE_BODY, JSON),
}


@pytest.mark.parametrize("attack", FORMS)
def test_no_form_holds_anything_but_the_one_file(attack: str) -> None:
    refused(a_guard(), request("POST", SENDS, *FORMS[attack]))


def _single(**changed: object) -> str:
    return json.dumps({"recipient": A, "language": "english", "values": {"body": "x"}} | changed)


TEXT = single_of(rows(A)[0]).decode()
SINGLES: dict[str, tuple[bytes | str, str | None]] = {
    "another recipient": (_single(recipient=FOREIGN), JSON),
    "plus": (_single(recipient=f"+{A}"), JSON),
    "a number for a text": (_single(recipient=int(A)), JSON),
    "a list": (_single(recipient=[A]), JSON),
    "two recipients": (_single(recipients=[FOREIGN]), JSON),
    "one below the values": (_single(values={"body": "x", "recipient": FOREIGN}), JSON),
    "one deep below": (_single(values={"body": {"x": [{"mobile": FOREIGN}]}}), JSON),
    "a key twice": (TEXT.replace("{", f'{{"recipient": "{FOREIGN}", ', 1), JSON),
    "a key twice below": (TEXT.replace('{"body"', '{"body": "y", "body"'), JSON),
    "a key twice by an escape": (TEXT.replace("{", f'{{"\\u0072ecipient": "{FOREIGN}", ', 1), JSON),
    "a digit escaped": (TEXT.replace(A, "\\u0036" + A[1:]), JSON),
    "white space": (TEXT + "\n", JSON),
    "a comment": (TEXT.replace("{", "{/**/", 1), JSON),
    "a comma too many": (TEXT.replace("}}", "},}"), JSON),
    "two documents": (TEXT + TEXT, JSON),
    "byte order mark": ("\ufeff" + TEXT, JSON),
    "a list of messages": (f"[{TEXT}]", JSON),
    "not UTF-8": (TEXT.encode("utf-16"), JSON),
    "another charset said": (TEXT, f"{JSON}; charset=utf-7"),
    "a form for those who read it so": (
        _single(values={"body": f"x&recipient={FOREIGN}&y="}),
        "Application/X-WWW-Form-Urlencoded",
    ),
    "no type said": (TEXT, None),
    "nothing": ("", JSON),
    "deeper than is read": ("[" * 100_000, JSON),
}


@pytest.mark.parametrize("attack", SINGLES)
def test_no_single_send_names_anybody_else(attack: str) -> None:
    content, kind = SINGLES[attack]
    refused(a_guard(), request("POST", SINGLE, content, kind))


AROUND = {
    "a query": lambda: send_to(f"{SENDS}?recipient={FOREIGN}"),
    "a query of ours": lambda: send_to(f"{SENDS}?recipient={A}"),
    "a parameter in the path": lambda: send_to(f"{SENDS};recipient={FOREIGN}"),
    "another campaign": lambda: send_to(SENDS.replace("campaign_a", OTHER)),
    "a campaign of nobody": lambda: send_to(SENDS.replace("campaign_a", "campaign_x")),
    "an encoded path": lambda: send_to(SENDS.replace("/batch", "/%62atch")),
    "a trailing slash": lambda: send_to(f"{SENDS}/"),
    "PUT": lambda: request("PUT", SENDS, FORM, FORM_TYPE),
    "a header with a recipient": lambda: send(headers={"x-recipient": FOREIGN}),
    "a header that speaks of one": lambda: send(headers={"x-template": f"recipient={FOREIGN}"}),
    "a cookie": lambda: send(headers={"cookie": f"to={FOREIGN}"}),
    "a method override": lambda: send(headers={"x-http-method-override": "PUT"}),
    "a content encoding": lambda: send(headers={"content-encoding": "gzip"}),
    "a transfer encoding": lambda: send(headers={"transfer-encoding": "chunked"}),
    "a wrong length": lambda: send(headers={"content-length": "10"}),
}


def send_to(path: str) -> httpx.Request:
    return request("POST", path, FORM, FORM_TYPE)


@pytest.mark.parametrize("attack", AROUND)
def test_nothing_around_a_send_changes_it(attack: str) -> None:
    refused(a_guard(), AROUND[attack]())


@pytest.mark.parametrize("context", [Context(cause="body:text"), Context(auth="wrong"), Context(auth="other")])
def test_a_send_is_never_a_probe(context: Context) -> None:
    refused(a_guard(), send(headers={"authorization": "Bearer wrong"}), context)


# -- whatever the guard lets out, other readers find allowed recipients only ------------------------------------


MARKS = ["\r\n", "\n", "\r", ",", ";", "\t", "|", '"', '""', "\\", "\u2028", " ", "+", "=", "&", "%0d%0a", "\0", "'"]
WORDS = ["recipient", "to", "english", f"--{MARK}", 'name="file"', f'"recipient":"{FOREIGN}"', f"recipient={FOREIGN}"]
PIECES = st.lists(st.sampled_from([*MARKS, *MARKS, *WORDS, A, B, FOREIGN, "６５９０００００００"]), max_size=7).map(
    "".join
)
NAMES = st.sampled_from(["body", "body", "body", "a b", "x;to"])
VALUES = st.lists(PIECES, min_size=1, max_size=3)
RECIPIENTS = st.sampled_from([A, A, B, FOREIGN])
TEARS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3), PIECES), max_size=1)
KINDS = st.sampled_from(["", "", "", "text/csv", "Application/X-WWW-Form-Urlencoded"])


@st.composite
def _sends(draw: st.DrawFn) -> httpx.Request:
    """A send with odd texts, perhaps torn somewhere, perhaps said to be of another type."""
    name = draw(NAMES)
    sent = [_row(draw(RECIPIENTS), {name: value}) for value in draw(VALUES)]
    if draw(st.booleans()):
        body, kind, path = single_of(sent[0]), JSON, SINGLE
    else:
        (body, kind), path = multipart_of(csv_of(sent)), SENDS
    for where, cut, piece in draw(TEARS):
        at = int(where * len(body))
        body = body[:at] + piece.encode() + body[at + cut :]
    return request("POST", path, body, draw(KINDS) or kind)


def _row(recipient: str, values: dict[str, str]) -> OutRow:
    return dataclasses.replace(rows(recipient)[0], values=values)


def _named_by_csv(text: str) -> Iterator[str]:
    readings: list[dict[str, Any]] = [
        {"strict": True},
        {"delimiter": ";"},
        {"delimiter": "\t"},
        {"delimiter": "|"},
        {"skipinitialspace": True},
        {"quoting": csv.QUOTE_NONE},
        {"escapechar": "\\"},
        {"escapechar": "\\", "doublequote": False},
        {"quotechar": "'"},
    ]
    for reading in readings:
        for lines in (io.StringIO(text, newline=""), text.splitlines(keepends=True), re.split("[\r\n]+", text)):
            try:
                table = list(csv.reader(lines, **reading))
            except csv.Error:
                continue
            header = [cell.strip().lower() for cell in table[0]] if table else []
            wanted = [i for i, cell in enumerate(header) if cell in ("recipient", "to", "phone")]
            yield from (row[i] for row in table[1:] for i in wanted if i < len(row))


def _named_by_others(attack: httpx.Request) -> Iterator[str]:
    """What readers that are not ours take for recipients."""
    body, kind = attack.read(), attack.headers["content-type"]
    parsed = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body, policy=policy.HTTP)
    for part in parsed.walk():
        if (
            isinstance(part, Message)
            and not part.is_multipart()
            and part.get_param("name", header="content-disposition")
        ):
            content = part.get_payload(decode=True)
            if isinstance(content, bytes):
                yield from _named_by_csv(content.decode("utf-8", "replace"))
    yield from (value for name, value in parse_qsl(body.decode("utf-8", "replace")) if name == "recipient")
    try:
        yield from (v for k, v in _pairs(json.loads(body)) if k == "recipient")
    except ValueError:
        return


def _pairs(value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield str(name), str(inner)
            yield from _pairs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _pairs(inner)


def _number(text: str) -> str:
    """The number that a cell holds; nothing if it holds a word too."""
    plain = [c for c in unicodedata.normalize("NFKC", text) if c.isalnum()]
    return "".join(plain) if all(c.isdecimal() for c in plain) else ""


def test_every_reader_of_what_is_let_out_finds_allowed_recipients_only() -> None:
    let_out: list[httpx.Request] = []
    guard = a_guard()

    @settings(max_examples=2000, derandomize=True, deadline=None)
    @given(attack=_sends())
    def attacked(attack: httpx.Request) -> None:
        try:
            guard.check(attack, Context())
        except GuardError:
            return
        let_out.append(attack)
        named = {_number(text) for text in _named_by_others(attack)}
        assert named - {""} <= set(ALLOWED), attack.read()

    attacked()
    # So that it says something: many are let out, and many of these are odd inside.
    assert len(let_out) > 200
    assert sum(any(mark in a.read() for mark in (b'"";', b"\\", b"'", b"|", b"\xe2\x80\xa8")) for a in let_out) > 50


def test_the_other_readers_do_find_what_is_hidden() -> None:
    hidden = ["backslash for those who escape by it", "a row inside of a value", "the same by LF"]
    for name in hidden:
        found = {_number(text) for text in _named_by_others(send(CSV[name]))}
        assert FOREIGN in found, name
    assert FOREIGN in {_number(t) for t in _named_by_others(request("POST", SENDS, *FORMS["a second file"]))}
    twice = request("POST", SINGLE, *SINGLES["one below the values"])
    assert FOREIGN in set(_named_by_others(twice))
