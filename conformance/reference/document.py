"""The reference target's own OpenAPI document, and a page about its operations with a curl line for each."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import jinja2

from conformance import specs
from conformance.reference.settings import OWN_CAMPAIGN, OWN_KEY

DOCUMENT_PATH, PAGE_PATH = "/openapi.json", "/docs"
#: Example ids of the document, and what stands for them in a line to paste.
_IDS = {"campaignId": OWN_CAMPAIGN, "batchId": "BATCH_ID", "messageId": "MESSAGE_ID"}


def document(base_url: str) -> dict[str, Any]:
    """The shipped document with this server before the others.

    :param base_url: where the API of this target begins.
    """
    shipped = specs.openapi()
    here = {"url": base_url, "description": "This reference target. No SMS is sent."}
    others = [server for server in shipped["servers"] if server["url"] != base_url]
    return {**shipped, "servers": [here, *others]}


@dataclass(frozen=True, kw_only=True)
class _Described:
    """One operation, as the page shows it."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    answers: tuple[tuple[str, str], ...]
    curl: str


def page(base_url: str) -> str:
    """The page, in HTML. It loads nothing from anywhere."""
    shipped = specs.openapi()
    groups = {tag["name"]: (tag["description"], list(_operations(base_url, tag["name"]))) for tag in shipped["tags"]}
    return _template().render(
        title=shipped["info"]["title"], document=DOCUMENT_PATH, base_url=base_url, key=OWN_KEY, groups=groups
    )


@cache
def _template() -> jinja2.Template:
    loader = jinja2.PackageLoader("conformance.reference", ".")
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.get_template("docs.html.j2")


def _operations(base_url: str, tag: str) -> Iterator[_Described]:
    shipped = specs.openapi()
    responses = shipped["components"]["responses"]
    for path, item in shipped["paths"].items():
        for method, operation in item.items():
            if not isinstance(operation, dict) or tag not in operation.get("tags", ()):
                continue
            told = {
                status: responses[answer["$ref"].rsplit("/", 1)[1]] if "$ref" in answer else answer
                for status, answer in operation["responses"].items()
            }
            yield _Described(
                id=operation["operationId"],
                method=method.upper(),
                path=path,
                summary=operation["summary"],
                description=operation["description"],
                answers=tuple((status, answer["description"]) for status, answer in told.items()),
                curl=_curl(base_url, path, method, operation),
            )


def _curl(base_url: str, path: str, method: str, operation: dict[str, Any]) -> str:
    """A line for a shell that sends the document's example of this operation to this target."""
    for name, value in _IDS.items():
        path = path.replace(f"{{{name}}}", value)
    query = "?limit=100" if any(p["$ref"].endswith("/limit") for p in operation.get("parameters", ())) else ""
    parts = ["curl", "-sS", "-X", method.upper(), "-H", f"Authorization: Bearer {OWN_KEY}"]
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        example = specs.text(content["application/json"]["example"]).strip()
        parts += ["-H", "Content-Type: application/json", "-d", example]
    line = shlex.join([*parts, f"{base_url}{path}{query}"])
    if "multipart/form-data" in content:
        rows = content["multipart/form-data"]["example"]["file"].split("\r\n")
        sent = " ".join(shlex.quote(row) for row in rows if row)
        return f"printf '%s\\r\\n' {sent} | {line} -F 'file=@-;filename=rows.csv;type=text/csv'"
    return line
