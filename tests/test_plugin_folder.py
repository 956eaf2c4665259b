"""However a pytest session ends, and whatever an older run left in its folder: no report there is taken for its own."""

from __future__ import annotations

from pathlib import Path

import pytest

# Loaded before pytester notes which modules there are: sessions in this process then share one copy of each.
import conformance.plugin
import conformance.suite.test_requirements  # noqa: F401
from conformance.report.write import FILES, data_files, read_report
from tests.greens import green, report

SUITE = ("-p", "no:cacheprovider", "--pyargs", "conformance.suite")
TARGET = ("--conformance-target", "reference")
THEIRS = {"test_red": "def test_theirs(): assert False", "test_broken": "import nothing_of_this_name"}
#: Arguments of a session that does not come to run the suite, its exit status, and what the reports say of it.
ENDS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "an unknown option": (("--conformance-targte", "x"), 4, "incomplete"),
    "an unknown profile": ((*TARGET, "--conformance-profile", "gold"), 2, "gold"),
    "an unknown contract": ((*TARGET, "--conformance-contract", "7"), 2, "name one of 1.0, 1.1"),
    "a missing configuration": (("--conformance-config", "none.toml"), 2, "none.toml"),
    "a missing baseline": ((*TARGET, "--conformance-baseline", "none.json"), 2, "none.json"),
    "no target": ((), 2, "no target is named"),
    "a selection of nothing": ((*TARGET, "-k", "NOPE"), 2, "choose no requirement"),
    "a wrong id beside a right one": ((*TARGET, "-k", "BR-BLK-99 or BR-SEC-01"), 2, "BR-BLK-99 is no requirement"),
    "a set-up without tests": ((*TARGET, "--setup-only"), 2, "no requirement is tested"),
    "a plan of set-ups": ((*TARGET, "--setup-plan"), 2, "no requirement is tested"),
    "several processes": ((*TARGET, "-n", "2"), 2, "one process"),
    "a test of theirs that cannot be collected": (("test_broken.py", *TARGET), 2, "before the suite ran"),
    "a test of theirs that fails first": (("-x", "test_red.py", *TARGET), 1, "before the suite ran"),
}


