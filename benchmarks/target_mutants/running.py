"""Planned scenarios against a mutant, in this process, by a clock of its own. Imports the target when it is called."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import json
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType, ModuleType
from typing import Any

import httpx
import msgspec

# What the target needs is imported once, and not in each of the processes.
import starlette.applications
import starlette.routing  # noqa: F401

from benchmarks.target_mutants.making import FOLDER, MODULES
from conformance import preflight
from conformance.catalogue import load
from conformance.config import Limits, ProviderStates
from conformance.deciding import decide
from conformance.drivers import scenarios
from conformance.drivers.drive import Drive
from conformance.errors import GuardError, TargetError
from conformance.exploring.running import header_of
from conformance.findings import Finding
from conformance.history.reader import read_history
from conformance.history.records import History
from conformance.history.writer import HistoryWriter
from conformance.judges import judge
from conformance.transport.client import HttpTransport, redactor_of
from conformance.transport.redact import Redactor

PACKAGE = "conformance.reference"
#: Calls that a run may make: a clean one makes about 620.
CALLS = 4000
#: Threads decide who comes first there, so that two runs differ.
RACES = ("race-batch", "race-single", "recovering")
#: From which everything of a run is drawn.
SEED = 1
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:\+00:00|Z)")
#: A line of a module.
Place = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a run showed.

    :param findings: requirements that each finding names. :param undecided: requirements without a verdict that stands.
    :param ended: why the run ended early; empty if it did not.
    :param answers: every request with its answer, without times, in order.
    """

    calls: int = 0
    findings: tuple[tuple[str, ...], ...] = ()
    undecided: tuple[str, ...] = ()
    ended: str = ""
    answers: tuple[tuple[str, str], ...] = ()


class _Source(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports one module from a text."""

    def __init__(self, name: str, source: str) -> None:
        self._name, self._text = name, source

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_loader(name, self) if name == self._name else None

    def get_source(self, fullname: str) -> str:
        return self._text


def replace(module: str, source: str) -> None:
    """From now on, import a module of the target from ``source``.

    :raises RuntimeError: the target was imported before.
    """
    if any(name.startswith(PACKAGE) for name in sys.modules):
        raise RuntimeError("the target is imported already: try each mutant in a process of its own")
    sys.meta_path.insert(0, _Source(f"{PACKAGE}.{module}", source))


class _Unsalted(Redactor):
    """Scrubs as another, with a salt that is the same in all runs: two of them are compared."""

    def __init__(self, like: Redactor) -> None:
        self.__dict__.update(like.__dict__)
        self._salt = bytes(16)
        self._seen = {}


def run(wanted: Collection[str] = (), reached: Reached | None = None) -> Ran:
    """Run scenarios against the target as it can be imported now.

    :param wanted: names; empty means all that the target offers.
    :param reached: takes the lines that answering goes through.
    """
    from conformance.reference.app import BASE_PATH, STATES_PATH
    from conformance.reference.inside import InsideTarget

    class Target(InsideTarget):
        def _handle(self, request: httpx.Request) -> httpx.Response:
            try:
                with reached or nullcontext():
                    if request.url.path == STATES_PATH:
                        answer = self.service.provide(request.read())
                        return httpx.Response(answer.status, content=answer.content)
                    response = super()._handle(request)
                # A server cannot write down a status that is no number.
                return httpx.Response(response.status_code + 0, headers=response.headers, content=response.content)
            except Exception:  # noqa: BLE001
                # A boundary, as any server has one: what a mutant breaks is an answer, and not the end of the run.
                return httpx.Response(500, text="Internal Server Error")

    inside = Target()
    config = msgspec.structs.replace(
        inside.config(),
        limits=Limits(calls_per_second=1e6, max_messages=10_000, max_calls=CALLS, max_rows=20, max_seconds=1e6),
        provider_states=ProviderStates(url=f"{inside.config().target.base_url.removesuffix(BASE_PATH)}{STATES_PATH}"),
    )
    catalogue = load()
    everything = [requirement.id for requirement in catalogue.requirements]
    with TemporaryDirectory() as folder:
        path = Path(folder, "history.jsonl")
        ended = ""
        with HistoryWriter(path, header_of(config)) as writer:
            transport = HttpTransport(
                config,
                writer,
                redactor=_Unsalted(redactor_of(config)),
                clock=inside.clock,
                sleep=inside.sleep,
                inner=lambda: httpx.MockTransport(inside._handle),
            )
            drive = Drive(
                transport=transport,
                config=config,
                requirements=everything,
                seed=SEED,
                depth="quick",
                folder=Path(folder),
                sleep=inside.sleep,
            )
            try:
                preflight.wait_for(transport, config, seed=SEED, seconds=0)
                programs = {
                    s.name: (s.program(config), s.requirements)
                    for s in scenarios.chosen(config, everything)
                    if not wanted or s.name in wanted
                }
                scenarios.run_programs(drive, programs)
            except (TargetError, GuardError) as error:
                ended = str(error).splitlines()[0]
            writer.close(transport.now(), complete=not ended, messages=transport.budget.messages)
            transport.close()
        history = read_history(path)
    opinions = judge(history, catalogue)
    verdicts = decide(history, opinions, catalogue)
    return Ran(
        calls=len(history.exchanges),
        findings=tuple(sorted({o.any_of for o in opinions if isinstance(o, Finding)})),
        undecided=tuple(v.requirement for v in verdicts.items if v.verdict in ("inconclusive", "error", "not_run")),
        ended=ended,
        answers=tuple(_answers(history)),
    )


def _answers(history: History) -> Iterator[tuple[str, str]]:
    for exchange in history.exchanges:
        invoke, end = exchange.invoke, exchange.end
        said = json.dumps([end.status, dict(sorted(end.headers.items())), end.size, end.body], sort_keys=True)
        yield f"{invoke.method} {invoke.path}", _STAMP.sub("<time>", said)


def difference(before: Ran, after: Ran) -> str:
    """Where two runs are told apart first, in one line; empty if they are not."""
    for number, ((asked, was), (asks, comes)) in enumerate(zip(before.answers, after.answers, strict=False), 1):
        if asked != asks:
            return f"request {number}: {asked} became {asks}"
        if was != comes:
            place = next(i for i, (a, b) in enumerate(zip(was + " ", comes + " ", strict=False)) if a != b)
            start = max(place - 60, 0)
            return f"request {number}, {asked}: …{was[start : place + 50]}… became …{comes[start : place + 50]}…"
    more = len(after.answers) - len(before.answers)
    return f"{more:+d} requests" if more else ""


@dataclass
class Reached:
    """Which lines of the target are gone through while a ``with`` block lasts, in its thread."""

    places: set[Place] = field(default_factory=set)
    _files: Mapping[str, str] = field(default_factory=lambda: {str(FOLDER / f"{name}.py"): name for name in MODULES})

    def __enter__(self) -> Reached:
        sys.settrace(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _called(self, frame: FrameType, event: str, given: Any) -> Any:
        module = self._files.get(frame.f_code.co_filename)
        if module is None:
            return None

        def line(frame: FrameType, event: str, given: Any) -> Any:
            if event == "line":
                self.places.add((module, frame.f_lineno))
            return line

        return line
