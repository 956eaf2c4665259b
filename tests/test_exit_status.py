"""Exit statuses, waivers, baselines and comparisons: what a gate sees."""

from __future__ import annotations

import datetime
import itertools
from pathlib import Path

import msgspec
import pytest

from conformance.baseline import read_baseline, remarks
from conformance.catalogue import load
from conformance.comparison import compare
from conformance.errors import FormatError, UsageError
from conformance.exit_status import PRECEDENCE, meaning, nothing_applies, of_verdicts, worst
from conformance.report.model import Report, ReportedFinding, ReportedRequirement, Waived
from conformance.report.write import FILES
from conformance.session import Options, conclude
from conformance.verdicts import Reason, VerdictName
from conformance.waivers import Waiver, idle, in_force, read_waivers, stale
from tests.conftest import Ran
from tests.greens import green, report

PROFILES = ("core", "guide", "hardening")
TODAY = datetime.date(2026, 11, 24)


def _finding(fingerprint: str = "f1") -> ReportedFinding:
    return ReportedFinding(
        summary="s", argument=(), expected=(), observed="o", any_of=("BR-ACC-04",), axioms=(), slack="",
        counterfactual="", fingerprint=fingerprint, evidence=(), scenario="", program="", curl=(),
    )  # fmt: skip


def _item(
    verdict: str, *, level: str = "MUST", profile: str = "core", code: str = "", **about: object
) -> ReportedRequirement:
    return msgspec.convert(
        {
            "id": "BR-ACC-04", "level": level, "profile": profile, "title": "t", "verdict": verdict, "exercised": 0,
            "reason": {"code": code, "text": ""} if code else None, "evidence": (),
            "findings": (_finding(),) if verdict == "fail" else (), **about,
        },
        ReportedRequirement,
        from_attributes=True,
    )  # fmt: skip


_WAIVED = Waived(covers="fail", reason="r", link="l", expires="2027-01-01")


@pytest.mark.parametrize(
    ("item", "status"),
    [
        (_item("pass"), 0),
        (_item("not_applicable"), 0),
        (_item("fail"), 1),
        (_item("inconclusive", code="not-exercised"), 3),
        (_item("not_run", code="not-configured"), 3),
        (_item("not_run", code="declared-absent"), 0),
        (_item("not_run", code="no-driver-selected"), 3),
        (_item("error", code="suite-error"), 5),
        (_item("fail", level="SHOULD"), 0),
        (_item("error", level="SHOULD", code="suite-error"), 0),
    ],
)
def test_one_requirement(item: ReportedRequirement, status: int) -> None:
    assert of_verdicts([item], PROFILES) == status
    assert of_verdicts([_item("pass"), item, _item("pass")], PROFILES) == status


def test_the_worst_counts() -> None:
    items = [_item("inconclusive", code="x"), _item("fail"), _item("pass")]
    assert of_verdicts(items, PROFILES) == 1
    assert of_verdicts([*items, _item("error", code="suite-error")], PROFILES) == 5
    assert worst({0, 3, 4, 1, 5, 2}) == 2
    assert [worst({a, b}) for a, b in itertools.pairwise(PRECEDENCE)] == list(PRECEDENCE[:-1])


def test_profiles_that_were_not_chosen_do_not_count() -> None:
    assert of_verdicts([_item("fail", profile="hardening")], ("core",)) == 0


def test_fail_on_fail_lets_the_unsettled_pass() -> None:
    items = [_item("inconclusive", code="x"), _item("not_run", code="not-configured")]
    assert of_verdicts(items, PROFILES, fail_on="fail") == 0
    assert of_verdicts([*items, _item("fail")], PROFILES, fail_on="fail") == 1


def test_a_baseline_excuses_what_it_knows_and_nothing_else() -> None:
    assert of_verdicts([_item("fail")], PROFILES, known={"f1"}) == 0
    assert of_verdicts([_item("fail", findings=(_finding("f1"), _finding("f2")))], PROFILES, known={"f1"}) == 1


@pytest.mark.parametrize(
    ("verdict", "status"), [("fail", 0), ("inconclusive", 0), ("not_run", 0), ("pass", 0), ("error", 5)]
)
def test_what_the_baseline_does_not_list_does_not_count(verdict: str, status: int) -> None:
    code = "" if verdict in ("pass", "fail") else "not-exercised"
    assert of_verdicts([_item(verdict, code=code, not_in_baseline=True), _item("pass")], PROFILES) == status
    assert of_verdicts([_item(verdict, code=code, not_in_baseline=True), _item("fail")], PROFILES) in (1, 5)


