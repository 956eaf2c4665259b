"""Each variant of the reference target differs as its title says, and does to messages what the contract asks for."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from conformance.reference.exchange import Answer
from conformance.reference.settings import OTHER_KEY, Settings
from conformance.reference.variants import VARIANTS
from tests.desk import DELIVERED, FAILING, OTHER_FAILING, Desk
from tests.probes.requests import over_plain_http

Probe = Callable[[Desk], Any]


# -- probes ---------------------------------------------------------------------------------------------------


def seconds_of_a_retry(desk: Desk) -> float:
    """How long a retry is decided on."""
    batch = desk.failed([FAILING])
    before = desk.target.clock()
    desk.retry(batch)
    return round(desk.target.clock() - before, 3)


def after_a_retry(lives: float) -> Probe:
    """The attempts in the target's books, so long after a retry."""

    def probe(desk: Desk) -> list[int]:
        batch = desk.failed([FAILING])
        desk.retry(batch)
        desk.wait(lives)
        desk.listing(batch)
        return desk.attempts(batch)

    return probe


def status_after_a_block(*lives: float) -> Probe:
    """The batch's status after a refusal, at once and then so many lifetimes on."""

    def probe(desk: Desk) -> list[str]:
        batch = desk.created()
        desk.retry(batch)
        seen = [desk.status(batch)]
        for more in lives:
            desk.wait(more)
            seen.append(desk.status(batch))
        return seen

    return probe


def status_after_a_single(desk: Desk) -> list[str]:
    """The status of a batch that was set to failing: after a single retry, and a while on."""
    batch = desk.failed([FAILING, FAILING])
    one, two = desk.ids(batch)
    desk.retry_one(one)
    desk.retry(batch)
    desk.retry_one(two)
    seen = [desk.status(batch)]
    desk.wait(0.2)
    return [*seen, desk.status(batch)]


def status_after_a_retry(desk: Desk) -> list[str]:
    """The status of a batch whose retry was accepted: at once, soon after, and a while on."""
    batch = desk.failed([FAILING, FAILING])
    desk.retry(batch)
    seen = [desk.status(batch)]
    for seconds in (0.1, 2.0):
        desk.wait(seconds)
        seen.append(desk.status(batch))
    return seen


def seen_after_a_retry(desk: Desk) -> list[tuple[str, str]]:
    """What batch listing and single read show right after a retry, and a quarter of a second on."""
    batch = desk.failed([FAILING])
    one = desk.ids(batch)[0]
    desk.retry(batch)
    seen = []
    for _ in range(2):
        seen.append((desk.listing(batch)[0]["latestStatus"], desk.message(one)["latestStatus"]))
        desk.wait(0.3)
    return seen


def seen_in_turn(desk: Desk) -> set[str]:
    """What twelve listings show 40 ms after a retry."""
    batch = desk.failed([FAILING])
    desk.retry(batch)
    desk.wait(0.05)
    return {desk.listing(batch)[0]["latestStatus"] for _ in range(12)}


def orders(desk: Desk) -> set[bool]:
    """Whether times of attempts are in the order of the attempts."""
    batch = desk.failed([FAILING] * 8)
    desk.retry(batch)
    shown = [[a["createdAt"] for a in row["messageAttempts"]] for row in desk.listing(batch)]
    return {times == sorted(times) for times in shown}


def updates(desk: Desk) -> bool:
    """Whether updatedAt goes on while a retried message does."""
    batch = desk.failed([FAILING])
    desk.retry(batch)
    first = str(desk.listing(batch)[0]["updatedAt"])
    desk.wait(1.1)
    return first < str(desk.listing(batch)[0]["updatedAt"])


def late(desk: Desk) -> list[str]:
    """A status when it is terminal first, and a lifetime on."""
    batch = desk.failed(["6511119999"])
    seen = [desk.listing(batch)[0]["latestStatus"]]
    desk.wait(1.0)
    return [*seen, desk.listing(batch)[0]["latestStatus"]]


def shown_attempts(desk: Desk) -> tuple[int | None, int | None, int | None, int]:
    """Attempts after a retry: counted, listed, in the single read; and how many fields a message has."""
    batch = desk.failed([FAILING])
    desk.retry(batch)
    row = desk.listing(batch)[0]
    listed, single = (
        None if attempts is None else len(attempts)
        for attempts in (row.get("messageAttempts"), desk.message(row["id"]).get("attempts"))
    )
    return row.get("numAttempts"), listed, single, min(len(row), 4)


