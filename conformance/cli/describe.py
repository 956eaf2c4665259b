"""`list` and `explain`: what the suite knows."""

from __future__ import annotations

import click

from conformance.catalogue import load
from conformance.cli.screen import Screen
from conformance.explaining import explained
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
@click.argument("words", nargs=-1, required=True, metavar="WORD...")
@click.pass_obj
def explain(screen: Screen, words: tuple[str, ...]) -> int:
    """Explain a requirement (BR-BLK-01), a word of the reports (quiescent), an axiom (A4), a ruling (ruling 17), an exit status
    (exit 3), a scenario (keys), a fault or variant of the reference target; or print a page of the docs (gate)."""
    for line in explained(" ".join(words), screen.width):
        screen.say(line)
    return 0
