"""A baseline lets pass what it has, and no other defect of the same requirement."""

from __future__ import annotations

import pytest

from benchmarks.argued import ARGUED, why
from benchmarks.fingerprints import Print, Run, lets_pass, lines, pairs, read, unsteady
from conformance.findings import Finding
from conformance.judges.identity.manner import change_of, manner
from conformance.judges.inference.case import Case
from conformance.judges.inference.circumstances import SEVERAL, kind, kinds
from conformance.reference.behaviour import Behaviour
from conformance.reference.faults import FAULTS
from conformance.reference.mixins import Fault
from tests.story import Story

UNRESOLVED = "unresolved_batch_messages"
NOT_RETRYABLE = "batch_not_found_or_is_not_retryable"


def _run(fault: str, **prints: str) -> Run:
    """A run with these fingerprints, each with the requirements that its findings may be laid to, apart by a blank."""
    shown = {name: Print(words=name, requirements=frozenset(said.split())) for name, said in prints.items()}
    return Run(fault=fault, prints=shown)


def _faults(**breaks: str) -> dict[str, Fault]:
    return {name: Fault(name, name, tuple(said.split()), Behaviour) for name, said in breaks.items()}


MUST = frozenset({"BR-ACC-01", "BR-ACC-02", "BR-ACC-05"})


@pytest.mark.parametrize(
    ("first", "second", "passes"),
    [
        ({"a": "BR-ACC-01"}, {"a": "BR-ACC-01"}, True),
        ({"a": "BR-ACC-01"}, {"b": "BR-ACC-01"}, False),
        ({"a": "BR-ACC-01", "b": "BR-ACC-01"}, {"a": "BR-ACC-01"}, True),
        ({"a": "BR-ACC-01"}, {"a": "BR-ACC-01", "b": "BR-ACC-01"}, False),
        ({"a": "BR-ACC-01"}, {}, False),
        # What is wrong elsewhere stops the gate as well, if it is a MUST.
        ({"a": "BR-ACC-01"}, {"a": "BR-ACC-01", "b": "BR-ACC-05"}, False),
        ({"a": "BR-ACC-01"}, {"a": "BR-ACC-01", "b": "BR-ERR-05"}, True),
    ],
)
def test_a_gate_lets_pass_what_a_baseline_has(first: dict[str, str], second: dict[str, str], passes: bool) -> None:
    faults = _faults(one="BR-ACC-01", other="BR-ACC-01")
    assert lets_pass(_run("one", **first), _run("other", **second), faults, MUST) is passes


def test_pairs_that_a_gate_lets_pass_are_told_and_no_others() -> None:
    faults = _faults(one="BR-ACC-01", other="BR-ACC-01 BR-ACC-05", third="BR-ACC-05")
    assert set(pairs(faults)) == {("one", "other"), ("other", "one"), ("other", "third"), ("third", "other")}
    runs = [_run("one", a="BR-ACC-01"), _run("other", a="BR-ACC-01", b="BR-ACC-05"), _run("third", a="BR-ACC-01")]
    assert [text for text, _ in lines(runs, faults, MUST)] == [
        "other lets one pass (BR-ACC-01): NOT ARGUED: a",
        "other lets third pass (BR-ACC-05): NOT ARGUED: a",
    ]
    assert [text for text, _ in lines(runs, faults, MUST, ["BR-ACC-05"])] == [
        "other lets third pass (BR-ACC-05): NOT ARGUED: a"
    ]


def test_a_fingerprint_that_one_run_has_and_another_has_not_is_told() -> None:
    assert list(unsteady(_run("one", a="BR-ACC-01", b="BR-ACC-02"), _run("one", a="BR-ACC-01"))) == [
        "one: in the first run only: b (BR-ACC-02)"
    ]


def test_a_run_has_each_fingerprint_once_with_all_that_it_may_be_laid_to() -> None:
    one, other = _finding("BR-ACC-01"), _finding("BR-ACC-01", "BR-ACC-05")
    assert read("fault", [one, other]) == Run(
        fault="fault",
        prints={one.fingerprint: Print(words="defect", requirements=frozenset({"BR-ACC-01", "BR-ACC-05"}))},
    )


def test_what_is_argued_is_about_faults_that_there_are() -> None:
    named = [name for one in ARGUED for pair in one.pairs() for name in pair]
    assert set(named) <= set(FAULTS)
    assert why("created-does-not-block", "only-the-first-blocks")
    assert not why("only-the-first-blocks", "created-does-not-block")


def _finding(*names: str) -> Finding:
    return Finding(any_of=names, summary="", argument=(), expected=(), observed="", evidence=(), subject="defect")


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
        ("ab\U00010000", "ab", "a character of four bytes became the end"),
        ("caf\u00e9", "cafe\u0301", "composed otherwise"),
        ("\uff21", "A", "folded to compatible characters"),
        ("\u00e9", "\u00c3\u00a9", "at the start, a letter beyond ASCII became a letter beyond ASCII"),
        ("\u6f22", "?", "at the start, a letter beyond ASCII became question mark"),
        ("to A@B", "to a@b", "a letter in the other case"),
        ("a&b", "a&amp;b", "a letter became a letter, after ampersand"),
        ("to https://a.example/x", "to https://b.example/y", "a letter became a letter, after solidus"),
        ("one", "two", "at the start, a letter became a letter"),
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


