"""Probes of a reference target: what a client does, and what it then sees, as one value to compare."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from conformance.reference.exchange import Answer
from conformance.reference.settings import OTHER_CAMPAIGN, OWN_CAMPAIGN
from tests.desk import DELIVERED, FAILING, OTHER_FAILING, RECOVERS, Desk

Probe = Callable[[Desk], Any]

#: The usual batch.
MIXED = (FAILING, DELIVERED, OTHER_FAILING)


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


def aged(seconds: float) -> Probe:
    """Retry a batch for the first time, once while it is younger than that, and another once it is older: the statuses."""

    def probe(desk: Desk) -> list[int]:
        young, old = desk.failed([FAILING]), desk.failed([FAILING])
        first = desk.retry(young).status
        desk.wait(seconds / desk.life)
        return [first, desk.retry(old).status]

    return probe


def equal_rows(desk: Desk) -> tuple[list[int], list[int]]:
    """Retry a batch with a row of one number and another text, and one that repeats the first: status and attempts."""
    texts = ("one", "two", "one")
    rows = [(FAILING, "english", {"body": text}) for text in texts]
    batch = str(desk.target.service.behaviour.send(OWN_CAMPAIGN, rows).body["batchId"])
    desk.wait(1.1)
    return [desk.retry(batch).status], desk.attempts(batch)


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


def race_with_single(batch_first: bool) -> Probe:
    """A retry of a batch of one and of its message at once: the codes, batch first, and the attempts."""

    def probe(desk: Desk) -> tuple[str, str, list[int]]:
        batch = desk.failed([FAILING])
        one = desk.ids(batch)[0]
        paths = [f"batch/{batch}/retry", f"messages/{one}/retry"]
        answers = {path: desk.ask("POST", path) for path in (paths if batch_first else paths[::-1])}
        # The longer they take, the later they act.
        for path in sorted(paths, key=lambda path: getattr(answers[path], "seconds", 0.0)):
            answers[path] = desk.finish(answers[path])
        return code_of(answers[paths[0]]), code_of(answers[paths[1]]), desk.attempts(batch)

    return probe


def race_of_singles(desk: Desk) -> tuple[list[str], list[int]]:
    """Two single retries of a message at once: the codes, and the attempts."""
    batch = desk.failed([FAILING])
    one = desk.ids(batch)[0]
    answers = [desk.ask("POST", f"messages/{one}/retry") for _ in range(2)]
    return sorted(code_of(desk.finish(answer)) for answer in answers), desk.attempts(batch)


def pages_backward(desk: Desk) -> list[int]:
    """Read a batch of six in pages of two, back from the last message: how many messages each page holds."""
    batch = desk.failed([FAILING] * 6)
    rows = desk.finish(desk.ask("GET", f"batch/{batch}/messages", query={"limit": "6"})).body
    cursor, held = rows["pageData"]["endCursor"], []
    for _ in range(4):
        query = {"limit": "2", "before": cursor}
        page = desk.finish(desk.ask("GET", f"batch/{batch}/messages", query=query)).body
        held.append(len(page["data"]))
        if not page["pageData"]["hasPreviousPage"]:
            break
        cursor = page["pageData"]["startCursor"]
    return held


def listed_in_pages(desk: Desk) -> list[bool]:
    """Read a batch of three in pages of two, with another batch behind it: whether each message is the batch's."""
    batch = desk.failed([FAILING] * 3)
    own = set(desk.ids(batch))
    desk.failed([FAILING])
    query, found = {"limit": "2"}, []
    for _ in range(2):
        page = desk.finish(desk.ask("GET", f"batch/{batch}/messages", query=query)).body
        found += [message["id"] in own for message in page["data"]]
        query = {"limit": "2", "after": page["pageData"]["endCursor"]}
    return found


def joined(desk: Desk) -> list[int]:
    """How many attempts the listing shows of two messages to one number."""
    return [len(row["messageAttempts"]) for row in desk.listing(desk.failed([FAILING, FAILING]))]