@pytest.mark.parametrize("covers", ["fail", "inconclusive", "not_run"])
@pytest.mark.parametrize("verdict", ["fail", "inconclusive", "not_run"])
def test_a_waiver_covers_what_it_says(covers: str, verdict: str) -> None:
    waived = Waived(covers=covers, reason="r", link="l", expires="2027-01-01")
    item = _item(verdict, code="" if verdict == "fail" else "not-configured", waived=waived)
    assert (of_verdicts([item], PROFILES) == 0) == (covers == verdict)


def _waivers(folder: Path, expires: str = "2026-12-31", requirement: str = "BR-ACC-04", covers: str = "fail") -> Path:
    path = folder / "waivers.toml"
    path.write_text(
        f'[[waiver]]\nrequirement = "{requirement}"\ncovers = "{covers}"\nreason = "known"\nlink = "http://x"\n'
        f"expires = {expires}\n"
    )
    return path


def test_waivers_in_force(tmp_path: Path) -> None:
    waivers = read_waivers(_waivers(tmp_path))
    assert set(in_force(waivers, TODAY, [_item("fail")])) == {"BR-ACC-04"}
    assert stale(waivers, [_item("fail")], load(), TODAY) == []


@pytest.mark.parametrize(
    ("expires", "requirement", "verdict", "said"),
    [
        ("2026-11-23", "BR-ACC-04", "fail", "expired"),
        ("2026-12-31", "BR-XXX-04", "fail", "names no requirement"),
        ("2026-12-31", "BR-ACC-04", "pass", "remove it"),
    ],
)
def test_stale_waivers_are_named(tmp_path: Path, expires: str, requirement: str, verdict: str, said: str) -> None:
    waivers = read_waivers(_waivers(tmp_path, expires, requirement))
    lines = stale(waivers, [_item(verdict)], load(), TODAY)
    assert len(lines) == 1
    assert said in lines[0]
    assert of_verdicts([_item("pass")], PROFILES, stale=bool(lines)) == 1


@pytest.mark.parametrize(
    "text", ["[[waiver]]", "waiver = 1", "[[waiver]]\nunknown = 1", "{{{", "[[waiver]]\nexpires = 'x'"]
)
def test_waivers_that_are_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "w.toml"
    path.write_text(text)
    with pytest.raises(FormatError, match="waiver"):
        read_waivers(path)


def _reports(old: str, new: str, base: Report) -> tuple[Report, Report]:
    one, two = (
        _item(old, code="" if old in ("pass", "fail") else "x"),
        _item(new, code="" if new in ("pass", "fail") else "x"),
    )
    return msgspec.structs.replace(base, requirements=(one,)), msgspec.structs.replace(base, requirements=(two,))


@pytest.mark.parametrize(
    ("old", "new", "status", "word"),
    [
        ("pass", "pass", 0, "nothing changed"),
        ("pass", "fail", 1, "new failure"),
        ("fail", "fail", 0, "as before"),
        ("fail", "pass", 0, "fixed"),
        ("pass", "inconclusive", 3, "not settled"),
        ("pass", "not_run", 3, "not settled"),
        ("fail", "inconclusive", 3, "not settled"),
        ("inconclusive", "pass", 0, "changed"),
    ],
)
def test_comparing(old: str, new: str, status: int, word: str, clean_run: Ran) -> None:
    base = msgspec.json.decode((clean_run.folder / "conformance.json").read_bytes(), type=Report)
    comparison = compare(*_reports(old, new, base))
    assert comparison.exit_status == status
    assert word in "\n".join(comparison.lines)


@pytest.mark.parametrize("verdict", ["fail", "inconclusive", "pass"])
def test_comparing_with_an_older_contract_reports_what_is_new_and_counts_nothing_of_it(
    verdict: str, clean_run: Ran
) -> None:
    base = msgspec.json.decode((clean_run.folder / "conformance.json").read_bytes(), type=Report)
    same = _item("pass")
    new = _item(verdict, code="x" if verdict == "inconclusive" else "", id="BR-SGL-01")
    before = msgspec.structs.replace(base, requirements=(same,))
    after = msgspec.structs.replace(base, requirements=(same, new))
    comparison = compare(before, after)
    assert (comparison.exit_status, comparison.lines) == (
        0,
        (f"not in OLD    BR-SGL-01 t: {verdict} now; it does not count",),
    )
    back = compare(after, before)
    assert (back.exit_status, back.lines) == (0, (f"not in NEW    BR-SGL-01 t: {verdict} before",))


