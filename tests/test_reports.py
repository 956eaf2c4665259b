"""Reports: command lines that can be pasted, pages in which a target's words are only words, and a strict reader."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from contextlib import redirect_stderr, redirect_stdout
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from conformance.catalogue import load
from conformance.cli.screen import Screen, tell
from conformance.errors import FormatError
from conformance.exit_status import of_verdicts
from conformance.history.records import End, Exchange, Header, History, Invoke, Note
from conformance.program.scheduler import Progress
from conformance.program.steps import Program
from conformance.report.about import about
from conformance.report.badge import badge
from conformance.report.build import toned_down
from conformance.report.clean import harmless
from conformance.report.curl import curl
from conformance.report.html import evidence, headline
from conformance.report.junit import junit
from conformance.report.model import (
    REPORT_VERSION,
    About,
    Latency,
    Races,
    Report,
    ReportedFinding,
    ReportedObservation,
    ReportedRequirement,
    RunInfo,
    SuiteInfo,
    TargetInfo,
    Waived,
)
from conformance.report.page.write import write_page
from conformance.report.story import again_with, story, why
from conformance.report.summary import observations, summary
from conformance.report.verdict_line import verdict_line
from conformance.report.write import read_report, write_all
from conformance.verdicts import Reason, Shown, VerdictName
from tests.reported import innocent, reported, whole

# -- curl -------------------------------------------------------------------------------------------------------

HOSTILE_SHELL = "'; touch pwned; $(touch pwned) `touch pwned` \" \\ | & > pwned # \n !x"


def _curl(**about: Any) -> str:
    given: dict[str, Any] = {
        "operation": "batch_retry",
        "method": "POST",
        "path": "/campaigns/c/batch/b/retry",
        "charge": 2,
    } | about
    return curl(Exchange(invoke=Invoke(n=1, t=0.0, **given), end=End(n=1, outcome="answered", last=1.0)))


CURLS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "a retry": ({}, ("-X", "POST", "Authorization: Bearer KEY", "BASE/campaigns/c/batch/b/retry")),
    "no key": ({"auth": "none"}, ("BASE/campaigns/c/batch/b/retry",)),
    "a wrong key": ({"auth": "wrong"}, ("Authorization: Bearer wrong",)),
    "a key cut short": ({"auth": "cut"}, ("Authorization: Bearer KE",)),
    "a key made longer": ({"auth": "extended"}, ("Authorization: Bearer KEY0",)),
    "a key in other case": ({"auth": "case"}, ("Authorization: Bearer key",)),
    "another scheme": ({"auth": "scheme"}, ("Authorization: Basic KEY",)),
    "another key": ({"auth": "other"}, ("Authorization: Bearer OTHER",)),
    "another method": ({"method": "DELETE", "cause": "method:DELETE"}, ("-X", "DELETE")),
    "HEAD": ({"method": "HEAD", "cause": "method:HEAD"}, ("--head",)),
    "a query": ({"query": (("a b", "c&d"), ("to", "65"))}, ("BASE/campaigns/c/batch/b/retry?a+b=c%26d&to=65",)),
    "JSON": (
        {"body": {"recipient": "6511111111", "x": ["é'"]}, "content_type": "application/json", "cause": "body:json-recipient"},
        ("Content-Type: application/json", "--data-raw", '{"recipient": "6511111111", "x": ["é\'"]}'),
    ),
    "null": ({"content_type": "application/json", "cause": "body:null"}, ("--data-raw", "null")),
    "broken JSON": ({"body": '{"a":', "content_type": "application/json", "cause": "body:broken-json"}, ('{"a":',)),
    "a JSON text": ({"body": "aaa", "content_type": "application/json", "cause": "body:long"}, ('"aaa"',)),
    "text": ({"body": "retry, please", "content_type": "text/plain", "cause": "body:text"}, ("retry, please",)),
    "a content type alone": ({"content_type": "text/xml", "cause": "header:content-type"}, ("Content-Type: text/xml",)),
    "plain HTTP": (
        {"auth": "wrong", "cause": "scheme:http"},
        ("http://h/api/campaigns/c/batch/b/retry", "Authorization: Bearer wrong"),
    ),
    "a send": ({"operation": "batch_send", "path": "/campaigns/c/batch/messages"}, ("-F", "file=@rows.csv")),
    "a single send": ({"operation": "single_send", "path": "/campaigns/c/messages"}, ("--data", "@message.json")),
    "a read": ({"operation": "message_read", "method": "GET", "path": "/m", "charge": 0}, ("BASE/m",)),
    "brackets": ({"path": "/batch/[redacted:key]/retry"}, ("--globoff", "BASE/batch/[redacted:key]/retry")),
    "a hostile path": ({"path": f"/{HOSTILE_SHELL}"}, (f"BASE/{HOSTILE_SHELL}",)),
    "a hostile method": ({"method": HOSTILE_SHELL}, (HOSTILE_SHELL,)),
    "a hostile body": ({"body": HOSTILE_SHELL, "content_type": "text/plain"}, (HOSTILE_SHELL,)),
    "a hostile type": ({"content_type": HOSTILE_SHELL}, (f"Content-Type: {HOSTILE_SHELL}",)),
}  # fmt: skip


@pytest.mark.parametrize("case", CURLS)
def test_a_line_can_be_pasted_and_says_what_was_sent(case: str, tmp_path: Path) -> None:
    about, wanted = CURLS[case]
    line = _curl(**about)
    assert shlex.split(line, comments=True)[0] == "curl"
    # A curl of ours shows what the shell makes of the line.
    script = 'curl() { printf "%s\\0" "$@"; }\n' + line + "\n"
    base = "https://h/api" if "http://h" in wanted[0] else "BASE"
    environ = {"BASE_URL": base, "API_KEY": "KEY", "OTHER_API_KEY": "OTHER", "PATH": "/usr/bin:/bin"}
    ended = subprocess.run(
        ["bash", "-uc", script], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=20
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []
    arguments = ended.stdout.split("\0")
    assert [word for word in wanted if word not in arguments] == []
    if "auth" in about and about["auth"] == "none":
        assert "Authorization" not in line


@pytest.mark.parametrize(
    ("about", "texts"),
    [
        ({}, True),
        ({"auth": "none"}, True),
        ({"method": "GET", "cause": "method:GET"}, True),
        ({"charge": 0, "auth": "none"}, False),
        ({"operation": "batch_send"}, True),
        ({"operation": "message_read", "method": "GET", "charge": 0}, False),
    ],
)
def test_a_line_that_may_text_people_says_so(about: dict[str, Any], texts: bool) -> None:
    assert _curl(**about).endswith("# texts people") == texts


# -- a report in which everything that a target can say is hostile ----------------------------------------------

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>|`\n# b\n</td></table>&lt;b&gt; [l](javascript:x) \x1b[2J\x07'


def _report(verdict: VerdictName = "fail", text: str = HOSTILE) -> Report:
    finding = ReportedFinding(
        summary=text, argument=(text, text), expected=(text,), observed=text, any_of=("BR-ACC-01", "BR-ACC-05"),
        axioms=("A1",), slack=text, counterfactual=text, fingerprint="f" * 12, evidence=(1,), scenario=text,
        program=f"programs/{text}.json", curl=(text,),
    )  # fmt: skip
    catalogue = load()
    items = []
    for place, r in enumerate(catalogue.requirements):
        is_it = place == 0
        name: VerdictName = verdict if is_it else "inconclusive" if place == 1 else "pass"
        items.append(
            ReportedRequirement(
                id=r.id, level=r.level, profile=r.profile, title=r.title, verdict=name,
                reason=Reason(code="x", text=text, needs=(text,)) if place == 1 else None,
                exercised=1, evidence=(1,), findings=(finding,) if is_it and verdict == "fail" else (),
            )
        )  # fmt: skip
    run = RunInfo(
        id="r", started=text, finished=text, complete=True, exit_status=1, seed=1, depth=text,
        profiles=("core", "guide", "hardening"), drivers=(text,), calls=1, messages=1, config_digest="d", history_sha256="h",
    )  # fmt: skip
    return Report(
        schema_version=REPORT_VERSION,
        suite=SuiteInfo(name="retry-conformance", version=text, contract_version=text, libraries={}),
        target=TargetInfo(base_url=text, campaign_id=text),
        run=run,
        verdict="nonconformant",
        profiles={"core": "nonconformant"},
        requirements=tuple(items),
        observations=(ReportedObservation(key=text, value=text, evidence=(1,)),),
        latency={"batch_retry": Latency(calls=1, median=0.1, p95=0.1, largest=0.1)},
        races=Races(),
    )


def _history(text: str = HOSTILE) -> History:
    header = Header(
        suite_version=text, contract_version="1.0", run_id="r", started=text, base_url=text, campaign_id=text
    )
    invoke = Invoke(
        n=1, t=0.0, operation="batch_retry", method=text, path=text, query=((text, text),), batch=text, cause=text
    )
    end = End(n=1, outcome="answered", last=1.0, status=400, media="json", body={text: [text]}, headers={"x": text})
    notes = tuple(
        Note(t=0.1, event="program", scenario=name, data={"program": text})
        for name in ("../evil", "/evil", "a b", "", "fine")
    )
    return History(header=header, exchanges=(Exchange(invoke=invoke, end=end),), notes=notes)


class _Tags(HTMLParser):
    """Which tags a page opens, and what attributes they have."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    @property
    def dangerous(self) -> list[tuple[str, dict[str, str | None]]]:
        return [
            (tag, attributes)
            for tag, attributes in self.tags
            if tag in ("script", "img", "iframe", "object")
            or any(name.startswith("on") or "javascript:" in (value or "") for name, value in attributes.items())
        ]