def test_chance_is_no_part_of_how_a_field_was_changed() -> None:
    """Times, and the marks of rows, are others in every run."""
    was, later = "2026-11-29T10:00:00.120+08:00", "2026-11-29T10:00:01.340+08:00"
    assert (change_of("createdAt", was, later), change_of("createdAt", later, was)) == ("later", "earlier")
    assert change_of("recipient", "6511112222", "6511110000") == "another number"
    assert change_of("templateBodyId", "body_1", "body_2") == "another value"
    assert change_of("language", "tamil", "english") == "became english"
    other = {"body": "text [n:9abcdef0]"}
    assert change_of("values", {"body": "text [n:12345678]"}, other) == "became that of another row"
    assert (
        change_of("values", {"body": "[n:00000001] 1000"}, {"body": "[n:00000001] 1,000"}) == "digit zero became comma"
    )
    assert change_of("fullMessage", "[n:00000001] text", None) == "lost"


def _failed(rows: str = "FF") -> Story:
    return (
        Story().send("b", rows).send("ctl", "F").look("b").look("ctl").finish("b").finish("ctl").look("ctl").look("b")
    )


def _subjects(story: Story, requirement: str) -> set[str]:
    """The words of which the fingerprints of a requirement are made."""
    return {o.subject for o in story.opinions() if isinstance(o, Finding) and requirement in o.any_of}


def test_causes_are_told_apart_by_the_kinds_of_their_calls() -> None:
    story = Story().send("b", "FF").finish("b").look("b").retry("b").look("b").finish("b").look("b").single("b.0")
    story.retry("b", 401, cause="auth:none").retry("b", 404, cause="method:GET").retry("b", 404, cause="method:PUT")
    batch = Case(story.history()).ours[0]
    retry, single, *probes = batch.sent
    assert kinds(batch, [retry]) == "accepted retry"
    assert kinds(batch, [single, single]) == "accepted single retry"
    assert kinds(batch, [single], "b.0") == "accepted single retry"
    assert kinds(batch, [single], "b.1") == "accepted single retry of another message"
    assert kinds(batch, [single, retry]) == "accepted retry or accepted single retry"
    assert kinds(batch, probes[1:]) == "refused retry with method:GET or refused retry with method:PUT"
    assert kinds(batch, [*probes, single]) == "accepted single retry", "what the target takes, it does"
    assert kinds(batch, probes) == SEVERAL, "the mixture is chance"
    assert kinds(batch, []) == "no retry"


def test_a_probe_is_named_and_a_drawn_one_is_not() -> None:
    story = (
        _failed()
        .retry("b", cause="query:force")
        .retry("b", cause="body:generated:3")
        .retry("b", 401, cause="auth:none")
    )
    named, drawn, keyless = Case(story.history()).ours[0].sent
    assert kind(named) == "accepted retry with a query (force)"
    assert kind(drawn) == "accepted retry with a body"
    assert kind(keyless) == "refused retry with auth:none"


def test_an_attempt_too_many_is_named_by_the_calls_nearest_to_it() -> None:
    """And of these by those that must have no effect, whatever was accepted before."""
    before = _failed().single("b.1").finish("b").look("ctl").look("b")
    twice = before.retry("b", takes=("b.0", "b.0", "b.1")).look("b").look("ctl")
    assert _subjects(twice, "BR-SEL-05") == {"attempt that no retry explains: accepted retry"}
    after = _failed().single("b.1").look("ctl").look("b")
    refused = after.retry("b", 400, UNRESOLVED, takes=("b.0",)).look("b").look("ctl")
    assert _subjects(refused, "BR-BLK-03") == {"attempt that no retry explains: refused retry, failure"}
    other = _failed().single("b.1", gives=("b.0", "b.1")).look("b").look("ctl")
    assert _subjects(other, "BR-SGL-02") == {"attempt that no retry explains: accepted single retry of another message"}


def test_an_answer_that_a_plain_retry_does_not_get_is_named_by_what_the_request_had() -> None:
    """A page for browsers is no reason to let every retry be answered with a body."""
    plain = _failed().retry("b", size=2).look("b").finish("b").look("b")
    browser = _failed().retry("b", size=2, cause="header:accept").look("b").finish("b").look("b")
    assert _subjects(plain, "BR-ACC-04") == {"carried out: 201 with a body (none)"}
    assert _subjects(browser, "BR-ACC-04") == {
        "carried out: 201 with a body (none), accepted retry with a header (accept)"
    }
    both = plain.retry("b", size=2, cause="header:accept").look("b")
    assert _subjects(both, "BR-ACC-04") == {"carried out: 201 with a body (none)"}


