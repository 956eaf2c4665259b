"""What an error must not show (BR-ERR-05, ruling 31): stack traces, file paths, SQL and credentials."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from conformance.transport.credentials import credentials
from conformance.transport.inside import PATH, SQL, STACK, inside

#: What a mark of the recorder proves, by its reason (``transport/redact.py``). The others prove nothing: a number, a
#: part of a key that may be a word, what stood behind a word such as `password`, what looked random.
_PROOFS = {
    "key": "a configured key",
    "private-key": "a private key",
    "token": "a token",
    "jwt": "a token",
    "url-password": "a password in a URL",
    "stack-trace": STACK,
    "file-path": PATH,
    "sql": SQL,
}
#: Those that no id and no cursor looks like, which the recorder leaves as they are: they prove it unmarked, too.
_UNMARKED = ("private-key", "url-password")
#: Suites before 0.2 wrote `[redacted:secret]` for anything that looked random, ids and paths too: such a mark is no
#: proof. `[redacted:key]` stood for eight or more characters of a configured key.
_MARK = re.compile(r"\[redacted:([a-z-]{1,20})(?::[0-9a-f]{8})?\]")
#: Not `stack` alone, which is a deployment's name as well: a trace in such a field is told by its text.
_TRACE_FIELDS = re.compile(r"^(stack_?trace|trace_?back)$", re.I)


#: Characters of a request's own text that make it one to recognise.
SHORTEST = 8


def leak(body: Any, own: Iterable[str] = ()) -> str | None:
    """What the body of an error shows, in words; None if nothing. Works on redacted bodies.

    :param own: what the request held itself, such as its path: shown again, that is no leak.
    """
    # A path as short as `/` stands in every other one.
    own = tuple(text for text in own if len(text) >= SHORTEST)
    if isinstance(body, str):
        return _in_text(body, own)
    if isinstance(body, Mapping):
        for name, value in body.items():
            # The value of an unknown field is a digest in a history; its name says what it is.
            if _TRACE_FIELDS.match(str(name)) and value not in (None, "", [], {}, False, 0):
                return STACK
            if (found := leak(value, own)) is not None:
                return found
    if isinstance(body, list):
        return next((found for item in body if (found := leak(item, own)) is not None), None)
    return None


def _in_text(text: str, own: tuple[str, ...]) -> str | None:
    for reason in _MARK.findall(text):
        if reason in _PROOFS:
            return _PROOFS[reason]
    for each in own:
        text = text.replace(each, "")
    plain = (_PROOFS[found.reason] for found in credentials(text) if found.reason in _UNMARKED)
    return next(plain, None) or inside(text)
