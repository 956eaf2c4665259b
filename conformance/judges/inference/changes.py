"""The ledger of changed data: every change of what a message holds, and every call that may have made it (contract, section 4).

Recipient, language, values, text, template, campaign, creator and createdAt of a message, file name and size of its batch do not
change. Where two readings of one view differ in them, one finding names the requirement of every suspect that cannot be excluded:
the calls that left between the readings, or so short a time before that their effects may have been delayed (ruling 16).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.findings import Margin
from conformance.judges.inference.batch import Batch
from conformance.judges.inference.case import Case
from conformance.judges.inference.circumstances import kind, kinds, nearest, unexpected
from conformance.judges.inference.facts import clip, facts, nothing, same
from conformance.judges.inference.ledger import SHOWN, elsewhere_accepted
from conformance.judges.inference.proof import Proof, assume
from conformance.judges.inference.readings import Reading
from conformance.judges.inference.retry_call import RetryCall
from conformance.judges.inference.timeline import begun, follows, was_reset

#: Fields that messages share with their template or campaign, the owner of which may change them.
_SHARED = ("templateBody.body", "creatorEmail")


@dataclass(frozen=True, kw_only=True)
class Change:
    """One view shows a message, at rest before, with another value of a field than it showed last."""

    batch: Batch
    message: str
    name: str
    before: Reading
    after: Reading
    old: Any
    new: Any
    #: Calls that may have made it, with what each breaks if it did; accepted ones first.
    suspects: tuple[tuple[RetryCall, tuple[str, ...]], ...]
    #: An accepted retry of another batch or message, which may have made it as well.
    elsewhere: RetryCall | None
    #: The suspects nearest to it, in words that are the same in every run.
    cause: str
    #: None where it may be that no call made it: none is a suspect, or only such as may never have arrived.
    proof: Proof | None

    @property
    def any_of(self) -> tuple[str, ...]:
        """The requirements of which at least one is broken."""
        names = [name for _, given in self.suspects for name in given]
        return tuple(dict.fromkeys([*names, *(["BR-IDS-03"] if self.elsewhere else [])]))

    @property
    def scenario(self) -> str:
        return next((c.scenario for c, _ in self.suspects if c.scenario), self.batch.scenario)


def changes(case: Case) -> Iterator[Change]:
    """Every change of data of the run, message by message and view by view.

    Compared are values that one view showed while the message was at rest with what it shows later (A7). While the message is in
    progress, a view may show again whatever it showed before, nothing, and a text that is not rendered yet. A field that is null
    or empty afterwards is lost only if another answer of the view confirms that and none shows it again (ruling 33): the last
    answer alone may be a passing gap. One that is missing shows nothing.
    """
    for batch in case.groups:
        for message in batch.messages:
            for view in case.views(message):
                yield from _in_view(case, batch, message, view)


def _in_view(case: Case, batch: Batch, message: str, view: Sequence[Reading]) -> Iterator[Change]:
    known: dict[str, tuple[Reading, Any]] = {}
    shown: dict[str, list[Any]] = {}
    for index, reading in enumerate(view):
        for name, value in facts(reading, batch.id).items():
            base = known.get(name)
            before = shown.setdefault(name, [])
            seen = any(same(name, v, value) for v in before)
            if base is not None and not same(name, base[1], value):
                passing = not reading.terminal and (seen or nothing(value) or name == "fullMessage")
                lost = not nothing(value) or _stays_lost(name, view[index + 1 :], batch)
                if not passing and lost and follows(case, reading, base[0].last):
                    if not (name in _SHARED and _for_all(case, name, base[1], value)):
                        yield _change(case, batch, message, name, base, (reading, value))
                    known[name] = (reading, value)
                continue
            if not seen:
                before.append(value)
            if reading.terminal and not nothing(value):
                # The latest reading that shows it is the nearest to what comes next.
                known[name] = (reading, value)


def _for_all(case: Case, name: str, old: Any, new: Any) -> bool:
    """Whether a message of a batch that no call named shows the same change: whoever owns what they share has made it."""
    for batch in case.groups:
        for message in batch.messages if not batch.sent else ():
            shown = [(r, found[name]) for r in case.readings(message) if name in (found := facts(r, batch.id))]
            first = next((r for r, value in shown if same(name, value, old)), None)
            if first is not None and any(r.t >= first.last and same(name, value, new) for r, value in shown):
                return True
    return False


def _stays_lost(name: str, later: Sequence[Reading], batch: Batch) -> bool:
    """True if at least one later reading holds the field, and all that hold it show nothing."""
    given = [shown[name] for r in later if name in (shown := facts(r, batch.id))]
    return bool(given) and all(nothing(value) for value in given)


def _change(
    case: Case, batch: Batch, message: str, name: str, base: tuple[Reading, Any], now: tuple[Reading, Any]
) -> Change:
    (a, old), (b, new) = base, now
    since = begun(case, a) - case.header.settle_timeout
    found = suspected(case, batch, message, name, a, b, new)
    other = elsewhere_accepted(case, batch, a, b) if found else None
    # Late redelivery (ruling 26) is a suspect next to others, and none by itself.
    arrived = any(not c.unknown and c.last > since for c, _ in found)
    proof = None
    if arrived or (found and was_reset(a, b)):
        listed = ", ".join(f"{c.n} ({kind(c)}, {c.said})" for c, _ in found[:SHOWN])
        proof = Proof(
            because=(
                f"read {a.n} ({a.view}) shows a message at rest with {name} {clip(old)}; read {b.n}, the same view, begins "
                f"after that and shows {clip(new)}",
                f"calls that may have changed it: {listed}",
                *((f"retry {other.n} of another batch or message was accepted meanwhile",) if other else ()),
                "what a message holds does not change by itself, and no other client can write to a batch of this run",
            ),
            evidence=(a.n, *(c.n for c, _ in found[:SHOWN]), *((other.n,) if other else ()), b.n),
            assumptions=frozenset((*assume("A6", batch.id), *assume("A7", b.view))),
            margins={b.view: Margin(b.t - a.last, b.view, b.n)},
        )
    return Change(
        batch=batch,
        message=message,
        name=name,
        before=a,
        after=b,
        old=old,
        new=new,
        suspects=found,
        elsewhere=other,
        cause=kinds(batch, unexpected(nearest(case, [c for c, _ in found], a, b)), message),
        proof=proof,
    )


def suspected(
    case: Case, batch: Batch, message: str, name: str, a: Reading, b: Reading, new: Any
) -> tuple[tuple[RetryCall, tuple[str, ...]], ...]:
    """The calls that may have given a message the value ``new`` between two readings, with what each breaks if it did."""
    since = begun(case, a) - case.header.settle_timeout
    calls = [c for c in batch.sent if c.t <= b.last and (c.may_reset or c.last > since)]
    return tuple(
        (call, names)
        for call in sorted(calls, key=lambda c: (not c.may_reset, -c.t))
        if (names := tuple(_laid_to(call, message, name, a, new)))
    )


def altered(case: Case, batch: Batch, call: RetryCall, until: float) -> bool:
    """True if a message of the batch, at rest before a call, shows other data in its first reading after it, up to ``until``."""
    for message in batch.messages:
        for view in case.views(message):
            before = [r for r in view if r.last <= call.t and r.terminal]
            after = next((r for r in view if r.terminal and follows(case, r, call.last) and r.last <= until), None)
            if before and after is not None:
                was, now = facts(before[-1], batch.id), facts(after, batch.id)
                if any(not nothing(was[n]) and not same(n, was[n], now[n]) for n in was.keys() & now.keys()):
                    return True
    return False


def _laid_to(call: RetryCall, message: str, name: str, before: Reading, new: Any) -> Iterator[str]:
    """The requirements that are broken if this call changed the message's data (contract, section 4)."""
    if call.harmless and _said(call, new):
        yield "BR-SEC-05"
    if not call.valid:
        probed = call.probe.requirement(call.exchange.invoke.operation) if call.probe is not None else None
        if probed is not None and call.reaches(message):
            yield probed
    elif call.outcome == "throttled":
        if call.reaches(message):
            yield "BR-ERR-06"
    elif call.may_reset:
        if not call.reaches(message):
            yield "BR-SGL-02"
        else:
            # A message that is not failed is not to be touched at all; its batch's name and size are nobody's own.
            own = not name.startswith("batches.")
            yield "BR-SEL-02" if own and before.status == "success" and not call.single else "BR-IDS-03"
            if call.single:
                yield "BR-SGL-02"
    elif not call.single:
        yield "BR-BLK-03"
    elif call.reaches(message):
        yield "BR-SGL-01"
    if call.harmless:
        yield "BR-SEC-05"


def _said(call: RetryCall, value: Any) -> bool:
    """True if the request itself said the value that the message has now."""
    invoke = call.exchange.invoke
    return isinstance(value, str | int) and any(
        value == said or str(value) == said for said in (*_leaves(invoke.body), *(v for _, v in invoke.query))
    )


def _leaves(body: Any) -> Iterator[Any]:
    if isinstance(body, Mapping):
        for value in body.values():
            yield from _leaves(value)
    elif isinstance(body, list | tuple):
        for value in body:
            yield from _leaves(value)
    else:
        yield body
