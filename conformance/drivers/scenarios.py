"""The driver of the planned scenarios."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection
from uuid import UUID

from conformance.config import Config
from conformance.config_load import offers
from conformance.program import scheduler
from conformance.program.interpreter import Interpreter
from conformance.program.scheduler import Progress
from conformance.program.steps import Program
from conformance.scenarios import SCENARIOS, Scenario
from conformance.transport.client import HttpTransport

#: How often each scenario is done, by depth. Depth scales repetition, not coverage.
REPETITIONS = {"quick": 1, "standard": 1, "deep": 3}


def chosen(config: Config, requirements: Collection[str]) -> tuple[Scenario, ...]:
    """The scenarios that exercise one of these requirements and whose needs the configuration meets."""
    offered = set(offers(config))
    absent = set(config.capabilities.absent)
    return tuple(
        s
        for s in SCENARIOS
        if set(s.requirements) & set(requirements) and offered.issuperset(s.needs) and not absent.intersection(s.needs)
    )


def run(
    transport: HttpTransport,
    config: Config,
    *,
    seed: int = 0,
    depth: str = "standard",
    requirements: Collection[str],
    progress: Callable[[Progress], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Run the scenarios that exercise these requirements.

    :raises GuardError: the guard or a budget ended the run.
    """
    programs = {
        f"{scenario.name}{f'-{turn + 1}' if turn else ''}": (scenario.program(config), scenario.requirements)
        for turn in range(REPETITIONS[depth])
        for scenario in chosen(config, requirements)
    }
    run_programs(transport, config, programs, seed=seed, progress=progress, sleep=sleep)


def run_programs(
    transport: HttpTransport,
    config: Config,
    programs: dict[str, tuple[Program, tuple[str, ...]]],
    *,
    seed: int = 0,
    progress: Callable[[Progress], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Run programs, each with the requirements that it is for, by name.

    :raises GuardError: the guard or a budget ended the run.
    """

    def invent(identifier: UUID, shape: str | None) -> str:
        return transport.guard.invent(identifier, shape)

    running = {
        name: Interpreter(
            transport,
            config,
            rng=random.Random(f"{seed}:{name}"),
            invent=invent,
            scenario=name,
            requirements=requirements,
        ).run(program)
        for name, (program, requirements) in programs.items()
    }
    scheduler.run(running, now=transport.now, sleep=sleep, progress=progress)