def exhausted_and_blocked(desk: Desk) -> list[int]:
    """Exhaust a message, block its batch by another one, and retry the batch: the attempts."""
    batch = desk.failed([FAILING, OTHER_FAILING])
    one, two = desk.ids(batch)
    for _ in range(3):
        desk.retry_one(one)
        desk.wait(1.1)
    desk.retry_one(two)
    for _ in range(2):
        desk.retry(batch)
        desk.wait(1.1)
    return desk.attempts(batch)


def delivered_alone(desk: Desk) -> list[int]:
    """A message is delivered by a single retry, and then its batch is retried: the attempts."""
    batch = desk.failed([RECOVERS, FAILING])
    desk.retry_one(desk.ids(batch)[0])
    desk.wait(1.1)
    desk.retry(batch)
    return desk.attempts(batch)


def without_a_key(path: str = "retry", **headers: str) -> Probe:
    """Retry a batch with these headers in place of the key, at a spelling of the path: the status."""

    def probe(desk: Desk) -> int:
        target, batch = desk.target.service, desk.failed([FAILING])
        return desk.finish(
            target.answer("POST", f"/campaigns/{OWN_CAMPAIGN}/batch/{batch}/{path}", {}, headers, b"")
        ).status

    return probe


def over_plain_http(desk: Desk) -> int | None:
    """The status of an answer to plain HTTP at a port of HTTPS, with a made-up key; None: it hangs up."""
    if desk.target.service.behaviour.hangs_up:
        return None
    path = f"/campaigns/{OWN_CAMPAIGN}/batch/batch_0/retry"
    headers = {"authorization": "Bearer x", "host": "127.0.0.1:1"}
    return desk.target.service.answer("POST", path, {}, headers, b"", plain=True).status


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


def blocked_and_left(desk: Desk) -> list[int]:
    """Retry a batch with a message that is created, and leave it alone for a while: the attempts."""
    batch = desk.failed([FAILING] * 2)
    desk.retry_one(desk.ids(batch)[0])
    desk.retry(batch)
    desk.wait(7)
    desk.listing(batch)
    desk.wait(2)
    return desk.attempts(batch)


def single_in_progress(desk: Desk) -> tuple[str, list[int]]:
    """Retry a message by itself, and again on its way, when it is created no longer: the code, and the attempts."""
    batch = desk.failed([FAILING])
    (one,) = desk.ids(batch)
    desk.retry_one(one)
    desk.wait(0.5)
    return code_of(desk.retry_one(one)), desk.attempts(batch)


def limits_of_both(desk: Desk) -> list[int]:
    """Retry one of two messages by itself three times, and then the batch as often: the attempts."""
    batch = desk.failed([FAILING, FAILING])
    for _ in range(3):
        desk.retry_one(desk.ids(batch)[0])
        desk.wait(1.1)
    desk.rounds(batch, 3)
    return desk.attempts(batch)


def last_code(*recipients: str, rounds: int) -> Probe:
    """Retry a batch so often, and once more: the last code."""

    def probe(desk: Desk) -> str:
        batch = desk.failed(recipients)
        desk.rounds(batch, rounds)
        return code_of(desk.retry(batch))

    return probe


def two_created(desk: Desk) -> str:
    """Retry a batch of which two messages are created."""
    batch = desk.failed([FAILING] * 3)
    for message in desk.ids(batch)[:2]:
        desk.retry_one(message)
    return code_of(desk.retry(batch))


def forced_next_to_created(desk: Desk) -> str:
    """Retry a batch of which one message is created, with force=true."""
    batch = desk.failed([FAILING] * 2)
    desk.retry_one(desk.ids(batch)[0])
    return code_of(desk.retry(batch, query={"force": "true"}))


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


