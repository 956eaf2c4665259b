"""BR-IDS-04: the three views of a message agree in its id and its unchanging data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from conformance.contract.vocabulary import WORDS
from conformance.findings import Margin
from conformance.history.records import Exchange, Operation
from conformance.judges.identity.facts import VIEWS, Epoch, accepted, besides, epochs
from conformance.judges.identity.membership import batch_ids
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.changes import suspected
from conformance.judges.inference.facts import alike, clip, facts
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.listings import Snapshot
from conformance.judges.inference.own_word import word
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.timeline import begun, follows
from conformance.judges.rule import Exercised, Judgement, Violated, rule, whole_run

#: Whole listings without a message that prove that the batch's listing never holds it.
AGAIN = 2

# -- unchanging data -----------------------------------------------------------------------------------------------


@rule(
    "BR-IDS-04",
    whole_run,
    legal_if="both views showed the same",
    subject="data differs between views",
    first_only=True,
)
def same_data(inference: Inference) -> Iterator[Judgement]:
    """The three views show a message with the same unchanging data.

    Compared are views of a message at rest (terminal), between which no retry of it can have taken effect (A4, A6, A7, ruling 16).
    Whatever such data is, it is the same in all of them; what a view leaves out, or shows as null, is not compared (ruling 6).
    """
    case = inference.case
    for batch in case.groups:
        unlisted = _unlisted(case, batch)
        for message in batch.messages:
            found = list(epochs(case, batch, message))
            apart = [(epoch, _distinct(batch, epoch)) for epoch in found]
            wrong = [one for epoch, by_view in apart for one in _differences(case, batch, message, epoch, by_view)]
            yield from wrong
            if not wrong and not unlisted:
                yield from _seen_in_all(batch, message, apart)


def _distinct(batch: Batch, epoch: Epoch) -> dict[Operation, list[Reading]]:
    """Readings at rest by view, of equal ones running only the first."""
    apart: dict[Operation, list[Reading]] = {}
    last: dict[Operation, dict[str, Any]] = {}
    for reading in epoch.readings:
        shown = facts(reading, batch.id)
        if reading.terminal and last.get(reading.view) != shown:
            last[reading.view] = shown
            apart.setdefault(reading.view, []).append(reading)
    return apart


def _differences(
    case: Case, batch: Batch, message: str, epoch: Epoch, apart: Mapping[Operation, list[Reading]]
) -> Iterator[Violated]:
    """What differs, by the pair of readings between which the fewest calls may have changed it: those are named too."""
    for one, two in combinations(apart, 2):
        met: dict[str, Violated] = {}
        for a in apart[one]:
            for b in apart[two]:
                was, now = facts(a, batch.id), facts(b, batch.id)
                for name in sorted(was.keys() & now.keys()):
                    if not alike(name, was[name], now[name]) and not _changed_in_both(name, batch, apart, a, b):
                        found = _differ(case, batch, message, epoch, name, a, b)
                        if name not in met or len(found.any_of) < len(met[name].any_of):
                            met[name] = found
        yield from met.values()


def _changed_in_both(name: str, batch: Batch, apart: Mapping[Operation, list[Reading]], a: Reading, b: Reading) -> bool:
    """Whether one of two views shows at another time what the other shows: it changed, and the views may agree each time."""
    one, two = facts(a, batch.id)[name], facts(b, batch.id)[name]
    sides = ((two, apart[a.view]), (one, apart[b.view]))
    return any(name in (shown := facts(r, batch.id)) and shown[name] == value for value, seen in sides for r in seen)


def _differ(case: Case, batch: Batch, message: str, epoch: Epoch, name: str, a: Reading, b: Reading) -> Violated:
    """A call that must have no effect may have changed it between the readings: what that breaks is named as well."""
    early, late = sorted((a, b), key=lambda r: (r.t, r.n))
    value = facts(late, batch.id)[name]
    calls = suspected(case, batch, message, name, early, late, value)
    others = [n for c, names in calls if c.last > begun(case, early) for n in names if not c.may_reset]
    one, two = clip(facts(a, batch.id)[name]), clip(facts(b, batch.id)[name])
    shown = Proof(
        because=(
            f"read {a.n} ({a.view}) shows a message with {name} {one}",
            f"read {b.n} ({b.view}) shows the same message with {two}",
            "the message is terminal in both, and no retry can have taken effect between them",
        ),
        evidence=(a.n, b.n),
        assumptions=frozenset(assume("A7", *sorted({a.view, b.view}))),
    )
    return Violated(
        proof=epoch.proof & shown,
        violation=f"the {WORDS[a.view]} and the {WORDS[b.view]} show a message with different {name}"
        f"{', a request between' if others else ''}",
        expected=(f"the same {name} in every view that shows it",),
        any_of=tuple(dict.fromkeys(("BR-IDS-04", *others))),
        observed=f"{one} and {two}",
        defect=f"{name}, {' and '.join(sorted((a.view, b.view)))}",
        scenario=batch.scenario,
    )


def _seen_in_all(
    batch: Batch, message: str, apart: list[tuple[Epoch, dict[Operation, list[Reading]]]]
) -> Iterator[Exercised]:
    """Exercised by views that were compared before and after an accepted retry of the message."""
    call = accepted(batch, message)
    compared = [(epoch, by_view) for epoch, by_view in apart if len(by_view) > 1]
    before = [by_view for epoch, by_view in compared if epoch.number == 0]
    after = [by_view for epoch, by_view in compared if epoch.number > 0]
    if call is None or not before or not after:
        return
    for view, case in VIEWS.items():
        later = next((by_view for by_view in after if view in by_view), None)
        if view in before[0] and later is not None:
            yield Exercised(proof=Proof(evidence=(before[0][view][0].n, call.n, later[view][0].n)), case=case)


def _unlisted(case: Case, batch: Batch) -> bool:
    """True if a whole listing lacks a message that other views had shown in the batch before, and no later one holds it."""
    listings = _listings(case, batch)
    for message in batch.messages if listings else ():
        seen = case.readings(message)
        since = min((r.last for r in seen if r.terminal and batch.id in (batch_ids(r) or ())), default=float("inf"))
        later = max((r.t for r in seen if r.view == "batch_list"), default=float("-inf"))
        known = max(since, later)
        if any(known < shot.t - case.lag("batch_list") for shot, ids in listings if message not in ids):
            return True
    return False


def _listings(case: Case, batch: Batch) -> list[tuple[Snapshot, frozenset[str]]]:
    """Whole listings of the batch, of one page and hence of one instant, with what they hold."""
    walks = (s for s in case.listings(batch) if s.complete and s.search is None and s.direction == "forward")
    return [(s, frozenset(s.ids)) for s in walks if len(s.pages) == 1]


# -- ids ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Stay:
    """A message that other views show under its id, first and last; it was terminal by ``since``."""

    batch: Batch
    since: float
    first: Reading
    last: Reading

    def spans(self, case: Case, start: float, end: float, view: str) -> bool:
        """True if other views show the message before a read of ``view`` began, and in a state from after it ended (A7)."""
        return max(self.since, self.first.last) <= start - case.lag(view) and follows(case, self.last, end)


@rule(
    "BR-IDS-04",
    whole_run,
    expected=("the message under the same id in every view",),
    legal_if="the view showed the message under the same id",
    subject="ids differ between views",
    first_only=True,
)
def same_ids(inference: Inference) -> Iterator[Judgement]:
    """What one view shows under an id, the others know by it.

    A single read that answers with another id than it was asked for is read off that answer. The rest is proved by a sandwich:
    other views show the message before the read began and again in a state from after it ended (A7), no other client takes a
    message out of a batch of ours (A6), and it was terminal before, so that nothing of its sending is still on its way; then in
    between the single read finds it, the campaign's whole listing holds it, and no view shows its row under an id that the listing
    never shows. A view that shows it later only lagged (ruling 29).
    """
    case = inference.case
    lost = inference.lost
    until = lost.since if lost is not None else float("inf")
    yield from _other_answers(case)
    reads = _reads(case)
    listings = [(shot, frozenset(shot.ids)) for shot in case.snapshots if _whole(case, shot)]
    for batch in case.ours:
        own = _listings(case, batch)
        listed = {m: stay for m in batch.messages if (stay := _stay(case, batch, m, only="batch_list")) is not None}
        for message in batch.messages:
            yield from _not_found(case, batch, message, reads.get(message, []), until)
            yield from _left_out(case, batch, message, listings, until)
            yield from _never_listed(case, batch, message, own, until)
        yield from _other_ids(case, batch, listed)


def _stay(case: Case, batch: Batch, message: str, *, but: str = "", only: str = "") -> _Stay | None:
    seen = case.readings(message)
    shown = [r for r in seen if r.view in VIEWS and r.view != but and only in ("", r.view)]
    since = min((r.last for r in seen if r.terminal), default=None)
    if not shown or since is None:
        return None
    return _Stay(batch=batch, since=since, first=min(shown, key=lambda r: r.last), last=max(shown, key=lambda r: r.t))


def _other_answers(case: Case) -> Iterator[Violated]:
    for reading in case.shown:
        asked = reading.exchange.invoke
        plain = asked.operation == "message_read" and asked.cause is None and asked.message is not None
        if plain and reading.message != asked.message:
            home = case.batch_of(asked.message or "")
            yield Violated(
                proof=Proof(
                    because=(f"read {reading.n} asks for one message and is answered with another id",),
                    evidence=(reading.n,),
                ),
                violation="the target answers a single read with a message of another id",
                expected=("the message under the id that was asked for",),
                observed="another id",
                defect="a single read answers with another id",
                scenario=(home.scenario if home is not None else "") or asked.scenario,
            )


def _reads(case: Case) -> dict[str, list[Exchange]]:
    """The plain single reads of each message."""
    found: dict[str, list[Exchange]] = {}
    for e in case.exchanges:
        plain = e.invoke.operation == "message_read" and e.invoke.cause is None and e.invoke.auth == "valid"
        if plain and e.invoke.message is not None:
            found.setdefault(e.invoke.message, []).append(e)
    return found


def _whole(case: Case, shot: Snapshot) -> bool:
    """True for a whole listing of the run's own campaign."""
    own = shot.batch is None and shot.campaign == case.header.campaign_id
    return own and shot.complete and shot.search is None and shot.direction == "forward"


