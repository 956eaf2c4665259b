"""How a text was changed, in words that are the same for every text and in every run: part of a finding's fingerprint. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from conformance.contract.vocabulary import LANGUAGES, instant, nonces
from conformance.judges.inference.facts import nothing

#: Fields that hold words which people wrote; of any other, how it was changed depends on chance.
_TEXTS = ("values", "fullMessage", "templateBody.body", "batches.originalFileName")


def change_of(name: str, old: Any, new: Any) -> str:
    """Return how a field of a message was changed.

    What differs in every run is not looked at: the marks of rows, digits of times and of ids.
    """
    if name.endswith("createdAt") and (was := instant(old)) is not None and (now := instant(new)) is not None:
        return "earlier" if now < was else "later"
    if name.endswith("language") and new in LANGUAGES:
        return f"became {new}"
    if nothing(new) or new == "" or name in _TEXTS:
        foreign = nonces(new) - nonces(old)
        return "became that of another row" if foreign else manner(_unmarked(old), _unmarked(new))
    return "another number" if name == "recipient" and str(new).isdecimal() else "another value"


def _unmarked(value: Any) -> Any:
    """The value without the marks of rows, which are drawn anew in every run."""
    if isinstance(value, Mapping):
        return {name: _unmarked(item) for name, item in value.items()}
    marks = nonces(value) if isinstance(value, str) else ()
    for mark in marks:
        value = value.replace(mark, "")
    return value


def manner(old: Any, new: Any) -> str:
    """Return how a value was changed: what stood where the two differ first, and what stands there now.

    Two values whose texts differ in several places are named by the first of them.
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        changed = next((name for name in old if old[name] != new.get(name)), None)
        return "gained a name" if changed is None else manner(old[changed], new.get(changed))
    if nothing(new) or new == "":
        return "lost"
    if not isinstance(old, str) or not isinstance(new, str):
        return "another value"
    if unicodedata.normalize("NFC", old) == unicodedata.normalize("NFC", new):
        return "composed otherwise"
    blanks = old.split() == new.split()
    if not blanks and unicodedata.normalize("NFKC", old) == unicodedata.normalize("NFKC", new):
        return "folded to compatible characters"
    at = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
    if at == len(new) and ord(old[at]) < 0x10000 and not old[at].isspace():
        return f"cut to {at} characters"
    place = "at the start, " if at == 0 else ""
    if old[at : at + 1] != new[at : at + 1] and old[at : at + 1].lower() == new[at : at + 1].lower():
        return f"{place}a letter in the other case"
    was, now = _class(old[at : at + 1]), _class(new[at : at + 1])
    # Two letters say little; what stands before them tells a link from an entity.
    after = f", after {_class(old[at - 1])}" if at and was == now == "a letter" else ""
    return f"{place}{was} became {now}{after}"


def _class(character: str) -> str:
    """What a character is: its kind for letters and digits, its name for any other; "the end" for none."""
    if not character:
        return "the end"
    if ord(character) >= 0x10000:
        return "a character of four bytes"
    if character.isalpha():
        return "a letter" if character.isascii() else "a letter beyond ASCII"
    if character.isdigit() and character != "0":
        return "a digit"
    name = unicodedata.name(character, "").lower()
    return name or f"U+{ord(character):04X}"
