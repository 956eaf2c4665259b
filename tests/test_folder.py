"""However a run ends, and whatever an older one left in its folder: no file there looks green unless the run was."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance import driving
from conformance.cli import status_of
from conformance.errors import SuiteError, UsageError
from conformance.history.records import Header
from conformance.history.writer import HistoryWriter
from conformance.reference.server import ReferenceServer, config_text
from conformance.reference.settings import Settings
from conformance.report import placeholder, write
from conformance.report.page.write import write_page
from conformance.report.placeholder import begin, not_run
from conformance.report.write import FILES, data_files, read_report
from retry_conformance import older_reports
from retry_conformance.older_reports import report_folder, withdraw_for
from tests.conftest import command
from tests.greens import green, report
from tests.reported import innocent, whole
from tests.stubs import dead_port


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the reports of an older, green run."""
    folder = tmp_path / "reports"
    folder.mkdir()
    for name, content in data_files(report()).items():
        (folder / name).write_bytes(content)
    write_page(report(), whole(innocent()), folder)
    assert [name for name in FILES if not green(folder / name)] == [], "the older run is green in each of its files"
    return folder


def _looks_green(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir() if file.is_file() and green(file)]


WAIVER = '[[waiver]]\nrequirement = "{}"\ncovers = "fail"\nreason = "r"\nlink = "l"\nexpires = {}\n'
#: Arguments of a run, its exit status, and what the reports say of it.
ENDS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "an unknown option": (("--targte", "x"), 2, "targte"),
    "no target": ((), 2, "no target"),
    "an unknown profile": (("--profile", "gold"), 2, "gold"),
    "an unknown depth": (("--depth", "bottomless"), 2, "bottomless"),
    "a wait for no number of seconds": (("--target", "reference", "--wait", "nan"), 2, "is no number"),
    "an unknown requirement": (("--target", "reference", "--requirement", "BR-BLK-99"), 2, "BR-BLK-99"),
    "an unknown id in -k": (("--target", "reference", "--", "-k", "BR-BLK-99 or BR-SEC-01"), 2, "BR-BLK-99"),
    "a selection of nothing": (("--target", "reference", "--", "-k", "NOPE"), 2, "choose no requirement"),
    "a missing configuration": (("--config", "none.toml"), 2, "none.toml"),
    "a missing baseline": (("--target", "reference", "--baseline", "none.json"), 2, "none.json"),
    "missing waivers": (("--target", "reference", "--waivers", "none.toml"), 2, "none.toml"),
    "another contract": (("--target", "reference", "--contract", "0.1"), 2, "0.1"),
    "a waiver for an unknown id": (("--target", "reference", "--waivers", "unknown.toml"), 1, "names no requirement"),
    "an expired waiver": (
        ("--target", "reference", "--requirement", "BR-ERR-01", "--waivers", "expired.toml"),
        1,
        "expired on 2026-01-01",
    ),
    "a target that is gone": (("--config", "dead.toml"), 4, "cannot be reached"),
    "nothing that applies": (("--target", "reference", "--requirement", "BR-SEC-06"), 3, "nothing that was chosen"),
    "nothing but what is declared absent": (
        ("--config", "absent.toml", "--requirement", "BR-SEC-02"),
        3,
        "nothing that was chosen",
    ),
    "something that is not settled": (("--config", "quiet.toml", "--requirement", "BR-SEC-02"), 3, "Exit status 3"),
}


@pytest.mark.parametrize("case", ENDS)
def test_an_older_green_report_survives_no_other_end(case: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments, status, said = ENDS[case]
    monkeypatch.chdir(folder.parent)
    Path("unknown.toml").write_text(WAIVER.format("BR-XXX-01", "2099-01-01"), encoding="utf-8")
    Path("expired.toml").write_text(WAIVER.format("BR-ERR-01", "2026-01-01"), encoding="utf-8")
    base = f"http://127.0.0.1:{dead_port()}/api/v2"
    Path("dead.toml").write_text(
        f'[target]\nbase_url = "{base}"\ncampaign_id = "c"\napi_key = "key_0123456789"\n', encoding="utf-8"
    )
    with ReferenceServer(Settings(speed=10)) as server:
        text = config_text(server).split("[target.other]")
        Path("quiet.toml").write_text(text[0] + "[recipients]\nfailing = []\n", encoding="utf-8")
        Path("absent.toml").write_text(text[0] + '[capabilities]\nabsent = ["other_campaign"]\n', encoding="utf-8")
        ended, out, err = command("run", "--report-dir", "reports", "--drivers", "scenarios", *arguments)
    assert ended == status, out + err
    assert _looks_green(folder) == []
    assert said in (folder / "summary.md").read_text(encoding="utf-8").replace("\\", "")
    assert read_report(folder / "conformance.json").run.exit_status == status


def test_an_older_green_report_survives_no_error_of_ours(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(driving, "drive_all", broken)
    status, _, err = command(
        *("run", "--target", "reference", "--drivers", "scenarios", "--report-dir", str(folder)),
    )
    assert status == 5
    assert "the suite itself broke (RuntimeError)" in err
    assert _looks_green(folder) == []
    assert read_report(folder / "conformance.json").run.stopped_by == "suite_broke"


@pytest.mark.parametrize("arguments", [("run", "--plan"), ("run", "--help"), ("list",), ("explain", "BR-ACC-01")])
def test_what_sends_nothing_by_intention_leaves_reports_alone(
    arguments: tuple[str, ...], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    command(*arguments)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["run"], "reports"),
        (["run", "--report-dir", "x"], "x"),
        (["run", "--report-dir=x", "--", "--report-dir", "y"], "x"),
        (["run", "--report-dir"], None),
        (["run", "--report-dir", ""], ""),
        (["run", "--report-dir="], ""),
        (["run", "--", "--plan"], "reports"),
        (["judge", "x"], None),
        ([], None),
    ],
)
def test_the_folder_of_a_command_line(arguments: list[str], found: str | None) -> None:
    assert report_folder(arguments) == (Path(found) if found is not None else None)


