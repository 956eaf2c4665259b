"""`judge` and `compare`: verdicts without a target."""

from __future__ import annotations

from pathlib import Path

import click

from conformance import CONTRACT_VERSION
from conformance.catalogue import load
from conformance.cli.paths import FILE, FOLDER
from conformance.cli.screen import Screen, tell
from conformance.comparison import compare as compare_reports
from conformance.comparison import compare_replay
from conformance.errors import SuiteError, UsageError
from conformance.exit_status import worst
from conformance.replaying.file import FILE as REPLAY
from conformance.replaying.file import read_replay
from conformance.report.folder import make_folder
from conformance.report.page.write import write_page
from conformance.report.placeholder import begin
from conformance.report.write import read_report
from conformance.session import Options, Result, conclude, worsened


@click.command()
@click.argument("histories", nargs=-1, required=True, type=FILE, metavar="HISTORY...")
@click.option("--contract", default=CONTRACT_VERSION, show_default=True, metavar="VERSION", help="Of the contract.")
@click.option("--report-dir", type=FOLDER, metavar="DIR", help="Write reports there too.")
@click.pass_obj
def judge(screen: Screen, histories: tuple[Path, ...], contract: str, report_dir: Path | None) -> int:
    """Give the verdicts of recorded histories again, offline.

    A history that was cut off is judged as far as it goes, and conforms to nothing; a retry in flight counts as lost. The
    contract is the newest, whatever the history's own run was held to.
    """
    catalogue = load(contract)
    statuses = set()
    for number, path in enumerate(histories):
        folder = None
        if report_dir is not None:
            folder = make_folder(report_dir if len(histories) == 1 else report_dir / str(number + 1))
            _begin(folder)
        if len(histories) > 1:
            screen.say(f"{path}", style="bold")
        result = conclude(path, catalogue, Options(), folder=folder)
        lines = list(result.lines)
        missing = _pages(path, folder, result) if folder is not None else []
        if missing:
            result = worsened(result, missing, folder)
        tell(screen, result.report, catalogue, folder=folder)
        for line in dict.fromkeys((*result.report.run.remarks, *lines, *missing)):
            screen.complain(line)
        statuses.add(result.exit_status)
    return worst(statuses)


def _begin(folder: Path) -> None:
    """Let no older report be taken for that of a history that turns out to be none.

    :raises UsageError: a run is writing there.
    """
    try:
        begin(folder)
    except UsageError:
        raise
    except SuiteError:
        # A report that cannot be replaced now cannot be written later, and that is told then.
        return


def _pages(path: Path, folder: Path, result: Result) -> list[str]:
    """The history and report.html, next to the other reports; a line for each that is missing."""
    try:
        (folder / "history.jsonl").write_bytes(path.read_bytes())
        unwritten = write_page(result.report, result.history, folder)
        if unwritten:
            return [unwritten]
    except OSError as error:
        return [f"{folder / 'history.jsonl'} could not be written ({error.strerror})"]
    return []


@click.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.pass_obj
def compare(screen: Screen, old: Path, new: Path) -> int:
    """Say what changed between two reports: conformance.json, or the folder that holds it.

    NEW may be the folder of a replay. What was a cause is fixed, still there or not settled; other causes are new.
    Exit status 1 if something fails that did not fail before, 3 if something that passed is no longer settled, else 0.
    """
    before, after = _file(old), _file(new)
    report = read_report(before)
    replayed = after.name == REPLAY
    comparison = compare_replay(report, read_replay(after)) if replayed else compare_reports(report, read_report(after))
    for line in comparison.lines:
        screen.say(line)
    for line in comparison.remarks:
        screen.complain(line)
    return comparison.exit_status


def _file(given: Path) -> Path:
    """The report that a folder holds: that of a run, else that of a replay."""
    if not given.is_dir():
        return given
    replay = given / REPLAY
    return replay if replay.is_file() and not (given / "conformance.json").is_file() else given / "conformance.json"
