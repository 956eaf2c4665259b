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
            calls, lasted = self._calls, exchange.last - self._since
        if calls < CALLS or lasted < self._patience:
            return
        last = f"answered {status}" if status is not None else exchange.end.error or exchange.end.outcome
        raise TargetError(
            f"the target has stopped working: for {lasted:.0f} s, {calls} requests in a row brought nothing of use "
            f"(the last: {last})",
            where=self._where,
            mend="see that it runs and can be reached, then run again; what was seen before is judged",
        )
