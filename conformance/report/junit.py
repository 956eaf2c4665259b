"""junit.xml, for the list of tests of a CI server. Written by ourselves: it mirrors the exit status, item by item. Pure.

Servers stop on ``failures`` and ``errors``. So a MUST that fails is a failure, one that is not settled is an error where
that counts, and everything that does not count is skipped with its text: a SHOULD, what is waived or known, what
``--fail-on fail`` lets pass. A stale waiver, or a run that ended early, is a testcase of its own.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Literal

from conformance.catalogue import Catalogue
from conformance.exit_status import meaning, of_item
from conformance.report.cause_lines import causes_of, followed, why_of
from conformance.report.clean import for_xml, one_line
from conformance.report.model import Report, ReportedRequirement
from conformance.report.story import story

#: Characters of a message: servers show it in one line.
MESSAGE = 300
Outcome = Literal["passed", "failure", "error", "skipped"]
_COUNTED: dict[int, Outcome] = {1: "failure", 3: "error", 5: "error"}


def junit(report: Report, catalogue: Catalogue) -> bytes:
    """Return the file: one testsuite, one testcase for each requirement that the run was about."""
    root = ET.Element("testsuites", {"name": "retry-conformance"})
    suite = ET.SubElement(root, "testsuite", {"name": "retry-conformance"})
    _properties(suite, report)
    for item in report.chosen:
        _case(suite, item, report, catalogue)
    for name, kind, lines in _beside(report):
        case = ET.SubElement(suite, "testcase", {"classname": "conformance", "name": name, "time": "0.000"})
        _tell(case, kind, lines[0], "\n".join(lines), "run")
    red = _number(suite, "failure") + _number(suite, "error")
    if report.run.exit_status and not red:
        text = meaning(report, report.run.exit_status)
        case = ET.SubElement(suite, "testcase", {"classname": "conformance", "name": "run", "time": "0.000"})
        body = "\n".join((text, *report.run.remarks))
        _tell(case, "error", f"exit status {report.run.exit_status}: {text}", body, "run")
    for name in ("failure", "error", "skipped"):
        suite.set({"failure": "failures", "error": "errors"}.get(name, name), str(_number(suite, name)))
    cases = str(len(suite.findall("testcase")))
    taken = f"{report.run.seconds:.3f}"
    suite.attrib |= {"tests": cases, "time": taken, "hostname": "localhost"}
    if when := re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", report.run.started):
        suite.set("timestamp", when[0])
    root.attrib |= {name: suite.get(name, "0") for name in ("tests", "failures", "errors", "time")}
    ET.indent(root, " ")
    text = ET.tostring(root, encoding="unicode")
    return f"<?xml version='1.0' encoding='utf-8'?>\n{text}\n".encode()


def _properties(suite: ET.Element, report: Report) -> None:
    made = report.target.implementation
    told = {name: getattr(made, name) for name in made.__struct_fields__} | {
        "target": report.target.base_url,
        "server": ", ".join(report.target.server),
        "verdict": report.claim,
    }
    for cause in report.causes:
        told[f"cause {cause.number}"] = f"{cause.headline} ({', '.join(cause.requirements)})"
    properties = ET.SubElement(suite, "properties")
    for name, value in told.items():
        if value:
            ET.SubElement(properties, "property", {"name": name, "value": for_xml(one_line(value))})


def outcome(item: ReportedRequirement, report: Report) -> Outcome:
    """Return what a requirement is for a server: red if and only if it counts for the exit status."""
    status = of_item(item, report.run.profiles, fail_on=report.run.fail_on)
    return _COUNTED[status] if status else "passed" if item.verdict == "pass" else "skipped"


def _case(suite: ET.Element, item: ReportedRequirement, report: Report, catalogue: Catalogue) -> None:
    about = {
        "classname": f"conformance.{item.profile}",
        "name": for_xml(one_line(f"{item.id} {item.title}")),
        "time": f"{item.seconds:.3f}",
    }
    case = ET.SubElement(suite, "testcase", about)
    kind = outcome(item, report)
    if kind == "passed":
        return
    words = item.verdict.replace("_", " ")
    why = why_of(report, item)
    text = why if kind in ("failure", "error") else f"{words}{_excuse(item)}: {why}"
    told = item.verdict in ("fail", "inconclusive", "not_run", "error")
    _tell(case, kind, text, f"{_under(item, report)}{story(item, catalogue[item.id])}" if told else text, item.verdict)


def _under(item: ReportedRequirement, report: Report) -> str:
    """The causes that a verdict hangs under, a line each."""
    number = followed(report, item.id) if item.verdict == "inconclusive" else None
    numbers = causes_of(report, item.id) if item.verdict == "fail" else (number,) if number is not None else ()
    words = "cause" if item.verdict == "fail" else "follows from cause"
    return "".join(f"{words} {n} of {len(report.causes)}: {report.causes[n - 1].headline}\n" for n in numbers)


def _excuse(item: ReportedRequirement) -> str:
    """Why a verdict that is no pass does not count, where that is not evident."""
    if item.waived is not None:
        w = item.waived
        return f", waived until {w.expires}: {w.reason} ({w.link})"
    if item.known:
        return ", and the baseline fails there already"
    if item.not_in_baseline:
        return ", and the baseline does not list it"
    return f", a {item.level}" if item.level != "MUST" and item.verdict in ("fail", "inconclusive", "error") else ""


def _beside(report: Report) -> Iterator[tuple[str, Outcome, tuple[str, ...]]]:
    """What makes a run red beside its verdicts: name, outcome, lines."""
    run = report.run
    if run.stale:
        yield "waivers", "failure", run.stale
    if run.exit_status in (2, 4, 5, 130, 143):
        text = f"exit status {run.exit_status}: {meaning(report, run.exit_status)}"
        yield "run", "error", (run.remarks[0] if run.remarks else text, text, *run.remarks)


def _tell(case: ET.Element, kind: Outcome, message: str, body: str, about: str) -> None:
    element = ET.SubElement(case, kind, {"message": for_xml(one_line(message, MESSAGE))})
    if kind != "skipped":
        element.set("type", about)
    element.text = for_xml(body)


def _number(suite: ET.Element, name: str) -> int:
    return len(suite.findall(f"testcase/{name}"))
