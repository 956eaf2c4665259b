"""The OpenAPI document as those see it who generate from it: complete, without inline surprises, and served."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
import yaml
from openapi_spec_validator import validate

from conformance import CONTRACT_VERSION, specs
from conformance.reference.document import document, page
from conformance.reference.server import ReferenceServer
from tests.conftest import command

DOCUMENT = specs.openapi()


def _operations() -> Iterator[dict[str, Any]]:
    for item in DOCUMENT["paths"].values():
        yield from (value for value in item.values() if isinstance(value, dict) and "operationId" in value)


def _bodies() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every described body of a request or answer, and where it stands."""
    for operation in _operations():
        parts = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for name, part in parts.items():
            if "$ref" in part:
                part = DOCUMENT["components"]["responses"][part["$ref"].rsplit("/", 1)[1]]
            for media in part.get("content", {}).values():
                yield f"{operation['operationId']} {name}", media


@pytest.mark.parametrize(("where", "media"), [pytest.param(*found, id=found[0]) for found in _bodies()])
def test_every_body_has_an_example_that_its_schema_allows(where: str, media: dict[str, Any]) -> None:
    examples = [media["example"]] if "example" in media else [each["value"] for each in media["examples"].values()]
    schema = {**media["schema"], "components": DOCUMENT["components"]}
    for example in examples:
        jsonschema_rs.validate(schema, example)


def test_every_operation_says_what_it_does_and_where_it_belongs() -> None:
    tags = {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]}
    for operation in _operations():
        assert operation["description"].endswith(".")
        assert set(operation["tags"]) <= tags
    assert DOCUMENT["info"]["contact"]["url"].startswith("https://")
    assert DOCUMENT["info"]["version"] == CONTRACT_VERSION
    assert DOCUMENT["servers"][0]["url"].startswith("http://127.0.0.1:")


def test_no_object_is_described_inline_within_a_choice() -> None:
    """Generators make up a name for such a one, two of them the same."""

    def choices(value: Any) -> Iterator[dict[str, Any]]:
        if isinstance(value, dict):
            yield from value.get("anyOf", ())
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from choices(inner)

    found = list(choices(DOCUMENT))
    assert found
    assert all("$ref" in choice or choice == {"type": "null"} for choice in found)
    for schema in DOCUMENT["components"]["schemas"].values():
        for field in schema.get("properties", {}).values():
            assert "properties" not in field
            assert "properties" not in field.get("items", {})


def test_spec_writes_the_document_as_json_and_as_yaml(tmp_path: Path) -> None:
    status, out, err = command("spec")
    assert (status, out, err) == (0, specs.read("openapi.json").decode(), "")
    for arguments, name in ((("spec",), "o.json"), (("spec", "--yaml"), "o.json"), (("spec",), "o.yml")):
        assert command(*arguments, str(tmp_path / name)) == (0, "", "")
        assert yaml.safe_load((tmp_path / name).read_text(encoding="utf-8")) == DOCUMENT
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads((tmp_path / "o.yml").read_text(encoding="utf-8"))
    status, _, err = command("spec", str(tmp_path / "nowhere" / "o.json"))
    assert status == 2
    assert "cannot be written (No such file or directory)" in err


def test_serve_answers_its_document_and_a_page_whose_lines_work() -> None:
    with ReferenceServer() as server:
        base_url = server.base_url
        root = base_url.removesuffix("/api/v2")
        told = httpx.get(f"{root}/openapi.json", trust_env=False).json()
        shown = httpx.get(f"{root}/docs", trust_env=False)
        assert shown.headers["content-type"].startswith("text/html")
        assert shown.text.startswith("<!doctype html>")
        assert "one of its messages is <code>created</code>" in shown.text
        assert httpx.get(root, trust_env=False).text == shown.text
        assert httpx.post(f"{root}/openapi.json", trust_env=False).status_code == 405
        lines = [line for line in _lines(shown.text) if "_ID" not in line]
        said = [subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=20) for line in lines]
    validate(told)
    assert told == document(base_url)
    assert [each["url"] for each in told["servers"]][:2] == [base_url, DOCUMENT["servers"][0]["url"]]
    assert "src=" not in shown.text
    assert {*json.loads(said[0].stdout)} == {"isValid", "batchId"}
    assert {*json.loads(said[1].stdout)} == {"data", "pageData"}
    assert json.loads(said[2].stdout)["latestStatus"] == "created"
    assert len(_lines(page(base_url))) == 7


def _lines(text: str) -> list[str]:
    """The lines for a shell on the page."""
    return [unescape(part.partition("</pre>")[0]) for part in text.split("<pre>")[1:]]
