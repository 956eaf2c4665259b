"""Faults in what a round of retries does, and in the workers, queues and shards that do it."""

from __future__ import annotations

import random
from collections.abc import Sequence

from conformance.reference.behaviour import ERRORS, Answer, Behaviour, Call
from conformance.reference.mixins import Fault, fault
from conformance.reference.settings import RECOVERING
from conformance.reference.world import LIFECYCLE, Batch, Message

FAULTS: dict[str, Fault] = {}


@fault(FAULTS, "a failure by an error of the server does not count as an attempt", "BR-SEL-04")
class ServerErrorsDoNotCount(Behaviour):
    def exhausted(self, message: Message) -> bool:
        return ERRORS.get(message.recipient, ("", ""))[0] != "server_error" and super().exhausted(message)


@fault(FAULTS, "the limit of retries is not looked at in messages_enqueuing_failed", "BR-SEL-04")
class LimitEndsWithABlock(Behaviour):
    def exhausted(self, message: Message) -> bool:
        batch = message.batch
        blocked = batch is not None and batch.status(self.world.now()) == "messages_enqueuing_failed"
        return super().exhausted(message) and not blocked


@fault(FAULTS, "what a single retry delivered stays in the list of failures until its batch is retried", "BR-SEL-02")
class KeepsWhatASingleDelivered(Behaviour):
    def reset_one(self, message: Message) -> None:
        super().reset_one(message)
        message.__dict__["listed"] = True

    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        failed, now = super().to_retry(batch, call), self.world.now()
        listed = [m for m in batch.messages if "listed" in m.__dict__ and m.status(now) == "success"]
        return [m for m in batch.messages if m in failed or m in listed]

    def reset(self, message: Message) -> None:
        super().reset(message)
        message.__dict__.pop("listed", None)


# -- what else a retry does -----------------------------------------------------------------------------------


@fault(FAULTS, "a retry of a batch takes failed single messages of the campaign along", "BR-SEL-07")
class TakesSinglesAlong(Behaviour):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        super().carry_out(batch, failed)
        now = self.world.now()
        for message in self.world.messages[batch.campaign]:
            if message.batch is None and message.status(now) == "failure" and not self.exhausted(message):
                self.begin(message)


@fault(FAULTS, "a retry sends copies of the failed messages in a second batch", "BR-IDS-02")
class SecondBatchAppears(Behaviour):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        super().carry_out(batch, failed)
        self.send(batch.campaign, [(m.recipient, m.language, m.values) for m in failed])


