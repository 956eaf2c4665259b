"""What follows from readings and retry calls: attempts gained, retries outstanding, brackets. Each with its proof.

None of them guesses: what is not proved either way is None, and a doubt for the rule that asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conformance.contract.vocabulary import TOO_MANY_CODE
from conformance.findings import Assumption, Margin
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.readings import Reading, counted_apart
from conformance.judges.inference.retry_call import RetryCall

#: Retries of one message that use up the limit, however the documents are read (ruling 3).
LIMIT = 3
#: Seconds of a time stamp's last digit from which on it is a coarse one.
COARSE = 0.5


def begun(case: Case, reading: Reading) -> float:
    """The earliest instant that the reading may show (axiom A7); no bound is known for one that is known to be out of date."""
    stale = case.lags.stale
    if stale and (reading.n, reading.message) in stale:
        return float("-inf")
    return reading.t - case.lag(reading.view)


def follows(case: Case, later: Reading, instant: float) -> bool:
    """True if what the reading shows surely held at or after ``instant``."""
    return begun(case, later) >= instant


def read_after(reading: Reading, instant: float, shows: str, *assumptions: Assumption) -> Proof:
    """Proof by a reading that shows a state from after ``instant`` (A7), with the lag that it bears."""
    return Proof(
        because=(f"read {reading.n} {shows}",),
        evidence=(reading.n,),
        assumptions=frozenset((*assumptions, *assume("A7", reading.view))),
        margins={reading.view: Margin(reading.t - instant, reading.view, reading.n)},
    )


def comparable(a: Reading, b: Reading) -> tuple[str, ...]:
    """Fields that count attempts in both readings (axiom A4).

    A zero in a message that is not terminal is left out: its first attempt may not have been entered yet.
    """
    return tuple(
        sorted(
            name
            for name in a.counts.keys() & b.counts.keys()
            if (a.counts[name] or a.terminal) and (b.counts[name] or b.terminal)
        )
    )


def gain(a: Reading, b: Reading) -> int | None:
    """Attempts gained from ``a`` to ``b``: the growth that every field shown in both agrees on, else None."""
    grown = {b.counts[name] - a.counts[name] for name in comparable(a, b)}
    return grown.pop() if len(grown) == 1 else None


def counts_by(a: Reading, b: Reading) -> tuple[Assumption, ...]:
    """What a gain between the two assumes: A4 of the field that was compared."""
    return assume("A4", *comparable(a, b)[:1])


def was_reset(a: Reading, b: Reading) -> bool:
    """True if the message was reset between the readings: by a count, or since a terminal message is in progress again (A2)."""
    return (gain(a, b) or 0) >= 1 if comparable(a, b) else a.terminal and b.in_progress


def perhaps_reset(a: Reading, b: Reading) -> bool:
    """True if a message that had ended shows another updatedAt, and nothing that counts attempts says that it has no new one."""
    stamps = (a.updated_at, b.updated_at)
    return a.terminal and not comparable(a, b) and None not in stamps and stamps[0] != stamps[1]


def reset_by(a: Reading, b: Reading) -> tuple[Assumption, ...]:
    """What ``was_reset`` assumes."""
    return counts_by(a, b) if comparable(a, b) else terminal_stays(a)


def older(reading: Reading, than: Reading) -> bool:
    """True if its ``updatedAt`` lies before that of the other."""
    one, two = reading.updated_at, than.updated_at
    return one is not None and two is not None and one < two


def reset_in_place(case: Case, a: Reading, b: Reading) -> bool:
    """True if ``b`` shows ``created`` again what ``a``, of the same view, shows terminal in the same attempt: it was begun anew.

    ``created`` is an attempt's first status, and no correction of its outcome (ruling 18). A read that lags shows it as well, with
    an older ``updatedAt`` or, where stamps come of several clocks (ruling 27), with a newer one: but then the attempt does not
    end in the same outcome with one that is newer still.
    """
    if a.view != b.view or not a.terminal or b.status != "created" or gain(a, b) != 0 or not older(a, b):
        return False
    later = (r for r in case.readings(a.message) if r.view == a.view and r.t >= b.last)
    return any(r.status == a.status and gain(a, r) == 0 and older(b, r) for r in later)


def terminal_stays(reading: Reading) -> tuple[Assumption, ...]:
    """A2 for the outcome that the reading shows."""
    return assume("A2a" if reading.status == "failure" else "A2b", reading.message)


def same_attempt(case: Case, a: Reading, b: Reading) -> tuple[Assumption, ...] | None:
    """What it takes to know that both show one attempt: a count (A4), or one status with one updatedAt (A5); None if unknown.

    Within the unit of a coarse updatedAt a change looks like none: it proves something only if it had been shown for that long
    when the first call left that may have reset the message between the two.
    """
    if comparable(a, b):
        return counts_by(a, b) if gain(a, b) == 0 else None
    if a.status != b.status or a.updated_at is None or a.updated_at != b.updated_at:
        return None
    first, last = (a, b) if a.t <= b.t else (b, a)
    unit = max(a.updated_unit, b.updated_unit)
    # What an earlier call did may still be to come (ruling 16); only a fine stamp tells it from what is shown.
    earliest = first.t if unit < COARSE else begun(case, first) - case.header.settle_timeout
    resets = [t for t in case.resets_of(a.message) if earliest < t <= last.last]
    if resets:
        since = min(r.last for r in case.readings(a.message) if r.updated_at == a.updated_at and r.status == a.status)
        if since + unit > min(resets):
            return None
    return assume("A5", *dict.fromkeys((a.view, b.view)))


def unchanged(case: Case, a: Reading, b: Reading) -> tuple[Assumption, ...] | None:
    """As ``same_attempt``, and in the status that it was in: nothing happened to the message; None if that is not shown."""
    return same_attempt(case, a, b) if a.status == b.status else None


def effect_until(case: Case, call: RetryCall) -> float:
    """Until when the call may still take effect (ruling 16); for ever if no client knows how it ended (ruling 11)."""
    return float("inf") if call.unknown else call.last + case.header.settle_timeout


def grown(case: Case, reading: Reading) -> tuple[Reading, int] | None:
    """A reading of the view from before any retry could act on the message, and the attempts that ``reading`` shows more."""
    if id(reading) not in case.growth:
        known = ((first, gain(first, reading)) for first in case.unretried(reading.message, reading.view))
        case.growth[id(reading)] = reading, next(((first, more) for first, more in known if more is not None), None)
    return case.growth[id(reading)][1]


@dataclass(frozen=True)
class Owed:
    """At most how many retries may give a message a further attempt after a reading, and what that number rests on."""

    most: int
    proof: Proof

    @property
    def none(self) -> bool:
        return self.most == 0


def owed(case: Case, batch: Batch, reading: Reading) -> Owed:
    """Retries begun by the end of ``reading`` that may give its message a further attempt after it.

    Upper bound, hence sound for accusations: the calls that may reset it and may still take effect, less those whose attempt the
    reading shows already: each attempt beyond the first has used one up, but those that were there before a retry could give them.
    """
    past = [c for c in batch.resetting(reading.message) if c.t < reading.last]
    alive = sum(effect_until(case, c) >= begun(case, reading) for c in past)
    known = grown(case, reading) if alive else None
    ours = Proof(assumptions=frozenset(assume("A6", batch.id)))
    if known is None:
        return Owed(alive, ours)
    first, shown = known
    counted = Proof(evidence=(first.n, reading.n), assumptions=frozenset(counts_by(first, reading)))
    left = len(past) - shown
    if left < alive:
        left += _unexplained(case, batch, reading)
    return Owed(max(0, min(alive, left)), ours & counted)


def _unexplained(case: Case, batch: Batch, reading: Reading) -> int:
    """Attempts that readings up to this one showed when fewer retries had begun: a violation by themselves, and no retry's."""
    resets = batch.resetting(reading.message)
    earlier = [r for r in case.readings(reading.message) if r.last <= reading.last]
    known = ((r, known[1]) for r in earlier if (known := grown(case, r)) is not None)
    return max([0, *(shown - sum(c.t < r.last for c in resets) for r, shown in known)])


