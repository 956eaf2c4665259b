"""``docs/requirements.md``, a page for each requirement and ``docs/drivers.md``: from the catalogue, faults and recorded failures.
``python -m conformance.catalogue_docs`` writes them; ``python -m benchmarks.examples`` records the failures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.catalogue import FAMILIES, Catalogue, Requirement, load
from conformance.examples import Example, read_examples
from conformance.report.clock import Clock
from conformance.report.story import provided
from conformance.report.timeline import svg
from conformance.scenarios import SCENARIOS

if TYPE_CHECKING:
    from conformance.reference.mixins import Fault

#: Faults that a page names at most.
MOST_FAULTS = 12


def index(catalogue: Catalogue) -> str:
    """The page that leads to the others, with the rulings."""
    lines = [
        "# Requirements",
        "",
        f"Contract {catalogue.contract_version}: {len(catalogue.requirements)} requirements, a page each. "
        "`python -m conformance.catalogue_docs` makes these pages of the catalogue.",
        'With `target.contract = "1.0"`, or `--contract 1.0`, what came later is left out.',
    ]
    for family, name in FAMILIES.items():
        lines += ["", f"## {family}: {name}", "", "| id | since | profile | level | requirement |"]
        lines += ["| --- | --- | --- | --- | --- |"]
        lines += [
            f"| [{r.id}](requirements/{r.id}.md) | {r.since} | {r.profile} | {r.level} | {r.title} |"
            for r in catalogue.requirements
            if r.family == family
        ]
    lines += [
        "",
        "## Rulings",
        "",
        "Where the documents leave room, every reading passes; a target keeps to one within a run.",
        "",
    ]
    lines += ["| ruling | what passes, and what is not concluded |", "| --- | --- |"]
    lines += [f'| <a id="ruling-{number}"></a>{number} | {says} |' for number, says in catalogue.rulings.items()]
    return "\n".join(lines) + "\n"


def pages(
    catalogue: Catalogue, faults: Mapping[str, Fault], examples: Mapping[str, Example]
) -> Iterator[tuple[str, str]]:
    """The page of each requirement, and the drawing of its example: names of files and their contents."""
    for requirement in catalogue.requirements:
        shown = examples.get(requirement.id)
        yield f"{requirement.id}.md", "\n".join(_page(requirement, catalogue, faults, shown)) + "\n"
        if shown is not None and shown.timeline is not None:
            yield f"{requirement.id}.svg", drawing(shown)


def drawing(shown: Example) -> str:
    """The timeline of an example as a file of its own, with its style; the page's variables hold in light and dark."""
    if shown.timeline is None:
        return ""
    style = (files("conformance.report.page") / "timeline.css").read_text(encoding="utf-8")
    text = svg(shown.timeline, Clock(shown.started), "tl")
    return text.replace("<title", f"<style>svg{{background:var(--bg)}}{style}</style><title", 1) + "\n"


def _page(
    requirement: Requirement, catalogue: Catalogue, faults: Mapping[str, Fault], shown: Example | None
) -> Iterable[str]:
    r = requirement
    yield f"# {r.id}: {r.title}"
    yield ""
    yield f"{r.profile}, {r.level}, since contract {r.since}. [All requirements](../requirements.md)"
    yield ""
    yield f"**Rule.** {r.sentence}"
    yield ""
    yield f"**Why it matters.** {r.matters}"
    yield ""
    sources = (f"[{s.title}]({s.address})" if s.address else s.title for s in r.sources)
    yield f"**Source.** {', '.join(sources)}"
    yield ""
    yield from _exercised(r)
    if r.rulings:
        yield "## What passes all the same"
        yield ""
        yield from (f"- Ruling {number}: {catalogue.rulings[number]}" for number in r.rulings)
        yield ""
    yield from _mistakes(r, faults)
    yield from _example(r, shown)


def _exercised(r: Requirement) -> Iterable[str]:
    yield "## How it is exercised"
    yield ""
    yield f"It passes when {r.exercised_when}; it fails when {r.judged_when}."
    yield ""
    if r.cases:
        yield f"- Each of these cases has to come about: {', '.join(cases(r))}."
    scenarios = [f"`{s.name}`: {s.title.rstrip('.')}" for s in SCENARIOS if r.id in s.requirements]
    yield f"- Scenarios: {'' if scenarios else without_scenario(r)}".rstrip()
    yield from (f"  - {told}" for told in scenarios)
    yield f"- It needs {', '.join(f'recipients.{n}' if n in _RECIPIENTS else n for n in r.needs) or 'nothing but a target'}."
    yield ""


_RECIPIENTS = ("failing", "succeeding", "pending", "recovering")


