"""What an attempt shows that has ended is kept by calls that must not touch it: BR-BLK-03, BR-SEL-02 and what probes break."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from conformance.contract.vocabulary import TERMINAL
from conformance.findings import Margin
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.circumstances import kind, kinds, unexpected
from conformance.judges.inference.facts import clip, nothing
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.ledger import laid_to
from conformance.judges.inference.proof import Proof, all_of, assume
from conformance.judges.inference.readings import Attempt, Reading
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.timeline import begun, effect_until, follows, owed, terminal_stays
from conformance.judges.rule import Judgement, Violated, rule, whole_run

#: Fields of an attempt that are settled once it has ended.
_FIELDS = ("errorType", "errorCode", "error", "sentAt", "deliveredAt")
#: An attempt's id and createdAt.
_Mark = tuple[str | None, datetime | None]
#: So many messages have to show it: one may be a report that came late.
ENOUGH = 2


@dataclass(frozen=True, kw_only=True)
class _Changed:
    """Two readings in a row of one view, at rest and in the same attempts, of which the second shows another value of a field."""

    batch: Batch
    before: Reading
    after: Reading
    name: str
    old: Any
    new: Any
    #: In flight between the two, and those before that may still have an effect (ruling 16).
    calls: tuple[RetryCall, ...]
    earlier: tuple[RetryCall, ...]

    @property
    def suspects(self) -> tuple[RetryCall, ...]:
        return (*self.calls, *self.earlier)


@rule(
    "BR-BLK-03",
    whole_run,
    violation="the target changes what attempts show that have ended ({observed})",
    expected=("what the attempts showed before",),
    legal_if="the attempts showed what they had shown",
    subject="ended attempts changed",
    also=(
        *("BR-SEL-02", "BR-SGL-01", "BR-SGL-02", "BR-SGL-03", "BR-ERR-06"),
        *("BR-SEC-01", "BR-SEC-02", "BR-SEC-03", "BR-SEC-04", "BR-SEC-05", "BR-SEC-07"),
    ),
)
def ended_attempts_kept(inference: Inference) -> Iterator[Judgement]:
    """No call that must have no effect on a message changes its attempts' errors and times, once they have ended (A2).

    Told where several messages of a batch show it around the same calls, and no message of the run shows such a change without a
    call: what comes by itself is a report that came late. An accepted retry may do to failed messages what it likes of these.
    """
    found = [one for batch in inference.case.ours for one in _changes(inference.case, batch)]
    if any(not one.calls for one in found):
        return
    together: dict[tuple[str, str, tuple[int, ...]], list[_Changed]] = {}
    for one in found:
        together.setdefault((one.batch.id, one.name, tuple(c.n for c in one.calls)), []).append(one)
    for (_, name, _), same in together.items():
        messages = {one.before.message: one for one in same}
        near = unexpected(same[0].calls)
        names = [n for one in same for c in (*near, *one.suspects) for n in _broken(c, one.before)]
        if len(messages) < ENOUGH or not all(any(_broken(c, one.before)) for one in same for c in one.suspects):
            continue
        first = same[0]
        said = (
            f"reads {first.before.n} and {first.after.n} (the same view) show {name} of one attempt as {_said(first.old)}, then as "
            f"{_said(first.new)}, and another of {len(messages)} messages in all; none shows the former again",
            f"calls that may have changed it: {', '.join(f'{c.n} ({kind(c)}, {c.said})' for c in first.suspects)}",
            "no message of the run shows such a change where no call was",
        )
        yield Violated(
            proof=all_of(*(_seen(one) for one in messages.values())) & Proof(because=said),
            observed=f"{name} {_said(first.old)}, then {_said(first.new)}",
            any_of=tuple(dict.fromkeys(names)),
            defect=f"{name} changed by {kinds(first.batch, near)}",
            scenario=first.calls[0].scenario,
        )


def _said(value: Any) -> str:
    return "nothing" if nothing(value) else clip(value)


def _seen(one: _Changed) -> Proof:
    return Proof(
        evidence=(one.before.n, *(c.n for c in one.suspects), one.after.n),
        assumptions=frozenset(
            (*assume("A6", one.batch.id), *assume("A7", one.after.view), *terminal_stays(one.before))
        ),
        margins={one.after.view: Margin(one.after.t - one.before.last, one.after.view, one.after.n)},
    )


def _broken(call: RetryCall, before: Reading) -> tuple[str, ...]:
    """What the call breaks if it changed the message; nothing if it may have taken it up."""
    if call.may_reset and call.reaches(before.message) and (before.status == "failure" or call.single):
        return ()
    return tuple(laid_to(call, before.message, before))


def _changes(case: Case, batch: Batch) -> Iterator[_Changed]:
    for message in batch.messages:
        for view in case.views(message):
            shown = [_ended(r) for r in view]
            for i, (a, b) in enumerate(pairwise(view)):
                mine, theirs = shown[i], shown[i + 1]
                if (
                    not (a.terminal and a.status == b.status and follows(case, b, a.last))
                    or mine.keys() != theirs.keys()
                ):
                    continue
                for name in _FIELDS:
                    other = (m for m in mine if _differ(mine[m], theirs[m], name))
                    lost = (m for m in other if not any(_same(mine[m], r[m], name) for r in shown[i + 2 :] if m in r))
                    if (mark := next(lost, None)) is not None:
                        old, new = mine[mark].data[name], theirs[mark].data[name]
                        calls = tuple(c for c in batch.sent if c.last > a.t and c.t <= b.last)
                        earlier = tuple(_pending(case, batch, a))
                        yield _Changed(
                            batch=batch, before=a, after=b, name=name, old=old, new=new, calls=calls, earlier=earlier
                        )


def _pending(case: Case, batch: Batch, reading: Reading) -> Iterator[RetryCall]:
    """Calls before a reading that may still touch its message: of those that may reset it, where an attempt is owed still."""
    done = owed(case, batch, reading).none
    for call in batch.sent:
        if (
            call.last <= reading.t
            and effect_until(case, call) >= begun(case, reading)
            and not (call.may_reset and done)
        ):
            yield call


def _ended(reading: Reading) -> Mapping[_Mark, Attempt]:
    """The attempts, by their ids and times, if all of them have ended and are told apart by these; else none."""
    found = {(a.id, a.created_at): a for a in reading.attempts or () if a.status in TERMINAL}
    return found if len(found) == len(reading.attempts or ()) else {}


def _differ(was: Attempt, now: Attempt, name: str) -> bool:
    """Whether a value that was there is another one, in the same outcome; one that is missing shows nothing (ruling 6)."""
    known = not nothing(was.data.get(name)) and name in now.data
    return known and was.status == now.status and not _same(was, now, name)


def _same(a: Attempt, b: Attempt, name: str) -> bool:
    return bool(a.data.get(name) == b.data.get(name))


RULES = (ended_attempts_kept,)