def between(batch: Batch, a: Reading, b: Reading) -> tuple[RetryCall, ...]:
    """Calls that may reset the message, begun after ``a`` ended and not after ``b`` ended."""
    return tuple(c for c in batch.resetting(a.message) if a.last <= c.t < b.last)


@dataclass(frozen=True)
class Retried:
    """How often a message had been retried, at least and at most, and what the bounds rest on."""

    least: int
    most: int
    proof: Proof


def retried(case: Case, batch: Batch, message: str, call: RetryCall) -> Retried:
    """How often the message had been retried when ``call`` left.

    At least: the growth of a count since before the first retry. At most: the calls begun by then that may have reset it; where a
    reading shows how many of them took effect, and none is outstanding, that number. What readings show counts, also where no
    retry of ours explains it: such an attempt is a violation by itself, and uses up the limit all the same.
    """
    resets = batch.resetting(message)
    least, most = 0, sum(c.t < call.t for c in resets)
    found = Proof(assumptions=frozenset(assume("A6", batch.id)))
    for reading in case.readings(message):
        if reading.last > call.t:
            continue
        past = sum(c.t < reading.last for c in resets)
        known = grown(case, reading)
        if known is None or known[1] < 0:
            continue
        first, shown = known
        later = sum(reading.last <= c.t < call.t for c in resets)
        # An exhausted message is reset no more, whatever is outstanding.
        high = shown if shown >= LIMIT else max(shown, min(past, shown + owed(case, batch, reading).most)) + later
        if shown > least or high < most:
            found = Proof(evidence=(first.n, reading.n), assumptions=found.assumptions | {*counts_by(first, reading)})
        least, most = max(least, shown), min(most, high)
    # Attempts that came before the first reading use up the limit too.
    listed = max((listed_beyond(r) for r in case.readings(message) if r.last <= call.t), default=0)
    return Retried(least, max(least, most, listed), found)


