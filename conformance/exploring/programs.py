"""What is drawn: whole programs, as data (docs/design.md section 1).

Batches are named by their place among those sent so far, rows by theirs in the batch, both modulo what there is: so
every draw makes a program, whatever a target answers. Reads and waits that make a retry provable come with it by
construction, and so does a batch retry.

Everything is drawn as booleans. Hypothesis mixes constants of the modules that are loaded, and are not installed,
into the integers that it draws: a seed would draw other programs in another installation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import hypothesis
import hypothesis.strategies as st
import msgspec
from hypothesis import Phase

from conformance.config import Config
from conformance.config_load import offers
from conformance.history.probe import Probe
from conformance.history.records import Role
from conformance.program.steps import (
    AnyStep,
    Burst,
    Condition,
    Program,
    Read,
    Retry,
    RowSpec,
    Send,
    SingleRetry,
    Together,
    View,
    Wait,
)

#: Draws for each program that is wanted: small ones come up again and again.
DRAWS = 2
#: Moves that a program has at most, and writes that a move has at most.
MOVES, WRITES = 6, 3
#: Messages that one program may cost at most, beyond what its first batch and one retry of it do.
MESSAGES = 60
#: Waits for deliveries that one program has at most; more of them make a slow target slow to explore.
WAITS = 5

Kind = Literal["act", "race", "send", "look", "odd"]
Then = Literal["quiet", "moved", "nothing"]
Text = Literal["plain", "markup", "quotes", "blanks", "breaks"]

_KINDS: tuple[Kind, ...] = ("act", "act", "act", "act", "send", "look", "odd", "act")
_RACES: tuple[Kind, ...] = ("act", "act", "race", "act", "send", "look", "odd", "race")
_THEN: tuple[Then, ...] = ("quiet", "quiet", "moved", "nothing")
_FIRST: tuple[Then, ...] = ("quiet", "quiet", "quiet", "nothing")
_VIEWS: tuple[View, ...] = ("listing", "message", "campaign", "backward")
#: Places of rows, modulo the size of the batch: the first, the last, and two between.
_PLACES = (0, -1, 1, 2)
#: Rows of a batch less one, beside any number and as many as there may be.
_SIZES = (0, 1, 2, 0, 1, 3)
_TEXTS: tuple[Text, ...] = ("plain", "markup", "blanks", "breaks")
_CAUSES = ("id:unknown", "auth:none", "method:GET", "path:trailing-slash", "body:json-ids", "query:names")

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Move:
    """A few steps that belong together; which batch and rows are meant is told by places, modulo what there is."""

    kind: Kind
    batch: int = 0
    #: None is a batch retry, a number a single retry of the row at that place.
    writes: tuple[int | None, ...] = ()
    #: Whether one message is read right before and after each write, back to back.
    close: bool = False
    focus: int = 0
    then: Then = "quiet"
    rows: tuple[RowSpec, ...] = ()
    view: View = "listing"
    cause: str = "id:unknown"


@dataclass(frozen=True, kw_only=True)
class Swarm:
    """What a program does without: a program of few kinds of steps goes deeper than one of all."""

    kinds: frozenset[Kind]
    singles: bool
    close: bool
    hurry: bool
    variety: bool


class _Draws:
    """Draws of everything out of booleans; False, the simplest, stands for the first of the options."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def flag(self) -> bool:
        return self._draw(st.booleans())

    def pick(self, options: Sequence[T]) -> T:
        index = 0
        for _ in range((len(options) - 1).bit_length()):
            index = 2 * index + self.flag()
        return options[index % len(options)]


def roles_of(config: Config) -> tuple[Role, ...]:
    """The roles of recipients that the configuration offers, the failing first."""
    known: tuple[Role, ...] = ("failing", "succeeding", "recovering", "pending")
    offered = set(offers(config)) - set(config.capabilities.absent)
    return tuple(role for role in known if role in offered)


@st.composite
def _rows(draw: st.DrawFn, roles: tuple[Role, ...], most: int) -> tuple[RowSpec, ...]:
    """One to ``most`` rows, mostly few; failing, or of a few roles in turn."""
    draws = _Draws(draw)
    sizes = [1 + n % most for n in _SIZES]
    count = draws.pick([*sizes, most, None]) or 1 + draws.pick(range(most))
    turn: tuple[Role, ...] = ("failing",)
    if draws.flag() and roles:
        turn = (draws.pick(roles), draws.pick(roles))
    rows = [RowSpec(role=turn[index % len(turn)]) for index in range(count)]
    if draws.flag() and draws.flag():
        text, same = draws.pick(_TEXTS), draws.flag()
        rows[0] = RowSpec(role=rows[0].role, text=text)
        rows[1:] = [
            RowSpec(role=row.role, same_as=0 if same and row.role == rows[0].role else None) for row in rows[1:]
        ]
    return tuple(rows)


