"""BR-IDS-03, BR-IDS-06 and the data of BR-IDS-04: what a message holds is kept by retries, and the same in each view."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from conformance.findings import Exercise, Finding, Opinion
from conformance.history.records import Row
from conformance.judges.case import Batch, Case, Write
from conformance.judges.ids_facts import VIEWS, accepted, alike, clip, epochs, facts, moved, same
from conformance.judges.sightings import Sight
from conformance.judges.timeline import follows, views

#: Facets of BR-IDS-03, by what a sent value holds.
_TRAITS: Mapping[str, Callable[[str], bool]] = {
    "markup": lambda text: "<" in text or "&" in text,
    "blanks": lambda text: re.search(r"\S[ \t\u00a0]{2,}\S", text) is not None,
    "breaks": lambda text: "\n" in text or "\r" in text,
    "quotes": lambda text: '"' in text or "'" in text,
}


@dataclass(frozen=True, kw_only=True)
class _Around:
    """One message in one view, on both sides of the first accepted retry that could take it up."""

    batch: Batch
    message: str
    write: Write
    #: Every sight that ended before the retry left; the last is what the retry found.
    before: tuple[Sight, ...]
    #: Every sight that shows a state from after its answer.
    after: tuple[Sight, ...]

    @property
    def base(self) -> Sight:
        return self.before[-1]


@dataclass(frozen=True, kw_only=True)
class _Change:
    """What one view shows otherwise after the retry."""

    around: _Around
    sight: Sight
    old: Any
    new: Any


def kept(case: Case) -> Iterator[Opinion]:
    """BR-IDS-03: a retried message keeps its data, as the target showed it before.

    Compared within one view only, from the last sight before the first accepted retry that could take the message
    up, in which it is failed. Nobody else writes to the batch (A6), and A7 says which reads show a state from after
    the answer; so what differs was changed with the retry. What a view leaves out is not compared (ruling 6). While a
    message is underway, a view may show again whatever it showed before the retry, null, and a text that is not
    rendered yet; once it is terminal, what it showed last.
    """
    changes: dict[str, list[_Change]] = {}
    for batch in case.ours:
        for message in batch.messages:
            pairs = [p for p in _arounds(case, batch, message) if p.base.status == "failure"]
            found = [(name, change) for pair in pairs for name, change in _changes(pair)]
            for name, change in found:
                changes.setdefault(name, []).append(change)
            row = batch.row_of.get(message)
            if not found and row is not None:
                yield from _kept(pairs, row)
    for name, met in changes.items():
        yield _changed(name, met)


def _arounds(case: Case, batch: Batch, message: str) -> Iterator[_Around]:
    write = accepted(case, batch, message)
    if write is None:
        return
    for view in views(case.sights(message)):
        before = tuple(s for s in view if s.last <= write.t)
        after = tuple(s for s in view if follows(case, s, write.last))
        if before and after and view[0].operation in VIEWS:
            yield _Around(batch=batch, message=message, write=write, before=before, after=after)


def _changes(pair: _Around) -> Iterator[tuple[str, _Change]]:
    """The first sight after the retry, for each name, that shows what the view did not show before."""
    shown = [facts(s, pair.batch) for s in pair.before]
    base = shown[-1]
    met: set[str] = set()
    last: dict[str, Any] = {}
    for sight in pair.after:
        now = facts(sight, pair.batch)
        if now == base or (now == last and not sight.terminal):
            continue
        last = now
        for name, old in base.items():
            if name in met or old is None or name not in now or same(name, old, now[name]):
                continue
            if not sight.terminal and _in_passing(name, now[name], shown):
                continue
            met.add(name)
            yield name, _Change(around=pair, sight=sight, old=old, new=now[name])


def _in_passing(name: str, value: Any, shown: list[dict[str, Any]]) -> bool:
    """Whether a view may show this while the message is underway, though not at the end."""
    return name == "fullMessage" or value is None or any(name in s and same(name, s[name], value) for s in shown)


def _changed(name: str, met: list[_Change]) -> Finding:
    first = met[0]
    pair, sight = first.around, first.sight
    return Finding(
        any_of=("BR-IDS-03",),
        summary=f"the target shows a message with another {name} after a retry than before it",
        argument=(
            f"read {pair.base.n} ({pair.base.operation}) ends before retry {pair.write.n} leaves and shows the failed "
            f"message with {name} {clip(first.old)}",
            f"the retry is answered {pair.write.status}; read {sight.n}, the same view, begins after that and shows "
            f"{clip(first.new)}",
            "nobody else can write to a batch of this run",
            *((f"{len(met)} sights of messages show such a change",) if len(met) > 1 else ()),
        ),
        expected=(f"{name} {clip(first.old)}",),
        observed=f"{name} {clip(first.new)}",
        evidence=(pair.base.n, pair.write.n, sight.n),
        axioms=("A6", "A7"),
        slack=f"holds if reads lag less than {sight.t - pair.write.last:.2f} s",
        counterfactual=f"would be legal if {name} were as before",
        scenario=pair.write.exchange.invoke.scenario,
        subject=f"{name} changed by a retry",
    )


def _kept(pairs: list[_Around], row: Row) -> Iterator[Opinion]:
    """Exercised by a message that was retried and shows its content on both sides: by what its row's values hold."""
    for pair in pairs:
        was = facts(pair.base, pair.batch)
        retried = next((s for s in pair.after if moved(pair.base, s)), None)
        if retried is None:
            continue
        now = facts(pair.after[-1], pair.batch)
        if any(was.get(name) is not None and now.get(name) is not None for name in ("values", "fullMessage")):
            evidence = (pair.base.n, pair.write.n, retried.n)
            for facet, holds in _TRAITS.items():
                if any(holds(text) for text in row.values.values()):
                    yield Exercise(requirement="BR-IDS-03", evidence=evidence, facet=facet)
            return


