"""Mutants of a module: which there are, and which of them are drawn.

mutmut's operators say what may be changed, in bodies of functions. Left alone is what only a person reads (``PROSE``, texts with a
space in them, f-strings), annotations and docstrings.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst
import msgspec
from libcst.metadata import MetadataWrapper
from mutmut.mutation.mutators import mutation_operators

#: Arguments that a person reads: nothing in them is changed, nor are they left out.
PROSE = frozenset(("because", "text", "observed", "violation", "expected", "legal_if"))
#: Calls whose positional arguments are such texts.
TELLING = frozenset(("proof",))
#: Calls that are left alone: what they say is read by a type checker or a log only, or breaks at once (mutmut's own list).
LEFT_ALONE = frozenset(("cast", "TypeVar", "debug", "getLogger", "isinstance", "len"))


class Mutant(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a module."""

    #: Path of the module below the judges.
    module: str
    #: The outermost function that holds the change, with its class.
    function: str
    #: mutmut's operator, and which of its changes in the function this is.
    operator: str
    number: int
    source: str
    #: The lines that differ, ``-`` before and ``+`` after.
    diff: tuple[str, ...]
    #: First and last line, in the original, of the statement that is changed.
    lines: tuple[int, int]

    @property
    def name(self) -> str:
        """What it is called; the same as long as the function is."""
        return _name(self.module, self.function, self.operator, self.number)

    @property
    def key(self) -> str:
        """Names the change by its lines, so that the reason that is given for a survivor goes when they do."""
        return hashlib.sha256("\n".join((self.name, *self.diff)).encode()).hexdigest()[:10]


def _name(module: str, function: str, operator: str, number: int) -> str:
    return f"{module}::{function} {operator} {number}"


@dataclass(frozen=True)
class _Change:
    name: str
    function: str
    operator: str
    number: int
    original: cst.CSTNode
    mutated: cst.CSTNode


def count(module: str, source: str) -> int:
    """How many mutants a module has."""
    return sum(1 for _ in _changes(module, cst.parse_module(source)))


def draw(module: str, source: str, size: int, seed: int) -> tuple[Mutant, ...]:
    """So many mutants of a module: those of the lowest numbers that the seed draws for their names.

    A change of one function leaves what is drawn of the others nearly as it was.
    """
    tree = MetadataWrapper(cst.parse_module(source)).module
    ranked = sorted(_changes(module, tree), key=lambda one: random.Random(f"{seed} {one.name}").random())
    return tuple(_mutant(module, tree, source, change) for change in ranked[:size])


def _mutant(module: str, tree: cst.Module, source: str, change: _Change) -> Mutant:
    changed = tree.deep_replace(change.original, change.mutated)
    assert isinstance(changed, cst.Module)
    lines = list(difflib.unified_diff(source.splitlines(), changed.code.splitlines(), n=0, lineterm=""))
    first = int(lines[2].split()[1].lstrip("-").partition(",")[0])
    return Mutant(
        module=module, function=change.function, operator=change.operator,
        number=change.number, source=changed.code, lines=_statement(source, first),
        diff=tuple(f"{line[0]} {line[1:].strip()}" for line in lines if not line.startswith(("---", "+++", "@@"))),
    )  # fmt: skip


def _statement(source: str, line: int) -> tuple[int, int]:
    """The lines of the smallest statement that holds a line; of one with a body, its head."""
    spans = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            end = body[0].lineno - 1 if body else node.end_lineno
            spans.append((node.lineno, max(node.lineno, end or node.lineno)))
    holding = [span for span in spans if span[0] <= line <= span[1]]
    return min(holding, key=lambda span: span[1] - span[0], default=(line, line))


def _changes(module: str, tree: cst.Module) -> Iterator[_Change]:
    """Every change of a module, but for what is left alone."""
    counted: Counter[tuple[str, str]] = Counter()
    for node, function in _nodes(tree, ""):
        for kind, change in mutation_operators:
            for mutated in change(node) if isinstance(node, kind) else ():
                if not _is_prose(node, mutated):
                    operator = change.__name__.removeprefix("operator_")
                    counted[function, operator] += 1
                    number = counted[function, operator]
                    yield _Change(_name(module, function, operator, number), function, operator, number, node, mutated)


def _nodes(node: cst.CSTNode, name: str) -> Iterator[tuple[cst.CSTNode, str]]:
    """Nodes of the bodies of functions, each with the outermost function that holds it."""
    for child in node.children:
        if isinstance(child, cst.FunctionDef):
            yield from _inner(child.body, f"{name}{child.name.value}")
        else:
            yield from _nodes(child, f"{name}{child.name.value}." if isinstance(child, cst.ClassDef) else name)


def _inner(node: cst.CSTNode, function: str) -> Iterator[tuple[cst.CSTNode, str]]:
    yield node, function
    for child in node.children:
        alone = isinstance(child, cst.Annotation | cst.FormattedString | cst.Import | cst.ImportFrom)
        if isinstance(child, cst.Call):
            alone = _called(child) in LEFT_ALONE
        if isinstance(child, cst.Arg) and isinstance(node, cst.Call):
            alone = _told(node, child)
        if not alone:
            yield from _inner(child, function)


def _called(call: cst.Call) -> str:
    name = call.func
    return name.value if isinstance(name, cst.Name) else name.attr.value if isinstance(name, cst.Attribute) else ""


def _told(call: cst.Call, argument: cst.Arg) -> bool:
    """True for an argument that a person reads."""
    if argument.keyword is not None:
        return argument.keyword.value in PROSE
    return _called(call) in TELLING or _reads(argument.value)


def _reads(value: cst.CSTNode) -> bool:
    """True for what only a person reads: a text with a space in it, or one that is put together."""
    if isinstance(value, cst.SimpleString):
        return " " in value.value or value.value.startswith('"""')
    if isinstance(value, cst.IfExp):
        return _reads(value.body) and _reads(value.orelse)
    return isinstance(value, cst.FormattedString | cst.ConcatenatedString)


def _is_prose(node: cst.CSTNode, mutated: cst.CSTNode) -> bool:
    """True if only a text that a person reads would change."""
    if isinstance(node, cst.Call) and isinstance(mutated, cst.Call) and node.args != mutated.args:
        kept = {id(argument) for argument in mutated.args}
        return all(_told(node, argument) for argument in node.args if id(argument) not in kept)
    if isinstance(node, cst.Assign | cst.AnnAssign | cst.AugAssign):
        return node.value is not None and _reads(node.value)
    return _reads(node)
