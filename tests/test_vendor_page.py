"""docs/vendor.md: its commands, requirements, rulings and links are there."""

from __future__ import annotations

import re
from pathlib import Path

import click

from conformance.catalogue import load
from conformance.cli import cli
from conformance.contract import vocabulary
from conformance.reference.faults import FAULTS

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "vendor.md").read_text(encoding="utf-8")


def test_every_command_and_option_of_the_page_is_there() -> None:
    found = re.findall(r"`retry-conformance ([a-z]+)([^`]*)`", PAGE)
    assert {name for name, _ in found} >= {"ticket", "show", "verify", "run", "explain", "compare", "serve"}
    for name, rest in found:
        command = cli.commands[name]
        options = {o for p in command.params if isinstance(p, click.Option) for o in p.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= options, name
    assert set(re.findall(r"--fault ([\w-]+)", PAGE)) <= set(FAULTS)


def test_requirements_rulings_codes_and_links_are_there() -> None:
    catalogue = load()
    assert set(re.findall(r"BR-[A-Z]{3}-\d\d", PAGE)) <= {r.id for r in catalogue.requirements}
    assert {int(n) for n in re.findall(r"ruling (\d+)", PAGE)} <= set(catalogue.rulings)
    for code in (vocabulary.NOT_RETRYABLE_CODE, vocabulary.UNRESOLVED_CODE, vocabulary.NO_FAILED_CODE):
        assert f"`{code}`" in PAGE
    order = " → ".join(vocabulary.ORDER)
    assert order in PAGE
    assert all((DOCS / link).is_file() for link in re.findall(r"\]\(([\w.-]+\.md)\)", PAGE))
