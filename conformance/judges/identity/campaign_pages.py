"""BR-IDS-05: the pages of the campaign's listing, in which other clients' messages stand too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from conformance.contract.vocabulary import instant
from conformance.history.records import Exchange
from conformance.judges.inference.case import Case
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.listings import page_data, page_ids, page_items
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.readings import Reading
from conformance.judges.rule import Judgement, Violated, rule, whole_run


@rule(
    "BR-IDS-05",
    whole_run,
    expected=("every message once, in the order of createdAt",),
    legal_if="each page had held every message once, in the order of createdAt",
    subject="pages of the campaign's listing",
    first_only=True,
)
def campaign_pages(inference: Inference) -> Iterator[Judgement]:
    """No page of the campaign's listing holds a message twice, and createdAt does not turn round on it (ruling 14).

    Other clients may send meanwhile, so that pages are not compared. Within one answer a listing that stands by createdAt, which
    does not change, holds a message once. Judged of messages that were terminal before, in two answers or more.
    """
    case = inference.case
    read = [
        e
        for e in case.exchanges
        if e.invoke.operation == "campaign_list" and e.invoke.auth == "valid" and e.invoke.cause is None and e.accepted
    ]
    twice = [e for e in read if any(_ended_before(case, i, e) for i in _repeated(e))]
    if len(twice) > 1:
        numbers = tuple(e.n for e in twice)
        said = f"reads {', '.join(map(str, numbers[:5]))} of the campaign's listing each show one id twice in a page"
        yield Violated(
            proof=Proof(because=(said, "the message had been seen terminal before"), evidence=numbers),
            observed="an id twice",
            defect="an id twice in a page of the campaign",
            violation="the target lists a message twice in one page of the campaign's listing",
            scenario=twice[0].invoke.scenario,
        )
    for e in read:
        stamps = [stamp for m in page_items(e) if (stamp := instant(m.get("createdAt"))) is not None]
        if any(a < b for a, b in pairwise(stamps)) and any(a > b for a, b in pairwise(stamps)):
            yield Violated(
                proof=Proof(because=(f"on the page {e.n} createdAt rises and falls",), evidence=(e.n,)),
                violation="the target lists the campaign's messages in an order that does not follow createdAt",
                observed="it does both",
                defect="the campaign is not sorted by createdAt",
                scenario=e.invoke.scenario,
            )
            return


def _repeated(page: Exchange) -> tuple[str, ...]:
    """The ids that a page shows more than once."""
    return tuple(i for i, times in Counter(page_ids(page)).items() if times > 1)


def _ended_before(case: Case, message: str, page: Exchange) -> bool:
    """True if the message was seen terminal before the page was asked for."""
    return any(r.terminal and r.last <= page.t for r in case.readings(message))


@rule(
    "BR-IDS-05",
    whole_run,
    violation="the target leaves out messages between two pages of the campaign's listing",
    expected=("every message on one of the two pages",),
    legal_if="the second page had begun with the message behind the last of the first",
    subject="messages between two pages of the campaign's listing",
    first_only=True,
)
def between_pages(inference: Inference) -> Iterator[Judgement]:
    """A page that goes on from another leaves out messages that one page had shown between the two.

    A listing stands by createdAt, which does not change, and ties keep their order (ruling 14): what others send meanwhile comes to
    one of its ends. Judged of messages of the run that were terminal a settling time before: what a page shows late is told as
    BR-IDS-07 as well (ruling 29), and what no page shows any more as BR-IDS-04.
    """
    case, lost = inference.case, inference.lost
    walks = [s for s in case.snapshots if s.batch is None and s.search is None and s.direction == "forward"]
    mine = [s for s in walks if s.campaign == case.header.campaign_id]
    shown = [page for walk in mine for page in walk.pages]
    for walk in mine:
        for place, page in enumerate(walk.pages):
            following = walk.pages[place + 1] if place + 1 < len(walk.pages) else None
            end = following or page
            if lost is not None and end.last >= lost.since:
                continue
            before = [w for w in shown if w.last <= page.t and len(set(page_ids(w))) == len(page_ids(w))]
            for whole in reversed(before):
                skipped = [
                    (m, r) for m in _skipped(whole, page, following) if (r := _settled(case, m, page.t)) is not None
                ]
                if skipped:
                    yield _leaves_out(case, whole, page, following, skipped, shown)
                    return


def _skipped(whole: Exchange, page: Exchange, following: Exchange | None) -> tuple[str, ...]:
    """What one page shows between the last message of ``page`` and the first that it shows of the page ``following`` it; all that
    is behind, where the listing ends with them."""
    order, ended = page_ids(whole), page_ids(page)
    if not ended or ended[-1] not in order:
        return ()
    behind = order[order.index(ended[-1]) + 1 :]
    found = set(ended) | set(page_ids(following) if following is not None else ())
    lacking = tuple(i for i in behind if i not in found)
    later = [i for i in behind if following is not None and i in page_ids(following)]
    if later:
        return tuple(i for i in lacking if behind.index(i) < behind.index(later[0]))
    return lacking if page_data(following or page).get("hasNextPage") is False else ()


def _settled(case: Case, message: str, t: float) -> Reading | None:
    """A reading that shows a message of the run terminal a settling time before ``t``."""
    if case.batch_of(message) is None:
        return None
    return next((r for r in case.readings(message) if r.terminal and r.last <= t - case.header.settle_timeout), None)


def _leaves_out(
    case: Case,
    whole: Exchange,
    page: Exchange,
    following: Exchange | None,
    skipped: list[tuple[str, Reading]],
    shown: list[Exchange],
) -> Violated:
    end = following or page
    gone = not any(message in page_ids(w) for message, _ in skipped for w in shown if w.t >= end.last)
    onward = f"page {following.n} goes on from it" if following is not None else "says that no page follows"
    first, reading = skipped[0]
    more = f" and {len(skipped) - 1} more of the run" if len(skipped) > 1 else ""
    batches = [batch.id for message, _ in skipped if (batch := case.batch_of(message)) is not None]
    return Violated(
        proof=Proof(
            because=(
                f"page {whole.n} of the campaign's listing shows message {first}{more} behind the last one of page {page.n}",
                f"page {page.n} ends there, and {onward}, without {'them' if more else 'it'}",
                f"read {reading.n} showed message {first} terminal more than a settling time before",
                "what a listing is sorted by does not change",
            ),
            evidence=(reading.n, whole.n, page.n, *((following.n,) if following is not None else ())),
            assumptions=frozenset(assume("A6", *dict.fromkeys(batches))),
        ),
        observed=f"{len(skipped)} message{'s' if more else ''} on neither page",
        any_of=("BR-IDS-05", "BR-IDS-07", *(("BR-IDS-04",) if gone else ())),
        scenario=page.invoke.scenario,
    )


RULES = (campaign_pages, between_pages)
