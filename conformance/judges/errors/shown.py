"""ERR-03, -05 and -09: what an error looks like, and what it must not show. Read off the answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from conformance.contract.vocabulary import error_code
from conformance.errors import FormatError
from conformance.findings import DoubtReason
from conformance.history.probe import Probe
from conformance.history.records import Exchange
from conformance.judges.errors.leaks import leak
from conformance.judges.inference.case import Case
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.own_word import word
from conformance.judges.inference.proof import Proof
from conformance.judges.inference.repetition import envelope as envelope_of
from conformance.judges.inference.repetition import repeated_unknown, server_error
from conformance.judges.rule import Exercised, InDoubt, Judgement, Violated, rule, whole_run

_ENVELOPE = ("code", "message", "type", "id")
#: Characters of a row's value that are no word of any error by chance.
LONG = 12


def _errors(inference: Inference, *operations: str) -> Iterator[Exchange]:
    """Answers of these operations that are errors: 4xx and 5xx, whole."""
    for exchange in inference.case.exchanges:
        if exchange.invoke.operation in operations and exchange.answered and (exchange.status or 0) >= 400:
            yield exchange


def _repeated(inference: Inference) -> frozenset[int]:
    """Numbers of the answers that three alike make the target's own."""
    return repeated_unknown(inference.case.exchanges).union(c.n for c in inference.case.calls if c.repeated)


def _own(exchange: Exchange) -> bool:
    """True for an error that no gateway writes of itself: the target's word, an error in its envelope, or a 5xx of its own."""
    return word(exchange) == "target" or envelope_of(exchange) or server_error(exchange)


@rule(
    "BR-ERR-03",
    whole_run,
    violation="the target refuses a retry with a 400 whose body {observed}",
    expected=('{"error": {"code": …, "message": …, "type": …, "id": …}}, each a string',),
    legal_if="it had the documented envelope",
    subject="400 whose body",
    first_only=True,
)
def envelope(inference: Inference) -> Iterator[Judgement]:
    """A 400 is JSON, an object ``error`` with code, message, type and id.

    Only requests that the endpoint itself has to refuse are judged: what is malformed, and what a generator drew, may be refused by
    something in front of it (ruling 8). A 400 that is no JSON is the target's at the third time only (ruling 22).
    """
    repeated = _repeated(inference)
    for exchange in _errors(inference, "batch_retry"):
        if exchange.status != 400 or not _plain(exchange):
            continue
        if word(exchange) != "target" and exchange.n not in repeated:
            continue
        wrong = _wrong_with(exchange)
        proof = Proof(
            because=(f"answer {exchange.n} is a 400{f', and its body {wrong}' if wrong else ''}",),
            evidence=(exchange.n,),
        )
        if wrong is None:
            yield Exercised(proof=proof)
        else:
            kind = exchange.end.headers.get("content-type", "no content type").partition(";")[0]
            yield Violated(proof=proof, observed=wrong, defect=f"{wrong}, {kind}", scenario=exchange.invoke.scenario)


def _plain(exchange: Exchange) -> bool:
    invoke = exchange.invoke
    if invoke.auth != "valid" or invoke.cause is None:
        return invoke.auth == "valid"
    try:
        probe = Probe.parse(invoke.cause)
    except FormatError:
        return False
    named = probe is not None and (probe.kind in ("body", "query") or (probe.kind, probe.name) == ("id", "unknown"))
    return named and probe is not None and not probe.generated


def _wrong_with(exchange: Exchange) -> str | None:
    if exchange.end.media != "json":
        return "is empty" if exchange.end.media == "none" else "is not JSON"
    body = exchange.end.body
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return "has no object `error`"
    missing = [name for name in _ENVELOPE if not isinstance(error.get(name), str)]
    return f"lacks error.{', error.'.join(missing)}" if missing else None


@rule(
    "BR-ERR-05",
    whole_run,
    violation="the target shows {observed} in an error",
    expected=("an error that says what is wrong with the request, and nothing of the server's inside",),
    legal_if="the error did not hold it",
    subject="an error shows",
    first_only=True,
)
def reveals_nothing(inference: Inference) -> Iterator[Judgement]:
    """No stack trace, file path, SQL or secret (ruling 31), in an error of a retry, of a batch or of one message, that is the
    target's own (rulings 8 and 22)."""
    repeated = _repeated(inference)
    for exchange in _errors(inference, "batch_retry", "single_retry"):
        status = exchange.status or 0
        found = leak(exchange.end.body, own=(exchange.invoke.path, unquote(exchange.invoke.path)))
        if found is not None and not (_own(exchange) or exchange.n in repeated):
            text = f"answer {exchange.n} ({status}), which may be a gateway's, holds {found}"
            yield InDoubt(reason=DoubtReason.GATEWAY, text=text, evidence=(exchange.n,))
        elif found is not None:
            proof = Proof(because=(f"answer {exchange.n} ({status}) holds {found}",), evidence=(exchange.n,))
            yield Violated(proof=proof, observed=found, defect=found, scenario=exchange.invoke.scenario)
        elif status < 500 and word(exchange) == "target":
            yield Exercised(proof=Proof(evidence=(exchange.n,)))


@rule(
    "BR-ERR-09",
    whole_run,
    violation="the target shows {observed} in an error of a retry",
    expected=("an error that tells nothing of recipients and messages",),
    legal_if="the request itself had held it",
    subject="an error shows",
    first_only=True,
)
def names_nobody(inference: Inference) -> Iterator[Judgement]:
    """No recipient's number and no value of a row of this run, unless the request held it."""
    private = tuple(_private(inference.case))
    for exchange in _errors(inference, "batch_retry", "single_retry"):
        said = _written(exchange.end.body)
        invoke = exchange.invoke
        asked = _written([invoke.path, invoke.query, invoke.body])
        found = next((what for what, text in private if text.search(said) and not text.search(asked)), None)
        if found is not None:
            proof = Proof(
                because=(f"answer {exchange.n} holds {found}, which its request did not",), evidence=(exchange.n,)
            )
            where = f"{invoke.operation} {exchange.status} {error_code(exchange.end.body)}"
            yield Violated(proof=proof, observed=found, defect=f"{found}, {where}", scenario=invoke.scenario)
        elif (exchange.status or 0) < 500 and word(exchange) == "target":
            yield Exercised(proof=Proof(evidence=(exchange.n,)))


def _written(what: Any) -> str:
    """The text as it stands, and once more with digits that blanks keep apart in one piece: a number may be written in groups."""
    text = json.dumps(what, ensure_ascii=False)
    return f"{text} {re.sub(r'(?<=[0-9]) (?=[0-9])', '', text)}"


def _private(case: Case) -> Iterator[tuple[str, re.Pattern[str]]]:
    """What an error must not show, with a name for it: recipients as the history writes them, and values long enough to be told.

    Digits within a longer number are no recipient's; noughts before it are a way to write it.
    """
    told: set[str] = set()
    for exchange in case.exchanges:
        for row in exchange.invoke.rows:
            values: dict[str, Any] = dict(row.values)
            for what, text in (
                ("a recipient's number", row.recipient),
                *(("a value of a row", v) for v in values.values()),
            ):
                if isinstance(text, str) and text not in told and (what != "a value of a row" or len(text) >= LONG):
                    told.add(text)
                    written = re.escape(json.dumps(text, ensure_ascii=False)[1:-1])
                    number = what == "a recipient's number"
                    yield what, re.compile(rf"(?<![0-9])0*{written}(?![0-9])" if number else written)


RULES = (envelope, reveals_nothing, names_nobody)