def test_nothing_that_a_target_said_is_markup_in_what_the_report_adds() -> None:
    report, catalogue = _report(), load()
    for item in report.requirements[:3]:
        assert _Tags(evidence(item, catalogue[item.id], _history())).dangerous == []
    assert _Tags(headline(report)).dangerous == []


def test_nothing_that_a_target_said_is_markup_in_the_whole_page(tmp_path: Path) -> None:
    """The rows of pytest-html stand as JSON in an attribute, and become markup in the browser: both are looked at."""
    report, history = _report(), _history()
    write_all(report, history, tmp_path)
    encoder = msgspec.json.Encoder()
    lines = [history.header, history.exchanges[0].invoke, history.exchanges[0].end]
    (tmp_path / "history.jsonl").write_bytes(b"".join(encoder.encode(line) + b"\n" for line in lines))
    command = [sys.executable, "-P", "-m", "pytest", "--pyargs", "conformance.suite", "-p", "no:cacheprovider", "-q"]
    command += ["-p", "retry_conformance.pytest_plugin", "-p", "pytest_html.plugin", "-p", "pytest_metadata.plugin"]
    command += ["--conformance-report", "conformance.json", "--html", "page.html", "--self-contained-html"]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    subprocess.run(command, cwd=tmp_path, env=alone, capture_output=True, timeout=60, check=False)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    told = [(tag, {n: v for n, v in about.items() if n != "data-jsonblob"}) for tag, about in _Tags(page).dangerous]
    assert [tag for tag in told if "alert" in str(tag) or tag[1].get("src") == "x"] == []
    blob = re.search(r'data-jsonblob="([^"]*)"', page)
    assert blob is not None
    texts = list(_texts(json.loads(unescape(blob[1]))))
    assert any("alert" in text for text in texts), "the hostile texts did come so far"
    assert [tag for text in texts for tag in _Tags(text).dangerous] == []
    cases = ET.parse(tmp_path / "junit.xml").getroot().iter("testcase")
    failures = [failure for case in cases if (failure := case.find("failure")) is not None]
    assert any("alert" in str(failure.text) for failure in failures)


