"""`run` from end to end: verdicts, exit status, what is on the screen, and every report."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema_rs
import pytest

from conformance import specs
from conformance.catalogue import load
from conformance.history.records import Header
from conformance.history.writer import HistoryWriter
from conformance.reference.settings import OTHER_KEY, OWN_KEY, PENDING, RECOVERING, SUCCEEDING
from tests.conftest import Ran, command

FILES = ("conformance.json", "report.html", "junit.xml", "ctrf.json", "history.jsonl", "summary.md", "badge.svg")
IDS = [r.id for r in load().requirements]


def _report(ran: Ran) -> dict[str, dict[str, object]]:
    report = json.loads((ran.folder / "conformance.json").read_bytes())
    return {item["id"]: item for item in report["requirements"]}


def test_the_clean_target_conforms(clean_run: Ran) -> None:
    verdicts = {name: item["verdict"] for name, item in _report(clean_run).items()}
    by_nature = {"BR-ERR-06", "BR-ERR-07", "BR-SEC-06"}
    assert {n for n, v in verdicts.items() if v == "not_applicable"} == by_nature
    assert {n for n, v in verdicts.items() if v == "pass"} == set(IDS) - by_nature
    assert clean_run.status == 0


def test_every_report_is_written(clean_run: Ran) -> None:
    assert {name for name in FILES if (clean_run.folder / name).stat().st_size > 0} == set(FILES)
    assert (clean_run.folder / "programs" / "blocked.json").exists()


def test_report_and_history_are_as_their_schemas_say(faulty_run: Ran) -> None:
    report = json.loads((faulty_run.folder / "conformance.json").read_bytes())
    jsonschema_rs.validator_for(json.loads(specs.read("report.schema.json"))).validate(report)
    of_line = jsonschema_rs.validator_for(json.loads(specs.read("history.schema.json")))
    for line in (faulty_run.folder / "history.jsonl").read_bytes().splitlines():
        of_line.validate(json.loads(line))


def test_the_failing_target_fails_and_the_story_says_why(faulty_run: Ran) -> None:
    assert faulty_run.status == 1
    item = _report(faulty_run)["BR-BLK-01"]
    assert item["verdict"] == "fail"
    story = faulty_run.out[faulty_run.out.index("cause 1: ") :]
    assert "verdict  " not in story, "the table comes first: what fails is the last that a terminal shows"
    for word in ("cause 1: ", "breaks    BR-BLK-01", "expected", "observed", "because", "evidence", "ticket 1"):
        assert word in story
    assert f"again     sh {faulty_run.folder}/reproduce-1.sh" in story
    assert "exit status 1" in faulty_run.out


def test_every_requirement_is_an_item_of_junit_and_html(faulty_run: Ran) -> None:
    cases = {
        str(case.get("name")).split()[0]: case for case in ET.parse(faulty_run.folder / "junit.xml").iter("testcase")
    }
    assert set(cases) == set(IDS)
    assert cases["BR-BLK-01"].find("failure") is not None
    assert cases["BR-SEC-06"].find("skipped") is not None
    assert cases["BR-SEL-07"].find("failure") is None
    page = (faulty_run.folder / "report.html").read_text(encoding="utf-8")
    assert all(name in page for name in IDS)
    assert "would be legal if" in page


def test_the_summary_names_what_fails(faulty_run: Ran) -> None:
    text = (faulty_run.folder / "summary.md").read_text(encoding="utf-8")
    assert "## BR-BLK-01 fails" in text
    assert "nonconformant" in text


def test_no_piece_of_a_key_and_no_number_of_a_tester_is_anywhere(clean_run: Ran, faulty_run: Ran) -> None:
    pieces = {key[i : i + 8].lower() for key in (OWN_KEY, OTHER_KEY) for i in range(len(key) - 7)}
    numbers = {*SUCCEEDING, *PENDING, *RECOVERING}
    for ran in (clean_run, faulty_run):
        texts = [p.read_text(encoding="utf-8") for p in ran.folder.rglob("*") if p.is_file()]
        for text in (*texts, ran.out, ran.err):
            low = text.lower()
            assert not [piece for piece in pieces if piece in low]
            assert not [number for number in numbers if number in text]


def test_judging_the_history_again_gives_the_same_verdicts(faulty_run: Ran, tmp_path: Path) -> None:
    status, out, _ = command("judge", str(faulty_run.folder / "history.jsonl"), "--report-dir", str(tmp_path))
    again = json.loads((tmp_path / "conformance.json").read_bytes())["requirements"]
    assert status == 1
    assert {i["id"]: i["verdict"] for i in again} == {n: i["verdict"] for n, i in _report(faulty_run).items()}
    assert "breaks    BR-BLK-01" in out


@pytest.mark.parametrize("part", [0.1, 0.4, 0.8])
def test_a_history_that_was_cut_off_is_judged_as_far_as_it_goes(faulty_run: Ran, tmp_path: Path, part: float) -> None:
    whole = (faulty_run.folder / "history.jsonl").read_bytes()
    cut = tmp_path / "history.jsonl"
    cut.write_bytes(whole[: int(len(whole) * part)])
    status, out, err = command("judge", str(cut))
    assert status in (1, 3)
    assert "Traceback" not in out + err


def test_compare_says_what_is_new(clean_run: Ran, faulty_run: Ran) -> None:
    clean, faulty = (str(ran.folder / "conformance.json") for ran in (clean_run, faulty_run))
    status, out, _ = command("compare", clean, faulty)
    assert status == 1
    assert "new failure   BR-BLK-01" in out
    assert command("compare", faulty, faulty)[0] == 0
    assert "fixed" in command("compare", faulty, clean)[1]


def test_a_folder_that_another_run_writes_to_is_left_alone(tmp_path: Path) -> None:
    header = Header(
        suite_version="0", contract_version="1.0", run_id="r", started="", base_url="http://h", campaign_id="c"
    )
    with HistoryWriter(tmp_path / "history.jsonl", header):
        before = (tmp_path / "history.jsonl").read_bytes()
        status, out, err = command("run", "--target", "reference", "--report-dir", str(tmp_path))
        assert (status, out) == (2, "")
        assert "another run is writing there" in err.splitlines()[-1]
        assert [p.name for p in tmp_path.iterdir()] == ["history.jsonl"]
        assert (tmp_path / "history.jsonl").read_bytes() == before


def test_a_page_that_is_missing_ends_in_5_and_the_others_are_there(clean_run: Ran, tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    status, out, err = command("judge", str(clean_run.folder / "history.jsonl"), "--report-dir", str(tmp_path))
    assert status == 5
    assert "exit status 5" in out
    assert f"{tmp_path}: report.html could not be written" in err
    assert (tmp_path / "junit.xml").exists()
