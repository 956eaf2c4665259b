"""Every fault of the reference target, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from conformance.reference import (
    faults_access,
    faults_decisions,
    faults_factors,
    faults_inputs,
    faults_programs,
    faults_races,
    faults_refusals,
    faults_requests,
    faults_retry,
    faults_rounds,
    faults_shapes,
    faults_single,
    faults_sizes,
    faults_stale,
    faults_storage,
    faults_tls,
    faults_views,
)
from conformance.reference.consequences import ALSO
from conformance.reference.mixins import Fault

_DECLARED: Mapping[str, Fault] = {
    **faults_retry.FAULTS,
    **faults_views.FAULTS,
    **faults_access.FAULTS,
    **faults_races.FAULTS,
    **faults_programs.FAULTS,
    **faults_inputs.FAULTS,
    **faults_requests.FAULTS,
    **faults_refusals.FAULTS,
    **faults_sizes.FAULTS,
    **faults_single.FAULTS,
    **faults_storage.FAULTS,
    **faults_stale.FAULTS,
    **faults_rounds.FAULTS,
    **faults_decisions.FAULTS,
    **faults_shapes.FAULTS,
    **faults_factors.FAULTS,
    **faults_tls.FAULTS,
}

FAULTS: Mapping[str, Fault] = {name: replace(fault, also=ALSO.get(name, ())) for name, fault in _DECLARED.items()}
