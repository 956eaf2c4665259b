"""Probes that retry a batch: what is accepted, who gains an attempt, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.reference.settings import OWN_CAMPAIGN
from tests.desk import DELIVERED, FAILING, Desk
from tests.probes.common import MIXED, Probe, code_of


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


def joined(desk: Desk) -> list[int]:
    """How many attempts the listing shows of two messages to one number."""
    return [len(row["messageAttempts"]) for row in desk.listing(desk.failed([FAILING, FAILING]))]


def last_code(*recipients: str, rounds: int) -> Probe:
    """Retry a batch so often, and once more: the last code."""

    def probe(desk: Desk) -> str:
        batch = desk.failed(recipients)
        desk.rounds(batch, rounds)
        return code_of(desk.retry(batch))

    return probe


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


def stamps_of_a_delivery(desk: Desk) -> bool:
    """Retry a batch with a delivered message: whether it shows the same deliveredAt before and after."""
    made = desk.failed([FAILING, DELIVERED])
    before = desk.listing(made)[1]["messageAttempts"][0]["deliveredAt"]
    desk.wait(0.5)
    desk.retry(made)
    return bool(before == desk.listing(made)[1]["messageAttempts"][0]["deliveredAt"])


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


def sometimes(what: Callable[[Desk], Any], times: int) -> Probe:
    """Do the same a number of times: the different outcomes."""
    return lambda desk: {what(desk) for _ in range(times)}


def accepted_once(desk: Desk) -> tuple[str, tuple[int, ...]]:
    """Retry a quiescent batch of two failures, once: the answer, and the attempts."""
    batch = desk.failed([FAILING, FAILING])
    answer = desk.retry(batch)
    return code_of(answer), tuple(desk.attempts(batch))


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
