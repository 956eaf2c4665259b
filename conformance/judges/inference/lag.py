"""Axiom A7: how far reads lag, view by view, as far as the history itself shows it.

Lag is what the same view later makes good (ruling 29): a read shows less than an answer that ended before it began, whatever view
gave that answer, and a later read of the same view shows as much again. What never comes right again is no lag but a fault, and
stays for the judges. Estimated from raw readings, before anything is concluded from them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING

from conformance.contract.vocabulary import rank
from conformance.history.records import Exchange
from conformance.judges.inference.listings import Snapshot, page_ids
from conformance.judges.inference.own_word import word
from conformance.judges.inference.readings import Reading

if TYPE_CHECKING:
    from conformance.judges.inference.batch import Batch
    from conformance.judges.inference.case import Case

#: Seconds of the last digit of an updatedAt from which on it may be the same for two attempts of a fast target.
COARSE = 1.0
#: Seconds by which a stamp may be older than the instant from which on it is shown.
BRIEF = 0.05


@dataclass(frozen=True)
class Shown:
    """A lag that the history shows: ``seconds``, and the read ``n`` of ``view`` that lags so far."""

    seconds: float
    view: str
    n: int
    #: The message that it shows in an older state than an earlier answer did, if it shows one.
    message: str | None = None


@dataclass(frozen=True)
class Lags:
    """How far reads may lag, by view."""

    configured: float | None
    shown: Mapping[str, Shown]
    #: Readings that are known to be out of date, by read and message: how far at least, and not how far at most.
    stale: frozenset[tuple[int, str]] = frozenset()

    def allowed(self, view: str) -> float:
        """Seconds that a read of the view may lag: as configured, else twice what the history shows of it."""
        if self.configured is not None:
            return self.configured
        found = self.shown.get(view)
        return 0.0 if found is None else 2 * found.seconds

    @property
    def largest(self) -> Shown | None:
        """The largest lag that the history shows, whatever was configured; None if it shows none."""
        return max(self.shown.values(), key=lambda s: (s.seconds, -s.n), default=None)


def lags(case: Case) -> Lags:
    """The lags of a history."""
    shown: dict[str, Shown] = {}
    stale: set[tuple[int, str]] = set()
    for one in _all(case):
        if one.message is not None:
            stale.add((one.n, one.message))
        known = shown.get(one.view)
        if one.seconds > 0 and (known is None or (one.seconds, -one.n) > (known.seconds, -known.n)):
            shown[one.view] = one
    return Lags(case.header.read_lag, shown, frozenset(stale))


def _all(case: Case) -> Iterator[Shown]:
    blind = _several_clocks(case)
    for message in case.messages:
        # What several clocks stamp tells no order.
        seen = [replace(r, updated_at=None) if blind else r for r in case.readings(message)]
        resets = case.resets_of(message)
        yield from _regressions(seen, resets)
        batch = case.batch_of(message)
        if batch is not None:
            yield from _missed(case, batch, message)
    yield from _missing_rows(case)
    yield from _not_found(case)
    if not blind:
        yield from _out_of_date(case)


def _behind(
    older: Reading, newer: Reading, resets: Sequence[float] = (), given: int = 0, most: int | None = None
) -> bool:
    """True if ``older``, which began after ``newer`` had ended, shows an earlier state of the message than that did.

    Told by a count of the same field, by updatedAt where the status does not contradict it, or by a status that goes back although
    no retry may have reset the message: none had left by then but those whose attempts ``newer`` shows, ``given`` in number, or
    ``newer`` shows it a success, in the same attempt, or ``older`` itself shows no more attempts of retries, ``most`` at most.
    """
    names = older.counts.keys() & newer.counts.keys()
    grown = [older.counts[n] - newer.counts[n] for n in names]
    if grown and (max(grown) > 0 or min(grown) < 0):
        return min(grown) < 0 and max(grown) <= 0
    before, after = rank(newer.status), rank(older.status)
    back = before is not None and after is not None and after < before
    moved = _moved(newer, older)
    if moved:
        return moved < 0 and (back or (older.status != newer.status and after == before))
    few = sum(t <= older.last for t in resets) if most is None else most
    if back and (few <= given or (grown and newer.status == "success")):
        return True
    listed = (older.attempts, newer.attempts)
    if None in listed or older.partial_list or newer.partial_list or older.view == newer.view:
        return False
    # Lists of two views need not count alike (A4), but to take one for older than it is costs a verdict at most.
    mine, other = len(older.attempts or ()), len(newer.attempts or ())
    return mine < other or (mine == other and back)


def _regressions(seen: Sequence[Reading], resets: Sequence[float]) -> Iterator[Shown]:
    """Reads that show less than an earlier answer of any view, where a later read of their view shows as much again."""
    ordered = sorted(seen, key=lambda r: (r.t, r.n))
    given = _given(ordered, resets)
    states: list[Reading] = []
    for reading in ordered:
        again = next((i for i, q in enumerate(states) if _same_state(q, reading)), len(states))
        earlier = [
            q
            for i, q in enumerate(states)
            if q.last <= reading.t
            and (
                (_behind(reading, q, resets, given(q) or 0, given(reading)) and not _outgrown(given(q), given(reading)))
                or _outgrown(given(reading), given(q))
                # A state that is shown again after another one, which came behind it.
                or (
                    i > again
                    and states[again].last <= q.t
                    and not _same_state(q, reading)
                    and _stamped(q, reading)
                    and not _behind(q, states[again])
                    and not any(_same_state(q, before) for before in states[:again])
                )
            )
        ]
        if earlier:
            good = [s for s in ordered if s.view == reading.view and s.t >= reading.last and not _unmoved(reading, s)]
            for q in earlier:
                if any(_as_new(s, q, resets) for s in good) and not _taken_back(q, ordered, resets):
                    yield Shown(reading.t - q.last, reading.view, reading.n, reading.message)
        if not states or _key(states[-1]) != _key(reading):
            states.append(reading)


def _out_of_date(case: Case) -> Iterator[Shown]:
    """Reads that by the target's own clock were out of date when they began, as what their view and another show later tells.

    The clock was not behind any stamp that an answer had shown by its end. Clocks differ (ruling 27): what would be out of date
    by more than a settling time is another clock's, and to take a read for older than it is costs a verdict at most.
    """
    stamped = [r for r in case.all_readings if r.updated_at is not None and r.updated_unit < COARSE]
    ahead = max((r.updated_at.timestamp() - r.last for r in stamped if r.updated_at is not None), default=0.0)
    by_message: defaultdict[str, list[Reading]] = defaultdict(list)
    for reading in stamped:
        by_message[reading.message].append(reading)
    for seen in by_message.values():
        for i, a in enumerate(seen):
            later = [r for r in seen[i + 1 :] if r.t >= a.last and _moved(a, r) > 0]
            first = min(
                (r.updated_at.timestamp() + r.updated_unit for r in later if r.updated_at is not None), default=inf
            )
            behind = ahead + a.t - first
            if BRIEF < behind <= case.header.settle_timeout and {a.view} < {r.view for r in later}:
                yield Shown(behind, a.view, a.n, a.message)


def _several_clocks(case: Case) -> bool:
    """Whether a later state of a message, told by its status or by a count, is shown with an older updatedAt."""
    for message in case.messages:
        for view in case.views(message):
            for a, b in pairwise(view):
                names = a.counts.keys() & b.counts.keys()
                grown = [b.counts[n] - a.counts[n] for n in names]
                # Without a count an older state looks like a later one: a failure behind the created of its retry.
                further = not any(grown) and (rank(b.status) or 0) > (rank(a.status) or 0)
                if grown and (min(grown) > 0 or further) and b.t >= a.last and _moved(a, b) < 0:
                    return True
    return False


def _outgrown(shown: int | None, more: int | None) -> bool:
    """True if a reading shows more new attempts than another, each by a count of its own view: it is not older (A4)."""
    return shown is not None and more is not None and more > shown


def _given(ordered: Sequence[Reading], resets: Sequence[float]) -> Callable[[Reading], int | None]:
    """How many attempts a reading shows more than one of its view from before the first retry; None where that is not shown."""
    first = min(resets, default=float("inf"))
    bases = {r.view: r for r in reversed(ordered) if r.last <= first}

    def given(reading: Reading) -> int | None:
        base = bases.get(reading.view)
        names = reading.counts.keys() & base.counts.keys() if base is not None else ()
        return min((reading.counts[n] - base.counts[n] for n in names if base is not None), default=None)

    return given


def _same_state(a: Reading, b: Reading) -> bool:
    """True if both show the very same state: one status with one updatedAt, which a change would have moved (A5)."""
    return a.updated_at is not None and (a.status, a.updated_at) == (b.status, b.updated_at)


def _unmoved(a: Reading, b: Reading) -> bool:
    """True if ``b`` shows nothing but what ``a`` showed, by an updatedAt that is too fine to stand for two attempts (A5)."""
    return _same_state(a, b) and a.counts == b.counts and b.updated_unit < COARSE


def _stamped(a: Reading, b: Reading) -> bool:
    """True if both show an updatedAt, and different ones."""
    return _moved(a, b) != 0


def _moved(a: Reading, b: Reading) -> float:
    """Seconds from the updatedAt of ``a`` to that of ``b``; 0 where one is missing, or where they differ by less than the coarser
    of their last digits: one view may drop digits that another shows (ruling 19)."""
    if a.updated_at is None or b.updated_at is None:
        return 0.0
    seconds = (b.updated_at - a.updated_at).total_seconds()
    alike = a.updated_unit == b.updated_unit
    return seconds if alike or abs(seconds) >= max(a.updated_unit, b.updated_unit) else 0.0


def _as_new(later: Reading, newer: Reading, resets: Sequence[float]) -> bool:
    """True if a later read shows at least the state of ``newer``: that very state, or one not behind it."""
    return (later.status, later.updated_at) == (newer.status, newer.updated_at) or not _behind(later, newer, resets)


def _key(reading: Reading) -> tuple[object, ...]:
    return (reading.view, reading.status, reading.updated_at, tuple(sorted(reading.counts.items())))


def _taken_back(earlier: Reading, seen: Sequence[Reading], resets: Sequence[float]) -> bool:
    """True if an attempt that ``earlier`` lists was taken back, and a retry made up for it by another: that is no lag.

    A read of a target that only lags shows every attempt again when it shows as many, but the oldest of a list that is cut: by id
    and createdAt in the same view, and by createdAt in another one, where the two stamp an older attempt alike.
    """
    for later in seen:
        if later.t < earlier.last or later.abbreviated or len(later.attempts or ()) < len(earlier.attempts or ()):
            continue
        if not any(earlier.t < t <= later.last for t in resets):
            continue
        same = later.view == earlier.view
        mine, theirs = ({(a.id if same else None, a.created_at) for a in r.attempts or ()} for r in (earlier, later))
        kept = {at for mark in mine & theirs if (at := mark[1]) is not None}
        gone = {at for mark in mine - theirs if (at := mark[1]) is not None}
        if not same:
            # One of the views may round what the other shows.
            near = [at for _, at in theirs - mine if at is not None]
            gone = {at for at in gone if all(abs((at - other).total_seconds()) > COARSE for other in near)}
        if kept and gone and min(kept) < max(gone):
            return True
    return False


def _missed(case: Case, batch: Batch, message: str) -> Iterator[Shown]:
    """Reads that begin after a single retry's 201 and still show the state from before it, while a later one shows another.

    No other call may reset the message meanwhile, so that it cannot have come back to that state and left it again. What shows the
    old state when the settling time is over does not lag: the retry, or the view, breaks its rule (BR-SGL-02, BR-IDS-07).
    """
    most = case.header.settle_timeout
    for single in batch.singles:
        if not single.accepted or single.message != message:
            continue
        others = [c for c in batch.resetting(message) if c.n != single.n]
        closed = min((c.t for c in others if c.t > single.t), default=float("inf"))
        ended = max((c.last for c in others if c.t <= single.t), default=float("-inf"))
        for view in case.views(message):
            before = [r for r in view if r.t > ended and r.last < single.t]
            if not before:
                continue
            after = [r for r in view if r.t > single.last and r.last < closed]
            new = [r.t for r in after if not _as_before(before[-1], r)]
            for r in after:
                if new and r.t < max(new) and r.t - single.last <= most and _as_before(before[-1], r):
                    yield Shown(r.t - single.last, r.view, r.n, r.message)


def _as_before(base: Reading, reading: Reading) -> bool:
    """True if the reading shows nothing that ``base`` did not show."""
    names = base.counts.keys() & reading.counts.keys()
    same = (base.status, base.updated_at) == (reading.status, reading.updated_at)
    return same and all(base.counts[n] == reading.counts[n] for n in names)


def _missing_rows(case: Case) -> Iterator[Shown]:
    """Whole listings that lack a message which an earlier answer had shown, while a later listing holds it."""
    first_seen: dict[str, Reading] = {}
    for reading in case.all_readings:
        known = first_seen.get(reading.message)
        if known is None or reading.last < known.last:
            first_seen[reading.message] = reading
    walks = [s for s in case.snapshots if s.complete and s.search is None and s.direction == "forward"]
    by_view: defaultdict[tuple[str | None, str | None], list[int]] = defaultdict(list)
    for index, walk in enumerate(walks):
        by_view[walk.batch, walk.campaign].append(index)
    for (batch, _), indices in by_view.items():
        members = [m for m in first_seen if batch is None or (home := case.batch_of(m)) is None or home.id == batch]
        # The last of these walks that holds a message, by its place among them.
        last_held = {message: place for place, index in enumerate(indices) for message in walks[index].ids}
        for place, index in enumerate(indices):
            walk, held = walks[index], set(walks[index].ids)
            for message in members:
                known = first_seen[message]
                if message in held or known.last > walk.t or last_held.get(message, -1) <= place:
                    continue
                if not _up_to_date(case, walk, message):
                    view = "campaign_list" if batch is None else "batch_list"
                    yield Shown(walk.t - known.last, view, walk.pages[0].n)


def _up_to_date(case: Case, walk: Snapshot, message: str) -> bool:
    """True if every page of a walk that lacks a message is newer than an answer of the same view that held it.

    Then it is no lag: what a page shows of another message is a later state than that answer showed (A1, A4, A5).
    """
    view = walk.pages[0].invoke.operation
    holders = {r.n for r in case.readings(message) if r.view == view and r.last <= walk.t}
    for page in walk.pages:
        found = (r for m in page_ids(page) for r in case.readings(m) if r.n == page.n)
        if not any(
            _newer(old, new, case.resets_of(new.message))
            for new in found
            for old in case.readings(new.message)
            if old.n in holders
        ):
            return False
    return bool(holders)


def _newer(old: Reading, new: Reading, resets: Sequence[float]) -> bool:
    """True if the state that ``new`` shows of a message surely came after the one that ``old`` shows."""
    grown = [new.counts[n] - old.counts[n] for n in old.counts.keys() & new.counts.keys()]
    if grown and max(grown) != 0:
        return min(grown) > 0
    before, after = rank(old.status), rank(new.status)
    if before is not None and after is not None and after > before and not any(t <= old.last for t in resets):
        return True
    # Stamps may come of several clocks (ruling 27): a second is more than they differ by.
    stamps = (old.updated_at, new.updated_at)
    return stamps[0] is not None and stamps[1] is not None and (stamps[1] - stamps[0]).total_seconds() > 1


def _not_found(case: Case) -> Iterator[Shown]:
    """Single reads that do not find a message which an earlier answer had shown, while a later one finds it."""
    found: defaultdict[str, list[Exchange]] = defaultdict(list)
    missing: list[Exchange] = []
    for e in case.exchanges:
        if e.invoke.operation != "message_read" or e.invoke.cause is not None or e.invoke.message is None:
            continue
        if e.status == 200:
            found[e.invoke.message].append(e)
        elif e.status in (400, 404) and word(e) == "target":
            missing.append(e)
    for e in missing:
        message = e.invoke.message or ""
        earlier = [r for r in case.readings(message) if r.last <= e.t]
        if earlier and any(other.t >= e.last for other in found[message]):
            yield Shown(e.t - min(r.last for r in earlier), "message_read", e.n)
