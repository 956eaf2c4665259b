"""BR-IDS-05: the pages of a batch's listing, forward and backward."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from conformance.contract.vocabulary import instant
from conformance.findings import DoubtReason, Margin
from conformance.history.records import Exchange
from conformance.judges.identity.facts import accepted, besides, blamed
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.listings import Direction, Snapshot, page_data, page_ids, page_items, query
from conformance.judges.inference.lost import Lost
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.readings import identity
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.rule import Exercised, InDoubt, Judgement, Violated, rule, whole_run


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
        """True for more than one page: several instants (A3)."""
        return len(self.pages) > 1

    @property
    def plain(self) -> bool:
        """True for one page with room for more: it shows all that there is, whatever becomes of pages."""
        return not self.paged and (self.limit is None or len(self.ids) < self.limit)

    @property
    def turned(self) -> tuple[str, ...]:
        """The ids, if every page but the last holds its messages in reverse."""
        return tuple(i for page in self.pages[:-1] for i in reversed(page_ids(page))) + page_ids(self.pages[-1])

    @property
    def span(self) -> str:
        """The numbers of its first and last read, for people."""
        numbers = self.evidence
        return f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


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
    """The last page of the forward walk, over before, from whose start cursor this backward walk began.

    The last that holds a message: a target may only find out on the next page, which is empty, that there are no more.
    """
    cursor = identity(query(shot.pages[0]).get("before"))
    for other in reversed(forward):
        end = next((page for page in reversed(other.pages) if page_ids(page)), other.pages[-1])
        same = other.limit == shot.limit and end.last <= shot.t
        if same and cursor is not None and page_data(end).get("startCursor") == cursor:
            return end
    return None


@rule(
    "BR-IDS-05",
    whole_run,
    expected=("every message once, in one order",),
    legal_if="the pages held every message once, in the order of other walks",
    subject="pages of a listing",
    first_only=True,
)
def pages(inference: Inference) -> Iterator[Judgement]:
    """Every whole walk holds every message once, in one order.

    The membership of a batch does not change once all of its rows were listed, and listings stand by createdAt, which does not
    change either: so a walk cannot lawfully be torn, however many instants its pages are (A3). Judged are walks begun after such
    a listing (A7), and only messages that were seen terminal before, so that nothing of the send is still on its way.
    Direction and collation are free (ruling 14): orders are compared between walks only. What a retry itself loses or doubles
    also stands in a listing of one page, and is BR-IDS-01's.
    """
    case = inference.case
    lost = inference.lost
    for batch in case.ours:
        found = walks(case, batch)
        wanted = len(batch.rows)
        forward = (w for w in found if w.direction == "forward")
        known = next((w for w in forward if len(w.ids) == len(set(w.ids)) == wanted), None)
        if known is None:
            yield from _twice_in_a_page(case, batch, found)
            continue
        later = [w for w in found if w.t - case.lag("batch_list") >= known.last]
        defects = [one for walk in later for one in _defects(case, batch, walk, known, found, lost)]
        if not defects:
            defects += [
                one for walk in found if walk not in later for one in _behind(case, batch, walk, known, found, lost)
            ]
        defects += [one for walk in (known, *later) for one in _monotone(batch, walk)]
        yield from defects
        if not defects:
            yield from _exercised(case, batch, found)
            yield from _doubts(case, batch, known)


def _twice_in_a_page(case: Case, batch: Batch, found: Sequence[Walk]) -> Iterator[Violated]:
    """A page that shows one id twice, in every walk of a batch of which no listing is whole.

    Judged of messages that were terminal before, so that nothing moves them while the page is read, in two walks or more.
    """
    ended = min((r.last for m in batch.messages for r in case.readings(m) if r.terminal), default=float("inf"))
    known = [w for w in found if w.t >= ended]
    torn = [(w, {i for page in w.pages for i, times in Counter(page_ids(page)).items() if times > 1}) for w in known]
    shown = [
        (w, ids & {r.message for i in ids for r in case.readings(i) if r.terminal and r.last <= w.t}) for w, ids in torn
    ]
    shown = [(w, ids) for w, ids in shown if ids]
    whole = [w for w in known if len(w.ids) == len(set(w.ids))]
    if len(shown) < 2 or whole:
        return
    numbers = tuple(w.pages[0].n for w, _ in shown)
    said = f"listings {', '.join(map(str, numbers[:5]))} each show one id twice in a page, and no listing shows every message once"
    yield Violated(
        proof=Proof(because=(said,), evidence=numbers, assumptions=frozenset(assume("A6", batch.id))),
        observed="an id twice",
        any_of=("BR-IDS-05", "BR-IDS-01"),
        defect="an id twice in a page",
        violation="the target lists a message twice in one page",
        scenario=batch.scenario,
    )


def _defects(
    case: Case, batch: Batch, walk: Walk, known: Walk, found: Sequence[Walk], lost: Lost | None
) -> Iterator[Violated]:
    """What is wrong with one walk, the gravest only."""
    counts = Counter(walk.ids)
    twice = tuple(i for i, times in counts.items() if times > 1)
    since = walk.t - case.lag("batch_list")
    over = {r.message for m in known.ids for r in case.readings(m) if r.terminal and r.last <= since}
    missing = tuple(i for i in known.ids if i not in counts and i in over)
    if missing and lost is not None and walk.last >= lost.since:
        return
    for kind, ids in (("misses", missing), ("repeats", twice)):
        if ids:
            any_of = _blame(walk, ids, found, accepted(batch))
            if any_of:
                names = dict.fromkeys((*any_of, *besides(case, batch, known.t, walk.last)))
                yield _wrong_set(walk, known, kind, len(ids), tuple(names), batch)
            return
    common = [i for i in known.ids if i in counts]
    mine = [i for i in walk.ids if i in set(common)]
    turned = [i for i in walk.turned if i in set(common)]
    if common not in (mine, turned if walk.direction == "backward" else mine):
        proof = Proof(
            because=(
                f"listing {known.span} shows all messages of the batch in some order",
                f"the walk {walk.span}, {walk.direction}, shows the same messages in another order",
                "no order is prescribed, but it follows createdAt, which does not change, and ties keep theirs",
            ),
            evidence=(*known.evidence, *walk.evidence),
            assumptions=frozenset(assume("A6", batch.id)),
        )
        yield Violated(
            proof=proof,
            violation="the target lists the messages of a batch in one order, then in another",
            observed="another order",
            defect=f"another order {walk.direction}",
            scenario=batch.scenario,
        )


def _behind(
    case: Case, batch: Batch, walk: Walk, known: Walk, found: Sequence[Walk], lost: Lost | None
) -> Iterator[Violated]:
    """A walk that misses messages, and that lag may explain, but not lawfully: a settling time before it another view showed them
    terminal. Either its pages lose them (BR-IDS-05), or the view has not caught up (BR-IDS-07, ruling 29).

    Without this a paging that loses rows explains itself: what a later listing makes good looks like a lag of the whole view,
    as long as the messages are old.
    """
    settled = walk.t - case.header.settle_timeout
    if walk.t < known.last or (lost is not None and walk.last >= lost.since):
        return
    shown = {
        r.message
        for i in known.ids
        for r in case.readings(i)
        if r.terminal and r.view != "batch_list" and r.last <= settled
    }
    missing = tuple(i for i in known.ids if i not in walk.ids and i in shown)
    any_of = _blame(walk, missing, found, accepted(batch))
    if missing and any_of:
        yield _wrong_set(walk, known, "misses", len(missing), (*any_of, "BR-IDS-07"), batch, settled=True)


def _blame(walk: Walk, ids: tuple[str, ...], found: Sequence[Walk], call: RetryCall | None) -> tuple[str, ...]:
    """Which requirements a walk breaks that misses or repeats these ids: the pages', where it ended before a retry was accepted.

    Else a listing in one page with room for more, begun after the retry's answer and near the walk, that shows each of them once
    has all messages: then it is the paging. One that is wrong alike leaves it to BR-IDS-01.
    """
    if call is None or call.t >= walk.last:
        return ("BR-IDS-05",)
    if walk.plain:
        return ()
    plain = [w for w in found if w.plain and w.t >= call.last]
    later = next((w for w in plain if w.t >= walk.last), None)
    earlier = next((w for w in reversed(plain) if w.last <= walk.t), None)
    near = [w for w in (earlier, later) if w is not None]
    if not near:
        return blamed(call, "BR-IDS-05", "BR-IDS-01")
    if all(Counter(w.ids)[i] == 1 for w in near for i in ids):
        return ("BR-IDS-05",)
    return ()


def _wrong_set(
    walk: Walk, known: Walk, kind: str, count: int, any_of: tuple[str, ...], batch: Batch, *, settled: bool = False
) -> Violated:
    """A walk that misses or repeats messages.

    :param settled: a settling time has passed since another view showed them terminal, so that no lag excuses it (ruling 29).
    """
    late = ("another view showed them terminal more than a settling time before it",) if settled else ()
    size = f" in pages of {walk.limit}" if walk.limit is not None else ""
    proof = Proof(
        because=(
            f"listing {known.span} shows all {len(batch.rows)} messages of the batch, each once",
            f"the walk {walk.span}, {walk.direction} from end to end{size}, begins after that and {kind} "
            f"{count} of them",
            "messages do not leave a batch, and what a listing is sorted by does not change",
            *late,
        ),
        evidence=(*known.evidence, *walk.evidence),
        assumptions=frozenset((*assume("A6", batch.id), *(() if settled else assume("A7", "batch_list")))),
        margins={} if settled else {"batch_list": Margin(walk.t - known.last, "batch_list", walk.evidence[0])},
    )
    return Violated(
        proof=proof,
        violation=f"the batch listing, {walk.direction}{size}, {kind} {count} of {len(batch.rows)} messages",
        observed=f"{len(walk.ids)} messages, {len(set(walk.ids))} different ones",
        any_of=any_of,
        defect=f"a walk {walk.direction} {kind} messages",
        scenario=batch.scenario,
    )


def _monotone(batch: Batch, walk: Walk) -> Iterator[Violated]:
    """createdAt never turns round along a walk (ruling 14)."""
    stamps = _stamps(walk)
    ups = any(a < b for a, b in pairwise(stamps))
    downs = any(a > b for a, b in pairwise(stamps))
    if not (ups and downs) or (walk.turned != walk.ids and walk.direction == "backward"):
        return
    yield Violated(
        proof=Proof(because=(f"along the walk {walk.span} createdAt rises and falls",), evidence=walk.evidence),
        violation="the target lists messages in an order that does not follow createdAt",
        expected=("createdAt rises or falls, in one direction",),
        observed="it does both",
        legal_if="the messages stood by createdAt",
        defect="not sorted by createdAt",
        scenario=batch.scenario,
    )


def _stamps(walk: Walk) -> list[datetime]:
    """createdAt of the messages along a walk, as far as it is shown."""
    shown = [instant(message.get("createdAt")) for page in walk.pages for message in page_items(page)]
    return [stamp for stamp in shown if stamp is not None]


def _exercised(case: Case, batch: Batch, found: Sequence[Walk]) -> Iterator[Exercised]:
    """By a walk through several pages before an accepted retry and one after it, in the same direction."""
    call = accepted(batch)
    if call is None:
        return
    for direction in ("forward", "backward"):
        mine = [w for w in found if w.direction == direction and w.paged and set(w.ids) >= set(batch.messages)]
        before = next((w for w in mine if w.last <= call.t), None)
        after = next((w for w in reversed(mine) if w.t - case.lag("batch_list") >= call.last), None)
        if before is not None and after is not None:
            yield Exercised(proof=Proof(evidence=(*before.evidence, call.n, *after.evidence)), case=direction)


def _doubts(case: Case, batch: Batch, known: Walk) -> Iterator[InDoubt]:
    """Small pages were asked for, and what came cannot be judged."""
    for shot in case.listings(batch):
        if shot.limit is None or shot.limit >= len(batch.rows) or shot.t < known.last or shot.direction == "backward":
            continue
        if len(shot.ids) > shot.limit * len(shot.pages):
            text = f"a page of {shot.limit} messages was asked for, and more came (read {shot.pages[0].n})"
            yield InDoubt(reason=DoubtReason.PAGE_SIZE_IGNORED, text=text, evidence=shot.evidence)
            return
        if not isinstance(page_data(shot.pages[-1]).get("hasNextPage"), bool):
            text = f"pageData does not say whether there are more pages (read {shot.pages[-1].n})"
            yield InDoubt(reason=DoubtReason.PAGES_NOT_LINKED, text=text, evidence=shot.evidence)
            return


RULES = (pages,)
