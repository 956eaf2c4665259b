"""Mutants of the reference target's behaviour, by the operators of mutmut."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, WhitespaceInclusivePositionProvider
from mutmut.mutation.file_mutation import Mutation, create_mutations

import conformance

#: What decides and shows; not the faults and variants, nor the servers around it.
MODULES = ("world", "exchange", "paging", "views", "behaviour", "app")
#: Functions that an in-process target does not go through.
_OUTSIDE = ("create_app", "_response")
FOLDER = Path(conformance.__file__).with_name("reference")


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One change of the source."""

    #: Module, and number among its changes: the same as long as the source is.
    name: str
    module: str
    function: str
    #: The first line that differs, counted from 1, and what it says before and after.
    line: int
    before: str
    after: str
    source: str


class Source:
    """A module, and every change that mutmut's operators make of it. A change is written out when it is asked for."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._path = FOLDER / f"{module}.py"
        self._text = self._path.read_text(encoding="utf-8")
        self._tree, changes, _, _ = create_mutations(str(self._path), self._text)
        self._changes = [(_function(change), change) for change in changes]
        places = MetadataWrapper(self._tree, unsafe_skip_copy=True).resolve(WhitespaceInclusivePositionProvider)
        self._places = {id(change.original_node): places[change.original_node] for change in changes}

    def names(self) -> list[str]:
        """The names of all changes, in the order of the source."""
        return [f"{self._module}:{i}" for i, (name, _) in enumerate(self._changes) if name not in _OUTSIDE]

    def make(self, name: str) -> Mutant | None:
        """The mutant of this name; None if the change says the same.

        :raises KeyError: there is no such change.
        """
        if name not in self.names():
            raise KeyError(name)
        function, change = self._changes[int(name.partition(":")[2])]
        source = self._replaced(self._places[id(change.original_node)], change.mutated_node)
        before, after = self._text.splitlines(), source.splitlines()
        line = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), None)
        if line is None:
            return None
        return Mutant(
            name=name,
            module=self._module,
            function=function,
            line=line + 1,
            before=before[line].strip(),
            after=after[line].strip(),
            source=source,
        )

    def _replaced(self, place: CodeRange, node: cst.CSTNode) -> str:
        """The text with another node in this place: a hundred times as fast as to write out a tree anew."""
        lines = self._text.splitlines(keepends=True)
        first, last = place.start, place.end
        before = "".join(lines[: first.line - 1]) + lines[first.line - 1][: first.column]
        after = lines[last.line - 1][last.column :] if last.line <= len(lines) else ""
        return before + self._tree.code_for_node(node) + after + "".join(lines[last.line :])


def _function(change: Mutation) -> str:
    inside = change.contained_by_top_level_function
    # Class bodies have statements that are no functions.
    return inside.name.value if isinstance(inside, cst.FunctionDef) else ""


def sources() -> dict[str, Source]:
    """All modules, by name."""
    return {module: Source(module) for module in MODULES}


def sample(sources: Mapping[str, Source], size: int, seed: int) -> list[str]:
    """So many names, in an order that the seed draws: a smaller sample is the beginning of a larger one."""
    names = [name for source in sources.values() for name in source.names()]
    random.Random(seed).shuffle(names)
    return names[:size]
