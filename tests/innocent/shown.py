"""Rows of the database as the three views show them."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime, timedelta, timezone
from typing import Any

_ZONE = timezone(timedelta(hours=8))
_CREATOR = {"id": "user_7d0f", "email": "sender@agency.example"}
_TEMPLATE = "template_body_52c1"


def moment(micros: int | None) -> str | None:
    """An instant in Singapore's time, to the millisecond; None if there is none."""
    if micros is None:
        return None
    return datetime.fromtimestamp(micros // 1000 / 1000, _ZONE).isoformat(timespec="milliseconds")


def attempts_of(db: sqlite3.Connection, message_id: str) -> list[sqlite3.Row]:
    """All attempts of a message, the oldest first."""
    return db.execute("SELECT * FROM attempt WHERE message_id = ? ORDER BY number", [message_id]).fetchall()


def basics(row: sqlite3.Row) -> dict[str, Any]:
    """What every view shows of a message; ``row`` is of ``latest``."""
    values = json.loads(row["params"])
    return {
        "id": row["id"],
        "createdAt": moment(row["created"]),
        "updatedAt": moment(row["changed"]),
        "recipient": row["recipient"],
        "language": row["language"],
        "values": values,
        "fullMessage": "\n".join(values.values()),
        "latestStatus": row["status"],
        "campaignId": row["campaign_id"],
        "templateBodyId": f"{_TEMPLATE}_{row['language']}",
        "templateBody": {
            "id": f"{_TEMPLATE}_{row['language']}",
            "templateId": "template_9e3a",
            "language": row["language"],
            "body": "\n".join("{{" + name + "}}" for name in values),
            "creatorId": _CREATOR["id"],
            "createdAt": "2025-11-03T08:15:00.000+08:00",
            "updatedAt": "2025-11-03T08:15:00.000+08:00",
        },
        "creatorId": _CREATOR["id"],
        "creatorEmail": _CREATOR["email"],
    }


def in_listing(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    """A message in its batch's listing."""
    attempts = attempts_of(db, row["id"])
    return {**basics(row), "numAttempts": len(attempts), "messageAttempts": [_attempt(a) for a in attempts]}


def in_campaign(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    """A message in its campaign's listing."""
    return {**basics(row), "batches": _batches(db, row)}


def by_itself(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    """A message that is read by itself."""
    newest_first = reversed(attempts_of(db, row["id"]))
    return {**in_campaign(db, row), "attempts": [_short(a) for a in newest_first]}


def _batches(db: sqlite3.Connection, row: sqlite3.Row) -> list[dict[str, Any]]:
    found = db.execute("SELECT * FROM batch WHERE id = ?", [row["batch_id"]]).fetchall()
    return [
        {
            "id": batch["id"],
            "createdAt": moment(batch["created"]),
            "updatedAt": moment(batch["changed"]),
            "originalFileName": batch["file_name"],
            "status": batch["state"],
            "campaignId": batch["campaign_id"],
            "creatorId": _CREATOR["id"],
            "totalMessages": batch["size"],
        }
        for batch in found
    ]


def _error(attempt: sqlite3.Row) -> tuple[str, str] | tuple[None, None]:
    kind, _, code = (attempt["error"] or "").partition("/")
    return (kind, code) if code else (None, None)


def _attempt(attempt: sqlite3.Row) -> dict[str, Any]:
    kind, code = _error(attempt)
    return {
        "id": attempt["id"],
        "messageId": attempt["message_id"],
        "externalAttemptId": None,
        "status": attempt["status"],
        "errorType": kind,
        "errorCode": code,
        "metadata": None,
        "createdAt": moment(attempt["created"]),
        "updatedAt": moment(attempt["changed"]),
        "sentAt": moment(attempt["sent"]),
        "deliveredAt": moment(attempt["delivered"]),
        "creatorId": _CREATOR["id"],
        "creator": {"email": _CREATOR["email"]},
    }


def _short(attempt: sqlite3.Row) -> dict[str, Any]:
    kind, code = _error(attempt)
    error = {"error": {"type": kind, "code": code}} if code else {}
    return {"status": attempt["status"], "createdAt": moment(attempt["created"]), **error}
