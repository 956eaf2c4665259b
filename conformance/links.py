"""The links of the OpenAPI document: which request an answer leads to.

Only what the document uses is understood: ``$request.path.NAME`` and ``$response.body#/POINTER`` (OpenAPI 3.1, runtime
expressions). schemathesis resolves links inside its own state machine, whose draws depend on answers; here nothing is
drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from conformance import specs


@dataclass(frozen=True, kw_only=True)
class Link:
    """A link of an answer. ``parameters`` is None where the answer lacks what the link needs."""

    name: str
    operation: str
    parameters: Mapping[str, str] | None


def links(operation: str, status: int, path: Mapping[str, str | None], body: Any) -> Iterator[Link]:
    """Every link that the document gives an answer.

    :param operation: operationId of the request; :param path: its path parameters by name.
    :param body: the answer's JSON.
    """
    for name, link in _of(operation, status).items():
        values = {p: _value(expression, path, body) for p, expression in link["parameters"].items()}
        found = {p: v for p, v in values.items() if isinstance(v, str) and v}
        yield Link(name=name, operation=link["operationId"], parameters=found if len(found) == len(values) else None)


@cache
def _of(operation: str, status: int) -> Mapping[str, Any]:
    for item in specs.openapi()["paths"].values():
        for described in item.values():
            if isinstance(described, Mapping) and described.get("operationId") == operation:
                response: Mapping[str, Any] = described["responses"].get(str(status), {})
                linked: Mapping[str, Any] = response.get("links", {})
                return linked
    return {}


def _value(expression: str, path: Mapping[str, str | None], body: Any) -> Any:
    """What a runtime expression stands for; None if that is missing."""
    source, _, pointer = expression.partition("#")
    if source.startswith("$request.path."):
        return path.get(source.removeprefix("$request.path."))
    if source != "$response.body":
        return None
    value = body
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list) and key.isascii() and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value
