"""BR-ACC-06: batches that no retry can reach any more, though nothing proves whose fault it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from conformance.contract.vocabulary import RETRYABLE, seconds
from conformance.findings import DoubtReason
from conformance.judges.inference.case import Case
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.timeline import follows
from conformance.judges.rule import InDoubt, Judgement, rule, whole_run


@rule("BR-ACC-06", whole_run)
def left_by_a_single_retry(inference: Inference) -> Iterator[Judgement]:
    """A batch that no batch retry can reach any more since one of its messages was retried by itself: no pass.

    No page says what a single retry does to the status (ruling 24), so that it proves nothing; but such a batch is never
    retryable again, and what other batches show does not speak for it.
    """
    case = inference.case
    for batch in case.ours:
        resets = [c for c in batch.sent if c.may_reset]
        if not resets or not resets[-1].single or not batch.whole:
            continue
        last = resets[-1]
        ends = [
            next((r for r in reversed(case.readings(m)) if follows(case, r, last.last)), None) for m in batch.messages
        ]
        if not all(r is not None and r.terminal for r in ends):
            continue
        first = max(
            next(r.last for r in case.readings(m) if r.terminal and follows(case, r, last.last)) for m in batch.messages
        )
        shown = [(r, s) for r, s in case.status_readings(batch) if r.t >= first]
        said = f"was terminal; the last retry that was accepted before is single retry {last.n}"
        yield from left_unretryable(case, shown, first, last, said)


def left_unretryable(
    case: Case, shown: Sequence[tuple[Reading, str]], first: float, last: RetryCall, said: str
) -> Iterator[InDoubt]:
    """The doubt about a batch whose last reading shows it in a status that is not retryable, long after its messages had ended.

    :param shown: readings of its status; :param first: when all of them were shown terminal, seconds; :param said: that, in words.
    :param last: the last call that was accepted before.
    """
    if shown and shown[-1][1] not in RETRYABLE and shown[-1][0].t - first >= case.header.settle_timeout / 2:
        reading, status = shown[-1]
        after = seconds(reading.t - first)
        text = f"read {reading.n}, the last of its batch, shows it in {status}, {after} after every message {said}"
        yield InDoubt(reason=DoubtReason.LEFT_UNRETRYABLE, text=text, evidence=(last.n, reading.n))


RULES = (left_by_a_single_retry,)
