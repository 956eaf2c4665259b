"""Where rules end: cases that lie next to those which a rule is about, and its less common ways."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from conformance.catalogue import load
from conformance.findings import Finding
from conformance.judges import judge
from conformance.judges.inference.counters import Trust
from conformance.judges.inference.inference import Inference
from conformance.judges.schema import MOST_ITEMS, mismatch, smaller
from tests.shelf import Shelf
from tests.story import Story
from tests.test_judge_guilty import GUILTY
from tests.test_judge_innocents import HTML, UNRESOLVED, done, lost_race_500, ready, together


def _found(story: Story, requirement: str) -> Finding:
    """The finding that names this requirement first."""
    return next(o for o in story.opinions() if isinstance(o, Finding) and o.any_of[0] == requirement)


def _quiet(rows: str = "FFF") -> Shelf:
    return Shelf().send("b", rows).send("ctl", "FS").finish("b").finish("ctl").look("b").look("ctl")


# -- three alike answers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("finished", [True, False])
def test_a_view_that_was_last_read_while_a_message_was_underway_does_not_say_that_it_moved(finished: bool) -> None:
    """Another view showed its end before the first of the three answers; without that it may have moved between them."""
    story = _quiet().single("b.0").campaign()
    if finished:
        story.finish("b").look("b")
    for _ in range(3):
        story.retry("b", 500, "internal_error").list("ctl")
    story.finish("b").wait(11).look("b").campaign()
    assert any("BR-ERR-08" in names for names in story.named()) is finished


@pytest.mark.parametrize("fields", [("numAttempts", "messageAttempts", "attempts"), ()])
def test_an_attempt_that_only_such_a_view_shows_is_no_refusal(fields: tuple[str, ...]) -> None:
    """The first of three 500 was carried out late: the single read shows it, the listing was not read again."""
    story = Shelf(fields=fields).send("b", "F").send("ctl", "FS").finish("b").finish("ctl").look("b").look("ctl")
    story.single("b.0").read("b.0").finish("b").list("b")
    for _ in range(3):
        story.retry("b", 500, "internal_error").list("b")
    story.attempt("b.0")
    story.wait(11).read("b.0")
    assert not any("BR-ERR-08" in names for names in story.named())


@pytest.mark.parametrize("times", [2, 3])
def test_three_5xx_in_a_row_bar_a_pass_also_where_what_blocks_has_moved_meanwhile(times: int) -> None:
    """The last look comes when the message has left created: no situation lasted, and no proof holds."""
    story = _quiet().single("b.0").look("b")
    for _ in range(times - 1):
        story.retry("b", 500, "internal_error").look("b")
    story.retry("b", 500, "internal_error").move("b.0", "sending").look("b").finish("b").wait(11).look("b")
    assert "BR-ERR-08" not in story.findings()
    assert (("BR-ERR-08", "broken-in-a-row") in story.doubts()) is (times == 3)


@pytest.mark.parametrize(("status", "body", "between"), [(502, HTML, False), (500, None, True)])
def test_three_5xx_of_a_gateway_or_with_another_answer_between_bar_none(
    status: int, body: str | None, between: bool
) -> None:
    story = _quiet().single("b.0").look("b")
    for _ in range(3):
        story.retry("b", status, None if body else "internal_error", body=body).look("b")
        if between:
            story.retry("b", 400, UNRESOLVED).look("b")
    story.move("b.0", "sending").look("b").finish("b").wait(11).look("b")
    assert ("BR-ERR-08", "broken-in-a-row") not in story.doubts()


# -- which messages are failed ------------------------------------------------------------------------------------


def test_a_message_is_not_failed_whose_status_is_that_of_an_older_attempt() -> None:
    """That is BR-SEL-03; a batch retry rightly leaves alone what is underway."""
    story = _quiet().single("b.0").move("b.0", "sent")

    def old_status(shown: dict[str, Any]) -> None:
        if shown["latestStatus"] == "sent":
            shown["latestStatus"] = "failure"

    story.change(old_status, message="b.0").look("b").retry("b").look("b").finish("b").wait(11).look("b")
    assert "BR-SEL-01" not in story.findings()
    assert "BR-SEL-03" in story.findings()


# -- races ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "body"), [(502, HTML), (None, None)])
def test_a_loser_that_a_gateway_answers_or_nobody_is_no_5xx_of_the_target(status: int | None, body: str | None) -> None:
    story = Story()
    for number in range(3):
        batch = f"r{number}"
        story.send(batch, "F").finish(batch).look(batch).retry(batch).retry(batch, status, body=body)
        together(story).look(batch).finish(batch).wait(11).look(batch)
    assert "BR-ERR-08" not in story.findings()
    assert "BR-ERR-08" in lost_race_500(3).findings()


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_races_count_as_long_as_a_message_may_surely_be_retried(rounds: int) -> None:
    """Of a message that was retried twice nobody knows whether a race may retry it (ruling 3)."""
    story = Story()
    for number in range(3):
        batch = f"r{number}"
        story.send(batch, "F").finish(batch).look(batch)
        for _ in range(rounds):
            story.retry(batch).finish(batch).look(batch)
        story.retry(batch).retry(batch, 400, UNRESOLVED)
        together(story).look(batch).finish(batch).wait(11).look(batch)
    assert ("BR-CON-01" in story.exercised()) is (rounds < 2)


def test_a_winner_that_attempts_nothing_is_told_by_the_failed_messages() -> None:
    story = Story()
    for number in range(2):
        batch = f"r{number}"
        story.send(batch, "FS").finish(batch).look(batch).retry(batch, takes=()).retry(batch, 400, UNRESOLVED)
        together(story).look(batch).wait(11).look(batch)
    found = next(o for o in story.opinions() if isinstance(o, Finding) and "BR-CON-02" in o.any_of)
    assert not [a for a in found.assumptions if a.axiom == "A2b"], "that a success stays one is not assumed"


# -- pages ---------------------------------------------------------------------------------------------------------


def test_a_walk_along_which_createdat_rises_and_falls() -> None:
    story = _quiet().show("createdAt", "2026-01-01T09:00:00.000000+00:00", message="b.1", view="batch_list")
    found = _found(story.walk("b", 2), "BR-IDS-05")
    assert "createdAt" in found.summary


def test_a_message_whose_createdat_is_not_shown_does_not_turn_a_walk_round() -> None:
    story = _quiet("FFFF").change(lambda shown: shown.update(createdAt=None), message="b.1", view="batch_list")
    assert "BR-IDS-05" not in story.walk("b", 2).findings()


def test_two_in_a_thousand_are_told_as_two() -> None:
    story = _quiet("FFFF").walk("b", 2)
    story.retry("b").finish("b").wait(11).list("b").walk("b", 2, pages=[["b.0", "b.1"], ["b.1", "b.0"]])
    found = _found(story.list("b"), "BR-IDS-05")
    assert any("misses 2 of them" in line for line in found.argument)


def test_a_message_that_a_page_shows_twice_has_been_seen_terminal_before() -> None:
    """An exchange that ends at the instant at which the page is asked for lies before it."""
    story = Shelf().send("b", "F").finish("b")
    story.gap = 0.0
    for _ in range(2):
        story.read("b.0")
        story.members["b"] = ["b.0", "b.0"]
        story.campaign().by("pages")
        story.members["b"] = ["b.0"]
    found = _found(story, "BR-IDS-05")
    assert "campaign" in found.summary
    assert found.scenario == "pages"


# -- contracts -----------------------------------------------------------------------------------------------------


def test_what_breaks_two_requirements_at_once_breaks_the_one_that_the_older_contract_holds() -> None:
    story = Story().send("b", "F").finish("b").look("b")
    for _ in range(3):
        story.retry("b", 500).look("b")
    both = [o.any_of for o in judge(story.wait(11).look("b").history()) if isinstance(o, Finding)]
    older = [o.any_of for o in judge(story.history(), load("1.0")) if isinstance(o, Finding)]
    assert ("BR-ACC-02", "BR-ERR-08") in both
    assert ("BR-ACC-02",) in older


# -- what cannot be told ---------------------------------------------------------------------------------------------


def test_a_batch_that_is_shown_at_the_instant_at_which_another_vanished_was_not_lost() -> None:
    """What is asked for at that very instant is asked for after it."""
    story = ready("F")
    story.retry("b")
    gone = [("batch_list", 404), ("batch_list", 404)]
    for operation, status in gone:
        story._exchange(operation, status, {"error": {"code": "not_found", "message": "m"}}, batch="ctl")  # type: ignore[arg-type]
    assert "BR-IDS-02" not in done(story).findings()


# -- attempts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shown", "newest"), [("sent", "resting"), ("resting", "sent")])
def test_a_status_that_the_contract_does_not_know_is_compared_with_nothing(shown: str, newest: str) -> None:
    """A newer version may know it (ruling 6), of the message or of its attempt."""
    story = _quiet().retry("b").look("b").move("b.0", newest).show("latestStatus", shown, message="b.0")
    assert "BR-SEL-03" not in story.look("b").findings()


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("carried", [False, True])
def test_an_error_of_the_old_attempt_in_either_form_of_the_guide(nested: bool, carried: bool) -> None:
    error = {"type": "delivery_error", "code": "routing_error"}
    shown = {"error": error} if nested else {"errorType": error["type"], "errorCode": error["code"]}
    story = _quiet()
    story.messages["b.0"]["attempts"][0].update(shown)
    story.look("b").retry("b")
    if carried:
        story.messages["b.0"]["attempts"][1].update(shown)
    assert ("BR-SEL-03" in story.look("b").findings()) is carried


# -- the document --------------------------------------------------------------------------------------------------


def test_a_long_list_is_cut_down_to_the_items_that_do_not_fit() -> None:
    body = {"data": [*range(MOST_ITEMS), "odd", "even"], "pageData": {}}
    assert smaller(body, lambda one: "even" not in one["data"]) == {"data": ["odd", "even"], "pageData": {}}
    assert smaller(body, lambda one: bool(one["pageData"])) == {"data": [], "pageData": {}}
    short = {"data": ["even"]}
    assert smaller(short, lambda one: "even" not in one["data"]) == short


def test_of_several_faults_the_one_that_lies_nearest_to_the_top_is_told() -> None:
    told = mismatch("message_read", 200, {"batches": [{"id": {}}], "updatedAt": 5})
    assert told is not None
    assert "[*]" not in told


# -- axioms --------------------------------------------------------------------------------------------------------

RESTING = {name: tell for name, (tell, _) in GUILTY.items()}


@pytest.mark.parametrize("name", list(RESTING)[::3])
def test_a_finding_falls_with_each_axiom_that_it_rests_on(name: str) -> None:
    history = RESTING[name]().history()
    findings = [o for o in judge(history) if isinstance(o, Finding)]
    assert findings
    for axiom in {a for f in findings for a in f.axioms}:
        for off in {axiom, axiom[:2] if axiom[:2] == "A2" else axiom}:
            left = {
                f.kind
                for f in judge(history, without=frozenset((off,)))
                if isinstance(f, Finding) and axiom in f.axioms
            }
            assert not left, f"{off} is switched off"


# -- chains --------------------------------------------------------------------------------------------------------


def _probed(story: Story) -> Story:
    return story.retry("b", 401, "x", cause="auth:none").look("b")


def _shelf(**options: Any) -> Shelf:
    return Shelf(**options).send("b", "FF").send("ctl", "FS").finish("b").finish("ctl")


def test_a_probe_is_bound_where_messages_show_their_status_only() -> None:
    story = _shelf(fields=()).hide("updatedAt").look("ctl").look("b")
    _probed(story).retry("b").look("b").finish("b").wait(11).look("b").look("ctl")
    assert "BR-SEC-01 none" in story.exercised()


def test_a_chain_that_is_not_closed_keeps_no_later_one_from_being_closed() -> None:
    story = _probed(_shelf().look("ctl").look("b")).single("b.0").look("b").finish("b").wait(11).look("b")
    _probed(story).retry("b").look("b").finish("b").wait(11).look("b").look("ctl")
    assert "BR-SEC-01 none" in story.exercised()
    assert ("BR-SEC-01", "chain-not-closed") in story.doubts()


# -- created messages ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accepted", [True, False])
def test_a_single_retry_alone_shows_the_message_created(accepted: bool) -> None:
    """Its answer shows no count and no updatedAt; a listing before it and one behind the retry count one attempt more."""
    story = _shelf(fields=("numAttempts",)).hide("updatedAt").look("ctl").look("b").single("b.0")
    story.retry("b", takes=("b.1",)) if accepted else story.blocked("b")
    story.list("b")
    assert ("BR-BLK-01" in story.findings()) is accepted


# -- other keys, and single messages ---------------------------------------------------------------------------------


def test_what_the_second_key_does_is_no_retry_of_the_run() -> None:
    """No page says that both keys of a campaign must do: it is observed only."""
    story = ready("F").retry("b", 400, "parameter_invalid")
    last = story.exchanges[-1]
    invoke = msgspec.structs.replace(last.invoke, auth="second")
    story.exchanges[-1] = msgspec.structs.replace(last, invoke=invoke)
    assert done(story).findings() == set()
    assert "BR-ACC-02" in done(ready("F").retry("b", 400, "parameter_invalid")).findings()


def test_a_view_that_stays_behind_is_found_for_a_message_that_was_sent_singly() -> None:
    story = Shelf().send("b", "F").finish("b").look("b")
    own = story.batch_of
    story.batch_of = lambda message: None if message == "m" else own(message)
    story.single_send("m", "S")
    story.messages["m"]["text"] = "x"
    story.show("latestStatus", "sent", message="m", view="campaign_list").campaign().move("m", "success").read("m")
    story.wait(11).read("m").campaign().read("m")
    assert "BR-IDS-07" in story.findings()


@pytest.mark.parametrize("after", [0.3, 5.0])
def test_a_view_that_lacks_a_message_within_the_lag_is_not_accused(after: float) -> None:
    story = Shelf(lag=1.0).send("b", "FF").finish("b").wait(5).list("b").look("b").wait(after)
    story.campaign(without=("b.1",)).wait(5).look("b").list("b")
    assert ("BR-IDS-04" in story.findings()) is (after > 1)


# -- lag -----------------------------------------------------------------------------------------------------------

NOT_FOUND = {"error": {"code": "c", "message": "m", "type": "domain_error", "id": "t"}}


def _lags(story: Story) -> dict[str, float]:
    return {view: round(shown.seconds, 3) for view, shown in Inference(story.history()).case.lags.shown.items()}


@pytest.mark.parametrize("status", [400, 404, 405, 503])
def test_a_single_read_that_does_not_find_a_message_lags_if_a_later_one_finds_it(status: int) -> None:
    story = (
        Shelf().send("b", "FF").finish("b").list("b").wait(1).answer("message_read", status, NOT_FOUND, message="b.0")
    )
    assert _lags(story) == {}
    story.read("b.0")
    assert _lags(story) == ({"message_read": 1.01} if status in (400, 404) else {})


@pytest.mark.parametrize("view", ["batch_list", "campaign_list"])
def test_a_listing_that_lacks_a_row_lags_if_a_later_one_holds_it(view: str) -> None:
    """A row of another batch is none of the batch's own listing."""
    story = Shelf().send("b", "FF").send("c", "F").finish("b").finish("c").read("b.0").read("b.1").read("c.0").wait(1)
    story.list("b", only=1) if view == "batch_list" else story.campaign(without=("b.1",))
    assert _lags(story) == {}
    story.list("b").list("c").campaign()
    assert list(_lags(story)) == [view]


