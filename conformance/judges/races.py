"""Races: valid retries of one batch that were in flight together, and what its messages gained by them.

A race is told by times alone: by intervals that all have an instant in common. The order in which its members were
decided is unknown, and every order must be allowed for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from conformance.judges.case import Batch, Case, Write
from conformance.judges.sightings import Sight
from conformance.judges.timeline import acts_on, begun, follows, gain, pending, views


@dataclass(frozen=True, eq=False)
class Race:
    """Retries of a batch that were in flight together, at least one of them of the batch as a whole."""

    case: Case
    batch: Batch
    writes: tuple[Write, ...]
    #: When the next write on the batch left: what is read later shows its work too.
    until: float

    @property
    def retries(self) -> tuple[Write, ...]:
        """Its batch retries."""
        return tuple(w for w in self.writes if w.message is None)

    @property
    def singles(self) -> tuple[Write, ...]:
        """Its single retries."""
        return tuple(w for w in self.writes if w.message is not None)

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(w.n for w in self.writes)

    @property
    def start(self) -> float:
        return min(w.t for w in self.writes)

    @property
    def last(self) -> float:
        """When all were answered."""
        return max(w.last for w in self.writes)

    @property
    def settled(self) -> float:
        """When whatever its accepted retries do must have come (ruling 16)."""
        return self.last + self.case.header.settle_timeout

    def of(self, *standings: str) -> tuple[Write, ...]:
        """Its members that stand so (``accepted``, ``refused``, ``open``, ``dropped``)."""
        return tuple(w for w in self.writes if w.standing in standings)

    @property
    def skew(self) -> float:
        """Seconds from the first release to the last."""
        starts = [released(w) for w in self.writes]
        return max(starts) - min(starts)

    @cached_property
    def gains(self) -> dict[str, Gain]:
        """What each message is seen to have gained; a message is left out where nothing proves a number."""
        found = ((m, _gain(self, m)) for m in self.batch.messages)
        return {message: gained for message, gained in found if gained is not None}

    @property
    def owned(self) -> bool:
        """Whether the gains that were seen give every accepted retry an attempt of its own.

        By Hall's theorem: a single retry needs one of its message, a batch retry one of any message. The gains are
        what was seen, so that more may come, and never fewer.
        """
        accepted = self.of("accepted")
        spare = 0
        for message in self.batch.messages:
            gained = self.gains[message].most if message in self.gains else 0
            single = sum(w.message == message for w in accepted)
            if gained < single:
                return False
            spare += gained - single
        return spare >= sum(w.message is None for w in accepted)

    @property
    def missing(self) -> int:
        """How many accepted retries own no attempt, at least, if nothing else is gained any more."""
        accepted = self.of("accepted")
        total = sum(g.most for g in self.gains.values())
        alone = max((sum(w.message == m for w in accepted) - g.most for m, g in self.gains.items()), default=0)
        return max(len(accepted) - total, alone, 0)

    @property
    def closed(self) -> bool:
        """Whether every message was seen after the settling time, so that nothing more is gained."""
        seen = [self.gains.get(message) for message in self.batch.messages]
        return self.batch.whole and all(g is not None and g.final is not None for g in seen)

    @cached_property
    def statuses(self) -> tuple[tuple[Sight, str], ...]:
        """Sights of the batch's status from the race on."""
        shown = self.case.status_sights(self.batch)
        return tuple((s, status) for s, status in shown if s.last >= self.start and s.last <= self.until)


@dataclass(frozen=True)
class Gain:
    """Attempts that a message gained by a race, counted in one field of one operation (A4)."""

    before: Sight
    #: The sight that shows most.
    after: Sight
    most: int
    #: A sight from after the settling time, if there is one.
    final: Sight | None
    #: Every sight from the race on, with its gain, in order.
    seen: tuple[tuple[Sight, int], ...]


def released(write: Write) -> float:
    """When the write's last byte left; where that is not known, when it began."""
    end = write.exchange.end
    return write.t if end.released is None else end.released


def races(case: Case, batch: Batch) -> Iterator[Race]:
    """The batch's races, in order. Every member overlaps every other; a 429 is a member too."""
    valid = sorted((w for w in batch.writes if w.valid and w.standing != "unsent"), key=lambda w: (released(w), w.n))
    groups: list[list[Write]] = []
    for write in valid:
        if groups and released(write) < min(w.last for w in groups[-1]):
            groups[-1].append(write)
        else:
            groups.append([write])
    for group in groups:
        if len(group) < 2 or all(w.message is not None for w in group):
            continue
        inside = {w.n for w in group}
        start = min(w.t for w in group)
        later = [w.t for w in batch.writes if w.n not in inside and w.t >= start and w.standing != "unsent"]
        yield Race(case, batch, tuple(sorted(group, key=lambda w: w.n)), min(later, default=float("inf")))


def raced(case: Case, batch: Batch) -> frozenset[int]:
    """Numbers of the batch's writes that had a rival."""
    return frozenset(n for race in races(case, batch) for n in race.numbers)


def _gain(race: Race, message: str) -> Gain | None:
    """What the message gained between the last sight before the race and those from it on.

    Nothing else can have given it an attempt between the two: no retry was pending at the first (rulings 11 and 16),
    and none but the race's own began before the second was over (A6).
    """
    case, batch = race.case, race.batch
    found: Gain | None = None
    for view in views(case.sights(message)):
        before = [s for s in view if s.last <= race.start]
        if not before or pending(case, batch, message, before[-1]):
            continue
        a = before[-1]
        if any(
            a.last < w.t < race.start or (w.t <= a.last and w.last > begun(case, a)) for w in acts_on(batch, message)
        ):
            continue
        seen = [(s, g) for s in view if s.t >= race.start and s.last <= race.until and (g := gain(a, s)) is not None]
        if not seen:
            continue
        after, most = max(seen, key=lambda pair: pair[1])
        final = next((s for s, _ in seen if follows(case, s, race.settled)), None)
        one = Gain(a, after, max(most, 0), final, tuple(seen))
        if found is None or (one.final is not None, one.most) > (found.final is not None, found.most):
            found = one
    return found
