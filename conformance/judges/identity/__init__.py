"""IDS: what belongs to a batch, under which ids, and what it holds."""

from __future__ import annotations

from conformance.judges.identity import data, membership, pages, views

RULES = (*membership.RULES, *data.RULES, *views.RULES, *pages.RULES)