def rows_kept(case: Case) -> Iterator[Opinion]:
    """BR-IDS-06: every id keeps the content of its own row through retries.

    Rows are told apart by the nonces that this run put into their values, whatever their recipients. Where one view
    shows an id with a nonce before an accepted retry, and after its answer (A7) with that of another row of the
    batch, which the view did not show there before, the contents were exchanged. Nobody else writes to it (A6).
    """
    for batch in case.ours:
        pairs = {m: tuple(_arounds(case, batch, m)) for m in batch.messages}
        swapped = next((found for m in pairs for p in pairs[m] if (found := _swapped(p)) is not None), None)
        if swapped is not None:
            yield swapped
            continue
        yield from _twice(batch, pairs)


def _swapped(pair: _Around) -> Finding | None:
    own = frozenset(n for s in pair.before for n in s.nonces)
    rows = {row.nonce for row in pair.batch.rows}
    for sight in pair.after:
        foreign = (sight.nonces - own) & rows
        if not own or not foreign:
            continue
        return Finding(
            any_of=("BR-IDS-06",),
            summary="the target shows an id with another row's content after a retry",
            argument=(
                f"read {pair.base.n} ({pair.base.operation}), before retry {pair.write.n}, shows the id with the row "
                f"marked {', '.join(sorted(own))}",
                f"read {sight.n}, the same view, begun after the answer, shows it with the row marked "
                f"{', '.join(sorted(foreign))} of the same batch",
                "the marks were made by this run, one for each row",
            ),
            expected=("each id with the content of its own row",),
            observed="an id with the content of another row",
            evidence=(pair.base.n, pair.write.n, sight.n),
            axioms=("A6", "A7"),
            slack=f"holds if reads lag less than {sight.t - pair.write.last:.2f} s",
            counterfactual="would be legal if the id had kept its row",
            scenario=pair.write.exchange.invoke.scenario,
            subject="contents exchanged between ids",
        )
    return None


def _twice(batch: Batch, pairs: Mapping[str, tuple[_Around, ...]]) -> Iterator[Opinion]:
    """Exercised by two retried messages of one batch whose rows name the same recipient."""
    retried: dict[str, list[tuple[int, ...]]] = {}
    for message, row in batch.row_of.items():
        for pair in pairs.get(message, ()):
            after = next((s for s in pair.after if moved(pair.base, s) and s.nonces), None)
            if pair.base.status == "failure" and pair.base.nonces and after is not None:
                retried.setdefault(row.recipient, []).append((pair.base.n, pair.write.n, after.n))
                break
    for proofs in retried.values():
        if len(proofs) > 1:
            yield Exercise(requirement="BR-IDS-06", evidence=tuple(sorted({n for p in proofs for n in p})))
            return


