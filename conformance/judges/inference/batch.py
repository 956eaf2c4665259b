"""A batch as the judges see it: its rows, its messages, and every retry call on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from conformance.history.records import Exchange, Row
from conformance.judges.inference.retry_call import RetryCall


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A batch that this run made (``ours``) or was given; or a message that it sent singly, a group of one (``single``)."""

    id: str
    send: Exchange | None
    rows: tuple[Row, ...]
    #: Message ids, in the order in which they were first seen.
    messages: tuple[str, ...]
    row_of: Mapping[str, Row]
    #: All retry calls on the batch and its messages, probes too, in order of their start.
    calls: tuple[RetryCall, ...]
    single: bool = False
    #: Messages that carry the nonce of one of its rows, but that it neither lists nor is shown to hold, while it lists
    #: another with that nonce. A send that is carried out twice makes them; no judge may take them for its messages.
    strays: tuple[str, ...] = ()

    @property
    def ours(self) -> bool:
        """True if this run made it, and no call with a second key touched it: no other client can write to it (axiom A6)."""
        return self.send is not None and not any(c.second_key for c in self.calls)

    @cached_property
    def whole(self) -> bool:
        """True if every row of the send is known as a message: by its nonce or, where no message shows one, by their number."""
        sent, told = (Counter(row.nonce for row in rows) for rows in (self.rows, self.row_of.values()))
        return self.ours and bool(sent) and (sent <= told if told else len(self.messages) == len(self.rows))

    @cached_property
    def copied(self) -> frozenset[str]:
        """The nonces of several rows, which were sent alike."""
        return frozenset(nonce for nonce, times in Counter(row.nonce for row in self.rows).items() if times > 1)

    @cached_property
    def sent(self) -> tuple[RetryCall, ...]:
        """Every call that left."""
        return tuple(c for c in self.calls if c.sent)

    @cached_property
    def resets(self) -> tuple[RetryCall, ...]:
        """Accepted calls, and calls of unknown outcome, that may give messages attempts, in order."""
        return tuple(c for c in self.calls if c.may_reset)

    @cached_property
    def retries(self) -> tuple[RetryCall, ...]:
        """Valid batch retries that left, with a body, query or header or without, 429 included, in order."""
        return tuple(c for c in self.sent if not c.single and c.valid)

    @cached_property
    def singles(self) -> tuple[RetryCall, ...]:
        """Valid single retries that left, in order."""
        return tuple(c for c in self.sent if c.single and c.valid)

    @cached_property
    def probes(self) -> tuple[RetryCall, ...]:
        """Calls that left and must have no effect, whatever the state of the batch."""
        return tuple(c for c in self.sent if not c.valid)

    @property
    def scenario(self) -> str:
        return self.send.invoke.scenario if self.send is not None else ""

    @cached_property
    def _resetting(self) -> dict[str, tuple[RetryCall, ...]]:
        return {}

    def resetting(self, message: str) -> tuple[RetryCall, ...]:
        """Accepted calls, and calls of unknown outcome, that may give this message an attempt, in order."""
        if message not in self._resetting:
            self._resetting[message] = tuple(c for c in self.resets if c.reaches(message))
        return self._resetting[message]

    def next_call(self, call: RetryCall) -> float:
        """When the next call on the batch or one of its messages left; infinity if none did."""
        return min((c.t for c in self.sent if c.t > call.t and c.n != call.n), default=float("inf"))

    def overlapping(self, call: RetryCall) -> tuple[RetryCall, ...]:
        """Other calls on the batch that were in flight together with this one: unordered."""
        return tuple(c for c in self.sent if c.n != call.n and c.t <= call.last and (c.last > call.t or c.unknown))
