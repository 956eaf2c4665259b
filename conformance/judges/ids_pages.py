"""BR-IDS-05: the pages of a batch's listing, forward and backward."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from conformance.findings import Doubt, Exercise, Finding, Opinion
from conformance.history.records import Exchange
from conformance.judges.case import Batch, Case, Write
from conformance.judges.ids_facts import accepted
from conformance.judges.intervals import instant
from conformance.judges.listings import Direction, Snapshot, page_data, page_ids, query


@dataclass(frozen=True, kw_only=True)
class Walk:
    """A whole walk through the listing of a batch: from one end to the other."""

    direction: Direction
    #: In the listing's order.
    pages: tuple[Exchange, ...]
    ids: tuple[str, ...]
    t: float
    last: float
    limit: int | None

    @property
    def evidence(self) -> tuple[int, ...]:
        return tuple(sorted(page.n for page in self.pages))

    @property
    def paged(self) -> bool:
        """More than one page: several instants (A3)."""
        return len(self.pages) > 1

    @property
    def turned(self) -> tuple[str, ...]:
        """The ids, if every page but the last holds its messages in reverse."""
        return tuple(i for page in self.pages[:-1] for i in reversed(page_ids(page))) + page_ids(self.pages[-1])


def walks(case: Case, batch: Batch) -> tuple[Walk, ...]:
    """Every whole walk through the batch's own listing, in order of its first page.

    A backward walk asks for what stands before the last page of a forward walk: with that page it is whole.
    """
    found: list[Walk] = []
    forward: list[Snapshot] = []
    for shot in case.listings(batch):
        if shot.search is not None or not shot.complete:
            continue
        if shot.direction == "forward":
            forward.append(shot)
            found.append(_walk("forward", shot.pages, shot.t, shot))
        elif (end := _end_of(shot, forward)) is not None:
            found.append(_walk("backward", (*shot.pages[::-1], end), end.t, shot))
    return tuple(sorted(found, key=lambda w: (w.t, w.last)))


def _walk(direction: Direction, pages: tuple[Exchange, ...], t: float, shot: Snapshot) -> Walk:
    ids = tuple(i for page in pages for i in page_ids(page))
    return Walk(direction=direction, pages=pages, ids=ids, t=t, last=shot.last, limit=shot.limit)


def _end_of(shot: Snapshot, forward: Sequence[Snapshot]) -> Exchange | None:
    """The last page of the forward walk, over before, from whose start cursor this backward walk began."""
    cursor = query(shot.pages[0]).get("before")
    for other in reversed(forward):
        end = other.pages[-1]
        same = other.limit == shot.limit and end.last <= shot.t
        if same and isinstance(cursor, str) and page_data(end).get("startCursor") == cursor:
            return end
    return None


def whole_list(case: Case, batch: Batch, found: Sequence[Walk]) -> Walk | None:
    """The first forward walk that shows as many messages as were sent, each once: the batch is wholly listed since."""
    wanted = len(batch.rows)
    return next((w for w in found if w.direction == "forward" and len(w.ids) == len(set(w.ids)) == wanted), None)


def paged(case: Case) -> Iterator[Opinion]:
    """BR-IDS-05: every whole walk holds every message once, in one order.

    The membership of a batch does not change once all of its rows were listed, and listings stand by createdAt, which
    does not change either: so a walk cannot lawfully be torn, however many instants its pages are (A3). Judged are walks
    begun after such a listing (A7), and only messages that were seen terminal before, so that nothing of the send is
    still on its way. Direction and collation are free (ruling 14): orders are compared between walks only.
    What a retry itself loses or doubles also stands in a listing of one page, and is BR-IDS-01's.
    """
    for batch in case.ours:
        found = walks(case, batch)
        known = whole_list(case, batch, found)
        if known is None:
            continue
        later = [w for w in found if w.t - case.lag >= known.last]
        defects = [finding for walk in later for finding in _defects(case, batch, walk, known, found)]
        defects += [finding for walk in (known, *later) for finding in _monotone(batch, walk)]
        yield from defects
        if not defects:
            yield from _exercised(case, batch, found)
            yield from _doubts(case, batch, known)


def _defects(case: Case, batch: Batch, walk: Walk, known: Walk, found: Sequence[Walk]) -> Iterator[Finding]:
    """What is wrong with one walk, the gravest only."""
    write = accepted(case, batch)
    since = write is not None and write.t <= walk.last
    counts = Counter(walk.ids)
    twice = tuple(i for i, times in counts.items() if times > 1)
    missing = tuple(i for i in known.ids if i not in counts and _over(case, i, walk.t - case.lag))
    for kind, ids in (("misses", missing), ("repeats", twice)):
        if not ids:
            continue
        any_of = _blame(walk, ids, found, write) if since and write is not None else ("BR-IDS-05",)
        if any_of:
            yield _wrong_set(walk, known, kind, len(ids), any_of, batch)
        return
    common = [i for i in known.ids if i in counts]
    mine = [i for i in walk.ids if i in set(common)]
    turned = [i for i in walk.turned if i in set(common)]
    if common not in (mine, turned if walk.direction == "backward" else mine):
        yield _wrong_order(walk, known, batch)


def _over(case: Case, message: str, instant: float) -> bool:
    """Whether the message was seen terminal by then."""
    return any(s.terminal and s.last <= instant for s in case.sights(message))


def _blame(walk: Walk, ids: tuple[str, ...], found: Sequence[Walk], write: Write) -> tuple[str, ...]:
    """Which requirements a walk after an accepted retry breaks that misses or repeats these ids.

    A listing in one page, begun after the retry's answer and near the walk, that shows each of them once has all
    messages: then it is the paging. One that is wrong alike leaves it to BR-IDS-01.
    """
    if not walk.paged:
        return ()
    plain = [w for w in found if not w.paged and w.t >= write.last]
    later = next((w for w in plain if w.t >= walk.last), None)
    earlier = next((w for w in reversed(plain) if w.last <= walk.t), None)
    near = [w for w in (earlier, later) if w is not None]
    if not near:
        return ("BR-IDS-05", "BR-IDS-01")
    if all(Counter(w.ids)[i] == 1 for w in near for i in ids):
        return ("BR-IDS-05",)
    return ()


def _wrong_set(walk: Walk, known: Walk, kind: str, count: int, any_of: tuple[str, ...], batch: Batch) -> Finding:
    return Finding(
        any_of=any_of,
        summary=f"a walk {walk.direction} through the pages of a listing {kind} messages of the batch",
        argument=(
            f"listing {_span(known)} shows all {len(batch.rows)} messages of the batch, each once",
            f"the walk {_span(walk)}, {walk.direction} from end to end in pages of {walk.limit}, begins after that and "
            f"{kind} {count} of them",
            "messages do not leave a batch, and what a listing is sorted by does not change",
        ),
        expected=("every message once",),
        observed=f"{len(walk.ids)} messages, {len(set(walk.ids))} different ones",
        evidence=(*known.evidence, *walk.evidence),
        axioms=("A6", "A7"),
        counterfactual="would be legal if the pages held every message once",
        scenario=batch.scenario,
        subject=f"a walk {walk.direction} {kind} messages",
    )


def _wrong_order(walk: Walk, known: Walk, batch: Batch) -> Finding:
    return Finding(
        any_of=("BR-IDS-05",),
        summary="the target lists the messages of a batch in one order, then in another",
        argument=(
            f"listing {_span(known)} shows all messages of the batch in some order",
            f"the walk {_span(walk)}, {walk.direction}, shows the same messages in another order",
            "no order is prescribed, but it follows createdAt, which does not change, and ties keep theirs",
        ),
        expected=("the same order from read to read",),
        observed="another order",
        evidence=(*known.evidence, *walk.evidence),
        axioms=("A6",),
        counterfactual="would be legal in the same order",
        scenario=batch.scenario,
        subject=f"another order {walk.direction}",
    )


def _monotone(batch: Batch, walk: Walk) -> Iterator[Finding]:
    """createdAt never turns round along a walk (ruling 14)."""
    stamps = _stamps(walk)
    ups = any(a < b for a, b in pairwise(stamps))
    downs = any(a > b for a, b in pairwise(stamps))
    if not (ups and downs) or (walk.turned != walk.ids and walk.direction == "backward"):
        return
    yield Finding(
        any_of=("BR-IDS-05",),
        summary="the target lists messages in an order that does not follow createdAt",
        argument=(f"along the walk {_span(walk)} createdAt rises and falls",),
        expected=("createdAt rises or falls, in one direction",),
        observed="it does both",
        evidence=walk.evidence,
        counterfactual="would be legal if the messages stood by createdAt",
        scenario=batch.scenario,
        subject="a listing not sorted by createdAt",
    )


def _stamps(walk: Walk) -> list[datetime]:
    """createdAt of the messages along a walk, as far as it is shown."""
    shown = [instant(message.get("createdAt")) for page in walk.pages for message in page_messages(page)]
    return [stamp for stamp in shown if stamp is not None]


def _exercised(case: Case, batch: Batch, found: Sequence[Walk]) -> Iterator[Opinion]:
    """By a walk through several pages before an accepted retry and one after it, in the same direction."""
    write = accepted(case, batch)
    if write is None:
        return
    for direction in ("forward", "backward"):
        mine = [w for w in found if w.direction == direction and w.paged and set(w.ids) >= set(batch.messages)]
        before = next((w for w in mine if w.last <= write.t), None)
        after = next((w for w in reversed(mine) if w.t - case.lag >= write.last), None)
        if before is not None and after is not None:
            evidence = (*before.evidence, write.n, *after.evidence)
            yield Exercise(requirement="BR-IDS-05", evidence=evidence, facet=direction)


def _doubts(case: Case, batch: Batch, known: Walk) -> Iterator[Opinion]:
    """Small pages were asked for, and what came cannot be judged."""
    for shot in case.listings(batch):
        if shot.limit is None or shot.limit >= len(batch.rows) or shot.t < known.last or shot.direction == "backward":
            continue
        ends = page_data(shot.pages[-1])
        if len(shot.ids) > shot.limit * len(shot.pages):
            text = f"a page of {shot.limit} messages was asked for, and more came (read {shot.pages[0].n})"
            yield Doubt(requirement="BR-IDS-05", code="page-size-ignored", text=text, evidence=shot.evidence)
            return
        if not isinstance(ends.get("hasNextPage"), bool):
            text = f"pageData does not say whether there are more pages (read {shot.pages[-1].n})"
            yield Doubt(requirement="BR-IDS-05", code="pages-not-linked", text=text, evidence=shot.evidence)
            return


def page_messages(page: Exchange) -> Iterator[Mapping[str, Any]]:
    """The messages of one page, in its order."""
    body = page.end.body
    items = body.get("data") if isinstance(body, Mapping) else None
    yield from (item for item in (items if isinstance(items, list) else ()) if isinstance(item, Mapping))


def _span(walk: Walk) -> str:
    numbers = walk.evidence
    return f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
