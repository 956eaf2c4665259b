"""Pieces of secrets: how a key is told in a text, whole or in part, in whatever form a target sends it back. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from urllib.parse import quote

#: Pieces of a key that are this long, or longer, are scrubbed. A shorter key cannot be told from other texts.
PIECE = 8
#: Lower case without a change of length.
LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def runs(folded: str, pieces: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Stretches of a text that consist of pieces, from start to end."""
    first, last = -1, -1
    for start in range(len(folded) - PIECE + 1):
        if folded[start : start + PIECE] not in pieces:
            continue
        if start > last:
            if first >= 0:
                yield first, last
            first = start
        last = start + PIECE
    if first >= 0:
        yield first, last


def pieces(keys: Iterable[str]) -> Iterator[str]:
    """All pieces of PIECE characters of every form of the keys, in lower case."""
    for key in keys:
        for form in _forms(key) if len(key) >= PIECE else ():
            low = form.translate(LOWER)
            yield from (low[i : i + PIECE] for i in range(len(low) - PIECE + 1))


def _forms(key: str) -> Iterable[str]:
    """The forms in which a target may send a key back."""
    raw = key.encode()
    yield from (key, key[::-1], quote(key, safe=""), raw.hex(), "".join(f"%{byte:02x}" for byte in raw))
    for before in range(3):
        # What stands before the key shifts its base64; the characters that neighbours have a part in are left out.
        encoded = base64.b64encode(bytes(before) + raw).decode()[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        yield from (encoded, encoded.replace("+", "-").replace("/", "_"))
