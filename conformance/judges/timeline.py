"""The timeline: what follows from sights and writes under the axioms (docs/design.md).

Each function returns a proof, with the exchanges and axioms that carry it, or None (or a reason code) when there
is none. None of them guesses: what is not proved either way is a doubt, never a finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from conformance.judges.case import Batch, Case, Write
from conformance.judges.intervals import TOO_MANY_CODE, seconds
from conformance.judges.sightings import Sight


def begun(case: Case, sight: Sight) -> float:
    """The earliest instant that the sight may show (axiom A7)."""
    return sight.t - case.lag


def follows(case: Case, later: Sight, instant: float) -> bool:
    """Whether what the sight shows surely held at or after ``instant``."""
    return begun(case, later) >= instant


def slack(case: Case, sight: Sight, instant: float) -> str:
    """Under what read lag a conclusion from "begun after" holds."""
    return f"holds if reads lag less than {seconds(sight.t - instant)}: so much later begins read {sight.n}"


def comparable(a: Sight, b: Sight) -> frozenset[str]:
    """Fields that count attempts in both sights (axiom A4).

    A zero in a message that is not terminal is left out: its first attempt may not have been entered yet.
    """
    return frozenset(
        name
        for name in a.counts.keys() & b.counts.keys()
        if (a.counts[name] or a.terminal) and (b.counts[name] or b.terminal)
    )


def gain(a: Sight, b: Sight) -> int | None:
    """Attempts gained from ``a`` to ``b``: the growth that every field shown in both agrees on, else None."""
    grown = {b.counts[name] - a.counts[name] for name in comparable(a, b)}
    return grown.pop() if len(grown) == 1 else None


def same_attempt(a: Sight, b: Sight) -> bool:
    """Whether both sights surely show the same attempt: same count (A4), or same status and same updatedAt (A5)."""
    if comparable(a, b):
        return gain(a, b) == 0
    return a.status == b.status and a.updated_at is not None and a.updated_at == b.updated_at


def acts_on(batch: Batch, message: str) -> tuple[Write, ...]:
    """Accepted and open writes that may give this message an attempt, in order."""
    return tuple(w for w in batch.acts if w.message in (None, message))


def effect_until(case: Case, write: Write) -> float:
    """Until when the write may still take effect (ruling 16); for ever if nobody knows how it ended (ruling 11)."""
    return float("inf") if write.standing == "open" else write.last + case.header.settle_timeout


def base(batch: Batch, message: str, sight: Sight, case: Case) -> Sight | None:
    """A sight from before any retry could act on the message, with a count that compares with ``sight``'s."""
    acts = acts_on(batch, message)
    first = acts[0].t if acts else float("inf")
    for candidate in case.sights(message):
        if candidate.last <= first and candidate.operation == sight.operation and gain(candidate, sight) is not None:
            return candidate
    return None


def pending(case: Case, batch: Batch, message: str, sight: Sight) -> int:
    """At most how many retries begun by the end of ``sight`` may give the message a further attempt after it.

    Upper bound, hence sound for accusations: the acting writes that may still take effect, less those whose
    attempt the sight shows already (each attempt beyond the first has used one up).
    """
    past = [w for w in acts_on(batch, message) if w.t <= sight.last]
    alive = sum(1 for w in past if effect_until(case, w) >= begun(case, sight))
    first = base(batch, message, sight, case)
    shown = gain(first, sight) if first is not None else None
    return alive if shown is None else max(0, min(alive, len(past) - shown))


def between(batch: Batch, message: str, a: Sight, b: Sight) -> tuple[Write, ...]:
    """Acting writes begun after ``a`` ended and not after ``b`` ended."""
    return tuple(w for w in acts_on(batch, message) if a.last < w.t <= b.last)


def retried(case: Case, batch: Batch, message: str, until: Sight | Write) -> tuple[int, int]:
    """Lower and upper bound of how often the message had been retried when ``until`` ended or left.

    Lower: the growth of a count since before the first retry. Upper: the acting writes begun by then; where a
    later sight shows how many of them took, and none is pending, that number. What reads show counts, also where no
    retry of ours explains it: such an attempt is a violation by itself, and uses up the limit all the same.
    """
    if isinstance(until, Sight):
        return _retried_at(case, batch, message, until)
    low, high = 0, sum(1 for w in acts_on(batch, message) if w.t < until.t)
    for sight in case.sights(message):
        if sight.last <= until.t:
            seen_low, seen_high = _retried_at(case, batch, message, sight)
            later = sum(1 for w in acts_on(batch, message) if sight.last < w.t < until.t)
            low, high = max(low, seen_low), min(high, seen_high + later)
    return low, max(low, high)


