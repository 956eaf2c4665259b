"""A legal target: it keeps the contract in the reading that its habits give, by itself and when it is asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from conformance.history.records import Invoke
from oracle.simulator.habits import Habits, Touch
from oracle.simulator.state import (
    BUSY,
    ENQUEUED,
    FAILED,
    RETRYABLE,
    TERMINAL,
    Attempt,
    Batch,
    Clock,
    Message,
    stamp,
)

CAMPAIGN, OTHER = "campaign_A", "campaign_B"
NOT_RETRYABLE = "batch_not_found_or_is_not_retryable"
UNRESOLVED = "unresolved_batch_messages"
NO_FAILED = "no_failed_batch_messages_to_retry"
NOT_FAILED = "message_not_found_or_retry_message_not_in_failure_status"
TOO_MANY = "too_many_message_attempts_error"
STAGES = ("enqueued", "sending", "sent", "sent_to_telco")
TEMPLATE = "This is {body}"


@dataclass(slots=True)
class Answer:
    """What the target answers, before a gateway or the network has its say. ``body`` None: no bytes."""

    status: int
    body: Any = None
    message: Message | None = None
    #: Text instead of JSON.
    text: bool = False


class Target:
    """The world of one campaign.

    :param rng: from which everything free is drawn.
    """

    def __init__(self, habits: Habits, rng: Random, clock: Clock) -> None:
        self.habits = habits
        self.rng = rng
        self.clock = clock
        self.batches: dict[str, Batch] = {}
        self.messages: dict[str, Message] = {}
        #: In the order in which they were made.
        self.order: list[Message] = []
        #: A client that measures lags makes them as long as they ever are, and holds messages where they are.
        self.worst = False
        self.holding = False
        #: No field flickers any more.
        self.steady = False
        self.held: list[Message] = []
        #: How often a planted fault has shown itself.
        self.fired = 0
        #: When the key died.
        self.dead: float | None = None
        #: All messages of a batch retry left out: in races at most twice, so that A9 is not at stake.
        self.left_all = 0
        self.ids = 0

    # ------------------------------------------------------------------ ids

    def name(self, kind: str) -> str:
        """A new id, like the service's."""
        self.ids += 1
        bits = self.rng.getrandbits(48)
        return (
            f"{kind}_{self.ids:08x}-{bits & 0xFFFF:04x}-4{bits >> 16 & 0xFFF:03x}-8{bits >> 28 & 0xFFF:03x}-{bits:012x}"
        )

    # ------------------------------------------------------------------ messages

    def begin(self, message: Message) -> None:
        """The message's next attempt begins, now."""
        h, now = self.habits, self.clock.now
        if message.attempts:
            message.attempts[-1].ended = message.status
        skewed = now + (h.skew if h.skew and len(message.attempts) % 2 == 0 else 0.0)
        attempt = Attempt(self.name("attempt"), now, stamp(skewed, coarse=h.stamps == "coarse"))
        message.attempts.append(attempt)
        self.move(message, "created")
        if self.holding:
            self.held.append(message)
        else:
            self.plan(message)

    def move(self, message: Message, status: str) -> None:
        """The message's newest attempt takes another status, now."""
        now = self.clock.now
        message.past.put(now, (len(message.attempts), status, stamp(now, coarse=self.habits.stamps == "coarse")))

    def plan(self, message: Message) -> None:
        """Let the newest attempt run its course."""
        rng, number = self.rng, len(message.attempts)
        pending = message.row.role == "pending"
        path = [stage for stage in STAGES if rng.random() < 0.7]
        if pending:
            path = path[: rng.randrange(len(path) + 1)]
        elif self.fails(message) or not path:
            # `failure` comes from `sending` or from `sent_to_telco`; reads need not see them.
            path = [*path, "failure" if self.fails(message) else "success"]
        else:
            path = [*path, "success"]
        when = self.clock.now
        for stage in path:
            when += self.pause()
            self.clock.at(when, partial(self.step, message, number, stage))

    def pause(self) -> float:
        """Seconds that a stage takes: all stages of an attempt are done well within the settling time."""
        return min(self.rng.expovariate(1.0 / self.habits.pace), 0.15 * self.habits.settle)

    def fails(self, message: Message) -> bool:
        """Whether the attempt that begins now will fail."""
        role = message.row.role
        if role == "recovering":
            return len(message.attempts) == 1
        if role == "succeeding":
            return self.rng.random() < self.habits.succeeding_fails
        return True

    def step(self, message: Message, number: int, status: str) -> None:
        """One step of that attempt, if it is still the newest."""
        if len(message.attempts) != number or message.ended:
            return
        self.move(message, status)
        if status == "failure" and self.rng.random() < self.habits.corrections:
            self.clock.at(self.clock.now + self.rng.uniform(0.01, 0.5), partial(self.correct, message, number))
        if message.batch is not None and status in TERMINAL:
            self.calm(message.batch)

    def correct(self, message: Message, number: int) -> None:
        """The provider corrects a failure into a delivery (ruling 18)."""
        if len(message.attempts) == number and message.status == "failure":
            self.move(message, "success")

    def calm(self, batch: Batch) -> None:
        """A batch of which nothing is created any more may leave ``messages_enqueuing_failed``."""
        if self.habits.recovers_status and batch.status == FAILED and not batch.left and not self.created(batch):
            batch.put(self.clock.now, ENQUEUED)

    def created(self, batch: Batch) -> bool:
        return any(m.status == "created" for m in batch.messages)

    def spent(self, message: Message) -> bool:
        return len(message.attempts) > self.habits.limit

    def able(self, batch: Batch) -> list[Message]:
        """Messages that a batch retry has to pick up."""
        return [m for m in batch.messages if m.status == "failure" and not self.spent(m) and not m.reserved]

    def restart(self) -> None:
        """Everything is lost."""
        self.batches.clear()
        self.messages.clear()
        self.order.clear()

    # ------------------------------------------------------------------ sends

    def make(self, message: Message) -> None:
        """The message is there from now on."""
        now = self.clock.now
        message.made = now
        self.messages[message.id] = message
        self.order.append(message)
        first = message.batch.created if message.batch is not None and self.habits.same_created else now
        text = TEMPLATE.replace("{body}", message.row.values["body"])
        message.data = {
            "id": message.id,
            "recipient": message.row.recipient,
            "values": dict(message.row.values),
            "fullMessage": text,
            "createdAt": stamp(first),
            "language": message.row.language,
            "campaignId": CAMPAIGN,
            "templateBodyId": f"template_body_{message.row.language}",
            "creatorId": "user_1",
        }
        self.begin(message)

    def send(self, invoke: Invoke) -> Answer:
        """Batch Send."""
        h, now = self.habits, self.clock.now
        batch = Batch(self.name("batch"), now, BUSY if h.making else ENQUEUED)
        batch.data = {"originalFileName": "rows.csv", "totalMessages": len(invoke.rows), "campaignId": CAMPAIGN}
        self.batches[batch.id] = batch
        when = now
        for number, row in enumerate(invoke.rows):
            message = Message(self.name("message"), number, batch, row, now)
            batch.messages.append(message)
            if h.making:
                when += self.rng.uniform(0, h.making / len(invoke.rows))
                self.clock.at(when, partial(self.make, message))
            else:
                self.make(message)
        if h.making:
            self.clock.at(when + self.rng.uniform(0, h.making), partial(self.processed, batch, batch.status, 0))
        return Answer(201, {"isValid": True, "batchId": batch.id})

    def send_one(self, invoke: Invoke) -> Answer:
        """Single Send."""
        message = Message(self.name("message"), 0, None, invoke.rows[0], self.clock.now)
        self.make(message)
        return Answer(201, message=message)

    def processed(self, batch: Batch, status: str, _: int) -> None:
        """Processing comes to an end, unless something else has set the status meanwhile."""
        if batch.status == status == BUSY:
            batch.put(self.clock.now, FAILED if batch.left else ENQUEUED)

    # ------------------------------------------------------------------ batch retries

    def retry(self, batch: Batch, invoke: Invoke) -> Answer:
        """Batch Send - Retry, with a valid key: refused for one of its reasons, or accepted."""
        failed = self.able(batch)
        if self.busy(batch):
            return self.refuse(NOT_RETRYABLE)
        if self.created(batch) or not all(m.exists for m in batch.messages):
            return self.blocked(batch, failed)
        if batch.owed:
            return self.refuse(self.rng.choice([NOT_RETRYABLE, UNRESOLVED]))
        flying = any(not m.ended for m in batch.messages)
        if not failed:
            return self.nothing(batch, flying)
        if flying and self.habits.underway_blocks:
            if self.habits.any_refusal_sets_status:
                batch.refused = True
                batch.put(self.clock.now, FAILED)
            return self.refuse(UNRESOLVED)
        return self.accept(batch, failed, invoke)

    def busy(self, batch: Batch) -> bool:
        """A batch that a refused retry put to ``messages_enqueuing_failed`` is not, once its messages have ended (BR-ACC-03)."""
        rests = batch.refused and not batch.owed and all(m.ended for m in batch.messages)
        return batch.status not in RETRYABLE and not rests

    def blocked(self, batch: Batch, failed: Sequence[Message]) -> Answer:
        """A created message blocks: the retry fails, and the batch shows it, maybe a little later (ruling 23)."""
        batch.refused = True
        self.mark_failed(batch)
        return self.refuse(UNRESOLVED)

    def mark_failed(self, batch: Batch) -> None:
        if self.habits.status_lag and batch.status != FAILED:
            seen = len(batch.past.times)
            when = self.clock.now + self.lag_of_status()
            self.clock.at(when, partial(self._late_status, batch, seen))
        else:
            batch.put(self.clock.now, FAILED)

    def lag_of_status(self) -> float:
        return self.habits.status_lag if self.worst else self.rng.uniform(0, self.habits.status_lag)

    def _late_status(self, batch: Batch, seen: int) -> None:
        if len(batch.past.times) == seen:
            batch.put(self.clock.now, FAILED)

    def nothing(self, batch: Batch, flying: bool) -> Answer:
        """No message is left to retry."""
        return self.refuse(self.rng.choice([UNRESOLVED, NO_FAILED]) if flying else NO_FAILED)

    def accept(self, batch: Batch, failed: Sequence[Message], invoke: Invoke) -> Answer:
        """201, and the retry is carried out: at once, or by a worker a little later."""
        h, rng, now = self.habits, self.rng, self.clock.now
        chosen = list(failed)
        if h.partial and rng.random() < h.partial:
            keep = rng.randrange(len(chosen)) if self.left_all < 2 else rng.randint(1, len(chosen))
            chosen = sorted(rng.sample(chosen, keep), key=lambda m: m.number)
            self.left_all += not keep
        batch.left = batch.refused = False
        left = [m for m in failed if m not in chosen]
        for message in chosen:
            message.reserved = True
        batch.owed += 1
        batch.rounds += 1
        if h.after_accepted == "enqueued":
            batch.put(now, ENQUEUED)
        elif h.after_accepted != "keep":
            batch.put(now, BUSY)
        if not h.delay:
            for message in chosen:
                self.pick(message, owed=True)
            self.finish(batch, left)
            return Answer(201)
        # The worker is done with the last message: a batch whose messages are terminal is retryable (BR-ACC-06).
        done = when = now + rng.uniform(0, 0.5 * h.delay)
        for message in batch.messages:
            if message not in left and (message in chosen or h.selects_late):
                self.clock.at(when, partial(self.pick, message, owed=message in chosen))
                done = when
                when += rng.uniform(0, 0.5 * h.delay / len(batch.messages))
        self.clock.at(done, partial(self.finish, batch, left))
        return Answer(201)

    def pick(self, message: Message, *, owed: bool) -> None:
        """The worker comes to a message: it is reset if it has failed (ruling 21)."""
        if owed:
            message.reserved = False
        elif message.reserved:
            return
        if message.status == "failure" and not self.spent(message):
            self.begin(message)

    def finish(self, batch: Batch, left: Iterable[Message]) -> None:
        """The worker is done; what it left out shows in the batch's status (ruling 17)."""
        batch.owed -= 1
        if any(m.status == "failure" for m in left):
            batch.left = True
            batch.put(self.clock.now, FAILED)
            return
        self.release(batch, self.habits.after_accepted)

    def release(self, batch: Batch, touch: Touch) -> None:
        """A batch that is processed becomes retryable: now, or once every message has ended."""
        if batch.status != BUSY:
            return
        flying = [m for m in batch.messages if not m.ended and m.row.role != "pending"]
        if touch == "busy-until-terminal" and flying:
            self.clock.at(self.clock.now + 0.02 * self.habits.settle, partial(self.release, batch, touch))
        else:
            # What a refusal meant to be seen is seen while the message that blocked is created (BR-BLK-02), and what a retry left
            # out as long as it is (ruling 17).
            batch.put(self.clock.now, FAILED if batch.left or (batch.refused and self.created(batch)) else ENQUEUED)

    # ------------------------------------------------------------------ single retries

    def retry_one(self, message: Message, invoke: Invoke) -> Answer:
        """Single Send - Retry, with a valid key."""
        h, batch = self.habits, message.batch
        if message.status != "failure" or message.reserved:
            return self.refuse(NOT_FAILED)
        if batch is not None and h.single_heeds_status and self.busy(batch):
            return self.refuse(NOT_FAILED)
        if self.spent(message):
            return self.refuse(TOO_MANY)
        self.begin(message)
        if batch is not None:
            batch.refused = False
        if batch is not None and h.after_single != "keep":
            if h.after_single == "enqueued":
                batch.left = False
                batch.put(self.clock.now, ENQUEUED)
            else:
                wait = self.rng.uniform(0, h.delay)
                self.clock.at(self.clock.now + wait, partial(self.process, batch, h.after_single, batch.rounds))
        return Answer(201, message=message)

    def process(self, batch: Batch, touch: Touch, rounds: int) -> None:
        """A single retry sets the batch's status, at once or later (rulings 16 and 24).

        What a batch retry has left out since, ``rounds`` of them before, is still to be seen (ruling 17).
        """
        if not batch.owed:
            batch.left = batch.left and batch.rounds > rounds
            batch.put(self.clock.now, BUSY)
            self.clock.at(self.clock.now + self.rng.uniform(0, 0.05), partial(self.release, batch, touch))

    # ------------------------------------------------------------------ probes: nothing happens

    def unauthorised(self, invoke: Invoke) -> Answer:
        """No valid key."""
        return self.other_error(401, "authentication_required" if invoke.auth == "none" else "invalid_api_key_provided")

    def foreign(self, invoke: Invoke) -> Answer:
        """The key of another campaign (ruling 7)."""
        status = self.rng.choice([401, 403, 404])
        return self.other_error(status, "permission_denied")

    def other_campaign(self, invoke: Invoke) -> Answer:
        """The path of another campaign (ruling 7); its own key finds no such batch there."""
        if invoke.auth == "other":
            return self.unknown()
        return self.other_error(self.rng.choice([401, 403, 404]), "permission_denied")

    def misspelt(self, invoke: Invoke) -> Answer:
        """An odd spelling of the path, without a key."""
        status = self.rng.choice([401, 404, 405, 308])
        return Answer(308) if status == 308 else self.other_error(status, "invalid_path")

    def other_method(self, invoke: Invoke) -> Answer:
        """Another method: any status, no effect."""
        if invoke.method == "HEAD":
            return Answer(self.rng.choice([200, 404, 405]))
        if invoke.method == "OPTIONS" and self.rng.random() < 0.5:
            return Answer(204)
        return self.other_error(self.rng.choice([404, 405]), "method_not_allowed")

    def malformed(self, invoke: Invoke) -> Answer:
        """A malformed id (ruling 2)."""
        status = self.rng.choice([400, 404, 422])
        return self.refuse("parameter_invalid", status)

    def nearly(self, invoke: Invoke) -> Answer:
        """An id that is nearly a batch's own: none, or malformed."""
        return self.malformed(invoke) if self.rng.random() < 0.5 else self.unknown()

    def unknown(self) -> Answer:
        """No such batch (ruling 2)."""
        return self.other_error(404, "not_found") if self.habits.unknown_is_404 else self.refuse(NOT_RETRYABLE)

    def unknown_message(self) -> Answer:
        return self.other_error(404, "not_found") if self.habits.unknown_is_404 else self.refuse(NOT_FAILED)

    def harmless(self, batch: Batch, invoke: Invoke) -> Answer:
        """A body, query or header that must not matter: a strict server refuses it (ruling 30), others go on as ever."""
        if self.habits.strict_input:
            status = self.rng.choice([400, 406, 411, 413, 415, 422])
            return self.refuse("parameter_invalid", status)
        return self.retry(batch, invoke)

    # ------------------------------------------------------------------ where faults are planted

    def shown(self, message: Message, view: str, body: dict[str, Any]) -> dict[str, Any]:
        """A message as a view is about to show it."""
        return body

    def paged(self, messages: list[Message], view: str) -> list[Message]:
        """The messages of a listing, in their order, before it is cut into pages."""
        return messages

    def dropped(self, invoke: Invoke) -> None:
        """A request was answered 429."""

    def failed(self, invoke: Invoke) -> None:
        """A request was answered 500."""

    def answered(self, invoke: Invoke, answer: Answer) -> Answer:
        """What the target is about to answer."""
        return answer

    # ------------------------------------------------------------------ answers

    def refuse(self, code: str, status: int = 400) -> Answer:
        """A refusal in the documented envelope."""
        kind = "domain_error" if status == 400 else "api_error"
        text = code.replace("_", " ")
        return Answer(status, {"error": {"code": code, "message": text, "type": kind, "id": self.name("trace")}})

    def other_error(self, status: int, code: str) -> Answer:
        """An error outside 400, in either envelope (ruling 8)."""
        if self.habits.old_envelope:
            return Answer(status, {"message": code.replace("_", " "), "statusCode": status})
        return self.refuse(code, status)
