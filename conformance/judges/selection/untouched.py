"""BR-SEL-02: a retry touches no message of the batch that is not failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from conformance.contract.vocabulary import IN_PROGRESS
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.circumstances import kinds, success_of
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.ledger import laid_out
from conformance.judges.inference.proof import Proof, all_of, assume
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.retry import Retry
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.rounds import again
from conformance.judges.inference.timeline import (
    begun,
    comparable,
    effect_until,
    follows,
    gain,
    older,
    owed,
    same_attempt,
    terminal_stays,
    unchanged,
)
from conformance.judges.rule import Exercised, Judgement, Violated, rule


def batches(inference: Inference) -> Iterable[tuple[Inference, Batch]]:
    """The subjects of a rule that looks at each batch of this run."""
    return ((inference, batch) for batch in inference.case.ours)


def groups(inference: Inference) -> Iterable[tuple[Inference, Batch]]:
    """The subjects of a rule about attempts: each batch of this run, and each message that it sent singly."""
    return ((inference, batch) for batch in inference.case.groups)


@rule(
    "BR-SEL-02",
    batches,
    violation="the target retries a message that has not failed",
    expected=("the message keeps its attempts",),
    legal_if="the message had been failed at an instant between the retry and its visible effect",
    subject="message retried that was not failed",
)
def touches_no_other_message(subject: tuple[Inference, Batch]) -> Iterator[Judgement]:
    """Broken only by a message that was failed at no instant between the request and its visible effect (ruling 21).

    A success is terminal until a retry (A2b), and a retry may not touch it: an attempt more, or in progress again in whatever
    attempt. So is an attempt that one answer shows in progress next to the newer one (A1, A3). Whatever else may have given the
    attempt is named too, as in the ledger.
    """
    inference, batch = subject
    calls = [c for c in batch.retries if c.may_reset]
    if not calls:
        return
    for message in batch.messages:
        found = next(_touched(inference.case, batch, message, calls), None)
        if found is not None:
            yield found
            return
    for call in calls:
        retry = inference.retry(call.n)
        if call.accepted and retry is not None and (proof := _left_alone(retry)) is not None:
            yield Exercised(proof=proof)


def _touched(case: Case, batch: Batch, message: str, calls: list[RetryCall]) -> Iterator[Violated]:
    singles = [c for c in batch.singles if c.reaches(message) and c.may_reset]
    for view in case.views(message):
        for i, a in enumerate(view):
            if a.status != "success" and not a.in_progress:
                continue
            b = next((s for s in view[i + 1 :] if follows(case, s, a.last) and _reset(case, a, s)), None)
            if b is None:
                continue
            outstanding = owed(case, batch, a)
            done = _all_shown(case, batch, view[: i + 1])
            past = [c for c in (*calls, *singles) if done <= c.t <= a.last and effect_until(case, c) >= begun(case, a)]
            inside = [c for c in (*calls, *singles) if a.last <= c.t < b.last]
            if any(c.single for c in (*past, *inside)) or not (past or inside):
                continue
            proof = (
                _was_success(case, message, a, past)
                if a.status == "success"
                else _superseded(case, message, a, b)
                if not past
                else None
            )
            if proof is None:
                continue
            now = f"{b.status} with a new attempt" if (gain(a, b) or 0) >= 1 else f"{b.status}"
            was = "a success" if a.status == "success" else "in progress"
            left = (inside or past)[0].t
            state = success_of(batch, message, left) if a.status == "success" else _underway(a)
            place = " in the same attempt" if gain(a, b) == 0 else ""
            said = f"reads {a.n} and {b.n} show a message in {a.status}, then in {now}"
            found = laid_out(case, batch, message, a, b, said, outstanding.proof & proof)
            yield Violated(
                proof=found.proof,
                violation=f"the target retries a message that is {was}",
                observed=f"{was}, then {now}",
                any_of=tuple(dict.fromkeys(("BR-SEL-02", *found.any_of))),
                defect=f"{state}{place}, {kinds(batch, inside or past)}",
                scenario=(inside or past)[-1].scenario,
            )


def _all_shown(case: Case, batch: Batch, view: Sequence[Reading]) -> float:
    """When the last of these readings ended that shows the attempts of all calls before it: none of those is still to come."""
    return max((r.last for r in view if owed(case, batch, r).none), default=float("-inf"))


def _underway(a: Reading) -> str:
    """In progress; with the telco, where a message may stay for days, in words of its own."""
    return "with the telco" if a.status == "sent_to_telco" else "in progress"


def _reset(case: Case, a: Reading, b: Reading) -> bool:
    """True if the message was reset between the readings, be it in place: without an attempt more only a newer updatedAt tells
    that from a read that lags (A1, A4)."""
    if (gain(a, b) or 0) >= 1 or again(case, a, b):
        return True
    return a.terminal and b.in_progress and gain(a, b) == 0 and older(a, b)


def _was_success(case: Case, message: str, a: Reading, past: Iterable[RetryCall]) -> Proof | None:
    """That the message was a success, or on its way to it, since before each of these calls, which may take effect after ``a``.

    What is in progress in the attempt that succeeds does not fail between, but by a failure that is corrected (A2a).
    """
    proofs = [Proof(assumptions=frozenset(terminal_stays(a)))]
    for call in past:
        earlier = [r for r in case.readings(message) if r.last <= call.t and (r.status == "success" or r.in_progress)]
        same = next(((r, s) for r in earlier if (s := same_attempt(case, r, a)) is not None), None)
        if same is None:
            return None
        uncorrected = assume("A2a", message) if same[0].in_progress else ()
        proofs.append(Proof(evidence=(same[0].n,), assumptions=frozenset((*same[1], *uncorrected))))
    return all_of(*proofs)


def _superseded(case: Case, message: str, a: Reading, b: Reading) -> Proof | None:
    """That ``b`` shows one attempt more, and the one that was in progress in ``a`` still in progress next to it."""
    ended = any(r.terminal and r.t >= a.last and r.last <= b.t for r in case.readings(message))
    shown = (_in_progress(a), _in_progress(b))
    if ended or gain(a, b) != 1 or shown[0] != 1 or (shown[1] or 0) < 2:
        return None
    return Proof(
        because=(f"answer {b.n} shows the older attempt still in progress next to the newer one",),
        assumptions=frozenset((*assume("A1", message), *assume("A3"))),
    )


def _in_progress(reading: Reading) -> int | None:
    """How many attempts an answer shows in progress; None if it may not list them all."""
    if reading.attempts is None or reading.abbreviated:
        return None
    return sum(attempt.status in IN_PROGRESS for attempt in reading.attempts)


def _left_alone(retry: Retry) -> Proof | None:
    """A success next to a failed message that was picked up: a later read shows it still a success, in the same attempt.

    Where an answer shows neither counts nor times, its status in every read after the retry has to do.
    """
    found = (retry.effect(m) for m in retry.failed)
    taken = next((e for e in found if e is not None and e.kind == "reset"), None)
    if taken is None:
        return None
    for message in retry.batch.messages:
        after = list(retry.read_after(message))
        # A reading that may be older than the answer may show a reset in place all the same.
        seen = (r for r in retry.case.readings(message) if retry.call.last <= r.t and r.last <= retry.until)
        if any(r.status != "success" for r in seen):
            continue
        for view in retry.case.views(message):
            before = [r for r in view if r.last <= retry.call.t]
            late = [r for r in view if r in after and follows(retry.case, r, taken.after.t)]
            if not before or before[-1].status != "success" or not late:
                continue
            same = unchanged(retry.case, before[-1], late[0])
            if same is None and not comparable(before[-1], late[0]) and before[-1].updated_at is None:
                same = ()
            if same is not None:
                return taken.proof & Proof(evidence=(before[-1].n, retry.n, late[0].n), assumptions=frozenset(same))
    return None


RULES = (touches_no_other_message,)
