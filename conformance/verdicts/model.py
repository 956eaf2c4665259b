"""Verdicts as data: what the opinions of the judges amount to, requirement by requirement."""

from __future__ import annotations

from typing import Literal

import msgspec

from conformance.findings import Finding, Observation

#: Worst first. No number of passes outweighs anything; a skip is never a pass.
VerdictName = Literal["error", "fail", "inconclusive", "not_run", "pass", "not_applicable"]

ORDER: tuple[VerdictName, ...] = ("error", "fail", "inconclusive", "not_run", "pass", "not_applicable")


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a verdict is neither fail nor pass: a code for machines, a text, and what would settle it, cheapest first."""

    code: str
    text: str
    needs: tuple[str, ...] = ()


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a pass was shown with: rows of the largest batch, languages, and roles of recipients (``Row.role``)."""

    rows: int
    languages: tuple[str, ...]
    roles: tuple[str, ...]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict of one requirement."""

    requirement: str
    verdict: VerdictName
    reason: Reason | None = None
    #: How many exercises the history holds.
    exercised: int = 0
    findings: tuple[Finding, ...] = ()
    #: Exchanges that exercised it (for a pass) or that the reason is about.
    evidence: tuple[int, ...] = ()
    #: For a pass: what it was shown with, where its exchanges tell.
    shown_with: Shown | None = None


class Verdicts(msgspec.Struct, frozen=True, kw_only=True):
    """All verdicts of a history, in the order of the catalogue."""

    items: tuple[Verdict, ...]
    observations: tuple[Observation, ...] = ()

    def __getitem__(self, requirement: str) -> Verdict:
        """The verdict of this requirement; raises KeyError if it was not judged."""
        for item in self.items:
            if item.requirement == requirement:
                return item
        raise KeyError(requirement)
