"""Which drawn texts may stand beside a made-up id: those that no server reads as more than letters."""

from __future__ import annotations

import unicodedata

#: Characters of ASCII that mean nothing in a URL, a pattern, a query language or a shell, whatever stands beside them.
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_~")
#: Characters of a drawn text at most.
LONGEST = 200


def inert(text: str) -> bool:
    """Whether a text, put behind a fresh UUID, names nothing but that UUID in every reading; it holds no digit, for who looks for a
    number at the end of an id would find one.

    No wildcard, operator, separator, quote, blank, line end or dot, neither as it stands nor after the compatibility
    normalisation that some frameworks apply to paths (a full-width asterisk becomes a plain one). Control characters
    may stand: what is cut off at one still begins with the UUID.
    """
    return (
        len(text) <= LONGEST and all(map(_harmless, text)) and all(map(_harmless, unicodedata.normalize("NFKC", text)))
    )


def _harmless(character: str) -> bool:
    if character.isspace() or character.isnumeric() or character.splitlines() != [character]:
        return False
    if character.isascii():
        return character in _LETTERS or not character.isprintable()
    return unicodedata.category(character) != "Cs"
