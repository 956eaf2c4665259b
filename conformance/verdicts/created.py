"""Whether a run ever read a message in ``created``: without that nothing that such a message decides is exercised (ruling 15)."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from conformance.history.records import Exchange, History

_READS = ("batch_list", "campaign_list", "message_read")


def never_created(history: History, batch_of: Mapping[str, str]) -> str:
    """What no read of the run showed of ``created``, in words; empty if one showed a retried message in it, or nothing was retried.

    :param batch_of: by message id, the batch that it is in.
    """
    shown = [(e, item) for e in history.exchanges if e.invoke.operation in _READS for item in _messages(e)]
    created = [(e, item) for e, item in shown if item.get("latestStatus") == "created"]
    retried: dict[str, float] = {}
    for e in history.exchanges:
        if e.invoke.operation in ("single_retry", "batch_retry") and e.accepted:
            retried.setdefault(e.invoke.message or e.invoke.batch or "", e.t)
    if not shown or not retried:
        return ""
    if not created:
        return "no message was ever read in created"
    for e, item in created:
        message = str(item.get("id"))
        if any(retried.get(name, inf) < e.t for name in (message, batch_of.get(message, ""))):
            return ""
    return "no retried message was ever read in created"


def _messages(exchange: Exchange) -> list[Mapping[str, Any]]:
    body = exchange.end.body
    if not exchange.accepted or not isinstance(body, Mapping):
        return []
    items = body.get("data") if exchange.invoke.operation != "message_read" else [body]
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []
