"""Family ERR: codes, envelope, leaks, odd input, and refusals without effect."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from conformance.findings import Finding
from conformance.history.records import Exchange
from conformance.judges.errors.leaks import leak
from tests.story import Story
from tests.test_judge_innocents import done, ready, together

NOT_RETRYABLE = "batch_not_found_or_is_not_retryable"
UNRESOLVED = "unresolved_batch_messages"
NOT_FAILED = "message_not_found_or_retry_message_not_in_failure_status"
ENVELOPE = {"error": {"code": NOT_RETRYABLE, "message": "m", "type": "domain_error", "id": "t"}}


def _asked(cause: str, status: int | None, body: Any = None, *, story: Story | None = None) -> Story:
    """A retry of an id that no batch has."""
    told = story or Story()
    told.members.setdefault("nobody", [])
    told.retry("nobody", status, cause=cause)
    last = told.exchanges[-1]
    media = "none" if body is None else "text" if isinstance(body, str) else "json"
    end = msgspec.structs.replace(last.end, body=body, media=media)
    told.exchanges[-1] = Exchange(invoke=last.invoke, end=end)
    return told


@pytest.mark.parametrize(("status", "body"), [(400, ENVELOPE), (404, ENVELOPE), (404, {"statusCode": 404})])
def test_err_01_an_unknown_batch(status: int, body: Any) -> None:
    story = _asked("id:unknown", status, body)
    assert story.findings() == set()
    assert "BR-ERR-01" in story.exercised()


@pytest.mark.parametrize(("status", "code"), [(400, "parameter_invalid"), (422, "x"), (409, NOT_RETRYABLE), (200, "x")])
def test_err_01_another_answer(status: int, code: str) -> None:
    story = _asked("id:unknown", status, {"error": {**ENVELOPE["error"], "code": code}})
    assert "BR-ERR-01" in story.findings()


@pytest.mark.parametrize("status", [None, 429, 500, 503])
def test_err_01_an_answer_that_says_nothing(status: int | None) -> None:
    story = _asked("id:unknown", status)
    assert "BR-ERR-01" not in story.findings()
    assert "BR-ERR-01" not in story.exercised()


def _processing(status: int, code: str | None) -> Story:
    story = Story().send("b", "FF").retry("b", status, code)
    return story.list("b", only=1).list("b")


def test_err_01_a_batch_that_is_still_processing() -> None:
    assert _processing(400, NOT_RETRYABLE).findings() == set()
    assert _processing(400, UNRESOLVED).findings() == set()
    assert _processing(404, NOT_RETRYABLE).findings() == {"BR-ERR-01"}


def _blocked(status: int, code: str | None, *, wait: float = 0) -> Story:
    """A message that a single retry put to created, with its status read, beside a failed one; then the batch."""
    story = Story().send("b", "FF").look("b").finish("b").look("b").single("b.0")
    # What the single retry does to the status may come within the settling time (rulings 16 and 24).
    story.wait(wait).look("b")
    story.batches["b"] = "messages_enqueuing_failed" if 400 <= status < 500 else story.batches["b"]
    return story.retry("b", status, code).look("b")


def test_err_02_the_code_of_a_blocked_retry() -> None:
    assert _blocked(400, UNRESOLVED).findings() == set()
    assert "BR-ERR-02" in _blocked(400, UNRESOLVED).exercised()
    assert "BR-ERR-02" in _blocked(400, "parameter_invalid").findings()
    assert "BR-ERR-02" in _blocked(409, UNRESOLVED).findings()
    assert "BR-ERR-02" not in _blocked(400, NOT_RETRYABLE).findings()
    assert "BR-ERR-02" in _blocked(400, NOT_RETRYABLE, wait=11).findings()


def test_err_02_a_worker_may_have_the_batch_processed_after_its_messages_are_reset() -> None:
    """An accepted batch retry resets at once, and sets the status a moment later (rulings 5 and 16); not when all have ended."""
    ready = Story().send("b", "FF").look("b").finish("b").look("b")
    begun = ready.retry("b").look("b")
    assert begun.retry("b", 400, NOT_RETRYABLE).look("b").findings() == set()
    ended = Story().send("b", "FF").look("b").finish("b").look("b").retry("b").look("b").finish("b").look("b")
    ended.single("b.0").wait(11).look("b")
    assert "BR-ERR-02" in ended.retry("b", 400, NOT_RETRYABLE).look("b").findings()


def test_err_02_where_the_batch_may_not_have_been_retryable_that_code_passes() -> None:
    story = Story(status=False).send("b", "FF").look("b").finish("b").look("b").single("b.0")
    assert "BR-ERR-02" not in story.retry("b", 400, NOT_RETRYABLE).look("b").findings()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message": "Bad Request", "statusCode": 400},
        {"error": "no"},
        {"error": {"code": "x"}},
    ],
)
def test_err_03_another_envelope(body: Any) -> None:
    assert "BR-ERR-03" in _asked("id:unknown", 400, body).findings()


@pytest.mark.parametrize("cause", ["id:malformed:null-byte", "header:long", "path:suffix"])
def test_err_03_something_in_front_may_refuse_what_is_malformed(cause: str) -> None:
    assert _asked(cause, 400, "<h1>400</h1>").findings() == set()


def test_err_04_ten_kinds_of_odd_input() -> None:
    story = Story()
    for number in range(10):
        assert "BR-ERR-04" not in story.exercised()
        _asked(f"id:malformed:{number}", 400, ENVELOPE, story=story)
    assert story.findings() == set()
    assert "BR-ERR-04" in story.exercised()


def test_err_04_no_batch_is_accepted() -> None:
    assert "BR-ERR-04" in _asked("id:malformed:quote", 201).findings()


def _nearly(status: int, *, acts: bool) -> Story:
    """A quiet batch is retried by an id that is nearly its own, and read."""
    code, taken = (None if status == 201 else NOT_RETRYABLE), (("b.0",) if acts else ())
    return _ready().retry("b", status, code, takes=taken, cause="id:near:longer").look("b").look("ctl")


def test_err_04_an_id_that_is_nearly_a_batch_s_own_is_no_batch_s() -> None:
    assert _nearly(201, acts=False).findings() == {"BR-ERR-04"}
    assert _nearly(201, acts=True).named() == {("BR-ERR-04",), ("BR-ERR-04", "BR-SEL-07")}
    assert _nearly(400, acts=True).named() == {("BR-SEL-07",)}
    assert _nearly(400, acts=False).findings() == set()


def test_err_04_odd_input_that_breaks_it() -> None:
    """Another request is answered between each two: no single outage explains them."""
    story = Story().send("b", "F").finish("b").look("b")
    for _ in range(2):
        _asked("id:malformed:quote", 500, story=story).look("b")
    assert story.findings() == set()
    assert ("BR-ERR-04", "not-repeated") in story.doubts()
    assert _asked("id:malformed:quote", 500, story=story).findings() == {"BR-ERR-04"}
    kinds = Story().send("b", "F").finish("b").look("b")
    for cause, status in (("body:text", 500), ("body:null", 502), ("id:malformed:quote", 500)):
        _asked(cause, status, ENVELOPE, story=kinds).look("b")
    assert kinds.findings() == {"BR-ERR-04"}
    beside = Story()
    for _ in range(3):
        _asked("id:unknown", 404, ENVELOPE, story=_asked("body:text", 500, story=beside))
    assert beside.findings() == {"BR-ERR-04"}


@pytest.mark.parametrize("cause", ["query:force", "header:x-force", "body:json-recipient"])
def test_err_04_one_outage_is_no_input_s_fault(cause: str) -> None:
    """A gateway's 502 whatever is read between, and 500 in a row: the hour, and not the input, may be why (ruling 8)."""
    story = Story().send("b", "F").finish("b").look("b")
    for other in ("query:limit", "body:text", cause):
        _asked(other, 502, "<html>Gateway</html>", story=story).look("b")
    for _ in range(3):
        _asked(cause, 500, ENVELOPE, story=story)
    assert "BR-ERR-04" not in story.findings()
    assert ("BR-ERR-04", "not-repeated") in story.doubts()