def nulls(desk: Desk) -> list[bool]:
    """Whether a listing lacks fullMessage: four times while a message is in progress, once at the end."""
    batch = desk.send([FAILING])
    seen = [desk.listing(batch)[0]["fullMessage"] is None for _ in range(4)]
    desk.wait(1.1)
    return [*seen, desk.listing(batch)[0]["fullMessage"] is None]


def seconds_written(desk: Desk) -> tuple[bool, bool, bool]:
    """Whether the three views write parts of a second."""
    row = desk.listing(desk.failed([FAILING]))[0]
    return "." in row["createdAt"], "." in desk.message(row["id"])["createdAt"], "." in desk.campaign()[0]["createdAt"]


def exhausted_by_singles(desk: Desk) -> list[str]:
    """The code of a fourth single retry."""
    message = desk.ids(desk.failed([FAILING]))[0]
    for _ in range(3):
        desk.retry_one(message)
        desk.wait(1.1)
    return [desk.retry_one(message).body["error"]["code"]]


def pages_of_two(desk: Desk) -> list[int]:
    """How many messages each page of a batch of four holds."""
    batch, held = desk.failed([FAILING] * 4), []
    query = {"limit": "2"}
    for _ in range(4):
        page = desk.finish(desk.ask("GET", f"batch/{batch}/messages", query=query)).body
        held.append(len(page["data"]))
        if not page["pageData"]["hasNextPage"]:
            break
        query = {"limit": "2", "after": page["pageData"]["endCursor"]}
    return held


def looks(of: Callable[[Desk, str], str], sign: str) -> Probe:
    """Whether a text of the target holds a sign, and finds its thing again."""

    def probe(desk: Desk) -> tuple[bool, bool]:
        batch = desk.failed([FAILING, FAILING])
        page = desk.finish(desk.ask("GET", f"batch/{batch}/messages", query={"limit": "1"})).body
        after = {"limit": "1", "after": page["pageData"]["endCursor"]}
        rest = desk.finish(desk.ask("GET", f"batch/{batch}/messages", query=after)).body
        whole = [*page["data"], *rest["data"]] == desk.listing(batch)
        return sign in of(desk, batch), whole

    return probe


def cursor(desk: Desk, batch: str) -> str:
    """The cursor of the batch's first message."""
    page = desk.finish(desk.ask("GET", f"batch/{batch}/messages", query={"limit": "1"})).body
    return str(page["pageData"]["endCursor"])


def answers(times: int) -> Probe:
    """The statuses of so many reads of one message."""

    def probe(desk: Desk) -> set[int]:
        one = desk.single(FAILING)
        return {desk.finish(desk.ask("GET", f"messages/{one}")).status for _ in range(times)}

    return probe


def lost(desk: Desk) -> set[tuple[int, int]]:
    """Retries of twenty-four batches: the statuses, and the attempts."""
    seen = set()
    for _ in range(24):
        batch = desk.failed([FAILING])
        seen.add((desk.retry(batch).status, desk.attempts(batch)[0]))
    return seen


def codings(desk: Desk) -> set[str]:
    """The content codings of reads and retries; what they hold is what it would have been."""
    batch, seen = desk.failed([FAILING]), set()
    for _ in range(4):
        headers = {"accept-encoding": "gzip, deflate"}
        for answer in (
            desk.ask("GET", f"batch/{batch}/messages", query={"limit": "9"}, headers=headers),
            desk.retry(batch, headers=headers),
        ):
            coding = answer.headers.get("content-encoding", "")
            unpack: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.decompress, "deflate": zlib.decompress}
            assert unpack.get(coding, bytes)(answer.content)[:1] in (b"{", b"")
            seen.add(coding)
        desk.wait(1.1)
    return seen


def refusal(**how: Any) -> Probe:
    """A retry with something in it: status, attempts."""

    def probe(desk: Desk) -> tuple[int, list[int]]:
        batch = desk.failed([FAILING])
        return desk.retry(batch, **how).status, desk.attempts(batch)

    return probe


def odd_path(desk: Desk) -> int:
    """A retry at a path with a slash too many."""
    return desk.finish(desk.ask("POST", f"batch/{desk.failed([FAILING])}/retry/")).status


def empty(desk: Desk) -> tuple[bytes, str]:
    """What an empty answer travels as."""
    answer: Answer = desk.retry(desk.failed([FAILING]))
    return answer.content, answer.headers.get("content-encoding", "")


