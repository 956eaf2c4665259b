"""Judge of family LIV: a retried message moves on until it is terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conformance.findings import Doubt, Exercise, Finding, Opinion
from conformance.judges.case import Batch, Case, Write
from conformance.judges.sightings import Sight
from conformance.judges.timeline import acts_on, follows, gain, same_attempt, views

REQUIREMENTS = ("BR-LIV-01",)


@dataclass(frozen=True)
class Stuck:
    """A message that stands still although a later one to the same recipient got through."""

    batch: Batch
    retry: Write
    first: Sight
    last: Sight
    #: The sight of a message to the same recipient, sent later, that is terminal.
    overtaken: Sight


@dataclass(frozen=True)
class Lingering:
    """A message that a retry reset and that is underway when its time is over, whatever became of others."""

    batch: Batch
    retry: Write
    first: Sight
    last: Sight


def judge(case: Case) -> Iterator[Opinion]:
    """BR-LIV-01.

    Nothing bounds how long a delivery takes, so standing still proves nothing by itself. Stuck means: no move in
    one attempt for settle_timeout, while a message to the same recipient, sent after the retry, became terminal;
    and this in two batches, so that one lost delivery report is not called a defect. ``sent_to_telco`` may last
    48 hours, and for ever abroad; recipients that are configured never to become terminal are left out. That it is
    one attempt all the while is told by counts (A4) or by an unchanged updatedAt (A5), whatever operation shows it.

    What is no violation is no pass either: a retried message that was left underway may have been left so for ever.
    """
    stuck: dict[str, Stuck] = {}
    left: list[Lingering] = []
    for batch in case.ours:
        for message in batch.messages:
            acts = acts_on(batch, message)
            if not acts or (message in batch.row_of and batch.row_of[message].role == "pending"):
                continue
            done = ended(case, batch, message, acts[0])
            if done is not None:
                yield Exercise(requirement="BR-LIV-01", evidence=(acts[0].n, *done))
            found = stands(case, batch, message, acts)
            if found is not None:
                stuck.setdefault(batch.id, found)
            lingering = lingers(case, batch, message, acts)
            if lingering is not None:
                left.append(lingering)
    if len(stuck) >= 2:
        yield _finding(case, tuple(stuck.values()))
    elif stuck:
        one = next(iter(stuck.values()))
        yield Doubt(
            requirement="BR-LIV-01",
            code="stuck-once",
            text=f"a message that retry {one.retry.n} reset stands still in {one.last.status} for "
            f"{one.last.t - one.first.last:.1f} s while a later one to that number got through (read {one.overtaken.n}), "
            "in one batch only",
            needs=("the same in another batch", "a longer settle_timeout"),
            evidence=(one.retry.n, one.first.n, one.last.n, one.overtaken.n),
        )
    elif left:
        yield _left_underway(case, left)


def _left_underway(case: Case, left: list[Lingering]) -> Doubt:
    one = left[0]
    several = (
        f" ({len(left)} messages of {len({item.batch.id for item in left})} batches in all)" if len(left) > 1 else ""
    )
    return Doubt(
        requirement="BR-LIV-01",
        code="left-underway",
        text=f"a message that retry {one.retry.n} reset is still in {one.last.status} {one.last.t - one.retry.last:.1f} s "
        f"after its answer, unmoved for {one.last.t - one.first.last:.1f} s, when it is seen last{several}",
        needs=(
            f"a timing.settle_timeout longer than {case.header.settle_timeout:g} s, in which the target can deliver",
            "the target's own word on what becomes of the message",
        ),
        evidence=tuple(sorted({n for item in left[:8] for n in (item.retry.n, item.first.n, item.last.n)})),
    )


def ended(case: Case, batch: Batch, message: str, first: Write) -> tuple[int, int] | None:
    """Reads that show a new attempt, terminal."""
    for view in views(case.sights(message)):
        before = [s for s in view if s.last <= first.t and s.terminal]
        for s in view:
            if before and s.terminal and follows(case, s, first.t) and (gain(before[-1], s) or 0) >= 1:
                return before[-1].n, s.n
    return None


def stands(case: Case, batch: Batch, message: str, acts: tuple[Write, ...]) -> Stuck | None:
    """Proof that the message does not move any more since one of these writes reset it."""
    row = batch.row_of.get(message)
    if row is None or not acts:
        return None
    seen = case.sights(message)
    last = max(seen, key=lambda s: (s.last, s.n))
    still = [s for s in seen if s.status == last.status and same_attempt(s, last) and s.t > acts[0].t]
    if not last.underway or last.status == "sent_to_telco" or not still:
        return None
    first = still[0]
    retry = next((w for w in reversed(acts) if w.t < first.t), None)
    reset = any(s.terminal and s.last <= first.t for s in seen)
    if retry is None or not reset or last.t - case.lag - first.last < case.header.settle_timeout:
        return None
    moved = [s for s in seen if first.t < s.t < last.t and s.status != last.status]
    overtaken = _overtaken(case, message, row.recipient, retry.last, last.last)
    return None if overtaken is None or moved else Stuck(batch, retry, first, last, overtaken)


def lingers(case: Case, batch: Batch, message: str, acts: tuple[Write, ...]) -> Lingering | None:
    """A retried message that is underway in the last answer that shows it, when its time is over.

    Its time is settle_timeout from the retry's answer on, of which it has not moved for half: one that is slow, but on
    its way, is left alone, and so are ``sent_to_telco`` and an unknown status. Nothing need show which attempt it is.
    """
    if message not in batch.row_of and any(row.role == "pending" for row in batch.rows):
        return None
    seen = sorted(case.sights(message), key=lambda s: (s.last, s.n))
    last = seen[-1]
    ended_by = [s for s in seen if s.terminal]
    if not last.underway or last.status == "sent_to_telco" or not ended_by:
        return None
    run = seen[max(i for i, s in enumerate(seen) if s.status != last.status) + 1 :]
    retry = next((w for w in reversed(acts) if w.t < run[0].last), None)
    settle = case.header.settle_timeout
    if retry is None or last.t - case.lag < retry.last + settle or last.t - run[0].last < settle / 2:
        return None
    return Lingering(batch, retry, run[0], last)


def _overtaken(case: Case, message: str, recipient: str, begun: float, until: float) -> Sight | None:
    """A terminal sight of another message to the recipient that was sent after ``begun``."""
    for other in case.messages:
        row = case.row(other)
        home = case.batch_of(other)
        if other == message or row is None or row.recipient != recipient or home is None or home.send is None:
            continue
        if home.send.t < begun:
            continue
        for sight in case.sights(other):
            if sight.terminal and sight.last <= until:
                return sight
    return None


def _finding(case: Case, stuck: tuple[Stuck, ...]) -> Finding:
    lines = [
        f"retry {s.retry.n}: {s.last.t - s.first.last:.0f} s apart, reads {s.first.n} and {s.last.n} show a message in "
        f"{s.last.status}; in read {s.overtaken.n} a later one to that number is terminal"
        for s in stuck
    ]
    return Finding(
        any_of=("BR-LIV-01",),
        summary="the target leaves retried messages underway for ever",
        argument=(*lines, f"no move for {case.header.settle_timeout:.0f} s, in {len(stuck)} batches"),
        expected=("every retried message becomes success or failure",),
        observed=", ".join(sorted({str(s.last.status) for s in stuck})),
        evidence=tuple(sorted({n for s in stuck for n in (s.retry.n, s.first.n, s.last.n, s.overtaken.n)})),
        axioms=("A1", "A5", "A7"),
        slack=f"holds if a delivery takes less than {case.header.settle_timeout:.0f} s",
        counterfactual="would be legal if messages sent later to the same recipients had stood still as well",
        scenario=stuck[0].retry.exchange.invoke.scenario,
        subject="retried message stuck",
    )
