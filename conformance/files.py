"""Files of JSON that this suite wrote, or that somebody gives in their place."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from conformance.errors import FormatError

T = TypeVar("T")


def read_json(path: Path, wanted: type[T], *, what: str, hint: str) -> T:
    """What a file holds, as this type.

    :param what: what it should be, for people ("report"); :param hint: which file to give instead.
    :raises FormatError: it cannot be read, or holds no such thing.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=wanted)
    except OSError as error:
        raise FormatError(f"cannot be read ({error.strerror})", where=str(path), hint=hint) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError(f"is no {what} ({error})", where=str(path), hint=hint) from None
