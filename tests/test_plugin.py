"""The pytest plugin: items, verdicts, exit statuses, and silence where it is not asked for."""

from __future__ import annotations

import json

import click
import pytest

from conformance.catalogue import load
from conformance.cli.run import run
from conformance.reference.server import ReferenceServer, config_text
from conformance.reference.settings import Settings
from conformance.report.write import read_report
from retry_conformance.pytest_plugin import SUITE_FILE
from tests.conftest import Ran

SUITE = ("--pyargs", "conformance.suite", "-p", "no:cacheprovider")


def test_one_item_for_each_requirement_with_its_markers(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess(*SUITE, "--collect-only", "-q")
    names = [line.rpartition("::")[2] for line in result.outlines if "::BR-" in line]
    assert names == [r.id for r in load().requirements]
    core = pytester.runpytest_subprocess(*SUITE, "--collect-only", "-q", "-m", "conformance_core and conformance_must")
    assert [line.rpartition("::")[2] for line in core.outlines if "::BR-" in line] == [
        r.id for r in load().requirements if r.profile == "core" and r.level == "MUST"
    ]


def test_a_finished_run_is_shown_with_its_exit_status(pytester: pytest.Pytester, faulty_run: Ran) -> None:
    report = str(faulty_run.folder / "conformance.json")
    result = pytester.runpytest_subprocess(*SUITE, "--conformance-report", report)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*BR-BLK-01 is violated*"])
    assert "conformance/suite/items.py" not in "\n".join(line for line in result.outlines if line.startswith("E "))


def test_a_session_is_about_the_contract_that_is_asked_for(pytester: pytest.Pytester) -> None:
    config = pytester.path / "target.toml"
    config.write_text('[target]\ncontract = "1.0"\n', encoding="utf-8")
    older = [r.id for r in load("1.0").requirements]
    for arguments, wanted in (
        (("--conformance-contract", "1.0"), older),
        (("--conformance-config", str(config)), older),
        (("--conformance-config", str(config), "--conformance-contract", "1.1"), [r.id for r in load().requirements]),
    ):
        result = pytester.runpytest_subprocess(*SUITE, "--collect-only", "-q", *arguments)
        assert [line.rpartition("::")[2] for line in result.outlines if "::BR-" in line] == wanted
    wrong = pytester.runpytest_subprocess(*SUITE, "--collect-only", "--conformance-contract", "7")
    assert wrong.ret == 2
    assert "name one of 1.0, 1.1" in wrong.stdout.str() + wrong.stderr.str()


def test_a_report_of_an_older_contract_is_shown_with_its_own_requirements(
    pytester: pytest.Pytester, faulty_run: Ran
) -> None:
    report = json.loads((faulty_run.folder / "conformance.json").read_bytes())
    older = {r.id for r in load("1.0").requirements}
    report["requirements"] = [item for item in report["requirements"] if item["id"] in older]
    for item in report["requirements"]:
        item.pop("shown_with", None)
        item.pop("not_in_baseline", None)
    report.pop("about")
    path = pytester.path / "conformance.json"
    path.write_text(json.dumps(report), encoding="utf-8")
    result = pytester.runpytest_subprocess(*SUITE, "--conformance-report", str(path), "-v")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["nonconformant: * cause*"])
    assert {name for name in older if f"::{name} " in result.stdout.str()} == older


def test_a_run_of_its_own_runs_what_was_chosen_only(pytester: pytest.Pytester) -> None:
    with ReferenceServer(Settings(speed=4)) as server:
        config = pytester.path / "target.toml"
        config.write_text(config_text(server), encoding="utf-8")
        result = pytester.runpytest_subprocess(*SUITE, "--conformance-config", str(config), "-k", "ERR-01 or ERR-03")
    assert result.ret == 0, result.stdout.str()
    result.assert_outcomes(passed=2, deselected=len(load().requirements) - 2)
    result.stdout.fnmatch_lines(["no failure in 2 of *", "reports are in reports; *"])
    lines = (pytester.path / "reports" / "history.jsonl").read_text().splitlines()
    planned = [line for line in lines if '"batch_send"' in line and '"driver":"machine"' not in line]
    assert len(planned) < 5


