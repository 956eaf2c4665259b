"""The glossary: short, complete, on its page, and printed by `explain`."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance import glossary
from conformance.catalogue import load
from conformance.cli import status_of

ROOT = Path(__file__).parent.parent


def test_the_page_is_made_from_the_glossary() -> None:
    assert (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8") == glossary.page()


def test_it_is_short_and_has_every_axiom() -> None:
    found = glossary.load()
    assert len(found.words) <= 20
    assert set(found.axioms) == {"A1", "A2a", "A2b", *(f"A{n}" for n in range(3, 11))}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["quiescent"], "Only a quiescent batch must accept"),
        (["read", "lag"], "timing.read_lag"),
        (["settle_timeout"], "timing.settle_timeout"),
        (["a7"], "Reads lag by at most"),
        (["A2"], "until it is retried"),
        (["ruling", "17"], load().rulings[17][:30]),
        (["BR-BLK-01"], "BR-BLK-01"),
    ],
)
def test_explain_prints_an_entry(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["explain", *arguments]) == 0
    out = capsys.readouterr().out
    assert said.split("\n")[0] in " ".join(out.split())


@pytest.mark.parametrize("arguments", [["nonsense"], ["ruling", "999"], []])
def test_what_is_not_in_it_is_said_in_a_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["explain", *arguments]) == 2
    assert capsys.readouterr().err
