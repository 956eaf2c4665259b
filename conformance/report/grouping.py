"""Findings grouped by what they share: which of them are of one cause. Pure; see ``causes``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from conformance.findings import SURPLUS, Finding

#: What asks for answers as the document has them, and what asks for parts of these by itself.
DOCUMENT, DESCRIBED = ("BR-SCH-01", "BR-SCH-02"), ("BR-ERR-03", "BR-ACC-04")
#: Whose surplus attempts a retry gave that was refused.
_CARRIED_OUT = "BR-BLK-03"
#: What is broken by a retry that was answered 429 or 500 and carried out.
_BY_ANSWER = ("BR-ERR-06", "BR-ERR-07")
#: A refusal as findings observe it: status and code; without one where the answer holds none.
_REFUSAL = re.compile(r"4\d\d( [a-z_]+)?")
_TURNED_DOWN = re.compile(r"[45]\d\d\b")
#: The status with which the document has a target refuse a retry.
_DOCUMENTED = 400


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A finding, and what of it can be shared with another."""

    finding: Finding
    #: What is wrong, whichever case of it.
    kind: tuple[str, str]
    sides: frozenset[str]
    #: Numbers of the retry calls in its evidence.
    retries: frozenset[int]
    #: Of these, the retries of whole batches.
    of_batches: frozenset[int]
    #: Of those, the ones that were not accepted.
    refused: frozenset[int]
    batches: frozenset[str]
    scenarios: frozenset[str]
    #: Status of the answers to them.
    statuses: frozenset[int | None]
    #: True if one of its retries was released together with others.
    raced: bool
    #: True if one of its retries has something that a plain one has not: a body, a query, another key, …
    special: bool

    @property
    def surplus(self) -> bool:
        """Whether it is about an attempt that no retry explains."""
        return self.finding.kind.startswith(SURPLUS)


class _Groups:
    """Kinds of findings, joined step by step."""

    def __init__(self, kinds: Iterable[tuple[str, str]]) -> None:
        self._of = {kind: kind for kind in kinds}

    def of(self, kind: tuple[str, str]) -> tuple[str, str]:
        """The kind that stands for the group."""
        while self._of[kind] != kind:
            kind = self._of[kind]
        return kind

    def join(self, a: tuple[str, str], b: tuple[str, str]) -> None:
        """Make one group of two."""
        self._of[self.of(b)] = self.of(a)


def grouped(seen: Sequence[Seen]) -> list[list[Seen]]:
    """The findings, those of one cause together."""
    groups = _Groups(one.kind for one in seen)
    by_retry: dict[int, list[Seen]] = {}
    by_batch: dict[str, list[Seen]] = {}
    for one in seen:
        for n in one.retries:
            by_retry.setdefault(n, []).append(one)
        # Where the proof needs no retry call (two attempts in one answer), the batch tells.
        for batch in one.batches:
            by_batch.setdefault(batch, []).append(one)
    # What plain retries show by themselves is not explained by what the target does with requests that have something special.
    plain = {one.kind for one in seen if one.retries and not one.special}
    odd = {one.kind for one in seen if one.special} - plain

    def apart(a: Seen, b: Seen) -> bool:
        return (a.kind in odd and b.kind in plain) or (b.kind in odd and a.kind in plain)

    calls: dict[tuple[str, str], set[int]] = {}
    for one in seen:
        calls.setdefault(one.kind, set()).update(one.retries)

    def alike(a: Seen, b: Seen) -> bool:
        # Each lets in what the other does not: two reasons to refuse that are not looked at.
        each = a.sides & b.sides == {"admits"} and not (
            calls[a.kind] <= calls[b.kind] or calls[b.kind] <= calls[a.kind]
        )
        return bool(a.sides & b.sides) and not each and not apart(a, b)

    for together in by_retry.values():
        _join(groups, together, alike)
    for together in by_batch.values():
        _join(groups, together, lambda a, b: _same_doing(a, b) and not apart(a, b))
    _join_carried_out(groups, seen)
    _join_explained(groups, seen)
    _join_suspected(groups, seen)
    _join_refusals(groups, seen)
    _join_described(groups, seen)
    found: dict[tuple[str, str], list[Seen]] = {}
    for one in seen:
        found.setdefault(groups.of(one.kind), []).append(one)
    return list(found.values())


