"""A rule is a declared value: what it accuses of, what would have passed, and a check of one subject.

``Rule.subjects`` names what it looks at (each retry, each message, each race, the run as a whole); ``check`` says what it sees in
one of them. A finding cannot be built but from a proof, and no rule lists an axiom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from conformance.findings import Doubt, DoubtReason, Exercise, Finding, Observation, Opinion
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.proof import Proof

S = TypeVar("S")


@dataclass(frozen=True, kw_only=True)
class Violated:
    """The proof that the target did wrong, and what it did."""

    proof: Proof
    #: What came, in a few words.
    observed: str
    #: Requirements that the proof breaks, of which it cannot tell one from the others; the rule's own where empty.
    any_of: tuple[str, ...] = ()
    #: What tells this defect from another of the same rule, in words that are the same in every run: cause, position, answer.
    defect: str = ""
    #: What happened, where the rule's ``violation`` does not say it.
    violation: str = ""
    expected: tuple[str, ...] = ()
    legal_if: str = ""
    scenario: str = ""


@dataclass(frozen=True, kw_only=True)
class Exercised:
    """The situation arose, the violation could have been seen, and the target did right."""

    proof: Proof
    #: Which of the requirement's cases.
    case: str = ""
    #: The requirement, where it is not the rule's own.
    requirement: str = ""


@dataclass(frozen=True, kw_only=True)
class InDoubt:
    """The situation was tried, and proves nothing either way."""

    reason: DoubtReason
    text: str
    evidence: tuple[int, ...] = ()
    #: What would settle it; the reason's own list where empty.
    needs: tuple[str, ...] = ()
    requirement: str = ""


@dataclass(frozen=True, kw_only=True)
class Observed:
    """Which of several legal readings the target follows."""

    key: str
    value: Any
    evidence: tuple[int, ...] = ()


Judgement = Violated | Exercised | InDoubt | Observed
Check = Callable[[S], Iterable[Judgement]]


@dataclass(frozen=True, kw_only=True)
class Rule(Generic[S]):
    """One requirement, judged subject by subject.

    :param violation: what the target did, in the present tense; ``{observed}`` is filled in.
    :param expected: every outcome that passes.
    :param legal_if: completes "would be legal if …".
    :param subject: names the defect in words that are the same in every run; with ``Violated.defect`` the fingerprint.
    :param first_only: of findings with one subject only the first is told.
    :param also: further requirements that it speaks about.
    """

    requirement: str
    subjects: Callable[[Inference], Iterable[S]]
    check: Check[S]
    violation: str = ""
    expected: tuple[str, ...] = ()
    legal_if: str = ""
    subject: str = ""
    first_only: bool = field(default=False)
    also: tuple[str, ...] = ()

    @property
    def about(self) -> tuple[str, ...]:
        """The requirements that it speaks about."""
        return (self.requirement, *self.also)

    #: Of requirements that an older contract lacks, what it held instead, where that is not what the ledger's table says.
    earlier: Mapping[str, str] = field(default_factory=dict)

    def opinions(self, inference: Inference) -> Iterator[Opinion]:
        """What the rule says about a history."""
        told: set[tuple[tuple[str, ...], str]] = set()
        for subject in self.subjects(inference):
            for judgement in self.check(subject):
                opinion = self._opinion(judgement)
                if isinstance(opinion, Finding) and self.first_only:
                    key = (opinion.any_of, opinion.subject)
                    if key in told:
                        continue
                    told.add(key)
                yield opinion

    def _opinion(self, judgement: Judgement) -> Opinion:
        match judgement:
            case Observed(key=key, value=value, evidence=evidence):
                return Observation(key=key, value=value, evidence=evidence)
            case Exercised(proof=proof, case=case, requirement=requirement):
                return Exercise(
                    requirement=requirement or self.requirement,
                    evidence=proof.evidence,
                    facet=case,
                    assumptions=tuple(sorted(proof.assumptions)),
                )
            case InDoubt():
                return Doubt(
                    requirement=judgement.requirement or self.requirement,
                    reason=judgement.reason,
                    text=judgement.text,
                    more_needs=judgement.needs,
                    evidence=judgement.evidence,
                )
            case Violated():
                return self._finding(judgement)

    def _finding(self, found: Violated) -> Finding:
        proof = found.proof
        subject = self.subject or self.violation
        return Finding(
            any_of=tuple(dict.fromkeys(found.any_of or (self.requirement,))),
            summary=(found.violation or self.violation).format(observed=found.observed),
            argument=proof.because,
            expected=found.expected or self.expected,
            observed=found.observed,
            evidence=proof.evidence,
            axioms=proof.axioms,
            assumptions=tuple(sorted(proof.assumptions)),
            slack=proof.slack,
            counterfactual=f"would be legal if {found.legal_if or self.legal_if}",
            scenario=found.scenario,
            subject=f"{subject}: {found.defect}" if found.defect else subject,
        )


def rule(
    requirement: str,
    subjects: Callable[[Inference], Iterable[S]],
    *,
    violation: str = "",
    expected: tuple[str, ...] = (),
    legal_if: str = "",
    subject: str = "",
    first_only: bool = False,
    earlier: Mapping[str, str] | None = None,
    also: tuple[str, ...] = (),
) -> Callable[[Check[S]], Rule[S]]:
    """Declare a check as the rule of a requirement; the parameters are those of ``Rule``."""

    def declared(check: Check[S]) -> Rule[S]:
        return Rule(
            requirement=requirement,
            subjects=subjects,
            check=check,
            violation=violation,
            expected=expected,
            legal_if=legal_if,
            subject=subject,
            first_only=first_only,
            earlier=earlier or {},
            also=also,
        )

    return declared


def whole_run(inference: Inference) -> Iterable[Inference]:
    """The subject of a rule that looks at the run as a whole."""
    return (inference,)
