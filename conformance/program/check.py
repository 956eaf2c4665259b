"""Programs that come from a file: what no driver of ours would write is said before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.config import Config
from conformance.errors import FormatError
from conformance.program.probes import CAUSES, SINGLES, names_own
from conformance.program.steps import (
    OF_NO_BATCH,
    Burst,
    Program,
    Read,
    Retry,
    Send,
    SingleRetry,
    SingleSend,
    State,
    Together,
    Wait,
)

_OTHER = ("auth:other-key", "campaign:other", "campaign:other-own-key")


def check(program: Program, config: Config, where: str) -> None:
    """Whether a program can be carried out with this configuration.

    :param where: the file that it comes from, for the message.
    :raises FormatError: a step names a batch that no step before it makes, a probe that there is not, or what the
        configuration does not offer; says which step.
    """
    made = {given.batch_id for given in config.given}
    for number, step in _steps(program):
        at = f"{where}, step {number}"
        if isinstance(step, Retry | SingleRetry) and step.cause is not None:
            of_one = isinstance(step, SingleRetry)
            if step.cause not in (SINGLES if of_one else CAUSES):
                what = f"there is no probe {step.cause!r}{' of a single retry' if of_one else ''}"
                raise FormatError(what, where=at, hint="docs/programs.md lists them")
        if isinstance(step, Send | State | SingleSend):
            made.add(step.batch)
        elif step.batch not in made and not _names_none(step):
            what = f"no step before it makes the batch {step.batch!r}"
            raise FormatError(what, where=at, hint="send it first, or name a batch of [[given]]")
        if isinstance(program.steps[number - 1], Together) and isinstance(step, Retry) and names_own(step.cause):
            what = (
                "an id near a batch's own has no place in a race: whether it may be tried is seen when its turn comes"
            )
            raise FormatError(what, where=at, hint="retry by it on its own")
        if isinstance(step, Send) and not step.rows:
            raise FormatError("it sends no row", where=at, hint="give it a row")
        if isinstance(step, Retry | SingleRetry):
            _offered(step, config, at)
        if isinstance(step, Read | Retry) and step.auth == "second" and config.target.second_api_key is None:
            what = "it takes a second key of the campaign, and none is configured"
            raise FormatError(what, where=at, hint="set target.second_api_key_env")


#: A step that is not made of others.
_Plain = Send | Read | Wait | Retry | SingleRetry | SingleSend | State


def _steps(program: Program) -> Iterator[tuple[int, _Plain]]:
    for number, step in enumerate(program.steps, 1):
        if isinstance(step, Burst | Together):
            yield from ((number, inner) for inner in step.steps)
        else:
            yield number, step


def _names_none(step: _Plain) -> bool:
    """A probe that names no batch is sent to an id that is made up; a wait for the others is about none."""
    if isinstance(step, Retry):
        return step.cause is not None and not names_own(step.cause)
    if isinstance(step, SingleRetry):
        return step.cause == "id:unknown"
    return isinstance(step, Wait) and step.until in OF_NO_BATCH


def _offered(step: Retry | SingleRetry, config: Config, at: str) -> None:
    other = config.target.other
    keyed = (isinstance(step, Retry) and step.auth == "other") or step.cause in (
        "auth:other-key",
        "campaign:other-own-key",
    )
    if ((step.cause in _OTHER or keyed) and other is None) or (keyed and other is not None and other.api_key is None):
        hint = "set [target.other] campaign_id and api_key_env"
        raise FormatError("it takes another campaign, and none is configured", where=at, hint=hint)
