"""Judges: pure functions from a history to opinions, one module for each family of requirements.

``RULES`` names them all. A judge sees nothing but the history: neither a target nor a configuration beyond the header's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from conformance.findings import Doubt, DoubtReason, Exercise, Finding, Observation, Opinion
from conformance.history.records import History
from conformance.judges import (
    acceptance,
    attempted,
    blocking,
    concurrency,
    errors,
    identity,
    ledger_rules,
    liveness,
    observed,
    schema,
    security,
    selection,
    single,
    single_foreign,
    unretryable,
)
from conformance.judges.inference.axioms import Breaches, breaches
from conformance.judges.inference.inference import Inference
from conformance.judges.rule import Rule

if TYPE_CHECKING:
    from conformance.catalogue import Catalogue

#: The rules of each family, in the order of the contract.
RULES: Mapping[str, tuple[Rule[Any], ...]] = {
    "ACC": (*acceptance.RULES, *attempted.RULES, *unretryable.RULES),
    "BLK": blocking.RULES,
    "IDS": identity.RULES,
    "SEL": (*selection.RULES, *ledger_rules.RULES),
    "LIV": liveness.RULES,
    "SGL": (*single.RULES, *single_foreign.RULES),
    "CON": concurrency.RULES,
    "ERR": errors.RULES,
    "SEC": security.RULES,
    "SCH": schema.RULES,
    "observations": observed.RULES,
}

#: Axioms by which a reading shows that nothing happened to a message: its count, or its updatedAt, is the same.
_UNMOVED = ("A4", "A5")
#: Requirements that contract 1.1 named first, and what a ledger entry is laid to under 1.0 (contract, section 4).
_BEFORE_1_1 = {"BR-SGL-01": "BR-SEL-07", "BR-SGL-02": "BR-SEL-07", "BR-SGL-03": "BR-SEL-07"}


def judge(
    history: History, catalogue: Catalogue | None = None, *, without: frozenset[str] = frozenset()
) -> tuple[Opinion, ...]:
    """Everything that all judges say about a history.

    :param history: what happened, live or from a file.
    :param catalogue: if given, opinions about requirements that it does not hold are left out.
    :param without: axioms that are switched off: findings that need one become doubts (for tests of the judges).
    :return: opinions in the order of ``RULES``. A finding that assumes what the history breaks is a doubt ``axiom-broken``; a rule
        that breaks gives a doubt ``suite-error`` for each of its requirements.
    """
    known = frozenset(r.id for r in catalogue.requirements) if catalogue is not None else None
    inference = Inference(history)
    broken = breaches(inference.case, without)
    opinions = [
        settled
        for rules in RULES.values()
        for one in rules
        for opinion in _heard(one, inference)
        for told in _translated(opinion, known, one.earlier)
        for settled in _checked(told, broken, inference)
    ]
    opinions += [Observation(key="axiom-broken", value=f"{a.axiom}: {how}") for a, how in broken.found.items()]
    return tuple(opinions)


def _heard(one: Rule[Any], inference: Inference) -> tuple[Opinion, ...]:
    try:
        return tuple(one.opinions(inference))
    except Exception as crash:
        # A boundary: whatever breaks in one rule is an error of ours in its verdict, and hides no other's.
        logging.getLogger(__name__).debug("a rule broke", exc_info=True)
        text = f"the judge broke: {type(crash).__name__}: {crash}"
        return tuple(Doubt(requirement=r, reason=DoubtReason.SUITE_ERROR, text=text) for r in one.about)


def _translated(opinion: Opinion, known: frozenset[str] | None, earlier: Mapping[str, str]) -> Iterator[Opinion]:
    """The opinion in the words of the chosen contract: what it does not hold is left out, or laid to what it held instead.

    A finding that may be laid to a requirement which this contract does not hold proves none of the others by itself.
    """
    if known is None or isinstance(opinion, Observation):
        yield opinion
        return
    if not isinstance(opinion, Finding):
        if opinion.requirement in known:
            yield opinion
        return
    names = tuple(dict.fromkeys(n if n in known else {**_BEFORE_1_1, **earlier}.get(n, n) for n in opinion.any_of))
    if opinion.any_of == ("BR-ACC-02", "BR-ERR-08"):
        names = tuple(n for n in names if n in known)  # One finding that breaks both (ruling 11).
    if known.issuperset(names):
        yield msgspec.structs.replace(opinion, any_of=names)
        return
    for name in names:
        if name in known:
            text = f"{opinion.summary}: may be something that this version of the contract does not rule"
            yield Doubt(requirement=name, reason=DoubtReason.ONE_VIEW, text=text, evidence=opinion.evidence)


def _checked(opinion: Opinion, broken: Breaches, inference: Inference) -> Iterable[Opinion]:
    """The opinion itself, or what remains of a finding that assumes what the history breaks, or rests on data that were lost.

    Nothing is exercised by a field that does not move where it should: a violation would have looked the same.
    """
    if isinstance(opinion, Exercise):
        blind = any(a.axiom in _UNMOVED and broken.of(a) is not None for a in opinion.assumptions)
        return () if blind else (opinion,)
    if not isinstance(opinion, Finding):
        return (opinion,)
    gone = {a.axiom: how for a in opinion.assumptions if (how := broken.of(a)) is not None}
    lost = inference.lost
    if lost is not None and any(inference.case[n].last > lost.since for n in opinion.evidence):
        text = f"{opinion.summary}: proves nothing, since the target lost its data (reads {', '.join(map(str, lost.evidence))})"
        reason = DoubtReason.DATA_LOST
    elif gone:
        how = "; ".join(f"{axiom}: {why}" for axiom, why in gone.items())
        text = f"{opinion.summary}: proves nothing, because the history breaks what the proof rests on ({how})"
        reason = DoubtReason.AXIOM_BROKEN
    else:
        return (opinion,)
    return tuple(Doubt(requirement=r, reason=reason, text=text, evidence=opinion.evidence) for r in opinion.any_of)
