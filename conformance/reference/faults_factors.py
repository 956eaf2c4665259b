"""Faults that one combination of factors shows: a language, a number in two rows, many calls in flight."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from conformance.reference.behaviour import Answer, Behaviour, Call, Deferred
from conformance.reference.mixins import Fault, fault
from conformance.reference.world import Batch, Message

FAULTS: dict[str, Fault] = {}


def _first_rows(messages: Sequence[Message]) -> list[Message]:
    """The first row of each number and no other, as SELECT DISTINCT gives them."""
    return list({m.recipient: m for m in reversed(messages)}.values())


@fault(FAULTS, "only messages in English are looked at for created", "BR-BLK-01")
class OnlyEnglishBlocks(Behaviour):
    def blocks(self, message: Message) -> bool:
        return super().blocks(message) and message.language == "english"


@fault(FAULTS, "two created messages do not block, where one does", "BR-BLK-01")
class TwoDoNotBlock(Behaviour):
    def blocked(self, batch: Batch) -> bool:
        return sum(self.blocks(m) for m in batch.messages) == 1


@fault(FAULTS, "only the first row of a number is looked at for created", "BR-BLK-01")
class SecondRowsDoNotBlock(Behaviour):
    def blocked(self, batch: Batch) -> bool:
        return any(self.blocks(m) for m in _first_rows(batch.messages))


@fault(FAULTS, "one failed row of each number is retried", "BR-SEL-01")
class OneRowOfANumberIsRetried(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        return _first_rows(super().to_retry(batch, call))


@fault(FAULTS, "failed rows of one number and one text are retried as one", "BR-SEL-01")
class RetriesEqualRowsOnce(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        failed = super().to_retry(batch, call)
        return list({(m.recipient, m.language, m.text): m for m in reversed(failed)}.values())[::-1]


@fault(FAULTS, "a single retry retries every failed row of the batch to the same number", "BR-SGL-02")
class SingleRetriesTheNumber(Behaviour):
    def reset_one(self, message: Message) -> None:
        super().reset_one(message)
        now = self.world.now()
        for other in message.batch.messages if message.batch is not None else ():
            if other.recipient == message.recipient and other.status(now) == "failure" and not self.exhausted(other):
                self.begin(other)


@fault(FAULTS, "a retried message in Tamil comes back in English", "BR-IDS-03")
class TamilComesBackInEnglish(Behaviour):
    def reset(self, message: Message) -> None:
        super().reset(message)
        message.language = "english" if message.language == "tamil" else message.language


@fault(FAULTS, "messages in other languages than the batch's first are not retried", "BR-SEL-01")
class OnlyTheFirstLanguage(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        failed = super().to_retry(batch, call)
        return [m for m in failed if m.language == failed[0].language]


@fault(FAULTS, "a retried message in Malay stays enqueued", "BR-LIV-01")
class RetriedInMalayStayEnqueued(Behaviour):
    def timeline(self, message: Message, start: float, number: int) -> list[tuple[float, str]]:
        path = super().timeline(message, start, number)
        return path[:2] if number > 1 and message.language == "malay" else path


@fault(FAULTS, "numAttempts of a retried message is 10^18", "BR-SCH-02", "BR-IDS-07")
class AbsurdCounts(Behaviour):
    def count(self, message: Message) -> int:
        return 10**18 if self.retried(message) else super().count(message)


@fault(
    FAULTS,
    "of more than five retries in flight, the others are answered 201 and dropped",
    "BR-CON-01",
    "BR-ACC-05",
    deep=True,
)
class PoolOfFive(Behaviour):
    #: Workers.
    size = 5
    #: Seconds for which a retry holds its worker, at speed 1.
    held = 0.03
    in_flight = 0

    def retry(self, call: Call, batch_id: str) -> Answer:
        self.in_flight += 1
        batch = self.find_batch(call, batch_id)
        decide: Callable[[Call, str], Answer] = super().retry
        overflows = self.in_flight > self.size and batch is not None
        held: dict[str, object] = {} if batch is None else batch.__dict__
        # A rival of the same batch finds it locked.
        locked = "locked" in held
        held["locked"] = True

        def then() -> Answer:
            self.in_flight -= 1
            if overflows and batch is not None:
                return self.accepted(batch)
            if locked:
                return self.error(400, "batch_not_found_or_is_not_retryable")
            held.pop("locked", None)
            return decide(call, batch_id)

        return Deferred(seconds=self.settings.seconds(self.held), then=then)


@fault(
    FAULTS,
    "of more than twenty retries in flight, the others are answered 201 and dropped",
    "BR-CON-01",
    "BR-ACC-05",
    deep=True,
)
class PoolOfTwenty(PoolOfFive):
    size = 20
    #: So long that a client which runs beside its target has so many in flight.
    held = 0.1