@pytest.fixture
def folder(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the reports of an older, green run; the sessions are none of pytest-xdist, whatever runs this test."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    folder = pytester.mkdir("reports")
    for name, content in data_files(report()).items():
        (folder / name).write_bytes(content)
    (folder / "report.html").write_text("<h1>conformant", encoding="utf-8")
    assert _green(folder) == set(FILES)
    pytester.makepyfile(**THEIRS)
    return folder


def _green(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir() if file.is_file() and green(file)}


@pytest.mark.parametrize("case", ENDS)
def test_an_older_green_report_survives_no_session_that_was_to_run_the_suite(
    case: str, folder: Path, pytester: pytest.Pytester
) -> None:
    arguments, status, said = ENDS[case]
    theirs = tuple(a for a in arguments if a.endswith(".py"))
    # An exit while pytest is configured ends the process, so it takes one of its own.
    run = pytester.runpytest_subprocess if "-n" in arguments else pytester.runpytest_inprocess
    result = run(*theirs, *SUITE, *(a for a in arguments if a not in theirs))
    assert result.ret == status, result.stdout.str()
    assert _green(folder) == set()
    assert said in (folder / "summary.md").read_text(encoding="utf-8").replace("\\", "")
    assert read_report(folder / "conformance.json").run.exit_status != 0
    assert not (folder / "history.jsonl").exists()


DIES = """
import os

def pytest_plugin_registered(plugin):
    if getattr(plugin, "__name__", "") == "retry_conformance.pytest_plugin":
        os._exit(9)
"""


def test_older_reports_are_gone_before_other_plugins_are_loaded(folder: Path, pytester: pytest.Pytester) -> None:
    """Some of them take a second to be imported, and so does the suite; a job may be killed then."""
    pytester.makepyfile(dies=DIES)
    assert pytester.runpytest_subprocess("-p", "dies", *SUITE, *TARGET).ret == 9
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("arguments", [("--collect-only",), ("--markers",), ("--version",)])
def test_what_runs_no_test_leaves_reports_alone_and_sends_nothing(
    arguments: tuple[str, ...], folder: Path, pytester: pytest.Pytester
) -> None:
    assert pytester.runpytest_inprocess(*SUITE, *arguments).ret == 0
    assert _green(folder) == set(FILES)
    assert not (folder / "history.jsonl").exists()


@pytest.mark.parametrize("off", [("-p", "no:retry_conformance"), ()], ids=["by an option", "by the environment"])
def test_the_suite_is_not_passed_without_its_plugin(
    off: tuple[str, ...], folder: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it would be tested: whatever else passes, and whatever -k leaves out, the session does not."""
    if not off:
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(test_green="def test_green(): pass")
    result = pytester.runpytest_subprocess("test_green.py", *SUITE, *off, "-k", "green")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*its plugin is not loaded*"])


def test_a_finished_run_is_not_shown_for_a_target(folder: Path, pytester: pytest.Pytester) -> None:
    shown = ("--conformance-report", "reports/conformance.json")
    result = pytester.runpytest_inprocess(*SUITE, *TARGET, *shown)
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*shows a finished run*"])
    pytester.runpytest_inprocess(*SUITE, *shown).stdout.fnmatch_lines(
        ["shown from *, a run of * against *; nothing was sent"]
    )
    assert _green(folder) == set(FILES)


def test_a_folder_of_theirs_of_our_name_is_theirs(folder: Path, pytester: pytest.Pytester) -> None:
    """Without --pyargs a name is that of a file: ``pytest conformance`` is about their own tests."""
    pytester.mkdir("conformance").joinpath("test_own.py").write_text("def test_own(): pass", encoding="utf-8")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "conformance")
    result.assert_outcomes(passed=1)
    assert _green(folder) == set(FILES)


def test_a_session_leaves_every_report(folder: Path, pytester: pytest.Pytester) -> None:
    """A baseline that lies in the folder itself is read before it is replaced."""
    baseline = ("--conformance-baseline", "reports/conformance.json")
    result = pytester.runpytest_inprocess(*SUITE, *TARGET, *baseline, "-k", "BR-ERR-01", "-W", "ignore")
    assert result.ret == 0, result.stdout.str()
    assert [name for name in FILES if "not run" in (folder / name).read_text(encoding="utf-8")[:300]] == []
    assert "BR-ERR-01" in (folder / "report.html").read_text(encoding="utf-8")
    assert read_report(folder / "conformance.json").run.complete


def test_a_report_that_cannot_be_replaced_ends_a_session_with_5(folder: Path, pytester: pytest.Pytester) -> None:
    """Which pytest itself says of a session without tests."""
    (folder / "badge.svg").unlink()
    (folder / "badge.svg").mkdir()
    result = pytester.runpytest_inprocess(*SUITE, *TARGET)
    assert result.ret == 5
    result.stdout.fnmatch_lines(["*badge.svg cannot be replaced*nothing was sent*"])
    assert _green(folder) == set()


WAIVER = '[[waiver]]\nrequirement = "BR-ERR-01"\ncovers = "fail"\nreason = "r"\nlink = "l"\nexpires = 2020-01-01\n'


def test_warnings_that_are_errors_in_their_project_break_no_run(folder: Path, pytester: pytest.Pytester) -> None:
    """Each further item would run the suite again, and text the recipients."""
    Path("waivers.toml").write_text(WAIVER, encoding="utf-8")
    arguments = ("--conformance-waivers", "waivers.toml", "--conformance-stale-waivers", "warn")
    chosen = ("--conformance-requirement", "BR-ERR-01,BR-ERR-02")
    result = pytester.runpytest_subprocess(*SUITE, *TARGET, *arguments, *chosen, "-W", "error")
    assert result.ret == 0, result.stdout.str()
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["retry-conformance: the waiver for BR-ERR-01 expired on 2020-01-01*"])


BREAKS = """
import pathlib
import conformance.suite.items

def pytest_sessionstart(session):
    def launch(*arguments, ready, **options):
        with pathlib.Path("launched").open("a") as file:
            file.write("x")
        {what}
    conformance.suite.items.launch = launch
"""


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ('raise RuntimeError("of ours")', "the suite itself broke (RuntimeError: of ours) — reports/crash.txt"),
        ('import pytest; pytest.fail("a time limit")', "the run was broken off, and is not made again"),
    ],
)
def test_a_run_that_breaks_is_not_made_again(what: str, said: str, folder: Path, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(BREAKS.format(what=what))
    result = pytester.runpytest_subprocess(*SUITE, *TARGET, "--showlocals")
    assert result.ret == 5
    assert said in result.stdout.str() + result.stderr.str()
    assert Path("launched").read_text(encoding="utf-8") == "x"
    assert _green(folder) == set()
    assert read_report(folder / "conformance.json").run.exit_status == 5


def test_a_process_for_each_test_runs_nothing(folder: Path, pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import os\ndef pytest_collection_finish(session): os.getpid = lambda: 1")
    result = pytester.runpytest_subprocess(*SUITE, *TARGET, "-k", "BR-ERR-01 or BR-ERR-02")
    assert result.ret == 1
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*the suite runs in one process*--forked*"])
    assert not (folder / "history.jsonl").exists()
    assert _green(folder) == set()
