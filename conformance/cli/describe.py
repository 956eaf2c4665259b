"""`list` and `explain`: what the suite knows."""

from __future__ import annotations

import textwrap

import click

from conformance import glossary
from conformance.catalogue import FAMILIES, Requirement, load
from conformance.catalogue_docs import cases, without_scenario
from conformance.cli.screen import Screen
from conformance.scenarios import SCENARIOS

KINDS = ("requirements", "scenarios", "faults", "variants")


@click.command("list")
@click.argument("kind", default="requirements", type=click.Choice(KINDS))
@click.pass_obj
def list_(screen: Screen, kind: str) -> int:
    """List requirements, scenarios, or the reference target's faults and variants."""
    for line in _lines(kind):
        screen.say(line)
    return 0


def _lines(kind: str) -> list[str]:
    if kind == "requirements":
        return [f"{r.id}  {r.since}  {r.profile:9} {r.level:6} {r.title}" for r in load().requirements]
    if kind == "scenarios":
        return [f"{s.name:18} {s.title}\n{'':18} {', '.join(s.requirements)}" for s in SCENARIOS]
    # Imported here: the reference target is no part of a run against another.
    from conformance.reference.faults import FAULTS
    from conformance.reference.variants import VARIANTS

    if kind == "faults":
        return [f"{f.name:34} {f.title}  [{', '.join(f.breaks)}]" for f in FAULTS.values()]
    return [f"{v.name:34} {v.title}  [{v.ruling}]" for v in VARIANTS.values()]


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="REQUIREMENT|WORD")
@click.pass_obj
def explain(screen: Screen, words: tuple[str, ...]) -> int:
    """Explain a requirement (BR-BLK-01): what it says, where it comes from, how it is judged and what it needs; or a word of
    the reports (quiescent), an axiom (A4) or a ruling (ruling 17)."""
    asked = " ".join(words)
    entry = glossary.load().meaning(asked, load().rulings)
    if entry is None:
        lines = explanation(load()[asked], screen.width)
    else:
        name, said = entry
        lines = [name, "", *textwrap.wrap(said, max(40, screen.width))]
    for line in lines:
        screen.say(line)
    return 0


def explanation(requirement: Requirement, width: int) -> list[str]:
    """The explanation of one requirement, in lines."""
    scenarios = [s.name for s in SCENARIOS if requirement.id in s.requirements]
    parts = {
        "says": requirement.sentence,
        "matters": requirement.matters,
        "fails if": requirement.judged_when,
        "passes if": requirement.exercised_when,
        "each of": ", ".join(cases(requirement)),
        "needs": ", ".join(requirement.needs) or "nothing but a target",
        "scenarios": ", ".join(scenarios) or without_scenario(requirement),
    }
    about = f"{requirement.profile}, {requirement.level}, {FAMILIES[requirement.family]}, since {requirement.since}"
    head = f"{requirement.id}  {requirement.title}  ({about})"
    lines = [head, ""]
    for name, text in parts.items():
        if text:
            lines += textwrap.wrap(
                text, max(40, width), initial_indent=f"{name:11}", subsequent_indent=" " * 11, break_long_words=False
            )
    rulings = load().rulings
    for number in requirement.rulings:
        text = f"{number}: {rulings[number]}"
        lines += textwrap.wrap(
            text, max(40, width), initial_indent=f"{'ruling':11}", subsequent_indent=" " * 11, break_long_words=False
        )
    for source in requirement.sources:
        lines.append(f"{'source':11}{source.title}{f' <{source.address}>' if source.address else ''}")
    return lines
