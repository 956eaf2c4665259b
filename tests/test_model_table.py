"""One illegal and one legal line for each rule of the families ACC, BLK and SEL that one batch shows.

The judges accuse the first of the rule and no execution explains it; they leave the second alone, and one does.
"""

from __future__ import annotations

import pytest

from conformance.findings import Finding
from conformance.history.records import History
from conformance.judges import judge
from oracle.explain import explain
from oracle.notation import parse
from oracle.world import Switches

NOT_RETRYABLE = "batch_not_found_or_is_not_retryable"
UNRESOLVED = "unresolved_batch_messages"
NO_FAILED = "no_failed_batch_messages_to_retry"
TOO_MANY = "too_many_message_attempts_error"
#: Two rounds of retries, and a third, of a batch of one message that fails for ever.
ROUNDS = "F1 | retry 201 | F2 | retry 201 | F3 [enq]"
SINGLE_BLOCKS = f"F1 F1 [enq] | single 0 201 | retry 400 {UNRESOLVED}"
THIRD = f"{ROUNDS} | F3 | retry 201 | F4"

#: Axioms that the judges use in these rules, and do not name yet.
UNNAMED = {"BR-ACC-05": ("A2",)}

TABLE = [
    (
        "BR-ACC-01",
        "send FF | retry 201 | list C1 - | C1 C1",
        f"send FF | retry 400 {NOT_RETRYABLE} | list C1 - | C1 C1",
    ),
    ("BR-ACC-02", f"F1 S1 [enq] | retry 400 {UNRESOLVED}", f"F1 T1 [enq] | retry 400 {UNRESOLVED}"),
    (
        "BR-ACC-02",
        f"F1 S1 | retry 400 {NOT_RETRYABLE} | F1 S1 | wait 11.1 | F1 S1 | retry 400 {NOT_RETRYABLE}",
        f"F1 S1 | retry 400 {NOT_RETRYABLE} | wait 5 | retry 400 {NOT_RETRYABLE} | F1 S1 | retry 201",
    ),
    (
        "BR-ACC-03",
        f"C@1 F@1 [enq] | retry 400 {UNRESOLVED} | C@1 - [failed] | F@2 F@1 | F@2 - [failed] | retry 400 {UNRESOLVED}",
        f"C@1 F@1 [enq] | retry 400 {UNRESOLVED} | C@1 - [failed] | F@2 F@1 | F@2 - [failed] | retry 201 | C@3 C@3",
    ),
    # A single retry may have the batch processed late (rulings 16 and 24): within the settling time, ...
    (
        "BR-ACC-02",
        f"F1 F1 [enq] | single 0 201 | settle | F2 F1 [enq] | retry 400 {NOT_RETRYABLE}",
        f"F1 F1 [enq] | single 0 201 | F2 F1 [enq] | retry 400 {NOT_RETRYABLE} | F2 F1 [enq]",
    ),
    # ... after a refusal as well, but then it keeps no batch at rest from being retried.
    (
        "BR-ACC-03",
        f"{SINGLE_BLOCKS} | C2 F1 [failed] | F2 F1 [failed] | retry 400 {NOT_RETRYABLE}",
        f"{SINGLE_BLOCKS} | C2 F1 [failed] | C2 F1 [busy] | F2 F1 [busy] | retry 201",
    ),
    ("BR-ACC-04", "F1 | retry 201+2 | C2", "F1 | retry 201 | C2"),
    (
        "BR-ACC-05",
        "F1 S1 | retry 201 | settle | F1 S1 | F1 - [enq]",
        "F1 S1 | retry 201 | settle | F1 S1 | F1 - [failed]",
    ),
    (
        "BR-ACC-05",
        "F1 S1 | retry 201 | settle | F1 S1 | F1 - [busy]",
        "F1 S1 | retry 201 | F1 S1 | F1 - [busy] | settle | E2 S1",
    ),
    (
        "BR-ACC-06",
        "F1 | retry 201 | F2 [busy] | F2 | settle | F2 [busy]",
        "F1 | retry 201 | F2 [busy] | F2 | settle | F2 [enq]",
    ),
    (
        "BR-ACC-06",
        f"F1 [enq] | retry 201 | F2 [enq] | retry 400 {UNRESOLVED}",
        "F1 | retry 201 | F2 | F2 [enq] | retry 201 | C3",
    ),
    ("BR-BLK-01", "C1 F1 | retry 201 | C1 C2", "C1 F1 | retry 201 | E1 C2"),
    ("BR-BLK-01", "F1 F1 | single 1 201 | retry 201 | C2 C2", "F1 F1 | single 1 201 | retry 201 | C2 E2"),
    (
        "BR-BLK-02",
        f"C@1 F@1 [enq] | C@1 F@1 | retry 400 {UNRESOLVED} | C@1 - [enq]",
        f"C@1 F@1 [enq] | C@1 F@1 | retry 400 {UNRESOLVED} | C@1 - [failed]",
    ),
    (
        "BR-BLK-02",
        f"C@1 F@1 [enq] | C@1 F@1 | retry 400 {UNRESOLVED} | C@1 - [busy]",
        f"C@1 F@1 [enq] | C@1 F@1 | retry 400 {UNRESOLVED} | E@2 - [enq]",
    ),
    (
        "BR-BLK-03",
        f"C1 F1 | retry 400 {UNRESOLVED} | C1 C2",
        f"C1 F1 | retry 400 {UNRESOLVED} | E1 F1 | retry 201 | T1 C2",
    ),
    (
        "BR-SEL-01",
        "F1 F1 | retry 201 | C2 F1 | settle | S2 F1 | S2 - [enq]",
        "F1 F1 | retry 201 | C2 F1 | settle | S2 F1 | S2 - [failed]",
    ),
    (
        "BR-SEL-01",
        "F1 F1 | retry lost | C2 F1 | settle | S2 F1 | S2 - [enq]",
        "F1 F1 | retry lost | settle | C2 F1 | S2 - [enq]",
    ),
    ("BR-SEL-02", "F1 S1 | retry 201 | C2 C2", "F1 S1 | retry 201 | C2 S1"),
    ("BR-SEL-02", "F1 T1 | retry 201 | C2 C2<T", "F1 T1 | retry 201 | C2 C2"),
    ("BR-SEL-02", "F1 T1 | retry lost | C2 C2<T", "F1 T1 | retry lost | C2 C2"),
    ("BR-SEL-03", "F1 S1 | retry 201 | F!C2 S1", "F1 S1 | retry 201 | F2 S1"),
    ("BR-SEL-04", f"{THIRD} | retry 201 | F5", f"{THIRD} [enq] | retry 400 {NO_FAILED}"),
    ("BR-SEL-04", f"F1 | retry 201 | F2 [enq] | F2 | retry 400 {NO_FAILED}", f"{ROUNDS} | F3 | retry 400 {NO_FAILED}"),
    ("BR-SEL-04", f"{THIRD} [enq] | F4 | retry 400 parameter_invalid", f"{THIRD} [enq] | F4 | retry 400 {NO_FAILED}"),
    (
        "BR-SEL-04",
        f"F1 | single 0 201 | F2 | single 0 400 {TOO_MANY}",
        f"F1 | single 0 201 | F2 | single 0 201 | F3 | single 0 400 {TOO_MANY}",
    ),
    ("BR-SEL-05", "F1 | retry 201 | F3", "F1 | retry 201 | F2 | retry 201 | F3"),
    ("BR-SEL-05", "F1 | retry 201 | F2 | C2~", "F1 | retry 201 | F2 | F2"),
    ("BR-SEL-06", "S1 S1 | retry 201", f"S1 S1 [enq] | retry 400 {NO_FAILED}"),
    ("BR-SEL-06", f"S1 S1 [enq] | retry 400 {UNRESOLVED}", f"S1 T1 [enq] | retry 400 {UNRESOLVED}"),
    ("BR-SEL-07", "F1 S1 | wait 5 | C2 S1", "F1 S1 | retry lost | wait 5 | C2 S1"),
    ("BR-SEL-08", "F1 | retry 201 | C2<N", "F1 | retry 201 | C2<F"),
    (
        "BR-SEL-09",
        f"F1 F1 | single 0 201 | F2 F1 | single 0 201 | F3 F1 | single 0 201 | F4 - [enq] | F4 F1 | retry 400 {NO_FAILED}",
        "F1 F1 | single 0 201 | F2 F1 | single 0 201 | F3 F1 | single 0 201 | F4 F1 | F4 - [enq] | retry 201 | F4 C2",
    ),
    (
        "BR-SEL-09",
        "F1 F1 | single 0 201 | F2 F1 | single 0 201 | F3 F1 | single 0 201 | F4 F1 | retry 201 | C5 C2",
        f"F1 F1 | single 0 201 | F2 F1 | single 0 201 | F3 F1 | single 0 400 {TOO_MANY} | retry 201 | F3 C2",
    ),
]


