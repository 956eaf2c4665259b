"""BR-SEL-03 and BR-SEL-08: what a message's attempts show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from conformance.contract.vocabulary import IN_PROGRESS, TERMINAL, WORDS
from conformance.findings import DoubtReason
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.circumstances import kinds, together, unexpected
from conformance.judges.inference.disputed import INSTEAD, disputed
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.readings import Attempt, Reading
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.rounds import rounds
from conformance.judges.inference.timeline import between, follows, grown, owed
from conformance.judges.rule import Exercised, InDoubt, Judgement, Violated, rule
from conformance.judges.selection.untouched import groups

_KNOWN = TERMINAL | IN_PROGRESS


@rule(
    "BR-SEL-03",
    groups,
    violation="the target shows a retried message in another status than its newest attempt",
    expected=("latestStatus is the newest attempt's status",),
    legal_if="the two were the same",
    subject="latestStatus differs from the newest attempt",
    also=("BR-SEL-08", "BR-IDS-07"),
)
def status_of_the_newest_attempt(subject: tuple[Inference, Batch]) -> Iterator[Judgement]:
    """latestStatus is the status of the newest attempt, within one message of one answer (A3, ruling 29).

    The newest attempt is the one that an earlier read of the same view lacked, or of the single read, for the answer to a single
    retry (ruling 27). A ``created`` that no client saw is no violation, and unknown statuses are left alone (ruling 6). Where no
    attempts are listed, a retried message that is seen in progress again has started its lifecycle again.
    """
    case, batch = subject[0].case, subject[1]
    exercised: Proof | None = None
    accused: set[str] = set()
    for message in batch.messages:
        resets = batch.resetting(message)
        if not resets:
            continue
        listed = False
        for view in (*case.views(message), *_answers(case, message)):
            for reading, newest, first, whole, sure in _newest(case, batch, message, view):
                status = reading.shown_status
                if newest.status not in _KNOWN or status not in _KNOWN:
                    continue
                listed = True
                proof = Proof(
                    because=(
                        f"the message was retried ({resets[0].n}), and answer {reading.n} lists an attempt that was not listed "
                        "before that: the newest",
                        f"the same answer shows latestStatus {status}, and that attempt in {newest.status}",
                    ),
                    evidence=(resets[0].n, reading.n),
                    assumptions=frozenset((*assume("A3"), *assume("A6", batch.id))),
                )
                if first and newest.status == "created" and (error := _carried(reading, newest)):
                    yield Violated(
                        proof=proof
                        & Proof(because=(f"that attempt, created, shows the older one's error already: {error}",)),
                        violation="the target begins a new attempt with the error of the old one",
                        observed=error,
                        expected=("an attempt that starts its lifecycle again",),
                        legal_if="the new attempt had shown no error before it failed",
                        defect="error carried over",
                        scenario=resets[0].scenario,
                    )
                    return
                if newest.status == status:
                    exercised = exercised or proof
                elif whole or not reading.abbreviated:
                    observed = f"latestStatus {status}, newest attempt {newest.status}"
                    defect = "once it is terminal" if newest.status in TERMINAL else "while it is in progress"
                    if defect in accused:
                        continue
                    accused.add(defect)
                    told, names = _dispute(case, reading)
                    yield Violated(
                        proof=proof & told,
                        violation=f"the {WORDS[reading.view]} shows a retried message in {status}, and its newest attempt in "
                        f"{newest.status}",
                        observed=observed,
                        any_of=("BR-SEL-03", *(() if sure else ("BR-SEL-08",)), *names),
                        defect=defect,
                        scenario=resets[0].scenario,
                    )
        if not listed and exercised is None and (seen := rounds(case, message)).count:
            exercised = seen.proof & Proof(evidence=(resets[0].n,))
    if accused:
        return
    if (odd := _of_no_attempt(case, batch)) is not None:
        theirs = ", ".join(str(a.status) for a in odd.attempts or ())
        text = f"answer {odd.n} ({WORDS[odd.view]}) shows a message in {odd.shown_status}, and its attempts in {theirs}"
        yield InDoubt(reason=DoubtReason.NO_SUCH_ATTEMPT, text=text, evidence=(odd.n,))
    elif exercised is not None:
        yield Exercised(proof=exercised)


def _answers(case: Case, message: str) -> Iterator[tuple[Reading, ...]]:
    """Each answer to a single retry of the message, behind the last single read before it: both show it alike."""
    read = [r for r in case.readings(message) if r.view == "message_read"]
    for answer in case.readings(message):
        if answer.view == "single_retry":
            yield (*[r for r in read if r.last <= answer.t][-1:], answer)


def _of_no_attempt(case: Case, batch: Batch) -> Reading | None:
    """An answer that shows a message in a status which none of its attempts has, as far as its list is known to be whole.

    No proof: which attempt is the newest, and that it is listed, only an earlier reading of the view shows. What is in progress is
    looked at only where it was retried.
    """
    for message in batch.messages:
        since = min(case.resets_of(message), default=float("inf"))
        for r in case.readings(message):
            statuses = {a.status for a in r.attempts or ()}
            known = statuses and statuses <= _KNOWN and r.shown_status in _KNOWN
            later = r.t >= since and known and r.shown_status not in statuses and not r.abbreviated
            if later or r.contradicts_itself:
                return r
    return None


def _error(attempt: Attempt) -> tuple[str, ...]:
    """What an attempt shows of an error: type and code, in either form that the guide has."""
    data = attempt.data
    inner = data.get("error")
    shown = [data.get("errorType"), data.get("errorCode")]
    shown += [inner.get("type"), inner.get("code")] if isinstance(inner, Mapping) else []
    return tuple(str(s) for s in shown if s)


def _carried(reading: Reading, newest: Attempt) -> str:
    """The error that the newest attempt shares with an older, failed one; empty if there is none."""
    error = _error(newest)
    older = (a for a in reading.attempts or () if a is not newest and a.status == "failure")
    return " ".join(error) if error and any(_error(a) == error for a in older) else ""


def _newest(
    case: Case, batch: Batch, message: str, view: tuple[Reading, ...]
) -> Iterator[tuple[Reading, Attempt, bool, bool, bool]]:
    """Readings of one view that surely list the newest attempt, with it, and whether it is listed for the first time.

    An earlier reading lacked it; between the two at most one retry can have given an attempt, so that none is newer and unlisted.
    It is the newest until another may have been given. Then, whether every attempt that there may have been before was listed: it
    is so even where lists are abbreviated then. Last, whether it is the newest for sure: where several may have been given, the
    one new attempt that is listed, in progress, is; or one came beside it (BR-SEL-08), if the message is shown terminal.
    """
    whole = False
    known: set[str | datetime | None] = set()
    newest: set[str | datetime | None] = set()
    last: Reading | None = None
    for reading in view:
        shown = {a.id or a.created_at: a for a in reading.attempts or ()}
        if not shown or len(shown) != len(reading.attempts or ()) or None in shown:
            continue
        new = shown.keys() - known
        if last is not None:
            given = owed(case, batch, last).most + len(between(batch, last, reading))
            beside = len(new) == 1 and reading.shown_status in TERMINAL and shown[next(iter(new))].status in IN_PROGRESS
            newest = new if (given <= 1 and new) or beside else newest if given == 0 else set()
            if new:
                whole = len(known) > sum(c.t < last.last for c in batch.resetting(message))
            if len(newest) == 1 and newest <= shown.keys():
                yield reading, shown[next(iter(newest))], bool(new), whole, given <= 1
        known |= shown.keys()
        last = reading


@rule(
    "BR-SEL-08",
    groups,
    violation="the target has two attempts of one message in progress at once",
    expected=("at most one attempt in progress",),
    legal_if="all but one had been terminal",
    subject="two attempts in progress",
    also=("BR-SEL-03", "BR-IDS-07"),
)
def one_attempt_at_a_time(subject: tuple[Inference, Batch]) -> Iterator[Judgement]:
    """Never two attempts in progress in one answer, which is one instant (A3).

    Where no answer lists attempts, a retried message that is seen in progress and then terminal, twice, has ended each of them.
    """
    case, batch = subject[0].case, subject[1]
    exercised: Proof | None = None
    retried: list[RetryCall] = []
    for message in batch.messages:
        resets = batch.resetting(message)
        retried += [c for c in resets if c.accepted]
        for reading in case.readings(message):
            found = [a for a in reading.attempts or () if a.status in IN_PROGRESS]
            earlier = _before_another(case, reading, found[0]) if len(found) == 1 else None
            if len(found) >= 2 or earlier is not None:
                said = f"{len(found)} attempts of one message in progress: {', '.join(str(a.status) for a in found)}"
                if earlier is not None:
                    said = f"an attempt in {found[0].status}, and another that began after answer {earlier.n} had listed that one"
                told, names = _dispute(case, reading)
                yield Violated(
                    proof=Proof(
                        because=(f"answer {reading.n} shows {said}",),
                        evidence=(*(c.n for c in resets[:1]), *((earlier.n,) if earlier else ()), reading.n),
                        assumptions=frozenset((*assume("A3"), *(assume("A1", message) if earlier else ()))),
                    )
                    & told,
                    any_of=("BR-SEL-08", *(("BR-SEL-03",) if earlier else ()), *names),
                    observed=f"{max(2, len(found))} in progress",
                    defect=_how(case, batch, message, reading),
                    scenario=resets[0].scenario if resets else batch.scenario,
                )
                return
            if resets and exercised is None and reading.t > resets[0].t and len(reading.attempts or ()) >= 2:
                exercised = Proof(evidence=(resets[0].n, reading.n), assumptions=frozenset(assume("A3")))
        if resets and exercised is None:
            exercised = _one_after_the_other(case, message)
    if exercised is not None:
        yield Exercised(proof=exercised)
    elif retried:
        text = "no answer shows two attempts of a retried message, nor the end of its new one"
        yield InDoubt(reason=DoubtReason.ATTEMPTS_NOT_VISIBLE, text=text, evidence=(retried[0].n,))


def _before_another(case: Case, reading: Reading, moving: Attempt) -> Reading | None:
    """An answer of the same view that lists an attempt which is in progress in this one still, and lacks one that began later.

    The other began beside it, then, be it that it has ended since: what is in progress has not ended before (A1), unless its status
    was not kept up to date, so that latestStatus was not its own (BR-SEL-03).
    """
    known: set[str | None] = {None}
    for r in case.readings(reading.message):
        if r.view != reading.view or r.last > reading.t:
            continue
        # By their ids: stamps may be coarse, or of several clocks, and alike (ruling 27).
        ids = {a.id for a in r.attempts or ()}
        known |= ids
        whole = len(ids) > 1 and known - {None} <= ids and not r.abbreviated
        others = (a for a in reading.attempts or () if a.id not in known)
        later = (a for a in others if a.created_at and moving.created_at and a.created_at > moving.created_at)
        if moving.id is not None and moving.id in ids and whole and any(later):
            return r
    return None


def _dispute(case: Case, reading: Reading) -> tuple[Proof, tuple[str, ...]]:
    """What disputes the attempts that an answer lists, and the requirement that is broken if they are not so."""
    known = grown(case, reading)
    dispute = disputed(case, known[0] if known is not None else None, reading)
    return (dispute, (INSTEAD,)) if dispute is not None else (Proof(), ())


def _how(case: Case, batch: Batch, message: str, reading: Reading) -> str:
    """By which calls the attempts came about, and if one of them was there before, in words for a fingerprint."""
    calls = _since_one(case, batch, message, reading)
    since = min((c.t for c in calls), default=0.0)
    shown = [_name(a) for a in reading.attempts or () if a.status in IN_PROGRESS]
    before = (a for r in case.readings(message) if r.last <= since for a in r.attempts or () if a.status in IN_PROGRESS)
    known = {_name(a) for a in before} - {None}
    fresh = [name for name in shown if name not in known]
    accepted = sum(c.may_reset for c in together(batch, calls).values())
    how = "more than were accepted" if len(fresh) > accepted else "one from before" if len(fresh) < len(shown) else ""
    return f"{kinds(batch, unexpected(calls), alike=True)}{', ' if how else ''}{how}"


def _name(attempt: Attempt) -> str | datetime | None:
    """What tells an attempt from others of its message: its id, or when it began where it shows none."""
    return attempt.id or attempt.created_at


def _since_one(case: Case, batch: Batch, message: str, reading: Reading) -> list[RetryCall]:
    """The calls that left since the last answer before this one that shows less than two attempts in progress; the last call
    before it where none did."""
    earlier = (r for r in case.readings(message) if r.last <= reading.t)
    single = [r for r in earlier if sum(a.status in IN_PROGRESS for a in r.attempts or ()) < 2]
    since = max((r.t for r in single), default=0.0)
    before = [c for c in batch.sent if c.reaches(message) and c.t <= reading.last]
    return [c for c in before if c.last >= since] or before[-1:]


def _one_after_the_other(case: Case, message: str) -> Proof | None:
    """A message, of which no list shows two attempts, that was in progress again, then terminal, and is so in a later read too."""
    seen = case.readings(message)
    if any(len(r.attempts or ()) >= 2 for r in seen) or not (known := rounds(case, message)).count:
        return None
    moving = next(r for r in reversed(seen) if r.in_progress)
    ended = [r for r in seen if r.terminal and follows(case, r, moving.last)]
    if len(ended) < 2:
        return None
    return known.proof & Proof(evidence=(moving.n, ended[0].n, ended[-1].n))


RULES = (status_of_the_newest_attempt, one_attempt_at_a_time)
