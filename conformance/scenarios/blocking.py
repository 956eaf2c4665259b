"""A created message stands in the way, at each place of the batch; afterwards the batch is retried again."""

from __future__ import annotations

from conformance.config import Config
from conformance.program.steps import AnyStep, Burst, Read, Retry, SingleRetry
from conformance.scenarios.scenario import Scenario, blocked, failing, quiet, round_of, sent


def _blocked(_: Config) -> tuple[AnyStep, ...]:
    begin = (*sent("b", failing(4)), Read(batch="b", view="message"))
    return (*begin, *blocked("b", 0), *blocked("b", -1), *blocked("b", 1), *round_of("b"))


def _blocked_later(_: Config) -> tuple[AnyStep, ...]:
    begin = (*sent("b", failing(2)), Read(batch="b", view="message"))
    return (*begin, *round_of("b"), *blocked("b", 0))


def _beside(_: Config) -> tuple[AnyStep, ...]:
    both = Burst(
        steps=(
            SingleRetry(batch="other", row=0),
            Read(batch="other", view="message", rows=(0,)),
            Retry(batch="b"),
            Read(batch="other", view="message", rows=(0,)),
            Read(batch="b", view="message", rows=(0,)),
        )
    )
    ready = (*sent("b", failing(1)), *sent("other", failing(2)))
    return (*ready, Read(batch="b", view="message"), both, quiet("b"), quiet("other"), Read(batch="b", view="message"))


BLOCKED = Scenario(
    name="blocked",
    title="One message is made created by a single retry, first, last and in the middle, and the batch retried.",
    requirements=(
        "BR-BLK-01",
        "BR-BLK-02",
        "BR-BLK-03",
        "BR-ACC-03",
        "BR-ERR-02",
        "BR-ERR-03",
        "BR-SCH-01",
        "BR-SCH-02",
    ),
    needs=("failing",),
    build=_blocked,
)
BLOCKED_LATER = Scenario(
    name="blocked-later",
    title="A batch that was retried before is retried beside a created message.",
    requirements=("BR-BLK-01", "BR-BLK-02", "BR-BLK-03"),
    needs=("failing",),
    build=_blocked_later,
)
BESIDE = Scenario(
    name="beside",
    title="A quiet batch is retried while another batch of the campaign has a created message.",
    requirements=("BR-SEL-10", "BR-SEL-07"),
    needs=("failing",),
    build=_beside,
)
