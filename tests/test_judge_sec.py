"""Family SEC: probes bound by closed chains, effects of probes, what a request may say."""

from __future__ import annotations

import msgspec
import pytest

from conformance.findings import Doubt, Finding
from conformance.history.records import Exchange
from tests.story import Story

STATUS_OF = {"auth:none": 401, "auth:wrong": 401, "auth:other-key": 403, "campaign:other": 404, "method:PUT": 405}
FACETS = {
    "auth:none": "BR-SEC-01 none",
    "auth:wrong": "BR-SEC-01 wrong",
    "auth:other-key": "BR-SEC-02",
    "campaign:other": "BR-SEC-03",
    "campaign:other-own-key": "BR-SEC-03",
    "method:PUT": "BR-SEC-04 PUT",
    "method:GET": "BR-SEC-04 GET",
    "auth:cut": "BR-SEC-07 cut",
    "auth:extended": "BR-SEC-07 extended",
    "auth:case": "BR-SEC-07 case",
    "auth:scheme": "BR-SEC-07 scheme",
    "path:trailing-slash": "BR-SEC-07 path",
}


def _ready(other: int | None = 200) -> Story:
    """A quiet batch of two failed messages, and an untouched one beside it; another campaign that its key opens."""
    story = Story().other_page(other).send("b", "FF").send("ctl", "FS").finish("b").finish("ctl")
    return story.look("ctl").look("b").look("ctl")


def _probe(story: Story, cause: str, status: int | None, *, takes: tuple[str, ...] = ()) -> Story:
    return story.retry("b", status, None if status in (200, 201, 204, None) else "x", takes=takes, cause=cause)


def _closed(story: Story) -> Story:
    return story.look("b").retry("b").look("b").finish("b").look("b").look("ctl")


@pytest.mark.parametrize("cause", FACETS)
def test_a_closed_chain_exercises_what_the_probe_is_about(cause: str) -> None:
    story = _closed(_probe(_ready(), cause, STATUS_OF.get(cause, 401)).list("b"))
    assert story.findings() == set()
    assert FACETS[cause] in story.exercised()


@pytest.mark.parametrize("cause", [c for c in FACETS if not c.startswith("method:")])
def test_a_probe_that_is_accepted_fails(cause: str) -> None:
    story = _closed(_probe(_ready(), cause, 201))
    assert FACETS[cause].split()[0] in story.findings()


@pytest.mark.parametrize("cause", FACETS)
def test_a_probe_that_is_refused_and_carried_out_fails(cause: str) -> None:
    story = _probe(_ready(), cause, STATUS_OF.get(cause, 401), takes=("b.0", "b.1")).look("b").look("ctl")
    assert story.findings() == {FACETS[cause].split()[0]}


def test_a_probe_at_a_target_that_shows_no_attempts_leaves_the_updatedat_as_it_was() -> None:
    """Status and updatedAt stand still (A5): it had no effect."""
    story = Story(fields=()).send("b", "FF").send("ctl", "FS").finish("b").finish("ctl").look("ctl").look("b")
    story = _closed(_probe(story, "auth:none", 401))
    assert story.findings() == set()
    assert "BR-SEC-01 none" in story.exercised()


@pytest.mark.parametrize("other", [401, 403, 404, None, 500])
@pytest.mark.parametrize("cause", ["auth:other-key", "campaign:other-own-key"])
def test_another_campaign_that_its_key_does_not_open_proves_nothing(cause: str, other: int | None) -> None:
    story = _closed(_probe(_ready(other), cause, 401).list("b"))
    assert story.findings() == set()
    assert FACETS[cause] not in story.exercised()
    assert (FACETS[cause], "other-campaign-unproved") in story.doubts()
    never = Story().send("b", "FF").finish("b").look("b")
    assert (FACETS[cause], "other-campaign-unproved") in _closed_alone(_probe(never, cause, 401).list("b")).doubts()


def _closed_alone(story: Story) -> Story:
    return story.look("b").retry("b").look("b").finish("b").look("b")


