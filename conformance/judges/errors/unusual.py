"""ERR-04: no input breaks the retry endpoint, and none that names no batch is accepted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from conformance.contract.vocabulary import error_code
from conformance.findings import DoubtReason
from conformance.history.records import Exchange
from conformance.judges.inference.case import Case
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.own_word import word
from conformance.judges.inference.proof import Proof
from conformance.judges.inference.readings import identity
from conformance.judges.inference.repetition import server_error
from conformance.judges.rule import Exercised, InDoubt, Judgement, Violated, rule, whole_run

#: Kinds of unusual input that a pass takes.
ENOUGH = 10
#: 5xx to one kind of input, or kinds that are answered 5xx, that are no chance.
REPEATED = 3
#: 5xx that say something about a gateway, or that a method is not implemented; not that an input broke the target.
_NOT_BROKEN = (501, 520, 521, 522, 523, 524, 525, 526, 527, 530)
_KINDS = ("id:", "body:", "query:", "header:", "method:", "path:", "campaign:")


@rule(
    "BR-ERR-04",
    whole_run,
    violation="unusual input breaks the retry endpoint: {observed}",
    expected=("a 4xx",),
    legal_if="each were refused with a 4xx",
    subject="unusual input",
)
def withstands_any_input(inference: Inference) -> Iterator[Judgement]:
    """Not answered 5xx repeatedly, and never accepted where it names no batch.

    Repeatedly: one kind of input answered a 5xx of the target's own three times, or three kinds once, none of them ever answered
    otherwise, another request answered between each two, in a history in which no plain request was answered 5xx: the input breaks
    it, not the hour. A gateway's 5xx is outside the contract (ruling 8), and leaves nothing open where the same input gets through
    when it is sent again. One that is the target's own does, for one worker of several may break.
    """
    case = inference.case
    unusual = [e for e in case.exchanges if _unusual(e)]
    named = _named_by_target(case)
    let_in = [e for e in unusual if _nameless(e, named) and e.accepted]
    accepted = next(_accepted(let_in), None)
    if accepted is not None:
        yield Violated(
            proof=Proof(
                because=(f"request {accepted.n} retries an id that {_of(accepted)}; it is answered {accepted.status}",),
                evidence=(accepted.n,),
            ),
            observed=f"{accepted.status}",
            defect=f"2xx for {_near(accepted) or 'no batch'}",
            violation=f"the target accepts a retry that names no batch ({_near(accepted) or accepted.invoke.cause})",
            expected=("any answer outside 2xx and 5xx",),
            legal_if="a batch had that id",
            scenario=accepted.invoke.scenario,
        )
    broken = [e for e in unusual if e.status is not None and e.status >= 500 and e.status not in _NOT_BROKEN]
    through = {e.invoke.cause for e in unusual if e.answered and not e.open and e.status != 429}
    repeated = _repeated(case, [e for e in broken if e.invoke.cause not in through and server_error(e)])
    if repeated and not _storm(case):
        causes = tuple(dict.fromkeys(str(e.invoke.cause) for e in repeated))
        said = ", ".join(f"{e.status} to {e.invoke.cause} ({e.n})" for e in repeated[:6])
        yield Violated(
            proof=Proof(
                because=(
                    f"answers: {said}",
                    "other requests were answered between them, and no plain one 5xx in this run",
                ),
                evidence=tuple(e.n for e in repeated),
            ),
            observed=f"{repeated[0].status} for {', '.join(causes[:4])}",
            defect=f"{repeated[0].status} for {_named(causes[0])}",
            scenario=repeated[0].invoke.scenario,
        )
    elif left := [e for e in broken if e.invoke.cause not in through or server_error(e)]:
        text = f"unusual requests were answered 5xx, but not repeatedly ({', '.join(str(e.n) for e in left[:5])})"
        yield InDoubt(reason=DoubtReason.NOT_REPEATED, text=text, evidence=(left[0].n,))
        return
    # What a gateway, a limit of calls or a dead key answers shows nothing of what the input does (rulings 10, 20, 22 and 28).
    kinds = {e.invoke.cause: e.n for e in unusual if word(e) == "target" and e not in let_in}
    if len(kinds) >= ENOUGH:
        yield Exercised(proof=Proof(evidence=tuple(sorted(kinds.values()))))


#: What is wrong with an id that is nearly a batch's own.
_NEAR = {
    "id:near:null-byte": "a batch's id with a NUL behind it",
    "id:near:longer": "a batch's id with more behind it",
    "id:near:shorter": "a batch's id cut short",
    "id:near:wildcard": "a batch's id as a pattern",
}


def _near(exchange: Exchange) -> str:
    """What stands in place of a batch's own id, in words; empty if it is nothing of the kind."""
    return _NEAR.get(exchange.invoke.cause or "", "")


