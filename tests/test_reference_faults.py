"""Each fault of the reference target does what its title says, where the clean target does what is right.

The suite is not involved: that it finds the faults is shown by the kill matrix.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from conformance.catalogue import load
from conformance.reference import (
    faults_refusals,
    faults_requests,
    faults_rounds,
    faults_single,
    faults_sizes,
    faults_stale,
    faults_storage,
)
from conformance.reference.exchange import Answer
from conformance.reference.faults import FAULTS
from conformance.reference.settings import OTHER_CAMPAIGN, OTHER_KEY, OWN_CAMPAIGN, OWN_KEY, Settings
from tests.desk import DELIVERED, FAILING, OTHER_FAILING, RECOVERS, Desk

Probe = Callable[[Desk], Any]
#: Requirements of contract 1.1; the catalogue has the others.
NEWER = {f"BR-{name}" for name in ("IDS-07", "LIV-02", "SGL-01", "SGL-02", "SGL-03", "ERR-08", "ERR-09")}
MIXED = (FAILING, DELIVERED, OTHER_FAILING)


# -- probes: what a client does, and what it then sees ---------------------------------------------------------


def retried(*recipients: str, times: int = 1, **how: Any) -> Probe:
    """Retry a quiescent batch: the statuses, and the attempts when all is terminal."""

    def probe(desk: Desk) -> tuple[list[int], list[int]]:
        batch, statuses = desk.failed(recipients or MIXED), []
        for _ in range(times):
            statuses.append(desk.retry(batch, **how).status)
            desk.wait(1.1)
        desk.wait(0.3)
        desk.listing(batch)
        return statuses, desk.attempts(batch)

    return probe


def kept(text: str, **how: Any) -> Probe:
    """Retry a batch: values and languages afterwards, and whether fullMessage follows the values."""

    def probe(desk: Desk) -> tuple[str, str, bool]:
        batch = desk.failed([FAILING], text)
        desk.retry(batch, **how)
        row = desk.listing(batch)[0]
        return row["values"]["body"].removesuffix(" #0"), row["language"], row["fullMessage"] == row["values"]["body"]

    return probe


def blocked(rows: int = 3, position: int = 0, retries: int = 0) -> Probe:
    """Retry a batch of failures with one that is created: code, attempts, batch status, values and languages."""

    def probe(desk: Desk) -> tuple[str, list[int], str, bool, set[str]]:
        batch = desk.failed([FAILING] * rows)
        one = desk.ids(batch)[position]
        for _ in range(retries):
            desk.retry_one(one)
            desk.wait(1.1)
        desk.retry_one(one)
        values = desk.values(batch)
        code = code_of(desk.retry(batch))
        return (
            code,
            desk.attempts(batch),
            desk.status(batch),
            values == desk.values(batch),
            {row["language"] for row in desk.listing(batch)},
        )

    return probe


def code_of(answer: Answer) -> str:
    """The status of an answer, and the error's code."""
    code = answer.body["error"]["code"] if isinstance(answer.body, dict) and "error" in answer.body else ""
    return f"{answer.status} {code}".strip()


def method(name: str, **how: Any) -> Probe:
    """Use another method on the retry's path: attempts and values afterwards."""

    def probe(desk: Desk) -> tuple[list[int], list[str]]:
        batch = desk.failed([FAILING, FAILING], "text")
        desk.finish(desk.ask(name, f"batch/{batch}/retry", **how))
        return desk.attempts(batch), desk.values(batch)

    return probe


def race(desk: Desk) -> list[str]:
    """Two retries of a batch at once."""
    batch = desk.failed([FAILING])
    answers = [desk.ask("POST", f"batch/{batch}/retry") for _ in range(2)]
    return sorted(code_of(desk.finish(answer)) for answer in answers)


def batch_and_single(desk: Desk) -> tuple[int, int]:
    """A retry of a batch, and of its message just after: the latter's status, most attempts in progress at once."""
    batch = desk.failed([FAILING])
    desk.retry(batch)
    one = desk.target.service.world.batches[batch].messages[0]
    status = desk.retry_one(one.id).status
    most = 0
    for _ in range(20):
        desk.wait(0.1)
        shown = desk.listing(batch)[0]["messageAttempts"]
        most = max(most, sum(a["status"] not in ("success", "failure") for a in shown))
    return status, most


