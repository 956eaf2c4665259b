"""Every legal variant is left alone by what the drawing driver sends."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.reference.settings import Settings
from conformance.reference.variants import VARIANTS
from tests.test_fuzzing_judges import failed, run_against


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_variant_is_accused(variant: str, tmp_path: Path) -> None:
    settings = Settings(speed=4, variants=(variant,))
    result = run_against(settings, tmp_path, drivers=("schemathesis",), depth="standard")
    assert failed(result) == []
    assert result.exit_status == 3
    assert not any(o.key == "answer-outside-the-contract" for o in result.report.observations)