def listed_beyond(reading: Reading) -> int:
    """How many attempts beyond the first the reading lists, each for itself; 0 if it lists none."""
    return max(0, len(reading.attempts or ()) - 1)


def exhausted(case: Case, batch: Batch, message: str, instant: float) -> Proof | None:
    """Proof that the target had said by then that the message was retried too often, and readings bear it out (ruling 3).

    Attempts only grow (A4): it is so for good, and no retry may reset the message any more. No earlier one may still be
    outstanding (ruling 16): the target may have counted it already when it refused.
    """
    for single in batch.singles:
        if single.message == message and single.code == TOO_MANY_CODE and single.last <= instant:
            times = retried(case, batch, message, single)
            if times.least == times.most >= 2:
                return times.proof & Proof(
                    because=(f"single retry {single.n} was refused with {single.code} after {times.least} retries",),
                    evidence=(single.n,),
                )
    return _three_times(case, batch, message, instant)


def _three_times(case: Case, batch: Batch, message: str, instant: float) -> Proof | None:
    """Proof that the message had been retried three times by then, which uses up either limit (ruling 3)."""
    for reading in counted_apart(r for r in case.readings(message) if r.last <= instant):
        known = grown(case, reading)
        if known is not None and known[1] >= LIMIT:
            why = f"reads {known[0].n} and {reading.n} show that the message was retried {LIMIT} times"
            return Proof(
                because=(why,),
                evidence=(known[0].n, reading.n),
                assumptions=frozenset((*assume("A6", batch.id), *counts_by(known[0], reading))),
            )
    return None


def stirred(case: Case, batch: Batch, call: RetryCall, until: float) -> bool:
    """True if a message of the batch, terminal before a call, is in progress in a reading between its answer and ``until``.

    And no other call explains it. Nobody may say then that the call had no effect, be it that no attempt is counted.
    """
    for message in batch.messages:
        for view in case.views(message):
            before = [r for r in view if r.last <= call.t]
            if not before or not before[-1].terminal:
                continue
            after = (r for r in view if r.in_progress and follows(case, r, call.last) and r.last <= until)
            others = (c for c in batch.resetting(message) if c.n != call.n and c.t >= before[-1].last)
            first = min((c.t for c in others), default=float("inf"))
            if any(r.last <= first for r in after) and owed(case, batch, before[-1]).none:
                return True
    return False


