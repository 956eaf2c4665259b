"""``docs/requirements.md``, made from the catalogue. ``python -m conformance.catalogue_docs`` writes it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from conformance.catalogue import FAMILIES, Catalogue, Requirement, load
from conformance.scenarios import SCENARIOS


def page(catalogue: Catalogue) -> str:
    """The whole page."""
    lines = [
        "# Requirements",
        "",
        f"Contract {catalogue.contract_version}. `python -m conformance.catalogue_docs` makes this page of the catalogue.",
        'With `target.contract = "1.0"`, or `--contract 1.0`, what came later is left out.',
        "",
        "| id | since | profile | level | requirement |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| [{r.id}](#{r.id.lower()}) | {r.since} | {r.profile} | {r.level} | {r.title} |"
            for r in catalogue.requirements
        ),
    ]
    for family, name in FAMILIES.items():
        lines += ["", f"## {family}: {name}"]
        for requirement in catalogue.requirements:
            if requirement.family == family:
                lines += ["", *_entry(requirement)]
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


def _entry(requirement: Requirement) -> Iterable[str]:
    yield f"### {requirement.id}"
    yield ""
    yield f"**{requirement.title}** ({requirement.profile}, {requirement.level}, since {requirement.since})"
    yield ""
    yield requirement.sentence
    yield ""
    yield f"- fails when {requirement.judged_when}"
    yield f"- passes when exercised: {requirement.exercised_when}"
    if requirement.cases:
        yield f"- each of: {', '.join(cases(requirement))}"
    scenarios = [s.name for s in SCENARIOS if requirement.id in s.requirements]
    yield f"- scenarios: {', '.join(scenarios) or without_scenario(requirement)}"
    yield f"- needs: {', '.join(requirement.needs) if requirement.needs else 'nothing but a target'}"
    sources = (f"[{s.title}]({s.address})" if s.address else s.title for s in requirement.sources)
    yield f"- sources: {', '.join(sources)}"
    if requirement.rulings:
        yield f"- rulings: {', '.join(f'[{number}](#ruling-{number})' for number in requirement.rulings)}"


def cases(requirement: Requirement) -> list[str]:
    """The cases of a requirement in words, each with the condition under which it is asked for."""
    needing = requirement.cases_needing
    told = [f"{case} (with recipients.{needing[case]})" if case in needing else case for case in requirement.cases]
    return [*told, *(["each configured language"] if requirement.each_language else [])]


def without_scenario(requirement: Requirement) -> str:
    """Why no planned scenario exercises a requirement."""
    return "none, it is never provoked" if requirement.never_provoked is not None else "none yet"


def main() -> None:
    """Write the page into the checkout's ``docs/``."""
    folder = Path(__file__).resolve().parent.parent / "docs"
    (folder / "requirements.md").write_text(page(load()), encoding="utf-8")


if __name__ == "__main__":
    main()
