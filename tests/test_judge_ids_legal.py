"""Family IDS is sound: whatever a legal target shows, in small pages, late, lagging or rendered late, nobody is accused."""

from __future__ import annotations

import random
from typing import Any

import pytest

from conformance.findings import Doubt, Exercise, Finding
from conformance.history.records import Operation
from tests.shelf import Shelf
from tests.test_judges_legal import Legal

_UTC = "2026-01-01T00:00:00.123456Z"


class LegalShelf(Legal, Shelf):
    """A legal target that also lists late, renders late, drops fields, digits and batches, or lists newest first."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        draw = random.Random(f"shelf {seed}")
        self.renders_late = draw.random() < 0.4
        self.lists_late = draw.random() < 0.4
        self.same = draw.random() < 0.5
        self.texts = ("a <b>", "two  three", "one\ntwo", "'so'")
        self.newest_first = draw.random() < 0.3
        self.draw = draw
        for view in ("batch_list", "campaign_list", "message_read"):
            name = draw.choice(["createdAt", "values", "fullMessage", "language", "templateBody", "batches", "none"])
            if draw.random() < 0.3:
                self.hide(name, view=view)
            elif draw.random() < 0.3:
                self.show("createdAt", draw.choice([_UTC, _UTC[:-4] + "Z", _UTC[:-8] + "Z"]), view=view)

    def send(self, batch: str, rows: str) -> LegalShelf:
        super().send(batch, rows)
        if self.newest_first:
            self.members[batch].reverse()
        return self

    def _shown(self, message: str, operation: Operation) -> dict[str, Any]:
        body = super()._shown(message, operation)
        if self.renders_late and body["latestStatus"] == "created":
            body["fullMessage"] = self.draw.choice([None, "Hello {{body}}"])
        return body

    def part(self, batch: str) -> list[list[str]] | None:
        """While the first messages are on their way, a listing may still show some of the rows only."""
        fresh = all(len(self.messages[m]["attempts"]) == 1 for m in self.members[batch])
        underway = all(self.status(m) not in ("success", "failure") for m in self.members[batch])
        if not (self.lists_late and fresh and underway) or any(e.invoke.batch == batch for e in self.exchanges):
            return None
        return [self.members[batch][: self.draw.randrange(len(self.members[batch]))]]


def _talk(seed: int) -> LegalShelf:
    target = LegalShelf(seed)
    rng = target.rng
    names = ["a", "b", "c"][: rng.randint(1, 3)]
    for name in names:
        target.send(name, "".join(rng.choice("FFFSR") for _ in range(rng.randint(1, 6))))
    pace = rng.choice([1, 3, 8])
    for _ in range(rng.randint(40, 100)):
        batch = rng.choice(names)
        for _ in range(rng.randrange(pace)):
            target.tick()
        what = rng.random()
        if what < 0.35:
            part = target.part(batch)
            limit = rng.choice([1, 2, 1000])
            target.walk(batch, limit, pages=part)
            if part is None and rng.random() < 0.5:
                target.walk(batch, limit, backward=True)
        elif what < 0.5:
            target.campaign()
        elif what < 0.65:
            target.look(batch)
        elif what < 0.85:
            target.ask(batch)
        elif what < 0.92:
            target.ask_one(rng.choice(target.members[batch]))
        else:
            target.wait(rng.choice([0.2, 1.0, 6.0]))
    return target


@pytest.mark.parametrize("block", range(4))
def test_a_legal_target_is_never_accused(block: int) -> None:
    exercised: set[str] = set()
    for seed in range(block * 20, block * 20 + 20):
        opinions = _talk(seed).opinions()
        crashed = [o.text for o in opinions if isinstance(o, Doubt) and o.code in ("suite-error", "axiom-broken")]
        accused = [(o.any_of, o.summary, o.argument, o.evidence) for o in opinions if isinstance(o, Finding)]
        assert (seed, accused, crashed) == (seed, [], [])
        exercised |= {o.requirement for o in opinions if isinstance(o, Exercise)}
    assert {f"BR-IDS-0{n}" for n in range(1, 7)} <= exercised
