"""Faults in what a refusal does, or says: effects that it must not have, errors that are none of the client's."""

from __future__ import annotations

from dataclasses import replace

from conformance.reference.behaviour import Answer, Behaviour, Call, Deferred
from conformance.reference.mixins import Fault, fault
from conformance.reference.world import Batch, Message

FAULTS: dict[str, Fault] = {}


# -- errors in place of refusals ------------------------------------------------------------------------------


@fault(FAULTS, "a blocked retry is answered 500", "BR-ERR-08", "BR-ERR-02")
class BreaksWhenBlocked(Behaviour):
    def on_blocked(self, batch: Batch) -> Answer:
        super().on_blocked(batch)
        return self.error(500, "internal_error")


@fault(FAULTS, "a blocked retry is answered 500 where two messages are created", "BR-ERR-08", "BR-ERR-02")
class BreaksWhenTwoAreCreated(Behaviour):
    def on_blocked(self, batch: Batch) -> Answer:
        # As by an ORM's one_or_none().
        several = sum(self.blocks(m) for m in batch.messages) > 1
        return self.error(500, "internal_error") if several else super().on_blocked(batch)


@fault(FAULTS, "a retry with nothing to retry is answered 500", "BR-ERR-08", "BR-SEL-04", "BR-SEL-06")
class BreaksWithNothingToRetry(Behaviour):
    def nothing_to_retry(self, batch: Batch) -> Answer:
        return self.error(500, "internal_error")


@fault(FAULTS, "a retry is carried out and answered 500 in an envelope", "BR-ACC-04", "BR-ERR-07", "BR-ERR-08")
class BreaksAndCarriesOut(Behaviour):
    def accepted(self, batch: Batch) -> Answer:
        return self.error(500, "internal_error")


@fault(FAULTS, "every third retry is carried out and answered 500 in an envelope", "BR-ACC-04", "BR-ERR-07", whole=True)
class BreaksAndCarriesOutNowAndThen(Behaviour):
    accepted_so_far = 0

    def accepted(self, batch: Batch) -> Answer:
        self.accepted_so_far += 1
        return self.error(500, "internal_error") if self.accepted_so_far % 3 == 0 else super().accepted(batch)


# -- refusals that are carried out ----------------------------------------------------------------------------


@fault(
    FAULTS,
    "every other retry of a batch is refused as not retryable, and carried out",
    "BR-BLK-03",
    "BR-ACC-02",
    "BR-ACC-06",
)
class RefusesEveryOtherAndCarriesItOut(Behaviour):
    def accepted(self, batch: Batch) -> Answer:
        rounds = int(batch.__dict__.get("rounds", 0)) + 1
        batch.__dict__["rounds"] = rounds
        return super().accepted(batch) if rounds % 2 else self.error(400, "batch_not_found_or_is_not_retryable")


@fault(
    FAULTS,
    "a blocked retry is refused, and gives the messages of the last round another attempt",
    "BR-BLK-03",
    "BR-SEL-05",
    "BR-SEL-08",
    "BR-SEL-02",
)
class BlockedRepeatsTheLastRound(Behaviour):
    def on_blocked(self, batch: Batch) -> Answer:
        for message in batch.messages:
            if self.retried(message) and message.status(self.world.now()) == "created":
                self.begin(message)
        return super().on_blocked(batch)


@fault(
    FAULTS,
    "a blocked retry is refused, and carried out by a queue a while later, when nothing blocks any more",
    "BR-BLK-03",
    "BR-SEL-05",
)
class BlockedIsCarriedOutLater(Behaviour):
    def on_blocked(self, batch: Batch) -> Answer:
        def work() -> None:
            if all(m.status(self.world.now()) in ("success", "failure") for m in batch.messages):
                failed = [m for m in batch.messages if self.retryable_one(m) and not self.exhausted(m)]
                self.carry_out(batch, failed)

        self.later(6 * self.settings.lifetime, work)
        return super().on_blocked(batch)


class _EveryThirdIsThrottled(Behaviour):
    """Base of faults in which the limiter counts a request when its work is done."""

    carried_out = 0

    def throttled(self, answer: Answer) -> Answer:
        """``answer``, or 429 in its place."""
        self.carried_out += 1
        return self.error(429, "too_many_requests") if self.carried_out % 3 == 0 else answer


@fault(FAULTS, "every third retry is answered 429, and carried out", "BR-ERR-06")
class ThrottledIsCarriedOut(_EveryThirdIsThrottled):
    def accepted(self, batch: Batch) -> Answer:
        return self.throttled(super().accepted(batch))


