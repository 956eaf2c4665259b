"""Variants in time: slow decisions, workers that select late, replicas that lag, clocks that differ."""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from functools import cached_property

from conformance.reference.behaviour import Answer, Behaviour, Call, Deferred
from conformance.reference.mixins import Variant, variant
from conformance.reference.world import Attempt, Batch, Message

VARIANTS: dict[str, Variant] = {}

#: Reason codes of what a lag keeps back.
_LAG = (
    *("status-may-lag", "status-before-unknown", "not-settled", "not-quiescent", "not-exercised", "not-read-back"),
    *("not-read-before", "chain-not-closed", "another-reason"),
)
#: What rests on an outcome that was corrected.
_CORRECTED = ("axiom-broken", "not-exercised")
#: What is over before a read can show it.
_TOO_FAST = ("not-exercised", "not-read-back", "another-reason", "status-before-unknown")


class _Draws(Behaviour):
    """Base of variants that draw, by the seed of the target."""

    @cached_property
    def draw(self) -> random.Random:
        """The source of what is drawn."""
        return random.Random(f"{type(self).__name__} {self.settings.seed}")


# -- how long it takes ----------------------------------------------------------------------------------------


@variant(VARIANTS, "a retry is decided 20 ms after it has arrived", "ruling 16")
class SlowDecisions(Behaviour):
    def retry(self, call: Call, batch_id: str) -> Answer:
        decide = super().retry
        return Deferred(seconds=self.settings.seconds(0.02), then=lambda: decide(call, batch_id))

    def retry_one(self, call: Call, message_id: str) -> Answer:
        decide = super().retry_one
        return Deferred(seconds=self.settings.seconds(0.02), then=lambda: decide(call, message_id))


@variant(VARIANTS, "every answer takes 300 ms", "ruling 16", "too-few-races", *_TOO_FAST, speed=6)
class SlowAnswers(Behaviour):
    def wait(self) -> float:
        return super().wait() + self.settings.seconds(0.3)


@variant(VARIANTS, "an attempt takes a twentieth of the usual time", "ruling 15", *_TOO_FAST)
class FastTarget(Behaviour):
    def timeline(self, message: Message, start: float, number: int) -> list[tuple[float, str]]:
        return [(start + (at - start) / 20, status) for at, status in super().timeline(message, start, number)]


@variant(VARIANTS, "a worker selects the failed messages 20 to 200 ms after the 201", "ruling 21")
class WorkerSelectsLate(_Draws):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        act, campaign = super().carry_out, batch.campaign
        batch.set(self.world.now(), "retrying_messages")

        def work() -> None:
            chosen = self.to_retry(batch, Call("POST", campaign))
            act(batch, chosen)
            if not chosen:
                batch.set(self.world.now(), "messages_enqueuing_failed")

        self.later(self.settings.seconds(self.draw.uniform(0.02, 0.2)), work)


# -- the batch's status ---------------------------------------------------------------------------------------


class _StatusFollows(Behaviour):
    """Base of variants in which the batch's status follows a refusal."""

    #: Seconds after the refusal, at speed 1.
    after = 0.0

    def on_blocked(self, batch: Batch) -> Answer:
        before = list(batch.path)

        def follow() -> None:
            # What an accepted retry has set in the meantime stands.
            if batch.path == before:
                batch.set(self.world.now(), "messages_enqueuing_failed")

        self.later(self.settings.seconds(self.after), follow)
        return self.error(400, "unresolved_batch_messages")


@variant(VARIANTS, "the batch's status follows 50 ms after a refusal", "ruling 23", "status-may-lag")
class StatusFollowsSoon(_StatusFollows):
    after = 0.05


@variant(VARIANTS, "the batch's status follows 700 ms after a refusal", "ruling 23", "status-may-lag")
class StatusFollowsLate(_StatusFollows):
    after = 0.7


@variant(VARIANTS, "a single retry sets its batch's status to messages_enqueued", "ruling 24")
class SingleRetrySetsTheStatus(Behaviour):
    def reset_one(self, message: Message) -> None:
        super().reset_one(message)
        if message.batch is not None:
            message.batch.set(self.world.now(), "messages_enqueued")


@variant(VARIANTS, "after a single retry its batch is processing for 60 ms", "ruling 24", *_TOO_FAST)
class SingleRetryProcessesItsBatch(Behaviour):
    def reset_one(self, message: Message) -> None:
        super().reset_one(message)
        if message.batch is not None:
            now = self.world.now()
            message.batch.set(now, "retrying_message")
            message.batch.path.append((now + self.settings.seconds(0.06), "messages_enqueued"))


@variant(
    VARIANTS,
    "a worker has the batch processed from 30 ms after an accepted retry, which has reset the messages at once",
    "rulings 5 and 16",
    *_TOO_FAST,
)
class WorkerSetsTheStatusLate(Behaviour):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        super().carry_out(batch, failed)
        begins = self.world.now() + self.settings.seconds(0.03)
        batch.set(begins, "retrying_messages")
        batch.path.append((begins + 0.8 * self.settings.lifetime, "messages_enqueued"))


# -- replicas and clocks --------------------------------------------------------------------------------------


@variant(VARIANTS, "each view is read from a replica of its own, which lags by 50, 120 or 200 ms", "ruling 29", *_LAG)
class LaggingReplicas(Behaviour):
    def lag(self, view: str) -> float:
        return self.settings.seconds({"listing": 0.05, "message": 0.12, "campaign": 0.2}[view])


@variant(VARIANTS, "reads go to either of two replicas, which lag by 20 and by 200 ms", "ruling 29", *_LAG)
class ReplicasInTurn(_Draws):
    def lag(self, view: str) -> float:
        return self.settings.seconds(self.draw.choice((0.02, 0.2)))


@variant(VARIANTS, "attempts are stamped by two clocks that are 2 s apart", "ruling 27")
class TwoClocks(Behaviour):
    def clock_of(self, attempt: Attempt) -> float:
        return self.settings.seconds(2.0) if zlib.crc32(attempt.id.encode()) % 2 else 0.0


@variant(VARIANTS, "updatedAt is of the clock of whoever moved the message: a worker's is 2 s slow", "ruling 27")
class SlowClockOfWorkers(Behaviour):
    def view(self, message: Message, view: str) -> dict[str, object]:
        shown = super().view(message, view)
        since, status = self.begun(message)[-1].at(self.world.now())
        if status != "created":
            shown["updatedAt"] = self.stamp(since - self.settings.seconds(2.0))
        return shown


@variant(VARIANTS, "times in whole seconds, and no counts", "ruling 27", "attempts-not-visible")
class WholeSeconds(Behaviour):
    def stamp(self, at: float) -> str:
        return self.world.moment(at).isoformat(timespec="seconds")

    def view(self, message: Message, view: str) -> dict[str, object]:
        shown = super().view(message, view)
        shown.pop("numAttempts", None)
        return shown


@variant(VARIANTS, "a failure of two of the numbers is corrected to a success later on", "ruling 18", *_CORRECTED)
class LateCorrections(Behaviour):
    def timeline(self, message: Message, start: float, number: int) -> list[tuple[float, str]]:
        path = super().timeline(message, start, number)
        if number == 1 and message.recipient in ("6511114444", "6511119999"):
            return [*path, (start + 1.6 * self.settings.lifetime, "success")]
        return path
