"""Drawn texts as messages say them: what may be sent to an allowed recipient, told apart by a nonce."""

from __future__ import annotations

import dataclasses
import random
import re
import unicodedata
from collections.abc import Iterable, Sequence

from conformance.config import Config
from conformance.fuzzing.drawing import Drawn
from conformance.history.records import Role
from conformance.program.batch_state import make_rows
from conformance.program.steps import RowSpec
from conformance.transport.request import OutRow

#: Characters of a text at most: an SMS with the nonce.
_LONGEST = 50
_ROLES: tuple[Role, ...] = ("failing", "succeeding", "pending", "recovering")
_NUMBER = re.compile(r"\d{8,}")


def texts(cases: Iterable[Drawn]) -> list[str]:
    """What the drawn cases of a send say, each once: letters, marks, digits, signs and blanks, no control characters."""
    said = [text for case in cases if isinstance(case.body, list) for text in case.body if isinstance(text, str)]
    return list(dict.fromkeys(clean for text in said if (clean := _clean(text))))


def _clean(text: str) -> str:
    shown = "".join(c for c in text if unicodedata.category(c)[0] in "LMNPSZ" and c.splitlines() != [""])
    return _NUMBER.sub("0", shown)[:_LONGEST].strip()


def role_of(config: Config) -> Role | None:
    """Who is texted: numbers whose messages fail if there are any, for those may be retried."""
    return next((role for role in _ROLES if getattr(config.recipients, role)), None)


def rows_saying(said: Sequence[str | None], role: Role, config: Config, rng: random.Random) -> tuple[OutRow, ...]:
    """Rows to send to allowed recipients of this role, each with its own text (None: the template's)."""
    rows = make_rows([RowSpec(role=role) for _ in said], config, rng)
    return tuple(row if text is None else _saying(row, text) for row, text in zip(rows, said, strict=True))


def _saying(row: OutRow, text: str) -> OutRow:
    first = next(iter(row.values))
    return dataclasses.replace(row, values={**row.values, first: f"{text} [n:{row.nonce}]"})
