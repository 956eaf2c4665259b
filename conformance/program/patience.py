"""How long the waits of a run may last together: what is proved once is not waited out again, and no run waits without end.

A wait is *overdue* when what it waits for has usually come long ago. While one is overdue, the run may be kept for nothing; so
the time in which any wait is overdue is limited for the whole run, and an overdue wait ends where it can add nothing. That
ends a wait, never a proof: a judge sees that ``settle_timeout`` has not passed, and leaves open what was not waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

#: What a wait still lacks: rows in the listing, new attempts after a retry (or after a race), the time in which a retry whose
#: outcome is unknown may have an effect, the end of the attempts, a batch status that can be retried, or views that agree.
Lack = Literal["listed", "taken", "raced", "outcome", "terminal", "status", "agreed"]
#: Requirements of which one, once proved broken, says all that another wait for the same would.
SAID_BY: Mapping[Lack, tuple[str, ...]] = {
    "outcome": (),
    "listed": ("BR-IDS-01", "BR-IDS-02"),
    "taken": ("BR-SEL-01", "BR-ACC-05"),
    "raced": ("BR-CON-01", "BR-CON-03"),
    "terminal": ("BR-LIV-01",),
    "status": ("BR-ACC-06",),
    "agreed": ("BR-IDS-07",),
}
#: After so many batches were waited for in vain for the same, and nothing is proved, one more says no more (BR-LIV-01 takes
#: two). A retry whose outcome is unknown is apart: that nothing comes of it is what its wait is to show.
IN_VAIN = 3
#: A wait that has less than this part of settle_timeout left is let go on to its end, where nothing is proved: what is read then
#: may be the proof.
NEARLY = 0.25
#: Settle times that a run takes in all for what does not come; and for how many of them waits are overdue, for some time passes
#: before they are.
MOST_IN_VAIN, MOST_OVERDUE = 2.2, 2.1
#: Part of limits.max_calls that looks may take which found nothing new.
POLLS_PART = 0.4
#: Seconds between two judgements of what is recorded, at least, as a part of settle_timeout.
JUDGED_EVERY = 0.05


@dataclass(frozen=True)
class Enough:
    """Why a wait ends before its time, in words, and what would let it last."""

    text: str
    needs: tuple[str, ...]


def _none() -> Mapping[str, tuple[int, ...]]:
    return {}


@dataclass
class Patience:
    """One for all programs of a run.

    :param settle: ``timing.settle_timeout``, seconds; :param max_polls: calls that repeated looks may take.
    :param proved: what the record so far proves broken: evidence by requirement. It is asked rarely, for it takes a while.
    """

    settle: float
    max_polls: float = float("inf")
    proved: Callable[[], Mapping[str, tuple[int, ...]]] = _none
    polls: int = 0
    _in_vain: dict[Lack, set[str]] = field(default_factory=dict)
    _charged: list[tuple[float, float]] = field(default_factory=list)
    _waited_out: int = 0
    _asked: int = 0
    _asked_at: float = float("-inf")
    _broken: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def spent(self) -> float:
        """Return the seconds in which a wait was overdue so far."""
        return sum(end - begin for begin, end in self._charged)

    @property
    def left(self) -> float:
        """Return the seconds that overdue waits may still take."""
        return max(0.0, MOST_OVERDUE * self.settle - self.spent)

    @property
    def in_vain(self) -> bool:
        """Return whether anything was waited for in vain so far."""
        return self._waited_out > 0

    def charge(self, begin: float, end: float) -> None:
        """Take in that a wait is overdue from ``begin`` to ``end``; what others were overdue in as well counts once."""
        merged: list[tuple[float, float]] = []
        for earlier in sorted([*self._charged, (begin, max(begin, end))]):
            if merged and earlier[0] <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], earlier[1]))
            else:
                merged.append(earlier)
        self._charged = merged

    def waited_out(self, lack: Lack, batch: str, begin: float, now: float) -> None:
        """Take in that what a batch was waited for since ``begin`` has not come in its time."""
        self._waited_out += 1
        self._in_vain.setdefault(lack, set()).add(batch)
        self.charge(begin, now)

    def polled(self, calls: int) -> None:
        """Take in that a look of so many calls found that what it waits for has not come."""
        self.polls += calls

    def enough(self, lack: Lack, now: float, deadline: float) -> Enough | None:
        """Return why an overdue wait, which ends at ``deadline`` by itself, ends now; None if it may go on."""
        for requirement in SAID_BY[lack]:
            evidence = self._known(now).get(requirement)
            if evidence is not None:
                text = f"{requirement} is already proved, by exchanges {', '.join(map(str, evidence[:4]))}"
                return Enough(text, (f"a target that keeps {requirement}",))
        early = lack != "outcome" and deadline - now > NEARLY * self.settle
        if early and len(self._in_vain.get(lack, ())) >= IN_VAIN:
            text = f"{IN_VAIN} batches were waited for in vain for the same"
            return Enough(text, ("a target whose retries take effect in their usual time",))
        if not self.left:
            text = f"waits of the run were overdue for {MOST_OVERDUE:g} settle times in all"
            return Enough(text, ("a target whose retries take effect in their usual time",))
        return None

    def no_more_polls(self) -> Enough | None:
        """Return why nothing is looked for again; None if it may be."""
        if self.polls < self.max_polls:
            return None
        text = f"{self.polls} calls were looks for what had not come yet, {POLLS_PART:.0%} of limits.max_calls"
        return Enough(text, ("a higher limits.max_calls",))

    def _known(self, now: float) -> Mapping[str, tuple[int, ...]]:
        if self._waited_out > self._asked and now >= self._asked_at + JUDGED_EVERY * self.settle:
            self._asked, self._asked_at = self._waited_out, now
            self._broken = self.proved()
        return self._broken
