"""From opinions to verdicts: the lattice, and every reason why something is neither fail nor pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from conformance.catalogue import Catalogue, Requirement
from conformance.findings import Doubt, DoubtReason, Exercise, Finding, Observation, Opinion
from conformance.history.records import History, Note
from conformance.verdicts import ORDER, Reason, Verdict, VerdictName, Verdicts
from conformance.verdicts.created import never_created
from conformance.verdicts.scope import declared_absent, missing_cases, not_applicable, not_configured, not_selected
from conformance.verdicts.shown import Sent, sent

Overall = Literal["conformant", "nonconformant", "inconclusive", "error"]


def decide(history: History, opinions: Iterable[Opinion], catalogue: Catalogue) -> Verdicts:
    """The verdict of every requirement of the catalogue.

    :param history: what happened; its header says what was selected, offered and declared absent.
    :param opinions: what the judges say of it.
    """
    said = tuple(opinions)
    run = _Run(history, said, _proved(said), catalogue.capabilities, sent(history))
    hampered = _hampered(said)
    doubts = [o for o in said if isinstance(o, Doubt) and o.reason in _LEFT_OUT]
    left_out = min(doubts, key=lambda d: _LEFT_OUT.index(d.reason), default=None)
    verdicts = (_verdict(requirement, run) for requirement in catalogue.requirements)
    items = tuple(_waited_for(_explained(verdict, hampered), left_out) for verdict in verdicts)
    return Verdicts(items=items, observations=tuple(o for o in said if isinstance(o, Observation)))


@dataclass(frozen=True)
class _Run:
    """What the verdicts of one history are made from."""

    history: History
    said: tuple[Opinion, ...]
    #: Requirements that a finding proves violated by itself.
    proved: frozenset[str]
    #: What a service may lack (``Catalogue.capabilities``).
    capabilities: Mapping[str, str]
    sent: Sent


#: A program ended a wait that could add nothing, or for which the run had no time left.
NOT_WAITED_FOR = "not-waited-for"
#: What an accepted retry leaves out keeps waits waiting, and that it did so says no wait.
_LEFT_OUT = (DoubtReason.LEFT_OUT, DoubtReason.PARTIAL_ENQUEUE)
#: Reasons that have a cause of their own.
_EXPLAINED = (NOT_WAITED_FOR, "answer-lost", "run-incomplete", "waited-out", "axiom-broken", "suite-error")


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


def _waited_for(verdict: Verdict, left_out: Doubt | None) -> Verdict:
    """The same verdict; one for which the run waited no more says also what its retries left out."""
    reason = verdict.reason
    if left_out is None or reason is None or reason.code != NOT_WAITED_FOR:
        return verdict
    more = Reason(code=reason.code, text=f"{reason.text}; {left_out.text}", needs=(*left_out.needs, *reason.needs))
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


@dataclass(frozen=True)
class _Doubts:
    """The doubts about one requirement, by what they do to its verdict. Their codes are read here and nowhere else."""

    #: Something of ours broke.
    broken: Doubt | None
    #: Stands against a pass even where the requirement was exercised.
    barring: Doubt | None
    #: The first of all.
    first: Doubt | None

    @classmethod
    def about(cls, requirement: str, said: Iterable[Opinion]) -> _Doubts:
        doubts = [o for o in said if isinstance(o, Doubt) and o.requirement == requirement]
        return cls(
            broken=next((d for d in doubts if d.reason is DoubtReason.SUITE_ERROR), None),
            barring=next((d for d in doubts if d.reason.bars_pass), None),
            first=next(iter(doubts), None),
        )


def _verdict(requirement: Requirement, run: _Run) -> Verdict:
    """The verdict of one requirement. What comes first here beats what comes after: a finding beats a declaration."""
    name, history, header = requirement.id, run.history, run.history.header
    findings = tuple(o for o in run.said if isinstance(o, Finding) and _concerns(o, name, run.proved))
    exercises = [o for o in run.said if isinstance(o, Exercise) and o.requirement == name]
    doubts = _Doubts.about(name, run.said)
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
            shown_with=run.sent.shown(shown) if verdict == "pass" else None,
        )

    if doubts.broken is not None:
        return verdict_of("error", _reason(doubts.broken))
    unselected = not_selected(requirement, header)
    if unselected is not None:
        return verdict_of("not_run", unselected)
    if findings:
        return verdict_of("fail", None, [n for f in findings for n in f.evidence])
    absent = declared_absent(requirement, header, run.capabilities)
    if absent is not None:
        return verdict_of("not_run", absent)
    nature = not_applicable(requirement, history)
    if nature is not None and not exercises:
        return verdict_of("not_applicable", nature)
    missing = missing_cases(requirement, header, exercises)
    if doubts.barring is not None:
        return verdict_of("inconclusive", _reason(doubts.barring), doubts.barring.evidence)
    if not missing:
        return verdict_of("pass", None, [n for e in exercises for n in e.evidence])
    unconfigured = not_configured(requirement, header)
    if unconfigured is not None:
        return verdict_of("not_run", unconfigured)
    return _unsettled(verdict_of, requirement, run, doubts.first, missing)


def _unsettled(
    verdict_of: Callable[[VerdictName, Reason | None, Sequence[int]], Verdict],
    requirement: Requirement,
    run: _Run,
    doubt: Doubt | None,
    missing: Sequence[str],
) -> Verdict:
    """Inconclusive, with the best reason that there is."""
    history = run.history
    about = [n for n in history.notes if n.event == "unmet" and requirement.id in n.data.get("requirements", ())]
    # What a program did not wait for is why its proofs did not close, whatever they lack.
    given_up = [n for n in about if n.data.get("code") == NOT_WAITED_FOR]
    if doubt is not None and (not given_up or doubt.reason is DoubtReason.PARTIAL_ENQUEUE):
        return verdict_of("inconclusive", _reason(doubt), doubt.evidence)
    unmet = next(iter((*given_up, *about)), None)
    # Where no retry was ever answered, that is why nothing came of any.
    retries = [e for e in history.exchanges if e.invoke.operation == "batch_retry" and e.invoke.cause is None]
    silent = bool(given_up) and bool(retries) and all(e.open for e in retries)
    if unmet is not None and not silent:
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
    unseen = never_created(history, run.sent.batch_of) if set(missing) & set(requirement.created) else ""
    if unseen:
        longer = "a target that shows a retried message in created for long enough to be read"
        reason = Reason(code="not-exercised", text=f"{what}: {unseen}", needs=(longer, *needs))
        return verdict_of("inconclusive", reason, ())
    lost = [e.n for e in history.exchanges if e.open and e.invoke.cause is None]
    if lost:
        text = f"{what}; of the run's plain requests {len(lost)} got no answer that says anything, {lost[0]} first"
        reason = Reason(code="answer-lost", text=text, needs=("a target and a network that answer", *needs))
        return verdict_of("inconclusive", reason, lost[:1])
    return verdict_of("inconclusive", Reason(code="not-exercised", text=what, needs=needs), ())


def _reason(doubt: Doubt) -> Reason:
    return Reason(code=doubt.code, text=doubt.text, needs=doubt.needs)


def _unmet(note: Note) -> Reason:
    needs = note.data.get("needs", ())
    listed = tuple(str(need) for need in needs) if isinstance(needs, list | tuple) else ()
    return Reason(code=str(note.data.get("code", "unmet")), text=note.text, needs=listed)
