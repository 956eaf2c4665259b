"""The driver of the planned scenarios."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from conformance.config import Config
from conformance.config_load import offers
from conformance.drivers.drive import Begun, Drive, Untouched
from conformance.drivers.worth import Programs, affordable
from conformance.errors import BudgetError
from conformance.history.totals import AGAIN_NOTE, LEFT_OUT
from conformance.program.batch_state import Held
from conformance.program.cost import cost_of
from conformance.program.interpreter import Interpreter
from conformance.program.scheduler import Running
from conformance.program.steps import Burst, Program, Read
from conformance.scenarios import SCENARIOS, Scenario
from conformance.scenarios.selecting import CONTROL
from conformance.transport.paths import plain_id
from conformance.transport.request import Origin, Request

#: How often each scenario is done, by depth. Depth scales repetition, not coverage.
REPETITIONS = {"quick": 1, "standard": 1, "deep": 3}
#: How often scenarios are done again for what is undecided by chance, and for how many requirements at most: where more are
#: undecided, or the first time settles none, it is not chance.
AGAIN, FEW = 2, 4
#: Where reads were seen to lag, they are done again at the pace of reads that lag so many times as much, for all that is undecided.
LAG_FACTOR = 2
#: But only where the pauses before their reads would take no longer than a settle time, or than so many seconds.
PAUSED = 300.0


def chosen(config: Config, requirements: Collection[str], depth: str = "quick") -> tuple[Scenario, ...]:
    """The scenarios of a depth that exercise one of these requirements and whose needs the configuration meets."""
    offered = set(offers(config))
    absent = set(config.capabilities.absent)
    return tuple(
        s
        for s in SCENARIOS
        if (depth == "deep" or not s.deep)
        and set(s.requirements) & set(requirements)
        and offered.issuperset(s.needs)
        and not absent.intersection(s.needs)
    )


def begin(run: Drive, _: Begun) -> Begun:
    """Choose the scenarios that exercise the run's requirements, as far as the limits hold them."""
    programs = {
        f"{scenario.name}{f'-{turn + 1}' if turn else ''}": (scenario.program(run.config), scenario.requirements)
        for turn in range(REPETITIONS[run.depth])
        for scenario in chosen(run.config, run.requirements, run.depth)
    }
    limits, budget = run.config.limits, run.transport.budget
    kept, left_out = affordable(
        programs,
        run.config,
        calls=limits.max_calls - budget.calls,
        messages=limits.max_messages - budget.messages,
    )
    for one in left_out:
        data = {"code": LEFT_OUT, "needs": list(one.needs), "requirements": list(one.requirements)}
        run.transport.note("unmet", scenario=one.name, text=one.text, **data)
    before = (budget.calls, budget.messages)
    running, watch = _interpreted(run, kept)

    def after() -> None:
        watch()
        if _again(run, kept, before):
            look_again(run)

    costs = [cost_of(program, run.config) for program, _ in kept.values()]
    return Begun(
        programs=running,
        after=after,
        calls=sum(c.calls_likely for c in costs),
        messages=sum(c.messages for c in costs),
    )


