"""Programs carried out side by side, within a share of the budgets, and each judged by its own exchanges."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import Any

from conformance import CONTRACT_VERSION, __version__
from conformance.config import Config
from conformance.config_load import offers
from conformance.drivers.drive import Drive
from conformance.errors import BudgetError
from conformance.exploring.scope import PART
from conformance.findings import Finding
from conformance.history.records import Exchange, Header, History
from conformance.judges import judge
from conformance.program.cost import cost_of
from conformance.program.interpreter import Interpreter
from conformance.program.scheduler import Running
from conformance.program.steps import Program, Read, RowSpec, Send, SingleSend, Wait
from conformance.transport.client import HttpTransport
from conformance.transport.request import Origin, Reply, Request
from conformance.transport.states import Action, StateAnswer

#: How the exchanges of this driver are marked in the history.
DRIVER = "machine"
#: A batch, and a message sent singly, that are left alone while others are retried.
CONTROL = Program(
    name="control",
    steps=(
        Send(batch="b1", rows=(RowSpec(), RowSpec())),
        SingleSend(batch="alone"),
        Wait(batch="b1", until="quiet"),
        Wait(batch="alone", until="terminal"),
        Read(batch="b1", view="message"),
        Wait(batch="b1", until="last"),
        Read(batch="b1"),
        Read(batch="b1", view="message"),
        Read(batch="alone"),
    ),
)
#: Calls of the share that only the last look at such a batch may use (BR-SEL-07).
LAST_LOOK = 8
#: Calls of the share for each program that only reads may use, so that what was retried is still seen to settle when the
#: share is spent; all of them together are at most this part of the share.
TO_SETTLE, TO_SETTLE_PART = 4, 0.2
#: Operations that reset or make messages, or are probes that might.
_WRITES = frozenset({"batch_send", "single_send", "batch_retry", "single_retry"})


class ShareSpentError(Exception):
    """The driver has had its share of the budgets. Ends a program, never a run."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """How far this driver goes: calls and messages of its own, and seconds of the run's clock."""

    calls: int
    messages: int
    until: float


@dataclass
class Spent:
    """What this driver has spent so far."""

    calls: int = 0
    messages: int = 0


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A program that was carried out, and what its own exchanges prove."""

    name: str
    program: Program
    exchanges: tuple[Exchange, ...]
    #: The first finding of each kind (``Finding.kind``: which requirements one names
    #: may depend on what stood still elsewhere meanwhile).
    findings: Mapping[str, Finding]
    #: Whether the budgets let it come to its end.
    whole: bool = True


def header_of(config: Config) -> Header:
    """As much of the run's header as judges read."""
    lag = config.timing.read_lag
    return Header(
        suite_version=__version__,
        contract_version=CONTRACT_VERSION,
        run_id="",
        started="",
        base_url=config.target.base_url,
        campaign_id=config.target.campaign_id,
        other_campaign_id=config.target.other.campaign_id if config.target.other else None,
        settle_timeout=config.timing.settle_timeout,
        read_lag=None if isinstance(lag, str) else lag,
        offers=offers(config),
    )


def findings_in(config: Config, exchanges: Iterable[Exchange], requirements: Collection[str]) -> dict[str, Finding]:
    """What these exchanges prove by themselves, by kind, as far as it is about these requirements.

    One program's exchanges, with or without those of a batch that was left alone, are a whole story: its batches have
    no other writer (A6), and whatever other programs did meanwhile must not matter to it (BR-SEL-10).
    """
    history = History(header=header_of(config), exchanges=tuple(exchanges))
    found: dict[str, Finding] = {}
    for opinion in judge(history):
        if isinstance(opinion, Finding) and set(opinion.any_of) & set(requirements):
            found.setdefault(opinion.kind, opinion)
    return found