def blocked_again(desk: Desk) -> list[int]:
    """Retry a batch twice in a row, the second time blocked by what the first one reset."""
    batch = desk.failed([FAILING])
    desk.retry(batch)
    desk.retry(batch)
    return desk.attempts(batch)


def single(recipient: str, when: str = "terminal", **how: Any) -> Probe:
    """Retry one of two messages: code, whether the answer is that message, attempts, whether id and values stay."""

    def probe(desk: Desk) -> tuple[str, bool, list[int], bool, bool]:
        batch = desk.send([FAILING, recipient])
        desk.wait(1.1 if when == "terminal" else 0.2)
        ids, values = desk.ids(batch), desk.values(batch)
        answer = desk.retry_one(ids[1], **how)
        named = isinstance(answer.body, dict) and answer.body.get("id") == ids[1]
        return code_of(answer), named, desk.attempts(batch), desk.ids(batch) == ids, desk.values(batch) == values

    return probe


def unknown_single(desk: Desk) -> str:
    """Retry a message that does not exist."""
    return code_of(desk.retry_one("message_00000000-0000-4000-8000-000000000000"))


def views(recipient: str, rounds: int = 1) -> Probe:
    """Retry, and read all views: status and number of attempts in each."""

    def probe(desk: Desk) -> list[tuple[str, int | None]]:
        batch = desk.failed([recipient])
        desk.rounds(batch, rounds)
        listed = desk.listing(batch)[0]
        one, everywhere = desk.message(listed["id"]), desk.campaign()[0]
        assert len(listed["messageAttempts"]) in (listed["numAttempts"], 2, rounds + 1)
        return [
            (listed["latestStatus"], listed["numAttempts"]),
            (listed["latestStatus"], len(listed["messageAttempts"])),
            (one["latestStatus"], len(one["attempts"])),
            (everywhere["latestStatus"], None),
        ]

    return probe


def singles_along(desk: Desk) -> int:
    """Retry a batch while a failed single message stands by: the attempts of that."""
    alone = desk.single(FAILING)
    batch = desk.failed([FAILING])
    desk.retry(batch)
    return len(desk.message(alone)["attempts"])


def batches_after(desk: Desk) -> int:
    """How many batches the messages of the campaign are in, after a retry."""
    desk.retry(desk.failed([FAILING]))
    return len({row["batches"][0]["id"] for row in desk.campaign()})


def delivered_after(desk: Desk) -> tuple[str, int]:
    """A delivered message next to a failed one that was retried: status and attempts."""
    batch = desk.failed([DELIVERED, FAILING])
    desk.retry(batch)
    row = desk.listing(batch)[0]
    return row["latestStatus"], row["numAttempts"]


def newer_batch(desk: Desk) -> str:
    """The status of a batch whose retry was blocked, when a newer one exists."""
    batch = desk.failed([FAILING, FAILING])
    desk.failed([FAILING])
    desk.retry_one(desk.ids(batch)[0])
    desk.retry(batch)
    return desk.status(batch)


def while_processing(desk: Desk) -> list[str]:
    """Retry a batch when the messages of a retry are terminal: batch status before it, and the answer."""
    batch = desk.failed([FAILING])
    desk.rounds(batch, 1)
    return [desk.status(batch), code_of(desk.retry(batch))]


def times_after(desk: Desk) -> bool:
    """Whether the times of a retried message have an offset."""
    batch = desk.failed([FAILING])
    desk.retry(batch)
    return all(str(row["updatedAt"]).endswith("+00:00") for row in desk.listing(batch))


def error_of_the_new_attempt(desk: Desk) -> str | None:
    """The error of an attempt that has just begun."""
    batch = desk.failed([FAILING])
    desk.retry(batch)
    code: str | None = desk.listing(batch)[0]["messageAttempts"][-1]["errorCode"]
    return code


def told(answers: Callable[[Desk, str], Answer]) -> Probe:
    """Whether an error tells a number or a text of the batch."""

    def probe(desk: Desk) -> tuple[int, bool]:
        batch = desk.failed([DELIVERED], "my secret text")
        answer = answers(desk, batch)
        return answer.status, bool(re.search(r"65\d{8}|secret text", str(answer.body)))

    return probe


