"""Variants in which the documents leave room: what the rulings allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from conformance.reference.behaviour import Answer, Behaviour, Call, Deferred
from conformance.reference.mixins import Variant, variant
from conformance.reference.world import Attempt, Batch, Message

VARIANTS: dict[str, Variant] = {}

#: Which of the messages it enqueues is not for the client to choose; what it leaves out is waited for in vain, and then no longer.
_PARTIAL = ("partial-enqueue", "not-exercised", "not-waited-for")
#: What is over before a read can show it.
_TOO_FAST = ("not-exercised", "not-read-back", "another-reason", "status-before-unknown")


@variant(VARIANTS, "an unknown batch is answered 404", "ruling 2")
class UnknownIs404(Behaviour):
    def unknown_batch(self, call: Call, batch_id: str) -> Answer:
        return self.error(404, "not_found")


@variant(VARIANTS, "a message may be retried twice only", "ruling 3")
class LimitOfTwo(Behaviour):
    def limit(self) -> int:
        return 2


@variant(VARIANTS, "messages in progress block as created ones do", "ruling 4")
class UnderwayBlocks(Behaviour):
    def blocks(self, message: Message) -> bool:
        return message.status(self.world.now()) not in ("success", "failure")


@variant(VARIANTS, "the older error envelope outside 400", "ruling 8")
class OldEnvelope(Behaviour):
    def error(self, status: int, code: str) -> Answer:
        answer = super().error(status, code)
        if status in (401, 403, 404, 405):
            return Answer(status, {"message": code, "statusCode": status}, answer.headers)
        return answer


@variant(VARIANTS, "attempts are listed oldest first in the single read", "ruling 14")
class OldestAttemptFirst(Behaviour):
    def view(self, message: Message, view: str) -> dict[str, object]:
        shown = super().view(message, view)
        if view == "message":
            shown["attempts"] = [self.short_attempt(a) for a in message.attempts]
        return shown


@variant(VARIANTS, "listings go from the newest to the oldest", "ruling 14")
class NewestFirst(Behaviour):
    def listed(self, messages: Sequence[Message]) -> list[Message]:
        return list(reversed(super().listed(messages)))


@variant(VARIANTS, "fields and statuses that no document names", "ruling 6")
class UnknownFields(Behaviour):
    def view(self, message: Message, view: str) -> dict[str, object]:
        shown = super().view(message, view)
        return {**shown, "segments": 1, "provider": {"name": "telco-7", "route": "r-12"}}

    def status_name(self, status: str) -> str:
        return "queued_at_provider" if status == "enqueued" else super().status_name(status)


@variant(VARIANTS, "the older statuses only: created, sent, success, failure", "section 1, older pages")
class OldStatuses(Behaviour):
    def status_name(self, status: str) -> str:
        return "sent" if status in ("enqueued", "sending") else super().status_name(status)


@variant(VARIANTS, "times in UTC, spelled with Z", "ruling 19")
class TimesWithZ(Behaviour):
    def view(self, message: Message, view: str) -> dict[str, object]:
        shown = super().view(message, view)
        for name in ("createdAt", "updatedAt"):
            shown[name] = str(shown[name]).replace("+00:00", "Z")
        return shown


@variant(VARIANTS, "batches are not shown", "ruling 12", "status-not-visible", "status-before-unknown")
class WithoutBatches(Behaviour):
    def view(self, message: Message, view: str) -> dict[str, object]:
        shown = super().view(message, view)
        shown.pop("batches", None)
        return shown


@variant(VARIANTS, "attempts are not counted in listings", "ruling 6")
class WithoutCounts(Behaviour):
    def view(self, message: Message, view: str) -> dict[str, object]:
        shown = super().view(message, view)
        shown.pop("numAttempts", None)
        return shown


@variant(VARIANTS, "a retry shows a little later than its 201", "ruling 16")
class DelayedEffect(Behaviour):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        batch.set(self.world.now(), "messages_enqueuing")
        later = self.world.now() + 0.3 * self.settings.lifetime
        batch.path.append((later, "messages_enqueued"))
        for message in failed:
            message.__dict__["due"] = later

    def settle(self, message: Message) -> None:
        """Carry out what is due."""
        due = message.__dict__.get("due")
        if due is not None and self.world.now() >= due:
            del message.__dict__["due"]
            self.begin(message, due)

    def view(self, message: Message, view: str) -> dict[str, object]:
        self.settle(message)
        return super().view(message, view)

    def retry(self, call: Call, batch_id: str) -> Answer:
        batch = self.find_batch(call, batch_id)
        for message in batch.messages if batch is not None else ():
            self.settle(message)
        return super().retry(call, batch_id)

    def retry_one(self, call: Call, message_id: str) -> Answer:
        message = self.find_message(call, message_id)
        if message is not None:
            self.settle(message)
        return super().retry_one(call, message_id)


@variant(VARIANTS, "created is over before a client can see it", "ruling 15", "not-exercised")
class NeverSeenCreated(Behaviour):
    def timeline(self, message: Message, start: float, number: int) -> list[tuple[float, str]]:
        path = super().timeline(message, start, number)
        return [(start, "enqueued"), *path[2:]]


@variant(VARIANTS, "the batch is processing for a while after an accepted retry", "ruling 5")
class ProcessingAfterRetry(Behaviour):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        super().carry_out(batch, failed)
        now = self.world.now()
        batch.set(now, "retrying_messages")
        batch.path.append((now + 0.8 * self.settings.lifetime, "messages_enqueued"))


@variant(VARIANTS, "every other retry enqueues only some of the messages and says so", "ruling 17", *_PARTIAL)
class PartialEnqueue(Behaviour):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        turn = int(batch.__dict__.get("turn", 0))
        batch.__dict__["turn"] = turn + 1
        if turn % 2 == 0 and len(failed) > 2:
            super().carry_out(batch, failed[:-1])
            batch.set(self.world.now(), "messages_enqueuing_failed")
        else:
            super().carry_out(batch, failed)


@variant(VARIANTS, "a blocked retry is answered 400 and odd methods 404", "ruling 7")
class OddMethodsAre404(Behaviour):
    def other_method(self, call: Call, batch_id: str) -> Answer:
        return replace(self.error(404, "invalid_path"))

    def attempt(self, message: Message, attempt: Attempt) -> dict[str, object]:
        return {**super().attempt(message, attempt), "externalAttemptId": f"ext-{attempt.id[-4:]}"}


@variant(VARIANTS, "retries wait in a queue, 25 ms each, and are decided one after the other", "ruling 16")
class RetriesQueue(Behaviour):
    #: Seconds that each waits before it is decided.
    turn = 0.025

    def retry(self, call: Call, batch_id: str) -> Answer:
        decide = super().retry
        return Deferred(seconds=self._wait(), then=lambda: decide(call, batch_id))

    def retry_one(self, call: Call, message_id: str) -> Answer:
        decide = super().retry_one
        return Deferred(seconds=self._wait(), then=lambda: decide(call, message_id))

    def _wait(self) -> float:
        """Until the end of the queue, by the clock."""
        now = self.world.now()
        last = max(now, float(self.__dict__.get("last", now))) + self.turn
        self.__dict__["last"] = last
        return last - now


@variant(
    VARIANTS,
    "retries queue, and fail so soon that several at once are accepted one after the other",
    "ruling 15",
    *_TOO_FAST,
)
class FailsBeforeTheNext(RetriesQueue):
    def timeline(self, message: Message, start: float, number: int) -> list[tuple[float, str]]:
        path = super().timeline(message, start, number)
        if number == 1:
            return path
        part = 0.5 * self.turn / max(path[-1][0] - start, self.turn)
        return [(start + part * (at - start), status) for at, status in path]


@variant(
    VARIANTS, "after an accepted retry the batch is processing for a moment: a rival is not retryable", "ruling 13"
)
class RivalsAreNotRetryable(Behaviour):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        super().carry_out(batch, failed)
        now = self.world.now()
        batch.set(now, "retrying_messages")
        batch.path.append((now + 0.03, "messages_enqueued"))