# -- the table ------------------------------------------------------------------------------------------------

FAILED, QUEUED, ENQUEUING = "messages_enqueuing_failed", "messages_enqueued", "messages_enqueuing"
NONE = "message_00000000-0000-4000-8000-000000000000"
OTHER = "campaign_99999999-8888-4777-8666-555555555555"

#: Variant: probe, what the reference shows, what the variant does.
TABLE: dict[str, tuple[Probe, Any, Any]] = {
    "slow-decisions": (seconds_of_a_retry, 0.0, 0.02),
    "slow-answers": (lambda desk: desk.target.service.behaviour.wait(), 0.0, 0.3),
    "fast-target": (lambda desk: desk.listing(desk.send([FAILING]))[0]["latestStatus"], "created", "failure"),
    "worker-selects-late": (after_a_retry(0), [2], [1]),
    "status-follows-soon": (status_after_a_block(0.1), [FAILED, FAILED], [QUEUED, FAILED]),
    "status-follows-late": (status_after_a_block(0.1, 0.8), [FAILED] * 3, [QUEUED, QUEUED, FAILED]),
    "single-retry-sets-the-status": (status_after_a_single, [FAILED, FAILED], [QUEUED, QUEUED]),
    "worker-sets-the-status-late": (status_after_a_retry, [QUEUED] * 3, [QUEUED, "retrying_messages", QUEUED]),
    "single-retry-processes-its-batch": (status_after_a_single, [FAILED, FAILED], ["retrying_message", QUEUED]),
    "lagging-replicas": (seen_after_a_retry, [("created",) * 2] * 2, [("failure",) * 2, ("created",) * 2]),
    "replicas-in-turn": (seen_in_turn, {"created"}, {"created", "sent"}),
    "two-clocks": (orders, {True}, {True, False}),
    "slow-clock-of-workers": (updates, True, False),
    "whole-seconds": (shown_attempts, (2, 2, 2, 4), (None, 2, 2, 4)),
    "late-corrections": (late, ["failure", "failure"], ["failure", "success"]),
    "newest-attempt-only": (shown_attempts, (2, 2, 2, 4), (2, 1, 1, 4)),
    "counts-only": (shown_attempts, (2, 2, 2, 4), (2, None, None, 4)),
    "without-attempts": (shown_attempts, (2, 2, 2, 4), (None, None, None, 4)),
    "bare-messages": (shown_attempts, (2, 2, 2, 4), (None, None, None, 3)),
    "counts-when-sent": (shown_attempts, (2, 2, 2, 4), (1, 2, 2, 4)),
    "null-now-and-then": (nulls, [False] * 5, [False, True, False, True, False]),
    "whole-seconds-in-the-campaign": (seconds_written, (True, True, True), (True, True, False)),
    "last-page-is-empty": (pages_of_two, [2, 2], [2, 2, 0]),
    "tokens-for-ids": (looks(lambda desk, batch: batch, "batch_eyJ"), (False, True), (True, True)),
    "keys-for-ids": (looks(lambda desk, batch: desk.ids(batch)[0], "sk_live_"), (False, True), (True, True)),
    "signed-cursors": (looks(cursor, "eyJ"), (False, True), (True, True)),
    "cursors-with-tokens": (looks(cursor, "token="), (False, True), (True, True)),
    "errors-tell-the-request": (
        lambda desk: "Cannot POST /api/v2/campaigns/" in str(desk.retry("batch_0").body),
        False,
        True,
    ),
    "gateway-noise": (answers(900), {200}, {200, 400, 404, 502}),
    "gateway-loses-answers": (lost, {(201, 2)}, {(201, 2), (502, 2)}),
    "throttles-now-and-then": (answers(80), {200}, {200, 429}),
    "compresses-answers": (codings, {""}, {"gzip", "deflate"}),
    "empty-in-brotli": (empty, (b"", ""), (b"\x06", "br")),
    "bodies-are400": (refusal(body=[1]), (201, [2]), (400, [1])),
    "bodies-are415": (refusal(body=[1]), (201, [2]), (415, [1])),
    "queries-are400": (refusal(query={"force": "true"}), (201, [2]), (400, [1])),
    "overrides-are405": (refusal(headers={"x-http-method-override": "DELETE"}), (201, [2]), (405, [1])),
    "only-json": (refusal(headers={"accept": "text/html"}), (201, [2]), (406, [1])),
    "plain-http-is-redirected": (over_plain_http, None, 301),
    "plain-http-is400": (over_plain_http, None, 400),
    "unknown-message-is404": (lambda desk: desk.retry_one(NONE).status, 400, 404),
    "exhausted-singles-are-not-failed": (
        exhausted_by_singles,
        ["too_many_message_attempts_error"],
        ["message_not_found_or_retry_message_not_in_failure_status"],
    ),
    "foreign-is404": (refusal(campaign=OTHER), (403, [1]), (404, [1])),
    "odd-paths-are-redirected": (odd_path, 404, 308),
}

