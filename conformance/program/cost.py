"""What a program costs, told from the program alone: messages and calls, on a target that keeps the contract and on any.

The forecast follows each row: a retry is accepted if no message of the batch is ``created`` and one has failed that was
retried fewer than three times. It is exact but for races, whose winner nobody knows: the dearest is taken.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from conformance.config import Config
from conformance.history.probe import Probe
from conformance.program.pace import GROWTH, HELD_BACK, LONGEST, LONGEST_PART
from conformance.program.retrying import TRIES
from conformance.program.steps import (
    OF_NO_BATCH,
    AnyStep,
    Burst,
    Condition,
    Program,
    Read,
    Retry,
    RowSpec,
    Send,
    SingleRetry,
    SingleSend,
    State,
    Together,
    Wait,
)
from conformance.program.waiting import MOST_SETTLES

#: How often a message may be retried, for the forecast (ruling 3).
LIMIT = 3
#: Looks that a wait takes beyond its last one in a common run, for the likely number of calls.
EXTRA_LOOKS = 0.25
#: Pages of the campaign's listing that a read of it takes at most, for the bound.
CAMPAIGN_PAGES = 10

_STATUS: frozenset[Condition] = frozenset({"quiet", "retried"})
_TERMINAL: frozenset[Condition] = frozenset({"quiet", "retried", "terminal", "ended", "agreed"})


@dataclass
class Cost:
    """What the steps so far cost with this configuration. ``step`` adds one."""

    config: Config
    #: On a target that keeps the contract; on any, with and without the retries that are sent again.
    messages: int = 0
    messages_at_most: int = 0
    messages_unrepeated: int = 0
    #: Without polling; with all the polling that time-outs allow, and every repetition.
    calls: int = 0
    calls_at_most: int = 0
    waits: int = 0
    seconds_at_most: float = 0.0
    #: Messages of sends by role, and the largest batch.
    roles: dict[str, int] = field(default_factory=dict)
    widest: int = 0
    #: Deliveries that are waited for one after the other; those behind a wait for the other programs apart.
    deliveries: int = 0
    deliveries_last: int = 0
    _due: dict[str, int] = field(default_factory=dict)
    _last: bool = False
    #: What follows is not done on a target that keeps the contract.
    _over: bool = False
    _rows: dict[str, tuple[RowSpec, ...]] = field(default_factory=dict)
    _retried: dict[tuple[str, int], int] = field(default_factory=dict)
    #: Rows whose messages are ``created``, and rows whose messages are neither that nor terminal.
    _created: set[tuple[str, int]] = field(default_factory=set)
    _moving: set[tuple[str, int]] = field(default_factory=set)
    #: Batches that the vendor holds in processing.
    _processing: set[str] = field(default_factory=set)

    @property
    def calls_likely(self) -> int:
        """Return about how many calls a common run takes."""
        return min(self.calls_at_most, self.calls + math.ceil(EXTRA_LOOKS * self.waits))

    def step(self, step: AnyStep) -> None:
        """Add the cost of a step."""
        if isinstance(step, Burst):
            for inner in step.steps:
                self.step(inner)
        elif isinstance(step, Together):
            self._race(step)
        elif isinstance(step, Send):
            self._send(step.batch, step.rows)
            self.widest = max(self.widest, len(step.rows))
        elif isinstance(step, SingleSend):
            self._send(step.batch, (step.row,))
        elif isinstance(step, Retry):
            self._retry(step)
        elif isinstance(step, SingleRetry):
            self._single(step)
        elif isinstance(step, State):
            self._state(step)
        elif isinstance(step, Read):
            self._read(step)
        else:
            self._wait(step)

    def _send(self, batch: str, rows: tuple[RowSpec, ...]) -> None:
        self._rows[batch] = rows
        self._created |= {(batch, index) for index in range(len(rows))}
        self._begin(batch)
        for row in rows if not self._over else ():
            self.roles[row.role] = self.roles.get(row.role, 0) + 1
        self._spend(len(rows), len(rows))
        self._call(1, 1)

    def _state(self, step: State) -> None:
        if step.action == "teardown":
            self._processing.discard(step.batch)
            return
        # One message, as the scenarios ask for; it is the vendor's own, and its retry has to be refused.
        self._rows[step.batch] = (RowSpec(),)
        self._processing.add(step.batch)

    def _open(self, batch: str) -> list[int]:
        """Return the rows that a retry of this batch picks up."""
        return [index for index in range(len(self._rows.get(batch, ()))) if self._failed(batch, index)]

    def _failed(self, batch: str, index: int) -> bool:
        key, role = (batch, index), self._rows[batch][index].role
        most = {"failing": LIMIT, "recovering": 1}.get(role, 0)
        return key not in self._created | self._moving and self._retried.get(key, 0) < most

    def _begin(self, batch: str) -> None:
        """Take in that a delivery of this batch begins."""
        self._due[batch] = 1 + (self.deliveries_last if self._last else self.deliveries)

    def _awaited(self, batch: str) -> None:
        """Take in that the deliveries of this batch have been waited for."""
        due = self._due.get(batch, 0)
        if self._over:
            return
        if self._last:
            self.deliveries_last = max(self.deliveries_last, due)
        else:
            self.deliveries = max(self.deliveries, due)

    def _reset(self, batch: str, index: int) -> None:
        self._begin(batch)
        self._retried[batch, index] = self._retried.get((batch, index), 0) + 1
        self._created.add((batch, index))

    def _retry(self, step: Retry) -> None:
        probe, size = Probe.parse(step.cause), len(self._rows.get(step.batch, ()))
        may = (
            (probe is None or probe.harmless)
            and step.auth in ("valid", "second")
            and step.batch not in self._processing
        )
        blocked = any(batch == step.batch for batch, _ in self._created)
        picked = self._open(step.batch) if may and not blocked else []
        for index in picked:
            self._reset(step.batch, index)
        # The budget is charged with the whole batch, whatever the retry picks up.
        tries = 1 if step.auth == "second" else TRIES
        self._spend(size if picked else 0, size, times=tries)
        self._call(1, 2 * tries - 1)

    def _single(self, step: SingleRetry) -> None:
        size = len(self._rows.get(step.batch, ()))
        accepted = step.cause is None and size > 0 and self._failed(step.batch, step.row % size)
        if accepted:
            self._reset(step.batch, step.row % size)
        self._spend(int(accepted), int(size > 0), times=1 if step.cause is None else TRIES)
        self._call(1, 1 if step.cause is None else 2 * TRIES - 1)

    def _race(self, step: Together) -> None:
        """One of each batch is accepted, at the cost of the dearest; where the contract is broken, all of them may be."""
        won: set[str] = set()
        retries = [inner for inner in step.steps if not isinstance(inner, Read)]
        for inner in sorted(retries, key=lambda s: isinstance(s, SingleRetry)):
            size = len(self._rows.get(inner.batch, ())) if isinstance(inner, Retry) else 1
            before = self.messages
            if inner.batch not in won:
                most, repeated = self.messages_at_most, self.calls_at_most
                self.step(inner)
                # A race is not sent again.
                self.messages_at_most, self.calls_at_most = most + size, repeated + 1
                won.update([inner.batch] if self.messages > before else [])
            else:
                self._spend(0, size)
                self._call(1, 1)
        reads = sum(len(s.rows) or 1 if s.view == "message" else 1 for s in step.steps if isinstance(s, Read))
        self._call(reads, reads)

    def _read(self, step: Read) -> None:
        size = len(self._rows.get(step.batch, ()))
        pages = max(1, math.ceil(size / step.limit))
        if step.auth != "valid":
            self._call(1, 1)
        elif step.view == "message":
            reads = len(step.rows) or size
            self._call(reads, reads)
        elif step.view == "campaign":
            self._call(1, CAMPAIGN_PAGES)
        elif step.view == "parted":
            self._call(3, 2 * CAMPAIGN_PAGES + 2)
        elif step.view == "listing":
            self._call(pages, pages)
        else:
            self._call(2 * pages - 1, 2 * pages)

    def _wait(self, step: Wait) -> None:
        if step.until in OF_NO_BATCH:
            # What comes behind it begins when the others have ended; on a target that keeps the contract nothing is stuck.
            self._last, self._due, self._over = True, {}, step.until == "stuck"
            return
        if step.until in _TERMINAL:
            self._awaited(step.batch)
            self._created = {key for key in self._created if key[0] != step.batch}
            self._moving = {key for key in self._moving if key[0] != step.batch}
        elif step.until in ("moved", "handed"):
            moved = {key for key in self._created if key[0] == step.batch}
            self._created, self._moving = self._created - moved, self._moving | moved
        settle = self.config.timing.settle_timeout
        bound = step.seconds if step.seconds is not None else settle
        if step.until in _STATUS and step.seconds is None:
            # For its messages, and then for its status.
            bound = MOST_SETTLES * settle
        size = len(self._rows.get(step.batch, ()))
        look = 2 if step.until in _STATUS else 2 + size if step.until == "agreed" else 1
        most = look + (CAMPAIGN_PAGES - 1 if step.until == "agreed" else 0)
        pause, at, looks = 0.02, 0.0, 1
        while at < bound:
            at += pause
            pause = min(pause * GROWTH, max(0.1, min(settle * LONGEST_PART, LONGEST)))
            looks += 1
        self._call(look, most * looks)
        self.waits += 0 if self._over else 1
        self.seconds_at_most += bound + HELD_BACK * settle

    def _spend(self, messages: int, at_most: int, *, times: int = 1) -> None:
        self.messages += 0 if self._over else messages
        self.messages_unrepeated += at_most
        self.messages_at_most += at_most * times

    def _call(self, calls: int, at_most: int) -> None:
        self.calls += 0 if self._over else calls
        self.calls_at_most += at_most


def cost_of(program: Program, config: Config) -> Cost:
    """Return what a program costs with this configuration."""
    cost = Cost(config)
    for step in program.steps:
        cost.step(step)
    return cost
