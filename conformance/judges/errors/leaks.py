"""What an error must not show (BR-ERR-05): shapes of stack traces, file paths, SQL and secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from conformance.transport.redact import KEY_MARK, SECRET_MARK

#: Each shape is one that no message for a client has by chance; a URL's path is not a file's.
_SHAPES = (
    ("a stack trace", re.compile(r"Traceback \(most recent call last\)|\bat [\w$.<>]+ ?\([^()\n]*:\d+(:\d+)?\)")),
    (
        "a stack trace",
        re.compile(r"File \"[^\"\n]+\", line \d+|\bgoroutine \d+ \[|\bCaused by: [\w.]+(Exception|Error)"),
    ),
    (
        "a file path",
        re.compile(r"(?<![\w/:.])/(?:usr|home|var|opt|srv|root|etc|app|workspace)/[\w.+@/-]*\w\.\w{1,5}\b"),
    ),
    ("a file path", re.compile(r"\b[A-Za-z]:\\\\?[\w .-]+\\\\?[\w .\\-]+")),
    ("SQL", re.compile(r"\bSELECT\b[\s\S]{1,300}?\bFROM\b|\bINSERT INTO\b|\bDELETE FROM\b|\bUPDATE \S+ SET\b")),
    ("SQL", re.compile(r"\bSQLSTATE\b|syntax error at or near|ORA-\d{5}|duplicate key value violates")),
)
_TRACE_FIELDS = re.compile(r"^(stack|stack_?trace|trace_?back|exception)$", re.I)


def leak(body: Any) -> str | None:
    """What the body of an error shows, in words; None if nothing. Works on redacted bodies."""
    if isinstance(body, str):
        if SECRET_MARK in body or KEY_MARK in body:
            return "a secret"
        return next((name for name, shape in _SHAPES if shape.search(body)), None)
    if isinstance(body, Mapping):
        for name, value in body.items():
            # The value of an unknown field is a digest in a history; its name says what it is.
            if _TRACE_FIELDS.match(str(name)) and value not in (None, "", [], {}):
                return "a stack trace"
            if (found := leak(value)) is not None:
                return found
    if isinstance(body, list):
        return next((found for item in body if (found := leak(item)) is not None), None)
    return None