def same_in_views(case: Case) -> Iterator[Opinion]:
    """BR-IDS-04, the data: the three views show a message with the same unchanging data.

    Compared are views of a message at rest (terminal), between which no retry of it can have taken effect (A4, A6,
    A7, ruling 16). Whatever such data is, it is the same in all of them; what a view leaves out, or shows as null,
    is not compared (ruling 6), and a view may drop digits of a time (ruling 19).
    """
    differing: dict[str, list[tuple[Batch, Sight, Sight]]] = {}
    for batch in case.ours:
        for message in batch.messages:
            sound = True
            groups: list[tuple[int, dict[str, list[Sight]]]] = []
            for number, seen in epochs(case, batch, message):
                apart = _distinct(batch, seen)
                groups.append((number, apart))
                for name, a, b in _differences(batch, apart):
                    sound = False
                    differing.setdefault(name, []).append((batch, a, b))
            if sound:
                yield from _viewed(case, batch, message, groups)
    for name, met in differing.items():
        yield _differ(name, met)


def _distinct(batch: Batch, seen: tuple[Sight, ...]) -> dict[str, list[Sight]]:
    """Sights at rest by view, of equal ones running only the first."""
    apart: dict[str, list[Sight]] = {}
    last: dict[str, Any] = {}
    for sight in seen:
        if not sight.terminal:
            continue
        shown = facts(sight, batch)
        if sight.operation not in last or last[sight.operation] != shown:
            last[sight.operation] = shown
            apart.setdefault(sight.operation, []).append(sight)
    return apart


def _differences(batch: Batch, apart: Mapping[str, list[Sight]]) -> Iterator[tuple[str, Sight, Sight]]:
    for one, two in combinations(apart, 2):
        met: set[str] = set()
        for a in apart[one]:
            for b in apart[two]:
                was, now = facts(a, batch), facts(b, batch)
                for name in was.keys() & now.keys() - met:
                    if not alike(name, was[name], now[name]):
                        met.add(name)
                        yield name, a, b


def _viewed(
    case: Case, batch: Batch, message: str, groups: list[tuple[int, dict[str, list[Sight]]]]
) -> Iterator[Opinion]:
    write = accepted(case, batch, message)
    compared = [(number, apart) for number, apart in groups if len(apart) > 1]
    before = [apart for number, apart in compared if number == 0]
    after = [apart for number, apart in compared if number > 0]
    if write is None or not before or not after:
        return
    for operation, facet in VIEWS.items():
        later = next((apart for apart in after if operation in apart), None)
        if operation in before[0] and later is not None:
            evidence = (before[0][operation][0].n, write.n, later[operation][0].n)
            yield Exercise(requirement="BR-IDS-04", evidence=evidence, facet=facet)


def _differ(name: str, met: list[tuple[Batch, Sight, Sight]]) -> Finding:
    batch, a, b = met[0]
    one, two = facts(a, batch)[name], facts(b, batch)[name]
    return Finding(
        any_of=("BR-IDS-04",),
        summary=f"two views of the target show a message with different {name}",
        argument=(
            f"read {a.n} ({a.operation}) shows a message with {name} {clip(one)}",
            f"read {b.n} ({b.operation}) shows the same message with {clip(two)}",
            "the message is terminal in both, and no retry can have taken effect between them",
            *((f"{len(met)} pairs of reads differ so",) if len(met) > 1 else ()),
        ),
        expected=(f"the same {name} in every view that shows it",),
        observed=f"{clip(one)} and {clip(two)}",
        evidence=(a.n, b.n),
        axioms=("A4", "A6", "A7"),
        counterfactual="would be legal if both views showed the same",
        scenario=batch.scenario,
        subject=f"{name} differs between {a.operation} and {b.operation}",
    )
