"""A proof says why something is known. Inferences return proofs; rules join them with ``&`` and never list an axiom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from conformance.contract.vocabulary import seconds
from conformance.findings import Assumption, Margin


@dataclass(frozen=True, kw_only=True)
class Proof:
    """An argument, the exchanges that show it, and what it assumes."""

    because: tuple[str, ...] = ()
    evidence: tuple[int, ...] = ()
    assumptions: frozenset[Assumption] = frozenset()
    #: For each view, how far its reads may lag before the proof falls.
    margins: Mapping[str, Margin] = field(default_factory=dict)

    def __and__(self, other: Proof) -> Proof:
        """Both hold: every assumption of either is needed, and in each view the smaller margin counts."""
        margins = dict(self.margins)
        for view, margin in other.margins.items():
            margins[view] = min(margin, margins.get(view, margin))
        return Proof(
            because=tuple(dict.fromkeys(self.because + other.because)),
            evidence=tuple(dict.fromkeys(self.evidence + other.evidence)),
            assumptions=self.assumptions | other.assumptions,
            margins=margins,
        )

    @property
    def axioms(self) -> tuple[str, ...]:
        """The axioms that it assumes of some source, in order."""
        names = {a.axiom for a in self.assumptions}
        return tuple(sorted(names, key=lambda name: (int(name[1:].rstrip("ab")), name)))

    @property
    def slack(self) -> str:
        """The smallest margin in words, for the report; empty if no read lag can explain the proof away."""
        if not self.margins:
            return ""
        margin = min(self.margins.values())
        if margin.seconds < 5e-5:
            return f"holds if the answer of read {margin.n} is not older than the read itself"
        return f"holds if reads lag less than {seconds(margin.seconds)} (read {margin.n} begins that much later)"


def proof(*because: str, evidence: tuple[int, ...] = (), assumes: tuple[Assumption, ...] = ()) -> Proof:
    """A proof from its lines, exchanges and assumptions."""
    return Proof(because=because, evidence=evidence, assumptions=frozenset(assumes))


def all_of(*proofs: Proof) -> Proof:
    """The proofs joined; the empty proof for none."""
    joined = Proof()
    for one in proofs:
        joined &= one
    return joined


def assume(axiom: str, *sources: str) -> tuple[Assumption, ...]:
    """The axiom, assumed of each of these sources; of the whole run where none is named."""
    return tuple(Assumption(axiom, source) for source in sources) or (Assumption(axiom),)
