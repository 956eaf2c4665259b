"""BR-SEL-03, BR-SEL-05, BR-SEL-07, BR-SEL-08: what attempts show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from conformance.findings import Doubt, Exercise, Finding, Opinion
from conformance.judges.attempts import Surplus, surpluses
from conformance.judges.case import Batch, Case, Write
from conformance.judges.intervals import TERMINAL, UNDERWAY
from conformance.judges.sightings import Attempt, Sight
from conformance.judges.timeline import acts_on, base, controls, follows, gain, slack, views

_KNOWN = TERMINAL | UNDERWAY


def newest(sight: Sight) -> Attempt | None:
    """The attempt with the latest createdAt, however the list is turned (ruling 14); None if that is not plain."""
    attempts = sight.attempts or ()
    times = [a.created_at for a in attempts if a.created_at is not None]
    if not attempts or len(times) != len(attempts) or len(set(times)) != len(times):
        return None
    return max(attempts, key=lambda a: (a.created_at is not None, a.created_at or max(times)))


def lifecycle(case: Case, batch: Batch) -> Iterator[Opinion]:
    """BR-SEL-03: latestStatus is the status of the newest attempt, in one answer, which is one instant (A3).

    A ``created`` that nobody saw is no violation; so what is judged is the agreement of the two after a retry.
    Unknown statuses are left alone (ruling 6), and so are lists that do not hold all attempts: the newest may be missing.
    """
    exercised = False
    for message in batch.messages:
        acts = acts_on(batch, message)
        for sight in case.sights(message):
            latest = newest(sight)
            if not acts or sight.last < acts[0].t or latest is None or sight.abbreviated:
                continue
            if latest.status not in _KNOWN or sight.status not in _KNOWN:
                continue
            if latest.status != sight.status:
                yield Finding(
                    any_of=("BR-SEL-03",),
                    summary="the target shows a retried message in another status than its newest attempt",
                    argument=(
                        f"the message was retried ({acts[0].n})",
                        f"answer {sight.n} shows latestStatus {sight.status} and a newest attempt in {latest.status}",
                    ),
                    expected=("latestStatus is the newest attempt's status",),
                    observed=f"latestStatus {sight.status}, newest attempt {latest.status}",
                    evidence=(acts[0].n, sight.n),
                    axioms=("A3",),
                    counterfactual="would be legal if the two were the same",
                    scenario=acts[0].exchange.invoke.scenario,
                    subject="latestStatus differs from the newest attempt",
                )
                return
            first = base(batch, message, sight, case)
            if not exercised and first is not None and (gain(first, sight) or 0) >= 1:
                exercised = True
                yield Exercise(requirement="BR-SEL-03", evidence=(first.n, acts[0].n, sight.n))


def one_each(case: Case, batch: Batch) -> Iterator[Opinion]:
    """BR-SEL-05: one attempt for each accepted retry, and the earlier attempts stay as they are.

    More attempts than accepted and lost retries (ruling 11) can have given, pending ones included (ruling 16), are
    one too many, since nobody else writes (A6) and counts grow at a reset only (A4). Earlier attempts are compared
    as sets of id and createdAt within one list of one operation (rulings 14 and 19).
    """
    for surplus in surpluses(case, batch):
        if surplus.explained:
            yield _too_many(case, batch, surplus)
            break
    for message in batch.messages:
        for view in views(case.sights(message)):
            lost = _lost(case, batch, message, view)
            if lost is not None:
                yield lost
                return
    for message in batch.messages:
        done = _two_rounds(case, batch, message)
        if done is not None:
            yield Exercise(requirement="BR-SEL-05", evidence=done)
            return


def _too_many(case: Case, batch: Batch, surplus: Surplus) -> Finding:
    control = controls(case, surplus.before.last, surplus.after.t, but=batch)
    retries = [w for w in surplus.writes if w.acts]
    return Finding(
        any_of=("BR-SEL-05",) if control else ("BR-SEL-05", "BR-SEL-07"),
        summary="the target gives a message more attempts than retries were accepted",
        argument=(
            surplus.sentence,
            f"accepted and lost retries can have given it {surplus.explained} at most",
            "nobody else can write to a batch of this run",
        ),
        expected=("exactly one new attempt for each accepted retry",),
        observed=f"{surplus.gained} new attempts for {surplus.explained}",
        evidence=(surplus.before.n, *(w.n for w in retries), surplus.after.n, *control),
        axioms=(*surplus.axioms, "A6", "A7"),
        slack=surplus.slack,
        counterfactual="would be legal if one more retry had been accepted",
        scenario=retries[0].exchange.invoke.scenario if retries else batch.scenario,
        subject="more attempts than accepted retries",
    )


def _marks(attempts: tuple[Attempt, ...]) -> Counter[tuple[object, object]]:
    return Counter((a.id, a.created_at) for a in attempts)


def _lost(case: Case, batch: Batch, message: str, view: tuple[Sight, ...]) -> Finding | None:
    """Attempts that a read showed and a later one, after a retry, does not.

    A list that holds fewer attempts than the same answer counts is an abbreviated one: what it lacks is lost only where
    that number falls too.
    """
    acts = acts_on(batch, message)
    for i, a in enumerate(view):
        b = next((s for s in view[i + 1 :] if follows(case, s, a.last)), None)
        if b is None or not acts or acts[0].t > b.last or a.attempts is None or b.attempts is None:
            continue
        fallen = a.number is not None and b.number is not None and b.number < a.number
        if b.abbreviated and not fallen:
            continue
        gone = _marks(a.attempts) - _marks(b.attempts)
        if not gone:
            continue
        return Finding(
            any_of=("BR-SEL-05",),
            summary="the target changes or drops earlier attempts of a message that it retries",
            argument=(
                f"read {a.n} shows {len(a.attempts)} attempts of a message that is retried ({acts[0].n})",
                f"read {b.n}, begun after it, shows {len(b.attempts)}, and {sum(gone.values())} of those are missing, "
                "told by id and createdAt",
            ),
            expected=("every earlier attempt, with its id and createdAt",),
            observed=f"{sum(gone.values())} earlier attempts missing or changed",
            evidence=(a.n, acts[0].n, b.n),
            axioms=("A3", "A7"),
            slack=slack(case, b, a.last),
            counterfactual="would be legal if every attempt of the first read stood in the second",
            scenario=acts[0].exchange.invoke.scenario,
            subject="earlier attempts changed",
        )
    return None


def _two_rounds(case: Case, batch: Batch, message: str) -> tuple[int, ...] | None:
    """Reads that show two attempts more after two accepted retries."""
    acts = [w for w in acts_on(batch, message) if w.standing == "accepted"]
    if len(acts) < 2 or all(w.message is not None for w in acts):
        return None
    for sight in case.sights(message):
        first = base(batch, message, sight, case)
        if first is not None and gain(first, sight) == 2 and sight.last > acts[1].t:
            return (first.n, acts[0].n, acts[1].n, sight.n)
    return None


def unasked(case: Case, batch: Batch) -> Iterator[Opinion]:
    """BR-SEL-07: no attempt but by an accepted retry of this batch or message.

    An attempt beside which there was no request to this batch or message at all, or only a refused single retry.
    What appears beside a refused batch retry is BR-BLK-03, beside a probe the probe's requirement, beside an
    accepted retry BR-SEL-05.
    """
    for surplus in surpluses(case, batch):
        beside = [w for w in surplus.writes if w.message is None or not w.valid or w.standing == "dropped"]
        if surplus.explained or beside:
            continue
        yield Finding(
            any_of=("BR-SEL-07",),
            summary="the target gives a message an attempt that no retry asked for",
            argument=(
                surplus.sentence,
                "between them no retry of this batch or message was accepted, pending or lost",
                "nobody else can write to a batch of this run",
            ),
            expected=("no new attempt",),
            observed=f"{surplus.gained} new attempts",
            evidence=(surplus.before.n, surplus.after.n),
            axioms=(*surplus.axioms, "A6", "A7"),
            slack=surplus.slack,
            counterfactual="would be legal if the batch or the message had been retried",
            scenario=batch.scenario,
            subject="attempt without a retry",
        )
        return
    yield from _watched(case, batch)


def _watched(case: Case, batch: Batch) -> Iterator[Opinion]:
    """BR-SEL-07 exercised: an untouched batch with a failure, seen again after the run's last accepted retry."""
    retries: list[Write] = [w for b in case.ours for w in b.retries if w.standing == "accepted"]
    if batch.writes or not retries or not batch.whole:
        return
    final = max(retries, key=lambda w: w.t)
    numbers: set[int] = set()
    failed = False
    for message in batch.messages:
        pairs = [(view[0], view[-1]) for view in _ended(case, message) if len(view) > 1]
        good = [(a, b) for a, b in pairs if gain(a, b) == 0 and follows(case, b, final.last) and a.last <= final.t]
        if not good:
            return
        numbers.update((good[0][0].n, good[0][1].n))
        failed = failed or good[0][0].status == "failure"
    if failed:
        yield Exercise(requirement="BR-SEL-07", evidence=tuple(sorted(numbers)))


