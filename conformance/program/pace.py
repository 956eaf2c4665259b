"""How long deliveries take in this run, so that waits need few reads: one back-off for all of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from conformance.program.steps import Condition

#: Conditions that come when messages have become terminal: they are learned together.
_ENDS = frozenset({"quiet", "terminal", "ended", "retried", "agreed"})
#: The first look comes a little before the usual time, so that what is learned can shrink as well as grow.
EARLY = 0.95
#: By how much the pauses between looks grow, and the longest of them as a part of settle_timeout and in seconds.
GROWTH, LONGEST_PART, LONGEST = 1.5, 0.05, 5.0


@dataclass
class Pace:
    """Learns how long what is waited for usually takes. One for all programs of a run; it only decides when to look."""

    _usual: dict[str, float] = field(default_factory=dict)

    def first(self, until: Condition, since: float) -> float:
        """Return when to look first for something that began at ``since`` (seconds of the run's clock)."""
        return since + EARLY * self._usual.get(_key(until), 0.0)

    def learn(self, until: Condition, took: float) -> None:
        """Take in that a wait, begun with the effect still to come, ended after this many seconds."""
        self._usual[_key(until)] = max(took, 0.0)

    def pauses(self, until: Condition, settle: float) -> tuple[float, float]:
        """Return the first pause between two looks and the longest, in seconds; each is ``GROWTH`` times the last."""
        longest = max(0.1, min(settle * LONGEST_PART, LONGEST))
        usual = self._usual.get(_key(until))
        start = min(max(settle / 100, 0.02), 2.0)
        return (start if usual is None else min(max(usual / 10, 0.02), longest)), longest


def _key(until: Condition) -> str:
    return "ends" if until in _ENDS else until
