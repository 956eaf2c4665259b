"""What is written down: no piece of a key, no number of a tester, and still the same where it was the same."""

from __future__ import annotations

import base64
import json
import re
import time
import unicodedata
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conformance.config import Config
from conformance.drivers import DRIVERS
from conformance.errors import GuardError
from conformance.judges.errors.leaks import leak
from conformance.reference import server as reference
from conformance.reference.app import Service, create_app
from conformance.reference.settings import OTHER_KEY, OWN_KEY, SUCCEEDING, Settings
from conformance.session import CRASH_FILE, Options, execute
from conformance.transport.pieces import PIECE
from conformance.transport.redact import DOCUMENTED, PROOF, Redactor
from conformance.transport.request import Request
from tests.conftest import command, run_against
from tests.raw import CAMPAIGN, KEY, RETRY, a_config, answer, listening, request_on, saying, transported

SECRET = "aB3dE5gH7jK9mN1pQ2"
NUMBER, SIMULATOR = "6591230000", "6511112222"
REDACTOR = Redactor([SECRET], [NUMBER, SIMULATOR], salt=b"salt")


def _pieces(key: str) -> set[str]:
    return {key[i : i + PIECE].lower() for i in range(len(key) - PIECE + 1)}


def _leaks(text: str, *keys: str) -> set[str]:
    low = text.lower()
    return {piece for key in keys for piece in _pieces(key) if piece in low}


RAW = SECRET.encode()
FORMS = {
    "itself": SECRET,
    "upper case": SECRET.upper(),
    "reversed": SECRET[::-1],
    "hex": RAW.hex(),
    "hex in capitals": RAW.hex().upper(),
    "percent": "".join(f"%{b:02X}" for b in RAW),
    "base64": base64.b64encode(RAW).decode(),
    "base64 of the header": base64.b64encode(b"Bearer " + RAW).decode(),
    "base64 of JSON": base64.b64encode(b'{"k":"' + RAW + b'"}').decode(),
    "base64 with one before": base64.b64encode(b"x" + RAW + b"yz").decode(),
    "base64 for URLs": base64.urlsafe_b64encode(b"??" + RAW).decode(),
    "a head of it": SECRET[:PIECE],
    "a tail of it": SECRET[-PIECE:],
    "twice, overlapping": SECRET + SECRET[-9:] + SECRET[:9],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("around", ["{}", "before {} after", "x{}x", "a={}&b=1", "<{}>", "\u00fc{}\u00fc"])
def test_no_form_of_a_key_survives_a_text(form: str, around: str) -> None:
    for scrub in (REDACTOR.text, REDACTOR.foreign):
        clean = scrub(around.format(FORMS[form]))
        assert "[redacted:" in clean
        assert not _leaks(clean, SECRET)
        # Of an encoded key no stretch is left that tells four of its characters.
        assert not any(FORMS[form][i : i + 12].lower() in clean.lower() for i in range(max(1, len(FORMS[form]) - 12)))


TEXTS = st.text("ab:/ =\n{}\"'%2F\u00e9", max_size=6)
PLANTED = st.lists(
    TEXTS | st.sampled_from([*FORMS.values(), SECRET[:12], SECRET[5:], NUMBER, f"+{NUMBER}", SIMULATOR, "token: "]),
    max_size=6,
).map("".join)
NAMES = (
    st.sampled_from([*sorted(DOCUMENTED), "message", "recipient", "values", "fullMessage", "error", "apiToken"])
    | PLANTED
)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(int(NUMBER)) | PLANTED,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=250, derandomize=True, deadline=None)
@given(text=PLANTED, tree=TREES, headers=st.dictionaries(PLANTED, PLANTED, max_size=3))
def test_nothing_planted_survives_anywhere(text: str, tree: Any, headers: dict[str, str]) -> None:
    written = [
        REDACTOR.text(text),
        REDACTOR.foreign(text),
        json.dumps(REDACTOR.body(tree)),
        json.dumps(REDACTOR.sent(tree)),
    ]
    written.append(json.dumps(REDACTOR.headers(headers)))
    for clean in written:
        assert not _leaks(clean, SECRET)
        assert NUMBER not in clean


@settings(max_examples=120, derandomize=True, deadline=None)
@given(text=PLANTED, tree=TREES)
def test_what_was_scrubbed_once_stays_as_it_is(text: str, tree: Any) -> None:
    once = REDACTOR.text(text)
    assert REDACTOR.text(once) == once
    body = REDACTOR.body(tree)
    assert REDACTOR.body(body) == body