@pytest.mark.parametrize("late", [0.0, 0.001])
def test_a_listing_that_is_asked_for_before_a_message_was_shown_need_not_hold_it(late: float) -> None:
    story = Shelf().send("b", "FF").finish("b").read("b.1").list("b", only=1)
    first, listed = story.exchanges[-2:]
    story.exchanges[-2] = msgspec.structs.replace(first, end=msgspec.structs.replace(first.end, last=listed.t + late))
    assert list(_lags(story.list("b"))) == ([] if late else ["batch_list"])


@pytest.mark.parametrize("listed", [False, True])
def test_a_view_that_was_read_first_behind_an_attempt_which_no_retry_explains_keeps_up(listed: bool) -> None:
    """The listing was read last before a refusal that was carried out, the single read after it: both show all attempts."""
    story = Shelf().send("b", "F").finish("b").list("b").retry("b", 429, "x", takes=("b.0",)).finish("b")
    story.list("b") if listed else story
    story.read("b.0").retry("b").finish("b").wait(11).list("b").wait(11).read("b.0")
    assert "BR-IDS-07" not in {name for names in story.named() for name in names[:1]}


# -- counts --------------------------------------------------------------------------------------------------------


def _trust(story: Story) -> Trust:
    return Inference(story.history()).case.trust


