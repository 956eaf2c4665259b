"""One run from configuration to verdicts: the parts put together. Knows nothing of screens."""

from __future__ import annotations

import datetime
import hashlib
import logging
import random
import traceback
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from conformance import CONTRACT_VERSION, __version__, preflight
from conformance.baseline import Baseline
from conformance.baseline import remarks as baseline_remarks
from conformance.catalogue import Catalogue, load
from conformance.config import Config
from conformance.config_load import cautions, digest, languages, offers
from conformance.deciding import decide
from conformance.drivers import DRIVERS, Drive
from conformance.drivers.scenarios import run_programs
from conformance.errors import FormatError, GuardError, StaleWaiverError, SuiteError, TargetError, UsageError
from conformance.exit_status import FailOn, nothing_applies, of_verdicts, worst
from conformance.history import spent
from conformance.history.reader import read_history
from conformance.history.records import PREFLIGHT, Given, Header, History, ImplementationInfo
from conformance.history.writer import HistoryWriter
from conformance.judges import judge
from conformance.program.check import check
from conformance.program.scheduler import Progress
from conformance.program.steps import Program
from conformance.report.build import build, toned_down
from conformance.report.clean import one_line
from conformance.report.folder import make_folder
from conformance.report.model import Report, Waived
from conformance.report.write import write_all
from conformance.scenarios import selecting
from conformance.signals import Stop, caught
from conformance.stopping import StoppedBy, by_error, by_history
from conformance.suspicions import suspicions
from conformance.transport.client import HttpTransport, redactor_of
from conformance.transport.redact import Redactor
from conformance.waivers import StaleWaivers, Waiver, idle, in_force, stale, unknown

#: Where the traceback of an error of ours is kept, beside the reports.
CRASH_FILE = "crash.txt"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a run is to do, beside its configuration."""

    profiles: tuple[str, ...] = ("core", "guide", "hardening")
    #: Requirement ids that the run is about; empty means all of the profiles.
    selected: tuple[str, ...] = ()
    depth: str = "standard"
    seed: int = 0
    drivers: tuple[str, ...] = tuple(DRIVERS)
    report_dir: Path = Path("reports")
    fail_on: FailOn = "inconclusive"
    replay: Program | None = None
    #: What does not count again, or not yet.
    baseline: Baseline | None = None
    waivers: tuple[Waiver, ...] = ()
    stale_waivers: StaleWaivers = "fail"
    #: Seconds to wait for a target that is starting.
    wait: float = 0.0
    #: Version of the contract; None: the configuration's.
    contract: str | None = None


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


@dataclass
class Ending:
    """How a run ended: its own exit status, whether it did all it had planned, and lines for a person."""

    status: int = 0
    complete: bool = True
    stopped_by: StoppedBy = ""
    lines: list[str] = field(default_factory=list)


def execute(
    config: Config,
    options: Options,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    redactor: Redactor | None = None,
    stop: Stop | None = None,
) -> Result:
    """Run against a target, write all data reports, and say how it ended.

    :param config: loaded and complete.
    :param redactor: also used by the caller for the screen.
    :param stop: signals that the caller catches already; without it they are caught here.
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
    if options.replay is not None:
        check(options.replay, config, f"program {options.replay.name}")
    lost = unknown(options.waivers, load())
    if lost and options.stale_waivers == "fail":
        hint = "remove it, or give --stale-waivers warn; nothing was sent"
        raise StaleWaiverError("; ".join(lost), where="--waivers", hint=hint)
    folder = make_folder(options.report_dir)
    with suppress(OSError):
        (folder / CRASH_FILE).unlink(missing_ok=True)
    ending = Ending(lines=list(cautions(config)))
    with ExitStack() as kept:
        stop = stop or kept.enter_context(caught())
        redactor = redactor or redactor_of(config)
        sent = _drive(config, options, folder, catalogue, selected, ending, progress, redactor, kept, stop)
        return conclude(folder / "history.jsonl", catalogue, options, ending, messages=sent, folder=folder)


