"""What a run will do and cost, said beforehand: from the programs alone, without a call."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from conformance import preflight
from conformance.config import Config
from conformance.drivers import DRIVERS, fuzzing
from conformance.drivers.scenarios import REPETITIONS, chosen
from conformance.exploring.scope import PART, scope_of
from conformance.fuzzing.budget import Share, cost
from conformance.fuzzing.texts import role_of
from conformance.program.cost import Cost, cost_of
from conformance.program.patience import MOST_IN_VAIN
from conformance.program.steps import Program
from conformance.scenarios import Scenario

#: Calls of the preflight, without the one to another campaign.
PREFLIGHT = 2


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one driver costs. ``messages`` is what a target that keeps the contract costs; None where draws decide."""

    driver: str
    messages: int | None
    messages_likely: int
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
    #: What becomes of the run where it is not raised.
    then: str


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
    #: The likely calls at the rate; deliveries come on top, ``deliveries`` one after the other, for programs wait side by side.
    seconds_likely: float = 0.0
    deliveries: int = 0
    #: All drivers together: what is likely, and what no run exceeds.
    calls_likely: int = 0
    messages_likely: int = 0
    calls_worst: int = 0
    #: Seconds that waits for what never comes may take in all.
    seconds_in_vain: float = 0.0
    short: tuple[Short, ...] = ()
    #: Of a replay: how often programs are carried out.
    tries: int = 0


def make_plan(
    config: Config, depth: str, requirements: Collection[str], drivers: Collection[str] = ("scenarios",)
) -> Plan:
    """The plan of a run of these drivers with this configuration. Sends nothing."""
    scenarios = chosen(config, requirements, depth) if "scenarios" in drivers else ()
    turns = REPETITIONS[depth]
    counts = [cost_of(s.program(config), config) for s in scenarios for _ in range(turns)]
    roles = _roles(counts)
    drawn = cost(depth, config.limits)
    if "schemathesis" not in drivers or not set(fuzzing.REQUIREMENTS).intersection(requirements):
        drawn = Share(calls=0, messages=0, until=0.0)
    texted = role_of(config)
    sent = max(0, drawn.messages - 2 * (texted == "failing")) if texted is not None else 0
    if texted is not None and sent:
        # One batch of two that fail is retried; the rest is sent once.
        roles[texted] = roles.get(texted, 0) + sent
    scope = scope_of(depth, config)
    exploring = scope.most(config.limits) if "machine" in drivers else (0, 0)
    found = {
        "schemathesis": _bounded("schemathesis", drawn.messages if sent else 0, drawn.calls),
        "scenarios": _planned("scenarios", counts),
        "machine": _bounded("machine", *exploring, likely=scope.likely(config.limits)),
    }
    parts = tuple(found[name] for name in DRIVERS if name in drivers and found[name].calls_at_most)
    return _plan(config, scenarios, counts, parts, roles)


def replay_plan(config: Config, tries: Sequence[Iterable[Program]]) -> Plan:
    """The plan of a replay: of runs one after the other, each of which carries out these programs only. Sends nothing."""
    each = [[cost_of(program, config) for program in programs] for programs in tries]
    counts = [cost for costs in each for cost in costs]
    plan = _plan(config, (), counts, (_planned("replay", counts),), _roles(counts), runs=len(each))
    return replace(
        plan,
        tries=len(each),
        deliveries=sum(map(_chain, each)),
        seconds_in_vain=len(each) * plan.seconds_in_vain,
    )