def _texts(value: Any) -> Any:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def test_the_summary_keeps_its_shape_whatever_a_target_says() -> None:
    hostile, plain = summary(_report()).splitlines(), summary(_report(text="plain")).splitlines()
    assert len(hostile) == len(plain)
    for line, like in zip(hostile, plain, strict=True):
        bare = re.sub(r"\\.", "", line)
        assert bare.count("|") == re.sub(r"\\.", "", like).count("|")
        assert not re.search(r"<\w|\]\(", bare)
        assert bare.startswith("#") == like.startswith("#")
        assert "`" not in bare.replace(f"`{'f' * 12}`", "")


def test_the_screen_takes_no_orders_from_a_target() -> None:
    out = io.StringIO()
    with redirect_stdout(out):
        tell(Screen(), _report(), load())
    assert "alert" in out.getvalue()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", out.getvalue())
    assert harmless("a\u202eb\x9bc\x1b]0;x\x07\n\td") == "a\ufffdb\ufffdc\ufffd]0;x\ufffd\n\td"


def test_a_badge_is_an_image_whatever_it_says() -> None:
    for verdict in ("conformant", "nonconformant", "inconclusive", "error", '"/><script>x</script>'):
        root = ET.fromstring(badge(verdict))
        assert root.get("role") == "img"
        assert verdict in str(root.get("aria-label"))
        assert {child.tag.rpartition("}")[2] for child in root.iter()} == {"svg", "title", "rect", "path", "g", "text"}


