"""What schemathesis draws, as plain data: its generators and its boundary cases, from a seed, before any answer.

schemathesis and Hypothesis are imported where they are used: only a run that draws pays for them.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conformance import specs
from conformance.fuzzing.isolated_constants import sealed

if TYPE_CHECKING:
    from schemathesis import Case

RETRY = "batch_retry"
RETRY_PATH = "/campaigns/{campaignId}/batch/{batchId}/retry"


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One drawn case. ``body`` is None, with ``media_type`` None, where none was drawn."""

    operation: str
    method: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: Any
    media_type: str | None
    #: The path parameter that names the batch or message, as drawn.
    name: str


def odd_document() -> dict[str, Any]:
    """The document with a retry endpoint that takes any body, query and header, so that such are drawn for it.

    The key is left out of all of it: keys are the transport's.
    """
    document = copy.deepcopy(specs.openapi())
    document.pop("security", None)
    document["components"].pop("securitySchemes", None)
    text = {"type": "string"}
    fields = {"type": "object", "additionalProperties": text, "maxProperties": 4}
    retry = document["paths"][RETRY_PATH]["post"]
    retry["requestBody"] = {
        "content": {
            "application/json": {"schema": {}},
            "text/plain": {"schema": text},
            "application/x-www-form-urlencoded": {"schema": fields},
            "multipart/form-data": {"schema": fields},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        }
    }
    retry["parameters"] = [
        {"name": "q", "in": "query", "schema": text},
        {"name": "n", "in": "query", "schema": {"type": "integer"}},
        {"name": "x-odd", "in": "header", "schema": text},
    ]
    # The bodies and recipients of sends are not drawn, only what they say.
    document["paths"]["/campaigns/{campaignId}/messages"]["post"]["requestBody"]["content"] = {
        "application/json": {"schema": {"type": "array", "items": text, "minItems": 1, "maxItems": 8}}
    }
    return document


class Drawing:
    """Draws cases of operations of one document.

    :param seed: everything follows from it.
    """

    def __init__(self, seed: int) -> None:
        import schemathesis

        self._seed = seed
        self._schema = schemathesis.openapi.from_dict(odd_document())

    def cases(self, operation: str, count: int, *, valid: bool) -> list[Drawn]:
        """Boundary cases first, then as many drawn ones, each once.

        :param valid: by the document, or not by it.
        """
        with sealed():
            found = [
                self._plain(case, operation)
                for case in (*self._boundaries(operation, valid), *self._drawn(operation, count, valid))
            ]
        memo: dict[str, Drawn] = {}
        for drawn in found:
            memo.setdefault(repr(drawn), drawn)
        return list(memo.values())

    def _boundaries(self, operation: str, valid: bool) -> Iterator[Case[Any]]:
        from schemathesis import GenerationMode

        described = self._schema.find_operation_by_id(operation)
        mode = GenerationMode.POSITIVE if valid else GenerationMode.NEGATIVE
        generation = self._schema.config.generation_for(operation=described, phase="coverage")
        return self._schema.iter_coverage_cases(described, generation_modes=[mode], generation_config=generation)

    def _drawn(self, operation: str, count: int, valid: bool) -> Sequence[Case[Any]]:
        from hypothesis import HealthCheck, Phase, given, seed, settings
        from schemathesis import GenerationMode

        mode = GenerationMode.POSITIVE if valid else GenerationMode.NEGATIVE
        # Ids are put in later; only the retry's is drawn, for the letters in it. Drawing them is half of the time.
        fixed = {"campaignId": "c"} if operation == RETRY else {"campaignId": "c", "batchId": "b"}
        described = self._schema.find_operation_by_id(operation)
        given_ids = {name: fixed[name] for name in fixed if f"{{{name}}}" in described.path}
        strategy = described.as_strategy(generation_mode=mode, path_parameters=given_ids)
        found: list[Case[Any]] = []
        if not count:
            return found

        @seed(self._seed)
        @settings(
            phases=[Phase.generate],
            database=None,
            deadline=None,
            derandomize=False,
            max_examples=count,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy)
        def collect(case: Case[Any]) -> None:
            found.append(case)

        collect()
        return found

    def _plain(self, case: Case[Any], operation: str) -> Drawn:
        from schemathesis.core import NOT_SET

        empty = case.body is NOT_SET
        name = case.path_parameters.get("batchId") or case.path_parameters.get("messageId") or ""
        return Drawn(
            operation=operation,
            method=case.method.upper(),
            query=tuple(sorted(_pairs(case.query))),
            headers=tuple(sorted(_pairs(case.headers))),
            body=None if empty else _data(case.body),
            media_type=None if empty else case.media_type,
            name=str(name),
        )


def _pairs(values: Any) -> Iterator[tuple[str, str]]:
    for name, value in dict(values or {}).items():
        for item in value if isinstance(value, list) else [value]:
            yield str(name), item if isinstance(item, str) else json.dumps(item)


def _data(body: Any) -> Any:
    """The body as JSON data or bytes."""
    data = getattr(body, "data", None)
    return data if isinstance(data, bytes) else body
