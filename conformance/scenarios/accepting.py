"""A batch is retried until it is refused, and again while a retry is underway."""

from __future__ import annotations

from conformance.config import Config
from conformance.program.steps import AnyStep, Burst, Read, Retry, Send, State, Wait
from conformance.scenarios.scenario import Scenario, failing, quiet, round_of, sent, views


def _rounds(_: Config) -> tuple[AnyStep, ...]:
    again = round_of("b")
    return (*sent("b", failing(2)), *views("b"), *again, *again, *again, *again, *views("b"))


def _processing(_: Config) -> tuple[AnyStep, ...]:
    """Twice, for the state may be over before a slow way lets the retry through."""
    steps: list[AnyStep] = []
    for batch in ("b", "c"):
        status = Read(batch=batch, view="message", rows=(0,))
        look, retry = Read(batch=batch), Retry(batch=batch)
        steps.append(Burst(steps=(Send(batch=batch, rows=failing(1)), look, retry, look, status, retry, status)))
        # Only a target that accepts here keeps the run waiting: what it accepted has to show.
        steps.append(Wait(batch=batch, until="taken", essential=False))
        steps += [quiet(batch), Read(batch=batch), Read(batch=batch, view="message")]
    return tuple(steps)


def _after_accepted(_: Config) -> tuple[AnyStep, ...]:
    underway = Burst(
        steps=(
            Retry(batch="b"),
            Read(batch="b", view="message", rows=(0,)),
            Retry(batch="b"),
            Read(batch="b", view="message", rows=(0,)),
        )
    )
    return (*sent("b", failing(2)), Read(batch="b", view="message"), underway, quiet("b"), *views("b"))


def _held(_: Config) -> tuple[AnyStep, ...]:
    """The vendor's batch: one message, in processing until it is let go."""
    return (
        State(name="batch_processing", batch="held", params={"messages": "1"}),
        Wait(batch="held", until="listed"),
        Retry(batch="held"),
        State(name="batch_processing", batch="held", action="teardown"),
    )


ROUNDS = Scenario(
    name="rounds",
    title="A quiet batch of failed messages is retried, round after round, until it is refused.",
    requirements=(
        *("BR-ACC-01", "BR-ACC-02", "BR-ACC-04", "BR-ACC-05", "BR-ACC-06", "BR-SEL-01", "BR-SEL-03", "BR-SEL-04"),
        *("BR-SEL-05", "BR-SEL-08", "BR-LIV-01", "BR-IDS-02", "BR-SCH-01", "BR-SCH-02", "BR-ERR-03", "BR-ERR-05"),
    ),
    needs=("failing",),
    build=_rounds,
)
PROCESSING = Scenario(
    name="processing",
    title="A batch is retried at once after it was sent, while it is still being processed.",
    requirements=("BR-ACC-01", "BR-ERR-01"),
    needs=("failing",),
    build=_processing,
)
HELD = Scenario(
    name="held",
    title="A batch that the vendor holds in processing, by a provider state, is retried.",
    requirements=("BR-ACC-01", "BR-ERR-01"),
    needs=("provider_states",),
    build=_held,
)
AFTER_ACCEPTED = Scenario(
    name="after-accepted",
    title="A batch is retried again at once after an accepted retry, while its messages are created.",
    requirements=("BR-BLK-01", "BR-BLK-03", "BR-ERR-02"),
    needs=("failing",),
    build=_after_accepted,
)
