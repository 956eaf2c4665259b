"""Testers' numbers in a text, in every stretch that tells seven of their digits."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator

#: As many digits of a number, one after the other, are not written down.
RUN = 7
#: Digits of a number without its country code, as people write it in Singapore.
NATIONAL = 8
#: Digits, and what people write between them.
_GROUP = re.compile(r"\d(?:[ ().\-/\u00a0\u2010-\u2015]{0,2}\d){6,}+")
#: What holds digits of no number: UUIDs, times, and the marks of our own rows.
_SPAN = re.compile(
    r"(?<![0-9a-fA-F])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9a-fA-F])"
    r"|(?<!\d)\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?!\d)|\[n:[0-9a-f]{8}\]"
)


class Numbers:
    """Finds testers' numbers.

    :param numbers: digits with country code.
    :param clear: numbers that anyone may see, where they stand by themselves.
    """

    def __init__(self, numbers: Iterable[str], clear: Iterable[str]) -> None:
        self._clear = frozenset(clear)
        theirs = [n for n in numbers if n not in self._clear]
        self._runs = frozenset(n[i : i + RUN] for n in theirs for i in range(len(n) - RUN + 1))
        #: The number that a text of digits is: whole, or without its country code.
        self.whole = {written: n for n in theirs for written in (n[-NATIONAL:], n)}

    def scrub(self, text: str, stand_in: Callable[[str], str]) -> str:
        """The text with ``stand_in(digits)`` in the place of every such stretch. UUIDs and times have no digit of a number."""
        if not self._runs or len(text) < RUN:
            return text
        parts: list[str] = []
        done = 0
        for start, end, digits in self._found(text):
            parts += (text[done:start], stand_in(digits))
            done = end
        return "".join((*parts, text[done:])) if parts else text

    def told(self, text: str) -> list[str]:
        """The whole numbers that a text tells, testers' and clear ones, each once."""
        found = [self.whole[digits] for _, _, digits in self._found(text) if digits in self.whole]
        for group in _GROUP.finditer(text):
            digits = "".join(str(unicodedata.decimal(c)) for c in group.group() if c.isdecimal())
            found += [digits] if digits in self._clear else []
        return list(dict.fromkeys(found))

    def _found(self, text: str) -> Iterator[tuple[int, int, str]]:
        spared = [match.span() for match in _SPAN.finditer(text)]
        for group in _GROUP.finditer(text):
            places = [i for i in range(*group.span()) if text[i].isdecimal()]
            if spared:
                places = [i for i in places if not any(a <= i < b for a, b in _near(spared, i))]
            digits = "".join(str(unicodedata.decimal(text[i])) for i in places)
            if digits in self._clear:
                continue
            dirty = bytearray(len(digits))
            for i in range(len(digits) - RUN + 1):
                # Digits on both sides of what is spared are none of one number.
                if digits[i : i + RUN] in self._runs and places[i + RUN - 1] - places[i] < RUN * 3:
                    dirty[i : i + RUN] = b"\x01" * RUN
            for match in re.finditer(b"\x01+", dirty):
                first, last = match.start(), match.end() - 1
                yield places[first], places[last] + 1, digits[first : last + 1]


def _near(spans: list[tuple[int, int]], place: int) -> list[tuple[int, int]]:
    """The last span that begins at or before the place, in a list."""
    low, high = 0, len(spans)
    while low < high:
        middle = (low + high) // 2
        if spans[middle][0] <= place:
            low = middle + 1
        else:
            high = middle
    return spans[low - 1 : low]
