"""BR-SEL-01 and BR-SEL-09: which failed messages an accepted retry picks up."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from conformance.contract.vocabulary import ENQUEUING_FAILED
from conformance.findings import DoubtReason
from conformance.judges.inference.circumstances import kinds
from conformance.judges.inference.inference import retries
from conformance.judges.inference.ledger import laid_out
from conformance.judges.inference.proof import Proof, all_of
from conformance.judges.inference.quiescence import Quiescent, set_since, shown_between
from conformance.judges.inference.retry import Effect, Retry, effect
from conformance.judges.inference.rounds import times_retried, views_read
from conformance.judges.inference.timeline import exhausted, follows, listed_beyond, unchanged
from conformance.judges.rule import Exercised, InDoubt, Judgement, Violated, rule

#: What settles whether messages that were left out twice are left out for good.
_PICKED_UP = ("a run in which an accepted retry picks up what the one before it left out",)


@rule(
    "BR-SEL-01",
    retries,
    violation="the target leaves out failed messages of a batch that it retries",
    expected=("a new attempt of every failed message", f"status {ENQUEUING_FAILED} while one is left out"),
    legal_if=f"the batch's status were {ENQUEUING_FAILED}",
    subject="failed message left out",
)
def picks_up_every_failed_message(retry: Retry) -> Iterator[Judgement]:
    """An accepted retry picks up every failed message that may still be retried.

    Failed when it was decided, retried at most once (ruling 3), no new attempt when the settling time is over (ruling 16), in a
    batch that does not show ``messages_enqueuing_failed`` (ruling 17). A retry of unknown outcome counts only if it picked up some
    (ruling 11); it may have been carried out late, so its settling time begins when the first of them is seen.
    """
    if not retry.call.may_reset or retry.overlapped or not retry.batch.whole:
        return
    due = retry.retriable
    taken = {m: e for m in due if (e := retry.effect(m)) is not None and e.kind == "reset"}
    if retry.accepted and len(due) >= 2 and len(taken) == len(due):
        yield Exercised(proof=Proof(evidence=(retry.n,)) & all_of(*(e.proof for e in taken.values())))
    if not taken:
        return
    decided = retry.call.last if retry.accepted else min(e.after.last for e in taken.values())
    settled = decided + retry.case.header.settle_timeout
    final = {m: effect(retry.case, retry.batch, m, retry.call, settled) for m in due}
    left = {m: e for m, e in final.items() if e is not None and e.kind == "left" and not _used_up(retry, m, e)}
    if left:
        yield _left_out(retry, due, list(taken.values()), left, settled)


def _used_up(retry: Retry, message: str, left: Effect) -> bool:
    """Whether what was left out lists three attempts, whatever gave it them: it may be exhausted (ruling 3)."""
    return any(listed_beyond(r) >= 2 for r in retry.case.readings(message) if r.last <= left.after.last)


def _place(retry: Retry, left: Collection[str], taken: Collection[str]) -> str:
    """Which messages were left out, in words for a fingerprint: those after so many, or others."""
    order = [m for m in retry.batch.messages if m in left or m in taken]
    first = next(i for i, m in enumerate(order) if m in left)
    if all(m in left for m in order[first:]):
        return f"those after the first {first}"
    rows = {m: row for m in order if (row := retry.case.row(m)) is not None}
    picked = {rows[m].language for m in order if m in rows and m not in left}
    other = all(m in rows and rows[m].language not in picked for m in left)
    return f"some in between{', in other languages' if other else ''}"


def _left_before(retry: Retry, message: str) -> int | None:
    """The accepted retry before this one, if it left the message out too, which this one was to take up."""
    before = [c for c in retry.batch.retries if c.accepted and c.last <= retry.call.t]
    known = effect(retry.case, retry.batch, message, before[-1]) if before else None
    return before[-1].n if known is not None and known.kind == "left" else None


def _failed(count: int) -> str:
    return f"{count} failed message{'s' if count > 1 else ''}"


def _afterwards(retry: Retry, left: Collection[str]) -> str:
    """What came of the messages that a retry left out, which the next accepted one is to pick up (ruling 17)."""
    later = [c for c in retry.batch.retries if c.accepted and c.t >= retry.call.last]
    if not later:
        return "no retry was accepted after it that could pick them up"
    effects = [effect(retry.case, retry.batch, m, later[0]) for m in left]
    picked = sum(e is not None and e.kind == "reset" for e in effects)
    return f"the next one, {later[0].n}, was {f'seen to pick up {picked}' if picked else 'not seen to pick up any'} of them"


def _left_out(
    retry: Retry, due: dict[str, Proof], taken: list[Effect], left: dict[str, Effect], settled: float
) -> Judgement:
    until = max(retry.until, *(e.after.last for e in left.values()))
    shown = shown_between(retry.case, retry.batch, retry.call.t, until)
    told = settled + retry.case.status_lag
    final = [(r, s) for r, s in shown if follows(retry.case, r, told) and r.last <= retry.until]
    failed = any(s == ENQUEUING_FAILED for _, s in shown)
    evidence = (retry.n, *(e.after.n for e in left.values()))
    again = [n for m in left if failed and (n := _left_before(retry, m)) is not None]
    if again:
        what = f"{_failed(len(again))} out that the accepted retry before it, {again[0]}, had left out too"
        return InDoubt(
            reason=DoubtReason.LEFT_OUT,
            text=f"retry {retry.n} leaves {what}",
            evidence=evidence,
            needs=_PICKED_UP,
        )
    if failed:
        what = f"{_failed(len(left))} out; the batch shows {ENQUEUING_FAILED}, and {_afterwards(retry, left)}"
        return InDoubt(
            reason=DoubtReason.PARTIAL_ENQUEUE,
            text=f"retry {retry.n} leaves {what}",
            evidence=evidence,
        )
    single = set_since(retry.case, retry.batch, retry.call)
    if not final or single is not None:
        hidden = f"single retry {single.n} may have set the batch's status since" if single else ""
        why = hidden or "the batch's status is not shown afterwards"
        return InDoubt(
            reason=DoubtReason.LEFT_OUT,
            text=f"retry {retry.n} leaves {_failed(len(left))} out; {why}",
            evidence=evidence,
        )
    message = max(left, key=lambda m: len(views_read(retry.case, m, retry.call.last, left[m].after.last)))
    several = len(views_read(retry.case, message, retry.call.last, left[message].after.last)) > 1
    reading, status = final[0]
    lines = (
        f"retry {retry.n} ({retry.answer}) gives {len(taken)} messages a new attempt, and {len(left)} of the "
        f"{len(due)} that were failed and retried at most once get none until the settling time is over",
        f"read {reading.n} shows the batch in {status}, not in {ENQUEUING_FAILED}",
    )
    return Violated(
        proof=due[message]
        & left[message].proof
        & taken[0].proof
        & Proof(because=lines, evidence=(*evidence, reading.n)),
        observed=f"{len(left)} of {len(left) + len(taken)} failed messages left out, status {status}",
        defect=f"{_place(retry, left, {e.after.message for e in taken})}, {kinds(retry.batch, [retry.call])}",
        any_of=retry.accused("BR-SEL-01", *(() if several else ("BR-IDS-07",))),
        scenario=retry.scenario,
    )


@rule(
    "BR-SEL-09",
    retries,
    expected=("201: the exhausted message keeps its attempts, the other failed messages are retried",),
    legal_if="every failed message, or none, had been exhausted",
    subject="exhausted message in a mixed batch",
)
def exhausted_next_to_others(retry: Retry) -> Iterator[Judgement]:
    """An exhausted message is left alone, and keeps no other from being retried.

    Exhausted: a failed message whose single retry was refused as one attempt too many (after two retries or more), or one that was
    retried three times (ruling 3). Whatever else may have given the attempt is named too, as in the ledger.
    """
    if retry.overlapped:
        return
    done = {m: proof for m in retry.failed if (proof := _exhausted(retry, m)) is not None}
    fresh = {m: proof for m, proof in retry.retriable.items() if m not in done}
    if not done or not fresh:
        return
    if retry.accepted:
        effects = {m: retry.effect(m) for m in (*done, *fresh)}
        for message, proof in done.items():
            found = effects[message]
            if found is not None and found.kind == "reset":
                said = f"reads {found.before.n} and {found.after.n} show it with an attempt more"
                surplus = laid_out(retry.case, retry.batch, message, found.before, found.after, said, found.proof)
                # An attempt that no retry explains may be none of those that count.
                earlier = [name for one in retry.surpluses() if one.message == message for name in one.any_of]
                names = (*retry.accused("BR-SEL-09", "BR-SEL-04"), *earlier)
                yield Violated(
                    proof=proof & retry.answered("is accepted") & surplus.proof,
                    violation="the target retries an exhausted message together with others of its batch",
                    observed="the exhausted message gains an attempt",
                    any_of=tuple(dict.fromkeys((*names, *surplus.any_of))),
                    defect=f"retried again{_singly(retry, message)}",
                    scenario=retry.scenario,
                )
                return
        taken = [e for m in fresh if (e := effects[m]) is not None and e.kind == "reset"]
        stood = [_stood_still(retry, m, taken[0]) for m in done] if taken else []
        kept = [s for s in stood if s is not None]
        if len(taken) == len(fresh) and len(kept) == len(done):
            yield Exercised(proof=all_of(*done.values(), *(e.proof for e in taken), *kept))
    elif retry.refused and _status_known(retry) and retry.must_accept is not None and retry.stray is None:
        yield Violated(
            proof=next(iter(done.values())) & retry.must_accept & retry.answered("had to be accepted"),
            violation="the target refuses a batch in which one failed message is exhausted and another is not",
            observed=retry.answer,
            any_of=("BR-SEL-09", "BR-ACC-02"),
            defect="keeps the others back",
            scenario=retry.scenario,
        )


def _singly(retry: Retry, message: str) -> str:
    """That single retries are among those that exhausted a message, in words for a fingerprint."""
    return (
        ", after single retries" if any(c.single for c in retry.batch.resetting(message) if c.t < retry.call.t) else ""
    )


def _status_known(retry: Retry) -> bool:
    return isinstance(retry.quiescent, Quiescent) and retry.quiescent.status is not None


def _exhausted(retry: Retry, message: str) -> Proof | None:
    failed = retry.failed[message].proof
    known = exhausted(retry.case, retry.batch, message, retry.call.t)
    if known is not None:
        return failed & known
    times = times_retried(retry.case, retry.batch, message, retry.call)
    if times.least < 3:
        return None
    return failed & times.proof & Proof(because=(f"a failed message had been retried {times.least} times before",))


def _stood_still(retry: Retry, message: str, taken: Effect) -> Proof | None:
    """That a read, begun when another's new attempt had been seen, shows the message as before, and none shows it otherwise."""
    if any(r.in_progress for r in retry.read_after(message)):
        return None
    for view in retry.case.views(message):
        before = [r for r in view if r.last <= retry.call.t]
        for after in view:
            if before and follows(retry.case, after, taken.after.t) and after.last <= retry.until:
                same = unchanged(retry.case, before[-1], after)
                weak = before[-1].status == after.status and before[-1].updated_at is None and not before[-1].counts
                if same is not None or weak:
                    return Proof(evidence=(before[-1].n, after.n), assumptions=frozenset(same or ()))
    return None


RULES = (picks_up_every_failed_message, exhausted_next_to_others)
