"""Everything that can be known of one history, each thing inferred once: the context in which rules judge."""

from __future__ import annotations

from functools import cached_property

from conformance.history.records import History
from conformance.judges.inference.case import Case
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
        return tuple(Retry(self.case, batch, call) for batch in self.case.ours for call in batch.retries)

    def retry(self, n: int) -> Retry | None:
        """The batch retry with this number; None if it is none of a batch of this run."""
        return self._by_number.get(n)

    @cached_property
    def _by_number(self) -> dict[int, Retry]:
        return {retry.n: retry for retry in self.retries}


def retries(inference: Inference) -> tuple[Retry, ...]:
    """The subjects of a rule that looks at each batch retry."""
    return inference.retries
