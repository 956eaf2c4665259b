"""Faults in what a retry decides and does."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.config import SIMULATOR_FAILING
from conformance.reference.behaviour import Answer, Behaviour, Call
from conformance.reference.mixins import Fault, fault
from conformance.reference.world import Batch, Message

FAULTS: dict[str, Fault] = {}


@fault(FAULTS, "201 while the batch is still being enqueued, and nothing is retried", "BR-ACC-01", "BR-ACC-05")
class AcceptsWhileProcessing(Behaviour):
    def retry(self, call: Call, batch_id: str) -> Answer:
        batch = self.find_batch(call, batch_id)
        if batch is not None and not self.retryable(batch):
            return self.accepted(batch)
        return super().retry(call, batch_id)


@fault(FAULTS, "a batch can be retried only once", "BR-ACC-06", "BR-SEL-04")
class OnlyOneRound(Behaviour):
    def retryable(self, batch: Batch) -> bool:
        return super().retryable(batch) and not any(self.retried(m) for m in batch.messages)


@fault(FAULTS, "the first retry of a quiescent batch is refused", "BR-ACC-02")
class NeverRetryable(Behaviour):
    def retryable(self, batch: Batch) -> bool:
        return False


@fault(FAULTS, "a batch in messages_enqueuing_failed stays refused", "BR-ACC-03")
class EnqueuingFailedIsFinal(Behaviour):
    def retryable(self, batch: Batch) -> bool:
        return batch.status(self.world.now()) == "messages_enqueued"


@fault(FAULTS, "an accepted retry is answered 200", "BR-ACC-04")
class Answers200(Behaviour):
    def accepted(self, batch: Batch) -> Answer:
        return Answer(200)


@fault(FAULTS, "an accepted retry is answered with the body {}", "BR-ACC-04")
class AnswersABody(Behaviour):
    def accepted(self, batch: Batch) -> Answer:
        return Answer(201, {})


@fault(FAULTS, "201, but nothing is attempted", "BR-ACC-05", "BR-SEL-01")
class AttemptsNothing(Behaviour):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        return


@fault(FAULTS, "a created message does not block", "BR-BLK-01")
class CreatedDoesNotBlock(Behaviour):
    def blocks(self, message: Message) -> bool:
        return False


@fault(FAULTS, "only the first message of a batch is looked at for created", "BR-BLK-01")
class OnlyTheFirstBlocks(Behaviour):
    def blocked(self, batch: Batch) -> bool:
        return self.blocks(self.listed(batch.messages)[0])


@fault(FAULTS, "the last message of a batch is not looked at for created", "BR-BLK-01")
class TheLastDoesNotBlock(Behaviour):
    def blocked(self, batch: Batch) -> bool:
        return any(self.blocks(m) for m in self.listed(batch.messages)[:-1])


@fault(FAULTS, "a blocked retry leaves the batch's status alone", "BR-BLK-02")
class BlockedKeepsStatus(Behaviour):
    def on_blocked(self, batch: Batch) -> Answer:
        return self.error(400, "unresolved_batch_messages")


@fault(FAULTS, "a blocked retry sets the status only of a batch that no retry was accepted of before", "BR-BLK-02")
class SetsTheStatusInTheFirstRoundOnly(Behaviour):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        super().carry_out(batch, failed)
        batch.__dict__["retried"] = True

    def on_blocked(self, batch: Batch) -> Answer:
        if batch.__dict__.get("retried"):
            return self.error(400, "unresolved_batch_messages")
        return super().on_blocked(batch)


@fault(FAULTS, "a blocked retry is refused, but retries the failed messages all the same", "BR-BLK-03", "BR-SEL-07")
class BlockedRetriesTheRest(Behaviour):
    def on_blocked(self, batch: Batch) -> Answer:
        answer = super().on_blocked(batch)
        now = self.world.now()
        for message in batch.messages:
            if message.status(now) == "failure" and not self.exhausted(message):
                self.reset(message)
        return answer


@fault(FAULTS, "only the first failed message is retried", "BR-SEL-01")
class OnlyTheFirstFailed(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        return super().to_retry(batch, call)[:1]


@fault(FAULTS, "delivered messages are retried too", "BR-SEL-02")
class RetriesTheDelivered(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        failed = super().to_retry(batch, call)
        delivered = [m for m in batch.messages if m.status(self.world.now()) == "success"]
        return [*failed, *delivered] if failed else []


@fault(
    FAULTS,
    "a retry resets messages that are in progress, and created no longer, too",
    "BR-SEL-02",
    "BR-SEL-08",
)
class ResetsThoseUnderway(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        failed = super().to_retry(batch, call)
        now = self.world.now()
        moving = [m for m in batch.messages if m.status(now) not in ("created", "success", "failure")]
        return [*failed, *moving] if failed else []


@fault(
    FAULTS,
    "latestStatus stays that of the first attempt",
    "BR-SEL-03",
)
class StatusOfAnOldAttempt(Behaviour):
    def view(self, message: Message, view: str) -> dict[str, object]:
        shown = super().view(message, view)
        if len(message.attempts) > 1:
            shown["latestStatus"] = self.status_name(message.attempts[0].status(self.world.now()))
        return shown


@fault(FAULTS, "a message may be retried once only", "BR-SEL-04")
class LimitOfOne(Behaviour):
    def limit(self) -> int:
        return 1


@fault(FAULTS, "a message may be retried without limit", "BR-SEL-04")
class NoLimit(Behaviour):
    def limit(self) -> int:
        return 1000


@fault(FAULTS, "single retries do not count against the limit of batch retries", "BR-SEL-04", "BR-SEL-09")
class SingleRetriesAreFree(Behaviour):
    def reset_one(self, message: Message) -> None:
        super().reset_one(message)
        free = getattr(message, "free", 0)
        message.__dict__["free"] = free + 1

    def retried(self, message: Message) -> int:
        return super().retried(message) - int(message.__dict__.get("free", 0))


@fault(FAULTS, "a batch whose messages have no retries left is refused with another code", "BR-SEL-04", "BR-SEL-06")
class AnotherCodeWhenSpent(Behaviour):
    def nothing_to_retry(self, batch: Batch) -> Answer:
        return self.error(400, "parameter_invalid")


@fault(FAULTS, "a retry gives each message two attempts", "BR-SEL-05", "BR-SEL-08")
class TwoAttemptsAtOnce(Behaviour):
    def reset(self, message: Message) -> None:
        super().reset(message)
        super().reset(message)


@fault(FAULTS, "a retry replaces the attempts before it", "BR-SEL-05")
class ForgetsAttempts(Behaviour):
    def reset(self, message: Message) -> None:
        super().reset(message)
        for attempt in message.attempts[:-1]:
            attempt.id = self.world.new_id("attempt")


@fault(FAULTS, "a batch that wholly succeeded is accepted", "BR-SEL-06")
class AcceptsTheDelivered(Behaviour):
    def nothing_to_retry(self, batch: Batch) -> Answer:
        return self.accepted(batch)


@fault(FAULTS, "failed messages are retried once by themselves, a little later", "BR-SEL-07")
class RetriesByItself(Behaviour):
    def timeline(self, message: Message, start: float, number: int) -> list[tuple[float, str]]:
        path = super().timeline(message, start, number)
        if number == 1 and message.recipient in SIMULATOR_FAILING:
            self.begin_later(message, path[-1][0] + 1.5 * self.settings.lifetime)
        return path

    def begin_later(self, message: Message, at: float) -> None:
        """Plan a second attempt; it shows only once its time has come."""
        message.__dict__["again"] = at

    def view(self, message: Message, view: str) -> dict[str, object]:
        at = message.__dict__.pop("again", None)
        if at is not None and self.world.now() >= at and len(message.attempts) == 1:
            self.begin(message)
        elif at is not None:
            message.__dict__["again"] = at
        return super().view(message, view)


@fault(FAULTS, "a retry takes up the failed messages of every batch in the campaign", "BR-SEL-07")
class RetriesOtherBatches(Behaviour):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        super().carry_out(batch, failed)
        now = self.world.now()
        for message in self.world.messages[batch.campaign]:
            if message.batch is not batch and message.status(now) == "failure" and not self.exhausted(message):
                self.reset(message)


@fault(FAULTS, "one message with no retries left keeps its whole batch from being retried", "BR-SEL-09")
class OneSpentStopsAll(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        return [] if any(self.exhausted(m) for m in batch.messages) else super().to_retry(batch, call)


@fault(FAULTS, "a created message anywhere in the campaign blocks", "BR-SEL-10", "BR-ACC-02")
class CreatedElsewhereBlocks(Behaviour):
    def blocked(self, batch: Batch) -> bool:
        return any(self.blocks(m) for m in self.world.messages[batch.campaign])


@fault(FAULTS, "a retried message stays where it is, in sending", "BR-LIV-01")
class RetriedGetStuck(Behaviour):
    def timeline(self, message: Message, start: float, number: int) -> list[tuple[float, str]]:
        path = super().timeline(message, start, number)
        return path[:3] if number > 1 else path


@fault(FAULTS, "a retried message gets a new id", "BR-IDS-01", "BR-IDS-04")
class NewIds(Behaviour):
    def reset(self, message: Message) -> None:
        super().reset(message)
        message.id = self.world.new_id("message")


@fault(FAULTS, "a retry loses the last failed message", "BR-IDS-01")
class LosesAMessage(Behaviour):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        super().carry_out(batch, failed)
        if len(batch.messages) > 1:
            batch.messages.remove(failed[-1])
            self.world.messages[batch.campaign].remove(failed[-1])


@fault(FAULTS, "a retry adds copies of the failed messages to the batch", "BR-IDS-01")
class CopiesMessages(Behaviour):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        now = self.world.now()
        for message in failed:
            copy = Message(
                self.world.new_id("message"), message.recipient, message.language, message.values, now, batch
            )
            self.begin(copy)
            batch.messages.append(copy)
            self.world.messages[batch.campaign].append(copy)
        super().carry_out(batch, failed)


@fault(FAULTS, "the retried messages move to a new batch", "BR-IDS-02", "BR-IDS-01", "BR-ACC-05")
class NewBatch(Behaviour):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        super().carry_out(batch, failed)
        other = Batch(self.world.new_id("batch"), batch.campaign, self.world.now())
        other.set(self.world.now(), "messages_enqueued")
        other.messages = list(failed)
        self.world.batches[other.id] = other
        for message in failed:
            message.batch = other


@fault(FAULTS, "a retry stamps the deliveries of its batch anew", "BR-SEL-02")
class StampsDeliveriesAnew(Behaviour):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        super().carry_out(batch, failed)
        now = self.world.now()
        for message in batch.messages:
            if message not in failed:
                for attempt in message.attempts:
                    attempt.path = [(now if s == "success" and t < now else t, s) for t, s in attempt.path]


@fault(FAULTS, "a retry escapes the message's values once more", "BR-IDS-03")
class EscapesAgain(Behaviour):
    def reset(self, message: Message) -> None:
        super().reset(message)
        message.values = {k: v.replace("&", "&amp;").replace("<", "&lt;") for k, v in message.values.items()}


@fault(FAULTS, "a retry folds the blanks in the message's values", "BR-IDS-03")
class FoldsBlanks(Behaviour):
    def reset(self, message: Message) -> None:
        super().reset(message)
        message.values = {k: " ".join(v.split()) for k, v in message.values.items()}


@fault(FAULTS, "a retry falls back to the first language", "BR-IDS-03")
class FallsBackToEnglish(Behaviour):
    def reset(self, message: Message) -> None:
        super().reset(message)
        message.language = "english"


@fault(FAULTS, "a retry swaps the contents of messages to the same recipient", "BR-IDS-06", "BR-IDS-03")
class SwapsSameRecipients(Behaviour):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        super().carry_out(batch, failed)
        by_number: dict[str, list[Message]] = {}
        for message in failed:
            by_number.setdefault(message.recipient, []).append(message)
        for same in by_number.values():
            contents = [m.values for m in same]
            for message, values in zip(same, contents[1:] + contents[:1], strict=True):
                message.values = values
