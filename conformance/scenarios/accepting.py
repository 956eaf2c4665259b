"""A batch is retried until it is refused, while it is being processed, and again while a retry is underway."""

from __future__ import annotations

from conformance.config import Config
from conformance.program.steps import AnyStep, Burst, Read, Retry, RowSpec, Send, SingleRetry, State, Wait
from conformance.scenarios.scenario import Scenario, failing, rest, retried, round_of, sent, single


def _rounds(config: Config) -> tuple[AnyStep, ...]:
    """The first and the last message are also retried by themselves, so that they are exhausted before the second.

    Batch and single retries count together (BR-SEL-04), and whatever looks at one message of a batch looks at one of the
    two. The third retry of the first message is a single one, those of the others are the batch's: both kinds have one limit.
    With a limit of two retries as with one of three, the second message is left when the first is exhausted. A delivered message
    is there as well, so that the batch is exhausted when not all of its messages are. At the end the views have to agree, of
    messages that were retried as often as it goes.
    """
    delivered = (RowSpec(role="succeeding"),) if config.recipients.succeeding else ()
    rows = (*failing(2), *delivered, RowSpec())
    first, last = SingleRetry(batch="b", row=0, by="place"), SingleRetry(batch="b", row=-1, by="place")
    # Between, the listing shows all of them, and the first shows the batch's status.
    again = round_of("b", 1)
    return (
        *(*sent("b", rows), *rest("b", len(rows)), Read(batch="b", view="campaign")),
        *(first, last, single("b", 0, -1), retried("b")),
        # Once single retries are refused, no accepted retry can still owe these messages an attempt.
        *(*again, first, retried("b"), *again, first, last, retried("b"), *again),
        # What the last refusal leaves to a queue shows later. It is looked for before the control batch is, for that has to stand
        # still after every retry has settled.
        *(Retry(batch="b"), single("b", 0), Wait(batch="b", until="others"), retried("b")),
        # What keeps up with a first retry may not keep up with the third.
        Wait(batch="b", until="agreed", essential=False),
    )


def _at_once(batch: str) -> Burst:
    """Send a batch of one message, and retry it while it is still being processed."""
    status = Read(batch=batch, view="message", rows=(0,))
    look, retry = Read(batch=batch), Retry(batch=batch)
    return Burst(steps=(Send(batch=batch, rows=failing(1)), look, retry, look, status, retry, status))


def _processing(_: Config) -> tuple[AnyStep, ...]:
    """Once more in ``after-accepted``, for the state may be over before a slow way lets the retry through."""
    # Only a target that accepts here keeps the run waiting: what it accepted has to show.
    return (_at_once("b"), retried("b"))


def _after_accepted(_: Config) -> tuple[AnyStep, ...]:
    """When the other scenarios have ended: the batch is as old as a run makes any before its first valid retry.

    It was retried while it was being processed: what such a refusal leaves behind (a lock, a mark) must not keep the batch
    from being retried when it is quiet.
    """
    look = single("b", 0)
    underway = Burst(steps=(Retry(batch="b"), look, Retry(batch="b"), look))
    return (_at_once("b"), Wait(batch="b", until="others"), retried("b"), underway, retried("b"))


def _held(_: Config) -> tuple[AnyStep, ...]:
    """The vendor's batch: one message, in processing until it is let go; retried while the message is on its way, and
    again when it has failed, so that nothing but the status stands in the way."""
    return (
        State(name="batch_processing", batch="held", params={"messages": "1"}),
        Wait(batch="held", until="listed"),
        *(Retry(batch="held"), Wait(batch="held", until="terminal", essential=False), single("held", 0)),
        *(Retry(batch="held"), single("held", 0)),
        State(name="batch_processing", batch="held", action="teardown"),
    )


ROUNDS = Scenario(
    name="rounds",
    title="A batch is retried, round after round, and two of its messages by themselves, until each is refused.",
    requirements=(
        *("BR-ACC-01", "BR-ACC-02", "BR-ACC-04", "BR-ACC-05", "BR-ACC-06", "BR-SEL-01", "BR-SEL-03", "BR-SEL-04"),
        *("BR-SEL-05", "BR-SEL-08", "BR-SEL-09", "BR-LIV-01", "BR-IDS-02", "BR-SCH-01", "BR-SCH-02", "BR-ERR-03"),
        *("BR-ERR-05", "BR-IDS-07", "BR-ERR-06", "BR-ERR-07", "BR-ERR-08", "BR-ERR-09", "BR-SGL-01", "BR-SGL-02"),
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
    title="A batch is retried while it is processed, and, as the oldest, in the end, and at once again, its message created.",
    requirements=("BR-ACC-01", "BR-ACC-02", "BR-ERR-01", "BR-BLK-01", "BR-BLK-03", "BR-ERR-02", "BR-LIV-01"),
    needs=("failing",),
    build=_after_accepted,
)
