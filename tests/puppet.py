"""A transport that is told what to answer, and programs that are carried out against it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from uuid import UUID

from conformance.config import Config, Language, Recipients, Target, Template, Timing
from conformance.history.records import End, Exchange, Invoke
from conformance.program.interpreter import Interpreter
from conformance.program.pace import Pace
from conformance.program.scheduler import Pause
from conformance.program.steps import (
    Program,
    RowSpec,
    Send,
    Wait,
)
from conformance.transport.request import OutRow, Reply, Request
from conformance.transport.states import Action, StateAnswer

CONFIG = Config(
    target=Target(base_url="http://127.0.0.1:1/api/v2", campaign_id="c"),
    template=Template(values={"body": "hello"}, languages=(Language(language="tamil", values={"body": "vanakkam"}),)),
    recipients=Recipients(failing=("6511111111", "6511112222"), succeeding=("6500000001",)),
    timing=Timing(settle_timeout=10.0),
)


class Puppet:
    """A transport whose answers are told by a function from request to (status, JSON)."""

    def __init__(self, answers: Any) -> None:
        self.answers = answers
        self.requests: list[Request] = []
        self.notes: list[tuple[str, dict[str, Any]]] = []
        self.reserved: list[int] = []
        self.paused: list[float] = []
        self.raced: list[list[str]] = []
        self.clock = 0.0
        self.states: Callable[[str], StateAnswer] = lambda name: StateAnswer(values={"batchId": "made_by_the_vendor"})

    def call(self, request: Request) -> Reply:
        self.requests.append(request)
        self.clock += 0.01
        n = len(self.requests)
        status, body = self.answers(request)
        invoke = Invoke(n=n, t=self.clock, operation=request.operation, method="GET", path="/", batch=request.batch)
        end = End(n=n, outcome="answered", last=self.clock, status=status, body=body, media="json")
        return Reply(exchange=Exchange(invoke=invoke, end=end), json=body)

    def race(self, requests: Sequence[Request]) -> list[Reply]:
        self.raced.append([r.operation for r in requests])
        return [self.call(request) for request in requests]

    def pause(self, seconds: float) -> None:
        self.paused.append(seconds)

    def reserve(self, calls: int) -> AbstractContextManager[None]:
        self.reserved.append(calls)
        return nullcontext()

    def state(self, name: str, params: Mapping[str, str], action: Action, *, scenario: str = "") -> StateAnswer:
        self.note("state", state=name, action=action, params=dict(params))
        return self.states(name)

    def now(self) -> float:
        return self.clock

    def note(self, event: str, *, scenario: str = "", text: str = "", **data: Any) -> None:
        self.notes.append((event, {"text": text, **data}))

    def operations(self) -> list[str]:
        return [r.operation for r in self.requests]


def a_message(name: str, row: OutRow, status: str = "failure", attempts: int = 1) -> dict[str, Any]:
    shown = [{"id": "batch_1", "status": "messages_enqueued"}]
    return {"id": name, "latestStatus": status, "values": row.values, "numAttempts": attempts, "batches": shown}


def a_target(status: str = "failure") -> tuple[Puppet, dict[str, Any]]:
    """A target with one batch, every message of which is in ``status``."""
    world: dict[str, Any] = {"rows": (), "status": status}

    def answers(request: Request) -> tuple[int, Any]:
        if request.operation == "batch_send":
            world["rows"] = request.rows
            return 201, {"isValid": True, "batchId": "batch_1"}
        messages = [a_message(f"m{i}", row, world["status"]) for i, row in enumerate(world["rows"])]
        if request.operation == "batch_list":
            return 200, {"data": messages, "pageData": {"hasNextPage": False}}
        if request.operation == "message_read":
            return 200, next(m for m in messages if m["id"] == request.message)
        return 201, None

    return Puppet(answers), world


class Inventor:
    """Makes ids up, and tells nobody."""

    def invent(self, identifier: UUID, shape: str | None = None) -> str:
        return f"made-up-{shape}"

    def invent_message(self, identifier: UUID) -> str:
        return "made-up-message"

    def near(self, batch: str, how: str, identifier: UUID) -> str | None:
        return None if how == "wildcard" else f"{batch}-{how}"


def interpret(
    transport: Puppet, *steps: Any, requirements: tuple[str, ...] = (), pace: Pace | None = None
) -> list[Pause]:
    interpreter = Interpreter(
        transport, CONFIG, rng=random.Random(1), invent=Inventor(), scenario="s", requirements=requirements, pace=pace
    )
    pauses = []
    for pause in interpreter.run(Program(name="s", steps=steps)):
        pauses.append(pause)
        transport.clock = max(transport.clock, pause.until)
    return pauses


READY = (Send(batch="b", rows=(RowSpec(), RowSpec())), Wait(batch="b", until="quiet"))
