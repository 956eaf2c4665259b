"""What a run will do and cost, said beforehand: from the programs alone, without a call."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from conformance import preflight
from conformance.config import Config
from conformance.drivers import DRIVERS, fuzzing
from conformance.drivers.scenarios import REPETITIONS, chosen
from conformance.exploring.scope import PART, SCOPES
from conformance.fuzzing.budget import Share, cost
from conformance.fuzzing.texts import role_of
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
from conformance.scenarios import Scenario

#: Calls of the preflight, without the one to another campaign.
PREFLIGHT = 2
#: How often a message may be retried, for the forecast (ruling 3).
LIMIT = 3
#: Reads that one wait takes in a common run, for the likely number of calls: between four and five on the reference target.
POLLS = 5


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one driver costs. ``messages`` is what a target that keeps the contract costs; None where draws decide."""

    driver: str
    messages: int | None
    messages_at_most: int
    #: None where draws decide, or where the polling does.
    calls: int | None
    calls_likely: int
    calls_at_most: int


@dataclass(frozen=True, kw_only=True)
class Short:
    """A limit that does not hold what the plan needs, or is likely to."""

    limit: str
    has: float
    needs: int
    what: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A forecast. Messages: exact for a target that keeps the contract with a limit of three retries (but for races, whose
    winner nobody knows: the dearest is taken), and the bound for any other (every probe carried out). Calls: from no
    polling to all the polling that time-outs allow."""

    scenarios: tuple[Scenario, ...]
    messages: int
    messages_at_most: int
    calls_low: int
    calls_high: int
    seconds_at_most: float
    #: Messages of sends, by role of recipient.
    recipients: dict[str, int]
    #: Of the messages that can be told beforehand, and of all that the run may send; None without a price.
    price: float | None
    price_at_most: float | None = None
    #: What exploring costs at most beside the scenarios: messages and calls. Draws decide, so there is no forecast.
    exploring_messages: int = 0
    exploring_calls: int = 0
    #: The same by driver, in the order in which they run.
    parts: tuple[Part, ...] = ()
    #: The likely calls at the rate; deliveries come on top, two or so one after the other, for programs wait side by side.
    seconds_likely: float = 0.0
    short: tuple[Short, ...] = ()


@dataclass
class _Count:
    config: Config
    rows: dict[str, tuple[RowSpec, ...]] = field(default_factory=dict)
    retried: dict[tuple[str, int], int] = field(default_factory=dict)
    underway: set[str] = field(default_factory=set)
    roles: dict[str, int] = field(default_factory=dict)
    messages: int = 0
    at_most: int = 0
    low: int = 0
    high: int = 0
    seconds: float = 0.0
    waits: int = 0
    widest: int = 0

    def step(self, step: AnyStep) -> None:
        if isinstance(step, Burst):
            for inner in step.steps:
                self.step(inner)
            return
        if isinstance(step, Together):
            self.race(step)
        elif isinstance(step, Send):
            self.send(step)
        elif isinstance(step, SingleSend):
            self.spend(1, 1)
            self.calls(1, 1)
        elif isinstance(step, Retry):
            self.retry(step)
        elif isinstance(step, SingleRetry):
            self.single(step)
        elif isinstance(step, State):
            # One message, as the scenarios ask for; it is the vendor's own, and its retry has to be refused.
            self.rows[step.batch] = (RowSpec(),)
            self.underway.add(step.batch)
        elif isinstance(step, Read):
            self.read(step)
        elif isinstance(step, Wait):
            self.wait(step)

    def send(self, step: Send) -> None:
        self.rows[step.batch] = step.rows
        self.underway.add(step.batch)
        self.widest = max(self.widest, len(step.rows))
        for row in step.rows:
            self.roles[row.role] = self.roles.get(row.role, 0) + 1
        self.spend(len(step.rows), len(step.rows))
        self.calls(1, 1)

    def retry(self, step: Retry) -> None:
        rows = self.rows.get(step.batch, ())
        carried = step.cause is None or step.cause.startswith(("body:", "query:"))
        open_rows = [
            i for i, r in enumerate(rows) if r.role == "failing" and self.retried.get((step.batch, i), 0) < LIMIT
        ]
        accepted = carried and step.batch not in self.underway and bool(open_rows)
        if accepted:
            for index in open_rows:
                self.retried[step.batch, index] = self.retried.get((step.batch, index), 0) + 1
            self.underway.add(step.batch)
        self.spend(len(rows) if accepted else 0, len(rows))
        self.calls(1, 1)

    def single(self, step: SingleRetry) -> None:
        size = len(self.rows.get(step.batch, ()))
        key = (step.batch, step.row % size if size else 0)
        accepted = self.retried.get(key, 0) < LIMIT
        if accepted:
            self.retried[key] = self.retried.get(key, 0) + 1
            self.underway.add(step.batch)
        self.spend(1 if accepted else 0, 1)
        self.calls(1, 1)

    def race(self, step: Together) -> None:
        """One is accepted, at the cost of the dearest; on a target that breaks the contract, all of them may be."""
        before = self.messages
        retries = [inner for inner in step.steps if not isinstance(inner, Read)]
        for inner in sorted(retries, key=lambda s: isinstance(s, SingleRetry)):
            if self.messages == before:
                self.step(inner)
            else:
                self.spend(0, len(self.rows.get(inner.batch, ())) if isinstance(inner, Retry) else 1)
                self.calls(1, 1)
        reads = [len(s.rows) or 1 if s.view == "message" else 1 for s in step.steps if isinstance(s, Read)]
        self.calls(sum(reads), sum(reads))

    def read(self, step: Read) -> None:
        size = len(self.rows.get(step.batch, ()))
        pages = max(1, math.ceil(size / step.limit))
        if step.view == "message":
            self.calls(0, len(step.rows) or size)
        elif step.view == "campaign":
            self.calls(1, 10)
        else:
            self.calls(pages, pages if step.view == "listing" else 2 * pages)

    def wait(self, step: Wait) -> None:
        if step.until == "others":
            return
        # Where none is created any more, a retry may be accepted (ruling 4): the dearer case is planned.
        if step.until in ("quiet", "terminal", "moved", "ended"):
            self.underway.discard(step.batch)
        settle = step.seconds or self.config.timing.settle_timeout
        # A quiet batch is waited for twice so long: for its messages, and then for its status.
        bound = 2 * settle if step.until == "quiet" else settle
        interval, at, polls = min(max(settle / 100, 0.02), 2.0), 0.0, 1
        while at < bound:
            at += interval
            interval = min(interval * 1.5, max(0.1, min(settle / 20, 5.0)))
            polls += 1
        self.calls(1, 2 * polls)
        self.waits += 1
        self.seconds += bound

    def spend(self, messages: int, at_most: int) -> None:
        self.messages += messages
        self.at_most += at_most

    def calls(self, low: int, high: int) -> None:
        self.low += low
        self.high += high


def make_plan(
    config: Config, depth: str, requirements: Collection[str], drivers: Collection[str] = ("scenarios",)
) -> Plan:
    """The plan of a run of these drivers with this configuration. Sends nothing."""
    scenarios = chosen(config, requirements) if "scenarios" in drivers else ()
    turns = REPETITIONS[depth]
    counts = [_counted(config, s.program(config)) for s in scenarios for _ in range(turns)]
    roles = _roles(counts)
    drawn = cost(depth, config.limits)
    if "schemathesis" not in drivers or not set(fuzzing.REQUIREMENTS).intersection(requirements):
        drawn = Share(calls=0, messages=0, until=0.0)
    texted = role_of(config)
    sent = max(0, drawn.messages - 2 * (texted == "failing")) if texted is not None else 0
    if texted is not None and sent:
        # One batch of two that fail is retried; the rest is sent once.
        roles[texted] = roles.get(texted, 0) + sent
    exploring = SCOPES[depth].most(config.limits) if "machine" in drivers else (0, 0)
    found = {
        "schemathesis": _bounded("schemathesis", drawn.messages if sent else 0, drawn.calls),
        "scenarios": _planned("scenarios", counts),
        "machine": _bounded("machine", *exploring),
    }
    parts = tuple(found[name] for name in DRIVERS if name in drivers and found[name].calls_at_most)
    return _plan(config, scenarios, counts, parts, roles)


def replay_plan(config: Config, programs: Iterable[Program]) -> Plan:
    """The plan of a run that carries out these programs only. Sends nothing."""
    counts = [_counted(config, program) for program in programs]
    return _plan(config, (), counts, (_planned("replay", counts),), _roles(counts))


def _plan(
    config: Config,
    scenarios: tuple[Scenario, ...],
    counts: Sequence[_Count],
    parts: tuple[Part, ...],
    roles: dict[str, int],
) -> Plan:
    limits = config.limits
    before = PREFLIGHT + preflight.asks_other(config)
    longest = sum(sorted((c.seconds for c in counts), reverse=True)[:2])
    exploring = next((part for part in parts if part.driver == "machine"), None)
    high = before + sum(part.calls_at_most for part in parts if part is not exploring)
    likely = PREFLIGHT + sum(part.calls_likely for part in parts)
    at_most = longest + high / limits.calls_per_second
    if exploring is not None:
        # What explores waits as long as its draws say, up to its share of the time that is left.
        at_most += max(0.0, limits.max_seconds - at_most) * PART
    planned = [part.messages if part.messages is not None else part.messages_at_most for part in parts]
    messages = sum(planned) - (exploring.messages_at_most if exploring is not None else 0)
    messages_at_most = min(sum(part.messages_at_most for part in parts), limits.max_messages)
    price = limits.price_per_message
    return Plan(
        parts=parts,
        seconds_likely=likely / limits.calls_per_second,
        short=tuple(
            _short(config, parts, max((c.widest for c in counts), default=0), likely / limits.calls_per_second)
        ),
        scenarios=scenarios,
        messages=messages,
        messages_at_most=messages_at_most,
        calls_low=before + sum(c.low for c in counts),
        calls_high=min(high, limits.max_calls),
        seconds_at_most=min(at_most, limits.max_seconds),
        recipients=roles,
        price=None if price is None else round(min(messages, limits.max_messages) * price, 2),
        price_at_most=None if price is None else round(messages_at_most * price, 2),
        exploring_messages=exploring.messages_at_most if exploring is not None else 0,
        exploring_calls=exploring.calls_at_most if exploring is not None else 0,
    )


def _roles(counts: Iterable[_Count]) -> dict[str, int]:
    roles: dict[str, int] = {}
    for count in counts:
        for role, number in count.roles.items():
            roles[role] = roles.get(role, 0) + number
    return roles


def _planned(driver: str, counts: Sequence[_Count]) -> Part:
    """What programs cost that are known beforehand."""
    low, high = sum(c.low for c in counts), sum(c.high for c in counts)
    return Part(
        driver=driver,
        messages=sum(c.messages for c in counts),
        messages_at_most=sum(c.at_most for c in counts),
        calls=low,
        calls_likely=min(high, low + POLLS * sum(c.waits for c in counts)),
        calls_at_most=high,
    )


def _bounded(driver: str, messages: int, calls: int) -> Part:
    """What a driver costs at most whose draws decide."""
    return Part(
        driver=driver,
        messages=None,
        messages_at_most=messages,
        calls=None,
        calls_likely=calls,
        calls_at_most=calls,
    )


def _short(config: Config, parts: Sequence[Part], widest: int, seconds: float) -> Iterator[Short]:
    """The limits that do not hold what has to be done. The driver that explores takes what is there, and needs nothing."""
    limits = config.limits
    planned = [part.driver for part in parts if part.messages is not None]
    # What runs before the scenarios has taken its share by then; what runs after them takes a part of what is left.
    upto = parts[: parts.index(next(p for p in parts if p.driver in planned)) + 1] if planned else ()
    messages = sum(p.messages_at_most if p.messages is None else p.messages for p in upto)
    likely = sum(p.calls_likely for p in upto)
    named = " and ".join(p.driver for p in upto)
    if messages > limits.max_messages:
        yield Short(limit="max_messages", has=limits.max_messages, needs=messages, what=f"{named} take")
    if upto and PREFLIGHT + likely > limits.max_calls:
        yield Short(limit="max_calls", has=limits.max_calls, needs=PREFLIGHT + likely, what=f"{named} take about")
    if widest > limits.max_rows:
        yield Short(limit="max_rows", has=limits.max_rows, needs=widest, what="rows in the largest batch are")
    if seconds > limits.max_seconds:
        what = "seconds for the likely calls at this rate are about"
        yield Short(limit="max_seconds", has=limits.max_seconds, needs=math.ceil(seconds), what=what)


def _counted(config: Config, program: Program) -> _Count:
    count = _Count(config)
    for step in program.steps:
        count.step(step)
    return count