def test_a_key_that_may_be_the_campaigns_own_may_retry() -> None:
    story = _probe(_ready(403), "auth:other-key", 201, takes=("b.0", "b.1")).look("b").look("ctl")
    assert story.findings() == set()
    assert ("BR-SEC-02", "other-campaign-unproved") in story.doubts()


def test_without_another_key_the_other_path_is_enough() -> None:
    story = _closed(_probe(_ready(401), "campaign:other", 404).list("b"))
    assert "BR-SEC-03" in story.exercised()
    story.header = msgspec.structs.replace(story.header, offers=("other_campaign", "other_key"))
    assert "BR-SEC-03" not in story.exercised(), "with a key at hand, the campaign is to be shown"
    assert ("BR-SEC-03", "other-campaign-unproved") in story.doubts()


def test_a_valid_retry_that_was_refused_may_have_had_the_effect() -> None:
    for status, name in ((400, "BR-BLK-03"), (429, "BR-ERR-06")):
        story = _probe(_ready(), "auth:none", 401).list("b").retry("b", status, "x", takes=("b.0", "b.1"))
        sets = story.look("b").look("ctl").named()
        assert tuple(sorted(("BR-SEC-01", name))) in sets
        assert ("BR-SEC-01",) not in sets


def test_which_of_two_probes_had_the_effect_cannot_be_told() -> None:
    story = _probe(_ready(), "auth:none", 401)
    story = _probe(story, "auth:cut", 401, takes=("b.0", "b.1")).look("b").look("ctl")
    finding = next(o for o in story.opinions() if getattr(o, "any_of", ()))
    assert set(getattr(finding, "any_of", ())) == {"BR-SEC-01", "BR-SEC-07"}


def test_a_late_effect_is_laid_to_every_probe_that_may_have_had_it() -> None:
    story = _probe(_ready(), "auth:none", 401).wait(1).look("b")
    story = _probe(story, "auth:wrong", 401)
    story = _probe(story, "method:PUT", 405, takes=("b.0",)).look("b").look("ctl")
    finding = next(o for o in story.opinions() if isinstance(o, Finding))
    assert set(finding.any_of) == {"BR-SEC-01", "BR-SEC-04"}
    probes = [e.n for e in story.exchanges if e.invoke.cause]
    assert set(probes) <= set(finding.evidence)
    said = next(line for line in finding.argument if "may have reached it" in line)
    assert all(f"{n} " in said for n in probes)


def test_a_probe_from_before_the_settling_time_is_no_suspect() -> None:
    story = _probe(_ready(), "auth:none", 401).wait(11).look("b")
    story = _probe(story, "auth:wrong", 401, takes=("b.0",)).look("b").look("ctl")
    finding = next(o for o in story.opinions() if isinstance(o, Finding))
    first = next(e.n for e in story.exchanges if e.invoke.cause == "auth:none")
    assert first not in finding.evidence
    assert finding.subject.endswith("refused retry with auth:wrong, failure")


def test_many_suspects_are_counted_rather_than_listed() -> None:
    story = _ready()
    for _ in range(20):
        story = _probe(story, "auth:none", 401)
    finding = next(
        o for o in _probe(story, "auth:none", 401, takes=("b.0",)).look("b").opinions() if isinstance(o, Finding)
    )
    assert any("and 9 more" in line for line in finding.argument)


def test_without_an_untouched_batch_it_may_have_come_by_itself() -> None:
    story = Story().send("b", "FF").finish("b").look("b")
    story = _probe(story, "auth:none", 401, takes=("b.0",)).look("b")
    findings = [o for o in story.opinions() if getattr(o, "any_of", ())]
    assert {r for f in findings for r in getattr(f, "any_of", ())} == {"BR-SEC-01", "BR-SEL-07"}


@pytest.mark.parametrize("status", [400, 403, 404, 302])
def test_sec_01_another_refusal_than_401(status: int) -> None:
    story = _closed(_probe(_ready(), "auth:none", status).list("b"))
    assert story.findings() == {"BR-SEC-01"}


