"""What a run that goes on has shown so far: for its progress, for waits that can add nothing, and for ``--stop-early``.

It is judged as it will be in the end, from what is on record, so nothing here can say more than the reports will. That takes
a while, so it is done when the run waits anyway, and when a wait has ended in vain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from conformance.errors import ProvedError

#: Reasons for no verdict that lie in how the run happened to go, so that the same scenarios may decide when they are done again.
BY_CHANCE = frozenset(
    {
        "another-reason",
        "answer-lost",
        "chain-not-closed",
        "dropped",
        "gateway-answer",
        "not-exercised",
        "not-quiescent",
        "not-read-back",
        "not-read-before",
        "not-repeated",
        "not-settled",
        # So a run that is not over tells what was not exercised.
        "run-incomplete",
        "status-before-unknown",
        "too-few-races",
    }
)
#: Seconds that judging takes for each exchange, about, and in all at least; a pause shorter than that is left alone, so that
#: nothing that is timed in parts of a second is late for it.
SECONDS_EACH, SECONDS_LEAST = 0.003, 1.0
#: What is recorded is judged again when it has grown by this factor, and by a few exchanges more.
GROWN, FEW = 1.3, 50


@dataclass(frozen=True, kw_only=True)
class SoFar:
    """What the record proves.

    :param broken: requirements that are proved broken, with the exchanges that prove it.
    :param causes: how many causes the report would tell; :param red: whether the run would end with exit status 1.
    :param first: what happened, of the first failure that counts, in words.
    :param undecided: requirements without a verdict for a reason of ``BY_CHANCE``; empty where anything is proved broken.
    :param lag: seconds that reads lag, as far as that is shown; 0 where nothing is undecided.
    """

    broken: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    causes: int = 0
    red: bool = False
    first: str = ""
    undecided: tuple[str, ...] = ()
    lag: float = 0.0


@dataclass
class Watcher:
    """Judges what is on record while a run goes on.

    :param judged: judges it; takes about ``SECONDS_EACH`` for each exchange. :param exchanges: how many are on record.
    :param stop_early: end the run as soon as it would end with exit status 1.
    """

    judged: Callable[[], SoFar]
    exchanges: Callable[[], int]
    stop_early: bool = False
    so_far: SoFar = field(default_factory=SoFar)
    _at: int = 0

    def proved(self) -> Mapping[str, tuple[int, ...]]:
        """Return what is proved broken by now: evidence by requirement.

        :raises ProvedError: that is enough to end the run.
        """
        self._judge()
        return self.so_far.broken

    def judge(self) -> SoFar:
        """Return what the record shows by now.

        :raises ProvedError: that is enough to end the run.
        """
        self._judge()
        return self.so_far

    def idle(self, seconds: float) -> None:
        """Take in that nothing is to be done for so long.

        :raises ProvedError: what is on record is enough to end the run.
        """
        count = self.exchanges()
        grown = count > self._at if self.stop_early else count >= GROWN * self._at + FEW
        if grown and max(SECONDS_LEAST, count * SECONDS_EACH) <= seconds:
            self._judge()

    def ended(self) -> None:
        """Take in that a program has ended.

        :raises ProvedError: what is on record is enough to end the run.
        """
        if self.stop_early and self.exchanges() >= GROWN * self._at:
            self._judge()

    def _judge(self) -> None:
        if self.exchanges() == self._at:
            return
        self._at = self.exchanges()
        self.so_far = self.judged()
        if self.stop_early and self.so_far.red:
            raise ProvedError(self.so_far.first or "a MUST is proved broken", hint="--stop-early ends the run here")
