"""Family SGL: each rule accuses where the contract is broken, and nowhere else."""

from __future__ import annotations

import msgspec
import pytest

from conformance.findings import Finding
from conformance.history.records import Exchange
from tests.shelf import Shelf
from tests.story import Story
from tests.test_judge_innocents import HTML

NOT_FAILED = "message_not_found_or_retry_message_not_in_failure_status"
TOO_MANY = "too_many_message_attempts_error"
UNRESOLVED = "unresolved_batch_messages"


def _failed(rows: str = "FFS", *, fields: tuple[str, ...] = ("numAttempts", "messageAttempts", "attempts")) -> Story:
    story = Story(fields=fields).send("b", rows).send("ctl", "FS").look("b").look("ctl")
    return story.finish("b").finish("ctl").look("b").look("ctl")


def _named(story: Story) -> set[str]:
    return {name for o in story.opinions() if isinstance(o, Finding) for name in o.any_of}


def test_what_is_not_failed_is_refused() -> None:
    story = _failed().single("nobody", 404, "not_found", cause="id:unknown")
    story.single("b.2", 400, NOT_FAILED).look("b").single("b.0").single("b.0", 400, NOT_FAILED).look("b").look("ctl")
    assert story.findings() == set()
    assert {"BR-SGL-01 unknown", "BR-SGL-01 success", "BR-SGL-01 created", "BR-SGL-02"} <= story.exercised()


@pytest.mark.parametrize(("status", "code"), [(400, UNRESOLVED), (409, "conflict")])
def test_sgl_01_another_answer_than_documented(status: int, code: str) -> None:
    assert "BR-SGL-01" in _failed().single("nobody", status, code, cause="id:unknown").findings()
    assert "BR-SGL-01" in _failed().single("b.2", status, code).look("b").findings()
    assert "BR-SGL-01" in _failed().single("b.0").single("b.0", status, code).look("b").findings()


def test_sgl_01_a_gateway_s_404_says_nothing_of_the_target() -> None:
    story = _failed().single("nobody", 404, cause="id:unknown")
    assert story.findings() == set()
    assert not any(e.startswith("BR-SGL-01") for e in story.exercised())


def test_sgl_01_5xx_again_and_again_for_an_unknown_message() -> None:
    """Three in a row, with a read answered 200 between, are how it is refused; fewer, and without a read, say nothing."""

    def asked(*, times: int, reads: bool) -> Story:
        story = _failed()
        for _ in range(times):
            story.single("nobody", 500, "internal_error", cause="id:unknown")
            if reads:
                story.read("ctl.0")
        return story

    assert asked(times=3, reads=True).findings() == {"BR-SGL-01"}
    assert asked(times=2, reads=True).findings() == set()
    assert asked(times=3, reads=False).findings() == set()


def test_sgl_01_a_success_is_accepted() -> None:
    assert "BR-SGL-01" in _failed().single("b.2").look("b").findings()
    assert "BR-SGL-01" in _failed().single("b.2", gives=()).look("b").findings()


def test_sgl_01_a_success_of_a_retry_is_accepted_right_after_it() -> None:
    """Within the settling time of that retry, which may have given it another attempt, but none that had failed by then."""
    story = _failed("F").retry("b").move("b.0", "success").look("b")
    assert story.single("b.0").look("b").findings() == {"BR-SGL-01"}


def test_sgl_01_what_may_have_failed_again_before_it_is_accepted_accuses_nobody() -> None:
    """A late effect of the batch retry: the attempt that the single retry gave may be the one after it."""
    story = _failed("F").retry("b").move("b.0", "success").look("b")
    story.single("b.0").move("b.0", "failure").look("b")
    assert "BR-SGL-01" not in story.findings()


def test_sgl_01_an_unknown_message_and_one_just_reset_are_accepted() -> None:
    story = _failed().single("b.0", 201, cause="id:unknown", gives=())
    story.exchanges[-1] = Exchange(
        invoke=msgspec.structs.replace(story.exchanges[-1].invoke, message="nobody"), end=story.exchanges[-1].end
    )
    assert story.findings() == {"BR-SGL-01"}
    assert "BR-SGL-01" in _failed().single("b.0").single("b.0", gives=()).look("b").findings()


