"""BR-ERR-06 and BR-ERR-07: a retry answered 429 or 500 has no effect."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.findings import Exercise, Finding, Opinion
from conformance.judges.attempts import surpluses
from conformance.judges.case import Batch, Case, Write
from conformance.judges.intervals import seconds
from conformance.judges.sightings import Sight
from conformance.judges.timeline import acts_on, comparable, controls, follows, gain, pending, views


def effects(case: Case, batch: Batch) -> Iterator[Opinion]:
    """BR-ERR-06 and BR-ERR-07, for one batch of this run (A6)."""
    dropped = [w for w in (*batch.retries, *batch.singles) if w.standing == "dropped" and w.message is None]
    if dropped:
        yield from _dropped(case, batch, dropped)
    for write in batch.retries:
        if write.status == 500:
            yield from _broken(case, batch, write)


def _dropped(case: Case, batch: Batch, dropped: list[Write]) -> Iterator[Opinion]:
    """BR-ERR-06: attempts beyond what accepted and lost retries explain, with a 429 among the writes between (A4, A6).

    A refused retry between the same reads may have caused them as well (BR-BLK-03); then one of the two is violated.
    """
    for surplus in surpluses(case, batch):
        causes = [w for w in surplus.writes if w.standing == "dropped" and w.message is None]
        if not causes:
            continue
        others = [w for w in surplus.writes if w.standing == "refused" and w.message is None and w.valid]
        control = controls(case, surplus.before.last, surplus.after.t, but=batch)
        names = ("BR-ERR-06", *(["BR-BLK-03"] if others else []), *([] if control else ["BR-SEL-07"]))
        yield Finding(
            any_of=names,
            summary="the target answers a retry 429 and carries it out all the same",
            argument=(
                surplus.sentence,
                f"between them lies retry {causes[0].n}, answered 429; retries that were accepted or lost explain "
                f"{surplus.explained} of them",
                "nobody else can write to a batch of this run",
            ),
            expected=("no effect of a retry answered 429",),
            observed=f"{surplus.gained} new attempts",
            evidence=(surplus.before.n, causes[0].n, surplus.after.n, *control),
            axioms=(*surplus.axioms, "A6", "A7"),
            slack=surplus.slack,
            counterfactual="would be legal if the retry had been answered 201",
            scenario=causes[0].exchange.invoke.scenario,
            subject="effect of a retry answered 429",
        )
        return
    for write in dropped:
        seen = _still(case, batch, write)
        if seen is not None:
            yield Exercise(requirement="BR-ERR-06", evidence=(seen[0].n, write.n, seen[1].n))


def _still(case: Case, batch: Batch, write: Write) -> tuple[Sight, Sight] | None:
    """Two reads around the write between which a failed message gained what accepted retries gave it, and no more."""
    for message in batch.messages:
        for view in views(case.sights(message)):
            before = [s for s in view if s.last <= write.t and s.status == "failure"]
            after = [s for s in view if follows(case, s, write.last)]
            for later in after if before else ():
                between = [w for w in acts_on(batch, message) if before[-1].last < w.t <= later.last]
                given = all(w.standing == "accepted" for w in between) and gain(before[-1], later) == len(between)
                if given and comparable(before[-1], later):
                    return before[-1], later
    return None


def _broken(case: Case, batch: Batch, write: Write) -> Iterator[Opinion]:
    """BR-ERR-07: an attempt gained where nothing but a retry answered 500 lies between two reads (A4, A6).

    Neither another retry that was refused, nor a probe: those must have had no effect either, and may have (ruling 16).
    """
    for message in batch.messages:
        for view in views(case.sights(message)):
            before = [s for s in view if s.last <= write.t]
            if not before or pending(case, batch, message, before[-1]):
                continue
            for after in (s for s in view if follows(case, s, write.last)):
                between = [w for w in acts_on(batch, message) if before[-1].last < w.t <= after.last]
                grown = gain(before[-1], after)
                if between != [write] or grown is None or _others(case, batch, message, before[-1], after):
                    continue
                if grown >= 1:
                    yield _effect_of_500(case, batch, write, before[-1], after)
                    return
                if after.t - case.lag >= write.last + case.header.settle_timeout:
                    yield Exercise(requirement="BR-ERR-07", evidence=(before[-1].n, write.n, after.n))
                    return


def _others(case: Case, batch: Batch, message: str, before: Sight, after: Sight) -> bool:
    """Whether something else that must have no effect may have had it between the two reads."""
    since = before.t - case.lag - case.header.settle_timeout
    return any(
        w.standing != "unsent" and not w.acts and w.message in (None, message) and since < w.last and w.t <= after.last
        for w in batch.writes
    )


def _effect_of_500(case: Case, batch: Batch, write: Write, before: Sight, after: Sight) -> Finding:
    control = controls(case, before.last, after.t, but=batch)
    return Finding(
        any_of=("BR-ERR-07",) if control else ("BR-ERR-07", "BR-SEL-07"),
        summary="the target answers a retry 500 and carries it out all the same",
        argument=(
            f"reads {before.n} and {after.n} show a message of the batch with a new attempt",
            f"between them lies nothing but retry {write.n}, answered 500",
            "nobody else can write to a batch of this run",
        ),
        expected=("no effect of a retry answered 500",),
        observed="a new attempt",
        evidence=(before.n, write.n, after.n, *control),
        axioms=("A4", "A6", "A7"),
        slack=f"holds if reads lag less than {seconds(after.t - before.last)}",
        counterfactual="would be legal if the retry had been answered 201",
        scenario=write.exchange.invoke.scenario,
        subject="effect of a retry answered 500",
    )