def test_older_reports_are_gone_before_the_suite_is_loaded(folder: Path) -> None:
    """That takes a second, in which a job may be killed."""
    dies = "import os, retry_conformance.__main__ as way_in; way_in.claim = lambda: os._exit(9); way_in.main()"
    program = [sys.executable, "-c", dies, "run", "--target", "reference", "--report-dir", str(folder)]
    assert subprocess.run(program, timeout=60, check=False).returncode == 9
    assert list(folder.iterdir()) == []


def test_a_baseline_stays_until_it_is_read(folder: Path) -> None:
    assert (older_reports.FILES, older_reports.HISTORY) == (FILES, "history.jsonl")
    kept = folder / "conformance.json"
    withdraw_for(["run", "--report-dir", str(folder), f"--baseline={folder}/../reports/{kept.name}"])
    assert list(folder.iterdir()) == [kept]


@pytest.mark.parametrize("arguments", [("run", "--plan"), ("run", "--replay", "reports"), ("judge", "x"), ()])
def test_only_a_run_removes_older_reports(
    arguments: tuple[str, ...], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    withdraw_for(arguments)
    assert sorted(_looks_green(folder)) == sorted(FILES)


SIGNALS = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 143, "SIGKILL": -9, "SIGQUIT": -3}


def _default_signals() -> None:
    """A shell that puts the tests into the background lets them ignore some signals, and what they start inherits that."""
    for name in SIGNALS:
        if name not in ("SIGKILL", "SIGSTOP"):
            signal.signal(signal.Signals[name], signal.SIG_DFL)


@pytest.mark.parametrize("name", SIGNALS)
def test_an_older_green_report_survives_no_signal(name: str, folder: Path) -> None:
    with ReferenceServer(Settings(speed=0.5)) as server:
        config = folder.parent / "c.toml"
        config.write_text(config_text(server), encoding="utf-8")
        program = [
            sys.executable,
            "-m",
            "retry_conformance",
            "run",
            "--config",
            str(config),
            "--report-dir",
            str(folder),
        ]
        with subprocess.Popen(
            program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=_default_signals
        ) as running:
            _await(lambda: b'"batch_send"' in _read(folder / "history.jsonl"))
            assert _looks_green(folder) == [], "while it goes on"
            running.send_signal(signal.Signals[name])
            _, err = running.communicate(timeout=120)
    assert running.returncode == SIGNALS[name], err
    assert b"Traceback" not in err
    assert _looks_green(folder) == []
    told = read_report(folder / "conformance.json")
    stopped = {130: "interrupted", 143: "terminated"}.get(running.returncode, "unknown")
    assert told.run.stopped_by == stopped
    if name == "SIGHUP":
        assert "ended by SIGHUP" in told.run.remarks


def test_a_hang_up_that_is_ignored_stays_ignored() -> None:
    from conformance.signals import caught

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with caught() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
        assert stop.number is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_folder_that_cannot_be_written_ends_in_5_before_anything_is_sent(folder: Path) -> None:
    (folder / "badge.svg").unlink()
    (folder / "badge.svg").mkdir()
    with ReferenceServer(Settings(speed=10)) as server:
        config = folder.parent / "c.toml"
        config.write_text(config_text(server), encoding="utf-8")
        status, _, err = command("run", "--config", str(config), "--report-dir", str(folder))
    assert status == 5
    assert "nothing was sent, and the reports there are of an older run" in err
    assert not (folder / "history.jsonl").exists()
    assert _looks_green(folder) == []


