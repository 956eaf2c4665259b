"""Random walks through the model: legal histories, for property tests of the judges.

A walk plays a legal target against a tester who reads and retries at random. What a read shows is taken from the
states that its time allows: of the moment, of a moment before within the read lag, or torn between moments.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from conformance.contract.vocabulary import NOT_FAILED_CODE, TOO_MANY_CODE
from conformance.history.records import History
from oracle.exchanges import to_history
from oracle.line import (
    Cell,
    Line,
    Listing,
    Part,
    Reads,
    Retry,
    Shown,
    Wait,
    usual_roles,
)
from oracle.world import UNMADE, Outcome, Switches, World, moves, retry, single, starts

#: Seconds that a cell takes, with the pause after it (``exchanges``).
_CELL = 0.02


class Walk:
    """One walk. ``line`` and ``history`` are what it left behind.

    :param seed: from which everything is drawn.
    :param switches: the freedoms of the target, ``partial`` among them; its axioms hold.
    :param rows: messages of the batch.
    :param cells: how many cells the tester fills.
    :param settle: ``settle_timeout``, seconds.
    :param lag: by how much reads lag at most, seconds.
    """

    def __init__(
        self, seed: int, *, switches: Switches | None = None, rows: int = 2, cells: int = 10, settle: float = 1.0,
        lag: float = 0.0,
    ) -> None:  # fmt: skip
        self.rng = Random(seed)
        self.switches = switches or Switches()
        self.settle, self.lag = settle, lag
        self.now = _CELL
        self.stamps = self.rng.random() < 0.3
        self.counts = not self.stamps or self.rng.random() < 0.5
        self.ticks = [0] * rows
        self.pace = self.rng.choice([1, 2, 6])
        self.lazy = self.rng.random() < 0.5
        made = self.rng.random() < 0.8
        self.world = self.rng.choice(list(starts(rows, self.switches, made=made)))
        self.world_ticks: tuple[int, ...] = tuple(self.ticks)
        self.past: list[tuple[float, World, tuple[int, ...]]] = [(0.0, self.world, self.world_ticks)]
        self.written = 0
        self.cells: list[Cell] = []
        self.calm_since = 0.0
        for _ in range(cells):
            self._step(self.rng.randrange(self.pace + 1))
            self._cell()

    @property
    def line(self) -> Line:
        """The cells, as the notation writes them."""
        return Line(roles=usual_roles(len(self.world.messages), tuple(self.cells)), cells=tuple(self.cells))

    @property
    def history(self) -> History:
        """The cells, as the judges read them."""
        return to_history(self.line, settle=self.settle, lag=self.lag)

    def _become(self, world: World) -> None:
        for i, (old, new) in enumerate(zip(self.world.messages, world.messages, strict=True)):
            if (old.status, old.attempt) != (new.status, new.attempt):
                self.ticks[i] += 1
        if not (self.world.calm and self.world.busy):
            self.calm_since = self.now
        self.world = world
        self.world_ticks = tuple(self.ticks)
        self.past.append((self.now, world, self.world_ticks))

    def _step(self, times: int) -> None:
        for _ in range(times):
            steps = [s for s in moves(self.world, self.switches) if "leaves" not in s.text or self.rng.random() < 0.2]
            if steps:
                self._become(self.rng.choice(steps).world)

    def _in_time(self, until: float) -> None:
        """What is due by then comes: attempts that are owed, and the end of processing."""
        for due in self.world.due:
            while due.must and due in self.world.due and due.until <= until:
                if not self.world.messages[due.message].ended and self.rng.random() < 0.5:
                    # An owed attempt waits for the one underway, which has to fail in time.
                    self._become(self.world.put(due.message, "F"))
                texts = tuple(f"retry {due.write} {does} message {due.message}" for does in ("resets", "leaves"))
                steps = [s for s in moves(self.world, self.switches) if s.text.startswith(texts)]
                self._become(self.rng.choice(steps).world)
        if self.world.busy and self.world.calm and self.calm_since + self.settle <= until:
            self._become(self.world._replace(batch="enq"))
        if self.world != (world := self.world.at(until)):
            self._become(world)

    def _cell(self) -> None:
        end = self.now + _CELL
        self._in_time(end)
        draw = self.rng.random()
        if draw < 0.3:
            self.cells.append((self._listing(),))
        elif draw < 0.5:
            self.cells.append((self._read(),))
        elif draw < 0.72:
            self.cells.append((self._retry(),))
        elif draw < 0.8:
            self.cells.append((self._single(),))
        elif draw < 0.9:
            self._overlap()
        else:
            wait = self.rng.choice([0.1, self.settle / 2, None])
            self.cells.append((Wait(milliseconds=None if wait is None else round(wait * 1000)),))
            end = self.now + (self.settle + 1 if wait is None else wait)
            self._in_time(end)
        self.now = end

    def _overlap(self) -> None:
        """Two exchanges at once: the first is decided first, or the second."""
        makers = [self._retry, self._listing, self._single, self._retry]
        first, second = self.rng.sample(makers, 2)
        parts = [first()]
        self._step(self.rng.randrange(2))
        parts.append(second())
        self.rng.shuffle(parts)
        self.cells.append(tuple(parts))
        self.now += 0.001

    def _state(self) -> tuple[World, tuple[int, ...]]:
        """A state that a read may show now: the last, or one that was the last no longer ago than the lag."""
        if self.lag <= _CELL or self.rng.random() < 0.5:
            return self.world, self.world_ticks
        ended = [t for t, _, _ in self.past[1:]]
        fresh = [state for state, end in zip(self.past, ended, strict=False) if end >= self.now - self.lag + _CELL]
        _, world, ticks = self.rng.choice([*fresh, self.past[-1]])
        return world, ticks

    def _sight(self, i: int, *, batch: bool = False) -> tuple[Shown | None, str | None]:
        world, ticks = self._state()
        message = world.messages[i]
        shown = Shown(
            status=message.status,
            count=message.attempt if self.counts else None,
            stamp=ticks[i] if self.stamps else None,
        )
        return (None if message.status == UNMADE else shown), (world.shown if batch else None)

    def _listing(self) -> Part:
        rows = []
        for i in range(len(self.world.messages)):
            rows.append(self._sight(i)[0])
            if self.switches.torn_pages:
                self._step(int(self.rng.random() < 0.1))
        return Listing(rows=tuple(rows)) if any(rows) else self._retry()

    def _read(self) -> Part:
        i = self.rng.randrange(len(self.world.messages))
        shown, batch = self._sight(i, batch=self.rng.random() < 0.7)
        if shown is None:
            return self._listing()
        return Reads(rows=tuple(shown if j == i else None for j in range(len(self.world.messages))), batch=batch)

    def _chosen(self, outcomes: Sequence[Outcome]) -> Outcome:
        accepted = [o for o in outcomes if o.accepted]
        return self.rng.choice(accepted if accepted and self.rng.random() < 0.8 else list(outcomes))

    def _retry(self) -> Part:
        self.written += 1
        draw = self.rng.random()
        until = self.now + _CELL / 2 + self.settle
        outcomes = list(retry(self.world, self.switches, write=self.written, until=until))
        if draw < 0.04:
            return Retry(status=429)
        if not self.switches.delayed:
            outcomes = [o for o in outcomes if not o.world.due]
        outcome = self._chosen(outcomes)
        if draw < 0.12:
            status = self.rng.choice([None, 503, 500])
            # A 500 claims that nothing was done (BR-ERR-07).
            if status != 500 and self.rng.random() < 0.7:
                self._become(outcome.world)
            return Retry(status=status)
        self._become(outcome.world)
        if self.lazy and outcome.accepted:
            self._reset_at_once()
        if outcome.accepted:
            return Retry(status=201)
        codes = sorted(outcome.codes or {"some_code"})
        return Retry(status=400, code=self.rng.choice(codes))

    def _reset_at_once(self) -> None:
        for due in self.world.due:
            if due.must and due.write == self.written and self.world.messages[due.message].status == "F":
                rest = tuple(other for other in self.world.due if other != due)
                self._become(self.world.put(due.message, "C", reset=True)._replace(due=rest))

    def _single(self) -> Part:
        failed = [i for i, m in enumerate(self.world.messages) if m.status == "F"]
        known = [i for i, m in enumerate(self.world.messages) if m.status != UNMADE]
        if not known:
            return self._retry()
        i = self.rng.choice(failed or known)
        until = self.now + _CELL / 2 + self.settle
        outcome = self._chosen(list(single(self.world, i, self.switches, until=until)))
        self._become(outcome.world)
        if outcome.accepted:
            return Retry(message=i, status=201)
        code = TOO_MANY_CODE if outcome.codes is None and self.rng.random() < 0.7 else NOT_FAILED_CODE
        return Retry(message=i, status=400, code=code)
