"""Waits that can add nothing: when they end, what is said of it, and that nothing else ends early."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from conformance.catalogue import load
from conformance.cli.screen import Screen
from conformance.config import Config, Limits, Timing
from conformance.drivers import scenarios
from conformance.errors import ProvedError
from conformance.history.records import History
from conformance.judges import judge
from conformance.plan import make_plan
from conformance.program.interpreter import Interpreter
from conformance.program.pace import Pace
from conformance.program.patience import IN_VAIN, MOST_OVERDUE, Patience
from conformance.program.scheduler import Progress
from conformance.program.steps import Program, Retry, RowSpec, Send, Together, Wait
from conformance.reference.inside import InsideTarget
from conformance.reference.settings import Settings
from conformance.scenarios import accepting, blocking, probing, selecting
from conformance.session import Options, Result, execute
from conformance.so_far import SoFar, Watcher
from tests.puppet import CONFIG, Inventor, a_target

SETTLE = 100.0


def test_time_that_several_waits_are_overdue_in_counts_once() -> None:
    patience = Patience(SETTLE)
    for begin, end in ((0, 10), (5, 20), (30, 40), (19, 31), (50, 50)):
        patience.charge(begin, end)
    assert patience.spent == 40
    assert patience.left == MOST_OVERDUE * SETTLE - 40


def test_a_wait_ends_when_what_it_lacks_is_proved_missing_already() -> None:
    asked = []

    def proved() -> Mapping[str, tuple[int, ...]]:
        asked.append(1)
        return {"BR-SEL-01": (3, 9)}

    patience = Patience(SETTLE, proved=proved)
    assert patience.enough("taken", 50, 100) is None
    assert not asked, "nothing was waited for in vain, and nothing is judged"
    patience.waited_out("taken", "b1", 0, 100)
    enough = patience.enough("taken", 100, 1000)
    assert enough is not None
    assert "BR-SEL-01 is already proved, by exchanges 3, 9" in enough.text
    assert patience.enough("status", 100, 1000) is None
    assert len(asked) == 1, "it is judged once for each wait that ended in vain, at most"


def test_where_nothing_is_proved_some_batches_are_waited_for_and_no_more() -> None:
    patience = Patience(SETTLE)
    for batch in range(IN_VAIN):
        assert patience.enough("status", 100, 1000) is None
        patience.waited_out("status", f"b{batch}", 0, 100)
    assert patience.enough("status", 100, 1000) is not None
    assert patience.enough("status", 100, 110) is None, "it is nearly over"
    patience = Patience(SETTLE)
    for batch in range(IN_VAIN):
        patience.waited_out("outcome", f"b{batch}", 0, 100)
    assert patience.enough("outcome", 100, 1000) is None, "that nothing came of it is what such a wait shows"


def test_a_run_does_not_wait_without_end_whatever_it_waits_for() -> None:
    patience = Patience(SETTLE)
    for turn in range(3):
        assert patience.enough("outcome", 0, 1000) is None
        patience.charge(turn * 200, turn * 200 + 100)
    assert patience.enough("outcome", 0, 1000) is not None


def test_looks_that_find_nothing_new_have_a_budget() -> None:
    patience = Patience(SETTLE, max_polls=4)
    patience.polled(3)
    assert patience.no_more_polls() is None
    patience.polled(2)
    assert patience.no_more_polls() is not None


def _waited(patience: Patience, *steps: Any, status: str = "sending", slowest: float = 0.0) -> tuple[Any, list[Any]]:
    transport, _ = a_target(status)
    pace = Pace()
    if slowest:
        pace.learn("quiet", slowest, looks=2)
    interpreter = Interpreter(
        transport, CONFIG, rng=random.Random(1), invent=Inventor(), scenario="s", pace=pace, patience=patience
    )
    for pause in interpreter.run(Program(name="s", steps=steps)):
        transport.clock = max(transport.clock, pause.until)
    return transport, [data for event, data in transport.notes if event == "unmet"]


def test_what_is_not_waited_for_is_said_and_ends_the_program_where_it_is_essential() -> None:
    patience = Patience(CONFIG.timing.settle_timeout, proved=lambda: {"BR-LIV-01": (7,)})
    patience.waited_out("terminal", "another", 0, 0)
    steps = (Send(batch="b", rows=(RowSpec(),)), Wait(batch="b", until="quiet"), Retry(batch="b"))
    transport, unmet = _waited(patience, *steps, slowest=1.0)
    assert [data["code"] for data in unmet] == ["not-waited-for"]
    assert "BR-LIV-01 is already proved, by exchanges 7" in unmet[0]["text"]
    assert 2.0 <= transport.clock < 3.0, "as long as it usually takes, and as long again"
    assert "batch_retry" not in transport.operations()


def test_a_wait_that_is_not_overdue_goes_on_whatever_is_proved() -> None:
    patience = Patience(CONFIG.timing.settle_timeout, proved=lambda: {"BR-LIV-01": (7,)})
    patience.waited_out("terminal", "another", 0, 0)
    steps = (Send(batch="b", rows=(RowSpec(),)), Wait(batch="b", until="quiet"))
    transport, unmet = _waited(patience, *steps, slowest=8.0)
    assert [data["code"] for data in unmet] == ["waited-out"]
    assert transport.clock >= CONFIG.timing.settle_timeout


def test_waits_one_after_the_other_end_where_the_run_has_waited_long_enough() -> None:
    patience = Patience(CONFIG.timing.settle_timeout)
    wait = Wait(batch="b", until="quiet", essential=False)
    steps = [step for _ in range(6) for step in (Send(batch="b", rows=(RowSpec(),)), wait)]
    transport, _ = _waited(patience, *steps)
    # The batch has one id only, so that it counts as one.
    assert transport.clock <= (MOST_OVERDUE + 0.1) * CONFIG.timing.settle_timeout + 1
    assert [event for event, _ in transport.notes].count("not_waited") == 4


def _run(folder: Path, *faults: str, drivers: tuple[str, ...] = ("scenarios",), **options: Any) -> Result:
    target = InsideTarget(Settings(faults=faults, delivery=20.0, seed=1))
    config = msgspec.structs.replace(target.config(), timing=Timing(settle_timeout=600.0), limits=_limits())
    return execute(config, Options(drivers=drivers, seed=1, report_dir=folder, **options), network=target)


def _limits() -> Limits:
    return Limits(calls_per_second=50)


def _events(history: History, event: str) -> list[str]:
    return [note.text for note in history.notes if note.event == event]


def test_a_retry_that_attempts_nothing_costs_one_settle_time_and_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = ("BR-SEC-01", "BR-SEC-05", "BR-ACC-05", "BR-SEL-01")
    monkeypatch.setattr(scenarios, "SCENARIOS", (probing.KEYS, probing.BODY, probing.QUERY, selecting.LATER))
    result = _run(tmp_path, "attempts-nothing", selected=about)
    history = result.history
    assert history.footer is not None
    assert history.footer.complete
    assert history.footer.t < 600 + 300
    failed = {item.id for item in result.report.requirements if item.verdict == "fail"}
    assert failed & {"BR-ACC-05", "BR-SEL-01"}
    assert _events(history, "not_waited")
    open_ = [item for item in result.report.requirements if item.reason and item.reason.code == "not-waited-for"]
    assert open_
    assert all(item.verdict == "inconclusive" and "already proved" in item.reason.text for item in open_ if item.reason)


def test_messages_are_sent_again_in_the_end_where_something_was_waited_for_in_vain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenarios, "SCENARIOS", (selecting.MIXED, accepting.AFTER_ACCEPTED, selecting.LATER))
    result = _run(tmp_path, "retried-get-stuck", selected=("BR-LIV-01", "BR-SEL-01"))
    assert any(e.invoke.scenario == "later" and e.accepted for e in result.history.exchanges)
    assert [item.verdict for item in result.report.requirements if item.id == "BR-LIV-01"] == ["fail"]


def test_a_listing_that_never_catches_up_costs_one_settle_time_and_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenarios, "SCENARIOS", (selecting.RECOVERING,))
    result = _run(tmp_path, "listing-never-catches-up", selected=("BR-IDS-07",))
    footer = result.history.footer
    assert footer is not None
    assert footer.t < 600 + 150, (
        "the time of the views begins when they are seen apart, not when the listing is given up"
    )
    assert [item.verdict for item in result.report.requirements if item.id == "BR-IDS-07"] == ["fail"]


def test_stop_early_ends_with_the_first_must_that_is_proved_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenarios, "SCENARIOS", (probing.KEYS, probing.BODY, probing.FORCED, blocking.BLOCKED))
    result = _run(tmp_path, "answers200", stop_early=True)
    assert result.exit_status == 1
    assert result.report.run.stopped_by == "stopped_early"
    assert not result.report.run.complete
    assert "BR-ACC-04" in {item.id for item in result.report.requirements if item.verdict == "fail"}
    footer = result.history.footer
    assert footer is not None
    assert footer.calls < 150
    assert any("BR-ACC-04" in line for line in result.lines)


def _watcher(found: Iterator[SoFar], *, stop_early: bool = False) -> tuple[Watcher, list[int]]:
    counts = [0]
    return Watcher(lambda: next(found), lambda: counts[0], stop_early), counts


def test_what_is_on_record_is_judged_when_it_has_grown_and_there_is_time() -> None:
    red = SoFar(broken={"BR-ACC-04": (5,)}, causes=1, red=True)
    watcher, counts = _watcher(iter([SoFar(), red]))
    watcher.idle(60)
    assert watcher.so_far == SoFar()
    counts[0] = 100
    watcher.idle(0.1)
    watcher.idle(60)
    watcher.idle(60)
    assert watcher.so_far == SoFar(), "there was no time, then nothing new"
    counts[0] = 200
    watcher.idle(60)
    assert watcher.so_far is red, "and a failure does not end the run by itself"


def test_a_failure_ends_a_run_that_was_asked_to_stop_early() -> None:
    watcher, counts = _watcher(iter([SoFar(), SoFar(red=True, first="BR-ACC-04: it is answered 200")]), stop_early=True)
    counts[0] = 10
    watcher.ended()
    counts[0] = 20
    with pytest.raises(ProvedError, match="BR-ACC-04: it is answered 200"):
        watcher.ended()


def test_the_line_of_progress_says_what_is_done_and_until_when_it_is_waited(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = Progress(
        part="scenarios",
        what="rounds: 3 messages of b to be retried",
        at_most=480.0,
        since=120.0,
        ended=18,
        of=22,
        elapsed=605.0,
        calls=640,
        max_calls=2000,
        messages=180,
        max_messages=500,
        failures=2,
        causes=1,
    )
    screen = Screen()
    screen.progress(now, None)
    screen.progress(now, None)
    assert capsys.readouterr().err == (
        "10:05 | scenarios 18 of 22 done | 640 of 2000 calls, 180 of 500 messages | 1 cause so far: 2 requirements fail | "
        "waiting since 8:05 for rounds: 3 messages of b to be retried, until 18:05 at the latest\n"
    ), "one line, and the next one a while later"


def test_progress_is_told_while_a_run_waits(tmp_path: Path) -> None:
    told: list[Progress] = []
    target = InsideTarget(Settings(faults=("retried-get-stuck",), delivery=20.0, seed=1))
    config: Config = msgspec.structs.replace(target.config(), timing=Timing(settle_timeout=600.0))
    options = Options(
        drivers=("scenarios",), selected=("BR-SEL-06", "BR-SEC-07"), seed=1, report_dir=tmp_path, depth="quick"
    )
    execute(config, options, network=target, progress=told.append)
    gaps = [b.elapsed - a.elapsed for a, b in pairwise(told)]
    assert max(gaps) < 2.0
    assert {p.part for p in told} >= {"preflight", "scenarios", "judging"}
    assert all(p.at_most is not None and p.since >= 0 for p in told if "to be" in p.what)


def test_a_clean_run_waits_for_all_that_it_has_to(tmp_path: Path) -> None:
    result = _run(tmp_path, selected=("BR-IDS-07", "BR-SEL-06"))
    assert {item.verdict for item in result.report.chosen} == {"pass"}
    assert not _events(result.history, "not_waited")
    assert not _events(result.history, "waited_out")
    assert not [o for o in judge(result.history) if getattr(o, "any_of", ())]


def test_a_clean_run_sends_what_the_plan_says(tmp_path: Path) -> None:
    result = _run(tmp_path)
    target = InsideTarget(Settings(delivery=20.0, seed=1))
    plan = make_plan(target.config(), "standard", [r.id for r in load().requirements])
    exchanges = [e for e in result.history.exchanges if e.invoke.driver == "scenarios"]
    assert not [e for e in exchanges if e.invoke.scenario == "later"], "nothing is stuck"
    # The plan takes the dearest of a race to win it; a single retry that wins costs one message.
    won = sum(e.accepted for e in exchanges if e.invoke.race is not None and e.invoke.operation == "single_retry")
    sent = sum(e.invoke.charge for e in exchanges if e.accepted or e.open)
    assert plan.messages - 4 * won <= sent <= plan.messages


def test_the_wait_for_a_retry_of_which_nothing_is_expected_is_overdue_from_its_beginning() -> None:
    """Both of a race are answered 5xx: that their settling time passes is all that the wait is for."""
    patience = Patience(CONFIG.timing.settle_timeout)
    transport, _ = a_target()
    usual = transport.answers
    transport.answers = lambda request: (500, None) if request.operation == "batch_retry" else usual(request)
    pace = Pace()
    pace.learn("quiet", 4.0, looks=2)
    interpreter = Interpreter(transport, CONFIG, rng=random.Random(1), invent=Inventor(), pace=pace, patience=patience)
    steps = (
        Send(batch="b", rows=(RowSpec(),)),
        Wait(batch="b", until="quiet"),
        Together(steps=(Retry(batch="b"),) * 2),
    )
    spent = []
    for pause in interpreter.run(Program(name="s", steps=(*steps, Wait(batch="b", until="retried")))):
        if "batch_retry" in transport.operations():
            spent.append(patience.spent)
        transport.clock = max(transport.clock, pause.until)
    assert spent[0] > 0, "and not from twice the usual time on"
