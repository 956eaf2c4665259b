"""Wrong usage: exit status 2, one line that says what, where and how to fix it, and nothing sent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import command

WRONG = {
    "no target": (["run"], "no target"),
    "unknown option": (["run", "--targte", "x"], "--targte"),
    "unknown profile": (["run", "--target", "reference", "--profile", "gold"], "gold"),
    "no profile": (["run", "--target", "reference", "--profile", ","], "--profile"),
    "unknown depth": (["run", "--target", "reference", "--depth", "bottomless"], "bottomless"),
    "unknown driver": (["run", "--target", "reference", "--drivers", "taxi"], "taxi"),
    "missing configuration": (["run", "--config", "{folder}/none.toml"], "none.toml"),
    "configuration that is no TOML": (["run", "--config", "{folder}/garbage"], "garbage"),
    "missing baseline": (["run", "--target", "reference", "--baseline", "{folder}/none.json"], "none.json"),
    "baseline that is none": (["run", "--target", "reference", "--baseline", "{folder}/garbage"], "garbage"),
    "waivers that are none": (["run", "--target", "reference", "--waivers", "{folder}/garbage"], "garbage"),
    "program that is none": (["run", "--target", "reference", "--replay", "{folder}/garbage"], "garbage"),
    "arguments that choose nothing": (["run", "--target", "reference", "--", "-k", "nothing_like_this"], "choose no"),
    "arguments that pytest does not know": (["run", "--target", "reference", "--", "--no-such-thing"], "no-such-thing"),
    "unwritable folder": (["run", "--target", "reference", "--report-dir", "{folder}/garbage"], "garbage"),
    "empty folder": (["run", "--target", "reference", "--report-dir", ""], "name a folder"),
    "production": (["run", "--config", "{folder}/production.toml"], "production"),
    "unknown requirement": (["explain", "BR-BLK-99"], "BR-BLK"),
    "unknown list": (["list", "everything"], "everything"),
    "unknown fault": (["serve", "--fault", "bad-mood"], "bad-mood"),
    "unknown fault to test": (["selftest", "--fault", "bad-mood"], "bad-mood"),
    "missing history": (["judge", "{folder}/none.jsonl"], "none.jsonl"),
    "history that is none": (["judge", "{folder}/garbage"], "garbage"),
    "unknown contract": (["judge", "{folder}/garbage", "--contract", "0.1"], "--contract"),
    "report that is none": (["compare", "{folder}/garbage", "{folder}/garbage"], "garbage"),
    "doctor without anything": (["doctor"], "base_url"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage_is_one_line_and_exit_status_2(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "garbage").write_bytes(b"\xff\x00{{{ not anything")
    (tmp_path / "production.toml").write_text(
        '[target]\nbase_url = "https://postman.gov.sg/api/v2"\ncampaign_id = "c"\napi_key = "key_0123456789"\n'
    )
    arguments, said = WRONG[case]
    status, out, err = command(*(a.replace("{folder}", str(tmp_path)) for a in arguments))
    assert status == 2
    assert len(err.strip().splitlines()) == 1
    assert said in err
    assert "Traceback" not in out + err
    assert not (tmp_path / "reports" / "history.jsonl").exists()


@pytest.mark.parametrize("kind", ["requirements", "scenarios", "faults", "variants"])
def test_list(kind: str) -> None:
    status, out, _ = command("list", kind)
    assert status == 0
    assert len(out.splitlines()) > 10


def test_explain_says_where_a_requirement_comes_from() -> None:
    status, out, _ = command("explain", "br-blk-01")
    assert status == 0
    for word in ("BR-BLK-01", "says", "fails if", "passes if", "first, last, elsewhere", "source", "blocked"):
        assert word in out


def test_help_and_version() -> None:
    status, out, _ = command("--help")
    assert status == 0
    assert "..." not in out.partition("Commands:")[2], "no sentence is cut"
    status, _, err = command()
    assert (status, err.split()[0]) == (2, "Usage:")
    assert command("--version")[0] == 0
    assert all(command(name, "--help")[0] == 0 for name in ("run", "serve", "judge", "compare", "doctor", "selftest"))


def test_doctor_on_the_reference_target() -> None:
    status, out, _ = command("doctor", "--target", "reference")
    assert status == 0
    assert "ok    target" in out
    assert "open  " not in out


def test_plan_sends_nothing(tmp_path: Path) -> None:
    status, out, _ = command("run", "--target", "reference", "--plan", "--report-dir", str(tmp_path / "r"))
    assert status == 0
    assert "nothing was sent" in out
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-x"], "-x chooses no requirement"),
        (["--junitxml=other.xml"], "--junitxml=other.xml chooses no requirement"),
        (["--collect-only"], "--collect-only chooses no requirement"),
        (["-k", "(("], "Wrong expression passed to '-k'"),
        (["-k", "NOPE"], "choose no requirement"),
    ],
)
def test_arguments_behind_the_dashes_choose_and_do_nothing_else(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    status, _, err = command("run", "--target", "reference", "--report-dir", str(tmp_path / "r"), "--", *arguments)
    assert status == 2
    assert said in err
    assert said in (tmp_path / "r" / "summary.md").read_text(encoding="utf-8").replace("\\", "")
    assert not (tmp_path / "r" / "history.jsonl").exists()


def test_habits_behind_the_dashes_change_nothing() -> None:
    plain, habit = (
        command("run", "--target", "reference", "--plan", "--", "-k", "ERR-01", *more) for more in ((), ("-v", "-ra"))
    )
    assert plain == habit
    assert plain[0] == 0


def test_requirements_are_given_one_by_one_or_by_comma() -> None:
    both, listed = (
        command("run", "--target", "reference", "--plan", *asked)
        for asked in (
            ("--requirement", "BR-ERR-01", "--requirement", "BR-BLK-01"),
            ("--requirement", "br-err-01, BR-BLK-01"),
        )
    )
    assert both == listed
    assert both[0] == 0


def test_another_package_of_our_name_in_the_folder_is_not_taken_for_ours(tmp_path: Path) -> None:
    (tmp_path / "conformance").mkdir()
    (tmp_path / "conformance" / "__init__.py").write_text("raise SystemExit(9)", encoding="utf-8")
    program = Path(sys.executable).with_name("retry-conformance")
    command_line = [str(program), "run", "--target", "reference", "--plan", "--", "-k", "ERR-01"]
    ended = subprocess.run(command_line, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_reader_that_goes_changes_no_status() -> None:
    program = [sys.executable, "-m", "conformance", "list", "requirements"]
    ended = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert ended.stdout is not None
    ended.stdout.close()
    _, err = ended.communicate(timeout=60)
    assert (ended.returncode, err) == (0, b"")


def test_a_full_disk_is_one_line_and_no_bug_of_ours() -> None:
    with Path("/dev/full").open("wb") as full:
        program = [sys.executable, "-m", "conformance", "list", "requirements"]
        ended = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    assert ended.returncode == 5
    assert ended.stderr.decode() == (
        "retry-conformance: the output: cannot be written (No space left on device) — the reports are in --report-dir\n"
    )
