"""What gives the inside of a server away: stack traces, file paths, SQL. Every search takes linear time."""

from __future__ import annotations

import re

STACK, PATH, SQL = "a stack trace", "a file path", "SQL"
_ROOTS = "usr|home|Users|var|opt|srv|root|etc|app|workspace|tmp|mnt|builds?"
#: How files of source text end: a line number behind anything else may count steps, or be a port.
_SOURCES = "java|kts?|scala|groovy|cljc?|[cm]?[jt]sx?|vue|py|rb|go|php|cs|fs|vb|rs|swift|exs?|erl|dart|cc?|cpp|h"
#: Each shape is one that no message for a client has by chance.
_SHAPES = (
    (
        STACK,
        re.compile(r"Traceback \(most recent call last\)|\bgoroutine \d{1,9} \[|\.rb:\d{1,7}:in |\.\w{1,4}:line \d"),
    ),
    (
        STACK,
        re.compile(
            rf"\bat [\w$.<>]++ ?\((?:[^()\n]*\.(?:{_SOURCES})\b[^()\n:]{{0,200}}|node:[^()\n:]*|<anonymous>)"
            r":\d{1,7}(?::\d{1,7})?\)"
            r"|\bat (?:file://)?/[^\s()]{1,400}:\d+:\d+"
        ),
    ),
    (STACK, re.compile(r"File \"[^\"\n]+\", line \d|#\d{1,3} /[^\s(]{1,300}\(\d{1,7}\):")),
    (STACK, re.compile(r"\bCaused by: [\w.$]++(?:(?<=Exception)|(?<=Error))")),
    (PATH, re.compile(r"(?<!\w)[A-Za-z]:\\{1,2}[\w.-][\w .-]{0,100}\\")),
    (SQL, re.compile(r"\bSELECT\b(?:(?!\bSELECT\b)[\s\S]){1,300}?\bFROM\b|\bINSERT INTO\b|\bDELETE FROM\b")),
    (
        SQL,
        re.compile(r"\bUPDATE \S++ SET\b|\bSQLSTATE\b|syntax error at or near|ORA-\d{5}|duplicate key value violates"),
    ),
    # In small letters, as query builders write it, the words are English: a placeholder tells.
    (
        SQL,
        re.compile(
            r"\b(?:select|insert into|update|delete from)\b(?:(?!\b(?:select|insert into|update|delete from)\b)[^;]){1,400}?"
            r"(?:=\s?|\bvalues\s?\(|\blimit )(?:\$\d|\?(?!\w))"
        ),
    ),
)
#: A URL's path is not a file's: not one behind a host, and not one in a link of a page.
_FILE = re.compile(rf"(?<![\w/:.+@=(-])(?<![=(][\"'])/(?:{_ROOTS})/[\w.+@/-]++")
_EXTENSION = re.compile(r"\w\.[A-Za-z]\w{0,4}\Z")


def inside(text: str) -> str | None:
    """What a text shows of the server's inside, in words; None if nothing."""
    for name, shape in _SHAPES:
        if shape.search(text):
            return name
    if any(_EXTENSION.search(match.group().rstrip(".")[-12:]) for match in _FILE.finditer(text)):
        return PATH
    return None