@settings(max_examples=100, derandomize=True, deadline=None)
@given(tree=TREES)
def test_the_shape_of_json_survives_and_equal_stays_equal(tree: Any) -> None:
    assert REDACTOR.body(json.loads(json.dumps(tree))) == REDACTOR.body(tree)
    assert _shape(REDACTOR.body(tree)) == _shape(tree) or isinstance(tree, dict)


def _shape(value: Any) -> Any:
    return [_shape(v) for v in value] if isinstance(value, list) else type(value).__name__


def test_equal_strings_stay_equal_and_others_differ() -> None:
    seen = REDACTOR.body({"a": "x1", "b": "x1", "c": "x2", "recipient": NUMBER, "list": [{"recipient": NUMBER}]})
    assert seen["a"] == seen["b"] != seen["c"]
    assert seen["recipient"] == seen["list"][0]["recipient"] == REDACTOR.token(NUMBER)
    assert REDACTOR.token(NUMBER) != Redactor([], [NUMBER]).token(NUMBER), "each run has its own salt"


@pytest.mark.parametrize(
    "written", [NUMBER, f"+{NUMBER}", "+65 9123 0000", "65-9123-0000", "9123 0000", "91230000", "(65) 9123.0000"]
)
def test_a_testers_number_stands_as_a_token_however_it_is_written(written: str) -> None:
    for clean in (REDACTOR.text(f"to {written}."), REDACTOR.body({"message": f"to {written}."})["message"]):
        assert "tel:" in clean
        assert "9123" not in clean
        assert "0000" not in clean


def test_simulator_numbers_times_and_ids_stay_clear() -> None:
    plain = f"{SIMULATOR} 2024-05-16T10:30:50.904+08:00 message_11111111-2222-4333-8444-555591230000"
    assert REDACTOR.text(plain) == plain
    assert REDACTOR.body({"recipient": SIMULATOR, "id": plain}) == {"recipient": SIMULATOR, "id": plain}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("password=hunter2hunter2", "secret"),
        ("postgres://admin:hunter2hunter2@db/x", "url-password"),
        ("Authorization: Bearer hunter2hunter2", "secret"),
        ('"apiToken": "hunter2hunter2"', "secret"),
        ("-----BEGIN PRIVATE KEY-----\nhunter2hunter2\n-----END PRIVATE KEY-----", "private-key"),
        ("AKIAHUNTER2HUNTER2XY", "token"),
        ("ghp_hunter2hunter2hunter2hunter2", "token"),
        ("sk-hunter2hunter2hunter2", "token"),
        ("eyJhbGciOi.eyJodW50ZXIyaHVudGVyMg.aHVudGVyMmh1bnRlcjI", "jwt"),
        ("hunter2HunTer2-aHVudGVyMmh1bnRlcjI", "unknown"),
    ],
)
def test_an_evident_secret_of_the_targets_is_not_kept(said: str, reason: str) -> None:
    for clean in (REDACTOR.foreign(said), json.dumps(REDACTOR.body({"error": {"message": said}}))):
        assert f"[redacted:{reason}:" in clean
        assert not _leaks(clean, "hunter2hunter2", "aHVudGVyMmh1bnRlcjI", "AKIAHUNTER2HUNTER2XY")


@pytest.mark.parametrize(
    "said",
    [
        "Cannot POST /api/v2/campaigns/c/batch/aB3:xY9:Zz8aB3xY9Zz8/retry",
        "batch eyJhbGciOiJIUzI1NiJ9.eyJiIjoxfQ.c2lnbmF0dXJl is not retryable",
        "trace 4bf92f3577b34da6a3ce929d0e0e4736",
        "traceparent 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "trace Root=1-67891233-abcdef012345678912345678",
        "incident 01J9ZK8X4T5V6W7Y8Z9A0B1C2D, see INC0012345678",
        "message_11111111-2222-4333-8444-555591230000 is not failed",
        "11111111-2222-4333-8444-555566667777 is not failed",
        "Invalid credentials: check your key",
        "Bearer authentication required",
        "missing token: please send one",
        "the password is wrong",
        "invalid sk-something-that-is-no-key-of-anyone",
    ],
)
def test_what_is_no_secret_stays_as_it_is(said: str) -> None:
    own = ("/api/v2/campaigns/c/batch/aB3:xY9:Zz8aB3xY9Zz8/retry", "eyJhbGciOiJIUzI1NiJ9.eyJiIjoxfQ.c2lnbmF0dXJl")
    assert REDACTOR.foreign(said, own) == said
    assert REDACTOR.body({"error": {"message": said}}, own) == {"error": {"message": said}}