def test_requirements_are_asked_for_by_id(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess(
        *SUITE, "--conformance-requirement", "br-blk-01,BR-SEC-01", "--collect-only", "-q"
    )
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*::BR-BLK-01", "*::BR-SEC-01", "2 tests collected*"])
    result = pytester.runpytest_subprocess(*SUITE, "--conformance-requirement", "BR-BLK-99", "--collect-only", "-q")
    assert result.ret == 2
    assert "knows no requirement 'BR-BLK-99'" in result.stdout.str()


def test_every_option_of_a_run_is_one_of_pytest(pytester: pytest.Pytester) -> None:
    """But what sends nothing, or asks about an older report."""
    ours = {o.opts[0].removeprefix("--") for o in run.params if isinstance(o, click.Option)}
    text = pytester.runpytest_subprocess("--help").stdout.str()
    assert {name for name in ours if f"--conformance-{name}" not in text} == {"plan", "replay"}


def test_inconclusive_is_never_0(pytester: pytest.Pytester) -> None:
    with ReferenceServer(Settings(speed=4, variants=("without-batches",))) as server:
        config = pytester.path / "target.toml"
        config.write_text(config_text(server), encoding="utf-8")
        result = pytester.runpytest_subprocess(*SUITE, "--conformance-config", str(config), "-k", "BLK-02")
    assert result.ret == 3
    result.stdout.fnmatch_lines(["*BR-BLK-02 could not be settled*"])


@pytest.mark.parametrize(("arguments", "status"), [((), 2), (("--target", "http://127.0.0.1:9/api/v2"), 2)])
def test_wrong_usage(pytester: pytest.Pytester, arguments: tuple[str, ...], status: int) -> None:
    result = pytester.runpytest_subprocess(*SUITE, *arguments)
    assert result.ret == status
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


def test_several_processes_run_nothing(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process of pytest-xdist would run the suite, and text people, once more."""
    # This test may itself run in one of several processes.
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    for arguments in (SUITE, ("-p", "no:cacheprovider", str(SUITE_FILE.parent), str(SUITE_FILE))):
        result = pytester.runpytest_subprocess(*arguments, "--target", "reference", "-n", "2")
        assert result.ret == 2
        result.stderr.fnmatch_lines(["*--numprocesses*one process*-n 0*"])
    # Where no argument names the suite, and it is come upon all the same.
    result = pytester.runpytest_subprocess(
        str(SUITE_FILE.parents[1]), "-k", "BR-ACC-01", "--target", "reference", "-n", "2"
    )
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*--numprocesses*one process*-n 0*"])
    assert read_report(pytester.path / "reports" / "conformance.json").run.exit_status == 1
    assert not (pytester.path / "reports" / "history.jsonl").exists()


def test_it_leaves_other_tests_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_one(): assert True")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    assert result.ret == 0
    result.assert_outcomes(passed=1)
    assert not (pytester.path / "reports").exists()


def test_an_option_of_ours_that_runs_nothing_of_ours_is_wrong_usage(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_one(): assert True")
    result = pytester.runpytest_subprocess("--conformance-requirement=BR-BLK-01", timeout=60)
    result.stderr.fnmatch_lines(["*--conformance-requirement: is given, and no argument names the suite*--pyargs*"])
    assert result.ret == 2
    pytester.makeini("[pytest]\naddopts = --conformance-requirement=BR-BLK-01")
    assert pytester.runpytest_subprocess(timeout=60).ret == 0, "for the sessions that name it"


def test_nothing_selected_is_wrong_usage(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    result = pytester.runpytest_subprocess(*SUITE, "--target", "reference", "-k", "NOPE")
    assert result.ret == 2
    assert "choose no requirement" in (pytester.path / "reports" / "summary.md").read_text(encoding="utf-8")
    assert not (pytester.path / "reports" / "history.jsonl").exists()


def test_no_plugin_cuts_the_run_short_or_repeats_a_verdict(pytester: pytest.Pytester) -> None:
    """A time-out for one item would be one for the whole run, and a verdict is not another the next time."""
    plugin = """
        def pytest_configure(config):
            config.addinivalue_line("markers", "{0}: of a plugin")

        def pytest_collection_finish(session):
            for item in session.items:
                mark = item.get_closest_marker("{0}")
                print("marked", mark.args, mark.kwargs)
    """
    pytester.makepyfile(timeout=plugin.format("timeout"), rerunfailures=plugin.format("flaky"))
    told = pytester.runpytest_subprocess(
        *SUITE, "-p", "timeout", "-p", "rerunfailures", "--collect-only", "-k", "BR-ACC-01"
    )
    told.stdout.fnmatch_lines(["*marked (0,) {}*"])
    told.stdout.fnmatch_lines(["*marked () {'reruns': 0, 'condition': False}*"])
    # The other one is known by the name of its entry point.
    adds = "config.addini"
    named = plugin.format("flaky").replace(adds, f'config.pluginmanager.register(object(), "pytest-retry"); {adds}')
    pytester.makeconftest(named)
    told = pytester.runpytest_subprocess(*SUITE, "--collect-only", "-k", "BR-ACC-01")
    told.stdout.fnmatch_lines(["*'condition': False*"])
