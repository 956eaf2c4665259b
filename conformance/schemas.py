"""JSON Schemas of report and history, made from the types that write them. ``python -m conformance.schemas`` writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from conformance.history.records import AnyRecord
from conformance.report.model import Report

TITLES = {
    "report.schema.json": "conformance.json, the report of a run",
    "history.schema.json": "one line of history.jsonl",
}


def report_schema() -> dict[str, Any]:
    """The schema of ``conformance.json``."""
    return _titled("report.schema.json", msgspec.json.schema(Report))


def history_schema() -> dict[str, Any]:
    """The schema of one line of ``history.jsonl``."""
    return _titled("history.schema.json", msgspec.json.schema(AnyRecord))


def _titled(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": TITLES[name], **schema}


def text(schema: dict[str, Any]) -> str:
    """A schema as its file holds it."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write both schemas into the checkout's ``specs/``."""
    folder = Path(__file__).resolve().parent.parent / "specs"
    (folder / "report.schema.json").write_text(text(report_schema()), encoding="utf-8")
    (folder / "history.schema.json").write_text(text(history_schema()), encoding="utf-8")


if __name__ == "__main__":
    main()