def replayed(
    program: Program, config: Config, requirements: Sequence[str]
) -> Mapping[str, tuple[Program, tuple[str, ...]]]:
    """What a replay carries out: the program, and a batch left alone, without which some of what it shows might have come
    by itself (docs/design.md, attribution)."""
    control = selecting.CONTROL
    beside = {control.name: (control.program(config), control.requirements)} if config.recipients.failing else {}
    return {**beside, program.name: (program, tuple(requirements))}


def write_crash(folder: Path, redactor: Redactor) -> None:
    """Keep the traceback of the error that is being handled, without keys and numbers."""
    (folder / CRASH_FILE).write_text(redactor.text(traceback.format_exc()), encoding="utf-8")


def _drive(
    config: Config,
    options: Options,
    folder: Path,
    catalogue: Catalogue,
    requirements: Sequence[str],
    ending: Ending,
    progress: Callable[[Progress], None],
    redactor: Redactor,
    kept: ExitStack,
    stop: Stop,
) -> int:
    """Make the history. Returns the messages spent; how it ended stands in ``ending``.

    :param kept: until it ends, no other run writes into the folder's history, and signals do not end this one unjudged.
    """
    with ExitStack() as stack:
        header = _header(config, options, catalogue.contract_version)
        writer = stack.enter_context(HistoryWriter(folder / "history.jsonl", header))
        kept.enter_context(writer.hold())
        transport = HttpTransport(config, writer, redactor=redactor, stop=stop.check)
        stack.callback(transport.close)
        try:
            progress(Progress(part="preflight", what="asking whether the target can be tested"))
            preflight.wait_for(transport, config, seed=options.seed, seconds=options.wait)
            drive = Drive(
                transport=transport,
                config=config,
                requirements=requirements,
                seed=options.seed,
                depth=options.depth,
                mark=header.run_id,
                folder=folder,
                progress=progress,
            )
            if options.replay is not None:
                run_programs(drive, replayed(options.replay, config, requirements))
            else:
                for name in options.drivers:
                    DRIVERS[name](drive)
            stop.check()
            transport.outage.at_the_end()
        except (TargetError, GuardError) as error:
            ending.status, ending.complete = error.exit_status, False
            ending.lines.append(str(error))
            _stopped(transport, ending, by_error(error), str(error))
        except KeyboardInterrupt:
            stop.taken = True
            ending.status, ending.complete = stop.exit_status, False
            _stopped(transport, ending, "interrupted" if ending.status == 130 else "terminated", stop.words)
        except Exception as crash:
            # A boundary: whatever breaks in a driver of ours, the history is closed and judged, and it is never a pass.
            ending.status, ending.complete = 5, False
            if writer.failed is not None:
                # What cannot be written down is not sent: the run is over, and what was written is judged.
                why = writer.failed.strerror
                ending.lines.append(f"{writer.path}: the history could not be written ({why}); the verdicts end there")
                ending.stopped_by = "history_lost"
                return transport.budget.messages
            ending.lines.append(f"the suite itself broke ({type(crash).__name__}); {folder / CRASH_FILE} says where")
            logging.getLogger(__name__).debug("the suite broke", exc_info=True)
            with suppress(OSError):
                write_crash(folder, redactor)
            _stopped(transport, ending, "suite_broke", f"the suite itself broke: {type(crash).__name__}")
        finally:
            # What is left is to judge and to write it down, in seconds: a signal does not keep that from being done.
            stop.taken = True
            _close(writer, transport, ending)
        return transport.budget.messages


def _stopped(transport: HttpTransport, ending: Ending, by: StoppedBy, text: str) -> None:
    """Put on record why the run ends early. A full disk keeps nobody from saying it."""
    ending.stopped_by = by
    with suppress(OSError):
        transport.note("stopped", text=text, by=by)


