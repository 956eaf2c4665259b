"""`run --replay DIR`: is each cause still there? "Fixed" is said only of what came about and passed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from conformance.cli import report_folder, status_of
from conformance.comparison import compare, compare_replay
from conformance.errors import UsageError
from conformance.history.records import Note
from conformance.program.steps import Program
from conformance.replaying import (
    Outcome,
    Question,
    Replayed,
    _beside,
    exit_status,
    outcome,
    question_of,
    read_replay,
    replay_file,
    replay_program,
    replay_report,
)
from conformance.report.model import Cause, Report
from conformance.session import Result
from tests.reported import accepted_although_created, answered_with_a_body, blocked_batch, innocent, reported, whole
from tests.story import Story


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

    found = list(replay_report(report, tmp_path, tmp_path / "replay", once))
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
    assert [one.exit_status for one in replay_report(report, tmp_path, tmp_path, lambda *_: stopped)] == [4]


def test_a_report_in_which_nothing_fails_has_nothing_to_replay(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no causes"):
        list(
            replay_report(reported(whole(innocent()), 3), tmp_path, tmp_path, lambda *_: pytest.fail("nothing is run"))
        )


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
    return list(replay_report(report, tmp_path, tmp_path / "replay", lambda *_: result)), [result]


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

    (one,) = replay_program(program, question_of(tmp_path / "alone.json", ()), tmp_path, once)
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

    (one,) = replay_report(report, tmp_path, tmp_path / "replay", once)
    assert carried == [["alone", "other"]] * 3
    assert one.exit_status == 1
