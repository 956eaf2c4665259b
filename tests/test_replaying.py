"""`run --replay DIR`: is each cause still there? "Fixed" is said only of what came about and passed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from conformance.cli import status_of
from conformance.cli.planned import plan_lines
from conformance.comparison import compare, compare_replay
from conformance.config import Config, Limits
from conformance.errors import UsageError
from conformance.history.records import Note
from conformance.plan import replay_plan
from conformance.program.steps import Program, Retry, RowSpec, Send, Wait
from conformance.reference.server import ReferenceServer
from conformance.replaying.budget import ReplayBudget
from conformance.replaying.file import read_replay, replay_file
from conformance.replaying.questions import (
    Asked,
    Outcome,
    Question,
    _beside,
    of_program,
    of_report,
    outcome,
    question_of,
)
from conformance.replaying.tries import Replayed, all_tries, exit_status, replay
from conformance.report.model import Cause, Report
from conformance.session import Result
from retry_conformance.older_reports import report_folder
from tests.reported import accepted_although_created, answered_with_a_body, blocked_batch, innocent, reported, whole
from tests.story import Story


def _budget(limits: Limits) -> ReplayBudget:
    return ReplayBudget(limits, lambda tries: replay_plan(Config(), tries))


def _plenty() -> ReplayBudget:
    return _budget(Limits(max_messages=10**6, max_calls=10**6, max_seconds=1e6))


def _cause() -> Cause:
    return reported(whole(accepted_although_created())).causes[0]


def _asked(cause: Cause | None = None) -> Question:
    cause = cause or _cause()
    return Question(about="cause 1", cause=cause, requirements=cause.requirements)


def _fixed() -> Story:
    story = blocked_batch()
    return story.blocked("b").look("b")


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (accepted_although_created, "seen"),
        (_fixed, "not seen"),
        (innocent, "did not come about"),
        (answered_with_a_body, "did not come about"),
    ],
)
def test_a_try_shows_the_cause_or_that_it_is_gone(made: Callable[[], Story], expected: Outcome) -> None:
    assert outcome(_asked(), reported(whole(made()))) == expected


def test_a_requirement_of_the_cause_that_fails_otherwise_is_not_fixed() -> None:
    other = msgspec.structs.replace(_cause(), findings=("000000000000",))
    assert outcome(_asked(other), reported(whole(accepted_although_created()))) == "seen"


@pytest.mark.parametrize(
    ("outcomes", "status", "said"),
    [
        (("seen", "seen", "not seen"), 1, "seen in 2 of 3 tries"),
        (
            ("not seen", "not seen", "did not come about"),
            0,
            "not seen in 2 of 3 tries; the target answered 400 each time",
        ),
        (("did not come about",) * 3, 3, "did not come about in any of 3 tries"),
        ((), 3, "no program to replay; reproduce-1.sh shows it"),
    ],
)
def test_the_line_and_the_exit_status_agree(outcomes: tuple[Outcome, ...], status: int, said: str) -> None:
    one = Replayed(question=_asked(), outcomes=outcomes, answers=("400",))
    assert one.exit_status == status
    assert said in one.line


def test_of_several_causes_one_that_is_seen_counts_first() -> None:
    asked = _asked()
    gone, seen, open_ = (
        Replayed(question=asked, outcomes=o) for o in (("not seen",), ("seen",), ("did not come about",))
    )
    assert exit_status([gone]) == 0
    assert exit_status([gone, open_]) == 3
    assert exit_status([gone, open_, seen]) == 1


def _with_program(tmp_path: Path) -> Report:
    history = whole(accepted_although_created().by("alone"))
    note = Note(t=0.0, event="program", scenario="alone", data={"program": {}})
    (tmp_path / "programs").mkdir()
    program = Program(name="alone", steps=())
    (tmp_path / "programs" / "alone.json").write_bytes(msgspec.json.encode(program))
    return reported(msgspec.structs.replace(history, notes=(note,)))


def test_each_try_has_a_folder_of_its_own(tmp_path: Path) -> None:
    report = _with_program(tmp_path)
    places: list[Path] = []
    fixed = whole(_fixed().by("alone"))

    def once(_: Sequence[Program], place: Path) -> Result:
        places.append(place)
        return Result(report=reported(fixed, 0), history=fixed, exit_status=0)

    found = list(replay(of_report(report, tmp_path), tmp_path / "replay", once, _plenty()))
    assert [one.exit_status for one in found] == [0]
    assert found[0].answers == ("400 unresolved_batch_messages",)
    assert len(set(places)) == 3
    assert all(place.parent == tmp_path / "replay" for place in places)


def test_what_one_situation_proved_is_asked_of_several_of_its_kind(tmp_path: Path) -> None:
    """The status after a blocked retry: two reads a second apart prove it, and where created is shorter, three refusals do."""
    story = Story()
    for batch, scenario in (("b", "blocked"), ("z", "blocked-again"), ("y", "methods")):
        story.send(batch, "FF").finish(batch).look(batch).single(f"{batch}.0").read(f"{batch}.0")
        if scenario == "methods":
            story.retry(batch, 400, "another_reason")
        else:
            story.blocked(batch)
        story.look(batch).by(scenario)
    history = whole(story)
    retries = {e.invoke.scenario: e.n for e in history.exchanges if e.invoke.operation == "batch_retry"}
    (tmp_path / "programs").mkdir()
    for name in ("blocked", "blocked-again", "methods"):
        (tmp_path / "programs" / f"{name}.json").write_bytes(b"{}")
    cited = (retries["blocked"],)
    assert _beside(history, cited, ("BR-BLK-02",), tmp_path, "programs/blocked.json") == (
        "programs/blocked-again.json",
    )
    assert _beside(history, cited, ("BR-BLK-01",), tmp_path, "programs/blocked.json") == ()


def test_a_run_that_broke_does_not_say_that_it_is_gone(tmp_path: Path) -> None:
    report = _with_program(tmp_path)
    fixed = whole(_fixed().by("alone"))
    stopped = Result(report=reported(fixed, 4), history=fixed, exit_status=4)
    assert [
        one.exit_status for one in replay(of_report(report, tmp_path), tmp_path, lambda *_: stopped, _plenty())
    ] == [4]


def test_a_report_in_which_nothing_fails_has_nothing_to_replay(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no causes"):
        of_report(reported(whole(innocent()), 3), tmp_path)


def test_the_report_that_is_replayed_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = msgspec.json.encode(reported(whole(innocent()), 3))
    (tmp_path / "conformance.json").write_bytes(content)
    arguments = [
        "run",
        "--target",
        "reference",
        "--replay",
        str(tmp_path),
        "--report-dir",
        str(tmp_path),
    ]
    assert report_folder(arguments) is None
    assert status_of(arguments) == 2
    assert "no causes" in capsys.readouterr().err
    assert (tmp_path / "conformance.json").read_bytes() == content
    assert status_of([*arguments, "--plan"]) == 2


def _tries(
    report: Report, tmp_path: Path, then: Callable[[], Story], status: int
) -> tuple[list[Replayed], list[Result]]:
    history = whole(then().by("alone"))
    result = Result(report=reported(history, status), history=history, exit_status=status)
    return list(replay(of_report(report, tmp_path), tmp_path / "replay", lambda *_: result, _plenty())), [result]


@pytest.mark.parametrize(
    ("then", "status", "said", "ends"),
    [
        (accepted_although_created, 1, "still there   cause 1", 0),
        (_fixed, 0, "fixed         cause 1", 0),
        (innocent, 0, "not settled   cause 1", 3),
    ],
)
def test_a_report_and_its_replay_are_compared(
    then: Callable[[], Story], status: int, said: str, ends: int, tmp_path: Path
) -> None:
    report = _with_program(tmp_path)
    (tmp_path / "conformance.json").write_bytes(msgspec.json.encode(report))
    found, results = _tries(report, tmp_path, then, status)
    (tmp_path / "replay").mkdir()
    (tmp_path / "replay" / "replay.json").write_bytes(msgspec.json.encode(replay_file(report, found, results)))
    comparison = compare_replay(report, read_replay(tmp_path / "replay" / "replay.json"))
    assert comparison.lines[0].startswith(said)
    assert comparison.exit_status == ends
    assert status_of(["compare", str(tmp_path), str(tmp_path / "replay")]) == ends
    other = msgspec.structs.replace(report, run=msgspec.structs.replace(report.run, id="another"))
    with pytest.raises(UsageError, match="not of another"):
        compare_replay(other, read_replay(tmp_path / "replay" / "replay.json"))


def test_what_only_the_replay_shows_is_new(tmp_path: Path) -> None:
    report = _with_program(tmp_path)
    found, results = _tries(report, tmp_path, answered_with_a_body, 1)
    comparison = compare_replay(report, replay_file(report, found, results))
    assert comparison.lines[0].startswith("new cause ")
    assert comparison.exit_status == 1


def test_of_two_reports_each_cause_is_fixed_or_still_there_or_new() -> None:
    old, some = reported(whole(accepted_although_created())), reported(whole(_fixed()), 3)
    passed = (msgspec.structs.replace(i, verdict="pass") if i.id == "BR-BLK-01" else i for i in some.requirements)
    fixed = msgspec.structs.replace(some, requirements=tuple(passed))
    assert any(line.startswith("not settled   cause 1") for line in compare(old, some).lines)
    other = reported(whole(answered_with_a_body()))
    assert any(line.startswith("still there   cause 1") for line in compare(old, old).lines)
    assert any(line.startswith("fixed         cause 1") for line in compare(old, fixed).lines)
    lines = compare(old, other).lines
    assert any(line.startswith("not settled   cause 1") for line in lines)
    assert any(line.startswith("new cause ") for line in lines)


def test_a_program_of_a_report_asks_for_its_cause_and_any_other_for_a_failure(tmp_path: Path) -> None:
    report = _with_program(tmp_path)
    (tmp_path / "conformance.json").write_bytes(msgspec.json.encode(report))
    (asked,) = question_of(tmp_path / "programs" / "alone.json", ())
    assert asked.cause is not None
    assert asked.requirements == ("BR-BLK-01",)
    (own,) = question_of(tmp_path / "programs" / "alone.json", ("BR-ACC-04",))
    assert (own.cause, own.requirements) == (None, ("BR-ACC-04",))
    (plain,) = question_of(tmp_path / "mine.json", ())
    assert (plain.cause, plain.requirements) == (None, ())
    assert outcome(plain, reported(whole(accepted_although_created()))) == "seen"
    assert outcome(plain, reported(whole(_fixed()), 0)) == "not seen"
    assert outcome(plain, reported(whole(_fixed()), 0), retried=False) == "did not come about"


def test_a_target_that_cannot_be_tested_is_tried_once(tmp_path: Path) -> None:
    history = whole(_fixed().by("alone"))
    stopped = Result(report=reported(history, 4), history=history, exit_status=4, lines=("the target is gone",))
    program = Program(name="alone", steps=())
    made: list[Path] = []

    def once(_: Sequence[Program], place: Path) -> Result:
        made.append(place)
        return stopped

    asked = of_program(program, question_of(tmp_path / "alone.json", ()), tmp_path)
    (one,) = replay([asked], tmp_path, once, _plenty())
    assert (len(made), one.exit_status) == (1, 4)
    assert "the target is gone" in one.line


@pytest.mark.parametrize("option", ["--baseline", "--waivers"])
def test_a_replay_takes_no_options_that_say_nothing_of_it(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = reported(whole(innocent()), 0)
    (tmp_path / "conformance.json").write_bytes(msgspec.json.encode(report))
    given = str(tmp_path / "conformance.json")
    assert status_of(["run", "--target", "reference", "--replay", str(tmp_path), option, given]) == 2
    assert f"{option}: cannot go with --replay" in capsys.readouterr().err


def test_programs_that_the_proof_cites_too_are_carried_out_with_it(tmp_path: Path) -> None:
    report = _with_program(tmp_path)
    history = whole(accepted_although_created().by("alone"))
    wanted = set(report.causes[0].evidence)
    moved = tuple(
        msgspec.structs.replace(e, invoke=msgspec.structs.replace(e.invoke, scenario="other"))
        if e.n == max(wanted)
        else e
        for e in history.exchanges
    )
    lines = [history.header, *(part for e in moved for part in (e.invoke, e.end))]
    (tmp_path / "history.jsonl").write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    other = Program(name="other", steps=())
    (tmp_path / "programs" / "other.json").write_bytes(msgspec.json.encode(other))
    carried: list[list[str]] = []

    def once(programs: Sequence[Program], _: Path) -> Result:
        carried.append([program.name for program in programs])
        return Result(report=report, history=history, exit_status=1)

    (one,) = replay(of_report(report, tmp_path), tmp_path / "replay", once, _plenty())
    assert carried == [["alone", "other"]] * 3
    assert one.exit_status == 1


def _asked_of(*names: str) -> list[Asked]:
    """Programs of which a try takes four messages."""
    steps = (Send(batch="b", rows=(RowSpec(), RowSpec())), Wait(batch="b", until="quiet"), Retry(batch="b"))
    return [Asked(questions=(Question(about=n),), programs=(Program(name=n, steps=steps),)) for n in names]


def _took(messages: int) -> Result:
    history = whole(accepted_although_created().by("one"))
    report = reported(history)
    run = msgspec.structs.replace(report.run, messages=messages, calls=3)
    return Result(report=msgspec.structs.replace(report, run=run), history=history, exit_status=1)


@pytest.mark.parametrize(
    ("limit", "took", "said"),
    [
        (12, 4, ["one: seen in 3 of 3 tries"]),
        (11, 4, ["one: seen in 2 of 2 tries; 1 more was not made: limits.max_messages"]),
        (7, 4, ["one: seen in 1 of 1 tries; 2 more were not made: limits.max_messages"]),
        # What a try took counts for the next.
        (12, 7, ["one: seen in 1 of 1 tries; 2 more were not made: limits.max_messages"]),
        # One of each comes before a second of any.
        (
            8,
            4,
            [
                "one: seen in 1 of 1 tries; 2 more were not made: limits.max_messages",
                "two: seen in 1 of 1 tries; 2 more were not made: limits.max_messages",
            ],
        ),
        (
            9,
            6,
            [
                "one: seen in 1 of 1 tries; 2 more were not made: limits.max_messages",
                "two: not tried: limits.max_messages leaves 3, and a try takes 4",
            ],
        ),
    ],
)
def test_all_tries_of_all_programs_share_the_limits(limit: int, took: int, said: list[str], tmp_path: Path) -> None:
    budget = _budget(Limits(max_messages=limit))
    found = list(replay(_asked_of("one", "two")[: len(said)], tmp_path, lambda *_: _took(took), budget))
    lines = [one.line.replace(": " + one.said, "") if one.said else one.line for one in found]
    assert lines == said
    assert [one.exit_status for one in found] == [4 if "not tried" in line else 1 for line in said]


@pytest.mark.parametrize(
    ("limits", "where"),
    [
        (Limits(max_messages=3), "limits.max_messages: is 3, but one try of one takes 4"),
        (Limits(max_calls=2), "limits.max_calls: is 2, but one try of one takes"),
        (Limits(max_seconds=0.1), "limits.max_seconds: is 0.1, but one try of one takes"),
    ],
)
def test_where_not_one_try_fits_nothing_is_sent(limits: Limits, where: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=re.escape(where)):
        list(replay(_asked_of("one"), tmp_path, lambda *_: pytest.fail("nothing is sent"), _budget(limits)))


def test_the_plan_of_a_replay_counts_all_tries_of_a_folder(tmp_path: Path) -> None:
    tries = all_tries(_asked_of("one", "two"))
    limits = Limits(max_messages=20)
    plan = replay_plan(Config(limits=limits), tries)
    assert (plan.tries, plan.messages) == (6, 24)
    told = "\n".join(plan_lines(plan, limits))
    assert "a replay of 6 tries costs" in told
    assert "limits.max_messages is 20, but replay takes 24: raise it, or tries are left out" in told


def test_a_replay_sends_no_more_than_the_configuration_allows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = _asked_of("mine")[0].programs
    (tmp_path / "mine.json").write_bytes(msgspec.json.encode(one))
    with ReferenceServer() as server:
        config = server.config()
        for name, value in (
            ("TARGET__BASE_URL", config.target.base_url),
            ("TARGET__CAMPAIGN_ID", config.target.campaign_id),
            ("TARGET__API_KEY", config.target.api_key or ""),
            ("TIMING__SETTLE_TIMEOUT", str(config.timing.settle_timeout)),
            ("LIMITS__CALLS_PER_SECOND", str(config.limits.calls_per_second)),
            ("LIMITS__MAX_MESSAGES", "10"),
        ):
            monkeypatch.setenv(f"CONFORMANCE_{name}", value)
        asks = ["run", "--replay", str(tmp_path / "mine.json")]
        assert status_of([*asks, "--plan"]) == 0
        takes = re.search(r"replay takes (\d+)", capsys.readouterr().out)
        assert takes is not None
        assert status_of(asks) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert "not seen in 1 of 1 tries" in said
        assert "2 more were not made: limits.max_messages" in said
        sent = re.search(r"1 try, (\d+) messages", said)
        assert sent is not None
        assert 3 * int(sent[1]) == int(takes[1])
        assert int(sent[1]) <= 10
        monkeypatch.setenv("CONFORMANCE_LIMITS__MAX_MESSAGES", "3")
        assert status_of(asks) == 2
        assert "limits.max_messages: is 3, but one try of mine takes" in capsys.readouterr().err
