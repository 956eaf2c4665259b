"""The planned scenarios, in the order in which they start."""

from conformance.scenarios import accepting, alone, blocking, keeping, pairs, probing, racing, selecting
from conformance.scenarios.scenario import Scenario

SCENARIOS: tuple[Scenario, ...] = (
    # The longest chain of deliveries first: the run is as long as that.
    accepting.ROUNDS,
    selecting.CONTROL,
    accepting.PROCESSING,
    accepting.HELD,
    alone.ALONE,
    blocking.BLOCKED,
    blocking.BLOCKED_AGAIN,
    accepting.AFTER_ACCEPTED,
    racing.BATCH,
    racing.SINGLE,
    racing.WIDE,
    selecting.MIXED,
    selecting.DELIVERED,
    selecting.RECOVERING,
    keeping.CONTENT,
    keeping.TEXTS,
    probing.BODY,
    probing.QUERY,
    probing.FORCED,
    probing.KEYS,
    probing.METHODS_,
    probing.FOREIGN,
    probing.UNKNOWN,
    probing.PLAIN_HTTP,
    *pairs.PAIRS,
    selecting.LATER,
)

__all__ = ["SCENARIOS", "Scenario"]