def last_before(case: Case, message: str, instant: float, *, since: float = float("-inf")) -> Reading | None:
    """The latest reading that ended by ``instant`` and shows a state not older than ``since``.

    None where another one shows another outcome with a newer updatedAt or while this one may lag, or more new attempts: then the
    latest is of a view that has not caught up.
    """
    found = [r for r in case.readings(message) if r.last <= instant and follows(case, r, since)]
    latest = max(found, key=lambda r: (r.t, r.n), default=None)
    if latest is not None and (mine := grown(case, latest)) is not None:
        others = (grown(case, r) for r in found if r.view != latest.view)
        if any(more[1] > mine[1] for more in others if more is not None):
            return None
    if latest is not None and latest.terminal:
        # What was read meanwhile, as far as this one may lag, shows another outcome: nothing tells which is the newer.
        meanwhile = (r for r in found if r.terminal and r.last > begun(case, latest))
        if any(r.status != latest.status for r in meanwhile):
            return None
    if latest is None or not latest.terminal or latest.updated_at is None:
        return latest
    newer = (r for r in found if r.terminal and r.status != latest.status and r.updated_at is not None)
    return None if any(r.updated_at > latest.updated_at for r in newer if r.updated_at is not None) else latest


def around(case: Case, message: str, call: RetryCall) -> Iterator[tuple[Reading, Reading]]:
    """For each view, the last reading before the call left and the first that shows a state after its answer."""
    for view in case.views(message):
        before = [r for r in view if r.last <= call.t]
        after = [r for r in view if follows(case, r, call.last)]
        if before and after:
            yield before[-1], after[0]


@dataclass(frozen=True)
class Failed:
    """Proof that a message was failed when a call was decided: ``reading`` showed it, and nothing could move it."""

    reading: Reading
    proof: Proof


def older_outcome(case: Case, message: str, until: float) -> bool:
    """True if a failure shown by then is an older attempt's: one that was delivered is listed, or at last one in progress."""
    listed = [r for r in case.readings(message) if r.last <= until and r.attempts]
    if any(a.status == "success" for r in listed for a in r.attempts or ()):
        return True
    return bool(listed) and listed[-1].terminal and listed[-1].attempts_in_progress


def failed_at(case: Case, batch: Batch, message: str, call: RetryCall) -> Failed | None:
    """Proof that the message was failed when ``call`` was decided, by a reading that ended before it left.

    Failed stays until a retry (A2a); the reading shows it, and no attempt underway beside it (BR-SEL-03), no retry that could reset
    it was outstanding there (ruling 16), or it was exhausted, and none overlaps the call. Nor is the status an older attempt's.
    """
    seen = last_before(case, message, call.t)
    if seen is None or seen.status != "failure" or seen.attempts_in_progress:
        return None
    if older_outcome(case, message, call.t):
        return None
    resets = [c for c in batch.resetting(message) if c.n != call.n]
    if any(seen.last <= c.t <= call.last or (c.t < seen.last and c.last > begun(case, seen)) for c in resets):
        return None
    outstanding = owed(case, batch, seen)
    settled = outstanding.proof if outstanding.none else exhausted(case, batch, message, seen.last)
    if settled is None:
        return None
    shows = f"read {seen.n}, before retry {call.n} leaves, shows a message failed, and no retry of it is outstanding"
    return Failed(
        seen,
        settled
        & Proof(
            because=(shows,),
            evidence=(seen.n,),
            assumptions=frozenset((*terminal_stays(seen), *assume("A6", batch.id))),
        ),
    )


def controls(case: Case, since: float, until: float, *, but: str) -> Proof | None:
    """Proof that untouched batches of ours stood still from ``since`` to ``until``: attempts do not come by themselves.

    An untouched batch (no call at all) with every message terminal, one of them failed, read before and after, without an attempt
    more. ``but``: the batch that is not looked at.
    """
    for batch in case.ours:
        if batch.id == but or batch.sent or not batch.whole:
            continue
        pairs = [_pair(case, m, since, until) for m in batch.messages]
        good = [p for p in pairs if p is not None]
        if good and len(good) == len(pairs) and any(a.status == "failure" for a, _, _ in good):
            numbers = tuple(sorted({n for a, b, _ in good for n in (a.n, b.n)}))
            return Proof(
                because=(f"an untouched batch stood still meanwhile (reads {numbers[0]} to {numbers[-1]})",),
                evidence=numbers,
                assumptions=frozenset(x for _, _, assumed in good for x in assumed),
            )
    return None


def _pair(
    case: Case, message: str, since: float, until: float
) -> tuple[Reading, Reading, tuple[Assumption, ...]] | None:
    for view in case.views(message):
        before = [r for r in view if r.last <= since and r.terminal]
        after = [r for r in view if follows(case, r, until)]
        if before and after and (same := unchanged(case, before[-1], after[0])) is not None:
            return before[-1], after[0], same
    return None
