"""Faults that small batches do not show: pages, chunks and columns that are too short."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.reference.behaviour import Answer, Behaviour, Call
from conformance.reference.mixins import Fault, fault
from conformance.reference.world import Batch, Message

FAULTS: dict[str, Fault] = {}


@fault(FAULTS, "a retry of more than ten failed messages is answered 500", "BR-ERR-08", "BR-ACC-02")
class BreaksOnMoreThanTen(Behaviour):
    def check(self, call: Call, batch_id: str) -> Answer | tuple[Batch, list[Message]]:
        checked = super().check(call, batch_id)
        if isinstance(checked, Answer) or len(checked[1]) <= 10:
            return checked
        return self.error(500, "internal_error")


@fault(FAULTS, "only the first fifteen messages of the listing are looked at for failures", "BR-SEL-01", "BR-ACC-02")
class OnlyTheFirstFifteenListed(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        page = {m.id for m in self.listed(batch.messages)[:15]}
        return [m for m in super().to_retry(batch, call) if m.id in page]


@fault(FAULTS, "only the first ten messages of the listing are looked at for created", "BR-BLK-01")
class OnlyTheFirstTenBlock(Behaviour):
    def blocked(self, batch: Batch) -> bool:
        return any(self.blocks(m) for m in self.listed(batch.messages)[:10])


@fault(FAULTS, "messages are enqueued in chunks of five, and a last one that is not full is dropped", "BR-SEL-01")
class DropsTheLastChunk(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        failed = super().to_retry(batch, call)
        return failed[: len(failed) // 5 * 5] if len(failed) > 5 else failed


@fault(
    FAULTS,
    "chunks of ten overlap by one, and the message in both gets two attempts",
    "BR-SEL-05",
    "BR-SEL-08",
    "BR-SEL-02",
)
class ChunksOverlap(Behaviour):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        super().carry_out(batch, failed)
        for message in failed[10::10]:
            self.reset(message)


@fault(FAULTS, "from the eleventh on, retried messages get the text of the one ten before", "BR-IDS-03", "BR-IDS-06")
class ChunksCrossTheirTexts(Behaviour):
    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        super().carry_out(batch, failed)
        for before, message in zip(failed, failed[10:], strict=False):
            message.values = dict(before.values)


@fault(FAULTS, "a message past the tenth that blocks does not set the status", "BR-BLK-02", speed=0.25)
class StatusByTheFirstTen(Behaviour):
    def on_blocked(self, batch: Batch) -> Answer:
        if any(self.blocks(m) for m in self.listed(batch.messages)[:10]):
            return super().on_blocked(batch)
        return self.error(400, "unresolved_batch_messages")


@fault(FAULTS, "only the first page of a hundred messages is looked at for failures", "BR-SEL-01", rows=110)
class OnlyTheFirstHundredRetried(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        page = {m.id for m in self.listed(batch.messages)[:100]}
        return [m for m in super().to_retry(batch, call) if m.id in page]


@fault(FAULTS, "only the first page of a hundred messages is looked at for created", "BR-BLK-01", rows=110)
class OnlyTheFirstHundredBlock(Behaviour):
    def blocked(self, batch: Batch) -> bool:
        return any(self.blocks(m) for m in self.listed(batch.messages)[:100])


@fault(
    FAULTS,
    "messages are reset by lists of fifty ids, and the last list, if it is not full, by its first id only",
    "BR-SEL-01",
    rows=110,
)
class ListsOfFifty(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        failed = super().to_retry(batch, call)
        full = len(failed) // 50 * 50
        return failed[:full] + failed[full : full + 1] if full else failed


@fault(FAULTS, "a retry takes a thousand messages at most", "BR-SEL-01", rows=1010)
class AThousandAtMost(Behaviour):
    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        return super().to_retry(batch, call)[:1000]