@st.composite
def _move(draw: st.DrawFn, roles: tuple[Role, ...], most: int, kinds: tuple[Kind, ...]) -> Move:
    draws = _Draws(draw)
    kind = draws.pick(kinds)
    if kind == "send":
        return Move(kind=kind, rows=draw(_rows(roles, most)), then=draws.pick(_THEN))
    batch = draws.pick(range(2))
    if kind == "look":
        return Move(kind=kind, batch=batch, view=draws.pick(_VIEWS))
    if kind == "odd":
        return Move(kind=kind, batch=batch, cause=draws.pick(_CAUSES))
    writes = draw(st.lists(_write(), min_size=2 if kind == "race" else 1, max_size=WRITES))
    close = draws.flag()
    focus = draws.pick(_PLACES) if close else 0
    return Move(kind=kind, batch=batch, writes=tuple(writes), close=close, focus=focus, then=draws.pick(_THEN))


@st.composite
def _write(draw: st.DrawFn) -> int | None:
    draws = _Draws(draw)
    return draws.pick(_PLACES) if draws.flag() else None


@st.composite
def _swarm(draw: st.DrawFn) -> Swarm:
    draws = _Draws(draw)
    optional: tuple[Kind, ...] = ("send", "look", "odd")
    return Swarm(
        kinds=frozenset(kind for kind in optional if draws.flag()),
        singles=draws.flag() and draws.flag(),
        close=draws.flag() and draws.flag(),
        hurry=draws.flag(),
        variety=draws.flag(),
    )


@st.composite
def programs(draw: st.DrawFn, config: Config, *, races: bool = False) -> Program:
    """Programs that fit this configuration: its roles of recipients, its ``limits.max_rows``.

    :param races: whether steps that are carried out together are drawn too.
    """
    without = draw(_swarm())
    roles, most = roles_of(config), config.limits.max_rows
    first, then = draw(_rows(roles, most)), _Draws(draw).pick(_FIRST)
    moves = draw(st.lists(_move(roles, most, _RACES if races else _KINDS), min_size=1, max_size=MOVES))
    return build(first, then, moves, without)


@dataclass
class _Sent:
    """A batch of the program: what the program itself knows of it."""

    name: str
    rows: tuple[RowSpec, ...]
    #: Whether a wait has shown which message each row has become; whether one has shown the batch quiet since.
    listed: bool = False
    settled: bool = False
    #: How many retries each row may have had.
    tries: list[int] = field(default_factory=list)


def build(first: tuple[RowSpec, ...], then: Then, moves: Sequence[Move], without: Swarm) -> Program:
    """The program of these draws. Moves that would cost too much, or wait too often, are left out."""
    builder = _Builder(without)
    builder.send(first, then)
    for move in moves:
        builder.move(move)
    return Program(name="drawn", steps=builder.finish())