def _ended(case: Case, message: str) -> Iterator[tuple[Sight, ...]]:
    for view in views(case.sights(message)):
        yield tuple(s for s in view if s.terminal)


def underway_twice(case: Case, batch: Batch) -> Iterator[Opinion]:
    """BR-SEL-08: never two attempts underway, in one answer, which is one instant (A3)."""
    exercised = False
    for message in batch.messages:
        acts = acts_on(batch, message)
        for sight in case.sights(message):
            if sight.attempts is None:
                continue
            underway = [a for a in sight.attempts if a.status in UNDERWAY]
            if len(underway) >= 2:
                yield Finding(
                    any_of=("BR-SEL-08",),
                    summary="the target has two attempts of one message underway at once",
                    argument=(
                        f"answer {sight.n} shows {len(underway)} attempts of one message that are not terminal: "
                        + ", ".join(str(a.status) for a in underway),
                    ),
                    expected=("at most one attempt underway",),
                    observed=f"{len(underway)} underway",
                    evidence=(*(w.n for w in acts[:1]), sight.n),
                    axioms=("A3",),
                    counterfactual="would be legal if all but one had been terminal",
                    scenario=acts[0].exchange.invoke.scenario if acts else batch.scenario,
                    subject="two attempts underway",
                )
                return
            if not exercised and acts and sight.t > acts[0].t and len(sight.attempts) >= 2:
                exercised = True
                yield Exercise(requirement="BR-SEL-08", evidence=(acts[0].n, sight.n))
    if not exercised and any(w.standing == "accepted" for w in batch.retries):
        shown = any(s.attempts is not None for m in batch.messages for s in case.sights(m))
        if not shown:
            yield Doubt(
                requirement="BR-SEL-08",
                code="attempts-not-visible",
                text="no answer shows the attempts of a retried message",
                needs=("an answer of Retrieve Message with its attempts",),
                evidence=tuple(w.n for w in batch.retries if w.standing == "accepted")[:1],
            )
