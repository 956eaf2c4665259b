"""Retries that leave at once: of a batch against each other, against the single retry of a message, against reads.

Batches of one message count strictly: two accepted retries must give it two attempts. They are raced in two rounds, for
two retries of a message are always allowed (ruling 3). What is underway twice can be seen for a moment only, so the
messages are read as soon as the race is over.
"""

from __future__ import annotations

from conformance.config import Config
from conformance.program.steps import AnyStep, Read, Retry, RowSpec, Send, SingleRetry, Together, Wait
from conformance.scenarios.scenario import Scenario, failing, quiet
from conformance.transport.origin import parse_base_url

#: Batches by name, with their rows and what is done in each round.
_Raced = tuple[tuple[str, tuple[RowSpec, ...], tuple[Together | Retry, ...]], ...]
#: One that is retried without a rival: what becomes of it tells what the race is to blame for.
_ALONE = ("alone", failing(1), (Retry(batch="alone"),))


def _retries(batch: str, count: int = 2) -> Together:
    return Together(steps=(Retry(batch=batch),) * count)


def _against_single(batch: str, row: int = 0) -> tuple[Together, Together]:
    """Two rounds; in the second the single retry is released first."""
    one, other = Retry(batch=batch), SingleRetry(batch=batch, row=row)
    return Together(steps=(one, other)), Together(steps=(other, one))


def _raced(raced: _Raced) -> tuple[AnyStep, ...]:
    """All batches are sent, then raced round by round; the waits of one batch are the others' too."""
    steps: list[AnyStep] = [Send(batch=batch, rows=rows) for batch, rows, _ in raced]
    for turn in range(max(len(rounds) for _, _, rounds in raced)):
        underway = [(batch, rounds[turn]) for batch, _, rounds in raced if turn < len(rounds)]
        for batch, race in underway:
            # Other batches' rounds may have taken a while: the reads before a race are fresh.
            steps += [quiet(batch), Read(batch=batch), Read(batch=batch, view="message"), race]
            steps += [Read(batch=batch, view="message"), Read(batch=batch)]
        for batch, _ in underway:
            steps += [Wait(batch=batch, until=until, essential=False) for until in ("taken", "quiet")]
            steps += [Read(batch=batch, view="message"), Read(batch=batch)]
    return tuple(steps)


def _batch(config: Config) -> tuple[AnyStep, ...]:
    beside = RowSpec(role="succeeding") if config.recipients.succeeding else RowSpec()
    raced: _Raced = (
        ("a", failing(1), (_retries("a"), _retries("a"))),
        ("b", failing(1), (_retries("b"), _retries("b"))),
        ("c", (RowSpec(), beside), (_retries("c"),)),
        _ALONE,
    )
    if parse_base_url(config.target.base_url, booked=True).loopback:
        raced += (("wide", failing(1), (_retries("wide", 3), _retries("wide", 4))),)
    return _raced(raced)


def _single(_: Config) -> tuple[AnyStep, ...]:
    return _raced(
        (
            ("a", failing(1), _against_single("a")),
            ("b", failing(1), _against_single("b")),
            ("c", failing(2), _against_single("c", row=1)),
            _ALONE,
        )
    )


def _reads(_: Config) -> tuple[AnyStep, ...]:
    seen = Read(batch="a", view="message", rows=(0,))
    return _raced((("a", failing(1), (Together(steps=(seen, Retry(batch="a"), Read(batch="a"), seen)),)),))


BATCH = Scenario(
    name="race-batch",
    title="Quiet batches are retried twice at once, in two rounds.",
    requirements=("BR-CON-01", "BR-CON-02", "BR-SEL-08"),
    needs=("failing",),
    build=_batch,
)
SINGLE = Scenario(
    name="race-single",
    title="Quiet batches are retried at once with the single retry of one of their messages, in two rounds.",
    requirements=("BR-CON-03", "BR-SEL-08"),
    needs=("failing",),
    build=_single,
)
READS = Scenario(
    name="race-reads",
    title="A quiet batch is retried at once with reads of its message.",
    requirements=("BR-SEL-03", "BR-SCH-02"),
    needs=("failing",),
    build=_reads,
)