def _retried_at(case: Case, batch: Batch, message: str, sight: Sight) -> tuple[int, int]:
    acts = [w for w in acts_on(batch, message) if w.t <= sight.last]
    first = base(batch, message, sight, case)
    shown = gain(first, sight) if first is not None else None
    if shown is None or shown < 0:
        return 0, len(acts)
    return shown, max(shown, min(len(acts), shown + pending(case, batch, message, sight)))


def spent(case: Case, batch: Batch, message: str, instant: float) -> bool:
    """Whether the target itself had said by then that the message was retried too often, and reads bear it out (ruling 3).

    Attempts only grow (A4): it is so for good, and no retry may take the message up any more. No earlier one may still be
    owed (ruling 16): the target may have counted it already when it refused.
    """
    for single in batch.singles:
        if single.message == message and single.code == TOO_MANY_CODE and single.last <= instant:
            low, high = retried(case, batch, message, single)
            if low == high >= 2:
                return True
    return False


def last_before(case: Case, message: str, instant: float, *, since: float = float("-inf")) -> Sight | None:
    """The latest sight that ended by ``instant`` and shows a state not older than ``since``."""
    found = [s for s in case.sights(message) if s.last <= instant and follows(case, s, since)]
    return max(found, key=lambda s: (s.t, s.n), default=None)


def first_after(case: Case, message: str, instant: float, *, until: float = float("inf")) -> Sight | None:
    """The earliest sight that surely shows a state at or after ``instant`` and ended by ``until``."""
    found = [s for s in case.sights(message) if follows(case, s, instant) and s.last <= until]
    return min(found, key=lambda s: (s.t, s.n), default=None)


def around(case: Case, message: str, write: Write) -> Iterator[tuple[Sight, Sight]]:
    """For each operation, the last sight before the write left and the first that shows a state after its answer."""
    for view in views(case.sights(message)):
        before = [s for s in view if s.last <= write.t]
        after = [s for s in view if follows(case, s, write.last)]
        if before and after:
            yield before[-1], after[0]


@dataclass(frozen=True, kw_only=True)
class Failed:
    """Proof that a message was failed when a write was decided (A2): ``sight`` showed it, and nothing could move it."""

    sight: Sight
    axioms: tuple[str, ...]


def failed_at(case: Case, batch: Batch, message: str, write: Write) -> Failed | None:
    """Proof that the message was failed when ``write`` was decided, by a sight that ended before it left.

    Failed is terminal until a retry (A2); the sight shows it, no retry that could act on it was pending there
    (ruling 16), and none overlaps the write.
    """
    seen = last_before(case, message, write.t)
    if seen is None or seen.status != "failure":
        return None
    rivals = [w for w in acts_on(batch, message) if w.n != write.n and seen.last < w.t and w.t <= write.last]
    if rivals or pending(case, batch, message, seen):
        return None
    overlapping = [
        w for w in acts_on(batch, message) if w.n != write.n and w.t <= seen.last and w.last > begun(case, seen)
    ]
    if overlapping:
        return None
    return Failed(sight=seen, axioms=("A2", "A6"))


@dataclass(frozen=True, kw_only=True)
class Bracket:
    """Proof that ``message`` was ``created`` when ``write`` was decided."""

    message: str
    write: Write
    #: Exchanges by which the attempt had begun before the write left.
    before: tuple[int, ...]
    #: The sight, begun after the write's answer, that still shows ``created`` in that attempt.
    after: Sight
    axioms: tuple[str, ...]
    slack: str
    argument: tuple[str, ...]

    @property
    def evidence(self) -> tuple[int, ...]:
        return (*self.before, self.write.n, self.after.n)


def brackets(case: Case, batch: Batch, write: Write) -> tuple[Bracket, ...]:
    """Every message of the batch that was provably ``created`` when the write was decided, with its proof.

    ``created`` is an attempt's first status and never entered again (A1): if the attempt had begun before the
    write left, and a read begun after its answer still shows ``created`` in it, the message was ``created`` all
    the time between.
    """
    found = (_bracket(case, batch, message, write) for message in batch.messages)
    return tuple(bracket for bracket in found if bracket is not None)


