"""What a planted fault is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from oracle.simulator.target import Target


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that a target does wrong. ``target.fired`` counts how often it has."""

    name: str
    #: Requirements that it breaks, in whatever situation it shows itself.
    breaks: tuple[str, ...]
    target: type[Target]
    #: Scripts that provoke it; the others of a run are drawn.
    scripts: tuple[str, ...]
    #: Habits without which it would not be one, or never show itself.
    habits: Mapping[str, Any] = field(default_factory=dict)


def named(target: type[Target]) -> str:
    """The fault's name: its class in kebab case."""
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in target.__name__).lstrip("-")


def fault(target: type[Target], breaks: str, scripts: str, **habits: Any) -> Fault:
    """A fault from its class; requirements without ``BR-``, and scripts, with blanks between."""
    return Fault(
        name=named(target), breaks=tuple(f"BR-{name}" for name in breaks.split()), target=target,
        scripts=tuple(scripts.split()), habits=habits,
    )  # fmt: skip
