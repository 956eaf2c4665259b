"""`run --replay DIR`: is each cause still there? "Fixed" is said only of what came about and passed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from conformance.cli import report_folder, status_of
from conformance.errors import UsageError
from conformance.history.records import Note
from conformance.program.steps import Program
from conformance.replaying import Outcome, Replayed, exit_status, outcome, replay
from conformance.report.model import Cause, Report
from conformance.session import Result
from tests.reported import accepted_although_created, answered_with_a_body, blocked_batch, innocent, reported, whole
from tests.story import Story


def _cause() -> Cause:
    return reported(whole(accepted_although_created())).causes[0]


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
    assert outcome(_cause(), reported(whole(made()))) == expected


def test_a_requirement_of_the_cause_that_fails_otherwise_is_not_fixed() -> None:
    other = msgspec.structs.replace(_cause(), findings=("000000000000",))
    assert outcome(other, reported(whole(accepted_although_created()))) == "seen"


@pytest.mark.parametrize(
    ("outcomes", "status", "said"),
    [
        (("seen", "seen", "not seen"), 1, "seen in 2 of 3 tries"),
        (("not seen", "not seen", "did not come about"), 0, "not seen in 2 of 3 tries; the target answered 400"),
        (("did not come about",) * 3, 3, "did not come about in any of 3 tries"),
        ((), 3, "has no program to replay; reproduce-1.sh shows it"),
    ],
)
def test_the_line_and_the_exit_status_agree(outcomes: tuple[Outcome, ...], status: int, said: str) -> None:
    one = Replayed(cause=_cause(), outcomes=outcomes, answers=("400",))
    assert one.exit_status == status
    assert said in one.line


def test_of_several_causes_one_that_is_seen_counts_first() -> None:
    cause = _cause()
    gone, seen, open_ = (Replayed(cause=cause, outcomes=o) for o in (("not seen",), ("seen",), ("did not come about",)))
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

    def once(program: Program, place: Path) -> Result:
        places.append(place)
        return Result(report=reported(fixed, 0), history=fixed, exit_status=0)

    found = list(replay(report, tmp_path, tmp_path / "replay", once))
    assert [one.exit_status for one in found] == [0]
    assert found[0].answers == ("400 unresolved_batch_messages",)
    assert len(set(places)) == 3
    assert all(place.parent == tmp_path / "replay" for place in places)


def test_a_run_that_broke_does_not_say_that_it_is_gone(tmp_path: Path) -> None:
    report = _with_program(tmp_path)
    fixed = whole(_fixed().by("alone"))
    stopped = Result(report=reported(fixed, 4), history=fixed, exit_status=4)
    assert [one.exit_status for one in replay(report, tmp_path, tmp_path, lambda *_: stopped)] == [3]


def test_a_report_in_which_nothing_fails_has_nothing_to_replay(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no causes"):
        list(replay(reported(whole(innocent()), 3), tmp_path, tmp_path, lambda *_: pytest.fail("nothing is run")))


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
