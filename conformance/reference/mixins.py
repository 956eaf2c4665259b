"""What a fault and a variant are: a named mixin over ``Behaviour`` that overrides a decision or two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from conformance.reference.behaviour import Behaviour

Mixin = type[Behaviour]


@dataclass(frozen=True)
class Fault:
    """A realistic bug."""

    name: str
    title: str
    #: Requirements of which at least one must be seen to fail.
    breaks: tuple[str, ...]
    mixin: Mixin
    #: The drivers that it takes to find it (``conformance.drivers``).
    drivers: tuple[str, ...] = ("scenarios",)
    #: What else it breaks (``consequences``).
    also: tuple[str, ...] = ()
    #: It takes the widths and sizes of depth deep to find it.
    deep: bool = False
    #: The speed at which `selftest` tries it: slower where a message has to stay ``created`` for more than a second (ruling 23).
    speed: float = 1.0
    #: It takes a whole run to meet it often enough, and not only what exercises the requirements that it breaks.
    whole: bool = False
    #: It shows over HTTPS only.
    tls: bool = False
    #: ``limits.max_rows`` that it takes to find it.
    rows: int = 20


@dataclass(frozen=True)
class Variant:
    """A legal behaviour that differs from the reference's."""

    name: str
    title: str
    #: The ruling that allows it.
    ruling: str
    mixin: Mixin
    #: Reason codes (``findings.DoubtReason``) that a report may give when a run against it ends undecided: what the
    #: target really does not show, or does not do often enough. Empty: every requirement can be decided.
    undecided_because: tuple[str, ...] = ()
    #: The speed at which `selftest` tries it.
    speed: float = 1.0
    #: It shows over HTTPS only.
    tls: bool = False


def fault(
    registry: dict[str, Fault],
    title: str,
    *breaks: str,
    drivers: tuple[str, ...] = ("scenarios",),
    deep: bool = False,
    speed: float = 1.0,
    whole: bool = False,
    tls: bool = False,
    rows: int = 20,
) -> Callable[[Mixin], Mixin]:
    """Register a mixin as a fault under its class name in kebab-case."""

    def register(mixin: Mixin) -> Mixin:
        name = kebab(mixin.__name__)
        registry[name] = Fault(
            name, title, breaks, mixin, drivers, deep=deep, speed=speed, whole=whole, tls=tls, rows=rows
        )
        return mixin

    return register


def variant(
    registry: dict[str, Variant],
    title: str,
    ruling: str,
    *undecided_because: str,
    speed: float = 1.0,
    tls: bool = False,
) -> Callable[[Mixin], Mixin]:
    """Register a mixin as a variant under its class name in kebab-case."""

    def register(mixin: Mixin) -> Mixin:
        name = kebab(mixin.__name__)
        registry[name] = Variant(name, title, ruling, mixin, undecided_because, speed, tls)
        return mixin

    return register


def kebab(name: str) -> str:
    """``TwoWords`` as ``two-words``."""
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")
