"""BR-SEL-05: every accepted retry adds one attempt, and leaves the earlier ones as they were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from conformance.contract.vocabulary import IN_PROGRESS, TERMINAL
from conformance.findings import DoubtReason, Margin
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.circumstances import kinds, nearest
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.ledger import laid_to
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.rounds import rounds
from conformance.judges.inference.timeline import counts_by, effect_until, follows, grown, older
from conformance.judges.rule import Exercised, InDoubt, Judgement, Violated, rule
from conformance.judges.selection.untouched import groups

#: What an attempt keeps: its id and createdAt, which say nothing of the order (ruling 27).
_Mark = tuple[str | None, datetime | None]
#: What no retry fulfils that begins the attempt anew which had ended, in place of another.
_WITHOUT_AN_ATTEMPT = ("BR-SEL-05", "BR-SEL-01", "BR-SEL-03", "BR-SEL-08", "BR-ACC-05")


@rule(
    "BR-SEL-05",
    groups,
    violation="the target changes or drops earlier attempts of a message that it retries",
    expected=("every earlier attempt, with its id and createdAt",),
    legal_if="every attempt of the first read stood in the second",
    subject="earlier attempts changed",
    also=(*_WITHOUT_AN_ATTEMPT[1:], "BR-IDS-07"),
)
def earlier_attempts_stay(subject: tuple[Inference, Batch]) -> Iterator[Judgement]:
    """Earlier attempts keep number, ids and createdAt; that no retry gives two attempts is the ledger's.

    Attempts are compared as sets of id and createdAt within one list of one operation (rulings 14 and 19).
    """
    case, batch = subject[0].case, subject[1]
    for message in batch.messages:
        for view in case.views(message):
            lost = _lost(case, batch, message, view)
            if lost is not None:
                yield lost
                return
    if (anew := _begun_anew(case, batch)) is not None:
        a, b = anew
        text = f"reads {a.n} and {b.n} list the same attempts of a retried message, and one that had ended is in progress again"
        for name in _WITHOUT_AN_ATTEMPT:
            yield InDoubt(reason=DoubtReason.BEGUN_ANEW, text=text, evidence=(a.n, b.n), requirement=name)
        return
    if (written := _written_over(case, batch)) is not None:
        a, b = written
        text = f"reads {a.n} and {b.n} show an attempt of a retried message by one id, with another createdAt"
        yield InDoubt(reason=DoubtReason.BEGUN_ANEW, text=text, evidence=(a.n, b.n), requirement="BR-SEL-05")
        return
    if (fallen := _fallen(case, batch)) is not None:
        a, b = fallen
        text = f"read {a.n} counts {a.number} attempts of a retried message, and read {b.n}, the last of its view, {b.number}"
        for name in ("BR-SEL-05", "BR-IDS-07"):
            yield InDoubt(reason=DoubtReason.VIEW_LAG, text=text, evidence=(a.n, b.n), requirement=name)
        return
    for message in batch.messages:
        done = _two_rounds(case, batch, message)
        if done is not None:
            yield Exercised(proof=done)
            return


def _begun_anew(case: Case, batch: Batch) -> tuple[Reading, Reading] | None:
    """Two readings of one view that list the same attempts of a retried message, one of them terminal, then in progress.

    A list of the newest alone would show another one. Nothing says that ids are an attempt's own: no proof, but no pass either.
    """
    for message in batch.messages:
        resets = batch.resetting(message)
        for view in case.views(message) if resets else ():
            for a, b in pairwise([r for r in view if r.attempts]):
                ended = {(x.id, x.created_at) for x in a.attempts or () if x.status in TERMINAL}
                moving = {(x.id, x.created_at) for x in b.attempts or () if x.status in IN_PROGRESS}
                known = [mark for mark in ended & moving if None not in mark]
                again = a.terminal and b.in_progress and resets[0].t <= b.last and follows(case, b, a.last)
                if again and known and _marks(a) == _marks(b) and not older(b, a):
                    return a, b
    return None


def _written_over(case: Case, batch: Batch) -> tuple[Reading, Reading] | None:
    """Two readings of one view of a retried message, the second of which gives the id of an attempt another createdAt.

    Where a list is of the newest alone, ids may be the message's: no proof. But the earlier attempt may have been written over.
    """
    for message in batch.messages:
        for view in case.views(message) if batch.resetting(message) else ():
            for a, b in pairwise([r for r in view if r.attempts]):
                kept, ids = _marks(b), {x.id for x in b.attempts or ()}
                if any(None not in mark and mark not in kept and mark[0] in ids for mark in _marks(a)):
                    return a, b
    return None


def _fallen(case: Case, batch: Batch) -> tuple[Reading, Reading] | None:
    """Two readings of one view of a retried message, terminal in both, the last of which counts fewer attempts."""
    for message in batch.messages:
        for view in case.views(message) if batch.resetting(message) else ():
            counted = [r for r in view if r.terminal and r.number is not None]
            most = max(counted, key=lambda r: r.number or 0, default=None)
            if (
                most is not None
                and (counted[-1].number or 0) < (most.number or 0)
                and follows(case, counted[-1], most.last)
            ):
                return most, counted[-1]
    return None


def _marks(reading: Reading) -> Counter[_Mark]:
    return Counter((a.id, a.created_at) for a in reading.attempts or ())


def _undone(case: Case, batch: Batch, message: str, a: Reading, b: Reading) -> Iterator[str]:
    """What is broken instead if a call that was to change nothing took attempts away; by the loser of a race BR-CON-02 or -03 too.

    One of unknown outcome may have lost its race.
    """
    for call in batch.sent:
        if call.t > b.last or effect_until(case, call) < a.t:
            continue
        if not call.may_reset:
            yield from laid_to(call, message)
        rivals = [o for o in batch.overlapping(call) if o.accepted] if call.valid and not call.accepted else []
        for rival in rivals:
            if not (call.single and rival.single):
                yield "BR-CON-03" if call.single or rival.single else "BR-CON-02"


def _gone(a: Reading, later: list[Reading]) -> Counter[_Mark]:
    """Attempts of a reading that none of these may show: told apart by an id or a createdAt that both show (ruling 33)."""
    kept = {mark for r in later for mark in _marks(r)}
    return Counter({m: n for m, n in _marks(a).items() if not any(_may_be(m, k) for k in kept)})


def _may_be(one: _Mark, other: _Mark) -> bool:
    return all(None in halves or halves[0] == halves[1] for halves in zip(one, other, strict=True))


def _not_older(b: Reading, a: Reading, later: list[Reading]) -> bool:
    """True if ``b`` is not just an older state than ``a``: it shows what that lacked or a later ``updatedAt``, or others follow.

    An empty list that none confirms may be a passing gap (ruling 33).
    """
    if _marks(b) - _marks(a) or len(later) > 1:
        return True
    return bool(b.attempts) and a.updated_at is not None and b.updated_at is not None and b.updated_at > a.updated_at


def _lost(case: Case, batch: Batch, message: str, view: tuple[Reading, ...]) -> Violated | None:
    """Attempts that a read shows and no later one of its view, begun after a retry.

    A list that is not known to hold all may lack some. It has lost them where its own number falls; where that stands still next to
    another attempt, either they were dropped or the number is not kept (BR-IDS-07).
    """
    resets = batch.resetting(message)
    for i, a in enumerate(view):
        b = next((r for r in view[i + 1 :] if follows(case, r, a.last)), None)
        if b is None or not resets or resets[0].t > b.last or not a.attempts or b.attempts is None:
            continue
        later = [r for r in view if r.t >= b.t and r.attempts is not None]
        gone = _gone(a, later)
        if not gone or not _not_older(b, a, later):
            continue
        names: tuple[str, ...] = ("BR-SEL-05",)
        if b.abbreviated:
            if a.number is None or b.number is None or b.number > a.number:
                continue
            if b.number == a.number:
                if b.number > len(b.attempts) or not _marks(b) - _marks(a):
                    continue
                names = ("BR-SEL-05", "BR-IDS-07")
        names = tuple(dict.fromkeys((*names, *_undone(case, batch, message, a, b))))
        lines = (
            f"read {a.n} shows {len(a.attempts)} attempts of a message that is retried ({resets[0].n})",
            f"read {b.n}, begun after it, shows {len(b.attempts)}; {sum(gone.values())} of the former are missing, told by id and "
            "createdAt, and no later read of that view shows them",
        )
        return Violated(
            proof=Proof(
                because=lines,
                evidence=(a.n, resets[0].n, b.n),
                assumptions=frozenset((*assume("A3"), *assume("A7", b.view))),
                margins={b.view: Margin(b.t - a.last, b.view, b.n)},
            ),
            observed=f"{sum(gone.values())} earlier attempts missing or changed",
            defect=kinds(batch, nearest(case, [c for c in batch.sent if c.reaches(message)], a, b)),
            any_of=names,
            scenario=resets[0].scenario,
        )
    return None


def _two_rounds(case: Case, batch: Batch, message: str) -> Proof | None:
    """A read that shows two attempts more after two accepted retries, at least one of them of the batch."""
    accepted = [c for c in batch.resetting(message) if c.accepted and c.valid]
    if len(accepted) < 2 or all(c.single for c in accepted):
        return None
    numbers = (accepted[0].n, accepted[1].n)
    for reading in case.readings(message):
        if reading.last <= accepted[1].t:
            continue
        known = grown(case, reading)
        if known is not None and known[1] == 2:
            assumed = frozenset(counts_by(known[0], reading))
            return Proof(evidence=(known[0].n, *numbers, reading.n), assumptions=assumed)
    if not any(r.counts for r in case.readings(message)) and (seen := rounds(case, message)).count >= 2:
        return seen.proof & Proof(evidence=numbers)
    return None


RULES = (earlier_attempts_stay,)
