"""BR-IDS-05: the pages of a batch's listing hold its own messages, and no other batch's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from conformance.judges.identity.facts import accepted, blamed
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.readings import Reading
from conformance.judges.rule import Judgement, Violated, rule, whole_run


@rule(
    "BR-IDS-05",
    whole_run,
    violation="the pages of a batch's listing hold messages of another batch",
    expected=("the messages of the batch, each once",),
    legal_if="the message had stood in the batch that it was sent in alone",
    subject="pages hold another batch's messages",
    first_only=True,
)
def own_messages_only(inference: Inference) -> Iterator[Judgement]:
    """No page of a batch's listing holds a message that this run sent in another batch, and that the other's listing holds too.

    Read off two answers, whether or not the walk came to an end: the message carries the mark of the other's row, and nobody but
    this run writes to either (A6). Once a retry of the batch was accepted, that one may have added it (BR-IDS-01).
    """
    case = inference.case
    home = {row.nonce: batch for batch in case.ours for row in batch.rows}
    for batch in case.ours:
        found = next(_others(case, batch, home), None)
        if found is not None:
            yield _violated(batch, *found)


def _others(case: Case, batch: Batch, home: Mapping[str, Batch]) -> Iterator[tuple[Reading, Reading, Batch]]:
    """Readings in the batch's listing of messages of other batches, with a reading of each in that batch's own listing."""
    for reading in case.all_readings:
        if reading.listed_in != batch.id:
            continue
        owners = {home[nonce].id: home[nonce] for nonce in reading.nonces if nonce in home}
        if len(owners) != 1 or batch.id in owners:
            continue
        (owner,) = owners.values()
        own = next((r for r in case.shown if r.message == reading.message and r.listed_in == owner.id), None)
        if own is not None:
            yield reading, own, owner


def _violated(batch: Batch, reading: Reading, own: Reading, owner: Batch) -> Violated:
    call = accepted(batch)
    retried = call is not None and call.t <= reading.last
    return Violated(
        proof=Proof(
            because=(
                f"page {reading.n} of the batch's listing holds a message with the mark of a row that was sent in another batch",
                f"page {own.n} of that other batch's listing holds it under the same id",
            ),
            evidence=(own.n, reading.n),
            assumptions=frozenset(assume("A6", batch.id, owner.id)),
        ),
        observed="a message of another batch",
        any_of=blamed(call, "BR-IDS-05", "BR-IDS-01") if call is not None and retried else (),
        scenario=batch.scenario,
    )


RULES = (own_messages_only,)
