"""Wrong usage: exit status 2, one line that says what, where and how to mend it, and nothing sent."""

from __future__ import annotations

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
    assert command("--help")[0] == 0
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
