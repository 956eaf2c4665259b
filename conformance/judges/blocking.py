"""BLK: a retry of a batch in which a message is ``created``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from conformance.contract.vocabulary import ENQUEUED, ENQUEUING_FAILED, RETRYABLE, UNRESOLVED_CODE, seconds
from conformance.findings import DoubtReason
from conformance.judges.inference.brackets import Bracket
from conformance.judges.inference.circumstances import kind
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.ledger import suspects_of
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.retry import Retry
from conformance.judges.inference.status_lag import seen_late
from conformance.judges.inference.timeline import controls, follows, read_after
from conformance.judges.rule import Exercised, InDoubt, Judgement, Observed, Violated, rule, whole_run

#: Seconds between two answers that both show the old status, where nothing tells how far the status lags (ruling 23).
APART = 1.0
#: Refusals in one situation, none of which showed the new status, that prove the same (ruling 23).
ENOUGH = 3
#: From which place on a message stands far behind in its listing, in words for a fingerprint.
_FAR = ((100, "after the first hundred"), (10, "after the first ten"))

#: What a retry breaks that is carried out next to a ``created`` message: accepted, refused, dropped or answered 500 (ruling 11).
_IN_SOME_WORLD = ("BR-BLK-01", "BR-BLK-03", "BR-ERR-06", "BR-ERR-07")


@rule(
    "BR-BLK-01",
    whole_run,
    violation="the target accepts a retry although a message of the batch is created",
    expected=("any answer outside 2xx",),
    legal_if="the message had left created before the retry was decided",
    subject="2xx next to a created message",
    also=(*_IN_SOME_WORLD[1:], "BR-SGL-02"),
)
def created_blocks(inference: Inference) -> Iterator[Judgement]:
    """No 2xx while a message is ``created``, wherever it stands.

    Rests on the bracket alone: the message was ``created`` at every instant at which the retry can have been decided. A refusal
    exercises it only where nothing else explains it (rulings 4 and 13).
    """
    doubts: list[tuple[bool, InDoubt]] = []
    for retry in inference.retries:
        for said in _next_to_created(retry):
            if isinstance(said, InDoubt):
                doubts.append((not retry.retriable, said))
            else:
                yield said
    # Where a failed message was there to be retried, the doubt tells what stood in the way.
    yield from (doubt for _, doubt in sorted(doubts, key=lambda one: one[0]))


def _next_to_created(retry: Retry) -> Iterator[Judgement]:
    if not retry.blockers:
        return
    order = retry.case.order(retry.batch)
    if retry.accepted:
        first = _newest(retry)
        yield Violated(
            proof=first.proof & retry.answered("had to fail"),
            observed=retry.answer,
            any_of=retry.accused("BR-BLK-01", *_told(first)),
            defect=f"{_which(retry, first.message, order)}, {retry.answer}{f', {kind(retry.call)}' if retry.call.probe else ''}",
            scenario=retry.scenario,
        )
    if retry.call.status is None:
        yield from _lost_and_done(retry)
    if retry.refused:
        yield Observed(key="blocked-refusal", value=retry.answer, evidence=(retry.n,))
        if retry.other_reason:
            text = f"retry {retry.n} is refused next to a created message with {retry.answer}; but {retry.other_reason}"
            yield InDoubt(reason=DoubtReason.OTHER_REASON, text=text, evidence=(retry.n,))
            return
        for blocker in retry.blockers:
            if blocker.message in order:
                yield Exercised(proof=blocker.proof, case=_place(blocker.message, order))


def _lost_and_done(retry: Retry) -> Iterator[Violated]:
    """The answer is lost, and another message gained an attempt while the blocking one was still ``created``.

    However it was answered, that breaks one of several (ruling 11); what an earlier call did may come late, too (ruling 26).
    """
    case = retry.case
    for message in retry.failed:
        done = retry.effect(message)
        if done is None or done.kind != "reset":
            continue
        for blocker in retry.blockers:
            if not follows(case, blocker.after, done.after.last):
                continue
            suspects = suspects_of(case, retry.batch, message, done.before, done.after)
            late = [name for s in suspects if s.call.n != retry.n for name in s.requirements]
            control = controls(case, done.before.last, done.after.t, but=retry.batch.id)
            own = () if control is not None else ("BR-SEL-07",)
            still = read_after(blocker.after, done.after.last, "still shows the other message created after that")
            yield Violated(
                proof=blocker.proof & done.proof & still & (control or Proof()),
                violation="the target carries out a retry, the answer of which is lost, although a message of the batch is created",
                observed="a new attempt",
                expected=("no message gains an attempt by the retry",),
                any_of=tuple(dict.fromkeys((*retry.accused(*_IN_SOME_WORLD, *_told(blocker)), *late, *own))),
                defect="carried out, its answer lost",
                scenario=retry.scenario,
            )
            return


def _told(blocker: Bracket) -> tuple[str, ...]:
    """What is broken instead if the single retry that alone shows the message ``created`` did nothing."""
    return ("BR-SGL-02",) if blocker.told else ()


def _newest(retry: Retry) -> Bracket:
    """Of the messages that had to block, the one that was reset last; others are left from before where earlier blocks failed."""
    reset = {b.message: [c.t for c in retry.batch.resetting(b.message) if c.t < retry.call.t] for b in retry.blockers}
    return max(retry.blockers, key=lambda b: max(reset[b.message], default=0.0))


def _place(message: str, order: tuple[str, ...]) -> str:
    if message not in order:
        return "unlisted"
    return "first" if message == order[0] else "last" if message == order[-1] else "elsewhere"


def _which(retry: Retry, message: str, order: tuple[str, ...]) -> str:
    """What sets a message apart from others of its batch, in words for a fingerprint.

    The last of a few messages is no other than those before it: in a small batch, which of them blocks is drawn.
    """
    place = _place(message, order)
    at = order.index(message) if message in order else 0
    earlier = [retry.batch.row_of[m].recipient for m in order[:at] if m in retry.batch.row_of]
    mine = retry.batch.row_of.get(message)
    far = next((words for least, words in _FAR if at >= least), "")
    again = "to the number of an earlier row" if mine is not None and mine.recipient in earlier else ""
    where = "elsewhere" if place == "last" and not far else place
    spoken = Counter(row.language for row in retry.batch.rows).most_common(1)
    foreign = "in another language" if mine is not None and mine.language != spoken[0][0] else ""
    return ", ".join(filter(None, (where, far, again, foreign, "next to another" if _several(retry) else "")))


def _several(retry: Retry) -> bool:
    """Whether more messages than one had to block, each by a single retry of its own."""
    resets = ([c for c in retry.batch.resetting(b.message) if c.t < retry.call.t] for b in retry.blockers)
    return sum(bool(calls) and calls[-1].single for calls in resets) > 1


@rule(
    "BR-BLK-02",
    whole_run,
    violation="the target leaves a batch in {observed} when a created message blocks its retry",
    expected=(f"batches[].status {ENQUEUING_FAILED}",),
    legal_if=f"an answer that shows the message still created had shown {ENQUEUING_FAILED}",
    subject="status after a blocked retry",
    first_only=True,
)
def blocked_sets_the_status(inference: Inference) -> Iterator[Judgement]:
    """A refusal for a ``created`` message sets the status to ``messages_enqueuing_failed`` (ruling 23).

    Satisfied by any answer, begun after the refusal and before the next call, that shows the message still ``created`` in the same
    attempt and the batch in that status. Broken when the last such answer shows another: with the lag of the status behind it,
    where a lag is configured or was seen; else by two such answers one second apart, or by three refusals in one situation.
    Judged only where the batch was retryable before and no other call is in flight (ruling 13).
    """
    found = [blocked for retry in inference.retries if (blocked := _blocked(retry)) is not None]
    # Also where a single retry may have set it: whatever set it then was late.
    lag = inference.case.status_lag / 2 or None
    misses: Counter[str] = Counter()
    proved: list[tuple[_Blocked, Proof]] = []
    for blocked in found:
        if isinstance(blocked, InDoubt):
            yield blocked
        elif blocked.shown is not None:
            if blocked.before == ENQUEUED:
                yield Exercised(proof=blocked.proof & Proof(evidence=(blocked.shown[0].n,)))
        elif blocked.wrong:
            misses[blocked.situation] += 1
            proof = _late_enough(blocked, lag)
            if proof is not None:
                proved.append((blocked, proof))
        else:
            text = "no answer shows the blocking message, still created, with the batch's status"
            yield InDoubt(
                reason=DoubtReason.STATUS_NOT_VISIBLE,
                text=f"{text} (retry {blocked.retry.n})",
                evidence=(blocked.retry.n,),
            )
    for blocked in found:
        if isinstance(blocked, InDoubt) or not blocked.wrong:
            continue
        known = next((proof for one, proof in proved if one is blocked), None)
        alike = lag is None and misses[blocked.situation] >= ENOUGH
        if known is None and alike and not _met(found, blocked.situation):
            same = [b for b in found if isinstance(b, _Blocked) and b.situation == blocked.situation and b.wrong]
            numbers = ", ".join(str(b.retry.n) for b in same)
            known = _wrong(blocked, blocked.wrong[-1]) & Proof(
                because=(f"after none of the {len(same)} retries refused in this situation ({numbers}) it was shown",),
                evidence=tuple(b.wrong[-1][0].n for b in same),
            )
        if known is not None:
            status = blocked.wrong[-1][1]
            yield Violated(
                proof=known,
                observed=status,
                defect=f"{blocked.situation}{_late_in(blocked)}, {status}",
                scenario=blocked.retry.scenario,
            )
        else:
            yield _perhaps_late(blocked, lag)


class _Blocked:
    """A refusal of a batch that was retryable before, for a message that is still seen ``created``."""

    def __init__(self, retry: Retry, before: str, proof: Proof, seen: list[tuple[Bracket, Reading, str]]) -> None:
        self.retry = retry
        self.before = before
        self.proof = proof
        ordered = sorted(seen, key=lambda one: (one[1].t, one[1].n))
        self.bracket = ordered[-1][0] if ordered else retry.blockers[0]
        good = [(r, s) for _, r, s in ordered if s == ENQUEUING_FAILED]
        #: The first answer that shows the status as it has to be.
        self.shown = good[0] if good else None
        #: Answers that show another, in order; empty if one shows the right one.
        self.wrong = [] if good else [(r, s) for _, r, s in ordered]

    @property
    def situation(self) -> str:
        """First, in a later round, or second in a row: with no call between that was accepted (ruling 24)."""
        earlier = [c for c in self.retry.batch.sent if c.t < self.retry.call.t and c.valid and c.outcome != "throttled"]
        rounds = [c for c in earlier if not (c.single and c.refused)]
        if rounds and rounds[-1].refused:
            return "second in a row"
        return "in a later round" if any(c.may_reset and not c.single for c in rounds) else "first"


def _late_in(blocked: _Blocked) -> str:
    """That no message blocks but some after the first ten, in words for a fingerprint."""
    order = blocked.retry.case.order(blocked.retry.batch)
    first = min((order.index(b.message) for b in blocked.retry.blockers if b.message in order), default=0)
    return ", by a message after the first ten" if first >= 10 else ""


def _blocked(retry: Retry) -> _Blocked | InDoubt | None:
    # One with a query may be refused for that (ruling 30), but not by this code.
    refused = retry.refused or (retry.call.refused and retry.call.code == UNRESOLVED_CODE)
    if not (refused and retry.blockers) or retry.overlapped:
        return None
    before = retry.retryable_before
    if before is None or retry.refused_as_not_retryable:
        text = f"that the batch was retryable before is not shown (retry {retry.n})"
        return InDoubt(reason=DoubtReason.STATUS_BEFORE_UNKNOWN, text=text, evidence=(retry.n,))
    if retry.call.code in retry.other_codes:
        text = f"retry {retry.n} is refused next to a created message with {retry.answer}, which may be its reason"
        return InDoubt(reason=DoubtReason.OTHER_REASON, text=text, evidence=(retry.n,))
    seen = [
        (blocker, reading, status)
        for blocker in retry.blockers
        for reading in retry.read_after(blocker.message)
        if reading.status == "created" and blocker.still_shown_by(retry.case, reading)
        if (status := retry.case.batch_status(reading)) is not None
    ]
    if retry.perhaps_not_retryable and any(status not in RETRYABLE for _, _, status in seen):
        # The single retry that reset the message may have set that status, before the refusal or after it (rulings 16 and 24).
        by = [c for c in retry.batch.resets if c.single and c.t < retry.call.t][-1:]
        one = f"single retry {by[0].n} of message {by[0].message}" if by else "an earlier call"
        text = f"{one} may have set the status that is shown after retry {retry.n}"
        return InDoubt(reason=DoubtReason.STATUS_BEFORE_UNKNOWN, text=text, evidence=(retry.n,))
    proof = retry.blockers[0].proof & before.proof & retry.answered("is to fail for a created message")
    return _Blocked(retry, before.status, proof, seen)


def _perhaps_late(blocked: _Blocked, lag: float | None) -> InDoubt:
    """The status may follow the last answer that shows the message still ``created``; it tells by how much it was seen to.

    Reads after a write wait for as long as ``timing.read_lag`` says.
    """
    retry, (reading, status) = blocked.retry, blocked.wrong[-1]
    after = seconds(reading.t - retry.call.last)
    text = f"read {reading.n}, {after} after retry {retry.n} was blocked, shows the batch in {status}"
    own = seen_late(retry.case, retry.batch, retry.call)
    needs = DoubtReason.STATUS_LAG.settled_by
    if own is not None:
        text += (
            f"; an answer {seconds(own)} after the refusal shows that it followed, and not the message still created"
        )
    elif lag is not None:
        text += f"; it may follow, for after another refusal of the run it did, within {seconds(lag)}"
    else:
        text += "; it may follow"
    if lag is not None:
        span = f"longer than the status takes to follow ({seconds(lag)} at most)"
        needs = (f"timing.read_lag, in seconds: {span}, shorter than a message stays created", *needs)
    return InDoubt(reason=DoubtReason.STATUS_LAG, text=text, evidence=(retry.n, reading.n), needs=needs)


def _late_enough(blocked: _Blocked, lag: float | None) -> Proof | None:
    """Proof by one refusal: the last answer lies beyond the lag, or two answers lie a second apart."""
    last = blocked.wrong[-1]
    after = last[0].t - blocked.retry.call.last
    configured = blocked.retry.case.header.read_lag
    if lag is not None:
        return _wrong(blocked, last) if after > 2 * lag else None
    if configured is not None:
        return _wrong(blocked, last) if after > configured else None
    if last[0].t - blocked.wrong[0][0].t >= APART:
        return _wrong(blocked, blocked.wrong[0]) & _wrong(blocked, last)
    return None


def _wrong(blocked: _Blocked, shown: tuple[Reading, str]) -> Proof:
    reading, status = shown
    shows = f"begins after the refusal and shows the message still created and the batch in {status}"
    batch = blocked.retry.batch.id
    seen = read_after(reading, blocked.retry.call.last, shows, *assume("A3"), *assume("A6", batch))
    return blocked.bracket.proof & blocked.proof & seen


def _met(found: list[_Blocked | InDoubt], situation: str) -> bool:
    """True if a refusal in this situation did show the status."""
    return any(isinstance(b, _Blocked) and b.situation == situation and b.shown is not None for b in found)


@rule("BR-BLK-03", whole_run)
def refused_changes_nothing(inference: Inference) -> Iterator[Judgement]:
    """Exercised by a failed message that a read after the refusal shows untouched.

    What it gains is the ledger's, and what else changes that of changed data: nothing is exercised where something did.
    """
    for retry in inference.retries:
        if not (retry.refused and retry.blockers) or retry.kept_failed is None:
            continue
        if inference.batch_changed_between(retry.batch, retry.call.t, retry.until):
            text = f"what a message of the batch holds was seen to change about when retry {retry.n} was refused"
            yield InDoubt(reason=DoubtReason.DATA_CHANGED, text=text, evidence=(retry.n,))
        else:
            yield Exercised(proof=retry.kept_failed)


RULES = (created_blocks, blocked_sets_the_status, refused_changes_nothing)
