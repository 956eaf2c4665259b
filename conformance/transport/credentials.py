"""Credentials in a text, by their known forms (ruling 31), and what may be one. Every search takes linear time.

No pattern here can begin again inside of what it has read (a look-behind forbids that), and none gives back what it has
taken (possessive quantifiers), or it is bounded: a text made to slow a search down cannot.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class Found(NamedTuple):
    """A stretch of a text, and for what it was taken."""

    start: int
    end: int
    reason: str


#: Reasons that prove a credential by its form alone.
PROVEN = ("private-key", "token", "jwt", "url-password")

#: Reason, texts of which one stands in whatever the pattern finds, the pattern. A group ``v`` is the credential in it.
_FORMS: tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...] = (
    (
        "private-key",
        ("PRIVATE KEY",),
        re.compile(
            r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
            r"[\s\S]*?(?:-----END (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----|\Z)"
        ),
    ),
    ("token", ("AKIA", "ASIA"), re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])")),
    ("token", ("gh",), re.compile(r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{16,}+|github_pat_\w{16,}+)")),
    (
        "token",
        ("sk-", "sk_", "rk_"),
        # A word of letters only may be any name with hyphens in it.
        re.compile(r"(?<![\w-])(?:sk-|[sr]k_(?:live|test)_)(?=[A-Za-z_-]{0,60}\d)[\w-]{16,}+"),
    ),
    ("token", ("xox",), re.compile(r"(?<![\w-])xox[abeoprs]-[A-Za-z0-9-]{10,}+")),
    ("token", ("AIza",), re.compile(r"(?<![\w-])AIza[\w-]{35}(?![\w-])")),
    ("token", ("glpat-",), re.compile(r"(?<![\w-])glpat-[\w-]{20,}+")),
    ("jwt", ("eyJ",), re.compile(r"(?<![\w-])eyJ[\w-]{6,}+\.[\w-]{8,}+\.[\w-]*+")),
    (
        "url-password",
        ("://",),
        re.compile(r"(?<=://)(?P<v>[^\s/@:\"'<>]{0,200}:(?![*$<{\[]|[xX]{3}|pass(?:word)?@|PASS)[^\s/@\"'<>]++)(?=@)"),
    ),
)
#: Most texts hold none of these.
_HINTS = tuple(hint for _, hints, _ in _FORMS for hint in hints)
_NAMED = re.compile(
    r"(?:password|passwd|pwd|secret|token|api[-_]?key|authorization|credentials?|session)[\w-]{0,20}+[\"']?+"
    r"(?P<mark>\s{0,5}+[:=]\s{0,5}+[\"']?+)(?!(?:bearer\s{1,5})?\$)(?P<v>(?:(?:bearer|basic)\s{1,5}+)?[^\s\"',;&}<>]{4,}+)"
    r"|(?<!\w)(?:bearer|basic)\s{1,5}+(?P<w>[A-Za-z0-9+/=._~-]{8,}+)",
    re.I,
)
_RUN = re.compile(r"[A-Za-z0-9+_=~-]{20,}+")
_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
#: Ids, as services write them: UUIDs, ULIDs, and what consists of hexadecimal digits (ids of traces and incidents).
OPAQUE = re.compile(
    rf"(?<![0-9a-fA-F]){_UUID}(?![0-9a-fA-F])|(?<![A-Za-z0-9])[0-7][0-9A-HJKMNP-TV-Z]{{25}}(?![A-Za-z0-9])"
    r"|(?<![A-Za-z0-9])(?=[0-9]{0,63}[a-fA-F])[0-9a-fA-F]{16,64}(?![A-Za-z0-9])"
)


def credentials(text: str) -> Iterator[Found]:
    """The credentials of a known form; their order is that of the forms, and they may overlap."""
    if not any(map(text.__contains__, _HINTS)):
        return
    for reason, hints, pattern in _FORMS:
        if any(hint in text for hint in hints):
            for match in pattern.finditer(text):
                yield Found(*match.span("v" if "v" in pattern.groupindex else 0), reason)


def named(text: str) -> Iterator[Found]:
    """What stands behind a word such as `password`, and may be one: no proof of anything."""
    for match in _NAMED.finditer(text):
        group = "v" if match["v"] is not None else "w"
        prose = group == "w" or not any(mark in match["mark"] for mark in "=\"'")
        # Behind a colon, or the name of a scheme, an English sentence may go on.
        if not prose or not match[group].rstrip(".!?").isalpha() or not match[group].isascii():
            yield Found(*match.span(group), "secret")


def unknown(text: str) -> Iterator[Found]:
    """What looks like a random text of letters and digits, and no id that services are known to make: no proof either."""
    for match in _RUN.finditer(text):
        plain = OPAQUE.sub("", match.group())
        for part in re.split(r"[_-]", plain):
            kinds = sum(bool(re.search(kind, part)) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
            if len(part) >= 16 and kinds >= 2 and any(c.isdigit() for c in part) and len(set(part)) >= 12:
                yield Found(*match.span(), "unknown")
                break
