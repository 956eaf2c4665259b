"""What the package is on an index: its metadata, and the README as it stands there, without the repository around it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from conformance.explaining import PAGES

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
_LINK = re.compile(r"\[[^\]]+\]\(([^)]+)\)")


def _on_an_index() -> str:
    """README.md as the build's hook makes it."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for each in PROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(each["pattern"], each["replacement"], text)
    return text


def test_no_link_of_the_readme_leads_nowhere_on_an_index() -> None:
    written = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = _LINK.findall(written)
    assert all((ROOT / target).exists() for target in linked if "://" not in target)
    text = _on_an_index()
    assert not [target for target in _LINK.findall(text) if not target.startswith("https://")]
    pages = {target[5:-3] for target in linked if target.startswith("docs/")}
    assert pages
    assert pages <= set(PAGES)
    assert pages <= set(re.findall(r"`retry-conformance explain ([a-z-]+)`", text))


def test_the_metadata_says_what_it_is_and_the_wheel_holds_the_docs() -> None:
    project = PROJECT["project"]
    assert len(project["keywords"]) >= 5
    assert all(url.startswith("https://") for url in project["urls"].values())
    shipped = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert shipped == {"specs": "conformance/_specs", "docs": "conformance/_docs"}
