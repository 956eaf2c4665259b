"""Drivers make things happen, through the one transport. None of them decides anything.

``DRIVERS`` names them all, in the order in which they begin: what is drawn has a share of what the planned scenarios are
likely to leave. Their programs run side by side: a slow target is waited for once, and not once for each driver. An
untouched batch is watched to the end of all of them (BR-SEL-07).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from conformance.drivers import fuzzing, machine, scenarios
from conformance.drivers.drive import Begun, Drive

#: Draws or chooses what the driver does, and sends nothing; told what drivers that began before it are likely to take.
Driver = Callable[[Drive, Begun], Begun]

DRIVERS: Mapping[str, Driver] = {
    "scenarios": scenarios.begin,
    "schemathesis": fuzzing.begin,
    "machine": machine.begin,
}


def drive_all(run: Drive, names: Collection[str]) -> None:
    """Let these drivers at the target. Planned scenarios go first where they are due: what was drawn fills their waits.

    :raises GuardError: the guard or a budget ended the run.
    """
    begun: dict[str, Begun] = {}
    for name in (name for name in DRIVERS if name in names):
        calls, messages = sum(b.calls for b in begun.values()), sum(b.messages for b in begun.values())
        begun[name] = DRIVERS[name](run, Begun(calls=calls, messages=messages))
    first = "scenarios" if "scenarios" in begun else next(iter(begun), "")
    beside = {key: program for name, one in begun.items() if name != first for key, program in one.programs.items()}
    run.side_by_side(begun[first].programs if first else {}, beside, part=first)
    for one in begun.values():
        one.after()


__all__ = ["DRIVERS", "Begun", "Drive", "Driver", "drive_all"]
