"""A batch that the vendor holds in processing: what its provider state proves, and for how long."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from conformance.findings import Doubt, Exercise, Finding, Opinion
from conformance.history.records import Note
from conformance.judges import judge
from tests.story import Story

NOT_RETRYABLE = "batch_not_found_or_is_not_retryable"


def _state(t: float, action: str = "setup", *, batch: str | None = "held", text: str = "", **params: str) -> Note:
    about: dict[str, Any] = {
        "state": "batch_processing",
        "action": action,
        "batch": batch,
        "params": params,
        "begun": t,
    }
    return Note(t=t, event="state", text=text, data=about)


def _judged(story: Story, *notes: Note) -> tuple[Opinion, ...]:
    return judge(msgspec.structs.replace(story.history(), notes=notes))


def _accused(opinions: tuple[Opinion, ...]) -> set[str]:
    return {o.any_of[0] for o in opinions if isinstance(o, Finding)}


def _exercised(opinions: tuple[Opinion, ...]) -> set[tuple[str, str]]:
    return {(o.requirement, o.facet) for o in opinions if isinstance(o, Exercise)}


def _retried(status: int | None = 201, code: str | None = None) -> Story:
    """A batch of the vendor's, which no send of ours made, is retried a second after the run began."""
    story = Story().wait(1)
    story.members["held"] = []
    return story.retry("held", status, code)


def test_201_while_it_is_held_is_a_violation() -> None:
    opinions = _judged(_retried(), _state(0.5))
    assert "BR-ACC-01" in _accused(opinions)
    assert [o.axioms for o in opinions if isinstance(o, Finding) and o.any_of == ("BR-ACC-01",)] == [("A8",)]


@pytest.mark.parametrize("code", [NOT_RETRYABLE, "unresolved_batch_messages", "no_failed_batch_messages_to_retry"])
def test_a_refusal_while_it_is_held_exercises(code: str) -> None:
    opinions = _judged(_retried(400, code), _state(0.5))
    assert _accused(opinions) == set()
    assert ("BR-ACC-01", "refused-otherwise") in _exercised(opinions)
    # Refused for another reason, which passes (ruling 13), says nothing of how such a batch is refused.
    assert (("BR-ERR-01", "") in _exercised(opinions)) is (code == NOT_RETRYABLE)


def test_another_refusal_has_the_wrong_code() -> None:
    assert _accused(_judged(_retried(400, "parameter_invalid"), _state(0.5))) == {"BR-ERR-01"}
    assert "BR-ERR-01" in _accused(_judged(_retried(409, NOT_RETRYABLE), _state(0.5)))


@pytest.mark.parametrize(
    "notes",
    [
        (),
        (_state(1.005),),
        (_state(0.5, text="answered 404"),),
        (_state(0.5, batch="another"),),
        (_state(0.5, batch=None),),
        (_state(0.5), _state(0.9, "teardown", batchId="held")),
        (_state(0.5), _state(1.005, "teardown", batchId="held", text="no answer")),
        (_state(0.5), msgspec.structs.replace(_state(0.9), data={"state": "restart", "action": "setup"})),
    ],
    ids=["no state", "later", "refused", "another batch", "no batch", "let go", "let go in between", "restarted"],
)
def test_what_does_not_stand_proves_nothing(notes: tuple[Note, ...]) -> None:
    assert "BR-ACC-01" not in _accused(_judged(_retried(), *notes))


def test_what_is_let_go_afterwards_stood_before() -> None:
    notes = (_state(0.5), _state(2.0, "teardown", batchId="held"))
    assert "BR-ACC-01" in _accused(_judged(_retried(), *notes))


@pytest.mark.parametrize(("status", "code"), [(429, None), (500, None), (None, None)])
def test_what_says_nothing_is_neither(status: int | None, code: str | None) -> None:
    opinions = _judged(_retried(status, code), _state(0.5))
    assert _accused(opinions) == set()
    assert ("BR-ACC-01", "refused-otherwise") not in _exercised(opinions)


def test_a_vendor_who_shows_the_batch_retryable_all_the_same_proves_nothing() -> None:
    story = Story().send("held", "F").finish("held").wait(1).read("held.0").retry("held")
    opinions = _judged(story, _state(0.9))
    assert "BR-ACC-01" not in _accused(opinions)
    assert [o.code for o in opinions if isinstance(o, Doubt) and o.requirement == "BR-ACC-01"] == ["axiom-broken"]


@pytest.mark.parametrize("status", [True, False])
def test_what_was_read_before_it_was_held_says_nothing_of_it(status: bool) -> None:
    """A batch of this run, shown quiescent or blocked, and then held: not retryable is what it has to be refused as."""

    def refused(*, blocked: bool, until: float = 3.0) -> set[str]:
        story = Story(status=status).send("b", "FF").finish("b").look("b")
        story = (story.single("b.0").look("b") if blocked else story).wait(1.5 - story.now)
        story.retry("b", 400, NOT_RETRYABLE).look("b").wait(9).look("b")
        return _accused(_judged(story, _state(1.0, batch="b"), _state(until, "teardown", batch="b", batchId="b")))

    assert refused(blocked=False) == set()
    assert refused(blocked=True) == set()
    assert "BR-ACC-02" not in refused(blocked=False, until=1.1), "let go, it may still be in processing"


def test_what_an_accepted_retry_does_to_the_status_is_not_said() -> None:
    """A status that follows the acceptance takes nothing from the proof (ruling 5); one that comes before does."""

    def shown(status: str) -> Story:
        story = Story().wait(1).send("b", "F").finish("b")
        story.batches["b"] = "messages_enqueuing"
        story.read("b.0")
        story.batches["b"] = status
        return story

    after = shown("messages_enqueuing").retry("b")
    after.batches["b"] = "messages_enqueued"
    held = _state(1.0, batch="b")
    assert "BR-ACC-01" in _accused(_judged(after.read("b.0"), held))
    before = shown("messages_enqueued").read("b.0").retry("b")
    assert "BR-ACC-01" not in _accused(_judged(before.read("b.0"), held))
