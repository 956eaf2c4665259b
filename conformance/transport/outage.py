"""A target or a key that dies half-way: the run ends, in place of waiting every wait out."""

from __future__ import annotations

import threading

from conformance.errors import TargetError
from conformance.history.records import Exchange

#: Requests in a row that must bring nothing of use before a run ends.
CALLS = 10
#: Plain requests in a row, answered 401 or 403, after which the key is dead (ruling 28).
REFUSED = 3
#: Seconds for which that must have gone on; a restart of the target is waited for.
SECONDS = 60.0


class Outage:
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
        #: Kinds of request that the key was good for: reads, sends, retries.
        self._worked: set[str] = set()
        self._refused: list[Exchange] = []
        self._lock = threading.Lock()

    def heard(self, exchange: Exchange) -> None:
        """Take in how an exchange ended.

        :raises TargetError: the target has fallen silent, or the key that worked is refused for good.
        """
        status = exchange.status
        self._key(exchange)
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

    def _key(self, exchange: Exchange) -> None:
        """The configured key, as plain requests show it: three in a row refused, of kinds that it was good for, and it is dead."""
        invoke = exchange.invoke
        if invoke.auth != "valid" or invoke.cause is not None or exchange.status is None:
            return
        kind = "read" if invoke.method == "GET" else invoke.operation
        with self._lock:
            if exchange.status not in (401, 403):
                if 200 <= exchange.status < 300:
                    self._worked.add(kind)
                self._refused = []
                return
            if kind not in self._worked:
                return
            self._refused.append(exchange)
            over = len(self._refused) >= REFUSED
            first = self._refused[0]
        if over:
            raise TargetError(
                f"the key that worked is refused: {len(self._refused)} requests in a row were answered {exchange.status}, exchange "
                f"{first.n} first",
                where=self._where,
                hint="see whether the key was revoked or replaced, and run again with one that stays valid",
                cause="key_refused",
            )

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
            hint="wait, or lower limits.calls_per_second"
            if "429" in self._last
            else "see that it runs, then run again",
        )
