"""BR-IDS-01 and BR-IDS-02: which messages belong to a batch, and to which batch they belong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from conformance.findings import DoubtReason, Margin
from conformance.judges.identity.facts import accepted, besides, blamed, moved
from conformance.judges.identity.pages import Walk, walks
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.circumstances import kinds as kinds_of
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.listings import Snapshot
from conformance.judges.inference.lost import Lost, lists
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.readings import Reading, identity
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.timeline import follows, read_after
from conformance.judges.rule import Exercised, InDoubt, Judgement, Observed, Violated, rule, whole_run


@rule(
    "BR-IDS-01",
    whole_run,
    violation="a retry {observed} in the listing of its batch",
    expected=("the same ids before and after, each once",),
    legal_if="both listings held the same ids",
    subject="ids of a batch",
    first_only=True,
)
def same_ids(inference: Inference) -> Iterator[Judgement]:
    """The ids of the batch are the same after a retry as before it.

    Before is the last whole listing that ended before the first accepted retry left and shows as many messages as were sent, so
    that nothing is on its way any more; after is every whole listing begun after its answer (A7). No other client writes to
    the batch (A6). An id that was never there is added in whatever page it stands: by the retry, or by the pages, where only
    listings of several show it. One that misses, and that no later listing shows again, is judged in listings of one page with room
    for more, one that stands twice in listings of one page, one instant each (A3), and in several by BR-IDS-05.
    """
    case = inference.case
    lost = inference.lost
    for batch in case.ours:
        call = accepted(batch)
        pair = _around(case, batch, call) if call is not None else None
        if call is None or pair is None:
            continue
        before, afters = pair
        wrong = list(_differences(case, batch, call, before, afters, lost))
        yield from wrong
        if wrong or not afters or set(afters[0].ids) != set(before.ids):
            continue
        proof = _picked_up(case, before, call, afters[0].last)
        statuses = {r.status for m in before.ids for r in case.readings(m) if r.n in before.evidence}
        if proof is not None and {"success", "failure"} <= statuses:
            yield Exercised(proof=proof & Proof(evidence=afters[0].evidence))


def _around(case: Case, batch: Batch, call: RetryCall) -> tuple[Walk, list[Walk]] | None:
    """The last whole listing before a retry left, and those begun after its answer."""
    found = [w for w in walks(case, batch) if w.direction == "forward"]
    befores = [w for w in found if w.last <= call.t and len(w.ids) == len(set(w.ids)) == len(batch.rows)]
    return (befores[-1], [w for w in found if w.t - case.lag("batch_list") >= call.last]) if befores else None


def _differences(
    case: Case, batch: Batch, call: RetryCall, before: Walk, afters: list[Walk], lost: Lost | None
) -> Iterator[Violated]:
    known, told = set(before.ids), set[str]()
    for index, after in enumerate(afters):
        counts = Counter(after.ids)
        later = {i for w in afters[index + 1 :] for i in w.ids}
        since = afters[index - 1].t if index else before.t
        near = [c for c in batch.sent if c.last >= since and c.t <= after.last]
        gone = after.plain and (lost is None or after.last < lost.since)
        kinds = {
            "adds": [i for i in counts if i not in known],
            "loses": [i for i in known if i not in counts and i not in later] if gone else [],
            "doubles": [i for i, times in counts.items() if times > 1 and i in known] if not after.paged else [],
        }
        for kind, ids in kinds.items():
            if not ids or kind in told:
                continue
            told.add(kind)
            listed = Proof(
                because=(
                    f"listing {before.evidence[0]} ends before retry {call.n} leaves and shows all {len(before.ids)} messages "
                    "that were sent, each once",
                    f"the retry is answered {call.said}; listing {after.evidence[0]} begins after that and shows "
                    f"{len(after.ids)} messages, {len(set(after.ids) & known)} of them under ids from before: it {kind} "
                    f"{len(ids)}",
                    "no other client can write to a batch of this run",
                ),
                evidence=(*before.evidence, call.n, *after.evidence),
                assumptions=frozenset((*assume("A6", batch.id), *assume("A7", "batch_list"))),
                margins={"batch_list": Margin(after.t - call.last, "batch_list", after.evidence[0])},
            )
            # What no listing of one page shows may be the paging's.
            pages = kind == "adds" and after.paged and not any(w.plain and set(ids) <= set(w.ids) for w in afters)
            yield Violated(
                proof=listed,
                violation=_IN_PAGES if pages else "",
                observed=f"{kind} ids",
                any_of=_laid_to(case, batch, call, (before, *afters[:index]), after, kind, ids, pages=pages),
                defect=f"{'replaces' if kinds['adds'] and kinds['loses'] else kind}, {kinds_of(batch, near)}",
                scenario=call.scenario,
            )


def _laid_to(
    case: Case,
    batch: Batch,
    call: RetryCall,
    earlier: tuple[Walk, ...],
    after: Walk,
    kind: str,
    ids: list[str],
    *,
    pages: bool,
) -> tuple[str, ...]:
    """The accepted retry, and whatever else was in flight since a listing showed the ids right; not the retry where a listing
    right before it lacked them already, and none shows them later."""
    others = besides(case, batch, earlier[-1].t, after.last)
    if kind == "loses":
        gone = [
            w for w in walks(case, batch) if earlier[0].last <= w.t and w.last <= call.t and w.direction == "forward"
        ]
        plain = [w for w in gone if w.plain and not set(ids) & set(w.ids)]
        if plain and others:
            return others
    return tuple(dict.fromkeys((*blamed(call, "BR-IDS-01", *(["BR-IDS-05"] if pages else [])), *others)))


_IN_PAGES = "after a retry, the pages of a listing hold messages that its batch did not have before"


def _picked_up(case: Case, before: Walk, call: RetryCall, until: float) -> Proof | None:
    """Proof that a message which was failed before the retry shows by ``until`` that it was retried."""
    for message in before.ids:
        bases = {r.view: r for r in case.readings(message) if r.last <= call.t and r.status == "failure"}
        for reading in case.readings(message):
            base = bases.get(reading.view)
            if base and follows(case, reading, call.last) and reading.last <= until and moved(base, reading):
                return Proof(evidence=(*before.evidence, call.n, reading.n))
    return None


@rule(
    "BR-IDS-02",
    whole_run,
    expected=("`batches` holds the batchId, and no batch that was not there before",),
    legal_if="the messages stood in the same batch, and in no other",
    subject="the batch of a retried message",
    first_only=True,
)
def same_batch(inference: Inference) -> Iterator[Judgement]:
    """The batch keeps its batchId, and no other batch appears.

    Three ways to break it: a message of the batch shows another batch in ``batches`` than before; the batchId, listed until a retry
    left, is not found any more; a batch that no send of this run made holds copies of its rows. Exercised where the batchId finds
    the same messages, and the campaign holds each of them and no copy, before and after: so no batch with further messages made
    of our rows can have appeared, also where ``batches`` is not shown.
    """
    case = inference.case
    lost = inference.lost
    if lost is not None:
        text = "what was sent is gone, and no retry explains it: the target lost its data (restart?)"
        yield Observed(key="data-lost", value=text, evidence=lost.evidence)
    for batch in case.ours:
        call = accepted(batch)
        if call is None:
            continue
        wrong = [*_moved_away(case, batch, call), *_not_found(case, batch, lost), *_copies(case, batch, call)]
        yield from wrong
        pair = _around(case, batch, call)
        if wrong or pair is None or not pair[1] or set(pair[1][0].ids) != set(pair[0].ids):
            continue
        campaign = [s for s in case.snapshots if s.batch is None and s.complete and set(pair[0].ids) <= set(s.ids)]
        earlier = [s for s in campaign if s.last <= call.t]
        later = [s for s in campaign if s.t - case.lag("campaign_list") >= call.last]
        proof = _picked_up(case, pair[0], call, pair[1][0].last)
        if (other := _in_another(case, batch, call)) is not None:
            text = f"read {other.n}, after retry {call.n}, shows a message in a batch that no read before it shows"
            yield InDoubt(reason=DoubtReason.DATA_CHANGED, text=text, evidence=(call.n, other.n))
        elif proof is not None and earlier and later and not batch.strays:
            shown = (*pair[1][0].evidence, earlier[-1].pages[0].n, later[-1].pages[0].n)
            yield Exercised(proof=proof & Proof(evidence=shown))


def batch_ids(reading: Reading) -> frozenset[str] | None:
    """Ids of the batches that an answer shows a message in; None if it shows none of them (ruling 12)."""
    shown = reading.data.get("batches")
    if not isinstance(shown, list):
        return None
    found = (identity(item.get("id")) for item in shown if isinstance(item, Mapping))
    return frozenset(i for i in found if i is not None)


def _in_another(case: Case, batch: Batch, call: RetryCall) -> Reading | None:
    """A reading after the retry that shows a message in a batch which no reading before it showed, whatever the message."""
    made = {b.id for b in case.batches}
    mine = (r for message in batch.messages for r in case.readings(message) if r.t >= call.last)
    later = [(r, ids) for r in mine if (ids := (batch_ids(r) or frozenset()) - made)]
    # Mostly there is none, and then it does not matter what was shown before.
    known = frozenset[str]().union(*(batch_ids(r) or () for r in case.all_readings if later and r.last <= call.t))
    return min((r for r, ids in later if ids - known), key=lambda r: (r.t, r.n, r.position), default=None)


def _moved_away(case: Case, batch: Batch, call: RetryCall) -> Iterator[Violated]:
    """Compared within one view. An empty list counts only of a terminal message, and if it stays so (ruling 33)."""
    for message in batch.messages:
        for view in case.views(message):
            shown = [(r, ids) for r in view if (ids := batch_ids(r)) is not None]
            before = [(r, ids) for r, ids in shown if r.last <= call.t and (ids or r.terminal)]
            known = frozenset[str]().union(*(ids for _, ids in before))
            if batch.id not in known:
                continue
            for index, (reading, ids) in enumerate(shown):
                if not follows(case, reading, call.last) or (not ids and not reading.terminal):
                    continue
                without = batch.id not in ids
                if without and not ids and any(batch.id in later for _, later in shown[index:]):
                    continue
                if without or ids - known:
                    how = "without the batchId" if without else "in more batches than before"
                    first = Proof(
                        because=(
                            f"read {before[-1][0].n}, before retry {call.n}, shows the message in its batch",
                            f"the retry is answered {call.said}",
                        ),
                        evidence=(before[-1][0].n, call.n),
                        assumptions=frozenset(assume("A6", batch.id)),
                    )
                    yield Violated(
                        proof=first & read_after(reading, call.last, f"(the same view) shows it {how}"),
                        violation=f"after a retry, a message stands in {_place(batch, ids)}",
                        observed=how,
                        any_of=blamed(call, "BR-IDS-02"),
                        defect=how,
                        scenario=call.scenario,
                    )
                    return


def _place(batch: Batch, ids: frozenset[str]) -> str:
    """Where a message stands by the ids of the batches that it is shown in."""
    if batch.id in ids:
        return "one more batch than before"
    return "another batch" if ids else "no batch any more"


def _not_found(case: Case, batch: Batch, lost: Lost | None) -> Iterator[Violated]:
    """The batch is listed before a retry left, and never again after its answer, while nothing shows that it went later."""
    good = [s for s in case.listings(batch) if s.ids]
    if not good:
        return
    listed = max(good, key=lambda s: s.last)
    gone = [e for e in case.exchanges if e.t >= listed.last and e.status in (400, 404) and lists(e, batch)]
    if len(gone) < 2 or (lost is not None and gone[-1].last >= lost.since):
        return
    suspects = [c for c in batch.retries if c.accepted and listed.last <= c.t and c.last <= gone[0].t]
    found = [r for m in batch.messages for r in case.readings(m)]
    if not suspects or (any(r.t >= suspects[0].last for r in found) and not any(r.t >= gone[0].last for r in found)):
        return
    call = suspects[0]
    kept = _kept(case, batch, call.t, gone[0].last)
    if kept is None:
        return  # Everything may be gone: a restart, and no retry.
    proof = kept & Proof(
        because=(
            f"read {listed.evidence[-1]} lists the batch before retry {call.n}",
            f"after the retry's answer, read {gone[0].n} and all later ones are answered {gone[0].status}",
        ),
        evidence=(listed.evidence[-1], call.n, *(e.n for e in gone[:3])),
        assumptions=frozenset((*assume("A6", batch.id), *assume("A7", "batch_list"))),
        margins={"batch_list": Margin(gone[-1].t - call.last, "batch_list", gone[-1].n)},
    )
    yield Violated(
        proof=proof,
        violation="the target does not find a batch under its batchId after a retry",
        expected=("200 with the batch's messages",),
        observed=f"{gone[0].status}",
        any_of=blamed(call, "BR-IDS-02"),
        legal_if="the batch were listed",
        defect="not found",
        scenario=call.scenario,
    )


def _kept(case: Case, batch: Batch, since: float, until: float) -> Proof | None:
    """Proof that the target did not lose its data: another batch, made before ``since``, is shown after ``until``."""
    for other in case.ours:
        if other.id == batch.id or other.send is None or other.send.last > since:
            continue
        shown = next((r for m in other.messages for r in case.readings(m) if r.t >= until), None)
        if shown is not None:
            return Proof(because=(f"read {shown.n} shows another batch of that time still",), evidence=(shown.n,))
    return None


def _copies(case: Case, batch: Batch, call: RetryCall) -> Iterator[Violated | InDoubt]:
    """Copies of our rows, under other ids, in a batch that no send of this run made.

    A retry made them if the campaign's whole listing, right before it, held the batch and none of them. A send that is carried
    out twice makes copies too, before any retry.
    """
    known = {b.id for b in case.batches}
    for stray in batch.strays:
        elsewhere = [r for r in case.readings(stray) if (batch_ids(r) or frozenset()) - known]
        if not elsewhere:
            continue
        first = min(r.t for r in case.readings(stray))
        pair = None if _lost_send(case, stray) else _before_and_retry(case, batch, stray, first)
        if pair is None:
            text = f"read {elsewhere[0].n} shows a row of the run under another id, in a batch that no send of the run made"
            yield InDoubt(reason=DoubtReason.COPIES, text=text, evidence=(elsewhere[0].n,))
            return
        shot, made = pair
        proof = Proof(
            because=(
                f"the campaign's whole listing {shot.evidence[0]}, before retry {made.n}, holds the batch and no copy of it",
            ),
            evidence=(*shot.evidence, made.n),
            assumptions=frozenset(assume("A6", batch.id)),
        )
        shows = "shows a row of the batch under another id, in a batch that no send of this run made"
        yield Violated(
            proof=proof & read_after(elsewhere[0], made.last, shows),
            violation="after a retry, another batch holds copies of the batch's rows",
            observed="copies in another batch",
            any_of=blamed(made, "BR-IDS-02"),
            defect="copies in another batch",
            scenario=made.scenario,
        )
        return


def _before_and_retry(case: Case, batch: Batch, stray: str, first: float) -> tuple[Snapshot, RetryCall] | None:
    """The campaign's last whole listing that holds the batch and not the copy, and an accepted retry between it and the copy."""
    calls = [c for c in batch.retries if c.accepted and c.last <= first]
    for shot in reversed(case.snapshots):
        whole = shot.batch is None and shot.complete and shot.search is None and shot.direction == "forward"
        if whole and stray not in shot.ids and set(batch.messages) <= set(shot.ids):
            call = next((c for c in calls if c.t >= shot.last), None)
            if call is not None:
                return shot, call
    return None


def _lost_send(case: Case, stray: str) -> bool:
    """True if a send that got no batchId holds the row: it may have made the copy."""
    nonces = {n for r in case.readings(stray) for n in r.nonces}
    sends = (e for e in case.exchanges if e.invoke.operation == "batch_send" and not e.accepted)
    return any(row.nonce in nonces for e in sends for row in e.invoke.rows)


RULES = (same_ids, same_batch)
