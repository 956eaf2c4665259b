"""Probes: requests that differ from a valid retry in one thing, and how a legal target answers them."""

from __future__ import annotations

from typing import Any

from conformance.history.records import Invoke
from oracle.simulator.target import CAMPAIGN, OTHER, Answer, Target

METHODS = ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE")
AUTHS = ("none", "wrong", "cut", "extended", "case", "scheme")
SPELLINGS = {"trailing-slash": "retry/", "upper-case": "RETRY", "suffix": "retry.json"}
#: Ids made of the batch's own, by what stands in the path.
NEAR = {"null-byte": "{}%00", "longer": "{}-more", "wildcard": "{}%25"}
MALFORMED = ("quote", "long", "dots", "empty-like")
#: What must not matter (BR-SEC-05), with the request that has it.
HARMLESS: dict[str, dict[str, Any]] = {
    "body:json-recipient": {
        "content_type": "application/json",
        "body": {"recipient": "6511113333", "language": "english", "values": {"body": "not what was sent"}},
    },
    "body:json-ids": {"content_type": "application/json", "body": {"messageIds": ["message_none"]}},
    "query:names": {"query": (("force", "true"), ("status", "success"), ("limit", "0"))},
    "query:recipient": {"query": (("recipient", "6511113333"), ("force", "true"))},
    "header:accept": {},
    "header:method-override": {},
}
CHAIN = (
    *(f"auth:{auth}" for auth in AUTHS),
    *(f"method:{method}" for method in METHODS),
    *(f"path:{name}" for name in SPELLINGS),
    "auth:other-key",
    "campaign:other",
    "campaign:other-own-key",
    *(f"id:near:{how}" for how in NEAR),
)


def probe(cause: str, batch: str) -> dict[str, Any]:
    """The request of a probe on that batch."""
    kind, _, name = cause.partition(":")
    made: dict[str, Any] = {"operation": "batch_retry", "method": "POST", "batch": batch, "cause": cause}
    path = f"/campaigns/{CAMPAIGN}/batch/{batch}/"
    made["path"] = path + "retry"
    if kind == "auth":
        made["auth"] = "other" if name == "other-key" else name
    elif kind == "method":
        made["method"] = name
    elif kind == "path":
        made |= {"path": path + SPELLINGS[name], "auth": "none"}
    elif cause.startswith("id:near:"):
        made["path"] = f"/campaigns/{CAMPAIGN}/batch/{NEAR[name.partition(':')[2]].format(batch)}/retry"
    elif kind == "campaign":
        made |= {"campaign": OTHER, "auth": "other" if name == "other-own-key" else "valid"}
        made["path"] = made["path"].replace(CAMPAIGN, OTHER)
    elif cause in HARMLESS:
        made |= HARMLESS[cause]
    return made


class Probes:
    """How the target meets probes; None: it is decided like a request without the cause."""

    def decide(self, target: Target, record: Invoke) -> Answer | None:
        kind, _, name = (record.cause or f"auth:{record.auth}").partition(":")
        if kind == "generated":
            return None
        dead = target.dead is not None and target.clock.now >= target.dead
        if record.operation == "campaign_list" and record.auth == "other" and record.campaign == OTHER:
            page = {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
            return Answer(200, {"data": [], "pageData": page})
        if kind == "auth" and name in ("other", "other-key"):
            return target.foreign(record)
        if kind == "auth":
            return target.unauthorised(record)
        if dead and record.auth == "valid":
            return target.other_error(401, "invalid_api_key_provided")
        if kind == "campaign":
            return target.other_campaign(record)
        if kind == "path":
            return target.misspelt(record)
        if kind == "method":
            return target.other_method(record)
        if kind == "id":
            if name.startswith("near:"):
                return target.nearly(record)
            return target.unknown() if name == "unknown" else target.malformed(record)
        batch = target.batches.get(record.batch or "")
        if batch is None:
            return target.unknown()
        return target.harmless(batch, record)


PROBES = Probes()
