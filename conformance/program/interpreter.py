"""Carry out programs, step by step, through the transport. Decides nothing: it reads only to know when to go on."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from conformance.config import Config
from conformance.program.calls import Calls, UnmetError, unanswered
from conformance.program.held import SPENT, Held, make_rows
from conformance.program.probes import Invent, Subject, invented, overrides
from conformance.program.reading import Reader
from conformance.program.scheduler import Pause, Running
from conformance.program.steps import (
    AnyStep,
    Burst,
    Program,
    Read,
    Retry,
    RowSpec,
    Send,
    SingleRetry,
    SingleSend,
    State,
    Together,
    Wait,
)
from conformance.transport.origin import parse_base_url
from conformance.transport.paths import plain_id
from conformance.transport.race import widest
from conformance.transport.request import OutRow, Reply, Transport

#: How often a request that names no batch is sent at most, while it is answered 5xx.
TRIES = 2


class Interpreter:
    """Runs one program.

    :param transport: the way out.
    :param config: recipients, template, time-outs.
    :param rng: draws nonces and made-up ids; nothing else is drawn.
    :param invent: makes ids that no batch has, known to the guard.
    :param requirements: ids that are named in an ``unmet`` note.
    """

    def __init__(
        self,
        transport: Transport,
        config: Config,
        *,
        rng: random.Random,
        invent: Invent,
        driver: str = "scenarios",
        scenario: str = "",
        requirements: Sequence[str] = (),
    ) -> None:
        self._transport = transport
        self._config = config
        self._rng = rng
        self._invent = invent
        self._scenario = scenario
        self._requirements = tuple(requirements)
        self._campaign = config.target.campaign_id
        self._batches: dict[str, Held] = {}
        #: When the last request that may change something had been answered.
        self._written = float("-inf")
        self._calls = Calls(transport, self._campaign, driver=driver, scenario=scenario)
        self._reader = Reader(self._calls)

    def run(self, program: Program) -> Running:
        """Carry out a program; yields whenever it has to wait. Notes its start, its end, and what it could not reach.

        :raises GuardError: the guard or a budget stops the run.
        """
        note = self._transport.note
        note("program", scenario=self._scenario, program=msgspec.to_builtins(program))
        note("started", scenario=self._scenario)
        try:
            for index, step in enumerate(program.steps):
                self._calls.step = str(index)
                yield from self._do(step)
        except UnmetError as unmet:
            data = {"code": unmet.code, "needs": list(unmet.needs), "requirements": list(self._requirements)}
            note("unmet", scenario=self._scenario, text=unmet.text, **data)
        note("finished", scenario=self._scenario)

    def carry_out(self, step: AnyStep, at: int = 0) -> Running:
        """Carry out one step, for a driver that does not know the next one yet. ``at`` is its place in the program.

        :raises UnmetError: it needs something that did not come; :raises GuardError: as ``run``.
        """
        self._calls.step = str(at)
        yield from self._do(step)

    # -- steps ------------------------------------------------------------------------------------------------

    def _do(self, step: AnyStep) -> Iterator[Pause]:
        if isinstance(step, Wait):
            yield from self._wait(step)
        elif isinstance(step, Burst):
            # Reading the messages of a whole listing is one call each; a burst reads single ones.
            with self._transport.reserve(len(step.steps) + 1):
                for inner in step.steps:
                    self._at_once(inner)
        elif isinstance(step, State):
            self._state(step)
        elif isinstance(step, Send | Read | Retry | SingleRetry | SingleSend):
            self._at_once(step)
            yield from ()
        else:
            self._together(step)

    def _at_once(self, step: Send | Read | Retry | SingleRetry | SingleSend) -> None:
        self._carry_out(step)
        if not isinstance(step, Read):
            self._written = self._transport.now()

    def _carry_out(self, step: Send | Read | Retry | SingleRetry | SingleSend) -> None:
        if isinstance(step, Send):
            self._send(step)
        elif isinstance(step, Read):
            self._wait_out_lag()
            self._reader.read(step, self._held(step.batch))
        elif isinstance(step, Retry):
            self._retry(step)
        elif isinstance(step, SingleRetry):
            self._single_retry(step)
        else:
            rows = self._rows([step.row])
            self._calls.call("single_send", rows=rows)

    def _state(self, step: State) -> None:
        params = dict(step.params)
        if step.action == "teardown":
            params["batchId"] = self._held(step.batch).id
        answer = self._transport.state(step.name, params, step.action, scenario=self._scenario)
        made = answer.values.get("batchId")
        if step.action == "setup":
            if made is None:
                why = answer.error or "it answered no batchId"
                needs = (f"a provider state {step.name} that answers batchId",)
                raise UnmetError("state-refused", f"the provider state {step.name} did not come about: {why}", needs)
            self._batches[step.batch] = Held(made, ())

    def _rows(self, specs: Sequence[RowSpec]) -> tuple[OutRow, ...]:
        for role in {spec.role for spec in specs}:
            if not getattr(self._config.recipients, role):
                raise UnmetError("not-configured", f"no number of recipients.{role} is known", (f"recipients.{role}",))
        return make_rows(specs, self._config, self._rng)

    def _send(self, step: Send) -> None:
        rows = self._rows(step.rows)
        reply = self._calls.call("batch_send", rows=rows)
        made = reply.json.get("batchId") if isinstance(reply.json, dict) else None
        if unanswered(reply):
            how = reply.exchange.end.error or f"answered {reply.exchange.status}"
            text = f"nobody knows what became of Batch Send ({how}): a batch that it made has no id that is known"
            raise UnmetError("answer-lost", text, ("a target and a network that answer",))
        if not reply.exchange.accepted or not isinstance(made, str):
            answer = reply.exchange.status
            needs = ("a template whose parameters are template.values", "recipients that the target takes")
            raise UnmetError("send-refused", f"Batch Send was not answered 201 with a batchId, but {answer}", needs)
        if not plain_id(made):
            text = "the target names a batch by an id that has no place in a path"
            raise UnmetError("id-unusable", text, ("ids of letters, digits and the marks . _ ~ - : = + @ ,",))
        self._batches[step.batch] = Held(made, rows, touched=self._transport.now())

    def _together(self, step: Together) -> None:
        """A race: one request for each step; a read is the first page of the listing, or one message for each row."""
        width = sum(max(1, len(s.rows)) if isinstance(s, Read) and s.view == "message" else 1 for s in step.steps)
        rate = self._config.limits.calls_per_second
        if width > widest(rate, loopback=parse_base_url(self._config.target.base_url, booked=True).loopback):
            needs = (f"limits.calls_per_second of {width}",)
            raise UnmetError("rate-too-low", f"a race of {width} is wider than {rate:g} calls a second", needs)
        racers = [(s, self._calls.request(**fields)) for s in step.steps for fields in self._racing(s)]
        replies = self._calls.race([request for _, request in racers])
        retried: dict[str, list[Reply]] = {}
        more: dict[str, dict[str, int]] = {}
        for (racer, request), reply in zip(racers, replies, strict=True):
            if isinstance(racer, Retry):
                retried.setdefault(racer.batch, []).append(reply)
            elif isinstance(racer, SingleRetry) and reply.exchange.accepted and request.message is not None:
                singles = more.setdefault(racer.batch, {})
                singles[request.message] = singles.get(request.message, 0) + 1
        for name, answers in retried.items():
            held = self._held(name)
            accepted = sum(reply.exchange.accepted for reply in answers)
            held.before = dict(held.seen) if accepted or any(reply.exchange.open for reply in answers) else None
            held.owed, held.more = max(1, accepted), more.get(name, {})
            held.touched = self._transport.now()

    def _racing(self, step: Retry | SingleRetry | Read) -> Iterator[dict[str, Any]]:
        """What each request of a racing step asks for."""
        held = self._read_before(step.batch)
        if isinstance(step, Retry):
            changed = {} if step.cause is None else overrides(step.cause, self._subject(held))
            yield {"operation": "batch_retry", "batch": held.id, "auth": step.auth, "cause": step.cause, **changed}
        elif isinstance(step, SingleRetry):
            yield {"operation": "single_retry", "message": self._message(held, step.row, step.by)}
        elif step.view == "message":
            for row in step.rows or (0,):
                yield {"operation": "message_read", "message": self._message(held, row, step.by)}
        else:
            yield {"operation": "batch_list", "batch": held.id, "query": (("limit", str(step.limit)),)}

    def _read_before(self, name: str) -> Held:
        """The batch, read before its first retry: a target may answer a send with the id of somebody else's."""
        held = self._held(name)
        if not held.read and not self._reader.learn(held, self._reader.walk("batch_list", held.id, 1000, "after")):
            text = f"the listing of batch {name} got no answer, and a batch is read before it is retried"
            raise UnmetError("answer-lost", text, ("a network and a target that answer",))
        return held

    def _message(self, held: Held, position: int, by: str) -> str:
        message = held.message(position, by)
        if message is None or not plain_id(message):
            raise UnmetError("message-unknown", "the listing does not show which message a row has become")
        return message

    def _retry(self, step: Retry) -> None:
        if step.cause is not None and step.batch not in self._batches:
            self._nameless(step)
            return
        held = self._read_before(step.batch)
        changed = {} if step.cause is None else overrides(step.cause, self._subject(held))
        reply = self._calls.call("batch_retry", **{"batch": held.id, "auth": step.auth, "cause": step.cause, **changed})
        # What was refused takes nothing up: there is nothing to wait for.
        held.before = dict(held.seen) if reply.exchange.accepted or reply.exchange.open else None
        held.owed, held.more = 1, {}
        held.touched = self._transport.now()

    def _nameless(self, step: Retry) -> None:
        cause = step.cause or "id:unknown"
        identifier = uuid.UUID(int=self._rng.getrandbits(128), version=4)
        made_up = invented(cause, identifier, self._invent)
        changed = overrides(
            cause,
            Subject(
                campaign=self._campaign,
                other_campaign=None,
                batch=made_up,
                message=made_up,
                stranger=self._stranger(()),
            ),
        )
        # The id stands percent-encoded in the path already.
        changed["path"] = f"/campaigns/{self._campaign}/batch/{made_up}/retry"
        for _ in range(TRIES):
            reply = self._calls.call("batch_retry", **{"batch": made_up, "cause": cause, **changed})
            if (reply.exchange.status or 0) < 500:
                # Only "repeatedly" is a violation (BR-ERR-04): one 5xx is asked for again.
                break

    def _subject(self, held: Held) -> Subject:
        other = self._config.target.other
        return Subject(
            campaign=self._campaign,
            other_campaign=other.campaign_id if other else None,
            batch=held.id,
            message=next(iter(held.ids.values()), "message_none"),
            stranger=self._stranger(tuple(row.recipient for row in held.rows)),
        )

    def _stranger(self, taken: Sequence[str]) -> str:
        roles = self._config.recipients
        numbers = (*roles.failing, *roles.succeeding)
        return next((n for n in numbers if n not in taken), numbers[0])

    def _single_retry(self, step: SingleRetry) -> None:
        held = self._held(step.batch)
        message = self._message(held, step.row, step.by)
        reply = self._calls.call("single_retry", message=message)
        error = reply.json.get("error") if isinstance(reply.json, dict) else None
        if isinstance(error, dict) and error.get("code") == SPENT:
            held.spent.add(message)

    # -- waiting ----------------------------------------------------------------------------------------------

    def _wait(self, step: Wait) -> Iterator[Pause]:
        now = self._transport.now
        if step.until == "others":
            yield Pause(until=now(), what="the other scenarios", deadline=now(), for_others=True)
            return
        held = self._held(step.batch)
        settle = self._config.timing.settle_timeout
        # What is not essential has its time from the last retry on, so that a target that never gets there is not
        # waited for again and again.
        since = now() if step.essential else held.touched
        deadline = since + (step.seconds if step.seconds is not None else settle)
        interval = min(max(settle / 100, 0.02), 2.0)
        ended = False
        while True:
            if self._reader.holds(step, held):
                return
            if step.until == "quiet" and step.seconds is None and held.terminal and not ended:
                # From here on the status of the batch has its time (BR-ACC-06); a last look behind it tells.
                ended, deadline = True, max(deadline, now() + settle)
            if now() >= deadline:
                break
            what = f"{self._scenario}: {len(held.rows)} messages of {step.batch} to be {step.until}"
            yield Pause(until=min(now() + interval, deadline), what=what, deadline=deadline)
            interval = min(interval * 1.5, max(0.1, min(settle / 20, 5.0)))
        within = step.seconds if step.seconds is not None else settle
        text = f"scenario {self._scenario}: batch {step.batch} was not {step.until} within {within:g} s"
        self._transport.note("waited_out", scenario=self._scenario, text=text)
        if step.essential and held.blind:
            text += ", and the last look at it got no answer"
            raise UnmetError("answer-lost", text, ("a target and a network that answer",))
        if step.essential:
            raise UnmetError("waited-out", text, ("a longer timing.settle_timeout", "a target that delivers"))

    def _wait_out_lag(self) -> None:
        """Where reads are known to lag, what this program has written is not read back before it can show."""
        lag = self._config.timing.read_lag
        if not isinstance(lag, str) and (left := self._written + lag - self._transport.now()) > 0:
            self._transport.pause(left)

    # -- what is known ----------------------------------------------------------------------------------------

    def _held(self, name: str) -> Held:
        if name not in self._batches and any(given.batch_id == name for given in self._config.given):
            self._batches[name] = Held(name, ())
        if name not in self._batches:
            raise UnmetError("batch-unknown", f"the batch {name} was never made")
        return self._batches[name]
