"""What every driver is given."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conformance.config import Config
from conformance.program import scheduler
from conformance.program.pace import Pace
from conformance.program.patience import Patience
from conformance.program.scheduler import Progress, Running
from conformance.so_far import SoFar
from conformance.transport.client import HttpTransport

DEPTHS = ("quick", "standard", "deep")


def _silent(_: Progress) -> None:
    return


def _idle(_: float) -> None:
    return


def _ended() -> None:
    return


@dataclass(frozen=True, kw_only=True)
class Untouched:
    """A control of BR-SEL-07: a batch and messages that no request of the run has named but reads."""

    scenario: str
    #: None for messages that were sent singly.
    batch: str | None
    messages: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Drive:
    """One run, as a driver sees it.

    :param transport: the way out; :param config: whom it may text, how long deliveries take.
    :param requirements: ids that the run is about.
    :param seed: from which everything is drawn; :param depth: one of ``DEPTHS``; it scales repetition, not coverage.
    :param mark: tells this run's rows and ids from those of another run with the same seed, on the same target.
    :param folder: where the run's reports go; programs that found something before stand in its ``corpus``.
    """

    transport: HttpTransport
    config: Config
    requirements: Collection[str]
    seed: int = 0
    depth: str = "standard"
    mark: str = ""
    folder: Path = Path("reports")
    progress: Callable[[Progress], None] = _silent
    sleep: Callable[[float], None] = time.sleep
    #: How long deliveries were seen to take, for all programs of the run.
    pace: Pace = field(default_factory=Pace)
    #: What the waits of the run may take together; None leaves each program its own.
    patience: Patience | None = None
    #: Told for how many seconds nothing is to be done, and that a program has ended; may end the run.
    idle: Callable[[float], None] = _idle
    ended: Callable[[], None] = _ended
    #: Judges what is on record.
    so_far: Callable[[], SoFar] = SoFar
    #: What scenarios have left alone: a driver that retries after them reads it once more at its end.
    untouched: list[Untouched] = field(default_factory=list)

    def rng(self, name: str) -> random.Random:
        """What the rows and ids of the program of this name are drawn from. What is done is drawn from the seed alone."""
        return random.Random(f"{self.seed}:{self.mark}:{name}")

    def side_by_side(
        self, programs: Mapping[str, Running], beside: Mapping[str, Running] | None = None, part: str = "scenarios"
    ) -> None:
        """Run programs to their ends, by name; those ``beside`` them take their turns when none of the others is due.

        :raises GuardError: the guard or a budget ended the run.
        """
        scheduler.run(
            programs,
            beside or {},
            now=self.transport.now,
            sleep=self.sleep,
            progress=self.progress,
            idle=self.idle,
            ended=self.ended,
            part=part,
        )


def _done() -> None:
    return


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What a driver does in a run: programs that have not sent anything yet, and what comes when all programs have ended.

    :param calls: :param messages: what the programs are likely to take.
    """

    programs: Mapping[str, Running] = field(default_factory=dict)
    after: Callable[[], None] = _done
    calls: int = 0
    messages: int = 0
