"""What a target says reaches no terminal, no runner of a CI job, and no report at full length."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance.catalogue import load
from conformance.cli.github import annotation, announce
from conformance.deciding import decide
from conformance.findings import Doubt, DoubtReason, Finding, Observation
from conformance.history.records import End, Exchange, Header, History, Invoke
from conformance.report.build import build
from conformance.report.clean import MOST, command_line, for_xml, harmless, one_line
from conformance.report.model import Report
from conformance.report.summary import MOST as PAGE
from conformance.report.summary import observations, summary
from conformance.report.write import data_files
from tests.greens import PROFILES, report

#: Each as a runner or a terminal would take it for an order.
ORDERS = (
    "::error::owned",
    "::add-mask::x",
    "  ::set-env name=PATH::/tmp",
    "##[error]owned",
    "said ##vso[task.setvariable]x",
    "##teamcity[buildStop]",
    "\x1b[0Ksection_start:1:x\r",
    "a\0b\x07\x9b31m\u202egnp",
)
_TAKEN = re.compile(r"^\s*::[A-Za-z]|##[A-Za-z]*\[|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", re.M)


@pytest.mark.parametrize("order", ORDERS)
def test_no_order_is_left(order: str) -> None:
    assert _TAKEN.search(order), "it is one"
    for text in (harmless(order), one_line(order), harmless(f"x\n{order}\ny"), one_line(f"x {order}")):
        assert not _TAKEN.search(text)
        # Wherever a line may be broken, no part of it is an order.
        assert not any(_TAKEN.search(text[at:]) for at in range(len(text)))


def test_what_is_innocent_stays() -> None:
    for text in ("a: b", "12:30:45", "## heading", "C#", "http://h:80/x", "é漢", "a\tb"):
        assert harmless(text) == text


def test_a_long_text_is_cut_and_named() -> None:
    text = "é" * 2_000_000
    cut = one_line(text)
    assert len(cut) < MOST + 60
    assert "2000000 characters, sha256 " in cut
    assert cut != one_line(text + "x")
    assert len(command_line("curl " + text)) < 200
    assert command_line("curl -X POST a") == "curl -X POST a"
    assert for_xml("a\0\ud800\ufffeb") == "a\ufffd\ufffd\ufffdb"


def _judged(text: str) -> Report:
    """A report of a run in which a target said this in every place that it can."""
    header = Header(
        suite_version="0", contract_version="1.0", run_id="r", started="2026-11-28T10:00:00+00:00", base_url="http://h",
        campaign_id="c", profiles=PROFILES,
    )  # fmt: skip
    invoke = Invoke(
        n=1, t=0.0, operation="batch_retry", method="POST", path=f"/{text}", body=text, content_type="text/plain"
    )
    end = End(n=1, outcome="answered", last=1.0, status=400, media="json", body={"code": text})
    history = History(header=header, exchanges=(Exchange(invoke=invoke, end=end),), notes=())
    finding = Finding(
        any_of=("BR-ACC-04",), summary=f"the target answers {text}", argument=(text,), expected=(text,), observed=text,
        evidence=(1,), slack=text, counterfactual=text,
    )  # fmt: skip
    opinions = (
        finding,
        Doubt(requirement="BR-BLK-01", reason=DoubtReason.STUCK_ONCE, text=text, more_needs=(text,)),
        Observation(key="said", value={text: [text]}),
    )
    return build(
        history, decide(history, opinions, load()), load(), finished="", exit_status=1, history_sha256="", messages=0,
        remarks=(text,),
    )  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
def test_no_report_passes_an_order_on(order: str) -> None:
    files = data_files(_judged(f"x\n{order}\ny"))
    assert any("the target answers" in content.decode() for content in files.values())
    for name, content in files.items():
        text = content.decode()
        if name == "conformance.json":
            # JSON writes control characters as escapes: those would be passed on by what reads it.
            text = re.sub(r"\\u00[01].", "\0", text)
        assert not _TAKEN.search(text), name


def test_reports_stay_small_whatever_a_target_says() -> None:
    """Two megabytes of an error code made 34 MB of reports."""
    files = data_files(_judged("é" * 2_000_000))
    assert sum(map(len, files.values())) < 200_000


def test_a_summary_stays_under_the_limit_of_a_page() -> None:
    page = summary(
        report(dict.fromkeys([r.id for r in load().requirements], "fail"), text="word " * 20_000, exit_status=1)
    )
    assert len(page.encode()) <= PAGE
    assert page.splitlines()[-1].startswith("The page is cut here")


def test_a_summary_shows_values_in_words() -> None:
    made = _judged("v")
    assert observations(made) == ("said: v v",)
    assert "{" not in summary(made)


def test_on_github_there_is_one_error_for_each_must(tmp_path: Path) -> None:
    should = next(r.id for r in load().requirements if r.level == "SHOULD")
    text = "it said ::error::owned, 100%\nand ##[error]"
    made = report({"BR-ACC-04": "fail", "BR-BLK-01": "fail", should: "fail"}, text=text, exit_status=1)
    page = tmp_path / "summary"
    environ = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(page)}
    lines: list[str] = []
    assert announce(made, environ, lines.append) == ""
    assert len(lines) == 2
    assert all(re.fullmatch(r"::error title=BR-[^:,]* fails::.*", line) for line in lines)
    assert all(line.count("::") == 2 and "%25" in line for line in lines)
    assert page.read_text(encoding="utf-8").startswith("# Batch Send - Retry")
    assert announce(made, {}, lines.append) == ""
    assert len(lines) == 2
    assert "could not be written" in announce(made, environ | {"GITHUB_STEP_SUMMARY": str(tmp_path)}, lines.append)
    lines.clear()
    announce(report(), environ, lines.append)
    assert lines == []
    announce(report(exit_status=4, remarks=("gone",)), environ, lines.append)
    assert lines == [annotation("exit status 4", "gone")]
