"""Shrinking: hypothesis looks for the smallest program that still shows a finding."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import hypothesis
from hypothesis import Phase
from hypothesis.errors import HypothesisException

from conformance.config import Config
from conformance.exploring.programs import DRAWS, key_of, programs, settings_for, size_of
from conformance.exploring.running import Ran
from conformance.program.steps import Program, Together

#: Carries a program out, alone; None if the budget for it is spent.
Execute = Callable[[Program], Ran | None]


class _ShownError(Exception):
    """The one thing that hypothesis is told: this program shows the finding."""


#: How often a race has to show nothing before it is taken for one that shows nothing.
RACES = 3


@dataclass
class Memo:
    """Programs that were carried out whole, with the kinds of findings that each showed: none is carried out twice.

    But for races, in which the answer may differ from time to time: those are given ``RACES`` tries.
    """

    shown: dict[str, frozenset[str]] = field(default_factory=dict)
    programs: dict[str, Program] = field(default_factory=dict)
    tries: Counter[str] = field(default_factory=Counter)

    def learn(self, ran: Ran) -> None:
        """Keep what a program showed. One that was cut proves what it proves, and is no pass."""
        key = key_of(ran.program)
        self.tries[key] += 1
        races = any(isinstance(step, Together) for step in ran.program.steps)
        if races and not ran.findings and self.tries[key] < RACES:
            return
        if ran.whole or ran.findings:
            self.shown[key] = self.shown.get(key, frozenset()) | frozenset(ran.findings)
            self.programs[key] = ran.program

    def smallest(self, kind: str) -> Program | None:
        """The smallest program that has shown this kind."""
        found = [self.programs[key] for key, kinds in self.shown.items() if kind in kinds]
        return min(found, key=size_of, default=None)


def shrink(
    kind: str, memo: Memo, execute: Execute, config: Config, *, seed: int, count: int, races: bool = False
) -> Program | None:
    """The smallest program found that shows this kind of finding; None if none did.

    Hypothesis draws the same programs again, out of the same seed, and the memo answers for them, so that only what
    it makes of them on the way down is carried out. Nothing larger than the smallest that is known is of interest, and
    what lies beyond the budget counts as a pass: both keep the best so far.

    :param count: programs that were drawn at first.
    :raises Exception: what ``execute`` raised, once hypothesis has let go.
    """
    known = memo.smallest(kind)
    if known is None:
        return None
    best = known
    broken: list[Exception] = []

    @hypothesis.seed(seed)
    @settings_for(DRAWS * count, Phase.generate, Phase.shrink)
    @hypothesis.given(programs(config, races=races))
    def body(program: Program) -> None:
        nonlocal best
        key = key_of(program)
        if size_of(program)[:2] > size_of(best)[:2] or broken:
            return
        if key not in memo.shown:
            try:
                ran = execute(program)
            except Exception as error:
                # A boundary: hypothesis takes whatever is raised for a finding, and would shrink it.
                logging.getLogger(__name__).debug("a program broke", exc_info=True)
                broken.append(error)
                return
            if ran is None:
                memo.shown[key] = frozenset()
                return
            memo.learn(ran)
        if kind in memo.shown.get(key, frozenset()):
            best = program
            raise _ShownError

    try:
        body()
    except _ShownError:
        pass
    except HypothesisException:
        # Such as Flaky: it says something about the search, and nothing about the target. The best so far stands.
        pass
    if broken:
        raise broken[0]
    return best
