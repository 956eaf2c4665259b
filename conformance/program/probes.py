"""What each probe sends: the one thing in which it differs from a valid retry. ``history.probe`` names the probes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from conformance.history.probe import Probe
from conformance.transport.guard import MALFORMED, NEAR


class Invent(Protocol):
    """Makes ids that nothing has, and lets the guard know. ``transport.guard.Guard`` is one."""

    def invent(self, identifier: UUID, shape: str | None = None) -> str:
        """Return a batch id, percent-encoded for a path, of the named malformed shape (None: well-formed)."""
        ...

    def invent_message(self, identifier: UUID) -> str:
        """Return a well-formed message id."""
        ...

    def near(self, batch: str, how: str, identifier: UUID) -> str | None:
        """Return an id made of a batch's own, percent-encoded for a path; None if it might be somebody else's."""
        ...


METHODS = ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE")
#: Methods that are sent with a header and a query that ask for POST.
OVERRIDDEN = ("GET", "PUT")
_AS_POST = "-as-POST"
#: Spellings of the path that are not the documented one; ``{}`` stands for the documented path without its last word.
PATHS = {
    "trailing-slash": "{}/retry/",
    "double-slash": "{}//retry",
    "upper-case": "{}/RETRY",
    "encoded": "{}/%72etry",
    "suffix": "{}/retry.json",
    "parameter": "{}/retry;a=1",
    # As it stands; a client's library takes a plain dot out by itself.
    "dot": "{}/%2e/retry",
}
AUTHS = ("none", "wrong", "empty", "cut", "extended", "case", "scheme")
BODIES = ("json-recipient", "json-ids", "json-force", "null", "text", "broken-json", "array", "deep", "long")
HEADERS = ("content-type", "accept", "accept-language", "method-override", "long")
QUERIES = ("names", "recipient", "limit", "force", "odd", "long")
#: Names of the probes that change nothing but the credential or the campaign of a single retry, or its message's id.
SINGLES = (
    *(f"auth:{name}" for name in (*AUTHS, "other-key")),
    "campaign:other",
    "campaign:other-own-key",
    "id:unknown",
)
#: All probes of a batch retry, by cause.
CAUSES = frozenset(
    {
        *(f"auth:{name}" for name in (*AUTHS, "other-key")),
        *(f"method:{name}" for name in METHODS),
        *(f"method:{name}{_AS_POST}" for name in OVERRIDDEN),
        *(f"path:{name}" for name in PATHS),
        *(f"body:{name}" for name in BODIES),
        *(f"query:{name}" for name in QUERIES),
        *(f"header:{name}" for name in HEADERS),
        *(f"id:malformed:{name}" for name in MALFORMED),
        *(f"id:near:{name}" for name in NEAR),
        *("id:unknown", "scheme:http", "campaign:other", "campaign:other-own-key"),
    }
)

#: Shapes that break what others break, too: what is not ASCII, what is not printed, what is not escaped.
_LIKE_OTHERS = ("upper", "unicode", "control", "null-byte", "angle")
#: Causes that name no batch at all, whatever else is odd about them: they cost nothing. What a batch that there is is retried with
#: as well (two headers), and what the drawing driver draws (lists, long queries), are left out.
NAMELESS = (
    "id:unknown",
    *(f"id:malformed:{shape}" for shape in MALFORMED if shape not in _LIKE_OTHERS),
    *(f"body:{name}" for name in ("null", "text", "broken-json", "long")),
    *(f"header:{name}" for name in ("content-type", "accept", "long")),
    "query:odd",
)


def names_own(cause: str | None) -> bool:
    """Whether a probe's id is made of a batch's own, so that there has to be one."""
    probe = Probe.parse(cause)
    return probe is not None and probe.near is not None


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a probe is about: the batch, one of its messages, and who else may be texted."""

    campaign: str
    other_campaign: str | None
    batch: str
    message: str
    #: An allowed number that is not in the batch, if there is one.
    stranger: str
    #: A documented language that the batch's first row is not in.
    language: str = "malay"


