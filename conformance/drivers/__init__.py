"""Drivers make things happen, through the one transport. None of them decides anything.

``DRIVERS`` names them all, in the order in which a run lets them at the target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from conformance.drivers import fuzzing, machine, scenarios
from conformance.drivers.drive import Drive

#: Drives the target as far as the driver goes; raises GuardError where the guard or a budget ends the run.
Driver = Callable[[Drive], None]

DRIVERS: Mapping[str, Driver] = {
    "scenarios": scenarios.drive,
    "machine": machine.drive,
    "schemathesis": fuzzing.drive,
}

__all__ = ["DRIVERS", "Drive", "Driver"]
