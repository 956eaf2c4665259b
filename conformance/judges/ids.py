"""Judge of family IDS: what belongs to a batch, under which ids, and what it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from conformance.findings import Exercise, Finding, Opinion
from conformance.history.records import Exchange
from conformance.judges import ids_data, ids_pages, ids_views
from conformance.judges.case import Batch, Case, Write
from conformance.judges.ids_facts import accepted, moved
from conformance.judges.ids_pages import Walk, walks
from conformance.judges.listings import query
from conformance.judges.sightings import Sight
from conformance.judges.timeline import follows

REQUIREMENTS = tuple(f"BR-IDS-0{n}" for n in range(1, 7))


def judge(case: Case) -> Iterator[Opinion]:
    """BR-IDS-01 to BR-IDS-06, for the batches of this run (A6); of findings with one subject the first."""
    said: set[tuple[tuple[str, ...], str]] = set()
    for opinion in _opinions(case):
        if isinstance(opinion, Finding):
            key = (opinion.any_of, opinion.subject)
            if key in said:
                continue
            said.add(key)
        yield opinion


def _opinions(case: Case) -> Iterator[Opinion]:
    for batch in case.ours:
        write = accepted(case, batch)
        if write is not None:
            yield from _same_ids(case, batch, write)
    yield from ids_data.kept(case)
    yield from ids_data.same_in_views(case)
    yield from ids_views.same_ids_in_views(case)
    yield from ids_pages.paged(case)
    yield from ids_data.rows_kept(case)


def _same_ids(case: Case, batch: Batch, write: Write) -> Iterator[Opinion]:
    """BR-IDS-01: the ids of the batch are the same after a retry as before it; BR-IDS-02 beside it.

    Before is the last whole listing that ended before the first accepted retry left and shows as many messages as
    were sent, so that nothing is on its way any more; after is every whole listing begun after its answer (A7).
    Nobody else writes to the batch (A6). An id that was never there is added in whatever page it stands; one that
    misses or stands twice is judged in listings of one page, one instant each (A3), and in several pages by BR-IDS-05.
    """
    found = [w for w in walks(case, batch) if w.direction == "forward"]
    befores = [w for w in found if w.last <= write.t and len(w.ids) == len(set(w.ids)) == len(batch.rows)]
    afters = [w for w in found if w.t - case.lag >= write.last]
    wrong = list(_set_findings(write, befores[-1], afters)) if befores else []
    yield from wrong
    moved_away = list(_batch_findings(case, batch, write))
    yield from moved_away
    if not befores or not afters or wrong:
        return
    before, after = befores[-1], afters[-1]
    proof = _retried(case, before, write, after.last)
    if proof is None or set(after.ids) != set(before.ids):
        return
    evidence = (*before.evidence, write.n, *proof, *after.evidence)
    if {"success", "failure"} <= {s.status for m in before.ids for s in case.sights(m) if s.n in before.evidence}:
        yield Exercise(requirement="BR-IDS-01", evidence=evidence)
    if not moved_away:
        yield from _batch_kept(case, before, write, evidence)


def _set_findings(write: Write, before: Walk, afters: list[Walk]) -> Iterator[Finding]:
    known = set(before.ids)
    seen: set[str] = set()
    for after in afters:
        counts = Counter(after.ids)
        single = not after.paged
        what = {
            "adds": [i for i in counts if i not in known],
            "loses": [i for i in known if i not in counts] if single else [],
            "doubles": [i for i, times in counts.items() if times > 1 and i in known] if single else [],
        }
        for kind, ids in what.items():
            if ids and kind not in seen:
                seen.add(kind)
                yield _set_finding(write, before, after, kind, len(ids))


def _set_finding(write: Write, before: Walk, after: Walk, kind: str, count: int) -> Finding:
    return Finding(
        any_of=("BR-IDS-01",),
        summary=f"a retry {kind} ids in the listing of its batch",
        argument=(
            f"listing {before.evidence[0]} ends before retry {write.n} leaves and shows all {len(before.ids)} messages "
            "that were sent, each once",
            f"the retry is answered {write.status}; listing {after.evidence[0]} begins after that and shows "
            f"{len(after.ids)} messages, {len(set(after.ids) & set(before.ids))} of them under ids from before: it "
            f"{kind} {count}",
            "nobody else can write to a batch of this run",
        ),
        expected=("the same ids before and after, each once",),
        observed=f"{count} ids differ" if kind != "doubles" else f"{count} ids stand twice",
        evidence=(*before.evidence, write.n, *after.evidence),
        axioms=("A6", "A7"),
        slack=f"holds if reads lag less than {after.t - write.last:.2f} s",
        counterfactual="would be legal if both listings held the same ids",
        scenario=write.exchange.invoke.scenario,
        subject=f"a retry {kind} ids",
    )


def _retried(case: Case, before: Walk, write: Write, until: float) -> tuple[int, ...] | None:
    """A sight of a message that had failed before the retry and shows by ``until`` that it was taken up."""
    for message in before.ids:
        bases = {s.operation: s for s in case.sights(message) if s.last <= write.t and s.status == "failure"}
        for sight in case.sights(message):
            base = bases.get(sight.operation)
            if base is not None and follows(case, sight, write.last) and sight.last <= until and moved(base, sight):
                return (sight.n,)
    return None


def batch_ids(sight: Sight) -> frozenset[str] | None:
    """Ids of the batches that an answer shows a message in; None if it shows none of them (ruling 12)."""
    shown = sight.data.get("batches")
    if not isinstance(shown, list):
        return None
    return frozenset(item["id"] for item in shown if isinstance(item, Mapping) and isinstance(item.get("id"), str))


def _batch_findings(case: Case, batch: Batch, write: Write) -> Iterator[Finding]:
    """BR-IDS-02: the batch keeps its batchId, and no other batch appears.

    A message of the batch shows its batches in ``batches``; compared are answers of one operation, from before the
    first accepted retry and from after its answer (A7). Nobody else makes batches of our messages (A6). An empty list
    counts only while the message is terminal. Or its listing is not found any more, twice or more, and never again.
    """
    for message in batch.messages:
        before: dict[str, tuple[frozenset[str], int]] = {}
        for sight in case.sights(message):
            shown = batch_ids(sight)
            if shown is None or (not shown and not sight.terminal):
                continue
            if sight.last <= write.t:
                known, _ = before.get(sight.operation, (frozenset[str](), 0))
                before[sight.operation] = (known | shown, sight.n)
            elif sight.operation in before and follows(case, sight, write.last):
                known, base = before[sight.operation]
                if batch.id not in known:
                    continue
                if batch.id not in shown:
                    yield _moved_away(write, base, sight, f"without the batchId, in {len(shown)} other batches")
                    return
                if shown - known:
                    yield _moved_away(write, base, sight, f"in {len(shown - known)} more batches than before")
                    return
    gone = [e for e in case.exchanges if _lists(e, batch) and e.t - case.lag >= write.last]
    refused = [e for e in gone if e.status in (400, 404)]
    if len(refused) > 1 and not any(e.accepted and e.t > refused[0].t for e in gone):
        good = [e for e in case.exchanges if _lists(e, batch) and e.accepted and e.last <= write.t]
        if good:
            yield Finding(
                any_of=("BR-IDS-02",),
                summary="the target does not find a batch under its batchId after a retry",
                argument=(
                    f"read {good[-1].n} lists the batch before retry {write.n}",
                    f"after the retry's answer, read {refused[0].n} and all later ones are answered {refused[0].status}",
                ),
                expected=("200 with the batch's messages",),
                observed=f"{refused[0].status}",
                evidence=(good[-1].n, write.n, *(e.n for e in refused[:3])),
                axioms=("A6", "A7"),
                counterfactual="would be legal if the batch were listed",
                scenario=write.exchange.invoke.scenario,
                subject="a retried batch is not found",
            )


def _lists(exchange: Exchange, batch: Batch) -> bool:
    """Whether this is a plain valid request for the first page of the batch's listing."""
    invoke = exchange.invoke
    plain = invoke.cause is None and invoke.auth == "valid" and invoke.operation == "batch_list"
    return plain and invoke.batch == batch.id and not query(exchange).keys() & {"after", "before", "search"}


