"""The ledger: every attempt that no retry explains, and every call that may have given it (contract, section 4).

One surplus attempt of a message is one finding. It names the requirement of every suspect that cannot be excluded: all retry calls
of the run that may have reached the message. Accepted calls and calls of unknown outcome are suspects first (ruling 26).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

from conformance.contract.vocabulary import NO_FAILED_CODE, TOO_MANY_CODE
from conformance.findings import Margin
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.circumstances import AT_ONCE, kind, kinds, nearest, success_of, unexpected
from conformance.judges.inference.disputed import INSTEAD, disputed
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.quiescence import partial_enqueue
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.rounds import rounds
from conformance.judges.inference.timeline import (
    begun,
    between,
    comparable,
    controls,
    effect_until,
    follows,
    gain,
    grown,
    owed,
    reset_by,
    reset_in_place,
    terminal_stays,
)

#: Suspects that a finding names at most, the last to leave first.
SHOWN = 12


@dataclass(frozen=True)
class Suspect:
    """A call that may have given the attempt, and what it breaks if it did."""

    call: RetryCall
    requirements: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Surplus:
    """Two readings of a message between which it gained more attempts than retries can have given it."""

    batch: Batch
    message: str
    before: Reading
    after: Reading
    gained: int
    #: How many of them calls that may reset it may have given, those still outstanding at ``before`` included.
    explained: int
    suspects: tuple[Suspect, ...]
    #: True if it may also have come by itself, or through a retry of another batch or message (BR-SEL-07).
    unprovoked: bool
    #: What disputes that there is a surplus: the views may disagree instead (BR-IDS-07).
    dispute: Proof | None
    #: What it breaks instead if it is the attempt of a retry that came when its settling time was over (ruling 16).
    late: tuple[str, ...]
    #: The calls nearest to it, in words that are the same in every run.
    cause: str
    #: Their numbers.
    near: frozenset[int]
    proof: Proof

    @property
    def any_of(self) -> tuple[str, ...]:
        """The requirements of which at least one is broken: first those of the nearest calls."""
        named = [name for s in self.suspects for name in s.requirements]
        mine = self._raced([s.call for s in self.suspects if s.call.n in self.near])
        raced = self._raced([s.call for s in self.suspects])
        own = ["BR-SEL-07"] if self.unprovoked or not named else []
        return tuple(dict.fromkeys([*mine, *named, *self.late, *raced, *own, *([INSTEAD] if self.dispute else [])]))

    @staticmethod
    def _raced(calls: Sequence[RetryCall]) -> tuple[str, ...]:
        """What a race among calls breaks: no message gains more attempts than retries were accepted (BR-CON-01, -03)."""
        # A race with a 429 does not count (ruling 10).
        valid = [c for c in calls if c.valid and c.outcome != "throttled"]
        pairs = [(a, b) for i, a in enumerate(valid) for b in valid[i + 1 :] if a.t < b.last and b.t < a.last]
        names = ("BR-CON-03" if a.single or b.single else "BR-CON-01" for a, b in pairs if not (a.single and b.single))
        return tuple(sorted(set(names)))

    @property
    def scenario(self) -> str:
        return next((s.call.scenario for s in self.suspects if s.call.scenario), self.batch.scenario)


def surpluses(case: Case) -> Iterator[Surplus]:
    """Every surplus of the run, message by message, each between two readings as near as can be.

    Sound under A4 (a count grows at a reset only) and A6 (no other client writes): what may explain an attempt is an upper bound,
    delayed effects (ruling 16) and unknown outcomes (ruling 11) included. Without counts, a terminal message that is in progress
    again has been reset at least once (A2); so has one that is ``created`` again in the attempt that had ended.
    """
    for batch in case.groups:
        for message in batch.messages:
            for view in case.views(message):
                for i, a in enumerate(view):
                    b = next((r for r in view[i + 1 :] if follows(case, r, a.last)), None)
                    if b is not None and (found := _surplus(case, batch, message, a, b)) is not None:
                        yield found


def _surplus(case: Case, batch: Batch, message: str, a: Reading, b: Reading) -> Surplus | None:
    counted, anew = bool(comparable(a, b)), reset_in_place(case, a, b)
    gained = (gain(a, b) or 0) if counted and not anew else int(a.terminal and b.in_progress)
    if gained < 1:
        return None
    outstanding = owed(case, batch, a)
    inside = between(batch, a, b)
    explained = outstanding.most + len(inside)
    late = _late(case, batch, a, b) if gained > explained else ()
    if gained <= explained or (late and _enqueued_late(case, batch, a, b)):
        return None
    more = "its attempt begun anew" if anew else f"{gained} attempt{'s' if gained > 1 else ''} more"
    said = (
        f"reads {a.n} and {b.n} show a message with {more} ({a.status}, then {b.status}); calls that may give it one explain "
        f"{explained}"
    )
    known = outstanding.proof
    if anew:
        known &= Proof(assumptions=frozenset((*terminal_stays(a), *assume("A5", b.view))))
    return laid_out(case, batch, message, a, b, said, known, gained=gained, explained=explained, late=late)


def _late(case: Case, batch: Batch, a: Reading, b: Reading) -> tuple[str, ...]:
    """What is broken if an earlier retry gave the attempt, and its only one, later than it may; empty if each had given one."""
    past = [c for c in batch.resetting(b.message) if c.t <= a.last]
    known = grown(case, b)
    given = known[1] if known is not None else rounds(case, b.message, b.last).count
    if not past or given > len([c for c in batch.resetting(b.message) if c.t <= b.last]):
        return ()
    single = ("BR-SGL-02",) if any(c.single for c in past) else ()
    return (*(("BR-ACC-05", "BR-SEL-01") if any(not c.single for c in past) else ()), *single)


def _enqueued_late(case: Case, batch: Batch, a: Reading, b: Reading) -> bool:
    """True if only a retry that left messages out, as the batch's status said, may have given the attempt (ruling 17)."""
    found = [s.call for s in suspects_of(case, batch, b.message, a, b)]
    past = [c for c in found if c.may_reset and not c.single and c.t <= a.last]
    return all(c.may_reset for c in found) and any(partial_enqueue(case, batch, c, b.t) for c in past)


