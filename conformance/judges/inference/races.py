"""Races: valid retries of one batch that were in flight together, and what its messages gained by them.

A race is told by times alone: by intervals that all have an instant in common. The order in which its members were
decided is unknown, and every order must be allowed for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.timeline import begun, counts_by, follows, gain, owed


@dataclass(frozen=True, eq=False)
class Race:
    """Retries of a batch that were in flight together, at least one of them of the batch as a whole."""

    case: Case
    batch: Batch
    calls: tuple[RetryCall, ...]
    #: When the next call on the batch left: what is read later shows its work too.
    until: float

    @property
    def retries(self) -> tuple[RetryCall, ...]:
        """Its batch retries."""
        return tuple(c for c in self.calls if not c.single)

    @property
    def singles(self) -> tuple[RetryCall, ...]:
        """Its single retries."""
        return tuple(c for c in self.calls if c.single)

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(c.n for c in self.calls)

    @property
    def start(self) -> float:
        return min(c.t for c in self.calls)

    @property
    def last(self) -> float:
        """When all were answered."""
        return max(c.last for c in self.calls)

    @property
    def settled(self) -> float:
        """When whatever its accepted retries do must have come (ruling 16)."""
        return self.last + self.case.header.settle_timeout

    def of(self, *outcomes: str) -> tuple[RetryCall, ...]:
        """Its members of these outcomes (``accepted``, ``refused``, ``throttled``, ``unknown``)."""
        return tuple(c for c in self.calls if c.outcome in outcomes)

    @property
    def skew(self) -> float:
        """Seconds from the first release to the last."""
        starts = [released(c) for c in self.calls]
        return max(starts) - min(starts)

    @cached_property
    def gains(self) -> dict[str, Gain]:
        """What each message is seen to have gained; a message is left out where nothing proves a number."""
        found = ((m, _gain(self, m)) for m in self.batch.messages)
        return {message: gained for message, gained in found if gained is not None}

    @property
    def owned(self) -> bool:
        """True if the gains that were seen give every accepted retry an attempt of its own.

        By Hall's theorem: a single retry needs one of its message, a batch retry one of any message. The gains are
        what was seen, so that more may come, and never fewer.
        """
        accepted = self.of("accepted")
        spare = 0
        for message in self.batch.messages:
            gained = self.gains[message].most if message in self.gains else 0
            single = sum(c.message == message for c in accepted)
            if gained < single:
                return False
            spare += gained - single
        return spare >= sum(not c.single for c in accepted)

    @property
    def missing(self) -> int:
        """How many accepted retries own no attempt, at least, if nothing else is gained any more."""
        accepted = self.of("accepted")
        total = sum(g.most for g in self.gains.values())
        alone = max((sum(c.message == m for c in accepted) - g.most for m, g in self.gains.items()), default=0)
        return max(len(accepted) - total, alone, 0)

    @property
    def closed(self) -> bool:
        """True if every message was seen after the settling time, so that nothing more is gained."""
        seen = [self.gains.get(message) for message in self.batch.messages]
        return self.batch.whole and all(g is not None and g.final is not None for g in seen)

    @cached_property
    def statuses(self) -> tuple[tuple[Reading, str], ...]:
        """Readings of the batch's status from the race on."""
        shown = self.case.status_readings(self.batch)
        return tuple((r, status) for r, status in shown if r.last >= self.start and r.last <= self.until)


@dataclass(frozen=True)
class Gain:
    """Attempts that a message gained by a race, counted in one field of one operation (A4)."""

    before: Reading
    #: The reading that shows most.
    after: Reading
    most: int
    #: A reading from after the settling time, if there is one.
    final: Reading | None
    #: Every reading from the race on, with its gain, in order.
    seen: tuple[tuple[Reading, int], ...]
    #: That nothing but the race can have given them.
    proof: Proof


def released(call: RetryCall) -> float:
    """When the call's last byte left; where that is not known, when it began."""
    end = call.exchange.end
    return call.t if end.released is None else end.released


def races(case: Case, batch: Batch) -> Iterator[Race]:
    """The batch's races, in order. Every member overlaps every other; a 429 is a member too."""
    valid = sorted((c for c in batch.sent if c.valid), key=lambda c: (released(c), c.n))
    groups: list[list[RetryCall]] = []
    for call in valid:
        if groups and released(call) < min(c.last for c in groups[-1]):
            groups[-1].append(call)
        else:
            groups.append([call])
    for group in groups:
        if len(group) < 2 or all(c.single for c in group):
            continue
        inside = {c.n for c in group}
        start = min(c.t for c in group)
        later = [c.t for c in batch.sent if c.n not in inside and c.t >= start]
        yield Race(case, batch, tuple(sorted(group, key=lambda c: c.n)), min(later, default=float("inf")))


def gained_by_view(race: Race, message: str) -> Iterator[Gain]:
    """What the message gained between the last reading before the race and those from it on, as each view shows it.

    Nothing else can have given it an attempt between the two: no retry was outstanding at the first (rulings 11 and 16),
    and none but the race's own began before the second was over (A6).
    """
    case, batch = race.case, race.batch
    resets = batch.resetting(message)
    for view in case.views(message):
        before = [r for r in view if r.last <= race.start]
        if not before:
            continue
        a = before[-1]
        outstanding = owed(case, batch, a)
        if not outstanding.none or any(
            a.last <= c.t < race.start or (c.t < a.last and c.last > begun(case, a)) for c in resets
        ):
            continue
        seen = [(r, g) for r in view if r.t >= race.start and r.last <= race.until and (g := gain(a, r)) is not None]
        if not seen:
            continue
        after, most = max(seen, key=lambda pair: pair[1])
        final = next((r for r, _ in seen if follows(case, r, race.settled)), None)
        assumed = (*counts_by(a, after), *assume("A6", batch.id), *assume("A7", a.view))
        read = tuple(r.n for r in (a, after, final) if r is not None)
        proof = outstanding.proof & Proof(evidence=read, assumptions=frozenset(assumed))
        yield Gain(a, after, max(most, 0), final, tuple(seen), proof)


def _gain(race: Race, message: str) -> Gain | None:
    """What the view shows that proves most."""
    return max(gained_by_view(race, message), key=lambda g: (g.final is not None, g.most), default=None)
