"""Faults in Single Send - Retry (BR-SGL-01 to -03)."""

from __future__ import annotations

from dataclasses import replace

from conformance.reference.behaviour import Answer, Behaviour, Call
from conformance.reference.mixins import Fault, fault
from conformance.reference.world import Message

FAULTS: dict[str, Fault] = {}


# -- which messages (BR-SGL-01) -------------------------------------------------------------------------------


@fault(FAULTS, "a single retry of a delivered message is accepted", "BR-SGL-01")
class SingleRetriesTheDelivered(Behaviour):
    def retryable_one(self, message: Message) -> bool:
        return message.status(self.world.now()) in ("success", "failure")


@fault(FAULTS, "a single retry of a message that an earlier retry delivered is accepted", "BR-SGL-01", whole=True)
class SingleRetriesWhatARetryDelivered(Behaviour):
    def retryable_one(self, message: Message) -> bool:
        return super().retryable_one(message) or (
            self.retried(message) > 0 and message.status(self.world.now()) == "success"
        )


@fault(FAULTS, "a single retry of a created message is accepted", "BR-SGL-01", "BR-SEL-08")
class SingleRetriesTheCreated(Behaviour):
    def retryable_one(self, message: Message) -> bool:
        return message.status(self.world.now()) in ("created", "failure")


@fault(FAULTS, "a single retry of a message in progress, created no longer, is accepted", "BR-SGL-01", "BR-SEL-08")
class SingleRetriesThoseInProgress(Behaviour):
    def retryable_one(self, message: Message) -> bool:
        return message.status(self.world.now()) not in ("created", "success")


@fault(FAULTS, "a single retry that comes again within a while is answered with the first one's answer", "BR-SGL-01")
class SingleRepeatsItsAnswer(Behaviour):
    def retry_one(self, call: Call, message_id: str) -> Answer:
        kept: dict[str, tuple[float, Answer]] = self.__dict__.setdefault("kept", {})
        at, answer = kept.get(message_id, (float("-inf"), None))
        now = self.world.now()
        if answer is not None and now - at < 3 * self.settings.lifetime:
            return answer
        answer = super().retry_one(call, message_id)
        if answer.status == 201:
            kept[message_id] = (now, answer)
        return answer


@fault(FAULTS, "a single retry of an unknown message is answered 201", "BR-SGL-01", "BR-SCH-02")
class UnknownMessageIsAccepted(Behaviour):
    def unknown_message(self, call: Call) -> Answer:
        return Answer(201, {"latestStatus": "created"})


@fault(FAULTS, "a single retry of an unknown message is answered 500", "BR-SGL-01", "BR-SCH-02")
class UnknownMessageBreaks(Behaviour):
    def unknown_message(self, call: Call) -> Answer:
        return self.error(500, "internal_error")


@fault(FAULTS, "a single retry of a message that is not failed is refused with another code", "BR-SGL-01")
class AnotherCodeForSingles(Behaviour):
    def not_failed(self, message: Message) -> Answer:
        return self.error(400, "parameter_invalid")


@fault(FAULTS, "a single retry of a created message is refused, and carried out", "BR-SGL-01", "BR-SEL-08")
class RefusedSingleIsCarriedOut(Behaviour):
    def not_failed(self, message: Message) -> Answer:
        if message.status(self.world.now()) == "created":
            self.begin(message)
        return super().not_failed(message)


# -- what it does and answers (BR-SGL-02) ---------------------------------------------------------------------


@fault(FAULTS, "a single retry retries every failed message of the batch", "BR-SGL-02")
class SingleRetriesItsBatch(Behaviour):
    def reset_one(self, message: Message) -> None:
        super().reset_one(message)
        now = self.world.now()
        for other in message.batch.messages if message.batch is not None else ():
            if other.status(now) == "failure" and not self.exhausted(other):
                self.begin(other)


@fault(FAULTS, "a single retry retries the first failed message of the batch, whichever it names", "BR-SGL-02")
class SingleRetriesTheFirst(Behaviour):
    def reset_one(self, message: Message) -> None:
        now = self.world.now()
        mates = message.batch.messages if message.batch is not None else [message]
        super().reset_one(next((m for m in mates if m.status(now) == "failure" and not self.exhausted(m)), message))


@fault(FAULTS, "a single retry is answered 200", "BR-SGL-02", "BR-SCH-02")
class SingleAnswers200(Behaviour):
    def accepted_one(self, message: Message) -> Answer:
        return replace(super().accepted_one(message), status=200)


@fault(FAULTS, "a single retry is answered with another message of the batch", "BR-SGL-02")
class SingleAnswersAnother(Behaviour):
    def accepted_one(self, message: Message) -> Answer:
        mates = message.batch.messages if message.batch is not None else []
        return super().accepted_one(next((m for m in mates if m is not message), message))


@fault(FAULTS, "a single retry gives the message a new id", "BR-SGL-02", "BR-IDS-01", "BR-IDS-04")
class SingleMakesANewId(Behaviour):
    def reset_one(self, message: Message) -> None:
        super().reset_one(message)
        message.id = self.world.new_id("message")


@fault(FAULTS, "a single retry gives the message two attempts", "BR-SGL-02", "BR-SEL-05", "BR-SEL-08")
class SingleGivesTwoAttempts(Behaviour):
    def reset_one(self, message: Message) -> None:
        super().reset_one(message)
        super().reset_one(message)


@fault(FAULTS, "a single retry empties the values of the message", "BR-SGL-02", "BR-IDS-03")
class SingleEmptiesValues(Behaviour):
    def reset_one(self, message: Message) -> None:
        super().reset_one(message)
        message.values = dict.fromkeys(message.values, "")


# -- whose messages (BR-SGL-03) -------------------------------------------------------------------------------


def _is_single(call: Call) -> bool:
    return call.method == "POST" and "/messages/" in call.path and call.path.endswith("/retry")


@fault(FAULTS, "the key of another campaign may retry a single message", "BR-SGL-03")
class ForeignKeyRetriesOne(Behaviour):
    def admit(self, call: Call) -> Answer | None:
        key = self.key_in(call)
        if _is_single(call) and key is not None and self.campaign_of(key) is not None:
            return None
        return super().admit(call)


@fault(FAULTS, "a single message can be retried through another campaign's path, with that campaign's key", "BR-SGL-03")
class ForeignPathRetriesOne(Behaviour):
    def find_message(self, call: Call, message_id: str) -> Message | None:
        return next((m for held in self.world.messages.values() for m in held if m.id == message_id), None)


@fault(FAULTS, "a single retry does not look at the campaign in its path", "BR-SGL-03")
class SingleIgnoresItsPath(Behaviour):
    def admit(self, call: Call) -> Answer | None:
        refusal = super().admit(call)
        return None if refusal is not None and refusal.status == 403 and _is_single(call) else refusal

    def find_message(self, call: Call, message_id: str) -> Message | None:
        owner = self.campaign_of(self.key_in(call) or "")
        return self.world.find(owner or call.campaign, message_id)
