"""What follows from readings and retry calls: attempts gained, retries outstanding, brackets. Each with its proof.

None of them guesses: what is not proved either way is None, and a doubt for the rule that asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conformance.contract.vocabulary import TOO_MANY_CODE
from conformance.findings import Assumption, Margin
from conformance.judges.inference.case import Batch, Case
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.retry_call import RetryCall

#: Retries of one message that use up the limit, however the documents are read (ruling 3).
LIMIT = 3
#: Seconds of a time stamp's last digit from which on it is a coarse one.
COARSE = 0.5


def begun(case: Case, reading: Reading) -> float:
    """The earliest instant that the reading may show (axiom A7)."""
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


def reset_by(a: Reading, b: Reading) -> tuple[Assumption, ...]:
    """What ``was_reset`` assumes."""
    return counts_by(a, b) if comparable(a, b) else terminal_stays(a)


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


def base(case: Case, batch: Batch, message: str, reading: Reading) -> Reading | None:
    """A reading from before any retry could act on the message, with a count that compares with ``reading``'s."""
    first = min(case.resets_of(message), default=float("inf"))
    for candidate in case.readings(message):
        if candidate.last <= first and candidate.view == reading.view and gain(candidate, reading) is not None:
            return candidate
    return None


@dataclass(frozen=True)
class Owed:
    """At most how many retries may give a message a further attempt after a reading, and what that number rests on."""

    most: int
    proof: Proof

    @property
    def none(self) -> bool:
        return self.most == 0


def owed(case: Case, batch: Batch, message: str, reading: Reading) -> Owed:
    """Retries begun by the end of ``reading`` that may give the message a further attempt after it.

    Upper bound, hence sound for accusations: the calls that may reset it and may still take effect, less those whose attempt the
    reading shows already (each attempt beyond the first has used one up).
    """
    past = [c for c in batch.resetting(message) if c.t < reading.last]
    alive = sum(1 for c in past if effect_until(case, c) >= begun(case, reading))
    if not alive:
        return Owed(0, Proof(assumptions=frozenset(assume("A6", batch.id))))
    first = base(case, batch, message, reading)
    shown = gain(first, reading) if first is not None else None
    if first is None or shown is None:
        return Owed(alive, Proof(assumptions=frozenset(assume("A6", batch.id))))
    counted = Proof(
        evidence=(first.n, reading.n), assumptions=frozenset((*assume("A6", batch.id), *counts_by(first, reading)))
    )
    return Owed(max(0, min(alive, len(past) - shown)), counted)


def between(batch: Batch, message: str, a: Reading, b: Reading) -> tuple[RetryCall, ...]:
    """Calls that may reset the message, begun after ``a`` ended and not after ``b`` ended."""
    return tuple(c for c in batch.resetting(message) if a.last <= c.t < b.last)


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
    least, most = 0, sum(1 for c in resets if c.t < call.t)
    found = Proof(assumptions=frozenset(assume("A6", batch.id)))
    for reading in case.readings(message):
        if reading.last > call.t:
            continue
        past = sum(1 for c in resets if c.t < reading.last)
        first = base(case, batch, message, reading)
        shown = gain(first, reading) if first is not None else None
        if first is None or shown is None or shown < 0:
            continue
        later = sum(1 for c in resets if reading.last <= c.t < call.t)
        high = max(shown, min(past, shown + owed(case, batch, message, reading).most)) + later
        if shown > least or high < most:
            found = Proof(evidence=(first.n, reading.n), assumptions=found.assumptions | {*counts_by(first, reading)})
        least, most = max(least, shown), min(most, high)
    return Retried(least, max(least, most), found)


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
    for reading in case.readings(message):
        if reading.last <= instant:
            first = base(case, batch, message, reading)
            if first is not None and (gain(first, reading) or 0) >= LIMIT:
                why = f"reads {first.n} and {reading.n} show that the message was retried {LIMIT} times"
                return Proof(
                    because=(why,),
                    evidence=(first.n, reading.n),
                    assumptions=frozenset((*assume("A6", batch.id), *counts_by(first, reading))),
                )
    return None


def last_before(case: Case, message: str, instant: float, *, since: float = float("-inf")) -> Reading | None:
    """The latest reading that ended by ``instant`` and shows a state not older than ``since``.

    None where another one shows another outcome with a newer updatedAt: then the latest is of a view that has not caught up.
    """
    found = [r for r in case.readings(message) if r.last <= instant and follows(case, r, since)]
    latest = max(found, key=lambda r: (r.t, r.n), default=None)
    if latest is None or not latest.terminal or latest.updated_at is None:
        return latest
    newer = (r for r in found if r.terminal and r.status != latest.status and r.updated_at is not None)
    return None if any(r.updated_at > latest.updated_at for r in newer if r.updated_at is not None) else latest


def first_after(case: Case, message: str, instant: float, *, until: float = float("inf")) -> Reading | None:
    """The earliest reading that surely shows a state at or after ``instant`` and ended by ``until``."""
    found = [r for r in case.readings(message) if follows(case, r, instant) and r.last <= until]
    return min(found, key=lambda r: (r.t, r.n), default=None)


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