@pytest.mark.parametrize(
    ("status", "body"), [(429, ENVELOPE), (401, ENVELOPE), (403, "<html>Gateway</html>"), (404, None), (302, None)]
)
def test_err_04_what_says_nothing_of_the_input_exercises_nothing(status: int, body: Any) -> None:
    """A limit of calls, a dead key, a gateway (rulings 10, 22 and 28)."""
    story = Story()
    for number in range(10):
        _asked(f"id:malformed:{number}", status, body, story=story)
    assert "BR-ERR-04" not in story.exercised()
    for number in range(10):
        _asked(f"id:malformed:{number}", 404, ENVELOPE, story=story)
    assert "BR-ERR-04" in story.exercised()


def test_err_04_what_got_through_when_it_was_sent_again_is_settled() -> None:
    story = _asked("id:malformed:quote", 400, ENVELOPE, story=_asked("id:malformed:quote", 502))
    assert ("BR-ERR-04", "not-repeated") not in story.doubts()
    assert story.findings() == set()


@pytest.mark.parametrize("status", [501, 520, 524])
def test_err_04_what_a_gateway_says_breaks_nothing(status: int) -> None:
    assert _asked("method:PUT", status, story=_asked("method:PUT", status)).findings() == set()


def test_err_04_a_target_that_is_down_is_not_broken_by_input() -> None:
    story = Story().send("b", "F").look("b")
    _asked("id:malformed:quote", 503, story=story)
    story.retry("b", 503)
    _asked("id:malformed:quote", 503, story=story)
    assert "BR-ERR-04" not in story.findings()


