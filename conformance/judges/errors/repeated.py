"""ERR-06 to -08: a retry answered 429 or 500 has no effect, and a valid retry is not answered 5xx again and again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from conformance.findings import DoubtReason
from conformance.judges.inference.inference import Inference, retries
from conformance.judges.inference.ledger import suspects_of
from conformance.judges.inference.proof import Proof, all_of, assume
from conformance.judges.inference.quiescence import Quiescent
from conformance.judges.inference.races import Race
from conformance.judges.inference.repetition import GATEWAY_5XX, envelope
from conformance.judges.inference.retry import Retry
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.timeline import comparable, controls, follows, gain
from conformance.judges.rule import Exercised, InDoubt, Judgement, Violated, rule, whole_run

#: Answers alike that make a 5xx the target's own (BR-ERR-08).
ENOUGH = 3


@rule("BR-ERR-06", retries)
def throttled_does_nothing(retry: Retry) -> Iterator[Judgement]:
    """Exercised where a failed message gained what accepted calls gave it, and no more; what it gains is the ledger's."""
    if retry.call.outcome != "throttled":
        return
    case, batch = retry.case, retry.batch
    for message in batch.messages:
        for view in case.views(message):
            before = [r for r in view if r.last <= retry.call.t and r.status == "failure"]
            for later in (r for r in view if follows(case, r, retry.call.last)) if before else ():
                between = [c for c in batch.resetting(message) if before[-1].last <= c.t < later.last]
                given = all(c.accepted for c in between) and gain(before[-1], later) == len(between)
                if given and comparable(before[-1], later):
                    yield Exercised(proof=Proof(evidence=(before[-1].n, retry.n, later.n)))
                    return


@rule(
    "BR-ERR-07",
    retries,
    violation="the target answers a retry 500 and carries it out all the same",
    expected=("no effect of a retry answered 500",),
    legal_if="the retry had been answered 201",
    subject="effect of a retry answered 500",
    first_only=True,
)
def broken_does_nothing(retry: Retry) -> Iterator[Judgement]:
    """An attempt gained where nothing but a retry answered 500 lies between two reads (A4, A6).

    Neither another retry that was refused, nor a probe: those must have had no effect either, and may have (ruling 16). What the
    ledger suspects besides is named too.
    """
    if retry.call.status != 500:
        return
    for message in retry.batch.messages:
        found = retry.effect(message)
        if found is None or _others(retry, message, found.before.t, found.after.last):
            continue
        if found.kind == "left":
            yield Exercised(proof=found.proof)
            return
        # What an earlier call did may come late, or again (ruling 26).
        suspects = suspects_of(retry.case, retry.batch, message, found.before, found.after)
        late = [name for s in suspects if s.call.n != retry.n for name in s.requirements]
        control = controls(retry.case, found.before.last, found.after.t, but=retry.batch.id)
        yield Violated(
            proof=found.proof & (control or Proof()) & retry.answered("had an effect"),
            observed="a new attempt",
            any_of=tuple(dict.fromkeys(retry.accused("BR-ERR-07", *late, *(() if control else ("BR-SEL-07",))))),
            scenario=retry.scenario,
        )
        return


def _others(retry: Retry, message: str, since: float, until: float) -> bool:
    """True if something else that must have no effect may have had it between the two times."""
    since -= retry.case.header.settle_timeout
    return any(not c.may_reset and c.reaches(message) and since < c.last and c.t <= until for c in retry.batch.sent)


@rule(
    "BR-ERR-08",
    whole_run,
    violation="the target answers a valid retry {observed} again and again",
    expected=("201, or a 4xx",),
    legal_if="one of the answers had been no 5xx",
    subject="5xx to a valid retry",
    first_only=True,
)
def not_broken_for_good(inference: Inference) -> Iterator[Judgement]:
    """5xx three times to the same valid retry in one situation, reads answered between, and nothing gained (``repetition``).

    On a quiescent batch it is BR-ACC-02 as well, as one finding (ruling 11).
    """
    runs: defaultdict[tuple[str, int], list[Retry]] = defaultdict(list)
    for retry in inference.retries:
        if retry.call.repeated and (retry.call.status or 0) >= 500:
            runs[retry.batch.id, retry.call.status or 0].append(retry)
        elif retry.call.unknown and (retry.call.status or 0) >= 500:
            text = f"retry {retry.n} is answered {retry.call.status}, but not three times in one situation"
            yield InDoubt(reason=DoubtReason.NOT_REPEATED, text=text, evidence=(retry.n,))
        if (situation := _situation(retry)) and (retry.accepted or (retry.refused and not retry.call.repeated)):
            yield Exercised(proof=Proof(evidence=(retry.n,)), case=situation)
    for (_, status), run in runs.items():
        first = run[0]
        due = first.must_accept
        situation = _situation(first) or "another situation"
        numbers = ", ".join(str(r.n) for r in run)
        yield Violated(
            proof=(due or all_of(*(b.proof for b in first.blockers[:1])))
            & Proof(
                because=(
                    f"retries {numbers} are the same valid request in the same situation ({situation}), each answered {status}",
                    "a read between each was answered 200, and no message gains anything by them within a settling time",
                ),
                evidence=tuple(r.n for r in run),
                assumptions=frozenset(assume("A6", first.batch.id)),
            ),
            observed=str(status),
            any_of=("BR-ACC-02", "BR-ERR-08") if due is not None and _status_allows(first) else ("BR-ERR-08",),
            defect=f"{situation}, {status}",
            scenario=first.scenario,
        )
    yield from _in_a_row(inference)
    yield from _races(inference)


