"""BR-CON-01, and the same for BR-CON-03: every accepted retry of a race owns an attempt, and there are no more of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from conformance.findings import Doubt, Finding, Opinion
from conformance.judges.case import Case
from conformance.judges.intervals import ENQUEUING_FAILED, TERMINAL, UNDERWAY
from conformance.judges.races import Race, raced
from conformance.judges.timeline import acts_on, controls, failed_at, follows, gain, slack, views


def names(race: Race) -> tuple[str, ...]:
    """Of which requirements at least one is violated where the members of this race get in each other's way."""
    pair = ("BR-CON-01",) if len(race.retries) > 1 else ()
    return (*pair, *(("BR-CON-03",) if race.singles else ()))


def twice(race: Race) -> Iterator[Opinion]:
    """One answer shows two attempts underway that the race began.

    One answer is one instant (A3). Before the race every attempt was terminal, and stays so (A2); nobody else writes
    (A6): both attempts are the race's. A retry takes up failed messages only, so that while one attempt is underway no
    other is to be had: however the two were ordered, there was one attempt for both to own. On a fast target the second
    may rightly begin when the first is terminal (ruling 15); two underway in one answer it never shows. That a message
    has two attempts underway is BR-SEL-08 by itself; that retries at once were both given one is said here.
    """
    for message in race.batch.messages:
        acting = [w for w in race.writes if w.acts and w.message in (None, message)]
        gained = race.gains.get(message)
        if len(acting) < 2 or gained is None or gained.before.abbreviated or not _ended(gained.before.attempts):
            continue
        for sight, number in gained.seen:
            underway = [a for a in sight.attempts or () if a.status in UNDERWAY]
            if number >= 2 and len(underway) >= 2:
                yield Finding(
                    any_of=names(race),
                    summary="the target gives a message two attempts at once when it is retried twice at once",
                    argument=(
                        f"read {gained.before.n} shows all attempts of the message terminal",
                        f"retries {_listed(race)} are in flight together and answered {_answers(race)}",
                        f"answer {sight.n} shows {number} more, and {len(underway)} of them underway: "
                        + ", ".join(str(a.status) for a in underway),
                        "a message that is underway cannot be taken up: there was one attempt for both",
                    ),
                    expected=("one of the retries is refused", "its attempt begins when the other's is terminal"),
                    observed=f"{len(underway)} attempts underway",
                    evidence=(gained.before.n, *race.numbers, sight.n),
                    axioms=("A2", "A3", "A4", "A6"),
                    counterfactual="would be legal if all but one of the attempts had been terminal",
                    scenario=race.writes[0].exchange.invoke.scenario,
                    subject="race: two attempts underway",
                )
                return


def _ended(attempts: object) -> bool:
    return isinstance(attempts, tuple) and bool(attempts) and all(a.status in TERMINAL for a in attempts)


def too_many(race: Race) -> Iterator[Opinion]:
    """A message gained more attempts than retries of the race were accepted, or lost (ruling 11).

    Nothing that began before the race was pending, nothing else began (A6), and a count grows at a reset only (A4). An
    untouched batch that stood still meanwhile tells it from attempts that come by themselves (BR-SEL-07).
    """
    case, batch = race.case, race.batch
    since = race.start - case.lag - case.header.settle_timeout
    if any(not p.harmless and p.last > since and p.t <= race.until for p in batch.probes if p.t < race.start):
        return
    for message, gained in race.gains.items():
        acting = [w for w in race.writes if w.acts and w.message in (None, message)]
        over = [s for s, number in gained.seen if number > len(acting)]
        if not over:
            continue
        control = controls(case, gained.before.last, over[0].t, but=batch)
        yield Finding(
            any_of=(*names(race), *(() if control else ("BR-SEL-07",))),
            summary="the target gives a message more attempts than retries were accepted when several come at once",
            argument=(
                f"retries {_listed(race)} are in flight together and answered {_answers(race)}",
                f"reads {gained.before.n} and {over[0].n} show attempts gained by a message of the batch: "
                f"{gained.most}; retries that may have given it one were accepted or lost: {len(acting)}",
                "nobody else can write to a batch of this run",
            ),
            expected=("as many new attempts as retries were accepted",),
            observed=f"new attempts: {gained.most}, accepted retries: {len(acting)}",
            evidence=(gained.before.n, *race.numbers, over[0].n, *control),
            axioms=("A4", "A6", "A7"),
            slack=slack(case, over[0], gained.before.last),
            counterfactual="would be legal if one more of the retries had been accepted",
            scenario=race.writes[0].exchange.invoke.scenario,
            subject="race: more attempts than accepted retries",
        )
        return


