"""How a faithful implementation decides. Each decision is one method, for a fault or variant to override."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.config import SIMULATOR_FAILING
from conformance.reference.settings import (
    OTHER_CAMPAIGN,
    OTHER_KEY,
    OWN_CAMPAIGN,
    OWN_KEY,
    PENDING,
    RECOVERING,
    Settings,
)
from conformance.reference.world import JSON, LIFECYCLE, TERMINAL, Attempt, Batch, Message, World

RETRYABLE = ("messages_enqueued", "messages_enqueuing_failed")
#: Part of a lifetime for which a new batch is still being enqueued.
PROCESSING = 0.2

ERRORS = {
    "6511111111": ("delivery_error", "recipient_invalid"),
    "6511112222": ("delivery_error", "recipient_unavailable"),
    "6511113333": ("delivery_error", "content_invalid"),
    "6511114444": ("delivery_error", "routing_error"),
    "6511115555": ("delivery_error", "message_expired"),
    "6511119999": ("delivery_error", "delivery_unknown_error"),
    "6522222222": ("server_error", "server_unknown_error"),
}


@dataclass(frozen=True)
class Call:
    """A request as the behaviour sees it."""

    method: str
    campaign: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    #: The path was not spelled as documented.
    odd: bool = False
    #: The batch that the path names.
    batch: str = ""

    @property
    def json(self) -> Any:
        """The body as JSON; None if it is not."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True)
