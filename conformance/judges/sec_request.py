"""BR-SEC-05: what a retry's body and query say changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from conformance.findings import Doubt, Exercise, Finding, Opinion
from conformance.judges.acc import refused
from conformance.judges.case import Batch, Case, Write
from conformance.judges.intervals import ENQUEUING_FAILED
from conformance.judges.quiet import Quiet, quiet
from conformance.judges.sightings import Sight
from conformance.judges.timeline import acts_on, comparable, first_after, follows, gain, retried, views

#: Data of a message that a request might try to change.
_DATA = ("recipient", "values", "fullMessage", "language")
_NEEDS = ("a quiet batch of two or more failed messages, retried with such a body and read until it has settled",)


def request_changes(case: Case, batch: Batch) -> Iterator[Opinion]:
    """BR-SEC-05, for one batch of this run.

    Sound where the batch was quiet when the request left: which messages had failed, and what they held, is known
    then (A2, A6), and a retry without the body would have taken up exactly those.
    """
    odd = [w for w in batch.probes if w.harmless and (w.exchange.invoke.cause or "").startswith(("body:", "query:"))]
    for write in odd:
        facet = (write.exchange.invoke.cause or "").partition(":")[0]
        changed = _changed(case, batch, write)
        if changed is not None:
            yield changed
            return
        if write.standing == "accepted":
            yield from _taken(case, batch, write, facet)
        elif refused(write):
            yield Exercise(requirement="BR-SEC-05", evidence=(write.n,), facet=facet)
        else:
            text = f"retry {write.n} with {_name(write)} got no answer that says anything"
            yield Doubt(requirement="BR-SEC-05", code="answer-lost", text=text, needs=_NEEDS, evidence=(write.n,))
    if odd:
        yield from _bare(case, batch, odd)


def _name(write: Write) -> str:
    kind, _, name = (write.exchange.invoke.cause or "").partition(":")
    return f"a {kind} ({name})"


def _said(write: Write) -> str:
    """Everything that the request says beside its path."""
    invoke = write.exchange.invoke
    return json.dumps([invoke.body, list(invoke.query)], ensure_ascii=False)


def _changed(case: Case, batch: Batch, write: Write) -> Finding | None:
    """A message that holds, after the request, what the request's body or query says, and did not before.

    The very value of the request in a message where another stood: nothing else can have brought it there (A6).
    """
    said = _said(write)
    for message in batch.messages:
        for view in views(case.sights(message)):
            before = [s for s in view if s.last <= write.t]
            after = [s for s in view if follows(case, s, write.last)]
            for sight in after if before else ():
                name = next((n for n in _DATA if _took_over(before[-1].data, sight.data, n, said)), None)
                if name is not None:
                    return _finding(write, before[-1], sight, name)
    return None


def _took_over(before: Any, after: Any, name: str, said: str) -> bool:
    if name not in before or name not in after or before[name] == after[name]:
        return False
    texts = after[name].values() if isinstance(after[name], dict) else [after[name]]
    old = json.dumps(before[name], ensure_ascii=False)
    return any(isinstance(t, str) and t and t not in old and json.dumps(t, ensure_ascii=False) in said for t in texts)


def _finding(write: Write, before: Sight, after: Sight, name: str) -> Finding:
    return Finding(
        any_of=("BR-SEC-05",),
        summary=f"the target takes a message's {name} from the {_name(write).split()[1]} of a retry",
        argument=(
            f"read {before.n} shows the message before retry {write.n} with {_name(write)}",
            f"read {after.n} shows it afterwards with the {name} that the request named",
        ),
        expected=("the message as it was sent",),
        observed=f"another {name}",
        evidence=(before.n, write.n, after.n),
        axioms=("A6", "A7"),
        counterfactual=f"would be legal if the {name} were as before",
        scenario=write.exchange.invoke.scenario,
        subject=f"{name} taken from the request",
    )


def _taken(case: Case, batch: Batch, write: Write, facet: str) -> Iterator[Opinion]:
    """An accepted request with a body took up exactly the failed messages, as one without it would have."""
    state = quiet(case, batch, write)
    if isinstance(state, str):
        text = f"the batch is not shown to be quiet before retry {write.n} ({state})"
        yield Doubt(requirement="BR-SEC-05", code=state, text=text, needs=_NEEDS, evidence=(write.n,))
        return
    due = [m for m in state.failed if retried(case, batch, m, write)[1] < 2]
    following = min((w.t for w in acts_on(batch, "") if w.t > write.t), default=float("inf"))
    shown = {m: _gained(case, m, state, write, following) for m in due}
    took = [m for m in due if (shown[m] or (0, 0, 0))[0] >= 1]
    left = [m for m in due if (s := shown[m]) is not None and s[0] == 0 and s[2]]
    numbers = tuple(sorted({n for s in shown.values() if s is not None for n in (s[1],)}))
    if len(took) == len(due) and len(due) > 1:
        yield Exercise(requirement="BR-SEC-05", evidence=(*state.evidence, write.n, *numbers), facet=facet)
    elif took and left and not _excused(case, batch, write, following):
        yield Finding(
            any_of=("BR-SEC-05", "BR-SEL-01"),
            summary=f"the target retries only some of the failed messages when a retry has {_name(write)}",
            argument=(
                f"reads {state.evidence[0]} to {state.evidence[-1]} show {len(due)} failed messages before retry "
                f"{write.n} with {_name(write)}, answered {write.status}",
                f"after it {len(took)} of them show a new attempt, and {len(left)} show none after the settling time",
                "a retry takes up all of them, whatever its body or query says",
            ),
            expected=("a new attempt for every failed message",),
            observed=f"a new attempt for {len(took)} of {len(due)}",
            evidence=(*state.evidence, write.n, *numbers),
            axioms=("A2", "A4", "A6", "A7"),
            counterfactual=f"would be legal if the batch showed {ENQUEUING_FAILED}",
            scenario=write.exchange.invoke.scenario,
            subject=f"some messages only, with {_name(write)}",
        )
    else:
        text = f"what retry {write.n} with {_name(write)} took up is not shown for every failed message"
        yield Doubt(requirement="BR-SEC-05", code="not-read-back", text=text, needs=_NEEDS, evidence=(write.n,))


def _gained(case: Case, message: str, state: Quiet, write: Write, until: float) -> tuple[int, int, bool] | None:
    """(attempts gained, read that shows it, whether that read began after the settling time)."""
    best: tuple[int, int, bool] | None = None
    for view in views(case.sights(message)):
        before = [s for s in view if s.last <= write.t]
        for after in view:
            if not before or not follows(case, after, write.last) or after.last > until:
                continue
            if not comparable(before[-1], after):
                continue
            grown = gain(before[-1], after) or 0
            settled = after.t - case.lag >= write.last + case.header.settle_timeout
            if best is None or grown > best[0] or (grown == best[0] and settled):
                best = (grown, after.n, settled)
    return best


def _excused(case: Case, batch: Batch, write: Write, until: float) -> bool:
    """Whether the batch may have shown that enqueuing failed for some (ruling 17): it did, or no read tells.

    A read that begins when the settling time is over tells, for the status stands as long as a message is left out.
    """
    shown = [(s, status) for s, status in case.status_sights(batch) if write.t <= s.last <= until]
    told = any(follows(case, s, write.last + case.header.settle_timeout) for s, _ in shown)
    return not told or any(status == ENQUEUING_FAILED for _, status in shown)


def _bare(case: Case, batch: Batch, odd: list[Write]) -> Iterator[Opinion]:
    """A retry without body and query is accepted where one with them was.

    On a quiet batch with a message that may be retried, 201 has to come (BR-ACC-02); where the target gives it to
    requests with a body only, the body is what changes the answer.
    """
    for write in batch.retries:
        state = quiet(case, batch, write)
        if isinstance(state, str) or not any(retried(case, batch, m, write)[1] < 2 for m in state.failed):
            continue
        if write.standing == "accepted":
            yield Exercise(requirement="BR-SEC-05", evidence=(write.n,), facet="neither of them")
        elif refused(write) and state.status is not None:
            with_body = next((w for w in odd if w.standing == "accepted"), None)
            if with_body is not None and first_after(case, state.failed[0], with_body.last) is not None:
                yield Finding(
                    any_of=("BR-SEC-05", "BR-ACC-02"),
                    summary="the target refuses a retry without a body, and accepts one with a body",
                    argument=(
                        f"reads {state.evidence[0]} to {state.evidence[-1]} show the batch quiet in {state.status}, "
                        f"with failed messages that may be retried, when retry {write.n} left without a body",
                        f"it is refused with {write.status}; retry {with_body.n} with {_name(with_body)} is accepted",
                    ),
                    expected=("201 with an empty body",),
                    observed=f"{write.status} {write.code or ''}".rstrip(),
                    evidence=(*state.evidence, write.n, with_body.n),
                    axioms=("A2", "A6", "A7"),
                    counterfactual="would be legal if the batch had not been retryable",
                    scenario=write.exchange.invoke.scenario,
                    subject="a body is needed",
                )
                return
