"""One run from configuration to verdicts: the parts put together. Knows nothing of screens."""

from __future__ import annotations

import datetime
import hashlib
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from conformance import CONTRACT_VERSION
from conformance.baseline import Baseline
from conformance.baseline import remarks as baseline_remarks
from conformance.catalogue import Catalogue, load
from conformance.config import Config
from conformance.config_check import cautions
from conformance.deciding import decide
from conformance.drivers import DRIVERS
from conformance.driving import Network, Options, OverHttp, make_history, now, replayed
from conformance.ending import CRASH_FILE, Ending, write_crash
from conformance.errors import StaleWaiverError, SuiteError, UsageError
from conformance.exit_status import DATA_LOST, FAILED, of_item, of_report, worst
from conformance.files import read_json
from conformance.history import totals
from conformance.history.reader import read_history
from conformance.history.records import History
from conformance.judges.inference.case import Case
from conformance.judging import Judging
from conformance.program.check import check
from conformance.program.scheduler import Progress
from conformance.program.steps import Program
from conformance.report.build import build, toned_down
from conformance.report.clean import one_line
from conformance.report.folder import make_folder
from conformance.report.model import Report, Waived
from conformance.report.write import write_all
from conformance.signals import Stop, caught
from conformance.so_far import BY_CHANCE, SoFar
from conformance.stopping import by_history, turned_away
from conformance.suspicions import suspicions
from conformance.transport.client import redactor_of
from conformance.transport.redact import Redactor
from conformance.waivers import idle, in_force, stale, unknown

