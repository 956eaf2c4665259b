"""Family SCH: answers against the OpenAPI document, no stricter than the rulings."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from conformance.history.records import End, Operation
from conformance.judges.inference.inference import Inference
from conformance.judges.schema import RULES, mismatch, statuses
from tests.shelf import Shelf
from tests.story import Story

ENVELOPE = {"error": {"code": "c", "message": "m", "type": "domain_error", "id": "t"}}
OLD = {"message": "Unauthorized", "statusCode": 401}
PAGE = {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
MESSAGE = {"id": "m", "recipient": "tel:012345678901", "latestStatus": "resting"}


def _sch(story: Story) -> set[str]:
    return {r for r in story.findings() if r.startswith("BR-SCH")}


def _facets(story: Story) -> set[str]:
    return {e for e in story.exercised() if e.startswith("BR-SCH")}


def _headed(story: Shelf, headers: dict[str, str], media: Any = "json") -> Shelf:
    last = story.exchanges[-1]
    story.exchanges[-1] = msgspec.structs.replace(
        last, end=msgspec.structs.replace(last.end, headers=headers, media=media)
    )
    return story


def test_a_faithful_target_exercises_all() -> None:
    story = Shelf().send("b", "FF").look("b").finish("b").look("b").campaign().single("b.0").blocked("b").finish("b")
    story.look("b").retry("b").look("b")
    assert _sch(story) == set()
    assert {
        "BR-SCH-01 accepted", "BR-SCH-01 refused",
        *(f"BR-SCH-02 {o}" for o in ("batch_send", "batch_list", "message_read", "campaign_list", "single_retry")),
    } == _facets(story)  # fmt: skip


def test_what_the_preflight_meets_accuses_nobody() -> None:
    """It asks whether there is such an API at all: a web page is none, and breaks no requirement of one."""
    story = Shelf().answer("campaign_list", 200, {"not": "a page"})
    assert _sch(story) == {"BR-SCH-02"}
    asked = msgspec.structs.replace(story.exchanges[0].invoke, driver="preflight")
    story.exchanges[0] = msgspec.structs.replace(story.exchanges[0], invoke=asked)
    assert _sch(story) == set()
    assert _facets(story) == set()


@pytest.mark.parametrize(("status", "body"), [(400, ENVELOPE), (404, OLD), (404, ENVELOPE)])
def test_sch_01_described_refusals(status: int, body: Any) -> None:
    story = Shelf().answer("batch_retry", status, body, batch="b")
    assert _sch(story) == set()
    assert _facets(story) == {"BR-SCH-01 refused"}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, OLD),
        (400, []),
        (400, {"error": {"code": "c"}}),
        (409, ENVELOPE),
        (404, {"no": 1}),
    ],
)
def test_sch_01_refusals_that_are_not_described(status: int, body: Any) -> None:
    assert _sch(Shelf().answer("batch_retry", status, body, batch="b")) == {"BR-SCH-01"}


@pytest.mark.parametrize("status", [201, 200, 202, 204, 301, 408, 429, 500, 502, 520, 524])
@pytest.mark.parametrize("body", [None, {}, "<h1>x</h1>"])
def test_sch_01_what_other_requirements_or_nobody_judge(status: int, body: Any) -> None:
    story = Shelf().answer("batch_retry", status, body, batch="b")
    assert _sch(story) == set()
    assert _facets(story) == ({"BR-SCH-01 accepted"} if status == 201 else set())


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 418, 422])
@pytest.mark.parametrize(("body", "media"), [("<h1>", "text"), (None, "none")])
def test_sch_01_a_4xx_that_is_no_json_may_be_a_gateways(status: int, body: Any, media: str) -> None:
    """Ruling 22; at the third time it is the target's (ruling 22), and a 400 has to be described."""
    story = _headed(Shelf().answer("batch_retry", status, body, batch="b"), {"content-type": "text/html"}, media)
    assert _sch(story) == set()
    assert _facets(story) == set()


def test_sch_01_three_alike_are_the_targets_own() -> None:
    story = Shelf().send("b", "F").finish("b").look("b")
    for _ in range(3):
        story.answer("batch_retry", 400, None, batch="b").look("b")
    assert _sch(story) == set()
    assert _sch(story.wait(11).look("b")) == {"BR-SCH-01"}


@pytest.mark.parametrize(("status", "body"), [(401, OLD), (403, ENVELOPE), (401, {"no": 1}), (403, None)])
def test_sch_01_a_key_that_dies_accuses_no_answer(status: int, body: Any) -> None:
    story = Shelf().answer("batch_retry", status, body, batch="b").answer("batch_list", status, body, batch="b")
    assert _sch(story) == set()
    assert _facets(story) == set()


