"""What a person sees on a terminal after a run: what fails last of all, and a reason once."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

import msgspec
import pytest

from conformance.catalogue import load
from conformance.cli.screen import Screen, tell
from conformance.report.alike import alike, reason_of
from conformance.report.cause_lines import one_line_each
from conformance.report.model import Report, ReportedRequirement
from conformance.report.summary import summary
from conformance.verdicts import Reason
from conformance.verdicts.model import VerdictName
from tests.reported import accepted_although_created, reported, whole


def _item(number: int, verdict: VerdictName, why: str) -> ReportedRequirement:
    return ReportedRequirement(
        id=f"BR-SEL-{number:02}", level="MUST", profile="core", title=f"title {number}", verdict=verdict,
        reason=Reason(code="not-settled", text=why), exercised=0, evidence=(), findings=(),
    )  # fmt: skip


def _why(item: ReportedRequirement) -> str:
    return item.reason.text if item.reason is not None else ""


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("read 12 shows it in sent", "read 120 shows it in sent", True),
        ("the status followed 1.08 s late", "the status followed 12 ms late", False),
        ("follows from cause 1", "follows from cause 2", False),
        ("follows from cause 1", "follows from cause 12", False),
        ("no retry was answered 429", "no retry was answered 500", False),
        ("BR-ACC-05 is already proved", "BR-ACC-06 is already proved", False),
        ("the history breaks A2b", "the history breaks A7", False),
    ],
)
def test_requirements_that_are_open_for_one_reason_are_told_together(one: str, other: str, together: bool) -> None:
    items = [_item(1, "inconclusive", one), _item(2, "not_run", one), _item(3, "inconclusive", other)]
    assert [[i.id for i in group] for group in alike(items, _why)] == (
        [["BR-SEL-01", "BR-SEL-03"], ["BR-SEL-02"]] if together else [["BR-SEL-01"], ["BR-SEL-02"], ["BR-SEL-03"]]
    )
    assert reason_of(items[:1], _why) == one
    assert reason_of([items[0], items[2]], _why) == f"{one} (BR-SEL-01; the others alike)"


def test_what_fails_is_told_one_by_one() -> None:
    items = [_item(1, "fail", "the same"), _item(2, "fail", "the same"), _item(3, "error", "the same")]
    assert len(alike(items, _why)) == 3


def _report() -> Report:
    """A report with one cause and many requirements that are open, each for the same reason but for a number."""
    report = reported(whole(accepted_although_created()))
    reason = "retry {} is refused, but that the batch was quiescent is not proved"
    items = tuple(
        item
        if item.verdict == "fail"
        else msgspec.structs.replace(
            item, verdict="inconclusive", reason=Reason(code="not-read-before", text=reason.format(n))
        )
        for n, item in enumerate(report.requirements)
    )
    causes = tuple(msgspec.structs.replace(cause, follows=()) for cause in report.causes)
    return msgspec.structs.replace(report, requirements=items, causes=causes)


def _screen(report: Report) -> list[str]:
    out = io.StringIO()
    with redirect_stdout(out):
        tell(Screen(), report, load())
    return out.getvalue().splitlines()


def test_the_causes_are_within_the_last_lines_of_a_screen() -> None:
    lines = _screen(_report())
    cause = next(i for i, line in enumerate(lines) if line.startswith("cause 1: "))
    table = next(i for i, line in enumerate(lines) if line.startswith("verdict "))
    assert table < cause
    assert len(lines) - cause <= 40
    assert sum("is not proved" in line for line in lines) <= 2, "a reason stands once"


def test_each_cause_has_a_line_at_the_end() -> None:
    report = _report()
    second = msgspec.structs.replace(report.causes[0], number=2, headline="The target " + 30 * "again ")
    several = msgspec.structs.replace(report, causes=(*report.causes, second))
    last = _screen(several)[-8:]
    assert any(line.startswith(f"  1. {report.causes[0].headline[:40]}") for line in last)
    assert any(line.startswith("  2. The target again") and line.endswith("…") for line in last)
    assert max(map(len, one_line_each(several, 80))) <= 80


def test_the_summary_tells_a_reason_once() -> None:
    rows = [line for line in summary(_report()).splitlines() if "is not proved" in line]
    assert len(rows) == 1
    assert "requirements: " in rows[0]
