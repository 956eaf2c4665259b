"""Whole verdicts on small histories, in ``tests/data/verdicts.txt``: a change of a judge shows there what users will see of it.

``python -m tests.verdicts`` writes the file anew. The right verdict is what the tests of the families say; the file adds what it
rests on: exchanges, axioms, what was exercised, and what stayed in doubt, and why.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from conformance.findings import Doubt, Exercise, Finding, Observation, Opinion
from conformance.history.records import History
from conformance.judges import judge
from tests.further import FURTHER
from tests.story import Story
from tests.test_judge_guilty import GUILTY
from tests.test_judge_innocents import INNOCENT
from tests.wellformed import flaws

FILE = Path(__file__).with_name("data") / "verdicts.txt"
STORIES: dict[str, Callable[[], Story | History]] = {
    **INNOCENT,
    **{f"{name}!": tell for name, (tell, _) in GUILTY.items()},
    **FURTHER,
}


def touching(tell: Callable[[], Story | History]) -> Story | History:
    """The same story where each exchange begins at the very instant at which the one before it ends."""
    kept = Story.gap
    Story.gap = 0.0
    try:
        return tell()
    finally:
        Story.gap = kept


def said(told: Story | History) -> list[str]:
    """The verdict on a story, a line for each thing said and what shows it; but for every answer's fit to the schema."""
    lines: dict[str, list[str]] = {}
    for opinion in told.opinions() if isinstance(told, Story) else judged(told):
        if not (isinstance(opinion, Exercise) and opinion.requirement == "BR-SCH-02"):
            lines.setdefault(_line(opinion), []).append(",".join(map(str, opinion.evidence)))
    return [f"{line} [{'; '.join(dict.fromkeys(seen))}]" for line, seen in lines.items()]


def judged(history: History) -> tuple[Opinion, ...]:
    """What the judges say of a history that is no story's."""
    opinions = judge(history)
    wrong = flaws(history, opinions)
    assert not wrong, wrong
    return opinions


def _line(opinion: Opinion) -> str:
    match opinion:
        case Finding():
            return f"FAIL {' or '.join(opinion.any_of)}: {opinion.kind} {_assumed(opinion)} {opinion.slack}".rstrip()
        case Exercise():
            return " ".join(filter(None, ("PASS", opinion.requirement, opinion.facet, _assumed(opinion))))
        case Doubt():
            return f"OPEN {opinion.requirement} {opinion.code}"
        case Observation():
            return f"NOTE {opinion.key} = {opinion.value}"


def _assumed(opinion: Finding | Exercise) -> str:
    named = " ".join(f"{a.axiom}:{a.source}" if a.source else a.axiom for a in opinion.assumptions)
    return f"{{{named}}}" if named or isinstance(opinion, Finding) else ""


def bare(lines: list[str]) -> list[str]:
    """The verdict without what it says of lag, which is about times."""
    return [re.sub(r"holds if [^\[]*", "", line) for line in lines]


def written() -> str:
    """The file, as it should be: of a story whose exchanges touch, only what differs."""
    parts: dict[str, list[str]] = {}
    for name, tell in STORIES.items():
        parts[name] = said(tell())
        other = said(touching(tell))
        if bare(other) != bare(parts[name]):
            parts[f"{name} (touching)"] = other
    return "\n".join(line for name, lines in parts.items() for line in (f"## {name}", *lines, ""))


def read() -> dict[str, list[str]]:
    """The verdicts of the file, by the name of the story."""
    found: dict[str, list[str]] = {}
    for part in FILE.read_text("utf-8").split("## ")[1:]:
        name, *lines = part.strip().splitlines()
        found[name] = lines
    return found


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
