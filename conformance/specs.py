"""What the suite ships beside its code: the OpenAPI document, the catalogue, the schemas of report and history, the docs."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from conformance.errors import SuiteError


def read(name: str, folder: str = "specs") -> bytes:
    """The file of this name in ``specs/`` (or ``docs/``): from the installed package, or from the checkout that it is run in.

    :raises SuiteError: there is no such file; the installation is incomplete.
    """
    shipped = files("conformance") / f"_{folder}" / name
    if shipped.is_file():
        return shipped.read_bytes()
    beside = Path(__file__).resolve().parent.parent / folder / name
    if beside.is_file():
        return beside.read_bytes()
    raise SuiteError(f"{folder}/{name} is missing from the installation", hint="install the package again")


@cache
def _openapi_text() -> bytes:
    return read("openapi.json")


def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document of the seven operations; operationIds are the names of ``history.records.Operation``."""
    document: dict[str, Any] = json.loads(_openapi_text())
    return document


def text(document: Any) -> str:
    """A document as JSON, as the files in ``specs/`` are written."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def yaml_text(document: Any) -> str:
    """A document as YAML, in the same order."""
    written: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    return written
