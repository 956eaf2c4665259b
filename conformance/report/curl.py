"""Requests as command lines to paste: without keys, and with a warning where people are texted."""

from __future__ import annotations

import shlex
from urllib.parse import urlencode

from conformance.history.records import Exchange

#: What stands for the credential of each kind of request.
_AUTH = {
    "valid": "Bearer $API_KEY",
    "other": "Bearer $OTHER_API_KEY",
    "wrong": "Bearer wrong",
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
    query = f"?{urlencode(invoke.query)}" if invoke.query else ""
    parts = ["curl -i -X", invoke.method]
    if invoke.auth in _AUTH:
        parts.append(f'-H "Authorization: {_AUTH[invoke.auth]}"')
    if invoke.operation == "batch_send":
        parts.append("-F file=@rows.csv")
    elif isinstance(invoke.body, str):
        parts.append(f"--data-raw {shlex.quote(invoke.body)}")
    if invoke.content_type and invoke.operation not in ("batch_send", "batch_retry"):
        parts.append(f"-H {shlex.quote(f'Content-Type: {invoke.content_type}')}")
    parts.append(f'"$BASE_URL"{shlex.quote(invoke.path + query)}')
    warning = "  # texts people" if invoke.method != "GET" and invoke.auth == "valid" else ""
    return " ".join(parts) + warning
