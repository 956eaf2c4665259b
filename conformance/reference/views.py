"""How a faithful implementation shows what there is. Each part is one method, for a fault or variant to override."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.reference.exchange import Answer, Call
from conformance.reference.paging import plain_cursor
from conformance.reference.settings import Settings
from conformance.reference.world import JSON, TERMINAL, Attempt, Batch, Message, World


class Views:
    """The three views, of what ``world`` holds at its present."""

    def __init__(self, settings: Settings, world: World) -> None:
        self.settings = settings
        self.world = world

    def view(self, message: Message, view: str) -> JSON:
        """A message as one of the views shows it: ``listing`` (of a batch), ``campaign`` or ``message``."""
        attempts = self.begun(message)
        since, status = attempts[-1].at(self.world.now())
        shown: JSON = {
            "createdAt": self.stamp(message.created),
            "updatedAt": self.stamp(since),
            "id": message.id,
            "recipient": message.recipient,
            "values": message.values,
            "fullMessage": message.text,
            "latestStatus": self.status_name(status),
            "templateBodyId": "template_body_1",
            "campaignId": self.campaign_of_message(message),
            "templateBody": self.template(message),
            "language": message.language,
            "creatorEmail": "agency@example.test",
            "creatorId": "user_1",
        }
        if view == "listing":
            shown["messageAttempts"] = [self.attempt(message, a) for a in attempts]
            shown["numAttempts"] = self.count(message)
        else:
            shown["batches"] = [self.batch(message.batch)] if message.batch is not None else []
        if view == "message":
            shown["attempts"] = [self.short_attempt(a) for a in reversed(attempts)]
        return shown

    def campaign_of_message(self, message: Message) -> str:
        """The campaign of a message."""
        if message.batch is not None:
            return message.batch.campaign
        return next(c for c, held in self.world.messages.items() if any(m is message for m in held))

    def begun(self, message: Message) -> list[Attempt]:
        """The attempts that had begun at the present of the world, which may be that of a replica; the first always."""
        now = self.world.now()
        return [a for a in message.attempts if a.path[0][0] <= now] or message.attempts[:1]

    def count(self, message: Message) -> int:
        """``numAttempts``."""
        return len(self.begun(message))

    def lag(self, view: str) -> float:
        """Seconds by which the view lags behind."""
        return 0.0

    def stamp(self, at: float) -> str:
        """A time as answers show it."""
        return self.world.moment(at).isoformat(timespec="microseconds")

    def clock_of(self, attempt: Attempt) -> float:
        """Seconds by which the clock that stamps this attempt is fast."""
        return 0.0

    def status_name(self, status: str) -> str:
        """How a status is spelled."""
        return status

    def template(self, message: Message) -> JSON:
        """The message's templateBody."""
        stamp = self.stamp(message.created - 86400)
        body = {"id": "template_body_1", "templateId": "template_1", "language": message.language, "body": "{{body}}"}
        return {"createdAt": stamp, "updatedAt": stamp, **body, "creatorId": "user_1"}

    def batch(self, batch: Batch) -> JSON:
        """The batch as ``batches`` shows it."""
        return {
            "createdAt": self.stamp(batch.created),
            "updatedAt": self.stamp(batch.since(self.world.now())),
            "id": batch.id,
            "originalFileName": "conformance.csv",
            "status": self.batch_status(batch),
            "campaignId": batch.campaign,
            "creatorId": "user_1",
            "totalMessages": len(batch.messages),
        }

    def batch_status(self, batch: Batch) -> str:
        """The batch's status as shown."""
        return batch.status(self.world.now())

    def attempt(self, message: Message, attempt: Attempt) -> JSON:
        """An attempt as the batch's listing shows it."""
        now = self.world.now()
        since, status = attempt.at(now)
        fast = self.clock_of(attempt)
        sent = next((t for t, s in attempt.path if s == "sent" and t <= now), None)
        over = since if status in TERMINAL else None
        failed = attempt.error if status == "failure" else None
        return {
            "sentAt": self.stamp(sent + fast) if sent is not None else None,
            "deliveredAt": self.stamp(over + fast) if over is not None and status == "success" else None,
            "createdAt": self.stamp(attempt.path[0][0] + fast),
            "updatedAt": self.stamp(since + fast),
            "id": attempt.id,
            "messageId": message.id,
            "externalAttemptId": None,
            "status": self.status_name(status),
            "errorType": failed[0] if failed else None,
            "errorCode": failed[1] if failed else None,
            "metadata": None,
            "creatorId": "user_1",
            "creator": {"email": "agency@example.test"},
        }

    def short_attempt(self, attempt: Attempt) -> JSON:
        """An attempt as a single read shows it."""
        status = attempt.status(self.world.now())
        begun = self.stamp(attempt.path[0][0] + self.clock_of(attempt))
        shown: JSON = {"status": self.status_name(status), "createdAt": begun}
        if status == "failure" and attempt.error is not None:
            shown["error"] = {"type": attempt.error[0], "code": attempt.error[1]}
        return shown

    def cursor(self, message: Message) -> str:
        """The cursor of a message in a listing."""
        return plain_cursor(message)

    def page(self, call: Call, answer: Answer) -> Answer:
        """The answer to a read of a listing: a page of it, or a refusal."""
        return answer

    def listed(self, messages: Sequence[Message]) -> list[Message]:
        """Messages in the order of a listing: by createdAt, then id."""
        return sorted(messages, key=lambda m: (m.created, m.id))

    def wait(self) -> float:
        """Seconds that an answer takes."""
        return self.settings.answer_delay
