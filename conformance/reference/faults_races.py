"""Faults that show only when retries come at once: what was checked is not looked at again when it is acted upon."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from conformance.reference.behaviour import Answer, Behaviour, Call, Deferred
from conformance.reference.mixins import Fault
from conformance.reference.world import TERMINAL, Batch, Message

FAULTS: dict[str, Fault] = {}


class _Window(Behaviour):
    """Retries of a batch are checked, other requests are served for a while, and then they are carried out."""

    #: Seconds between check and act.
    window = 0.025

    def retry(self, call: Call, batch_id: str) -> Answer:
        checked = self.check(call, batch_id)
        if isinstance(checked, Answer):
            return checked
        batch, failed = checked
        known = {m.id: len(m.attempts) for m in failed}
        return Deferred(seconds=self.window, then=lambda: self.act(batch, failed, known))

    def act(self, batch: Batch, failed: Sequence[Message], known: dict[str, int]) -> Answer:
        """Carry out what was checked. ``known``: how many attempts each message had then."""
        self.carry_out(batch, failed)
        return self.accepted(batch)

    def rivalled(self, failed: Sequence[Message], known: dict[str, int]) -> bool:
        """Whether another retry came first."""
        return any(len(m.attempts) > known[m.id] for m in failed)


class BothAppend(_Window):
    """Both pass the check, and both give the messages an attempt."""


class LaterOverwrites(_Window):
    """Both pass the check, and the later writes the attempts as it had read them, and its own."""

    def act(self, batch: Batch, failed: Sequence[Message], known: dict[str, int]) -> Answer:
        for message in failed:
            del message.attempts[known[message.id] :]
        return super().act(batch, failed, known)


class _Excluding(_Window):
    """Retries of a batch exclude each other."""

    def retry(self, call: Call, batch_id: str) -> Answer:
        batch = self.find_batch(call, batch_id)
        if batch is not None and "locked" in batch.__dict__:
            return self.error(400, "batch_not_found_or_is_not_retryable")
        answer = super().retry(call, batch_id)
        if batch is not None and isinstance(answer, Deferred):
            batch.__dict__["locked"] = True
        return answer

    def act(self, batch: Batch, failed: Sequence[Message], known: dict[str, int]) -> Answer:
        batch.__dict__.pop("locked", None)
        return super().act(batch, failed, known)


class SingleBesideBatch(_Excluding):
    """The single retry of a message is carried out without regard to the retries of its batch."""

    def retry_one(self, call: Call, message_id: str) -> Answer:
        checked = self.check_one(call, message_id)
        if isinstance(checked, Answer):
            return checked

        def then() -> Answer:
            self.reset_one(checked)
            return self.accepted_one(checked)

        return Deferred(seconds=self.window, then=then)


class BatchOverwritesTheSingle(_Excluding):
    """The retry of a batch writes its messages back as it had read them, without what single retries did meanwhile."""

    def act(self, batch: Batch, failed: Sequence[Message], known: dict[str, int]) -> Answer:
        for message in failed:
            del message.attempts[known[message.id] :]
        return super().act(batch, failed, known)


class _SingleWindow(Behaviour):
    """A single retry checks the message, and acts a while later on whatever has become of it."""

    def retry_one(self, call: Call, message_id: str) -> Answer:
        checked = self.check_one(call, message_id)
        if isinstance(checked, Answer):
            return checked
        known = len(checked.attempts)
        return Deferred(seconds=_Window.window, then=lambda: self.act_late(checked, known))

    def act_late(self, message: Message, known: int) -> Answer:
        """What it does in the end; the message had so many attempts when it was checked."""
        raise NotImplementedError


class SinglesAtOnce(_SingleWindow):
    """Two single retries of a message both pass the check, and both give it an attempt; a retry of its batch is heeded."""

    def act_late(self, message: Message, known: int) -> Answer:
        if any("alone" not in attempt.__dict__ for attempt in message.attempts[known:]):
            return self.not_failed(message)
        self.reset_one(message)
        message.attempts[-1].__dict__["alone"] = True
        return self.accepted_one(message)


class SingleRollsTheBatchBack(_SingleWindow):
    """A single retry that finds its message retried meanwhile undoes the last attempt, as if it were its own."""

    def act_late(self, message: Message, known: int) -> Answer:
        if len(message.attempts) > known:
            del message.attempts[known:]
            return self.error(400, "message_not_found_or_retry_message_not_in_failure_status")
        self.reset_one(message)
        return self.accepted_one(message)


class LoserRollsBack(_Window):
    """The loser finds the winner's attempt in place of its own, takes it for its own, and removes it again."""

    def act(self, batch: Batch, failed: Sequence[Message], known: dict[str, int]) -> Answer:
        if not self.rivalled(failed, known):
            return super().act(batch, failed, known)
        for message in failed:
            del message.attempts[known[message.id] :]
        return self.error(400, "batch_not_found_or_is_not_retryable")


class LoserLeavesStuck(_Window):
    """The loser takes the winner's messages off the queue: they never become terminal."""

    def act(self, batch: Batch, failed: Sequence[Message], known: dict[str, int]) -> Answer:
        if not self.rivalled(failed, known):
            return super().act(batch, failed, known)
        for message in (m for m in failed if len(m.attempts) > known[m.id]):
            attempt = message.attempts[-1]
            attempt.path = [step for step in attempt.path if step[1] not in TERMINAL]
        return self.error(400, "batch_not_found_or_is_not_retryable")


