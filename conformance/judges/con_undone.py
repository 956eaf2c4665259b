"""BR-CON-02, and the same for BR-CON-03: a retry that loses a race does not undo the one that won."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from conformance.findings import Doubt, Finding, Opinion
from conformance.judges.case import Batch, Case, Write
from conformance.judges.con_attempts import excused
from conformance.judges.intervals import ENQUEUING_FAILED
from conformance.judges.liv import Stuck, ended, stands
from conformance.judges.races import Race, raced
from conformance.judges.timeline import acts_on, follows, gain, slack, views


def _names(race: Race) -> tuple[str, ...]:
    pair = ("BR-CON-02",) if len(race.retries) > 1 else ()
    return (*pair, *(("BR-CON-03",) if race.singles else ()))


def _lost(race: Race) -> bool:
    """Whether some won, some lost, and nothing is unknown."""
    return bool(race.of("accepted")) and bool(race.of("refused")) and not race.of("open")


def undone(race: Race) -> Iterator[Opinion]:
    """A read shows the winner's attempt, and a later one does not.

    Counts never fall (A4), whatever a retry does. Nothing but the race lies between the reads (A6), and reads that lag
    are allowed for (A7): what was undone was the race's own attempt.
    """
    if not _lost(race):
        return
    for gained in race.gains.values():
        for i, (sight, number) in enumerate(gained.seen):
            less = next(
                ((s, n) for s, n in gained.seen[i + 1 :] if n < number and follows(race.case, s, sight.last)), None
            )
            if number < 1 or less is None:
                continue
            yield Finding(
                any_of=_names(race),
                summary="the target takes back the attempt of a retry that won against another",
                argument=(
                    _story(race),
                    f"read {sight.n} shows a message with more attempts than read {gained.before.n}: {number} more",
                    f"read {less[0].n}, begun after that, shows it with {less[1]} more",
                ),
                expected=("the winner's attempt stays, and ends",),
                observed=f"{number} more, then {less[1]} more",
                evidence=(gained.before.n, *race.numbers, sight.n, less[0].n),
                axioms=("A4", "A6", "A7"),
                slack=slack(race.case, less[0], sight.last),
                counterfactual="would be legal if every attempt that was shown once were shown ever after",
                scenario=race.writes[0].exchange.invoke.scenario,
                subject="race: attempt taken back",
            )
            return


def came_to_nothing(case: Case, counted: Sequence[Race]) -> Iterator[Opinion]:
    """The winner's 201 has given no message an attempt when the settling time is over.

    In itself that is BR-ACC-05: every message read before and after (A4, A6), the status visible and never
    ``messages_enqueuing_failed`` from the race on (ruling 17). The race is the cause where it happened in two races,
    and every accepted retry without a rival was attempted; otherwise it is one of the two.
    """
    found = [race for race in counted if _lost(race) and _nothing(case, race)]
    if not found:
        return
    caused = len(found) > 1 and _attempted_alone(case) and not excused(case)
    race = found[0]
    pairs = [(g.before.n, g.final.n) for g in race.gains.values() if g.final is not None]
    yield Finding(
        any_of=_names(race) if caused else ("BR-ACC-05", *_names(race)),
        summary="the target accepts one retry, refuses another that comes at once, and attempts nothing",
        argument=(
            _story(race),
            f"reads {', '.join(f'{a} and {b}' for a, b in pairs)}, before and after the settling time, show no attempt "
            "more; none from the race on shows messages_enqueuing_failed",
            f"the same in {len(found)} races; every accepted retry that had no rival was attempted"
            if caused
            else "whether it is for the rival that nothing is attempted is open",
        ),
        expected=("the winner's attempt",),
        observed="no new attempt",
        evidence=tuple(dict.fromkeys(n for r in found for n in (*r.numbers, *(g.before.n for g in r.gains.values())))),
        axioms=("A4", "A6", "A7"),
        slack="holds if what a retry does shows within the settling time",
        counterfactual="would be legal if a message had gained an attempt, or the status were messages_enqueuing_failed",
        scenario=race.writes[0].exchange.invoke.scenario,
        subject="race: winner attempts nothing",
    )


def _nothing(case: Case, race: Race) -> bool:
    """No attempt where one had to come. A single retry's is not excused by the status of a batch (ruling 17)."""
    if not race.closed or any(g.most for g in race.gains.values()):
        return False
    if all(w.message is not None for w in race.of("accepted")):
        return True
    final = [status for s, status in race.statuses if follows(case, s, race.settled)]
    return bool(final) and all(status != ENQUEUING_FAILED for _, status in race.statuses)


