"""Every variant of the reference target, by name: legal, but not what the reference does."""

from __future__ import annotations

from collections.abc import Mapping

from conformance.reference import (
    variants_answers,
    variants_network,
    variants_requests,
    variants_rulings,
    variants_timing,
    variants_tls,
)
from conformance.reference.mixins import Variant

VARIANTS: Mapping[str, Variant] = {
    **variants_rulings.VARIANTS,
    **variants_timing.VARIANTS,
    **variants_answers.VARIANTS,
    **variants_network.VARIANTS,
    **variants_requests.VARIANTS,
    **variants_tls.VARIANTS,
}