@fault(FAULTS, "a retry takes up delivered messages to a number to which another one has failed", "BR-SEL-02")
class SelectsByTheNumber(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        failed = super().to_retry(batch, call)
        # As by `WHERE recipient IN (…)`.
        numbers = {m.recipient for m in failed}
        also = [m for m in batch.messages if m.recipient in numbers and m.status(self.world.now()) == "success"]
        return [*failed, *also]


@fault(FAULTS, "a retry sets delivered messages back to created, in the attempt that they have", "BR-SEL-02")
class ResetsTheDeliveredInPlace(Behaviour):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        super().carry_out(batch, failed)
        now, life = self.world.now(), self.settings.lifetime
        for message in batch.messages:
            if message.status(now) == "success":
                again = [(now + part * life, status) for part, status in LIFECYCLE]
                message.attempts[-1].path += [*again, (now + life, "success")]


@fault(FAULTS, "a created message that has no retries left does not block", "BR-BLK-01")
class ExhaustedDoNotBlock(Behaviour):
    def blocks(self, message: Message) -> bool:
        return super().blocks(message) and not self.exhausted(message)


@fault(FAULTS, "a blocked retry sets the status of the campaign's newest batch", "BR-BLK-02", speed=0.25)
class StatusGoesToTheNewestBatch(Behaviour):
    def on_blocked(self, batch: Batch) -> Answer:
        newest = [b for b in self.world.batches.values() if b.campaign == batch.campaign][-1]
        return super().on_blocked(newest)


@fault(FAULTS, "a retry is accepted and carried out while the last one is being processed", "BR-ACC-01")
class CarriesOutWhileProcessing(Behaviour):
    def retryable(self, batch: Batch) -> bool:
        return True

    def on_blocked(self, batch: Batch) -> Answer:
        if not super().retryable(batch):
            return self.error(400, "batch_not_found_or_is_not_retryable")
        return super().on_blocked(batch)

    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        super().carry_out(batch, failed)
        now = self.world.now()
        batch.set(now, "retrying_messages")
        batch.path.append((now + 2 * self.settings.lifetime, "messages_enqueued"))


@fault(FAULTS, "a retry resends messages that are still with the telco, too", "BR-SEL-02", "BR-SEL-08")
class ResendsThoseWithTheTelco(Behaviour):
    def timeline(self, message: Message, start: float, number: int) -> list[tuple[float, str]]:
        path, life = super().timeline(message, start, number), self.settings.lifetime
        # Once retried, a message is with the telco for a large part of its way.
        ended = [(at + (number > 1) * life / 2, status) for at, status in path[len(LIFECYCLE) :]]
        return [*path[: len(LIFECYCLE)], (start + 0.8 * life, "sent_to_telco"), *ended]

    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        now = self.world.now()
        return [m for m in batch.messages if m.status(now) in ("failure", "sent_to_telco") and not self.exhausted(m)]


# -- retries that send nothing (BR-LIV-02) --------------------------------------------------------------------


@fault(FAULTS, "a retried message moves on and ends in its old failure, without being sent", "BR-LIV-02")
class RetriesOnlyPretend(Behaviour):
    def outcome(self, message: Message, number: int) -> str:
        return "failure" if message.recipient in RECOVERING else super().outcome(message, number)


@fault(FAULTS, "a retried message is dropped as a duplicate of itself before it is sent", "BR-LIV-02")
class DroppedAsDuplicates(Behaviour):
    def timeline(self, message: Message, start: float, number: int) -> list[tuple[float, str]]:
        path = super().timeline(message, start, number)
        if number == 1 or message.recipient not in RECOVERING:
            return path
        return [*path[:3], (path[3][0], "failure")]


# -- limits ---------------------------------------------------------------------------------------------------


@fault(FAULTS, "a retry of a batch picks up messages that were retried once at most, a single retry twice", "BR-SEL-04")
class BatchRetriesStopAtTwo(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        return [m for m in super().to_retry(batch, call) if self.retried(m) < 2]


@fault(FAULTS, "an exhausted batch is accepted where one of its messages was delivered", "BR-SEL-04")
class AcceptsTheExhaustedNextToADelivered(Behaviour):
    def nothing_to_retry(self, batch: Batch) -> Answer:
        statuses = {m.status(self.world.now()) for m in batch.messages}
        return self.accepted(batch) if statuses == {"failure", "success"} else super().nothing_to_retry(batch)


@fault(FAULTS, "a batch whose messages a retry has delivered is accepted", "BR-SEL-06")
class AcceptsWhatARetryDelivered(Behaviour):
    def nothing_to_retry(self, batch: Batch) -> Answer:
        delivered = all(m.status(self.world.now()) == "success" for m in batch.messages)
        again = any(self.retried(m) for m in batch.messages)
        return self.accepted(batch) if delivered and again else super().nothing_to_retry(batch)


# -- workers and queues ---------------------------------------------------------------------------------------


@fault(
    FAULTS,
    "a worker carries a batch retry out a while later, whatever single retries did to its messages meanwhile",
    "BR-CON-03",
    "BR-SEL-02",
    "BR-SEL-08",
)
class WorkerActsBlindly(Behaviour):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        now, wait = self.world.now(), 0.2 * self.settings.lifetime
        batch.set(now, "retrying_messages")
        batch.path.append((now + wait, "messages_enqueued"))

        def work() -> None:
            for message in failed:
                self.reset(message)

        self.later(wait, work)

    def check_one(self, call: Call, message_id: str) -> Answer | Message:
        message = self.find_message(call, message_id)
        if message is not None and self.retryable_one(message) and not self.exhausted(message):
            return message
        return super().check_one(call, message_id)


class _Redelivers(Behaviour):
    """Base of faults in which a queue delivers the job of an accepted retry again, when the message has failed again."""

    def redelivered(self) -> bool:
        """True if the job that is being enqueued is delivered twice."""
        return True

    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        super().carry_out(batch, failed)

        def again() -> None:
            for message in failed:
                self.begin(message)

        if self.redelivered():
            self.later(1.3 * self.settings.lifetime, again)


@fault(FAULTS, "each job of a retry is delivered twice", "BR-SEL-05", "BR-SEL-02", "BR-SEL-04", "BR-SEL-08")
class RedeliversJobs(_Redelivers):
    pass


@fault(FAULTS, "one job in twenty is delivered twice", "BR-SEL-05", "BR-SEL-02", "BR-SEL-04", "BR-SEL-08")
class RedeliversOneJobInTwenty(_Redelivers):
    def redelivered(self) -> bool:
        draw: random.Random = self.__dict__.setdefault("draw", random.Random(f"jobs {self.settings.seed}"))
        return draw.random() < 0.05


# -- one of several that behaves otherwise --------------------------------------------------------------------


class _OneWorkerOfFour(Behaviour):
    """Base of faults in which every fourth retry meets a worker of an older version."""

    met = 0

    def retry(self, call: Call, batch_id: str) -> Answer:
        self.met += 1
        return super().retry(call, batch_id)

    @property
    def older(self) -> bool:
        """True if the present retry met the older one."""
        return self.met % 4 == 0


@fault(FAULTS, "one worker of four does not look at created messages", "BR-BLK-01")
class OneWorkerOfFourDoesNotBlock(_OneWorkerOfFour):
    def blocks(self, message: Message) -> bool:
        return super().blocks(message) and not self.older


@fault(FAULTS, "one worker of four answers an accepted retry with 200", "BR-ACC-04", whole=True)
class OneWorkerOfFourAnswers200(_OneWorkerOfFour):
    def accepted(self, batch: Batch) -> Answer:
        return Answer(200) if self.older else super().accepted(batch)


@fault(FAULTS, "one worker of four retries only the first failed message", "BR-SEL-01")
class OneWorkerOfFourRetriesOne(_OneWorkerOfFour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        failed = super().to_retry(batch, call)
        return failed[:1] if self.older else failed


@fault(FAULTS, "a batch cannot be retried any more five seconds after it was sent", "BR-ACC-02", whole=True)
class ExpiresAfterFiveSeconds(Behaviour):
    def retryable(self, batch: Batch) -> bool:
        return super().retryable(batch) and self.world.now() < batch.created + 5


@fault(
    FAULTS,
    "of every four batches that are sent, the first keeps its status when a retry is blocked",
    "BR-BLK-02",
    speed=0.15,
)
class OneShardKeepsTheStatus(Behaviour):
    def send(self, campaign: str, rows: Sequence[tuple[str, str, dict[str, str]]]) -> Answer:
        answer = super().send(campaign, rows)
        sent: list[str] = self.__dict__.setdefault("sent", [])
        sent.append(answer.body["batchId"])
        return answer

    def on_blocked(self, batch: Batch) -> Answer:
        if batch.id in self.__dict__.get("sent", ())[::4]:
            return self.error(400, "unresolved_batch_messages")
        return super().on_blocked(batch)
