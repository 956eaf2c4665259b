"""Faults of the batch retry: acceptance, blocking, selection, liveness, concurrency."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from conformance.history.records import Invoke
from oracle.simulator.faults.fault import fault
from oracle.simulator.state import BUSY, FAILED, Batch, Message
from oracle.simulator.target import NO_FAILED, NOT_RETRYABLE, UNRESOLVED, Answer, Target


class AcceptsWhileProcessing(Target):
    """201 while the batch is processed, for nothing."""

    def retry(self, batch: Batch, invoke: Invoke) -> Answer:
        if self.busy(batch):
            self.fired += 1
            return Answer(201)
        return super().retry(batch, invoke)


class RefusesQuiet(Target):
    """A quiet batch with a failed message is refused, each time."""

    def accept(self, batch: Batch, failed: Sequence[Message], invoke: Invoke) -> Answer:
        self.fired += 1
        return self.refuse(NO_FAILED)


class RefusesAfterBlocked(Target):
    """``messages_enqueuing_failed`` is taken for a status that is not retryable."""

    def busy(self, batch: Batch) -> bool:
        if batch.status == FAILED and not self.created(batch):
            self.fired += 1
            return True
        return super().busy(batch)


class AnswersWithBody(Target):
    """201 with a body."""

    def answered(self, invoke: Invoke, answer: Answer) -> Answer:
        if invoke.operation == "batch_retry" and answer.status == 201:
            self.fired += 1
            return Answer(201, {})
        return answer


class Answers200(Target):
    """An accepted retry is answered 200, in JSON: that is no gateway's."""

    def answered(self, invoke: Invoke, answer: Answer) -> Answer:
        if invoke.operation == "batch_retry" and answer.status == 201:
            self.fired += 1
            return Answer(200, {"ok": True})
        return answer


class AttemptsNothing(Target):
    """201, and nothing comes of it."""

    def accept(self, batch: Batch, failed: Sequence[Message], invoke: Invoke) -> Answer:
        self.fired += 1
        return Answer(201)


class StaysProcessing(Target):
    """After an accepted retry the batch is processed for ever."""

    def release(self, batch: Batch, touch: object) -> None:
        if batch.status == BUSY:
            self.fired += 1


class CreatedDoesNotBlock(Target):
    """The retry is accepted beside a created message."""

    def blocked(self, batch: Batch, failed: Sequence[Message]) -> Answer:
        if not failed or batch.owed or not all(m.exists for m in batch.messages):
            return super().blocked(batch, failed)
        self.fired += 1
        for message in failed:
            self.begin(message)
        return Answer(201)


class BlockedKeepsStatus(Target):
    """A refusal for a created message leaves the batch's status."""

    def mark_failed(self, batch: Batch) -> None:
        self.fired += batch.status != FAILED


class BlockedIsCarriedOut(Target):
    """Refused for a created message, and the failed ones are retried all the same."""

    def blocked(self, batch: Batch, failed: Sequence[Message]) -> Answer:
        for message in failed:
            self.fired += 1
            self.begin(message)
        return super().blocked(batch, failed)


class ExhaustedIsCarriedOut(Target):
    """Refused since nothing is left to retry, and what is spent is retried all the same."""

    def nothing(self, batch: Batch, flying: bool) -> Answer:
        for message in batch.messages:
            if message.status == "failure" and not message.reserved:
                self.fired += 1
                self.begin(message)
        return super().nothing(batch, flying)


class OnlyTheFirst(Target):
    """A retry takes the first failed message only, and the batch shows nothing of the others."""

    def accept(self, batch: Batch, failed: Sequence[Message], invoke: Invoke) -> Answer:
        self.fired += len(failed) > 1
        return super().accept(batch, failed[:1], invoke)


class TakesSuccesses(Target):
    """An accepted retry sends delivered messages again, too."""

    def finish(self, batch: Batch, left: Iterable[Message]) -> None:
        for message in batch.messages:
            if message.status == "success":
                self.fired += 1
                self.begin(message)
        super().finish(batch, left)


class TakesFlying(Target):
    """An accepted retry begins messages anew that are in flight."""

    def accept(self, batch: Batch, failed: Sequence[Message], invoke: Invoke) -> Answer:
        answer = super().accept(batch, failed, invoke)
        for message in batch.messages:
            if message not in failed and message.status in ("sent", "sending", "sent_to_telco"):
                self.fired += 1
                self.begin(message)
        return answer


class StatusStays(Target):
    """A message that is retried shows `failure` until the attempt has ended."""

    def shown(self, message: Message, view: str, body: dict[str, object]) -> dict[str, object]:
        if len(message.attempts) > 1 and body["latestStatus"] not in ("success", "failure"):
            self.fired += 1
            return body | {"latestStatus": "failure"}
        return body


class NoLimit(Target):
    """A message may be retried for ever."""

    def spent(self, message: Message) -> bool:
        self.fired += len(message.attempts) > 4
        return False


