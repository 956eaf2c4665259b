"""Faults that show only in programs which no scenario plans: it takes the right steps in the right order."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.reference.behaviour import Answer, Behaviour, Call
from conformance.reference.mixins import Fault, fault
from conformance.reference.world import Batch, Message

FAULTS: dict[str, Fault] = {}
_MACHINE = ("machine",)


@fault(FAULTS, "only the first ten failed messages of a batch are retried", "BR-SEL-01", drivers=_MACHINE)
class OnlyTheFirstTen(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        return super().to_retry(batch, call)[:10]


@fault(
    FAULTS,
    "a batch of one message that was retried by itself is refused from then on",
    "BR-ACC-02",
    drivers=_MACHINE,
)
class OneByItselfClosesItsBatch(Behaviour):
    def reset_one(self, message: Message) -> None:
        super().reset_one(message)
        if message.batch is not None and len(message.batch.messages) == 1:
            message.batch.__dict__["closed"] = True

    def retryable(self, batch: Batch) -> bool:
        return super().retryable(batch) and not batch.__dict__.get("closed")


@fault(FAULTS, "a second blocked retry in a row sets the status back", "BR-BLK-02")
class ASecondBlockSetsTheStatusBack(Behaviour):
    def on_blocked(self, batch: Batch) -> Answer:
        answer = super().on_blocked(batch)
        if batch.__dict__.get("blocked"):
            batch.set(self.world.now(), "messages_enqueued")
        batch.__dict__["blocked"] = True
        return answer

    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        super().carry_out(batch, failed)
        batch.__dict__["blocked"] = False

    def reset_one(self, message: Message) -> None:
        super().reset_one(message)
        if message.batch is not None:
            message.batch.__dict__["blocked"] = False


@fault(
    FAULTS,
    "after a retry of its batch, a message that is retried by itself gets two attempts",
    "BR-SEL-05",
    "BR-SEL-08",
    drivers=_MACHINE,
)
class TwoAttemptsAfterABatchRetry(Behaviour):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        super().carry_out(batch, failed)
        batch.__dict__["rounds"] = True

    def reset_one(self, message: Message) -> None:
        super().reset_one(message)
        if message.batch is not None and message.batch.__dict__.get("rounds"):
            super().reset_one(message)


@fault(
    FAULTS,
    "a message that was delivered when it was retried is taken for failed in the next round",
    "BR-SEL-02",
    drivers=_MACHINE,
)
class RemembersTheFailure(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        failed = super().to_retry(batch, call)
        recovered = [
            m
            for m in batch.messages
            if m.status(self.world.now()) == "success" and len(m.attempts) > 1 and not self.exhausted(m)
        ]
        return [*failed, *recovered] if failed else []


@fault(
    FAULTS,
    "a batch that was retried while it was being processed is refused for two lifetimes, by a lock that only time lets go",
    "BR-ACC-02",
    drivers=_MACHINE,
)
class LocksWhatCameTooEarly(Behaviour):
    def retryable(self, batch: Batch) -> bool:
        now = self.world.now()
        if batch.status(now) == "messages_enqueuing":
            batch.__dict__["locked"] = now + 2 * self.settings.lifetime
        return super().retryable(batch) and now >= batch.__dict__.get("locked", 0.0)


@fault(
    FAULTS,
    "once a message was retried by itself, a retry of its batch takes up the delivered ones too",
    "BR-SEL-02",
    drivers=_MACHINE,
)
class RetriesTheDeliveredAfterASingle(Behaviour):
    def reset_one(self, message: Message) -> None:
        super().reset_one(message)
        if message.batch is not None:
            message.batch.__dict__["single"] = True

    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        failed = super().to_retry(batch, call)
        delivered = [m for m in batch.messages if m.status(self.world.now()) == "success"]
        return [*failed, *delivered] if failed and batch.__dict__.get("single") else failed