# -- files ------------------------------------------------------------------------------------------------------


def test_programs_of_an_earlier_run_go_and_files_of_others_stay(tmp_path: Path) -> None:
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "old.json").write_bytes(msgspec.json.encode(Program(name="old", steps=())))
    (folder / "mine.json").write_bytes(msgspec.json.encode(Program(name="old", steps=())))
    (folder / "settings.json").write_text("{}", encoding="utf-8")
    write_all(_report("pass", "plain"), _history(), tmp_path)
    assert {"mine.json", "settings.json"} <= {path.name for path in folder.iterdir()}
    assert not (folder / "old.json").exists()


def test_programs_of_plain_names_are_written_and_no_others(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    write_all(_report(), _history(), folder)
    assert {p.name for p in folder.rglob("*") if p.is_file()} == {
        *("conformance.json", "summary.md", "badge.svg", "junit.xml", "ctrf.json"),
        "fine.json",
    }
    assert [p.name for p in tmp_path.iterdir()] == ["reports"]


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    report = _report()
    write_all(report, _history(), tmp_path)
    assert read_report(tmp_path / "conformance.json") == report


def test_what_is_no_report_is_one_error(tmp_path: Path) -> None:
    write_all(_report("pass", "plain"), _history(), tmp_path)
    whole = (tmp_path / "conformance.json").read_bytes()
    path = tmp_path / "other.json"
    parts = {f"cut at {part}": whole[: int(len(whole) * part / 40)] for part in range(40)}
    others = {
        "garbage": b"\0\xff garbage",
        "another kind": b'{"schema_version": 1}',
        "no object": b"[]",
        "deep": b"[" * 100_000,
        "not UTF-8": whole.replace(b"plain", b"pl\xffin"),
        "another verdict": whole.replace(b'"pass"', b'"passed"'),
        "a number for a text": whole.replace(b'"nonconformant"', b"7"),
    }
    for name, content in (parts | others).items():
        path.write_bytes(content)
        with pytest.raises(FormatError) as caught:
            read_report(path)
        assert str(path) in str(caught.value), name
        assert "\n" not in str(caught.value)
    # A later version may look quite different: it is named, not misread.
    path.write_bytes(b'{"schema_version": 2, "verdict": {}}')
    with pytest.raises(FormatError, match="version 2"):
        read_report(path)
    for absent in (tmp_path, tmp_path / "absent.json"):
        with pytest.raises(FormatError, match="cannot be read"):
            read_report(absent)


def test_a_failure_without_findings_is_still_a_failure() -> None:
    item = msgspec.structs.replace(_report().requirements[0], findings=())
    assert of_verdicts([item], ("core", "guide", "hardening"), known={"x"}) == 1


def test_a_report_that_cannot_be_written_is_said_and_an_old_one_is_not_taken_for_it(tmp_path: Path) -> None:
    for name in ("conformance.json", "summary.md", "badge.svg"):
        (tmp_path / name).mkdir()
    lines = write_all(_report(), _history(), tmp_path)
    assert {Path(line.partition(" could not")[0]).name for line in lines} == {
        "conformance.json",
        "summary.md",
        "badge.svg",
    }
    assert (tmp_path / "junit.xml").is_file()
    assert not list(tmp_path.glob(".*.part"))


def test_a_page_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    history = whole(innocent())
    (tmp_path / "report.html").mkdir()
    said = write_page(reported(history, 3), history, tmp_path)
    assert said.endswith("report.html could not be written (Is a directory) — the verdicts stand without")
    assert not list(tmp_path.glob(".*.part*"))


def test_what_a_waiver_covers_is_skipped_with_its_reason() -> None:
    report = _report("fail", "plain")
    waived = Waived(covers="fail", reason="known to the vendor", link="https://tracker.example/7", expires="2099-01-31")
    first, *rest = report.requirements
    other = msgspec.structs.replace(rest[0], waived=msgspec.structs.replace(waived, covers="not_run"))
    report = msgspec.structs.replace(
        report, requirements=(msgspec.structs.replace(first, waived=waived), other, *rest[1:])
    )
    cases = {str(case.get("name")).split()[0]: case for case in ET.fromstring(junit(report, load())).iter("testcase")}
    skipped = cases[first.id].find("skipped")
    assert skipped is not None
    assert "waived until 2099-01-31: known to the vendor (https://tracker.example/7)" in str(skipped.get("message"))
    assert cases[first.id].find("failure") is None
    assert cases[other.id].find("error") is not None, "its waiver covers something else"


def _selected(report: Report) -> Report:
    left = Reason(code="not-selected", text="this run is about other requirements")
    items = [
        msgspec.structs.replace(item, verdict="not_run", reason=left) if place > 1 else item
        for place, item in enumerate(report.requirements)
    ]
    return msgspec.structs.replace(report, requirements=tuple(items))


def _about(report: Report, *, contract: str = "1.1", absent: dict[str, tuple[str, ...]] | None = None) -> About:
    return about(report.verdict, report.requirements, report.run.profiles, contract=contract, absent=absent or {})


def _made(
    verdict: str,
    changes: dict[str, tuple[VerdictName, str]] | None = None,
    *,
    profiles: tuple[str, ...] = ("core", "guide", "hardening"),
    contract: str = "1.1",
) -> Report:
    """A report in which everything passed but these, each with its verdict and its reason's code."""
    plain = _report("pass", "plain")
    items = []
    for r in load(contract).requirements:
        told, code = (changes or {}).get(r.id, ("pass", ""))
        if r.profile not in profiles:
            told, code = "not_run", "not-selected"
        items.append(
            msgspec.structs.replace(
                plain[r.id], verdict=told, reason=Reason(code=code, text="t") if code else None, findings=()
            )
        )
    run = msgspec.structs.replace(plain.run, profiles=profiles, exit_status=0 if verdict == "conformant" else 1)
    return msgspec.structs.replace(plain, verdict=verdict, run=run, requirements=tuple(items))


ABSENT: tuple[VerdictName, str] = ("not_run", "declared-absent")
OTHER = "no second campaign"


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (_made("conformant"), "conformant: all 52"),
        (_made("conformant", contract="1.0"), "conformant: all 45, contract 1.0"),
        (_made("conformant", profiles=("core",)), "conformant: core, 11 of 52"),
        (_made("conformant", profiles=("core",), contract="1.0"), "conformant: core, 11 of 45, contract 1.0"),
        (
            _made("conformant", {"BR-SEC-02": ABSENT, "BR-SEC-03": ABSENT}),
            "conformant but for BR-SEC-02, -03: no second campaign",
        ),
        (
            _made("conformant", {"BR-SEC-02": ABSENT}, profiles=("core", "guide")),
            "conformant but for BR-SEC-02: no second campaign (core, guide, 34 of 52)",
        ),
        (
            _made("nonconformant", {"BR-SEC-02": ABSENT, "BR-ACC-04": ("fail", "")}),
            "nonconformant; judged: all 52; not tested: BR-SEC-02: no second campaign",
        ),
        (_made("inconclusive", profiles=("guide",)), "inconclusive; judged: guide, 23 of 52"),
    ],
)
def test_a_verdict_says_what_it_is_about(report: Report, said: str, tmp_path: Path) -> None:
    contract = "1.0" if len(report.requirements) == 45 else "1.1"
    told = _about(report, contract=contract, absent=dict.fromkeys(("BR-SEC-02", "BR-SEC-03"), (OTHER,)))
    assert told.claim == said
    whole = msgspec.structs.replace(report, about=told)
    write_all(whole, _history("plain"), tmp_path)
    assert read_report(tmp_path / "conformance.json").about == told
    assert said in ET.fromstring((tmp_path / "badge.svg").read_text(encoding="utf-8")).get("aria-label", "")
    # The line that a person reads first says no failure, or counts them; what it is about stands with it.
    about_what = said if said.startswith("conformant") else said.partition(": ")[2]
    assert about_what in "\n".join((tmp_path / "summary.md").read_text(encoding="utf-8").splitlines()[:4])
    assert about_what in headline(whole)
    assert about_what in _told(whole)


