"""ACC-01 to -04, -06: when a retry is accepted, and how it is answered. ACC-05 is in ``attempted``."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from conformance.contract.vocabulary import (
    ENQUEUED,
    ENQUEUING_FAILED,
    NOT_RETRYABLE_CODE,
    RETRYABLE,
    UNRESOLVED_CODE,
)
from conformance.findings import DoubtReason
from conformance.judges.inference.brackets import brackets
from conformance.judges.inference.circumstances import kind
from conformance.judges.inference.inference import Inference, retries
from conformance.judges.inference.ledger import unseen
from conformance.judges.inference.processing import processing
from conformance.judges.inference.proof import Proof, all_of, assume
from conformance.judges.inference.provider_state import held
from conformance.judges.inference.quiescence import NotQuiescent, Quiescent, quiescent, settled
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.repetition import envelope
from conformance.judges.inference.retry import Retry
from conformance.judges.inference.timeline import begun, follows, gain, read_after, retried, terminal_stays
from conformance.judges.rule import Exercised, InDoubt, Judgement, Violated, rule, whole_run
from conformance.judges.unretryable import left_unretryable

#: Answers other than 201 to retries that were carried out, after which they are the target's own (rulings 11 and 22).
ENOUGH = 3


@rule(
    "BR-ACC-01",
    whole_run,
    violation="the target accepts a retry of a batch that it is still processing",
    expected=(f"400 {NOT_RETRYABLE_CODE}", "any answer outside 2xx"),
    legal_if="the batch had been in a retryable status when the retry was decided",
    subject="2xx while processing",
)
def only_when_retryable(inference: Inference) -> Iterator[Judgement]:
    """201 only in a retryable status.

    The status is not monotone, so reads on both sides of a 201 prove nothing about it. Rows that no answer had shown, and that a
    later listing shows, had not been made when the retry was decided: the batch was being processed. So it was while its vendor
    held it there (A8). A 201 that attempted nothing is judged with BR-ACC-05.
    """
    for one in held(inference.case):
        if one.call.accepted:
            yield Violated(
                proof=one.proof & Proof(because=(f"it had to be refused, and {one.call.said} came",)),
                observed=one.call.said,
                any_of=("BR-ACC-01", *(["BR-SEC-05"] if one.call.harmless else [])),
                defect="held by the vendor",
                scenario=one.call.scenario,
            )
        elif one.call.refused and one.call.plain:
            yield Exercised(proof=one.proof, case="refused-otherwise")
    for retry in inference.retries:
        # A batch that had been shown in a retryable status was not processed any more: a row that is missing then lags.
        rows = processing(retry.case, retry.batch, retry.call) if retry.retryable_before is None else None
        if retry.accepted and rows is not None:
            yield Violated(
                proof=rows & retry.answered("had to be refused"),
                observed=retry.answer,
                any_of=retry.accused("BR-ACC-01"),
                defect="rows not made yet",
                scenario=retry.scenario,
            )
        elif retry.accepted and retry.retryable_before is not None:
            yield Exercised(
                proof=retry.retryable_before.proof & retry.answered("may pass"), case="accepted-when-retryable"
            )
        elif retry.accepted and not retry.case.status_visible:
            yield _unseen(retry, "BR-ACC-01")
        elif retry.refused and not retry.overlapped:
            if rows is not None:
                yield Exercised(proof=rows, case="refused-otherwise")
            elif retry.call.code in (None, NOT_RETRYABLE_CODE) and (near := _near_status(retry)) is not None:
                yield Exercised(proof=near, case="refused-otherwise")


def _near_status(retry: Retry) -> Proof | None:
    """A read right before or after the refusal that shows the batch in a status which is not retryable."""
    for reading, status in retry.case.status_readings(retry.batch):
        if status in RETRYABLE or not (reading.last <= retry.call.t or follows(retry.case, reading, retry.call.last)):
            continue
        low, high = min(reading.t, retry.call.t), max(reading.t, retry.call.last)
        if not any(c.n != retry.n and low < c.last and c.t < high for c in retry.batch.sent):
            return Proof(evidence=(retry.n, reading.n), assumptions=frozenset(assume("A6", retry.batch.id)))
    return None


def _unseen(retry: Retry, requirement: str) -> InDoubt:
    text = f"the batch's status is not visible around retry {retry.n}"
    return InDoubt(reason=DoubtReason.STATUS_NOT_VISIBLE, text=text, evidence=(retry.n,), requirement=requirement)


@rule(
    "BR-ACC-02",
    whole_run,
    violation="the target refuses to retry a quiescent batch that has failed messages",
    expected=("201 with an empty body",),
    legal_if="a message of the batch had been created, or no failed one could be retried",
    subject="quiescent batch refused",
    also=("BR-ACC-03", "BR-ACC-06"),
)
def quiescent_is_accepted(inference: Inference) -> Iterator[Judgement]:
    """BR-ACC-02, -03 and -06: a quiescent batch with a failed message retried fewer than twice is answered 201.

    On a quiescent batch nothing moves but by calls of ours: what the reads show holds when the retry is decided. Where the status
    is not visible, being not retryable is believed until settle_timeout has passed. Three 5xx in a row are judged with BR-ERR-08.
    """
    for retry in inference.retries:
        yield from _quiescent(retry)


def _quiescent(retry: Retry) -> Iterator[Judgement]:
    state = retry.quiescent
    if isinstance(state, NotQuiescent):
        told = (DoubtReason.NOT_READ_BEFORE, DoubtReason.MESSAGES_NOT_LISTED)
        if retry.refused and retry.call.code not in (NOT_RETRYABLE_CODE, UNRESOLVED_CODE) and state.reason in told:
            text = f"retry {retry.n} is refused, but that the batch was quiescent is not proved: {state.text}"
            yield InDoubt(reason=state.reason, text=text, evidence=(retry.n,))
        return
    due = retry.must_accept
    if due is None or (retry.call.repeated and (retry.call.status or 0) >= 500):
        return
    if retry.accepted:
        yield from _accepted(retry, state, due)
    elif retry.refused and (other := retry.stray) is None:
        yield from _refused(retry, state, due)
    elif retry.refused and other is not None:
        text = f"retry {retry.n} is refused when a message may just have got an attempt that no retry explains"
        evidence = (retry.n, other.before.n, other.after.n)
        yield InDoubt(reason=DoubtReason.OTHER_REASON, text=text, evidence=evidence)


def _accepted(retry: Retry, state: Quiescent, due: Proof) -> Iterator[Judgement]:
    proof = due & Proof(evidence=(retry.n,))
    before = [c for c in retry.batch.resets if c.t < retry.call.t]
    if not before:
        yield Exercised(proof=proof)
    elif any(not c.single and c.valid for c in before):
        yield Exercised(proof=proof, requirement="BR-ACC-06")
    blocked = _blocked_before(retry)
    # Where the status goes back by itself when the message is created no longer, having been shown is enough (ruling 5).
    shown = {
        s: r.n for r, s in retry.case.status_readings(retry.batch) if r.n > (blocked or inf) and r.last <= retry.call.t
    }
    if blocked is not None and state.status is not None and ENQUEUING_FAILED in shown:
        yield Exercised(proof=proof & Proof(evidence=(blocked, shown[ENQUEUING_FAILED])), requirement="BR-ACC-03")
    elif blocked is not None and state.status is None:
        yield _unseen(retry, "BR-ACC-03")


def _blocked_before(retry: Retry) -> int | None:
    """A refused retry that a ``created`` message blocked, with nothing but refusals between it and this one."""
    for earlier in reversed([c for c in retry.batch.retries if c.t < retry.call.t and c.outcome != "throttled"]):
        if not earlier.refused:
            return None
        if brackets(retry.case, retry.batch, earlier):
            return earlier.n
    return None


def _refused(retry: Retry, state: Quiescent, due: Proof) -> Iterator[Judgement]:
    before = [c for c in retry.batch.resets if c.t < retry.call.t]
    blocked = _blocked_before(retry)
    told = state.status is not None or retry.call.code not in (NOT_RETRYABLE_CODE, UNRESOLVED_CODE, None)
    stood = Proof() if told else _stood(retry)
    if stood is None:
        text = (
            f"retry {retry.n} of a batch that is quiescent as far as can be seen is refused as not retryable; its status is not "
            "visible, so it may have been so"
        )
        yield InDoubt(
            reason=DoubtReason.STATUS_NOT_VISIBLE,
            text=text,
            evidence=(*state.proof.evidence, retry.n),
            requirement="BR-ACC-06" if before else "BR-ACC-02",
        )
        return
    any_of = _broken(retry, state, bool(before), blocked is not None)
    when = "after a blocked retry" if blocked else "after a retry" if before else "for the first time"
    singly = before and not blocked and all(c.single for c in before)
    early = "after a retry while it was processed" if _came_too_early(retry) else ""
    situation = early or ("after single retries" if singly else when)
    again = any_of[0] == "BR-ACC-02" and any(not c.single and c.valid and c.accepted for c in before)
    # After an accepted round the batch had to be retryable again, and is not: the same refusal breaks BR-ACC-06 too.
    hidden = unseen(retry.case, retry.batch, state.retriable[0], retry.call)
    for names in (any_of, *([("BR-ACC-06",)] if again and len(any_of) == 1 else [])):
        yield Violated(
            proof=stood & due & retry.answered("had to be answered 201"),
            observed=retry.answer,
            any_of=tuple(dict.fromkeys((*names, *hidden))),
            defect=f"{situation}, {retry.answer}",
            violation=f"the target refuses to retry a quiescent batch that has failed messages, {when}",
            scenario=retry.scenario,
        )


def _came_too_early(retry: Retry) -> bool:
    """Whether an earlier retry was refused when the batch was, as last seen, being processed for the first time."""
    first = min((c.t for c in retry.batch.resets), default=retry.call.t)
    seen = [r for m in retry.batch.messages for r in retry.case.readings(m) if r.last <= first]
    ended = min((r.last for r in seen if r.terminal), default=first)
    early = (c for c in retry.batch.retries if c.refused and c.valid and not c.single and c.last <= ended)
    return any(r.in_progress for r in seen) and any(early)


def _broken(retry: Retry, state: Quiescent, before: bool, blocked: bool) -> tuple[str, ...]:
    """Of what a refusal of a quiescent batch breaks at least one."""
    # An exhausted message may be the reason: it must not keep the others from being retried (BR-SEL-09).
    exhausted = any(retried(retry.case, retry.batch, m, retry.call).most >= 2 for m in state.failed)
    left = ("BR-SEL-09",) if exhausted else ()
    if state.status is not None:
        return ("BR-ACC-03",) if state.status == ENQUEUING_FAILED and blocked and not left else ("BR-ACC-02", *left)
    if retry.call.code not in (NOT_RETRYABLE_CODE, UNRESOLVED_CODE, None):
        return ("BR-ACC-02", *left, "BR-ERR-01")
    if blocked:
        return ("BR-ACC-03", "BR-BLK-02", "BR-ACC-02", *left)
    return ("BR-ACC-06", "BR-ACC-02", *left) if before else ("BR-ACC-02", *left)


def _stood(retry: Retry) -> Proof | None:
    """Proof that the batch had been quiescent, and refused as such, for settle_timeout when this retry left; None if it had not."""
    case, first = retry.case, retry.quiescent
    for earlier in reversed([c for c in retry.batch.retries if c.t < retry.call.t]):
        state = quiescent(case, retry.batch, earlier)
        if not earlier.refused or isinstance(state, NotQuiescent):
            break
        first = state
    lag = max((case.lag(v) for v in ("batch_list", "message_read", "campaign_list")), default=0.0)
    if not isinstance(first, Quiescent) or retry.call.t - first.since < case.header.settle_timeout + lag:
        return None
    if first.call.n == retry.n:
        return Proof()
    return first.proof & Proof(because=(f"retry {first.call.n} was refused then",), evidence=(first.call.n,))


def _looks(retry: Retry) -> str:
    """How the retry was answered, in words for a fingerprint."""
    end = retry.call.exchange.end
    return f"{retry.call.status}" + (f" with a body ({end.media})" if end.size else "")


@rule(
    "BR-ACC-04",
    whole_run,
    violation="the target answers a retry that it carries out with {observed}",
    expected=("201 with an empty body",),
    legal_if="the answer were 201 and had no body at all (`{}` and `null` are bodies)",
    subject="carried out",
)
def exactly_201(inference: Inference) -> Iterator[Judgement]:
    """Exactly 201 and zero bytes (ruling 9).

    Read off the answer where it is the target's own 2xx. A 5xx in an envelope, or a 2xx that may be a gateway's, is the target's
    where retries so answered are seen carried out three times in the run (ruling 11).
    """
    odd: dict[bool, list[tuple[Retry, Proof]]] = {}
    plain = {_looks(retry) for retry in inference.retries if not retry.call.harmless}
    for retry in inference.retries:
        end = retry.call.exchange.end
        if retry.accepted:
            if end.undecoded is not None:
                text = f"the body of the answer to retry {retry.n} is in an encoding that cannot be decoded"
                yield InDoubt(reason=DoubtReason.UNREAD_BODY, text=text, evidence=(retry.n,))
            elif retry.call.status == 201 and end.size == 0:
                yield Exercised(proof=retry.answered("is accepted"))
            else:
                what = f"{retry.call.status}" + (
                    f" and a body of {end.size} byte{'s' * (end.size > 1)}" if end.size else " and no body"
                )
                yield Violated(
                    proof=retry.answered("is accepted"),
                    observed=what,
                    any_of=retry.accused("BR-ACC-04"),
                    # What plain retries show as well is one defect, whatever else a request had.
                    defect=_looks(retry) + ("" if _looks(retry) in plain else f", {kind(retry.call)}"),
                    scenario=retry.scenario,
                )
        elif retry.call.unknown and _tells(retry):
            reset = next(
                (e for m in retry.batch.messages if (e := retry.effect(m)) is not None and e.kind == "reset"), None
            )
            if reset is not None:
                odd.setdefault(retry.call.exchange.open, []).append((retry, reset.proof))
    # Whatever the situations, three such answers of one kind are the target's own.
    for told in odd.values():
        if len(told) >= ENOUGH:
            statuses = ", ".join(sorted({str(r.call.status) for r, _ in told}))
            yield Violated(
                proof=all_of(*(p & r.answered("was carried out") for r, p in told[:ENOUGH])),
                observed=statuses,
                defect=f"carried out, {statuses}",
                scenario=told[0][0].scenario,
            )
        else:
            text = f"retry {told[0][0].n} was carried out and answered {told[0][0].answer}, which may be a gateway's answer"
            yield InDoubt(reason=DoubtReason.NOT_REPEATED, text=text, evidence=tuple(r.n for r, _ in told))


def _tells(retry: Retry) -> bool:
    status = retry.call.status
    return status is not None and (200 <= status < 300 or (status >= 500 and envelope(retry.call.exchange)))


@rule(
    "BR-ACC-06",
    retries,
    violation="the target keeps a batch in {observed} after every message of the retry is terminal",
    expected=(ENQUEUED, ENQUEUING_FAILED),
    legal_if="a message had still been in progress",
    subject="status stays not retryable after an accepted retry",
    first_only=True,
)
def becomes_retryable_again(retry: Retry) -> Iterator[Judgement]:
    """By the status: still not retryable when settle_timeout has passed since all messages were terminal.

    Terminal stays terminal without a retry (A2), none is owed an attempt any more, and no call lies between (A6) but refused
    ones, which have no effect: no message is seen to move meanwhile.
    """
    case, batch = retry.case, retry.batch
    if not retry.accepted or not batch.whole:
        return
    seen = {m: list(retry.read_after(m)) for m in batch.messages}
    proved = all(view and view[-1].terminal for view in seen.values())
    if not proved:
        # Refused retries lie between: no proof, but no pass.
        until = min((c.t for c in batch.sent if c.t > retry.call.t and not c.refused), default=inf)
        readings = {m: [r for r in case.readings(m) if follows(case, r, retry.call.last)] for m in batch.messages}
        seen = {m: [r for r in view if r.last <= until] for m, view in readings.items()}
        if not all(view and view[-1].terminal for view in seen.values()):
            return
    if any(c.unknown and not c.single and c.t < retry.until for c in batch.retries):
        return  # It may be carried out at any time, and the batch be processed once more (ruling 11).
    ends = [next(((r, p) for r in v if r.terminal and (p := settled(case, batch, r))), None) for v in seen.values()]
    first = max(next(r.last for r in v if r.terminal) for v in seen.values())
    shown = [(r, s) for r, s in _unchanged_after(retry) if r.t >= first]
    done = [one for one in ends if one is not None]
    if proved and len(done) == len(ends):
        bound = max(max(r.last for r, _ in done), retry.call.last)
        for reading, status in shown:
            if begun(case, reading) >= bound + case.header.settle_timeout and status not in RETRYABLE:
                proof = all_of(
                    *(p & Proof(evidence=(r.n,), assumptions=frozenset(terminal_stays(r))) for r, p in done),
                    Proof(
                        because=(
                            f"every message is terminal {bound - retry.call.last:.1f} s after accepted retry {retry.n}",
                        )
                    ),
                    read_after(
                        reading,
                        bound,
                        f"shows the batch in {status}, more than settle_timeout later",
                        *assume("A6", batch.id),
                    ),
                )
                yield Violated(proof=proof & Proof(evidence=(retry.n,)), observed=status, scenario=retry.scenario)
                return
    yield from left_unretryable(case, shown, first, retry.call, f"of accepted retry {retry.n} was terminal")


def _unchanged_after(retry: Retry) -> Iterator[tuple[Reading, str]]:
    """The batch's status in readings after the answer, until the next call that may have an effect (refused ones and 429 claim to
    have none), or a message that moves."""
    case, batch = retry.case, retry.batch
    acting = (c for c in batch.sent if not c.refused and c.outcome != "throttled")
    until = min((c.t for c in acting if c.t > retry.call.t), default=inf)
    ended = {m: r for m in batch.messages for r in retry.read_after(m) if r.terminal}
    for message, base in ended.items():
        later = (r for r in case.readings(message) if r.t >= base.last)
        until = min([until, *(r.t for r in later if r.in_progress or gain(base, r) not in (0, None))])
    for reading, status in case.status_readings(batch):
        if follows(case, reading, retry.call.last) and reading.last <= until:
            yield reading, status


RULES = (only_when_retryable, quiescent_is_accepted, exactly_201, becomes_retryable_again)