IDS = {
    "a JWT": ("eyJhbGciOiJIUzI1NiJ9.eyJiIjoxfQ.c2lnbmF0dXJl", "eyJhbGciOiJIUzI1NiJ9.eyJiIjoyfQ.c2lnbmF0dXJl"),
    "a key": ("sk-aaaabbbbccccdddd1", "sk-aaaabbbbccccdddd2"),
    "a named token": ("token=aaaa1111;page=1", "token=aaaa1111;page=2"),
    "an AWS key": ("AKIAHUNTER2HUNTER2XY", "AKIAHUNTER2HUNTER2XZ"),
    "a part of ours": (f"b_{SECRET}1", f"b_{SECRET}2"),
    "a number of ours": (f"{NUMBER}1", f"{NUMBER}2"),
    "very long": ("a" * 3000 + "1", "a" * 3000 + "2"),
    "a lone surrogate": ("b_\ud83d1", "b_\ud83d2"),
}


@pytest.mark.parametrize("kind", IDS)
@pytest.mark.parametrize("field", ["id", "batchId", "endCursor", "messageId"])
def test_ids_and_cursors_keep_their_identity(kind: str, field: str) -> None:
    one, two = IDS[kind]
    shown = [REDACTOR.body({field: text})[field] for text in (one, two)]
    assert shown[0] != shown[1]
    # A request names them as answers do.
    assert shown == [REDACTOR.data(one), REDACTOR.data(two)]
    json.dumps(shown).encode("utf-8")
    if kind not in ("a part of ours", "a number of ours", "very long", "a lone surrogate"):
        assert shown == [one, two]
        assert REDACTOR.foreign(f"no batch {one} here") == f"no batch {one} here", "what was handed out is no secret"


def test_a_mark_stands_for_its_text_alone() -> None:
    def seen(text: str) -> str:
        return str(REDACTOR.body({"error": {"message": f"password={text}"}})["error"]["message"])

    assert seen("hunter2hunter2") == seen("hunter2hunter2") != seen("hunter3hunter3")
    assert Redactor(salt=b"other").foreign("password=hunter2hunter2") != seen("hunter2hunter2")


def test_a_mark_that_the_target_wrote_is_none() -> None:
    for forged in ("[redacted:key:00000000]", "[redacted:key]", "[redacted:stack-trace:00000000]"):
        assert "[redacted:" not in REDACTOR.foreign(f"the key is {forged}")
        shown = {"message": forged, "detail": forged, "code": forged, "id": forged, forged: 1, "password": forged}
        marks = re.findall(r"\[redacted:[a-z-]+", json.dumps(REDACTOR.body({"error": shown})))
        assert marks == ["[redacted:secret"], "but for the one that stands for the password"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (SECRET, "key"),
        (f"...{SECRET[:PROOF]}", "key"),
        # Eight characters may be a word of the key; they are scrubbed, and prove nothing.
        (f"...{SECRET[:PIECE]}...", "key-part"),
        ("gateway-production-east", "configured"),
    ],
)
def test_the_reason_says_what_was_there(said: str, reason: str) -> None:
    redactor = Redactor([SECRET], [], others=["production-east"])
    assert f"[redacted:{reason}:" in redactor.foreign(f"no: {said}")
    assert redactor.body({"detail": f"no: {said}"})["detail"].startswith(f"[redacted:{reason}:")


def test_a_key_of_which_the_request_itself_held_a_word_is_not_proven() -> None:
    redactor = Redactor(["campaign_alpha_0001"], [], known=["campaign_alpha"])
    assert "[redacted:key-part:" in redactor.foreign("the campaign_alpha is closed")
    assert "[redacted:key:" in redactor.foreign("the key campaign_alpha_0001 is closed")