def ownership(case: Case, counted: Sequence[Race]) -> Iterator[Opinion]:
    """More retries of a race are accepted than attempts can be shared out among them.

    Each accepted batch retry owns an attempt of some message, each single retry one of its own message; where there are
    fewer (Hall's theorem, over all messages), and the settling time is over (ruling 16), some own none. Only one thing
    excuses that: enqueuing failed wholly for one retry, which the status ``messages_enqueuing_failed`` shows (ruling
    17), until the other was accepted and set it again. Nobody can exclude that for one race. So there is a finding only
    if the status is visible and never shows it from the race on, if the same happened in two races of the run, and if
    no retry of the run was ever seen to be so excused; else a doubt.
    """
    for requirement in ("BR-CON-01", "BR-CON-03"):
        lacking = [r for r in counted if names(r)[-1] == requirement and len(r.of("accepted")) > 1 and not r.owned]
        judged = [(race, _open_to(case, race)) for race in lacking]
        proved = [race for race, code in judged if code is None]
        if len(proved) > 1 and not excused(case):
            yield _unowned(requirement, proved)
            continue
        for race, code in judged:
            if code == "shown-as-failed":
                continue
            yield Doubt(
                requirement=requirement,
                code=code or ("partial-enqueue" if len(proved) > 1 else "raced-once"),
                text=f"retries {_listed(race)} are in flight together and all accepted, and not all of them are seen to "
                "own an attempt",
                needs=("more races: --depth deep", "reads of the messages, with batches, after the settling time"),
                evidence=race.numbers,
            )


def _open_to(case: Case, race: Race) -> str | None:
    """Why the missing attempts of a race prove nothing, as a reason code; None if they do."""
    if race.of("open"):
        return "answer-lost"
    if any(status == ENQUEUING_FAILED for _, status in race.statuses):
        return "shown-as-failed"
    if not any(follows(case, sight, race.last) for sight, _ in race.statuses):
        return "status-not-visible"
    return None if race.closed else "not-settled"


def _unowned(requirement: str, proved: Sequence[Race]) -> Finding:
    race = proved[0]
    pairs = [(g.before.n, g.final.n) for g in race.gains.values() if g.final is not None]
    status = next((s.n, status) for s, status in race.statuses)
    return Finding(
        any_of=names(race) if requirement in names(race) else (requirement,),
        summary="the target accepts retries that come at once, and gives fewer attempts than it accepts",
        argument=(
            f"retries {_listed(race)} are in flight together and answered {_answers(race)}",
            f"reads {', '.join(f'{a} and {b}' for a, b in pairs)}, before and after the settling time, show all new "
            f"attempts: {sum(g.most for g in race.gains.values())}. Of the answers 201, {race.missing} at least own none",
            f"read {status[0]} shows the batch in {status[1]}, and none from the race on in messages_enqueuing_failed",
            f"the same in {len(proved)} races of the run; no other retry of it was seen to leave messages out",
        ),
        expected=("an attempt of its own for each accepted retry", "one of the retries is refused"),
        observed=f"accepted: {len(race.of('accepted'))}, new attempts: {sum(g.most for g in race.gains.values())}",
        evidence=tuple(dict.fromkeys(n for r in proved for n in (*r.numbers, *_proof(r)))),
        axioms=("A4", "A6", "A7"),
        slack=f"holds if enqueuing did not fail wholly for one of the retries, unseen, in each of {len(proved)} races",
        counterfactual="would be legal if each accepted retry had given a message an attempt",
        scenario=race.writes[0].exchange.invoke.scenario,
        subject="race: accepted without an attempt of its own",
    )


def _proof(race: Race) -> tuple[int, ...]:
    seen = ((g.before.n, g.final.n) for g in race.gains.values() if g.final is not None)
    return (*(n for pair in seen for n in pair), race.statuses[0][0].n)


def excused(case: Case) -> bool:
    """Whether any accepted retry without a rival left a failed message out, beside ``messages_enqueuing_failed``.

    Wide on purpose: it takes the excuse of partial enqueue (ruling 17) for possible in the whole run.
    """
    for batch in case.ours:
        rivals = raced(case, batch)
        for write in batch.retries:
            if write.standing != "accepted" or write.n in rivals:
                continue
            until = min((w.t for w in batch.writes if w.t > write.t and w.standing != "unsent"), default=float("inf"))
            shown = [s for s, status in case.status_sights(batch) if status == ENQUEUING_FAILED and s.last <= until]
            if not any(follows(case, s, write.last) for s in shown):
                continue
            for message in batch.messages:
                if failed_at(case, batch, message, write) is None or not acts_on(batch, message):
                    continue
                for view in views(case.sights(message)):
                    before = [s for s in view if s.last <= write.t]
                    after = [s for s in view if follows(case, s, write.last) and s.last <= until]
                    if before and after and gain(before[-1], after[-1]) == 0:
                        return True
    return False


def _listed(race: Race) -> str:
    return " and ".join(map(str, race.numbers))


def _answers(race: Race) -> str:
    return " and ".join(f"{w.status} {w.code or ''}".rstrip() if w.status else "nothing" for w in race.writes)