def _again(run: Drive, planned: Programs, before: tuple[int, int]) -> bool:
    """Do scenarios again that may decide what few requirements are undecided by chance; whether any was done.

    Where reads lag, and the configuration does not say how far, that is why: then it is done once for any number of them, with
    each read after a write as late as the lag asks for. No more than the plan says of calls and messages at most.

    :param before: calls and messages of the run before the scenarios.
    """
    costs = [cost_of(program, run.config) for program, _ in planned.values()]
    limits, budget = run.config.limits, run.transport.budget
    most_calls = min(limits.max_calls, before[0] + sum(c.calls_at_most for c in costs))
    most_messages = min(limits.max_messages, before[1] + sum(c.messages_at_most for c in costs))
    left = FEW + 1
    for turn in range(AGAIN):
        so_far = run.so_far()
        wanted = set(so_far.undecided)
        programs = {
            f"{scenario.name}-{REPETITIONS[run.depth] + turn + 1}": (
                scenario.program(run.config),
                scenario.requirements,
            )
            for scenario in chosen(run.config, wanted, run.depth)
        }
        lag = LAG_FACTOR * so_far.lag if turn == 0 else 0.0
        pauses = lag * _pauses([program for program, _ in programs.values()])
        lag = lag if pauses <= max(PAUSED, run.config.timing.settle_timeout) else 0.0
        kept, _ = affordable(
            programs, run.config, calls=most_calls - budget.calls, messages=most_messages - budget.messages
        )
        if not kept or (len(wanted) >= left and not lag):
            return turn > 0
        left = min(left, len(wanted))
        paced = run if not lag else replace(run, config=_lagging(run.config, lag))
        about = sorted(wanted & {r for _, requirements in kept.values() for r in requirements})
        late = f", each read {lag:.2g} s behind what was written" if lag else ""
        text = f"undecided after the planned scenarios: {', '.join(about)}; done once more{late}: {', '.join(kept)}"
        run.transport.note(AGAIN_NOTE, text=text)
        try:
            run_programs(paced, kept)
        except BudgetError as error:
            # What was planned is done: a limit that only this met ends no run.
            run.transport.note("cut", text=f"not done once more to the end: {error.what}")
            return True
        # What is read behind them has to be able to show them.
        run.transport.pause(min(LAG_FACTOR * so_far.lag, run.config.timing.settle_timeout))
    return True


def _pauses(programs: Sequence[Program]) -> int:
    """Return how many pauses these programs make before reads, one after the other: in a burst nothing else goes on meanwhile."""
    burst = sum(isinstance(inner, Read) for p in programs for s in p.steps if isinstance(s, Burst) for inner in s.steps)
    return burst + max((sum(isinstance(s, Read) for s in p.steps) for p in programs), default=0)


def _lagging(config: Config, lag: float) -> Config:
    return msgspec.structs.replace(config, timing=msgspec.structs.replace(config.timing, read_lag=lag))


def run_programs(run: Drive, programs: Programs) -> None:
    """Run programs side by side, each with the requirements that it is for, by name.

    :raises GuardError: the guard or a budget ended the run.
    """
    running, watch = _interpreted(run, programs)
    run.side_by_side(running)
    watch()


def _interpreted(run: Drive, programs: Programs) -> tuple[Mapping[str, Running], Callable[[], None]]:
    """Return these programs, not begun; and what remembers, when they have ended, which batches are left alone."""
    interpreters = {
        name: Interpreter(
            run.transport,
            run.config,
            rng=run.rng(name),
            invent=run.transport.guard,
            pace=run.pace,
            patience=run.patience,
            scenario=name,
            requirements=requirements,
        )
        for name, (_, requirements) in programs.items()
    }
    running = {name: interpreters[name].run(program) for name, (program, _) in programs.items()}

    def watch() -> None:
        for name, (program, _) in programs.items():
            if program.name == CONTROL.name:
                held = interpreters[name].batches.values()
                run.untouched.extend(_untouched(name, one) for one in held if one.read)

    return running, watch


def _untouched(scenario: str, held: Held) -> Untouched:
    messages = tuple(message for message in held.places if plain_id(message))
    return Untouched(scenario=scenario, batch=None if held.single else held.id, messages=messages)


def look_again(run: Drive) -> None:
    """Read once more what scenarios have left alone, after retries that came behind them (BR-SEL-07).

    :raises GuardError: the guard ended the run; where the budget does, that is noted and the look left out.
    """
    for control in run.untouched:
        about: dict[str, Any] = {
            "campaign": run.config.target.campaign_id,
            "origin": Origin(driver="scenarios", scenario=control.scenario),
        }
        try:
            if control.batch is not None:
                query = (("limit", "1000"),)
                run.transport.call(Request(operation="batch_list", batch=control.batch, query=query, **about))
            for message in control.messages:
                run.transport.call(Request(operation="message_read", message=message, **about))
        except BudgetError as error:
            run.transport.note("cut", scenario=control.scenario, text=f"not read once more: {error.what}")
