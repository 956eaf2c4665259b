"""Family SCH: answers against the OpenAPI document, no stricter than the rulings."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from conformance.history.records import Operation
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


@pytest.mark.parametrize(("status", "body"), [(400, ENVELOPE), (401, OLD), (401, ENVELOPE), (403, None), (404, OLD)])
def test_sch_01_described_refusals(status: int, body: Any) -> None:
    story = Shelf().answer("batch_retry", status, body, batch="b")
    assert _sch(story) == set()
    assert _facets(story) == {"BR-SCH-01 refused"}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, OLD),
        (400, None),
        (400, []),
        (400, {"error": {"code": "c"}}),
        (409, ENVELOPE),
        (418, None),
        (401, {"no": 1}),
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


def test_sch_01_html_is_a_gateways_but_not_for_a_400() -> None:
    for status, expected in ((403, set()), (404, set()), (413, set()), (400, {"BR-SCH-01"})):
        story = _headed(Shelf().answer("batch_retry", status, "<h1>", batch="b"), {"content-type": "text/html"}, "text")
        assert _sch(story) == expected


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
        ("message_read", 200, None),
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