def laid_out(
    case: Case,
    batch: Batch,
    message: str,
    a: Reading,
    b: Reading,
    said: str,
    known: Proof,
    *,
    gained: int = 1,
    explained: int = 0,
    late: tuple[str, ...] = (),
) -> Surplus:
    """The surplus that a message gained between two readings, with everything that is suspected of it.

    :param said: what the readings show, for the argument.
    :param known: that no call which the contract allows explains it. :param late: see ``Surplus.late``.
    """
    found = tuple(suspects_of(case, batch, message, a, b))
    near = nearest(case, [s.call for s in found], a, b)
    first = [c.n for c in (*unexpected(near), *near)]
    suspects = tuple(sorted(found, key=lambda s: first.index(s.call.n) if s.call.n in first else len(first)))
    control = controls(case, a.last, b.t, but=batch.id)
    dispute = disputed(case, a, b)
    elsewhere = elsewhere_accepted(case, batch, a, b)
    lines = [
        said,
        f"calls that may have reached it: {_listed(suspects)}"
        if suspects
        else "no call of this batch or message reached it",
        *((f"retry {elsewhere.n} of another batch or message was accepted meanwhile",) if elsewhere else ()),
        "no other client can write to a batch of this run",
    ]
    proof = known & Proof(
        because=tuple(lines),
        evidence=(a.n, *(s.call.n for s in suspects[:SHOWN]), *((elsewhere.n,) if elsewhere else ()), b.n),
        assumptions=frozenset((*reset_by(a, b), *assume("A6", batch.id), *assume("A7", b.view))),
        margins={b.view: Margin(b.t - a.last, b.view, b.n)},
    )
    for more in (control, dispute):
        proof &= more or Proof()
    return Surplus(
        batch=batch,
        message=message,
        before=a,
        after=b,
        gained=gained,
        explained=explained,
        suspects=suspects,
        unprovoked=control is None or elsewhere is not None,
        dispute=dispute,
        late=late,
        cause=_cause(batch, message, near, a, elsewhere),
        near=frozenset(first),
        proof=proof,
    )


def _cause(batch: Batch, message: str, near: Sequence[RetryCall], a: Reading, elsewhere: RetryCall | None) -> str:
    """Of what kind the nearest calls are that must have no effect, or else those that were accepted.

    Where the former were refused, in what state the message was, too, if an accepted call may have reached it as well, and if the
    attempt came when none of them was on its way.
    """
    told = unexpected(near)
    said = kinds(batch, told, message, alike=True)
    if not near:
        return f"{said}{' but of others' if elsewhere else ''}{', sent singly' if batch.single else ''}"
    if any(not c.refused for c in told) or said.endswith(AT_ONCE):
        return said
    state = (
        success_of(batch, message, told[0].t) if a.status == "success" else a.status if a.terminal else "in progress"
    )
    accepted = any(c.may_reset and c.reaches(message) for c in near)
    later = not any(c.last > a.t for c in near)
    return f"{said}, {state}{' and retried' if accepted else ''}{', later' if later else ''}"


