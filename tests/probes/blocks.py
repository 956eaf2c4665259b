"""Probes in which a message that is created, or in progress, stands in the way of a retry."""

from __future__ import annotations

from tests.desk import FAILING, OTHER_FAILING, Desk
from tests.probes.common import Probe, code_of


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


def blocked_again(desk: Desk) -> list[int]:
    """Retry a batch twice in a row, the second time blocked by what the first one reset."""
    batch = desk.failed([FAILING])
    desk.retry(batch)
    desk.retry(batch)
    return desk.attempts(batch)


def blocked_and_left(desk: Desk) -> list[int]:
    """Retry a batch with a message that is created, and leave it alone for a while: the attempts."""
    batch = desk.failed([FAILING] * 2)
    desk.retry_one(desk.ids(batch)[0])
    desk.retry(batch)
    desk.wait(7)
    desk.listing(batch)
    desk.wait(2)
    return desk.attempts(batch)


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


def newer_batch(desk: Desk) -> str:
    """The status of a batch whose retry was blocked, when a newer one exists."""
    batch = desk.failed([FAILING, FAILING])
    desk.failed([FAILING])
    desk.retry_one(desk.ids(batch)[0])
    desk.retry(batch)
    return desk.status(batch)


def errors_behind_a_block(desk: Desk) -> list[str | None]:
    """Block a retry: the error codes of the first attempts of its messages."""
    made = desk.failed([FAILING, FAILING])
    desk.retry_one(desk.ids(made)[0])
    desk.retry(made)
    return [row["messageAttempts"][0]["errorCode"] for row in desk.listing(made)]


def after_a_block(desk: Desk) -> str:
    """Retry a batch that was blocked, when all is terminal."""
    batch = desk.created()
    desk.retry(batch)
    desk.wait(1.1)
    return code_of(desk.retry(batch))


def created_does_block(desk: Desk) -> str:
    """Retry a batch of which a message is created."""
    return code_of(desk.retry(desk.created()))


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