@pytest.mark.parametrize(
    ("languages", "said"),
    [((), "some in between"), (("english", "tamil", "english"), "some in between, in other languages")],
)
def test_messages_that_are_left_out_for_their_language_are_told(languages: tuple[str, ...], said: str) -> None:
    story = Story()
    story.languages = languages
    story.send("b", "FFF").look("b").finish("b").look("b").retry("b", takes=("b.0", "b.2"))
    story.look("b").finish("b").wait(11).look("b")
    assert _subjects(story, "BR-SEL-01") == {f"failed message left out: {said}, accepted retry"}


@pytest.mark.parametrize(
    ("takes", "said"),
    [(("b.0", "b.1"), "201 when exhausted"), (("b.1",), "201 when exhausted, for some of them")],
)
def test_a_limit_that_holds_for_some_messages_is_told(takes: tuple[str, ...], said: str) -> None:
    story = _failed()
    for _ in range(3):
        story.retry("b").look("b").finish("b").wait(11).look("b")
    story.retry("b", takes=takes).look("b").finish("b").wait(11).look("b")
    assert f"limit of retries: {said}" in _subjects(story, "BR-SEL-04")


def test_a_second_attempt_beside_one_that_was_listed_before_is_told() -> None:
    """By when they began, where attempts show no ids."""
    story = _failed().single("b.1").look("b").move("b.1", "sending").look("b")
    for attempt in story.messages["b.1"]["attempts"]:
        del attempt["id"]
    beside = story.look("b").single("b.1", gives=("b.1",)).look("b")
    assert _subjects(beside, "BR-SEL-08") == {"two attempts in progress: accepted single retry, one from before"}
    twice = _failed().single("b.1", gives=("b.1", "b.1")).look("b")
    assert _subjects(twice, "BR-SEL-08") == {"two attempts in progress: accepted single retry, more than were accepted"}


def test_an_attempt_that_comes_when_no_call_is_on_its_way_is_told() -> None:
    story = _failed().single("b.1").look("ctl").retry("b", 400, UNRESOLVED).look("b").finish("b").look("b")
    story.attempt("b.0")
    later = story.look("b").look("ctl")
    assert "attempt that no retry explains: refused retry, failure, later" in _subjects(later, "BR-BLK-03")


def test_a_batch_that_was_retried_while_it_was_processed_is_told_when_it_is_refused() -> None:
    def refused(story: Story) -> set[str]:
        ended = story.finish("b").look("b").wait(11).look("b").look("ctl").retry("b", 400, NOT_RETRYABLE).look("b")
        return _subjects(ended, "BR-ACC-02")

    sent = Story().send("b", "F").send("ctl", "F").look("b").look("ctl").finish("ctl").look("ctl")
    early = Story().send("b", "F").send("ctl", "F").look("b").retry("b", 400, NOT_RETRYABLE).look("b").finish("ctl")
    assert refused(sent) == {f"quiescent batch refused: for the first time, 400 {NOT_RETRYABLE}"}
    assert refused(early) == {f"quiescent batch refused: after a retry while it was processed, 400 {NOT_RETRYABLE}"}


def test_a_retry_that_was_refused_before_anything_was_terminal_is_told_though_another_was_accepted() -> None:
    story = Story().send("b", "F").send("ctl", "F").look("b").retry("b", 400, NOT_RETRYABLE).retry("b", takes=())
    story.finish("ctl").finish("b").look("b").wait(11).look("b").look("ctl").retry("b", 400, NOT_RETRYABLE).look("b")
    subjects = _subjects(story, "BR-ACC-02") | _subjects(story, "BR-ACC-06")
    assert f"quiescent batch refused: after a retry while it was processed, 400 {NOT_RETRYABLE}" in subjects


def test_two_messages_that_have_to_block_are_told_from_one() -> None:
    """Of those that a single retry reset: what a retry carried out before reset others with it."""
    one = _failed("FFF").single("b.0").retry("b").look("b")
    assert _subjects(one, "BR-BLK-01") == {"2xx next to a created message: first, 201"}
    two = _failed("FFF").single("b.0").single("b.1").retry("b", takes=("b.2",)).look("b")
    assert _subjects(two, "BR-BLK-01") == {"2xx next to a created message: elsewhere, next to another, 201"}
    again = _failed("FFF").single("b.0").retry("b", takes=("b.1", "b.2")).look("b").retry("b", takes=()).look("b")
    assert _subjects(again, "BR-BLK-01") == {"2xx next to a created message: first, 201"}


@pytest.mark.parametrize(("languages", "said"), [((), "first"), (("tamil",), "first, in another language")])
def test_a_message_in_another_language_than_most_of_its_batch_is_told(languages: tuple[str, ...], said: str) -> None:
    story = Story()
    story.languages = languages
    story.send("b", "FFF").finish("b").look("b").single("b.0").retry("b").look("b")
    assert _subjects(story, "BR-BLK-01") == {f"2xx next to a created message: {said}, 201"}


def test_what_asks_to_force_a_blocked_retry_is_told() -> None:
    story = _failed("FFF").single("b.0").retry("b", cause="query:force").look("b")
    assert _subjects(story, "BR-BLK-01") == {
        "2xx next to a created message: first, 201, accepted retry with a query (force)"
    }
