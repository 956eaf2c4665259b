"""A script for a cause: POSIX shell, curl and python3, for somebody who does not have this suite.

``situation`` chooses what the script brings about; a cause that none fits has no script, and its program is the way to see it
again. The script judges by fewer reads than the suite, so that "not seen" is no verdict.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import msgspec

from conformance.history.records import Exchange, History
from conformance.report.causes import lead
from conformance.report.clean import one_line
from conformance.report.headline import RETRIES
from conformance.report.model import Cause, ReportedFinding, ReportedRequirement
from conformance.report.timeline.model import listed


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What a script brings about, and what it looks at."""

    name: str
    check: str = ""
    place: str = "first"
    method: str = "POST"
    auth: str = "valid"


#: By requirement: the situation that shows it, in the order in which a cause's requirements are asked.
_PLAIN = {
    "BR-CON-01": Situation(name="race"),
    "BR-CON-02": Situation(name="race"),
    "BR-BLK-01": Situation(name="blocked", check="accepted"),
    "BR-BLK-02": Situation(name="blocked", check="status"),
    "BR-BLK-03": Situation(name="blocked", check="effect"),
    "BR-ERR-02": Situation(name="blocked", check="code"),
    "BR-ERR-01": Situation(name="unknown"),
    "BR-ACC-02": Situation(name="quiescent", check="refused"),
    "BR-ACC-04": Situation(name="quiescent", check="answer"),
    "BR-ACC-05": Situation(name="quiescent", check="missing"),
    "BR-SEL-01": Situation(name="quiescent", check="missing"),
    "BR-SEL-05": Situation(name="quiescent", check="twice"),
    "BR-SEL-08": Situation(name="quiescent", check="twice"),
    "BR-IDS-01": Situation(name="quiescent", check="data"),
    "BR-IDS-03": Situation(name="quiescent", check="data"),
}
_PROBED = ("BR-SEC-01", "BR-SEC-07", "BR-SEC-04")
_METHOD = re.compile(r"[A-Z]{3,7}")
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def situation(
    cause: Cause, finding: ReportedFinding, shown: Sequence[Exchange], place: str = "first"
) -> Situation | None:
    """The situation that shows a cause again; None if no script brings it about.

    :param finding: the finding that tells the cause; :param shown: the exchanges of its evidence.
    :param place: where the message stands that blocks, if one does: first, last or elsewhere.
    """
    retries = [e for e in shown if e.invoke.operation in RETRIES]
    if any(e.invoke.race is not None for e in retries) and {"BR-SEL-08", "BR-CON-01", "BR-SEL-05"} & set(
        cause.requirements
    ):
        return Situation(name="race")
    if finding.any_of[0] in _PROBED:
        return _probe(retries)
    if any(e.invoke.cause is not None or e.invoke.auth != "valid" for e in retries):
        return None
    # Of several that may be broken, the one that each finding of the cause names; a script for another would acquit falsely.
    for name in finding.any_of if len(finding.any_of) == 1 else cause.requirements[:1]:
        if name in _PLAIN:
            return replace(_PLAIN[name], place=place)
    return None


def _probe(retries: Sequence[Exchange]) -> Situation | None:
    for exchange in retries:
        invoke = exchange.invoke
        by_path = invoke.cause is not None and not invoke.cause.startswith(("auth:", "method:"))
        if (
            by_path
            or invoke.operation != "batch_retry"
            or invoke.auth == "other"
            or not _METHOD.fullmatch(invoke.method)
        ):
            continue
        if invoke.auth != "valid" or invoke.method != "POST":
            return Situation(name="probe", check="accepted", method=invoke.method, auth=invoke.auth)
    return None


@cache
def _source(name: str) -> str:
    return (files("conformance.report.reproduce") / name).read_text(encoding="utf-8")


def script(cause: Cause, finding: ReportedFinding, history: History) -> str:
    """The script for a cause; empty if no script brings its situation about.

    It holds no id, key or number of the run: each try makes a batch of its own.
    """
    wanted = set(cause.evidence)
    shown = [e for e in history.exchanges if e.n in wanted]
    found = situation(cause, finding, shown, _place(history, shown))
    if found is None:
        return ""
    columns, language = _template(history)
    filled = {
        "SITUATION": found.name,
        "CHECK": found.check,
        "PLACE": found.place,
        "METHOD": found.method,
        "AUTH": found.auth,
        "COLUMNS": columns,
        "LANGUAGE": language,
        "EXPECTED": one_line("; or ".join(finding.expected)),
    }
    text = _source("script.sh")
    for name, value in filled.items():
        text = text.replace(f"@{name}@", shlex.quote(value), 1)
    text = text.replace("@HELPER@", _source("helper.txt").rstrip(), 1)
    return text.replace("@HEADLINE@", one_line(cause.headline), 1)


def with_scripts(
    causes: Iterable[Cause], requirements: Sequence[ReportedRequirement], history: History
) -> tuple[Cause, ...]:
    """The causes, each with the name of its script, where there is one."""
    return tuple(
        msgspec.structs.replace(cause, script=f"reproduce-{cause.number}.sh")
        if script(cause, lead(requirements, cause), history)
        else cause
        for cause in causes
    )


def _place(history: History, shown: Sequence[Exchange]) -> str:
    """Where in its listing the message stands that the proof retries by itself or reads."""
    named = next((e.invoke.message for e in shown if e.invoke.message), None)
    for exchange in history.exchanges:
        ids = [m.get("id") for m in listed(exchange)] if exchange.invoke.operation == "batch_list" else []
        if named in ids:
            return "first" if ids[0] == named else "last" if ids[-1] == named else "elsewhere"
    return "first"


def _template(history: History) -> tuple[str, str]:
    """The template's parameters and language, as the run's first send names them."""
    rows = next((e.invoke.rows for e in history.exchanges if e.invoke.operation == "batch_send" and e.invoke.rows), ())
    names = [name for name in (rows[0].values if rows else {}) if _COLUMN.fullmatch(name)] or ["body"]
    language = rows[0].language if rows and _COLUMN.fullmatch(rows[0].language) else "english"
    return ",".join(names), language