@pytest.mark.parametrize(
    ("verdict", "changes", "said"),
    [
        ("inconclusive", {"BR-ACC-01": ("inconclusive", "x"), "BR-ACC-02": ("not_run", "x")}, "not settled: BR-ACC-01, -02"),
        ("inconclusive", {"BR-ACC-01": ("not_run", "not-selected")}, "every MUST that the run was about passed"),
        ("nonconformant", {"BR-ACC-01": ("fail", ""), "BR-BLK-03": ("fail", "")}, "violated: BR-ACC-01, BR-BLK-03"),
        ("conformant", {"BR-ERR-05": ("fail", "")}, "violated, and only a SHOULD: BR-ERR-05"),
        ("conformant", {}, ""),
        ("error", {"BR-ACC-01": ("error", "suite-error")}, "could not be judged: BR-ACC-01"),
    ],
)  # fmt: skip
def test_the_detail_names_what_decided_and_agrees_with_the_exit_status(
    verdict: str, changes: dict[str, tuple[VerdictName, str]], said: str
) -> None:
    report = _made(verdict, changes)
    told = _about(report)
    assert told.detail.startswith(said) if said else told.detail == ""
    status = of_verdicts(report.requirements, report.run.profiles)
    wanted = {"conformant": 0, "nonconformant": 1, "error": 5}.get(verdict, 3 if "not settled" in told.detail else 0)
    assert status == wanted


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (_made("conformant"), "inconclusive, ended early; judged: all 52"),
        (_made("inconclusive"), "inconclusive, ended early; judged: all 52"),
    ],
)
def test_a_badge_says_that_the_run_ended_early(report: Report, said: str) -> None:
    run = msgspec.structs.replace(report.run, complete=False, exit_status=143)
    early = toned_down(msgspec.structs.replace(report, run=run, about=_about(report)))
    assert early.about is not None
    assert early.about.claim == said
    assert toned_down(early).about == early.about


