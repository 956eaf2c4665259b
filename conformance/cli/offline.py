"""`judge` and `compare`: verdicts without a target."""

from __future__ import annotations

from pathlib import Path

import click

from conformance import CONTRACT_VERSION
from conformance.catalogue import load
from conformance.cli.screen import Screen, tell
from conformance.comparison import compare as compare_reports
from conformance.errors import SuiteError
from conformance.exit_status import worst
from conformance.report.page.write import write_page
from conformance.report.rendering import render
from conformance.report.write import read_report
from conformance.session import Options, Result, conclude, make_folder

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("histories", nargs=-1, required=True, type=FILE, metavar="HISTORY...")
@click.option("--contract", default=CONTRACT_VERSION, show_default=True, metavar="VERSION", help="Of the contract.")
@click.option("--report-dir", type=click.Path(path_type=Path), metavar="DIR", help="Write reports there too.")
@click.pass_obj
def judge(screen: Screen, histories: tuple[Path, ...], contract: str, report_dir: Path | None) -> int:
    """Give the verdicts of recorded histories again, offline.

    A history that was cut off is judged as far as it goes; a retry in flight counts as lost. The contract is the newest,
    whatever the history's own run was held to.
    """
    catalogue = load(contract)
    statuses = set()
    for number, path in enumerate(histories):
        folder = None
        if report_dir is not None:
            folder = make_folder(report_dir if len(histories) == 1 else report_dir / str(number + 1))
        if len(histories) > 1:
            screen.say(f"{path}", style="bold")
        result = conclude(path, catalogue, Options(), folder=folder)
        lines = list(result.lines)
        if folder is not None:
            lines += _pages(path, folder, result)
        status = worst({result.exit_status, SuiteError.exit_status}) if lines else result.exit_status
        tell(screen, result.report, catalogue, exit_status=status)
        for line in (*result.report.run.remarks, *lines):
            screen.complain(line)
        statuses.add(status)
    return worst(statuses)


def _pages(path: Path, folder: Path, result: Result) -> list[str]:
    """The history and the pages of pytest, beside the other reports; a line for each that is missing."""
    try:
        (folder / "history.jsonl").write_bytes(path.read_bytes())
        render(folder, result.history.header.profiles)
        unwritten = write_page(result.report, result.history, folder)
        if unwritten:
            return [unwritten]
    except OSError as error:
        return [f"{folder / 'history.jsonl'} could not be written ({error.strerror})"]
    except SuiteError as error:
        return [str(error)]
    return []


@click.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@click.pass_obj
def compare(screen: Screen, old: Path, new: Path) -> int:
    """What changed between two reports (conformance.json).

    Exit status 1 if something fails that did not fail before, 3 if something that passed is no longer settled, else 0.
    """
    comparison = compare_reports(read_report(old), read_report(new))
    for line in comparison.lines:
        screen.say(line)
    return comparison.exit_status
