"""What a CI gate sees in whole runs: a baseline and waivers let pass what they name, and nothing else."""

from __future__ import annotations

import datetime
import json
import xml.etree.ElementTree as ET
from itertools import chain
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from conformance.baseline import Baseline, read_baseline
from conformance.catalogue import load
from conformance.cli import status_of
from conformance.errors import FormatError
from conformance.exit_status import STALE
from conformance.reference.server import ReferenceServer, config_text
from conformance.reference.settings import Settings
from conformance.report.page.write import write_page
from conformance.report.write import read_report
from conformance.session import Options, Result, conclude
from conformance.waivers import Waiver, read_waivers
from tests.conftest import Ran, command, run_against

FAULT = "created-does-not-block"
TODAY = datetime.datetime.now(datetime.UTC).date()


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A run that fails."""
    settings = Settings(speed=4, faults=(FAULT,))
    return run_against(settings, tmp_path_factory.mktemp("known"), "--profile", "core", "--fail-on", "fail")


def _failing(ran: Ran) -> dict[str, set[str]]:
    """Fingerprints of the findings of each MUST that fails."""
    report = read_report(ran.folder / "conformance.json")
    return {
        item.id: {f.fingerprint for f in item.findings}
        for item in report.requirements
        if item.verdict == "fail" and item.level == "MUST"
    }


def test_a_baseline_lets_pass_what_it_has_and_nothing_new(tmp_path: Path) -> None:
    """The defect that is known shows in one way only, whatever a run happens to come upon."""
    only = ("--profile", "core", "--fail-on", "fail")
    for name in ("known", "new"):
        (tmp_path / name).mkdir()
    known = run_against(Settings(speed=4, faults=("answers-a-body",)), tmp_path / "known", *only)
    assert known.status == 1
    had = _failing(known)
    report = str(known.folder / "conformance.json")
    new = run_against(
        Settings(speed=4, faults=("answers-a-body", FAULT)),
        tmp_path / "new",
        *(*only, "--baseline", report, "--baseline-allow-red"),
    )
    has = _failing(new)
    assert has["BR-ACC-04"] <= had["BR-ACC-04"], "the same defect has the same fingerprint in another run"
    assert "BR-BLK-01" in has.keys() - had.keys()
    assert new.status == 1
    (told,) = (line for line in new.err.splitlines() if "new since the baseline" in line and "BR-BLK-01" in line)
    assert all(mark in told for mark in has["BR-BLK-01"]), "whoever reads the console sees what is new"
    assert "BR-ACC-04: the baseline fails there already" in new.err
    for fingerprints, status in ((had, 1), (had | has, 0)):
        options = Options(
            fail_on="fail", baseline=Baseline(known=frozenset(chain.from_iterable(fingerprints.values())))
        )
        assert conclude(new.folder / "history.jsonl", load(), options).exit_status == status


def test_judging_goes_by_the_newest_contract_or_by_the_one_asked_for(known: Ran, tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    # As an older suite wrote it: it was held to contract 1.0, and its header names no languages.
    first, rest = (known.folder / "history.jsonl").read_text(encoding="utf-8").split("\n", 1)
    header = json.loads(first) | {"contract_version": "1.0", "profiles": ["core", "guide", "hardening"]}
    header.pop("languages")
    history.write_text(json.dumps(header) + "\n" + rest, encoding="utf-8")
    for asked, version, count in (((), "1.1", 52), (("--contract", "1.0"), "1.0", 45)):
        folder = tmp_path / version
        assert command("judge", str(history), *asked, "--report-dir", str(folder))[0] == 1
        report = read_report(folder / "conformance.json")
        assert (report.suite.contract_version, len(report.requirements)) == (version, count)
        cases = {str(case.get("name")).split()[0] for case in ET.parse(folder / "junit.xml").getroot().iter("testcase")}
        assert cases == {item.id for item in report.requirements}
    status, _, said = command("judge", str(history), "--contract", "1.2")
    assert (status, "name one of 1.0, 1.1" in said) == (2, True)


def test_a_baseline_of_an_older_contract_is_asked_of_its_own_requirements_only(known: Ran, tmp_path: Path) -> None:
    old = conclude(known.folder / "history.jsonl", load("1.0"), Options(fail_on="fail")).report
    fingerprints = frozenset(f.fingerprint for item in old.requirements for f in item.findings)
    # Core is the same in both versions: the baseline lacks a core requirement that fails instead.
    short = {item.id for item in old.requirements} - {"BR-BLK-01"}
    without = frozenset(f.fingerprint for item in old.requirements for f in item.findings if item.id != "BR-BLK-01")

    def ends(seen: frozenset[str], listed: frozenset[str] | None) -> Result:
        return conclude(
            known.folder / "history.jsonl",
            load(),
            Options(fail_on="fail", baseline=Baseline(known=seen, listed=listed)),
            folder=tmp_path,
        )

    assert ends(without, None).exit_status == 1
    assert ends(fingerprints, frozenset(item.id for item in old.requirements)).exit_status == 0
    result = ends(without, frozenset(short))
    assert result.exit_status == 0
    assert result.report["BR-BLK-01"].not_in_baseline
    assert any("BR-BLK-01: the baseline does not list them" in line for line in result.lines)
    page = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert "BR-BLK-01 (not in the baseline)" in page
    write_page(result.report, result.history, tmp_path)
    cases = {
        str(case.get("name")).split()[0]: case for case in ET.parse(tmp_path / "junit.xml").getroot().iter("testcase")
    }
    assert cases["BR-BLK-01"].find("failure") is None
    assert cases["BR-BLK-01"].find("skipped") is not None


@pytest.mark.parametrize(("asked", "set_to"), [(("--contract", "1.0"), "1.1"), ((), "1.0")])
def test_a_run_is_held_to_the_contract_that_is_asked_for_or_configured(
    asked: tuple[str, ...], set_to: str, tmp_path: Path
) -> None:
    with ReferenceServer(Settings(speed=4)) as server:
        config = tmp_path / "target.toml"
        text = config_text(server).replace("[target]\n", f'[target]\ncontract = "{set_to}"\n', 1)
        config.write_text(text, encoding="utf-8")
        arguments = ("run", "--config", str(config), "--report-dir", str(tmp_path), "--drivers", "scenarios", *asked)
        status, out, _ = command(*arguments, "--", "-k", "ERR-01 or ERR-09")
        planned = command(*arguments, "--plan", "--", "-k", "SGL-01")
    assert status == 0, out
    report = read_report(tmp_path / "conformance.json")
    assert len(report.requirements) == 45
    assert [item.id for item in report.chosen] == ["BR-ERR-01"]
    assert report.claim == "inconclusive; judged: 1 of 45, contract 1.0"
    assert "every MUST that the run was about passed" in out
    assert planned[0] == 2, "contract 1.0 has no such requirement to choose"


Covers = Literal["fail", "inconclusive", "not_run"]


def _waiver(requirement: str, covers: Covers = "fail", days: int = 30) -> Waiver:
    return Waiver(
        requirement=requirement,
        covers=covers,
        reason="known",
        link="https://tracker.example/1",
        expires=TODAY + datetime.timedelta(days=days),
    )


def test_waivers_let_pass_what_they_name(known: Ran) -> None:
    def ends(*waivers: Waiver) -> tuple[int, str]:
        options = Options(fail_on="fail", waivers=waivers)
        result = conclude(known.folder / "history.jsonl", load(), options)
        return result.exit_status, " ".join(result.lines)

    failing = _failing(known)
    every = [_waiver(name) for name in sorted(failing)]
    assert ends() == (1, "")
    assert ends(*every) == (0, "")
    assert ends(*every[1:])[0] == 1
    assert ends(*(_waiver(name, "inconclusive") for name in failing))[0] == 1, "it covers something else"
    status, said = ends(*every[1:], _waiver(every[0].requirement, days=-1))
    assert (status, "expired" in said) == (1, True)
    status, said = ends(*every, _waiver("BR-ACC-99"))
    assert (status, "names no requirement" in said) == (1, True)
    later = Options(fail_on="fail", waivers=(*every, _waiver("BR-SGL-01", "inconclusive")))
    assert conclude(known.folder / "history.jsonl", load("1.0"), later).exit_status == 0, "of a newer contract"
    status, said = ends(*every, _waiver("BR-ACC-02"))
    assert (status, "remove it" in said) == (1, True)
    assert ends(*every, _waiver(every[0].requirement, "inconclusive"))[0] == 0, "of two, the one that fits counts"
    assert ends(_waiver(every[0].requirement, "inconclusive"), *every)[0] == 0


def test_a_stale_waiver_fails_the_run_or_warns(known: Ran, tmp_path: Path) -> None:
    failing = _failing(known)
    for lost in (_waiver("BR-ACC-99"), _waiver("BR-ACC-02"), _waiver(next(iter(failing)), days=-1)):
        every = [_waiver(name) for name in failing if name != lost.requirement]
        # The failure that the expired one was for is covered by others, which name its findings.
        every += [
            msgspec.structs.replace(_waiver(lost.requirement), fingerprint=name)
            for name in failing.get(lost.requirement, ())
        ]
        strict = conclude(
            known.folder / "history.jsonl", load(), Options(fail_on="fail", waivers=(*every, lost)), folder=tmp_path
        )
        assert strict.exit_status == 1
        assert len(strict.report.run.stale) == 1
        assert STALE in (tmp_path / "summary.md").read_text(encoding="utf-8")
        case = next(c for c in ET.parse(tmp_path / "junit.xml").iter("testcase") if c.get("name") == "waivers")
        assert case.find("failure") is not None
        lenient = conclude(
            known.folder / "history.jsonl",
            load(),
            Options(fail_on="fail", waivers=(*every, lost), stale_waivers="warn"),
            folder=tmp_path,
        )
        assert (lenient.exit_status, lenient.report.run.stale) == (0, ())
        assert any("(a warning" in line for line in lenient.lines)


def test_a_waiver_of_one_finding_lets_no_other_pass(known: Ran) -> None:
    failing = _failing(known)
    name, prints = next(iter(failing.items()))
    others = [_waiver(other) for other in failing if other != name]

    def ends(*fingerprints: str) -> int:
        own = [msgspec.structs.replace(_waiver(name), fingerprint=f) for f in fingerprints]
        return conclude(
            known.folder / "history.jsonl", load(), Options(fail_on="fail", waivers=(*others, *own))
        ).exit_status

    assert ends(*prints) == 0
    assert ends("0" * 12) == 1


def test_what_the_baseline_does_not_list_is_reported_and_does_not_count(known: Ran) -> None:
    failing = _failing(known)
    listed = frozenset(r.id for r in load().requirements) - set(failing)
    result = conclude(known.folder / "history.jsonl", load(), Options(fail_on="fail", baseline=Baseline(listed=listed)))
    assert result.exit_status == 0
    assert any("do not count" in line and next(iter(failing)) in line for line in result.lines)
    one = next(iter(failing))
    result = conclude(
        known.folder / "history.jsonl", load(), Options(fail_on="fail", baseline=Baseline(listed=listed | {one}))
    )
    assert result.exit_status == 1, "a new finding of an id that it lists counts"


WAIVER = '[[waiver]]\nrequirement = "BR-ACC-04"\ncovers = "fail"\nreason = "r"\nlink = "l"\nexpires = 2027-01-31\n'
NO_WAIVERS = {
    "a table": WAIVER.replace("[[waiver]]", "[waiver]"),
    "no table": WAIVER.replace("[[waiver]]", ""),
    "another name": WAIVER.replace("[[waiver]]", "[[waivers]]"),
    "no reason": WAIVER.replace('reason = "r"', ""),
    "a blank reason": WAIVER.replace('"r"', '" "'),
    "an empty link": WAIVER.replace('"l"', '""'),
    "no such date": WAIVER.replace("2027-01-31", "2027-02-31"),
    "no date": WAIVER.replace("expires = 2027-01-31", ""),
    "covers everything": WAIVER.replace('"fail"', '"everything"'),
    "a key too many": WAIVER + "extra = 1\n",
    "one thing twice": WAIVER + WAIVER,
    "deep": "x = " + "[" * 5000,
    "NUL": "\0",
}


@pytest.mark.parametrize("case", NO_WAIVERS)
def test_a_file_of_waivers_is_read_strictly(case: str, tmp_path: Path) -> None:
    path = tmp_path / "waivers.toml"
    path.write_text(NO_WAIVERS[case], encoding="utf-8")
    with pytest.raises(FormatError) as caught:
        read_waivers(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert status_of(["run", "--target", "http://127.0.0.1:9", "--waivers", str(path)]) == 2


def test_what_a_baseline_has_is_marked_in_every_report(known: Ran, tmp_path: Path) -> None:
    failing = _failing(known)
    options = Options(fail_on="fail", baseline=Baseline(known=frozenset(chain.from_iterable(failing.values()))))
    result = conclude(known.folder / "history.jsonl", load(), options, folder=tmp_path)
    write_page(result.report, result.history, tmp_path)
    cases = {
        str(case.get("name")).split()[0]: case for case in ET.parse(tmp_path / "junit.xml").getroot().iter("testcase")
    }
    page = (tmp_path / "summary.md").read_text(encoding="utf-8")
    for name in failing:
        assert result.report[name].known
        assert cases[name].find("failure") is None
        assert cases[name].find("skipped") is not None
        assert f"{name} (known)" in page
    assert "the baseline fails there already" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_waiver_stands_in_the_summary_and_one_that_covers_something_else_does_not(known: Ran, tmp_path: Path) -> None:
    name = next(iter(_failing(known)))

    def page(covers: Covers) -> str:
        waiver = Waiver(
            requirement=name, covers=covers, reason="agreed with ops", link="https://t.example/1", expires=TODAY
        )
        result = conclude(known.folder / "history.jsonl", load(), Options(waivers=(waiver,)), folder=tmp_path)
        assert (result.report[name].waived is not None) is (covers == "fail")
        return (tmp_path / "summary.md").read_text(encoding="utf-8")

    assert "agreed with ops" in page("fail")
    other = page("inconclusive")
    assert "agreed with ops" not in other
    assert f"the waiver for {name} covers inconclusive, and the verdict is fail" in other.replace("\\", "")


def test_a_waiver_is_not_laundered_by_a_baseline(known: Ran, tmp_path: Path) -> None:
    """A run that is green by its waivers is kept as baseline; the next one goes without the waivers."""
    history = known.folder / "history.jsonl"
    waivers = tuple(_waiver(name) for name in _failing(known))
    green = conclude(history, load(), Options(fail_on="fail", waivers=waivers), folder=tmp_path)
    assert green.exit_status == 0
    baseline = read_baseline(tmp_path / "conformance.json")
    again = conclude(history, load(), Options(fail_on="fail", baseline=baseline))
    assert again.exit_status == 1
    told = "\n".join(again.lines)
    for name in _failing(known):
        assert f"{name}: waived in the baseline's run, and waived no more" in told
    assert conclude(history, load(), Options(fail_on="fail", baseline=baseline, waivers=waivers)).exit_status == 0
    # Kept once more, without waivers and with a baseline that had them as failures of its own, they stay known.
    red = Baseline(known=frozenset(chain.from_iterable(_failing(known).values())))
    conclude(history, load(), Options(fail_on="fail", baseline=red), folder=tmp_path)
    kept = read_baseline(tmp_path / "conformance.json")
    assert conclude(history, load(), Options(fail_on="fail", baseline=kept)).exit_status == 0
