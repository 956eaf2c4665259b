"""Recipients as answers show them: with blanks, in other digits, or masked. Which of them are certainly allowed?"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from typing import Any

#: What people write between the digits of a number.
_BETWEEN = re.compile(r"[\s().\-/+\u2010-\u2015]")
#: A digit that is not shown.
_MASKED = re.compile(r"[*xX#?\u2022\u25cf\u00b7_]|\u2026")
#: Characters of a recipient above which nothing is compared.
_LONGEST = 40


class Allowed:
    """Tells whether a recipient is provably one of the allowed numbers.

    :param numbers: every number that may be texted: digits with country code.
    """

    def __init__(self, numbers: Collection[str]) -> None:
        self._numbers = frozenset(numbers)

    def __call__(self, recipient: Any) -> bool:
        """True if the digits are those of an allowed number; of a masked one, if what is shown agrees with one."""
        if isinstance(recipient, bool) or not isinstance(recipient, str | int):
            return False
        text = str(recipient)
        if text in self._numbers:
            return True
        if len(text) > _LONGEST:
            return False
        # Some characters of the mask become others by normalising: three dots of an ellipsis.
        plain = _MASKED.sub("*", text)
        plain = _BETWEEN.sub("", unicodedata.normalize("NFKC", plain))
        plain = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in plain)
        if plain in self._numbers:
            return True
        if re.fullmatch(r"[0-9*]+", plain) is None or "*" not in plain or plain.strip("*") == "":
            return False
        return any(_agrees(plain, number) for number in self._numbers)


def _agrees(masked: str, number: str) -> bool:
    """Whether what is shown of a masked number is so in this one."""
    if len(masked) == len(number):
        return all(shown in ("*", digit) for shown, digit in zip(masked, number, strict=True))
    # A mask that stands for any number of digits.
    parts = re.split(r"\*+", masked)
    if len(parts) != 2 or len(parts[0]) + len(parts[1]) >= len(number):
        return False
    return number.startswith(parts[0]) and number.endswith(parts[1])