@pytest.mark.parametrize("number", [NUMBER, SIMULATOR])
def test_a_number_in_a_field_that_no_document_names_is_told_by_its_token(number: str) -> None:
    token = REDACTOR.token(number)
    for text in (number, f"+{number}", f"the message to {number} is not failed", f"+65 {number[2:6]} {number[6:]}"):
        shown = REDACTOR.body({"error": {"phone": text, "detail": text}})["error"]
        assert token in shown["phone"]
        assert token in shown["detail"]
        assert shown == REDACTOR.body(shown)
        assert number == SIMULATOR or number[2:] not in json.dumps(shown)
    one, two = (REDACTOR.body({"detail": f"{number} {i}"})["detail"] for i in (1, 2))
    assert one != two


def test_a_text_of_ours_in_a_field_that_no_document_names_stays() -> None:
    text = "hello <b>conformance</b> [n:0a1b2c3d]"
    assert REDACTOR.body({"error": {"preview": text}}) == {"error": {"preview": text}}
    assert "digest:" in REDACTOR.body({"preview": "hello <b>conformance</b>"})["preview"]


def test_the_beginning_of_a_row_that_was_sent_is_ours_and_no_other_text_is() -> None:
    """What is left of a text that was cut off has no mark any more."""
    redactor = Redactor((SECRET,), (NUMBER,))
    sent = f"conformance {'abcdefghi ' * 20}[n:00000001]"
    assert redactor.row(sent) == sent
    shown = redactor.body({"values": {"body": sent[:60]}, "fullMessage": sent[:100], "preview": sent[:60]})
    assert (shown["values"]["body"], shown["fullMessage"]) == (sent[:60], sent[:100])
    assert "digest:" in shown["preview"]
    others = redactor.body({"values": {"body": "conformance of another"}, "fullMessage": sent[:5]})
    assert "digest:" in others["values"]["body"]
    assert "digest:" in others["fullMessage"]


@pytest.mark.parametrize(
    "detail",
    [
        "Traceback (most recent call last)",
        "at run (/srv/app/retry.js:10:5)",
        "open /var/lib/x/keys.json",
        "SELECT a FROM b",
    ],
)
def test_the_inside_of_a_server_in_a_field_that_no_document_names(detail: str) -> None:
    shown = REDACTOR.body({"error": {"detail": detail}})["error"]["detail"]
    assert leak({"error": {"detail": shown}}) is not None
    assert detail not in shown


@pytest.mark.parametrize(
    "written",
    [
        "91230000",
        "6591230",
        "9123000",
        "1230000",
        "65912300**",
        "+65 9123 00xx",
        "x91230000y",
        "0065912300001",
        "12345678906591230000123",
        "6591-2300",
        "\uff16\uff15\uff19\uff11\uff12\uff13\uff10\uff10",
    ],
)
def test_no_seven_digits_of_a_testers_number_are_written_down(written: str) -> None:
    shown = {"error": {"code": written, "message": f"to {written}!"}, "latestStatus": written, "id": f"b-{written}"}
    for clean in (REDACTOR.text(f"to {written}!"), REDACTOR.data(written), json.dumps(REDACTOR.body(shown))):
        digits = "".join(
            str(unicodedata.decimal(c)) for c in re.sub(r"(?:tel:|number:)[0-9a-f]+", "|", clean) if c.isdecimal()
        )
        assert not any(NUMBER[i : i + 7] in digits for i in range(4)), clean
    assert str(NUMBER[:8]) not in str(REDACTOR.body({"count": int(NUMBER[:8])}))


HUNDREDS_OF_KB = {
    "a JWT that never ends": "eyJ-" * 200_000,
    "beginnings of JWTs": "-eyJaaaaaaaa." * 60_000,
    "hyphens and dots": "-." * 400_000,
    "digits": "1" * 800_000,
    "digits and blanks": "1 " * 400_000,
    "digits, six in a row": "123456  x " * 80_000,
    "UUIDs": "11111111-2222-4333-8444-555566667777 " * 22_000,
    "names of secrets": "token" * 160_000,
    "names and blanks": "password  " * 80_000,
    "names and hyphens": "api-key-" * 100_000,
    "addresses": "://a:" * 160_000,
    "a long address": "://" + "a:" * 400_000,
    "private keys": "-----BEGIN PRIVATE KEY-----" * 30_000,
    "words of a private key": "-----BEGIN A B C D " * 42_000,
    "paths": "-/usr/" * 133_000,
    "a long path": "/usr/" + "a-" * 400_000,
    "frames": "at a(" * 160_000,
    "one frame": "at a(" + ":1" * 400_000,
    "queries": "SELECT " * 114_000,
    "words": "Caused by: " * 72_000,
    "hexadecimal": "0123456789abcdef" * 50_000,
    "marks": "[redacted:" * 80_000,
    "brackets and colons": "[tel:" * 160_000,
    "one letter": "a" * 800_000,
    "base64": base64.b64encode(bytes(range(256)) * 2400).decode(),
}


