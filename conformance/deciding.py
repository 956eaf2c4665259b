"""From opinions to verdicts: the lattice, and every reason why something is neither fail nor pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from conformance.catalogue import Catalogue, Requirement
from conformance.findings import Doubt, Exercise, Finding, Observation, Opinion
from conformance.history.records import Header, History, Note
from conformance.verdicts import ORDER, Reason, Verdict, VerdictName, Verdicts

Overall = Literal["conformant", "nonconformant", "inconclusive", "error"]

#: Requirements that are about answers which the suite never provokes.
_NEVER_PROVOKED = {"BR-ERR-06": "429", "BR-ERR-07": "500"}
#: What the user sets, for each thing that a requirement may need.
_OFFER_KEYS = {
    "failing": "recipients.failing",
    "succeeding": "recipients.succeeding (a phone that you own)",
    "pending": "recipients.pending",
    "recovering": "recipients.recovering",
    "other_campaign": "[target.other] campaign_id",
    "other_key": "[target.other] api_key",
    "https": "target.base_url with https",
    "languages": "[[template.languages]]",
    "provider_states": "provider_states.url",
}


def decide(history: History, opinions: Iterable[Opinion], catalogue: Catalogue) -> Verdicts:
    """The verdict of every requirement of the catalogue.

    :param history: what happened; its header says what was selected, offered and declared absent.
    :param opinions: what the judges say of it.
    """
    said = tuple(opinions)
    proved = _proved(said)
    hampered = _hampered(said)
    items = tuple(
        _explained(_verdict(requirement, history, said, proved), hampered) for requirement in catalogue.requirements
    )
    return Verdicts(items=items, observations=tuple(o for o in said if isinstance(o, Observation)))


#: Reasons that have a cause of their own.
_EXPLAINED = ("answer-lost", "run-incomplete", "waited-out", "axiom-broken", "suite-error")


@dataclass(frozen=True)
class _Hampered:
    """What kept the proofs of a whole run from closing, in words, and what would help."""

    text: str
    needs: tuple[str, ...]


def _hampered(said: Iterable[Opinion]) -> _Hampered | None:
    known = {o.key: o.value for o in said if isinstance(o, Observation)}
    texts, needs = [], []
    # Numbers that do not keep up with what is listed look like a lag of their own.
    if "read-lag" in known and "attempts-beyond-their-number" not in known:
        texts.append(f"reads lag by {known['read-lag']}")
        needs.append("timing.read_lag, in seconds, above that")
    if "attempts-beyond-their-number" in known:
        texts.append(
            f"answers of {known['attempts-beyond-their-number']} list more attempts than their numAttempts says"
        )
        needs.append("numAttempts that is the number of the attempts listed beside it")
    if "axiom-broken" in known:
        texts.append(f"the history breaks {known['axiom-broken']}")
        needs.append("a target that keeps to the axioms (docs/design.md)")
    return _Hampered("; ".join(texts), tuple(needs)) if texts else None


def _explained(verdict: Verdict, hampered: _Hampered | None) -> Verdict:
    """The same verdict; one that is not settled says also what may have kept it so."""
    reason = verdict.reason
    if hampered is None or verdict.verdict != "inconclusive" or reason is None or reason.code in _EXPLAINED:
        return verdict
    more = Reason(code=reason.code, text=f"{reason.text}; {hampered.text}", needs=(*hampered.needs, *reason.needs))
    return msgspec.structs.replace(verdict, reason=more)


def overall(verdicts: Verdicts, catalogue: Catalogue, profiles: Sequence[str]) -> Overall:
    """What all MUST requirements of these profiles amount to.

    Nothing exercised at all is inconclusive, and so is a run about some of them only: what it left out it cannot vouch for.
    """
    chosen = {r.id for r in catalogue.select(profiles) if r.level == "MUST"}
    found = {
        v.verdict
        for v in verdicts.items
        if v.requirement in chosen and not (v.reason and v.reason.code == "declared-absent")
    }
    if "error" in found:
        return "error"
    if "fail" in found:
        return "nonconformant"
    if found & {"inconclusive", "not_run"} or "pass" not in found:
        return "inconclusive"
    return "conformant"


#: Reasons of not_run that the exit status does not count: the user declared it or left it out.
HARMLESS_REASONS = ("declared-absent", "not-selected")


def worst(verdicts: Iterable[Verdict]) -> str:
    """The worst verdict among these, by the lattice; "not_applicable" if there are none."""
    return min((v.verdict for v in verdicts), key=ORDER.index, default="not_applicable")


def _proved(said: Iterable[Opinion]) -> frozenset[str]:
    """Requirements that a finding proves violated by itself."""
    return frozenset(o.any_of[0] for o in said if isinstance(o, Finding) and len(o.any_of) == 1)


def _concerns(finding: Finding, requirement: str, proved: frozenset[str]) -> bool:
    """Whether a finding counts against a requirement.

    A finding that proves "at least one of these" counts against each of them, and says so; but where another finding
    proves one of them by itself, that one explains it, and the others are not accused.
    """
    explained = proved.intersection(finding.any_of)
    return requirement in (explained or finding.any_of)


def _verdict(requirement: Requirement, history: History, said: tuple[Opinion, ...], proved: frozenset[str]) -> Verdict:
    name = requirement.id
    findings = tuple(o for o in said if isinstance(o, Finding) and _concerns(o, name, proved))
    exercises = [o for o in said if isinstance(o, Exercise) and o.requirement == name]
    doubts = [o for o in said if isinstance(o, Doubt) and o.requirement == name]
    times = len({(e.facet, e.evidence) for e in exercises})

    def verdict_of(verdict: VerdictName, reason: Reason | None, evidence: Sequence[int] = ()) -> Verdict:
        shown = tuple(sorted(set(evidence)))
        return Verdict(
            requirement=name,
            verdict=verdict,
            reason=reason,
            exercised=times,
            findings=findings,
            evidence=shown,
        )

    broken = [d for d in doubts if d.code == "suite-error"]
    if broken:
        return verdict_of("error", _reason(broken[0]))
    excluded = _excluded(requirement, history.header)
    if excluded is not None and excluded.code != "not-configured":
        return verdict_of("not_run", excluded)
    if findings:
        return verdict_of("fail", None, [n for f in findings for n in f.evidence])
    nature = _by_nature(requirement, history)
    if nature is not None and not exercises:
        return verdict_of("not_applicable", nature)
    missing = _missing(requirement, exercises)
    tainting = [d for d in doubts if d.reason.bars_pass]
    if not missing and not tainting:
        return verdict_of("pass", None, [n for e in exercises for n in e.evidence])
    if tainting:
        return verdict_of("inconclusive", _reason(tainting[0]), tainting[0].evidence)
    if excluded is not None:
        return verdict_of("not_run", excluded)
    return _unsettled(verdict_of, requirement, history, doubts, missing)


def _unsettled(
    verdict_of: Callable[[VerdictName, Reason | None, Sequence[int]], Verdict],
    requirement: Requirement,
    history: History,
    doubts: Sequence[Doubt],
    missing: Sequence[str],
) -> Verdict:
    """Inconclusive, with the best reason that there is."""
    if doubts:
        return verdict_of("inconclusive", _reason(doubts[0]), doubts[0].evidence)
    unmet = next(
        (n for n in history.notes if n.event == "unmet" and requirement.id in n.data.get("requirements", ())), None
    )
    if unmet is not None:
        return verdict_of("inconclusive", _unmet(unmet), ())
    if history.footer is None or not history.footer.complete:
        what = f"not exercised: {', '.join(missing)}," if any(missing) else "not exercised"
        text = f"{what} when the run ended early"
        return verdict_of("inconclusive", Reason(code="run-incomplete", text=text, needs=("a run to the end",)), ())
    if "scenarios" not in history.header.drivers:
        text = "the drivers that ran did not come upon it, and the planned scenarios were not selected"
        reason = Reason(code="no-driver-selected", text=text, needs=("--drivers scenarios",))
        return verdict_of("not_run", reason, ())
    what = f"not exercised: {', '.join(missing)}" if any(missing) else "the situation did not arise"
    needs = (f"a run in which {requirement.exercised_when}",)
    lost = [e.n for e in history.exchanges if e.open and e.invoke.cause is None]
    if lost:
        text = f"{what}; of the run's plain requests {len(lost)} got no answer that says anything, {lost[0]} first"
        reason = Reason(code="answer-lost", text=text, needs=("a target and a network that answer", *needs))
        return verdict_of("inconclusive", reason, lost[:1])
    return verdict_of("inconclusive", Reason(code="not-exercised", text=what, needs=needs), ())


def _missing(requirement: Requirement, exercises: Sequence[Exercise]) -> list[str]:
    """Facets that were not exercised; [""] where a requirement without facets was not exercised at all."""
    if not requirement.facets:
        return [] if exercises else [""]
    had = {e.facet for e in exercises}
    return [facet for facet in requirement.facets if facet not in had]


def _excluded(requirement: Requirement, header: Header) -> Reason | None:
    """Why a requirement was never meant to run, if so."""
    if requirement.profile not in header.profiles:
        return Reason(code="not-selected", text=f"profile {requirement.profile} is not selected", needs=("--profile",))
    if header.selected and requirement.id not in header.selected:
        return Reason(code="not-selected", text="this run is about other requirements")
    if requirement.id in header.absent or any(need in header.absent for need in requirement.needs):
        return Reason(code="declared-absent", text="declared absent by capabilities.absent")
    lacking = [need for need in requirement.needs if need not in header.offers and need != "https"]
    if lacking:
        keys = tuple(_OFFER_KEYS.get(need, need) for need in lacking)
        return Reason(code="not-configured", text="not configured", needs=keys)
    return None


def _by_nature(requirement: Requirement, history: History) -> Reason | None:
    """Why a requirement cannot apply to this run, if so."""
    if requirement.id == "BR-SEC-06" and "https" not in history.header.offers:
        return Reason(code="not-https", text="the target is given as http")
    status = _NEVER_PROVOKED.get(requirement.id)
    met = any(str(e.status) == status and e.invoke.operation == "batch_retry" for e in history.exchanges)
    if status is not None and not met:
        return Reason(code="never-occurred", text=f"no retry was answered {status}, and none is provoked")
    return None


def _reason(doubt: Doubt) -> Reason:
    return Reason(code=doubt.code, text=doubt.text, needs=doubt.needs)


def _unmet(note: Note) -> Reason:
    needs = note.data.get("needs", ())
    listed = tuple(str(need) for need in needs) if isinstance(needs, list | tuple) else ()
    return Reason(code=str(note.data.get("code", "unmet")), text=note.text, needs=listed)
