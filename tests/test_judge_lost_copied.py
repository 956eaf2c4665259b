"""Messages that a batch lost, and copies of them: to which calls they are laid (BR-IDS-01, -02, -04, -05)."""

from __future__ import annotations

import pytest

from tests.shelf import Shelf

UNRESOLVED = "unresolved_batch_messages"
NOT_FAILED = "message_not_found_or_retry_message_not_in_failure_status"


def _listed() -> Shelf:
    story = Shelf().send("b", "FFS").send("ctl", "FS").finish("b").finish("ctl")
    return story.hide("batches").views("b").look("ctl")


def _loses(story: Shelf) -> Shelf:
    story.members["b"].remove("b.1")
    return story.finish("b").wait(11).look("b")


def _retried(story: Shelf) -> set[tuple[str, ...]]:
    return story.retry("b").finish("b").wait(11).views("b").look("ctl").named()


def test_a_message_that_a_probe_took_is_not_lost_by_the_retry_after_it() -> None:
    named = _retried(_loses(_listed().retry("b", 405, "x", cause="method:DELETE")))
    assert any("BR-SEC-04" in names for names in named)
    assert not any("BR-IDS-01" in names for names in named)
    assert ("BR-IDS-05",) not in named


def test_a_message_that_a_refused_retry_took_is_not_lost_by_the_next() -> None:
    story = _listed().single("b.0").look("b").blocked("b")
    named = _retried(_loses(story))
    assert {"BR-BLK-03", "BR-SGL-02"} in [set(names) for names in named]
    assert not any("BR-IDS-01" in names for names in named)


def test_a_message_that_goes_after_a_retry_and_a_probe_may_be_either_s() -> None:
    story = _listed().retry("b").finish("b").look("b").retry("b", 405, "x", cause="method:DELETE")
    assert ("BR-IDS-01", "BR-SEC-04") in _loses(story).named()
    assert ("BR-IDS-01",) in _loses(_listed().retry("b")).named()


def test_a_message_that_goes_after_a_retry_and_a_refused_single_retry_may_be_either_s() -> None:
    """Whichever message of the batch the single retry names."""
    for message in ("b.0", "b.1"):
        story = _listed().retry("b").finish("b").look("b").single(message, 400, NOT_FAILED)
        assert ("BR-IDS-01", "BR-SGL-01") in _loses(story).named(), message


@pytest.mark.parametrize("single", [True, False])
def test_a_copy_of_a_message_that_every_view_knows_by_its_id_as_well(single: bool) -> None:
    """No view shows the row under another id instead: there is one message more."""
    story = _listed()
    (story.single("b.0") if single else story.retry("b")).finish("b")
    story.messages["copy"] = dict(story.messages["b.0"]) | {"batch": "other"}
    story.members["other"] = ["copy"]
    story.batches["other"] = "messages_enqueued"
    story.wait(11).views("b").look("ctl")
    one_of = {"BR-IDS-01", "BR-IDS-02", "BR-IDS-04"}
    assert {frozenset(names) for names in story.named()} == {frozenset(one_of | ({"BR-SGL-02"} if single else set()))}
    assert "BR-IDS-02" not in story.exercised()


def test_a_copy_that_is_seen_late_may_be_the_work_of_the_first_call_of_the_run() -> None:
    """No listing of the campaign tells since when there is one."""
    story = Shelf(settle=0.1).send("b", "FFS").finish("b").hide("batches").look("b").retry("b", 400, UNRESOLVED)
    story.wait(3).look("b").single("b.0").finish("b")
    story.messages["copy"] = dict(story.messages["b.0"]) | {"batch": "other"}
    story.members["other"] = ["copy"]
    story.batches["other"] = "messages_enqueued"
    story.wait(11).views("b")
    assert ("BR-BLK-03", "BR-IDS-01", "BR-IDS-02", "BR-IDS-04", "BR-SGL-02") in story.named()


def test_a_row_that_one_view_shows_under_another_id_instead() -> None:
    story = _listed().retry("b").finish("b")
    story.change(lambda shown: shown.update(id="b.9"), message="b.0", view="campaign_list")
    assert ("BR-IDS-04",) in story.wait(11).views("b").named()


def _spelled_otherwise(*, gained: str | None = None) -> Shelf:
    """The campaign's listing knows the first message by another id throughout, and it is retried by itself.

    :param gained: a message that gains an attempt by that as well.
    """
    story = Shelf().send("b", "FFS").send("ctl", "FS").finish("b").finish("ctl")
    story.change(lambda shown: shown.update(id="other-0"), message="b.0", view="campaign_list").views("b").look("ctl")
    return (
        story.single("b.0", gives=("b.0", *([gained] if gained else []))).views("b").finish("b").views("b").look("ctl")
    )


def test_a_single_retry_explains_the_attempt_that_shows_under_another_id_of_the_same_row() -> None:
    assert all("BR-IDS-04" in names for names in _spelled_otherwise().named())
    assert _spelled_otherwise().named()


def test_it_explains_none_of_another_row() -> None:
    assert any("BR-SGL-02" in names and "BR-IDS-04" not in names for names in _spelled_otherwise(gained="b.1").named())
