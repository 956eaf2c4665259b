"""What a scenario is: a declared value. It plans; it decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from conformance.config import Config
from conformance.history.probe import Probe
from conformance.program.steps import AnyStep, Burst, Program, Read, Retry, RowSpec, Send, SingleRetry, Wait

#: Seconds between the first and the last look at a blocking message: two looks at least a second apart (ruling 23).
STATUS_LAG = 1.1
#: Probes of a chain between two reads: an effect that shows behind them breaks one requirement, whichever of them had it.
PROBES_A_READ = 4
#: Reads that a burst ends with.
AnyLook = tuple[Read, ...]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A planned situation.

    :param name: kebab-case; :param title: one sentence of what is done.
    :param requirements: what it exercises; :param needs: what the configuration must offer.
    :param build: makes the program for a configuration.
    :param deep: it is run at depth deep only.
    """

    name: str
    title: str
    requirements: tuple[str, ...]
    needs: tuple[str, ...] = ()
    build: Callable[[Config], tuple[AnyStep, ...]]
    deep: bool = False

    def program(self, config: Config) -> Program:
        """The program for this configuration."""
        return Program(name=self.name, steps=self.build(config))


# The vocabulary that scenarios are written in.


def failing(count: int) -> tuple[RowSpec, ...]:
    """Rows whose messages fail."""
    return tuple(RowSpec() for _ in range(count))


def quiet(batch: str) -> Wait:
    """Wait until the batch is quiet; the wait's last look reads its listing, and its first message by itself."""
    return Wait(batch=batch, until="quiet")


def retried(batch: str) -> Wait:
    """Wait until what the last retries of the batch pick up shows, and the batch is quiet again; reads as ``quiet``."""
    return Wait(batch=batch, until="retried")


def sent(batch: str, rows: tuple[RowSpec, ...]) -> tuple[AnyStep, ...]:
    """Send a batch and wait until it is quiet."""
    return (Send(batch=batch, rows=rows), quiet(batch))


def single(batch: str, *places: int) -> Read:
    """Read the messages at these places of the batch's listing, one by one."""
    return Read(batch=batch, view="message", rows=places, by="place")


def rest(batch: str, size: int) -> tuple[AnyStep, ...]:
    """Read, one by one, the messages that a wait has not just read by itself: all but the first."""
    return (single(batch, *range(1, size)),) if size > 1 else ()


def round_of(batch: str, size: int) -> tuple[AnyStep, ...]:
    """Retry a quiet batch, look at a message at once, and wait until the batch of ``size`` rows is quiet again."""
    return (Retry(batch=batch), single(batch, 0), retried(batch), *rest(batch, size))


def blocked(
    batch: str,
    place: int,
    *,
    by: Literal["row", "place"] = "place",
    look: AnyLook = (),
    watched: bool = True,
    twice: bool = False,
    cause: str | None = None,
) -> tuple[AnyStep, ...]:
    """Make the message at this place of the listing, or of this row, ``created`` by a single retry, retry the batch, and look.

    The retry comes at once, and the look is at that message.

    :param look: what is read besides, after the refusal.
    :param twice: whether the retry is sent again at once: a refusal that is the second in a row (ruling 23).
    :param cause: what the second retry has that must not matter.
    :param watched: whether the message is read once more, a second later, while it is still ``created`` (ruling 23).
    """
    shown = Read(batch=batch, view="message", rows=(place,), by=by)
    again = (Retry(batch=batch, cause=cause), shown) if twice else ()
    burst = Burst(
        steps=(
            # What was read before the single retry says nothing of the batch's status after it (ruling 24).
            SingleRetry(batch=batch, row=place, by=by),
            shown,
            Retry(batch=batch),
            shown,
            *look,
            *again,
        )
    )
    later = Wait(batch=batch, until="left", row=place, by=by, seconds=STATUS_LAG, essential=False)
    return (burst, *([later] if watched else []), retried(batch))


def chain(batch: str, causes: Sequence[str]) -> tuple[AnyStep, ...]:
    """A closed chain: probes on a quiet batch that was never retried (ruling 26), read back now and then, and the valid
    retry at the end."""
    steps: list[AnyStep] = [*sent(batch, failing(2)), single(batch, 1)]
    for probes in _between_reads(causes):
        steps += [*(Retry(batch=batch, cause=cause) for cause in probes), Read(batch=batch)]
    return (*steps, single(batch, 0), Retry(batch=batch), retried(batch), *rest(batch, 2))


def _between_reads(causes: Sequence[str]) -> Iterator[Sequence[str]]:
    """The probes, a few of the same requirement at a time."""
    for _, group in groupby(causes, lambda cause: probe.requirement() if (probe := Probe.parse(cause)) else None):
        same = tuple(group)
        yield from (same[i : i + PROBES_A_READ] for i in range(0, len(same), PROBES_A_READ))
