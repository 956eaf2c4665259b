"""One run from configuration to verdicts: the parts put together. Knows nothing of screens."""

from __future__ import annotations

import datetime
import hashlib
import logging
import random
import signal
import traceback
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from conformance import CONTRACT_VERSION, __version__, preflight
from conformance.catalogue import Catalogue, load
from conformance.config import Config
from conformance.config_load import cautions, digest, languages, offers
from conformance.deciding import decide
from conformance.drivers import DRIVERS, Drive
from conformance.drivers.scenarios import run_programs
from conformance.errors import FormatError, GuardError, SuiteError, TargetError, UsageError
from conformance.exit_status import FailOn, of_verdicts, worst
from conformance.history import spent
from conformance.history.reader import read_history
from conformance.history.records import Given, Header, History
from conformance.history.writer import HistoryWriter
from conformance.judges import judge
from conformance.program.check import check
from conformance.program.scheduler import Progress
from conformance.program.steps import Program
from conformance.report.build import build
from conformance.report.model import Report
from conformance.report.write import write_all
from conformance.scenarios import selecting
from conformance.signals import caught
from conformance.transport.client import HttpTransport, redactor_of
from conformance.transport.redact import Redactor
from conformance.waivers import Waiver, idle, in_force, stale

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
    #: Fingerprints that a baseline has already.
    known: frozenset[str] = frozenset()
    #: Requirement ids that the baseline lists; what it does not list is reported and does not count. None: no baseline.
    listed: frozenset[str] | None = None
    waivers: tuple[Waiver, ...] = ()
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
    lines: list[str] = field(default_factory=list)


def execute(
    config: Config,
    options: Options,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    redactor: Redactor | None = None,
) -> Result:
    """Run against a target, write all data reports, and say how it ended.

    :param config: loaded and complete.
    :param redactor: also used by the caller for the screen.
    :raises UsageError: no target, no key, nothing selected, or the report folder cannot be written. Nothing was sent.
    """
    catalogue = load(options.contract or config.target.contract)
    selected = [r.id for r in catalogue.select(options.profiles) if r.id in (options.selected or (r.id,))]
    if not selected:
        raise UsageError("nothing is selected", mend="name core, guide or hardening, and ids that they hold")
    if not config.target.base_url:
        raise UsageError("no target is named", mend="give --target URL (or --target reference), or set target.base_url")
    if not config.target.api_key:
        raise UsageError("is not set", where="target.api_key", mend="set it, or api_key_env to the name of a variable")
    if options.replay is not None:
        check(options.replay, config, f"program {options.replay.name}")
    folder = make_folder(options.report_dir)
    with suppress(OSError):
        (folder / CRASH_FILE).unlink(missing_ok=True)
    ending = Ending(lines=list(cautions(config)))
    with ExitStack() as kept:
        sent = _drive(
            config, options, folder, catalogue, selected, ending, progress, redactor or redactor_of(config), kept
        )
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


def make_folder(folder: Path) -> Path:
    """The report folder, made if need be.

    :raises UsageError: it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"cannot be written ({error.strerror})", where=str(folder), mend="name another --report-dir"
        ) from None
    return folder


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
) -> int:
    """Make the history. Returns the messages spent; how it ended stands in ``ending``.

    :param kept: until it ends, no other run writes into the folder's history, and signals do not end this one unjudged.
    """
    with ExitStack() as stack:
        header = _header(config, options, catalogue.contract_version)
        writer = stack.enter_context(HistoryWriter(folder / "history.jsonl", header))
        kept.enter_context(writer.hold())
        stop = kept.enter_context(caught())
        transport = HttpTransport(config, writer, redactor=redactor, stop=stop.check)
        stack.callback(transport.close)
        try:
            progress(Progress(part="preflight", what="asking whether the target can be tested"))
            preflight.check(transport, config, seed=options.seed)
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
            transport.note("stopped", text=str(error))
        except KeyboardInterrupt:
            stop.taken = True
            ended = stop.number == signal.SIGTERM
            ending.status, ending.complete = 143 if ended else 130, False
            transport.note("stopped", text="ended by SIGTERM" if ended else "interrupted")
        except Exception as crash:
            # A boundary: whatever breaks in a driver of ours, the history is closed and judged, and it is never a pass.
            ending.status, ending.complete = 5, False
            ending.lines.append(f"the suite itself broke ({type(crash).__name__}); {folder / CRASH_FILE} says where")
            logging.getLogger(__name__).debug("the suite broke", exc_info=True)
            write_crash(folder, redactor)
            transport.note("stopped", text=f"the suite itself broke: {type(crash).__name__}")
        finally:
            # What is left is to judge and to write it down, in seconds: a signal does not keep that from being done.
            stop.taken = True
            writer.close(transport.now(), complete=ending.complete, messages=transport.budget.messages)
        return transport.budget.messages


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
    verdicts = decide(history, judge(history, catalogue), catalogue)
    today = datetime.datetime.now(datetime.UTC).date()
    given = {item.requirement: item.verdict for item in verdicts.items}

    def report_with(exit_status: int, remarks: Sequence[str] = ()) -> Report:
        return build(
            history,
            verdicts,
            catalogue,
            finished=spent.finished(history) or _now(),
            exit_status=exit_status,
            history_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            messages=spent.messages(history) if messages is None else messages,
            waived=in_force(options.waivers, today, given),
            known=options.known,
            listed=options.listed,
            remarks=remarks,
        )

    draft = report_with(0)
    # A waiver may be for a requirement of a newer contract than this run's.
    wrong = stale(options.waivers, draft.requirements, load(), today)
    judged = of_verdicts(
        draft.requirements, history.header.profiles, fail_on=options.fail_on, known=options.known, stale=bool(wrong)
    )
    lost = tuple(str(o.value) for o in verdicts.observations if o.key == DATA_LOST)
    beside = (*wrong, *lost, *idle(options.waivers, given, today), *_known(draft))
    remarks = tuple(line for line in (spent.stopped(history), spent.left_out(history), *beside) if line)
    ended = ending or Ending()
    untestable = {TargetError.exit_status} if lost else set()
    report = report_with(worst({ended.status, judged, *untestable}), remarks)
    missing = write_all(report, history, folder) if folder is not None else ()
    if missing:
        report = report_with(worst({report.run.exit_status, SuiteError.exit_status}), remarks)
    lines = (*ended.lines, *beside, *missing)
    return Result(report=report, history=history, exit_status=report.run.exit_status, lines=lines)


#: Observation of the judges: even an untouched batch is gone, so that nothing that is missing is laid to a retry.
DATA_LOST = "data-lost"


def _known(report: Report) -> Sequence[str]:
    """Lines that say what does not count because of the baseline, if anything."""
    lines = []
    met = [item.id for item in report.requirements if item.known]
    if met:
        lines.append(f"{', '.join(met)}: the baseline fails there already, and it does not count again")
    unlisted = [item.id for item in report.chosen if item.not_in_baseline]
    if unlisted:
        lines.append(f"{', '.join(unlisted)}: the baseline does not list them; they are reported, and do not count")
    return lines


def read_program(path: Path) -> Program:
    """A program to replay.

    :raises FormatError: it is none.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Program)
    except OSError as error:
        raise FormatError(f"cannot be read ({error.strerror})", where=str(path), mend="name a program's file") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError(f"is no program ({error})", where=str(path), mend="give a file of DIR/programs") from None


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def new_seed() -> int:
    """A seed for a run that was given none."""
    return random.SystemRandom().randrange(1 << 31)
