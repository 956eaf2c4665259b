"""`run`: the main job."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

import click
from click.core import ParameterSource

from conformance.catalogue import PROFILES, load
from conformance.choosing import WHERE, select
from conformance.cli.github import announce
from conformance.cli.paths import DEFAULT, FILE, FOLDER
from conformance.cli.planned import plan_lines, shortages
from conformance.cli.replay import asked_of, refuse
from conformance.cli.replay import replay as replay_it
from conformance.cli.screen import Screen, tell
from conformance.config import Config, Limits
from conformance.drivers import DRIVERS
from conformance.drivers.drive import DEPTHS
from conformance.errors import SuiteError, UsageError
from conformance.exit_status import FailOn
from conformance.launch import configured, contract_of, launch
from conformance.plan import Plan, make_plan, replay_plan
from conformance.program.check import check
from conformance.program.scheduler import Progress
from conformance.replaying.budget import ReplayBudget, Try
from conformance.replaying.tries import all_tries
from conformance.report.page.write import write_page
from conformance.report.placeholder import begin
from conformance.report.write import FILES, written
from conformance.run_options import baseline_of, check_ids, names, options_of, requirements
from conformance.session import Options, Result, replayed, worsened
from conformance.signals import caught
from conformance.transport.redact import Redactor
from conformance.waivers import StaleWaivers

#: What a run leaves in its folder, as a person wants to open it.
REPORTS = ("report.html", *(name for name in FILES if name != "report.html"), "history.jsonl")


@click.command(context_settings={"ignore_unknown_options": False})
@click.option("--target", metavar="URL|reference", help="The target's base_url, or the embedded reference target.")
@click.option("--config", "config_file", type=FILE, metavar="FILE", help="Configuration, TOML.")
@click.option("--contract", metavar="VERSION", help="Of the contract; by default target.contract, or the newest.")
@click.option("--profile", default=",".join(PROFILES), show_default=True, metavar="LIST", help="Profiles, by comma.")
@click.option(
    "--requirement",
    "asked",
    multiple=True,
    metavar="ID",
    help="This requirement only; may be repeated, or a list by comma.",
)
@click.option("--depth", default="standard", show_default=True, type=click.Choice(DEPTHS))
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Repeats what was drawn; by default a new one.")
@click.option("--report-dir", default=DEFAULT, show_default=True, type=FOLDER, metavar="DIR")
@click.option("--baseline", type=FILE, metavar="REPORT", help="Fail only for what this conformance.json does not have.")
@click.option("--baseline-allow-red", is_flag=True, help="Take a baseline whose own exit status is not 0.")
@click.option("--waivers", type=FILE, metavar="FILE", help="Known failures, each with a reason and an expiry date.")
@click.option("--stale-waivers", default="fail", show_default=True, type=click.Choice(["fail", "warn"]))
@click.option("--plan", is_flag=True, help="Say what the run would cost; send nothing.")
@click.option(
    "--replay",
    type=click.Path(path_type=Path),
    metavar="PROGRAM|DIR",
    help="Is what this program (DIR/programs/…) showed still there? Of a folder of reports: is each of its causes?",
)
@click.option("--stop-early", is_flag=True, help="End the run once a MUST is proved broken, with verdicts so far.")
@click.option("--fail-on", default="inconclusive", show_default=True, type=click.Choice(["fail", "inconclusive"]))
@click.option(
    "--wait", default=0.0, type=click.FloatRange(0, 3600), metavar="SECONDS", help="Wait for a target that is starting."
)
@click.option(
    "--drivers", metavar="LIST", help=f"By comma; by default {','.join(DRIVERS)}, or scenarios for a selection."
)
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- PYTEST ARGUMENTS]")
@click.pass_obj
def run(
    screen: Screen,
    target: str | None,
    config_file: Path | None,
    contract: str | None,
    profile: str,
    asked: tuple[str, ...],
    depth: str,
    seed: int | None,
    report_dir: Path,
    baseline: Path | None,
    baseline_allow_red: bool,
    waivers: Path | None,
    stale_waivers: StaleWaivers,
    plan: bool,
    replay: Path | None,
    stop_early: bool,
    fail_on: FailOn,
    wait: float,
    drivers: str | None,
    pytest_arguments: tuple[str, ...],
) -> int:
    """Run the suite against a target and write the reports.

    Arguments after -- are pytest's, such as -k BLK to choose requirements.
    """
    screen.report_dir = report_dir
    with caught() as stop:
        screen.stop = stop
        if replay is not None and not plan:
            refuse({"--baseline": baseline, "--waivers": waivers, "arguments after --": pytest_arguments})
            version = contract_of(target, config_file, os.environ, contract)
            chosen = names(profile, PROFILES, "--profile")
            shared = Options(
                profiles=chosen,
                selected=requirements(asked, chosen, version, "--requirement"),
                seed=seed or 0,
                contract=version,
                wait=wait,
            )
            into = report_dir if _typed("report_dir") else None
            asking = asked_of(replay, shared.selected)
            with configured(target, config_file, os.environ) as config:
                budget = ReplayBudget(config.limits, lambda tries: _replay_plan(config, tries))
                for line in shortages(_replay_plan(config, all_tries(asking))) if config.target.base_url else ():
                    screen.complain(line)

            def within(options: Options, limits: Limits) -> Result:
                return _launch(screen, target, config_file, options, limits)

            return replay_it(screen, replay, into, shared, asking, budget, within)
        # First what is read from the folder of reports, then its reports are made to say that nothing has ended.
        had = baseline_of(baseline, allow_red=baseline_allow_red)
        if not plan:
            begin(report_dir)
        if math.isnan(wait):
            raise UsageError("is no number", where="--wait", hint="give seconds")
        version = contract_of(target, config_file, os.environ, contract)
        chosen = names(profile, PROFILES, "--profile")
        if asked and pytest_arguments:
            raise UsageError("cannot go with arguments after --", where="--requirement", hint="choose by one of them")
        selected = requirements(asked, chosen, version, "--requirement")
        if pytest_arguments:
            check_ids(pytest_arguments, version, WHERE)
            selected = select(chosen, pytest_arguments, version)
        options = options_of(
            profiles=profile,
            depth=depth,
            seed=seed,
            drivers=drivers,
            report_dir=report_dir,
            baseline=had,
            waivers=waivers,
            stale_waivers=stale_waivers,
            fail_on=fail_on,
            stop_early=stop_early,
            wait=wait,
            selected=selected,
            contract=version,
        )
        if plan:
            tries = all_tries(asked_of(replay, selected)) if replay is not None else None
            return _plan(screen, target, config_file, options, tries)
        result = _launch(screen, target, config_file, options)
        # A signal that comes now would leave reports that say another thing than the exit status.
        stop.taken = True
        return _conclude(screen, result, options, _named(target, config_file))


def _typed(option: str) -> bool:
    """True if the user gave this option."""
    return click.get_current_context().get_parameter_source(option) is not ParameterSource.DEFAULT


def _launch(
    screen: Screen, target: str | None, config_file: Path | None, options: Options, limits: Limits | None = None
) -> Result:
    def ready(config: Config, redactor: Redactor) -> None:
        screen.redactor = redactor
        # A replay has said it already, of all its tries.
        if config.target.base_url and options.replay is None:
            for line in shortages(_planned(config, options)):
                screen.complain(line)

    with screen.waiting() as status:

        def progress(now: Progress) -> None:
            screen.progress(now, status)

        return launch(
            target, config_file, os.environ, options, progress=progress, ready=ready, stop=screen.stop, limits=limits
        )


def _named(target: str | None, config_file: Path | None) -> str:
    """The options that named the target, as a shell takes them."""
    given = (("--target", target), ("--config", config_file))
    return " ".join(f"{option} {shlex.quote(str(value))}" for option, value in given if value is not None)


def _conclude(screen: Screen, result: Result, options: Options, named: str) -> int:
    """Render report.html, then tell the outcome. The exit status is the run's, or 5 if a report or the output is missing."""
    screen.concluded = True
    lines = list(result.lines)
    there = {"history.jsonl"}
    try:
        unwritten = write_page(result.report, result.history, options.report_dir)
        if unwritten:
            raise SuiteError(unwritten)
        there.add("report.html")
    except SuiteError as error:
        # The verdicts stand; only their page is missing.
        lines.append(str(error))
        result = worsened(result, [str(error)], options.report_dir)
    try:
        unsaid = announce(result.report, os.environ, screen.command)
        tell(screen, result.report, load(), folder=options.report_dir, options=named)
        for line in (*lines, *([unsaid] if unsaid else [])):
            screen.complain(line)
        there.update(written(result.report, options.report_dir))
        listed = ", ".join(name for name in REPORTS if name in there)
        screen.say(f"reports are in {options.report_dir}{os.sep}: {listed}")
    except SuiteError as error:
        worse = worsened(result, [str(error)], options.report_dir)
        write_page(worse.report, worse.history, options.report_dir)
        raise
    return result.exit_status


def _plan(
    screen: Screen, target: str | None, config_file: Path | None, options: Options, tries: list[Try] | None
) -> int:
    with configured(target, config_file, os.environ) as config:
        if not config.target.base_url:
            raise UsageError("no target is named", hint="give --target URL (or --target reference)")
        for program in (program for one in tries or () for program in one):
            check(program, config, f"program {program.name}")
        plan = _planned(config, options) if tries is None else _replay_plan(config, tries)
        for line in plan_lines(plan, config.limits, screen.columns):
            screen.say(line)
    return 0


def _planned(config: Config, options: Options) -> Plan:
    catalogue = load(options.contract or config.target.contract)
    selected = [r.id for r in catalogue.select(options.profiles) if r.id in (options.selected or (r.id,))]
    return make_plan(config, options.depth, selected, options.drivers)


def _replay_plan(config: Config, tries: Sequence[Try]) -> Plan:
    """What these tries cost, each with the batch that is left alone beside it."""
    return replay_plan(config, [[program for program, _ in replayed(o[0], config, (), o[1:]).values()] for o in tries])
