"""Judges: pure functions from a case to opinions, one module for each family of requirements.

``JUDGES`` names them all. A judge sees nothing but the history: neither a target nor a configuration beyond the
header's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from conformance.findings import Doubt, Finding, Observation, Opinion
from conformance.history.records import History
from conformance.judges import acc, blk, con, err, ids, liv, readings, sch, sec, sel
from conformance.judges.axioms import broken
from conformance.judges.case import Case

if TYPE_CHECKING:
    from conformance.catalogue import Catalogue

Judge = Callable[[Case], Iterable[Opinion]]

#: The judges by name, with the requirements that each speaks about, in the order of the contract.
JUDGES: Mapping[str, tuple[tuple[str, ...], Judge]] = {
    "ACC": (acc.REQUIREMENTS, acc.judge),
    "BLK": (blk.REQUIREMENTS, blk.judge),
    "IDS": (ids.REQUIREMENTS, ids.judge),
    "SEL": (sel.REQUIREMENTS, sel.judge),
    "LIV": (liv.REQUIREMENTS, liv.judge),
    "CON": (con.REQUIREMENTS, con.judge),
    "ERR": (err.REQUIREMENTS, err.judge),
    "SEC": (sec.REQUIREMENTS, sec.judge),
    "SCH": (sch.REQUIREMENTS, sch.judge),
    "observations": (readings.REQUIREMENTS, readings.judge),
}


def judge(
    history: History, catalogue: Catalogue | None = None, *, without: frozenset[str] = frozenset()
) -> tuple[Opinion, ...]:
    """Everything that all judges say about a history.

    :param history: what happened, live or from a file.
    :param catalogue: if given, opinions about requirements that it does not hold are left out.
    :param without: axioms that are switched off: findings that need one become doubts (for tests of the judges).
    :return: opinions in the order of ``JUDGES``. A finding that uses an axiom which the history breaks is a doubt
        ``axiom-broken``; a judge that breaks gives a doubt ``suite-error`` for each of its requirements.
    """
    case = Case(history)
    breached = broken(case)
    breaches = {**breached, **dict.fromkeys(without, "switched off")}
    opinions = [
        settled
        for requirements, one in JUDGES.values()
        for opinion in _heard(requirements, one, case)
        for settled in _checked(opinion, breaches)
    ]
    opinions += [Observation(key="axiom-broken", value=f"{axiom}: {how}") for axiom, how in breached.items()]
    if catalogue is None:
        return tuple(opinions)
    known = {requirement.id for requirement in catalogue.requirements}
    return tuple(o for o in opinions if known.issuperset(_about(o)))


def _heard(requirements: tuple[str, ...], one: Judge, case: Case) -> tuple[Opinion, ...]:
    try:
        return tuple(one(case))
    except Exception as crash:
        # A boundary: whatever breaks in one judge is an error of ours in its verdicts, and hides no other's.
        logging.getLogger(__name__).debug("a judge broke", exc_info=True)
        text = f"the judge broke: {type(crash).__name__}: {crash}"
        return tuple(Doubt(requirement=r, code="suite-error", text=text) for r in requirements)


def _checked(opinion: Opinion, breaches: Mapping[str, str]) -> Iterator[Opinion]:
    """The opinion itself, or what remains of a finding that uses a broken axiom."""
    gone = [axiom for axiom in opinion.axioms if axiom in breaches] if isinstance(opinion, Finding) else []
    if not isinstance(opinion, Finding) or not gone:
        yield opinion
        return
    how = "; ".join(f"{axiom}: {breaches[axiom]}" for axiom in gone)
    for requirement in opinion.any_of:
        yield Doubt(
            requirement=requirement,
            code="axiom-broken",
            text=f"{opinion.summary}: proves nothing, because the history breaks what the proof rests on ({how})",
            needs=("a run in which the target keeps to the axioms",),
            evidence=opinion.evidence,
        )


def _about(opinion: Opinion) -> tuple[str, ...]:
    if isinstance(opinion, Finding):
        return opinion.any_of
    return (opinion.requirement,) if not hasattr(opinion, "key") else ()
