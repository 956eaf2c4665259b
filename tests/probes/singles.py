"""Probes of retries of one message by itself, and of messages sent singly."""

from __future__ import annotations

from typing import Any

from tests.desk import FAILING, RECOVERS, Desk
from tests.probes.common import Probe, code_of


def delivered_alone(beside: str = FAILING) -> Probe:
    """A message is delivered by a single retry, and then its batch is retried with a failed one beside it: the attempts."""

    def probe(desk: Desk) -> list[int]:
        batch = desk.failed([RECOVERS, beside])
        desk.retry_one(desk.ids(batch)[0])
        desk.wait(1.1)
        desk.retry(batch)
        return desk.attempts(batch)

    return probe


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


def unknown_single(desk: Desk) -> str:
    """Retry a message that does not exist."""
    return code_of(desk.retry_one("message_00000000-0000-4000-8000-000000000000"))


def singles_along(desk: Desk) -> int:
    """Retry a batch while a failed single message stands by: the attempts of that."""
    alone = desk.single(FAILING)
    batch = desk.failed([FAILING])
    desk.retry(batch)
    return len(desk.message(alone)["attempts"])


def one_by_itself(desk: Desk) -> tuple[str, tuple[int, ...]]:
    """Retry a failed message by itself: the answer, and the attempts."""
    batch = desk.failed([FAILING])
    answer = desk.retry_one(desk.ids(batch)[0])
    return code_of(answer), tuple(desk.attempts(batch))


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