def test_comparing_says_that_two_reports_are_not_of_one_target_or_in_the_wrong_order(clean_run: Ran) -> None:
    base = msgspec.json.decode((clean_run.folder / "conformance.json").read_bytes(), type=Report)
    run = msgspec.structs.replace(base.run, started="2020-01-01T00:00:00+00:00")
    target = msgspec.structs.replace(base.target, campaign_id="campaign_Z")
    older = msgspec.structs.replace(base, run=run)
    assert compare(older, base).remarks == ()
    assert [line.partition(" (")[0] for line in compare(base, older).remarks] == ["NEW began before OLD"]
    other = msgspec.structs.replace(base, target=target)
    assert [line.partition(" (")[0] for line in compare(base, other).remarks] == ["NEW is of another campaign"]


def test_a_selection_that_passes_ends_with_0() -> None:
    assert of_verdicts([_item("pass"), _item("not_run", code="not-selected")], PROFILES) == 0


def test_comparing_runs_that_settled_nothing_is_not_nothing_changed() -> None:
    gone = report(
        dict.fromkeys([r.id for r in load().requirements], "inconclusive"),
        exit_status=4,
        verdict="inconclusive",
        complete=False,
        stopped_by="unreachable",
    )
    found = compare(gone, gone)
    assert found.exit_status == 3
    assert found.lines[0].startswith(
        "not compared  the new report is of a run that ended with 4: the target cannot be reached"
    )
    assert compare(report(), gone).exit_status == 3
    assert compare(gone, report()).exit_status == 0


def test_comparing_names_a_defect_once(clean_run: Ran) -> None:
    base = msgspec.json.decode((clean_run.folder / "conformance.json").read_bytes(), type=Report)
    many = _item("fail", findings=(_finding("f1"), _finding("f1"), _finding("f2"), _finding("f1")))
    old, new = (msgspec.structs.replace(base, requirements=(item,)) for item in (_item("pass"), many))
    told = compare(old, new).lines
    assert told == (
        "new failure   BR-ACC-04 t: s (3 times), fingerprint f1",
        "new failure   BR-ACC-04 t: s, fingerprint f2",
    )
    assert sum("fixed" in line for line in compare(new, old).lines) == 2
    assert compare(new, new).lines[-1] == "2 findings as before"


