"""By which calls, and of which messages, a defect shows: words for fingerprints, the same in every run. Pure.

They hold kinds, and no ids, times or counts that vary. What a run draws by chance is named as coarsely as can be, so that the same
defect has the same few names whatever was drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.timeline import begun, effect_until

#: What stands for calls of more than one kind: which of them it was is not known, and the mixture is chance.
SEVERAL = "calls of several kinds"
NONE = "no retry"
#: So many kinds are told one by one: probes are read back two by two, so that the same two meet in every run.
MOST_TOLD = 2
#: What ends the words for calls that were in flight together.
AT_ONCE = " at once"


def kind(call: RetryCall, *, alike: bool = False) -> str:
    """Return what kind of call it is: how it was answered, and in what it differs from a plain retry.

    :param alike: an accepted retry with a body, query or header is named like any other: what it does, every retry does.
    """
    what = f"{call.outcome} {'single retry' if call.single else 'retry'}"
    if not call.valid:
        return f"{what} with {call.exchange.invoke.cause or call.exchange.invoke.auth}"
    if call.probe is None or (alike and call.may_reset):
        return what
    return f"{what} with a {call.probe.kind}{'' if call.probe.generated else f' ({call.probe.name})'}"


def kinds(batch: Batch, calls: Iterable[RetryCall], message: str | None = None, *, alike: bool = False) -> str:
    """Return the kind of these calls on a batch; of calls that were in flight together, which kinds of retries met.

    Of calls of several kinds those that were accepted are told, if they are of one kind: what the target takes, it does.

    :param message: if given, single retries of another message are told apart.
    """
    given = list(calls)
    met = [c for one in given for c in (one, *_together(batch, one)) if _together(batch, one)]
    if met:
        singles = {c.single for c in met}
        return f"a retry and a single retry{AT_ONCE}" if len(singles) > 1 else f"{_plural(singles.pop())}{AT_ONCE}"
    found = {f"{kind(c, alike=alike)}{_of_another(c, message)}": c.accepted for c in given}
    taken = [words for words, accepted in found.items() if accepted]
    told = taken if len(taken) == 1 else sorted(found)
    return SEVERAL if len(told) > MOST_TOLD else " or ".join(told) or NONE


def nearest(case: Case, calls: Sequence[RetryCall], a: Reading, b: Reading) -> list[RetryCall]:
    """Return the calls that left or were in flight between two readings; if none was, those whose effect may be delayed."""
    inside = [c for c in calls if c.last > a.t and c.t <= b.last]
    return inside or [c for c in calls if c.t <= b.last and effect_until(case, c) >= begun(case, a)]


def unexpected(calls: Iterable[RetryCall]) -> list[RetryCall]:
    """Return those of the calls that must have no effect; all of them if there is no such call."""
    given = list(calls)
    return [c for c in given if not c.may_reset] or given


def success_of(batch: Batch, message: str, before: float) -> str:
    """Return by what a message was delivered that is a success at an instant: by its sending, or by a retry; and whether another
    row has its number."""
    by = "success of a retry" if any(c.last <= before for c in batch.resetting(message)) else "success"
    row = batch.row_of.get(message)
    others = [other for other in batch.rows if row is not None and other.recipient == row.recipient]
    return f"{by}, to the number of another row" if len(others) > 1 else by


def together(batch: Batch, calls: Iterable[RetryCall]) -> dict[int, RetryCall]:
    """Return the calls with those that were in flight together with one of them, by number."""
    return {c.n: c for one in calls for c in (one, *_together(batch, one))}


def _together(batch: Batch, call: RetryCall) -> list[RetryCall]:
    return [c for c in batch.sent if c.n != call.n and c.t < call.last and c.last > call.t]


def _plural(single: bool) -> str:
    return "single retries" if single else "retries"


def _of_another(call: RetryCall, message: str | None) -> str:
    return " of another message" if message is not None and call.message not in (None, message) else ""
