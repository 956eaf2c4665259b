"""BR-IDS-04, the ids: every view knows a message by the same one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conformance.findings import Finding, Opinion
from conformance.judges.case import Batch, Case
from conformance.judges.sightings import Sight
from conformance.judges.timeline import follows


@dataclass(frozen=True, kw_only=True)
class _Stay:
    """A message that the batch's listing shows under its id, at first and at last; it was terminal by ``since``."""

    message: str
    batch: Batch
    since: float
    first: Sight
    last: Sight

    def spans(self, case: Case, start: float, end: float) -> bool:
        """Whether the listing shows the message before a read began, and in a state from after it ended (A7)."""
        return max(self.since, self.first.last) <= start - case.lag and follows(case, self.last, end)


def same_ids_in_views(case: Case) -> Iterator[Opinion]:
    """BR-IDS-04, the ids: what the batch's listing shows under an id, the other views know by it.

    A single read that answers with another id than it was asked for is read off that answer. The rest is proved by
    a sandwich: the listing shows the message before the read began and again in a state from after it ended (A7), no
    message is taken out of a batch of ours by anybody else (A6), and it was terminal before, so that nothing of its
    sending is still on its way; then in between the single read finds it, the campaign's whole listing holds it, and
    no view shows its row under an id that the listing never shows.
    """
    found: dict[str, Finding] = {}
    stays = {stay.message: stay for batch in case.ours for stay in _stays(case, batch)}
    for finding in (*_other_answers(case), *_not_found(case, stays), *_left_out(case, stays), *_other_ids(case, stays)):
        found.setdefault(finding.subject, finding)
    yield from found.values()


def _stays(case: Case, batch: Batch) -> Iterator[_Stay]:
    for message in batch.messages:
        seen = case.sights(message)
        listed = [s for s in seen if s.operation == "batch_list"]
        since = min((s.last for s in seen if s.terminal), default=None)
        if listed and since is not None:
            last = max(listed, key=lambda s: s.t)
            yield _Stay(message=message, batch=batch, since=since, first=listed[0], last=last)


def _other_answers(case: Case) -> Iterator[Finding]:
    for sight in case.all_sights:
        asked = sight.exchange.invoke
        plain = asked.operation == "message_read" and asked.cause is None and asked.message is not None
        if plain and sight.message != asked.message:
            home = case.batch_of(asked.message or "")
            yield Finding(
                any_of=("BR-IDS-04",),
                summary="the target answers a single read with a message of another id",
                argument=(f"read {sight.n} asks for one message and is answered with another id",),
                expected=("the message under the id that was asked for",),
                observed="another id",
                evidence=(sight.n,),
                counterfactual="would be legal if the answer had the id that was asked for",
                scenario=(home.scenario if home is not None else "") or asked.scenario,
                subject="a single read answers with another id",
            )


def _not_found(case: Case, stays: dict[str, _Stay]) -> Iterator[Finding]:
    for exchange in case.exchanges:
        invoke = exchange.invoke
        stay = stays.get(invoke.message or "")
        plain = invoke.operation == "message_read" and invoke.cause is None and invoke.auth == "valid"
        if plain and stay is not None and exchange.status in (400, 404) and stay.spans(case, exchange.t, exchange.last):
            yield _absent(
                stay, (exchange.n,), f"the single read {exchange.n} is answered {exchange.status}", "single read"
            )


def _left_out(case: Case, stays: dict[str, _Stay]) -> Iterator[Finding]:
    for shot in case.snapshots:
        if shot.batch is not None or not shot.complete or shot.search is not None or shot.direction != "forward":
            continue
        if shot.campaign != case.header.campaign_id:
            continue
        held = set(shot.ids)
        for message, stay in stays.items():
            if message not in held and stay.spans(case, shot.t, shot.last):
                yield _absent(
                    stay,
                    shot.evidence,
                    f"the campaign's whole listing {shot.pages[0].n} does not hold it",
                    "campaign listing",
                )


def _absent(stay: _Stay, evidence: tuple[int, ...], how: str, view: str) -> Finding:
    return Finding(
        any_of=("BR-IDS-04",),
        summary=f"the {view} does not know a message by the id that the batch's listing shows",
        argument=(
            f"listings {stay.first.n} and {stay.last.n} of the batch show the message under one id, before and after",
            f"between them, {how}",
        ),
        expected=("the message under the same id in every view",),
        observed="no such message",
        evidence=(stay.first.n, *evidence, stay.last.n),
        axioms=("A6", "A7"),
        counterfactual="would be legal if the message had not been in the batch at that time",
        scenario=stay.batch.scenario,
        subject=f"a message is unknown to the {view}",
    )


def _other_ids(case: Case, stays: dict[str, _Stay]) -> Iterator[Finding]:
    """A view shows a row under an id that the listing never shows, while the listing shows it under another.

    Nobody else makes messages of our rows (A6): a send that is carried out twice would make them so.
    """
    for batch in case.ours:
        by_nonce = {row.nonce: stays[m] for m, row in batch.row_of.items() if m in stays}
        for message in (*batch.messages, *batch.strays):
            seen = case.sights(message)
            if any(s.operation == "batch_list" for s in seen):
                continue
            for sight in seen:
                stay = next((by_nonce[n] for n in sight.nonces if n in by_nonce), None)
                if stay is not None and stay.spans(case, sight.t, sight.last):
                    yield Finding(
                        any_of=("BR-IDS-04",),
                        summary="two views of the target show one row under different ids",
                        argument=(
                            f"listings {stay.first.n} and {stay.last.n} of the batch show the row under one id, before "
                            "and after",
                            f"between them, read {sight.n} ({sight.operation}) shows it under an id that the listing never "
                            "shows",
                        ),
                        expected=("the same id in every view",),
                        observed="another id",
                        evidence=(stay.first.n, sight.n, stay.last.n),
                        axioms=("A6", "A7"),
                        counterfactual="would be legal under the same id",
                        scenario=batch.scenario,
                        subject="a row under two ids",
                    )
                    break
