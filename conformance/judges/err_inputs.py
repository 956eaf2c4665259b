"""BR-ERR-04: no input breaks the retry endpoint, and none that names no batch is accepted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from conformance.findings import Doubt, Exercise, Finding, Opinion
from conformance.history.records import Exchange
from conformance.judges.case import Case

#: Kinds of odd input that a pass takes.
ENOUGH = 10
#: 5xx that say something about a way in between, or that a method is not implemented; not that an input broke it.
_NOT_BROKEN = (501, 520, 521, 522, 523, 524, 525, 526, 527, 530)


def inputs(case: Case) -> Iterator[Opinion]:
    """BR-ERR-04, over all odd requests of the history.

    Accepted: an id that this run made up names no batch, so 2xx to a retry of it is read off the answer.
    Repeatedly: one kind of input answered 5xx twice, or three kinds once, none of them ever answered otherwise, in a
    history in which no plain request was answered 5xx: the input breaks it, not the hour. Where a way in between
    makes up a 5xx now and then, it does so for plain requests as well, which are many times as many, and the same
    input gets through when it is sent again.
    """
    odd = [e for e in case.exchanges if _odd(e)]
    own = {batch.id for batch in case.batches}
    for exchange in odd:
        nameless = exchange.invoke.batch not in own and not (exchange.invoke.cause or "").startswith("method:")
        if nameless and exchange.status is not None and exchange.accepted:
            yield _accepted(exchange)
            break
    broken = [e for e in odd if e.status is not None and e.status >= 500 and e.status not in _NOT_BROKEN]
    through = {e.invoke.cause for e in odd if e.answered and not e.open and e.status != 429}
    repeated = _repeated([e for e in broken if e.invoke.cause not in through])
    if repeated and not _storm(case):
        yield _breaks(repeated)
    elif broken:
        text = f"odd requests were answered 5xx, but not repeatedly ({', '.join(str(e.n) for e in broken[:5])})"
        needs = ("a run in which they are sent again",)
        yield Doubt(requirement="BR-ERR-04", code="not-repeated", text=text, needs=needs, evidence=(broken[0].n,))
        return
    kinds = {e.invoke.cause: e.n for e in odd if e.answered}
    if len(kinds) >= ENOUGH:
        yield Exercise(requirement="BR-ERR-04", evidence=tuple(sorted(kinds.values())))


def _odd(exchange: Exchange) -> bool:
    invoke = exchange.invoke
    kinds = ("id:", "body:", "query:", "header:", "method:", "path:", "campaign:")
    return invoke.operation == "batch_retry" and (invoke.cause or "").startswith(kinds)


def _repeated(broken: Sequence[Exchange]) -> tuple[Exchange, ...]:
    counts = Counter(e.invoke.cause for e in broken)
    twice = [cause for cause, count in counts.items() if count >= 2]
    if twice:
        return tuple(e for e in broken if e.invoke.cause == twice[0])
    return tuple(broken) if len(counts) >= 3 else ()


def _storm(case: Case) -> bool:
    """Whether a plain request was answered 5xx too."""
    return any(e.status is not None and e.status >= 500 and e.invoke.cause is None for e in case.exchanges)


def _accepted(exchange: Exchange) -> Finding:
    return Finding(
        any_of=("BR-ERR-04",),
        summary=f"the target accepts a retry that names no batch ({exchange.invoke.cause})",
        argument=(
            f"request {exchange.n} retries an id that this run made up; no batch of the campaign has it",
            f"it had to be refused, and {exchange.status} came",
        ),
        expected=("any answer outside 2xx and 5xx",),
        observed=f"{exchange.status}",
        evidence=(exchange.n,),
        counterfactual="would be legal if a batch had that id",
        scenario=exchange.invoke.scenario,
        subject="2xx for no batch",
    )


def _breaks(repeated: Sequence[Exchange]) -> Finding:
    causes = tuple(dict.fromkeys(str(e.invoke.cause) for e in repeated))
    said = ", ".join(f"{e.status} to {e.invoke.cause} ({e.n})" for e in repeated[:6])
    return Finding(
        any_of=("BR-ERR-04",),
        summary=f"odd input breaks the retry endpoint: {repeated[0].status} for {', '.join(causes[:4])}",
        argument=(f"answers: {said}", "no plain request was answered 5xx in this run"),
        expected=("a 4xx",),
        observed=", ".join(str(e.status) for e in repeated[:6]),
        evidence=tuple(e.n for e in repeated),
        counterfactual="would be legal if each were refused with a 4xx",
        scenario=repeated[0].invoke.scenario,
        subject="5xx for odd input",
    )