def foreign(key: str, campaign: str) -> Probe:
    """Retry a message with another key or through another path: is it accepted, and the attempts."""

    def probe(desk: Desk) -> tuple[bool, list[int]]:
        batch = desk.failed([FAILING])
        answer = desk.retry_one(desk.ids(batch)[0], key=key, campaign=campaign)
        return answer.status == 201, desk.attempts(batch)

    return probe


def sometimes(what: Callable[[Desk], Any], times: int) -> Probe:
    """Do the same a number of times: the different outcomes."""
    return lambda desk: {what(desk) for _ in range(times)}


def created_does_block(desk: Desk) -> str:
    """Retry a batch of which a message is created."""
    return code_of(desk.retry(desk.created()))


def accepted_once(desk: Desk) -> tuple[str, tuple[int, ...]]:
    """Retry a quiescent batch of two failures, once: the answer, and the attempts."""
    batch = desk.failed([FAILING, FAILING])
    answer = desk.retry(batch)
    return code_of(answer), tuple(desk.attempts(batch))


def one_by_itself(desk: Desk) -> tuple[str, tuple[int, ...]]:
    """Retry a failed message by itself: the answer, and the attempts."""
    batch = desk.failed([FAILING])
    answer = desk.retry_one(desk.ids(batch)[0])
    return code_of(answer), tuple(desk.attempts(batch))


def block_keeps(desk: Desk) -> str:
    """The status of a batch whose retry was blocked."""
    batch = desk.created()
    desk.retry(batch)
    return desk.status(batch)


# -- the table ------------------------------------------------------------------------------------------------

UNRESOLVED = "400 unresolved_batch_messages"
EMPTY = "400 no_failed_batch_messages_to_retry"
NOT_FAILED = "400 message_not_found_or_retry_message_not_in_failure_status"
QUIET = (UNRESOLVED, [2, 1, 1], "messages_enqueuing_failed", True, {"english"})
FORCE: dict[str, Any] = {"query": {"force": "true"}}
FIRST: dict[str, Any] = {"query": {"limit": "1"}}
STATUS: dict[str, Any] = {"query": {"status": "success"}}
BODY: dict[str, Any] = {"body": {"recipient": FAILING, "language": "malay", "values": {"body": "other #0"}}}
DELETE: dict[str, Any] = {"headers": {"x-http-method-override": "DELETE"}}
ACCEPTED = ("201", True, [1, 2], True, True)
SAME = [("success", 2), ("success", 2), ("success", 2), ("success", None)]

