"""Carry out programs, step by step, through the transport. Decides nothing: it reads only to know when to go on."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from conformance.config import Config
from conformance.program.batch_state import Held, make_rows
from conformance.program.calls import Calls, NothingStuckError, UnmetError, passed_on, unanswered
from conformance.program.pace import ENDS, Pace
from conformance.program.patience import Patience
from conformance.program.probes import Invent, names_own
from conformance.program.reading import Reader
from conformance.program.retrying import Retrier
from conformance.program.scheduler import Pause, Running
from conformance.program.steps import (
    OF_NO_BATCH,
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
from conformance.program.waiting import Waiter
from conformance.transport.origin import parse_base_url
from conformance.transport.paths import plain_id
from conformance.transport.race import widest
from conformance.transport.request import OutRow, Reply, Transport


class Interpreter:
    """Runs one program.

    :param transport: the way out.
    :param config: recipients, template, time-outs.
    :param rng: draws nonces and made-up ids; nothing else is drawn.
    :param invent: makes ids that nothing has, known to the guard.
    :param requirements: ids that are named in an ``unmet`` note.
    :param pace: what other programs of the run have learned about deliveries; None: nothing.
    :param patience: what the waits of the run may take together; None: what this program's may.
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
        pace: Pace | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._transport = transport
        self._config = config
        self._rng = rng
        self._scenario = scenario
        self._requirements = tuple(requirements)
        self._batches: dict[str, Held] = {}
        #: When the last request that may change something had been answered.
        self._written = float("-inf")
        self._calls = Calls(transport, config.target.campaign_id, driver=driver, scenario=scenario)
        self._reader = Reader(self._calls)
        self._retrier = Retrier(self._calls, self._reader, config, rng=rng, invent=invent)
        patience = patience or Patience(config.timing.settle_timeout)
        self._waiter = Waiter(transport, self._reader, config, pace or Pace(), patience, scenario)

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
                ahead = sum(isinstance(s, Wait) and s.until in ENDS for s in program.steps[index + 1 :])
                for pause in self._do(step):
                    yield replace(pause, ahead=ahead)
        except UnmetError as unmet:
            data = {"code": unmet.code, "needs": list(unmet.needs), "requirements": list(self._requirements)}
            note("unmet", scenario=self._scenario, text=unmet.text, **data)
        except NothingStuckError:
            pass
        note("finished", scenario=self._scenario)

    def carry_out(self, step: AnyStep, at: int = 0) -> Running:
        """Carry out one step, for a driver that does not know the next one yet. ``at`` is its place in the program.

        :raises UnmetError: it needs something that did not come; :raises GuardError: as ``run``.
        """
        self._calls.step = str(at)
        yield from self._do(step)

    def settle(self) -> Running:
        """Wait, for as long as it may take, until what this program has retried so far shows; for one that was cut short.

        :raises GuardError: as ``run``.
        """
        for name, held in tuple(self._batches.items()):
            if not held.single and held.read and (held.before is not None or not held.terminal):
                self._calls.step = ""
                yield from self._do(Wait(batch=name, until="retried", essential=False))

    @property
    def batches(self) -> Mapping[str, Held]:
        """What the program knows of the batches that it has sent, by name."""
        return self._batches

    # -- steps ------------------------------------------------------------------------------------------------

    def _do(self, step: AnyStep) -> Iterator[Pause]:
        if isinstance(step, Wait):
            yield from self._waiter.wait(step, None if step.until in OF_NO_BATCH else self._held(step.batch))
        elif isinstance(step, Burst):
            # Reading the messages of a whole listing is one call each; a burst reads single ones.
            with self._transport.reserve(len(step.steps) + 1):
                for index, inner in enumerate(step.steps):
                    reads = [s for s in (*step.steps[index + 1 :], *step.steps[:index]) if isinstance(s, Read)]
                    if isinstance(inner, Read) and (left := self._lagging()) > 0:
                        self._transport.pause(left)
                    self._at_once(inner, reads[0] if reads else None)
        elif isinstance(step, State):
            self._state(step)
        elif isinstance(step, Send | Read | Retry | SingleRetry | SingleSend):
            if isinstance(step, Read) and (left := self._lagging()) > 0:
                until = (now := self._transport.now()) + left
                yield Pause(until=until, what=f"{self._scenario}: reads that lag", since=now, deadline=until)
            self._at_once(step)
        else:
            self._together(step)

    def _at_once(self, step: Send | Read | Retry | SingleRetry | SingleSend, look: Read | None = None) -> None:
        self._carry_out(step, look)
        if not isinstance(step, Read):
            self._written = self._transport.now()

    def _carry_out(self, step: Send | Read | Retry | SingleRetry | SingleSend, look: Read | None) -> None:
        """Carry out a step of one batch. ``look`` is the read that a retry is followed by, where it is repeated."""
        if isinstance(step, Send):
            self._send(step)
        elif isinstance(step, Read):
            self._reader.read(step, self._held(step.batch))
        elif isinstance(step, SingleSend):
            self._send_one(step)
        elif step.cause is not None and step.batch not in self._batches and not names_own(step.cause):
            self._retrier.nameless(step)
        elif isinstance(step, Retry):
            held = self._held(step.batch)
            between = look if look is not None else Read(batch=step.batch)
            if self._retrier.retry(step, held, lambda: self._reader.read(between, self._held(between.batch))):
                self._touch(held)
        else:
            held = self._held(step.batch)
            if self._retrier.retry_one(step, held):
                self._touch(held)

    def _touch(self, held: Held) -> None:
        held.touched, held.current = self._transport.now(), False
        if held.before is not None or held.single:
            held.stirred = held.touched

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

    def _check_not_passed_on(self, reply: Reply, what: str) -> None:
        """:raises UnmetError: something in front of the target may have answered in its place (ruling 22)."""
        if passed_on(reply):
            text = f"{what} was answered {reply.exchange.status}, as something in front of the target may answer"
            raise UnmetError(
                "gateway-answer", text, ("a way to the target without a gateway that answers in its place",)
            )

    def _send(self, step: Send) -> None:
        rows = self._rows(step.rows)
        reply = self._calls.call("batch_send", rows=rows)
        self._check_not_passed_on(reply, "Batch Send")
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
        now = self._transport.now()
        self._batches[step.batch] = Held(made, rows, touched=now, stirred=now)

    def _send_one(self, step: SingleSend) -> None:
        rows = self._rows([step.row])
        reply = self._calls.call("single_send", rows=rows)
        self._check_not_passed_on(reply, "Single Send")
        made = reply.json.get("id") if isinstance(reply.json, dict) else None
        if not reply.exchange.accepted or not isinstance(made, str) or not plain_id(made):
            answer = reply.exchange.status
            needs = ("a target that takes Single Send",)
            raise UnmetError("send-refused", f"Single Send was not answered 201 with a message, but {answer}", needs)
        now = self._transport.now()
        self._batches[step.batch] = Held(made, rows, ids={0: made}, touched=now, stirred=now, single=True)

    def _together(self, step: Together) -> None:
        """A race: one request for each step; a read is the first page of the listing, or one message for each row."""
        width = sum(max(1, len(s.rows)) if isinstance(s, Read) and s.view == "message" else 1 for s in step.steps)
        rate = self._config.limits.calls_per_second
        if width > widest(rate, loopback=parse_base_url(self._config.target.base_url, booked=True).loopback):
            needs = (f"limits.calls_per_second of {width}",)
            raise UnmetError("rate-too-low", f"a race of {width} is wider than {rate:g} calls a second", needs)
        racers = [(s, self._calls.request(**fields)) for s in step.steps for fields in self._racing(s)]
        replies = self._calls.race([request for _, request in racers])
        for name in dict.fromkeys(s.batch for s in step.steps if not isinstance(s, Read)):
            held = self._held(name)
            of_it = [(request, reply) for (s, request), reply in zip(racers, replies, strict=True) if s.batch == name]
            self._retrier.raced(held, of_it)
            self._touch(held)

    def _racing(self, step: Retry | SingleRetry | Read) -> Iterator[dict[str, Any]]:
        """Yield what each request of a racing step asks for."""
        held = self._retrier.read_before(step.batch, self._held(step.batch))
        if isinstance(step, Retry):
            yield self._retrier.asked(step, held)
        elif isinstance(step, SingleRetry):
            yield self._retrier.asked_of_one(step, held)
        elif step.view == "message":
            for row in step.rows or (0,):
                yield {"operation": "message_read", "message": self._retrier.message(held, row, step.by)}
        else:
            yield {"operation": "batch_list", "batch": held.id, "query": (("limit", str(step.limit)),)}

    def _lagging(self) -> float:
        """Return for how many seconds what this program has written may not show yet, where reads are known to lag."""
        lag = self._config.timing.read_lag
        return 0.0 if isinstance(lag, str) else self._written + lag - self._transport.now()

    # -- what is known ----------------------------------------------------------------------------------------

    def _held(self, name: str) -> Held:
        if name not in self._batches and any(given.batch_id == name for given in self._config.given):
            self._batches[name] = Held(name, ())
        if name not in self._batches:
            raise UnmetError("batch-unknown", f"the batch {name} was never made")
        return self._batches[name]