def overrides(probe: Probe, subject: Subject) -> dict[str, Any]:
    """Return the fields of a ``transport.request.Request`` in which this probe differs from a valid batch retry.

    :raises KeyError: there is no such probe.
    """
    stem = f"/campaigns/{subject.campaign}/batch/{subject.batch}"
    name = probe.name
    if probe.kind in ("auth", "campaign"):
        return _let_in(probe, subject)
    if probe.kind == "method":
        if name.endswith(_AS_POST):
            # Frameworks read one or the other.
            asked = {"headers": (("x-http-method-override", "POST"),), "query": (("_method", "POST"),)}
            return {"method": name.removesuffix(_AS_POST), **asked}
        return {"method": name}
    if probe.kind == "path":
        return {"path": PATHS[name].format(stem), "auth": "none"}
    if probe.kind == "id":
        return {"path": f"{stem}/retry"}
    if probe.kind == "scheme":
        return {"auth": "wrong"}
    if probe.kind == "body":
        content, content_type = _bodies(subject)[name]
        return {"content": content, "content_type": content_type}
    if probe.kind == "query":
        return {"query": _queries(subject)[name]}
    if name == "accept-language":
        return {"headers": (("accept-language", _TAGS[subject.language]), ("accept", _BROWSER))}
    return {"headers": _HEADERS[name]}


def single_overrides(probe: Probe, subject: Subject) -> dict[str, Any]:
    """The same for a valid single retry; the id of ``id:unknown`` is the caller's to put in.

    :raises KeyError: there is no such probe of a single retry.
    """
    if str(probe) not in SINGLES:
        raise KeyError(str(probe))
    return {} if probe.kind == "id" else _let_in(probe, subject)


def _let_in(probe: Probe, subject: Subject) -> dict[str, Any]:
    """Whose key is sent, and through whose path."""
    if probe.kind == "auth":
        return {"auth": "other" if probe.name == "other-key" else probe.name}
    return {"campaign": subject.other_campaign, "auth": "other" if probe.name == "other-own-key" else "valid"}


def _bodies(subject: Subject) -> dict[str, tuple[bytes, str]]:
    kind = "application/json"
    wanted = {"recipient": subject.stranger, "language": subject.language, "values": {"body": "not what was sent"}}
    deep: Sequence[Any] = []
    for _ in range(60):
        deep = [deep]
    return {
        "json-recipient": (json.dumps(wanted).encode(), kind),
        "json-ids": (json.dumps({"messageIds": [subject.message]}).encode(), kind),
        "json-force": (json.dumps({"force": True, "limit": 1, "status": "success"}).encode(), kind),
        "null": (b"null", kind),
        "text": (b"retry, please", "text/plain"),
        "broken-json": (b'{"a":', kind),
        "array": (b"[1, 2, 3]", kind),
        "deep": (json.dumps(deep).encode(), kind),
        "long": (b'"' + b"a" * 20_000 + b'"', kind),
    }


def _queries(subject: Subject) -> dict[str, tuple[tuple[str, str], ...]]:
    return {
        "names": (("force", "true"), ("status", "success"), ("limit", "0")),
        "recipient": (("recipient", subject.stranger), ("force", "true"), ("messageId", subject.message)),
        "limit": (("limit", "1"),),
        "force": (("force", "true"), ("status", "success"), ("dryRun", "true")),
        "odd": (("limit", "ten"), ("page", "-1"), ("after", "nowhere"), ("status[]", "")),
        "long": (("q", "a" * 2_000),),
    }


#: Languages that a body or header asks for, by their tags in a header.
_TAGS = {"malay": "ms", "tamil": "ta"}

#: What browsers accept: a page rather than JSON, and anything else.
_BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"

_HEADERS: dict[str, tuple[tuple[str, str], ...]] = {
    "content-type": (("content-type", "text/xml; charset=utf-7"),),
    "accept": (("accept", "text/html;q=0.1, image/*"),),
    "method-override": (("x-http-method-override", "DELETE"),),
    "long": (("x-conformance", "a" * 4_000),),
}