def test_err_04_a_way_that_makes_up_5xx_accuses_nobody() -> None:
    before = Story().send("b", "F").finish("b").look("b").retry("b", 503)
    for _ in range(2):
        _asked("id:malformed:quote", 503, story=before)
    assert before.findings() == set()
    assert ("BR-ERR-04", "not-repeated") in before.doubts()


def test_err_04_what_gets_through_when_it_is_sent_again_breaks_nothing() -> None:
    story = Story().send("b", "F").finish("b")
    for cause in ("body:text", "body:null", "id:malformed:quote"):
        _asked(cause, 400, ENVELOPE, story=_asked(cause, 502, story=story))
    assert story.findings() == set()
    for number in range(10):
        _asked(f"id:malformed:{number}", 400, ENVELOPE, story=story)
    assert "BR-ERR-04" in story.exercised()
    assert ("BR-ERR-04", "not-repeated") not in story.doubts()
    for _ in range(3):
        _asked("body:array", 500, story=story).look("b")
    assert "BR-ERR-04" in story.findings()


def test_err_04_a_5xx_of_the_targets_own_stays_a_doubt_though_the_same_gets_through_later() -> None:
    story = _asked("body:text", 400, ENVELOPE, story=_asked("body:text", 500))
    assert ("BR-ERR-04", "not-repeated") in story.doubts()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('Traceback (most recent call last):\n  File "x.py", line 1', "a stack trace"),
        ("TypeError at Retry.run (/app/src/retry.js:10:5)", "a stack trace"),
        ("cannot open /var/lib/postman/keys.json", "a file path"),
        ("Error: x at processTicksAndRejections (node:internal/process/task_queues:95:5)", "a stack trace"),
        ("at Retry.run (webpack:///./src/retry.ts?1a2b:10:5)", "a stack trace"),
        ("at com.gw.Proxy.run(Proxy.java:12)", "a stack trace"),
        ("Rejected at validation (step:3)", None),
        ("Refused at proxy (db.internal:5432)", None),
        ("SELECT id FROM batches WHERE id = 'x'", "SQL"),
        ("ERROR: syntax error at or near", "SQL"),
        ('update "messages" set "status" = $1 where "id" = $2', "SQL"),
        ("select m1.id from messages m1 where m1.batch_id=?", "SQL"),
        ("insert into attempts (id, message) values (?, ?)", "SQL"),
        ("please select a batch from the list, and delete from it what is not needed: is that so?", None),
        ("select one from $5 to $9, or update it (limit 3)", None),
        ("postgres://sms:hunter2@db:5432/sms refused", "a password in a URL"),
        ("see https://docs.example.org/errors?code=1", None),
        ("the key [redacted:key] is wrong", "a configured key"),
        ("the key [redacted:key:0123abcd] is wrong", "a configured key"),
        ("use [redacted:token:0123abcd]", "a token"),
        ("use [redacted:jwt:0123abcd]", "a token"),
        ("[redacted:private-key:0123abcd]", "a private key"),
        ("postgres://[redacted:url-password:0123abcd]@db/x", "a password in a URL"),
        ("[redacted:stack-trace:0123abcd]", "a stack trace"),
        ("password=[redacted:secret]", None),
        ("Cannot POST [redacted:secret]:[redacted:secret]", None),
        ("incident [redacted:unknown:0123abcd], call [redacted:number:0123abcd]", None),
        ("the campaign of [redacted:key-part:0123abcd] is closed", None),
        ('<link href="/app/main.css"><script src="/home/index.js">', None),
        ("Cannot POST /api/v2/campaigns/c/batch/b/retry", None),
        ("batch not found or is not retryable; update your request, then select another", None),
        ("too many requests, retry at 10:35:01", None),
    ],
)
def test_err_05_what_an_error_shows(text: str, found: str | None) -> None:
    assert leak({"error": {"message": text}}) == found
    assert ("BR-ERR-05" in _asked("id:unknown", 404, {"error": {"message": text}}).findings()) == (found is not None)


