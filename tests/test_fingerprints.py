"""A baseline lets pass what it has, and no other defect of the same requirement."""

from __future__ import annotations

from benchmarks.fingerprints import by_requirement, shared
from conformance.findings import Finding
from tests.greens import finding, report


def test_pairs_that_a_baseline_lets_pass_are_found() -> None:
    a, b, c = frozenset("a"), frozenset("b"), frozenset("ab")
    assert list(shared({"one": a, "other": b})) == []
    assert list(shared({"one": a, "other": a})) == [("one", "other"), ("other", "one")]
    assert list(shared({"one": a, "both": c})) == [("both", "one")]
    assert list(shared({"one": a, "nothing": frozenset()})) == []


def test_fingerprints_are_sorted_by_requirement() -> None:
    reports = {"fault": report({"BR-ACC-01": "fail", "BR-BLK-01": "fail"}), "clean": report()}
    assert by_requirement(reports) == {
        "BR-ACC-01": {"fault": frozenset({finding().fingerprint})},
        "BR-BLK-01": {"fault": frozenset({finding().fingerprint})},
    }


def test_a_fingerprint_is_of_the_subject_and_not_of_the_run() -> None:
    def of(summary: str, subject: str) -> str:
        made = Finding(
            any_of=("BR-BLK-01",), summary=summary, argument=(), expected=(), observed="", evidence=(), subject=subject
        )
        return made.fingerprint

    assert of("at 10:00", "the first message does not block: 201") == of(
        "at 11:00", "the first message does not block: 201"
    )
    assert of("at 10:00", "the first message does not block: 201") != of(
        "at 10:00", "the last message does not block: 201"
    )