def _plan(
    config: Config,
    scenarios: tuple[Scenario, ...],
    counts: Sequence[Cost],
    parts: tuple[Part, ...],
    roles: dict[str, int],
    *,
    runs: int = 1,
) -> Plan:
    limits = config.limits
    before = runs * (PREFLIGHT + preflight.asks_other(config))
    longest = sum(sorted((c.seconds_at_most for c in counts), reverse=True)[:2])
    exploring = next((part for part in parts if part.driver == "machine"), None)
    high = before + sum(part.calls_at_most for part in parts if part is not exploring)
    likely = runs * PREFLIGHT + sum(part.calls_likely for part in parts)
    at_most = longest + high / limits.calls_per_second
    if exploring is not None:
        # What explores waits as long as its draws say, up to its share of the time that is left.
        at_most += max(0.0, limits.max_seconds - at_most) * PART
    likely_messages = sum(part.messages_likely for part in parts)
    messages = likely_messages - (exploring.messages_likely if exploring is not None else 0)
    messages_at_most = min(sum(part.messages_at_most for part in parts), limits.max_messages)
    price = limits.price_per_message
    return Plan(
        parts=parts,
        seconds_likely=likely / limits.calls_per_second,
        deliveries=_chain(counts),
        calls_likely=min(likely, limits.max_calls),
        messages_likely=min(likely_messages, limits.max_messages),
        calls_worst=min(before + sum(part.calls_at_most for part in parts), limits.max_calls),
        seconds_in_vain=MOST_IN_VAIN * config.timing.settle_timeout,
        short=tuple(_short(config, parts, max((c.widest for c in counts), default=0), likely)),
        scenarios=scenarios,
        messages=messages,
        messages_at_most=messages_at_most,
        calls_low=before + sum(c.calls for c in counts),
        calls_high=min(high, limits.max_calls),
        seconds_at_most=min(at_most, limits.max_seconds),
        recipients=roles,
        price=None if price is None else round(min(messages, limits.max_messages) * price, 2),
        price_at_most=None if price is None else round(messages_at_most * price, 2),
        exploring_messages=exploring.messages_at_most if exploring is not None else 0,
        exploring_calls=exploring.calls_at_most if exploring is not None else 0,
    )


def _chain(counts: Sequence[Cost]) -> int:
    """How many deliveries one run waits for one after the other."""
    return max((c.deliveries for c in counts), default=0) + max((c.deliveries_last for c in counts), default=0)


def _roles(counts: Iterable[Cost]) -> dict[str, int]:
    roles: dict[str, int] = {}
    for count in counts:
        for role, number in count.roles.items():
            roles[role] = roles.get(role, 0) + number
    return roles


def _planned(driver: str, counts: Sequence[Cost]) -> Part:
    """What programs cost that are known beforehand."""
    return Part(
        driver=driver,
        messages=sum(c.messages for c in counts),
        messages_likely=sum(c.messages for c in counts),
        messages_at_most=sum(c.messages_at_most for c in counts),
        calls=sum(c.calls for c in counts),
        calls_likely=sum(c.calls_likely for c in counts),
        calls_at_most=sum(c.calls_at_most for c in counts),
    )


def _bounded(driver: str, messages: int, calls: int, likely: tuple[int, int] | None = None) -> Part:
    """What a driver costs at most whose draws decide; and what is likely, where that is less."""
    messages_likely, calls_likely = likely or (messages, calls)
    return Part(
        driver=driver,
        messages=None,
        messages_likely=min(messages, messages_likely),
        messages_at_most=messages,
        calls=None,
        calls_likely=min(calls, calls_likely),
        calls_at_most=calls,
    )


def _short(config: Config, parts: Sequence[Part], widest: int, likely: int) -> Iterator[Short]:
    """The limits that do not hold what has to be done. Drivers that draw take a part of what is left, and need nothing.

    :param likely: calls of all drivers.
    """
    limits = config.limits
    planned = [part.driver for part in parts if part.messages is not None]
    messages = sum(p.messages or 0 for p in parts if p.driver in planned)
    calls = likely - sum(p.calls_likely for p in parts if p.driver not in planned)
    seconds = likely / limits.calls_per_second
    takes = f"{' and '.join(planned)} take{'s' if len(planned) == 1 and planned[0] == 'replay' else ''}"
    left_out = "tries are left out" if "replay" in planned else "scenarios are left out"
    if messages > limits.max_messages:
        yield Short(limit="max_messages", has=limits.max_messages, needs=messages, what=takes, then=left_out)
    if planned and calls > limits.max_calls:
        yield Short(limit="max_calls", has=limits.max_calls, needs=calls, what=f"{takes} about", then=left_out)
    early = "the run ends early"
    if widest > limits.max_rows:
        what = "rows in the largest batch are"
        yield Short(limit="max_rows", has=limits.max_rows, needs=widest, what=what, then=early)
    if seconds > limits.max_seconds:
        what = "seconds for the likely calls at this rate are about"
        then = left_out if "replay" in planned else early
        yield Short(limit="max_seconds", has=limits.max_seconds, needs=math.ceil(seconds), what=what, then=then)
