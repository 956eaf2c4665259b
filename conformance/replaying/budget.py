"""What the tries of a replay may take: the limits of the configuration, once for all of them together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from conformance.config import Limits
from conformance.plan import PREFLIGHT, Plan
from conformance.program.steps import Program
from conformance.session import Result

#: The programs that one try carries out, the one that is asked about first.
Try = Sequence[Program]


@dataclass(frozen=True, kw_only=True)
class Lack:
    """A limit that does not hold what is to be tried."""

    limit: str
    #: What is left of it, and what is needed.
    has: float
    needs: float

    @property
    def where(self) -> str:
        """The key of the configuration."""
        return f"limits.{self.limit}"


@dataclass(frozen=True)
class _Needs:
    max_messages: float = 0
    max_calls: float = 0
    max_seconds: float = 0.0


class ReplayBudget:
    """What is left for tries; it is theirs together, for a limit says what one command may cost.

    :param plan: what tries cost, as ``--plan`` says it.
    """

    def __init__(self, limits: Limits, plan: Callable[[Sequence[Try]], Plan]) -> None:
        self._plan = plan
        self._took: dict[str, _Needs] = {}
        #: The limits that the next try is held to.
        self.rest = limits

    def lack(self, *tries: Try) -> Lack | None:
        """The first limit that does not hold these tries, one after the other; None if all do."""
        needs = [self._needs(one) for one in tries]
        for limit in ("max_messages", "max_calls", "max_seconds"):
            wanted = sum(getattr(each, limit) for each in needs)
            left = getattr(self.rest, limit)
            if wanted > left:
                return Lack(limit=limit, has=max(left, 0), needs=wanted)
        return None

    def held(self, tries: Sequence[Try]) -> list[Try]:
        """As many of these tries as the rest holds, in this order."""
        kept: list[Try] = []
        for one in tries:
            if self.lack(*kept, one) is None:
                kept.append(one)
        return kept

    def spend(self, one: Try, result: Result) -> None:
        """Take off what a try took. The next one like it may take as much, if that is more than was planned."""
        run = result.report.run
        took = _Needs(run.messages, run.calls, max((e.last for e in result.history.exchanges), default=0.0))
        self._took[one[0].name] = _more(took, self._took.get(one[0].name, _Needs()))
        self.rest = msgspec.structs.replace(
            self.rest,
            max_messages=self.rest.max_messages - run.messages,
            max_calls=self.rest.max_calls - run.calls,
            max_seconds=self.rest.max_seconds - took.max_seconds,
        )

    def _needs(self, one: Try) -> _Needs:
        plan = self._plan([one])
        # Not calls_likely, which is cut at the limit.
        calls = PREFLIGHT + sum(part.calls_likely for part in plan.parts)
        return _more(_Needs(plan.messages, calls, plan.seconds_likely), self._took.get(one[0].name, _Needs()))


def _more(a: _Needs, b: _Needs) -> _Needs:
    return _Needs(max(a.max_messages, b.max_messages), max(a.max_calls, b.max_calls), max(a.max_seconds, b.max_seconds))
