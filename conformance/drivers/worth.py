"""Which programs are carried out where the limits do not hold all of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conformance.config import Config
from conformance.program.cost import cost_of
from conformance.program.steps import Program

#: Programs with the requirements that each is for, by name.
Programs = Mapping[str, tuple[Program, tuple[str, ...]]]


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A program that is not carried out, and why."""

    name: str
    requirements: tuple[str, ...]
    text: str
    needs: tuple[str, ...]


def affordable(
    programs: Programs, config: Config, *, calls: int, messages: int
) -> tuple[dict[str, tuple[Program, tuple[str, ...]]], Sequence[LeftOut]]:
    """Choose what so many calls and messages are likely to hold; in the order given, and all of it where it fits.

    Where it does not, the program comes first that exercises most requirements which none before it does, by its calls; so what
    is left out exercises what others exercise too, as far as that goes.
    """
    costs = {name: cost_of(program, config) for name, (program, _) in programs.items()}
    need = {
        "max_calls": (sum(c.calls_likely for c in costs.values()), calls, config.limits.max_calls),
        "max_messages": (sum(c.messages for c in costs.values()), messages, config.limits.max_messages),
    }
    short = {limit: figures for limit, figures in need.items() if figures[0] > figures[1]}
    if not short:
        return dict(programs), ()
    kept: set[str] = set()
    covered: set[str] = set()
    left = dict(programs)
    while left:
        fitting = [n for n in left if costs[n].calls_likely <= calls and costs[n].messages <= messages]
        if not fitting:
            break
        best = max(fitting, key=lambda n: (len(set(left[n][1]) - covered) / max(1, costs[n].calls_likely), -len(n)))
        calls, messages = calls - costs[best].calls_likely, messages - costs[best].messages
        kept.add(best)
        covered |= set(left.pop(best)[1])
    why = " and ".join(
        f"limits.{limit} ({has}) leaves {rest}, and all of them take about {wanted}"
        for limit, (wanted, rest, has) in short.items()
    )
    needs = tuple(f"a limits.{limit} of about {has - rest + wanted}" for limit, (wanted, rest, has) in short.items())
    return {n: programs[n] for n in programs if n in kept}, [
        LeftOut(
            name=n, requirements=tuple(programs[n][1]), text=_text(n, why, set(programs[n][1]) - covered), needs=needs
        )
        for n in programs
        if n not in kept
    ]


def _text(name: str, why: str, only: set[str]) -> str:
    what = f"nothing else exercises {', '.join(sorted(only))}" if only else "others exercise what it does"
    return f"scenario {name} is left out, for {why}; {what}"
