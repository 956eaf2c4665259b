"""What a message holds changes: whom the change is laid to, what it keeps from passing, and what is no change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from conformance.catalogue import load
from conformance.findings import Finding
from conformance.judges import judge
from conformance.judges.inference.chains import untouched
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.proof import Proof
from tests.shelf import Shelf

UNRESOLVED = "unresolved_batch_messages"


def _quiet(rows: str = "FFS", **options: Any) -> Shelf:
    return Shelf(**options).send("b", rows).look("b").finish("b").views("b")


def _accused(story: Shelf) -> set[tuple[str, ...]]:
    """What every finding about changed data names."""
    return {o.any_of for o in story.opinions() if isinstance(o, Finding) and " changed by " in o.subject}


CALLS: dict[str, tuple[Callable[[Shelf], Shelf], tuple[str, ...]]] = {
    "an accepted retry": (lambda s: s.retry("b"), ("BR-IDS-03",)),
    "a refused retry": (lambda s: s.retry("b", 400, UNRESOLVED), ("BR-BLK-03",)),
    "a retry answered 429": (lambda s: s.retry("b", 429), ("BR-ERR-06",)),
    "a PUT": (lambda s: s.retry("b", 405, cause="method:PUT", takes=()), ("BR-SEC-04",)),
    "no key": (lambda s: s.retry("b", 401, cause="auth:none", takes=()), ("BR-SEC-01",)),
    "a path": (lambda s: s.retry("b", 404, cause="path:trailing-slash", takes=()), ("BR-SEC-07",)),
    "a single retry of it": (lambda s: s.single("b.0"), ("BR-IDS-03", "BR-SGL-02")),
    "a single retry of another": (lambda s: s.single("b.1"), ("BR-SGL-02",)),
    "a refused single retry of it": (lambda s: s.single("b.0", 400, "x"), ("BR-SGL-01",)),
    "a refused retry with a body": (lambda s: s.retry("b", 400, "x", cause="body:values"), ("BR-BLK-03", "BR-SEC-05")),
    "an accepted retry with a query": (lambda s: s.retry("b", cause="query:language"), ("BR-IDS-03", "BR-SEC-05")),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_change_is_laid_to_the_call_that_may_have_made_it(call: str) -> None:
    act, any_of = CALLS[call]
    story = act(_quiet().wait(11)).show("values", {"body": "y"}, message="b.0").finish("b").views("b")
    assert _accused(story) == {any_of}
    assert _accused(act(_quiet().wait(11)).finish("b").views("b")) == set()


def test_one_finding_names_all_that_cannot_be_excluded() -> None:
    story = _quiet().wait(11).single("b.1").retry("b", 400, UNRESOLVED).show("language", "tamil", message="b.0")
    assert _accused(story.finish("b").views("b")) == {("BR-SGL-02", "BR-BLK-03")}


def test_a_success_is_not_to_be_touched_by_a_retry() -> None:
    story = _quiet().retry("b").show("language", "tamil", message="b.2").finish("b").views("b")
    assert _accused(story) == {("BR-SEL-02",)}


def test_what_the_request_said_is_laid_to_it_first() -> None:
    story = _quiet().retry("b", cause="body:language")
    last = story.exchanges[-1]
    said = msgspec.structs.replace(last.invoke, body={"language": "tamil"})
    story.exchanges[-1] = msgspec.structs.replace(last, invoke=said)
    story.show("language", "tamil", message="b.0").finish("b").views("b")
    assert _accused(story) == {("BR-SEC-05", "BR-IDS-03")}


def test_under_an_older_contract_a_change_is_no_attempt() -> None:
    story = _quiet().wait(11).single("b.0").show("language", "tamil", message="b.0").finish("b").views("b")
    known = load()
    kept = tuple(r for r in known.requirements if not r.id.startswith("BR-SGL"))
    older = msgspec.structs.replace(known, requirements=kept)
    found = [o for o in judge(story.history(), older) if isinstance(o, Finding) and " changed by " in o.subject]
    assert {o.any_of for o in found} == {("BR-IDS-03",)}


def test_a_change_with_no_call_near_is_an_observation() -> None:
    story = _quiet().show("language", "tamil", message="b.0").views("b")
    assert _accused(story) == set()
    assert story.observed()["data-changed"] == "language of a message, with no retry near"


def test_a_refused_retry_that_rewrites_a_value_passes_nothing() -> None:
    """Case 12c: the failed message next to the created one holds other values after the refusal."""

    def told(value: str) -> Shelf:
        story = (
            _quiet("FF").wait(11).single("b.0").read("b.0").blocked("b").show("values", {"body": value}, message="b.1")
        )
        return story.look("b")

    innocent = told("x [n:00000001]")
    assert "BR-BLK-03" in innocent.exercised()
    assert _accused(innocent) == set()
    story = told("x (resent) [n:00000001]")
    assert "BR-BLK-03" not in story.exercised()
    assert ("BR-BLK-03", "data-changed") in story.doubts()
    assert all("BR-BLK-03" in any_of for any_of in _accused(story))
    assert _accused(story)


def test_a_probe_after_which_a_value_is_another_left_nothing_untouched() -> None:
    """Case 12d: after a PUT a message of the batch holds other values."""

    def told(*, rewritten: bool) -> Proof | None:
        story = _quiet("FF").retry("b", 405, cause="method:PUT", takes=())
        if rewritten:
            story.show("values", {"body": "y"}, message="b.1")
        case = Inference(story.look("b").history()).case
        return untouched(case, case.ours[0], case.ours[0].probes[0])

    assert told(rewritten=False) is not None
    assert told(rewritten=True) is None


# -- what is no change (rulings 6, 19, 33) ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["values", "language", "createdAt", "fullMessage"])
@pytest.mark.parametrize("value", [None, []])
def test_null_is_a_loss_only_if_the_view_never_shows_it_again(name: str, value: Any) -> None:
    story = _quiet().retry("b").finish("b").show(name, value, message="b.0", view="message_read").look("b")
    assert not _accused(story), "the last answer alone may be a passing gap"
    story.look("b")
    assert _accused(story) == {("BR-IDS-03",)}
    story.changes.clear()
    assert _accused(story.look("b")) == set()


def test_a_time_without_an_offset_is_none() -> None:
    story = _quiet().retry("b").show("createdAt", "2026-01-01T08:00:00.123456").finish("b").views("b")
    assert _accused(story) == set()
    assert "BR-SCH-02" in story.findings()


def test_a_read_within_the_lag_proves_no_change() -> None:
    story = _quiet(lag=1.0).retry("b").show("language", "tamil", message="b.0").list("b")
    assert _accused(story) == set()
    assert _accused(story.wait(2).list("b")) == {("BR-IDS-03",)}


def test_a_lost_retry_without_an_effect_proves_no_change() -> None:
    story = _quiet().retry("b", None, takes=()).show("language", "tamil", message="b.0").views("b")
    assert _accused(story) == set()


# -- languages ----------------------------------------------------------------------------------------------------


def test_rows_in_one_language_do_not_pass_where_several_are_configured() -> None:
    """Case 12g: the header of an older history says that there are languages, and not which."""
    story = _quiet().retry("b").look("b").finish("b").views("b")
    assert "BR-IDS-03 language:english" in story.exercised()
    assert ("BR-IDS-03", "one-language-only") not in story.doubts()
    story.header = msgspec.structs.replace(story.header, offers=("failing", "languages"))
    assert ("BR-IDS-03", "one-language-only") in story.doubts()


def test_the_size_of_a_batch_is_not_a_messages_own() -> None:
    """Shown with a success, it is laid to the retry of the batch as a failed message's data is."""
    sized = [{"id": "b", "status": "messages_enqueued", "totalMessages": 3}]
    smaller = [{"id": "b", "status": "messages_enqueued", "totalMessages": 2}]
    story = Shelf().send("b", "FFS").show("batches", sized).look("b").finish("b").views("b").retry("b")
    assert _accused(story.show("batches", sized).finish("b").views("b")) == set()
    assert ("BR-IDS-03",) in _accused(story.show("batches", smaller).views("b"))
    assert not any("BR-SEL-02" in names for names in _accused(story))


