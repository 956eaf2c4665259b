"""How a faithful implementation decides. Each decision is one method, for a fault or variant to override."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence

from conformance.config import SIMULATOR_FAILING
from conformance.reference.exchange import Answer, Call, Deferred
from conformance.reference.settings import (
    OTHER_CAMPAIGN,
    OTHER_KEY,
    OWN_CAMPAIGN,
    OWN_KEY,
    PENDING,
    RECOVERING,
    SECOND_KEY,
    Settings,
)
from conformance.reference.views import Views
from conformance.reference.world import JSON, LIFECYCLE, Attempt, Batch, Message, World

__all__ = ["RETRYABLE", "Answer", "Behaviour", "Call", "Deferred"]

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


class Behaviour(Views):
    """The contract kept. ``world`` is what there is; every method may be overridden by a fault or a variant."""

    #: Whether a connection by plain HTTP to a port of HTTPS is closed; if not, its requests are answered.
    hangs_up = True

    def __init__(self, settings: Settings, world: World) -> None:
        super().__init__(settings, world)
        #: The request that is being answered.
        self.calling = Call("GET", "")
        self._jobs: list[tuple[float, int, Callable[[], None]]] = []
        self._planned = 0

    # -- time -------------------------------------------------------------------------------------------------

    def later(self, seconds: float, job: Callable[[], None]) -> None:
        """Have ``job`` done when ``seconds`` have passed, by the world's clock: a worker, a queue."""
        self._planned += 1
        heapq.heappush(self._jobs, (self.world.now() + seconds, self._planned, job))

    def advance(self) -> None:
        """Do every job that is due, each at its own time, in their order."""
        now = self.world.now()
        while self._jobs and self._jobs[0][0] <= now:
            due, _, job = heapq.heappop(self._jobs)
            with self.world.at(due):
                job()

    # -- the way in and out -----------------------------------------------------------------------------------

    def gateway(self, call: Call) -> Answer | None:
        """Answer in place of the target, which then never sees the request; None lets it through."""
        return None

    def respond(self, call: Call, answer: Answer) -> Answer:
        """The answer as it leaves, whatever decided it."""
        return answer

    # -- keys -------------------------------------------------------------------------------------------------

    def keys(self) -> dict[str, str]:
        """Which key belongs to which campaign."""
        return {OWN_KEY: OWN_CAMPAIGN, SECOND_KEY: OWN_CAMPAIGN, OTHER_KEY: OTHER_CAMPAIGN}

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
        envelope = {"code": code, "message": self.error_text(code), "type": self.error_type(status), "id": trace}
        return Answer(status, {"error": envelope})

    def error_text(self, code: str) -> str:
        """The ``message`` of an error."""
        return code.replace("_", " ")

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
        """Return the refusal of a retry, or the batch and the messages that it picks up."""
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
        """Return the refusal that the request itself calls for, if any."""
        return None

    def unknown_batch(self, call: Call, batch_id: str) -> Answer:
        """The answer for a batch that does not exist."""
        return self.error(400, "batch_not_found_or_is_not_retryable")

    def retryable(self, batch: Batch) -> bool:
        """True if the batch's status admits a retry."""
        return batch.status(self.world.now()) in RETRYABLE

    def blocked(self, batch: Batch) -> bool:
        """True if a message blocks the retry of its batch."""
        return any(self.blocks(m) for m in batch.messages)

    def blocks(self, message: Message) -> bool:
        """True if this message blocks the retry of its batch."""
        return message.status(self.world.now()) == "created"

    def on_blocked(self, batch: Batch) -> Answer:
        """What a blocked retry does and answers."""
        batch.set(self.world.now(), "messages_enqueuing_failed")
        return self.error(400, "unresolved_batch_messages")

    def exhausted(self, message: Message) -> bool:
        """True if a message may not be retried again."""
        return self.retried(message) >= self.limit()

    def to_retry(self, batch: Batch, call: Call) -> list[Message]:
        """The messages that a retry picks up."""
        now = self.world.now()
        return [m for m in batch.messages if m.status(now) == "failure" and not self.exhausted(m)]

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

    def retry_one(self, call: Call, message_id: str) -> Answer:
        """Single Send - Retry."""
        checked = self.check_one(call, message_id)
        if isinstance(checked, Answer):
            return checked
        self.reset_one(checked)
        return self.accepted_one(checked)

    def check_one(self, call: Call, message_id: str) -> Answer | Message:
        """Return the refusal of a single retry, or the message that it may retry."""
        message = self.find_message(call, message_id)
        if message is None:
            return self.unknown_message(call)
        now = self.world.now()
        ready = message.batch is None or message.batch.status(now) in RETRYABLE
        if not ready or not self.retryable_one(message):
            return self.not_failed(message)
        if self.exhausted(message):
            return self.error(400, "too_many_message_attempts_error")
        return message

    def find_message(self, call: Call, message_id: str) -> Message | None:
        """The message that a single retry names."""
        return self.world.find(call.campaign, message_id)

    def unknown_message(self, call: Call) -> Answer:
        """The answer for a message that does not exist."""
        return self.error(400, "message_not_found_or_retry_message_not_in_failure_status")

    def retryable_one(self, message: Message) -> bool:
        """True if the message's own status admits a single retry."""
        return message.status(self.world.now()) == "failure"

    def not_failed(self, message: Message) -> Answer:
        """What a single retry of a message that is not failed does and answers."""
        return self.error(400, "message_not_found_or_retry_message_not_in_failure_status")

    def reset_one(self, message: Message) -> None:
        """Start the lifecycle of a message that was retried by itself."""
        self.begin(message)

    def accepted_one(self, message: Message) -> Answer:
        """The answer to a single retry that is carried out."""
        return Answer(201, self.view(message, "message"))
