"""Judge of family ACC: when a retry is accepted, and what a 201 promises."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from conformance.findings import Doubt, Exercise, Finding, Opinion
from conformance.judges import held
from conformance.judges.acc_attempted import attempted
from conformance.judges.acc_status import stays_unretryable
from conformance.judges.case import Batch, Case, Write
from conformance.judges.intervals import (
    ENQUEUING_FAILED,
    NOT_RETRYABLE_CODE,
    RETRYABLE,
    UNRESOLVED_CODE,
    seconds,
)
from conformance.judges.quiet import Quiet, quiet, status_before, status_ever
from conformance.judges.timeline import brackets, follows, overlapping, retried, slack

REQUIREMENTS = ("BR-ACC-01", "BR-ACC-02", "BR-ACC-03", "BR-ACC-04", "BR-ACC-05", "BR-ACC-06")

_READ_STATUS = "reads of the batch's messages that show batches[].status (ruling 12)"


def judge(case: Case) -> Iterator[Opinion]:
    """BR-ACC-01 to BR-ACC-06, batch by batch, for batches that this run made (A6)."""
    for batch in case.ours:
        for write in batch.retries:
            yield from _allowed(case, batch, write)
            yield from _answered(batch, write)
            yield from _must_accept(case, batch, write)
        yield from _repeated_500(case, batch)
        yield from stays_unretryable(case, batch)
        yield from attempted(case, batch)
        for probe in batch.probes:
            if probe.harmless:
                yield from _answered(batch, probe)
    yield from held.accepted(case)


def refused(write: Write) -> bool:
    """A whole answer that says no to the request itself: neither a redirect, nor about the key, nor 429, nor 5xx."""
    status = write.status
    return write.standing == "refused" and status is not None and 400 <= status < 500 and status not in (401, 403)


def _allowed(case: Case, batch: Batch, write: Write) -> Iterator[Opinion]:
    """BR-ACC-01: 201 only in a retryable status.

    The status is not monotone, so reads on both sides of a 201 prove nothing about it. But rows that are not all
    listed in a read begun after the answer (A7) and are listed later had not all been made when the retry was
    decided: the batch was being processed, which is neither of the two retryable statuses. A 201 that attempted
    nothing is left to BR-ACC-05.
    """
    partial = partly_listed(case, batch, write)
    if write.standing == "accepted":
        if partial is not None:
            count, n, at, whole = partial
            yield Finding(
                any_of=("BR-ACC-01",),
                summary="the target accepts a retry of a batch that it is still processing",
                argument=(
                    f"retry {write.n} is answered {write.status}",
                    f"listing {n}, begun after it, shows {count} of {len(batch.rows)} rows; {whole} shows them all",
                    "the rows had not all been made when the retry was decided: the batch was still being processed",
                ),
                expected=("400 batch_not_found_or_is_not_retryable", "any answer outside 2xx"),
                observed=f"{write.status}",
                evidence=(write.n, n, whole),
                axioms=("A7",),
                slack=f"holds if reads lag less than {seconds(at - write.last)}",
                counterfactual="would be legal if every row had been made before the retry was decided",
                scenario=write.exchange.invoke.scenario,
                subject="201 while rows are missing from the listing",
            )
        elif (shown := status_before(case, batch, write)) is not None and shown[1] in RETRYABLE:
            evidence = (shown[0].n, write.n)
            yield Exercise(requirement="BR-ACC-01", evidence=evidence, facet="accepted-when-retryable")
        elif not status_ever(case):
            yield _unseen("BR-ACC-01", write)
        return
    if not refused(write) or overlapping(batch, write):
        return
    around = [
        s.n
        for s, status in case.status_sights(batch)
        if status not in RETRYABLE
        and (s.last <= write.t or follows(case, s, write.last))
        and _neighbour(batch, s.t, write)
    ]
    if partial is not None:
        yield Exercise(requirement="BR-ACC-01", evidence=(write.n, partial[1]), facet="refused-otherwise")
    elif around and write.code in (None, NOT_RETRYABLE_CODE):
        yield Exercise(requirement="BR-ACC-01", evidence=(write.n, around[0]), facet="refused-otherwise")


def _neighbour(batch: Batch, t: float, write: Write) -> bool:
    """Whether no other write lies between that time and the write."""
    low, high = min(t, write.t), max(t, write.last)
    return not any(w.n != write.n and w.standing != "unsent" and low < w.last and w.t < high for w in batch.writes)


def partly_listed(case: Case, batch: Batch, write: Write) -> tuple[int, int, float, int] | None:
    """A whole listing begun after the answer that lacks rows, and a fuller one: (rows, n, begun, n of the fuller)."""
    walks = [s for s in case.listings(batch) if s.complete and not s.search and s.direction == "forward"]
    for walk in walks:
        if walk.t - case.lag < write.last or len(set(walk.ids)) >= len(batch.rows):
            continue
        whole = [w for w in walks if len(set(w.ids)) == len(batch.rows)]
        fuller = [w for w in whole if w.t >= walk.last]
        # Rows that were listed once had been made, whatever a later listing leaves out.
        if fuller and not any(w.last <= walk.t for w in whole):
            return len(set(walk.ids)), walk.pages[0].n, walk.t - case.lag, fuller[0].pages[0].n
    return None


def _answered(batch: Batch, write: Write) -> Iterator[Opinion]:
    """BR-ACC-04: exactly 201 and zero bytes (ruling 9).

    Read off the answer itself; needs no axiom. Every 2xx says that the request was carried out.
    """
    if write.standing != "accepted":
        return
    end = write.exchange.end
    if write.status == 201 and end.size == 0:
        yield Exercise(requirement="BR-ACC-04", evidence=(write.n,))
        return
    what = f"{write.status}" + (f" with a body of {end.size} bytes" if end.size else " with an empty body")
    yield Finding(
        any_of=("BR-ACC-04",),
        summary=f"the target answers an accepted retry {what}",
        argument=(f"retry {write.n} of a batch of this run is answered {what}", "an accepted retry is 201, zero bytes"),
        expected=("201 with an empty body",),
        observed=what,
        evidence=(write.n,),
        counterfactual="would be legal if the answer were 201 and had no body at all (`{}` and `null` are bodies)",
        scenario=write.exchange.invoke.scenario,
        subject=f"accepted with {write.status}" + (" and a body" if end.size else ""),
    )


def _must_accept(case: Case, batch: Batch, write: Write) -> Iterator[Opinion]:
    """BR-ACC-02, BR-ACC-03, BR-ACC-06: a quiet batch with a failed message retried fewer than twice is answered 201.

    On a quiet batch (docs/design.md) nothing moves but by writes of ours (A2, A6): what the reads show holds when
    the retry is decided. Under both readings of the limit (ruling 3) a message retried at most once may be retried.
    Where the status is not visible, being not retryable is believed until settle_timeout has passed.
    """
    state = quiet(case, batch, write)
    if isinstance(state, str):
        if (
            refused(write)
            and write.code not in (NOT_RETRYABLE_CODE, UNRESOLVED_CODE)
            and state in ("not-read-before", "messages-not-listed")
        ):
            yield Doubt(
                requirement="BR-ACC-02",
                code=state,
                text=f"retry {write.n} is refused, but whether the batch was quiet is not proved: {state}",
                needs=("a read of every message between the last write's answer and the retry",),
                evidence=(write.n,),
            )
        return
    open_to = [m for m in state.failed if retried(case, batch, m, write)[1] < 2]
    if not open_to:
        return
    before = _accepted_before(batch, write)
    evidence = (*state.evidence, write.n)
    if write.standing == "accepted":
        if not before:
            yield Exercise(requirement="BR-ACC-02", evidence=evidence)
        elif before[-1].message is None or any(w.message is None for w in before):
            yield Exercise(requirement="BR-ACC-06", evidence=evidence)
        yield from _put_there(case, batch, write, state)
    elif refused(write):
        yield from _refused_quiet(case, batch, write, state, open_to)


def _accepted_before(batch: Batch, write: Write) -> tuple[Write, ...]:
    return tuple(w for w in batch.writes if w.acts and w.t < write.t)


def _put_there(case: Case, batch: Batch, write: Write, state: Quiet) -> Iterator[Opinion]:
    """BR-ACC-03 exercised: the retry before was refused, and the batch was seen in messages_enqueuing_failed since."""
    last = _refusal_before(case, batch, write)
    if last is None:
        return
    if state.status == ENQUEUING_FAILED:
        yield Exercise(requirement="BR-ACC-03", evidence=(last.n, *state.evidence, write.n))
    elif state.status is None:
        yield _unseen("BR-ACC-03", write)


def _refusal_before(case: Case, batch: Batch, write: Write) -> Write | None:
    """A refused batch retry that a ``created`` message blocked, with nothing but refusals between it and the write."""
    for earlier in reversed([w for w in batch.retries if w.t < write.t and w.standing != "dropped"]):
        if not refused(earlier):
            return None
        if brackets(case, batch, earlier):
            return earlier
    return None


def _refused_quiet(case: Case, batch: Batch, write: Write, state: Quiet, failed: list[str]) -> Iterator[Opinion]:
    before = _accepted_before(batch, write)
    blocked = _refusal_before(case, batch, write)
    any_of = _broken_by_refusal(case, batch, write, state)
    if not any_of:
        yield Doubt(
            requirement="BR-ACC-06" if before else "BR-ACC-02",
            code="status-not-visible",
            text=f"retry {write.n} of a batch that is quiet as far as can be seen is refused as not retryable; "
            "its status is not visible, so it may have been so",
            needs=("the same retry again until settle_timeout has passed", _READ_STATUS),
            evidence=(*state.evidence, write.n),
        )
        return
    times = {retried(case, batch, m, write)[1] for m in failed}
    subject = "refused after a blocked retry" if blocked else "refused again" if before else "first retry refused"
    finding = Finding(
        any_of=any_of,
        summary=f"the target refuses to retry a quiet batch that has failed messages ({subject})",
        argument=(
            f"reads {_numbers(state.evidence)} lie between the last write's answer and retry {write.n}",
            f"they show every message terminal, {len(failed)} of them failed and retried at most {max(times)} times"
            + (f", and the batch in {state.status}" if state.status else ""),
            "nothing but a retry of ours moves a terminal message: the batch was so when the retry was decided",
            f"201 had to come, and {write.status} {write.code or ''} came".rstrip(),
        ),
        expected=("201 with an empty body",),
        observed=f"{write.status} {write.code or ''}".rstrip(),
        evidence=(*state.evidence, write.n),
        # That earlier retries are done with is told by counts.
        axioms=("A2", "A3", "A4", "A6", "A7") if before else ("A2", "A6", "A7"),
        slack=slack(case, min(state.sights, key=lambda s: s.t), _since(batch, write)),
        counterfactual="would be legal if a message of the batch had been created, or no failed one could be retried",
        scenario=write.exchange.invoke.scenario,
        subject=f"quiet batch: {subject} with {write.status} {write.code or ''}".rstrip(),
    )
    yield finding
    if any_of == ("BR-ACC-02",) and any(w.message is None and w.standing == "accepted" for w in before):
        # The messages of that round are terminal: the batch had to be retryable again, and is not.
        yield msgspec.structs.replace(finding, any_of=("BR-ACC-06",))


def _broken_by_refusal(case: Case, batch: Batch, write: Write, state: Quiet) -> tuple[str, ...]:
    """Of what a refusal of a quiet batch breaks at least one; empty if its status, not visible, may excuse it."""
    # A message that may be spent stands beside: it must not keep the others from being retried.
    spent = ("BR-SEL-09",) if any(retried(case, batch, m, write)[1] >= 2 for m in state.failed) else ()
    before = _accepted_before(batch, write)
    blocked = _refusal_before(case, batch, write)
    if state.status is not None:
        put = state.status == ENQUEUING_FAILED and blocked is not None and not spent
        return ("BR-ACC-03",) if put else ("BR-ACC-02", *spent)
    if write.code not in (NOT_RETRYABLE_CODE, None):
        return ("BR-ACC-02", *spent, "BR-ERR-01")
    if not _long_enough(case, batch, write):
        return ()
    if blocked is not None:
        return ("BR-ACC-03", "BR-BLK-02", "BR-ACC-02", *spent)
    return ("BR-ACC-06", "BR-ACC-02", *spent) if before else ("BR-ACC-02", *spent)


def _since(batch: Batch, write: Write) -> float:
    start = batch.send.last if batch.send is not None else 0.0
    return max((w.last for w in batch.writes if w.t < write.t and w.standing != "unsent"), default=start)


def _long_enough(case: Case, batch: Batch, write: Write) -> bool:
    """Whether the batch had been quiet, and refused as such, for settle_timeout when this retry left."""
    first = write
    for earlier in reversed([w for w in batch.retries if w.t < write.t]):
        state = quiet(case, batch, earlier)
        if not refused(earlier) or isinstance(state, str):
            break
        first = earlier
    state = quiet(case, batch, first)
    return not isinstance(state, str) and write.t - state.since >= case.header.settle_timeout + case.lag


def _repeated_500(case: Case, batch: Batch) -> Iterator[Opinion]:
    """BR-ACC-02 by ruling 11: three valid retries in a row on a quiet batch, each answered 500, and none carried out.

    The reads after the third show that no failed message was reset (A2, A4), so that the batch stayed as it was.
    """
    retries = batch.retries
    for first, second, third in zip(retries, retries[1:], retries[2:], strict=False):
        if any(w.status != 500 for w in (first, second, third)):
            continue
        state = quiet(case, batch, first)
        if isinstance(state, str) or not any(retried(case, batch, m, first)[1] < 2 for m in state.failed):
            continue
        others = [w for w in batch.writes if first.t < w.t < third.last and w not in (second, third)]
        still = [_still(case, m, third.last) for m in state.failed]
        if others or not all(still):
            continue
        yield Finding(
            any_of=("BR-ACC-02",),
            summary="the target answers 500 three times to a valid retry of a quiet batch",
            argument=(
                f"reads {_numbers(state.evidence)} show the batch quiet, with failed messages that may be retried",
                f"retries {first.n}, {second.n} and {third.n} are answered 500 and reset nothing",
            ),
            expected=("201 with an empty body",),
            observed="500, three times",
            evidence=(*state.evidence, first.n, second.n, third.n, *(n for n in still if n)),
            axioms=("A2", "A6", "A7"),
            counterfactual="would be legal if one of the three had been answered 201",
            scenario=first.exchange.invoke.scenario,
            subject="500 three times on a quiet batch",
        )


def _still(case: Case, message: str, instant: float) -> int:
    """A read after the instant that shows the message failed still; 0 if there is none, or one that does not."""
    later = [s for s in case.sights(message) if follows(case, s, instant)]
    return later[0].n if later and later[0].status == "failure" else 0


def _unseen(requirement: str, write: Write) -> Doubt:
    return Doubt(
        requirement=requirement,
        code="status-not-visible",
        text=f"the batch's status is not visible around retry {write.n}",
        needs=(_READ_STATUS, "a provider state that shows the status"),
        evidence=(write.n,),
    )


def _numbers(evidence: tuple[int, ...]) -> str:
    numbers = sorted(set(evidence))
    return ", ".join(map(str, numbers[:6])) + (f" and {len(numbers) - 6} more" if len(numbers) > 6 else "")