class LimitOfOne(Target):
    """A message may be retried once."""

    def spent(self, message: Message) -> bool:
        self.fired += message.status == "failure" and len(message.attempts) == 2
        return len(message.attempts) > 1


class AnotherCodeWhenSpent(Target):
    """A batch of which all failed messages are spent is refused with another code."""

    def nothing(self, batch: Batch, flying: bool) -> Answer:
        if not flying:
            self.fired += 1
            return self.refuse(UNRESOLVED)
        return super().nothing(batch, flying)


class TwoAttempts(Target):
    """An accepted retry gives a message two attempts, one after the other."""

    again: frozenset[str] = frozenset()

    def pick(self, message: Message, *, owed: bool) -> None:
        before = len(message.attempts)
        super().pick(message, owed=owed)
        if len(message.attempts) > before:
            self.clock.at(self.clock.now + 0.4 * self.habits.settle, partial(self.once_more, message, before + 1))

    def once_more(self, message: Message, number: int) -> None:
        if len(message.attempts) == number and message.status == "failure" and not message.reserved:
            self.fired += 1
            self.begin(message)


class ForgetsAttempts(Target):
    """From the third attempt on the lists hold the last two, and their number is lost."""

    def shown(self, message: Message, view: str, body: dict[str, object]) -> dict[str, object]:
        for name in ("attempts", "messageAttempts"):
            items = body.get(name)
            if isinstance(items, list) and len(items) > 2:
                self.fired += 1
                body[name] = items[:2] if self.habits.newest_first else items[-2:]
                body.pop("numAttempts", None)
        return body


class AcceptsSuccesses(Target):
    """A batch without a failed message is accepted, and sent again."""

    def nothing(self, batch: Batch, flying: bool) -> Answer:
        if flying or any(m.status == "failure" for m in batch.messages):
            return super().nothing(batch, flying)
        self.fired += 1
        for message in batch.messages:
            self.begin(message)
        return Answer(201)


class RetriesAnotherBatch(Target):
    """An accepted retry takes the failed messages of another batch as well."""

    def finish(self, batch: Batch, left: Iterable[Message]) -> None:
        super().finish(batch, left)
        for other in self.batches.values():
            if other is not batch:
                for message in self.able(other)[:1]:
                    self.fired += 1
                    self.begin(message)


class RetriesByItself(Target):
    """A failed message is retried by itself, once."""

    def step(self, message: Message, number: int, status: str) -> None:
        super().step(message, number, status)
        if message.status == "failure" and len(message.attempts) == number == 1 and message.batch is not None:
            self.clock.at(self.clock.now + 1.3 * self.habits.settle, partial(self.itself, message))

    def itself(self, message: Message) -> None:
        if len(message.attempts) == 1 and message.status == "failure" and not message.reserved:
            self.fired += 1
            self.begin(message)


class DeliversTwice(Target):
    """The queue delivers an accepted retry again, late (at-least-once)."""

    def accept(self, batch: Batch, failed: Sequence[Message], invoke: Invoke) -> Answer:
        answer = super().accept(batch, failed, invoke)
        again = self.clock.now + self.rng.uniform(1.0, 3.0) * self.habits.settle
        self.clock.at(again, partial(self.redeliver, batch, list(failed)))
        return answer

    def redeliver(self, batch: Batch, chosen: Sequence[Message]) -> None:
        for message in chosen:
            if message.status == "failure" and not message.reserved:
                self.fired += 1
                self.begin(message)


class SpentBlocks(Target):
    """One spent message keeps the whole batch from being retried."""

    def able(self, batch: Batch) -> list[Message]:
        able = super().able(batch)
        if able and any(m.status == "failure" and self.spent(m) for m in batch.messages):
            self.fired += 1
            return []
        return able


class AnotherBatchBlocks(Target):
    """A created message of another batch blocks."""

    def created(self, batch: Batch) -> bool:
        if super().created(batch):
            return True
        if any(m.status == "created" for other in self.batches.values() for m in other.messages):
            self.fired += 1
            return True
        return False


class StuckAfterRetry(Target):
    """A message that is retried stays created."""

    def plan(self, message: Message) -> None:
        if len(message.attempts) > 1:
            self.fired += 1
        else:
            super().plan(message)


class NeverSentAgain(Target):
    """A retry ends in the old failure without sending."""

    def fails(self, message: Message) -> bool:
        if message.row.role == "recovering":
            self.fired += len(message.attempts) > 1
            return True
        return super().fails(message)


class BothWinRaces(Target):
    """Retries that overlap are all accepted, and only the first is carried out."""

    last = -1.0

    def retry(self, batch: Batch, invoke: Invoke) -> Answer:
        if invoke.race is not None and self.last >= invoke.t - 0.002 and batch.owed + self.created(batch):
            self.fired += 1
            return Answer(201)
        answer = super().retry(batch, invoke)
        if answer.status == 201:
            self.last = self.clock.now
        return answer