def test_a_full_disk_before_the_run_leaves_no_older_report(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be replaced is removed: the servers of builds collect what is there, whatever the run said."""

    def failing(file: Path, content: bytes) -> str:
        return os.strerror(errno.ENOSPC)

    monkeypatch.setattr(placeholder, "replace", failing)
    status, _, err = command("run", "--target", "reference", "--report-dir", str(folder))
    assert status == 5
    assert "nothing was sent, and the older reports are removed" in err
    assert not any((folder / name).exists() for name in FILES)


def test_a_full_disk_while_the_history_is_written(folder: Path) -> None:
    """A limit on the size of files stands for the disk: what is larger cannot be written."""

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    program = [sys.executable, "-m", "retry_conformance", "run", "--target", "reference", "--report-dir", str(folder)]
    ended = subprocess.run(program, preexec_fn=limited, capture_output=True, text=True, timeout=200, check=False)
    assert ended.returncode == 5, ended.stderr
    assert "the history could not be written" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert _looks_green(folder) == []
    assert read_report(folder / "conformance.json").run.stopped_by == "history_lost"


@pytest.mark.parametrize("full", FILES)
def test_a_full_disk_while_a_report_is_written(full: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run was green; a report that is missing makes it 5, and the others say so too."""
    replace = write.replace

    def failing(file: Path, content: bytes) -> str:
        return os.strerror(errno.ENOSPC) if file.name == full else replace(file, content)

    # The placeholders were written before, by a name of their own for the same function.
    monkeypatch.setattr(write, "replace", failing)
    status, out, err = command(
        *("run", "--target", "reference", "--report-dir", str(folder), "--requirement", "BR-ERR-01")
    )
    assert status == 5, out
    assert full in err
    assert "exit status 5" in out
    assert _looks_green(folder) == []
    listed = out.strip().splitlines()[-1].partition(": ")[2].split(", ")
    assert set(listed) == {*FILES, "history.jsonl"} - {full}, "what is listed is of this run"
    # What stands in the place of a report is not of this run: nothing stands without it.
    assert ("it does not hold these verdicts" in err) == (full != "report.html")


def test_an_output_that_cannot_be_written_makes_no_report_green(folder: Path) -> None:
    with Path("/dev/full").open("w") as full, contextlib.redirect_stdout(full):
        err = io.StringIO()
        with contextlib.redirect_stderr(err):
            status = status_of(
                ["run", "--target", "reference", "--report-dir", str(folder), "--requirement", "BR-ERR-01"]
            )
    assert status == 5
    assert "the output: cannot be written" in err.getvalue()
    assert _looks_green(folder) == []


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_closed_stream_changes_no_exit_status(number: int, folder: Path) -> None:
    """As a daemon may start us: a traceback ended in 1, which says that the target fails."""
    program = [sys.executable, "-m", "retry_conformance", "run", "--target", "reference", "--report-dir", str(folder)]
    program += ["--requirement", "BR-ERR-01"]
    ended = subprocess.run(program, preexec_fn=lambda: os.close(number), timeout=120, check=False)
    assert ended.returncode == 0
    assert read_report(folder / "conformance.json").run.complete
    assert (folder / "history.jsonl").read_bytes().startswith(b'{"kind":"header"')


def test_a_run_that_goes_on_is_left_alone(folder: Path) -> None:
    header = Header(
        suite_version="0", contract_version="1.0", run_id="r", started="", base_url="http://h", campaign_id="c"
    )
    with HistoryWriter(folder / "history.jsonl", header):
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        with pytest.raises(UsageError, match="another run"):
            begin(folder)
        with pytest.raises(UsageError, match="another run"):
            not_run(folder, "x", 2)
        withdraw_for(["run", "--report-dir", str(folder)])
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_green_run_is_green_in_each_of_its_files(folder: Path) -> None:
    not_run(folder, "for the test", 2)
    assert _looks_green(folder) == []
    status, out, _ = command(
        "run", "--target", "reference", "--report-dir", str(folder), "--depth", "quick", "--drivers", "scenarios"
    )
    assert status == 0, out
    assert set(FILES) <= set(_looks_green(folder))


def test_judging_what_is_no_history_leaves_no_green_report(folder: Path) -> None:
    (folder.parent / "garbage").write_bytes(b"garbage")
    status, _, err = command("judge", str(folder.parent / "garbage"), "--report-dir", str(folder))
    assert status == 2, err
    assert _looks_green(folder) == []


def test_a_folder_that_is_a_file_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("mine", encoding="utf-8")
    for call in (begin, lambda where: not_run(where, "x", 2)):
        with pytest.raises(UsageError, match="cannot be written"):
            call(tmp_path / "reports")
    assert (tmp_path / "reports").read_text(encoding="utf-8") == "mine"
    with pytest.raises(SuiteError, match="nothing was sent"):
        begin(Path("/proc/no-such-folder/reports"))


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _await(happened: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.02)
