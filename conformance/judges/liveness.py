"""LIV: a retried message moves on until it is terminal, and a retry sends again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from conformance.findings import DoubtReason
from conformance.judges.concurrency.owned import names, races, story
from conformance.judges.concurrency.undone import decided
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.proof import Proof, all_of, assume
from conformance.judges.inference.races import Race
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.retry import effect
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.stuck import Stuck, delivered, ended, stands
from conformance.judges.inference.timeline import begun, follows, terminal_stays
from conformance.judges.rule import Exercised, InDoubt, Judgement, Violated, rule, whole_run

_AGAIN = "BR-LIV-02"


@rule(
    "BR-LIV-01",
    whole_run,
    violation="the target leaves retried messages in {observed} for ever",
    expected=("every retried message becomes success or failure",),
    legal_if="messages sent later to the same recipients had stood still as well",
    subject="retried message stuck",
)
def retried_messages_end(inference: Inference) -> Iterator[Judgement]:
    """Stuck: no move in one attempt for settle_timeout, while a message to that recipient, sent after the retry, became terminal.

    And that in two batches, so that one lost delivery report is no defect: nothing bounds how long a delivery takes.
    ``sent_to_telco`` may last for ever, and recipients that are configured never to end are left out. What is no violation is no
    pass either: a retried message that was left in progress may have been left so for ever.
    """
    case = inference.case
    stuck: dict[str, Stuck] = {}
    left: list[Stuck] = []
    for batch in case.groups:
        for message in batch.messages:
            resets = batch.resetting(message)
            if (
                not resets
                or not case.readings(message)
                or (message in batch.row_of and batch.row_of[message].role == "pending")
            ):
                continue
            done = ended(case, message, resets[0])
            if done is not None:
                yield Exercised(proof=done)
            found = stands(case, batch, message, resets)
            if found is not None:
                stuck.setdefault(batch.id, found)
            lingering = _left(case, batch, message, resets)
            if lingering is not None:
                left.append(lingering)
    if len(stuck) >= 2:
        several = tuple(stuck.values())
        still = f"no move for {case.header.settle_timeout:.0f} s, in {len(several)} sends"
        yield Violated(
            proof=all_of(*(s.proof for s in several)) & Proof(because=(still,)),
            observed=", ".join(sorted({str(s.last.status) for s in several})),
            defect="created" if all(s.last.status == "created" for s in several) else "",
            scenario=several[0].call.scenario,
        )
    elif stuck:
        one = next(iter(stuck.values()))
        text = f"{one.proof.because[0]}, in one batch only"
        yield InDoubt(reason=DoubtReason.STUCK_ONCE, text=text, evidence=one.proof.evidence)
    elif left:
        yield _left_in_progress(case, left)


def _left_in_progress(case: Case, left: list[Stuck]) -> InDoubt:
    one = left[0]
    batches = len({item.batch.id for item in left})
    several = f" ({len(left)} messages of {batches} batches in all)" if len(left) > 1 else ""
    return InDoubt(
        reason=DoubtReason.LEFT_IN_PROGRESS,
        text=f"a message that retry {one.call.n} reset is still in {one.last.status} {one.last.t - one.call.last:.1f} s after "
        f"its answer, unmoved for {one.last.t - one.first.last:.1f} s, when it is read last{several}",
        needs=(
            f"a timing.settle_timeout longer than {case.header.settle_timeout:g} s, in which the target can deliver",
            "the target's own word on what becomes of the message",
        ),
        evidence=tuple(sorted({n for item in left[:8] for n in (item.call.n, item.first.n, item.last.n)})),
    )


def _left(case: Case, batch: Batch, message: str, resets: tuple[RetryCall, ...]) -> Stuck | None:
    """A retried message that is in progress in the last answer that shows it, when its time is over.

    Its time is settle_timeout from the retry's answer on, of which it has not moved for half: one that is slow, but on its way, is
    left alone, and so are ``sent_to_telco`` and an unknown status. Nothing need show which attempt it is.
    """
    if message not in batch.row_of and any(row.role == "pending" for row in batch.rows):
        return None
    seen = sorted(case.readings(message), key=lambda r: (r.last, r.n))
    last = seen[-1]
    if not last.in_progress or last.status == "sent_to_telco" or not any(r.terminal for r in seen):
        return None
    run = seen[max(i for i, r in enumerate(seen) if r.status != last.status) + 1 :]
    retry = next((c for c in reversed(resets) if c.t < run[0].last), None)
    settle = case.header.settle_timeout
    if retry is None or begun(case, last) < retry.last + settle or last.t - run[0].last < settle / 2:
        return None
    return Stuck(batch, retry, run[0], last, Proof(evidence=(retry.n, run[0].n, last.n)))


@dataclass(frozen=True)
class _Recovering:
    """What became of a message to a recovering number by its first retry."""

    batch: Batch
    retry: RetryCall
    end: Reading
    proof: Proof


@rule(
    _AGAIN,
    whole_run,
    violation="the target ends retried messages to recovering numbers in failure again, as if it had not sent them",
    expected=("success of a message to a number of recipients.recovering that was retried",),
    legal_if="the message had been delivered by its retry",
    subject="recovering number not delivered",
    also=("BR-CON-02", "BR-CON-03"),
)
def a_retry_sends_again(inference: Inference) -> Iterator[Judgement]:
    """A message to a number that accepts its first retry (A10) is delivered by it.

    Broken when two such messages, in different batches, fail again while a message to a succeeding number, sent later, is
    delivered. Where that befell only those whose retries won races, the losers may have undone them (BR-CON-02): which of the
    two it was is open.
    """
    case = inference.case
    raced = {n: race for race in races(inference) if decided(race) for n in race.numbers}
    failed: dict[str, _Recovering] = {}
    unrivalled = False
    for found in _recovering(case):
        if found.end.status == "success":
            yield Exercised(proof=found.proof)
            continue
        unrivalled = unrivalled or found.retry.n not in raced
        later = delivered(case, found.retry.last, float("inf"), but=found.end.message, role="succeeding")
        if later is not None:
            line = f"read {later.n} shows a message to a succeeding number, sent after retry {found.retry.n}, delivered"
            proof = found.proof & Proof(because=(line,), evidence=(later.n,))
            failed.setdefault(found.batch.id, replace(found, proof=proof))
    several = tuple(failed.values())
    if len(several) >= 2:
        rivals = [] if unrivalled else [raced[one.retry.n] for one in several]
        yield Violated(
            proof=all_of(*(one.proof for one in several)) & _lost(rivals),
            observed="failure again",
            any_of=(_AGAIN, *(name for race in rivals for name in names(race, "BR-CON-02"))),
            defect="after races" if rivals else "",
            scenario=several[0].retry.scenario,
        )
    elif several:
        text = f"{several[0].proof.because[0]}, in one batch only"
        yield InDoubt(reason=DoubtReason.STUCK_ONCE, text=text, evidence=several[0].proof.evidence)


def _lost(rivals: Sequence[Race]) -> Proof:
    """What else was in flight with the retries that sent again."""
    numbers = tuple(n for race in rivals for n in race.numbers)
    return Proof(because=tuple(story(race) for race in rivals), evidence=numbers)


def _recovering(case: Case) -> Iterable[_Recovering]:
    """Messages to recovering numbers that their first retry reset, and that ended in that attempt."""
    for batch in case.groups:
        for message, row in batch.row_of.items():
            resets = batch.resetting(message)
            if row.role != "recovering" or not resets or not (resets[0].accepted and resets[0].valid):
                continue
            done = effect(case, batch, message, resets[0])
            if done is None or done.kind != "reset":
                continue
            end = _end_of(case, message, done.after, resets)
            if end is not None:
                line = f"a message to a recovering number failed, and its retry {resets[0].n} ends in {end.status} (read {end.n})"
                stays = terminal_stays(end) if end.status == "failure" else ()
                proof = done.proof & Proof(
                    because=(line,),
                    evidence=(resets[0].n, end.n),
                    assumptions=frozenset((*assume("A10", message), *stays)),
                )
                yield _Recovering(batch, resets[0], end, Proof(because=(line,)) & proof)


def _end_of(case: Case, message: str, after: Reading, resets: tuple[RetryCall, ...]) -> Reading | None:
    """How the attempt ended that ``after`` shows, before the next call that may reset the message left.

    A failure may be corrected: then as it ended at last (ruling 18).
    """
    until = min((c.t for c in resets[1:]), default=float("inf"))
    later = (r for r in case.readings(message) if follows(case, r, after.last) and r.last <= until)
    # Of an attempt that is listed as underway no status tells the end (BR-SEL-03).
    ends = [r for r in (after, *later) if r.terminal and not r.attempts_in_progress]
    return next((r for r in ends if r.status == "success"), ends[-1] if ends else None)


RULES = (retried_messages_end, a_retry_sends_again)