def _not_found(case: Case, batch: Batch, message: str, reads: Sequence[Exchange], until: float) -> Iterator[Violated]:
    stay = _stay(case, batch, message, but="message_read")
    for e in reads if stay is not None else ():
        absent = e.status in (400, 404) and word(e) == "target" and e.last < until
        if not absent or any(o.status == 200 and o.t >= e.t for o in reads):
            continue
        if stay is not None and stay.spans(case, e.t, e.last, "message_read"):
            how = f"the single read {e.n} is answered {e.status}, and none finds it later"
            yield _absent(stay, (e.n,), how, "message_read", e.t)
            return


def _left_out(
    case: Case, batch: Batch, message: str, listings: Sequence[tuple[Snapshot, frozenset[str]]], until: float
) -> Iterator[Violated]:
    lacking = [shot for shot, ids in listings if message not in ids and shot.last < until]
    stay = _stay(case, batch, message, but="campaign_list") if lacking else None
    later = max((r.t for r in case.readings(message) if r.view == "campaign_list"), default=float("-inf"))
    for shot in lacking:
        if stay is not None and later < shot.t and stay.spans(case, shot.t, shot.last, "campaign_list"):
            how = f"the campaign's whole listing {shot.pages[0].n} does not hold it, and no later page of it does"
            yield _absent(stay, shot.evidence, how, "campaign_list", shot.t)
            return


