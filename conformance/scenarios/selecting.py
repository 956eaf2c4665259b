"""Which messages a retry takes up: not the delivered, not the spent, and nothing by itself."""

from __future__ import annotations

from conformance.config import Config
from conformance.program.steps import AnyStep, Burst, Read, Retry, RowSpec, Send, SingleRetry, Wait
from conformance.scenarios.scenario import Scenario, failing, quiet, round_of, sent, views


def _delivered(_: Config) -> tuple[AnyStep, ...]:
    rows = (RowSpec(role="succeeding"), RowSpec(role="succeeding"))
    return (
        *sent("b", rows),
        Read(batch="b", view="message"),
        Retry(batch="b"),
        quiet("b"),
        Read(batch="b", view="message"),
    )


def _mixed(_: Config) -> tuple[AnyStep, ...]:
    rows = (RowSpec(), RowSpec(role="succeeding"), RowSpec(), RowSpec(role="succeeding"))
    return (*sent("b", rows), *views("b"), *round_of("b"), *views("b"))


def _spent(_: Config) -> tuple[AnyStep, ...]:
    """The first and the last are spent, for what looks at one message of a batch looks at one of them."""
    once: tuple[AnyStep, ...] = (
        SingleRetry(batch="b", row=0, by="place"),
        SingleRetry(batch="b", row=-1, by="place"),
        Read(batch="b", view="message", rows=(0, -1), by="place"),
        quiet("b"),
        Read(batch="b", view="message"),
    )
    return (*sent("b", failing(3)), Read(batch="b", view="message"), *once, *once, *once, *once, *round_of("b"))


def _underway(_: Config) -> tuple[AnyStep, ...]:
    steps: tuple[AnyStep, ...] = (*sent("b", failing(2)), Read(batch="b", view="message"))
    for row in (0, 1):
        look = Read(batch="b", view="message", rows=(row,))
        steps += (
            SingleRetry(batch="b", row=row),
            Wait(batch="b", until="moved"),
            Burst(steps=(look, Retry(batch="b"), look)),
            quiet("b"),
            Read(batch="b", view="message"),
        )
    return steps


def _control(_: Config) -> tuple[AnyStep, ...]:
    watch = (Wait(batch="b", until="others"), *views("b"))
    return (*sent("b", failing(2)), *views("b"), *watch)


def _later(_: Config) -> tuple[AnyStep, ...]:
    send = Send(batch="b", rows=failing(2))
    # The campaign's listing shows once more whatever another scenario has given up waiting for.
    end = (Read(batch="b"), Read(batch="b", view="campaign"))
    return (*sent("first", failing(1)), Wait(batch="first", until="others"), send, quiet("b"), *end)


DELIVERED = Scenario(
    name="delivered",
    title="A batch that wholly succeeded is retried.",
    requirements=("BR-SEL-06",),
    needs=("succeeding",),
    build=_delivered,
)
MIXED = Scenario(
    name="mixed",
    title="A batch of delivered and failed messages is retried, and read in all views before and after.",
    requirements=("BR-SEL-01", "BR-SEL-02", "BR-IDS-01", "BR-IDS-02", "BR-IDS-04"),
    needs=("failing", "succeeding"),
    build=_mixed,
)
SPENT = Scenario(
    name="spent",
    title="Two messages are retried by themselves until that is refused; then their batch, with a third, is retried.",
    requirements=("BR-SEL-04", "BR-SEL-05", "BR-SEL-09", "BR-LIV-01", "BR-SCH-02"),
    needs=("failing",),
    build=_spent,
)
UNDERWAY = Scenario(
    name="underway",
    title="A batch is retried while one of its messages, retried by itself, is underway and created no longer.",
    requirements=("BR-SEL-02", "BR-SEL-08"),
    needs=("failing",),
    build=_underway,
)
CONTROL = Scenario(
    name="control",
    title="A batch is left alone and watched to the end of the run.",
    requirements=("BR-SEL-07",),
    needs=("failing",),
    build=_control,
)
LATER = Scenario(
    name="later",
    title="At the end, messages are sent to the same recipients again, to tell slow delivery from a stuck retry.",
    requirements=("BR-LIV-01", "BR-CON-02", "BR-CON-03"),
    needs=("failing",),
    build=_later,
)