def _attempted_alone(case: Case) -> bool:
    """Whether some accepted batch retry without a rival was seen to give an attempt, and none was seen to give none."""
    shown = False
    for batch in case.ours:
        rivals = raced(case, batch)
        for write in batch.retries:
            if write.standing == "accepted" and write.n not in rivals:
                gains = _alone(case, batch, write)
                if gains and not any(gains):
                    return False
                shown = shown or any(gains)
    return shown


def _alone(case: Case, batch: Batch, write: Write) -> list[int]:
    """What each message gained between the last read before the retry and the last before the next write."""
    until = min((w.t for w in batch.writes if w.t > write.t and w.standing != "unsent"), default=float("inf"))
    found = []
    for message in batch.messages:
        for view in views(case.sights(message)):
            before = [s for s in view if s.last <= write.t]
            after = [s for s in view if follows(case, s, write.last) and s.last <= until]
            grown = gain(before[-1], after[-1]) if before and after else None
            if grown is not None:
                found.append(grown)
                break
    return found


def left_stuck(case: Case, counted: Sequence[Race]) -> Iterator[Opinion]:
    """The winner's messages stand still for ever, in two batches, while retries that had no rival completed.

    That a message stands still is told as for BR-LIV-01: no move in one attempt for the settling time, while a message
    to the same recipient, sent later, became terminal. Where retries without a rival get stuck as well, it is that
    requirement's alone.
    """
    for requirement in ("BR-CON-02", "BR-CON-03"):
        stuck: dict[str, tuple[Race, Stuck]] = {}
        for race in counted:
            concerned = _lost(race) and _names(race)[-1] == requirement
            for message in race.batch.messages if concerned else ():
                found = stands(case, race.batch, message, acts_on(race.batch, message))
                if found is not None and found.retry.n in race.numbers:
                    stuck.setdefault(race.batch.id, (race, found))
        if len(stuck) > 1 and _complete_alone(case):
            yield _stuck(case, list(stuck.values()))
        elif stuck:
            race, one = next(iter(stuck.values()))
            yield Doubt(
                requirement=requirement,
                code="stuck-once" if len(stuck) == 1 else "stuck-without-a-rival",
                text=f"a message that the winner of {_listed(race)} reset stands still in {one.last.status}",
                needs=("the same in another batch", "a longer settle_timeout"),
                evidence=(*race.numbers, one.first.n, one.last.n),
            )


def _stuck(case: Case, stuck: Sequence[tuple[Race, Stuck]]) -> Finding:
    return Finding(
        any_of=tuple(dict.fromkeys(name for race, _ in stuck for name in _names(race))),
        summary="the target leaves messages underway for ever when a retry of them loses against another",
        argument=(
            *(
                f"{_story(race)}; reads {s.first.n} and {s.last.n} show a message in {s.last.status}, and read "
                f"{s.overtaken.n} a later one to that number terminal"
                for race, s in stuck
            ),
            f"no move for {case.header.settle_timeout:g} s, in {len(stuck)} batches; retries without a rival completed",
        ),
        expected=("every message that the winner took up becomes success or failure",),
        observed=", ".join(sorted({str(s.last.status) for _, s in stuck})),
        evidence=tuple(sorted({n for race, s in stuck for n in (*race.numbers, s.first.n, s.last.n, s.overtaken.n)})),
        axioms=("A1", "A4", "A5", "A7"),
        slack=f"holds if a delivery takes less than {case.header.settle_timeout:.0f} s",
        counterfactual="would be legal if messages sent later to the same recipients had stood still as well",
        scenario=stuck[0][0].writes[0].exchange.invoke.scenario,
        subject="race: winner's message stuck",
    )


def _complete_alone(case: Case) -> bool:
    """Whether a message became terminal by a retry without a rival, and none stands still by such a one."""
    done = False
    for batch in case.ours:
        rivals = raced(case, batch)
        for message in batch.messages:
            acts = acts_on(batch, message)
            if acts and acts[0].n not in rivals:
                done = done or ended(case, batch, message, acts[0]) is not None
            found = stands(case, batch, message, acts)
            if found is not None and found.retry.n not in rivals:
                return False
    return done


def _story(race: Race) -> str:
    answers = ", ".join(f"{w.n} is answered {w.status} {w.code or ''}".rstrip() for w in race.writes)
    return f"retries {_listed(race)} are in flight together: {answers}"


def _listed(race: Race) -> str:
    return " and ".join(map(str, race.numbers))
