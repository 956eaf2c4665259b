"""What `explain` answers: requirements, words, axioms, rulings, exit statuses, scenarios, faults, variants, pages of docs."""

from __future__ import annotations

import difflib
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from conformance import glossary, specs
from conformance.catalogue import FAMILIES, Requirement, load
from conformance.catalogue_docs import cases, without_scenario
from conformance.errors import UsageError
from conformance.exit_status import MEANING
from conformance.scenarios import SCENARIOS, Scenario

#: The pages of ``docs/``, which the package ships, in the order in which a reader may want them.
PAGES = (
    "configuration", "vendor", "gate", "drivers", "requirements", "design", "glossary",
    "provider-states", "programs", "schemathesis", "schemathesis.toml", "pinning", "mutants", "targets",
)  # fmt: skip
_WIDTH = 11
#: Pages that are named where a word has no explanation of its own.
_MOST_PAGES = 3


@dataclass(frozen=True)
class _Kind:
    """One kind of thing that can be explained.

    :param names: what there is; :param explain: the lines about one of them, for a width in columns.
    """

    names: tuple[str, ...]
    explain: Callable[[str, int], list[str]]


def explained(asked: str, width: int) -> list[str]:
    """The explanation of whatever has this name, in lines.

    A name may follow its kind (``scenario keys``, ``axiom A3``, ``exit status 3``); without it the first kind that has the name
    is taken, in the order of ``kinds``. A bare number is a ruling.

    :param width: columns to fill.
    :raises UsageError: nothing has this name; says what looks like it.
    """
    folded = _folded(asked)
    found = kinds()
    for kind, one in found.items():
        for name in one.names:
            if folded in (_folded(name), _folded(f"{kind} {name}")):
                return one.explain(name, width)
    every = {_folded(name): name for one in found.values() for name in one.names}
    close = difflib.get_close_matches(folded, list(every), 3)
    word = " ".join(asked.split())
    if held := _pages_with(word):
        hint = f"it stands in {', '.join(held)}: `retry-conformance explain {held[0]}` prints that page"
    elif close:
        hint = f"did you mean {', '.join(every[name] for name in close)}?"
    else:
        hint = f"it explains {_what_there_is(found)}"
    raise UsageError(f"there is nothing called {word!r}", where="explain", hint=hint)


def kinds() -> Mapping[str, _Kind]:
    """Everything that can be explained, by kind."""
    # Imported here: the reference target is no part of a run against another.
    from conformance.reference.faults import FAULTS
    from conformance.reference.variants import VARIANTS

    catalogue, words = load(), glossary.load()
    scenarios = {s.name: s for s in SCENARIOS}
    axioms = {**words.axioms, "A2": f"{words.axioms['A2a']} {words.axioms['A2b']}"}

    def of_fault(name: str, width: int) -> list[str]:
        one = FAULTS[name]
        parts = {
            "breaks": ", ".join(one.breaks),
            "also": ", ".join(one.also),
            "found by": ", ".join(one.drivers),
            "try it": f"retry-conformance serve --fault {name}",
        }
        return _laid_out(f"fault {name}", one.title, parts, width)

    def of_variant(name: str, width: int) -> list[str]:
        one = VARIANTS[name]
        parts = {
            "allowed by": one.ruling,
            "undecided": ", ".join(one.undecided_because),
            "try it": f"retry-conformance serve --variant {name}",
        }
        return _laid_out(f"variant {name}", one.title, parts, width)

    def of_ruling(name: str, width: int) -> list[str]:
        about = [r.id for r in catalogue.requirements if int(name) in r.rulings]
        return _laid_out(f"ruling {name}", catalogue.rulings[int(name)], {"about": ", ".join(about)}, width)

    def of_status(name: str, width: int) -> list[str]:
        parts = {"also": "retry-conformance explain gate"}
        return _laid_out(f"exit status {name}", MEANING[int(name)], parts, width)

    return {
        "requirement": _Kind(
            tuple(r.id for r in catalogue.requirements), lambda n, width: explanation(catalogue[n], width)
        ),
        "word": _Kind(tuple(words.words), lambda n, width: _laid_out(n, words.words[n], {}, width)),
        "axiom": _Kind(tuple(axioms), lambda n, width: _laid_out(n, axioms[n], {}, width)),
        "ruling": _Kind(tuple(map(str, catalogue.rulings)), of_ruling),
        "exit status": _Kind(tuple(map(str, MEANING)), of_status),
        "exit": _Kind(tuple(map(str, MEANING)), of_status),
        "page": _Kind(PAGES, lambda n, _: page(n)),
        "": _Kind(tuple(f"docs/{_file(name)}" for name in PAGES), lambda n, _: page(n.removeprefix("docs/"))),
        "scenario": _Kind(tuple(scenarios), lambda n, width: _scenario(scenarios[n], width)),
        "fault": _Kind(tuple(FAULTS), of_fault),
        "variant": _Kind(tuple(VARIANTS), of_variant),
    }


def page(name: str) -> list[str]:
    """A page of the docs, as it is written."""
    return specs.read(_file(name), folder="docs").decode().splitlines()


def _pages_with(word: str) -> list[str]:
    """The pages that have a word, a few at most; not where it is a part of another, as of an id."""
    whole = re.compile(rf"(?<!\w)(?<!\w-){re.escape(word)}(?![\w-])", re.I)
    return [name for name in PAGES if any(map(whole.search, page(name)))][:_MOST_PAGES]


def _file(name: str) -> str:
    return name if "." in name else f"{name}.md"


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
    lines = [f"{requirement.id}  {requirement.title}  ({about})", ""]
    lines += _parts(parts, width)
    rulings = load().rulings
    for number in requirement.rulings:
        lines += _parts({"ruling": f"{number}: {rulings[number]}"}, width)
    for source in requirement.sources:
        lines.append(f"{'source':{_WIDTH}}{source.title}{f' <{source.address}>' if source.address else ''}")
    return lines


def _scenario(one: Scenario, width: int) -> list[str]:
    parts = {
        "exercises": ", ".join(one.requirements),
        "needs": ", ".join(one.needs) or "nothing but a target",
        "run it": f"retry-conformance run --requirement {one.requirements[0]}",
        "as data": f"DIR/programs/{one.name}.json after a run; retry-conformance explain programs",
    }
    return _laid_out(f"scenario {one.name}", one.title, parts, width)


def _laid_out(head: str, says: str, parts: Mapping[str, str], width: int) -> list[str]:
    told = list(_parts(parts, width))
    return [head, "", *textwrap.wrap(says, max(40, width)), *([""] if told else []), *told]


def _parts(parts: Mapping[str, str], width: int) -> Iterator[str]:
    for name, text in parts.items():
        if text:
            begun, indent = f"{name:{_WIDTH}}", " " * _WIDTH
            yield from textwrap.wrap(
                text, max(40, width), initial_indent=begun, subsequent_indent=indent, break_long_words=False
            )


def _folded(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").split())


def _what_there_is(found: Mapping[str, _Kind]) -> str:
    examples = ", ".join(
        f"{kind}s ({one.names[0]})" for kind, one in found.items() if kind not in ("", "exit", "exit status")
    )
    return f"{examples}, and exit statuses (exit 3)"
