"""Drivers make things happen, through the one transport. None of them decides anything.

``DRIVERS`` names them all, in the order in which a run lets them at the target. Scenarios come last: they watch an
untouched batch to the end of the run (BR-SEL-07), which is over when no other driver retries any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from conformance.drivers import fuzzing, machine, scenarios
from conformance.drivers.drive import Drive

#: Drives the target as far as the driver goes; raises GuardError where the guard or a budget ends the run.
Driver = Callable[[Drive], None]

DRIVERS: Mapping[str, Driver] = {
    "schemathesis": fuzzing.drive,
    "scenarios": scenarios.drive,
    "machine": machine.drive,
}


def drive_all(run: Drive, names: Sequence[str]) -> None:
    """Let these drivers at the target. Drawn requests go out side by side with the planned scenarios: their waits are one.

    :raises GuardError: the guard or a budget ended the run.
    """
    for name in names:
        if name == "schemathesis" and "scenarios" in names:
            run.beside.update(fuzzing.programs(run))
        else:
            DRIVERS[name](run)


__all__ = ["DRIVERS", "Drive", "Driver", "drive_all"]
