"""A guard to attack, and requests to attack it with. Nothing here is ever sent."""

from __future__ import annotations

from typing import Any

import httpx

from conformance.errors import GuardError
from conformance.transport.forms import csv_of, multipart_of
from conformance.transport.guard import Admission, Context, Guard
from conformance.transport.origin import parse_base_url
from conformance.transport.paths import Named
from conformance.transport.request import OutRow

BASE = "https://test.postman.gov.sg/api/v2"
OURS, OTHER = "campaign_a", "campaign_b"
KEY, OTHER_KEY = "key_of_campaign_a_0001", "key_of_campaign_b_0002"
ALLOWED = ("6511111111", "6511112222")
#: A member of the public, as far as the guard knows.
FOREIGN = "6590000000"
BATCH, MESSAGE = "batch_0001", "message_0001"
SENDS = f"/campaigns/{OURS}/batch/messages"
SINGLE = f"/campaigns/{OURS}/messages"
JSON = "application/json"


def a_guard(base: str = BASE, **more: Any) -> Guard:
    """A guard of a run that has sent a batch of two rows."""
    guard = Guard(parse_base_url(base), [OURS, OTHER], ALLOWED, keys=[KEY, OTHER_KEY], **more)
    guard.made.learn_send(Named("batch_send", OURS), 2, {"isValid": True, "batchId": BATCH})
    page = {"data": [{"id": MESSAGE, "recipient": ALLOWED[0]}], "pageData": {"hasNextPage": False}}
    guard.made.learn_page(BATCH, (), page)
    return guard


#: A listing that is whole: of a batch that was just sent, of which no row is made yet.
NOTHING_YET = {"data": [], "pageData": {"hasNextPage": False}}


def request(
    method: str,
    path: str,
    content: bytes | str = b"",
    content_type: str | None = None,
    *,
    base: str = BASE,
    headers: dict[str, str] | None = None,
) -> httpx.Request:
    """A final request, as the transport builds one."""
    body = content.encode() if isinstance(content, str) else content
    given = {"authorization": f"Bearer {KEY}", **(headers or {})}
    if content_type is not None:
        given["content-type"] = content_type
    return httpx.Request(method, f"{base}{path}", headers=given, content=body)


def refused(guard: Guard, attack: httpx.Request, context: Context | None = None) -> str:
    """Why the guard does not let this out; fails if it does, or says whom or what it was about."""
    try:
        admission: Admission = guard.check(attack, context or Context())
    except GuardError as error:
        text = str(error)
        assert not any(secret in text for secret in (FOREIGN, KEY, OTHER_KEY))
        return text
    raise AssertionError(f"the guard lets it out: {admission}")


def rows(*recipients: str, body: str = "hello") -> list[OutRow]:
    """One row for each recipient."""
    return [
        OutRow(recipient=r, role="failing", language="english", values={"body": body}, nonce="00000000")
        for r in recipients
    ]


def send(csv: bytes | str | None = None, **more: Any) -> httpx.Request:
    """A batch send of this CSV, otherwise as the suite writes it."""
    content = csv_of(rows(*ALLOWED)) if csv is None else csv.encode() if isinstance(csv, str) else csv
    return request("POST", SENDS, *multipart_of(content), **more)
