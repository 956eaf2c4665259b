"""How often a message was seen to be reset, by its statuses alone, for targets that show no attempts."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.readings import Reading, counted_apart
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.timeline import Retried, follows, gain, older, retried, terminal_stays

#: The operations that show messages whenever they are asked.
VIEWS = frozenset({"batch_list", "campaign_list", "message_read"})


@dataclass(frozen=True)
class Rounds:
    """At least how many attempts a message began beyond its first, as its statuses show."""

    count: int
    proof: Proof


def rounds(case: Case, message: str, until: float = float("inf")) -> Rounds:
    """Count how often the message was seen in progress after it had been seen terminal, with a retry of its own each time.

    Each time it has been reset (A2). A reading that may be older than the one before it counts for nothing (A7), nor does one that
    shows the same number of attempts or an older ``updatedAt``, nor one with no call since the last that may have reset it.
    """
    resets = case.resets_of(message)
    ended: Reading | None = None
    moving: Reading | None = None
    count, found = 0, Proof()
    for r in case.readings(message):
        if r.last > until:
            continue
        if r.terminal and ended is None and (moving is None or follows(case, r, moving.last)):
            ended = r
        elif r.in_progress and ended is not None and again(case, ended, r):
            if not any((moving is None or t > moving.t) and t <= r.last for t in resets):
                continue
            assumed = (*terminal_stays(ended), *assume("A7", r.view))
            found &= Proof(evidence=(ended.n, r.n), assumptions=frozenset(assumed))
            count, ended, moving = count + 1, None, r
    return Rounds(count, found)


def again(case: Case, ended: Reading, later: Reading) -> bool:
    """True if ``later`` shows in progress what ``ended``, over before it began, shows terminal, and nothing says it is older."""
    if not (ended.terminal and later.in_progress and follows(case, later, ended.last)):
        return False
    return not older(later, ended) and not _stood(case, ended, later)


def _stood(case: Case, ended: Reading, later: Reading) -> bool:
    """True if a field of any view counts as many attempts in ``later``, or after it, as up to ``ended``, or up to the first call
    that may reset the message: no reset between (A4)."""
    seen = case.readings(ended.message)
    until = max(ended.last, min(case.resets_of(ended.message), default=ended.last))
    before = counted_apart(a for a in seen if a.last <= until)
    after = counted_apart(r for r in seen if r is later or follows(case, r, later.last))
    return any(gain(a, b) == 0 for a in before for b in after)


def times_retried(case: Case, batch: Batch, message: str, call: RetryCall) -> Retried:
    """How often the message had been retried when the call left: by counts, and by statuses where these show more."""
    known, seen = retried(case, batch, message, call), rounds(case, message, call.t)
    if seen.count <= known.least:
        return known
    return Retried(seen.count, max(known.most, seen.count), known.proof & seen.proof)


def views_read(case: Case, message: str, since: float, until: float = float("inf")) -> frozenset[str]:
    """The views that showed the message after ``since`` (ruling 29: what one view alone shows may be that view's fault)."""
    return frozenset(r.view for r in case.readings(message) if r.t >= since and r.last <= until and r.view in VIEWS)
