"""What the tests of exploring share: a target inside this process, and a run against it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from conformance.catalogue import load
from conformance.config import Config, Limits
from conformance.drivers.drive import Drive
from conformance.exploring.running import header_of
from conformance.exploring.scope import Scope
from conformance.findings import Finding
from conformance.history.reader import read_history
from conformance.history.records import History
from conformance.history.writer import HistoryWriter
from conformance.judges import judge
from conformance.reference.inside import InsideTarget
from conformance.reference.settings import Settings
from conformance.so_far import SoFar

CATALOGUE = load()
#: Few programs: the tests show that the search works, not how far it goes.
SMALL = Scope(programs=6, messages=4000, calls=8000, kinds=2, seconds=1000.0, again=4)


@dataclass
class Exploring:
    """A run against a target inside this process; its history is written as it happens."""

    target: InsideTarget
    config: Config
    run: Drive
    writer: HistoryWriter

    @property
    def calls(self) -> int:
        return self.run.transport.budget.calls

    def history(self) -> History:
        """What happened so far."""
        return read_history(self.writer.path)

    def broken(self) -> set[str]:
        """First requirement of everything that the whole history proves."""
        return _broken(self.history())


def _broken(history: History) -> set[str]:
    return {o.any_of[0] for o in judge(history, CATALOGUE) if isinstance(o, Finding)}


@contextmanager
def exploring(
    folder: Path, *faults: str, target: InsideTarget | None = None, limits: Limits | None = None, seed: int = 7
) -> Iterator[Exploring]:
    """A run against a target with these faults."""
    folder.mkdir(parents=True, exist_ok=True)
    inside = target or InsideTarget(Settings(faults=faults, speed=4))
    config = inside.config()
    if limits is not None:
        config = msgspec.structs.replace(config, limits=limits)
    with HistoryWriter(folder / "history.jsonl", header_of(config)) as writer:
        transport = inside.transport(config, writer)
        run = Drive(
            transport=transport,
            config=config,
            requirements=[requirement.id for requirement in CATALOGUE.requirements],
            seed=seed,
            folder=folder,
            sleep=inside.sleep,
            so_far=lambda: SoFar(broken=dict.fromkeys(_broken(read_history(writer.path)), ())),
        )
        yield Exploring(inside, config, run, writer)
        transport.close()
        writer.close(transport.now(), complete=True)