@fault(FAULTS, "every third single retry is answered 429, and carried out", "BR-ERR-06")
class ThrottledSingleIsCarriedOut(_EveryThirdIsThrottled):
    def accepted_one(self, message: Message) -> Answer:
        return self.throttled(super().accepted_one(message))


# -- what a refusal changes -----------------------------------------------------------------------------------


@fault(FAULTS, "a blocked retry empties the values of the failed messages", "BR-BLK-03")
class BlockedEmptiesValues(Behaviour):
    def on_blocked(self, batch: Batch) -> Answer:
        for message in batch.messages:
            if message.status(self.world.now()) == "failure":
                message.values = dict.fromkeys(message.values, "")
        return super().on_blocked(batch)


@fault(FAULTS, "a blocked retry sets the language of the blocking message to the last one", "BR-BLK-03")
class BlockedChangesTheLanguage(Behaviour):
    def on_blocked(self, batch: Batch) -> Answer:
        for message in batch.messages:
            if self.blocks(message):
                message.language = "tamil" if message.language != "tamil" else "english"
        return super().on_blocked(batch)


@fault(FAULTS, "a blocked retry starts the blocking message anew", "BR-BLK-03", "BR-SEL-08", "BR-SEL-02", "BR-SEL-05")
class BlockedRestartsTheBlocking(Behaviour):
    def on_blocked(self, batch: Batch) -> Answer:
        for message in batch.messages:
            if self.blocks(message):
                self.begin(message)
        return super().on_blocked(batch)


@fault(FAULTS, "a blocked retry takes the errors of the attempts that failed", "BR-BLK-03")
class BlockedClearsTheErrors(Behaviour):
    def on_blocked(self, batch: Batch) -> Answer:
        # As by a bulk update that gets ready what is then not sent.
        for message in batch.messages:
            for attempt in message.attempts:
                attempt.error = None
        return super().on_blocked(batch)


# -- what an error tells --------------------------------------------------------------------------------------


def _saying(answer: Answer, text: str) -> Answer:
    return replace(answer, body={"error": {**answer.body["error"], "message": text}})


@fault(FAULTS, "the error of a blocked retry tells the recipient's number", "BR-ERR-09")
class ErrorTellsTheNumber(Behaviour):
    def on_blocked(self, batch: Batch) -> Answer:
        blocking = next(m for m in batch.messages if self.blocks(m))
        return _saying(super().on_blocked(batch), f"the message to {blocking.recipient} is not resolved")


@fault(FAULTS, "the error of a retry with nothing to retry tells the text of a message", "BR-ERR-09")
class ErrorTellsTheText(Behaviour):
    def nothing_to_retry(self, batch: Batch) -> Answer:
        return _saying(super().nothing_to_retry(batch), f"nothing to retry; last sent: {batch.messages[-1].text}")


@fault(FAULTS, "the error of a single retry tells the recipient's number", "BR-ERR-09")
class SingleErrorTellsTheNumber(Behaviour):
    def not_failed(self, message: Message) -> Answer:
        return _saying(super().not_failed(message), f"{message.recipient}: not in failure status")


@fault(FAULTS, "the error for an unknown batch tells the numbers of the newest one", "BR-ERR-09")
class UnknownTellsNumbers(Behaviour):
    def unknown_batch(self, call: Call, batch_id: str) -> Answer:
        answer = super().unknown_batch(call, batch_id)
        newest = next((b for b in reversed(self.world.batches.values()) if b.campaign == call.campaign), None)
        if newest is None:
            return answer
        return _saying(answer, "did you mean the batch to " + ", ".join(m.recipient for m in newest.messages))


# -- losers ---------------------------------------------------------------------------------------------------


@fault(FAULTS, "a retry that loses a race is answered 500", "BR-ERR-08")
class BreaksForTheLoser(Behaviour):
    #: Seconds from the check to the commit, at speed 1.
    window = 0.02

    def retry(self, call: Call, batch_id: str) -> Answer:
        checked = self.check(call, batch_id)
        if isinstance(checked, Answer):
            return checked
        batch, failed = checked
        known = [len(m.attempts) for m in failed]

        def commit() -> Answer:
            # The unique index on (message, attempt) keeps the second one out.
            if [len(m.attempts) for m in failed] != known:
                return self.error(500, "internal_error")
            self.carry_out(batch, failed)
            return self.accepted(batch)

        return Deferred(seconds=self.settings.seconds(self.window), then=commit)
