"""Which rows of a long listing belong to what a proof is about: the rest of the page is other batches. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.history.records import Exchange
from conformance.judges.inference.readings import Reading, readings
from conformance.verdicts.shown import Sent


@dataclass(frozen=True, kw_only=True)
class Concern:
    """What the requests of a proof name: messages, and batches with the messages and the marks of their rows."""

    messages: frozenset[str]
    batches: frozenset[str]
    members: frozenset[str]
    nonces: frozenset[str]

    def named(self, row: Reading) -> bool:
        """Whether a request names this message itself."""
        return row.message in self.messages

    def holds(self, row: Reading) -> bool:
        """Whether a row is one of these messages, is in one of these batches, or is a copy of a row of them."""
        within = row.listed_in in self.batches or bool(self.batches & row.batch_statuses.keys())
        return self.named(row) or row.message in self.members or within or bool(self.nonces & row.nonces)


def concern(sent: Sent, evidence: Iterable[int]) -> Concern:
    """What these exchanges are about, by what their requests name."""
    cited = [sent.exchanges[n] for n in evidence if n in sent.exchanges]
    messages = {e.invoke.message for e in cited if e.invoke.message}
    batches = {e.invoke.batch for e in cited if e.invoke.batch}
    batches |= {sent.batch_of[m] for m in messages if m in sent.batch_of}
    rows = [row for name in batches for row in sent.batches.get(name, ())]
    rows += [row for name in messages for row in sent.singles.get(name, ())]
    return Concern(
        messages=frozenset(messages),
        batches=frozenset(batches),
        members=frozenset(m for m, home in sent.batch_of.items() if home in batches),
        nonces=frozenset(row.nonce for row in rows if row.nonce),
    )


def narrowed(exchange: Exchange, about: Concern, most: int) -> tuple[Any, int]:
    """The body of a page with the rows that a proof is about, in their order, and how many rows are left out.

    A page that is short stays whole. Where its rows in question are too long together, those that a request names are
    shown, and of these as many as there is room for.
    """
    body = exchange.end.body
    rows = body.get("data") if isinstance(body, Mapping) else None
    if not isinstance(body, Mapping) or not isinstance(rows, list) or _size(body) <= most:
        return body, 0
    seen = {r.position: r for r in readings(exchange)}
    times = Counter(r.message for r in seen.values())
    # What is no message, and what is there twice, is odd by itself.
    odd = {i for i in range(len(rows)) if i not in seen or times[seen[i].message] > 1}
    held = [i for i in range(len(rows)) if i in odd or about.holds(seen[i])]
    if not about.batches and not about.messages:
        return body, 0
    named = [i for i in held if i in odd or about.named(seen[i])]
    for kept in (held, named or held):
        shown = {**body, "data": [rows[i] for i in kept]}
        if _size(shown) <= most:
            return shown, len(rows) - len(kept)
    kept = _fitting(rows, named or held, most - _size({**body, "data": []}))
    return {**body, "data": [rows[i] for i in kept]}, len(rows) - len(kept)


def _size(value: Any) -> int:
    return len(as_text(value))


def as_text(body: Any) -> str:
    """A body as exchanges are written out."""
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, indent=1)


def _fitting(rows: Sequence[Any], places: Sequence[int], room: int) -> list[int]:
    """The first of these rows that there is room for; one at least."""
    kept = list(places[:1])
    room -= _size([[rows[i] for i in kept]])
    for place in places[1:]:
        room -= _size([[rows[place]]])
        if room < 0:
            break
        kept.append(place)
    return kept
