"""SCH: answers against the OpenAPI document that the suite ships."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Any, Literal

import jsonschema_rs

from conformance import specs
from conformance.contract.vocabulary import WORDS
from conformance.errors import FormatError
from conformance.history.probe import Probe
from conformance.history.records import PREFLIGHT, Exchange
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.own_word import word
from conformance.judges.inference.proof import Proof
from conformance.judges.rule import Exercised, Judgement, Observed, Violated, rule, whole_run

RETRY = "batch_retry"
#: The supporting operations whose use BR-SCH-02 asks for; a single send is judged where it is used.
SUPPORTING = ("batch_send", "batch_list", "message_read", "campaign_list", "single_retry")

#: Statuses whose bodies may have either envelope (ruling 8), or none.
_EITHER = frozenset({401, 403, 404, 405})
#: Mismatches of one body that are looked at: a page of a hundred thousand wrong items is wrong in one way.
MOST_ERRORS = 1000
#: Items of one list that are looked at, for the same reason.
MOST_ITEMS = 300
#: Exchanges that a finding names at most.
_SHOWN = 5

#: ``outside`` the contract: a gateway's answer, or one about the key. ``elsewhere``: another requirement judges it.
Fit = Literal["described", "outside", "elsewhere"]


@rule(
    "BR-SCH-01",
    whole_run,
    legal_if="the answer were as described",
    subject="not described",
    also=("BR-SCH-02",),
)
def described(inference: Inference) -> Iterator[Judgement]:
    """BR-SCH-01 and BR-SCH-02: status, content type and body of every whole answer to a valid request.

    Read off each answer by itself, so that it rests on no axiom. Judged are requests that differ in nothing from what the
    documents describe, and reads whose cursor or search a generator made up: the document allows any text there, so the answer
    has to be one that it describes. Of the latter only a page, and where the texts are plain letters a 400 in JSON, are judged: how
    else a stranger's cursor is refused is not said, and odd letters may be refused by something in front (ruling 8). The
    preflight's are not: they ask whether this is the API at all. 429 is left out, and what is not the target's own word (rulings
    8, 22, 28, 32), and a body that cannot be decoded (ruling 33). That a retry is accepted with 201 and an empty body is
    BR-ACC-04's: of a 2xx to a batch retry nothing is said here, but that 201 is described.
    """
    case = inference.case
    repeated = {c.n for c in case.calls if c.repeated}
    wrong: dict[tuple[str, str], list[Exchange]] = {}
    outside: set[str] = set()
    for exchange in case.exchanges:
        invoke = exchange.invoke
        if not _judged(exchange):
            continue
        requirement = "BR-SCH-01" if invoke.operation == RETRY else "BR-SCH-02"
        fit, fault = _fit(exchange, exchange.n in repeated)
        if fault is not None and not _looked_at(exchange):
            fit, fault = "outside", None
        if fit == "outside":
            what = f"{invoke.operation} {exchange.status}"
            if what not in outside:
                outside.add(what)
                yield Observed(key="answer-outside-the-contract", value=what, evidence=(exchange.n,))
        elif fault is not None:
            wrong.setdefault((requirement, f"{invoke.operation} {exchange.status}: {fault}"), []).append(exchange)
        elif fit == "described" and invoke.cause is None and (facet := _facet(exchange)) is not None:
            yield Exercised(requirement=requirement, proof=Proof(evidence=(exchange.n,)), case=facet)
    for (requirement, defect), exchanges in wrong.items():
        yield _violated(requirement, defect, exchanges)


def _judged(exchange: Exchange) -> bool:
    invoke = exchange.invoke
    told = exchange.answered and exchange.status != 429 and getattr(exchange.end, "undecoded", None) is None
    valid = invoke.auth == "valid" and (invoke.cause is None or _generated(exchange) is not None)
    return told and valid and invoke.driver != PREFLIGHT


def _generated(exchange: Exchange) -> str | None:
    """What kind of query a generator drew for a read: ``valid`` or ``odd`` letters; None for any other request."""
    try:
        probe = Probe.parse(exchange.invoke.cause)
    except FormatError:
        return None
    return probe.name if probe is not None and probe.kind == "generated" else None


def _looked_at(exchange: Exchange) -> bool:
    """True if the document speaks about this answer: about a made-up cursor's, if it is a page or the endpoint's own."""
    own = exchange.status == 400 and exchange.end.media == "json" and _generated(exchange) == "valid"
    return exchange.invoke.cause is None or exchange.accepted or own


def _facet(exchange: Exchange) -> str | None:
    """Which case a described answer exercises, if any."""
    operation = exchange.invoke.operation
    if operation == RETRY:
        return "accepted" if exchange.accepted else "refused"
    return operation if exchange.accepted and operation in SUPPORTING else None


def _violated(requirement: str, defect: str, exchanges: list[Exchange]) -> Violated:
    operation, _, fault = defect.partition(" ")
    first = exchanges[0]
    others = f", and {len(exchanges) - 1} more alike" if len(exchanges) > 1 else ""
    proof = Proof(
        because=(
            f"request {first.n} is a {'plain' if first.invoke.cause is None else 'drawn'} valid {WORDS[operation]}{others}",
            f"its answer: {fault}",
        ),
        evidence=tuple(e.n for e in exchanges[:_SHOWN]),
    )
    return Violated(
        proof=proof,
        any_of=(requirement,),
        violation=f"the target answers a {WORDS[operation]} as the OpenAPI document does not describe it: {{observed}}",
        expected=(f"an answer that the responses of {operation} in specs/openapi.json describe",),
        observed=fault,
        defect=defect,
        scenario=first.invoke.scenario,
    )


def _fit(exchange: Exchange, repeated: bool) -> tuple[Fit | None, str | None]:
    """How an answer fits the document: a verdict, or (None, what is wrong with it).

    :param repeated: three alike answers make it the target's own (ruling 22).
    """
    status = exchange.status or 0
    operation = exchange.invoke.operation
    if operation == RETRY and 200 <= status < 300:
        return "described" if status == 201 else "elsewhere", None
    own = word(exchange) == "target" or status == 201 or (repeated and 400 <= status < 500 and status != 408)
    if not own:
        return "outside", None
    if status not in statuses(operation):
        return None, "the status is not documented"
    if status in _EITHER and exchange.end.media != "json":
        return "described" if exchange.end.media == "none" else "outside", None
    fault = _body_fault(exchange, operation, status)
    return ("described", None) if fault is None else (None, fault)


def _body_fault(exchange: Exchange, operation: str, status: int) -> str | None:
    media = exchange.end.media
    if media != "json":
        return "the body is empty" if media == "none" else "the body is not JSON"
    kind = next((v for k, v in exchange.end.headers.items() if k.lower() == "content-type"), "")
    # A type that is not said is not a wrong one; "application/problem+json; charset=utf-8" is JSON as well.
    if kind and "json" not in kind.lower():
        return f"the content type of a JSON body is {kind.split(';')[0].strip().lower()}"
    return mismatch(operation, status, exchange.end.body)


def mismatch(operation: str, status: int, body: Any) -> str | None:
    """The first thing in a body that the document's schema for this answer does not allow; None if it fits.

    Names places without positions (``data[*].id``) and shows no values, so that it is the same in every run.
    """
    validator = _validator(operation, status)
    if validator is None or validator.is_valid(body):
        return None
    # All errors of a body are made at once, with some kilobytes for each.
    part = smaller(body, validator.is_valid)
    return min(
        (_sentence(error) for error in islice(validator.iter_errors(part), MOST_ERRORS)),
        key=lambda s: (s.count("."), s),
    )


def smaller(body: Any, fits: Callable[[Any], bool]) -> Any:
    """A body that does not fit either, with no list of more than ``MOST_ITEMS`` items, as far as there is one.

    Of each long list, the first items in a row that do not fit are kept; none, if it is not what is wrong.
    """
    for path in _long_lists(body):
        items = _at(body, path)
        starts = range(0, len(items), MOST_ITEMS)
        windows = (items[start : start + MOST_ITEMS] for start in starts)
        parts = (_with(body, path, window) for window in ([], *windows))
        body = next((part for part in parts if not fits(part)), body)
    return body


def _long_lists(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of long lists that lie in no other long list."""
    if isinstance(value, list):
        if len(value) > MOST_ITEMS:
            yield path
            return
        inner: Iterable[tuple[str | int, Any]] = enumerate(value)
    else:
        inner = value.items() if isinstance(value, dict) else ()
    for key, each in inner:
        yield from _long_lists(each, (*path, key))


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def _with(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    """The same JSON with another value at this place."""
    if not path:
        return new
    changed = value.copy()
    changed[path[0]] = _with(value[path[0]], path[1:], new)
    return changed


def _sentence(error: jsonschema_rs.ValidationError) -> str:
    place = "".join("[*]" if isinstance(part, int) else f".{part}" for part in error.instance_path).lstrip(".")
    said = re.sub(r"\s+", " ", error.message).removeprefix("… ").replace(" keyword", "")
    return f"{place or 'the body'}: {said[:160]}"


@cache
def statuses(operation: str) -> frozenset[int]:
    """The statuses that the document describes for an operation."""
    return frozenset(int(status) for status in _operations()[operation]["responses"] if str(status).isdecimal())


@cache
def _validator(operation: str, status: int) -> jsonschema_rs.Draft202012Validator | None:
    """The validator of an answer's JSON body, formats asserted (ruling 19); None where no body is described."""
    response = _resolved(_operations()[operation]["responses"][str(status)])
    content = response.get("content", {})
    media = content.get("application/json") if isinstance(content, Mapping) else None
    if not isinstance(media, Mapping):
        return None
    schema = {**media.get("schema", {}), "components": specs.openapi()["components"]}
    return jsonschema_rs.Draft202012Validator(schema, mask="…", validate_formats=True, formats={"date-time": _instant})


def _instant(text: str) -> bool:
    """True for an ISO 8601 time with an offset, in any of its spellings; a time without one is none (ruling 19)."""
    try:
        return datetime.fromisoformat(text.replace(":60", ":59")).tzinfo is not None
    except ValueError:
        return False


@cache
def _operations() -> Mapping[str, Mapping[str, Any]]:
    """The document's operations by operationId."""
    return {
        operation["operationId"]: operation
        for item in specs.openapi()["paths"].values()
        for operation in item.values()
        if isinstance(operation, Mapping) and "operationId" in operation
    }


def _resolved(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """A response, behind its reference into the document if it is one."""
    found: Any = value
    while isinstance(found, Mapping) and isinstance(found.get("$ref"), str):
        target: Any = specs.openapi()
        for part in found["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        found = target
    return found if isinstance(found, Mapping) else {}


RULES = (described,)
