"""How many drawn requests leave, how many the guard refuses, and how many carry a recipient that nobody allowed.

``python -m benchmarks.recipients [--requests 100000]``: the driver draws with one seed after the other, against a target in
memory. Exits 1 if a single request carried such a recipient, or named a batch that is not the run's.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.sieve import Sieve, sift


@dataclass(frozen=True)
class Tally:
    """What came of it."""

    left: int
    refused: int
    foreign: int
    strangers: int
    messages: int
    seeds: int

    def __str__(self) -> str:
        return (
            f"{self.left} drawn requests left ({self.seeds} seeds, {self.messages} messages), the guard refused "
            f"{self.refused}; {self.foreign} carried a recipient outside the configuration, {self.strangers} named a "
            "batch that is not the run's"
        )


def tally(requests: int, *, seconds: float) -> Tally:
    """Draw until this many requests have left, or this many seconds are over."""
    sieve, refused, seed = Sieve(), 0, 0
    until = time.monotonic() + seconds
    while sieve.left < requests and time.monotonic() < until:
        with TemporaryDirectory() as folder:
            history = sift(sieve, Path(folder), seed=seed, depth="deep")
        refused += sum(note.event == "refused" for note in history.notes)
        seed += 1
        # The driver has to draw anew with every seed, and a batch made before is nobody's to the next.
        sieve.batches.clear()
    return Tally(sieve.left, refused, sieve.foreign, sieve.strangers, sieve.messages, seed)


def main() -> int:
    """Print the tally; 1 if anybody could have been texted who is not allowed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recipients", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=3600.0, help="stop after this time")
    chosen = parser.parse_args()
    found = tally(chosen.requests, seconds=chosen.seconds)
    print(found)
    return 1 if found.foreign or found.strangers else 0


if __name__ == "__main__":
    raise SystemExit(main())
