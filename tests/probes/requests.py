"""Probes of requests that may not retry: other methods, keys, paths and ids, and what their errors say."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from conformance.reference.exchange import Answer
from conformance.reference.settings import OTHER_CAMPAIGN, OWN_CAMPAIGN
from tests.desk import DELIVERED, FAILING, Desk
from tests.probes.common import Probe


def method(name: str, **how: Any) -> Probe:
    """Use another method on the retry's path: attempts and values afterwards."""

    def probe(desk: Desk) -> tuple[list[int], list[str]]:
        batch = desk.failed([FAILING, FAILING], "text")
        desk.finish(desk.ask(name, f"batch/{batch}/retry", **how))
        return desk.attempts(batch), desk.values(batch)

    return probe


def without_a_key(path: str = "retry", **headers: str) -> Probe:
    """Retry a batch with these headers in place of the key, at a spelling of the path: the status."""

    def probe(desk: Desk) -> int:
        target, batch = desk.target.service, desk.failed([FAILING])
        return desk.finish(
            target.answer("POST", f"/campaigns/{OWN_CAMPAIGN}/batch/{batch}/{path}", {}, headers, b"")
        ).status

    return probe


def over_plain_http(desk: Desk) -> int | None:
    """The status of an answer to plain HTTP at a port of HTTPS, with a made-up key; None: it hangs up."""
    if desk.target.service.behaviour.hangs_up:
        return None
    path = f"/campaigns/{OWN_CAMPAIGN}/batch/batch_0/retry"
    headers = {"authorization": "Bearer x", "host": "127.0.0.1:1"}
    return desk.target.service.answer("POST", path, {}, headers, b"", plain=True).status


def told(answers: Callable[[Desk, str], Answer]) -> Probe:
    """Whether an error tells a number or a text of the batch."""

    def probe(desk: Desk) -> tuple[int, bool]:
        batch = desk.failed([DELIVERED], "my secret text")
        answer = answers(desk, batch)
        return answer.status, bool(re.search(r"65\d{8}|secret text", str(answer.body)))

    return probe


def foreign(key: str, campaign: str, *, batch: bool = False, known: bool = False) -> Probe:
    """Retry a message, or its batch, with another key or through another path: is it accepted, and the attempts.

    :param known: the key has read its own campaign before.
    """

    def probe(desk: Desk) -> tuple[bool, list[int]]:
        made = desk.failed([FAILING])
        if known:
            desk.ask("GET", "messages", query={"limit": "1"}, key=key, campaign=OTHER_CAMPAIGN)
        how = {"key": key, "campaign": campaign}
        answer = desk.retry(made, **how) if batch else desk.retry_one(desk.ids(made)[0], **how)
        return answer.status == 201, desk.attempts(made)

    return probe


def keyless(desk: Desk) -> tuple[int, str]:
    """Retry a batch with a made-up key: the answer, and the batch's status."""
    made = desk.failed([FAILING])
    return desk.retry(made, key="made-up").status, desk.status(made)


def by_another_id(other: Callable[[str], str]) -> Probe:
    """Retry a batch by an id that is made of its own: the status of the answer, and the attempts."""

    def probe(desk: Desk) -> tuple[str, list[int]]:
        batch = desk.failed([FAILING])
        return str(desk.retry(other(batch)).status), desk.attempts(batch)

    return probe


def unknown_body(desk: Desk) -> type:
    """The type of the error of a refusal."""
    return type(desk.retry("batch_0").body["error"])


def unknown_code(desk: Desk) -> Any:
    """The code of the error of a refusal."""
    return desk.retry("batch_0").body["error"]["code"]