def suspects_of(case: Case, batch: Batch, message: str, a: Reading, b: Reading) -> Iterator[Suspect]:
    """Calls on the batch or message that left before the attempt was seen, accepted ones first.

    What an accepted call or one of unknown outcome did may come again, and late (at-least-once redelivery, ruling 26), and nothing
    bounds when a valid retry that was refused is carried out all the same; what a probe did shows within the settling time.
    """
    since = begun(case, a) - case.header.settle_timeout
    known = [c for c in batch.sent if c.t <= b.last and (c.may_reset or (c.valid and c.refused) or c.last > since)]
    for call in sorted(known, key=lambda c: (not c.may_reset, -c.t)):
        names = tuple(laid_to(call, message, a))
        if names:
            yield Suspect(call, names)


def unseen(case: Case, batch: Batch, message: str, call: RetryCall) -> tuple[str, ...]:
    """What is broken if the message got attempts that no reading shows before a call which is refused as one attempt too many.

    Nothing, where a reading counts its attempts when every call that may have given it one had been answered, and none is missing:
    of an accepted retry without an attempt it may have been forgotten (BR-SEL-05).
    """
    if call.code not in (NO_FAILED_CODE, TOO_MANY_CODE):
        return ()
    past = [c for c in batch.sent if c.t < call.t]
    others = [c for c in case.calls if c.accepted and c.batch != batch.id and c.t < call.t]
    since = max((c.last for c in (*past, *others)), default=-inf)
    seen = (r for r in case.readings(message) if follows(case, r, since) and r.last <= call.t)
    counted = [shown[1] for r in seen if (shown := grown(case, r)) is not None]
    if counted:
        given = sum(c.accepted and c.reaches(message) for c in batch.resets if c.last <= call.t)
        return ("BR-SEL-05",) if given > max(counted) or _forgotten(case, message, call.t) else ()
    named = (name for c in past for name in laid_to(c, message))
    return tuple(dict.fromkeys((*named, *(("BR-SEL-07",) if others else ()))))


def _forgotten(case: Case, message: str, until: float) -> bool:
    """Whether the last list of a view lacks an attempt that an earlier one had."""
    for view in case.views(message):
        listed = [{(a.id, a.created_at) for a in r.attempts} for r in view if r.attempts and r.last <= until]
        if listed and not view[-1].abbreviated and not listed[-1] >= set().union(*listed):
            return True
    return False


def laid_to(call: RetryCall, message: str, before: Reading | None = None) -> Iterator[str]:
    """The requirements that are broken if this call gave the message a surplus attempt (contract, section 4)."""
    if not call.valid:
        name = call.probe.requirement(call.exchange.invoke.operation) if call.probe is not None else None
        if name is not None and call.reaches(message):
            if call.accepted and call.probe is not None and call.probe.near is not None:
                yield "BR-ERR-04"
            yield name
        return
    if call.outcome == "throttled":
        if call.reaches(message):
            yield "BR-ERR-06"
        return
    if call.may_reset:
        if not call.reaches(message):
            yield "BR-SGL-02"
            return
        yield "BR-SEL-02" if before and before.status == "success" and not call.single else "BR-SEL-05"
        if call.single and before and before.last <= call.t:
            yield "BR-SGL-02"  # It gave its own message a second one.
    elif not call.single:
        yield "BR-BLK-03"
    elif call.reaches(message):
        yield "BR-SGL-01"
    if call.harmless:
        yield "BR-SEC-05"


def elsewhere_accepted(case: Case, batch: Batch, a: Reading, b: Reading) -> RetryCall | None:
    """An accepted retry of another batch, the effects of which were not all visible when the first reading began."""
    for call in case.calls:
        if call.batch == batch.id or not call.accepted or not call.valid or call.t > b.last:
            continue
        if effect_until(case, call) < begun(case, a):
            continue
        home = case.batch(call.batch)
        if home is not None and not _visible(case, home, call, a.t):
            return call
    return None


def _visible(case: Case, home: Batch, call: RetryCall, instant: float) -> bool:
    """True if every message that the call may reset had shown its attempts by then: the call owes nothing any more."""
    members = [m for m in home.messages if call.reaches(m)]
    for message in members:
        seen = [r for r in case.readings(message) if r.last <= instant and r.t >= call.last]
        if not any(owed(case, home, r).none or (r.status == "success") for r in seen):
            return False
    return bool(members)


def _listed(suspects: tuple[Suspect, ...]) -> str:
    said = [f"{s.call.n} ({kind(s.call)}, {s.call.said})" for s in suspects[:SHOWN]]
    more = f" and {len(suspects) - SHOWN} more" if len(suspects) > SHOWN else ""
    return ", ".join(said) + more