#: Fault: probe, what the clean target shows, what the faulty one does.
TABLE: dict[str, tuple[Probe, Any, Any]] = {
    "body-is-refused-and-carried-out": (retried(**BODY), ([201], [2, 1, 2]), ([400], [2, 1, 2])),
    "query-is-refused-and-carried-out": (retried(**FIRST), ([201], [2, 1, 2]), ([400], [2, 1, 2])),
    "force-resends-the-delivered": (retried(**FORCE), ([201], [2, 1, 2]), ([201], [2, 2, 2])),
    "status-in-the-query-selects": (retried(**STATUS), ([201], [2, 1, 2]), ([201], [1, 2, 1])),
    "limit-in-the-query-counts": (retried(**FIRST), ([201], [2, 1, 2]), ([201], [2, 1, 1])),
    "body-is-accepted-and-dropped": (retried(**BODY), ([201], [2, 1, 2]), ([201], [1, 1, 1])),
    "body-replaces-values": (kept("one", **BODY), ("one", "english", True), ("other", "english", True)),
    "body-replaces-the-language": (kept("one", **BODY), ("one", "english", True), ("one", "malay", True)),
    "header-sets-the-language": (
        kept("one", headers={"accept-language": "ta-SG"}),
        ("one", "english", True),
        ("one", "tamil", True),
    ),
    "override-deletes": (retried(**DELETE), ([201], [2, 1, 2]), ([204], [1, 1])),
    "override-makes-a-post": (
        method("GET", headers={"x-http-method-override": "POST"}),
        ([1, 1], ["text #0", "text #1"]),
        ([2, 2], ["text #0", "text #1"]),
    ),
    "put-empties-values": (method("PUT"), ([1, 1], ["text #0", "text #1"]), ([1, 1], ["", ""])),
    "delete-removes-a-message": (method("DELETE"), ([1, 1], ["text #0", "text #1"]), ([1], ["text #0"])),
    # -- refusals
    "breaks-when-blocked": (created_does_block, UNRESOLVED, "500 internal_error"),
    "breaks-with-nothing-to-retry": (retried(DELIVERED), ([400], [1]), ([500], [1])),
    "breaks-and-carries-out": (retried(), ([201], [2, 1, 2]), ([500], [2, 1, 2])),
    "breaks-and-carries-out-now-and-then": (retried(times=3), ([201] * 3, [4, 1, 4]), ([201, 201, 500], [4, 1, 4])),
    "refuses-every-other-and-carries-it-out": (
        retried(times=3),
        ([201] * 3, [4, 1, 4]),
        ([201, 400, 201], [4, 1, 4]),
    ),
    "blocked-repeats-the-last-round": (blocked_again, [2], [3]),
    "throttled-is-carried-out": (retried(times=3), ([201] * 3, [4, 1, 4]), ([201, 201, 429], [4, 1, 4])),
    "throttled-single-is-carried-out": (
        sometimes(one_by_itself, 3),
        {("201", (2,))},
        {("201", (2,)), ("429 too_many_requests", (2,))},
    ),
    "blocked-empties-values": (blocked(), QUIET, (*QUIET[:3], False, {"english"})),
    "blocked-changes-the-language": (blocked(), QUIET, (*QUIET[:4], {"english", "tamil"})),
    "blocked-restarts-the-blocking": (blocked(), QUIET, (UNRESOLVED, [3, 1, 1], *QUIET[2:])),
    "error-tells-the-number": (told(lambda desk, batch: desk.retry(desk.created())), (400, False), (400, True)),
    "error-tells-the-text": (told(lambda desk, batch: desk.retry(batch)), (400, False), (400, True)),
    "single-error-tells-the-number": (
        told(lambda desk, batch: desk.retry_one(desk.ids(batch)[0])),
        (400, False),
        (400, True),
    ),
    "unknown-tells-numbers": (told(lambda desk, batch: desk.retry("batch_0")), (400, False), (400, True)),
    "breaks-for-the-loser": (race, ["201", UNRESOLVED], ["201", "500 internal_error"]),
    # -- sizes
    "breaks-on-more-than-ten": (retried(*[FAILING] * 11), ([201], [2] * 11), ([500], [1] * 11)),
    "only-the-first-fifteen-listed": (retried(*[FAILING] * 20), ([201], [2] * 20), ([201], [2] * 15 + [1] * 5)),
    "only-the-first-ten-block": (
        blocked(12, 11),
        (UNRESOLVED, [*[1] * 11, 2], *QUIET[2:]),
        ("201", [2] * 12, "messages_enqueued", *QUIET[3:]),
    ),
    "drops-the-last-chunk": (retried(*[FAILING] * 7), ([201], [2] * 7), ([201], [2] * 5 + [1] * 2)),
    "chunks-overlap": (retried(*[FAILING] * 11), ([201], [2] * 11), ([201], [*[2] * 10, 3])),
    "chunks-cross-their-texts": (
        lambda desk: (batch := desk.failed([FAILING] * 11)) and desk.retry(batch) and desk.values(batch)[10],
        "one & two #10",
        "one & two #0",
    ),
    "status-by-the-first-ten": (
        blocked(12, 11),
        (UNRESOLVED, [*[1] * 11, 2], *QUIET[2:]),
        (UNRESOLVED, [*[1] * 11, 2], "messages_enqueued", *QUIET[3:]),
    ),
    # -- single retries
    "single-retries-the-delivered": (
        single(DELIVERED),
        (NOT_FAILED, False, [1, 1], True, True),
        ACCEPTED,
    ),
    "single-retries-the-created": (
        single(FAILING, "created"),
        (NOT_FAILED, False, [1, 1], True, True),
        ACCEPTED,
    ),
    "refused-single-is-carried-out": (
        single(FAILING, "created"),
        (NOT_FAILED, False, [1, 1], True, True),
        (NOT_FAILED, False, [1, 2], True, True),
    ),
    "unknown-message-is-accepted": (unknown_single, NOT_FAILED, "201"),
    "unknown-message-breaks": (unknown_single, NOT_FAILED, "500 internal_error"),
    "another-code-for-singles": (
        single(DELIVERED),
        (NOT_FAILED, False, [1, 1], True, True),
        ("400 parameter_invalid", False, [1, 1], True, True),
    ),
    "single-retries-its-batch": (single(FAILING), ACCEPTED, ("201", True, [2, 2], True, True)),
    "single-retries-the-first": (single(FAILING), ACCEPTED, ("201", True, [2, 1], True, True)),
    "single-answers200": (single(FAILING), ACCEPTED, ("200", *ACCEPTED[1:])),
    "single-answers-another": (single(FAILING), ACCEPTED, ("201", False, *ACCEPTED[2:])),
    "single-makes-a-new-id": (single(FAILING), ACCEPTED, ("201", False, [1, 2], False, True)),
    "single-gives-two-attempts": (single(FAILING), ACCEPTED, ("201", True, [1, 3], True, True)),
    "single-empties-values": (single(FAILING), ACCEPTED, ("201", True, [1, 2], True, False)),
    "foreign-key-retries-one": (foreign(OTHER_KEY, OWN_CAMPAIGN), (False, [1]), (True, [2])),
    "foreign-path-retries-one": (foreign(OTHER_KEY, OTHER_CAMPAIGN), (False, [1]), (True, [2])),
    "single-ignores-its-path": (foreign(OWN_KEY, OTHER_CAMPAIGN), (False, [1]), (True, [2])),
    # -- views
    "count-stays": (views(RECOVERS), SAME, [("success", 1), *SAME[1:]]),
    "listing-keeps-two-attempts": (
        views(FAILING, 2),
        [("failure", 3), ("failure", 3), ("failure", 3), ("failure", None)],
        [("failure", 3), ("failure", 2), ("failure", 3), ("failure", None)],
    ),
    "single-read-never-catches-up": (views(RECOVERS), SAME, [*SAME[:2], ("failure", 1), SAME[3]]),
    "listing-never-catches-up": (views(RECOVERS), SAME, [("failure", 1), ("failure", 1), *SAME[2:]]),
    "campaign-listing-never-catches-up": (views(RECOVERS), SAME, [*SAME[:3], ("sent", None)]),
    "times-without-offset": (times_after, True, False),
    "new-attempt-carries-the-old-error": (error_of_the_new_attempt, None, "recipient_invalid"),
    # -- rounds
    "takes-singles-along": (singles_along, 1, 2),
    "second-batch-appears": (batches_after, 1, 2),
    "resets-the-delivered-in-place": (delivered_after, ("success", 1), ("created", 1)),
    "exhausted-do-not-block": (
        blocked(3, 0, retries=2),
        (UNRESOLVED, [4, 1, 1], *QUIET[2:]),
        ("201", [4, 2, 2], "messages_enqueued", *QUIET[3:]),
    ),
    "status-goes-to-the-newest-batch": (newer_batch, "messages_enqueuing_failed", "messages_enqueued"),
    "carries-out-while-processing": (while_processing, ["messages_enqueued", "201"], ["retrying_messages", "201"]),
    "retries-only-pretend": (views(RECOVERS), SAME, [("failure", count) for _, count in SAME]),
    "dropped-as-duplicates": (views(RECOVERS), SAME, [("failure", count) for _, count in SAME]),
    "worker-acts-blindly": (batch_and_single, (400, 1), (201, 2)),
    "redelivers-jobs": (retried(FAILING), ([201], [2]), ([201], [3])),
    "redelivers-one-job-in-twenty": (
        sometimes(lambda desk: retried(FAILING)(desk)[1][0], 60),
        {2},
        {2, 3},
    ),
    "one-worker-of-four-does-not-block": (sometimes(created_does_block, 4), {UNRESOLVED}, {UNRESOLVED, EMPTY}),
    "one-worker-of-four-answers200": (
        sometimes(lambda desk: accepted_once(desk)[0], 4),
        {"201"},
        {"201", "200"},
    ),
    "one-worker-of-four-retries-one": (
        sometimes(accepted_once, 4),
        {("201", (2, 2))},
        {("201", (2, 2)), ("201", (2, 1))},
    ),
    "one-shard-keeps-the-status": (
        sometimes(block_keeps, 24),
        {"messages_enqueuing_failed"},
        {"messages_enqueuing_failed", "messages_enqueued"},
    ),
    # -- storage: what is kept, and what becomes of it
    "question-marks": (kept("café 你好"), ("café 你好", "english", True), ("caf? ??", "english", True)),
    "mojibake": (kept("café"), ("café", "english", True), ("cafÃ©", "english", True)),
    "decomposes": (kept("caf\u00e9"), ("caf\u00e9", "english", True), ("cafe\u0301", "english", True)),
    "folds-widths": (kept("Ａ ﬁ"), ("Ａ ﬁ", "english", True), ("A fi", "english", True)),
    "loses-four-bytes": (kept("a😀b"), ("a😀b", "english", True), ("ab", "english", True)),
    "cuts-at-four-bytes": (kept("a😀b\nc"), ("a😀b\nc", "english", True), ("a", "english", True)),
    "plain-quotes": (kept("“don’t” – it"), ("“don’t” – it", "english", True), ('"don\'t" - it', "english", True)),
    "loses-leading-zeros": (kept("007 x0"), ("007 x0", "english", True), ("7 x0", "english", True)),
    "groups-digits": (kept("pay 12000 now"), ("pay 12000 now", "english", True), ("pay 12,000 now", "english", True)),
    "shortens-decimals": (kept("pay 1.50 now"), ("pay 1.50 now", "english", True), ("pay 1.5 now", "english", True)),
    "reorders-dates": (kept("by 2026-01-31"), ("by 2026-01-31", "english", True), ("by 31/01/2026", "english", True)),
    "trims-blanks": (kept("  x"), ("  x", "english", True), ("x", "english", True)),
    "plain-blanks": (kept("a\u00a0b"), ("a\u00a0b", "english", True), ("a b", "english", True)),
    "breaks-by-two": (kept("a\nb"), ("a\nb", "english", True), ("a\r\nb", "english", True)),
    "breaks-by-one": (kept("a\r\nb"), ("a\r\nb", "english", True), ("a\nb", "english", True)),
    "breaks-to-blanks": (kept("a\r\nb\nc"), ("a\r\nb\nc", "english", True), ("a b c", "english", True)),
    "cuts-at-160": (kept("x" * 170), ("x" * 170, "english", True), ("x" * 160, "english", True)),
    "cuts-at-255": (kept("é" * 130), ("é" * 130, "english", True), ("é" * 127, "english", True)),
    "decodes-percent-signs": (kept("50%25+1"), ("50%25+1", "english", True), ("50% 1", "english", True)),
    "shows-the-template": (kept("x"), ("x", "english", True), ("x", "english", False)),
    "creator-of-the-retry": (
        lambda desk: (batch := desk.failed([FAILING])) and desk.retry(batch) and desk.listing(batch)[0]["creatorId"],
        "user_1",
        "user_2",
    ),
}  # fmt: skip

MODULES = (
    faults_requests,
    faults_refusals,
    faults_sizes,
    faults_single,
    faults_stale,
    faults_rounds,
    faults_storage,
)


@pytest.mark.parametrize("name", TABLE)
def test_the_fault_does_what_it_says(name: str) -> None:
    probe, right, wrong = TABLE[name]
    assert right != wrong
    assert probe(Desk(Settings())) == right
    assert probe(Desk(Settings(faults=(name,)))) == wrong


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.__name__).rpartition(".")[2])
def test_every_fault_of_the_module_is_in_the_table(module: Any) -> None:
    assert set(module.FAULTS) <= set(TABLE)


def test_every_fault_breaks_something_that_the_contract_names() -> None:
    known = {requirement.id for requirement in load().requirements} | NEWER
    assert all(fault.breaks and set(fault.breaks) <= known for fault in FAULTS.values())
    assert len({fault.title for fault in FAULTS.values()}) == len(FAULTS) >= 130
    assert all(any(name in fault.breaks for fault in FAULTS.values()) for name in NEWER)
