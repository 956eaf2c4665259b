"""Whether the other campaign is what the configuration says: its key opens it (BR-SEC-02, -03, BR-SGL-03).

A key that opens nothing is refused anywhere, and so is the path of a campaign that does not exist. That such a request is refused
says nothing of keys and campaigns that exist; and a key that opens the run's own campaign may retry.
"""

from __future__ import annotations

from collections.abc import Mapping

from conformance.judges.inference.case import Case
from conformance.judges.inference.retry_call import RetryCall

_READS = ("batch_list", "campaign_list", "message_read")


def unproved(case: Case, call: RetryCall) -> str | None:
    """Why it is not shown that the key or campaign of a probe is another one that exists; None if it is, or does not matter."""
    name = call.probe.name if call.probe is not None else ""
    keyed = name in ("other-key", "other-own-key") or (name == "other" and "other_key" in case.header.offers)
    if not keyed:
        return None
    asked = [
        e
        for e in case.exchanges
        if e.invoke.auth == "other"
        and e.invoke.operation in _READS
        and e.invoke.cause is None
        and e.invoke.campaign not in (None, case.header.campaign_id)
    ]
    if any(e.status == 200 and isinstance(e.end.body, Mapping) for e in asked):
        return None
    came = f"read {asked[-1].n} was answered {asked[-1].status or 'nothing'}" if asked else "none was asked for"
    return (
        f"request {call.n} was answered {call.said}, but no read of the other campaign with its own key was answered with 200 "
        f"({came}): there may be no such campaign, or the key may be none"
    )
