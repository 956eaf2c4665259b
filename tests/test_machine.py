"""The driver `machine` and the state machine: what they find, leave alone, spend, and put on record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import httpx
import hypothesis
import msgspec
import pytest
from hypothesis import Phase
from hypothesis.stateful import run_state_machine_as_test

from conformance.config import Limits
from conformance.drivers import DRIVERS, drive_all
from conformance.drivers.scenarios import run_programs
from conformance.exploring import corpus, running
from conformance.exploring.engine import WATCHED, Engine
from conformance.exploring.machine import RetryMachine
from conformance.exploring.programs import generate, key_of, settings_for, size_of
from conformance.exploring.scope import PART, SCOPES, loopback, scope_of
from conformance.history import totals
from conformance.history.records import History
from conformance.program.scheduler import Progress
from conformance.program.steps import Program, Retry, RowSpec, Send, Wait
from conformance.reference.behaviour import Answer, Behaviour
from conformance.reference.faults import FAULTS
from conformance.reference.inside import InsideTarget
from conformance.reference.server import ReferenceServer
from conformance.reference.settings import Settings
from conformance.reference.world import Batch
from conformance.session import Ending, Options, conclude, execute, read_program
from tests.exploring import CATALOGUE, SMALL, Exploring, exploring

ONLY_PROGRAMS = [name for name, fault in FAULTS.items() if fault.drivers == ("machine",)]


class Mute(InsideTarget):
    """A target that finds nothing."""

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.sleep(0.01)
        return httpx.Response(404, json={})


class EveryOther(Behaviour):
    """Every other accepted retry is answered with a body."""

    accepted_so_far = 0

    def accepted(self, batch: Batch) -> Answer:
        self.accepted_so_far += 1
        return Answer(201, {} if self.accepted_so_far % 2 == 0 else None)


def programs_of(history: History, prefix: str) -> list[str]:
    return [
        key_of(msgspec.convert(note.data["program"], Program))
        for note in history.notes
        if note.event == "program" and note.scenario.startswith(prefix)
    ]


def searched(at: Exploring, *, known: tuple[Program, ...] | None = ()) -> Engine:
    engine = Engine(at.run, SMALL, races=False, known=known)
    engine.pursue(engine.explore())
    return engine


def test_nothing_that_is_drawn_depends_on_an_answer(tmp_path: Path) -> None:
    drawn = []
    for name, target in (("clean", InsideTarget(Settings(speed=4))), ("mute", Mute(Settings(speed=4)))):
        with exploring(tmp_path / name, target=target) as at:
            Engine(at.run, SMALL, known=()).explore()
        drawn.append(programs_of(at.history(), "machine-0"))
    assert drawn[0] == drawn[1] == [key_of(p) for p in generate(at.config, seed=7, count=SMALL.programs, races=True)]


def test_a_clean_target_is_not_accused(tmp_path: Path) -> None:
    with exploring(tmp_path) as at:
        drive_all(replace(at.run, depth="quick"), ("machine",))
    assert at.broken() == set()
    assert not (tmp_path / "corpus").exists()
    assert not [note for note in at.history().notes if note.event in ("found", "unmet", "cut")]


def test_a_finding_is_shrunk_run_again_kept_and_found_again(tmp_path: Path) -> None:
    with exploring(tmp_path, "only-the-first-failed", seed=4) as at:
        engine = searched(at)
    assert "BR-SEL-01" in at.broken()
    kept = [path for path in (tmp_path / "corpus").iterdir() if "left out" in _said(at, path.stem)]
    program = read_program(kept[0])
    assert size_of(program)[:2] == (5, 2)
    assert engine.shrinks > 0
    notes = [note for note in at.history().notes if note.event == "found" and note.scenario == kept[0].stem]
    assert {(note.data["shown"], note.data["of"]) for note in notes} == {(SMALL.again, SMALL.again)}
    result = conclude(tmp_path / "history.jsonl", CATALOGUE, Options(), Ending(), folder=tmp_path)
    finding = result.report["BR-SEL-01"].findings
    assert any(f.program == f"programs/{program.name}.json" for f in finding)
    assert all(f.reproduced == "4 of 4" for f in finding)
    on_the_way = [f for f in finding if f.scenario.startswith("machine-shrink-")]
    assert on_the_way
    assert {f.program for f in on_the_way if program.name == f"found-{f.fingerprint}"} == {
        f"programs/{program.name}.json"
    }
    told = {f.program for item in result.report.requirements for f in item.findings}
    written = {f"programs/{path.name}" for path in (tmp_path / "programs").iterdir()}
    assert f"programs/{program.name}.json" in written
    assert all(name in told or name.startswith("programs/found-") for name in written)
    assert not [name for name in written if "shrink" in name or name.endswith("-2.json")]
    assert told - {""} <= written
    with exploring(tmp_path / "again", "only-the-first-failed") as again:
        run_programs(again.run, {program.name: (read_program(tmp_path / "programs" / f"{program.name}.json"), ())})
    assert "BR-SEL-01" in again.broken()
    # What was left alone is read once more behind the last retry, so that all of them were watched.
    done = at.history().exchanges
    last = max(e.n for e in done if e.invoke.operation == "batch_retry")
    assert next(e.invoke.operation for e in done if e.n > last and e.invoke.scenario == WATCHED) == "batch_list"


def _said(at: Exploring, scenario: str) -> str:
    return " ".join(str(n.data) for n in at.history().notes if n.event == "found" and n.scenario == scenario)


def test_a_finding_that_comes_and_goes_is_told_with_its_rate(tmp_path: Path) -> None:
    target = InsideTarget(Settings(speed=4))
    target.service.behaviour = EveryOther(target.settings, target.service.world)
    with exploring(tmp_path, target=target) as at:
        searched(at)
    result = conclude(tmp_path / "history.jsonl", CATALOGUE, Options(), Ending(), folder=tmp_path)
    item = result.report["BR-ACC-04"]
    assert item.verdict == "fail"
    assert {f.reproduced for f in item.findings} == {"2 of 4"}
    observed = [o.value for o in result.report.observations if o.key.startswith("reproduced-by-found-")]
    assert {"shown": 2, "of": 4}.items() <= observed[0].items()


@pytest.mark.parametrize("name", ONLY_PROGRAMS)
def test_the_corpus_finds_what_no_scenario_does(name: str, tmp_path: Path) -> None:
    with exploring(tmp_path, name) as at:
        programs = corpus.fitting(corpus.shipped(), at.config)
        run_programs(at.run, {program.name: (program, ()) for program in programs})
    assert at.broken() & set(FAULTS[name].breaks)


def test_there_are_faults_for_this_driver_alone() -> None:
    assert len(ONLY_PROGRAMS) >= 6
    assert "machine" in DRIVERS


def test_what_was_found_before_is_run_first(tmp_path: Path) -> None:
    before = Program(name="of-yore", steps=(Send(batch="b1", rows=(RowSpec(),)), Retry(batch="b1")))
    with exploring(tmp_path) as at:
        corpus.keep(tmp_path, before)
        (tmp_path / "corpus" / "junk.json").write_text("{", encoding="utf-8")
        engine = Engine(at.run, replace(SMALL, programs=1))
        engine.explore()
    sent = list(dict.fromkeys(e.invoke.scenario for e in at.history().exchanges))
    assert sent[:2] == ["machine-control", "corpus-of-yore"]
    assert len([name for name in sent if name.startswith("corpus-")]) == 1 + len(corpus.shipped())
    assert any("1 files of the corpus" in note.text for note in at.history().notes)


def test_programs_that_do_not_fit_the_configuration_are_left_out() -> None:
    config = msgspec.structs.replace(InsideTarget().config(), limits=Limits(max_rows=2))
    absent = msgspec.structs.replace(config.capabilities, absent=("recovering",))
    names = {p.name for p in corpus.fitting(corpus.shipped(), msgspec.structs.replace(config, capabilities=absent))}
    assert "too-early" in names
    assert not names & {"eleven-rows", "recovered"}


def test_a_program_that_is_known_twice_is_run_once() -> None:
    twice = [Program(name=name, steps=(Retry(batch="nobody's", cause="id:unknown"),)) for name in ("a", "b")]
    assert len(corpus.fitting(twice, InsideTarget().config())) == 1


@pytest.mark.parametrize(
    "limits",
    [
        Limits(max_messages=60, calls_per_second=1e6),
        Limits(max_calls=150, calls_per_second=1e6),
        Limits(max_seconds=4, calls_per_second=1e6),
    ],
    ids=["messages", "calls", "seconds"],
)
def test_no_more_than_the_share_is_spent_and_no_budget_is_exceeded(limits: Limits, tmp_path: Path) -> None:
    with exploring(tmp_path, limits=limits) as at:
        searched(at)
    budget = at.run.transport.budget
    assert 0 < budget.calls <= PART * limits.max_calls
    assert budget.messages <= PART * limits.max_messages
    assert at.history().exchanges[-1].t <= PART * limits.max_seconds
    assert not [note for note in at.history().notes if note.event == "refused"]
    assert at.broken() == set()


@pytest.mark.parametrize("calls", [160, 240, 330])
def test_a_control_is_read_behind_the_last_retry_also_where_the_budget_cuts_the_search(
    calls: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whatever was forecast, it takes more.
    monkeypatch.setattr(running.Runner, "affordable", lambda self, programs, share=None: dict(programs))
    limits = Limits(max_calls=calls, max_messages=100_000, max_seconds=1e6, calls_per_second=1e6)
    with exploring(tmp_path, limits=limits) as at:
        Engine(at.run, replace(SCOPES["standard"], calls=10_000, messages=100_000), known=()).explore()
    done = at.history().exchanges
    assert at.calls <= PART * calls
    retries = [e.n for e in done if e.invoke.operation in ("batch_retry", "single_retry")]
    watched = [e for e in done if e.invoke.scenario == WATCHED]
    assert retries
    assert [note for note in at.history().notes if note.event == "cut"]
    behind = [e.invoke.operation for e in watched if e.n > max(retries)]
    assert sorted(behind[-4:]) == ["batch_list", "message_read", "message_read", "message_read"]
    # Nothing of it was ever retried.
    named = {e.invoke.message or e.invoke.batch for e in done if e.n in retries}
    assert not named & {e.invoke.message or e.invoke.batch for e in watched}


def test_what_the_scenarios_left_alone_is_read_once_more_behind_the_search(tmp_path: Path) -> None:
    with exploring(tmp_path, "answers-a-body") as at:
        drive_all(replace(at.run, depth="quick", requirements=["BR-SEL-07", "BR-ACC-04"]), ("scenarios", "machine"))
    done = at.history().exchanges
    last = max((e for e in done if e.invoke.operation in ("batch_retry", "single_retry")), key=lambda e: e.n)
    assert last.invoke.scenario.startswith("found-")
    behind = [e.invoke.operation for e in done if e.n > last.n and e.invoke.scenario == "control"]
    assert sorted(behind) == ["batch_list", "message_read", "message_read", "message_read"]


def test_where_the_record_proves_nothing_no_program_is_judged_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judged(*_: object) -> NoReturn:
        raise AssertionError

    monkeypatch.setattr(running, "findings_in", judged)
    with exploring(tmp_path / "clean") as at:
        drive_all(replace(at.run, depth="quick"), ("machine",))
        assert [note for note in at.history().notes if note.event == "explored" and note.data.get("ran")]
    with exploring(tmp_path / "faulty", "answers-a-body") as at, pytest.raises(AssertionError):
        drive_all(replace(at.run, depth="quick"), ("machine",))


def test_programs_that_were_drawn_run_side_by_side_with_planned_ones(tmp_path: Path) -> None:
    with exploring(tmp_path) as at:
        drive_all(replace(at.run, depth="quick"), DRIVERS)
    first: dict[str, float] = {}
    for exchange in at.history().exchanges:
        first.setdefault(exchange.invoke.driver, exchange.t)
    ended = max(e.t for e in at.history().exchanges if e.invoke.driver == "scenarios")
    assert first["machine"] < ended
    assert first["schemathesis"] < ended
    assert at.broken() == set()


def test_with_nothing_left_nothing_is_sent(tmp_path: Path) -> None:
    with exploring(tmp_path, limits=Limits(max_messages=2)) as at:
        drive_all(at.run, ("machine",))
    assert at.calls == 0


def test_an_interrupted_search_leaves_a_history_that_is_judged(tmp_path: Path) -> None:
    def interrupt(now: Progress) -> None:
        if now.at_most is not None:
            raise KeyboardInterrupt

    with ReferenceServer(Settings(speed=4, faults=("answers200",))) as server:
        options = Options(drivers=("machine",), depth="quick", seed=1, report_dir=tmp_path)
        result = execute(server.config(), options, progress=interrupt)
    assert result.exit_status == 130
    assert result.history.footer is not None
    assert not result.history.footer.complete
    assert any(e.invoke.driver == "machine" for e in result.history.exchanges)


def test_only_a_target_on_this_machine_is_shrunk_at() -> None:
    assert all(loopback(f"http://{host}:80/api") for host in ("127.0.0.1", "[::1]", "localhost"))
    assert not loopback("https://test.postman.gov.sg/api/v2")


def test_depth_scales_how_far_it_goes() -> None:
    assert [SCOPES[depth].programs for depth in ("quick", "standard", "deep")] == [8, 25, 150]


def test_a_run_explores_little_where_messages_cost_money() -> None:
    here = InsideTarget().config()
    elsewhere = msgspec.structs.replace(
        here, target=msgspec.structs.replace(here.target, base_url="https://t.test/api")
    )
    assert scope_of("quick", here) is SCOPES["quick"]
    assert all(scope_of(depth, elsewhere).messages < SCOPES[depth].messages / 4 for depth in ("quick", "standard"))
    assert scope_of("deep", elsewhere) is SCOPES["deep"]


def test_exploring_says_which_limit_cut_it_and_how_to_raise_it(tmp_path: Path) -> None:
    with exploring(tmp_path, limits=Limits(calls_per_second=1e6, max_calls=10_000, max_messages=60, max_rows=20)) as at:
        Engine(at.run, SMALL, known=()).explore()
    history = at.history()
    said = totals.left_out(history)
    assert "a third of what is left of limits.max_messages (60): 20 messages, and all of them may take" in said
    raised = int(said.split("a limits.max_messages of ")[1].split()[0])
    with exploring(
        tmp_path / "raised", limits=Limits(calls_per_second=1e6, max_calls=10_000, max_messages=raised)
    ) as at:
        Engine(at.run, SMALL, known=()).explore()
    assert totals.left_out(at.history()) == ""


def test_the_state_machine_finds_a_planted_fault(tmp_path: Path) -> None:
    with exploring(tmp_path, "answers-a-body") as at, pytest.raises(AssertionError, match="BR-ACC-04"):
        _state_machine(at, Phase.generate, Phase.shrink, machines=60)
    assert "BR-ACC-04" in at.broken()
    last = programs_of(at.history(), "rules-")[-1]
    assert '"do":"retry"' in last


def test_the_state_machine_leaves_a_clean_target_alone(tmp_path: Path) -> None:
    with exploring(tmp_path) as at:
        _state_machine(at, Phase.generate)
    assert at.broken() == set()
    assert at.calls > 50


def test_the_state_machine_stops_where_the_budget_does(tmp_path: Path) -> None:
    with exploring(tmp_path, limits=Limits(max_calls=30, calls_per_second=1e6)) as at:
        _state_machine(at, Phase.generate)
    assert at.calls == 30


def test_the_settings_of_the_state_machine_keep_what_hypothesis_gives_it() -> None:
    settings = RetryMachine.TestCase.settings
    assert settings.deadline is None
    assert settings.suppress_health_check
    assert settings.database is None


def _state_machine(at: Exploring, *phases: Phase, machines: int = 6) -> None:
    class Bound(RetryMachine):
        opened = staticmethod(lambda: at.run)

    run_state_machine_as_test(hypothesis.seed(1)(Bound), settings=settings_for(machines, *phases, steps=8))


def test_waits_for_what_has_left_created_and_for_all_that_ever_end(tmp_path: Path) -> None:
    rows = (RowSpec(), RowSpec(role="pending"))
    steps = (Send(batch="b", rows=rows), Wait(batch="b", until="moved"), Wait(batch="b", until="ended"))
    with exploring(tmp_path) as at:
        run_programs(at.run, {"x": (Program(name="x", steps=steps), ())})
    listings = [e.end.body["data"] for e in at.history().exchanges if e.invoke.operation == "batch_list"]
    statuses = [{message["latestStatus"] for message in page} for page in listings]
    moved = next(i for i, seen in enumerate(statuses) if "created" not in seen)
    assert statuses[-1] == {"failure", "sent"}
    assert all("created" in seen for seen in statuses[:moved])
    assert not [note for note in at.history().notes if note.event in ("unmet", "waited_out")]
