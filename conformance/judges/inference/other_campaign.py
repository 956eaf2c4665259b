"""Whether the other campaign is what the configuration says: its key opens it (BR-SEC-02, BR-SEC-03, BR-SGL-03).

A key that opens nothing is refused anywhere, and so is the path of a campaign that does not exist: such refusals say nothing. A key
that opens the run's own campaign may retry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from conformance.history.records import Exchange
from conformance.judges.inference.proof import Proof
from conformance.judges.inference.retry_call import RetryCall

if TYPE_CHECKING:
    from conformance.judges.inference.case import Case

_READS = ("batch_list", "campaign_list", "message_read")


def opened(case: Case) -> Proof | None:
    """Proof that the other key belongs to another campaign: it has read that campaign."""
    for read in _reads(case):
        if read.status == 200 and isinstance(read.end.body, Mapping):
            return Proof(because=(f"read {read.n} shows the other campaign to its own key",), evidence=(read.n,))
    return None


def proved_other(case: Case, call: RetryCall) -> Proof | None:
    """Proof that a probe names what it is meant to, another key or campaign; the empty proof where no key could show it."""
    name = call.probe.name if call.probe is not None else ""
    keyed = name in ("other-key", "other-own-key") or (name == "other" and "other_key" in case.header.offers)
    return opened(case) if keyed else Proof()


def perhaps_own(case: Case, call: RetryCall) -> bool:
    """True for a probe that may have retried rightly: what it was sent with is not shown to be another campaign's."""
    return not call.valid and call.outcome in ("accepted", "unknown") and proved_other(case, call) is None


def why_unproved(case: Case, call: RetryCall) -> str:
    """What came of the reads of the other campaign, for a doubt."""
    reads = _reads(case)
    came = f"read {reads[-1].n} was answered {reads[-1].status or 'nothing'}" if reads else "none was asked for"
    return (
        f"request {call.n} was answered {call.said}, but no read of the other campaign with its own key was answered 200 ({came}): "
        "there may be no such campaign, or the key may be none"
    )


def _reads(case: Case) -> tuple[Exchange, ...]:
    """Reads of another campaign with the other key, whoever asked."""
    return tuple(
        e
        for e in case.exchanges
        if e.invoke.auth == "other"
        and e.invoke.operation in _READS
        and e.invoke.cause is None
        and e.invoke.campaign not in (None, case.header.campaign_id)
    )
