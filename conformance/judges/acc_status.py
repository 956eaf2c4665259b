"""BR-ACC-06 by the status: a batch becomes retryable again when the messages of an accepted retry are terminal."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.findings import Doubt, Finding, Opinion
from conformance.judges.case import Batch, Case, Write
from conformance.judges.intervals import ENQUEUED, ENQUEUING_FAILED, RETRYABLE, seconds
from conformance.judges.quiet import settled
from conformance.judges.sightings import Sight
from conformance.judges.timeline import begun, follows


def stays_unretryable(case: Case, batch: Batch) -> Iterator[Opinion]:
    """BR-ACC-06 by the status: still not retryable when settle_timeout has passed since all messages were terminal.

    Terminal stays terminal without a retry (A2), none is owed an attempt any more (A4), and no write lies between
    (A6); so the status had its time.
    """
    accepted = [w for w in batch.retries if w.standing == "accepted"]
    for write in accepted:
        following = min((w.t for w in batch.writes if w.t > write.t and w.standing != "unsent"), default=float("inf"))
        seen = [
            [s for s in case.sights(m) if follows(case, s, write.last) and s.last <= following] for m in batch.messages
        ]
        if not batch.whole or not all(view and view[-1].terminal for view in seen):
            continue
        if any(w.standing == "open" and w.t < following for w in batch.retries):
            continue  # It may be carried out at any time, and the batch be processed once more (ruling 11).
        ends = [next((s.last for s in v if s.terminal and settled(case, batch, s)), float("inf")) for v in seen]
        done = max(ends)
        bound = max(done, write.last) + case.header.settle_timeout
        late = [
            (s, status)
            for s, status in case.status_sights(batch)
            if begun(case, s) >= bound and s.last <= following and status not in RETRYABLE
        ]
        if late:
            sight, status = late[0]
            yield Finding(
                any_of=("BR-ACC-06",),
                summary=f"the target keeps a batch in {status} after every message of the retry is terminal",
                argument=(
                    f"retry {write.n} is accepted; every message is terminal {done - write.last:.1f} s later",
                    f"read {sight.n}, more than settle_timeout later, shows the batch in {status}",
                ),
                expected=(ENQUEUED, ENQUEUING_FAILED),
                observed=status,
                evidence=(write.n, sight.n),
                axioms=("A2", "A3", "A4", "A6", "A7"),
                counterfactual="would be legal if a message had still been underway",
                scenario=write.exchange.invoke.scenario,
                subject="status stays not retryable after an accepted retry",
            )
            return
        yield from _left_unretryable(case, batch, write, seen, following)


def _left_unretryable(
    case: Case, batch: Batch, write: Write, seen: list[list[Sight]], following: float
) -> Iterator[Opinion]:
    """What speaks against a pass of BR-ACC-06 without proving the contrary: the last word on the batch's status.

    Every message is terminal, and half of settle_timeout later the batch is still not retryable when it is read last.
    """
    ended = max(next(s.last for s in view if s.terminal) for view in seen)
    shown = [(s, status) for s, status in case.status_sights(batch) if s.t >= ended and s.last <= following]
    if shown and shown[-1][1] not in RETRYABLE and shown[-1][0].t - ended >= case.header.settle_timeout / 2:
        sight, status = shown[-1]
        yield Doubt(
            requirement="BR-ACC-06",
            code="left-unretryable",
            text=f"read {sight.n}, the last of its batch, shows it in {status}, {seconds(sight.t - ended)} after every message "
            f"of accepted retry {write.n} was terminal",
            needs=("a longer timing.settle_timeout",),
            evidence=(write.n, sight.n),
        )