def _close(writer: HistoryWriter, transport: HttpTransport, ending: Ending) -> None:
    """Close the history. On a full disk that may fail, and is said; what was written is judged all the same."""
    try:
        writer.close(transport.now(), complete=ending.complete, messages=transport.budget.messages)
    except OSError as error:
        if ending.stopped_by != "history_lost":
            ending.lines.append(f"{writer.path}: the history could not be closed ({error.strerror})")
        ending.status, ending.complete, ending.stopped_by = 5, False, "history_lost"


def _header(config: Config, options: Options, contract: str) -> Header:
    lag = config.timing.read_lag
    other = config.target.other
    return Header(
        suite_version=__version__,
        contract_version=contract,
        run_id=str(uuid.uuid4()),
        started=_now(),
        base_url=config.target.base_url,
        campaign_id=config.target.campaign_id,
        other_campaign_id=other.campaign_id if other else None,
        seed=options.seed,
        depth=options.depth,
        profiles=options.profiles,
        selected=options.selected,
        drivers=options.drivers,
        settle_timeout=config.timing.settle_timeout,
        read_lag=None if isinstance(lag, str) else lag,
        absent=config.capabilities.absent,
        given=tuple(Given(batch=g.batch_id, state=g.state) for g in config.given),
        config_digest=digest(config),
        offers=offers(config),
        languages=languages(config),
        implementation=msgspec.convert(config.implementation, ImplementationInfo, from_attributes=True),
    )


def conclude(
    path: Path,
    catalogue: Catalogue,
    options: Options,
    ending: Ending | None = None,
    *,
    messages: int | None = None,
    folder: Path | None = None,
) -> Result:
    """Judge a history file and write the reports, of a live run or offline.

    :param ending: how the run itself ended; None for a history that is judged again.
    :param folder: where the reports go; None writes none.
    :raises FormatError: the file is no history.
    """
    history = read_history(path)
    # A target that the preflight turned away is not judged by the few reads of the preflight: it cannot be tested.
    turned_away = by_history(history) and all(e.invoke.driver == PREFLIGHT for e in history.exchanges)
    verdicts = decide(history, () if turned_away else judge(history, catalogue), catalogue)
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
            finished=spent.finished(history) or _now(),
            exit_status=exit_status,
            history_sha256=_digest(path),
            messages=spent.messages(history) if messages is None else messages,
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
    judged = of_verdicts(draft.requirements, history.header.profiles, fail_on=options.fail_on, stale=bool(red))
    if nothing_applies(draft.chosen):
        judged = worst({judged, 3})
    beside = (
        *(wrong if red else (f"{line} (a warning: --stale-waivers warn)" for line in wrong)),
        *idle(options.waivers, draft.requirements, today),
        *(baseline_remarks(baseline, draft) if options.baseline is not None else ()),
        *suspicions(history),
        *lost,
    )
    untestable = {TargetError.exit_status} if lost else set()
    said = (
        (*ended.lines[:1], spent.stopped(history)) if ended.stopped_by == "history_lost" else (spent.stopped(history),)
    )
    remarks = tuple(line for line in (*said, spent.left_out(history), *beside) if line)
    report = report_with(worst({ended.status, judged, *untestable}), waived, remarks=remarks, wrong=red)
    missing = write_all(report, history, folder) if folder is not None else ()
    result = Result(
        report=report, history=history, exit_status=report.run.exit_status, lines=(*ended.lines, *beside, *missing)
    )
    return worsened(result, missing, folder) if missing else result


#: Observation of the judges: even an untouched batch is gone, so that nothing that is missing is laid to a retry.
DATA_LOST = "data-lost"


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
    try:
        return msgspec.json.decode(path.read_bytes(), type=Program)
    except OSError as error:
        raise FormatError(f"cannot be read ({error.strerror})", where=str(path), hint="name a program's file") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError(f"is no program ({error})", where=str(path), hint="give a file of DIR/programs") from None


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def new_seed() -> int:
    """A seed for a run that was given none."""
    return random.SystemRandom().randrange(1 << 31)
