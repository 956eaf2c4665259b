"""Scenarios are done once more for what is undecided by chance, and for nothing else."""

from __future__ import annotations

from pathlib import Path

import msgspec

from conformance.findings import Exercise
from conformance.history.records import History
from conformance.judges import judge
from conformance.reference.inside import InsideTarget
from conformance.reference.settings import Settings
from conformance.session import Options, Result, execute

#: With this seed the load balancer answers in place of pages that BR-IDS-05 needs.
UNLUCKY = 2


def _run(folder: Path, variant: str = "gateway-noise", seed: int = UNLUCKY) -> Result:
    target = InsideTarget(Settings(variants=(variant,), seed=seed))
    options = Options(drivers=("scenarios",), depth="quick", seed=seed, report_dir=folder)
    return execute(target.config(), options, network=target)


def _again(result: Result) -> list[str]:
    return [note.text for note in result.history.notes if note.event == "again"]


def _shown(history: History) -> set[str]:
    """The cases of BR-IDS-05 that a history exercises."""
    return {o.facet for o in judge(history) if isinstance(o, Exercise) and o.requirement == "BR-IDS-05"}


def test_what_chance_left_undecided_is_decided(tmp_path: Path) -> None:
    result = _run(tmp_path)
    assert _again(result) == ["undecided after the planned scenarios: BR-IDS-05; done once more: content-2"]
    assert result.exit_status == 0
    assert any("content-2" in remark for remark in result.report.run.remarks)
    first = [e for e in result.history.exchanges if e.invoke.scenario != "content-2"]
    once = msgspec.structs.replace(result.history, exchanges=tuple(first))
    assert _shown(once) < _shown(result.history)


def test_what_a_target_never_shows_is_not_asked_for_again(tmp_path: Path) -> None:
    """Eight requirements need a message that is seen ``created``."""
    result = _run(tmp_path, "never-seen-created")
    assert _again(result) == []
    assert result.exit_status == 3
