"""CON: retries that overlap, of a batch against each other and against single retries.

A race with a 429 does not count (ruling 10): what that answer may have done is the ledger's, as is an attempt too many.
"""

from __future__ import annotations

from conformance.judges.concurrency import exercised, owned, undone

RULES = (*owned.RULES, *undone.RULES, *exercised.RULES)
