"""Programs that are like another one, but smaller; they are tried side by side, so that deliveries are waited for once."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from conformance.exploring.programs import key_of, size_of
from conformance.program.steps import AnyStep, Burst, Program, Read, Retry, Send, Together

#: Programs that are tried side by side, at most.
WIDTH = 16
#: Steps in a row that are left out together, at most.
SPAN = 4


def reductions(program: Program) -> tuple[Program, ...]:
    """Distinct smaller programs, those first that leave out most; each still sends first, and retries a batch."""
    found: dict[str, Program] = {}
    for steps in (*_without_a_batch(program.steps), *_without_steps(program.steps), *_without_rows(program.steps)):
        smaller = Program(name=program.name, steps=steps)
        if _fit(steps) and size_of(smaller) < size_of(program):
            found.setdefault(key_of(smaller), smaller)
    return tuple(sorted(found.values(), key=size_of))


def _fit(steps: tuple[AnyStep, ...]) -> bool:
    flat = [inner for step in steps for inner in (step.steps if isinstance(step, Burst | Together) else (step,))]
    return bool(steps) and isinstance(steps[0], Send) and any(isinstance(step, Retry) for step in flat)


def _without_a_batch(steps: tuple[AnyStep, ...]) -> Iterator[tuple[AnyStep, ...]]:
    for name in dict.fromkeys(step.batch for step in steps if isinstance(step, Send)):
        yield tuple(step for step in steps if _batch(step) != name)


def _batch(step: AnyStep) -> str:
    """The batch that a step is about; a burst or a race is about one."""
    return _batch(step.steps[0]) if isinstance(step, Burst | Together) else str(getattr(step, "batch", ""))


def _without_steps(steps: tuple[AnyStep, ...]) -> Iterator[tuple[AnyStep, ...]]:
    for span in range(SPAN, 0, -1):
        for at in range(1, len(steps) - span + 1):
            yield (*steps[:at], *steps[at + span :])
    for at, step in enumerate(steps):
        if isinstance(step, Burst):
            bare = (inner for inner in step.steps if not isinstance(inner, Read))
            yield (*steps[:at], *bare, *steps[at + 1 :])
            for inner in range(len(step.steps)):
                less = Burst(steps=(*step.steps[:inner], *step.steps[inner + 1 :]))
                yield (*steps[:at], *([less] if less.steps else []), *steps[at + 1 :])
        elif isinstance(step, Together) and len(step.steps) > 2:
            for inner in range(len(step.steps)):
                yield (*steps[:at], Together(steps=(*step.steps[:inner], *step.steps[inner + 1 :])), *steps[at + 1 :])


def _without_rows(steps: tuple[AnyStep, ...]) -> Iterator[tuple[AnyStep, ...]]:
    for at, step in enumerate(steps):
        if isinstance(step, Send):
            for count in sorted({1, len(step.rows) // 2, len(step.rows) - 1} - {0, len(step.rows)}):
                for rows in (step.rows[:count], step.rows[-count:]):
                    yield (*steps[:at], msgspec.structs.replace(step, rows=rows), *steps[at + 1 :])
