"""Retries and probes of one program: what is asked for, how often, and what may come of it."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from conformance.config import Config
from conformance.contract.vocabulary import NOT_RETRYABLE_CODE, TOO_MANY_CODE
from conformance.history.probe import Probe
from conformance.program.batch_state import Held
from conformance.program.calls import Calls, NotTriedError, UnmetError, passed_on, unanswered
from conformance.program.probes import Invent, Subject, overrides, single_overrides
from conformance.program.reading import Reader
from conformance.program.steps import Retry, SingleRetry
from conformance.transport.paths import plain_id
from conformance.transport.request import Reply, Request

#: How often a request is sent at most that is answered as none should be: a valid retry answered 5xx (BR-ERR-08) or perhaps by
#: something in front (ruling 22), or a probe that met a 429 or a page, or whose answer was lost.
TRIES = 3


class Retrier:
    """Sends retries and probes.

    :param calls: how requests of the program are made; :param reader: reads a batch before its first retry.
    :param config: whom probes may name; :param rng: draws made-up ids; :param invent: makes them known to the guard.
    """

    def __init__(self, calls: Calls, reader: Reader, config: Config, *, rng: random.Random, invent: Invent) -> None:
        self._calls = calls
        self._reader = reader
        self._config = config
        self._rng = rng
        self._invent = invent

    # -- what is asked for ------------------------------------------------------------------------------------

    def asked(self, step: Retry, held: Held) -> dict[str, Any]:
        """Return the fields of the request of this batch retry.

        :raises NotTriedError: it is a probe that might reach somebody else's batch.
        """
        probe = Probe.parse(step.cause)
        changed: dict[str, Any]
        if probe is not None and probe.near is not None:
            changed = {"path": self._near(probe.near, held)}
        else:
            changed = {} if probe is None else overrides(probe, self._subject(held))
        return {"operation": "batch_retry", "batch": held.id, "auth": step.auth, "cause": step.cause, **changed}

    def _near(self, how: str, held: Held) -> str:
        """The path of a retry by an id made of the batch's own."""
        near = self._invent.near(held.id, how, self._fresh())
        if near is None:
            text = f"no retry by an id near a batch's own ({how}), for it might be somebody else's"
            needs = ("three batches of this run with ids that are made by chance",)
            raise NotTriedError("ids-not-by-chance", f"{text}: that takes {needs[0]}", needs)
        return f"/campaigns/{self._config.target.campaign_id}/batch/{near}/retry"

    def _fresh(self) -> uuid.UUID:
        return uuid.UUID(int=self._rng.getrandbits(128), version=4)

    def asked_of_one(self, step: SingleRetry, held: Held) -> dict[str, Any]:
        """Return the fields of the request of this single retry."""
        probe = Probe.parse(step.cause)
        changed = {} if probe is None else single_overrides(probe, self._subject(held))
        message = self.message(held, step.row, step.by)
        return {"operation": "single_retry", "message": message, "cause": step.cause, **changed}

    def message(self, held: Held, position: int, by: str) -> str:
        """Return the id of a message.

        :raises UnmetError: no listing has shown it.
        """
        message = held.message(position, by)
        if message is None or not plain_id(message):
            raise UnmetError("message-unknown", "the listing does not show which message a row has become")
        return message

    def read_before(self, name: str, held: Held) -> Held:
        """Return the batch, read before its first retry: a target may answer a send with the id of somebody else's.

        :raises UnmetError: the reading got no answer, or it is no batch.
        """
        if held.single:
            return held
        if not held.read and not self._reader.learn(held, self._reader.walk("batch_list", held.id, 1000, "after")):
            text = f"the listing of batch {name} got no answer, and a batch is read before it is retried"
            raise UnmetError("answer-lost", text, ("a network and a target that answer",))
        return held

    def _subject(self, held: Held) -> Subject:
        other = self._config.target.other
        return Subject(
            campaign=self._config.target.campaign_id,
            other_campaign=other.campaign_id if other else None,
            batch=held.id,
            message=next(iter(held.ids.values()), "message_none"),
            stranger=self._stranger(tuple(row.recipient for row in held.rows)),
            language="tamil" if any(row.language == "malay" for row in held.rows[:1]) else "malay",
        )

    def _stranger(self, taken: Sequence[str]) -> str:
        roles = self._config.recipients
        numbers = (*roles.failing, *roles.succeeding)
        return next((n for n in numbers if n not in taken), numbers[0])

    # -- sending ----------------------------------------------------------------------------------------------

    def retry(self, step: Retry, held: Held, look: Callable[[], None]) -> bool:
        """Send a batch retry, and keep what it may have picked up. Returns whether it was sent.

        :param look: reads between two tries.
        :raises UnmetError: it is no batch, or it could not be read before.
        """
        if held.single:
            raise UnmetError("batch-unknown", "a message that was sent singly has no batch to retry")
        self.read_before(step.batch, held)
        try:
            fields, before = self.asked(step, held), dict(held.seen)
        except NotTriedError as error:
            self._calls.left_out(error.text)
            return False
        rested = step.cause is None and held.current and held.terminal
        acted = False
        for attempt in range(TRIES):
            reply = self._calls.call(**fields)
            exchange = reply.exchange
            # Refused at last, an earlier try that was carried out shows by itself: its messages are no longer terminal.
            acted = exchange.accepted or exchange.open
            server_error = exchange.status is not None and exchange.status >= 500
            again = server_error or passed_on(reply) if step.cause is None else _untold(reply, step.cause)
            if not again or attempt == TRIES - 1 or step.auth == "second":
                break
            look()
        if acted:
            held.before, held.owed, held.more, held.doubted = before, 1, {}, False
        elif rested and _code(reply) == NOT_RETRYABLE_CODE:
            # A single retry may have set the status, late (rulings 16 and 24): the next retry tells, when its time is over.
            held.doubted = exchange.last < held.singly + self._config.timing.settle_timeout
        return True

    def retry_one(self, step: SingleRetry, held: Held) -> bool:
        """Send a single retry. Returns whether it may have reset the message."""
        fields = self.asked_of_one(step, held)
        for attempt in range(1 if step.cause is None else TRIES):
            reply = self._calls.call(**fields)
            if step.cause is None or not _untold(reply, step.cause) or attempt == TRIES - 1:
                break
            self._calls.call("message_read", message=fields["message"])
        if step.cause is None and _code(reply) == TOO_MANY_CODE:
            held.spent.add(fields["message"])
        acted = reply.exchange.accepted or reply.exchange.open
        if acted and step.cause is None:
            held.singly = reply.exchange.last
        if acted and fields["message"] in held.seen:
            held.before = {**(held.before or {}), fields["message"]: held.seen[fields["message"]]}
            held.owed, held.more, held.doubted = 1, {}, False
        return acted

    def raced(self, held: Held, sent: Sequence[tuple[Request, Reply]]) -> None:
        """Keep what the retries of a race may have picked up in this batch."""
        batch = [r.exchange for q, r in sent if q.operation == "batch_retry"]
        singles = [(q.message, r.exchange) for q, r in sent if q.operation == "single_retry"]
        accepted = sum(e.accepted for e in batch)
        more: dict[str, int] = {}
        for message, exchange in singles:
            if exchange.accepted and message is not None:
                more[message] = more.get(message, 0) + 1
        held.more, held.owed = more, accepted
        held.doubted = any(_server_error(r) for _, r in sent)
        if accepted or any(e.open for e in batch):
            held.before, held.owed = dict(held.seen), max(1, accepted)
        elif more:
            held.before = {m: held.seen[m] for m in more if m in held.seen}

    def nameless(self, step: Retry | SingleRetry) -> None:
        """Send a probe that names nothing of anybody's: its id is made up.

        One 5xx is asked for again, for only "repeatedly" is a violation (BR-ERR-04); so is an answer that is perhaps not the
        target's own (ruling 22).
        """
        probe = Probe.parse(step.cause)
        if probe is None:
            raise UnmetError("batch-unknown", f"the batch {step.batch} was never made")
        identifier = self._fresh()
        fields: dict[str, Any]
        if isinstance(step, SingleRetry):
            made_up = self._invent.invent_message(identifier)
            fields = {"operation": "single_retry", "message": made_up}
        else:
            made_up = self._invent.invent(identifier, probe.shape)
            campaign = self._config.target.campaign_id
            subject = Subject(
                campaign=campaign, other_campaign=None, batch=made_up, message=made_up, stranger=self._stranger(())
            )
            # The id stands percent-encoded in the path already.
            path = f"/campaigns/{campaign}/batch/{made_up}/retry"
            fields = {"operation": "batch_retry", "batch": made_up, **overrides(probe, subject), "path": path}
        for attempt in range(TRIES):
            reply = self._calls.call(**fields, cause=step.cause)
            if attempt == TRIES - 1 or not (unanswered(reply) or passed_on(reply)):
                break
            # That the target answers at all meanwhile.
            self._calls.call("campaign_list", query=(("limit", "1"),))


def _untold(reply: Reply, cause: str) -> bool:
    """True if the answer to a probe says nothing yet: none came, a 429, or a page in place of the 401 that a key asks for."""
    exchange = reply.exchange
    keyless = cause.startswith("auth:") and exchange.status not in (401, 403)
    return exchange.open or exchange.status == 429 or (keyless and passed_on(reply))


def _code(reply: Reply) -> str | None:
    error = reply.json.get("error") if isinstance(reply.json, dict) else None
    return error.get("code") if isinstance(error, dict) else None


def _server_error(reply: Reply) -> bool:
    """True for a 5xx that is the target's own word (BR-ERR-08): only that is worth a whole settling time."""
    status = reply.exchange.status
    if status is None or status < 500:
        return False
    gateway = status in (502, 503, 504) or status >= 520
    return not gateway or (isinstance(reply.json, dict) and isinstance(reply.json.get("error"), dict))
