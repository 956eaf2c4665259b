"""Judge of family BLK: a retry of a batch in which a message is ``created``."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.findings import Doubt, Exercise, Finding, Observation, Opinion
from conformance.judges.acc import refused
from conformance.judges.attempts import surpluses
from conformance.judges.case import Batch, Case, Write
from conformance.judges.intervals import ENQUEUING_FAILED, NOT_RETRYABLE_CODE, RETRYABLE, seconds
from conformance.judges.quiet import steady
from conformance.judges.timeline import (
    Bracket,
    brackets,
    controls,
    failed_at,
    first_after,
    follows,
    last_before,
    overlapping,
    same_attempt,
)

REQUIREMENTS = ("BR-BLK-01", "BR-BLK-02", "BR-BLK-03")


def judge(case: Case) -> Iterator[Opinion]:
    """BR-BLK-01 to BR-BLK-03, for the batches of this run (A6)."""
    for batch in case.ours:
        for write in batch.retries:
            blocked = brackets(case, batch, write)
            if blocked:
                yield from _fails(case, batch, write, blocked)
            if blocked and refused(write):
                yield Observation(
                    key="blocked-refusal", value=f"{write.status} {write.code or ''}".rstrip(), evidence=(write.n,)
                )
                yield from _status_set(case, batch, write, blocked)
                yield from _beside_failed(case, batch, write)
        yield from _nothing_retried(case, batch)


def _fails(case: Case, batch: Batch, write: Write, blocked: tuple[Bracket, ...]) -> Iterator[Opinion]:
    """BR-BLK-01: no 2xx while a message is ``created``, wherever it stands.

    Rests on the bracket alone (A1, A7, and A4 or A5): the message was ``created`` at every instant at which the
    retry can have been decided. The check could have failed only where something else was there to be retried, and
    the refusal has no other reason to be: a failed message beside it, and no refusal as not retryable.
    """
    bracket = blocked[0]
    if write.standing == "accepted":
        yield Finding(
            any_of=("BR-BLK-01",),
            summary="the target accepts a retry although a message of the batch is created",
            argument=(*bracket.argument, f"retry {write.n} had to fail, and {write.status} came"),
            expected=("any answer outside 2xx",),
            observed=f"{write.status}",
            evidence=bracket.evidence,
            axioms=bracket.axioms,
            slack=bracket.slack,
            counterfactual="would be legal if the message had left created before the retry was decided",
            scenario=write.exchange.invoke.scenario,
            subject="2xx beside a created message",
        )
    if not refused(write):
        return
    others = [m for m in batch.messages if failed_at(case, batch, m, write) is not None]
    if not others or (write.code == NOT_RETRYABLE_CODE and not _was_retryable(case, batch, write)):
        return
    order = case.order(batch)
    for found in blocked:
        if found.message in order:
            yield Exercise(requirement="BR-BLK-01", evidence=found.evidence, facet=_place(found.message, order))


def _place(message: str, order: tuple[str, ...]) -> str:
    if message == order[0]:
        return "first"
    return "last" if message == order[-1] else "elsewhere"


def _was_retryable(case: Case, batch: Batch, write: Write) -> bool:
    """The batch's status was retryable in the latest read before the write, and no batch retry has set it since."""
    shown = [(s, status) for s, status in case.status_sights(batch) if s.last <= write.t]
    if not shown or shown[-1][1] not in RETRYABLE:
        return False
    sight = shown[-1][0]
    return steady(case, batch, sight) and not any(
        w.message is None
        and w.n != write.n
        and w.standing != "unsent"
        and sight.t - case.lag < w.last
        and w.t < write.last
        for w in batch.writes
    )