class LoserTakesTheFirstOff(_Window):
    """The loser takes the winner's first message off the queue and marks the others as its own: that one is lost."""

    def act(self, batch: Batch, failed: Sequence[Message], known: dict[str, int]) -> Answer:
        if not self.rivalled(failed, known):
            return super().act(batch, failed, known)
        for message in [m for m in failed if len(m.attempts) > known[m.id]][:1]:
            del message.attempts[known[message.id] :]
        return self.error(400, "unresolved_batch_messages")


class LoserFailsTheWinners(_Window):
    """The loser writes the messages back as it had read them, failed, into the attempts that the winner gave them."""

    def act(self, batch: Batch, failed: Sequence[Message], known: dict[str, int]) -> Answer:
        if not self.rivalled(failed, known):
            return super().act(batch, failed, known)
        now = self.world.now()
        for attempt in (m.attempts[-1] for m in failed if len(m.attempts) > known[m.id]):
            attempt.path = [*(step for step in attempt.path if step[0] <= now), (now, "failure")]
        return self.error(400, "unresolved_batch_messages")


class OneRetryAtATime(Behaviour):
    """A lock that is the whole service's, where each batch should have its own."""

    #: Seconds for which a retry holds the lock, at speed 1.
    held = 0.02
    locked = False

    def retry(self, call: Call, batch_id: str) -> Answer:
        if self.locked:
            return self.error(400, "batch_not_found_or_is_not_retryable")
        self.locked = True
        decide: Callable[[Call, str], Answer] = super().retry

        def then() -> Answer:
            self.locked = False
            return decide(call, batch_id)

        return Deferred(seconds=self.settings.seconds(self.held), then=then)


class LoserActsAllTheSame(_Window):
    """The loser is refused when its work is done."""

    def act(self, batch: Batch, failed: Sequence[Message], known: dict[str, int]) -> Answer:
        rivalled = self.rivalled(failed, known)
        answer = super().act(batch, failed, known)
        return self.error(400, "unresolved_batch_messages") if rivalled else answer


def _register(
    mixin: type[Behaviour], name: str, title: str, breaks: tuple[str, ...], windows: Sequence[int] = ()
) -> None:
    """One fault for each window (milliseconds), or one with the usual window."""
    for window in windows:
        within = type(f"{mixin.__name__}{window}", (mixin,), {"window": window / 1000})
        FAULTS[f"{name}-{window}-ms"] = Fault(f"{name}-{window}-ms", f"{title}, within {window} ms", breaks, within)
    if not windows:
        FAULTS[name] = Fault(name, title, breaks, mixin)


_register(
    BothAppend,
    "both-retries-act",
    "retries at once are all accepted and give a message two attempts at once",
    ("BR-CON-01", "BR-SEL-08"),
    (25, 5, 1),
)
_register(
    LaterOverwrites,
    "later-retry-overwrites",
    "retries at once are all accepted, and one attempt overwrites the other",
    ("BR-CON-01",),
    (25, 5, 1),
)
_register(
    SingleBesideBatch,
    "single-beside-batch",
    "a single retry and a retry of the batch at once both give the message an attempt",
    ("BR-CON-03", "BR-SEL-08"),
    (25, 5),
)
_register(
    BatchOverwritesTheSingle,
    "batch-overwrites-the-single",
    "a retry of a batch overwrites what a single retry at once did",
    ("BR-CON-03", "BR-SEL-05"),
)
_register(
    SinglesAtOnce,
    "singles-at-once",
    "two single retries of a message at once both give it an attempt",
    ("BR-SEL-08",),
)
_register(
    SingleRollsTheBatchBack,
    "single-rolls-the-batch-back",
    "a single retry that loses a race is refused and removes the attempt that the batch's retry gave",
    ("BR-CON-03", "BR-ACC-05"),
)
_register(
    LoserRollsBack,
    "loser-rolls-back",
    "a retry that loses a race is refused and removes the winner's attempts",
    ("BR-CON-02", "BR-ACC-05"),
)
_register(
    LoserLeavesStuck,
    "loser-leaves-stuck",
    "a retry that loses a race is refused and leaves the winner's messages in progress for ever",
    ("BR-CON-02",),
)
_register(
    LoserActsAllTheSame,
    "loser-acts-all-the-same",
    "a retry that loses a race is refused and carried out all the same",
    ("BR-CON-01", "BR-SEL-08"),
)
_register(
    LoserTakesTheFirstOff,
    "loser-takes-the-first-off",
    "a retry that loses a race is refused and removes the winner's attempt at the first message",
    ("BR-CON-02", "BR-ACC-05"),
)
_register(
    LoserFailsTheWinners,
    "loser-fails-the-winners",
    "a retry that loses a race is refused and sets the winner's attempts to failure",
    ("BR-CON-02", "BR-LIV-02"),
)
_register(
    OneRetryAtATime,
    "one-retry-at-a-time",
    "a retry is refused while another is being decided, of whatever batch",
    ("BR-SEL-10", "BR-ACC-02"),
)