@dataclass
class Recording:
    """A transport that keeps each scenario's exchanges, and lets nothing out beyond the share.

    The last calls of the share are for reads: ``settling`` of them for the reads of any program, and ``kept`` for those of
    the scenarios in ``watched``, which the time of the share does not bind either.
    """

    inner: HttpTransport
    share: Share
    spent: Spent = field(default_factory=Spent)
    settling: int = 0
    kept: int = 0
    watched: Collection[str] = ()
    exchanges: dict[str, list[Exchange]] = field(default_factory=dict)

    def call(self, request: Request) -> Reply:
        """As the transport's.

        :raises ShareSpentError: the share of calls or time is spent; nothing was sent.
        """
        return self._within([request], lambda: [self.inner.call(request)])[0]

    def race(self, requests: Sequence[Request]) -> list[Reply]:
        """As the transport's.

        :raises ShareSpentError: the share of calls or time is spent; nothing was sent.
        """
        return self._within(requests, lambda: self.inner.race(requests))

    def state(self, name: str, params: Mapping[str, str], action: Action, *, scenario: str = "") -> StateAnswer:
        return self.inner.state(name, params, action, scenario=scenario)

    def _within(self, requests: Sequence[Request], send: Callable[[], list[Reply]]) -> list[Reply]:
        scenario = requests[0].origin.scenario
        writes = any(request.operation in _WRITES for request in requests)
        last_look = scenario in self.watched and not writes
        mark = self.share.calls - (0 if last_look else self.kept) - (self.settling if writes else 0)
        late = self.inner.now() >= self.share.until and not last_look
        if self.spent.calls + len(requests) > mark or late:
            raise ShareSpentError
        before = self.inner.budget.messages
        try:
            replies = send()
        except BudgetError:
            # Somebody else spent what this share was a part of.
            raise ShareSpentError from None
        # The transport is called by one thread: what it has spent meanwhile, these requests have.
        self.spent.calls += len(requests)
        self.spent.messages += self.inner.budget.messages - before
        self.exchanges.setdefault(scenario, []).extend(reply.exchange for reply in replies)
        return replies

    def pause(self, seconds: float) -> None:
        self.inner.pause(seconds)

    def reserve(self, calls: int) -> AbstractContextManager[None]:
        return self.inner.reserve(calls)

    def now(self) -> float:
        return self.inner.now()

    def note(self, event: str, *, scenario: str = "", text: str = "", **data: Any) -> None:
        self.inner.note(event, scenario=scenario, text=text, **data)


@dataclass(frozen=True, kw_only=True)
class Group:
    """Programs that are carried out at once: not begun yet, or ended."""

    programs: Mapping[str, Program]
    running: Mapping[str, Running]
    control: str | None
    recording: Recording
    #: Those that met the end of the share.
    cut: set[str]