@pytest.mark.parametrize(("page", "accused"), [(True, set()), (False, {"BR-SEC-01"})])
def test_sec_01_a_page_that_came_once_in_place_of_the_401(page: bool, accused: set[str]) -> None:
    """By its status a probe is judged whoever answered it (ruling 22), but not where the same request gets its 401."""
    odd = _probe(_ready(), "auth:none", 302 if page else 404)
    story = _closed(_probe(odd, "auth:none", 401).list("b"))
    assert story.findings() == accused
    assert (("BR-SEC-01", "answer-lost") in story.doubts()) is page


@pytest.mark.parametrize("status", [400, 403, 404])
def test_sec_01_a_chain_that_is_not_closed_binds_nothing(status: int) -> None:
    story = _probe(_ready(), "auth:none", status).look("b")
    assert story.findings() == set()
    assert ("BR-SEC-01", "chain-not-closed") in story.doubts()
    refused = _probe(_ready(), "auth:none", status).look("b").retry("b", 400, "unresolved_batch_messages")
    assert "BR-SEC-01" not in refused.findings()
    assert ("BR-SEC-01", "chain-not-closed") in refused.doubts()


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("cause", ["auth:other-key", "campaign:other"])
def test_every_refusal_of_ruling_7_passes(cause: str, status: int) -> None:
    story = _closed(_probe(_ready(), cause, status).list("b"))
    assert story.findings() == set()
    assert FACETS[cause] in story.exercised()


@pytest.mark.parametrize("status", [200, 204, 404, 405, 501])
def test_sec_04_the_status_is_free(status: int) -> None:
    story = _closed(_probe(_ready(), "method:GET", status).list("b"))
    assert story.findings() == set()


@pytest.mark.parametrize("status", [None, 503])
def test_a_lost_answer_settles_nothing(status: int | None) -> None:
    story = _closed(_probe(_ready(), "auth:cut", status).list("b"))
    assert "BR-SEC-07" not in story.findings()
    assert "BR-SEC-07 cut" not in story.exercised()


def test_sec_07_an_odd_spelling_may_be_another_page() -> None:
    story = _closed(_probe(_ready(), "path:suffix", 200).list("b"))
    assert story.findings() == set()


def _said(story: Story, body: object = None, query: tuple[tuple[str, str], ...] = ()) -> Story:
    """Put a body and query into the last exchange that was told."""
    last = story.exchanges[-1]
    invoke = msgspec.structs.replace(last.invoke, body=body, query=query)
    story.exchanges[-1] = Exchange(invoke=invoke, end=last.end)
    return story


def _texts(story: Story, requirement: str) -> list[str]:
    return [o.text for o in story.opinions() if isinstance(o, Doubt) and o.requirement == requirement]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (200, "was answered 200, which is no documented acceptance"),
        (503, "was answered 503, which does not say whether it was carried out"),
        (429, "was answered 429"),
        (None, "got no whole answer"),
    ],
)
def test_sec_05_why_a_retry_shows_nothing_is_told_as_it_was(status: int | None, said: str) -> None:
    story = _ready().retry("b", status, cause="body:json-recipient").look("b")
    numbers = [e.n for e in story.exchanges if e.invoke.operation == "batch_retry"]
    assert _texts(story, "BR-SEC-05")[0] == f"retry {numbers[0]} with a body (json-recipient) {said}"


def test_sec_01_the_retry_that_does_not_close_the_chain_is_named_and_cited() -> None:
    story = _probe(_ready(), "auth:none", 401).look("b").retry("b", 200).look("b")
    closing = next(e.n for e in story.exchanges if e.status == 200 and e.invoke.operation == "batch_retry")
    (doubt,) = (o for o in story.opinions() if isinstance(o, Doubt) and o.requirement == "BR-SEC-01")
    assert doubt.text == f"the valid retry that closes the chain, {closing}, was answered 200 instead of 201"
    assert closing in doubt.evidence


def test_sec_05_a_body_that_changes_nothing() -> None:
    story = _said(_ready().retry("b", cause="body:json-recipient"), {"recipient": "6511111111"})
    story.look("b").finish("b").look("b").retry("b").look("b")
    assert story.findings() == set()
    assert {"BR-SEC-05 body", "BR-SEC-05 neither of them"} <= story.exercised()


