"""Scenarios are done once more for what is undecided by chance, and for nothing else."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from conformance.drivers import scenarios
from conformance.findings import Exercise
from conformance.history.records import History
from conformance.judges import judge
from conformance.reference.inside import InsideTarget
from conformance.reference.settings import Settings
from conformance.session import Options, Result, execute

#: With this seed the load balancer answers in place of pages that BR-IDS-05 needs. Where only that is asked for, nothing races, and
#: the same requests meet the same answers each time.
UNLUCKY, ABOUT = 5, ("BR-IDS-05",)


def _run(folder: Path, variant: str, seed: int = 1, selected: tuple[str, ...] = ()) -> Result:
    target = InsideTarget(Settings(variants=(variant,), seed=seed))
    options = Options(drivers=("scenarios",), depth="quick", seed=seed, report_dir=folder, selected=selected)
    return execute(target.config(), options, network=target)


def _again(result: Result) -> list[str]:
    return [note.text for note in result.history.notes if note.event == "again"]


def _shown(history: History) -> set[str]:
    """The cases of BR-IDS-05 that a history exercises."""
    return {o.facet for o in judge(history) if isinstance(o, Exercise) and o.requirement == "BR-IDS-05"}


def test_what_chance_left_undecided_is_decided(tmp_path: Path) -> None:
    result = _run(tmp_path, "gateway-noise", UNLUCKY, ABOUT)
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


def test_where_reads_lag_all_that_is_undecided_is_done_again_at_their_pace(tmp_path: Path) -> None:
    (text,) = _again(_run(tmp_path, "lagging-replicas"))[:1]
    assert "each read 0." in text
    assert len(text.split(": ")[1].split(", ")) > scenarios.FEW


def test_no_run_pauses_for_a_lag_longer_than_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenarios, "PAUSED", 0.0)
    assert not any("each read" in text for text in _again(_run(tmp_path, "lagging-replicas")))


def test_a_limit_that_only_doing_it_again_meets_ends_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenarios, "affordable", lambda programs, *_, **__: (dict(programs), ()))
    target = InsideTarget(Settings(variants=("lagging-replicas",), seed=1))
    config = target.config()
    config = msgspec.structs.replace(config, limits=msgspec.structs.replace(config.limits, max_messages=300))
    options = Options(drivers=("scenarios",), depth="quick", seed=1, report_dir=tmp_path)
    result = execute(config, options, network=target)
    cut, *_ = [n.text for n in result.history.notes if n.event == "cut"]
    assert cut.startswith("not done once more to the end: ")
    assert "of 300 messages are spent" in cut
    assert (result.exit_status, result.report.run.stopped_by) == (3, "")
