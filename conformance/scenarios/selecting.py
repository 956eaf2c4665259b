"""Which messages a retry takes up: not the delivered, and nothing by itself."""

from __future__ import annotations

from conformance.config import Config
from conformance.program.steps import AnyStep, Burst, Read, Retry, RowSpec, Send, SingleRetry, SingleSend, Wait
from conformance.scenarios.racing import raced
from conformance.scenarios.scenario import Scenario, failing, quiet, rest, retried, sent, single

#: Rows of the control batch.
CONTROL_ROWS = 2
#: Rows that are sent in the end at most: the simulator has so many numbers.
LATER_ROWS = 7


def _delivered(_: Config) -> tuple[AnyStep, ...]:
    """In the end it is listed once more: what the refusal leaves to a queue would text those who have got the message."""
    rows = (RowSpec(role="succeeding"), RowSpec(role="succeeding"))
    late = (Wait(batch="b", until="last"), Read(batch="b"))
    return (*sent("b", rows), *rest("b", 2), Retry(batch="b"), retried("b"), *late)


def _mixed(config: Config) -> tuple[AnyStep, ...]:
    # One that recovers, retried without a rival: what becomes of it tells what races are to blame for.
    third = RowSpec(role="recovering" if config.recipients.recovering else "failing")
    rows = (RowSpec(), RowSpec(role="succeeding"), third, RowSpec(role="succeeding"))
    agreed = Wait(batch="b", until="agreed", essential=False)
    before = (*sent("b", rows), *rest("b", 4), Read(batch="b", view="campaign"))
    # A message that was sent singly, and is created meanwhile, is no business of the batch's.
    beside = Burst(steps=(SingleSend(batch="alone"), Retry(batch="b"), single("b", 0, 2)))
    return (*before, beside, retried("b"), agreed)


def _control(_: Config) -> tuple[AnyStep, ...]:
    """A batch, and a message that was sent singly: neither is ever retried. In the end they are the oldest of the run: no lag
    explains what pages of the campaign's listing lose of them."""
    look = (Read(batch="b"), Read(batch="b", view="message"), Read(batch="alone"), Read(batch="b", view="parted"))
    return (
        *(Send(batch="b", rows=failing(CONTROL_ROWS)), SingleSend(batch="alone")),
        *(quiet("b"), Wait(batch="alone", until="terminal"), *rest("b", CONTROL_ROWS)),
        *(Read(batch="b", view="campaign"), Wait(batch="b", until="last"), *look),
    )


def _later(config: Config) -> tuple[AnyStep, ...]:
    """One message to each number, where anything was waited for in vain: one that is stuck is compared with a later one."""
    numbers = len(config.recipients.failing)
    send = Send(batch="b", rows=failing(max(2, min(numbers, config.limits.max_rows, LATER_ROWS))))
    # The campaign's listing shows once more whatever another scenario has given up waiting for.
    return (Wait(batch="b", until="stuck"), send, quiet("b"), Read(batch="b", view="campaign"))


def _recovering(config: Config) -> tuple[AnyStep, ...]:
    """Two batches; a message to a succeeding number, sent after the retries, shows that the target delivers.

    Each is retried twice at once: what the loser makes of the winner's attempt shows, for it is not the old failure again.
    In the end one of those that a retry delivered is retried by itself, and the other by its batch: it has failed before, and
    is delivered all the same.
    """
    batches = ("b", "c")
    steps: list[AnyStep] = [Send(batch=batch, rows=(RowSpec(role="recovering"),)) for batch in batches]
    steps += [quiet(batch) for batch in batches]
    steps += [raced(batch, config) for batch in batches]
    if config.recipients.succeeding:
        steps.append(SingleSend(batch="later", row=RowSpec(role="succeeding")))
    steps += [retried(batch) for batch in batches]
    # A view that keeps the old status shows here: in every other scenario the new one is the same failure.
    steps.append(Wait(batch="b", until="agreed", essential=False))
    steps += [SingleRetry(batch="b", row=0), Read(batch="b", view="message", rows=(0,)), Retry(batch="c")]
    if config.recipients.succeeding:
        steps.append(Wait(batch="later", until="terminal", essential=False))
    return tuple(steps)


DELIVERED = Scenario(
    name="delivered",
    title="A batch that wholly succeeded is retried.",
    requirements=("BR-SEL-06", "BR-ERR-08"),
    needs=("succeeding",),
    build=_delivered,
)
MIXED = Scenario(
    name="mixed",
    title="A batch of delivered and failed messages is retried, and read in all views before and after.",
    requirements=(
        *("BR-SEL-01", "BR-SEL-02", "BR-IDS-01", "BR-IDS-02", "BR-IDS-04", "BR-IDS-07", "BR-SEL-10", "BR-LIV-02"),
    ),
    needs=("failing", "succeeding"),
    build=_mixed,
)
CONTROL = Scenario(
    name="control",
    title="A batch and a message sent singly are left alone and watched to the end of the run.",
    requirements=("BR-SEL-07", "BR-SEL-10", "BR-IDS-05"),
    needs=("failing",),
    build=_control,
)
LATER = Scenario(
    name="later",
    title="If anything was waited for in vain, messages are sent to the same recipients again: slow, or stuck?",
    requirements=("BR-LIV-01", "BR-CON-02", "BR-CON-03"),
    needs=("failing",),
    build=_later,
)
RECOVERING = Scenario(
    name="recovering",
    title="Messages to numbers that fail at first and succeed when retried are retried twice at once, in two batches.",
    requirements=("BR-LIV-02", "BR-CON-01", "BR-CON-02", "BR-IDS-07", "BR-SGL-01", "BR-SEL-06"),
    needs=("recovering",),
    build=_recovering,
)
