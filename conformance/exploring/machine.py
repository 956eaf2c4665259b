"""The same exploring as a state machine of hypothesis: a thin shell over the steps, for those who know the pattern.

    CONFORMANCE_TARGET__BASE_URL=… CONFORMANCE_TARGET__API_KEY=… pytest --pyargs conformance.exploring.machine

It carries steps out one by one, each waiting for the last, and shrinks by running whole machines again; the driver
comes to the same end with far fewer calls (``python -m benchmarks.exploring``).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import ClassVar

import hypothesis.strategies as st
import msgspec
from hypothesis import Phase
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from conformance.catalogue import load as load_catalogue
from conformance.config_load import load
from conformance.drivers.drive import Drive
from conformance.errors import GuardError
from conformance.exploring.programs import roles_of, settings_for
from conformance.exploring.running import DRIVER, Recording, Share, ShareSpentError, findings_in, header_of
from conformance.findings import Finding
from conformance.history.writer import HistoryWriter
from conformance.program.calls import UnmetError
from conformance.program.interpreter import Interpreter
from conformance.program.steps import AnyStep, Burst, Program, Read, Retry, RowSpec, Send, SingleRetry, Wait
from conformance.transport.client import HttpTransport

#: Rows of a batch, steps of a machine, and machines of a test, at most.
ROWS, STEPS, MACHINES = 4, 8, 25

_PLACES = st.integers(0, ROWS - 1)
#: Roles of rows, by place among those that the configuration offers.
_ROWS = st.lists(_PLACES, min_size=1, max_size=ROWS)


@cache
def from_environment() -> Drive:
    """The target that ``CONFORMANCE_`` variables name; its history goes to ``reports/machine.jsonl``.

    :raises UsageError: the configuration is wrong or names no target.
    """
    config = load(None, os.environ)
    folder = Path("reports")
    folder.mkdir(exist_ok=True)
    transport = HttpTransport(config, HistoryWriter(folder / "machine.jsonl", header_of(config)))
    requirements = [requirement.id for requirement in load_catalogue().requirements]
    return Drive(transport=transport, config=config, requirements=requirements, folder=folder)


def said(finding: Finding) -> str:
    """A finding as the message of an exception."""
    return "\n  ".join((f"{' or '.join(finding.any_of)}: {finding.summary}", *finding.argument))


class RetryMachine(RuleBasedStateMachine):
    """Each rule appends one step and carries it out; the judges are the invariant.

    Bundles hold the program's own names of batches, and rules draw places of rows: nothing depends on an answer. A
    step for which a target withholds what it needs does nothing.
    """

    #: Where the target comes from; one for all machines, so that budgets hold for all of them.
    opened: ClassVar[Callable[[], Drive]] = staticmethod(from_environment)
    _numbers: ClassVar[itertools.count[int]] = itertools.count(1)

    batches = Bundle("batches")

    def __init__(self) -> None:
        super().__init__()
        self._run = type(self).opened()
        limits = self._run.config.limits
        share = Share(calls=limits.max_calls, messages=limits.max_messages, until=limits.max_seconds)
        self._recording = Recording(self._run.transport, share)
        self._name = f"rules-{next(self._numbers):03}"
        self._interpreter = Interpreter(
            self._recording,
            self._run.config,
            rng=self._run.rng(self._name),
            invent=self._run.transport.guard,
            pace=self._run.pace,
            driver=DRIVER,
            scenario=self._name,
        )
        #: The steps so far.
        self.done: list[AnyStep] = []
        self._sent = 0
        self._over = False
        self._judged = 0

    @initialize(target=batches, roles=_ROWS)
    def send_first(self, roles: list[int]) -> str:
        """Send a batch, and wait for it."""
        name = self.send(roles)
        self._do(Wait(batch=name, until="quiet"))
        return name

    @rule(target=batches, roles=_ROWS)
    def send_another(self, roles: list[int]) -> str:
        """Send a further batch."""
        return self.send(roles)

    @rule(batch=batches)
    def retry(self, batch: str) -> None:
        """Batch Send - Retry."""
        self._do(Retry(batch=batch))

    @rule(batch=batches)
    def settle(self, batch: str) -> None:
        """Wait until what a retry took up shows, and the batch is quiet."""
        self._do(Wait(batch=batch, until="taken", essential=False))
        self._do(Wait(batch=batch, until="quiet", essential=False))

    @rule(batch=batches, row=_PLACES)
    def retry_one(self, batch: str, row: int) -> None:
        """Single Send - Retry."""
        self._do(SingleRetry(batch=batch, row=row % self._sizes[batch]))

    @rule(batch=batches, row=_PLACES)
    def retry_closely(self, batch: str, row: int) -> None:
        """A retry right between two reads of one message."""
        look = Read(batch=batch, view="message", rows=(row % self._sizes[batch],))
        self._do(Burst(steps=(look, Retry(batch=batch), look)))

    @rule(batch=batches)
    def wait_for_created(self, batch: str) -> None:
        """Wait until no message is created."""
        self._do(Wait(batch=batch, until="moved", essential=False))

    @rule(batch=batches)
    def look(self, batch: str) -> None:
        """Read every message by itself."""
        self._do(Read(batch=batch, view="message"))

    @invariant()
    def nothing_is_proved(self) -> None:
        """What was seen so far proves no violation."""
        self.prove()

    def prove(self) -> None:
        """Judge what came since the last time.

        :raises AssertionError: it proves a violation.
        """
        own = self._recording.exchanges.get(self._name, [])
        if len(own) > self._judged:
            self._judged = len(own)
            found = findings_in(self._run.config, own, self._run.requirements)
            assert not found, said(next(iter(found.values())))

    def teardown(self) -> None:
        """Put the machine's program on record, to be replayed."""
        program = Program(name=self._name, steps=tuple(self.done))
        self._run.transport.note("program", scenario=self._name, program=msgspec.to_builtins(program))

    def send(self, roles: list[int]) -> str:
        """Send a batch with rows of these roles, by place."""
        offered = roles_of(self._run.config) or ("failing",)
        settling = tuple(role for role in offered if role != "pending")
        rows = tuple(RowSpec(role=settling[place % len(settling)]) for place in roles)
        self._sent += 1
        self._do(Send(batch=f"b{self._sent}", rows=rows))
        return f"b{self._sent}"

    @property
    def _sizes(self) -> dict[str, int]:
        return {step.batch: len(step.rows) for step in self.done if isinstance(step, Send)}

    def _do(self, step: AnyStep) -> None:
        self.done.append(step)
        if self._over:
            return
        try:
            for pause in self._interpreter.carry_out(step, len(self.done) - 1):
                self._run.sleep(max(0.001, pause.until - self._run.transport.now()))
        except UnmetError:
            return
        except (GuardError, ShareSpentError) as error:
            # Hypothesis takes whatever is raised for a finding; this is none, and nothing more leaves.
            self._over = True
            self._run.transport.note("stopped", scenario=self._name, text=str(error))


RetryMachine.TestCase.settings = settings_for(MACHINES, Phase.generate, Phase.shrink, steps=STEPS)
TestRetryMachine = RetryMachine.TestCase