def test_sec_05_a_body_that_is_refused() -> None:
    story = _ready().retry("b", 400, "parameter_invalid", cause="body:json-recipient").look("b").retry("b").look("b")
    assert story.findings() == set()
    assert "BR-SEC-05 neither of them" in story.exercised()
    assert "BR-SEC-05 body" not in story.exercised(), "refused, it exercises nothing (ruling 30)"


def test_sec_05_a_body_that_chooses_messages() -> None:
    story = _said(_ready().retry("b", cause="body:json-ids", takes=("b.0",)), {"messageIds": ["b.0"]})
    story.look("b").finish("b").wait(11).look("b")
    assert any({"BR-SEC-05", "BR-SEL-01"} == set(getattr(o, "any_of", ())) for o in story.opinions())


def test_sec_05_a_body_that_chooses_messages_before_the_settling_time_is_over() -> None:
    story = _said(_ready().retry("b", cause="body:json-ids", takes=("b.0",)), {"messageIds": ["b.0"]}).look("b")
    assert "BR-SEC-05" not in story.findings()


@pytest.mark.parametrize("shown", ["messages_enqueuing_failed", None])
def test_sec_05_a_body_after_which_enqueuing_failed_for_some(shown: str | None) -> None:
    story = _said(_ready().retry("b", cause="body:json-ids", takes=("b.0",)), {"messageIds": ["b.0"]})
    story.status_shown = shown is not None
    story.batches["b"] = str(shown)
    assert "BR-SEC-05" not in story.look("b").finish("b").wait(11).look("b").findings()


def test_sec_05_a_body_that_names_the_recipient() -> None:
    story = _ready().retry("b", cause="body:json-recipient")
    _said(story, {"recipient": "6511111111"})
    story.look("b")
    read = next(e for e in story.exchanges[::-1] if e.invoke.operation == "message_read")
    read.end.body["recipient"] = "6511111111"
    assert "BR-SEC-05" in story.findings()


def _shows(name: str, value: object, *, message: str, operation: str, before: object = ...) -> Story:
    """A retry whose body says a value, which one view of a message shows afterwards. ``before``: what it showed until then."""
    story = _ready()
    shown = [e.end.body for e in story.exchanges if e.invoke.operation == operation]
    rows = [row for body in shown for row in body.get("data", [body]) if row["id"] == message]
    for row in rows if before is not ... else ():
        row[name] = before
    story = _said(story.retry("b", cause="body:json-recipient"), {"said": value}).look("b")
    last = [e.end.body for e in story.exchanges[-3:] if e.invoke.operation == operation]
    next(row for body in last for row in body.get("data", [body]) if row["id"] == message)[name] = value
    return story


@pytest.mark.parametrize("operation", ["message_read", "batch_list"])
@pytest.mark.parametrize("message", ["b.0", "b.1"])
@pytest.mark.parametrize(
    ("name", "value", "before"),
    [
        ("recipient", "6511111111", ...),
        ("language", "t\u00e4m", "english"),
        ("fullMessage", "Gr\u00fc\u00dfe", "x"),
        ("values", {"body": "anders"}, {"body": "x"}),
    ],
)
def test_sec_05_what_a_body_says_is_found_in_any_message_and_view(
    name: str, value: object, before: object, message: str, operation: str
) -> None:
    story = _shows(name, value, message=message, operation=operation, before=before)
    assert ("BR-SEC-05",) in story.named()


@pytest.mark.parametrize(("value", "before"), [("neu", None), ("", "x"), ("neu", "es ist neu"), ("x", "x"), (7, 8)])
def test_sec_05_what_stood_there_before_or_nothing_at_all_is_not_taken_over(value: object, before: object) -> None:
    story = _shows("fullMessage", value, message="b.0", operation="message_read", before=before)
    assert ("BR-SEC-05",) not in story.named()


