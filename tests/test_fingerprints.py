"""A baseline lets pass what it has, and no other defect of the same requirement."""

from __future__ import annotations

import pytest

from benchmarks.fingerprints import by_requirement, read, shared
from conformance.findings import Finding
from conformance.judges.identity.manner import manner
from conformance.judges.inference.case import Case
from conformance.judges.inference.ledger import kinds
from tests.greens import finding, report
from tests.story import Story


def test_pairs_that_a_baseline_lets_pass_are_found() -> None:
    a, b, c = frozenset("a"), frozenset("b"), frozenset("ab")
    assert list(shared({"one": a, "other": b})) == []
    assert list(shared({"one": a, "other": a})) == [("one", "other"), ("other", "one")]
    assert list(shared({"one": a, "both": c})) == [("both", "one")]
    assert list(shared({"one": a, "nothing": frozenset()})) == []


def test_fingerprints_are_sorted_by_requirement() -> None:
    runs = [read("fault", report({"BR-ACC-01": "fail", "BR-BLK-01": "fail"})), read("clean", report())]
    assert by_requirement(runs) == {
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


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("a\r\nb", "a\nb", "U+000D became U+000A"),
        ("a\nb", "a b", "U+000A became space"),
        ("a  b", "a b", "space became a letter"),
        (" a", "a", "at the start, space became a letter"),
        ("a ", "a", "space became the end"),
        ("a\u00a0b", "a b", "no-break space became space"),
        ("x" * 200, "x" * 160, "cut to 160 characters"),
        ("ab\U0001f600c", "ab", "a character of four bytes became the end"),
        ("caf\u00e9", "cafe\u0301", "composed otherwise"),
        ("\uff21", "A", "folded to compatible characters"),
        ("\u00e9", "\u00c3\u00a9", "at the start, a letter beyond ASCII became a letter beyond ASCII"),
        ("\u6f22", "?", "at the start, a letter beyond ASCII became question mark"),
        ("a&b", "a&amp;b", "a letter became a letter"),
        ("<b>", "&lt;b>", "at the start, less-than sign became ampersand"),
        ("007", "7", "at the start, digit zero became a digit"),
        ("1000", "1,000", "digit zero became comma"),
        ({"a": "x", "b": "1"}, {"a": "x", "b": None}, "lost"),
        ({"a": "x"}, {"a": "x", "b": "y"}, "gained a name"),
        ("a", None, "lost"),
        ("a", 1, "another value"),
    ],
)
def test_a_change_of_a_text_is_told_apart_from_others_of_its_kind(old: object, new: object, said: str) -> None:
    assert manner(old, new) == said


def test_a_change_is_named_alike_whatever_the_text() -> None:
    """Texts differ between languages and runs; the defect does not."""
    assert manner("one\r\ntwo", "one\ntwo") == manner("\u6f22\u5b57 and more\r\n!", "\u6f22\u5b57 and more\n!")


def test_causes_are_told_apart_by_the_kinds_of_their_calls() -> None:
    story = Story().send("b", "FF").finish("b").look("b").retry("b").look("b").finish("b").look("b").single("b.0")
    batch = Case(story.history()).ours[0]
    retry, single = batch.sent
    assert kinds(batch, [retry]) == "accepted retry"
    assert kinds(batch, [single, single]) == "accepted single retry"
    assert kinds(batch, [single, retry]) == "accepted retry and accepted single retry"
    assert kinds(batch, []) == "no retry"
