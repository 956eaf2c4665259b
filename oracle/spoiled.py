"""Walks with one thing or two changed, left out or told twice: histories that may have no legal explanation."""

from __future__ import annotations

import dataclasses
from random import Random

from oracle.line import Line, Listing, Part, Reads, Retry, Shown, Wait

CODES = (
    "unresolved_batch_messages",
    "batch_not_found_or_is_not_retryable",
    "no_failed_batch_messages_to_retry",
    "too_many_message_attempts_error",
    None,
)


def spoiled(seed: int, line: Line) -> Line:
    """The line with one thing or two changed, left out, or told twice."""
    rng = Random(seed)
    cells = [list(cell) for cell in line.cells]
    for _ in range(rng.randint(1, 2)):
        place = rng.randrange(len(cells))
        draw = rng.random()
        if draw < 0.7:
            inside = rng.randrange(len(cells[place]))
            cells[place][inside] = _mutated(rng, cells[place][inside])
        elif draw < 0.8 and len(cells) > 2:
            del cells[place]
        else:
            cells.insert(place, list(rng.choice([*cells, [Wait()]])))
    return Line(roles=line.roles, cells=tuple(map(tuple, cells)))


def _mutated(rng: Random, part: Part) -> Part:
    if isinstance(part, Reads) and part.batch is not None and rng.random() < 0.4:
        return dataclasses.replace(part, batch=rng.choice(["enq", "failed", "busy"]))
    if isinstance(part, Listing | Reads):
        place = rng.randrange(len(part.rows))
        rows = tuple(_mutated_sight(rng, row) if i == place else row for i, row in enumerate(part.rows))
        return dataclasses.replace(part, rows=rows)
    if isinstance(part, Retry):
        if rng.random() < 0.5 and part.status != 201:
            return Retry(message=part.message, status=201)
        return Retry(message=part.message, status=400, code=rng.choice(CODES))
    return part


def _mutated_sight(rng: Random, shown: Shown | None) -> Shown | None:
    if shown is None:
        return None
    if rng.random() < 0.5:
        return dataclasses.replace(shown, status=rng.choice("CEDNTSFCFS"))
    if shown.count is not None:
        return dataclasses.replace(shown, count=max(1, shown.count + rng.choice([-1, 1, 1])))
    return dataclasses.replace(shown, stamp=max(0, (shown.stamp or 0) + rng.choice([-1, 1])))