def _join_carried_out(groups: _Groups, seen: Sequence[Seen]) -> None:
    """Join what refused retries gave messages with whatever else is wrong about these calls: they were cut off midway.

    Of what is wrong more often elsewhere they tell nothing.
    """
    calls: dict[tuple[str, str], set[int]] = {}
    refused: dict[tuple[str, str], set[int]] = {}
    for one in seen:
        calls.setdefault(one.kind, set()).update(one.of_batches)
        if one.surplus and _CARRIED_OUT in one.finding.any_of:
            refused.setdefault(one.kind, set()).update(one.refused)
    surplus = {one.kind for one in seen if one.surplus}
    for kind, given in refused.items():
        for other, theirs in calls.items():
            # Other attempts too many are next to accepted calls as well.
            shared = (calls[kind] if other in surplus else given) & theirs
            if shared and 2 * len(shared) >= len(theirs):
                groups.join(kind, other)


def _join_explained(groups: _Groups, seen: Sequence[Seen]) -> None:
    """Join what breaks one of several requirements with what breaks one of these by itself: that explains it.

    How a request is turned down explains no attempt.
    """
    alone = {one.finding.any_of[0]: one for one in seen if len(one.finding.any_of) == 1}
    for one in seen:
        if len(one.finding.any_of) > 1:
            for by in (alone[name] for name in one.finding.any_of if name in alone):
                if not (one.surplus and _TURNED_DOWN.match(by.finding.observed)):
                    groups.join(by.kind, one.kind)


def _join_suspected(groups: _Groups, seen: Sequence[Seen]) -> None:
    """Join surplus attempts that retries with one such answer may have given: one habit explains them all, whoever else may.

    A refusal that is carried out explains them only where it may have given every one: each race has a refusal.
    """
    surplus = [one for one in seen if one.surplus]
    given = [[one for one in surplus if name in one.finding.any_of] for name in _BY_ANSWER]
    if all(_CARRIED_OUT in one.finding.any_of for one in surplus):
        given.append(surplus)
    for alike in given:
        for one in alike[1:]:
            groups.join(alike[0].kind, one.kind)


def _join_described(groups: _Groups, seen: Sequence[Seen]) -> None:
    """Join an answer that the document does not describe with answers of that status which lack what a requirement asks for, and
    with refusals of a status with which it has no retry refused."""
    for one in seen:
        if one.kind[0] in DOCUMENT:
            for other in seen:
                lacking = one.kind[0] == DOCUMENT[0] and other.kind[0] in DESCRIBED and one.statuses & other.statuses
                refused = refusal(other.finding.observed) and (one.statuses & other.statuses) - {_DOCUMENTED}
                if lacking or refused:
                    groups.join(other.kind, one.kind)


def _join_refusals(groups: _Groups, seen: Sequence[Seen]) -> None:
    """Join findings about the same refusal: a target that says one and the same no in situations that call for others."""
    first: dict[str, tuple[str, str]] = {}
    for one in seen:
        if refusal(one.finding.observed):
            groups.join(first.setdefault(one.finding.observed, one.kind), one.kind)


def refusal(observed: str) -> bool:
    """True if what a finding observed is a refusal."""
    return _REFUSAL.fullmatch(observed) is not None


def _same_doing(a: Seen, b: Seen) -> bool:
    """True for findings of one batch that are about what is attempted, or about what is kept: one of them may be read
    rounds later than the call that is to blame."""
    shared = a.sides & b.sides
    return bool(shared & {"attempts", "data"}) or (bool(shared) and not (a.retries and b.retries))


def _join(groups: _Groups, together: Sequence[Seen], alike: Callable[[Seen, Seen], bool]) -> None:
    # A target that is wrong everywhere has thousands of findings in one batch: alike ones are looked at once.
    distinct = list({(one.kind, one.sides, bool(one.retries)): one for one in together}.values())
    for index, a in enumerate(distinct):
        for b in distinct[index + 1 :]:
            if groups.of(a.kind) != groups.of(b.kind) and alike(a, b):
                groups.join(a.kind, b.kind)
