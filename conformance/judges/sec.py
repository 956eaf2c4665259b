"""Judge of family SEC: who may retry, by which request, and what a request may say."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.findings import Doubt, Exercise, Finding, Opinion
from conformance.judges.case import Batch, Case, Write
from conformance.judges.chains import AXIOMS, Chain, Effect, chains, effects, untouched
from conformance.judges.sec_other import doubt, unproved
from conformance.judges.sec_plain import plain_http
from conformance.judges.sec_request import request_changes

REQUIREMENTS = tuple(f"BR-SEC-0{n}" for n in range(1, 8))

_NEEDS = ("a run in which the batch is quiet before the probes, and its valid retry afterwards is answered 201",)
#: How many suspects a finding names, the first to leave first.
_SHOWN = 12
#: What each requirement accepts for an answer.
_EXPECTED = {
    "BR-SEC-01": ("401 without effect",),
    "BR-SEC-02": ("401, 403 or 404 without effect",),
    "BR-SEC-03": ("401, 403 or 404 without effect",),
    "BR-SEC-04": ("any answer, without effect",),
    "BR-SEC-07": ("an answer outside 2xx, without effect",),
}
_WHAT = {
    "auth:none": "without a key",
    "auth:wrong": "with a made-up key",
    "auth:other-key": "with the key of another campaign",
    "auth:cut": "with a key that is cut short",
    "auth:extended": "with a key that is lengthened",
    "auth:case": "with a key in other case",
    "auth:scheme": "with a key under another scheme",
    "campaign:other": "through the path of another campaign",
    "campaign:other-own-key": "through the path of another campaign, with that campaign's key",
}


def judge(case: Case) -> Iterator[Opinion]:
    """BR-SEC-01 to BR-SEC-07."""
    for batch in case.ours:
        for probe in batch.probes:
            yield from _admitted(case, probe)
        for chain in chains(case, batch):
            if isinstance(chain, Chain):
                for probe in chain.probes:
                    yield from _bound(case, chain, probe)
            else:
                names = dict.fromkeys(r for r in map(requirement_of, chain.probes) if r)
                numbers = tuple(p.n for p in chain.probes)
                for name in names:
                    yield Doubt(requirement=name, code=chain.code, text=chain.text, needs=_NEEDS, evidence=numbers)
        yield from _carried_out(case, batch)
        yield from request_changes(case, batch)
    yield from plain_http(case)


def requirement_of(write: Write) -> str | None:
    """The requirement that a probe is about, by its cause."""
    kind, _, name = (write.exchange.invoke.cause or "").partition(":")
    if kind == "auth":
        return {"none": "BR-SEC-01", "wrong": "BR-SEC-01", "other-key": "BR-SEC-02"}.get(name, "BR-SEC-07")
    return {"path": "BR-SEC-07", "campaign": "BR-SEC-03", "method": "BR-SEC-04"}.get(kind)


def facet_of(write: Write) -> str:
    """Which facet of its requirement a probe exercises."""
    kind, _, name = (write.exchange.invoke.cause or "").partition(":")
    if kind == "path":
        return "path"
    return name if requirement_of(write) in ("BR-SEC-01", "BR-SEC-04", "BR-SEC-07") else ""


def phrase(write: Write) -> str:
    """What is odd about a probe, in words."""
    cause = write.exchange.invoke.cause or ""
    kind, _, name = cause.partition(":")
    if kind == "path":
        return f"without a key at {write.exchange.invoke.path}"
    return f"by {name}" if kind == "method" else _WHAT.get(cause, f"({cause})")


def _admitted(case: Case, probe: Write) -> Iterator[Opinion]:
    """A 2xx to a request that no key, or not this key, authorises.

    Read off the answer itself, for a batch of this run: such a request must be refused in whatever state the batch
    is. Other methods may be answered anyhow (ruling 7), and an odd spelling of the path may lead to another resource
    that answers 2xx without being a retry; there only effects count. A key that is not shown to be another campaign's
    may be this one's.
    """
    name = requirement_of(probe)
    kind = (probe.exchange.invoke.cause or "").partition(":")[0]
    if name is None or name == "BR-SEC-04" or probe.standing != "accepted":
        return
    if kind == "path" and probe.status != 201:
        return
    if name == "BR-SEC-02" and unproved(case, probe):
        yield doubt(case, name, probe)
        return
    yield Finding(
        any_of=(name,),
        summary=f"the target accepts a retry {phrase(probe)}",
        argument=(
            f"request {probe.n} retries a batch of this run {phrase(probe)}",
            f"it had to be refused, and {probe.status} came",
        ),
        expected=_EXPECTED[name],
        observed=f"{probe.status}",
        evidence=(probe.n,),
        counterfactual="would be legal with the campaign's own key at the documented path",
        scenario=probe.exchange.invoke.scenario,
        subject=f"accepted {probe.exchange.invoke.cause}",
    )


def _bound(case: Case, chain: Chain, probe: Write) -> Iterator[Opinion]:
    """The refusal of a probe that a closed chain binds to its cause."""
    name = requirement_of(probe)
    if name is None or (probe.standing == "accepted" and name != "BR-SEC-04"):
        return
    if probe.standing in ("open", "dropped"):
        text = f"request {probe.n} {phrase(probe)} got no answer that says anything ({probe.status or 'lost'})"
        yield Doubt(requirement=name, code="answer-lost", text=text, needs=_NEEDS, evidence=(probe.n,))
        return
    if name == "BR-SEC-01" and probe.status != 401:
        yield Finding(
            any_of=(name,),
            summary=f"the target answers a retry {phrase(probe)} with {probe.status} instead of 401",
            argument=(
                f"request {probe.n} retries a quiet batch {phrase(probe)} and is answered {probe.status}",
                f"the batch is quiet before and after (reads {chain.evidence[0]} to {chain.evidence[-1]}), and the "
                f"same request with the key, {chain.closing.n}, is answered 201: nothing but the key was wrong",
            ),
            expected=_EXPECTED[name],
            observed=f"{probe.status} {probe.code or ''}".rstrip(),
            evidence=(probe.n, chain.closing.n),
            axioms=AXIOMS,
            counterfactual="would be legal if the answer were 401",
            scenario=probe.exchange.invoke.scenario,
            subject=f"{probe.status} for {probe.exchange.invoke.cause}",
        )
        return
    seen = untouched(case, chain.batch, probe)
    if seen is None:
        text = f"no reads show that request {probe.n} {phrase(probe)} had no effect"
        yield Doubt(requirement=name, code="not-read-back", text=text, needs=_NEEDS, evidence=(probe.n,))
        return
    if unproved(case, probe):
        yield doubt(case, name, probe)
        return
    evidence = (seen[0], probe.n, seen[1], chain.closing.n)
    yield Exercise(requirement=name, evidence=evidence, facet=facet_of(probe))


def _carried_out(case: Case, batch: Batch) -> Iterator[Opinion]:
    """An attempt that only probes explain.

    Which of several probes caused it cannot be told, since an effect may come late: every one that left before it
    was seen is a suspect, and so is a valid retry that was refused (BR-BLK-03; BR-SEL-07 for a single one) or answered
    429 (BR-ERR-06). Without an untouched batch that stood still meanwhile it may also have come by itself.
    """
    for effect in effects(case, batch):
        names = tuple(dict.fromkeys(r for r in map(requirement_of, effect.probes) if r))
        if not names or any(p.standing in ("accepted", "open") and unproved(case, p) for p in effect.probes):
            continue
        others = [
            "BR-ERR-06" if w.standing == "dropped" else "BR-SEL-07" if w.message else "BR-BLK-03" for w in effect.beside
        ]
        yield _effect(
            batch, effect, tuple(dict.fromkeys((*names, *others, *(() if effect.control else ("BR-SEL-07",)))))
        )
        return


def _effect(batch: Batch, effect: Effect, names: tuple[str, ...]) -> Finding:
    """No suspect is named as the one that did it, unless all of them are odd in the same thing."""
    suspects = tuple(sorted((*effect.probes, *effect.beside), key=lambda w: w.n))
    causes = {w.exchange.invoke.cause for w in suspects}
    one = suspects[0] if len(causes) == 1 else None
    what = phrase(one) if one is not None else "that must have no effect"
    held = [f"an untouched batch stood still meanwhile ({', '.join(map(str, effect.control[:4]))})"]
    return Finding(
        any_of=names,
        summary=f"the target retries a message by a request {what}",
        argument=(
            f"reads {effect.before.n} and {effect.after.n} show a message of the batch with a new attempt "
            f"({effect.before.status}, then {effect.after.status})",
            f"between them, or up to settle_timeout before, left {_listed(suspects)}; no retry that was accepted or lost "
            "explains it",
            "nobody else can write to a batch of this run",
            *(held if effect.control else []),
        ),
        expected=tuple(dict.fromkeys(e for name in names for e in _EXPECTED.get(name, ()))),
        observed="a new attempt",
        evidence=tuple(sorted({effect.before.n, effect.after.n, *(w.n for w in suspects[:_SHOWN]), *effect.control})),
        axioms=effect.axioms,
        slack=effect.slack,
        counterfactual="would be legal if a retry with the campaign's key had been accepted between the reads",
        scenario=batch.scenario,
        subject=f"effect of {one.exchange.invoke.cause}" if one is not None else "effect of one of several probes",
    )


def _listed(suspects: tuple[Write, ...]) -> str:
    """The suspects in the order in which they left, each with what is odd about it and what came."""
    said = []
    for write in suspects[:_SHOWN]:
        came = f"answered {write.status}" if write.status is not None else "answer lost"
        cause = write.exchange.invoke.cause or ""
        odd = f"without a key, {cause}" if cause.startswith("path:") else phrase(write)
        said.append(f"{write.n} {'with the key' if write.valid else odd} ({came})")
    more = f" and {len(suspects) - _SHOWN} more" if len(suspects) > _SHOWN else ""
    return f"request{'s' if len(suspects) > 1 else ''} {', '.join(said)}{more}"
