"""Faults of identity: ids, data, views, pages."""

from __future__ import annotations

from typing import Any

from oracle.simulator.faults.fault import fault
from oracle.simulator.faults.retries import FULL
from oracle.simulator.state import Batch, Message
from oracle.simulator.target import Answer, Target


class Changing(Target):
    """Something of a message changes with its retry."""

    def begin(self, message: Message) -> None:
        super().begin(message)
        if len(message.attempts) > 1 and message.batch is not None:
            before = dict(message.data)
            self.change(message)
            if message.data != before:
                self.fired += 1
                message.spoiled.append((self.clock.now, before))

    def change(self, message: Message) -> None:
        """What changes."""


class NewIds(Changing):
    """A retried message has another id."""

    def change(self, message: Message) -> None:
        message.id = self.name("message")
        message.data["id"] = message.id
        self.messages[message.id] = message


class OtherValues(Changing):
    """A retry renders the text anew: markup is escaped, blanks are lost, or the case changes."""

    def change(self, message: Message) -> None:
        text = message.data["values"]["body"].upper().replace("[N:", "[n:").replace("<B>", "&lt;B&gt;")
        head, _, nonce = text.rpartition("[n:")
        message.data["values"] = {"body": f"{head}[n:{nonce.lower()}"}


class OtherCreated(Changing):
    """A retry gives the message another createdAt."""

    def change(self, message: Message) -> None:
        message.data["createdAt"] = "2026-02-01T00:00:00+00:00"


class OtherLanguage(Changing):
    """A retry falls back to another language."""

    def change(self, message: Message) -> None:
        message.data["language"] = "tamil" if message.data["language"] != "tamil" else "malay"


class SwapsRows(Changing):
    """Messages to the same recipient swap their contents with a retry."""

    swapped = ""

    def change(self, message: Message) -> None:
        if message.batch is None or self.swapped == message.batch.id:
            return
        twins = [
            m
            for m in message.batch.messages
            if m is not message and m.exists and m.data["recipient"] == message.data["recipient"]
        ]
        if twins:
            self.swapped = message.batch.id
            twin = twins[0]
            twin.spoiled.append((self.clock.now, dict(twin.data)))
            for name in ("values", "fullMessage"):
                message.data[name], twin.data[name] = twin.data[name], message.data[name]


class CopiesBatch(Target):
    """A retry makes a new batch with the failed messages."""

    def accept(self, batch: Batch, failed: Any, invoke: Any) -> Answer:
        answer = super().accept(batch, failed, invoke)
        self.fired += 1
        copy = Batch(self.name("batch"), self.clock.now, batch.status)
        copy.data = dict(batch.data)
        for message in failed:
            self.make(Message(self.name("message"), message.number, copy, message.row, self.clock.now))
        return answer


class ViewsDiffer(Target):
    """The campaign listing shows another recipient than the other views."""

    def shown(self, message: Message, view: str, body: dict[str, Any]) -> dict[str, Any]:
        if view == "campaign_list" and message.batch is not None:
            self.fired += 1
            return body | {"recipient": "6511119999" if body["recipient"] != "6511119999" else "6511114444"}
        return body


class PagesLose(Target):
    """A listing leaves out a message once the batch was retried."""

    def paged(self, messages: list[Message], view: str) -> list[Message]:
        if view == "batch_list" and len(messages) > 2 and any(len(m.attempts) > 1 for m in messages):
            self.fired += 1
            return messages[:1] + messages[2:]
        return messages


class PagesRepeat(Target):
    """A listing shows a message twice."""

    def paged(self, messages: list[Message], view: str) -> list[Message]:
        if view == "batch_list" and len(messages) > 2:
            self.fired += 1
            return [messages[-1], *messages]
        return messages


class StaleView(Target):
    """The single read shows a retried message as it failed, for ever."""

    def shown(self, message: Message, view: str, body: dict[str, Any]) -> dict[str, Any]:
        if view == "message_read" and len(message.attempts) > 1 and message.batch is not None:
            self.fired += message.ended
            attempts = body.get("attempts", [])
            first = attempts[-1:] if self.habits.newest_first else attempts[:1]
            return body | {"latestStatus": "failure"} | ({"attempts": first} if attempts else {})
        return body


class StaleCount(Target):
    """numAttempts of the listing stays 1."""

    def shown(self, message: Message, view: str, body: dict[str, Any]) -> dict[str, Any]:
        if view == "batch_list" and len(message.attempts) > 1 and "numAttempts" in body:
            self.fired += message.ended
            return body | {"numAttempts": 1}
        return body


class OddShape(Target):
    """A page's data is no array, or a message has a wrong type."""

    def shown(self, message: Message, view: str, body: dict[str, Any]) -> dict[str, Any]:
        if view == "batch_list":
            self.fired += 1
            return body | {"values": "none"}
        return body


FAULTS = (
    fault(NewIds, "IDS-01 IDS-03 IDS-04 IDS-02 IDS-05 IDS-06 SEL-01 ACC-05 SGL-02", "rounds pages", counting=FULL),
    fault(OtherValues, "IDS-03 IDS-06 SGL-02", "rounds pages"),
    fault(OtherCreated, "IDS-03 IDS-05 SGL-02", "rounds pages"),
    fault(OtherLanguage, "IDS-03 SGL-02", "rounds"),
    fault(SwapsRows, "IDS-06 IDS-03 SGL-02 SEL-02 BLK-03", "pages"),
    fault(CopiesBatch, "IDS-02 IDS-01 SEL-07 IDS-04", "patient"),
    fault(ViewsDiffer, "IDS-04", "rounds pages"),
    fault(PagesLose, "IDS-05 IDS-01 IDS-04", "pages"),
    fault(PagesRepeat, "IDS-05 IDS-01", "pages"),
    fault(StaleView, "IDS-07 SEL-03 ACC-05 IDS-04 SEL-05 SGL-02 LIV-01 SEL-01", "patient", counting=FULL),
    fault(StaleCount, "IDS-07 SEL-05 SEL-03", "patient", counting=FULL),
    fault(OddShape, "SCH-02", "rounds"),
)
