"""SEL: which messages a retry picks up, how often, and what it leaves alone."""

from __future__ import annotations

from typing import Any

from conformance.judges.rule import Rule
from conformance.judges.selection import attempts, earlier, limit, nothing, picked_up, untouched

RULES: tuple[Rule[Any], ...] = (
    *picked_up.RULES,
    *untouched.RULES,
    *attempts.RULES,
    *earlier.RULES,
    *limit.RULES,
    *nothing.RULES,
)
