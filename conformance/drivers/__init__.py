"""Drivers make things happen, through the one transport. None of them decides anything.

``DRIVERS`` names them all, in the order in which a run lets them at the target. Scenarios come last: they watch an
untouched batch to the end of the run (BR-SEL-07), which is over when no other driver retries any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from conformance.drivers import fuzzing, machine, scenarios
from conformance.drivers.drive import Drive

#: Drives the target as far as the driver goes; raises GuardError where the guard or a budget ends the run.
Driver = Callable[[Drive], None]

DRIVERS: Mapping[str, Driver] = {
    "schemathesis": fuzzing.drive,
    "scenarios": scenarios.drive,
    "machine": machine.drive,
}

__all__ = ["DRIVERS", "Drive", "Driver"]
