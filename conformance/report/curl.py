"""Requests as command lines to paste: without keys, and with a warning where people are texted."""

from __future__ import annotations

import json
import shlex
from urllib.parse import urlencode

from conformance.history.records import Exchange, Invoke

_PLAIN = "scheme:http"

#: What stands for the credential of each kind of request.
_AUTH = {
    "valid": "Bearer $API_KEY",
    "second": "Bearer $SECOND_API_KEY",
    "other": "Bearer $OTHER_API_KEY",
    "wrong": "Bearer wrong",
    "empty": "Bearer",
    "cut": "Bearer ${API_KEY%?}",
    "extended": "Bearer ${API_KEY}0",
    "case": "Bearer $(printf %s \"$API_KEY\" | tr 'a-zA-Z' 'A-Za-z')",
    "scheme": "Basic $API_KEY",
}


def curl(exchange: Exchange) -> str:
    """The command line of one request. ``$BASE_URL`` and ``$API_KEY`` are the reader's to set.

    A send's file is the reader's own (`@rows.csv`), for recipients are not written down.
    """
    invoke = exchange.invoke
    path = invoke.path + (f"?{urlencode(invoke.query)}" if invoke.query else "")
    parts = ["curl -i", "--head" if invoke.method == "HEAD" else f"-X {shlex.quote(invoke.method)}"]
    if any(mark in path for mark in ("[", "{", "/.")):
        # As it stands: curl would take brackets for patterns, and dots for steps.
        parts.append("--globoff --path-as-is")
    auth = "wrong" if invoke.cause == _PLAIN else invoke.auth
    if auth in _AUTH:
        parts.append(f'-H "Authorization: {_AUTH[auth]}"')
    parts += _content(invoke)
    base = '"http${BASE_URL#https}"' if invoke.cause == _PLAIN else '"$BASE_URL"'
    parts.append(f"{base}{shlex.quote(path)}")
    sends = invoke.operation in ("batch_send", "batch_retry", "single_send", "single_retry")
    texts = invoke.charge > 0 or (sends and invoke.auth in ("valid", "second") and invoke.method != "GET")
    return " ".join(parts) + ("  # texts people" if texts else "")


def _content(invoke: Invoke) -> list[str]:
    """The body, if it had one that is on record."""
    if invoke.operation == "batch_send":
        return ["-F file=@rows.csv"]
    if invoke.operation == "single_send":
        return [f"-H {shlex.quote('Content-Type: application/json')}", "--data @message.json"]
    kind = [f"-H {shlex.quote(f'Content-Type: {invoke.content_type}')}"] if invoke.content_type else []
    said_json = (invoke.content_type or "").partition(";")[0] == "application/json"
    if isinstance(invoke.body, str) and (not said_json or invoke.cause == "body:broken-json"):
        return [*kind, f"--data-raw {shlex.quote(invoke.body)}"]
    # The record holds JSON as values: null is a body only where a body was what the request was about.
    if invoke.body is not None or (invoke.cause or "").startswith("body:"):
        return [*kind, f"--data-raw {shlex.quote(json.dumps(invoke.body, ensure_ascii=False))}"]
    return kind
