"""Faults to plant in a simulated target, by name, each with the requirements that it breaks."""

from __future__ import annotations

from collections.abc import Mapping

from oracle.simulator.faults import access, data, errors, retries, singles
from oracle.simulator.faults.fault import Fault

FAULTS: Mapping[str, Fault] = {
    fault.name: fault for fault in (*retries.FAULTS, *singles.FAULTS, *data.FAULTS, *errors.FAULTS, *access.FAULTS)
}