@pytest.mark.parametrize("kind", HUNDREDS_OF_KB)
def test_redaction_takes_linear_time(kind: str) -> None:
    """Each of these took minutes with expressions that go back; nothing here is measured but by the test's own bound."""
    text = HUNDREDS_OF_KB[kind]
    spent = time.process_time()
    REDACTOR.text(text)
    REDACTOR.foreign(text)
    REDACTOR.body({"error": {"message": text, "detail": text}, "id": text, text: text})
    leak({"error": {"message": text}})
    assert time.process_time() - spent < 60


# -- end to end -------------------------------------------------------------------------------------------------


class Echo:
    """The reference target behind a layer that shows every request's credential wherever an answer has room for it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.shown = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = dict(scope.get("headers", [])).get(b"authorization", b"Bearer nothing_at_all").decode("latin-1")
        key = given.partition(" ")[2]
        forms = [
            given,
            key,
            key.upper(),
            key[::-1],
            key.encode().hex(),
            base64.b64encode(key.encode()).decode(),
            quote(key),
        ]
        body = b""
        start: Message = {}

        async def keep(message: Message) -> None:
            nonlocal body, start
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if not message.get("more_body"):
                await echoed()

        async def echoed() -> None:
            nonlocal body
            data = json.loads(body) if body else None
            if isinstance(data, dict):
                self.shown += 1
                data |= {"debug": forms, "note": " ".join(forms), f"x-{key}": key, "password": "hunter2hunter2"}
                for message in [data, *data.get("data", [])] if isinstance(data.get("data", []), list) else [data]:
                    message["creatorEmail"] = f"{key}@example.test"
                    message.setdefault("creator", {})["name"] = given
                if isinstance(data.get("error"), dict):
                    data["error"]["message"] = (
                        f"{data['error'].get('message')} {' '.join(forms)} password=hunter2hunter2"
                    )
                    data["error"]["id"] = f"trace-{key}"
                body = json.dumps(data, ensure_ascii=True).encode()
            headers = [(n, v) for n, v in start["headers"] if n != b"content-length"]
            headers += [
                (b"x-echo", given.encode()),
                (b"server", given.encode()),
                (b"content-length", b"%d" % len(body)),
            ]
            await send({**start, "headers": headers})
            await send({"type": "http.response.body", "body": body})

        await self.app(scope, receive, keep)


def test_a_target_that_echoes_the_key_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    echoes: list[Echo] = []

    def echoing(given: Service) -> Echo:
        echoes.append(Echo(create_app(given)))
        return echoes[0]

    monkeypatch.setattr(reference, "create_app", echoing)
    ran = run_against(Settings(speed=4, faults=("created-does-not-block",)), tmp_path, "--profile", "core")
    assert echoes[0].shown > 50
    assert ran.status == 1
    files = {p.name: p.read_text(encoding="utf-8") for p in ran.folder.rglob("*") if p.is_file()}
    assert {"history.jsonl", "conformance.json", "report.html", "junit.xml", "summary.md"} <= files.keys()
    assert "[redacted:key:" in files["history.jsonl"]
    for name, text in (*files.items(), ("screen", ran.out), ("errors", ran.err)):
        keys = [form for key in (OWN_KEY, OTHER_KEY) for form in (key, key[::-1], key.encode().hex())]
        assert not _leaks(text, *keys, "hunter2hunter2"), name
        assert not [number for number in SUCCEEDING if number in text], name


@pytest.mark.parametrize("place", ["batchId", "endCursor", "id"])
def test_ids_and_cursors_that_hold_the_key_are_neither_written_nor_sent_back(place: str, tmp_path: Path) -> None:
    said = {
        "batchId": f"batch_{KEY}",
        "id": f"message_{KEY}",
        "data": [],
        "pageData": {"endCursor": KEY, "hasNextPage": True},
    }

    def take(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=said)

    nexts = {
        "batchId": Request(operation="batch_list", campaign=CAMPAIGN, batch=f"batch_{KEY}"),
        "id": Request(operation="message_read", campaign=CAMPAIGN, message=f"message_{KEY}"),
        "endCursor": Request(operation="campaign_list", campaign=CAMPAIGN, query=(("after", KEY),)),
    }
    config = a_config("http://127.0.0.1:9/api/v2")
    with transported(config, tmp_path, inner=lambda: httpx.MockTransport(take)) as transport:
        assert transport.call(Request(operation="campaign_list", campaign=CAMPAIGN)).json == said
        with pytest.raises(GuardError):
            transport.call(nexts[place])
    assert not _leaks((tmp_path / "history.jsonl").read_text(encoding="utf-8"), KEY)


@pytest.mark.parametrize("body", [f'{{"a": "{KEY}"'.encode(), f"<p>{KEY}</p>".encode(), KEY.encode("utf-16")])
def test_an_answer_that_is_no_json(body: bytes, tmp_path: Path) -> None:
    head = f"HTTP/1.1 400 {KEY}\r\nx-{KEY}: {KEY}\r\nlocation: http://{KEY}@h/{KEY}?{KEY}\r\n".encode()
    script = saying(head + b"content-length: %d\r\n\r\n" % len(body) + body)
    with listening(script) as server, transported(a_config(server.url), tmp_path) as transport:
        assert transport.call(RETRY).exchange.status == 400
    assert not _leaks((tmp_path / "history.jsonl").read_text(encoding="utf-8"), KEY)


def test_a_traceback_of_ours_holds_no_key_and_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = json.dumps({"data": [], "pageData": {"hasNextPage": False}}).encode()

    def script(connection: Any) -> None:
        for each in (answer(200, page, kept=True), answer(404, b"{}")):
            request_on(connection)
            connection.sendall(each)

    def boom(*_: Any) -> None:
        raise ValueError(f"Bearer {KEY} to 6591230000 with hunter2hunter2 as password=hunter2hunter2")

    monkeypatch.setitem(DRIVERS, "scenarios", boom)
    with listening(script) as server:
        config: Config = a_config(server.url)
        result = execute(config, Options(report_dir=tmp_path, drivers=("scenarios",)))
    assert result.exit_status == 5
    crash = (tmp_path / CRASH_FILE).read_text(encoding="utf-8")
    assert "ValueError" in crash
    for path in tmp_path.rglob("*"):
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        assert not _leaks(text, KEY)
        assert "91230000" not in text


def test_the_screen_scrubs_what_breaks_before_there_is_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFORMANCE_TARGET__API_KEY", "short")
    status, out, err = command("run", "--target", "http://127.0.0.1:9", "--report-dir", str(tmp_path))
    assert status == 2
    assert "short" not in (out + err).replace("shorter", "")


def test_a_media_type_in_other_letters_is_no_secret() -> None:
    redactor = Redactor((KEY,), ())
    kept = redactor.headers({"Content-Type": "Application/JSON; charset=utf-8"})
    assert kept == {"content-type": "application/json; charset=utf-8"}
    assert KEY not in str(redactor.headers({"Content-Type": f"text/{KEY}"}))


def test_what_a_request_held_is_spared_whatever_was_shown_before() -> None:
    redactor = Redactor([SECRET], [NUMBER])
    token = "eyJhbGciOiJIUzI1NiJ9.eyJiIjoxfQ.c2lnbmF0dXJl"
    said = {"error": {"message": f"no {token}"}, "creatorEmail": token}
    marked = redactor.body(said)
    assert token not in repr(marked)
    assert redactor.body(said, [token]) == {"error": {"message": f"no {token}"}, "creatorEmail": redactor.digest(token)}
    assert redactor.body(said) == marked


def test_the_beginning_of_a_sent_value_is_told_from_when_it_was_sent() -> None:
    redactor = Redactor()
    text = "A text that nobody has sent so far"
    assert redactor.body({"fullMessage": text}) == {"fullMessage": redactor.digest(text)}
    redactor.row(f"{text}, and more of it")
    assert redactor.body({"fullMessage": text}) == {"fullMessage": text}


def test_a_field_of_any_name_is_no_row() -> None:
    redactor = Redactor()
    redactor.body({"values": {"a": "[n:00000000] ours", "b": "somebody's words"}})
    for field in ("values[]", "{}", "data", "header", "ours"):
        assert redactor.body({field: "somebody's words"})[redactor.foreign(field)] == redactor.digest(
            "somebody's words"
        )
