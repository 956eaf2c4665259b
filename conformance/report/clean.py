"""Texts of a target, made safe to print: no terminal control, no runner commands, no megabytes. Pure."""

from __future__ import annotations

import hashlib
import re

#: Characters that a text of a target is cut to in every report.
MOST = 600
#: Command lines are ours, and are meant to be pasted: beyond this nobody does.
MOST_CURL = 4000
#: Characters that a terminal takes for control, and those that reverse the direction of a text.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
#: What CI runners take for commands: ``::error::`` (GitHub; at the start of a line, and any word may be wrapped to one),
#: ``##[error]`` and ``##vso[…]`` (Azure, older GitHub; anywhere in a line), ``##teamcity[…]``.
_COMMAND = re.compile(r"(:(?=:[A-Za-z])|#(?=#[A-Za-z]*\[))")
#: Characters that no XML 1.0 document may hold.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def harmless(text: str) -> str:
    """Return a text without terminal control characters and without runner commands; its line breaks stay."""
    return _COMMAND.sub(r"\1 ", _CONTROL.sub("\ufffd", text))


def one_line(text: str, most: int = MOST) -> str:
    """Return a harmless text in one line, cut to ``most`` characters; what is cut is named by length and digest."""
    if len(text) > most:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        text = f"{text[:most]}… [{len(text)} characters, sha256 {digest}]"
    return " ".join(harmless(text).split())


def command_line(text: str) -> str:
    """Return a command line of ours as it may be shown; where it cannot be pasted as it is, it says so.

    It may hold what a target said, such as the id of a batch.
    """
    if len(text) > MOST_CURL:
        return f"# a command line of {len(text)} characters; the request is in history.jsonl"
    shown = " ".join(harmless(text).splitlines())
    return text if shown == text else f"{shown}  # characters were replaced; the request is in history.jsonl"


def for_xml(text: str) -> str:
    """Return a text that an XML 1.0 document can hold."""
    return _NO_XML.sub("\ufffd", text)
