"""SEC: who may retry, by which request, and what a request may say."""

from __future__ import annotations

from conformance.judges.security import plain_http, probes, request, status

RULES = (*probes.RULES, *request.RULES, *status.RULES, *plain_http.RULES)
