"""How far a run explores, by depth. Apart from the engine, so that a plan does not load hypothesis."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from conformance.config import Config, Limits

#: What of the budgets that are left this driver takes at most, so that those after it get theirs.
PART = 1 / 3
#: What one program that hypothesis draws takes on average, where the share holds them all: messages and calls.
EACH_MESSAGES, EACH_CALLS = 13, 18


@dataclass(frozen=True, kw_only=True)
class Scope:
    """How far a run explores, by depth.

    ``programs`` are drawn, for ``messages`` and ``calls`` at most; of the kinds of findings ``kinds`` are pursued, and
    shrunk in ``seconds`` in all; the smallest program of each is run ``again`` so often.
    """

    programs: int
    messages: int
    calls: int
    kinds: int
    seconds: float
    again: int

    def most(self, limits: Limits) -> tuple[int, int]:
        """Messages and calls that exploring costs at most in a run with these limits."""
        return min(self.messages, int(limits.max_messages * PART)), min(self.calls, int(limits.max_calls * PART))

    def likely(self, limits: Limits) -> tuple[int, int]:
        """Messages and calls that exploring is likely to cost in a run with these limits."""
        messages, calls = self.most(limits)
        return min(messages, self.programs * EACH_MESSAGES), min(calls, self.programs * EACH_CALLS)


SCOPES = {
    "quick": Scope(programs=8, messages=300, calls=1000, kinds=3, seconds=4.0, again=2),
    "standard": Scope(programs=25, messages=600, calls=2500, kinds=5, seconds=8.0, again=3),
    "deep": Scope(programs=150, messages=6000, calls=30_000, kinds=20, seconds=900.0, again=5),
}
#: Where calls take their time and messages cost money, a run carries out what is known to find something, and then what is cheap.
ELSEWHERE = {
    "quick": Scope(programs=8, messages=48, calls=82, kinds=3, seconds=4.0, again=2),
    "standard": Scope(programs=25, messages=92, calls=150, kinds=5, seconds=8.0, again=3),
}


def scope_of(depth: str, config: Config) -> Scope:
    """How far a run of this depth explores this target."""
    scopes = SCOPES if loopback(config.target.base_url) else {**SCOPES, **ELSEWHERE}
    return scopes[depth]


def loopback(base_url: str) -> bool:
    """Whether a target is on this machine: there calls are cheap, and nobody is texted."""
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
