"""The document's links, on our own answers and against schemathesis' reading of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

import httpx
import pytest
import schemathesis

from conformance import specs
from conformance.findings import Observation
from conformance.history.records import Operation
from conformance.judges import judge
from conformance.links import Link, links
from tests.test_fuzzing_judges import PAGE, answered

PATH = {"campaignId": "campaign_a", "batchId": "batch_b", "messageId": None}


def test_a_batch_leads_to_its_retry_and_its_listing() -> None:
    found = list(links("batch_send", 201, PATH, {"batchId": "batch_1"}))
    ids = {"campaignId": "campaign_a", "batchId": "batch_1"}
    assert found == [
        Link(name="RetryTheBatch", operation="batch_retry", parameters=ids),
        Link(name="ListTheBatch", operation="batch_list", parameters=ids),
    ]


def test_a_listing_leads_to_its_first_message() -> None:
    body = {"data": [{"id": "message_1"}, {"id": "message_2"}], "pageData": {}}
    for operation in ("batch_list", "campaign_list"):
        found = {link.operation: link.parameters for link in links(operation, 200, PATH, body)}
        assert found["message_read"] == {"campaignId": "campaign_a", "messageId": "message_1"}


@pytest.mark.parametrize(
    "body", [None, [], "x", 3, {}, {"data": []}, {"data": {}}, {"data": [None]}, {"data": [{"id": 3}]}]
)
def test_an_answer_that_lacks_what_a_link_needs_leads_nowhere(body: Any) -> None:
    assert [link.parameters for link in links("batch_list", 200, PATH, body)] == [None, None]


def test_other_answers_have_no_links() -> None:
    assert list(links("batch_send", 400, PATH, {})) == []
    assert list(links("batch_retry", 201, PATH, None)) == []
    assert list(links("no_operation", 201, PATH, None)) == []


@pytest.mark.parametrize(
    ("operation", "status", "body"),
    [
        ("batch_send", 201, {"isValid": True, "batchId": "batch_1"}),
        ("batch_send", 201, {"isValid": True}),
        ("batch_list", 200, {"data": [{"id": "message_1"}], "pageData": {}}),
        ("batch_list", 200, {"data": [], "pageData": {}}),
        ("campaign_list", 200, {"data": [{"id": "message_1"}], "pageData": {}}),
        ("single_send", 201, {"id": "message_9"}),
        ("single_retry", 201, {"id": "message_9"}),
        ("single_retry", 400, {"error": {}}),
    ],
)
def test_schemathesis_follows_the_same_links(operation: str, status: int, body: Any) -> None:
    schema = schemathesis.openapi.from_dict(specs.openapi())
    source = schema.find_operation_by_id(operation)
    path = {"campaignId": "campaign_a", "batchId": "batch_b", "messageId": "message_m"}
    case = source.Case(path_parameters=path)
    answer = httpx.Response(status, json=body, request=httpx.Request("GET", "http://t/"))
    answer.elapsed = timedelta(0)
    response = schemathesis.Response.from_any(answer)
    theirs = schema.iter_link_candidates(
        operation=source,
        case=case,
        response=response,
        operations_by_label={o.label: o for o in map(schema.find_operation_by_id, get_args(Operation))},
        excluded_labels=set(),
    )
    ours = [link for link in links(operation, status, path, body) if link.parameters is not None]
    described = [(o.definition.raw["operationId"], dict(given["path_parameters"])) for o, given in theirs]
    assert [(link.operation, link.parameters) for link in ours] == described


@pytest.mark.parametrize(
    ("operation", "body", "seen"),
    [
        ("batch_send", {"batchId": "b"}, []),
        ("batch_send", {"isValid": True}, ["batch_send RetryTheBatch", "batch_send ListTheBatch"]),
        ("campaign_list", PAGE, []),
        ("campaign_list", {"data": [], "pageData": {}}, []),
        (
            "campaign_list",
            {"data": [{"recipient": "1"}]},
            ["campaign_list ReadTheFirst", "campaign_list RetryTheFirst"],
        ),
    ],
)
def test_a_link_that_leads_nowhere_is_an_observation(operation: Operation, body: Any, seen: list[str]) -> None:
    history = answered(201 if operation == "batch_send" else 200, body, cause=None, operation=operation)
    found = [o.value for o in judge(history) if isinstance(o, Observation) and o.key == "link-leads-nowhere"]
    assert found == seen
