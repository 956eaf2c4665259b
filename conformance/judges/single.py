"""SGL: Single Send - Retry, which the guide says batch retry behaves like.

What messages gain by single retries that must give them nothing is the ledger's (``ledger_rules``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from conformance.contract.vocabulary import NOT_FAILED_CODE, NOT_RETRYABLE_CODE, TOO_MANY_CODE, instant
from conformance.findings import DoubtReason
from conformance.history.records import Exchange
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.brackets import brackets
from conformance.judges.inference.case import Case
from conformance.judges.inference.changes import suspected
from conformance.judges.inference.circumstances import success_of
from conformance.judges.inference.facts import alike
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.not_failed import not_failed, success_at, success_or_new
from conformance.judges.inference.own_word import word
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.quiescence import perhaps_not_retryable
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.repetition import ENOUGH, answered_between, server_error
from conformance.judges.inference.retry import effect
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.rounds import times_retried, views_read
from conformance.judges.inference.timeline import (
    counts_by,
    effect_until,
    follows,
    gain,
    owed,
    read_after,
    same_attempt,
    terminal_stays,
    unchanged,
)
from conformance.judges.rule import Exercised, InDoubt, Judgement, Violated, rule, whole_run

Placed = tuple[Case, Batch, RetryCall]

#: What a message keeps when it is retried (BR-IDS-03).
_KEPT = ("recipient", "language", "values", "fullMessage", "createdAt")
#: Contract 1.0 holds nothing instead; what messages gain is the ledger's, and has its own table.
NEW = {name: name for name in ("BR-SGL-01", "BR-SGL-02", "BR-SGL-03")}
CODE = f"400 {NOT_FAILED_CODE}"


def singles(inference: Inference) -> Iterable[Placed]:
    """Every valid single retry of a message of this run, whether it was sent in a batch or singly."""
    case = inference.case
    return ((case, batch, call) for batch in case.groups for call in batch.singles)


@rule(
    "BR-SGL-01",
    whole_run,
    expected=(CODE, "404 for an unknown message"),
    legal_if="the message had been failed",
    subject="single retry of a message that is not failed",
    earlier=NEW,
)
def only_a_failed_message(inference: Inference) -> Iterator[Judgement]:
    """A success, an unknown message and one that has just been reset are refused, with the documented code."""
    unknown = [c for c in inference.case.unplaced if c.single and c.probe is not None]
    unknown = [c for c in unknown if c.probe is not None and c.probe.kind == "id" and c.probe.shape is None]
    for call in unknown:
        yield from _unknown(call)
    yield from _breaks(unknown, inference.case.exchanges)
    for case, batch, call in singles(inference):
        if call.accepted or call.refused:
            yield from _not_failed(case, batch, call)


def _unknown(call: RetryCall) -> Iterator[Judgement]:
    proof = Proof(
        because=(f"single retry {call.n} names an id that this run made up", f"{call.said} came"), evidence=(call.n,)
    )
    if call.accepted:
        yield _accepted(call, proof, "unknown")
    elif call.refused and word(call.exchange) == "target":
        if call.status == 404 or (call.status, call.code) == (400, NOT_FAILED_CODE):
            yield Exercised(proof=proof, case="unknown")
        else:
            yield _other_answer(call, proof, "unknown")


def _breaks(calls: Sequence[RetryCall], exchanges: Sequence[Exchange]) -> Iterator[Violated]:
    """5xx three times in a row for an unknown message, with a read answered 200 between: that is how it is refused (ruling 11)."""
    for start in range(len(calls) - ENOUGH + 1):
        run = calls[start : start + ENOUGH]
        alike = len({c.status for c in run}) == 1 and all(server_error(c.exchange) for c in run)
        if not alike or not answered_between(run, exchanges):
            continue
        numbers = ", ".join(str(c.n) for c in run)
        told = f"single retries {numbers} name an id that this run made up, and are answered {run[0].status}"
        read = "a plain read was answered 200 between each two of them"
        proof = Proof(because=(told, read), evidence=tuple(c.n for c in run))
        yield _other_answer(run[0], proof, "unknown")
        return


def _not_failed(case: Case, batch: Batch, call: RetryCall) -> Iterator[Judgement]:
    message = call.message or ""
    bracket = next((b for b in brackets(case, batch, call) if b.message == message), None)
    success = success_at(case, batch, message, call) if bracket is None else None
    if success is None and bracket is None and call.accepted:
        success = success_or_new(case, batch, message, call)
    kind: Literal["created", "success", "in progress"] = (
        "created" if bracket else "success" if success else "in progress"
    )
    proof = bracket.proof if bracket is not None else success or not_failed(case, batch, message, call)
    if proof is None or batch.overlapping(call):
        return
    proof &= Proof(because=(f"single retry {call.n} is answered {call.said}",), evidence=(call.n,))
    if call.accepted:
        state = success_of(batch, message, call.t) if kind == "success" else kind
        yield _accepted(call, proof, kind, state)
        return
    allowed = {NOT_FAILED_CODE}
    if times_retried(case, batch, message, call).most >= 2:
        allowed.add(TOO_MANY_CODE)
    if not batch.single and perhaps_not_retryable(case, batch, call):
        allowed.add(NOT_RETRYABLE_CODE)
    if not call.plain or call.repeated or word(call.exchange) != "target":
        return
    if kind == "in progress":
        return
    if call.status != 400 or call.code not in allowed:
        yield _other_answer(call, proof, kind)
    elif call.code == NOT_FAILED_CODE:
        if bracket is not None or _still_success(case, batch, message, call):
            yield Exercised(proof=proof, case=kind)
        else:
            text = f"no read shows that single retry {call.n} of a success had no effect"
            yield InDoubt(reason=DoubtReason.NOT_READ_BACK, text=text, evidence=(call.n,))


def _still_success(case: Case, batch: Batch, message: str, call: RetryCall) -> bool:
    """True if a read after the answer, before the next call that may reset it, shows a success in the attempt that it had."""
    until = next_reset(batch, message, call)
    for view in case.views(message):
        before = [r for r in view if r.last <= call.t]
        begun = [r for r in view if r.t >= call.last and r.last <= until]
        after = [r for r in begun if follows(case, r, call.last)]
        if before and after and (unchanged(case, before[-1], after[-1]) is not None or bare(before[-1], begun)):
            return True
    return False


def next_reset(batch: Batch, message: str, call: RetryCall) -> float:
    """When the next call left that may reset the message; infinity if none did."""
    return min((c.t for c in batch.resetting(message) if c.t > call.t), default=float("inf"))


def bare(before: Reading, after: list[Reading]) -> bool:
    """True if nothing but the status is shown, and it stands."""
    shown = (before, *after)
    return not any(r.counts or r.updated_at for r in shown) and len({r.status for r in shown}) == 1


def _accepted(call: RetryCall, proof: Proof, kind: str, state: str = "") -> Violated:
    return Violated(
        proof=proof,
        violation="the target accepts a single retry of a message that is {observed}",
        observed=kind,
        any_of=("BR-SGL-01", "BR-SEC-05") if call.harmless else ("BR-SGL-01",),
        defect=f"{state or kind}: 2xx",
        scenario=call.scenario,
    )


def _other_answer(call: RetryCall, proof: Proof, kind: str) -> Violated:
    return Violated(
        proof=proof,
        violation=f"the target refuses a single retry of a message that is {kind} with {{observed}}",
        observed=call.said,
        legal_if=f"the answer were {CODE}",
        defect=f"{kind}: {call.said}",
        scenario=call.scenario,
    )


@rule(
    "BR-SGL-02",
    singles,
    expected=("201 with the message that was retried, and one attempt more of it",),
    legal_if="the answer and the reads after it had shown that message, retried once, with the data that it had",
    subject="accepted single retry",
    earlier=NEW,
)
def that_message_alone(placed: Placed) -> Iterator[Judgement]:
    """An accepted single retry is answered 201 with that message, gives it one attempt, and keeps its id and data."""
    case, batch, call = placed
    if not call.accepted or call.exchange.end.undecoded is not None:
        return
    message = call.message or ""
    names = ("BR-SGL-02", "BR-SEC-05") if call.harmless else ("BR-SGL-02",)
    answered = Proof(because=(f"single retry {call.n} is answered {call.said}",), evidence=(call.n,))
    body = call.exchange.end.body
    shown = body.get("id") if isinstance(body, Mapping) else None
    if call.status != 201 or shown != message:
        what = (
            f"{call.status} with {'another message' if isinstance(shown, str) and shown != message else 'the message'}"
        )
        what = what if isinstance(shown, str) else f"{call.status} without a message"
        seen = shown in batch.messages and any(r.last <= call.t for r in case.readings(str(shown)))
        known = " of the batch" if seen and shown != message else ""
        yield Violated(
            proof=answered,
            violation="the target answers a single retry that it carries out with {observed}",
            observed=what,
            any_of=names,
            defect=f"{what}{known}",
            scenario=call.scenario,
        )
        return
    odd = _answered_otherwise(case, batch, message, call)
    if odd is not None:
        field, proof = odd
        yield Violated(
            proof=answered & proof,
            violation="the target answers a single retry with another {observed} of the message than it has",
            observed=field,
            any_of=names,
            defect=f"{field} in the answer",
            scenario=call.scenario,
        )
        return
    changed = _changed(case, batch, message, call)
    if changed is not None:
        field, proof, other = changed
        if other:
            return  # The ledger of changed data names both.
        yield Violated(
            proof=answered & proof,
            violation="the target changes {observed} of a message that is retried singly",
            observed=field,
            any_of=names,
            defect=f"{field} changed",
            scenario=call.scenario,
        )
        return
    done = None if batch.overlapping(call) else effect(case, batch, message, call)
    if done is not None and done.kind == "left":
        several = len(views_read(case, message, call.last, done.after.last)) > 1
        yield Violated(
            proof=answered & done.proof,
            violation="the target accepts a single retry and gives the message no attempt",
            observed="no new attempt",
            any_of=(*names, *(() if several else ("BR-IDS-07",))),
            defect="no attempt",
            scenario=call.scenario,
        )
    elif (fewer := _fewer_than_accepted(case, batch, call)) is not None:
        yield Violated(
            proof=answered & fewer.proof,
            violation="the target accepts several single retries of a message and gives it fewer attempts",
            observed=f"{fewer.gained} for {fewer.accepted}",
            any_of=(*names, *(() if fewer.views > 1 else ("BR-IDS-07",))),
            defect="fewer attempts than single retries",
            scenario=call.scenario,
        )
    elif done is not None and (others := _others_stood(case, batch, call)) is not None:
        until = next_reset(batch, message, call)
        gained = [gain(done.before, r) or 0 for r in case.readings(message) if r.last <= until]
        if max(gained) <= 1:
            yield Exercised(proof=answered & done.proof & others)


@dataclass(frozen=True)
class _Fewer:
    """Single retries of a message that were accepted, and own fewer attempts when the settling time of the last is over."""

    accepted: int
    gained: int
    #: How many views show it.
    views: int
    proof: Proof


def _fewer_than_accepted(case: Case, batch: Batch, call: RetryCall) -> _Fewer | None:
    """Several accepted single retries that begin with this one, after which no view shows an attempt for each.

    None of them is excused by partial enqueue, so that whatever else may reset the message gives attempts besides (A4).
    """
    message = call.message or ""
    mine = [c for c in batch.singles if c.message == message and c.accepted and c.t >= call.t]
    until = max((effect_until(case, c) for c in mine), default=0.0)
    late: list[tuple[Reading, Reading, int]] = []
    for view in case.views(message) if len(mine) > 1 else ():
        a = next((r for r in reversed(view) if r.last <= call.t and owed(case, batch, r).none), None)
        grown = [(a, r, more) for r in view if a and r.t >= call.t and (more := gain(a, r)) is not None]
        if any(more >= len(mine) for _, _, more in grown):
            return None
        late += [one for one in grown if follows(case, one[1], until)][:1]
    if not late:
        return None
    a, b, gained = late[0]
    shows = f"shows the message with {gained} attempts more than read {a.n}, for {len(mine)} accepted single retries"
    known = owed(case, batch, a).proof & Proof(evidence=(a.n, *(c.n for c in mine)))
    stays = terminal_stays(a) if a.terminal else ()
    return _Fewer(len(mine), gained, len(late), known & read_after(b, until, shows, *counts_by(a, b), *stays))


def _changed(case: Case, batch: Batch, message: str, call: RetryCall) -> tuple[str, Proof, bool] | None:
    """A field that every read of one view up to the call shows alike, and every later one up to the next call otherwise.

    With it, whether another call may have changed it as well.
    """
    until = batch.next_call(call)
    for view in case.views(message):
        before = [r for r in view if r.last <= call.t]
        after = [r for r in view if r.t >= call.last and r.last <= until]
        if not before or not after or any(before[-1].last < c.t < call.t for c in batch.sent):
            continue
        for field in _KEPT:
            old = [_value(field, r.data.get(field)) for r in before]
            # While the message is in progress its text may not be rendered yet.
            new = [_value(field, r.data.get(field)) for r in after if field != "fullMessage" or r.terminal]
            if new and None not in (*old, *new) and all(o == old[0] for o in old) and all(n != old[0] for n in new):
                line = f"reads {before[-1].n} and {after[0].n} of one operation, around it, show another {field}"
                proof = Proof(
                    because=(line,), evidence=(before[-1].n, after[0].n), assumptions=frozenset(assume("A6", batch.id))
                )
                suspects = suspected(case, batch, message, field, before[-1], after[0], after[0].data.get(field))
                return field, proof, any(c.n != call.n for c, _ in suspects)
    return None


def _answered_otherwise(case: Case, batch: Batch, message: str, call: RetryCall) -> tuple[str, Proof] | None:
    """A field that the answer shows otherwise than every other reading up to the next call does.

    A text may not be rendered yet, and what the answer leaves out or shows empty is not compared (ruling 6). Without a reading
    after it another call may have changed the message meanwhile.
    """
    answer = next((r for r in case.readings(message) if r.n == call.n), None)
    until = batch.next_call(call)
    near = [r for r in case.readings(message) if r.last <= until and r.n != call.n]
    before, after = [r for r in near if r.last <= call.t], [r for r in near if r.t >= call.last]
    if answer is None or not before:
        return None
    for field in (name for name in _KEPT if name != "fullMessage" and answer.data.get(name)):
        given = answer.data[field]
        shown = [r for r in near if r.data.get(field)]
        if not any(r in before for r in shown) or any(alike(field, r.data[field], given) for r in shown):
            continue
        last = [r for r in before if r in shown][-1]
        others = [c for c, _ in suspected(case, batch, message, field, last, answer, given) if c.n != call.n]
        stood = any(alike(field, r.data[field], last.data[field]) for r in after if r in shown)
        if all(alike(field, r.data[field], last.data[field]) for r in shown) and (stood or not others):
            line = f"read {last.n} shows the message with another {field} than the answer does"
            return field, Proof(
                because=(line,), evidence=(last.n, call.n), assumptions=frozenset(assume("A6", batch.id))
            )
    return None


def _value(field: str, shown: Any) -> Any:
    """The value as it compares (ruling 19): times are instants."""
    return (instant(shown) or shown) if field == "createdAt" else shown


def _others_stood(case: Case, batch: Batch, call: RetryCall) -> Proof | None:
    """That another message of the batch is shown in the same attempt after the answer as before the call."""
    for message in batch.messages:
        until = next_reset(batch, message, call)
        for view in case.views(message) if not call.reaches(message) else ():
            before = [r for r in view if r.last <= call.t]
            begun = [r for r in view if r.t >= call.last and r.last <= until]
            after = [r for r in begun if follows(case, r, call.last)]
            if not before or not after:
                continue
            same = same_attempt(case, before[-1], after[-1])
            if same is None and bare(before[-1], begun):
                same = ()
            if same is not None:
                return Proof(evidence=(before[-1].n, after[-1].n), assumptions=frozenset(same))
    return None


RULES = (only_a_failed_message, that_message_alone)
