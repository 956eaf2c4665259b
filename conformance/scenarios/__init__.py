"""The planned scenarios, in the order in which they start."""

from conformance.scenarios import accepting, blocking, keeping, probing, racing, selecting
from conformance.scenarios.scenario import Scenario

SCENARIOS: tuple[Scenario, ...] = (
    selecting.CONTROL,
    accepting.PROCESSING,
    accepting.HELD,
    accepting.ROUNDS,
    selecting.SPENT,
    selecting.UNDERWAY,
    blocking.BLOCKED,
    blocking.BLOCKED_LATER,
    accepting.AFTER_ACCEPTED,
    racing.BATCH,
    racing.SINGLE,
    racing.READS,
    selecting.MIXED,
    selecting.DELIVERED,
    keeping.CONTENT,
    blocking.BESIDE,
    probing.BODY_RECIPIENT,
    probing.BODY_IDS,
    probing.QUERY,
    probing.KEYS,
    probing.METHODS_,
    probing.FOREIGN_KEY,
    probing.FOREIGN_PATH,
    probing.UNKNOWN,
    probing.PLAIN_HTTP,
    selecting.LATER,
)

__all__ = ["SCENARIOS", "Scenario"]
