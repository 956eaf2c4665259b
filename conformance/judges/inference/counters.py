"""Which fields count attempts, and which views keep up (ruling 29).

A field counts only as far as the history bears it out. A list counts if it was seen to hold two. ``numAttempts`` and a whole list
of one view must have grown alike once the message is terminal. A field that is seen to rise only after the reset counts while
the message is terminal. A view that does not show within the settling time what another view showed terminal is set aside.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from conformance.contract.vocabulary import rank
from conformance.judges.inference.readings import Reading

#: ``terminal``: it may be compared between readings in which the message is terminal only. ``drops``: it counts nothing, since
#: attempts that it held were dropped; what it lacks is lost all the same (BR-SEL-05).
Mode = Literal["always", "terminal", "drops", "never"]


@dataclass(frozen=True)
class Behind:
    """A view that does not keep up: ``stale`` still shows an older state than ``ahead`` had shown a settling time before."""

    ahead: Reading
    stale: Reading


@dataclass(frozen=True)
class Trust:
    """What may be trusted of the readings of one history."""

    modes: Mapping[str, Mode]
    #: Views that are set aside, with the readings that show why (BR-IDS-07).
    behind: Mapping[str, Behind]
    #: Fields that are set aside since they grow less than another field that counts, with the readings that show it (BR-IDS-07).
    stale_fields: Mapping[str, Behind]
    #: By view, the first reading that lists an attempt of another message: it counts nothing (BR-IDS-07).
    mixed: Mapping[str, Reading]
    #: Numbers that stand still while their view's status goes back, and that a field of another view had outgrown before they were
    #: read last, less than a settling time: they may yet make it good. And those that the list beside them has outgrown, where no
    #: other view tells which of the two is wrong.
    standing: Mapping[str, Behind]
    #: Two answers of one view between which its number grew by more than retries can have given, and the list beside it did not.
    beyond: tuple[Reading, Reading] | None = None

    def applied(self, seen: Sequence[Reading]) -> tuple[Reading, ...]:
        """The readings of one message without views, counts and outcomes that may not be trusted."""
        return tuple(self._applied(r) for r in seen if r.view not in self.behind)

    def _applied(self, reading: Reading) -> Reading:
        if reading.view in self.mixed:
            # Nobody knows which of them are the message's own.
            return replace(reading, counts={}, attempts=None)
        trusted = _trusted(reading)
        kept = {name: count for name, count in reading.counts.items() if self.modes.get(name) in trusted}
        partial = _partial(reading, self.modes)
        if len(kept) != len(reading.counts) or partial != reading.partial_list:
            reading = replace(reading, counts=kept, partial_list=partial)
        return replace(reading, status=None) if reading.contradicts_itself else reading


def _trusted(reading: Reading) -> tuple[Mode, ...]:
    return ("always", "terminal") if reading.terminal else ("always",)


def _partial(reading: Reading, modes: Mapping[str, Mode]) -> bool:
    """True if its list is not known to hold all attempts: one that shows them later than the status does may lack the newest."""
    whole = ("drops", *_trusted(reading))
    lists = [name for name in ("messageAttempts", "attempts") if name in reading.data]
    return any(modes.get(f"{reading.view}.{name}", "never") not in whole for name in lists)


def counted(
    by_message: Mapping[str, Sequence[Reading]],
    ours: Collection[str],
    resets_of: Callable[[str], tuple[float, ...]],
    settled_of: Callable[[str], float],
    settle: float,
    lag: float = 0.0,
) -> Trust:
    """What of the readings may be trusted to count attempts, and which views keep up.

    :param ours: messages that no other client can retry: a view that shows one in progress again does not keep up.
    :param resets_of: when the calls left that may have given a message an attempt.
    :param settled_of: from when on none of them has an effect to come (ruling 16).
    :param settle: ``settle_timeout`` in seconds. :param lag: seconds that reads lag, as far as the configuration says so.
    """
    modes, standing = _modes(by_message, resets_of)
    # An outcome that the answer itself contradicts is none that another view has to catch up with.
    mine = {
        message: [r for r in seen if not r.contradicts_itself or _partial(r, modes)]
        for message, seen in by_message.items()
        if message in ours
    }
    behind = _views_behind(mine, resets_of, settled_of, settle, lag)
    beyond = next(_beyond(by_message, resets_of), None)
    if beyond is not None:
        # One counter is behind the numbers of all views; what is listed beside it is there.
        lists = {name for name in beyond[1].counts if not name.endswith(".numAttempts")}
        modes.update(
            {n: "terminal" if n in lists else "never" for n in modes if n in lists or n.endswith(".numAttempts")}
        )
    counting = {name for name, mode in modes.items() if mode not in ("never", "drops")} | standing.keys()
    always = {name for name, mode in modes.items() if mode == "always"}
    stale = _stale_fields(by_message, resets_of, counting, always, behind, settle)
    early = _stale_fields(by_message, resets_of, counting, set(), behind, 0.0) if standing.keys() - stale.keys() else {}
    for name in stale:
        modes[name] = "never"
    mixed: dict[str, Reading] = {reading.view: reading for reading in reversed(list(_mixed(by_message)))}
    return Trust(
        modes=modes,
        behind=behind,
        stale_fields=stale,
        mixed=mixed,
        standing={
            n: told for n, late in standing.items() if n not in stale and (told := early.get(n) or late) is not None
        },
        beyond=beyond,
    )


def _modes(
    by_message: Mapping[str, Sequence[Reading]], resets_of: Callable[[str], tuple[float, ...]]
) -> tuple[dict[str, Mode], dict[str, Behind | None]]:
    """How far each field counts; and which numbers stand still where another field of their view grows, to the last perhaps."""
    longest: defaultdict[str, int] = defaultdict(int)
    modes: dict[str, Mode] = {}
    for seen in by_message.values():
        for r in seen:
            for name, count in r.counts.items():
                longest[name] = max(longest[name], count)
    for name, most in longest.items():
        modes[name] = "always" if name.endswith(".numAttempts") or most >= 2 else "never"
    standing: dict[str, Behind | None] = {}
    for mixed in _mixed(by_message):
        modes.update(dict.fromkeys(mixed.counts, "never"))
    for message, seen in by_message.items():
        resets = resets_of(message)
        for view in _by_view(seen).values():
            for name in {name for r in view for name in r.counts}:
                found = _judged(name, [r for r in view if name in r.counts], resets)
                if found == "never" or (found == "terminal" and modes[name] == "always"):
                    modes[name] = found
                if found == "never" and name.endswith(".numAttempts"):
                    standing[name] = standing.get(name) or _left_behind(view)
            _agree(view, modes, standing)
            _dropped(view, modes)
    return modes, standing


def _mixed(by_message: Mapping[str, Sequence[Reading]]) -> Iterator[Reading]:
    """Readings of which the list holds attempts of another message of the run, by their own ``messageId``: they count nothing."""
    for seen in by_message.values():
        yield from (r for r in seen if any(name in by_message for name in r.strangers))


def _by_view(seen: Sequence[Reading]) -> dict[str, list[Reading]]:
    views: defaultdict[str, list[Reading]] = defaultdict(list)
    for r in sorted(seen, key=lambda r: (r.t, r.n)):
        views[r.view].append(r)
    return views


def _judged(name: str, view: Sequence[Reading], resets: Sequence[float]) -> Mode:
    """How far one field counts, by the readings of one message: a status that went back is an attempt that it has to show."""
    shown = set()
    mode: Mode = "always"
    for index, (a, b) in enumerate(pairwise(view)):
        shown.add((a.status, a.updated_at))
        count, later = a.counts[name], b.counts[name]
        if later - count > 1 + sum(t <= b.last for t in resets) + 8:
            return "never"
        if name.startswith("single_retry.") and later <= count:
            # Each such answer shows an attempt that the one before lacked.
            return "never"
        if count == 0 and a.in_progress and later > 0 and not any(t <= b.last for t in resets):
            # It rises with the first attempt that is sent, and so does it with each further one.
            mode = "terminal"
        first, second = rank(a.status), rank(b.status)
        back = first is not None and second is not None and second < first
        # A success is never reset: one that goes back is a read that lags, or broken; neither is the count's fault.
        again = back and b.in_progress and a.status != "success" and (b.status, b.updated_at) not in shown
        if not again or later != count or not any(t <= b.last for t in resets):
            continue
        end = next((r for r in view[index + 2 :] if r.terminal), None)
        mode = "terminal"
        if end is not None and end.counts[name] <= count:
            return "never"
    return mode


def _agree(view: Sequence[Reading], modes: dict[str, Mode], standing: dict[str, Behind | None]) -> None:
    """Two fields of one view that grow by different numbers while the message is terminal: the one that stands still is set aside.

    Where both grow, and differently, neither counts.
    """
    ended = [r for r in view if r.terminal]
    for a, b in pairwise(ended):
        names = [n for n in a.counts.keys() & b.counts.keys() if modes.get(n) not in ("never", "drops")]
        grown = {n: b.counts[n] - a.counts[n] for n in names}
        if len(set(grown.values())) < 2:
            continue
        for name, by in grown.items():
            if by == 0 or 0 not in grown.values():
                modes[name] = "never"
            if by == 0 and name.endswith(".numAttempts"):
                standing[name] = standing.get(name) or _left_behind(ended)


def _left_behind(view: Sequence[Reading]) -> Behind | None:
    """The last reading that shows the message terminal, if its number and its list have grown by different numbers by then."""
    both = [(r, r.number - len(r.attempts)) for r in view if r.terminal and r.number is not None and r.attempts]
    return Behind(both[-1][0], both[-1][0]) if both and both[-1][1] != both[0][1] else None


def _beyond(
    by_message: Mapping[str, Sequence[Reading]], resets_of: Callable[[str], tuple[float, ...]]
) -> Iterator[tuple[Reading, Reading]]:
    """Terminal readings of one view between which its number grew by more than all retries can have given, and its list did not.

    Each listed attempt has an id of its own: the list counts, and the number does not.
    """
    for message, seen in by_message.items():
        resets = resets_of(message)
        for view in _by_view(seen).values():
            ended = [r for r in view if r.terminal and f"{r.view}.numAttempts" in r.counts and r.attempts]
            for a, b in pairwise(ended):
                ids = {x.id for x in b.attempts or ()}
                most = sum(t <= b.last for t in resets)
                number, listed = (b.number or 0) - (a.number or 0), len(b.attempts or ()) - len(a.attempts or ())
                whole = None not in ids and len(ids) == len(b.attempts or ())
                if whole and number > most >= listed > 0:
                    yield a, b


def _dropped(view: Sequence[Reading], modes: dict[str, Mode]) -> None:
    """A list that gains an attempt and lacks an earlier one does not hold all: neither it nor a number that follows it counts.

    A reading that only lags lacks what is new, and gains nothing.
    """
    for a, b in pairwise(view):
        before, after = ({(x.id, x.created_at) for x in r.attempts or ()} for r in (a, b))
        if before - after and after - before:
            listed = len(b.attempts or ())
            for name, count in b.counts.items():
                if modes.get(name) != "never" and (not name.endswith(".numAttempts") or count == listed):
                    modes[name] = "drops"


def _stale_fields(
    by_message: Mapping[str, Sequence[Reading]],
    resets_of: Callable[[str], tuple[float, ...]],
    counting: Collection[str],
    always: Collection[str],
    behind: Mapping[str, Behind],
    settle: float,
) -> dict[str, Behind]:
    """Fields that show fewer new attempts than a field of another view did a settling time before, and never make it good.

    :param always: fields that count an attempt from its beginning on, so that they tell of it while it is in progress.
    """
    found: dict[str, Behind] = {}
    for message, seen in by_message.items():
        first = min(resets_of(message), default=float("inf"))
        shown = {v: rs for v, rs in _by_view(seen).items() if v not in behind}
        views = {v: [r for r in rs if r.terminal] for v, rs in shown.items()}
        fields = [(v, n) for v, rs in views.items() for n in {n for r in rs for n in r.counts} if n in counting]
        for view, name in fields:
            mine = [r for r in views[view] if name in r.counts]
            for other, field in fields:
                if (
                    other != view
                    and name not in found
                    and (
                        why := _outgrown(mine, name, (shown if field in always else views)[other], field, first, settle)
                    )
                ):
                    found[name] = why
    return found


def _outgrown(
    mine: Sequence[Reading], name: str, others: Sequence[Reading], field: str, first: float, settle: float
) -> Behind | None:
    """Whether ``field`` of another view grew more than ``name`` did since before the first call that may reset the message.

    Before that both count the same attempts, however far either view lags; but an attempt that no retry explains may lie between
    the two readings, where they differ and that of ``name`` is not the earlier one; and one that counts less had not risen yet. An
    attempt in progress tells, if its view shows it later as well: else it may have been taken back.
    """
    base = next((r for r in mine if r.last <= first), None)
    counting = [r for r in others if field in r.counts]
    # The last one: an attempt that no retry explains may have come in between.
    start = next((r for r in reversed(counting) if r.last <= first), None)
    if base is None or start is None:
        return None
    if start.counts[field] < base.counts[name] or (start.counts[field] != base.counts[name] and base.last > start.t):
        return None
    last = mine[-1]
    for ahead in reversed(counting):
        later = [r for r in counting if r.t >= ahead.last]
        kept = all(r.counts[field] >= ahead.counts[field] for r in later) and any(r.terminal for r in later)
        if not (ahead.terminal or kept):
            continue
        grown = ahead.counts[field] - start.counts[field]
        if ahead.last + settle <= last.t and grown > last.counts[name] - base.counts[name]:
            return Behind(ahead, last)
    return None


def _views_behind(
    by_message: Mapping[str, Sequence[Reading]],
    resets_of: Callable[[str], tuple[float, ...]],
    settled_of: Callable[[str], float],
    settle: float,
    lag: float,
) -> dict[str, Behind]:
    """Views whose last reading of a message still shows another status than another view did a settling time before.

    The other view shows the message terminal, and no retry that may reset it left after that, or none did reset it, a success:
    nothing can have changed since but by a late correction (ruling 18), which the other view would show as well when it is read
    last.
    """
    found: dict[str, Behind] = {}
    for message, seen in by_message.items():
        views = {v: rs for v, rs in _by_view(seen).items() if v in ("batch_list", "campaign_list", "message_read")}
        resets = resets_of(message)
        latest = max(resets, default=float("-inf"))
        for view, mine in views.items():
            last = mine[-1]
            for other, others in views.items():
                if other == view or view in found:
                    continue
                ended = [r for r in others if r.terminal and r.last + settle <= last.t]
                after = [
                    r
                    for r in ended
                    if (r.t >= latest and (r.t >= settled_of(message) or _took_effect(others, r, resets, lag)))
                    or (others[-1].t >= settled_of(message) and last.terminal and _kept(r, others[-1]))
                ]
                same = {r.status for r in others if after and r.t >= after[0].t}
                if (
                    after
                    and len(same) == 1
                    and _older(last, after[0])
                    and _growth(mine, last) <= _growth(others, after[0])
                ):
                    found[view] = Behind(after[0], last)
    return found


def _growth(view: Sequence[Reading], reading: Reading) -> int:
    """How many attempts more than the first of its view a reading shows, by the count that grew most; 0 if nothing counts them."""
    first = view[0].counts
    return max((count - first[name] for name, count in reading.counts.items() if name in first), default=0)


def _kept(a: Reading, b: Reading) -> bool:
    """True if both show a success, and by all counts or by updatedAt in the same attempt: no retry reset it, as none may."""
    names = a.counts.keys() & b.counts.keys()
    same = all(a.counts[n] == b.counts[n] for n in names) if names else a.updated_at is not None
    return a.status == b.status == "success" and same and a.updated_at == b.updated_at


def _took_effect(view: Sequence[Reading], ended: Reading, resets: Sequence[float], lag: float) -> bool:
    """True if the view shows that each of these retries had reset the message by then: none has an effect to come (ruling 16).

    Told by a count that grew as often, or by as many times that it was terminal and in progress again: as often as a retry had left
    by then, and not sooner than the lag, or it shows an older state again.
    """
    until = [r for r in view if r.t <= ended.t]
    grown = max((n - until[0].counts[name] for name, n in ended.counts.items() if name in until[0].counts), default=0)
    again = 0
    for a, b in pairwise(until):
        left = sum(t <= b.last for t in resets)
        again += a.terminal and b.in_progress and again < left and b.t > a.last + lag
    return max(grown, again) >= len(resets)


def _older(reading: Reading, terminal: Reading) -> bool:
    """True if the reading shows an older state than the other: in progress, by updatedAt, or failed where that shows a success."""
    one, two = reading.updated_at, terminal.updated_at
    if reading.in_progress:
        return one is None or two is None or one <= two
    if one is None or two is None or one == two:
        return reading.status == "failure" and terminal.status == "success"
    # A failure may be corrected, and a success not (ruling 18): of the two it is never the older, whatever their clocks say.
    if reading.status == "success" and terminal.status == "failure":
        return False
    return reading.status is not None and reading.status != terminal.status and one < two
