"""Faults in the form of answers, and in the identity of what they show, after a retry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from conformance.reference.behaviour import Answer, Behaviour, Call
from conformance.reference.mixins import Fault, fault
from conformance.reference.world import TERMINAL, Batch, Message

FAULTS: dict[str, Fault] = {}


# -- refusals and acceptances ---------------------------------------------------------------------------------


@fault(FAULTS, "a blocked retry is refused with 409", "BR-ERR-02", "BR-SCH-01")
class BlockedIs409(Behaviour):
    def on_blocked(self, batch: Batch) -> Answer:
        return replace(super().on_blocked(batch), status=409)


@fault(FAULTS, "the error in a 400 is a text, and no object", "BR-ERR-03", "BR-SCH-01")
class ErrorsAreTexts(Behaviour):
    def error(self, status: int, code: str) -> Answer:
        answer = super().error(status, code)
        return replace(answer, body={"error": code}) if status == 400 else answer


@fault(FAULTS, "the code of an error is a number", "BR-ERR-03", "BR-SCH-01")
class CodesAreNumbers(Behaviour):
    def error(self, status: int, code: str) -> Answer:
        answer = super().error(status, code)
        return replace(answer, body={"error": {**answer.body["error"], "code": status}}) if status == 400 else answer


@fault(FAULTS, "an accepted retry is answered with the text OK", "BR-ACC-04", "BR-SCH-01")
class AnswersOk(Behaviour):
    def accepted(self, batch: Batch) -> Answer:
        return Answer(201, None, {"content-type": "text/plain"}, raw=b"OK")


@fault(FAULTS, "the error of a retry with nothing to retry shows the query that found nothing", "BR-ERR-05")
class ShowsSql(Behaviour):
    def nothing_to_retry(self, batch: Batch) -> Answer:
        answer = super().nothing_to_retry(batch)
        said = f"no rows: SELECT id FROM messages WHERE batch_id = '{batch.id}' AND status = 'failure' LIMIT 1000"
        return replace(answer, body={"error": {**answer.body["error"], "message": said}})


@fault(FAULTS, "the error for an unknown batch shows the key", "BR-ERR-05")
class ShowsTheKey(Behaviour):
    def unknown_batch(self, call: Call, batch_id: str) -> Answer:
        answer = super().unknown_batch(call, batch_id)
        said = f"no such batch for {call.headers.get('authorization', '')}"
        return replace(answer, body={"error": {**answer.body["error"], "message": said}})


# -- what is shown after a retry ------------------------------------------------------------------------------


@fault(FAULTS, "latestStatus stays failure until the new attempt is terminal", "BR-SEL-03")
class FailureUntilTheEnd(Behaviour):
    def view(self, message: Message, view: str) -> dict[str, object]:
        shown = super().view(message, view)
        if self.retried(message) and message.status(self.world.now()) not in TERMINAL:
            shown["latestStatus"] = "failure"
        return shown


@fault(FAULTS, "the batch has another id after a retry", "BR-IDS-02")
class RenamesTheBatch(Behaviour):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        super().carry_out(batch, failed)
        del self.world.batches[batch.id]
        batch.id = self.world.new_id("batch")
        self.world.batches[batch.id] = batch


@fault(FAULTS, "after a retry, a full page says that it is the last one", "BR-IDS-05")
class FullPagesAreTheLast(Behaviour):
    def page(self, call: Call, answer: Answer) -> Answer:
        said = answer.body
        if answer.status != 200 or not any(row.get("numAttempts", 1) > 1 for row in said["data"]):
            return answer
        return replace(answer, body={**said, "pageData": {**said["pageData"], "hasNextPage": False}})


@fault(FAULTS, "a retry looks texts up by recipient: the last row of a number wins", "BR-IDS-06", "BR-IDS-03")
class TextsByRecipient(Behaviour):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        super().carry_out(batch, failed)
        texts = {m.recipient: m.values for m in batch.messages}
        for message in failed:
            message.values = texts[message.recipient]
