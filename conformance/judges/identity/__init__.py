"""IDS: what belongs to a batch, under which ids, and what it holds."""

from __future__ import annotations

from conformance.judges.identity import (
    attempt_data,
    campaign_pages,
    data,
    membership,
    other_rows,
    pages,
    same_in_views,
    views,
)

RULES = (
    *membership.RULES,
    *data.RULES,
    *attempt_data.RULES,
    *same_in_views.RULES,
    *views.RULES,
    *pages.RULES,
    *campaign_pages.RULES,
    *other_rows.RULES,
)
