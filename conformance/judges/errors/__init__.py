"""ERR: how a retry is refused, and that unusual input, 429 and 5xx do no harm."""

from __future__ import annotations

from conformance.judges.errors import codes, repeated, shown, unusual

RULES = (*codes.RULES, *shown.RULES, *unusual.RULES, *repeated.RULES)
