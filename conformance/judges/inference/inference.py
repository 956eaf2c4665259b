"""Everything that can be known of one history, each thing inferred once: the context in which rules judge."""

from __future__ import annotations

from functools import cached_property

from conformance.history.records import History
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.changes import Change, changes
from conformance.judges.inference.ledger import Surplus, surpluses
from conformance.judges.inference.lost import Lost, lost_data
from conformance.judges.inference.races import Race, races
from conformance.judges.inference.retry import Retry


class Inference:
    """A case, and what rules look at in it.

    :param history: what happened.
    """

    def __init__(self, history: History) -> None:
        self.case = Case(history)

    @cached_property
    def retries(self) -> tuple[Retry, ...]:
        """Every valid batch retry of the batches of this run (A6)."""
        return tuple(
            Retry(self.case, batch, call, lambda: self.surpluses) for batch in self.case.ours for call in batch.retries
        )

    @cached_property
    def races(self) -> tuple[Race, ...]:
        """Every race of the batches of this run, batch by batch."""
        return tuple(race for batch in self.case.ours for race in races(self.case, batch))

    @cached_property
    def raced(self) -> frozenset[int]:
        """Numbers of the calls that had a rival."""
        return frozenset(n for race in self.races for n in race.numbers)

    @cached_property
    def lost(self) -> Lost | None:
        """When the target lost its data; None if it did not."""
        return lost_data(self.case)

    @cached_property
    def surpluses(self) -> tuple[Surplus, ...]:
        """Every attempt that no retry explains (``ledger``)."""
        return tuple(surpluses(self.case))

    def retry(self, n: int) -> Retry | None:
        """The batch retry with this number; None if it is none of a batch of this run."""
        return self._by_number.get(n)

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """Every change of data that does not change, with what may have made it."""
        return tuple(changes(self.case))

    def changed_between(self, message: str, t0: float, t1: float) -> bool:
        """True if unchanging data of the message was seen to change, perhaps from ``t0`` to ``t1``, in seconds.

        Nothing may be said to have left the message alone then.
        """
        return any(c.before.t <= t1 and c.after.last >= t0 for c in self._changes_of.get(message, ()))

    def batch_changed_between(self, batch: Batch, t0: float, t1: float) -> bool:
        """As ``changed_between``, for any message of the batch."""
        return any(self.changed_between(message, t0, t1) for message in batch.messages)

    @cached_property
    def _changes_of(self) -> dict[str, list[Change]]:
        found: dict[str, list[Change]] = {}
        for change in self.changes:
            found.setdefault(change.message, []).append(change)
        return found

    @cached_property
    def _by_number(self) -> dict[int, Retry]:
        return {retry.n: retry for retry in self.retries}


def retries(inference: Inference) -> tuple[Retry, ...]:
    """The subjects of a rule that looks at each batch retry."""
    return inference.retries