def test_what_differs_between_views_may_be_the_work_of_a_call_between_them() -> None:
    def differing(story: Shelf) -> set[tuple[str, ...]]:
        return {o.any_of for o in story.opinions() if isinstance(o, Finding) and "BR-IDS-04" in o.any_of}

    def seen() -> Shelf:
        return Shelf().send("b", "FF").look("b").finish("b").list("b").wait(11)

    put = seen().retry("b", 405, cause="method:PUT", takes=()).show("values", {"body": "y"}, message="b.0")
    assert differing(put.read("b.0")) == {("BR-IDS-04", "BR-SEC-04")}
    assert differing(seen().show("values", {"body": "y"}, message="b.0").read("b.0")) == {("BR-IDS-04",)}
    assert differing(seen().read("b.0")) == set()


@pytest.mark.parametrize(
    ("earlier", "any_of"),
    [
        (lambda s: s.retry("b", takes=("b.1",)), ("BR-IDS-03", "BR-SGL-02")),
        (lambda s: s.retry("b", 400, UNRESOLVED), ("BR-IDS-03", "BR-SGL-02", "BR-BLK-03")),
        (lambda s: s.retry("b", None), ("BR-IDS-03", "BR-SGL-02")),
    ],
    ids=["accepted", "refused", "lost"],
)
def test_what_a_single_retry_may_have_changed_an_earlier_call_may_have_changed_late(
    earlier: Callable[[Shelf], Shelf], any_of: tuple[str, ...]
) -> None:
    story = earlier(_quiet().wait(11)).look("b").single("b.0").show("values", {"body": "y"}, message="b.0")
    named = {o.any_of for o in story.look("b").opinions() if isinstance(o, Finding) and "BR-SGL-02" in o.any_of}
    assert named == {any_of}
