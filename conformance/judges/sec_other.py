"""Whether the other campaign is what the configuration says: its key opens it (BR-SEC-02, BR-SEC-03).

A key that opens nothing is refused anywhere, and so is the path of a campaign that there is not. That such a request is
refused says nothing of keys and campaigns that there are; and a key that opens the run's own campaign may retry.
"""

from __future__ import annotations

from collections.abc import Mapping

from conformance.findings import Doubt
from conformance.judges.case import Case, Write

CODE = "other-campaign-unproved"
_READS = ("batch_list", "campaign_list", "message_read")


def unproved(case: Case, probe: Write) -> bool:
    """Whether the probe stands or falls with another key or campaign of which no read shows that they are such."""
    _, _, name = (probe.exchange.invoke.cause or "").partition(":")
    keyed = name in ("other-key", "other-own-key") or (name == "other" and "other_key" in case.header.offers)
    return keyed and not any(_opens(case, n) for n in _asked(case))


def doubt(case: Case, requirement: str, probe: Write) -> Doubt:
    """Why the probe proves nothing, and what to check."""
    asked = _asked(case)
    came = f"read {asked[-1]} was answered {case[asked[-1]].status or 'nothing'}" if asked else "none was asked for"
    return Doubt(
        requirement=requirement,
        code=CODE,
        text=f"request {probe.n} was answered {probe.status or 'nothing'}, but no read of the other campaign with its own "
        f"key was answered with 200 ({came}): there may be no such campaign, or the key may be none",
        needs=(
            "target.other.campaign_id and target.other.api_key that belong together (`doctor` reads a page with them)",
        ),
        evidence=(*asked[-1:], probe.n),
    )


def _asked(case: Case) -> tuple[int, ...]:
    """Reads of another campaign with the other key, whoever asked."""
    return tuple(
        e.n
        for e in case.exchanges
        if e.invoke.auth == "other"
        and e.invoke.operation in _READS
        and e.invoke.cause is None
        and e.invoke.campaign not in (None, case.header.campaign_id)
    )


def _opens(case: Case, n: int) -> bool:
    return case[n].status == 200 and isinstance(case[n].end.body, Mapping)
