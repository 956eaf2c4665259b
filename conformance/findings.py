"""What judges say: findings, exercises, doubts and observations. Plain data, no judgement here."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A violation, provable from the history (design.md section 1)."""

    #: Requirement ids of which at least one is violated; nearly always one.
    any_of: tuple[str, ...]
    #: One sentence in the present tense that names the actor: "the target answers 201 although …".
    summary: str
    #: Seen when, therefore in what state, therefore what had to come, and what came; a line each.
    argument: tuple[str, ...]
    #: Every outcome that would have passed.
    expected: tuple[str, ...]
    observed: str
    #: Numbers of the exchanges that prove it.
    evidence: tuple[int, ...]
    #: Axioms (A1 … A7) without which the argument falls.
    axioms: tuple[str, ...] = ()
    #: Under what bound it holds, such as "holds if reads lag less than 0.42 s"; empty if it needs none.
    slack: str = ""
    #: "would be legal if …"
    counterfactual: str = ""
    scenario: str = ""
    #: What stays the same when the same defect is met in another run: no ids, times or numbers of exchanges.
    subject: str = ""

    @property
    def kind(self) -> str:
        """What is wrong, in words that are stable across runs, whichever requirements it is laid to."""
        return self.subject or self.summary

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits, stable across runs, for baselines.

        Of the first requirement only: what else it may be laid to depends on what the run had beside it.
        """
        text = f"{self.any_of[0]}\n{self.kind}"
        return hashlib.sha256(text.encode()).hexdigest()[:12]


class Exercise(msgspec.Struct, frozen=True, kw_only=True):
    """The history holds what the contract's last column asks for, or one facet of it, and nothing was wrong there."""

    requirement: str
    evidence: tuple[int, ...]
    #: Which of the facets that the catalogue lists for the requirement ("first", "last", …); "" where it lists none.
    facet: str = ""


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """Why something that was tried proves neither a violation nor a pass."""

    requirement: str
    #: Reason code, kebab-case: ``status-not-visible``, ``answer-lost``, ``not-bracketed``, ``axiom-broken``, …
    code: str
    text: str
    #: What would settle it, cheapest first.
    needs: tuple[str, ...] = ()
    evidence: tuple[int, ...] = ()


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """Which of several legal readings the target follows (the rule of rulings)."""

    key: str
    value: Any
    evidence: tuple[int, ...] = ()


Opinion = Finding | Exercise | Doubt | Observation
