"""Retries that leave at once: of a batch against each other, against the single retry of a message, against reads.

Batches of one message count strictly: two accepted retries must give it two attempts. They are raced in two rounds, for
two retries of a message are always allowed (ruling 3). What is underway twice can be seen for a moment only, so the
messages are read as soon as the race is over.
"""

from __future__ import annotations

from conformance.config import Config
from conformance.program.steps import AnyStep, Read, Retry, RowSpec, Send, SingleRetry, Together, Wait
from conformance.scenarios.scenario import Scenario, failing, quiet, rest
from conformance.transport.origin import parse_base_url
from conformance.transport.race import widest

#: Batches by name, with their rows and what is done in each round.
_Raced = tuple[tuple[str, tuple[RowSpec, ...], tuple[Together | Retry, ...]], ...]
#: Retries in flight at once in the widest race: more than usual pools of workers or connections hold.
IN_FLIGHT = 30
#: One that is retried without a rival: what becomes of it tells what the race is to blame for.
_ALONE = ("alone", failing(1), (Retry(batch="alone"),))


def _retries(batch: str, count: int = 2) -> Together:
    return Together(steps=(Retry(batch=batch),) * count)


def _against_single(batch: str, row: int = 0) -> tuple[Together, Together]:
    """Two rounds; in the second the single retry is released first."""
    one, other = Retry(batch=batch), SingleRetry(batch=batch, row=row)
    return Together(steps=(one, other)), Together(steps=(other, one))


def _singles(batch: str, row: int) -> Together:
    """One message is retried by itself twice at once: one of the two comes too late."""
    return Together(steps=(SingleRetry(batch=batch, row=row),) * 2)


def _raced(raced: _Raced, *, moving: tuple[str, ...] = ()) -> tuple[AnyStep, ...]:
    """All batches are sent, then raced round by round; the waits of one batch are the others' too.

    Each race comes right after the wait for its batch, whose last look reads the listing and the first message: other
    batches' rounds may take a while, and the reads before a race are fresh. A batch that a race leaves stuck does not keep
    the others from being read (BR-CON-02).

    :param moving: batches that are read once more after the first round, while their attempts are in progress: what a queue
        carries out late shows next to what came first (BR-SEL-08).
    """

    def retried(batch: str) -> Wait:
        return Wait(batch=batch, until="retried", essential=False)

    steps: list[AnyStep] = [Send(batch=batch, rows=rows) for batch, rows, _ in raced]
    for turn in range(max(len(rounds) for _, _, rounds in raced)):
        for batch, rows, rounds in raced:
            if turn < len(rounds):
                steps += [quiet(batch) if turn == 0 else retried(batch), *rest(batch, len(rows)), rounds[turn]]
                steps += [Read(batch=batch, view="message")]
        if turn == 0:
            steps += [Wait(batch=batch, until="moved", essential=False) for batch in moving]
    for batch, rows, _ in raced:
        steps += [retried(batch), *rest(batch, len(rows))]
    return tuple(steps)


def _batch(config: Config) -> tuple[AnyStep, ...]:
    beside = RowSpec(role="succeeding") if config.recipients.succeeding else RowSpec()
    # Where numbers recover, two more batches are raced (``recovering``).
    second = () if config.recipients.recovering else (_retries("b"),)
    raced: _Raced = (
        ("a", failing(1), (_retries("a"), _retries("a"))),
        ("b", failing(1), (_retries("b"), *second)),
        ("c", (RowSpec(), beside), (_retries("c"),)),
        _ALONE,
    )
    if _loopback(config):
        raced += (("wide", failing(1), (_retries("wide", 3), _retries("wide", 6))),)
    # Two batches at once, neither of which is the other's business: both were retried once only.
    apart = ("c", "alone")
    both = Together(steps=tuple(Retry(batch=batch) for batch in apart))
    return (*_raced(raced), both, *(Wait(batch=batch, until="retried", essential=False) for batch in apart))


def _wide(config: Config) -> tuple[AnyStep, ...]:
    width = min(IN_FLIGHT, widest(config.limits.calls_per_second, loopback=_loopback(config)))
    # Two rounds: three races are needed (ruling 25), and of the last one that a run makes, no read need be late enough.
    return _raced((("wide", failing(1), (_retries("wide", width), _retries("wide", width))), _ALONE))


def _single(config: Config) -> tuple[AnyStep, ...]:
    """What the loser makes of the winner's attempt shows in a message that recovers: it is not the old failure again."""
    second = RowSpec(role="recovering") if config.recipients.recovering else RowSpec()
    return _raced(
        (
            ("a", failing(1), _against_single("a")),
            ("b", failing(1), _against_single("b")),
            ("c", (RowSpec(), second), (_against_single("c", row=1)[1], _singles("c", row=0))),
            ("alone", failing(1), _watched(config)),
        ),
        moving=("a", "b", "c"),
    )


def _watched(config: Config) -> tuple[Together | Retry, ...]:
    """A retry without a rival, at once with reads, where the rate allows so many at once."""
    look = Read(batch="alone", view="message", rows=(0,))
    at_once = Together(steps=(look, Retry(batch="alone"), Read(batch="alone")))
    fits = len(at_once.steps) <= widest(config.limits.calls_per_second, loopback=_loopback(config))
    return (at_once,) if fits else (Retry(batch="alone"),)


def raced(batch: str, config: Config) -> Together | Retry:
    """Two retries of the batch at once, where the rate allows them; one otherwise."""
    fits = widest(config.limits.calls_per_second, loopback=_loopback(config)) >= 2
    return _retries(batch) if fits else Retry(batch=batch)


def _loopback(config: Config) -> bool:
    return parse_base_url(config.target.base_url, booked=True).loopback


BATCH = Scenario(
    name="race-batch",
    title="Quiet batches are retried twice at once, in two rounds, and then two of them at once.",
    requirements=("BR-CON-01", "BR-CON-02", "BR-SEL-08", "BR-SEL-10", "BR-ERR-08"),
    needs=("failing",),
    build=_batch,
)
SINGLE = Scenario(
    name="race-single",
    title="Quiet batches are retried at once with the single retry of a message, or with reads; then two single retries at once.",
    requirements=("BR-CON-03", "BR-SEL-03", "BR-SEL-08", "BR-SCH-02"),
    needs=("failing",),
    build=_single,
)
WIDE = Scenario(
    name="race-wide",
    title=f"A quiet batch is retried {IN_FLIGHT} times at once, or as often as the rate allows, in two rounds.",
    requirements=("BR-CON-01", "BR-ACC-05", "BR-ERR-08"),
    needs=("failing",),
    build=_wide,
    deep=True,
)