def test_a_run_that_ended_early_says_so_where_it_says_no_failure() -> None:
    plain = _made("inconclusive", {"BR-ACC-01": ("inconclusive", "run-incomplete")})
    early = msgspec.structs.replace(plain, run=msgspec.structs.replace(plain.run, complete=False, exit_status=143))
    assert verdict_line(early).startswith("no failure until the run ended early; 1 of ")
    assert "early" not in verdict_line(
        msgspec.structs.replace(plain, run=msgspec.structs.replace(plain.run, complete=True))
    )


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (None, "run --replay 'my reports'/programs/a.json  # and --config FILE, if the run had one"),
        ("", "run --replay 'my reports'/programs/a.json"),
        ("--config my.toml", "run --config my.toml --replay 'my reports'/programs/a.json"),
    ],
)
def test_what_shows_it_again_can_be_pasted(options: str | None, line: str) -> None:
    assert again_with("programs/a.json", "'my reports'", options) == f"retry-conformance {line}"


def test_a_run_that_never_began_names_no_target(tmp_path: Path) -> None:
    plain = _made("inconclusive", {})
    target = msgspec.structs.replace(plain.target, base_url="", campaign_id="")
    write_all(msgspec.structs.replace(plain, target=target), _history("plain"), tmp_path)
    assert "Target" not in (tmp_path / "summary.md").read_text(encoding="utf-8")
    write_all(plain, _history("plain"), tmp_path)
    assert "Target" in (tmp_path / "summary.md").read_text(encoding="utf-8")


def test_what_the_configuration_lacks_stands_in_the_verdicts_line() -> None:
    plain = _made(
        "inconclusive", {"BR-SEC-02": ("not_run", "not-configured"), "BR-SEC-03": ("not_run", "not-configured")}
    )
    reason = Reason(code="not-configured", text="no second campaign is configured", needs=("[target.other]",))
    items = [msgspec.structs.replace(i, reason=reason) if i.reason is not None else i for i in plain.requirements]
    report = msgspec.structs.replace(plain, requirements=tuple(items))
    musts = sum(i.level == "MUST" for i in items)
    said = f"no failure; 2 of {musts} not checked: no second campaign is configured → [target.other]"
    assert verdict_line(report) == said
    items[0] = msgspec.structs.replace(items[0], verdict="inconclusive", reason=Reason(code="not-exercised", text="t"))
    mixed = msgspec.structs.replace(report, requirements=tuple(items))
    assert verdict_line(mixed) == f"no failure; 3 of {musts} not settled: BR-ACC-01, BR-SEC-02, -03"


