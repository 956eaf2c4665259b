"""Faults of refusals: codes, envelopes, what they give away, what they do."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.history.records import Invoke
from oracle.simulator.faults.fault import fault
from oracle.simulator.faults.retries import CALM, FULL
from oracle.simulator.state import Batch, Message
from oracle.simulator.target import NO_FAILED, NOT_RETRYABLE, Answer, Target


class AnotherCodeWhenUnknown(Target):
    """An unknown batch is refused with another code."""

    def unknown(self) -> Answer:
        self.fired += 1
        return self.refuse("something_else")


class AnotherCodeWhenBlocked(Target):
    """A created message alone blocks, and the code says that nothing has failed."""

    def blocked(self, batch: Batch, failed: Sequence[Message]) -> Answer:
        answer = super().blocked(batch, failed)
        if failed and not batch.owed and not self.busy(batch):
            self.fired += 1
            return self.refuse(NO_FAILED)
        return answer


class NoEnvelope(Target):
    """A 400 comes without the documented envelope."""

    def answered(self, invoke: Invoke, answer: Answer) -> Answer:
        if answer.status == 400 and invoke.operation == "batch_retry" and invoke.cause is None:
            self.fired += 1
            return Answer(400, {"status": "error"})
        return answer


class BreaksOnOddIds(Target):
    """A malformed id is answered 500, always."""

    def malformed(self, invoke: Invoke) -> Answer:
        self.fired += 1
        return self.refuse("internal_server_error", 500)


class AcceptsOddIds(Target):
    """A malformed id is accepted."""

    def malformed(self, invoke: Invoke) -> Answer:
        self.fired += 1
        return Answer(201)


class ShowsStack(Target):
    """A refusal shows a stack trace."""

    def answered(self, invoke: Invoke, answer: Answer) -> Answer:
        if answer.status == 400 and isinstance(answer.body, dict) and "error" in answer.body:
            self.fired += 1
            trace = (
                "Error: no\n    at retry (/srv/app/dist/batch/retry.js:118:21)\n    at next (/srv/app/dist/x.js:9:3)"
            )
            return Answer(400, {"error": answer.body["error"] | {"message": trace}})
        return answer


class ShowsRecipient(Target):
    """A refusal names a recipient of the batch."""

    def answered(self, invoke: Invoke, answer: Answer) -> Answer:
        batch = self.batches.get(invoke.batch or "")
        plain = invoke.operation == "batch_retry" and invoke.cause is None
        if answer.status == 400 and plain and batch is not None and batch.messages:
            self.fired += 1
            text = f"message to {batch.messages[0].row.recipient} cannot be retried"
            return Answer(400, {"error": answer.body["error"] | {"message": text}})
        return answer


class ThrottledIsCarriedOut(Target):
    """A retry that is answered 429 is carried out."""

    def dropped(self, invoke: Invoke) -> None:
        self.fired += self.carried(invoke)

    def carried(self, invoke: Invoke) -> int:
        """How many messages get an attempt by it."""
        batch = self.batches.get(invoke.batch or "")
        if invoke.operation != "batch_retry" or invoke.cause is not None or batch is None or batch.owed:
            return 0
        able = [] if self.created(batch) or self.busy(batch) else self.able(batch)
        for message in able:
            self.begin(message)
        return len(able)


class ErrorIsCarriedOut(ThrottledIsCarriedOut):
    """A retry that is answered 500 is carried out."""

    def dropped(self, invoke: Invoke) -> None:
        return

    def failed(self, invoke: Invoke) -> None:
        self.fired += self.carried(invoke)


class BreaksOnLargeBatches(Target):
    """A quiet batch of more than two failed messages is answered 500, always."""

    def accept(self, batch: Batch, failed: Sequence[Message], invoke: Invoke) -> Answer:
        if len(failed) > 2:
            self.fired += 1
            return self.refuse("internal_server_error", 500)
        return super().accept(batch, failed, invoke)


class UndocumentedStatus(Target):
    """A refusal is answered 409."""

    def answered(self, invoke: Invoke, answer: Answer) -> Answer:
        if answer.status == 400 and invoke.operation == "batch_retry" and invoke.cause is None:
            self.fired += 1
            return Answer(409, answer.body)
        return answer


class NotRetryableForNothing(Target):
    """A batch that wholly succeeded is refused as not retryable."""

    def nothing(self, batch: Batch, flying: bool) -> Answer:
        if not flying:
            self.fired += 1
            return self.refuse(NOT_RETRYABLE)
        return super().nothing(batch, flying)


FAULTS = (
    fault(AnotherCodeWhenUnknown, "ERR-01 SEC-03", "inputs"),
    fault(AnotherCodeWhenBlocked, "ERR-02", "blocked", after_single="keep", counting=FULL, pace=0.2, **CALM),
    fault(NoEnvelope, "ERR-03 SCH-01 ERR-01 ERR-02 SEL-04 SEL-06", "rounds blocked"),
    fault(BreaksOnOddIds, "ERR-04", "inputs inputs"),
    fault(AcceptsOddIds, "ERR-04", "inputs"),
    fault(ShowsStack, "ERR-05", "rounds blocked"),
    fault(ShowsRecipient, "ERR-09", "rounds blocked"),
    fault(ThrottledIsCarriedOut, "ERR-06", "rounds", counting=FULL, throttled=0.3, **CALM),
    fault(ErrorIsCarriedOut, "ERR-07", "rounds", counting=FULL, errors=0.3, **CALM),
    fault(BreaksOnLargeBatches, "ERR-08 ACC-02", "insistent", counting=FULL),
    fault(UndocumentedStatus, "SCH-01 ERR-01 ERR-02 SEL-04 SEL-06 ERR-03", "rounds blocked"),
    fault(NotRetryableForNothing, "SEL-04 SEL-06", "spent", counting=FULL),
)
