"""Faults in what decides a retry: statuses and flags that outlive their reason, campaigns and keys that are mixed up."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.reference.behaviour import Answer, Behaviour, Call
from conformance.reference.mixins import Fault, fault
from conformance.reference.world import TERMINAL, Batch, Message

FAULTS: dict[str, Fault] = {}


# -- the batch's status ---------------------------------------------------------------------------------------


@fault(FAULTS, "once every message is terminal, the status of the batch is not looked at", "BR-ACC-01")
class AcceptsOnceAllHaveEnded(Behaviour):
    def retryable(self, batch: Batch) -> bool:
        now = self.world.now()
        return super().retryable(batch) or all(m.status(now) in TERMINAL for m in batch.messages)


@fault(FAULTS, "a batch that was retried while it was being processed is refused from then on", "BR-ACC-02")
class RefusesWhatCameTooEarly(Behaviour):
    def retryable(self, batch: Batch) -> bool:
        if batch.status(self.world.now()) == "messages_enqueuing":
            batch.__dict__["early"] = True
        return super().retryable(batch) and not batch.__dict__.get("early")


@fault(FAULTS, "a retry that was blocked once stays blocked, by a flag that nothing clears", "BR-ACC-03")
class RemembersTheBlock(Behaviour):
    def on_blocked(self, batch: Batch) -> Answer:
        batch.__dict__["was_blocked"] = True
        return super().on_blocked(batch)

    def blocked(self, batch: Batch) -> bool:
        return bool(batch.__dict__.get("was_blocked")) or super().blocked(batch)


@fault(FAULTS, "failed messages are looked for in batches of status messages_enqueued only", "BR-ACC-03")
class FindsNothingInABlockedBatch(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        blocked = batch.status(self.world.now()) == "messages_enqueuing_failed"
        return [] if blocked else super().to_retry(batch, call)


@fault(FAULTS, "the batch stays in processing after an accepted retry", "BR-ACC-06")
class StaysProcessing(Behaviour):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        super().carry_out(batch, failed)
        batch.set(self.world.now(), "retrying_messages")


@fault(FAULTS, "a retry of a batch that is processing is refused with another code", "BR-ERR-01")
class AnotherCodeWhileProcessing(Behaviour):
    def check(self, call: Call, batch_id: str) -> Answer | tuple[Batch, list[Message]]:
        batch = self.find_batch(call, batch_id)
        if batch is not None and not self.retryable(batch):
            return self.error(400, "parameter_invalid")
        return super().check(call, batch_id)


# -- which messages -------------------------------------------------------------------------------------------


@fault(FAULTS, "messages with no retries left are retried along with others", "BR-SEL-09", "BR-SEL-04")
class ExhaustedComeAlong(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        failed = super().to_retry(batch, call)
        now = self.world.now()
        return [m for m in batch.messages if m.status(now) == "failure"] if failed else []


@fault(FAULTS, "a delivered batch is accepted while another batch has failed messages", "BR-SEL-10", "BR-SEL-06")
class FailuresElsewhereAdmit(Behaviour):
    def nothing_to_retry(self, batch: Batch) -> Answer:
        now = self.world.now()
        elsewhere = [m for m in self.world.messages[batch.campaign] if m.batch is not batch]
        if any(m.status(now) == "failure" and not self.exhausted(m) for m in elsewhere):
            return self.accepted(batch)
        return super().nothing_to_retry(batch)


@fault(
    FAULTS,
    "a created message that was sent singly blocks every batch of the campaign",
    "BR-SEL-10",
    "BR-ACC-02",
    whole=True,
)
class CreatedSinglesBlock(Behaviour):
    def blocked(self, batch: Batch) -> bool:
        alone = [m for m in self.world.messages[batch.campaign] if m.batch is None]
        return super().blocked(batch) or any(self.blocks(m) for m in alone)


@fault(FAULTS, "a campaign retries one batch at a time: others are refused meanwhile", "BR-SEL-10", "BR-ACC-02")
class OneBatchAtATime(Behaviour):
    def retryable(self, batch: Batch) -> bool:
        now = self.world.now()
        elsewhere = [m for m in self.world.messages[batch.campaign] if m.batch is not batch and self.retried(m)]
        return super().retryable(batch) and all(m.status(now) in TERMINAL for m in elsewhere)


# -- messages that do not move on -----------------------------------------------------------------------------


@fault(FAULTS, "a retried message stays created", "BR-LIV-01")
class RetriedStayCreated(Behaviour):
    def timeline(self, message: Message, start: float, number: int) -> list[tuple[float, str]]:
        path = super().timeline(message, start, number)
        return path[:1] if number > 1 else path


@fault(FAULTS, "every third retried message is lost by the queue, and stays enqueued", "BR-LIV-01")
class QueueLosesEveryThird(Behaviour):
    queued = 0

    def timeline(self, message: Message, start: float, number: int) -> list[tuple[float, str]]:
        path = super().timeline(message, start, number)
        self.queued += number > 1
        return path[:2] if number > 1 and self.queued % 3 == 0 else path


@fault(FAULTS, "the first retry of a message is not sent; the second one is", "BR-LIV-02")
class OnlyTheSecondIsSent(Behaviour):
    def outcome(self, message: Message, number: int) -> str:
        return super().outcome(message, 1 if number == 2 else number)


# -- whose batch ----------------------------------------------------------------------------------------------


def _is_batch_retry(call: Call) -> bool:
    return call.method == "POST" and bool(call.batch) and not call.odd and call.path.endswith("/retry")


@fault(FAULTS, "the key of another campaign is refused, but its retry is carried out", "BR-SEC-02")
class ForeignKeyIsRefusedTooLate(Behaviour):
    def admit(self, call: Call) -> Answer | None:
        refusal = super().admit(call)
        if refusal is not None and refusal.status == 403 and _is_batch_retry(call):
            self.retry(call, call.batch)
        return refusal


@fault(FAULTS, "a retry without a valid key is refused, and the batch is marked as failed to be enqueued", "BR-SEC-01")
class MarksWhatItDoesNotAdmit(Behaviour):
    def admit(self, call: Call) -> Answer | None:
        refusal = super().admit(call)
        if refusal is not None and refusal.status == 401 and _is_batch_retry(call):
            # The batch is looked up and marked by whoever catches the error, whatever it is.
            held = self.find_batch(call, call.batch)
            if held is not None:
                held.set(self.world.now(), "messages_enqueuing_failed")
        return refusal


@fault(FAULTS, "a key that was valid for one campaign is taken from a cache for any other", "BR-SEC-02")
class CachesKeysWithoutTheirCampaign(Behaviour):
    def admit(self, call: Call) -> Answer | None:
        known: set[str] = self.__dict__.setdefault("known", set())
        key = self.key_in(call) or ""
        if key in known and _is_batch_retry(call):
            return None
        refusal = super().admit(call)
        if refusal is None:
            known.add(key)
        return refusal


@fault(FAULTS, "a retry through another campaign's path is refused, but carried out", "BR-SEC-03")
class ForeignPathIsRefusedTooLate(Behaviour):
    def unknown_batch(self, call: Call, batch_id: str) -> Answer:
        batch = self.world.batches.get(batch_id)
        if batch is not None and self.retryable(batch) and not self.blocked(batch):
            self.carry_out(batch, self.to_retry(batch, call))
        return super().unknown_batch(call, batch_id)


@fault(FAULTS, "a retry does not look at the campaign in its path", "BR-SEC-03")
class IgnoresItsPath(Behaviour):
    def admit(self, call: Call) -> Answer | None:
        refusal = super().admit(call)
        return None if refusal is not None and refusal.status == 403 and self._own(call) else refusal

    def find_batch(self, call: Call, batch_id: str) -> Batch | None:
        return self.world.batches.get(batch_id) if self._own(call) else super().find_batch(call, batch_id)

    def _own(self, call: Call) -> bool:
        batch = self.world.batches.get(call.batch)
        return (
            _is_batch_retry(call) and batch is not None and batch.campaign == self.campaign_of(self.key_in(call) or "")
        )