class _Builder:
    """Puts moves together; knows nothing but what was drawn."""

    def __init__(self, without: Swarm) -> None:
        self._without = without
        self._steps: list[AnyStep] = []
        self._batches: list[_Sent] = []
        self._messages = 0
        self._waits = 0
        self._retried = False

    def move(self, move: Move) -> None:
        """Append what the move means here; a kind that the program does without is a batch retry instead."""
        sent = self._batches[move.batch % len(self._batches)]
        if move.kind in self._without.kinds:
            move = Move(kind="act", batch=move.batch, writes=(None,), then=move.then)
        if move.kind == "send":
            self.send(move.rows, move.then)
        elif move.kind == "look":
            limit = 2 if move.view == "backward" else 1000
            self._steps.append(Read(batch=sent.name, view=move.view, limit=limit))
        elif move.kind == "odd":
            self._odd(sent, move.cause)
        else:
            self._act(sent, move)

    def send(self, rows: tuple[RowSpec, ...], then: Then) -> None:
        if self._batches and self._messages + len(rows) > MESSAGES:
            return
        if self._without.variety:
            rows = tuple(RowSpec() for _ in rows)
        sent = _Sent(f"b{len(self._batches) + 1}", rows, tries=[0] * len(rows))
        self._batches.append(sent)
        self._messages += len(rows)
        self._steps.append(Send(batch=sent.name, rows=rows))
        self._settle(sent, then)

    def finish(self) -> tuple[AnyStep, ...]:
        """All steps, with a batch retry if none was drawn, and every batch read once all is over."""
        if not self._retried:
            self._act(self._batches[0], Move(kind="act", writes=(None,)))
        for sent in self._batches:
            if not sent.settled:
                self._steps.append(self._quiet(sent, essential=False))
        return tuple(self._steps)

    def _odd(self, sent: _Sent, cause: str) -> None:
        probe = Probe.parse(cause)
        if probe is None:
            return
        if probe.harmless:
            # It may rightly be carried out (BR-SEC-05).
            if self._messages + len(sent.rows) > MESSAGES:
                return
            self._messages += len(sent.rows)
            sent.tries = [n + 1 for n in sent.tries]
            sent.settled = False
        self._steps += [
            Retry(batch="nobody's" if probe.kind == "id" else sent.name, cause=cause),
            Read(batch=sent.name),
        ]

    def _act(self, sent: _Sent, move: Move) -> None:
        size = len(sent.rows)
        writes = [None if w is None or self._without.singles else w % size for w in move.writes]
        cost = sum(size if w is None else 1 for w in writes)
        if self._messages + cost > MESSAGES and self._retried:
            return
        close = move.close and not self._without.close and move.kind == "act"
        if not sent.listed and (close or any(w is not None for w in writes)):
            self._steps.append(Wait(batch=sent.name, until="listed"))
            sent.listed = True
        self._messages += cost
        self._retried = self._retried or None in writes
        owed = max(sent.tries)
        for write in writes:
            sent.tries = [n + (write in (None, i)) for i, n in enumerate(sent.tries)]
        sent.settled = False
        made = [Retry(batch=sent.name) if w is None else SingleRetry(batch=sent.name, row=w) for w in writes]
        if move.kind == "race":
            self._steps.append(Together(steps=tuple(made)))
        elif close:
            focus = next((w for w in writes if w is not None), move.focus % size)
            look = Read(batch=sent.name, view="message", rows=(focus,))
            self._steps.append(Burst(steps=(look, *(step for write in made for step in (write, look)))))
        else:
            self._steps += made
        # A message that may be spent takes no further attempt, and waiting for one would take the whole settling time.
        self._settle(sent, move.then, taken=writes[-1] is None and owed < 2)

    def _settle(self, sent: _Sent, then: Then, *, taken: bool = False) -> None:
        if self._without.hurry:
            then = "quiet"
        if then == "nothing" or self._waits >= WAITS:
            return
        self._waits += 1
        if then == "moved":
            self._steps.append(Wait(batch=sent.name, until="moved", essential=False))
            sent.listed = True
            return
        if taken:
            self._steps.append(Wait(batch=sent.name, until="taken", essential=False))
        self._steps.append(self._quiet(sent, essential=True))
        sent.listed = sent.settled = True

    def _quiet(self, sent: _Sent, *, essential: bool) -> Wait:
        until: Condition = "ended" if any(row.role == "pending" for row in sent.rows) else "quiet"
        return Wait(batch=sent.name, until=until, essential=essential)


def steps_of(program: Program) -> tuple[AnyStep, ...]:
    """All steps, those that stand inside others in their place."""
    found: list[AnyStep] = []
    for step in program.steps:
        found += step.steps if isinstance(step, Burst | Together) else [step]
    return tuple(found)


def key_of(program: Program) -> str:
    """What tells a program from another, whatever it is named."""
    return msgspec.json.encode(program.steps).decode()


def size_of(program: Program) -> tuple[int, int, str]:
    """How large a program is for a person: steps, rows, then anything that makes the order total."""
    steps = steps_of(program)
    rows = sum(len(step.rows) for step in steps if isinstance(step, Send))
    return len(steps), rows, key_of(program)


def generate(config: Config, *, seed: int, count: int, races: bool = False) -> tuple[Program, ...]:
    """The first ``count`` distinct programs that this seed draws, in the order of drawing; at times fewer."""
    found: dict[str, Program] = {}

    @hypothesis.seed(seed)
    @settings_for(DRAWS * count, Phase.generate)
    @hypothesis.given(programs(config, races=races))
    def collect(program: Program) -> None:
        found.setdefault(key_of(program), program)

    collect()
    return tuple(found.values())[:count]


def settings_for(examples: int, *phases: Phase, steps: int = 50) -> hypothesis.settings:
    """Settings that depend on no profile: a CI server's environment loads another one.

    Any settings that one makes oneself lose the lack of a deadline, and the leniency, that a state machine has by
    default; so both are said here.
    """
    return hypothesis.settings(
        max_examples=examples,
        phases=phases,
        stateful_step_count=steps,
        database=None,
        deadline=None,
        derandomize=False,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(hypothesis.HealthCheck),
        verbosity=hypothesis.Verbosity.quiet,
    )
