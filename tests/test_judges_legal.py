"""Soundness: whatever a legal target does, in any of the readings that the rulings allow, nobody is accused.

A puppet keeps the contract by itself (limit 2 or 3, partial enqueue, late effects, lost answers, refusals beside
messages underway, lagging and torn reads) while a random driver talks to it. Seeds are fixed.
"""

from __future__ import annotations

import copy
import random
from typing import Any, Self

import msgspec
import pytest

from conformance.findings import Doubt, Finding
from conformance.history.records import Operation
from tests.story import Story

STAGES = ("created", "enqueued", "sending", "sent")
SETTLE = 5.0


class Legal(Story):
    """A target that keeps the contract, in the reading that its seed draws."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        lag = self.rng.choice([0.0, 0.0, 0.1])
        super().__init__(
            settle=SETTLE,
            fields=self.rng.choice(
                [("numAttempts", "messageAttempts", "attempts"), ("numAttempts",), ("attempts",), ()]
            ),
            status=self.rng.random() < 0.7,
            lag=lag,
        )
        self.limit = self.rng.choice([2, 3])
        self.strict = self.rng.random() < 0.5
        self.partial = self.rng.random() < 0.3
        self.late = self.rng.random() < 0.3
        self.breaks = self.rng.random() < 0.3
        self.lagging = lag
        self.due: list[tuple[float, str, tuple[str, ...]]] = []
        self.trail: list[tuple[float, dict[str, Any], dict[str, str]]] = []

    def snap(self) -> None:
        self.trail.append((self.now, copy.deepcopy(self.messages), dict(self.batches)))

    def _shown(self, message: str, operation: Operation) -> dict[str, Any]:
        if self.lagging and operation != "single_retry":
            self.snap()
            reach = [i for i, (t, _, _) in enumerate(self.trail) if t >= self.now - self.lagging * 0.9]
            first = max(0, reach[0] - 1)
            shown = self.trail[self.rng.randrange(first if self.trail[first][0] else reach[0], len(self.trail))]
            if self.now - self._until(shown) < self.lagging * 0.9 and message in shown[1]:
                now = self.messages, self.batches
                self.messages, self.batches = shown[1], shown[2]
                body = super()._shown(message, operation)
                self.messages, self.batches = now
                return body
        return super()._shown(message, operation)

    def _until(self, shown: tuple[float, dict[str, Any], dict[str, str]]) -> float:
        """Until when that state was the newest."""
        later = [t for t, _, _ in self.trail if t > shown[0]]
        return min(later, default=self.now)

    def tick(self) -> None:
        """Time passes: one message moves, and what is due takes effect."""
        self.take_effect()
        underway = [m for m in self.messages if self.status(m) in STAGES]
        if underway:
            message = self.rng.choice(underway)
            stage = STAGES.index(self.status(message))
            role, tries = self.messages[message]["role"], len(self.messages[message]["attempts"])
            fails = role == "F" or (role == "R" and tries == 1)
            if stage >= 2 and (fails or stage == 3):
                self.move(message, "failure" if fails else "success")
            elif stage < 3:
                self.move(message, STAGES[stage + 1])
            self.snap()

    def take_effect(self) -> None:
        for when, batch, takes in list(self.due):
            if self.now >= when:
                self.due.remove((when, batch, takes))
                for message in takes:
                    self.attempt(message)
                self.batches[batch] = "messages_enqueued"
                self.snap()

    def wait(self, seconds: float) -> Self:
        """Time passes; what is due takes effect in time."""
        end = self.now + seconds
        for when, _, _ in sorted(self.due):
            if self.now < when <= end:
                self.now = when
                self.take_effect()
        self.now = max(self.now, end)
        return self

    def spent(self, message: str) -> bool:
        return len(self.messages[message]["attempts"]) > self.limit

    def ask(self, batch: str) -> None:
        """Batch Send - Retry, as the contract says."""
        statuses = [self.status(m) for m in self.members[batch]]
        failed = [m for m in self.members[batch] if self.status(m) == "failure" and not self.spent(m)]
        if self.breaks and self.rng.random() < 0.3:
            self.retry(batch, self.rng.choice([None, 500, 429, 503]))
        elif self.batches[batch] == "messages_processing":
            self.retry(batch, 400, "batch_not_found_or_is_not_retryable")
        elif "created" in statuses:
            self.blocked(batch)
        elif not failed:
            underway = any(s in STAGES for s in statuses)
            self.retry(batch, 400, "unresolved_batch_messages" if underway else "no_failed_batch_messages_to_retry")
        elif self.strict and any(s in STAGES for s in statuses):
            self.retry(batch, 400, "unresolved_batch_messages")
        else:
            self.accept(batch, failed)
        self.snap()

    def accept(self, batch: str, failed: list[str]) -> None:
        answer = None if self.breaks and self.rng.random() < 0.3 else 201
        takes = tuple(failed)
        if self.partial and self.rng.random() < 0.5:
            takes = tuple(self.rng.sample(failed, self.rng.randrange(len(failed) + 1)))
        partly = len(takes) < len(failed)
        if self.late and not partly:
            self.batches[batch] = "messages_processing"
            self.due.append((self.now + self.rng.uniform(0, SETTLE * 0.9), batch, takes))
            self.retry(batch, answer, takes=())
        else:
            self.batches[batch] = "messages_enqueuing_failed" if partly else "messages_enqueued"
            self.retry(batch, answer, takes=takes)

    def ask_one(self, message: str) -> None:
        """Single Send - Retry, as the contract says."""
        waiting = any(message in takes for _, _, takes in self.due)
        if self.status(message) != "failure" or waiting:
            self.single(message, 400, "message_not_found_or_retry_message_not_in_failure_status")
        elif self.spent(message):
            self.single(message, 400, "too_many_message_attempts_error")
        else:
            self.single(message)
        self.snap()


def _talk(seed: int) -> Legal:
    target = Legal(seed)
    rng = target.rng
    names = ["a", "b", "c"][: rng.randint(1, 3)]
    for name in names:
        target.send(name, "".join(rng.choice("FFFSR") for _ in range(rng.randint(1, 4))))
    pace = rng.choice([1, 3, 8])
    for _ in range(rng.randint(30, 90)):
        batch = rng.choice(names)
        message = rng.choice(target.members[batch])
        for _ in range(rng.randrange(pace)):
            target.tick()
        what = rng.random()
        if what < 0.35:
            target.list(batch)
        elif what < 0.55:
            target.read(message)
        elif what < 0.65:
            target.look(batch)
        elif what < 0.85:
            target.ask(batch)
        elif what < 0.92:
            target.ask_one(message)
        else:
            target.wait(rng.choice([0.2, 1.0, SETTLE + 1]))
    return target


@pytest.mark.parametrize("block", range(5))
def test_a_legal_target_is_never_accused(block: int) -> None:
    for seed in range(block * 40, block * 40 + 40):
        opinions = _talk(seed).opinions()
        crashed = [o.text for o in opinions if isinstance(o, Doubt) and o.code in ("suite-error", "axiom-broken")]
        accused = [(o.any_of, o.summary, o.argument, o.evidence) for o in opinions if isinstance(o, Finding)]
        assert (seed, accused, crashed) == (seed, [], [])


GARBAGE: tuple[Any, ...] = (
    None,
    7,
    -1,
    True,
    "",
    "x",
    [],
    {},
    [None],
    [7],
    {"id": 7},
    10**30,
    "2026-13-45T99:99:99Z",
    "²",
)


def _spoil(rng: random.Random, value: Any) -> Any:
    """The JSON value with garbage in some places."""
    if rng.random() < 0.08:
        return rng.choice(GARBAGE)
    if isinstance(value, dict):
        return {key: _spoil(rng, item) for key, item in value.items() if rng.random() > 0.03}
    if isinstance(value, list):
        return [_spoil(rng, item) for item in value]
    return value


@pytest.mark.parametrize("seed", range(60))
def test_no_answer_breaks_a_judge(seed: int) -> None:
    target = _talk(seed)
    rng = random.Random(seed)
    for i, exchange in enumerate(target.exchanges):
        if exchange.invoke.operation != "batch_send":
            end = msgspec.structs.replace(exchange.end, body=_spoil(rng, exchange.end.body))
            target.exchanges[i] = msgspec.structs.replace(exchange, end=end)
    assert [o.text for o in target.opinions() if isinstance(o, Doubt) and o.code == "suite-error"] == []


def test_a_list_of_attempts_that_is_longer_than_its_number_is_told_and_accuses_nobody() -> None:
    """The number may be of retries only; where it does not keep up, no proof closes, and a reader has to see why."""
    story = Story().send("b", "F").finish("b").look("b").retry("b").finish("b").look("b")
    for exchange in story.exchanges:
        for item in (exchange.end.body or {}).get("data", ()) if exchange.invoke.operation == "batch_list" else ():
            item["numAttempts"] = 1
    assert story.findings() == set()
    assert story.observed()["attempts-beyond-their-number"] == "batch_list"


@pytest.mark.parametrize("numbered", [False, True])
def test_lists_that_hold_the_newest_attempt_only_drop_none(numbered: bool) -> None:
    """No document says that a list holds all; a number that grows beside it bears that out, and none says nothing."""
    story = (
        Story(fields=("messageAttempts", "attempts"))
        .send("b", "F")
        .finish("b")
        .look("b")
        .retry("b")
        .finish("b")
        .look("b")
    )
    for exchange in story.exchanges:
        body = exchange.end.body or {}
        for item in (
            body.get("data", [body])
            if "read" in exchange.invoke.operation or "list" in exchange.invoke.operation
            else ()
        ):
            for name in ("messageAttempts", "attempts"):
                if name in item:
                    # As if it counted retries.
                    item.update({"numAttempts": len(item[name]) - 1} if numbered else {})
                    item[name] = item[name][:1]
    assert story.findings() == set()


def test_a_number_that_stands_still_beside_another_attempt_is_one_that_was_dropped() -> None:
    story = Story().send("b", "F").finish("b").look("b").retry("b").finish("b").look("b")
    for exchange in story.exchanges:
        for item in (exchange.end.body or {}).get("data", ()) if exchange.invoke.operation == "batch_list" else ():
            item.update({"numAttempts": 1, "messageAttempts": item["messageAttempts"][:1]})
    assert "BR-SEL-05" in story.findings()
