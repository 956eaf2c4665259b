"""Every fault of the reference target, by name."""

from __future__ import annotations

from collections.abc import Mapping

from conformance.reference import (
    faults_access,
    faults_inputs,
    faults_programs,
    faults_races,
    faults_retry,
    faults_views,
)
from conformance.reference.mixins import Fault

FAULTS: Mapping[str, Fault] = {
    **faults_retry.FAULTS,
    **faults_views.FAULTS,
    **faults_access.FAULTS,
    **faults_races.FAULTS,
    **faults_programs.FAULTS,
    **faults_inputs.FAULTS,
}