def _findings(history: History) -> list[Finding]:
    return [opinion for opinion in judge(history) if isinstance(opinion, Finding)]


@pytest.mark.parametrize(("rule", "illegal"), [(rule, illegal) for rule, illegal, _ in TABLE])
def test_an_illegal_line_is_accused_and_unexplained(rule: str, illegal: str) -> None:
    history = parse(illegal)
    found = [finding for finding in _findings(history) if rule in finding.any_of]
    assert found
    for finding in found:
        codes = any(requirement.startswith("BR-ERR") for requirement in finding.any_of)
        assert explain(history, Switches(codes=codes).only(finding.axioms)) is None


@pytest.mark.parametrize(("rule", "legal"), [(rule, legal) for rule, _, legal in TABLE])
def test_a_legal_line_is_left_alone_and_explained(rule: str, legal: str) -> None:
    history = parse(legal)
    assert [(finding.any_of, finding.argument) for finding in _findings(history)] == []
    assert explain(history) is not None


#: Legal lines on which a judge once accused somebody.
INNOCENT = [
    # Two retries found the message failed; the success is owed one attempt more, and the batch is processed again.
    f"F1 | retry 201 & single 0 201 | S2 [enq] | S2 | retry 400 {NOT_RETRYABLE}",
    # The attempt comes late, and so does the end of its processing.
    "F1 | retry 201 | F1 | wait 9 | C2 | wait 1.1 | F2 [busy]",
    # The status was read before the accepted retry took effect: the batch was processed after that.
    f"S1 F1 | retry 201 | S1 - [enq] | S1 F2 | retry 400 {NOT_RETRYABLE}",
    f"F1 F1 - | F1 F1 S1 | retry 201 | C2 - - [enq] | C2 F1 S1 | retry 400 {NOT_RETRYABLE} | C2 - - [busy] | C2 C2 S1",
    # A lost retry is decided late, and its second attempt comes within the settling time after that.
    "F1 F1 | retry lost | settle | C2 F1 | - F1 [enq]",
    # A lost retry is carried out after a later one has left everything out, and the batch is processed once more.
    "F1 | retry 503 | F1 | retry 201 | settle | F1 [busy] | F1",
    # The batch, its status unseen, is still processed after the round before; a message beside was retried twice.
    f"F1 F1 | single 0 201 | F2 F1 | retry 201 | F3 F2 | retry 400 {NOT_RETRYABLE}",
]


@pytest.mark.parametrize("line", INNOCENT)
def test_the_innocent_stay_unaccused(line: str) -> None:
    history = parse(line)
    assert explain(history) is not None
    assert [(finding.any_of, finding.argument) for finding in _findings(history)] == []