def _bracket(case: Case, batch: Batch, message: str, write: Write) -> Bracket | None:
    # The latest sight first: the longer after the answer it begins, the more lag the proof bears.
    for after in reversed(case.sights(message)):
        if after.status != "created" or not follows(case, after, write.last):
            continue
        proof = _by_sight(case, message, write, after) or _by_single(case, batch, message, write, after)
        if proof is not None:
            return proof
    return None


def _by_sight(case: Case, message: str, write: Write, after: Sight) -> Bracket | None:
    """The attempt was seen before the write left."""
    for sight in case.sights(message):
        if sight.last > write.t or not same_attempt(sight, after):
            continue
        counted = bool(comparable(sight, after))
        if counted and sight.terminal:
            continue
        axiom, how = ("A4", "the same number of attempts") if counted else ("A5", "the same status and updatedAt")
        return Bracket(
            message=message,
            write=write,
            before=(sight.n,),
            after=after,
            axioms=("A1", "A3", axiom, "A7"),
            slack=slack(case, after, write.last),
            argument=(
                f"answer {sight.n} ends before retry {write.n} leaves and shows the message in {sight.status}",
                f"read {after.n} begins after the answer and shows it in created, with {how}",
                "created is an attempt's first status and not entered again: it was created when the retry was decided",
            ),
        )
    return None


def _by_single(case: Case, batch: Batch, message: str, write: Write, after: Sight) -> Bracket | None:
    """A single retry, answered 201 before the write left, began the attempt that ``after`` shows.

    The answer is the message in ``created``, so its attempt had begun by then. Between a sight from before the
    single retry and ``after`` one attempt was gained, hence that one: a second retry that took it up would show two.
    """
    for single in batch.singles:
        if single.message != message or not single.exchange.accepted or single.last > write.t:
            continue
        answered = [s for s in case.sights(message) if s.n == single.n and s.status == "created"]
        earlier = last_before(case, message, single.t)
        matching = [
            s
            for s in case.sights(message)
            if s.last <= single.t
            and s.status == "failure"
            and gain(s, after) == 1
            and not pending(case, batch, message, s)
        ]
        if not answered or earlier is None or not matching:
            continue
        sight = matching[-1]
        if any(sight.last < w.t < single.t for w in acts_on(batch, message)):
            continue
        return Bracket(
            message=message,
            write=write,
            before=(sight.n, single.n),
            after=after,
            axioms=("A1", "A3", "A4", "A6", "A7"),
            slack=slack(case, after, write.last),
            argument=(
                f"read {sight.n} shows the message in failure; single retry {single.n} is answered with it in created, "
                f"before retry {write.n} leaves",
                f"read {after.n} begins after the answer and shows created, with one attempt more than read {sight.n}",
                "created is an attempt's first status and not entered again: it was created when the retry was decided",
            ),
        )
    return None


def overlapping(batch: Batch, write: Write) -> tuple[Write, ...]:
    """Other writes on the batch that were in flight together with this one: unordered."""
    return tuple(
        w
        for w in batch.writes
        if w.n != write.n
        and w.standing != "unsent"
        and w.t <= write.last
        and (w.last > write.t or w.standing == "open")
    )


def views(seen: Iterable[Sight]) -> Iterator[tuple[Sight, ...]]:
    """The sights of one message, apart by operation."""
    by: dict[str, list[Sight]] = {}
    for sight in seen:
        by.setdefault(sight.operation, []).append(sight)
    for view in by.values():
        yield tuple(sorted(view, key=lambda s: (s.t, s.n)))


def controls(case: Case, since: float, until: float, *, but: Batch) -> tuple[int, ...]:
    """Reads of untouched batches of ours that stood still from ``since`` to ``until`` beside ``but``.

    An untouched batch (no write at all) with every message terminal, read before and after, without an attempt
    more: so a target does not simply add attempts by itself at that time. Empty if there is none.
    """
    for batch in case.ours:
        if batch.id == but.id or batch.writes or not batch.whole:
            continue
        pairs = [_pair(case, m, since, until) for m in batch.messages]
        good = [p for p in pairs if p is not None and p[0].terminal and gain(*p) == 0]
        if good and len(good) == len(pairs) and any(p[0].status == "failure" for p in good):
            return tuple(sorted({n for a, b in good for n in (a.n, b.n)}))
    return ()


def _pair(case: Case, message: str, since: float, until: float) -> tuple[Sight, Sight] | None:
    for view in views(case.sights(message)):
        before = [s for s in view if s.last <= since and s.terminal]
        after = [s for s in view if follows(case, s, until)]
        if before and after:
            return before[-1], after[0]
    return None
