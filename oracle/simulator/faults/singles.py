"""Faults of the single retry, and of pairs with a batch retry."""

from __future__ import annotations

from functools import partial

from conformance.history.records import Invoke
from oracle.simulator.faults.fault import fault
from oracle.simulator.faults.retries import CALM, FULL
from oracle.simulator.state import Batch, Message
from oracle.simulator.target import Answer, Target


class SingleTakesSuccess(Target):
    """A single retry of a delivered message is accepted, and sends it again."""

    def retry_one(self, message: Message, invoke: Invoke) -> Answer:
        if message.status == "success":
            self.fired += 1
            self.begin(message)
            return Answer(201, message=message)
        return super().retry_one(message, invoke)


class SingleRefusedIsCarriedOut(Target):
    """A single retry that is refused as spent gives an attempt all the same."""

    def retry_one(self, message: Message, invoke: Invoke) -> Answer:
        answer = super().retry_one(message, invoke)
        if answer.status == 400 and message.status == "failure" and not message.reserved:
            self.fired += 1
            self.begin(message)
        return answer


class SingleTakesNeighbours(Target):
    """An accepted single retry gives another failed message of its batch an attempt, too."""

    def retry_one(self, message: Message, invoke: Invoke) -> Answer:
        answer = super().retry_one(message, invoke)
        if answer.status == 201 and message.batch is not None:
            for other in self.able(message.batch)[:1]:
                self.fired += 1
                self.begin(other)
        return answer


class SingleAnswersAnother(Target):
    """An accepted single retry is answered with another message of the batch."""

    def retry_one(self, message: Message, invoke: Invoke) -> Answer:
        answer = super().retry_one(message, invoke)
        others = [m for m in message.batch.messages if m is not message and m.exists] if message.batch else []
        if answer.status == 201 and others:
            self.fired += 1
            answer.message = others[0]
        return answer


class BatchRetryTakesSingles(Target):
    """A batch retry takes failed messages that were sent singly as well."""

    def accept(self, batch: Batch, failed: object, invoke: Invoke) -> Answer:
        answer = super().accept(batch, failed, invoke)  # type: ignore[arg-type]
        for message in self.order:
            if message.batch is None and message.status == "failure" and not self.spent(message):
                self.fired += 1
                self.begin(message)
        return answer


class PairActsTwice(Target):
    """Of a batch retry and a single retry at once both act, one after the other."""

    def retry(self, batch: Batch, invoke: Invoke) -> Answer:
        answer = super().retry(batch, invoke)
        if invoke.race is not None and answer.status == 400 and self.created(batch):
            for message in batch.messages:
                if len(message.attempts) == 2:
                    self.clock.at(self.clock.now + 0.5 * self.habits.settle, partial(self.later, message))
        return answer

    def later(self, message: Message) -> None:
        if len(message.attempts) == 2 and message.status == "failure":
            self.fired += 1
            self.begin(message)


FAULTS = (
    fault(SingleTakesSuccess, "SGL-01 SEL-02 SEL-07", "inputs", counting=FULL, succeeding_fails=0.0),
    fault(SingleRefusedIsCarriedOut, "SGL-01 SEL-07 SEL-04", "spent", counting=FULL),
    fault(SingleTakesNeighbours, "SGL-02 SEL-07 SEL-04", "blocked spent", counting=FULL, delay=0.0),
    fault(SingleAnswersAnother, "SGL-02 IDS-04 SEL-03", "blocked spent", counting=FULL),
    fault(BatchRetryTakesSingles, "SEL-07", "singles rounds", counting=FULL),
    fault(PairActsTwice, "CON-01 CON-03 BLK-03 SEL-05", "mixed_pairs", counting=FULL, pace=0.08, **CALM),
)
