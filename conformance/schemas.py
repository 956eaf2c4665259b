"""JSON Schemas of report and history, made from the types that write them. ``python -m conformance.schemas`` writes them."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import msgspec

from conformance import findings, verdicts
from conformance.catalogue import PROFILES
from conformance.deciding import Overall
from conformance.history import records
from conformance.history.records import AnyRecord
from conformance.report import model
from conformance.report.model import Report

TITLES = {
    "report.schema.json": "conformance.json, the report of a run",
    "history.schema.json": "one line of history.jsonl",
}
#: Names of the schemas, not places: nothing is there to be fetched.
IDS = {name: f"urn:retry-conformance:{name.removesuffix('.schema.json')}:1" for name in TITLES}
#: What texts of the report can be, where the type says no more than that they are texts; by class and field.
_WORDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("Report", "verdict"): get_args(Overall),
    ("ReportedRequirement", "level"): ("MUST", "SHOULD"),
    ("ReportedRequirement", "profile"): PROFILES,
    ("Waived", "covers"): ("fail", "inconclusive", "not_run"),
}
_MODULES: tuple[ModuleType, ...] = (records, model, verdicts, findings)


def report_schema() -> dict[str, Any]:
    """The schema of ``conformance.json``. Strict: no key is allowed that it does not name."""
    return _titled("report.schema.json", _described(msgspec.json.schema(Report), strict=True))


def history_schema() -> dict[str, Any]:
    """The schema of one line of ``history.jsonl``."""
    return _titled("history.schema.json", _described(msgspec.json.schema(AnyRecord), strict=False))


def _titled(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    about = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": IDS[name], "title": TITLES[name]}
    return about | {key: value for key, value in schema.items() if key != "title"}


def _described(schema: dict[str, Any], *, strict: bool) -> dict[str, Any]:
    """The same schema with the comments of the types' fields as descriptions, fit for validators in strict mode."""
    told = dict(_descriptions())
    for name, part in schema.get("$defs", {}).items():
        part.pop("title", None)
        if "description" in part:
            # Some releases of msgspec leave the indentation of a docstring in it.
            part["description"] = inspect.cleandoc(part["description"])
        if strict and "properties" in part:
            part["additionalProperties"] = False
        for field, about in part.get("properties", {}).items():
            if strict and (name, field) in _WORDS:
                about["enum"] = list(_WORDS[name, field])
            if strict and (name, field) == ("Report", "profiles"):
                about["additionalProperties"] = {"type": "string", "enum": list(get_args(Overall))}
                about["propertyNames"] = {"enum": list(PROFILES)}
            text = told.get((name, field))
            if text:
                about["description"] = text
    fit: dict[str, Any] = _unambiguous(schema)
    return fit


def _unambiguous(value: Any) -> Any:
    """Each keyword beside a type that it applies to, and no keyword that JSON Schema does not know: strict mode of ajv."""
    if isinstance(value, list):
        return [_unambiguous(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    # An OpenAPI keyword; which record it is, its constant `kind` says.
    plain = {key: _unambiguous(inner) for key, inner in value.items() if key != "discriminator"}
    if "enum" in plain and "type" not in plain:
        kinds = {type(item) for item in plain["enum"]}
        if kinds == {str}:
            plain["type"] = "string"
    return plain


def _descriptions() -> Iterator[tuple[tuple[str, str], str]]:
    """What the comments before the fields of the types say, by class and field."""
    for module in _MODULES:
        source = inspect.getsource(module)
        lines = source.splitlines()
        for node in ast.walk(ast.parse(source)):
            if not isinstance(node, ast.ClassDef):
                continue
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    text = _comment(lines, field.lineno - 2)
                    if text:
                        yield (node.name, field.target.id), text


def _comment(lines: list[str], last: int) -> str:
    """The comment ``#: …`` that ends with this line; empty if there is none."""
    found: list[str] = []
    while last >= 0 and lines[last].strip().startswith("#"):
        found.insert(0, lines[last].strip().lstrip("#: "))
        last -= 1
    return " ".join(found)


def text(schema: Mapping[str, Any]) -> str:
    """A schema as its file holds it."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write both schemas into the checkout's ``specs/``."""
    folder = Path(__file__).resolve().parent.parent / "specs"
    (folder / "report.schema.json").write_text(text(report_schema()), encoding="utf-8")
    (folder / "history.schema.json").write_text(text(history_schema()), encoding="utf-8")


if __name__ == "__main__":
    main()