def test_sgl_01_a_success_that_was_exhausted_may_be_refused_for_that() -> None:
    story = _failed("R")
    story.move("b.0", "failure").look("b")
    for _ in range(2):
        story.single("b.0").move("b.0", "failure").look("b")
    story.single("b.0").move("b.0", "success").look("b").wait(11).look("b")
    assert story.single("b.0", 400, TOO_MANY).look("b").findings() == set()


def test_sgl_01_a_refused_single_retry_that_is_carried_out() -> None:
    story = _failed().single("b.2", 400, NOT_FAILED, gives=("b.2",)).look("b").look("ctl")
    assert story.findings() == {"BR-SGL-01"}
    assert "BR-SGL-01 success" not in story.exercised()


def test_sgl_02_the_answer() -> None:
    assert "BR-SGL-02" in _failed().single("b.0", 200, gives=("b.0",)).look("b").findings()
    assert "BR-SGL-02" in _failed().single("b.0", shows="b.1").look("b").findings()


def test_sgl_02_another_message_is_retried_as_well() -> None:
    story = _failed().single("b.0", gives=("b.0", "b.1")).look("b").look("ctl")
    assert "BR-SGL-02" in _named(story)
    assert "BR-SGL-02" in _named(_failed().single("b.0", gives=("b.1",)).wait(11).look("b").look("ctl"))


def test_sgl_02_no_attempt_comes() -> None:
    assert _failed().single("b.0", gives=()).look("b").findings() == set()
    assert "BR-SGL-02" in _failed().single("b.0", gives=()).wait(11).look("b").findings()


def test_sgl_02_the_message_s_data_changes() -> None:
    story = _failed().single("b.0").look("b")
    for e in story.exchanges[-4:]:
        for item in e.end.body.get("data", [e.end.body]):
            if item["id"] == "b.0":
                item["recipient"] = "6599999999"
    assert "BR-SGL-02" in story.findings()
    assert "BR-SGL-02" not in story.exercised()


@pytest.mark.parametrize("fields", [("numAttempts",), ()])
def test_targets_that_show_no_attempts_are_decided_too(fields: tuple[str, ...]) -> None:
    story = _failed(fields=fields).single("b.2", 400, NOT_FAILED).look("b").single("b.0").read("b.0")
    story.single("b.0", 400, NOT_FAILED).look("b").look("ctl")
    assert story.findings() == set()
    assert {"BR-SGL-01 success", "BR-SGL-01 created", "BR-SGL-02"} <= story.exercised()


CAUSES = ("auth:other-key", "campaign:other", "campaign:other-own-key")


def _foreign(cause: str, status: int, code: str, *, opens: bool = True, gives: tuple[str, ...] = ()) -> Story:
    story = _failed().other_page(200 if opens else 404)
    return story.single("b.0", status, code, cause=cause, gives=gives).look("b").look("ctl")


@pytest.mark.parametrize("cause", CAUSES)
def test_sgl_03_a_closed_chain(cause: str) -> None:
    story = _foreign(cause, 404, "not_found").single("b.0").look("b")
    assert story.findings() == set()
    assert "BR-SGL-03" in story.exercised()
    assert "BR-SGL-03" not in _foreign(cause, 404, "not_found").exercised(), "no valid retry closes it"


@pytest.mark.parametrize("cause", CAUSES)
def test_sgl_03_is_refused_as_a_foreign_key_or_campaign_is(cause: str) -> None:
    """401, 403 and 404 pass (ruling 7), and so does the code of a message that may not be retried; HTML may be a gateway's."""
    assert "BR-SGL-03" in _foreign(cause, 400, "parameter_invalid").single("b.0").look("b").findings()
    assert "BR-SGL-03" in _foreign(cause, 400, NOT_FAILED).single("b.0").look("b").exercised()
    story = _failed().other_page().single("b.0", 400, body=HTML, cause=cause).look("b").single("b.0").look("b")
    assert "BR-SGL-03" not in story.findings()


def test_sgl_03_a_key_that_opens_nothing_proves_nothing() -> None:
    story = _foreign("auth:other-key", 403, "forbidden", opens=False).single("b.0").look("b")
    assert "BR-SGL-03" not in story.exercised()
    assert ("BR-SGL-03", "other-campaign-unproved") in story.doubts()
    assert _foreign("auth:other-key", 201, "", opens=False).findings() == set()


