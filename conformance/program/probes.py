"""Odd requests to the retry endpoint, by cause: the one thing in which each differs from a valid retry."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from conformance.transport.guard import MALFORMED

#: Makes an id that no batch has, percent-encoded, of the named shape (None: well-formed), and lets the guard know.
Invent = Callable[[UUID, str | None], str]

METHODS = ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE")
#: Spellings of the path that are not the documented one; ``{}`` stands for the documented path without its last word.
PATHS = {
    "trailing-slash": "{}/retry/",
    "double-slash": "{}//retry",
    "upper-case": "{}/RETRY",
    "encoded": "{}/%72etry",
    "suffix": "{}/retry.json",
    "parameter": "{}/retry;a=1",
}
AUTHS = ("none", "wrong", "cut", "extended", "case", "scheme")
BODIES = ("json-recipient", "json-ids", "null", "text", "broken-json", "array", "deep", "long")
HEADERS = ("content-type", "accept", "method-override", "long")
QUERIES = ("names", "recipient", "long")

#: Causes that name no batch at all, whatever else is odd about them: they cost nothing.
NAMELESS = (
    "id:unknown",
    *(f"id:malformed:{shape}" for shape in MALFORMED),
    *(f"body:{name}" for name in ("null", "text", "broken-json", "array", "deep", "long")),
    *(f"header:{name}" for name in HEADERS),
    "query:long",
)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a probe is about: the batch, one of its messages, and who else may be texted."""

    campaign: str
    other_campaign: str | None
    batch: str
    message: str
    #: An allowed number that is not in the batch, if there is one.
    stranger: str


def overrides(cause: str, subject: Subject) -> dict[str, Any]:
    """The fields of a ``transport.request.Request`` in which this probe differs from a valid retry of the subject.

    :raises KeyError: the cause is unknown.
    """
    kind, _, name = cause.partition(":")
    stem = f"/campaigns/{subject.campaign}/batch/{subject.batch}"
    if kind == "auth":
        return {"auth": "other" if name == "other-key" else name}
    if kind == "method":
        return {"method": name}
    if kind == "path":
        return {"path": PATHS[name].format(stem), "auth": "none"}
    if kind == "campaign":
        return {"campaign": subject.other_campaign, "auth": "other" if name == "other-own-key" else "valid"}
    if kind == "id":
        return {"path": f"{stem}/retry"}
    if kind == "scheme":
        return {"auth": "wrong"}
    if kind == "body":
        content, content_type = _bodies(subject)[name]
        return {"content": content, "content_type": content_type}
    if kind == "query":
        return {"query": _queries(subject)[name]}
    return {"headers": _HEADERS[name]}


def invented(cause: str, identifier: UUID, invent: Invent) -> str:
    """The id that a nameless probe is sent to."""
    return invent(identifier, cause.removeprefix("id:malformed:") if cause.startswith("id:malformed:") else None)


def _bodies(subject: Subject) -> dict[str, tuple[bytes, str]]:
    kind = "application/json"
    wanted = {"recipient": subject.stranger, "language": "english", "values": {"body": "not what was sent"}}
    deep: Sequence[Any] = []
    for _ in range(60):
        deep = [deep]
    return {
        "json-recipient": (json.dumps(wanted).encode(), kind),
        "json-ids": (json.dumps({"messageIds": [subject.message]}).encode(), kind),
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
        "long": (("q", "a" * 2_000),),
    }


_HEADERS: dict[str, tuple[tuple[str, str], ...]] = {
    "content-type": (("content-type", "text/xml; charset=utf-7"),),
    "accept": (("accept", "text/html;q=0.1, image/*"),),
    "method-override": (("x-http-method-override", "DELETE"),),
    "long": (("x-conformance", "a" * 4_000),),
}
