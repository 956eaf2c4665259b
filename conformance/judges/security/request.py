"""SEC-05: what a retry's body, query and headers say changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from conformance.findings import DoubtReason
from conformance.judges.inference.case import Case
from conformance.judges.inference.inference import Inference, retries
from conformance.judges.inference.proof import Proof, all_of, assume
from conformance.judges.inference.quiescence import NotQuiescent, Quiescent
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.retry import Retry
from conformance.judges.inference.timeline import follows, read_after
from conformance.judges.rule import Exercised, InDoubt, Judgement, Violated, rule, whole_run

#: Data of a message that a request might try to change.
_DATA = ("recipient", "values", "fullMessage", "language")
#: What would settle an answer that came, and is none that the documents have.
_DOCUMENTED = ("a target that answers an accepted retry with 201",)


def _name(retry: Retry) -> str:
    probe = retry.call.probe
    return f"a {probe.kind} ({probe.name})" if probe is not None else "nothing"


@rule(
    "BR-SEC-05",
    retries,
    expected=("the message as it was sent",),
    legal_if="the message held what it held before",
    subject="taken from the request",
    first_only=True,
)
def takes_nothing_over(retry: Retry) -> Iterator[Judgement]:
    """No message holds, after the request, what the request's body, query or headers say and it did not hold before.

    The very value of the request in a message where another stood: nothing else can have brought it there (A6). So it is for every
    message of the run, whatever the request was answered.
    """
    if not retry.call.harmless:
        return
    invoke = retry.call.exchange.invoke
    said = json.dumps([invoke.body, list(invoke.query)], ensure_ascii=False)
    for message in retry.batch.messages:
        found = _taken_over(retry.case, message, retry, said)
        if found is not None:
            before, after, name = found
            shows = f"shows it afterwards with the {name} that the request named"
            yield Violated(
                proof=Proof(
                    because=(f"read {before.n} shows a message before retry {retry.n} with {_name(retry)}",),
                    evidence=(before.n, retry.n),
                    assumptions=frozenset(assume("A6", retry.batch.id)),
                )
                & read_after(after, retry.call.t, shows),
                observed=f"another {name}",
                defect=f"{name} from {_name(retry)}",
                violation=f"the target takes a message's {name} from the {_name(retry).split()[1]} of a retry",
                scenario=retry.scenario,
            )
            return


def _taken_over(case: Case, message: str, retry: Retry, said: str) -> tuple[Reading, Reading, str] | None:
    for view in case.views(message):
        before = [r for r in view if r.last <= retry.call.t]
        for reading in view if before else ():
            if follows(case, reading, retry.call.t):
                name = next((n for n in _DATA if _from_request(before[-1].data, reading.data, n, said)), None)
                if name is not None:
                    return before[-1], reading, name
    return None


def _from_request(before: Any, after: Any, name: str, said: str) -> bool:
    # What was null may be shown again (ruling 33): nothing else stood there.
    if before.get(name) is None or name not in after or before[name] == after[name]:
        return False
    texts = after[name].values() if isinstance(after[name], dict) else [after[name]]
    old = json.dumps(before[name], ensure_ascii=False)
    return any(isinstance(t, str) and t and t not in old and json.dumps(t, ensure_ascii=False) in said for t in texts)


@rule(
    "BR-SEC-05",
    retries,
    violation="the target retries only some of the failed messages when a retry has a body, query or header",
    expected=("a new attempt of every failed message",),
    legal_if="the batch showed messages_enqueuing_failed",
    subject="some messages only",
    first_only=True,
)
def retries_the_same(retry: Retry) -> Iterator[Judgement]:
    """An accepted request with a body, query or header resets exactly the failed messages, as one without it would have.

    Refused, it exercises nothing (ruling 30). Sound where the batch was quiescent when the request left: which messages had failed
    is known then, and a retry without the body would have reset exactly those.
    """
    if not retry.call.harmless:
        return
    if retry.call.unknown or retry.call.outcome == "throttled":
        text = f"retry {retry.n} with {_name(retry)} {retry.call.untold}"
        needs = _DOCUMENTED if retry.call.exchange.accepted else ()
        yield InDoubt(reason=DoubtReason.ANSWER_LOST, text=text, evidence=(retry.n,), needs=needs)
    if not retry.accepted:
        return
    state = retry.quiescent
    if isinstance(state, NotQuiescent):
        text = f"that the batch was quiescent before retry {retry.n} is not proved: {state.text}"
        yield InDoubt(reason=state.reason, text=text, evidence=(retry.n,))
        return
    effects = {m: retry.effect(m) for m in state.retriable}
    reset = [e for e in effects.values() if e is not None and e.kind == "reset"]
    left = [e for e in effects.values() if e is not None and e.kind == "left"]
    if len(reset) == len(effects) and len(effects) > 1 and not _others_touched(retry, state):
        probe = retry.call.probe
        yield Exercised(proof=state.proof & all_of(*(e.proof for e in reset)), case=probe.kind if probe else "")
    elif reset and left and retry.partial_enqueue is False:
        yield Violated(
            proof=state.proof
            & all_of(*(e.proof for e in (*reset, *left)))
            & retry.answered("retries all failed messages"),
            observed=f"a new attempt for {len(reset)} of {len(effects)}",
            any_of=("BR-SEC-05", "BR-SEL-01"),
            defect=_name(retry),
            scenario=retry.scenario,
        )
    else:
        text = f"what retry {retry.n} with {_name(retry)} reset is not shown for every failed message"
        yield InDoubt(reason=DoubtReason.NOT_READ_BACK, text=text, evidence=(retry.n,))


def _others_touched(retry: Retry, state: Quiescent) -> bool:
    """True if a message that had not failed is not seen untouched afterwards, or holds other data than before."""
    for reading in state.readings:
        for view in retry.case.views(reading.message):
            before = [r for r in view if r.last <= retry.call.t]
            for after in (r for r in view if r.t >= retry.call.last and r.last <= retry.until):
                if before and any(
                    n in before[-1].data
                    and n in after.data
                    and before[-1].data[n] != after.data[n]
                    and after.data[n] is not None
                    for n in _DATA
                ):
                    return True
                if reading.status == "success" and after.in_progress:
                    return True
    return False


@rule(
    "BR-SEC-05",
    whole_run,
    violation="the target refuses a retry without a body, and accepts one with a body",
    expected=("201 with an empty body",),
    legal_if="the batch had not been retryable",
    subject="a body is needed",
)
def bare_is_accepted(inference: Inference) -> Iterator[Judgement]:
    """A retry without body and query is accepted where one with them was.

    On a quiescent batch with a message that may be retried, 201 has to come (BR-ACC-02); where the target gives it to requests with
    a body only, the body is what changes the answer.
    """
    for batch in inference.case.ours:
        mine = [r for r in inference.retries if r.batch.id == batch.id]
        with_body = next((r for r in mine if r.call.harmless and r.accepted), None)
        if not any(r.call.harmless for r in mine):
            continue
        for retry in mine:
            if not retry.call.plain or retry.must_accept is None:
                continue
            if retry.accepted:
                yield Exercised(proof=retry.must_accept & Proof(evidence=(retry.n,)), case="neither of them")
            elif retry.refused and with_body is not None and _status_known(retry) and retry.stray is None:
                yield Violated(
                    proof=retry.must_accept
                    & retry.answered("had to be answered 201")
                    & Proof(
                        because=(f"retry {with_body.n} with {_name(with_body)} is accepted",), evidence=(with_body.n,)
                    ),
                    observed=retry.answer,
                    any_of=("BR-SEC-05", "BR-ACC-02"),
                    defect=retry.answer,
                    scenario=retry.scenario,
                )
                return


def _status_known(retry: Retry) -> bool:
    return isinstance(retry.quiescent, Quiescent) and retry.quiescent.status is not None


RULES = (takes_nothing_over, retries_the_same, bare_is_accepted)
