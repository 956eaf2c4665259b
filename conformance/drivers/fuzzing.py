"""The driver that lets schemathesis draw requests from the OpenAPI document.

Its generators, our transport, our judges. Cases are drawn from the seed alone, whatever was answered, while planned
scenarios wait for deliveries; ids are put in by position. Out go, as far as the driver's share of the run lasts: a small
batch of its own to allowed recipients, whose links are followed; reads that the document allows; and odd retries of ids
that this run made up.

Of schemathesis' own checks two would say something sound here: that nothing is answered 5xx, and that an answer conforms
to the document. Both live in our judges (``judges.err_inputs``, ``judges.sch``) and not in this driver, because a verdict
has to follow from the history alone, offline and by a third party; and because the judges know what a gateway's answer is
(ruling 8), which a check of one answer does not. ``tests/test_fuzzing_checks.py`` holds the two against each other.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator, Iterator, Sequence
from functools import cached_property
from itertools import zip_longest

from conformance.drivers.drive import Begun, Drive
from conformance.fuzzing.budget import AMOUNTS, Amount, Share
from conformance.fuzzing.drawing import Drawing
from conformance.fuzzing.one_turn import NAME, Turn
from conformance.fuzzing.reads import ListRead, list_reads
from conformance.fuzzing.texts import role_of, rows_saying, texts
from conformance.fuzzing.unusual import OddRetry, odd_retries
from conformance.history.records import Operation
from conformance.program.scheduler import Pause, Running

#: What this driver is for: a run that is about none of them draws nothing.
REQUIREMENTS = ("BR-SCH-01", "BR-SCH-02", "BR-ERR-04")


class Cases:
    """Everything that a run of this driver may send, each kind drawn when it is first asked for."""

    def __init__(self, seed: int, amount: Amount) -> None:
        self._seed, self._amount = seed, amount

    @cached_property
    def _drawing(self) -> Drawing:
        return Drawing(self._seed)

    @cached_property
    def campaign(self) -> Sequence[ListRead]:
        """Reads of the campaign's listing."""
        return self._list_reads("campaign_list")

    @cached_property
    def batch(self) -> Sequence[ListRead]:
        """Reads of a batch's listing."""
        return self._list_reads("batch_list")

    @cached_property
    def odd(self) -> Sequence[OddRetry]:
        """Retries with what the document does not know."""
        return odd_retries(
            [
                case
                for valid in (True, False)
                for case in self._drawing.cases("batch_retry", self._amount.drawn, valid=valid)
            ]
        )

    @cached_property
    def texts(self) -> Sequence[str]:
        """What messages say."""
        amount = self._amount.messages
        return texts(self._drawing.cases("single_send", amount, valid=True)) if amount else []

    def kinds(self) -> Iterator[Sequence[object]]:
        """Each kind in turn, drawn by then."""
        yield self.texts
        yield self.campaign
        yield self.batch
        yield self.odd

    def _list_reads(self, operation: Operation) -> Sequence[ListRead]:
        return list_reads(operation, self._drawing.cases(operation, self._amount.drawn, valid=True))


def begin(run: Drive, before: Begun) -> Begun:
    """Requests within the driver's share. Nothing where the run is about none of its requirements."""
    if not set(REQUIREMENTS).intersection(run.requirements):
        return Begun()
    amount, budget, limits = AMOUNTS[run.depth], run.transport.budget, run.config.limits
    calls, messages = budget.calls + before.calls, budget.messages + before.messages
    share = Share.of(amount, limits, calls=calls, messages=messages, now=run.transport.now())
    program = _program(run, Cases(run.seed, amount), share)
    return Begun(programs={NAME: program}, calls=share.calls, messages=share.messages)


def _program(run: Drive, cases: Cases, share: Share) -> Running:
    amount = AMOUNTS[run.depth]
    turn = Turn(run, share)
    run.transport.note("started", scenario=NAME)
    for _ in cases.kinds():
        # A tenth of a second each: others may be due in between.
        yield turn.pause("drawing requests")
    batch = yield from _own(run, turn, cases)
    turn.call("batch_retry", batch=_unknown(run, turn), cause="id:unknown")
    reads = _reads(cases, batch, amount.reads)
    odd = cases.odd[: amount.odd]
    for read, strange in zip_longest(reads, odd):
        yield turn.pause("drawn requests")
        if read is not None:
            turn.read(read, batch if read.operation == "batch_list" else None)
        if strange is not None:
            yield turn.pause("drawn requests")
            turn.odd(strange)
    over = "; its share of the run is spent" if share.spent else ""
    refused = f"; the guard refused {turn.refused} drawn requests" if turn.refused else ""
    run.transport.note("finished", scenario=NAME, text=f"{turn.made} requests{refused}{over}")


def _own(run: Drive, turn: Turn, cases: Cases) -> Generator[Pause, None, str | None]:
    """Texts allowed recipients, if the share holds messages; the id of a batch of its own, if it was made.

    Plain rows come first: they make the ids that are read and retried even where a drawn text is refused.
    """
    role = role_of(run.config)
    if role is None:
        return None
    batch = None
    if turn.share.messages >= 4:
        batch = yield from turn.own_batch(rows_saying([None, None], role, run.config, turn.rng), retry=True)
    spread = [cases.texts[i : i + 4] for i in range(1, len(cases.texts), 4)]
    if cases.texts:
        turn.single(rows_saying(cases.texts[:1], role, run.config, turn.rng)[0])
    for said in spread:
        rows = rows_saying(said[: turn.share.messages], role, run.config, turn.rng)
        if not rows:
            break
        yield from turn.own_batch(rows, retry=False)
    return batch


def _unknown(run: Drive, turn: Turn) -> str:
    return run.transport.guard.invent(uuid.UUID(int=turn.rng.getrandbits(128), version=4))


def _reads(cases: Cases, batch: str | None, count: int) -> list[ListRead]:
    """The reads of both listings in turn; of the campaign's only where there is no batch of this driver's."""
    if batch is None:
        return list(cases.campaign[:count])
    pairs = zip_longest(cases.campaign, cases.batch)
    return [read for pair in pairs for read in pair if read is not None][:count]
