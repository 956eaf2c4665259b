"""The retry of one message: which messages it accepts, what it changes, and who may ask for it."""

from __future__ import annotations

from conformance.config import Config
from conformance.program.steps import AnyStep, Burst, Condition, Read, Retry, RowSpec, SingleRetry, Wait
from conformance.scenarios.scenario import Scenario, failing, rest, retried, sent


def _alone(config: Config) -> tuple[AnyStep, ...]:
    """Refused for an unknown message and for a delivered one; with another campaign's key and path, in a chain that the
    accepted retry closes; for the message that it has just reset, and once more while that is underway. Meanwhile the batch is
    retried: while the message is created, while it is underway, and while another is at the end of its way, where it may stay
    long; the first is delivered by then, if its number recovers, and is left alone: a last one has failed then."""
    rows = (*failing(2), *([RowSpec(role="succeeding")] if config.recipients.succeeding else []))
    if config.recipients.recovering:
        rows = (RowSpec(role="recovering"), *rows[1:], *failing(1))
    look, retry = Read(batch="b", view="message", rows=(0,)), SingleRetry(batch="b", row=0)
    steps: list[AnyStep] = [*sent("b", rows), *rest("b", len(rows))]
    steps.append(SingleRetry(batch="nobody's", cause="id:unknown"))
    if config.recipients.succeeding:
        steps += [SingleRetry(batch="b", row=2), Read(batch="b", view="message", rows=(2,))]
    for cause in _foreign(config):
        steps += [SingleRetry(batch="b", row=0, cause=cause), look]
    steps += [
        Burst(steps=(Read(batch="b"), look, retry, retry, Retry(batch="b"), look)),
        *(*_underway(0, "moved", retry), SingleRetry(batch="b", row=1), *_underway(1, "handed"), *rest("b", len(rows))),
    ]
    return tuple(steps)


def _underway(row: int, until: Condition, *before: SingleRetry) -> tuple[AnyStep, ...]:
    """The batch is retried while the message of this row is underway, and ``created`` no longer; what comes before it, too."""
    look = Read(batch="b", view="message", rows=(row,))
    return (Wait(batch="b", until=until), Burst(steps=(look, *before, Retry(batch="b"), look)), retried("b"))


def _foreign(config: Config) -> tuple[str, ...]:
    other = config.target.other
    if other is None:
        return ()
    return ("campaign:other", *(("auth:other-key", "campaign:other-own-key") if other.api_key is not None else ()))


ALONE = Scenario(
    name="alone",
    title="Single retries of unknown, delivered, reset and failed messages, also with another campaign's key and path.",
    requirements=(
        *("BR-SGL-01", "BR-SGL-02", "BR-SGL-03", "BR-SEL-02", "BR-SEL-08", "BR-BLK-01", "BR-BLK-02", "BR-BLK-03"),
        *("BR-ERR-02", "BR-ERR-09"),
    ),
    needs=("failing",),
    build=_alone,
)
