"""What a scenario is: a declared value. It plans; it decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from conformance.config import Config
from conformance.program.steps import AnyStep, Burst, Program, Read, Retry, RowSpec, Send, SingleRetry, Wait


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A planned situation.

    :param name: kebab-case; :param title: one sentence of what is done.
    :param requirements: what it exercises; :param needs: what the configuration must offer.
    :param build: makes the program for a configuration.
    """

    name: str
    title: str
    requirements: tuple[str, ...]
    needs: tuple[str, ...] = ()
    build: Callable[[Config], tuple[AnyStep, ...]]

    def program(self, config: Config) -> Program:
        """The program for this configuration."""
        return Program(name=self.name, steps=self.build(config))


# The vocabulary that scenarios are written in.


def failing(count: int) -> tuple[RowSpec, ...]:
    """Rows whose messages fail."""
    return tuple(RowSpec() for _ in range(count))


def quiet(batch: str) -> Wait:
    """Wait until the batch is quiet."""
    return Wait(batch=batch, until="quiet")


def sent(batch: str, rows: tuple[RowSpec, ...]) -> tuple[AnyStep, ...]:
    """Send a batch and wait until it is quiet."""
    return (Send(batch=batch, rows=rows), quiet(batch))


def round_of(batch: str) -> tuple[AnyStep, ...]:
    """Retry a batch, see what was taken up, and wait until it is quiet again."""
    return (
        Retry(batch=batch),
        Read(batch=batch, view="message"),
        Wait(batch=batch, until="taken", essential=False),
        quiet(batch),
        Read(batch=batch, view="message"),
    )


def views(batch: str) -> tuple[AnyStep, ...]:
    """Read a batch in all three views."""
    return (Read(batch=batch), Read(batch=batch, view="message"), Read(batch=batch, view="campaign"))


def blocked(batch: str, place: int) -> tuple[AnyStep, ...]:
    """Make the message at this place ``created`` by a single retry, retry the batch at once, and look at the message."""
    return (
        Burst(
            steps=(
                Read(batch=batch, view="message", rows=(place,), by="place"),
                SingleRetry(batch=batch, row=place, by="place"),
                Retry(batch=batch),
                Read(batch=batch, view="message", rows=(place,), by="place"),
            )
        ),
        quiet(batch),
        Read(batch=batch, view="message"),
    )


def chain(batch: str, causes: tuple[str, ...]) -> tuple[AnyStep, ...]:
    """A closed chain: probes on a quiet batch, a listing after each, and the valid retry at the end."""
    steps: list[AnyStep] = [*sent(batch, failing(2)), Read(batch=batch), Read(batch=batch, view="message")]
    for cause in causes:
        steps += [Retry(batch=batch, cause=cause), Read(batch=batch)]
    return (*steps, Read(batch=batch, view="message"), *round_of(batch))
