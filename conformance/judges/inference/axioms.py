"""Axioms, checked against the history before they are used (docs/design.md).

An axiom is withdrawn for the source that broke it: a message, a field of one operation, a view, a batch. What is assumed of another
source stands. Only what neither lag nor a defect under test explains counts as broken: a message that a retry may have touched
meanwhile is left to the judges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from conformance.contract.vocabulary import RETRYABLE, rank, seconds
from conformance.findings import Assumption
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.provider_state import retries_of, standing
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.timeline import reset_in_place


@dataclass(frozen=True)
class Breaches:
    """What the history breaks: each assumption with how."""

    found: Mapping[Assumption, str]

    def of(self, assumption: Assumption) -> str | None:
        """How the history breaks this assumption; None if it does not. Assumed of the whole run, any source breaks it."""
        exact = self.found.get(assumption) or self.found.get(Assumption(assumption.axiom))
        if exact is not None or assumption.source:
            return exact
        return next((how for broken, how in self.found.items() if broken.axiom == assumption.axiom), None)


def breaches(case: Case, without: frozenset[str] = frozenset()) -> Breaches:
    """The assumptions that the history breaks.

    :param without: axioms that are switched off for every source (for tests of the judges).
    """
    found: dict[Assumption, str] = {}
    for axiom in without:
        names = ("A2a", "A2b") if axiom == "A2" else (axiom,)
        found.update({Assumption(name): "switched off" for name in names})
    for assumption, how in _all(case):
        found.setdefault(assumption, how)
    return Breaches(found)


def _all(case: Case) -> Iterator[tuple[Assumption, str]]:
    for message in case.messages:
        yield from _moved_by_itself(case, message)
        for view in case.views(message):
            for a, b in pairwise(view):
                yield from _counts(case, a, b)
    for note, until in standing(case):
        held = str(note.data.get("batch"))
        # What an accepted retry does to the status is not said (ruling 5).
        resets = [c.t for c in retries_of(case, held) if c.may_reset and c.t >= note.t]
        until = min([until, *resets])
        for reading in case.all_readings:
            status = reading.batch_statuses.get(held)
            if status in RETRYABLE and note.t <= reading.t - case.lag(reading.view) and reading.last <= until:
                how = f"read {reading.n} shows the batch that is held in processing in {status}"
                yield Assumption("A8", held), how
    for batch in case.ours:
        for how in _sent_twice(case, batch):
            yield Assumption("A6", batch.id), how
    if case.lags.configured is not None:
        for source, shown in case.lags.shown.items():
            if shown.seconds > case.lags.configured:
                how = (
                    f"read {shown.n} lags {seconds(shown.seconds)}, more than the configured "
                    f"{seconds(case.lags.configured)}"
                )
                yield Assumption("A7", source), how


def _moved_by_itself(case: Case, message: str) -> Iterator[tuple[Assumption, str]]:
    """A1 and A2: a message goes back, or from one outcome to the other, although no retry may have reset it between.

    Readings of all views are compared. A reset between two readings is excluded where every call that may reset the message had
    taken its effect before the first (a count that stands still within one field shows it), or where there is none.
    """
    resets = case.resets_of(message)
    ordered = case.readings(message)
    ranks = [known for r in ordered if (known := rank(r.status)) is not None]
    if len({r.status for r in ordered if r.terminal}) < 2 and ranks == sorted(ranks):
        return
    for i, b in enumerate(ordered):
        second = rank(b.status)
        if second is None:
            continue
        for a in reversed(ordered[:i]):
            first = rank(a.status)
            if first is None or a.status == b.status:
                continue
            if a.terminal and b.terminal and (_listed_alike(a, b) or _stamped_alike(a, b, ordered)):
                # In which order is unknown where reads lag: either outcome was corrected (ruling 18), or a view is wrong;
                # but for a failure of which its own view shows the success later.
                later = (r.status for r in ordered if r.view == a.view and r.t >= a.last)
                for axiom in ("A2a",) if a.status == "failure" and b.status in later else ("A2a", "A2b"):
                    yield Assumption(axiom, message), f"reads {a.n} and {b.n} show two outcomes of one attempt"
                break
            if a.last > b.t - case.lag(b.view):
                continue
            back = second < first
            other = a.terminal and b.terminal
            # What settled before the first has no effect to come that could be behind another outcome.
            acting = resets if not other or case.settled_at(message) >= a.t else ()
            if not (back or other) or not _one_attempt(a, b, acting) or reset_in_place(case, a, b):
                continue
            where = f"reads {a.n} and {b.n} show {a.status}, then {b.status} in one attempt"
            axiom = "A1" if not a.terminal else "A2a" if a.status == "failure" else "A2b"
            yield Assumption(axiom, message), where
            break


def _listed_alike(a: Reading, b: Reading) -> bool:
    """True if both list the same attempts, told by id or createdAt; where nothing identifies them, by their number."""
    if not a.attempts or not b.attempts or a.abbreviated or b.abbreviated:
        return False
    marks = [{(x.id, x.created_at) for x in r.attempts or ()} for r in (a, b)]
    return len(a.attempts) == len(b.attempts) and marks[0] == marks[1]


def _stamped_alike(a: Reading, b: Reading, seen: Sequence[Reading]) -> bool:
    """True if two views show one updatedAt, which a change would have moved: each showed the message with another one, too."""
    if a.view == b.view or a.updated_at is None or a.updated_at != b.updated_at or b.updated_unit >= 1:
        return False
    return {a.view, b.view} <= {r.view for r in seen if r.updated_at not in (None, a.updated_at)}


def _one_attempt(a: Reading, b: Reading, resets: tuple[float, ...]) -> bool:
    """True if both show one attempt. In progress again with no count to compare may be an attempt of its own (BR-SEL-07)."""
    names = a.counts.keys() & b.counts.keys()
    if any(a.counts[n] != b.counts[n] for n in names):
        return False
    if any(t <= b.last for t in resets):
        # Back within one count is the judges' matter where a retry lies between; another outcome is a correction.
        return bool(names) and a.terminal and b.terminal
    return bool(names) or not (a.terminal and b.in_progress)


def _counts(case: Case, a: Reading, b: Reading) -> Iterator[tuple[Assumption, str]]:
    """A4 and A5, within one view."""
    if a.last > b.t - case.lag(b.view):
        return
    named = a.status is not None and b.status is not None
    if (
        named
        and a.status != b.status
        and a.updated_at is not None
        and a.updated_at == b.updated_at
        and b.updated_unit < 1
    ):
        yield (
            Assumption("A5", a.view),
            f"reads {a.n} and {b.n} show {a.status}, then {b.status}, with the same updatedAt",
        )
    if any(t <= b.last for t in case.resets_of(a.message)):
        return
    for name in sorted(a.counts.keys() & b.counts.keys()):
        if b.counts[name] < a.counts[name]:
            yield Assumption("A4", name), f"reads {a.n} and {b.n}: {name} falls, and no retry lies between"


def _sent_twice(case: Case, batch: Batch) -> Iterator[str]:
    """Reads that show a send of ours carried out twice, as by a gateway that repeats it: another client writes (A6).

    One answer shows a row of the batch under two ids, of which the batch's listing has one, before any retry of the
    batch left: no retry can have made the other. What repeats one send may have repeated those of other batches, too.
    """
    if not batch.strays:
        return
    for other in (batch, *case.ours):
        found = _twice_before_a_retry(case, other)
        if found is not None:
            of_it = "a row of a batch" if other is batch else "a row of another batch"
            yield f"read {found} shows {of_it} under two ids before any retry: it was sent twice"
            return


def _twice_before_a_retry(case: Case, batch: Batch) -> int | None:
    first = min((c.t for c in batch.sent), default=float("inf"))
    held = {(r.n, nonce) for m in batch.messages for r in case.readings(m) for nonce in r.nonces}
    early = (r for stray in batch.strays for r in case.readings(stray) if r.last <= first)
    return next((r.n for r in early if any((r.n, nonce) in held for nonce in r.nonces)), None)
