"""Start a run from what a user typed: a target by name or URL, a file, the environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from conformance.catalogue import known_version
from conformance.config import Config, Implementation, Limits
from conformance.config_load import load
from conformance.program.scheduler import Progress
from conformance.session import Options, Result, execute
from conformance.signals import Stop
from conformance.transport.client import redactor_of
from conformance.transport.redact import Redactor

REFERENCE = "reference"
#: How fast that target is: what is watched lasts long enough to be seen, and a first run is soon over.
SPEED = 1.25
CONTRACT_VARIABLE = "CONFORMANCE_TARGET__CONTRACT"


@contextmanager
def configured(target: str | None, file: Path | None, environ: Mapping[str, str]) -> Iterator[Config]:
    """The configuration of a run; for the target ``reference``, with a reference target running meanwhile.

    :raises UsageError: the configuration is wrong.
    """
    if target != REFERENCE:
        yield load(file, environ, target=target)
        return
    # Imported here: the reference target is no part of a run against another.
    from conformance.reference.server import ReferenceServer
    from conformance.reference.settings import Settings

    own = _own(file, environ)
    with ReferenceServer(Settings(speed=SPEED)) as server:
        config = server.config()
        held_to = msgspec.structs.replace(config.target, contract=own.target.contract)
        # Whatever else is configured: a report of this target is never taken for one of another.
        named = Implementation(product="embedded reference target")
        yield msgspec.structs.replace(config, target=held_to, capabilities=own.capabilities, implementation=named)


def _own(file: Path | None, environ: Mapping[str, str]) -> Config:
    """What a user's configuration says that holds for the reference target too: declarations, and the contract."""
    if file is None:
        return load(None, {k: v for k, v in environ.items() if k == CONTRACT_VARIABLE})
    return load(
        file, {k: v for k, v in environ.items() if k == CONTRACT_VARIABLE or not k.startswith("CONFORMANCE_TARGET__")}
    )


def contract_of(
    target: str | None, file: Path | None, environ: Mapping[str, str], asked: str | None, option: str = "--contract"
) -> str:
    """The version of the contract that a run will judge by: the one asked for, else the configuration's.

    :param asked: the option for it, if it was given; :param option: what that is called.
    :raises UsageError: the version is unknown, or the configuration is wrong.
    """
    if asked is not None:
        return known_version(asked, option)
    config = _own(file, environ) if target == REFERENCE else load(file, environ, target=target)
    return config.target.contract


def launch(
    target: str | None,
    file: Path | None,
    environ: Mapping[str, str],
    options: Options,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    ready: Callable[[Config, Redactor], None] = lambda *_: None,
    stop: Stop | None = None,
    limits: Limits | None = None,
) -> Result:
    """Run the suite.

    :param ready: gets the configuration and the run's redactor before anything happens, for the screen.
    :param stop: signals that the caller catches already.
    :param limits: in place of the configuration's.
    :raises UsageError: the configuration is wrong; nothing was sent.
    """
    with configured(target, file, environ) as config:
        if limits is not None:
            config = msgspec.structs.replace(config, limits=limits)
        redactor = redactor_of(config)
        ready(config, redactor)
        return execute(config, options, progress=progress, redactor=redactor, stop=stop)
