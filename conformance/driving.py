"""Make the history of one run: the drivers against the target, however the run ends. Judges nothing."""

from __future__ import annotations

import datetime
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import msgspec

from conformance import __version__, preflight
from conformance.baseline import Baseline
from conformance.catalogue import Catalogue
from conformance.config import Config
from conformance.config_load import digest, languages, offers
from conformance.drivers import DRIVERS, Drive, drive_all
from conformance.drivers.scenarios import run_programs
from conformance.ending import Ending, to_its_end
from conformance.errors import BudgetError
from conformance.exit_status import FailOn
from conformance.history.records import Given, Header, ImplementationInfo
from conformance.history.writer import HistoryWriter
from conformance.program.patience import POLLS_PART, Patience
from conformance.program.scheduler import Progress
from conformance.program.steps import Program
from conformance.scenarios import selecting
from conformance.signals import Stop
from conformance.so_far import SoFar, Watcher
from conformance.transport.client import HttpTransport
from conformance.transport.redact import Redactor
from conformance.waivers import StaleWaivers, Waiver


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
    #: Programs that a replay carries out at the same time: those without which its proof is not complete.
    beside: tuple[Program, ...] = ()
    #: What does not count again, or not yet.
    baseline: Baseline | None = None
    waivers: tuple[Waiver, ...] = ()
    stale_waivers: StaleWaivers = "fail"
    #: Seconds to wait for a target that is starting.
    wait: float = 0.0
    #: Version of the contract; None: the configuration's.
    contract: str | None = None
    #: End the run as soon as what is on record gives exit status 1.
    stop_early: bool = False


def replayed(
    program: Program, config: Config, requirements: Sequence[str], others: Sequence[Program] = ()
) -> Mapping[str, tuple[Program, tuple[str, ...]]]:
    """What a replay carries out: the program, and a batch left alone, without which some of what it shows might have come
    by itself (docs/design.md, attribution)."""
    control = selecting.CONTROL
    beside = {control.name: (control.program(config), control.requirements)} if config.recipients.failing else {}
    wanted = {one.name: (one, tuple(requirements)) for one in (*others, program)}
    return {**beside, **wanted}


class Network(Protocol):
    """The way to the target, and the time that passes meanwhile. Another one leads to a target inside this process."""

    def connect(
        self, config: Config, writer: HistoryWriter, redactor: Redactor, stop: Callable[[], None]
    ) -> HttpTransport:
        """Return the transport of a run: every request passes it, and ``writer`` gets every exchange."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class OverHttp:
    """The network, and the time of this machine."""

    def connect(
        self, config: Config, writer: HistoryWriter, redactor: Redactor, stop: Callable[[], None]
    ) -> HttpTransport:
        """As ``Network``."""
        return HttpTransport(config, writer, redactor=redactor, stop=stop)

    def sleep(self, seconds: float) -> None:
        """As ``Network``."""
        time.sleep(seconds)


def make_history(
    config: Config,
    options: Options,
    *,
    folder: Path,
    catalogue: Catalogue,
    requirements: Sequence[str],
    ending: Ending,
    progress: Callable[[Progress], None],
    redactor: Redactor,
    kept: ExitStack,
    stop: Stop,
    network: Network,
    judged: Callable[[], SoFar],
) -> int:
    """Make the history. Returns the messages spent; how it ended stands in ``ending``.

    :param judged: judges what is on record so far.
    :param kept: until it ends, no other run writes into the folder's history, and signals do not end this one unjudged.
    """
    with ExitStack() as stack:
        header = _header(config, options, catalogue.contract_version)
        writer = stack.enter_context(HistoryWriter(folder / "history.jsonl", header))
        kept.enter_context(writer.hold())
        transport = network.connect(config, writer, redactor, stop.check)
        stack.callback(transport.close)
        watcher = Watcher(judged, lambda: writer.calls, options.stop_early)
        max_polls = POLLS_PART * config.limits.max_calls
        patience = Patience(config.timing.settle_timeout, max_polls, watcher.proved)

        def idle(seconds: float) -> None:
            if not transport.budget.left():
                what = f"{config.limits.max_seconds:g} s are over"
                raise BudgetError(what, where="limits.max_seconds", hint="raise it")
            watcher.idle(seconds)

        def told(now: Progress) -> None:
            progress(of_the_run(now, transport, config, watcher.so_far))

        def drive() -> None:
            told(Progress(part="preflight", what="asking whether the target can be tested"))
            preflight.wait_for(transport, config, seed=options.seed, seconds=options.wait)
            run = Drive(
                transport=transport,
                config=config,
                requirements=requirements,
                seed=options.seed,
                depth=options.depth,
                mark=header.run_id,
                folder=folder,
                progress=told,
                sleep=network.sleep,
                patience=patience,
                idle=idle,
                ended=watcher.ended,
                so_far=watcher.judge,
            )
            if options.replay is not None:
                run_programs(run, replayed(options.replay, config, requirements, options.beside))
            else:
                drive_all(run, options.drivers)
            stop.check()
            transport.outage.at_the_end()
            told(Progress(part="judging", what="the history is judged, and the reports are written"))

        to_its_end(drive, ending, writer=writer, transport=transport, stop=stop, folder=folder, redactor=redactor)
        return transport.budget.messages


def of_the_run(now: Progress, transport: HttpTransport, config: Config, so_far: SoFar) -> Progress:
    """Return the progress of a part with what the run as a whole has come to."""
    return replace(
        now,
        elapsed=transport.now(),
        calls=transport.budget.calls,
        max_calls=config.limits.max_calls,
        messages=transport.budget.messages,
        max_messages=config.limits.max_messages,
        failures=len(so_far.broken),
        causes=so_far.causes,
    )


def _header(config: Config, options: Options, contract: str) -> Header:
    lag = config.timing.read_lag
    other = config.target.other
    return Header(
        suite_version=__version__,
        contract_version=contract,
        run_id=str(uuid.uuid4()),
        started=now(),
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


def now() -> str:
    """Return the present time, as the header of a history has it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