def _never_listed(
    case: Case, batch: Batch, message: str, listings: Sequence[tuple[Snapshot, frozenset[str]]], until: float
) -> Iterator[Violated]:
    """The batch's own listing never holds a message that other views show in it, a settling time after it was terminal and on.

    What it held once is another matter (BR-IDS-01). Whether the listing does not know the message or leaves it out, it is whole
    by its own word (BR-IDS-05).
    """
    lacking = [shot for shot, ids in listings if message not in ids]
    stay = _stay(case, batch, message, but="batch_list") if lacking else None
    if stay is None or any(r.view == "batch_list" for r in case.readings(message)):
        return
    if not all(batch.id in (batch_ids(r) or ()) for r in (stay.first, stay.last)):
        return
    settled = max(stay.since, stay.first.last) + case.header.settle_timeout
    late = [s for s in lacking if s.t >= settled and s.last < until and stay.spans(case, s.t, s.last, "batch_list")]
    if len(late) >= AGAIN:
        how = f"whole listing {late[0].pages[0].n} of the batch does not hold it, and no other does"
        evidence = tuple(n for s in late[:AGAIN] for n in s.evidence)
        yield _absent(stay, evidence, how, "batch_list", late[0].t, "BR-IDS-04", "BR-IDS-05")


def _absent(stay: _Stay, evidence: tuple[int, ...], how: str, view: Operation, t: float, *names: str) -> Violated:
    proof = Proof(
        because=(
            f"reads {stay.first.n} and {stay.last.n} of other views show the message under one id, before and after",
            f"between them, {how}",
        ),
        evidence=(stay.first.n, *evidence, stay.last.n),
        assumptions=frozenset((*assume("A6", stay.batch.id), *assume("A7", *sorted({view, stay.last.view})))),
        margins={view: Margin(t - max(stay.since, stay.first.last), view, evidence[0])},
    )
    return Violated(
        proof=proof,
        violation=f"the {WORDS[view]} does not know a message by the id that other views show",
        observed="no such message",
        any_of=names,
        defect=f"a message is unknown to the {WORDS[view]}",
        scenario=stay.batch.scenario,
    )


