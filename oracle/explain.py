"""The explainability oracle: a search for a legal execution of the model that explains a history.

Time is cut at the begin and end of every sight and write; between two cuts the model takes any number of steps.
The search is depth first over (cut, state of the model, what has been shown and decided so far), and never comes twice
to the same such node; it ends at a bound.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from conformance.errors import SuiteError
from conformance.history.records import History
from oracle.request_model import Asked, Call, Look, asked
from oracle.world import (
    RANK,
    Outcome,
    Step,
    Switches,
    World,
    code_passes,
    moves,
    retry,
    single,
    starts,
)


class SearchBoundError(SuiteError):
    """The search looked at as many states as it may, and found neither an execution nor that there is none."""


@dataclass(frozen=True)
class Execution:
    """A legal execution: what happened in turn, each with the time (seconds) after which it did."""

    steps: tuple[tuple[float, str], ...]

    def __str__(self) -> str:
        return "\n".join(f"{max(at, 0.0):8.3f}  {text}" for at, text in self.steps)


class _Node(NamedTuple):
    cut: int
    world: World
    #: Looks and writes that are still to come, by their position in the history's list of them.
    looks: frozenset[int]
    calls: frozenset[int]
    #: (message, updatedAt, visit): which visit of a status each updatedAt belongs to (A5).
    stamps: frozenset[tuple[int, str, int]]
    #: By when a batch with nothing underway must be retryable; infinite while something is, or it is.
    calm_by: float


def explain(history: History, switches: Switches | None = None, *, bound: int = 200_000) -> Execution | None:
    """A legal execution that explains a history of one batch, or None if there is none.

    :param history: four messages and forty exchanges at most; reads and plain retries.
    :param switches: which axioms hold and which freedoms there are; by default all.
    :param bound: how many states the search looks at.
    :raises UsageError: the history is nothing for the model.
    :raises SearchBoundError: the bound is reached.
    """
    chosen = switches or Switches()
    first = asked(history, chosen)
    unclear = sorted(first.unclear) if chosen.counted else []
    for number in range(len(unclear) + 1):
        for views in combinations(unclear, number):
            what = asked(history, chosen, frozenset(views)) if views else first
            found = None if what.faults else _Search(what, chosen, bound).run()
            if found is not None:
                return found
    return None


class _Search:
    def __init__(self, what: Asked, switches: Switches, bound: int) -> None:
        self.what = what
        self.switches = switches
        self.bound = bound
        times = {t for look in what.looks for t in (look.begin, look.end)}
        times.update(t for c in what.calls for t in (c.t, c.last))
        self.cuts: tuple[float, ...] = (*sorted({0.0} | {max(t, 0.0) for t in times}), math.inf)
        self.stamped = switches.stamped and any(g.stamp for look in what.looks for g in look.glances)

    def run(self) -> Execution | None:
        seen: set[_Node] = set()
        came: dict[_Node, tuple[_Node, str]] = {}
        stack = [node for start in self._starts() if (node := self._shown(start)) is not None]
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            if len(seen) > self.bound:
                raise SearchBoundError(
                    f"the search for an execution looked at {self.bound} states and is not done",
                    where="history",
                    hint="shorten the history or raise the bound",
                )
            if self._done(node):
                return self._told(node, came)
            for text, follower in self._followers(node):
                if follower not in seen:
                    came.setdefault(follower, (node, text))
                    stack.append(follower)
        return None

    def _starts(self) -> Iterator[_Node]:
        looks, calls = frozenset(range(len(self.what.looks))), frozenset(range(len(self.what.calls)))
        for world in starts(self.what.rows, self.switches, made=self.what.made):
            yield self._node(_Node(0, world, looks, calls, frozenset(), math.inf))

    def _done(self, node: _Node) -> bool:
        return not node.looks and all(self.what.calls[i].outcome == "unknown" for i in node.calls)

    def _told(self, node: _Node, came: dict[_Node, tuple[_Node, str]]) -> Execution:
        steps: list[tuple[float, str]] = []
        while node in came:
            node, text = came[node]
            if text:
                steps.append((self.cuts[node.cut], text))
        start = f"{len(node.world.messages)} messages, a limit of {node.world.limit} retries, batch {node.world.batch}"
        return Execution(((0.0, start), *reversed(steps)))

    def _followers(self, node: _Node) -> Iterator[tuple[str, _Node]]:
        """What may come next; the search takes the last of them first: time passes before anything else happens."""
        for step in moves(node.world, self.switches, self._wanted(node)):
            yield from self._after(node, step)
        for i in node.calls:
            call = self.what.calls[i]
            if call.t <= self.cuts[node.cut]:
                for step in self._decided(node, call):
                    yield from self._after(node._replace(calls=node.calls - {i}), step)
        yield from self._bound_to_stamps(node)
        later = self._later(node)
        if later is not None:
            yield "", later

    def _after(self, node: _Node, step: Step) -> Iterator[tuple[str, _Node]]:
        shown = self._shown(self._node(node._replace(world=self._tidy(step.world, node.stamps))))
        if shown is not None:
            yield step.text, shown

    def _tidy(self, world: World, stamps: frozenset[tuple[int, str, int]]) -> World:
        """Visits that no updatedAt is bound to are numbered alike, so that states meet again."""
        bound = [max((v for m, _, v in stamps if m == i), default=-1) for i in range(len(world.messages))]
        numbered = (m._replace(visit=min(m.visit, bound[i] + 1)) for i, m in enumerate(world.messages))
        return world._replace(messages=tuple(numbered))

    def _node(self, node: _Node) -> _Node:
        if not node.world.busy or not node.world.calm:
            return node._replace(calm_by=math.inf)
        if node.calm_by < math.inf:
            return node
        return node._replace(calm_by=self.cuts[node.cut + 1] + self.what.settle)

    def _later(self, node: _Node) -> _Node | None:
        """The node after the next cut; None if something had to come before it."""
        now = self.cuts[node.cut + 1]
        if now == math.inf:
            return None
        if any(self.what.looks[i].end <= now for i in node.looks):
            return None
        if any(self.what.calls[i].last <= now and self.what.calls[i].outcome != "unknown" for i in node.calls):
            return None
        if any(due.must and due.until <= now for due in node.world.due) or node.calm_by <= now:
            return None
        return self._shown(self._node(node._replace(cut=node.cut + 1, world=node.world.at(now))))

    def _open(self, node: _Node) -> Iterator[tuple[int, Look]]:
        for i in node.looks:
            look = self.what.looks[i]
            if look.begin <= self.cuts[node.cut]:
                yield i, look

    def _shown(self, node: _Node) -> _Node:
        """The node with every look taken that the state satisfies: a look changes nothing, so sooner is never worse.

        A look with an updatedAt that no status is bound to yet is left: ``_bound_to_stamps``.
        """
        taken = {
            i
            for i, look in self._open(node)
            if all(g.fits(node.world, self.switches) for g in look.glances) and self._stamps(node, look) == node.stamps
        }
        return node._replace(looks=node.looks - taken) if taken else node

    def _bound_to_stamps(self, node: _Node) -> Iterator[tuple[str, _Node]]:
        if not self.stamped:
            return
        for i, look in self._open(node):
            stamps = self._stamps(node, look)
            if stamps is not None and all(g.fits(node.world, self.switches) for g in look.glances):
                yield "", self._shown(node._replace(looks=node.looks - {i}, stamps=stamps))

    def _stamps(self, node: _Node, look: Look) -> frozenset[tuple[int, str, int]] | None:
        """What is known of stamps after the look; None if one of its stamps belongs to another visit of a status."""
        stamps = node.stamps
        if self.stamped:
            for glance in look.glances:
                if glance.stamp is not None:
                    visit = node.world.messages[glance.message].visit
                    if any((m, s) == (glance.message, glance.stamp) and v != visit for m, s, v in stamps):
                        return None
                    stamps |= {(glance.message, glance.stamp, visit)}
        return stamps

    def _wanted(self, node: _Node) -> tuple[frozenset[str], ...]:
        """Letters that make a difference: those still looked for, ``created`` left behind, and the two ends."""
        wanted: list[set[str]] = [{"C", "E", "S", "F"} for _ in node.world.messages]
        for i in node.looks:
            for glance in self.what.looks[i].glances:
                wanted[glance.message].update(letter for letter in (glance.status, glance.newest) if letter in RANK)
        return tuple(map(frozenset, wanted))

    def _decided(self, node: _Node, call: Call) -> Iterator[Step]:
        for outcome in self._outcomes(node, call):
            if self._answers(call, outcome):
                what = "accepted" if outcome.accepted else "refused"
                lost = ", and the answer is lost" if call.outcome == "unknown" else ""
                yield Step(f"retry {call.n} is {what}{lost}", outcome.world)
        refused = call.outcome == "refused"
        # The key is refused, or what is odd about the request (ruling 30): nothing else happens.
        if refused and (call.harmless or call.status in (401, 403)):
            yield Step(f"retry {call.n} is answered {call.status}", node.world)

    def _outcomes(self, node: _Node, call: Call) -> Iterator[Outcome]:
        until = (self.cuts[node.cut + 1] if call.outcome == "unknown" else call.last) + self.what.settle
        if call.single:
            if call.place is not None:
                yield from single(node.world, call.place, self.switches, until=until)
            return
        yield from retry(node.world, self.switches, write=call.n, until=until)

    def _answers(self, call: Call, outcome: Outcome) -> bool:
        if call.outcome == "unknown":
            return True
        if outcome.accepted:
            return call.outcome == "accepted"
        if call.outcome != "refused":
            return False
        if outcome.codes is not None and not call.single and call.status != 400:
            return False
        return code_passes(outcome, call.code, alone=call.single)
