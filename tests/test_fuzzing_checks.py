"""Our judge of the document's answers and schemathesis' own validation say the same, where both speak."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

import httpx
import pytest
import schemathesis
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from conformance import specs
from conformance.history.records import Operation
from tests.test_fuzzing_judges import ENDS, MESSAGE, NESTED, OLD, PAGE, accused, answered

ANSWERS: list[tuple[Operation, int, Any]] = [
    ("campaign_list", 200, PAGE),
    ("campaign_list", 200, [MESSAGE]),
    ("campaign_list", 200, {"data": [MESSAGE]}),
    ("campaign_list", 200, {"data": [], "pageData": {}}),
    ("batch_list", 200, {**PAGE, "pageData": {**ENDS, "hasNextPage": "false"}}),
    ("batch_list", 200, {**PAGE, "extra": 1}),
    ("batch_list", 200, {**PAGE, "data": [{"id": "m", "recipient": "1"}]}),
    ("message_read", 200, MESSAGE),
    ("message_read", 200, {**MESSAGE, "id": 7}),
    ("message_read", 200, {**MESSAGE, "attempts": None, "numAttempts": -1}),
    ("message_read", 404, OLD),
    ("message_read", 404, NESTED),
    ("message_read", 418, NESTED),
    ("batch_send", 201, {"batchId": "b"}),
    ("batch_send", 201, {"isValid": True}),
    ("batch_send", 400, OLD),
    ("single_send", 201, MESSAGE),
    ("single_retry", 400, NESTED),
    ("batch_retry", 400, NESTED),
    ("batch_retry", 400, {"error": {"code": "x"}}),
    ("batch_retry", 409, NESTED),
]


PATH = {"campaignId": "c", "batchId": "b", "messageId": "m"}


@cache
def _schema() -> Any:
    return schemathesis.openapi.from_dict(specs.openapi())


def _theirs(operation: Operation, response: httpx.Response) -> bool:
    """Whether schemathesis' own checks of an answer's conformance let it pass."""
    response.request = httpx.Request("GET", "http://t/")
    response.elapsed = timedelta(0)
    case = _schema().find_operation_by_id(operation).Case(path_parameters=PATH)
    checks = (
        status_code_conformance,
        content_type_conformance,
        response_headers_conformance,
        response_schema_conformance,
    )
    try:
        case.validate_response(response, checks=checks)
    except FailureGroup:
        return False
    return True


@pytest.mark.parametrize(("operation", "status", "body"), ANSWERS)
def test_both_say_the_same(operation: Operation, status: int, body: Any) -> None:
    ours = accused(answered(status, body, cause=None, operation=operation)) & {"BR-SCH-01", "BR-SCH-02"}
    assert bool(ours) != _theirs(operation, httpx.Response(status, json=body))


def test_where_we_say_less() -> None:
    """Rulings 8 to 11: gateways' answers, bodies of refusals that are no JSON, a retry's 201, are not this judge's."""
    for status, body in ((500, "broken"), (403, "<h1>no</h1>")):
        ours = accused(answered(status, body, cause=None, operation="batch_list", media="text"))
        assert (ours, _theirs("batch_list", httpx.Response(status, html=body))) == (set(), False)
    # What is said to the configured key may be about the key (ruling 28).
    ours = accused(answered(403, {"error": "no"}, cause=None, operation="batch_retry"))
    assert (ours, _theirs("batch_retry", httpx.Response(403, json={"error": "no"}))) == (set(), False)
