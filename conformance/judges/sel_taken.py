"""BR-SEL-01, BR-SEL-02, BR-SEL-09: whom an accepted retry takes up, and whom it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from conformance.findings import Doubt, Exercise, Finding, Opinion
from conformance.judges.acc import refused
from conformance.judges.case import Batch, Case, Write
from conformance.judges.intervals import ENQUEUING_FAILED, TOO_MANY_CODE, UNDERWAY, seconds
from conformance.judges.quiet import quiet
from conformance.judges.sightings import Sight
from conformance.judges.timeline import (
    acts_on,
    comparable,
    effect_until,
    failed_at,
    follows,
    gain,
    overlapping,
    pending,
    retried,
    same_attempt,
    slack,
    views,
)


@dataclass(frozen=True)
class Outcome:
    """What became of one failed message by one retry: it shows a new attempt, or still none when time is over."""

    kind: Literal["taken", "left"]
    before: Sight
    after: Sight


def outcome(case: Case, batch: Batch, message: str, write: Write, settled: float | None = None) -> Outcome | None:
    """What the write did to a message that was failed when it was decided; None if no read tells.

    Between the two sights no other retry can have given the message an attempt, so a gain is this one's.

    :param settled: when its effects must have come; by default the settling time after its answer.
    """
    acts = acts_on(batch, message)
    limit = min((w.t for w in acts if w.t > write.t and w.n != write.n), default=float("inf"))
    settled = write.last + case.header.settle_timeout if settled is None else settled
    for view in views(case.sights(message)):
        before = [s for s in view if s.last <= write.t and s.status == "failure"]
        if not before or pending(case, batch, message, before[-1]):
            continue
        a = before[-1]
        if any(a.last < w.t < write.t for w in acts):
            continue
        for s in view:
            if not follows(case, s, write.t) or s.last > limit:
                continue
            if (gain(a, s) or 0) >= 1 or (not comparable(a, s) and s.underway):
                return Outcome("taken", a, s)
            if follows(case, s, settled) and same_attempt(a, s):
                return Outcome("left", a, s)
    return None


def takes_up(case: Case, batch: Batch) -> Iterator[Opinion]:
    """BR-SEL-01: every failed message that may still be retried is taken up.

    Failed at the decision by a sight and A2; retried at most once, so that both readings of the limit let it be
    retried (ruling 3); no new attempt when the settling time is over (ruling 16), in a batch that does not show
    ``messages_enqueuing_failed`` (ruling 17). A lost retry counts only if it took up some (ruling 11), and as it may
    have been decided long after it was sent, its settling time begins when the first of them is seen.
    """
    for write in batch.retries:
        if not write.acts or overlapping(batch, write) or not batch.whole:
            continue
        due = [m for m in batch.messages if failed_at(case, batch, m, write) and retried(case, batch, m, write)[1] < 2]
        outcomes = {m: outcome(case, batch, m, write) for m in due}
        taken = [o for o in outcomes.values() if o is not None and o.kind == "taken"]
        decided = write.last if write.standing == "accepted" else min((o.after.last for o in taken), default=write.last)
        settled = decided + case.header.settle_timeout
        final = [outcome(case, batch, m, write, settled) for m in due]
        left = [o for o in final if o is not None and o.kind == "left"]
        if len(due) >= 2 and len(taken) == len(due) and write.standing == "accepted":
            evidence = (write.n, *sorted({n for o in taken for n in (o.before.n, o.after.n)}))
            yield Exercise(requirement="BR-SEL-01", evidence=evidence)
        if taken and left:
            yield _left_out(case, batch, write, taken, left, settled)


def _left_out(
    case: Case, batch: Batch, write: Write, taken: list[Outcome], left: list[Outcome], settled: float
) -> Opinion:
    until = max(o.after.last for o in left)
    following = min((w.t for w in batch.writes if w.t > write.t and w.standing != "unsent"), default=float("inf"))
    shown = [(s, status) for s, status in case.status_sights(batch) if write.t <= s.last <= max(until, following)]
    final = [(s, status) for s, status in shown if follows(case, s, settled) and s.last <= following]
    evidence = (write.n, *sorted({n for o in (*left, *taken) for n in (o.before.n, o.after.n)}))
    if not final or any(status == ENQUEUING_FAILED for _, status in shown):
        return Doubt(
            requirement="BR-SEL-01",
            code="partial-enqueue" if final else "status-not-visible",
            text=f"retry {write.n} leaves {len(left)} failed messages out; "
            + ("the batch shows messages_enqueuing_failed" if final else "the batch's status is not shown afterwards"),
            needs=("a read of one message, with its batches, after the settling time", "another accepted retry"),
            evidence=evidence,
        )
    sight, status = final[0]
    return Finding(
        any_of=("BR-SEL-01",),
        summary="the target leaves out failed messages of a batch that it retries",
        argument=(
            f"reads before retry {write.n} show {len(left) + len(taken)} messages failed, retried at most once",
            f"the retry gives {len(taken)} of them a new attempt, and {len(left)} none when the settling time is over",
            f"read {sight.n} shows the batch in {status}, not in messages_enqueuing_failed",
        ),
        expected=("a new attempt of every failed message", "status messages_enqueuing_failed while one is left out"),
        observed=f"{len(left)} of {len(left) + len(taken)} failed messages left out, status {status}",
        evidence=(*evidence, sight.n),
        axioms=("A2", "A3", "A4", "A6", "A7"),
        slack=f"holds if what a retry does shows within {seconds(min(o.after.t for o in left) - write.last)}",
        counterfactual="would be legal if the batch's status were messages_enqueuing_failed",
        scenario=write.exchange.invoke.scenario,
        subject="failed message left out",
    )


def untouched(case: Case, batch: Batch) -> Iterator[Opinion]:
    """BR-SEL-02: a retry touches no message that is not failed.

    Three proofs. A success is terminal until a retry (A2), and a retry may not touch it: an attempt more (A4), or
    underway again, is a violation. A message that a read begun after the 201 shows underway in the attempt that
    a read before the retry showed was not failed when it was decided (A1): a later attempt that no other retry
    explains was given by this one. That needs its 201: a retry whose answer is lost may be carried out long after, when
    the message has failed (ruling 11). And an attempt that an answer shows underway beside a later one had not ended
    when that was begun (A1, A3), however late that was.
    """
    retries = [w for w in batch.retries if w.acts]
    for message in batch.messages:
        singles = [w for w in batch.singles if w.message == message and w.acts]
        for view in views(case.sights(message)):
            for a in view:
                b = next((s for s in view if follows(case, s, a.last) and s.n != a.n and _reset(a, s)), None)
                if b is None or any(a.last < w.t <= b.last for w in singles):
                    continue
                if any(effect_until(case, w) >= a.t - case.lag for w in singles) and pending(case, batch, message, a):
                    continue
                causes = [w for w in retries if w.t <= b.last and effect_until(case, w) >= a.t - case.lag]
                if a.status == "success" and causes:
                    yield _touched(case, causes[-1], a, b, "success", ("A2",))
                    return
                # With nothing pending, what ``a`` does not show yet was given by a retry that left after it.
                later = [w for w in causes if w.t > a.last]
                if len(later) == 1 and _not_failed(case, view, later[0], a, b) and not pending(case, batch, message, a):
                    yield _touched(case, later[0], a, b, str(a.status), ("A1",))
                    return
    for write in retries:
        yield from _left_alone(case, batch, write)


def _reset(a: Sight, b: Sight) -> bool:
    return (gain(a, b) or 0) >= 1 if comparable(a, b) else a.terminal and b.underway


def _not_failed(case: Case, view: tuple[Sight, ...], write: Write, a: Sight, b: Sight) -> bool:
    """Whether the attempt that ``a`` shows underway, before the write left, had not ended when that of ``b`` was begun."""
    if not a.underway:
        return False
    # Seen terminal, in whatever view, and underway in that attempt after: then A2 is what is broken.
    ended = min((s.t for s in case.sights(a.message) if s.terminal and s.t >= a.last), default=float("inf"))
    middle = (s for s in view if follows(case, s, write.last) and s.last <= min(b.t, ended) and s.underway)
    outlasted = write.standing == "accepted" and any(same_attempt(a, s) and comparable(a, s) for s in middle)
    return outlasted or (b.last <= ended and _superseded(a, b))


def _superseded(a: Sight, b: Sight) -> bool:
    """Whether ``b`` shows one attempt more, and the one that was underway in ``a`` still underway beside it."""
    shown = (_underway(a), _underway(b))
    return gain(a, b) == 1 and shown[0] == 1 and shown[1] is not None and shown[1] >= 2


def _underway(sight: Sight) -> int | None:
    """How many attempts an answer shows underway; None if it does not list them all."""
    if sight.attempts is None or sight.abbreviated:
        return None
    return sum(attempt.status in UNDERWAY for attempt in sight.attempts)


def _touched(case: Case, write: Write, a: Sight, b: Sight, status: str, axioms: tuple[str, ...]) -> Finding:
    return Finding(
        any_of=("BR-SEL-02",),
        summary=f"the target retries a message that is {'a success' if status == 'success' else 'underway'}",
        argument=(
            f"read {a.n} shows the message in {status}",
            f"retry {write.n} of its batch is answered {write.status}; no single retry of the message was accepted",
            f"read {b.n} shows it in {b.status}, with a new attempt",
        ),
        expected=("the message keeps its attempts",),
        observed="a new attempt",
        evidence=(a.n, write.n, b.n),
        axioms=(*axioms, "A3", "A4", "A6", "A7") if comparable(a, b) else (*axioms, "A6", "A7"),
        slack=slack(case, b, a.last),
        counterfactual="would be legal if the message had been failed when the retry was decided",
        scenario=write.exchange.invoke.scenario,
        subject="success retried" if status == "success" else "message underway retried",
    )


def _left_alone(case: Case, batch: Batch, write: Write) -> Iterator[Opinion]:
    """BR-SEL-02 exercised: a success stood beside a failure that was taken up, and shows no new attempt after."""
    if write.standing != "accepted":
        return
    taken = [o for m in batch.messages if (o := outcome(case, batch, m, write)) is not None and o.kind == "taken"]
    if not taken:
        return
    for message in batch.messages:
        for view in views(case.sights(message)):
            before = [s for s in view if s.last <= write.t and s.status == "success"]
            after = [s for s in view if before and follows(case, s, taken[0].after.t) and same_attempt(before[-1], s)]
            if after:
                evidence = (before[-1].n, write.n, taken[0].after.n, after[0].n)
                yield Exercise(requirement="BR-SEL-02", evidence=evidence)
                return


def spent_beside(case: Case, batch: Batch) -> Iterator[Opinion]:
    """BR-SEL-09: a spent message is left alone and keeps no other from being retried.

    Spent is a failed message whose single retry was refused as having had too many attempts (after two retries or
    more, which both readings allow), or one retried three times. That the others must be retried is BR-SEL-01 and
    BR-ACC-02; here it is judged where a spent one stands beside them.
    """
    for write in batch.retries:
        spent = {m: n for m in batch.messages if (n := _spent(case, batch, m, write)) is not None}
        fresh = [m for m in batch.messages if m not in spent and failed_at(case, batch, m, write)]
        fresh = [m for m in fresh if retried(case, batch, m, write)[1] < 2]
        if not spent or not fresh or overlapping(batch, write):
            continue
        if write.standing == "accepted":
            outcomes = {m: outcome(case, batch, m, write) for m in (*spent, *fresh)}
            again = [m for m in spent if (o := outcomes[m]) is not None and o.kind == "taken"]
            taken = [o for m in fresh if (o := outcomes[m]) is not None and o.kind == "taken"]
            if again:
                done = outcomes[again[0]]
                if done is not None:
                    yield _spent_again(write, spent[again[0]], done)
            elif len(taken) == len(fresh) and all(_quiet_since(case, m, write, taken[0]) for m in spent):
                numbers = {n for o in taken for n in (o.before.n, o.after.n)} | set(spent.values())
                yield Exercise(requirement="BR-SEL-09", evidence=(write.n, *sorted(numbers)))
        elif refused(write) and not isinstance(state := quiet(case, batch, write), str) and state.status is not None:
            yield _kept_back(write, (*spent.values(), *state.evidence))


def _spent(case: Case, batch: Batch, message: str, write: Write) -> int | None:
    """The exchange by which the message is spent when the write leaves, failed as it is; None if it is not proved."""
    proof = failed_at(case, batch, message, write)
    low, _ = retried(case, batch, message, write)
    if proof is None or low < 2:
        return None
    for single in batch.singles:
        if single.message == message and single.last <= write.t and single.code == TOO_MANY_CODE:
            acts = [w for w in acts_on(batch, message) if single.t < w.last and w.t < write.t]
            if not acts:
                return single.n
    return proof.sight.n if low >= 3 else None


def _quiet_since(case: Case, message: str, write: Write, taken: Outcome) -> bool:
    """Whether a read, begun when the others' new attempts had been seen, shows the spent message as before."""
    for view in views(case.sights(message)):
        before = [s for s in view if s.last <= write.t]
        after = [s for s in view if before and follows(case, s, taken.after.t) and same_attempt(before[-1], s)]
        if after:
            return True
    return False


