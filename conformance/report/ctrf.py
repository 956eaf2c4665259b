"""ctrf.json, the Common Test Report Format: the same as junit.xml, for tools that read JSON. Pure."""

from __future__ import annotations

import datetime
import json

from conformance.report.cause_lines import why_of
from conformance.report.junit import outcome
from conformance.report.model import Report

_STATUS = {"passed": "passed", "failure": "failed", "error": "failed", "skipped": "skipped"}


def ctrf(report: Report) -> bytes:
    """Return the file."""
    tests = [
        {
            "name": f"{item.id} {item.title}",
            "status": _STATUS[outcome(item, report)],
            "duration": round(1000 * item.seconds),
            "suite": ["conformance", item.profile],
            "rawStatus": item.verdict,
            "message": why_of(report, item),
        }
        for item in report.chosen
    ]
    red = any(test["status"] == "failed" for test in tests)
    if report.run.exit_status and (report.run.stale or not red):
        said = "; ".join((*report.run.stale, *report.run.remarks)) or f"exit status {report.run.exit_status}"
        name = "waivers" if report.run.stale else "run"
        tests.append({"name": name, "status": "failed", "duration": 0, "suite": ["conformance"], "message": said})
    counts = {name: sum(test["status"] == name for test in tests) for name in ("passed", "failed", "skipped")}
    begun = _milliseconds(report.run.started)
    document = {
        "reportFormat": "CTRF",
        "specVersion": "0.0.0",
        "results": {
            "tool": {"name": report.suite.name, "version": report.suite.version},
            "summary": {
                "tests": len(tests),
                **counts,
                "pending": 0,
                "other": 0,
                "start": begun,
                "stop": begun + round(1000 * report.run.seconds),
            },
            "tests": tests,
            "environment": {
                "appName": report.target.implementation.product or "Batch Send - Retry",
                "appVersion": report.target.implementation.version or "unknown",
                "testEnvironment": report.target.base_url,
                "extra": {"target": report.target.words, "verdict": report.claim},
            },
        },
    }
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _milliseconds(moment: str) -> int:
    try:
        return round(1000 * datetime.datetime.fromisoformat(moment).timestamp())
    except ValueError:
        return 0
