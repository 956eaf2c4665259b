"""What a history cost and how it ended, from its records alone."""

from __future__ import annotations

import pytest

from conformance.history import totals
from conformance.history.records import End, Exchange, Footer, Header, History, Invoke, Note, Outcome


def _history(*ends: tuple[Outcome, int | None], notes: tuple[Note, ...] = (), footer: Footer | None = None) -> History:
    header = Header(
        suite_version="0",
        contract_version="1.0",
        run_id="r",
        started="2026-01-01T00:00:00+00:00",
        base_url="",
        campaign_id="c",
    )
    exchanges = tuple(
        Exchange(
            invoke=Invoke(n=n, t=n, operation="batch_retry", method="POST", path="/", batch="b", charge=2),
            end=End(n=n, outcome=outcome, last=float("inf") if outcome == "lost" else n + 0.5, status=status),
        )
        for n, (outcome, status) in enumerate(ends, 1)
    )
    return History(header=header, exchanges=exchanges, notes=notes, footer=footer)


@pytest.mark.parametrize(
    ("outcome", "status", "kept"),
    [
        ("answered", 201, 2),
        ("answered", 400, 0),
        ("answered", 408, 2),
        ("answered", 503, 2),
        ("lost", None, 2),
        ("not_sent", None, 0),
    ],
)
def test_what_of_a_charge_counts(outcome: Outcome, status: int | None, kept: int) -> None:
    assert totals.messages(_history((outcome, status))) == kept


def test_a_history_that_was_cut_off() -> None:
    cut = _history(("answered", 201), ("lost", None))
    assert totals.messages(cut) == 4
    assert totals.finished(cut) == "2026-01-01T00:00:02+00:00"
    assert "cut off" in totals.stopped(cut)


def test_a_history_that_was_closed() -> None:
    stopped = Note(t=3.0, event="stopped", text="the target has stopped working")
    closed = _history(("answered", 201), notes=(stopped,), footer=Footer(t=9.0, complete=False, calls=1, messages=7))
    assert (totals.messages(closed), totals.finished(closed)) == (7, "2026-01-01T00:00:09+00:00")
    assert totals.stopped(closed) == "the target has stopped working"
    whole = _history(footer=Footer(t=9.0, complete=True, calls=0, messages=0))
    assert (totals.stopped(whole), totals.left_out(whole)) == ("", "")


def test_what_exploring_left_out_is_said() -> None:
    note = Note(t=1.0, event="explored", data={"ran": 9, "of": 33})
    assert totals.left_out(_history(notes=(note,))) == "exploring ran 9 of 33 programs: the limits hold no more"
    every = Note(t=1.0, event="explored", data={"ran": 33, "of": 33})
    assert totals.left_out(_history(notes=(every,))) == ""