def _kept_back(write: Write, evidence: tuple[int, ...]) -> Finding:
    answer = f"{write.status} {write.code or ''}".rstrip()
    return Finding(
        any_of=("BR-SEL-09", "BR-ACC-02"),
        summary="the target refuses to retry a batch in which one failed message is spent and another is not",
        argument=(
            f"exchange {evidence[0]} shows that one message may not be retried any more",
            f"reads before retry {write.n} show the batch quiet and retryable, with another failed message retried at "
            "most once",
            f"201 had to come, and {answer} came",
        ),
        expected=("201 with an empty body",),
        observed=answer,
        evidence=(*evidence, write.n),
        axioms=("A2", "A3", "A4", "A6", "A7"),
        counterfactual="would be legal if every failed message had been spent",
        scenario=write.exchange.invoke.scenario,
        subject="spent message keeps the others back",
    )


def _spent_again(write: Write, spent: int, done: Outcome) -> Finding:
    return Finding(
        any_of=("BR-SEL-09", "BR-SEL-04"),
        summary="the target retries a message that is spent, together with others of its batch",
        argument=(
            f"exchange {spent} shows that the message may not be retried any more",
            f"retry {write.n} of its batch is accepted; reads {done.before.n} and {done.after.n} show it tried anew",
        ),
        expected=("the spent message keeps its attempts", "the other failed messages are retried"),
        observed="the spent message gains an attempt",
        evidence=(spent, done.before.n, write.n, done.after.n),
        axioms=("A2", "A3", "A4", "A6", "A7"),
        counterfactual="would be legal if the message had been retried less often",
        scenario=write.exchange.invoke.scenario,
        subject="spent message retried in a mixed batch",
    )
