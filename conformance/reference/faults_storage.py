"""Faults in what storage does to values on their way through a retry: charsets, columns, formats (BR-IDS-03)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from unicodedata import decimal
from urllib.parse import unquote_plus

from conformance.reference.behaviour import Behaviour
from conformance.reference.mixins import Fault, fault
from conformance.reference.world import Message

FAULTS: dict[str, Fault] = {}


class _Rewrites(Behaviour):
    """Base: a retry writes the values anew, as a column, driver or template engine leaves them."""

    @staticmethod
    def rewritten(value: str) -> str:
        """A value as it is after the retry."""
        raise NotImplementedError

    def reset(self, message: Message) -> None:
        super().reset(message)
        message.values = {name: self.rewritten(value) for name, value in message.values.items()}


def _grouped(value: str) -> str:
    return re.sub(r"(?<!\S)[1-9]\d{3,}(?!\S)", lambda match: f"{int(match[0]):,}", value)


def _shortened(value: str) -> str:
    return re.sub(r"(?<!\S)\d+\.\d+(?!\S)", lambda match: f"{float(match[0]):g}", value)


#: Name, what is wrong, and what becomes of a value.
_REWRITES: tuple[tuple[str, str, Callable[[str], str]], ...] = (
    ("question-marks", "replaces what is not ASCII by question marks", lambda v: v.encode("ascii", "replace").decode()),
    ("mojibake", "reads UTF-8 as Latin-1", lambda v: v.encode().decode("latin-1")),
    ("decomposes", "stores letters with accents decomposed (NFD)", lambda v: unicodedata.normalize("NFD", v)),
    ("folds-widths", "stores compatibility characters folded (NFKC)", lambda v: unicodedata.normalize("NFKC", v)),
    ("loses-four-bytes", "loses characters of four bytes", lambda v: "".join(c for c in v if ord(c) <= 0xFFFF)),
    ("cuts-at-four-bytes", "cuts a value at its first character of four bytes", lambda v: re.sub("(?s)[^\0-\uffff].*", "", v)),
    ("plain-quotes", "replaces typographic quotes and dashes", lambda v: v.translate(str.maketrans("‘’“”–—", "''\"\"--"))),
    ("loses-leading-zeros", "loses zeros before numbers", lambda v: re.sub(r"(?<!\S)0+(?=\d)", "", v)),
    ("groups-digits", "writes numbers with commas", _grouped),
    ("shortens-decimals", "writes decimals without the zeros behind them", _shortened),
    ("reorders-dates", "writes dates day first", lambda v: re.sub(r"\b(\d{4})-(\d\d)-(\d\d)\b", r"\3/\2/\1", v)),
    ("trims-blanks", "trims the blanks around a value", str.strip),
    ("plain-blanks", "replaces no-break spaces by blanks", lambda v: v.replace("\u00a0", " ")),
    ("blanks-for-tabs", "replaces tabs by blanks", lambda v: v.replace("\t", " ")),
    ("loses-joiners", "loses characters without width", lambda v: re.sub("[\u200b-\u200d]", "", v)),
    ("fills-in-braces", "fills in what stands in braces with nothing", lambda v: re.sub(r"\{\{.*?\}\}", "", v)),
    ("lowers-addresses", "writes mail addresses in lower case", lambda v: re.sub(r"\S+@\S+", lambda match: match[0].lower(), v)),
    ("breaks-by-two", "writes line breaks as CR LF", lambda v: re.sub(r"\r?\n", "\r\n", v)),
    ("breaks-by-one", "writes line breaks as LF", lambda v: v.replace("\r\n", "\n")),
    ("breaks-to-blanks", "replaces line breaks by blanks", lambda v: re.sub(r"\r?\n", " ", v)),
    ("cuts-at-160", "cuts values after 160 characters", lambda v: v[:160]),
    ("cuts-at-255", "cuts values after 255 bytes", lambda v: v.encode()[:255].decode(errors="ignore")),
    ("cuts-at-70", "cuts values that are not ASCII after 70 characters", lambda v: v if v.isascii() else v[:70]),
    ("cuts-at-500", "cuts values after 500 characters", lambda v: v[:500]),
    ("latin-digits", "writes digits of other scripts as ASCII", lambda v: "".join(str(decimal(c, c)) for c in v)),
    ("loses-soft-hyphens", "loses soft hyphens and direction marks", lambda v: re.sub("[\u00ad\u200e\u200f]", "", v)),
    ("plain-breaks", "writes line separators as line breaks", lambda v: v.replace("\u2028", "\n")),
    ("formats-texts", "takes per cent signs for formats", lambda v: v.replace("%s", "").replace("%%", "%")),
    ("shortens-links", "shortens links", lambda v: re.sub(r"https?://\S+", "https://go.example/x", v)),
    ("decodes-percent-signs", "decodes values as if they stood in a URL", unquote_plus),
)  # fmt: skip

for _name, _title, _rewrite in _REWRITES:
    _mixin = type(_name, (_Rewrites,), {"rewritten": staticmethod(_rewrite)})
    FAULTS[_name] = Fault(_name, f"a retry {_title}", ("BR-IDS-03",), _mixin)


@fault(FAULTS, "after a retry, fullMessage is the template with its parameters", "BR-IDS-03")
class ShowsTheTemplate(Behaviour):
    def view(self, message: Message, view: str) -> dict[str, object]:
        shown = super().view(message, view)
        return {**shown, "fullMessage": "{{body}}"} if self.retried(message) else shown


@fault(FAULTS, "a retry takes the creator from the key that retries", "BR-IDS-03")
class CreatorOfTheRetry(Behaviour):
    def view(self, message: Message, view: str) -> dict[str, object]:
        shown = super().view(message, view)
        return {**shown, "creatorId": "user_2", "creatorEmail": "api@example.test"} if self.retried(message) else shown