#: Those whose status or code the rulings' own tests know; only their effect is looked at here.
#: Differs by the scheme alone: see test_reference_tls.
BY_SCHEME = {"https-only"}
OLDER = {name for name, kind in VARIANTS.items() if kind.mixin.__module__.endswith("variants_rulings")}


@pytest.mark.parametrize("name", TABLE)
def test_the_variant_differs_as_it_says(name: str) -> None:
    probe, usual, otherwise = TABLE[name]
    assert usual != otherwise
    assert probe(Desk(Settings())) == usual
    assert probe(Desk(Settings(variants=(name,)))) == otherwise


def test_every_variant_is_in_the_table_and_there_are_enough() -> None:
    assert set(VARIANTS) == OLDER | BY_SCHEME | set(TABLE)
    assert len(VARIANTS) >= 40
    assert len({variant.title for variant in VARIANTS.values()}) == len(VARIANTS)


@pytest.mark.parametrize("speed", [1.0, 8.0])
@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_a_variant_does_to_messages_what_the_contract_asks_for(name: str, speed: float) -> None:
    """Three rounds of retries of a mixed batch, then one more, by the target's own books."""
    desk = Desk(Settings(variants=(name,), speed=speed))
    batch = desk.failed([FAILING, DELIVERED, OTHER_FAILING])
    desk.wait(2.0)
    books, limit = [], desk.target.service.behaviour.limit()
    for _ in range(limit + 1):
        while desk.retry(batch).status in (302, 404, 429):
            desk.wait(0.1)
        desk.wait(2.0)
        desk.finish(desk.ask("GET", f"batch/{batch}/messages", query={"limit": "10"}))
        books.append(desk.attempts(batch))
    assert books == [[n, 1, n] for n in (*range(2, limit + 2), limit + 1)]


def test_two_targets_with_one_seed_draw_alike() -> None:
    for name in ("gateway-noise", "replicas-in-turn", "worker-selects-late", "gateway-loses-answers"):
        seen = [[desk.retry(desk.failed([FAILING])) for _ in range(30)] for desk in (
            Desk(Settings(variants=(name,), seed=3)), Desk(Settings(variants=(name,), seed=3))
        )]  # fmt: skip
        assert [a.content for a in seen[0]] == [a.content for a in seen[1]]


def test_a_key_that_is_revoked_is_refused_from_then_on() -> None:
    desk = Desk(Settings(revoke_after=3))
    read = [desk.finish(desk.ask("GET", "messages", query={"limit": "1"})).status for _ in range(5)]
    assert read == [200, 200, 200, 401, 401]
    other = desk.ask("GET", "messages", query={"limit": "1"}, key=OTHER_KEY, campaign=OTHER)
    assert other.status == 200


def test_a_restart_loses_what_was_there_once() -> None:
    desk = Desk(Settings(restart_after=2))
    batch = desk.failed([FAILING])
    found = [desk.ask("GET", f"batch/{batch}/messages", query={"limit": "1"}).status for _ in range(3)]
    assert found == [200, 200, 404]
    assert desk.ids(desk.failed([FAILING]))


@pytest.mark.parametrize(("rows", "status"), [(30, 201), (31, 400)])
def test_a_batch_may_hold_as_many_rows_as_the_settings_say(rows: int, status: int) -> None:
    lines = "".join(f"\r\n{FAILING},english,x" for _ in range(rows))
    head = '--b\r\nContent-Disposition: form-data; name="file"; filename="f.csv"\r\n\r\nrecipient,language,body'
    form = f"{head}{lines}\r\n--b--"
    desk = Desk(Settings(max_rows=30))
    sent = desk.ask(
        "POST", "batch/messages", headers={"content-type": "multipart/form-data; boundary=b"}, body=form.encode()
    )
    assert sent.status == status
