"""The contract's vocabulary: statuses and their order, error codes, time stamps, and the nonces that tell rows apart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

#: Contract section 1, in the order in which one attempt passes through them.
ORDER = ("created", "enqueued", "sending", "sent", "sent_to_telco")
TERMINAL = frozenset({"success", "failure"})
IN_PROGRESS = frozenset(ORDER)
#: Batch statuses in which a retry is allowed; the only two that the documents name.
ENQUEUED = "messages_enqueued"
ENQUEUING_FAILED = "messages_enqueuing_failed"
RETRYABLE = frozenset({ENQUEUED, ENQUEUING_FAILED})

NOT_RETRYABLE_CODE = "batch_not_found_or_is_not_retryable"
UNRESOLVED_CODE = "unresolved_batch_messages"
NO_FAILED_CODE = "no_failed_batch_messages_to_retry"
TOO_MANY_CODE = "too_many_message_attempts_error"
NOT_FAILED_CODE = "message_not_found_or_retry_message_not_in_failure_status"

#: Operations in words.
WORDS: Mapping[str, str] = {
    "batch_send": "batch send",
    "batch_retry": "batch retry",
    "batch_list": "batch listing",
    "message_read": "single read",
    "campaign_list": "campaign listing",
    "single_send": "single send",
    "single_retry": "single retry",
}

#: The languages of messages that the documents name.
LANGUAGES = ("english", "chinese", "malay", "tamil")
_NONCE = re.compile(r"\[n:([0-9a-f]{8})\]")


def instant(value: Any) -> datetime | None:
    """A target's time stamp as an instant (ruling 19: ``Z`` equals ``+00:00``); None if it is not one."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)


def rank(status: str | None) -> int | None:
    """How far along its attempt a status is (axiom A1); None for an unknown status (ruling 6)."""
    if status in TERMINAL:
        return len(ORDER)
    return ORDER.index(status) if status in ORDER else None


def nonces(value: Any) -> frozenset[str]:
    """The row nonces that stand anywhere in a JSON value."""
    if isinstance(value, str):
        return frozenset(_NONCE.findall(value))
    if isinstance(value, Mapping):
        return frozenset().union(*(nonces(item) for item in value.values()))
    if isinstance(value, list | tuple):
        return frozenset().union(*(nonces(item) for item in value))
    return frozenset()


def error_code(body: Any) -> str | None:
    """``error.code`` of a documented error body; None if there is none."""
    if isinstance(body, Mapping):
        error = body.get("error")
        if isinstance(error, Mapping) and isinstance(error.get("code"), str):
            return str(error["code"])
    return None


def seconds(value: float) -> str:
    """A duration for people."""
    if value >= 1:
        return f"{value:.2f} s"
    return f"{1000 * value:.0f} ms" if value >= 0.01 else f"{1000 * value:.1f} ms"