def _mistakes(r: Requirement, faults: Mapping[str, Fault]) -> Iterable[str]:
    breaking = sorted((f for f in faults.values() if r.id in f.breaks), key=lambda f: len(f.breaks))
    if not breaking:
        return
    yield "## Typical mistakes"
    yield ""
    yield "Each is a fault of the reference target: `retry-conformance serve --fault NAME` makes it."
    yield ""
    yield from (f"- `{f.name}`: {f.title}" for f in breaking[:MOST_FAULTS])
    if len(breaking) > MOST_FAULTS:
        yield f"- and {len(breaking) - MOST_FAULTS} more: `retry-conformance list faults`"
    yield ""


def _example(r: Requirement, shown: Example | None) -> Iterable[str]:
    yield "## An example failure"
    yield ""
    if shown is None:
        yield "None is recorded: no fault of the reference target brings it about on loopback."
        return
    yield f"Recorded with `--fault {shown.fault}`: **{_plain(shown.headline)}**"
    yield ""
    if shown.timeline is not None:
        yield f"![Timeline of the proof; the list below says the same]({r.id}.svg)"
        yield ""
    if len(shown.any_of) > 1:
        yield f"- At least one of {', '.join(shown.any_of)} is violated."
    yield f"- Expected: {_plain('; or '.join(shown.expected))}"
    yield f"- Observed: {_plain(shown.observed)}"
    yield ""
    yield "Why this follows:"
    yield ""
    yield from (f"{n}. {_plain(line)}" for n, line in enumerate((*shown.argument, provided(shown.slack)), 1))


def _plain(text: str) -> str:
    for char in "\\`*_[]<>|#&~$":
        text = text.replace(char, f"\\{char}")
    return text


#: What each driver does, and what it finds that the others do not.
_DRIVERS = {
    "schemathesis": (
        "draws requests from the OpenAPI document: unusual bodies, queries, ids and headers; holds every answer against it",
        "inputs that break a target, and answers that are not as described, in forms that nobody thought of",
    ),
    "scenarios": (
        "a planned situation for each requirement, races among them",
        "nearly everything; a pass rests on it, since it alone makes sure that the situation came about",
    ),
    "machine": (
        "programs drawn by hypothesis from the same steps, made as small as can be where they find something, and run again",
        "defects that take a sequence of steps, such as one that a single retry before the second batch retry brings out",
    ),
}


def drivers(faults: Mapping[str, Fault]) -> str:
    """The page about the drivers, with the faults that only one which draws is known to find."""
    lines = [
        "# The three drivers",
        "",
        "Each driver makes requests; none of them decides anything. The judges see one history, whoever made it.",
        "",
        "| driver | what it does | what it finds |",
        "| --- | --- | --- |",
        *(f"| `{name}` | {does} | {finds} |" for name, (does, finds) in _DRIVERS.items()),
        "",
        "Each fault of the reference target names the driver that finds it, and `retry-conformance selftest` tries it with that:",
        "",
        "| driver | faults | those that no planned scenario is for |",
        "| --- | ---: | --- |",
    ]
    for name in _DRIVERS:
        mine = [fault for fault in faults.values() if name in fault.drivers]
        drawn = [f"`{fault.name}`" for fault in mine if "scenarios" not in fault.drivers]
        lines.append(f"| `{name}` | {len(mine)} of {len(faults)} | {', '.join(drawn)} |")
    lines += [
        "",
        "`python -m benchmarks.drivers` tries every fault with every driver alone, and prints what each finds.",
    ]
    return "\n".join(lines) + "\n"


def cases(requirement: Requirement) -> list[str]:
    """The cases of a requirement in words, each with the condition under which it is asked for."""
    needing = requirement.cases_needing
    told = [f"{case} (with recipients.{needing[case]})" if case in needing else case for case in requirement.cases]
    return [*told, *(["each configured language"] if requirement.each_language else [])]


def without_scenario(requirement: Requirement) -> str:
    """Why no planned scenario exercises a requirement."""
    return "none, it is never provoked" if requirement.never_provoked is not None else "none yet"


def main() -> None:
    """Write the pages into the checkout's ``docs/``, and remove those of examples that there are not any more."""
    from conformance.reference.faults import FAULTS

    folder = Path(__file__).resolve().parent.parent / "docs"
    (folder / "requirements.md").write_text(index(load()), encoding="utf-8")
    (folder / "drivers.md").write_text(drivers(FAULTS), encoding="utf-8")
    made = dict(pages(load(), FAULTS, read_examples(folder / "requirements" / "examples.json")))
    for old in (folder / "requirements").iterdir():
        if old.suffix in (".md", ".svg") and old.name not in made:
            old.unlink()
    for name, content in made.items():
        (folder / "requirements" / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
