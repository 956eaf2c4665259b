"""Whose answer it is: the target's own word, something in front of it, or about the credential (rulings 22, 28, 32).

Used wherever a refusal, a missing message or an unknown batch is concluded from an answer.
"""

from __future__ import annotations

from typing import Literal

from conformance.history.records import Exchange

#: ``target``: its own word. ``gateway``: perhaps of something in front, so that nobody knows whether the target saw the request.
#: ``credential``: about the key, which may have died. ``throttled``: 429. ``none``: lost, 5xx, 408 or never sent (ruling 11).
Word = Literal["target", "gateway", "credential", "throttled", "none"]


def word(exchange: Exchange) -> Word:
    """Whose word an answer is, by itself. Three alike answers in one situation may say more (``repetition``)."""
    status = exchange.status
    if status is None or status >= 500 or status == 408:
        return "none"
    if status == 429:
        return "throttled"
    json = exchange.end.media == "json"
    if 200 <= status < 300:
        return "target" if json or status == 201 else "gateway"
    if status < 400:
        return "gateway"
    if status in (401, 403) and exchange.invoke.auth == "valid":
        return "credential"
    return "target" if json else "gateway"