def test_a_history_that_is_cut_off_is_no_green_report(clean_run: Ran, tmp_path: Path) -> None:
    """Judged again it would be, for what was seen until then passed: a baseline, and a badge, for a run that was killed."""
    lines = (clean_run.folder / "history.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "history.jsonl").write_bytes(b"".join(lines[:-1]))
    result = conclude(tmp_path / "history.jsonl", load(), Options(), folder=tmp_path)
    assert (result.exit_status, result.report.verdict) == (3, "inconclusive")
    assert "the run ended before" in meaning(result.report, 3)
    assert [name for name in FILES if (tmp_path / name).exists() and green(tmp_path / name)] == []
    with pytest.raises(UsageError, match="exit status 3"):
        read_baseline(tmp_path / "conformance.json")


def test_what_did_not_start_does_not_say_that_something_fails() -> None:
    """Status 1 of a session in which another test failed first, or of a waiver that names no requirement."""
    unrun = report(
        dict.fromkeys([r.id for r in load().requirements], "not_run"), exit_status=1, stopped_by="not_started"
    )
    assert meaning(unrun, 1) == "the run did not start"


def test_nothing_but_what_is_declared_absent_is_no_pass() -> None:
    absent = _item("not_run", code="declared-absent")
    assert nothing_applies([absent, _item("not_applicable")])
    assert not nothing_applies([absent, _item("pass")])
    assert not nothing_applies([absent, _item("not_run", code="not-configured")])


def test_nothing_but_what_does_not_apply_is_no_pass() -> None:
    assert nothing_applies([_item("not_applicable"), _item("not_applicable")])
    assert not nothing_applies([_item("not_applicable"), _item("pass")])
    assert not nothing_applies([])


def _fails_with(*fingerprints: str) -> ReportedRequirement:
    return _item("fail", findings=tuple(map(_finding, fingerprints)))


@pytest.mark.parametrize(
    ("named", "found", "covered"),
    [
        (("f1",), ("f1",), True),
        (("f1",), ("f1", "f1"), True),
        (("f1",), ("f1", "f2"), False),
        (("f1", "f2"), ("f1", "f2"), True),
        (("f3",), ("f1",), False),
        (("",), ("f1", "f2"), True),
    ],
)
def test_a_waiver_may_name_a_finding(named: tuple[str, ...], found: tuple[str, ...], covered: bool) -> None:
    waivers = [
        Waiver(requirement="BR-ACC-04", covers="fail", reason="r", link="l", expires=TODAY, fingerprint=name)
        for name in named
    ]
    item = _fails_with(*found)
    waived = in_force(waivers, TODAY, [item]).get("BR-ACC-04")
    assert (of_verdicts([msgspec.structs.replace(item, waived=waived)], PROFILES) == 0) is covered
    unmet = [line for line in idle(waivers, [item], TODAY) if "was not met" in line]
    assert bool(unmet) == bool({name for name in named if name} - set(found))


def test_a_waiver_that_is_not_used_is_reported() -> None:
    waiver = Waiver(requirement="BR-ACC-04", covers="inconclusive", reason="r", link="l", expires=TODAY)
    assert "is not used" in idle([waiver], [_item("pass")], TODAY)[0]
    assert idle([waiver], [_item("inconclusive", code="x")], TODAY) == []
    assert idle([msgspec.structs.replace(waiver, expires=TODAY - datetime.timedelta(1))], [_item("pass")], TODAY) == []


def test_a_waiver_holds_on_its_last_day() -> None:
    waiver = Waiver(requirement="BR-ACC-04", covers="fail", reason="r", link="l", expires=TODAY)
    assert stale([waiver], [_item("fail")], load(), TODAY) == []
    assert "expired" in stale([waiver], [_item("fail")], load(), TODAY + datetime.timedelta(1))[0]


def _baseline(folder: Path, made: Report) -> Path:
    path = folder / "baseline.json"
    path.write_bytes(msgspec.json.encode(made))
    return path


@pytest.mark.parametrize(
    ("status", "verdict", "stopped_by"),
    [
        (1, "fail", ""),
        (1, "fail", "unreachable"),
        (2, "pass", "not_started"),
        (3, "inconclusive", ""),
        (4, "inconclusive", "unreachable"),
        (5, "fail", ""),
        (5, "fail", "suite_broke"),
        (130, "fail", "interrupted"),
        (143, "fail", "terminated"),
    ],
)
def test_a_red_report_is_no_baseline_unless_it_is_asked_for(
    status: int, verdict: VerdictName, stopped_by: str, tmp_path: Path
) -> None:
    made = report({"BR-ACC-04": verdict}, exit_status=status, stopped_by=stopped_by)
    path = _baseline(tmp_path, made)
    with pytest.raises(UsageError, match=f"exit status {status}.*--baseline-allow-red"):
        read_baseline(path)
    assert read_baseline(path, allow_red=True).known == ({"f" * 12} if verdict == "fail" else set())


@pytest.mark.parametrize("allow_red", [False, True])
@pytest.mark.parametrize(
    ("status", "verdict", "stopped_by"),
    [(0, "fail", ""), (3, "fail", ""), (0, "inconclusive", ""), (0, "inconclusive", "unreachable"), (4, "pass", "")],
)
def test_a_baseline_whose_exit_status_was_edited_is_refused(
    status: int, verdict: VerdictName, stopped_by: str, allow_red: bool, tmp_path: Path
) -> None:
    path = _baseline(tmp_path, report({"BR-ACC-04": verdict}, exit_status=status, stopped_by=stopped_by))
    with pytest.raises(UsageError, match=f"exit status {status}, which does not come of its own verdicts") as refused:
        read_baseline(path, allow_red=allow_red)
    assert refused.value.exit_status == 2


def _marked(made: Report, **about: object) -> Report:
    items = tuple(msgspec.structs.replace(r, **about) if r.verdict == "fail" else r for r in made.requirements)
    return msgspec.structs.replace(made, requirements=items)


def test_failures_that_were_known_do_not_make_a_baseline_red(tmp_path: Path) -> None:
    baseline = read_baseline(_baseline(tmp_path, _marked(report({"BR-ACC-04": "fail"}), known=True)))
    assert baseline.known == {"f" * 12}


def test_a_baseline_does_not_outlive_the_waiver_by_which_it_was_green(tmp_path: Path) -> None:
    waived = Waived(covers="fail", reason="r", link="l", expires="2026-12-01")
    green = _marked(report({"BR-ACC-04": "fail"}), waived=waived)
    baseline = read_baseline(_baseline(tmp_path, green))
    assert not baseline.known
    assert baseline.waived == {"f" * 12}
    later = report({"BR-ACC-04": "fail"}, exit_status=1)
    assert remarks(baseline, later) == [f"BR-ACC-04: waived in the baseline's run, and waived no more: {'f' * 12}"]
    assert remarks(baseline, green) == [], "it is waived still"
    both = read_baseline(_baseline(tmp_path, _marked(green, known=True)))
    assert both.known == {"f" * 12}, "it was known without the waiver"


@pytest.mark.parametrize(
    "about",
    [
        {"verdict": "not_run", "reason": Reason(code="not-selected", text="this run is about other requirements")},
        {"not_in_baseline": True},
    ],
    ids=["left out by a selection", "not listed by its own baseline"],
)
def test_a_baseline_knows_nothing_that_did_not_count_in_its_run(about: dict[str, object], tmp_path: Path) -> None:
    """Its run was green although it had come upon the defect: nobody has ever seen a red gate for it."""
    baseline = read_baseline(_baseline(tmp_path, _marked(report({"BR-ACC-04": "fail"}), **about)))
    assert not baseline.known
    assert baseline.listed is not None
    assert "BR-ACC-04" in baseline.listed, "so that a finding of it counts"
    later = report({"BR-ACC-04": "fail"}, exit_status=1)
    said = f"BR-ACC-04: seen in the baseline's run, where it did not count: {'f' * 12}"
    assert remarks(baseline, later) == [said]


def test_a_baseline_lists_what_its_contract_lists(tmp_path: Path) -> None:
    """A report from which requirements were taken out excuses none of them; one of an older contract does."""
    emptied = msgspec.structs.replace(report(), requirements=())
    assert read_baseline(_baseline(tmp_path, emptied)).listed == frozenset(r.id for r in load().requirements)
    older = msgspec.structs.replace(emptied.suite, contract_version="1.0")
    listed = read_baseline(_baseline(tmp_path, msgspec.structs.replace(emptied, suite=older))).listed
    assert listed == frozenset(r.id for r in load("1.0").requirements)


def test_comparing_with_a_selection_takes_nothing_for_known_that_it_left_out(clean_run: Ran) -> None:
    base = msgspec.json.decode((clean_run.folder / "conformance.json").read_bytes(), type=Report)
    left_out = _item("not_run", code="not-selected", findings=(_finding(),))
    old, new = (msgspec.structs.replace(base, requirements=(item,)) for item in (left_out, _item("fail")))
    assert compare(old, new).exit_status == 1


def test_a_baseline_of_something_else_is_warned_about(tmp_path: Path) -> None:
    made = report()
    baseline = read_baseline(_baseline(tmp_path, made))
    assert remarks(baseline, made) == []
    other = msgspec.structs.replace(
        made,
        target=msgspec.structs.replace(made.target, base_url="http://other/", campaign_id="campaign_b"),
        suite=msgspec.structs.replace(made.suite, contract_version="9.9"),
    )
    told = remarks(baseline, other)
    assert [line.partition("(")[0] for line in told] == [
        f"the baseline is of another {what} " for what in ("target", "campaign", "contract")
    ]


@pytest.mark.parametrize(
    ("items", "status", "said"),
    [
        ([_item("fail", level="SHOULD"), _item("pass")], 0, "every MUST that was chosen passed"),
        ([_item("fail", level="SHOULD"), _item("inconclusive", code="x")], 3, "no MUST fails"),
        ([_item("inconclusive", code="x")], 0, "--fail-on fail"),
        ([_item("fail")], 0, "every MUST that was chosen passed"),
        ([_item("fail")], 1, "at least one MUST fails"),
        (
            [_item("fail", waived=_WAIVED, id="BR-BLK-01"), _item("fail", id="BR-BLK-02")],
            1,
            "at least one MUST fails that is not waived or known: BR-BLK-02",
        ),
        (
            [_item("fail", waived=_WAIVED, id="BR-BLK-01"), _item("inconclusive", code="x", id="BR-ACC-03")],
            3,
            "no MUST fails but what is waived or known, and at least one MUST is inconclusive or was not run: BR-ACC-03",
        ),
    ],
)
def test_what_a_status_means_is_true(items: list[ReportedRequirement], status: int, said: str, clean_run: Ran) -> None:
    base = msgspec.json.decode((clean_run.folder / "conformance.json").read_bytes(), type=Report)
    assert said in meaning(msgspec.structs.replace(base, requirements=tuple(items)), status)