@pytest.mark.parametrize("cause", CAUSES)
def test_sgl_03_accepted_or_carried_out(cause: str) -> None:
    assert "BR-SGL-03" in _foreign(cause, 201, "").findings()
    story = _foreign(cause, 404, "not_found", gives=("b.0",)).finish("b").look("b").single("b.0").look("b")
    assert "BR-SGL-03" in _named(story)
    assert "BR-SGL-03" not in story.exercised()


@pytest.mark.parametrize("carried_out", [True, False])
def test_sgl_01_a_status_that_was_another_meanwhile_is_not_untouched(carried_out: bool) -> None:
    """Where only the status is shown, created between two successes may be a lag, and may be the refused retry's effect."""
    story = _failed(fields=()).single("b.2", 400, NOT_FAILED, gives=("b.2",) if carried_out else ()).look("b")
    story.finish("b").wait(1).look("b")
    for e in story.exchanges:
        for item in (e.end.body or {}).get("data", [e.end.body or {}]):
            item.pop("updatedAt", None)
    assert ("BR-SGL-01 success" in story.exercised()) is not carried_out


def _answers(name: str, value: object) -> Shelf:
    story = Shelf().send("b", "FF").send("ctl", "F").finish("b").finish("ctl").look("ctl").views("b")
    story.show(name, value, message="b.0", view="single_retry")
    return story.single("b.0").views("b").finish("b").wait(11).views("b").look("ctl")


@pytest.mark.parametrize(
    ("name", "value"), [("recipient", "6511112201"), ("language", "malay"), ("values", {"body": "y"})]
)
def test_sgl_02_an_answer_with_other_data_of_the_message(name: str, value: object) -> None:
    story = _answers(name, value)
    assert story.named() == {("BR-SGL-02",)}
    assert "BR-SGL-02" not in story.exercised()


@pytest.mark.parametrize(("name", "value"), [("language", None), ("values", {}), ("createdAt", "2026-01-01T00:00:00Z")])
def test_sgl_02_an_answer_that_leaves_out_or_rounds(name: str, value: object) -> None:
    """What is not shown is not compared (ruling 6), and finer digits may be dropped (ruling 19)."""
    story = _answers(name, value)
    assert story.findings() == set()
    assert "BR-SGL-02" in story.exercised()


def _together(story: Story) -> Story:
    """The last two calls were in flight together."""
    a, b = story.exchanges[-2:]
    story.exchanges[-1] = Exchange(invoke=msgspec.structs.replace(b.invoke, t=a.invoke.t + 0.001), end=b.end)
    story.exchanges[-2] = Exchange(invoke=a.invoke, end=msgspec.structs.replace(a.end, last=b.end.last))
    return story


@pytest.mark.parametrize("given", [1, 2])
def test_two_single_retries_at_once_own_an_attempt_each(given: int) -> None:
    """The second of them may find the message failed again (ruling 15); the other attempt may be late (ruling 16)."""
    story = _failed().single("b.0")
    _together(story.single("b.0", gives=())).look("b").finish("b").look("b").wait(5)
    if given > 1:
        story.attempt("b.0")
    story.look("b")
    assert "BR-SGL-02" not in _named(story)
    assert (("BR-SGL-02",) in story.finish("b").wait(11).look("b").named()) is (given == 1)


@pytest.mark.parametrize("undecoded", [None, "br"])
def test_a_201_without_the_message_is_the_target_s_own(undecoded: str | None) -> None:
    """Ruling 22; a body that cannot be decoded is unread (ruling 33)."""
    story = _failed().single("b.0")
    last = story.exchanges[-1]
    end = msgspec.structs.replace(last.end, body=None, media="binary" if undecoded else "none", undecoded=undecoded)
    story.exchanges[-1] = Exchange(invoke=last.invoke, end=end)
    assert ("BR-SGL-02" in _named(story.look("b").finish("b").wait(11).look("b"))) is (undecoded is None)


@pytest.mark.parametrize("seconds", [4, 11])
def test_what_comes_of_a_single_retry_when_the_settling_time_is_over_is_no_lag(seconds: int) -> None:
    """Rulings 16 and 29: up to then what reads show may be older, from then on the retry is to blame, or the view."""
    story = Story(lag=1.0).send("b", "F").send("z", "F").finish("b").finish("z").look("b").look("z").wait(2)
    story.single("b.0", gives=()).look("b").wait(seconds).look("b").attempt("b.0")
    story.wait(2).look("b").finish("b").wait(2).look("b")
    assert any("BR-SGL-02" in names for names in story.named()) is (seconds > 10)