def _other_ids(case: Case, batch: Batch, stays: Mapping[str, _Stay]) -> Iterator[Violated]:
    """A view shows a row under an id that the listing never shows, while the listing shows it under another.

    No other client makes messages of our rows (A6): a send that is carried out twice would make them so.
    """
    # Of rows that were sent alike nothing tells which of them an id is.
    by_nonce = {row.nonce: stays[m] for m, row in batch.row_of.items() if m in stays and row.nonce not in batch.copied}
    for message in (*batch.messages, *batch.strays):
        seen = case.readings(message)
        if any(r.view == "batch_list" for r in seen):
            continue
        for reading in seen:
            stay = next((by_nonce[n] for n in reading.nonces if n in by_nonce), None)
            if stay is None or not stay.spans(case, reading.t, reading.last, reading.view):
                continue
            # A view that knows the row under its own id as well shows a copy of it, in this batch or in another.
            copied = any(r.view == reading.view and r.t >= reading.t for r in case.readings(stay.first.message))
            proof = Proof(
                because=(
                    f"listings {stay.first.n} and {stay.last.n} of the batch show the row under one id, before and after",
                    f"between them, read {reading.n} ({reading.view}) shows it under an id that the listing never shows",
                ),
                evidence=(stay.first.n, reading.n, stay.last.n),
                assumptions=frozenset((*assume("A6", batch.id), *assume("A7", "batch_list"))),
            )
            yield Violated(
                proof=proof,
                violation="two views of the target show one row under different ids",
                observed="another id",
                any_of=("BR-IDS-04", "BR-IDS-02", "BR-IDS-01", *besides(case, batch, 0.0, reading.last))
                if copied
                else (),
                defect="a row under two ids",
                scenario=batch.scenario,
            )
            break


RULES = (same_data, same_ids)