def test_readings_that_exclude_each_other_are_not_told_as_one() -> None:
    told = [ReportedObservation(key=k, value=v, evidence=()) for k, v in (("a", 2), ("b", "x"), ("a", 3), ("b", "x"))]
    report = msgspec.structs.replace(_report(text="plain"), observations=tuple(told))
    assert observations(report) == ("a differs within the run: 2 / 3", "b: x")


def test_a_run_in_which_nothing_was_exercised_says_so() -> None:
    nothing: dict[str, tuple[VerdictName, str]] = {r.id: ("inconclusive", "not-exercised") for r in load().requirements}
    assert _about(_made("inconclusive", nothing)).detail == "nothing that counts was exercised"


def test_a_report_of_an_older_suite_says_its_bare_verdict() -> None:
    assert _report().about is None
    assert _report().claim == "nonconformant"


def test_a_pass_says_with_what() -> None:
    item = msgspec.structs.replace(
        _report("pass", "plain").requirements[0],
        exercised=3,
        shown_with=Shown(rows=9, languages=("english", "tamil"), roles=("failing", "succeeding")),
    )
    said = "exercised 3 times; batches of up to 9 rows, failing and succeeding recipients, english, tamil"
    assert why(item) == said
    assert said in evidence(item, load()[item.id], None)
    assert why(msgspec.structs.replace(item, shown_with=None, exercised=1)) == "exercised once"


def test_what_was_not_selected_is_counted_and_not_listed() -> None:
    report = _selected(_report(text="plain"))
    shown = [item.id for item in report.chosen]
    others = {item.id for item in report.requirements} - set(shown)
    assert (len(shown), report.left_out) == (2, len(others))
    for text in (_told(report), summary(report)):
        assert all(name in text for name in shown)
        assert not [name for name in others if f"{name} " in text and name != "BR-ACC-05"]
        assert f"this run is about 2; of the other {len(others)} it says nothing" in text


def test_a_run_that_ended_at_once_says_so_once() -> None:
    reason = Reason(code="run-incomplete", text="the run ended before this was exercised")
    whole = _report(text="plain")
    items = tuple(
        msgspec.structs.replace(item, verdict="inconclusive", reason=reason, findings=()) for item in whole.requirements
    )
    ended = msgspec.structs.replace(
        whole, requirements=items, verdict="inconclusive", run=msgspec.structs.replace(whole.run, complete=False)
    )
    for text in (_told(ended), summary(ended)):
        assert "he run ended before anything was judged" in text
        assert "BR-ACC-01" not in text
    partly = msgspec.structs.replace(ended, requirements=(whole.requirements[-1], *items[1:]))
    assert "BR-ACC-02" in _told(partly)


def _told(report: Report) -> str:
    out = io.StringIO()
    with redirect_stdout(out):
        tell(Screen(), report, load())
    return out.getvalue()


def test_a_story_gives_a_program_to_run_again_and_no_lines_that_do_not_show_it() -> None:
    text = story(_report(text="plain").requirements[0], load()["BR-BLK-01"])
    assert "run --replay DIR/programs/plain.json" in text
    assert "curl" not in text


def test_progress_in_a_log_is_a_line_now_and_then() -> None:
    err = io.StringIO()
    with redirect_stderr(err):
        screen = Screen()
        for turn in range(1000):
            screen.progress(Progress(part="scenarios", what="blocked", ended=turn, of=1000), None)
    assert err.getvalue().strip() == "0:00 | scenarios 0 of 1000 done: blocked"


def test_a_row_shows_the_exchanges_of_the_finding_that_it_tells_first() -> None:
    plain = _history("plain")
    sent = plain.exchanges[0]
    many = tuple(
        Exchange(invoke=msgspec.structs.replace(sent.invoke, n=n), end=msgspec.structs.replace(sent.end, n=n))
        for n in range(1, 40)
    )
    item = _report(text="plain").requirements[0]
    first, second = (msgspec.structs.replace(item.findings[0], evidence=(n,)) for n in (33, 5))
    item = msgspec.structs.replace(item, findings=(first, second), evidence=tuple(range(1, 40)))
    page = evidence(item, load()[item.id], msgspec.structs.replace(plain, exchanges=many))
    assert re.findall(r"<tr><td>(\d+)</td>", page) == ["33"]