def test_sec_05_a_value_that_the_body_does_not_say_is_not_taken_from_it() -> None:
    story = _shows("fullMessage", "anders", message="b.0", operation="message_read", before="x")
    retry = next(i for i, e in enumerate(story.exchanges) if e.invoke.operation == "batch_retry")
    invoke = msgspec.structs.replace(story.exchanges[retry].invoke, body={"said": "nichts"})
    story.exchanges[retry] = Exchange(invoke=invoke, end=story.exchanges[retry].end)
    assert ("BR-SEC-05",) not in story.named()


def test_sec_05_a_bare_retry_is_refused_and_one_with_a_body_accepted() -> None:
    story = _ready().retry("b", 400, "parameter_invalid").look("b").retry("b", cause="body:json-ids").look("b")
    assert any("BR-SEC-05" in getattr(o, "any_of", ()) for o in story.opinions())


@pytest.mark.parametrize("touched", [False, True])
def test_sec_05_a_body_that_a_delivered_message_is_retried_for_passes_nothing(touched: bool) -> None:
    story = Story(fields=()).send("b", "FFS").send("ctl", "FS").finish("b").finish("ctl").look("ctl").look("b")
    story.retry("b", cause="body:json-recipient", takes=("b.0", "b.1", *(("b.2",) if touched else ())))
    story.look("b").finish("b").wait(11).look("b").look("ctl")
    assert ("BR-SEC-05 body" in story.exercised()) is not touched


@pytest.mark.parametrize("carried_out", [False, True])
def test_a_refusal_that_was_carried_out_for_one_message_passes_nothing(carried_out: bool) -> None:
    """The other message is seen untouched: the ledger tells what the first gained."""
    story = _probe(_ready(), "auth:none", 401, takes=("b.1",) if carried_out else ()).look("b").finish("b").wait(11)
    story = _closed(story.look("b"))
    assert ("BR-SEC-01 none" in story.exercised()) is not carried_out


@pytest.mark.parametrize("status", ["messages_enqueuing_failed", "messages_processing"])
def test_a_probe_that_sets_the_batchs_status_is_found(status: str) -> None:
    """The chain closes all the same, where the status is retryable: the ledger has no attempt to tell of."""
    story = _probe(_probe(_ready(), "auth:none", 401).list("b"), "auth:cut", 401)
    story.batches["b"] = status
    assert story.named() == set()
    assert story.look("b").named() == {("BR-SEC-01", "BR-SEC-07")}
    assert ("BR-SEC-01", "BR-SEC-07") in _closed(story).named()


def test_a_status_that_a_valid_retry_may_have_set_is_laid_to_no_probe() -> None:
    """Nor one that was shown before: reads may lag."""
    story = _probe(_ready(), "auth:none", 401).blocked("b").look("b")
    assert not any("BR-SEC-01" in names for names in story.named())
    story = Story().send("b", "FF")
    story.batches["b"] = "messages_enqueuing"
    story.look("b").finish("b")
    story.batches["b"] = "messages_enqueued"
    story = _probe(story.look("b"), "auth:none", 401)
    story.batches["b"] = "messages_enqueuing"
    assert story.look("b").named() == set()


def test_a_status_that_changes_before_the_batch_is_quiet_is_laid_to_no_probe() -> None:
    story = Story().send("b", "FF").send("ctl", "F").look("b").finish("b").finish("ctl")
    story = _probe(story, "auth:none", 401)
    story.batches["b"] = "messages_enqueuing_failed"
    assert story.look("b").named() == set()


def test_a_status_that_a_batch_shows_which_no_call_named_comes_by_itself() -> None:
    story = _probe(_ready(), "auth:none", 401)
    story.batches.update(b="messages_done", ctl="messages_done")
    assert story.look("b").named() == {("BR-SEC-01",)}
    assert story.look("ctl").named() == set()


def test_a_status_that_was_meant_for_another_batch_is_laid_to_its_refusal_as_well() -> None:
    story = _probe(_ready(), "auth:none", 401).single("ctl.0").retry("ctl", 400, "unresolved_batch_messages")
    story.batches["b"] = "messages_enqueuing_failed"
    assert ("BR-BLK-02", "BR-SEC-01") in story.look("b").named()
