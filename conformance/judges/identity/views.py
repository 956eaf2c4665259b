"""BR-IDS-07: the three views of a message agree in its status and its attempts, once the settling time is over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from conformance.contract.vocabulary import WORDS
from conformance.findings import DoubtReason
from conformance.history.records import Operation
from conformance.judges.identity.facts import VIEWS, Epoch, epochs, moved
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.counters import Behind
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.ledger import laid_to
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.timeline import comparable, effect_until, gain
from conformance.judges.rule import Exercised, InDoubt, Judgement, Violated, rule, whole_run


@rule(
    "BR-IDS-07",
    whole_run,
    expected=("the same status, and the same growth of attempts, in every view within the settling time",),
    legal_if="the view had caught up within the settling time",
    subject="a view does not keep up",
)
def views_agree(inference: Inference) -> Iterator[Judgement]:
    """The views agree when a message is terminal; one that has not caught up within the settling time breaks it (ruling 29).

    Lag that is made good in time breaks nothing. Exercised where, after a retry, all three views were read once the message was
    terminal again, and agree in its status and, where they count, in the growth of its attempts.
    """
    case = inference.case
    late = [(behind, "an older status", f"{view} behind others") for view, behind in case.trust.behind.items()]
    for name, behind in case.trust.stale_fields.items():
        if behind.stale.view not in case.trust.behind:
            number = behind.stale.number or 0
            stands = ", at the first attempt" if number == 1 else ""
            stands += ", and behind its own list" if number and len(behind.stale.attempts or ()) > number else ""
            late.append((behind, "fewer new attempts", f"{name} behind others{stands}"))
    for behind, observed, defect in late:
        # A message of another client may be retried by it meanwhile.
        if (home := case.batch_of(behind.stale.message)) is not None and home.ours:
            yield _behind(case, home, behind, observed, defect)
    for reading in case.trust.mixed.values():
        yield _mixed(case, reading)
    if case.trust.beyond is not None:
        yield _beyond(case, *case.trust.beyond)
    for behind in case.trust.standing.values():
        if behind.ahead is behind.stale or behind.ahead.last <= behind.stale.t - case.lag(behind.stale.view):
            yield _not_made_good(behind.ahead, behind.stale)
    for batch in case.ours:
        for message in batch.messages:
            for epoch in epochs(case, batch, message):
                if epoch.number:
                    yield from _agreeing(case, batch, message, epoch)


def _behind(case: Case, batch: Batch, behind: Behind, observed: str, defect: str) -> Violated:
    ahead, stale = behind.ahead, behind.stale
    # Where nothing shows that it was still terminal when the stale answer came, it may be in progress by itself.
    still = any(r.view != stale.view and r.terminal and r.t >= stale.last for r in case.readings(stale.message))
    # A failure behind a success is no later correction of it.
    final = frozenset(assume("A2b", stale.message)) if stale.terminal and ahead.status == "success" else frozenset()
    proof = Proof(
        because=(
            f"read {ahead.n} ({ahead.view}) shows a message in {ahead.status}{_counted(ahead)}",
            f"read {stale.n} ({stale.view}), begun {stale.t - ahead.last:.2f} s later, shows it in {stale.status}"
            f"{_counted(stale)}, and no later answer of this view shows more",
        ),
        evidence=(ahead.n, stale.n),
        assumptions=frozenset(assume("A6", batch.id)) | final,
    )
    # Else it may have moved by itself meanwhile, or by a call that was to change nothing, and the other view was not read again.
    alone = not still and (stale.in_progress or bool(final))
    idle = (c for c in batch.sent if not c.may_reset and c.t <= stale.last and effect_until(case, c) >= ahead.t)
    named = dict.fromkeys(name for call in idle for name in laid_to(call, stale.message))
    return Violated(
        proof=proof,
        violation=f"the {WORDS[stale.view]} shows {observed} than the {WORDS[ahead.view]} had shown a settling time before",
        observed=observed,
        any_of=("BR-IDS-07", "BR-SEL-07", *named) if alone else (),
        defect=defect,
        scenario=batch.scenario or stale.exchange.invoke.scenario,
    )


def _mixed(case: Case, reading: Reading) -> Violated:
    """A list that holds attempts of another message, as it says itself: the view does not show the attempts of its message."""
    batch = case.batch_of(reading.message)
    other = reading.strangers[0]
    theirs = [a for a in reading.attempts or () if a.data.get("messageId") == other]
    proof = Proof(
        because=(
            f"answer {reading.n} ({reading.view}) shows a message with {len(reading.attempts or ())} attempts",
            f"{len(theirs)} of them belong to another message of the run, by their own messageId",
        ),
        evidence=(reading.n,),
    )
    return Violated(
        proof=proof,
        violation=f"the {WORDS[reading.view]} lists attempts of one message under another",
        observed=f"{len(theirs)} attempts of another message",
        expected=("the attempts of the message that the view shows",),
        legal_if="every attempt had named the message that it stands under",
        defect=f"{reading.view} lists attempts of another message",
        scenario=(batch.scenario if batch is not None else "") or reading.exchange.invoke.scenario,
    )


def _beyond(case: Case, before: Reading, after: Reading) -> Violated:
    """A number that counts what is no attempt, by the list beside it; or the list left attempts out that no retry explains."""
    batch = case.batch_of(after.message)
    resets = sum(t <= after.last for t in case.resets_of(after.message))
    numbers, lists = (before.number, after.number), (len(before.attempts or ()), len(after.attempts or ()))
    proof = Proof(
        because=(
            f"read {before.n} shows a message with numAttempts {numbers[0]} and {lists[0]} attempts listed",
            f"read {after.n} (the same view) shows numAttempts {numbers[1]} and {lists[1]} attempts, each with an id of its own",
            f"{resets} retries of it had left by then",
        ),
        evidence=(before.n, after.n),
        assumptions=frozenset(assume("A6", batch.id) if batch is not None else ()),
    )
    return Violated(
        proof=proof,
        violation=f"the {WORDS[after.view]} counts {{observed}} a message than it lists beside that",
        observed="more new attempts of",
        any_of=("BR-IDS-07", "BR-SEL-05"),
        expected=("numAttempts that grows as the list of attempts beside it does",),
        legal_if="the number had grown by as many as were listed",
        defect="numAttempts beyond the list beside it",
        scenario=(batch.scenario if batch is not None else "") or after.exchange.invoke.scenario,
    )


def _counted(reading: Reading) -> str:
    counts = {} if reading.attempts is None else {"attempts listed": len(reading.attempts)}
    if reading.number is not None:
        counts["numAttempts"] = reading.number
    return f" ({', '.join(f'{name} {count}' for name, count in sorted(counts.items()))})" if counts else ""


def _agreeing(case: Case, batch: Batch, message: str, epoch: Epoch) -> Iterator[Exercised | InDoubt]:
    ended = next((r for r in epoch.readings if r.terminal), None)
    if ended is None:
        return
    last: dict[Operation, Reading] = {}
    for reading in sorted(epoch.readings, key=lambda r: (r.t, r.n)):
        if reading.t >= ended.t:
            last[reading.view] = reading
    for view, reading in last.items():
        if reading.in_progress and ended.last <= reading.t - case.lag(view):
            text = f"read {reading.n} ({view}) shows a message in {reading.status} that read {ended.n} showed {ended.status}"
            yield InDoubt(
                reason=DoubtReason.VIEW_LAG, text=f"{text}, and is the last of its view", evidence=(reading.n,)
            )
            return
    same = len({r.status for r in last.values()}) == 1 and all(r.terminal for r in last.values())
    grown = {g for r in last.values() if (g := _growth(case, batch, message, r)) is not None}
    if len(grown) > 1 and (lagging := _counts_less(case, batch, message, epoch, last)) is not None:
        yield lagging
        return
    bases = [r for r in case.readings(message) if r.status == "failure" and r.last <= batch.resetting(message)[0].t]
    retried = any(a.view == b.view and moved(a, b) for a in bases for b in last.values())
    if set(last) != set(VIEWS) or not same or len(grown) > 1 or not retried:
        return
    proof = Proof(evidence=tuple(sorted(r.n for r in last.values())))
    for case_name in VIEWS.values():
        yield Exercised(proof=proof, case=case_name)


def _counts_less(
    case: Case, batch: Batch, message: str, epoch: Epoch, last: Mapping[Operation, Reading]
) -> InDoubt | None:
    """A view whose last reading counts fewer new attempts than another view had shown."""
    ended = [(r, g) for r in epoch.readings if r.terminal and (g := _growth(case, batch, message, r)) is not None]
    counted = [(reading, g) for reading, g in ended if reading is last.get(reading.view)]
    for reading, mine in counted:
        for ahead, theirs in ended:
            if theirs > mine and ahead.view != reading.view and ahead.last <= reading.t - case.lag(reading.view):
                return _not_made_good(ahead, reading)
    return None


def _not_made_good(ahead: Reading, stale: Reading) -> InDoubt:
    """It may lag, or never make it good: the settling time had not passed when the view was read last."""
    text = (
        f"read {stale.n} ({stale.view}) shows a message{_counted(stale)} after read {ahead.n} ({ahead.view}) showed more new "
        f"attempts{_counted(ahead)}, and is the last of its view"
    )
    if ahead is stale:
        text = f"read {stale.n} ({stale.view}) shows a message{_counted(stale)}, which have not grown alike"
    return InDoubt(reason=DoubtReason.VIEW_LAG, text=text, evidence=tuple(dict.fromkeys((ahead.n, stale.n))))


def _growth(case: Case, batch: Batch, message: str, reading: Reading) -> int | None:
    """Attempts gained in this view since before the first retry; None if it does not count."""
    first = batch.resetting(message)[0].t
    before = [
        r for r in case.readings(message) if r.view == reading.view and r.last <= first and comparable(r, reading)
    ]
    return gain(before[-1], reading) if before else None


RULES = (views_agree,)