def failed_at(case: Case, batch: Batch, message: str, call: RetryCall) -> Failed | None:
    """Proof that the message was failed when ``call`` was decided, by a reading that ended before it left.

    Failed stays until a retry (A2a); the reading shows it, no retry that could reset it was outstanding there (ruling 16), and
    none overlaps the call.
    """
    seen = last_before(case, message, call.t)
    if seen is None or seen.status != "failure":
        return None
    resets = [c for c in batch.resetting(message) if c.n != call.n]
    if any(seen.last <= c.t <= call.last or (c.t < seen.last and c.last > begun(case, seen)) for c in resets):
        return None
    outstanding = owed(case, batch, message, seen)
    if not outstanding.none:
        return None
    shows = f"read {seen.n}, before retry {call.n} leaves, shows a message failed, and no retry of it is outstanding"
    return Failed(
        seen,
        outstanding.proof
        & Proof(
            because=(shows,),
            evidence=(seen.n,),
            assumptions=frozenset((*terminal_stays(seen), *assume("A6", batch.id))),
        ),
    )


@dataclass(frozen=True)
class Bracket:
    """Proof that ``message`` was ``created`` at every instant at which ``call`` can have been decided."""

    message: str
    call: RetryCall
    #: The reading, begun after the call's answer, that still shows ``created`` in that attempt.
    after: Reading
    proof: Proof

    def still_shown_by(self, case: Case, reading: Reading) -> bool:
        """True if the reading shows the attempt that blocked, or is older than the one that proves it."""
        after = self.after
        return reading.n == after.n or same_attempt(case, reading, after) is not None or reading.last <= after.t


_ENTERED_ONCE = "created is an attempt's first status and not entered again: it was created when the retry was decided"


def brackets(case: Case, batch: Batch, call: RetryCall) -> tuple[Bracket, ...]:
    """Every message of the batch that was provably ``created`` when the call was decided.

    ``created`` is an attempt's first status and never entered again (A1): if the attempt had begun before the call left, and a
    reading begun after its answer still shows ``created`` in it, the message was ``created`` all the time between.
    """
    found = (_bracket(case, batch, message, call) for message in batch.messages)
    return tuple(bracket for bracket in found if bracket is not None)


def _bracket(case: Case, batch: Batch, message: str, call: RetryCall) -> Bracket | None:
    # The latest reading first: the longer after the answer it begins, the more lag the proof bears.
    for after in reversed(case.readings(message)):
        if after.status != "created" or not follows(case, after, call.last):
            continue
        found = _by_reading(case, message, call, after) or _by_single(case, batch, message, call, after)
        if found is not None:
            return Bracket(message, call, after, found)
    return None


def _left_created(case: Case, since: Reading, after: Reading) -> bool:
    """True if a reading of any view between the two shows the message beyond ``created``: one of them lags, or A1 is broken."""
    return any(
        r.t >= since.last and r.last <= after.t and (r.terminal or (r.in_progress and r.status != "created"))
        for r in case.readings(since.message)
    )


def _by_reading(case: Case, message: str, call: RetryCall, after: Reading) -> Proof | None:
    """The attempt was seen in ``created`` before the call left."""
    for before in case.readings(message):
        if before.last > call.t or before.status != "created":
            continue
        same = same_attempt(case, before, after)
        if same is None or _left_created(case, before, after):
            continue
        how = "the same number of attempts" if comparable(before, after) else "the same updatedAt"
        first = Proof(
            because=(f"answer {before.n} ends before retry {call.n} leaves and shows the message in created",),
            evidence=(before.n, call.n),
            assumptions=frozenset((*assume("A1", message), *assume("A3"), *same)),
        )
        shows = f"begins after the answer and shows it in created, with {how}"
        return first & read_after(after, call.last, shows) & Proof(because=(_ENTERED_ONCE,))
    return None


def _by_single(case: Case, batch: Batch, message: str, call: RetryCall, after: Reading) -> Proof | None:
    """A single retry, answered 201 before the call left, began the attempt that ``after`` shows.

    The answer is the message in ``created``, so its attempt had begun by then. Between a reading from before the single retry and
    ``after`` one attempt was gained, hence that one: a second retry that reset it would show two.
    """
    for single in batch.singles:
        if single.message != message or not single.accepted or single.last > call.t:
            continue
        answer = next((r for r in case.readings(message) if r.n == single.n and r.status == "created"), None)
        matching = [
            r
            for r in case.readings(message)
            if r.last <= single.t
            and r.status == "failure"
            and gain(r, after) == 1
            and owed(case, batch, message, r).none
        ]
        if answer is None or not matching or _left_created(case, answer, after):
            continue
        before = matching[-1]
        if any(before.last <= c.t < single.t for c in batch.resetting(message)):
            continue
        first = Proof(
            because=(
                f"read {before.n} shows the message in failure; single retry {single.n} is answered with it in created, "
                f"before retry {call.n} leaves",
            ),
            evidence=(before.n, single.n, call.n),
            assumptions=frozenset(
                (*assume("A1", message), *assume("A3"), *counts_by(before, after), *assume("A6", batch.id))
            ),
        )
        shows = f"begins after the answer and shows created, with one attempt more than read {before.n}"
        return (
            owed(case, batch, message, before).proof
            & first
            & read_after(after, call.last, shows)
            & Proof(because=(_ENTERED_ONCE,))
        )
    return None


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
