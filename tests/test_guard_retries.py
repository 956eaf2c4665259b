"""Retries text people: one leaves only for what this run made, or was given and read whole, or for an id that it made up."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote, unquote
from uuid import UUID

import pytest

from conformance.errors import GuardError, UnreadError
from conformance.transport.chance import lettered
from conformance.transport.guard import MALFORMED, Context, Guard
from conformance.transport.paths import Named
from tests.guarding import (
    ALLOWED,
    BATCH,
    FOREIGN,
    JSON,
    MESSAGE,
    NOTHING_YET,
    OTHER,
    OURS,
    a_guard,
    refused,
    request,
)

A, B = ALLOWED
GIVEN = "batch_given"
RETRY = f"/campaigns/{OURS}/batch/{BATCH}/retry"
SINGLE_SEND, BATCH_SEND = Named("single_send", OURS), Named("batch_send", OURS)


def _charge(guard: Guard, path: str = RETRY, method: str = "POST", **context: Any) -> int:
    bare = {"authorization": "Bearer wrong"} if "auth" in context else None
    return guard.check(request(method, path, headers=bare), Context(**context)).charge


def _retry_of(batch: str, campaign: str = OURS) -> str:
    return f"/campaigns/{campaign}/batch/{quote(batch, safe='')}/retry"


def _single_retry_of(message: str, campaign: str = OURS) -> str:
    return f"/campaigns/{campaign}/messages/{message}/retry"


def _page(*messages: tuple[str, Any], after: str | None = None) -> dict[str, Any]:
    return {
        "data": [{"id": name, "recipient": recipient} for name, recipient in messages],
        "pageData": {"hasNextPage": after is not None, "endCursor": after},
    }


# -- what the run made ------------------------------------------------------------------------------------------


def test_what_the_run_made_is_retried_and_charged_by_its_size() -> None:
    guard = a_guard()
    assert _charge(guard) == 2
    assert _charge(guard, _single_retry_of(MESSAGE)) == 1
    assert _charge(guard, _retry_of(BATCH, OTHER)) == 2, "our own batch by the other campaign's path"
    guard.made.learn_send(SINGLE_SEND, 1, {"id": "message_single", "recipient": A})
    assert _charge(guard, _single_retry_of("message_single")) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "path", [RETRY, RETRY + "/", RETRY.replace("/retry", "//RETRY;a=1"), RETRY.replace("r", "%72")]
)
def test_a_probe_that_might_retry_is_charged_as_if_it_did(method: str, path: str) -> None:
    assert _charge(a_guard(), path, method, auth="none", cause="method:x") == 2


FOREIGN_PATHS = {
    "another batch": _retry_of("batch_0002"),
    "another message": _single_retry_of("message_0002"),
    "another campaign": _retry_of(BATCH, "campaign_x"),
    "another campaign's message": _single_retry_of(MESSAGE, "campaign_x"),
    "no batch": _retry_of(""),
    "every batch": _retry_of("*"),
    "other case": _retry_of(BATCH.upper()),
    "a piece more": _retry_of(BATCH + "0"),
    "a piece less": _retry_of(BATCH[:-1]),
    "two by comma": _retry_of(f"{BATCH},batch_0002"),
    "two by a line end": _retry_of(f"{BATCH}\nbatch_0002"),
    "NUL": _retry_of(f"{BATCH}\0batch_0002"),
    "dots": f"/campaigns/{OURS}/batch/{BATCH}/../batch_0002/retry",
    "encoded dots": f"/campaigns/{OURS}/batch/{BATCH}/%2e%2e/batch_0002/retry",
    "dots encoded twice": f"/campaigns/{OURS}/batch/{BATCH}/%252e%252e/batch_0002/retry",
    "an encoded slash": f"/campaigns/{OURS}/batch/{BATCH}%2f..%2fbatch_0002/retry",
    "an encoded slash, one level": f"/campaigns/{OURS}/batch/{BATCH}%2fbatch_0002/retry",
    "encoded five times": "/campaigns/campaign_a/batch/batch_0001%25252525252fx/retry",
    "a back slash": f"/campaigns/{OURS}/batch/{BATCH}%5c..%5cbatch_0002/retry",
    "parameters": f"/campaigns/{OURS}/batch/batch_0002;{BATCH}/retry",
    "behind the retry": f"{RETRY}/../../batch_0002/retry",
    "a query in the path": f"{RETRY}%3Fbatch=batch_0002",
    "a fragment in the path": f"{RETRY}%23",
    "a single retry, oddly": _single_retry_of("message_0002") + "/",
    "our message, oddly": _single_retry_of(MESSAGE) + "/",
    "our message as a batch": _retry_of(MESSAGE),
    "our batch as a message": _single_retry_of(BATCH),
    "every batch of the campaign": f"/campaigns/{OURS}/retry",
    "another endpoint": f"/campaigns/{OURS}/batch/{BATCH}/cancel",
    "another root": "/admin/batch/retry",
    "a full-width id": _retry_of("ｂａｔｃｈ_0001"),
}


@pytest.mark.parametrize("attack", FOREIGN_PATHS)
@pytest.mark.parametrize("context", [Context(), Context(auth="wrong", cause="auth:wrong"), Context(cause="path:odd")])
def test_nothing_else_is_retried(attack: str, context: Context) -> None:
    refused(a_guard(), request("POST", FOREIGN_PATHS[attack]), context)


@pytest.mark.parametrize(
    "answer", [None, [], {}, {"batchId": None}, {"batchId": 7}, {"batchId": [BATCH]}, "batch_0002"]
)
def test_an_odd_answer_to_a_send_makes_nothing_ours(answer: Any) -> None:
    guard = a_guard()
    guard.made.learn_send(BATCH_SEND, 1, answer)
    guard.made.learn_send(SINGLE_SEND, 1, answer)
    refused(guard, request("POST", _retry_of("batch_0002")))


def test_a_target_that_gives_one_id_to_two_batches_is_charged_for_both() -> None:
    guard = a_guard()
    guard.made.learn_send(BATCH_SEND, 3, {"batchId": BATCH})
    assert _charge(guard) == 5


def test_a_batch_is_not_retried_before_it_was_read_whole() -> None:
    """A target may answer a send with the id of an older batch, in which somebody else stands."""
    guard = a_guard()
    guard.made.learn_send(BATCH_SEND, 1, {"batchId": "batch_0002"})
    retry = request("POST", _retry_of("batch_0002"))
    with pytest.raises(UnreadError):
        guard.check(retry, Context())
    guard.made.learn_page("batch_0002", [("limit", "1")], _page(("m1", A), after="c1"))
    refused(guard, retry)
    guard.made.learn_page("batch_0002", [("limit", "1"), ("after", "c1")], _page(("m2", FOREIGN)))
    refused(guard, retry)
    with pytest.raises(GuardError, match="not allowed"):
        guard.check(retry, Context())


def test_a_batch_that_shows_no_row_yet_is_new() -> None:
    guard = a_guard()
    guard.made.learn_send(BATCH_SEND, 3, {"batchId": "batch_0002"})
    guard.made.learn_page("batch_0002", (), {"data": []})
    refused(guard, request("POST", _retry_of("batch_0002")))
    guard.made.learn_page("batch_0002", (), NOTHING_YET)
    assert _charge(guard, _retry_of("batch_0002")) == 3


@pytest.mark.parametrize("shown", [FOREIGN, None, 7])
def test_a_message_that_a_single_send_answers_is_ours_only_if_it_shows_who_was_texted(shown: Any) -> None:
    guard = a_guard()
    guard.made.learn_send(SINGLE_SEND, 1, {"id": "message_single", "recipient": shown})
    refused(guard, request("POST", _single_retry_of("message_single")))


@pytest.mark.parametrize("name", ["YWJjZA==", "batch:7", "a+b", "x,y@z"])
def test_ids_are_opaque(name: str) -> None:
    guard = a_guard()
    guard.made.learn_send(BATCH_SEND, 1, {"batchId": name})
    guard.made.learn_page(name, (), NOTHING_YET)
    assert _charge(guard, _retry_of(name)) == 1


def test_a_single_message_is_no_batch() -> None:
    guard = a_guard()
    guard.made.learn_send(SINGLE_SEND, 1, {"id": "message_single", "recipient": A})
    for name in ("message_single", "single:message_single"):
        refused(guard, request("POST", _retry_of(name)))


def test_a_listing_that_shows_somebody_else_ends_the_retries_of_the_batch_for_good() -> None:
    for shown in (FOREIGN, None, 7, f"{A}0", f"{A[:-2]}**0", ["x"]):
        guard = a_guard()
        guard.made.learn_page(BATCH, (), _page((MESSAGE, A), ("message_0003", shown)))
        refused(guard, request("POST", RETRY))
        refused(guard, request("POST", _single_retry_of(MESSAGE)))
        guard.made.learn_page(BATCH, (), _page((MESSAGE, A)))
        refused(guard, request("POST", RETRY))


#: How a view may write a number: an allowed one of these is none of somebody else's.
WRITTEN = {
    A: True,
    f"+{A}": True,
    f"{A} ": True,
    "+65 1111 1111": True,
    "(65) 1111-1111": True,
    "６５１１１１１１１１": True,
    int(A): True,
    "65******11": True,
    "65••••1111": True,
    "xxxxxx1111": True,
    "****1111": True,
    "6511…": True,
    "******2222": True,
    FOREIGN: False,
    int(FOREIGN): False,
    "+65 9000 0000": False,
    "6590 000 000": False,
    "65900000**": False,
    "******0000": False,
    "****0000": False,
    "65**2***33": False,
    "**********": False,
    "*": False,
    A[2:]: False,
    f"{A}1": False,
    "651111111": False,
    "hidden": False,
    "": False,
    "tel:0123456789ab": False,
    "6" * 5000: False,
    True: False,
    1.5: False,
}
MESSAGE_READ, CAMPAIGN_LIST = Named("message_read", OURS, message=MESSAGE), Named("campaign_list", OURS)
#: Views in which a message may be shown, as they answer with one that has this recipient.
VIEWS: dict[str, tuple[Named, Callable[[Any], Any]]] = {
    "single read": (MESSAGE_READ, lambda shown: {"id": MESSAGE, "recipient": shown}),
    "single read of another id": (MESSAGE_READ, lambda shown: {"id": "message_other", "recipient": shown}),
    "campaign": (CAMPAIGN_LIST, lambda shown: _page(("message_elsewhere", A), (MESSAGE, shown))),
    "batch, a later page": (Named("batch_list", OURS, BATCH), lambda shown: _page((MESSAGE, shown), after="c")),
    "single retry": (Named("single_retry", OURS, message=MESSAGE), lambda shown: {"id": MESSAGE, "recipient": shown}),
    "an error": (MESSAGE_READ, lambda shown: {"error": {"message": {"id": MESSAGE, "recipient": shown}}}),
    "below an unknown field": (CAMPAIGN_LIST, lambda shown: {"x": [{"y": {"messageId": MESSAGE, "recipient": shown}}]}),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("shown", WRITTEN, ids=lambda shown: f"{type(shown).__name__}-{str(shown)[:20]}")
def test_one_answer_of_any_view_that_shows_somebody_else_bars_the_message_and_its_batch(view: str, shown: Any) -> None:
    named, answer = VIEWS[view]
    guard = a_guard()
    guard.made.learn_shown(named, answer(shown))
    if WRITTEN[shown]:
        assert _charge(guard) == 2
        assert _charge(guard, _single_retry_of(MESSAGE)) == 1
        return
    for _ in range(2):
        refused(guard, request("POST", RETRY))
        refused(guard, request("POST", _single_retry_of(MESSAGE)))
        # For good: what is shown afterwards changes nothing.
        guard.made.learn_shown(named, answer(A))
        guard.made.learn_page(BATCH, (), _page((MESSAGE, A)))


@pytest.mark.parametrize("view", ["single read", "campaign", "an error", "below an unknown field"])
def test_what_was_shown_before_the_batch_was_known_counts_too(view: str) -> None:
    named, answer = VIEWS[view]
    guard = a_guard()
    guard.made.learn_send(BATCH_SEND, 1, {"batchId": "batch_new"})
    guard.made.learn_shown(named, json.loads(json.dumps(answer(FOREIGN)).replace(MESSAGE, "message_new")))
    guard.made.learn_page("batch_new", (), _page(("message_new", A)))
    refused(guard, request("POST", _retry_of("batch_new")))
    refused(guard, request("POST", _single_retry_of("message_new")))


def test_a_batch_that_another_view_names_for_somebody_is_barred() -> None:
    guard = a_guard()
    shown = {"id": "message_x", "recipient": FOREIGN, "batches": [{"id": "batch_x"}, {"id": BATCH}]}
    guard.made.learn_shown(CAMPAIGN_LIST, {"data": [shown]})
    refused(guard, request("POST", RETRY))
    refused(guard, request("POST", _single_retry_of(MESSAGE)))


@pytest.mark.parametrize(
    "shown", [None, {}, [], 7, "text", {"data": [{"id": MESSAGE}]}, {"id": MESSAGE, "recipient": None}]
)
def test_an_answer_that_shows_nobody_bars_nothing(shown: Any) -> None:
    guard = a_guard()
    for named, _ in VIEWS.values():
        guard.made.learn_shown(named, shown)
    assert _charge(guard) == 2


def test_messages_are_ours_by_our_batches_listing_only() -> None:
    guard = a_guard(given=[GIVEN])
    guard.made.learn_page("batch_0002", (), _page(("message_0002", A)))
    refused(guard, request("POST", _single_retry_of("message_0002")))
    guard.made.learn_page(GIVEN, (), _page(("message_0005", A), after="c1"))
    refused(guard, request("POST", _single_retry_of("message_0005")))


# -- what it was given ------------------------------------------------------------------------------------------

Walk = Sequence[tuple[dict[str, str], Any]]
WHOLE: Walk = [
    ({"limit": "2"}, _page(("m1", A), ("m2", B), after="c1")),
    ({"limit": "2", "after": "c1"}, _page(("m3", A), ("m4", A), after="c2")),
    ({"limit": "2", "after": "c2"}, _page(("m5", f"+{A}"))),
]
TORN: dict[str, Walk] = {
    "never read": [],
    "not to its end": WHOLE[:2],
    "its last page only": WHOLE[2:],
    "without its first page": WHOLE[1:],
    "a page left out": [WHOLE[0], WHOLE[2]],
    "backward": [({"before": "c9"}, _page(("m1", A)))],
    "searched": [({"search": "6511"}, _page(("m1", A)))],
    "filtered": [({"status": "failure"}, _page(("m1", A)))],
    "two cursors in one": [WHOLE[0], ({"after": "c1", "before": "c0"}, _page(("m3", A)))],
    "no word of an end": [({}, {"data": [{"id": "m1", "recipient": A}]})],
    "an end in words": [({}, {"data": [{"id": "m1", "recipient": A}], "pageData": {"hasNextPage": "false"}})],
    "no cursor": [({}, {"data": [{"id": "m1", "recipient": A}], "pageData": {"hasNextPage": True}})],
    "nothing in it": [({}, _page())],
    "somebody else": [WHOLE[0], (WHOLE[1][0], _page(("m3", FOREIGN), after="c2")), WHOLE[2]],
    "somebody else on the last page": [*WHOLE[:2], (WHOLE[2][0], _page(("m5", FOREIGN)))],
    "no recipient shown": [({}, {"data": [{"id": "m1"}], "pageData": {"hasNextPage": False}})],
    "rows that are none": [({}, {"data": ["m1"], "pageData": {"hasNextPage": False}})],
    "no page": [({}, {"data": None})],
}


def _walked(walk: Walk) -> Guard:
    guard = a_guard(given=[GIVEN])
    for query, answer in walk:
        guard.made.learn_page(GIVEN, list(query.items()), answer)
    return guard


def test_a_given_batch_that_was_read_whole_is_retried_and_charged_by_its_rows() -> None:
    guard = _walked(WHOLE)
    assert _charge(guard, _retry_of(GIVEN)) == 5
    assert _charge(guard, _single_retry_of("m3")) == 1


@pytest.mark.parametrize("walk", TORN)
def test_a_given_batch_that_was_not_read_whole_is_left_alone(walk: str) -> None:
    guard = _walked(TORN[walk])
    refused(guard, request("POST", _retry_of(GIVEN)))
    refused(guard, request("POST", _single_retry_of("m1")))
    guard.made.learn_send(BATCH_SEND, 1, {"batchId": GIVEN})
    refused(guard, request("POST", _retry_of(GIVEN)))


def test_a_parameter_that_is_given_twice_reads_no_page() -> None:
    guard = a_guard(given=[GIVEN])
    guard.made.learn_page(GIVEN, [("limit", "1"), ("limit", "9")], _page(("m1", A)))
    refused(guard, request("POST", _retry_of(GIVEN)))


def test_rows_with_one_id_are_all_charged() -> None:
    guard = _walked([({}, _page(("m1", A), ("m1", B), ("m1", A)))])
    assert _charge(guard, _retry_of(GIVEN)) == 3


# -- what it made up --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [None, *MALFORMED])
def test_an_id_that_was_made_up_may_be_retried_and_costs_nothing(shape: str | None) -> None:
    guard = a_guard()
    draw = random.Random(f"made up:{shape}")
    name = guard.invent(UUID(int=draw.getrandbits(128), version=4), shape)
    assert _charge(guard, f"/campaigns/{OURS}/batch/{name}/retry") == 0
    refused(guard, request("POST", f"/campaigns/campaign_x/batch/{name}/retry"))
    refused(guard, request("POST", f"/campaigns/{OURS}/messages/{name}/retry"))
    other = guard.invent(UUID(int=draw.getrandbits(128), version=4), shape)
    assert other != name
    refused(a_guard(), request("POST", f"/campaigns/{OURS}/batch/{name}/retry"))


def test_an_id_that_turns_out_to_be_a_batch_is_charged() -> None:
    guard = a_guard(given=[f"batch_{lettered(UUID(int=9))}"])
    ours = guard.invent(UUID(int=8))
    guard.made.learn_send(BATCH_SEND, 4, {"batchId": ours})
    refused(guard, request("POST", _retry_of(ours)))
    guard.made.learn_page(ours, (), NOTHING_YET)
    assert _charge(guard, _retry_of(ours)) == 4
    refused(guard, request("POST", _retry_of(guard.invent(UUID(int=9)))))


def test_what_is_made_up_is_a_number_to_nobody_who_reads_one_as_far_as_it_goes() -> None:
    guard, draw = a_guard(), random.Random(5)
    for _ in range(100):
        identifier = UUID(int=draw.getrandbits(128), version=4)
        for text in (guard.invent_message(identifier), *(guard.invent(identifier, s) for s in (None, *MALFORMED))):
            parts = [unquote(text), *re.split(r"[-_]", unquote(text).strip("{}<> x"))]
            assert not any(part[0].isdigit() for part in (parts[0], parts[-1]) if part), text
            assert not re.search(r"[0-9]$", parts[-1]), text


# -- what stands in a retry -------------------------------------------------------------------------------------


def test_a_made_up_message_may_be_retried_and_costs_nothing() -> None:
    guard = a_guard()
    made_up = guard.invent_message(UUID(int=8))
    assert _charge(guard, _single_retry_of(made_up)) == 0
    assert _charge(guard, _single_retry_of(made_up, OTHER), cause="campaign:other") == 0
    refused(guard, request("POST", _single_retry_of(made_up, "campaign_x")))
    refused(a_guard(), request("POST", _single_retry_of(guard.invent_message(UUID(int=9)))))
    # It is the id of a message only, and made up whole: no batch, and nothing near it.
    refused(guard, request("POST", _retry_of(made_up)))
    refused(guard, request("POST", _single_retry_of(made_up[:-1])))
    refused(guard, request("POST", _single_retry_of(guard.invent(UUID(int=10)))))


def test_a_made_up_message_that_turns_out_to_be_ours_is_charged_and_one_that_texts_a_stranger_is_barred() -> None:
    guard = a_guard()
    ours, foreign = guard.invent_message(UUID(int=8)), guard.invent_message(UUID(int=9))
    guard.made.learn_send(SINGLE_SEND, 1, {"id": ours, "recipient": A})
    assert _charge(guard, _single_retry_of(ours)) == 1
    guard.made.learn_shown(Named("message_read", OURS, message=foreign), {"id": foreign, "recipient": FOREIGN})
    refused(guard, request("POST", _single_retry_of(foreign)))


def test_a_method_override_is_tried_on_a_retry_only_and_charged_as_one() -> None:
    guard = a_guard()
    headers = {"x-http-method-override": "POST"}
    assert guard.check(request("GET", RETRY, headers=headers), Context(cause="method:GET-as-POST")).charge == 2
    refused(guard, request("GET", f"/campaigns/{OURS}/batch/{BATCH}/messages", headers=headers))


BODIES: dict[str, tuple[str | bytes, str | None]] = {
    "JSON": (f'{{"recipient": "{FOREIGN}"}}', JSON),
    "a number": (f'{{"recipient": {FOREIGN}}}', JSON),
    "another name": (f'{{"phoneNumber": "{FOREIGN}"}}', JSON),
    "`to`": (f'{{"to": "{FOREIGN}"}}', JSON),
    "deep": (f'{{"a": [[{{"recipients": [[{{"x": "{FOREIGN}"}}]]}}]]}}', JSON),
    "as a field's name": (f'{{"recipients": {{"{FOREIGN}": null}}}}', JSON),
    "as a field's name, with nothing in it": (f'{{"recipients": {{"{FOREIGN}": {{}}}}}}', JSON),
    "a key twice": (f'{{"recipient": "{FOREIGN}", "recipient": "{A}"}}', JSON),
    "an escaped name": (f'{{"\\u0072ecipient": "{FOREIGN}"}}', JSON),
    "an escaped name in what is no JSON": (f'{{"\\u0072ecipient": "{FOREIGN}",}}', JSON),
    "an escaped name, too deep to be read": ("[" * 9999 + f'{{"\\u0072ecipient":"{FOREIGN}"}}' + "]" * 9999, JSON),
    "a full-width name": (f'{{"ｒｅｃｉｐｉｅｎｔ": "{FOREIGN}"}}', JSON),
    "zero-width characters": (f'{{"reci\u200bpient": "{FOREIGN}"}}', JSON),
    "JSON in a text": (f'{{"data": "{{\\"recipient\\": \\"{FOREIGN}\\"}}"}}', JSON),
    "JSON lines": (f'{{"a": 1}}\n{{"recipient": "{FOREIGN}"}}', JSON),
    "a form": (f"a=b&recipient={FOREIGN}", "application/x-www-form-urlencoded"),
    "a form in capitals": (f"recipient={FOREIGN}", "Application/X-WWW-Form-URLEncoded"),
    "a form by semicolons": (f"a=b;recipient={FOREIGN}", "application/x-www-form-urlencoded"),
    "a form, encoded": (f"%72ecipient={FOREIGN}", "application/x-www-form-urlencoded"),
    "a form, encoded twice": (f"%2572ecipient={FOREIGN}", "application/x-www-form-urlencoded"),
    "a form with nobody": ("recipient=", "application/x-www-form-urlencoded"),
    "JSON in a form": (f'body={{"recipient":"{FOREIGN}"}}', "application/x-www-form-urlencoded"),
    "a form that says to be JSON": (f"recipient={FOREIGN}", JSON),
    "multipart": (
        f'--b\r\nContent-Disposition: form-data; name="recipient"\r\n\r\n{FOREIGN}\r\n--b--\r\n',
        "multipart/form-data; boundary=b",
    ),
    "CSV": (f"recipient,language\r\n{FOREIGN},english\r\n", "text/csv"),
    "XML": (f"<m><recipient>{FOREIGN}</recipient></m>", "application/xml"),
    "XML with entities": (f"<m><&#114;ecipient>{FOREIGN}</recipient></m>", "application/xml"),
    "UTF-16": (f'{{"recipient": "{FOREIGN}"}}'.encode("utf-16"), f"{JSON}; charset=utf-16"),
    "UTF-16 unsaid": (f'{{"recipient": "{FOREIGN}"}}'.encode("utf-16"), JSON),
    "UTF-7": (b'{"+AHIAZQBjAGkAcABpAGUAbgB0-": "6590000000"}', f"{JSON}; charset=utf-7"),
    "no type": (f'{{"recipient": "{FOREIGN}"}}', None),
}


@pytest.mark.parametrize("attack", BODIES)
def test_no_body_of_a_retry_names_anybody_else(attack: str) -> None:
    content, kind = BODIES[attack]
    refused(a_guard(), request("POST", RETRY, content, kind), Context(cause="body:x"))
    made_up = a_guard()
    path = f"/campaigns/{OURS}/batch/{made_up.invent(UUID(int=5))}/retry"
    refused(made_up, request("POST", path, content, kind), Context(cause="body:x"))


HARMLESS: dict[str, tuple[str, str]] = {
    "an allowed recipient": (f'{{"recipient": "{B}", "language": "english", "values": {{"body": "x"}}}}', JSON),
    "an allowed recipient with a plus": (f'{{"recipient": "+{B}"}}', JSON),
    "ids": ('{"messageIds": ["message_11111111-2222-4333-8444-555555555555"]}', JSON),
    "null": ("null", JSON),
    "text": ("retry, please", "text/plain"),
    "a number in a text": ("order 6590000000", "text/plain"),
    "a number in JSON": ('{"count": 6590000000}', JSON),
    "broken JSON": ('{"a":', JSON),
    "deep": ("[" * 60 + "]" * 60, JSON),
    "a form": ("force=true&limit=0", "application/x-www-form-urlencoded"),
}


@pytest.mark.parametrize("body", HARMLESS)
def test_the_suites_own_probes_pass(body: str) -> None:
    content, kind = HARMLESS[body]
    assert a_guard().check(request("POST", RETRY, content, kind), Context(cause="body:x")).charge == 2


QUERIES = {
    "recipient": f"recipient={FOREIGN}",
    "in capitals": f"RECIPIENT={FOREIGN}",
    "encoded": f"%72ecipient={FOREIGN}",
    "encoded twice": f"%2572ecipient={FOREIGN}",
    "by semicolon": f"a=1;recipient={FOREIGN}",
    "as an array": f"recipients[]={FOREIGN}",
    "below": f"message[to]={FOREIGN}",
    "JSON": f"body=%7B%22recipient%22:%22{FOREIGN}%22%7D",
    "a filter": f"filter=recipient%20eq%20{FOREIGN}",
    "twice": f"recipient={A}&recipient={FOREIGN}",
    "nobody": "recipient=",
    "plus for a blank": f"re+to={FOREIGN}",
}


@pytest.mark.parametrize("attack", QUERIES)
def test_no_query_of_a_retry_names_anybody_else(attack: str) -> None:
    refused(a_guard(), request("POST", f"{RETRY}?{QUERIES[attack]}"), Context(cause="query:x"))
    refused(a_guard(), request("POST", f"{RETRY};{QUERIES[attack]}"), Context(cause="path:x"))


def test_a_query_of_the_suites_own_passes() -> None:
    query = f"recipient={B}&force=true&messageId=message_11111111-2222-4333-8444-555555555555"
    assert _charge(a_guard(), f"{RETRY}?{query}", cause="query:recipient") == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-recipient", FOREIGN),
        ("X-Phone-Number", FOREIGN),
        ("to", FOREIGN),
        ("x_recipient", FOREIGN),
        ("cookie", f"recipient={FOREIGN}"),
        ("x-body", f'{{"recipient":"{FOREIGN}"}}'),
    ],
)
def test_no_header_names_anybody_else(name: str, value: str) -> None:
    refused(a_guard(), request("POST", RETRY, headers={name: value}), Context(cause="header:x"))
