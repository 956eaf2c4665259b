"""SEC-01 to -04 and -07: requests that must have no effect, whatever the state of the batch. Effects are the ledger's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from conformance.findings import DoubtReason
from conformance.judges.inference.case import Case
from conformance.judges.inference.chains import Chain, chains, untouched
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.other_campaign import proved_other, why_unproved
from conformance.judges.inference.own_word import word
from conformance.judges.inference.proof import Proof
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.rule import Exercised, InDoubt, Judgement, Violated, rule, whole_run

_MINE = ("BR-SEC-01", "BR-SEC-02", "BR-SEC-03", "BR-SEC-04", "BR-SEC-07")
_EXPECTED = {
    "BR-SEC-01": ("401 without effect",),
    "BR-SEC-02": ("401, 403 or 404 without effect",),
    "BR-SEC-03": ("401, 403 or 404 without effect",),
    "BR-SEC-07": ("an answer outside 2xx, without effect",),
}
_WHAT = {
    "auth:none": "without a key",
    "auth:wrong": "with a made-up key",
    "auth:other-key": "with the key of another campaign",
    "auth:empty": "with an empty key",
    "auth:cut": "with a key that is cut short",
    "auth:extended": "with a key that is lengthened",
    "auth:case": "with a key in other case",
    "auth:scheme": "with a key under another scheme",
    "campaign:other": "through the path of another campaign",
    "campaign:other-own-key": "through the path of another campaign, with that campaign's key",
}


def requirement_of(call: RetryCall) -> str | None:
    """The requirement that a batch retry which must have no effect is about; None for a single retry and other probes."""
    name = call.probe.requirement() if call.probe is not None and not call.single else None
    return name if name in _MINE else None


def phrase(call: RetryCall) -> str:
    """What is unusual about a probe, in words."""
    cause = str(call.probe) if call.probe is not None else ""
    if call.probe is not None and call.probe.kind == "path":
        # The ids in it differ from run to run, and say nothing.
        path = call.exchange.invoke.path
        return f"without a key at …{path.partition(call.exchange.invoke.batch or path)[2] or path}"
    if call.probe is not None and call.probe.kind == "method":
        return f"by {call.probe.name}"
    return _WHAT.get(cause, f"({cause})")


def _case_of(call: RetryCall) -> str:
    """Which case of its requirement a probe exercises."""
    if call.probe is None:
        return ""
    if call.probe.kind == "path":
        return "path"
    return call.probe.name if requirement_of(call) in ("BR-SEC-01", "BR-SEC-04", "BR-SEC-07") else ""


def _calls(inference: Inference) -> Iterable[tuple[Case, RetryCall]]:
    return ((inference.case, call) for batch in inference.case.ours for call in batch.probes if requirement_of(call))


@rule(
    "BR-SEC-01",
    _calls,
    legal_if="the request had been sent with the campaign's own key to the documented path",
    subject="accepted",
    first_only=True,
    also=_MINE[1:],
)
def not_admitted(about: tuple[Case, RetryCall]) -> Iterator[Judgement]:
    """No 2xx to a request that no key, or not this key, authorises; read off the answer, for a batch of this run.

    Such a request must be refused in whatever state the batch is. Other methods may be answered anyhow (ruling 7), and an odd
    spelling of the path may lead to another resource that answers 2xx without being a retry; there only effects count.
    """
    case, call = about
    name = requirement_of(call) or ""
    if name == "BR-SEC-04" or not call.accepted or (call.probe and call.probe.kind == "path" and call.status != 201):
        return
    other = proved_other(case, call)
    if other is None:
        text = why_unproved(case, call)
        yield InDoubt(reason=DoubtReason.OTHER_CAMPAIGN, text=text, evidence=(call.n,), requirement=name)
        return
    said = f"request {call.n} retries a batch of this run {phrase(call)}; it had to be refused, and {call.said} came"
    yield Violated(
        proof=Proof(because=(said,), evidence=(call.n,)) & other,
        observed=call.said,
        any_of=(name,),
        defect=str(call.probe),
        violation=f"the target accepts a retry {phrase(call)}",
        expected=_EXPECTED[name],
        scenario=call.scenario,
    )


@rule(
    "BR-SEC-01",
    whole_run,
    expected=("401 without effect",),
    legal_if="the answer were 401",
    subject="refused otherwise",
    first_only=True,
    also=_MINE[1:],
)
def bound_to_its_cause(inference: Inference) -> Iterator[Judgement]:
    """The refusal of a probe that a closed chain binds to its cause; without a chain it proves nothing."""
    case = inference.case
    for batch in case.ours:
        for chain in chains(case, batch):
            if isinstance(chain, Chain):
                for probe in chain.probes:
                    yield from _bound(inference, chain, probe)
                continue
            for name in dict.fromkeys(r for r in map(requirement_of, chain.probes) if r):
                numbers = (*(p.n for p in chain.probes), *((chain.closing.n,) if chain.closing is not None else ()))
                yield InDoubt(reason=chain.reason, text=chain.text, evidence=numbers, requirement=name)


def _bound(inference: Inference, chain: Chain, probe: RetryCall) -> Iterator[Judgement]:
    case, name = inference.case, requirement_of(probe)
    if name is None or (probe.accepted and name != "BR-SEC-04"):
        return
    if probe.outcome in ("unknown", "throttled"):
        text = f"request {probe.n} {phrase(probe)} {probe.untold}"
        yield InDoubt(reason=DoubtReason.ANSWER_LOST, text=text, evidence=(probe.n,), requirement=name)
        return
    if name == "BR-SEC-01" and probe.status != 401:
        again = _answered_401(case, probe)
        if again is not None:
            text = f"request {probe.n} {phrase(probe)} is answered {probe.said}, perhaps by something in front: {again.n} got 401"
            yield InDoubt(reason=DoubtReason.ANSWER_LOST, text=text, evidence=(probe.n, again.n), requirement=name)
            return
        said = f"request {probe.n} retries the batch {phrase(probe)} and is answered {probe.said}: nothing but the key was wrong"
        yield Violated(
            proof=chain.proof & Proof(because=(said,), evidence=(probe.n,)),
            observed=probe.said,
            defect=f"{probe.probe}, {probe.status}",
            violation=f"the target answers a retry {phrase(probe)} with {probe.status} instead of 401",
            scenario=probe.scenario,
        )
        return
    seen = untouched(case, chain.batch, probe)
    if seen is None:
        text = f"no reads show that request {probe.n} {phrase(probe)} had no effect"
        yield InDoubt(reason=DoubtReason.NOT_READ_BACK, text=text, evidence=(probe.n,), requirement=name)
        return
    other = proved_other(case, probe)
    if other is None:
        text = why_unproved(case, probe)
        yield InDoubt(reason=DoubtReason.OTHER_CAMPAIGN, text=text, evidence=(probe.n,), requirement=name)
        return
    if any(probe.n in {s.call.n for s in surplus.suspects} for surplus in inference.surpluses):
        return  # It may have had an effect: the ledger says which.
    yield Exercised(proof=chain.proof & seen & other, case=_case_of(probe), requirement=name)


def _answered_401(case: Case, probe: RetryCall) -> RetryCall | None:
    """The same probe of a batch of this run that was answered 401, if this answer may be a gateway's.

    By its status a probe is judged whoever answered it (ruling 22); but where the target refuses the same request as it must, a
    page that comes now and then in place of its answer says nothing of it.
    """
    if word(probe.exchange) != "gateway":
        return None
    alike = (c for batch in case.ours for c in batch.probes if c.exchange.invoke.cause == probe.exchange.invoke.cause)
    return next((c for c in alike if c.status == 401), None)


RULES = (not_admitted, bound_to_its_cause)
