"""`serve` and `selftest`: the reference target; `doctor`: one's own."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

from conformance.cli.paths import FILE
from conformance.cli.screen import Screen
from conformance.doctor import examine
from conformance.drivers.drive import DEPTHS
from conformance.launch import configured
from conformance.transport.client import redactor_of


@click.command()
@click.option("--port", default=0, type=click.IntRange(0, 65535), metavar="N", help="By default any that is free.")
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.001, 1000),
    help="How many times as fast deliveries are.",
)
@click.option(
    "--delivery",
    default=0.8,
    show_default=True,
    type=click.FloatRange(0.001, 3600),
    help="Seconds that a delivery takes.",
)
@click.option(
    "--answer-delay",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 60),
    help="Seconds that each answer takes.",
)
@click.option("--rate", type=click.FloatRange(0.1), help="Calls a second above which it answers 429.")
@click.option("--tls", is_flag=True, help="Over HTTPS, with a certificate for tests.")
@click.option(
    "--fault", "faults", multiple=True, metavar="NAME", help="Be wrong in this way (`list faults`); may be repeated."
)
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="NAME",
    help="Differ in this way (`list variants`); may be repeated.",
)
def serve(
    port: int,
    speed: float,
    delivery: float,
    answer_delay: float,
    rate: float | None,
    tls: bool,
    faults: tuple[str, ...],
    variants: tuple[str, ...],
) -> int:
    """Serve the reference target on loopback, and print a configuration for it. No SMS is ever sent."""
    from conformance.reference.server import serve as serve_reference
    from conformance.reference.settings import Settings

    settings = Settings(
        speed=speed, delivery=delivery, answer_delay=answer_delay, rate=rate, tls=tls, faults=faults, variants=variants
    )
    try:
        # Not through the screen: the reference target's keys are no secret, and are there to be pasted.
        serve_reference(settings, port, click.echo)
    except KeyboardInterrupt:
        # Interrupting is how a server is ended.
        return 0
    return 0


@click.command()
@click.option("--fault", "faults", multiple=True, metavar="NAME", help="This fault; by default all.")
@click.option("--variant", "variants", multiple=True, metavar="NAME", help="This variant; by default all.")
@click.option("--depth", default="quick", show_default=True, type=click.Choice(DEPTHS))
@click.pass_obj
def selftest(screen: Screen, faults: tuple[str, ...], variants: tuple[str, ...], depth: str) -> int:
    """Run against the reference target with each fault and variant: the kill matrix.

    Exit status 0 if every fault is found by a requirement that it breaks, and no innocent target is accused.
    """
    from conformance.selftest import run

    return run(faults, variants, depth=depth, echo=screen.say)


@click.command()
@click.option("--config", "config_file", type=FILE, metavar="FILE", help="Configuration, TOML.")
@click.option("--target", metavar="URL|reference", help="Overrides target.base_url.")
@click.pass_obj
def doctor(screen: Screen, config_file: Path | None, target: str | None) -> int:
    """Check a configuration and its target; say what will not be settled, and why. Sends no message."""
    with configured(target, config_file, os.environ) as config, tempfile.TemporaryDirectory() as folder:
        screen.redactor = redactor_of(config)
        diagnosis = examine(config, Path(folder))
        for line in diagnosis.lines:
            screen.say(line, fold=True)
        return diagnosis.exit_status
