"""A target that dies half-way: the run ends, in place of waiting every wait out."""

from __future__ import annotations

import threading

from conformance.errors import TargetError
from conformance.history.records import Exchange

#: Requests in a row that must bring nothing of use before a run ends.
CALLS = 10
#: Seconds for which that must have gone on; a restart of the target is waited for.
SECONDS = 60.0


class Silence:
    """Counts the exchanges in a row, over all drivers, that brought nothing of use. Thread-safe.

    Of use is any whole answer but those that a target gives which cannot work at present: 5xx, 408, 429. None of them
    says by itself that the target is gone; ``CALLS`` of them in a row, and over ``SECONDS``, do.

    :param where: the target's base_url, for the sentence.
    :param patience: seconds, if a run has less than ``SECONDS`` for waiting at all.
    """

    def __init__(self, where: str, patience: float) -> None:
        self._where = where
        self._patience = min(SECONDS, patience)
        self._calls = 0
        self._since = 0.0
        self._lasted = 0.0
        self._last = ""
        self._lock = threading.Lock()

    def heard(self, exchange: Exchange) -> None:
        """Take in how an exchange ended.

        :raises TargetError: the target has fallen silent.
        """
        status = exchange.status
        with self._lock:
            if status is not None and not exchange.open and status != 429:
                self._calls = 0
                return
            if self._calls == 0:
                self._since = exchange.t
            self._calls += 1
            self._lasted = exchange.last - self._since
            self._last = f"answered {status}" if status is not None else exchange.end.error or exchange.end.outcome
            over = self._lasted >= self._patience
        if over:
            self.at_the_end()

    def at_the_end(self) -> None:
        """The run has nothing more to ask, so that there is nothing to wait for.

        :raises TargetError: the target had fallen silent.
        """
        if self._calls < CALLS:
            return
        raise TargetError(
            f"the target has stopped working: {self._calls} requests in a row, over {self._lasted:.0f} s, brought "
            f"nothing of use (the last: {self._last})",
            where=self._where,
            mend="wait, or lower limits.calls_per_second"
            if "429" in self._last
            else "see that it runs, then run again",
        )