def _status_set(case: Case, batch: Batch, write: Write, blocked: tuple[Bracket, ...]) -> Iterator[Opinion]:
    """BR-BLK-02: the refusal sets the status to ``messages_enqueuing_failed``.

    Judged on one answer (A3), begun after the refusal (A7), that shows the blocking message still ``created`` in
    the same attempt: nothing has happened since that could set the status otherwise. Only where the batch was
    retryable before, the refusal does not say otherwise, and no other write is in flight (ruling 13).
    """
    bracket = blocked[0]
    if overlapping(batch, write):
        return
    if not _was_retryable(case, batch, write) or write.code == NOT_RETRYABLE_CODE:
        yield _doubt(write, "status-before-unknown", "that the batch was retryable before is not shown")
        return
    following = min((w.t for w in batch.writes if w.t > write.t and w.standing != "unsent"), default=float("inf"))
    for found in blocked:
        for sight in case.sights(found.message):
            status = case.batch_status(sight)
            if status is None or sight.status != "created" or not follows(case, sight, write.last):
                continue
            if sight.last > following or not _still(case, found, sight):
                continue
            evidence = (*bracket.evidence, sight.n)
            if status == ENQUEUING_FAILED:
                yield Exercise(requirement="BR-BLK-02", evidence=evidence)
            else:
                yield Finding(
                    any_of=("BR-BLK-02",),
                    summary=f"the target leaves a batch in {status} when a created message blocks its retry",
                    argument=(
                        *found.argument,
                        f"retry {write.n} is refused with {write.status} {write.code or ''}".rstrip(),
                        f"read {sight.n}, begun after that, shows the message still created and the batch in {status}",
                    ),
                    expected=(f"batches[].status {ENQUEUING_FAILED}",),
                    observed=status,
                    evidence=evidence,
                    axioms=tuple(sorted({*found.axioms, "A3", "A6"})),
                    slack=f"holds if reads lag less than {seconds(sight.t - write.last)}",
                    counterfactual=f"would be legal if the answer showed {ENQUEUING_FAILED}",
                    scenario=write.exchange.invoke.scenario,
                    subject="status after a blocked retry",
                )
            return
    yield _doubt(
        write, "status-not-visible", "no answer shows the blocking message, still created, with the batch's status"
    )


def _still(case: Case, found: Bracket, sight: object) -> bool:
    """Whether the sight shows the very attempt that blocked: compared with the bracket's sight, or older than it."""
    return any(
        s is sight
        and (
            s.n == found.after.n
            or same_attempt(s, found.after)
            or (s.updated_at is not None and s.updated_at == found.after.updated_at)
            or s.last <= found.after.t
        )
        for s in case.sights(found.message)
    )


def _doubt(write: Write, code: str, text: str) -> Doubt:
    return Doubt(
        requirement="BR-BLK-02",
        code=code,
        text=f"{text} (retry {write.n})",
        needs=("single reads of the blocking message right before and right after the retry",),
        evidence=(write.n,),
    )


def _beside_failed(case: Case, batch: Batch, write: Write) -> Iterator[Opinion]:
    """BR-BLK-03 exercised: a failed message stood beside, and a read after the refusal shows it untouched."""
    following = min((w.t for w in batch.writes if w.t > write.t and w.standing != "unsent"), default=float("inf"))
    for message in batch.messages:
        proof = failed_at(case, batch, message, write)
        after = first_after(case, message, write.last, until=following)
        before = last_before(case, message, write.t)
        if proof is None or after is None or before is None:
            continue
        if after.status == "failure" and any(
            s.status == "failure" and s.last <= write.t and same_attempt(s, after) for s in case.sights(message)
        ):
            yield Exercise(requirement="BR-BLK-03", evidence=(before.n, write.n, after.n))
            return


def _nothing_retried(case: Case, batch: Batch) -> Iterator[Opinion]:
    """BR-BLK-03: an attempt that appears beside a refused retry, and that no accepted or open one explains.

    Nobody else can write to the batch (A6), and attempts are counted up at a reset only (A4), so the attempt comes
    of the refused retry or of nothing; an untouched batch that stood still meanwhile tells the two apart.
    """
    for surplus in surpluses(case, batch):
        causes = [w for w in surplus.writes if w.valid and w.standing == "refused" and w.message is None]
        if not causes or surplus.explained:
            continue
        control = controls(case, surplus.before.last, surplus.after.t, but=batch)
        # A retry answered 429 between the same reads may have done it as well.
        dropped = ("BR-ERR-06",) if any(w.standing == "dropped" for w in surplus.writes) else ()
        yield Finding(
            any_of=("BR-BLK-03", *dropped, *(() if control else ("BR-SEL-07",))),
            summary="the target refuses a retry and carries it out all the same",
            argument=(
                surplus.sentence,
                f"between them lies retry {causes[0].n}, refused with {causes[0].status}; no retry that was accepted "
                "or lost explains the attempt",
                "nobody else can write to a batch of this run",
                *(
                    (f"an untouched batch stood still meanwhile (reads {control[0]} to {control[-1]})",)
                    if control
                    else ()
                ),
            ),
            expected=("no message changes because of the refused retry",),
            observed=f"{surplus.gained} new attempt" + ("s" if surplus.gained > 1 else ""),
            evidence=(surplus.before.n, *(w.n for w in causes), surplus.after.n, *control),
            axioms=(*surplus.axioms, "A6", "A7"),
            slack=surplus.slack,
            counterfactual="would be legal if the retry had been answered 201",
            scenario=causes[0].exchange.invoke.scenario,
            subject="attempt gained by a refused retry",
        )
        return
