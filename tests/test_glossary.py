"""The glossary: short, complete, on its page, and printed by `explain`."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance import explaining, glossary
from conformance.catalogue import load
from conformance.cli import status_of
from conformance.exit_status import MEANING

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
        (["Axiom", "A3"], "A3 One message in one answer is one instant"),
        (["ruling", "16"], load().rulings[16][:30]),
        (["16"], "ruling 16"),
        (["exit", "3"], f"exit status 3 {MEANING[3]}"),
        (["exit status 143"], "ended from outside"),
        (["keys"], "exercises BR-SEC-01, BR-SEC-07"),
        (["scenario", "blocked"], "retry-conformance run --requirement"),
        (["blocked-keeps-status"], "breaks BR-BLK-02"),
        (["fault", "redelivers-jobs"], "try it retry-conformance serve --fault redelivers-jobs"),
        (["variant", "partial-enqueue"], "allowed by"),
        (["gate"], "# A gate in CI"),
        (["docs/design.md"], "# How verdicts stay sound"),
        (["schemathesis.toml"], 'hooks = "conformance.schemathesis_hooks"'),
    ],
)
def test_explain_prints_an_entry(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["explain", *arguments]) == 0
    out = capsys.readouterr().out
    assert said.split("\n")[0] in " ".join(out.split())


def test_everything_has_an_explanation_and_every_page_is_there() -> None:
    for kind, found in explaining.kinds().items():
        for name in found.names:
            lines = explaining.explained(f"{kind} {name}".strip(), 100)
            assert any(line.strip() for line in lines[1:]), (kind, name)
    pages = {path.name for path in (ROOT / "docs").iterdir() if path.is_file()}
    assert pages == {name if "." in name else f"{name}.md" for name in explaining.PAGES}


def test_what_looks_alike_is_named_or_the_pages_that_have_the_word(capsys: pytest.CaptureFixture[str]) -> None:
    for asked, meant in (
        ("BR-BLK-O1", "BR-BLK-01"),
        ("BLK-02", "did you mean BR-BLK-02"),
        ("quiesent", "quiescent"),
        ("blocked-keeps-statuses", "blocked-keeps-status"),
        ("stopped_by", "it stands in gate: `retry-conformance explain gate`"),
        ("nothing of ours", "it explains requirements"),
    ):
        assert status_of(["explain", asked]) == 2
        assert meant in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["nonsense"], ["ruling", "999"], ["exit", "6"], []])
def test_what_is_not_in_it_is_said_in_a_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["explain", *arguments]) == 2
    assert capsys.readouterr().err