def test_a_number_that_stands_still_beside_its_own_list_counts_nothing_and_the_list_does() -> None:
    story = _shelf().show("numAttempts", 1, view="batch_list").look("ctl").look("b").retry("b").finish("b").list("b")
    trust = _trust(story)
    assert trust.modes["batch_list.numAttempts"] == "never"
    assert trust.modes["batch_list.messageAttempts"] == "always"
    done(story).wait(11).look("b")
    assert story.findings() == {"BR-IDS-07"}
    assert {"BR-ACC-05", "BR-SEL-01"} <= story.exercised()


def test_two_counts_of_one_view_that_both_grow_and_differ_count_nothing() -> None:
    def halved(shown: dict[str, Any]) -> None:
        shown["numAttempts"] = len(shown["messageAttempts"]) // 2 + 1

    story = _shelf().change(halved, view="batch_list").look("ctl").look("b").retry("b").finish("b").wait(11)
    story.retry("b").finish("b").list("b")
    modes = _trust(story).modes
    assert (modes["batch_list.numAttempts"], modes["batch_list.messageAttempts"]) == ("never", "never")
    assert done(story).findings() == set()


# -- batches -------------------------------------------------------------------------------------------------------


def _vanishes(story: Story, *, shown: bool) -> Story:
    """The listing of b is not found any more after a retry; ``shown``: its messages were shown after the retry."""
    story.retry("b").finish("b")
    if shown:
        story.read("b.0")
    for _ in range(2):
        story._exchange("batch_list", 404, NOT_FOUND, batch="b")
    return story


@pytest.mark.parametrize("shown", [False, True])
def test_a_batch_that_was_found_after_the_retry_was_not_lost_by_it(shown: bool) -> None:
    story = _vanishes(_quiet(), shown=shown).wait(1).look("ctl")
    assert ("BR-IDS-02" in story.findings()) is not shown


def test_a_batch_whose_messages_are_found_at_last_is_missed_by_its_listing_alone() -> None:
    story = _vanishes(_quiet(), shown=True).read("b.0").wait(1).look("ctl")
    assert "BR-IDS-02" in story.findings()
