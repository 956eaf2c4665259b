"""What the driver may spend: by depth, and never more than a third of what the run has left."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.config import Limits


@dataclass(frozen=True, kw_only=True)
class Amount:
    """How much a depth does: calls and messages at most, cases drawn for each operation and mode, reads, odd retries."""

    calls: int
    messages: int
    drawn: int
    reads: int
    odd: int


AMOUNTS = {
    "quick": Amount(calls=40, messages=0, drawn=10, reads=10, odd=22),
    "standard": Amount(calls=140, messages=6, drawn=16, reads=40, odd=56),
    "deep": Amount(calls=1100, messages=20, drawn=260, reads=320, odd=640),
}


def cost(depth: str, limits: Limits) -> Share:
    """What the driver may spend at most, in a run that it begins."""
    return Share.of(AMOUNTS[depth], limits, calls=0, messages=0, now=0.0)


@dataclass
class Share:
    """The driver's share of a run.

    :param calls: calls left; :param messages: messages left; :param until: seconds of the run's clock.
    """

    calls: int
    messages: int
    until: float
    spent: bool = False

    @classmethod
    def of(cls, amount: Amount, limits: Limits, *, calls: int, messages: int, now: float) -> Share:
        """The share of a run that has made ``calls`` calls and sent ``messages`` messages by ``now``."""
        return cls(
            calls=max(0, min(amount.calls, (limits.max_calls - calls) // 3)),
            messages=max(0, min(amount.messages, (limits.max_messages - messages) // 3)),
            until=now + max(0.0, (limits.max_seconds - now) / 3),
        )

    def take(self, now: float, messages: int = 0) -> bool:
        """Take one call and this many messages out of it; False if that is more than is left."""
        if self.calls < 1 or now >= self.until:
            self.spent = True
            return False
        if messages > self.messages:
            return False
        self.calls -= 1
        self.messages -= messages
        return True