@pytest.mark.parametrize("shown", ["SELECT * FROM messages WHERE id = $1 FOR UPDATE", "not in failure status"])
def test_err_05_holds_for_single_retries(shown: str) -> None:
    body = {"error": {**ENVELOPE["error"], "message": shown}}
    story = Story().send("b", "FS").finish("b").look("b").single("b.1", 400, body=body)
    assert ("BR-ERR-05" in story.findings()) is shown.startswith("SELECT")


def test_err_05_a_field_that_is_named_so() -> None:
    assert leak({"error": {"stackTrace": "digest:0123456789ab"}}) == "a stack trace"
    assert leak({"error": {"stackTrace": None}}) is None
    assert leak({"error": {"stack": "[redacted:stack-trace:0123abcd]"}}) == "a stack trace"
    # The name of a deployment, too.
    assert leak({"error": {"code": "x"}, "stack": "prod-1"}) is None


def test_err_05_what_a_gateway_shows_is_not_the_target_s() -> None:
    """HTML is a gateway's (rulings 8 and 22): 502 always, and a 4xx up to the third alike; 500 is the target's own."""
    page = "<html>x\n at com.gw.Proxy.run(Proxy.java:12)</html>"
    for status in (502, 503, 520, 400, 403):
        story = _asked("id:unknown", status, page)
        assert story.findings() == set()
        assert ("BR-ERR-05", "gateway-answer") in story.doubts()
        assert "BR-ERR-05" not in story.exercised()
    assert _asked("id:unknown", 500, page).findings() == {"BR-ERR-05"}
    shown = {"error": {**ENVELOPE["error"], "message": page}}
    assert _asked("id:unknown", 502, shown).findings() == {"BR-ERR-05"}
    thrice = _asked("id:unknown", 404, page, story=_asked("id:unknown", 404, page))
    assert thrice.findings() == set()
    assert _asked("id:unknown", 404, page, story=thrice).findings() == {"BR-ERR-05"}


def _ready() -> Story:
    story = Story().send("b", "FF").send("ctl", "FS").finish("b").finish("ctl")
    return story.look("ctl").look("b").look("ctl")


def test_err_06_a_429_with_an_effect() -> None:
    story = _ready().retry("b", 429, "too_many_requests", takes=("b.0",)).look("b").look("ctl")
    assert story.findings() == {"BR-ERR-06"}


def test_err_06_a_429_without_an_effect() -> None:
    story = _ready().retry("b", 429, "too_many_requests").look("b").retry("b").look("b")
    assert story.findings() == set()
    assert "BR-ERR-06" in story.exercised()


def test_err_06_beside_a_refusal_either_may_have_done_it() -> None:
    story = _ready().retry("b", 429, "too_many_requests", takes=("b.0",)).retry("b", 400, UNRESOLVED)
    story.look("b").look("ctl")
    sets = [set(o.any_of) for o in story.opinions() if isinstance(o, Finding)]
    assert {"BR-ERR-06", "BR-BLK-03"} in sets
    assert {"BR-BLK-03"} not in sets


