"""`run`: the main job."""

from __future__ import annotations

import os
from pathlib import Path

import click

from conformance.catalogue import PROFILES, load
from conformance.cli.planned import plan_lines, shortages
from conformance.cli.screen import Screen, tell
from conformance.config import Config
from conformance.drivers import DRIVERS
from conformance.drivers.drive import DEPTHS
from conformance.errors import SuiteError, UsageError
from conformance.exit_status import FailOn, worst
from conformance.launch import configured, contract_of, launch
from conformance.plan import Plan, make_plan, replay_plan
from conformance.program.check import check
from conformance.program.scheduler import Progress
from conformance.report.page.write import write_page
from conformance.report.rendering import render, select
from conformance.report.write import read_report
from conformance.session import Options, Result, drivers_for, new_seed, read_program, replayed
from conformance.transport.redact import Redactor
from conformance.waivers import read_waivers

FILE = click.Path(path_type=Path, dir_okay=False)
#: What a run leaves in its folder, as a person wants to open it.
REPORTS = ("report.html", "summary.md", "conformance.json", "junit.xml", "badge.svg", "history.jsonl")


@click.command(context_settings={"ignore_unknown_options": False})
@click.option("--target", metavar="URL|reference", help="The target's base_url, or the embedded reference target.")
@click.option("--config", "config_file", type=FILE, metavar="FILE", help="Configuration, TOML.")
@click.option("--profile", default=",".join(PROFILES), show_default=True, metavar="LIST", help="Profiles, by comma.")
@click.option("--contract", metavar="VERSION", help="Of the contract; by default target.contract, or the newest.")
@click.option("--depth", default="standard", show_default=True, type=click.Choice(DEPTHS))
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Repeats what was drawn; by default a new one.")
@click.option("--report-dir", default="reports", show_default=True, type=click.Path(path_type=Path), metavar="DIR")
@click.option("--baseline", type=FILE, metavar="REPORT", help="Fail only for what this conformance.json does not have.")
@click.option("--waivers", type=FILE, metavar="FILE", help="Known failures, each with a reason and an expiry date.")
@click.option("--plan", is_flag=True, help="Say what the run would cost; send nothing.")
@click.option("--replay", type=FILE, metavar="PROGRAM", help="Carry out this program only (DIR/programs/…).")
@click.option("--fail-on", default="inconclusive", show_default=True, type=click.Choice(["fail", "inconclusive"]))
@click.option(
    "--drivers", metavar="LIST", help=f"By comma; by default {','.join(DRIVERS)}, or scenarios where -- selects."
)
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- PYTEST ARGUMENTS]")
@click.pass_obj
def run(
    screen: Screen,
    target: str | None,
    config_file: Path | None,
    contract: str | None,
    profile: str,
    depth: str,
    seed: int | None,
    report_dir: Path,
    baseline: Path | None,
    waivers: Path | None,
    plan: bool,
    replay: Path | None,
    fail_on: FailOn,
    drivers: str | None,
    pytest_arguments: tuple[str, ...],
) -> int:
    """Run the suite against a target and write the reports.

    Arguments after -- are pytest's, such as -k BLK to choose requirements.
    """
    screen.report_dir = report_dir
    chosen = _names(profile, PROFILES, "--profile")
    known, listed = _baseline(baseline)
    waived = read_waivers(waivers) if waivers is not None else ()
    version = contract_of(target, config_file, os.environ, contract)
    selected = select(chosen, pytest_arguments, version) if pytest_arguments else ()
    options = Options(
        profiles=chosen,
        selected=selected,
        depth=depth,
        seed=new_seed() if seed is None else seed,
        drivers=_names(drivers, tuple(DRIVERS), "--drivers") if drivers else drivers_for(selected, chosen, version),
        report_dir=report_dir,
        fail_on=fail_on,
        replay=read_program(replay) if replay is not None else None,
        known=known,
        listed=listed,
        waivers=waived,
        contract=version,
    )
    if plan:
        return _plan(screen, target, config_file, options)
    result = _launch(screen, target, config_file, options)
    return _conclude(screen, result, options, pytest_arguments)


def _baseline(report: Path | None) -> tuple[frozenset[str], frozenset[str] | None]:
    """The fingerprints that a baseline has, and the requirement ids that it lists; None without a baseline."""
    if report is None:
        return frozenset(), None
    requirements = read_report(report).requirements
    return (
        frozenset(f.fingerprint for item in requirements for f in item.findings),
        frozenset(item.id for item in requirements),
    )


def _launch(screen: Screen, target: str | None, config_file: Path | None, options: Options) -> Result:
    def ready(config: Config, redactor: Redactor) -> None:
        screen.redactor = redactor
        if config.target.base_url:
            for line in shortages(_planned(config, options)):
                screen.complain(line)

    with screen.waiting() as status:

        def progress(now: Progress) -> None:
            screen.progress(now, status)

        return launch(target, config_file, os.environ, options, progress=progress, ready=ready)


def _conclude(screen: Screen, result: Result, options: Options, pytest_arguments: tuple[str, ...]) -> int:
    """Render the pytest reports, then tell the outcome. The exit status is the run's, or 5 if a report is missing."""
    lines, status = list(result.lines), result.exit_status
    try:
        render(options.report_dir, options.profiles, pytest_arguments)
        unwritten = write_page(result.report, result.history, options.report_dir)
        if unwritten:
            raise SuiteError(unwritten)
    except SuiteError as error:
        # The verdicts stand; only their pages are missing.
        lines.append(str(error))
        status = worst({status, error.exit_status})
    tell(screen, result.report, load(), exit_status=status)
    for line in lines:
        screen.complain(line)
    there = [name for name in REPORTS if (options.report_dir / name).is_file()]
    screen.say(f"reports: {options.report_dir}: {', '.join(there)}")
    return status


def _names(text: str, allowed: tuple[str, ...], option: str) -> tuple[str, ...]:
    """Names by comma, in the order allowed.

    :raises UsageError: one is unknown, or there is none.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in allowed]
    if unknown or not names:
        what = f"knows no {unknown[0]!r}" if unknown else "names nothing"
        raise UsageError(what, where=option, mend=f"name {', '.join(allowed)}")
    return tuple(name for name in allowed if name in names)


def _plan(screen: Screen, target: str | None, config_file: Path | None, options: Options) -> int:
    with configured(target, config_file, os.environ) as config:
        if not config.target.base_url:
            raise UsageError("no target is named", mend="give --target URL (or --target reference)")
        if options.replay is not None:
            check(options.replay, config, f"program {options.replay.name}")
        for line in plan_lines(_planned(config, options), config.limits, screen.columns):
            screen.say(line)
    return 0


def _planned(config: Config, options: Options) -> Plan:
    catalogue = load(options.contract or config.target.contract)
    selected = [r.id for r in catalogue.select(options.profiles) if r.id in (options.selected or (r.id,))]
    if options.replay is not None:
        return replay_plan(config, [program for program, _ in replayed(options.replay, config, selected).values()])
    return make_plan(config, options.depth, selected, options.drivers)
