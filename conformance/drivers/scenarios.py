"""The driver of the planned scenarios."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from conformance.config import Config
from conformance.config_load import offers
from conformance.drivers.drive import Drive
from conformance.program import scheduler
from conformance.program.interpreter import Interpreter
from conformance.program.steps import Program
from conformance.scenarios import SCENARIOS, Scenario

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


def drive(run: Drive) -> None:
    """Run the scenarios that exercise the run's requirements.

    :raises GuardError: the guard or a budget ended the run.
    """
    programs = {
        f"{scenario.name}{f'-{turn + 1}' if turn else ''}": (scenario.program(run.config), scenario.requirements)
        for turn in range(REPETITIONS[run.depth])
        for scenario in chosen(run.config, run.requirements)
    }
    run_programs(run, programs)


def run_programs(run: Drive, programs: Mapping[str, tuple[Program, tuple[str, ...]]]) -> None:
    """Run programs side by side, each with the requirements that it is for, by name.

    :raises GuardError: the guard or a budget ended the run.
    """

    running = {
        name: Interpreter(
            run.transport,
            run.config,
            rng=run.rng(name),
            invent=run.transport.guard,
            pace=run.pace,
            scenario=name,
            requirements=requirements,
        ).run(program)
        for name, (program, requirements) in programs.items()
    }
    scheduler.run(running, now=run.transport.now, sleep=run.sleep, progress=run.progress)
