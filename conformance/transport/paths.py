"""Which operation a path names, in every reading that a server may give it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from conformance.history.records import Operation

#: Ids are opaque (contract section 1): letters, digits and marks that no server takes for more than a part of an id.
_MARKS = ":=+@,"
_ID = rf"(?:[A-Za-z0-9._~-]|{'|'.join(quote(mark, safe='') for mark in _MARKS)})+"
_OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("POST", "campaigns/{c}/batch/messages"): "batch_send",
    ("POST", "campaigns/{c}/batch/{b}/retry"): "batch_retry",
    ("GET", "campaigns/{c}/batch/{b}/messages"): "batch_list",
    ("GET", "campaigns/{c}/messages/{m}"): "message_read",
    ("GET", "campaigns/{c}/messages"): "campaign_list",
    ("POST", "campaigns/{c}/messages"): "single_send",
    ("POST", "campaigns/{c}/messages/{m}/retry"): "single_retry",
}
_PATTERNS = [
    (method, re.compile(re.sub(r"\\{(\w)\\}", rf"(?P<\1>{_ID})", re.escape(template))), operation)
    for (method, template), operation in _OPERATIONS.items()
]
_RETRY = re.compile(r"campaigns/(?P<c>[^/]+)/batch/(?P<b>[^/]+)/retry")


@dataclass(frozen=True)
class Named:
    """The operation and ids that a path names."""

    operation: Operation
    campaign: str
    batch: str | None = None
    message: str | None = None


#: Characters of an id or cursor above which it has no place in a URL: servers take 8 KiB or so for all of it.
LONGEST_IN_URL = 4096


def plain_id(text: str) -> bool:
    """Whether an id can stand in a path, percent-encoded as need be, and in one reading only."""
    return (
        len(text) <= LONGEST_IN_URL
        and re.fullmatch(rf"[A-Za-z0-9._~{_MARKS}-]+", text) is not None
        and text not in (".", "..")
    )


def plain(method: str, path: str) -> Named | None:
    """What a path below base_url names if it is spelled as documented; None if it is spelled in any other way."""
    if any(part in (".", "..") for part in path.split("/")):
        return None
    for wanted, pattern, operation in _PATTERNS:
        match = pattern.fullmatch(path.removeprefix("/"))
        if match and method == wanted and path.startswith("/"):
            ids = {name: unquote(value) for name, value in match.groupdict().items()}
            return Named(operation, ids["c"], ids.get("b"), ids.get("m"))
    return None


def odd_retry(path: str) -> Named | None:
    """What an oddly spelled path names in the most generous reading, if that is a batch retry; else None.

    Percent-encoding (nested too), back slashes, empty and dot segments, path parameters, case of the fixed words
    and trailing marks are all read away, as some server might.
    """
    for _ in range(4):
        decoded = unquote(path)
        if decoded == path:
            break
        path = decoded
    else:
        return None
    segments: list[str] = []
    for segment in path.replace("\\", "/").split("/"):
        segment = segment.split(";", 1)[0]
        if segment in ("", "."):
            continue
        if segment == "..":
            return None
        segments.append(segment)
    if len(segments) != 5:
        return None
    words = [segments[0].lower(), segments[1], segments[2].lower(), segments[3], segments[4].lower().rstrip(". ")]
    words[4] = words[4].removesuffix(".json")
    match = _RETRY.fullmatch("/".join(words))
    return Named("batch_retry", match["c"], match["b"]) if match else None
