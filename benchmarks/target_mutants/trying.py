"""Each mutant in a process of its own, as cheaply as it can be told from the original."""

from __future__ import annotations

import json
import os
import resource
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from benchmarks.target_mutants.making import FOLDER, Mutant
from benchmarks.target_mutants.running import RACES, Place, Ran, Reached, difference, replace, run

#: Seconds of the processor that a mutant may take.
CPU = 90
#: ``found``: a requirement fails. ``turned away``: preflight refuses it (exit status 4). ``broken``: it does not start, or
#: never answers. ``undecided``: a requirement that the original passes does not pass. ``alike``: no answer of the whole run
#: differs, but for times. ``differs``: some answer does, and every requirement passes. ``unreached``: no scenario gets there.
#: ``crashed``: the suite itself broke, which is no catch.
Outcome = Literal["crashed", "found", "turned away", "broken", "undecided", "alike", "differs", "unreached"]
CAUGHT: tuple[Outcome, ...] = ("found", "turned away", "broken")


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What became of a mutant."""

    name: str
    function: str
    before: str
    after: str
    outcome: Outcome
    #: Requirements that fail, or are undecided; or the first difference.
    detail: str
    calls: int


def forked(work: Callable[[], Any]) -> Any:
    """What ``work`` returns, by way of JSON, from a process of its own; None if it was killed, a text if it broke."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU))
            with os.fdopen(writing, "w", encoding="utf-8") as out:
                out.write(_done(work))
            status = 0
        finally:
            # Nothing of the child may run on in the code of its parent.
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as coming:
        text = coming.read()
    _, status = os.waitpid(child, 0)
    return json.loads(text) if status == 0 else None


def _done(work: Callable[[], Any]) -> str:
    try:
        return json.dumps(work())
    except Exception as error:  # noqa: BLE001
        # A boundary: what breaks here is the suite, and is told as what became of the mutant.
        where = traceback.extract_tb(error.__traceback__)[-1]
        return json.dumps(f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})")


def original(names: Sequence[str]) -> Ran:
    """What the scenarios show of the original, races apart.

    :param names: all of them.
    """
    return _ran(forked(lambda: asdict(run(_steady(names)))))


def _steady(names: Sequence[str]) -> list[str]:
    return [name for name in names if name not in RACES]


def reach(names: Sequence[str]) -> dict[str, tuple[int, set[Place]]]:
    """Calls, and lines of the original, of each scenario by itself."""

    def one(name: str) -> Any:
        reached = Reached()
        ran = run([name], reached)
        return ran.calls, sorted(reached.places)

    found: dict[str, tuple[int, set[Place]]] = {}
    for name in names:
        calls, places = forked(lambda name=name: one(name))  # type: ignore[misc]
        found[name] = (calls, {(module, line) for module, line in places})
    return found


def attempt(mutant: Mutant, clean: Ran, reached: Mapping[str, tuple[int, set[Place]]]) -> Tried:
    """Try a mutant: first in the cheapest scenarios that get there, then in all of them."""
    place = (mutant.module, executable(mutant))
    there = sorted((calls, name) for name, (calls, places) in reached.items() if not mutant.function or place in places)
    about = {"name": mutant.name, "function": mutant.function, "before": mutant.before, "after": mutant.after}
    if not there:
        return Tried(**about, outcome="unreached", detail="", calls=0)
    names = [name for _, name in there]
    spent = 0
    # Whatever is not told by a few is tried by all: what is equal there cannot be told from the original by a client.
    for part in (names[:1], names[1:4], [n for n in names if n in RACES], _steady(list(reached))):
        if not part:
            continue
        said = forked(lambda part=part: _mutated(mutant, part))  # type: ignore[misc]
        if said is None:
            return Tried(**about, outcome="broken", detail="", calls=spent)
        if isinstance(said, str):
            return Tried(**about, outcome="crashed", detail=said, calls=spent)
        ran = _ran(said)
        spent += ran.calls
        if ran.findings:
            named = sorted({" or ".join(names) for names in ran.findings})
            return Tried(**about, outcome="found", detail=", ".join(named), calls=spent)
        if ran.ended:
            return Tried(**about, outcome="turned away", detail=ran.ended, calls=spent)
    undecided = {name for name in ran.undecided if name not in clean.undecided}
    if undecided:
        return Tried(**about, outcome="undecided", detail=", ".join(sorted(undecided)), calls=spent)
    seen = difference(clean, ran)
    return Tried(**about, outcome="differs" if seen else "alike", detail=seen, calls=spent)


def the_same(name: str) -> Tried:
    """A change that says the same as the original."""
    return Tried(name=name, function="", before="", after="", outcome="alike", detail="the text is the same", calls=0)


def _mutated(mutant: Mutant, names: Sequence[str]) -> Any:
    replace(mutant.module, mutant.source)
    return asdict(run(names))


def _ran(said: Any) -> Ran:
    return Ran(
        calls=said["calls"],
        findings=tuple(tuple(names) for names in said["findings"]),
        undecided=tuple(said["undecided"]),
        ended=said["ended"],
        answers=tuple((asked, came) for asked, came in said["answers"]),
    )


def executable(mutant: Mutant) -> int:
    """The line at which the interpreter is when it gets to the changed one: that, or the nearest before it."""
    if mutant.module not in _LINES:
        path = FOLDER / f"{mutant.module}.py"
        _LINES[mutant.module] = sorted(_lines(compile(path.read_text(encoding="utf-8"), str(path), "exec")))
    return max(line for line in (1, *_LINES[mutant.module]) if line <= mutant.line)


_LINES: dict[str, list[int]] = {}


def _lines(code: Any) -> set[int]:
    found = {line for _, _, line in code.co_lines() if line is not None}
    for constant in code.co_consts:
        if hasattr(constant, "co_lines"):
            found |= _lines(constant)
    return found