def _of(accepted: Exchange) -> str:
    return f"is {_near(accepted)}, and no batch's" if _near(accepted) else "this run made up"


def _named(cause: str) -> str:
    """A kind of input, in words for a fingerprint; which letters of drawn queries came first is chance."""
    return "query:generated" if cause.startswith("query:generated") else cause


def _unusual(exchange: Exchange) -> bool:
    return exchange.invoke.operation == "batch_retry" and (exchange.invoke.cause or "").startswith(_KINDS)


def _named_by_target(case: Case) -> frozenset[str | None]:
    """Ids of batches that there are: sent or given, shown by a read (the answer to their send may be lost), of a provider state."""
    sent = (batch.id for batch in case.batches)
    shown = (name for r in case.shown for name in (r.listed_in, *r.batch_statuses))
    noted = (name for note in case.history.notes if isinstance(name := note.data.get("batch"), str))
    return frozenset((*sent, *shown, *noted))


def _nameless(exchange: Exchange, named: frozenset[str | None]) -> bool:
    """True if a retry names no batch there is; a mark that stands for many ids names any.

    An id that is nearly a batch's own is on record as a probe of that batch, and names none.
    """
    batch, cause = exchange.invoke.batch, exchange.invoke.cause or ""
    if _near(exchange):
        return True
    made_up = batch not in named and (batch is None or identity(batch) is not None)
    return made_up and not cause.startswith("method:")


def _accepted(found: Sequence[Exchange]) -> Iterator[Exchange]:
    """Those of 2xx answers that are the target's own: a 2xx without JSON may be a gateway's up to the third alike (ruling 22)."""
    alike = Counter((e.invoke.cause, e.status) for e in found)
    return (e for e in found if word(e) == "target" or alike[e.invoke.cause, e.status] >= REPEATED)


def _repeated(case: Case, broken: Sequence[Exchange]) -> tuple[Exchange, ...]:
    """Of 5xx, as many to one kind of input, or to kinds of which each was met once, that they are no chance; empty if too few."""
    for cause in dict.fromkeys(e.invoke.cause for e in broken):
        again = _apart(case, [e for e in broken if e.invoke.cause == cause])
        if len(again) >= REPEATED:
            return again
    kinds = _apart(case, broken, distinct=True)
    return kinds if len(kinds) >= REPEATED else ()


def _apart(case: Case, broken: Sequence[Exchange], *, distinct: bool = False) -> tuple[Exchange, ...]:
    """As many of them, from the first on, as have a request answered between each two: no single outage explains them.

    :param distinct: only one of each kind of input.
    """
    up = [e for e in case.exchanges if _shows_it_up(e)]
    found: list[Exchange] = []
    for e in broken:
        if distinct and any(e.invoke.cause == f.invoke.cause for f in found):
            continue
        if not found or any(found[-1].last <= p.t and p.last <= e.t for p in up):
            found.append(e)
    return tuple(found)


def _shows_it_up(exchange: Exchange) -> bool:
    """True for an answer of the target's own to a plain request, or to an odd one that it refused with a code as documented.

    Odd input without a code may have been refused by something that stands in front, and is up when the target is not.
    """
    return word(exchange) == "target" and (exchange.invoke.cause is None or error_code(exchange.end.body) is not None)


def _storm(case: Case) -> bool:
    """True if a plain request was answered 5xx too."""
    return any(e.status is not None and e.status >= 500 and e.invoke.cause is None for e in case.exchanges)


RULES = (withstands_any_input,)