def foreign(key: str, campaign: str, *, batch: bool = False, known: bool = False) -> Probe:
    """Retry a message, or its batch, with another key or through another path: is it accepted, and the attempts.

    :param known: the key has read its own campaign before.
    """

    def probe(desk: Desk) -> tuple[bool, list[int]]:
        made = desk.failed([FAILING])
        if known:
            desk.ask("GET", "messages", query={"limit": "1"}, key=key, campaign=OTHER_CAMPAIGN)
        how = {"key": key, "campaign": campaign}
        answer = desk.retry(made, **how) if batch else desk.retry_one(desk.ids(made)[0], **how)
        return answer.status == 201, desk.attempts(made)

    return probe


def errors_behind_a_block(desk: Desk) -> list[str | None]:
    """Block a retry: the error codes of the first attempts of its messages."""
    made = desk.failed([FAILING, FAILING])
    desk.retry_one(desk.ids(made)[0])
    desk.retry(made)
    return [row["messageAttempts"][0]["errorCode"] for row in desk.listing(made)]


def stamps_of_a_delivery(desk: Desk) -> bool:
    """Retry a batch with a delivered message: whether it shows the same deliveredAt before and after."""
    made = desk.failed([FAILING, DELIVERED])
    before = desk.listing(made)[1]["messageAttempts"][0]["deliveredAt"]
    desk.wait(0.5)
    desk.retry(made)
    return bool(before == desk.listing(made)[1]["messageAttempts"][0]["deliveredAt"])


def keyless(desk: Desk) -> tuple[int, str]:
    """Retry a batch with a made-up key: the answer, and the batch's status."""
    made = desk.failed([FAILING])
    return desk.retry(made, key="made-up").status, desk.status(made)


def by_another_id(other: Callable[[str], str]) -> Probe:
    """Retry a batch by an id that is made of its own: the status of the answer, and the attempts."""

    def probe(desk: Desk) -> tuple[str, list[int]]:
        batch = desk.failed([FAILING])
        return str(desk.retry(other(batch)).status), desk.attempts(batch)

    return probe


def held_and_ended(desk: Desk) -> tuple[str, str]:
    """Retry a batch that its vendor holds in processing, when its message is terminal: batch status before, and the answer."""
    made = desk.target.service.behaviour.provide("batch_processing", {}, "setup") or {}
    batch = str(made["batchId"])
    desk.wait(1.1)
    return desk.status(batch), code_of(desk.retry(batch))


def after_an_early_retry(desk: Desk) -> str:
    """A batch that was retried while it was being processed, when all of its messages have failed."""
    batch = desk.send([FAILING])
    desk.retry(batch)
    desk.wait(1.1)
    return code_of(desk.retry(batch))


def after_a_block(desk: Desk) -> str:
    """Retry a batch that was blocked, when all is terminal."""
    batch = desk.created()
    desk.retry(batch)
    desk.wait(1.1)
    return code_of(desk.retry(batch))


def one_exhausted(desk: Desk) -> list[int]:
    """Retry a batch of which one message has no retries left: the attempts."""
    batch = desk.failed([FAILING, FAILING])
    for _ in range(3):
        desk.retry_one(desk.ids(batch)[0])
        desk.wait(1.1)
    desk.retry(batch)
    return desk.attempts(batch)


def elsewhere(recipient: str, lives: float) -> Probe:
    """Retry a terminal batch so long after the retry of another one, which fails."""

    def probe(desk: Desk) -> str:
        batch = desk.failed([recipient])
        desk.retry(desk.failed([FAILING]))
        desk.wait(lives)
        return code_of(desk.retry(batch))

    return probe


def race_of_two(desk: Desk) -> list[int]:
    """Two retries of a batch of two at once: the attempts."""
    batch = desk.failed([FAILING, FAILING])
    for answer in [desk.ask("POST", f"batch/{batch}/retry") for _ in range(2)]:
        desk.finish(answer)
    return desk.attempts(batch)


