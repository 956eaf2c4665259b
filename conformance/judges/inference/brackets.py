"""Brackets: messages that were ``created`` at every instant at which a call can have been decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.stamps import by_stamp
from conformance.judges.inference.timeline import comparable, counts_by, follows, gain, owed, read_after, same_attempt


@dataclass(frozen=True)
class Bracket:
    """Proof that ``message`` was ``created`` at every instant at which ``call`` can have been decided."""

    message: str
    call: RetryCall
    #: The reading, begun after the call's answer, that still shows ``created`` in that attempt.
    after: Reading
    proof: Proof
    #: Only the answer of a single retry shows it ``created`` before the call: had that done nothing (BR-SGL-02), the attempt might
    #: be the call's own.
    told: bool = False

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
    # The latest reading first: the longer after the answer it begins, the more lag the proof bears. An updatedAt that stands
    # still while statuses move proves nothing, where a count does.
    poor: Bracket | None = None
    for after in reversed(case.readings(message)):
        if after.status != "created" or not follows(case, after, call.last):
            continue
        seen = ((found, False) for found in _by_reading(case, batch, message, call, after))
        told = ((found, True) for found in _by_single(case, batch, message, call, after))
        for found, by_single in chain(seen, told):
            bracket = Bracket(message, call, after, found, by_single)
            if not by_stamp(case, found.assumptions):
                return bracket
            poor = poor or bracket
    return poor


def _left_created(case: Case, since: Reading, after: Reading) -> bool:
    """True if a reading of any view between the two shows the message beyond ``created``: one of them lags, or A1 is broken."""
    return any(
        r.t >= since.last and r.last <= after.t and (r.terminal or (r.in_progress and r.status != "created"))
        for r in case.readings(since.message)
    )


def _ends_never(case: Case, batch: Batch, a: Reading, b: Reading) -> bool:
    """True if the message's number is one that is never terminal, the message has never been, and the two show no attempts."""
    row = batch.row_of.get(a.message)
    told = comparable(a, b) or (a.updated_at is not None and b.updated_at is not None)
    return (
        row is not None and row.role == "pending" and not told and not any(r.terminal for r in case.readings(a.message))
    )


def _by_reading(case: Case, batch: Batch, message: str, call: RetryCall, after: Reading) -> Iterator[Proof]:
    """The attempt was seen in ``created`` before the call left."""
    for before in case.readings(message):
        if before.last > call.t or before.status != "created":
            continue
        same = same_attempt(case, before, after)
        how = f"with the same {'number of attempts' if comparable(before, after) else 'updatedAt'}"
        if same is None and _ends_never(case, batch, before, after):
            same, how = (), "to a recipient that never becomes terminal, so that no retry resets it"
        if same is None or _left_created(case, before, after):
            continue
        first = Proof(
            because=(f"answer {before.n} ends before retry {call.n} leaves and shows the message in created",),
            evidence=(before.n, call.n),
            assumptions=frozenset((*assume("A1", message), *assume("A3"), *same)),
        )
        shows = f"begins after the retry's answer and shows it in created, {how}"
        yield first & read_after(after, call.last, shows) & Proof(because=(_ENTERED_ONCE,))


def _by_single(case: Case, batch: Batch, message: str, call: RetryCall, after: Reading) -> Iterator[Proof]:
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
            if r.last <= single.t and r.status == "failure" and gain(r, after) == 1 and owed(case, batch, r).none
            if not any(r.last <= c.t < single.t for c in batch.resetting(message))
        ]
        if answer is None or not matching or _left_created(case, answer, after):
            continue
        before = matching[-1]
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
        shows = f"begins after the retry's answer and shows created, with one attempt more than read {before.n}"
        yield (
            owed(case, batch, before).proof
            & first
            & read_after(after, call.last, shows)
            & Proof(because=(_ENTERED_ONCE,))
        )
