"""One turn against the target: requests out, one at a time, within the driver's share."""

from __future__ import annotations

import random
import uuid
from collections.abc import Generator, Sequence
from typing import Any

from conformance.drivers.drive import Drive
from conformance.errors import BudgetError, GuardError
from conformance.fuzzing.budget import Share
from conformance.fuzzing.reads import ListRead
from conformance.fuzzing.unusual import OddRetry
from conformance.history.records import Operation
from conformance.links import links
from conformance.program.batch_state import Held
from conformance.program.pace import GROWTH, LONGEST, LONGEST_OF_WAITED
from conformance.program.retrying import TRIES
from conformance.program.scheduler import Pause
from conformance.transport.request import Origin, OutRow, Reply, Request

NAME = "schemathesis"
#: Messages in a page of the listings that tell where the own batch stands.
_PAGE = (("limit", "1000"),)
#: The shortest page, which tells that the target answers.
_ONE = (("limit", "1"),)
#: Operations that a link may lead to without a message being sent.
_READS: tuple[Operation, ...] = ("batch_list", "message_read", "campaign_list")


class Turn:
    """The calls of one run of the driver, and how many of them the guard refused."""

    def __init__(self, run: Drive, share: Share) -> None:
        self._run = run
        self.share = share
        self.refused = 0
        self.made = 0
        self._rng = run.rng(NAME)
        self._campaign = run.config.target.campaign_id
        self._step = ""

    @property
    def rng(self) -> random.Random:
        """For nonces and made-up ids."""
        return self._rng

    def call(self, operation: Operation, messages: int = 0, **fields: Any) -> Reply | None:
        """One call; None if the share does not hold it, or the guard refused it.

        :raises BudgetError: the run's own budget is spent.
        """
        if not self.share.take(self._run.transport.now(), messages):
            return None
        self.made += 1
        origin = Origin(driver=NAME, scenario=NAME, step=str(self.made))
        request = Request(**{"operation": operation, "campaign": self._campaign, "origin": origin, **fields})
        try:
            return self._run.transport.call(request)
        except BudgetError:
            raise
        except GuardError:
            # One drawn request less: what the guard does not let out is on record, and the next is another.
            self.refused += 1
            return None

    # -- what is drawn ----------------------------------------------------------------------------------------

    def read(self, wanted: ListRead, batch: str | None) -> None:
        """Read a listing; its first message too, where the answer links to one."""
        reply = self.call(wanted.operation, batch=batch, query=wanted.query, cause=wanted.cause)
        if reply is not None and wanted.cause is None:
            self.follow(reply)

    def odd(self, wanted: OddRetry) -> None:
        """Send an odd retry of a made-up id; once more while it is answered 5xx, for only "repeatedly" is a violation.

        With a plain read before each further one, which shows that it was no outage.
        """
        guard = self._run.transport.guard
        try:
            made_up = guard.invent_drawn(uuid.UUID(int=self._rng.getrandbits(128), version=4), wanted.tail)
        except GuardError:
            self.refused += 1
            return
        fields: dict[str, Any] = {
            "batch": made_up,
            "path": f"/campaigns/{self._campaign}/batch/{made_up}/retry",
            "cause": wanted.cause,
            "method": wanted.method,
            "query": wanted.query,
            "headers": wanted.headers,
            "content": wanted.content,
            "content_type": wanted.content_type,
        }
        for tried in range(TRIES):
            if tried:
                self.call("campaign_list", query=_ONE)
            reply = self.call("batch_retry", **fields)
            if reply is None or (reply.exchange.status or 0) < 500:
                return

    # -- links ------------------------------------------------------------------------------------------------

    def follow(self, reply: Reply, *operations: Operation) -> dict[str, Reply]:
        """Follow the links of an answer that lead to these operations (by default: to reads), by operation."""
        invoke = reply.exchange.invoke
        path = {"campaignId": self._campaign, "batchId": invoke.batch, "messageId": invoke.message}
        answers = {}
        for link in links(invoke.operation, reply.exchange.status or 0, path, reply.json):
            wanted: Sequence[Operation] = operations or _READS
            target = next((o for o in wanted if o == link.operation), None)
            if target is None or link.parameters is None:
                continue
            batch, message = link.parameters.get("batchId"), link.parameters.get("messageId")
            page = _PAGE if target.endswith("_list") else ()
            answer = self.call(target, batch=batch, message=message, query=page)
            if answer is not None:
                answers[str(target)] = answer
        return answers

    # -- a batch of its own -----------------------------------------------------------------------------------

    def own_batch(self, rows: Sequence[OutRow], *, retry: bool) -> Generator[Pause, None, str | None]:
        """Send a batch, follow its links until its messages are terminal, and follow the one to the retry.

        :return: its id; None if it was not made.
        """
        sent = self.call("batch_send", len(rows), rows=tuple(rows))
        made = sent.json.get("batchId") if sent is not None and isinstance(sent.json, dict) else None
        if sent is None or not sent.exchange.accepted or not isinstance(made, str):
            return None
        held = Held(made, rows)
        self.follow(sent)
        failing = any(row.role in ("failing", "recovering") for row in rows)
        ended = yield from self._waited(held)
        if ended and retry and failing and self.share.messages >= len(rows):
            # The retry of a batch charges each of its messages.
            self.share.messages -= len(rows)
            held.before = dict(held.seen)
            if self.follow(sent, "batch_retry"):
                yield from self._waited(held)
        return made

    def single(self, row: OutRow) -> None:
        """Send one message and follow the link to it."""
        sent = self.call("single_send", 1, rows=(row,))
        if sent is not None:
            self.follow(sent)

    def _waited(self, held: Held) -> Generator[Pause, None, bool]:
        """Whether the batch's messages came to be terminal, within the settling time and the share."""
        run, now = self._run, self._run.transport.now
        settle = run.config.timing.settle_timeout
        begun = now()
        deadline = min(begun + settle, self.share.until)
        interval = min(max(settle / 100, 0.02), 2.0)
        while True:
            reply = self.call("batch_list", batch=held.id, query=_PAGE)
            data = reply.json.get("data") if reply is not None and isinstance(reply.json, dict) else None
            held.learn(data if isinstance(data, list) else ())
            if held.terminal and held.taken:
                return True
            if now() >= deadline or self.share.spent:
                return False
            patience, wake = run.patience, min(now() + interval, deadline)
            if patience is not None:
                if patience.enough("terminal", now(), deadline) is not None or patience.no_more_polls() is not None:
                    return False
                patience.charge(now(), wake)
            what = f"{NAME}: {len(held.rows)} messages of its own batch to be terminal"
            yield Pause(until=wake, what=what, since=begun, deadline=deadline)
            interval = min(interval * GROWTH, max(0.1, min(settle / 20, LONGEST), LONGEST_OF_WAITED * (now() - begun)))

    def pause(self, what: str) -> Pause:
        """Let others go on; the next call of this driver is due at once."""
        now = self._run.transport.now()
        return Pause(until=now, what=f"{NAME}: {what}", since=now, deadline=now)