def _moved_away(write: Write, base: int, sight: Sight, how: str) -> Finding:
    return Finding(
        any_of=("BR-IDS-02",),
        summary="after a retry, a message of the batch stands in another batch",
        argument=(
            f"read {base} ({sight.operation}), before retry {write.n}, shows the message in its batch",
            f"the retry is answered {write.status}; read {sight.n}, the same view, begins after that and shows it {how}",
            "nobody else can make a batch of this run's messages",
        ),
        expected=("`batches` holds the batchId, and no batch that was not there before",),
        observed=how,
        evidence=(base, write.n, sight.n),
        axioms=("A6", "A7"),
        slack=f"holds if reads lag less than {sight.t - write.last:.2f} s",
        counterfactual="would be legal if the message stood in the same batch",
        scenario=write.exchange.invoke.scenario,
        subject="another batch after a retry",
    )


def _batch_kept(case: Case, before: Walk, write: Write, evidence: tuple[int, ...]) -> Iterator[Opinion]:
    """BR-IDS-02 exercised: the batchId finds the same messages, and the campaign holds each of them before and after.

    So no batch with further messages made of our rows can have appeared, also where ``batches`` is not shown.
    """
    campaign = [s for s in case.snapshots if s.batch is None and s.complete and set(before.ids) <= set(s.ids)]
    earlier = [s for s in campaign if s.last <= write.t]
    later = [s for s in campaign if s.t - case.lag >= write.last]
    if earlier and later:
        yield Exercise(requirement="BR-IDS-02", evidence=(*evidence, earlier[-1].pages[0].n, later[-1].pages[0].n))