class Runner:
    """Runs programs for one driver.

    :param run: the run; :param share: what this driver may spend.
    :param before: what the run has spent, and other drivers are likely to.
    """

    def __init__(self, run: Drive, share: Share, before: Spent) -> None:
        self.before = before
        self.run = run
        self.share = share
        self.spent = Spent()

    def over(self, share: Share | None = None) -> bool:
        """Whether the share, or a smaller one, is spent."""
        mark, spent = share or self.share, self.spent
        late = self.run.transport.now() >= mark.until
        return spent.calls >= mark.calls or spent.messages >= mark.messages or late

    def affordable(self, programs: Mapping[str, Program], share: Share | None = None) -> dict[str, Program]:
        """As many of them, in their order, as the share's messages surely, and its calls probably, are enough for."""
        mark = share or self.share
        calls, messages = self.spent.calls, self.spent.messages
        chosen: dict[str, Program] = {}
        for name, program in programs.items():
            cost = cost_of(program, self.run.config)
            if calls + cost.calls_likely <= mark.calls and messages + cost.messages_unrepeated <= mark.messages:
                calls, messages = calls + cost.calls_likely, messages + cost.messages_unrepeated
                chosen[name] = program
        return chosen

    def limit(self, programs: Mapping[str, Program]) -> str:
        """Which limit keeps some of these programs from being run, and how to raise it; empty if all are affordable."""
        costs = [cost_of(program, self.run.config) for program in programs.values()]
        needs = {"calls": sum(c.calls_likely for c in costs), "messages": sum(c.messages_unrepeated for c in costs)}
        limits, others = self.run.config.limits, self.before
        taken = {"calls": others.calls, "messages": others.messages}
        marks = {"calls": self.share.calls, "messages": self.share.messages}
        most = {"calls": limits.max_calls, "messages": limits.max_messages}
        for kind, need in needs.items():
            left = marks[kind]
            if need <= left:
                continue
            if left >= int((most[kind] - taken[kind]) * PART):
                raised = taken[kind] + math.ceil(need / PART)
                what = f"it may spend a third of what is left of limits.max_{kind} ({most[kind]}): {left} {kind}"
                return f"{what}, and all of them may take {need}; a limits.max_{kind} of {raised} holds them"
            return f"depth {self.run.depth} explores with {left} {kind}, and they may take {need}; a greater --depth holds more"
        return ""

    def side_by_side(
        self, programs: Mapping[str, Program], share: Share | None = None, *, control: str | None = None
    ) -> list[Ran]:
        """Carry programs out, all at once, and judge each, as ``group`` chooses them.

        :raises GuardError: the guard ended the run; budgets alone never do.
        """
        group = self.group(programs, share, control=control)
        self.run.side_by_side(group.running, part="exploring")
        return self.judged(group)

    def group(
        self, programs: Mapping[str, Program], share: Share | None = None, *, control: str | None = None
    ) -> Group:
        """Choose programs to be carried out at once. Those that the share does not afford are left out.

        :param control: under which name a batch is left alone meanwhile, and watched to the end (docs/design.md,
            section 2, "Attribution"); None leaves it out.
        """
        watched = {control: named(control, CONTROL)} if control is not None else {}
        chosen = self.affordable({**watched, **programs}, share)
        bound = share or self.share
        left = max(0, bound.calls - self.spent.calls)
        settling = min(TO_SETTLE * len(chosen), int(left * TO_SETTLE_PART))
        recording = Recording(
            self.run.transport, bound, self.spent, settling=settling, kept=LAST_LOOK, watched=tuple(watched)
        )
        cut: set[str] = set()
        running = {name: self._bounded(name, program, recording, cut) for name, program in chosen.items()}
        return Group(programs=chosen, running=running, control=control, recording=recording, cut=cut)

    def judged(self, group: Group) -> list[Ran]:
        """Judge each program of a group that has ended."""
        beside = tuple(group.recording.exchanges.get(group.control or "", ()))
        return [self._judged(name, program, group, beside) for name, program in group.programs.items()]

    def unjudged(self, group: Group) -> list[Ran]:
        """Return what each program of a group did that has ended, without a judgement."""
        return [
            Ran(name=name, program=program, exchanges=self._own(name, group), findings={}, whole=name not in group.cut)
            for name, program in group.programs.items()
        ]

    def look_again(self, control: Ran) -> None:
        """Read the batch of a control once more: what was run since then is to have been watched too (BR-SEL-07)."""
        recording = Recording(self.run.transport, self.share, self.spent, kept=LAST_LOOK, watched=(control.name,))
        origin = Origin(driver=DRIVER, scenario=control.name)
        about: dict[str, Any] = {"campaign": self.run.config.target.campaign_id, "origin": origin}
        listed = [e.invoke.batch for e in control.exchanges if e.invoke.operation == "batch_list"]
        seen = [e.invoke.message for e in control.exchanges if e.invoke.operation == "message_read"]
        try:
            for batch in listed[:1]:
                query = (("limit", "1000"),)
                recording.call(Request(operation="batch_list", batch=batch, query=query, **about))
            for message in dict.fromkeys(seen):
                recording.call(Request(operation="message_read", message=message, **about))
        except ShareSpentError:
            recording.note("cut", scenario=control.name, text="exploring has had its share of the budgets")

    def _judged(self, name: str, program: Program, group: Group, beside: tuple[Exchange, ...]) -> Ran:
        own = self._own(name, group)
        together = own if own == beside else (*own, *beside)
        found = findings_in(self.run.config, together, self.run.requirements)
        numbers = {exchange.n for exchange in own}
        return Ran(
            name=name,
            program=program,
            exchanges=own,
            findings={kind: finding for kind, finding in found.items() if numbers.intersection(finding.evidence)},
            whole=name not in group.cut,
        )

    def _own(self, name: str, group: Group) -> tuple[Exchange, ...]:
        return tuple(group.recording.exchanges.get(name, ()))

    def _bounded(self, name: str, program: Program, recording: Recording, cut: set[str]) -> Running:
        interpreter = Interpreter(
            recording,
            self.run.config,
            rng=self.run.rng(name),
            invent=self.run.transport.guard,
            pace=self.run.pace,
            patience=self.run.patience,
            driver=DRIVER,
            scenario=name,
        )
        try:
            yield from interpreter.run(program)
        except ShareSpentError:
            cut.add(name)
            recording.note("cut", scenario=name, text="exploring has had its share of the budgets")
            # What it has retried is seen to settle all the same, or no untouched batch shows anything (BR-SEL-07).
            with suppress(ShareSpentError):
                yield from interpreter.settle()


def named(name: str, program: Program) -> Program:
    """The same program under another name."""
    return Program(name=name, steps=program.steps)