class Answer:
    """Status, body and further headers. A body of None is zero bytes."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Bytes to send in place of JSON.
    raw: bytes | None = None


@dataclass(frozen=True)
class Deferred(Answer):
    """An answer that is still to come: other requests are served meanwhile, then ``then`` decides it."""

    status: int = 202
    #: Until then.
    seconds: float = 0.0
    then: Callable[[], Answer] = lambda: Answer(500)


class Behaviour:
    """The contract kept. ``world`` is what there is; every method may be overridden by a fault or a variant."""

    def __init__(self, settings: Settings, world: World) -> None:
        self.settings = settings
        self.world = world

    # -- keys -------------------------------------------------------------------------------------------------

    def keys(self) -> dict[str, str]:
        """Which key belongs to which campaign."""
        return {OWN_KEY: OWN_CAMPAIGN, OTHER_KEY: OTHER_CAMPAIGN}

    def key_in(self, call: Call) -> str | None:
        """The key that a request brings."""
        scheme, _, key = call.headers.get("authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else None

    def campaign_of(self, key: str) -> str | None:
        """The campaign of a key; None if it is no key."""
        return self.keys().get(key)

    def admit(self, call: Call) -> Answer | None:
        """Refuse what has no key, or another campaign's."""
        key = self.key_in(call)
        owner = self.campaign_of(key) if key is not None else None
        if owner is None:
            return self.error(401, "authentication_required" if key is None else "invalid_api_key_provided")
        if owner != call.campaign:
            return self.error(403, "permission_denied")
        return None

    # -- errors -----------------------------------------------------------------------------------------------

    def error(self, status: int, code: str) -> Answer:
        """An error in the documented envelope."""
        trace = self.world.new_id("trace")
        envelope = {"code": code, "message": code.replace("_", " "), "type": self.error_type(status), "id": trace}
        return Answer(status, {"error": envelope})

    def error_type(self, status: int) -> str:
        """The ``type`` of an error."""
        return "domain_error" if status == 400 else "api_error"

    # -- sending ----------------------------------------------------------------------------------------------

    def timeline(self, message: Message, start: float, number: int) -> list[tuple[float, str]]:
        """What an attempt goes through, from ``start`` on. ``number`` is 1 for the first."""
        life = self.settings.lifetime
        path = [(start + part * life, status) for part, status in LIFECYCLE]
        if message.recipient in PENDING:
            return path
        return [*path, (start + life, self.outcome(message, number))]

    def outcome(self, message: Message, number: int) -> str:
        """The terminal status of an attempt."""
        fails = message.recipient in SIMULATOR_FAILING or (message.recipient in RECOVERING and number == 1)
        return "failure" if fails else "success"

    def begin(self, message: Message, at: float | None = None) -> None:
        """Give a message a new attempt."""
        start = self.world.now() if at is None else at
        number = len(message.attempts) + 1
        attempt = Attempt(
            self.world.new_id("attempt"), self.timeline(message, start, number), ERRORS.get(message.recipient)
        )
        message.attempts.append(attempt)

    def send(self, campaign: str, rows: Sequence[tuple[str, str, dict[str, str]]]) -> Answer:
        """Batch Send of (recipient, language, values)."""
        now = self.world.now()
        batch = Batch(self.world.new_id("batch"), campaign, now)
        batch.path = [(now, "messages_enqueuing"), (now + PROCESSING * self.settings.lifetime, "messages_enqueued")]
        self.world.batches[batch.id] = batch
        for index, (recipient, language, values) in enumerate(rows):
            message = Message(self.world.new_id("message"), recipient, language, values, now + index * 1e-6, batch)
            self.begin(message)
            batch.messages.append(message)
            self.world.messages[campaign].append(message)
        return Answer(201, {"isValid": True, "batchId": batch.id})

    def send_one(self, campaign: str, recipient: str, language: str, values: dict[str, str]) -> Answer:
        """Single Send."""
        message = Message(self.world.new_id("message"), recipient, language, values, self.world.now(), None)
        self.begin(message)
        self.world.messages[campaign].append(message)
        return Answer(201, self.view(message, "message"))

    # -- provider states --------------------------------------------------------------------------------------

    def provide(self, state: str, params: Mapping[str, str], action: str) -> JSON | None:
        """Bring a provider state about (docs/provider-states.md); None if there is no such state."""
        if state != "batch_processing":
            return None
        now = self.world.now()
        if action == "teardown":
            held = self.world.batches.get(params.get("batchId", ""))
            if held is not None:
                held.set(now, "messages_enqueued")
            return {}
        batch = Batch(self.world.new_id("batch"), OWN_CAMPAIGN, now, path=[(now, "messages_enqueuing")])
        self.world.batches[batch.id] = batch
        count = params.get("messages", "1")
        for number in SIMULATOR_FAILING[: int(count) if count.isdecimal() else 1]:
            message = Message(self.world.new_id("message"), number, "english", {"body": "held"}, now, batch)
            self.begin(message)
            batch.messages.append(message)
            self.world.messages[OWN_CAMPAIGN].append(message)
        return {"batchId": batch.id}

    # -- Batch Send - Retry -----------------------------------------------------------------------------------

    def limit(self) -> int:
        """How often a message may be retried."""
        return 3

    def retried(self, message: Message) -> int:
        """How often a message was retried."""
        return len(message.attempts) - 1

    def find_batch(self, call: Call, batch_id: str) -> Batch | None:
        """The batch that a retry names."""
        return self.world.batch(call.campaign, batch_id)

    def retry(self, call: Call, batch_id: str) -> Answer:
        """Batch Send - Retry."""
        checked = self.check(call, batch_id)
        if isinstance(checked, Answer):
            return checked
        self.carry_out(*checked)
        return self.accepted(checked[0])

    def check(self, call: Call, batch_id: str) -> Answer | tuple[Batch, list[Message]]:
        """Whether a retry may be carried out: its refusal, or the batch and the messages that it takes up."""
        refusal = self.refuse_request(call, batch_id)
        if refusal is not None:
            return refusal
        batch = self.find_batch(call, batch_id)
        if batch is None:
            return self.unknown_batch(call, batch_id)
        if not self.retryable(batch):
            return self.error(400, "batch_not_found_or_is_not_retryable")
        if self.blocked(batch):
            return self.on_blocked(batch)
        failed = self.to_retry(batch, call)
        return (batch, failed) if failed else self.nothing_to_retry(batch)

    def refuse_request(self, call: Call, batch_id: str) -> Answer | None:
        """Whether something in the request itself stands against it."""
        return None

    def unknown_batch(self, call: Call, batch_id: str) -> Answer:
        """The answer for a batch that there is not."""
        return self.error(400, "batch_not_found_or_is_not_retryable")

    def retryable(self, batch: Batch) -> bool:
        """Whether the batch's status admits a retry."""
        return batch.status(self.world.now()) in RETRYABLE

    def blocked(self, batch: Batch) -> bool:
        """Whether a message stands in the way."""
        return any(self.blocks(m) for m in batch.messages)

    def blocks(self, message: Message) -> bool:
        """Whether this message stands in the way of its batch's retry."""
        return message.status(self.world.now()) == "created"

    def on_blocked(self, batch: Batch) -> Answer:
        """What a blocked retry does and answers."""
        batch.set(self.world.now(), "messages_enqueuing_failed")
        return self.error(400, "unresolved_batch_messages")

    def spent(self, message: Message) -> bool:
        """Whether a message may not be retried again."""
        return self.retried(message) >= self.limit()

    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        """The messages that a retry takes up."""
        now = self.world.now()
        return [m for m in batch.messages if m.status(now) == "failure" and not self.spent(m)]

    def nothing_to_retry(self, batch: Batch) -> Answer:
        """The answer when no message can be retried."""
        return self.error(400, "no_failed_batch_messages_to_retry")

    def carry_out(self, batch: Batch, failed: Sequence[Message]) -> None:
        """Retry these messages."""
        for message in failed:
            self.reset(message)
        batch.set(self.world.now(), "messages_enqueued")

    def reset(self, message: Message) -> None:
        """Start a message's lifecycle again."""
        self.begin(message)

    def accepted(self, batch: Batch) -> Answer:
        """The answer to a retry that is carried out."""
        return Answer(201)

    def other_method(self, call: Call, batch_id: str) -> Answer:
        """Any method but POST on the path."""
        return Answer(
            405, {"error": {"code": "method_not_allowed", "message": "method not allowed"}}, {"allow": "POST"}
        )

    def odd_path(self, call: Call, batch_id: str) -> Answer:
        """A path that only nearly is the retry's."""
        return self.error(404, "invalid_path")

    # -- Single Send - Retry ----------------------------------------------------------------------------------

    def retry_one(self, campaign: str, message_id: str) -> Answer:
        """Single Send - Retry."""
        checked = self.check_one(campaign, message_id)
        if isinstance(checked, Answer):
            return checked
        self.reset_one(checked)
        return Answer(201, self.view(checked, "message"))

    def check_one(self, campaign: str, message_id: str) -> Answer | Message:
        """Whether a single retry may be carried out: its refusal, or the message."""
        message = self.world.find(campaign, message_id)
        now = self.world.now()
        ready = message is not None and (message.batch is None or message.batch.status(now) in RETRYABLE)
        if message is None or not ready or message.status(now) != "failure":
            return self.error(400, "message_not_found_or_retry_message_not_in_failure_status")
        if self.spent(message):
            return self.error(400, "too_many_message_attempts_error")
        return message

    def reset_one(self, message: Message) -> None:
        """Start the lifecycle of a message that was retried by itself."""
        self.begin(message)

    # -- views ------------------------------------------------------------------------------------------------

    def view(self, message: Message, view: str) -> JSON:
        """A message as one of the views shows it: ``listing`` (of a batch), ``campaign`` or ``message``."""
        since, status = message.attempts[-1].at(self.world.now())
        shown: JSON = {
            "createdAt": self.world.stamp(message.created),
            "updatedAt": self.world.stamp(since),
            "id": message.id,
            "recipient": message.recipient,
            "values": message.values,
            "fullMessage": message.text,
            "latestStatus": self.status_name(status),
            "templateBodyId": "template_body_1",
            "campaignId": next(c for c, held in self.world.messages.items() if message in held),
            "templateBody": self.template(message),
            "language": message.language,
            "creatorEmail": "agency@example.test",
            "creatorId": "user_1",
        }
        if view == "listing":
            shown["messageAttempts"] = [self.attempt(message, a) for a in message.attempts]
            shown["numAttempts"] = len(message.attempts)
        else:
            shown["batches"] = [self.batch(message.batch)] if message.batch is not None else []
        if view == "message":
            shown["attempts"] = [self.short_attempt(a) for a in reversed(message.attempts)]
        return shown

    def status_name(self, status: str) -> str:
        """How a status is spelled."""
        return status

    def template(self, message: Message) -> JSON:
        """The message's templateBody."""
        stamp = self.world.stamp(message.created - 86400)
        body = {"id": "template_body_1", "templateId": "template_1", "language": message.language, "body": "{{body}}"}
        return {"createdAt": stamp, "updatedAt": stamp, **body, "creatorId": "user_1"}

    def batch(self, batch: Batch) -> JSON:
        """The batch as ``batches`` shows it."""
        return {
            "createdAt": self.world.stamp(batch.created),
            "updatedAt": self.world.stamp(batch.path[-1][0]),
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
        begun = attempt.path[0][0]
        sent = next((t for t, s in attempt.path if s == "sent" and t <= now), None)
        over = since if status in TERMINAL else None
        failed = attempt.error if status == "failure" else None
        return {
            "sentAt": self.world.stamp(sent) if sent is not None else None,
            "deliveredAt": self.world.stamp(over) if over is not None and status == "success" else None,
            "createdAt": self.world.stamp(begun),
            "updatedAt": self.world.stamp(since),
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
        shown: JSON = {"status": self.status_name(status), "createdAt": self.world.stamp(attempt.path[0][0])}
        if status == "failure" and attempt.error is not None:
            shown["error"] = {"type": attempt.error[0], "code": attempt.error[1]}
        return shown

    def page(self, call: Call, answer: Answer) -> Answer:
        """The answer to a read of a listing: a page of it, or a refusal."""
        return answer

    def listed(self, messages: Sequence[Message]) -> list[Message]:
        """Messages in the order of a listing: by createdAt, then id."""
        return sorted(messages, key=lambda m: (m.created, m.id))

    def wait(self) -> float:
        """Seconds that an answer takes."""
        return self.settings.answer_delay
