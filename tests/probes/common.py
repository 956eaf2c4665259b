"""What the probes share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.reference.exchange import Answer
from tests.desk import DELIVERED, FAILING, OTHER_FAILING, Desk

Probe = Callable[[Desk], Any]

#: The usual batch.
MIXED = (FAILING, DELIVERED, OTHER_FAILING)


def code_of(answer: Answer) -> str:
    """The status of an answer, and the error's code."""
    code = answer.body["error"]["code"] if isinstance(answer.body, dict) and "error" in answer.body else ""
    return f"{answer.status} {code}".strip()