def test_err_07_a_500_with_an_effect() -> None:
    assert "BR-ERR-07" in _ready().retry("b", 500, takes=("b.0", "b.1")).look("b").look("ctl").findings()


def test_err_07_beside_a_refusal_either_may_have_done_it() -> None:
    story = _ready().retry("b", 500).retry("b", 400, UNRESOLVED, takes=("b.0", "b.1"))
    assert "BR-ERR-07" not in story.look("b").look("ctl").findings()


def test_err_07_beside_a_refused_single_retry_of_the_message_either_may_have_done_it() -> None:
    """One of another message may not: the 500 is accused."""
    story = _ready().retry("b", 500).single("b.0", 400, NOT_FAILED, gives=("b.0",))
    assert "BR-ERR-07" not in story.look("b").look("ctl").findings()
    other = _ready().retry("b", 500, takes=("b.0",)).single("b.1", 400, NOT_FAILED)
    assert "BR-ERR-07" in other.look("b").look("ctl").findings()


def test_err_07_a_500_without_an_effect() -> None:
    story = _ready().retry("b", 500).look("b").wait(11).look("b")
    assert story.findings() == set()
    assert "BR-ERR-07" in story.exercised()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("6511112200 has no failed message", True),
        ("call 006511112200", True),
        ("to +65 1111 2200", True),
        ("trace 965111122007731", False),
        ("trace 1006511112200", False),
    ],
)
def test_err_09_a_number_within_a_longer_one_is_no_recipient_s(text: str, shown: bool) -> None:
    story = _ready().retry("b", 400, body={"error": {"code": "x", "message": text, "type": "t", "id": "i"}})
    assert ("BR-ERR-09" in story.look("b").findings()) is shown


@pytest.mark.parametrize("cause", ["id:unknown", "id:malformed:dots"])
@pytest.mark.parametrize(("status", "body"), [(200, "<h1>Welcome</h1>"), (204, None)])
def test_err_04_a_2xx_without_json_may_be_a_gateway_s_twice(cause: str, status: int, body: str | None) -> None:
    """It is no acceptance then, and no refusal either (ruling 22)."""
    story = Story()
    for _ in range(2):
        assert "BR-ERR-04" not in _asked(cause, status, body, story=story).findings()
    for number in range(9):
        _asked(f"id:malformed:{number}", 400, ENVELOPE, story=story)
    assert "BR-ERR-04" not in story.exercised()
    assert "BR-ERR-04" in _asked(cause, status, body, story=story).findings()
    assert "BR-ERR-04" in _asked(cause, 202, {"ok": True}).findings()


@pytest.mark.parametrize("before", [True, False])
def test_err_07_an_earlier_retry_may_come_again(before: bool) -> None:
    """What an accepted retry did may be delivered once more, and late (ruling 26)."""
    story = ready("F")
    if before:
        done(story.retry("b"))
    done(story.look("b").retry("b", 500, "e", takes=("b.0",)).look("b"))
    assert story.named() == {("BR-ERR-07", "BR-SEL-05") if before else ("BR-ERR-07",)}


def _lost_races(*order: str) -> Story:
    """Races of batches of one, in this order, which one retry wins while the other is answered 500.

    A dash is a read between, a dot one that is answered 500 itself.
    """
    story = Story()
    batches = sorted(name for name in order if name not in "-.")
    for batch in batches:
        story.send(batch, "F").look(batch).finish(batch).look(batch)
    for name in order:
        if name == "-":
            story.list(batches[0])
        elif name == ".":
            story.denied(f"{batches[0]}.0", 500)
        else:
            together(story.retry(name).retry(name, 500, "internal_error"))
    for batch in batches:
        story.look(batch).finish(batch)
    story.wait(11)
    for batch in batches:
        story.look(batch)
    return story


@pytest.mark.parametrize(
    ("order", "found"),
    [("a-b-c", True), ("b-c-a", True), ("a-bc-d", True), ("a-bc", False), ("abc", False), ("a.b.c", False)],
)
def test_err_08_losers_of_three_races_that_reads_part(order: str, found: bool) -> None:
    assert ("BR-ERR-08" in _lost_races(*order).findings()) is found