__all__ = ["CRASH_FILE", "Ending", "Network", "Options", "Result", "conclude", "execute", "replayed", "write_crash"]


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a run ended: its report, its exit status, and lines that a person must see beside them."""

    report: Report
    history: History
    exit_status: int
    lines: tuple[str, ...] = ()


def drivers_for(
    selected: Collection[str], profiles: Collection[str], contract: str = CONTRACT_VERSION
) -> tuple[str, ...]:
    """The drivers of a run that names none: all of them, but planned scenarios alone where only some requirements of the
    profiles are selected: a partial selection sends no further messages."""
    everything = {requirement.id for requirement in load(contract).select(profiles)}
    return ("scenarios",) if selected and set(selected) < everything else tuple(DRIVERS)


def execute(
    config: Config,
    options: Options,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    redactor: Redactor | None = None,
    stop: Stop | None = None,
    network: Network | None = None,
) -> Result:
    """Run against a target, write all data reports, and say how it ended.

    :param config: loaded and complete.
    :param redactor: also used by the caller for the screen.
    :param stop: signals that the caller catches already; without it they are caught here.
    :param network: the way to a target inside this process; None is the network.
    :raises UsageError: no target, no key, or nothing selected. Nothing was sent.
    :raises StaleWaiverError: a waiver names no requirement. Nothing was sent.
    """
    catalogue = load(options.contract or config.target.contract)
    selected = [r.id for r in catalogue.select(options.profiles) if r.id in (options.selected or (r.id,))]
    if not selected:
        raise UsageError("nothing is selected", hint="name core, guide or hardening, and ids that they hold")
    if not config.target.base_url:
        raise UsageError("no target is named", hint="give --target URL (or --target reference), or set target.base_url")
    if not config.target.api_key:
        raise UsageError("is not set", where="target.api_key", hint="set it, or api_key_env to the name of a variable")
    for program in (*([options.replay] if options.replay is not None else []), *options.beside):
        check(program, config, f"program {program.name}")
    lost = unknown(options.waivers, load())
    if lost and options.stale_waivers == "fail":
        hint = "remove it, or give --stale-waivers warn; nothing was sent"
        raise StaleWaiverError("; ".join(lost), where="--waivers", hint=hint)
    folder = make_folder(options.report_dir)
    with suppress(OSError):
        (folder / CRASH_FILE).unlink(missing_ok=True)
    ending = Ending(lines=list(cautions(config)))
    judging = Judging(catalogue)
    with ExitStack() as kept:
        stop = stop or kept.enter_context(caught())
        redactor = redactor or redactor_of(config)
        sent = make_history(
            config,
            options,
            folder=folder,
            catalogue=catalogue,
            requirements=selected,
            ending=ending,
            progress=progress,
            redactor=redactor,
            kept=kept,
            stop=stop,
            network=network or OverHttp(),
            judged=lambda: so_far(folder / "history.jsonl", catalogue, options, judging),
        )
        return conclude(
            folder / "history.jsonl", catalogue, options, ending, messages=sent, folder=folder, judging=judging
        )


def conclude(
    path: Path,
    catalogue: Catalogue,
    options: Options,
    ending: Ending | None = None,
    *,
    messages: int | None = None,
    folder: Path | None = None,
    judging: Judging | None = None,
) -> Result:
    """Judge a history file and write the reports, of a live run or offline.

    :param ending: how the run itself ended; None for a history that is judged again.
    :param folder: where the reports go; None writes none.
    :param judging: what has judged this history while it was shorter, if anything has.
    :raises FormatError: the file is no history.
    """
    history = read_history(path)
    opinions = () if turned_away(history) else (judging or Judging(catalogue)).opinions(history)
    verdicts = decide(history, opinions, catalogue)
    today = datetime.datetime.now(datetime.UTC).date()
    ended = ending or Ending()
    baseline = options.baseline or Baseline()
    lost = tuple(str(o.value) for o in verdicts.observations if o.key == DATA_LOST)

    def report_with(
        exit_status: int,
        waived: Mapping[str, Waived],
        *,
        remarks: Sequence[str] = (),
        wrong: Sequence[str] = (),
    ) -> Report:
        return build(
            history,
            verdicts,
            catalogue,
            finished=totals.finished(history) or now(),
            exit_status=exit_status,
            history_sha256=_digest(path),
            messages=totals.messages(history) if messages is None else messages,
            waived=waived,
            known=baseline.known,
            listed=baseline.listed,
            remarks=remarks,
            stopped_by=ended.stopped_by or by_history(history) or ("data_lost" if lost else ""),
            fail_on=options.fail_on,
            stale=wrong,
        )

    plain = report_with(0, {})
    waived = in_force(options.waivers, today, plain.requirements)
    draft = report_with(0, waived)
    # A waiver may be for a requirement of a newer contract than this run's.
    wrong = tuple(stale(options.waivers, draft.requirements, load(), today))
    red = wrong if options.stale_waivers == "fail" else ()
    judged = of_report(draft, fail_on=options.fail_on, stale=bool(red))
    beside = (
        *(wrong if red else (f"{line} (a warning: --stale-waivers warn)" for line in wrong)),
        *idle(options.waivers, draft.requirements, today),
        *(baseline_remarks(baseline, draft) if options.baseline is not None else ()),
        *suspicions(history),
        *lost,
    )
    said = (
        (*ended.lines[:1], totals.stopped(history))
        if ended.stopped_by == "history_lost"
        else (totals.stopped(history),)
    )
    remarks = tuple(
        line
        for line in (*said, totals.not_begun(history), totals.left_out(history), totals.again(history), *beside)
        if line
    )
    report = report_with(worst({ended.status, judged}), waived, remarks=remarks, wrong=red)
    missing = write_all(report, history, folder) if folder is not None else ()
    result = Result(
        report=report, history=history, exit_status=report.run.exit_status, lines=(*ended.lines, *beside, *missing)
    )
    return worsened(result, missing, folder) if missing else result


def so_far(path: Path, catalogue: Catalogue, options: Options, judging: Judging) -> SoFar:
    """What the reports would say if a run that still writes this history ended now."""
    # A waiver may be stale only once the run is over.
    result = conclude(path, catalogue, replace(options, stale_waivers="warn"), judging=judging)
    failing = [item for item in result.report.chosen if item.verdict == "fail"]
    counting = [item for item in failing if of_item(item, options.profiles) == 1]
    open_ = [item.id for item in result.report.chosen if item.reason is not None and item.reason.code in BY_CHANCE]
    undecided = () if failing else tuple(open_)
    lag = any(o.key == "read-lag" for o in result.report.observations) and Case(result.history).lags.largest
    return SoFar(
        undecided=undecided,
        lag=lag.seconds if undecided and lag else 0.0,
        broken={item.id: item.findings[0].evidence for item in failing if item.findings},
        causes=len(result.report.causes),
        red=result.exit_status == FAILED,
        first=next((f"{item.id}: {item.findings[0].summary}" for item in counting if item.findings), ""),
    )


def worsened(result: Result, lines: Sequence[str], folder: Path | None) -> Result:
    """The result of a run of which a report is missing: exit status 5, in what was written too.

    :param lines: what is missing; told already.
    :param folder: where the reports are; None where none are written.
    """
    run = result.report.run
    status = worst({run.exit_status, SuiteError.exit_status})
    report = msgspec.structs.replace(
        result.report,
        run=msgspec.structs.replace(run, exit_status=status, remarks=(*run.remarks, *map(one_line, lines))),
    )
    report = toned_down(report)
    if folder is not None:
        # What could not be written a moment ago cannot be written now: it is told already.
        write_all(report, result.history, folder)
    return Result(report=report, history=result.history, exit_status=status, lines=result.lines)


def read_program(path: Path) -> Program:
    """A program to replay.

    :raises FormatError: it is none.
    """
    return read_json(path, Program, what="program", hint="give a file of DIR/programs")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def new_seed() -> int:
    """A seed for a run that was given none."""
    return random.SystemRandom().randrange(1 << 31)
