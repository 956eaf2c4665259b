"""Causes: the findings of a run, grouped by what they share, so that one defect is told once. Pure.

Two findings belong to one cause if they are of one kind, or if a retry call is in the evidence of both and they are about the
same side of what a target does with it (whom it lets in, what it attempts, what it keeps of the data, how it answers). Without
the second condition every two defects would be one cause: each finding is about some retry, and a wrong body is in all of them.
Grouping accuses of nothing: each finding stands by its own proof. It is a reading aid, and says so nowhere as a verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import msgspec

from conformance.findings import Finding
from conformance.history.records import Exchange, History
from conformance.report.clean import one_line
from conformance.report.clock import Clock
from conformance.report.grouping import DESCRIBED, DOCUMENT, Seen, grouped, refusal
from conformance.report.headline import headline
from conformance.report.model import Cause, ReportedFinding, ReportedRequirement
from conformance.report.sides import RANK, WRONGLY_REFUSED, follows_by_nature, sides
from conformance.scenarios import SCENARIOS
from conformance.verdicts import Verdicts
from conformance.verdicts.shown import sent

RETRIES = ("batch_retry", "single_retry")
#: From which family on a finding is about what is said only.
_LESSER = "BR-BLK-02"


def causes(history: History, verdicts: Verdicts, requirements: Sequence[ReportedRequirement]) -> tuple[Cause, ...]:
    """The causes of what fails, the one to read first before the others.

    :param requirements: the verdicts as reported; what is left open because of a cause is named by it.
    """
    exchanges = {e.n: e for e in history.exchanges}
    homes = sent(history).batch_of
    found = {id(f): f for item in verdicts.items if item.verdict == "fail" for f in item.findings}
    seen = _narrowed([_seen(f, exchanges, homes) for f in found.values()])
    groups = sorted(grouped(seen), key=_order)
    return _told(groups, history, exchanges, homes, requirements)


def lead(requirements: Iterable[ReportedRequirement], cause: Cause) -> ReportedFinding:
    """The finding that stands for a cause.

    :raises KeyError: the report does not hold it.
    """
    alike = [f for item in requirements for f in item.findings if f.fingerprint == cause.fingerprint]
    for finding in alike:
        if finding.evidence == cause.evidence:
            return finding
    if not alike:
        raise KeyError(cause.fingerprint)
    return alike[0]


def _seen(finding: Finding, exchanges: Mapping[int, Exchange], homes: Mapping[str, str]) -> Seen:
    shown = _own(finding, [exchanges[n] for n in finding.evidence if n in exchanges])
    retries = [e for e in shown if e.invoke.operation in RETRIES]
    batches = [e for e in retries if e.invoke.operation == "batch_retry"]
    subject = finding.kind.partition(": ")[0]
    # A refusal without a code is about the answer as well.
    bare = refusal(finding.observed) and " " not in finding.observed
    # "race: …" is one kind; other rules name the defect behind their subject.
    kind = (subject, "") if subject == "race" else (finding.any_of[0], subject)
    return Seen(
        finding=finding,
        kind=kind,
        sides=sides(finding.any_of, subject) | ({"answers"} if bare else frozenset()),
        retries=frozenset(e.n for e in retries),
        of_batches=frozenset(e.n for e in batches),
        refused=frozenset(e.n for e in batches if e.status is not None and not e.accepted),
        statuses=frozenset(e.status for e in retries),
        batches=frozenset(home for e in shown if (home := _home(e, homes))),
        scenarios=frozenset(e.invoke.scenario for e in shown if e.invoke.scenario),
        raced=any(e.invoke.race is not None for e in retries),
        special=any(e.invoke.cause is not None or e.invoke.auth != "valid" for e in retries),
    )


def _narrowed(seen: Sequence[Seen]) -> list[Seen]:
    """The same findings, about no more sides than all of their kind: a suspect that only some of them name tells nothing of it."""
    common: dict[tuple[str, str], frozenset[str]] = {}
    for one in seen:
        common[one.kind] = common.get(one.kind, one.sides) & one.sides
    return [replace(one, sides=common[one.kind] or one.sides) for one in seen]


def _own(finding: Finding, shown: Sequence[Exchange]) -> list[Exchange]:
    """The exchanges of the finding's own scenario; all, if its evidence names no retry of it.

    A retry of another batch that was accepted meanwhile is there as a suspect, like an untouched batch as a witness: that it is
    in two proofs says nothing about what they share.
    """
    own = [e for e in shown if e.invoke.scenario == finding.scenario]
    return own if any(e.invoke.operation in RETRIES for e in own) else list(shown)


def _home(exchange: Exchange, homes: Mapping[str, str]) -> str:
    invoke = exchange.invoke
    return invoke.batch or homes.get(invoke.message or "", "")


def _began(exchange: Exchange) -> float:
    """When it left; a retry of a race is on record before it is let go."""
    released = exchange.end.released
    return released if released is not None and exchange.invoke.race is not None else exchange.t


def _order(group: Sequence[Seen]) -> tuple[int, bool, int, int]:
    """The cause to read first: by what it does to people and agencies, then what does not take a race, then by how much it breaks,
    then by when."""
    rank = min(_rank(one) for one in group)
    broken = {name for one in group for name in one.finding.any_of}
    # What happens without a race as well happens in one too, and is told worse by it.
    races = all(one.raced and len(one.finding.any_of) > 1 for one in group)
    return (rank, races, -len(broken), min(min(one.finding.evidence, default=0) for one in group))


def _place(name: str) -> int:
    return next((i for i, family in enumerate(RANK) if name.startswith(family)), len(RANK))


def _rank(one: Seen) -> int:
    names = one.finding.any_of
    if refusal(one.finding.observed) and WRONGLY_REFUSED.isdisjoint(names):
        # The target had to refuse, and did: how it says so is the lesser matter.
        return _place("BR-ERR")
    if names == ("BR-ERR-04",) and one.finding.observed.startswith("2"):
        # What names no batch is let in: that is more than how it is answered.
        return _place("BR-SEC-0")
    # Of a surplus that may be laid to several calls, a race is the least likely one to tell what happened.
    likely = names if len(names) == 1 else [name for name in names if not name.startswith("BR-CON")] or names
    return min(map(_place, likely))


def _first(group: Sequence[Seen]) -> Seen:
    """The finding that tells the cause best: one about more than an answer or a status, that proves a requirement by itself, of the
    worst kind, shown by requests that have nothing special, often, with a short proof."""
    often = Counter(one.finding.fingerprint for one in group)
    plain = {one.finding.fingerprint for one in group if not one.special}
    return min(
        # What plain requests show just so is told by one of them, whatever else the others may break.
        (one for one in group if not one.special or one.finding.fingerprint not in plain),
        key=lambda one: (
            _rank(one) >= _place(_LESSER),
            len(one.finding.any_of),
            _rank(one),
            one.special,
            not one.finding.scenario.startswith("found-"),
            -often[one.finding.fingerprint],
            len(one.finding.evidence),
            min(one.finding.evidence, default=0),
        ),
    )


def _told(
    groups: Sequence[Sequence[Seen]],
    history: History,
    exchanges: Mapping[int, Exchange],
    homes: Mapping[str, str],
    requirements: Sequence[ReportedRequirement],
) -> tuple[Cause, ...]:
    clock = Clock(history.header.started)
    failed = {item.id for item in requirements if item.verdict == "fail"}
    told: list[Cause] = []
    for number, group in enumerate(groups, 1):
        first = _first(group)
        shown = [exchanges[n] for n in first.finding.evidence if n in exchanges]
        names = Counter(name for one in group for name in one.finding.any_of)
        told.append(
            Cause(
                number=number,
                headline=one_line(
                    headline(
                        first.finding,
                        shown,
                        history,
                        raced=all(one.raced for one in group),
                        always=_always([one for one in group if one.kind == first.kind]),
                    )
                ),
                fingerprint=first.finding.fingerprint,
                # What most of its findings name comes first: of a surplus, the suspect that is there each time.
                requirements=tuple(sorted((n for n in names if n in failed), key=lambda n: (-names[n], _place(n)))),
                findings=tuple(dict.fromkeys((first.finding.fingerprint, *(one.finding.fingerprint for one in group)))),
                evidence=tuple(dict.fromkeys(first.finding.evidence)),
                at=clock.utc(min(map(_began, shown), default=0.0)),
                times=len({one.finding.evidence for one in group}),
            )
        )
    open_ = [item for item in requirements if item.verdict == "inconclusive" and item.reason is not None]
    odd = [_odd(group) for group in groups]
    retries = [e for e in exchanges.values() if e.invoke.operation in RETRIES]
    # What is carried out and answered otherwise is unsettled wherever it is so answered, not only where that is proved.
    places = [
        {name for one in group for name in one.scenarios} | {e.invoke.scenario for e in retries if e.status in statuses}
        for group, statuses in zip(groups, odd, strict=True)
    ]
    followers = {item.id: _cause_of(item, groups, odd, places, exchanges, homes) for item in open_}
    return tuple(_with_followers(cause, index, followers) for index, cause in enumerate(told))


def _always(alike: Sequence[Seen]) -> tuple[str, ...]:
    """The requirements that each of these findings names."""
    names = Counter(name for one in alike for name in one.finding.any_of)
    return tuple(name for name in names if names[name] == len(alike))


def _with_followers(cause: Cause, index: int, followers: Mapping[str, int | None]) -> Cause:
    mine = tuple(name for name, of in followers.items() if of == index)
    return msgspec.structs.replace(cause, follows=mine)


def _odd(group: Sequence[Seen]) -> frozenset[int]:
    """The 2xx other than 201 that a cause about answers is about: nobody can rely on one that stands alone."""
    told = (status for one in group if one.kind[0] in (DOCUMENT[0], *DESCRIBED) for status in one.statuses)
    return frozenset(status for status in told if status is not None and 200 <= status < 300 and status != 201)


def _cause_of(
    item: ReportedRequirement,
    groups: Sequence[Sequence[Seen]],
    odd: Sequence[frozenset[int]],
    places: Sequence[set[str]],
    exchanges: Mapping[int, Exchange],
    homes: Mapping[str, str],
) -> int | None:
    """Because of which cause a requirement is left open, if because of one: the situation that it needs is the one in which
    the target did something else.

    First the retry calls that its reason cites, then the scenarios that were to exercise it, then the batches of its reason.

    :param odd: by cause, answers with which it leaves open what they mean; :param places: by cause, where it shows.
    """
    if item.reason is None:
        return None
    cited = [exchanges[n] for n in item.evidence if n in exchanges and exchanges[n].invoke.operation in RETRIES]
    # Whatever the reason is called, such an answer is behind it.
    answered = [sum(e.status in statuses for e in cited) for statuses in odd]
    if max(answered, default=0):
        return answered.index(max(answered))
    if not follows_by_nature(item.reason.code):
        return None
    planned = {s.name for s in SCENARIOS if item.id in s.requirements}
    calls = {e.n for e in cited}
    for shared in (
        [len(calls & {n for one in group for n in one.retries}) for group in groups],
        [len(planned & names) for names in places],
    ):
        if max(shared, default=0):
            return shared.index(max(shared))
    batches = {_home(exchanges[n], homes) for n in item.evidence if n in exchanges} - {""}
    for index, group in enumerate(groups):
        if any(batches & one.batches for one in group):
            return index
    # It was tried, the target does one thing wrong, and nothing else is known to be in the way.
    tried = any(e.invoke.scenario in planned for e in exchanges.values())
    return 0 if len(groups) == 1 and tried else None
