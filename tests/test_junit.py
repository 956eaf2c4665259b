"""junit.xml and ctrf.json: red if and only if the exit status is, whatever a target says in them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import junitparser
import msgspec
import pytest
import xmlschema

from conformance.catalogue import load
from conformance.exit_status import FailOn, of_verdicts
from conformance.report.ctrf import ctrf
from conformance.report.junit import MESSAGE, junit
from conformance.report.model import Report, Waived
from conformance.verdicts import VerdictName
from tests.greens import PROFILES, report

SCHEMA = xmlschema.XMLSchema(Path(__file__).parent / "data" / "junit.xsd")
MUST = next(r.id for r in load().requirements if r.level == "MUST")
SHOULD = next(r.id for r in load().requirements if r.level == "SHOULD")
VERDICTS: tuple[VerdictName, ...] = ("pass", "fail", "inconclusive", "not_run", "not_applicable", "error")
WAIVED = Waived(covers="fail", reason="agreed", link="https://t.example/1", expires="2099-01-31")


def _of(verdict: VerdictName, name: str = MUST, fail_on: FailOn = "inconclusive", **about: object) -> Report:
    """A report in which one requirement has this verdict, with the exit status that goes with it."""
    made = report({name: verdict}, fail_on=fail_on)
    items = tuple(msgspec.structs.replace(item, **about) if item.id == name else item for item in made.requirements)
    status = of_verdicts(items, PROFILES, fail_on=fail_on)
    return msgspec.structs.replace(made, requirements=items, run=msgspec.structs.replace(made.run, exit_status=status))


CASES: dict[str, tuple[Report, str]] = {
    **{f"a MUST: {verdict}": (_of(verdict), want) for verdict, want in zip(
        VERDICTS, ("", "failure", "error", "error", "skipped", "error"), strict=True)},
    **{f"a SHOULD: {verdict}": (_of(verdict, SHOULD), "skipped" if verdict != "pass" else "") for verdict in VERDICTS},
    **{f"lenient: {verdict}": (_of(verdict, fail_on="fail"), want) for verdict, want in zip(
        VERDICTS, ("", "failure", "skipped", "skipped", "skipped", "error"), strict=True)},
    "waived": (_of("fail", waived=WAIVED), "skipped"),
    "known": (_of("fail", known=True), "skipped"),
    "new in the contract": (_of("fail", not_in_baseline=True), "skipped"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_requirement_is_red_if_it_counts(case: str) -> None:
    made, want = CASES[case]
    root = ET.fromstring(junit(made, load()))
    name = SHOULD if "SHOULD" in case else MUST
    found = next(c for c in root.iter("testcase") if str(c.get("name")).startswith(f"{name} "))
    assert [child.tag for child in found] == ([want] if want else [])
    red = [c for c in root.iter("testcase") if c.find("failure") is not None or c.find("error") is not None]
    assert bool(red) == (made.run.exit_status != 0)
    results = json.loads(ctrf(made))["results"]
    assert bool(results["summary"]["failed"]) == (made.run.exit_status != 0)
    assert all(isinstance(test["suite"], list) for test in results["tests"]), "the schema of CTRF 0.0 asks for a list"
    if want and "not_applicable" not in case:
        assert "the target did wrong" in str(found[0].get("message")) or "error" in case


@pytest.mark.parametrize("status", [1, 2, 3, 4, 5, 130, 143])
def test_a_red_status_without_a_red_requirement_is_a_testcase_of_its_own(status: int) -> None:
    stale = ("the waiver for BR-ACC-01 expired on 2026-01-01 (UTC)",) if status == 1 else ()
    made = report(exit_status=status, stale=stale, remarks=("the target fell over",))
    root = ET.fromstring(junit(made, load()))
    name, kind, said = ("waivers", "failure", stale[0]) if stale else ("run", "error", "the target fell over")
    case = next(c for c in root.iter("testcase") if c.get("name") == name)
    told = case.find(kind)
    assert told is not None
    assert said in f"{told.get('message')} {told.text}"
    assert json.loads(ctrf(made))["results"]["summary"]["failed"] == 1


HOSTILE = "\x1b[2J\0\x0b\ud800\ufffe ]]> <b> & \"'::error::owned ##[error]owned\n::set-output name=x::y\r" + "x" * 5000


@pytest.mark.parametrize("text", ["plain", HOSTILE])
def test_it_is_what_servers_read(text: str, tmp_path: Path) -> None:
    made = report({MUST: "fail", SHOULD: "inconclusive"}, text=text, exit_status=1, seconds=12.5)
    path = tmp_path / "junit.xml"
    path.write_bytes(junit(made, load()))
    SCHEMA.validate(path)
    (suite,) = list(junitparser.JUnitXml.fromfile(str(path)))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (len(load().requirements), 1, 0, 1)
    assert suite.time == 12.5
    case = next(c for c in suite if c.name.startswith(MUST))
    requirement = load()[MUST]
    assert (case.classname, case.name) == (f"conformance.{requirement.profile}", f"{MUST} {requirement.title}")
    (failure,) = case.result
    assert "\n" not in failure.message
    assert len(failure.message) < MESSAGE + 60
    assert requirement.sentence.split()[0] in failure.text
    whole = path.read_text(encoding="utf-8")
    assert "site-packages" not in whole
    assert "failed on setup" not in whole


def test_the_schema_refuses_what_servers_refuse() -> None:
    whole = junit(report(), load()).decode()
    for wrong in (
        whole.replace(' classname="conformance.core"', "", 1),
        whole.replace('time="0.000" />', 'time="0.000"><properties/></testcase>', 1),
        whole.replace('time="0.000" />', 'time="fast" />', 1),
        whole.replace("<testsuite ", '<testsuite mood="good" ', 1),
    ):
        assert wrong != whole
        assert not SCHEMA.is_valid(wrong)
    SCHEMA.validate(whole)
