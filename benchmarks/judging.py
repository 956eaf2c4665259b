"""How long judging takes, beside reading the same history from its file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.recorded import record
from conformance.catalogue import load
from conformance.deciding import decide
from conformance.history.reader import read_history
from conformance.judges import judge


def measure(rounds: int) -> Iterator[str]:
    """One line: what judging costs, as a multiple of reading. ``rounds``: times that each is done; the best counts."""
    with TemporaryDirectory() as folder:
        path = record(Path(folder))
        history = read_history(path)
        catalogue = load()
        reading = _best(lambda: read_history(path), rounds)
        judging = _best(lambda: decide(history, judge(history, catalogue), catalogue), rounds)
    yield (
        f"judging {len(history.exchanges)} exchanges takes {judging / reading:.1f} times as long as reading them "
        f"({judging * 1000:.0f} ms here)"
    )


def _best(action: Callable[[], object], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        action()
        taken.append(time.perf_counter() - begun)
    return min(taken)
