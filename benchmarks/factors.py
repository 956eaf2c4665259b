"""Which situations the planned scenarios retry in: factors, covered pairwise. ``python -m benchmarks.factors``.

A fault that needs two things at once (a created message behind the first ten rows *and* in another language) is found only
where some retry meets both. Programs are plain data, so that what each retry meets can be worked out without a target: a
retry that nothing blocks picks up what has failed and may still be retried, and after a wait all is terminal.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product

from conformance.config import Config, Language, OtherCampaign, Recipients, Target, Template
from conformance.program.steps import (
    AnyStep,
    Burst,
    Read,
    Retry,
    RowSpec,
    Send,
    SingleRetry,
    State,
    Together,
    Wait,
)
from conformance.scenarios import SCENARIOS

#: Retries that the contract surely allows and surely refuses (ruling 3): up to 2, from 3 on.
LIMIT = 3
#: Every factor with its values.
FACTORS: Mapping[str, tuple[str, ...]] = {
    "rows": ("1", "2-10", "11+"),
    "created": ("none", "first", "last", "elsewhere", "all"),
    "language": ("the first", "another"),
    "recipient": ("once", "twice"),
    "outcomes": ("failing", "mixed"),
    "exhausted": ("none", "some", "all"),
    "history": ("new", "retried", "blocked", "blocked, then retried"),
    "call": ("plain", "body", "query", "header", "at once"),
    "view": ("listing", "single read", "campaign"),
}
Situation = Mapping[str, str]
Pair = tuple[tuple[str, str], tuple[str, str]]

#: Pairs that cannot be, or that nothing can be concluded from, by what they have in common; with the reason.
_IMPOSSIBLE: tuple[tuple[str, Callable[[Mapping[str, str]], bool]], ...] = (
    (
        "a batch of one has one place, one recipient, one outcome",
        lambda s: (
            s.get("rows") == "1"
            and (
                s.get("created") in ("last", "elsewhere", "all")
                or s.get("recipient") == "twice"
                or s.get("outcomes") == "mixed"
                or s.get("exhausted") == "some"
            )
        ),
    ),
    (
        "there are seven numbers that are known to fail",
        lambda s: s.get("rows") == "11+" and s.get("recipient") == "once",
    ),
    (
        "what blocked was retried by itself: with the next retry it may have no more left",
        lambda s: s.get("exhausted") == "none" and s.get("history") == "blocked, then retried",
    ),
    (
        "a batch that was never retried has nothing exhausted by batch retries",
        lambda s: s.get("history") == "new" and s.get("exhausted") == "all",
    ),
    (
        "what is created in all messages was just retried",
        lambda s: s.get("created") == "all" and s.get("history") in ("new", "blocked"),
    ),
    (
        "with nothing left to retry there is one reason more to refuse (ruling 13)",
        lambda s: s.get("exhausted") == "all" and s.get("created") not in ("none", None),
    ),
    (
        "a refused body, query or header is no refusal of a blocked retry (ruling 30), and races begin quiescent",
        lambda s: s.get("call") not in ("plain", None) and s.get("created") not in ("none", None),
    ),
    (
        "a strict server may refuse it for the body, query or header, and a race needs something to win",
        lambda s: s.get("call") not in ("plain", None) and s.get("exhausted") == "all",
    ),
)


@dataclass
class _Batch:
    """What is known of a batch at a point of a program."""

    rows: tuple[RowSpec, ...] = ()
    retries: list[int] = field(default_factory=list)
    created: set[int] = field(default_factory=set)
    retried: bool = False
    blocked: bool = False

    def failed(self) -> list[int]:
        return [i for i, row in enumerate(self.rows) if row.role != "succeeding"]

    def situation(self, call: str, first: str) -> dict[str, str]:
        """What a retry meets, but for the views that are read behind it."""
        size, failed = len(self.rows), self.failed()
        spent = [i for i in failed if self.retries[i] >= LIMIT - 1]
        languages = {row.language or first for row in self.rows}
        about = self.created or {0}
        return {
            "rows": "1" if size == 1 else "2-10" if size <= 10 else "11+",
            "created": self._where(size),
            "language": "another"
            if (self.created and any((self.rows[i].language or first) != first for i in about))
            or (not self.created and len(languages) > 1)
            else "the first",
            "recipient": "twice" if any(row.same_as is not None for row in self.rows) or size > 7 else "once",
            "outcomes": "failing" if len(failed) == size else "mixed",
            "exhausted": "none" if not spent else "all" if len(spent) == len(failed) else "some",
            "history": ("blocked, then retried" if self.retried else "blocked")
            if self.blocked
            else ("retried" if self.retried else "new"),
            "call": call,
        }

    def _where(self, size: int) -> str:
        if not self.created:
            return "none"
        if len(self.created) > 1:
            return "all"
        place = next(iter(self.created))
        return "first" if place == 0 else "last" if place == size - 1 else "elsewhere"

    def retry(self) -> None:
        """Take a batch retry."""
        if self.created:
            self.blocked, self.retried = True, False
            return
        picked = [i for i in self.failed() if self.retries[i] < LIMIT]
        for i in picked:
            self.retries[i] += 1
        self.created = set(picked)
        self.retried = self.retried or bool(picked)


def situations(steps: Iterable[AnyStep], first: str = "english") -> Iterator[Situation]:
    """What each retry of a batch meets, once for each view that is read before the next one."""
    batches: dict[str, _Batch] = {}
    open_: dict[str, dict[str, str]] = {}
    for step in _flat(steps):
        batch = batches.setdefault(getattr(step, "batch", ""), _Batch())
        if isinstance(step, Send):
            batches[step.batch] = _Batch(step.rows, [0] * len(step.rows))
        elif isinstance(step, State) and step.action == "setup":
            batches[step.batch] = _Batch((RowSpec(),), [0])
        elif isinstance(step, Wait):
            batch.created = set()
            if step.batch in open_:
                yield from ({**open_[step.batch], "view": view} for view in _views(step))
        elif isinstance(step, Read) and step.batch in open_:
            view = {"listing": "listing", "backward": "listing", "message": "single read", "campaign": "campaign"}
            yield {**open_[step.batch], "view": view[step.view]}
        elif isinstance(step, SingleRetry) and step.cause is None and batch.rows:
            place = step.row % len(batch.rows)
            if batch.rows[place].role != "succeeding" and batch.retries[place] < LIMIT:
                batch.retries[place] += 1
                batch.created |= {place}
        elif isinstance(step, _Race):
            if (raced := batches.get(step.batch)) is not None and raced.rows:
                open_[step.batch] = raced.situation("at once", first)
                raced.retry()
        elif isinstance(step, Retry) and batch.rows and step.auth == "valid":
            kind = (step.cause or "plain").partition(":")[0]
            if kind in FACTORS["call"]:
                open_[step.batch] = batch.situation(kind, first)
                batch.retry()


@dataclass(frozen=True)
class _Race:
    batch: str


def _flat(steps: Iterable[AnyStep]) -> Iterator[AnyStep | _Race]:
    for step in steps:
        if isinstance(step, Burst):
            yield from step.steps
        elif isinstance(step, Together):
            yield from map(_Race, dict.fromkeys(s.batch for s in step.steps if isinstance(s, Retry)))
        else:
            yield step


def _views(step: Wait) -> tuple[str, ...]:
    """The views that the last look of a wait reads."""
    return ("listing", "single read", "campaign") if step.until == "agreed" else ("listing", "single read")


def pairs_of(situation: Situation) -> Iterator[Pair]:
    """The pairs that a situation covers."""
    yield from combinations(situation.items(), 2)


def possible() -> dict[Pair, str]:
    """Every pair, with the reason why it cannot be; empty where it can."""
    every: dict[Pair, str] = {}
    for one, other in combinations(FACTORS, 2):
        for a, b in product(FACTORS[one], FACTORS[other]):
            pair = ((one, a), (other, b))
            every[pair] = next((why for why, holds in _IMPOSSIBLE if holds(dict(pair))), "")
    return every


def covered(config: Config, *, deep: bool = True) -> dict[Pair, list[str]]:
    """The scenarios that cover each pair."""
    found: dict[Pair, list[str]] = {}
    for scenario in SCENARIOS:
        if scenario.deep and not deep:
            continue
        for situation in situations(scenario.build(config), config.template.language):
            for pair in pairs_of({name: situation[name] for name in FACTORS}):
                names = found.setdefault(pair, [])
                if scenario.name not in names:
                    names.append(scenario.name)
    return found


def table(found: Mapping[Pair, Sequence[str]]) -> Iterator[str]:
    """For each two factors, how many of the pairs that can be are covered; then those that are not."""
    every = possible()
    can = [pair for pair, why in every.items() if not why]
    names = list(FACTORS)
    width = max(map(len, names))
    yield " " * (width + 2) + "  ".join(f"{name:>9}" for name in names[1:])
    for i, one in enumerate(names[:-1]):
        cells = []
        for j, other in enumerate(names[1:], 1):
            of = [pair for pair in can if (pair[0][0], pair[1][0]) == (one, other)]
            cells.append(f"{sum(p in found for p in of)}/{len(of)}" if j > i else "")
        yield f"{one:{width}}  " + "  ".join(f"{cell:>9}" for cell in cells)
    missing = [pair for pair in can if pair not in found]
    yield f"{len(can) - len(missing)} of {len(can)} pairs are covered; {len(every) - len(can)} cannot be"
    for (name, value), (second, beside) in missing:
        yield f"  not covered: {name} {value} with {second} {beside}"


def usual() -> Config:
    """A configuration that offers everything."""
    value = {"body": "conformance"}
    return Config(
        target=Target(
            base_url="http://127.0.0.1:1/api/v2",
            campaign_id="c",
            api_key="k",
            other=OtherCampaign(campaign_id="d", api_key="o"),
        ),
        template=Template(values=value, languages=(Language(language="chinese", values=value),)),
        recipients=Recipients(succeeding=("6500000001",), pending=("6500000003",), recovering=("6500000004",)),
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.factors", description=__doc__)
    parser.add_argument("--depth", default="deep", choices=("quick", "standard", "deep"))
    deep = parser.parse_args().depth == "deep"
    for line in table(covered(usual(), deep=deep)):
        print(line)


if __name__ == "__main__":
    main()
