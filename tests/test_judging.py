"""Judging a history that grows: nothing is judged twice, and what judges are not given cannot matter."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from conformance import judging
from conformance.catalogue import load
from conformance.history.records import STATE_NOTE, History, Note
from conformance.judges import judge
from conformance.judging import Judging
from tests.shelf import Shelf


def _history() -> History:
    return (
        Shelf()
        .send("b", "F")
        .send("ctl", "S")
        .finish("b")
        .finish("ctl")
        .look("b")
        .retry("b")
        .finish("b")
        .look("b")
        .history()
    )


def test_the_same_exchanges_are_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[History] = []

    def counted(history: History, *rest: Any) -> Any:
        judged.append(history)
        return judge(history, *rest)

    monkeypatch.setattr(judging, "judge", counted)
    whole, catalogue = _history(), load()
    shorter = msgspec.structs.replace(whole, exchanges=whole.exchanges[:-1], footer=None)
    ended = Note(t=99.0, event="finished")
    one = Judging(catalogue)
    for told in (shorter, shorter, whole, msgspec.structs.replace(whole, notes=(*whole.notes, ended), footer=None)):
        assert one.opinions(told) == judge(told, catalogue)
    assert [len(h.exchanges) for h in judged] == [len(shorter.exchanges), len(whole.exchanges)]


def test_a_provider_state_is_judged_anew() -> None:
    history, one = _history(), Judging(load())
    before = one.opinions(history)
    state = Note(t=0.0, event=STATE_NOTE, data={"state": "a batch", "action": "setup"})
    after = one.opinions(msgspec.structs.replace(history, notes=(*history.notes, state)))
    assert after != before, "an observation tells which states were set up"