def _in_a_row(inference: Inference) -> Iterator[InDoubt]:
    """Three 5xx one after the other that prove nothing, since what is retried changed meanwhile, or the last look came late."""
    by_batch: defaultdict[str, list[Retry]] = defaultdict(list)
    for retry in sorted(inference.retries, key=lambda r: r.call.t):
        run = by_batch[retry.batch.id]
        if not (retry.call.unknown and (retry.call.status or 0) >= 500 and _own(retry.call)):
            run.clear()
            continue
        run.append(retry)
        if len(run) == ENOUGH:
            numbers = ", ".join(str(r.n) for r in run)
            text = (
                f"retries {numbers}, one after the other, are answered {retry.call.status}, in no situation that lasted"
            )
            yield InDoubt(reason=DoubtReason.BROKEN_IN_A_ROW, text=text, evidence=tuple(r.n for r in run))


def _status_allows(retry: Retry) -> bool:
    return isinstance(retry.quiescent, Quiescent) and retry.quiescent.status is not None


def _situation(retry: Retry) -> str:
    """Which of the situations of BR-ERR-08 a retry was made in; empty for another."""
    if retry.overlapped:
        return ""
    if retry.blockers:
        return "blocked"
    if retry.must_accept is not None:
        return "quiescent"
    state = retry.quiescent
    return "nothing-to-retry" if isinstance(state, Quiescent) and not state.retriable else ""


def _races(inference: Inference) -> Iterator[Judgement]:
    """The loser of a race: a 5xx in three races, in each of which no more was gained than the winners' attempts.

    Races of batch retries alone are one situation, and those with single retries another.
    """
    for singles in (False, True):
        yield from _lost([race for race in inference.races if bool(race.singles) is singles], inference)


def _lost(races: Sequence[Race], inference: Inference) -> Iterator[Judgement]:
    lost: list[tuple[Race, int]] = []
    reads = [e for e in inference.case.exchanges if e.invoke.method == "GET" and e.status == 200]
    for race in sorted(races, key=lambda r: r.start):
        broken = [c for c in race.of("unknown") if (c.status or 0) >= 500 and _own(c)]
        if race.of("accepted") and race.of("refused"):
            yield Exercised(proof=Proof(evidence=race.numbers), case="race-lost")
        settled = race.closed and any(g.most > 0 for g in race.gains.values()) and _no_more_than_won(race)
        # A race counts that a read parts from the one before: the target answered in between.
        parted = not lost or any(lost[-1][0].last <= e.t and e.last <= race.start for e in reads)
        if race.of("accepted") and broken and settled and parted:
            lost.append((race, broken[0].status or 0))
    # Where a race was lost by a refusal as well, the 5xx are the exception.
    if len(lost) < ENOUGH or any(r.of("accepted") and r.of("refused") for r in races):
        return
    race, status = lost[0]
    yield Violated(
        proof=all_of(*(g.proof for r, _ in lost[:ENOUGH] for g in r.gains.values()))
        & Proof(
            because=(
                f"in {len(lost)} races one retry won and the other was answered {status}, without an effect of its own",
            ),
            evidence=tuple(n for r, _ in lost for n in r.numbers),
        ),
        observed=str(status),
        defect=f"race-lost, {status}",
        scenario=race.calls[0].scenario,
    )


def _own(call: RetryCall) -> bool:
    """True if a 5xx is not a gateway's: 502, 503, 504 and 52x only in an envelope."""
    return call.status not in GATEWAY_5XX or envelope(call.exchange)


def _no_more_than_won(race: Race) -> bool:
    """True if no message gained more attempts than retries that reach it won."""
    return all(g.most <= sum(c.reaches(m) for c in race.of("accepted")) for m, g in race.gains.items())


RULES = (throttled_does_nothing, broken_does_nothing, not_broken_for_good)
