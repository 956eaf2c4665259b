"""From what a user typed, on the command line or to pytest, to the options of a run. Reads files; sends nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

from conformance.baseline import Baseline, read_baseline
from conformance.catalogue import PROFILES, load
from conformance.drivers import DRIVERS
from conformance.drivers.drive import DEPTHS
from conformance.errors import UsageError
from conformance.exit_status import FailOn
from conformance.session import Options, drivers_for, new_seed
from conformance.waivers import StaleWaivers, read_waivers

#: Something that is meant for an id of a requirement.
_ID = re.compile(r"\b[A-Z]{2}-[A-Z]{2,4}-\d+\b", re.I)


def names(text: str, allowed: Sequence[str], option: str) -> tuple[str, ...]:
    """Names by comma, in the order allowed.

    :raises UsageError: one is unknown, or there is none.
    """
    found = [name.strip() for name in text.split(",") if name.strip()]
    strange = [name for name in found if name not in allowed]
    if strange or not found:
        what = f"knows no {strange[0]!r}" if strange else "names nothing"
        raise UsageError(what, where=option, hint=f"name {', '.join(allowed)}")
    return tuple(name for name in allowed if name in found)


def one_of(text: str, allowed: Sequence[str], option: str) -> str:
    """One of the words allowed.

    :raises UsageError: it is another.
    """
    if text not in allowed:
        raise UsageError(f"knows no {text!r}", where=option, hint=f"name {', '.join(allowed)}")
    return text


def requirements(asked: Sequence[str], profiles: Collection[str], contract: str, option: str) -> tuple[str, ...]:
    """The ids of requirements that were asked for, one by one or by comma, in the contract's order.

    :raises UsageError: one is unknown, or not in the profiles.
    """
    wanted = [name.strip().upper() for text in asked for name in text.split(",")]
    known = {r.id: r.profile for r in load(contract).requirements}
    for name in wanted:
        if name not in known:
            raise UsageError(f"knows no requirement {name!r}", where=option, hint=_named_like(name, known))
        if known[name] not in profiles:
            raise UsageError(f"{name} is of profile {known[name]}", where=option, hint="name that profile too")
    return tuple(name for name in known if name in wanted)


def _named_like(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name.upper(), list(known), 3, cutoff=0.7)
    listed = "`retry-conformance list` names all"
    return f"did you mean {' or '.join(close)}? {listed}" if close else listed


def check_ids(arguments: Sequence[str], contract: str, where: str) -> None:
    """Refuse an id that pytest's -k would silently match nothing with.

    :raises UsageError: an argument holds an id of a requirement that does not exist.
    """
    known = {r.id.upper() for r in load(contract).requirements}
    for argument in arguments:
        for name in _ID.findall(argument):
            if name.upper() not in known and not any(other.startswith(name.upper()) for other in known):
                raise UsageError(f"{name} is no requirement", where=where, hint="`retry-conformance list` names all")


def options_of(
    *,
    profiles: str,
    depth: str,
    seed: int | None,
    drivers: str | None,
    report_dir: Path,
    baseline: Baseline | None,
    waivers: Path | None,
    stale_waivers: StaleWaivers,
    fail_on: FailOn,
    wait: float,
    selected: tuple[str, ...] = (),
    contract: str,
    stop_early: bool = False,
    prefix: str = "--",
) -> Options:
    """The options of a run.

    :param profiles: by comma; :param drivers: by comma; None for those that the selection calls for.
    :param selected: ids of requirements; empty means all of the profiles.
    :param prefix: what the options are called by, in what is said of them.
    :raises UsageError: one of them is wrong.
    """
    chosen = names(profiles, PROFILES, f"{prefix}profile")
    return Options(
        profiles=chosen,
        selected=selected,
        depth=one_of(depth, DEPTHS, f"{prefix}depth"),
        seed=new_seed() if seed is None else seed,
        drivers=names(drivers, tuple(DRIVERS), f"{prefix}drivers")
        if drivers
        else drivers_for(selected, chosen, contract),
        report_dir=report_dir,
        fail_on=fail_on,
        baseline=baseline,
        waivers=read_waivers(waivers) if waivers is not None else (),
        stale_waivers=stale_waivers,
        wait=wait,
        contract=contract,
        stop_early=stop_early,
    )


def baseline_of(path: Path | None, *, allow_red: bool) -> Baseline | None:
    """The baseline that was asked for, if one was.

    :raises UsageError: it is none, or red.
    """
    return read_baseline(path, allow_red=allow_red) if path is not None else None