class _Unread(End, frozen=True, kw_only=True, tag="end"):
    """An answer in an encoding that cannot be decoded."""

    undecoded: str | None = "br"


def test_a_body_that_cannot_be_decoded_is_unread() -> None:
    story = Shelf().answer("message_read", 200, [])
    assert _sch(story) == {"BR-SCH-02"}
    last = story.exchanges[-1]
    end = _Unread(n=last.n, outcome="answered", last=last.last, status=200, media="binary")
    story.exchanges[-1] = msgspec.structs.replace(last, end=end)
    assert _sch(story) == set()
    assert _facets(story) == set()


@pytest.mark.parametrize(
    ("time", "right"),
    [
        ("2024-05-16T10:30:50.904+08:00", True),
        ("2024-05-16T02:30:50Z", True),
        ("2024-05-16T10:30+08:00", True),
        ("2024-05-16T10:30:50+0800", True),
        ("2024-05-16T10:30:50.904", False),
        ("1715826650", False),
        ("yesterday", False),
    ],
)
def test_sch_02_a_time_has_an_offset(time: str, right: bool) -> None:
    assert _sch(Shelf().answer("message_read", 200, {**MESSAGE, "createdAt": time})) == (
        set() if right else {"BR-SCH-02"}
    )


@pytest.mark.parametrize("number", [-1, 10**18])
def test_sch_02_a_count_that_no_retries_give(number: int) -> None:
    assert _sch(Shelf().answer("message_read", 200, {**MESSAGE, "numAttempts": number})) == {"BR-SCH-02"}


@pytest.mark.parametrize(
    ("kind", "right"),
    [
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/problem+json", True),
        ("text/html", False),
        ("text/plain; charset=utf-8", False),
    ],
)
def test_sch_01_the_content_type(kind: str, right: bool) -> None:
    story = _headed(Shelf().answer("batch_retry", 400, ENVELOPE, batch="b"), {"Content-Type": kind})
    assert _sch(story) == (set() if right else {"BR-SCH-01"})


def test_sch_01_probes_are_not_judged() -> None:
    assert _sch(Shelf().send("b", "F").retry("b", 418, cause="method:PUT")) == set()


@pytest.mark.parametrize("body", [MESSAGE, {**MESSAGE, "more": [1]}, {**MESSAGE, "attempts": [{}], "batches": None}])
def test_sch_02_a_message_as_described(body: Any) -> None:
    assert mismatch("message_read", 200, body) is None
    assert mismatch("batch_list", 200, {"data": [body], "pageData": {}}) is None


@pytest.mark.parametrize("name", ["id", "recipient", "latestStatus"])
@pytest.mark.parametrize("operation", ["message_read", "batch_list", "campaign_list", "single_retry"])
def test_sch_02_what_every_message_shows(name: str, operation: Operation) -> None:
    lacking = {key: value for key, value in MESSAGE.items() if key != name}
    page = operation in ("batch_list", "campaign_list")
    body = {"data": [MESSAGE, lacking], "pageData": PAGE} if page else lacking
    story = Shelf().answer(operation, 201 if operation == "single_retry" else 200, body)
    assert _sch(story) == {"BR-SCH-02"}


@pytest.mark.parametrize(
    ("operation", "status", "body"),
    [
        ("batch_send", 201, {"isValid": True}),
        ("batch_send", 200, {"isValid": True, "batchId": "b"}),
        ("batch_list", 200, {"data": []}),
        ("batch_list", 200, {"data": {}, "pageData": PAGE}),
        ("batch_list", 200, []),
        ("single_retry", 201, None),
        ("message_read", 200, {**MESSAGE, "numAttempts": "1"}),
        ("single_retry", 200, MESSAGE),
        ("single_retry", 400, OLD),
    ],
)
def test_sch_02_not_described(operation: Operation, status: int, body: Any) -> None:
    assert _sch(Shelf().answer(operation, status, body)) == {"BR-SCH-02"}


def test_one_defect_is_one_finding_with_the_same_fingerprint() -> None:
    def findings(count: int, message: str) -> list[Any]:
        story = Shelf()
        for _ in range(count):
            story.answer("message_read", 200, {**MESSAGE, "id": message, "values": message})
        return [o for one in RULES for o in one.opinions(Inference(story.history())) if hasattr(o, "any_of")]

    one, many = findings(1, "m1"), findings(9, "m2")
    assert len(one) == len(many) == 1
    assert one[0].fingerprint == many[0].fingerprint
    assert "m2" not in many[0].observed


def test_every_operation_is_described() -> None:
    for operation in ("batch_send", "batch_retry", "batch_list", "message_read", "campaign_list", "single_send"):
        assert {400, 401, 403, 404, 429, 500} < statuses(operation)
