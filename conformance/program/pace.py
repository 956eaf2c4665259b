"""How long deliveries take in this run, so that waits need few reads: one back-off for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from conformance.program.steps import Condition

#: Conditions that come when messages have become terminal: they are learned together.
ENDS: frozenset[Condition] = frozenset({"quiet", "terminal", "ended", "retried", "agreed"})
#: Conditions that come on the way to these ends, and after which part of it they are looked for first, where nobody has waited for
#: one: half way a message has mostly left ``created``, and late on it has been handed over.
ON_THE_WAY: Mapping[Condition, float] = {"moved": 0.5, "handed": 0.75}
#: By how much the time shrinks that was too short once, with each first look that comes late enough: targets become faster.
SHRINK = 0.99
#: A first look is so near to the soonest possible, as a part of the time, that trying to be nearer would cost more looks.
NEAR = 0.2
#: By how much the pauses between looks grow, and the longest of them: as a part of settle_timeout, in seconds, and as a part of
#: the time for which it has been waited already, whichever of the last two is longer.
GROWTH, LONGEST_PART, LONGEST, LONGEST_OF_WAITED = 1.5, 0.05, 5.0, 0.3
#: After so many times the longest time that it has taken before, what is waited for is overdue.
OVERDUE = 2.0
#: While one wait finds out how long deliveries take, others hold back for at most this part of settle_timeout.
HELD_BACK = 0.25


@dataclass
class Pace:
    """Learns how long what is waited for usually takes. One for all programs of a run; it only decides when to look."""

    _usual: dict[str, float] = field(default_factory=dict)
    _slowest: dict[str, float] = field(default_factory=dict)
    #: What was too short, the last time that a first look came too early.
    _too_short: dict[str, float] = field(default_factory=dict)
    _scout: object | None = None

    def scouts(self, who: object) -> bool:
        """Return whether this wait looks at once: it is the one that finds out how long deliveries take, or that is known."""
        if "ends" in self._usual:
            return True
        if self._scout is None:
            self._scout = who
        return self._scout is who

    def release(self, who: object) -> None:
        """Take in that this wait is over, whether or not it has found out anything."""
        if self._scout is who:
            self._scout = None

    def first(self, until: Condition, since: float) -> float:
        """Return when to look first for something that began at ``since`` (seconds of the run's clock)."""
        guessed = ON_THE_WAY.get(until, 0.0) * self._usual.get("ends", 0.0)
        return since + self._usual.get(_key(until), guessed)

    def learn(self, until: Condition, took: float, *, looks: int, missed: float = 0.0, timely: bool = True) -> None:
        """Take in that what was waited for had come after this many seconds, at the ``looks``-th look.

        :param missed: after how many it had not come yet, at the look before.
        :param timely: whether that look came when it was due; one that others held up says only how long it took at most.
        """
        usual = self._usual.get(_key(until))
        self._slowest[_key(until)] = max(took, self._slowest.get(_key(until), 0.0))
        if not timely:
            return
        if looks == 1 and usual is not None:
            took = min(usual, took)
            short = self._too_short[_key(until)] = SHRINK * self._too_short.get(_key(until), 0.0)
            took = took if took - short < NEAR * took else (short + took) / 2
        else:
            self._too_short[_key(until)] = missed
        self._usual[_key(until)] = max(took, 0.0)

    def overdue(self, until: Condition, since: float) -> float:
        """Return from when on what began at ``since`` is overdue; ``since`` itself where nothing is known yet."""
        return since + OVERDUE * self._slowest.get(_key(until), 0.0)

    def pauses(self, until: Condition, settle: float) -> tuple[float, float]:
        """Return the first pause between two looks and the longest, in seconds; each is ``GROWTH`` times the last."""
        longest = max(0.1, min(settle * LONGEST_PART, LONGEST))
        usual = self._usual.get(_key(until))
        start = min(max(settle / 100, 0.02), 2.0)
        return (start if usual is None else min(max(usual / 10, 0.02), longest)), longest


def _key(until: Condition) -> str:
    return "ends" if until in ENDS else until