def race_of_recovering(desk: Desk) -> tuple[str, int]:
    """Two retries at once of a message that its first retry delivers: how it ends, and how many attempts it has."""
    batch = desk.failed([RECOVERS])
    for answer in [desk.ask("POST", f"batch/{batch}/retry") for _ in range(2)]:
        desk.finish(answer)
    desk.wait(1.1)
    return str(desk.listing(batch)[0]["latestStatus"]), desk.attempts(batch)[0]


def unknown_body(desk: Desk) -> type:
    """The type of the error of a refusal."""
    return type(desk.retry("batch_0").body["error"])


def unknown_code(desk: Desk) -> Any:
    """The code of the error of a refusal."""
    return desk.retry("batch_0").body["error"]["code"]


def more_pages(desk: Desk) -> Any:
    """What the first of two pages says about a next one, after a retry."""
    batch = desk.failed([FAILING, FAILING])
    desk.retry(batch)
    page = desk.finish(desk.ask("GET", f"batch/{batch}/messages", query={"limit": "1"}))
    return page.body["pageData"]["hasNextPage"]


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


def created_in(language: str) -> Probe:
    """Retry a batch of two, of which the second is created and in some language."""

    def probe(desk: Desk) -> str:
        batch = desk.failed([FAILING, FAILING])
        second = desk.target.service.world.batches[batch].messages[1]
        second.language = language
        desk.retry_one(second.id)
        return code_of(desk.retry(batch))

    return probe


def with_the_telco(desk: Desk) -> list[int]:
    """Retry a batch of two while one of them, which was retried by itself, is at the end of its way: attempts."""
    batch = desk.failed([FAILING, FAILING])
    desk.retry_one(desk.ids(batch)[1])
    desk.wait(0.9)
    desk.retry(batch)
    return desk.attempts(batch)


def single_twice(desk: Desk) -> tuple[str, list[int]]:
    """Retry a message twice by itself: the second answer, and the attempts."""
    batch = desk.failed([FAILING])
    message = desk.ids(batch)[0]
    desk.retry_one(message)
    return code_of(desk.retry_one(message)), desk.attempts(batch)


def next_to_a_single(desk: Desk) -> str:
    """Retry a quiescent batch right after a message was sent by itself."""
    batch = desk.failed([FAILING])
    desk.single(FAILING)
    return code_of(desk.retry(batch))


def single_of_a_recovered(desk: Desk) -> str:
    """Retry a message by itself that a retry of its batch delivered."""
    batch = desk.failed([RECOVERS])
    desk.rounds(batch, 1)
    return code_of(desk.retry_one(desk.ids(batch)[0]))


def ended_in(language: str) -> Probe:
    """Retry a message in some language, and wait: its status."""

    def probe(desk: Desk) -> str:
        batch = desk.failed([FAILING])
        desk.target.service.world.batches[batch].messages[0].language = language
        desk.retry(batch)
        desk.wait(1.1)
        return str(desk.listing(batch)[0]["latestStatus"])

    return probe


def in_two_languages(desk: Desk) -> tuple[list[int], list[str]]:
    """Retry a batch of two, the second in Tamil: attempts and languages."""
    batch = desk.failed([FAILING, FAILING])
    desk.target.service.world.batches[batch].messages[1].language = "tamil"
    desk.retry(batch)
    return desk.attempts(batch), [row["language"] for row in desk.listing(batch)]


def many_at_once(count: int) -> Probe:
    """So many retries of different batches at once: how many were answered 201, and how many messages retried."""

    def probe(desk: Desk) -> tuple[int, int]:
        batches = [desk.failed([FAILING]) for _ in range(count)]
        answers = [desk.ask("POST", f"batch/{batch}/retry") for batch in batches]
        statuses = [desk.finish(answer).status for answer in answers]
        return statuses.count(201), sum(desk.attempts(batch) == [2] for batch in batches)

    return probe