class LoserUndoes(Target):
    """A retry that loses a race rolls back the attempts that the winner made."""

    def blocked(self, batch: Batch, failed: Sequence[Message]) -> Answer:
        for message in batch.messages:
            if message.status == "created" and len(message.attempts) > 1:
                self.fired += 1
                message.attempts.pop()
                self.move(message, "failure")
        return super().blocked(batch, failed)


class NotRetryableTwice(Target):
    """A batch is retried once only."""

    def retry(self, batch: Batch, invoke: Invoke) -> Answer:
        if any(len(m.attempts) > 1 for m in batch.messages) and self.able(batch) and not self.created(batch):
            self.fired += 1
            return self.refuse(NOT_RETRYABLE)
        return super().retry(batch, invoke)


FULL = {"batch_list": "full", "campaign_list": "none", "message_read": "full"}
#: Nothing lags, and the configuration says so.
SURE = {"read_lag": 0.0, "status_lag": 0.0, "lags": {"batch_list": 0.0, "campaign_list": 0.0, "message_read": 0.0}}
CALM = {"partial": 0.0, "delay": 0.0}

FAULTS = (
    fault(AcceptsWhileProcessing, "ACC-01 ACC-05 BLK-01 SEL-06", "impatient patient", making=0.3),
    fault(RefusesQuiet, "ACC-02 SEL-04 SEL-01 SEL-09 SEL-10", "patient"),
    fault(
        RefusesAfterBlocked, "ACC-03 ACC-02 ACC-06 SEL-01 ERR-01", "blocked", shows_batches=True, recovers_status=False
    ),
    fault(AnswersWithBody, "ACC-04", "rounds"),
    fault(Answers200, "ACC-04", "rounds"),
    fault(AttemptsNothing, "ACC-05 SEL-01", "patient", counting=FULL),
    fault(StaysProcessing, "ACC-06 ACC-02 ERR-01", "patient rounds", after_accepted="busy", counting=FULL),
    fault(CreatedDoesNotBlock, "BLK-01", "blocked", after_single="keep", counting=FULL, pace=0.08),
    fault(BlockedKeepsStatus, "BLK-02", "blocked", after_single="keep", shows_batches=True, pace=0.2, **SURE, **CALM),
    fault(BlockedIsCarriedOut, "BLK-03 SEL-04", "blocked", after_single="keep", counting=FULL, pace=0.08),
    fault(ExhaustedIsCarriedOut, "BLK-03 SEL-04", "spent", counting=FULL),
    fault(OnlyTheFirst, "SEL-01 ACC-02", "patient", counting=FULL, **CALM),
    fault(TakesSuccesses, "SEL-02 SEL-05 SEL-04 SEL-06", "patient harmless", counting=FULL),
    fault(TakesFlying, "SEL-02 SEL-05 SEL-08 SEL-04", "walk impatient", counting=FULL, underway_blocks=False),
    fault(StatusStays, "SEL-03 IDS-07 SEL-08 ACC-02 ACC-06", "rounds blocked", counting=FULL, pace=0.1),
    fault(NoLimit, "SEL-04", "spent rounds", counting=FULL),
    fault(LimitOfOne, "SEL-04 ACC-02 ACC-06 SEL-01", "spent rounds", counting=FULL),
    fault(AnotherCodeWhenSpent, "SEL-04 SEL-06", "spent", counting=FULL),
    fault(TwoAttempts, "SEL-05 SEL-04", "patient", counting=FULL),
    fault(ForgetsAttempts, "SEL-05", "patient rounds", counting=FULL),
    fault(AcceptsSuccesses, "SEL-06 SEL-02 SEL-04", "rounds walk", counting=FULL, succeeding_fails=0.0),
    fault(RetriesAnotherBatch, "SEL-07 SEL-05 SEL-04", "patient chain", counting=FULL),
    fault(RetriesByItself, "SEL-07 SEL-05 SEL-04 BLK-03", "patient", counting=FULL),
    fault(DeliversTwice, "SEL-05 SEL-04 SEL-07", "patient", counting=FULL),
    fault(SpentBlocks, "SEL-09 ACC-02 SEL-01 SEL-04 ACC-06", "spent", counting=FULL),
    fault(
        AnotherBatchBlocks, "SEL-10 ACC-02 ACC-03 ACC-06 ERR-02 BLK-02 SEL-04 SEL-06", "blocked rounds", counting=FULL
    ),
    fault(StuckAfterRetry, "LIV-01 ACC-06", "twice", counting=FULL),
    fault(NeverSentAgain, "LIV-02", "twice twice", succeeding_fails=0.0),
    fault(BothWinRaces, "CON-01 CON-03 ACC-05 BLK-01 SEL-01", "pairs", counting=FULL, **CALM),
    fault(LoserUndoes, "CON-02 CON-03 BLK-03 LIV-01", "pairs", counting=FULL, pace=0.1, **CALM),
    fault(NotRetryableTwice, "ACC-06 ACC-02 ERR-01 SEL-01 SEL-04", "patient", counting=FULL, **CALM),
)
