"""From opinions to verdicts: the lattice, reasons, and what counts against a pass."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from conformance.catalogue import Requirement, load
from conformance.deciding import decide, overall
from conformance.findings import Doubt, DoubtReason, Exercise, Finding, Observation, Opinion
from conformance.history.records import End, Exchange, Footer, Header, History, Invoke, Note, Row
from conformance.verdicts import Shown, Verdict

OFFERS = ("failing", "succeeding", "pending", "recovering", "other_campaign", "other_key", "languages")
CATALOGUE = load()
PROFILES = ("core", "guide", "hardening")


def _history(*, notes: tuple[Note, ...] = (), complete: bool = True, retry: int | None = None, **about: Any) -> History:
    header = Header(
        suite_version="0", contract_version="1.0", run_id="r", started="", base_url="", campaign_id="c",
        **{"offers": OFFERS, **about},
    )  # fmt: skip
    exchanges: tuple[Exchange, ...] = ()
    if retry is not None:
        invoke = Invoke(n=1, t=0.0, operation="batch_retry", method="POST", path="/", batch="b")
        exchanges = (Exchange(invoke=invoke, end=End(n=1, outcome="answered", last=1.0, status=retry)),)
    footer = Footer(t=1.0, complete=complete, calls=0, messages=0)
    return History(header=header, exchanges=exchanges, notes=notes, footer=footer)


def _finding(*names: str) -> Finding:
    return Finding(any_of=names, summary="s", argument=(), expected=(), observed="o", evidence=(1,))


def _everything(requirements: Iterable[Requirement]) -> list[Opinion]:
    """An exercise of every case of these requirements; of alternatives the first."""
    return [
        Exercise(requirement=r.id, evidence=(1,), facet=case.split(" or ")[0])
        for r in requirements
        for case in (r.cases or ("",))
    ]


def _verdict(name: str, *opinions: Opinion, history: History | None = None) -> Verdict:
    return decide(history or _history(), opinions, CATALOGUE)[name]


def test_exercised_without_a_finding_passes() -> None:
    verdict = _verdict("BR-ACC-04", Exercise(requirement="BR-ACC-04", evidence=(3,)))
    assert (verdict.verdict, verdict.exercised, verdict.evidence) == ("pass", 1, (3,))


def test_not_exercised_never_passes() -> None:
    verdict = _verdict("BR-ACC-04")
    assert verdict.verdict == "inconclusive"
    assert verdict.reason is not None
    assert verdict.reason.code == "not-exercised"


def test_not_exercised_where_answers_were_lost_says_so() -> None:
    lost = _verdict("BR-ACC-04", history=_history(retry=502))
    assert lost.reason is not None
    assert (lost.verdict, lost.reason.code, lost.evidence) == ("inconclusive", "answer-lost", (1,))
    assert "1 got no answer" in lost.reason.text


def test_every_facet_must_be_exercised() -> None:
    facets = ("first", "last", "elsewhere")
    done = [Exercise(requirement="BR-BLK-01", evidence=(i,), facet=f) for i, f in enumerate(facets)]
    assert _verdict("BR-BLK-01", *done).verdict == "pass"
    partly = _verdict("BR-BLK-01", *done[:2])
    assert partly.verdict == "inconclusive"
    assert partly.reason is not None
    assert "elsewhere" in partly.reason.text


def test_a_finding_outweighs_any_number_of_passes() -> None:
    many = [Exercise(requirement="BR-ACC-04", evidence=(i,)) for i in range(100)]
    assert _verdict("BR-ACC-04", *many, _finding("BR-ACC-04")).verdict == "fail"


def test_one_of_several_counts_against_each_of_them() -> None:
    finding = _finding("BR-ACC-05", "BR-SEL-01")
    assert {_verdict(n, finding).verdict for n in finding.any_of} == {"fail"}


def test_one_of_several_accuses_only_the_one_that_is_proved_otherwise() -> None:
    proved, finding = _finding("BR-SEL-01"), _finding("BR-ACC-05", "BR-SEL-01")
    done = Exercise(requirement="BR-ACC-05", evidence=(1,))
    assert _verdict("BR-ACC-05", done, proved, finding).verdict == "pass"
    assert _verdict("BR-SEL-01", done, proved, finding).verdict == "fail"


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("suite-error", "error"),
        ("axiom-broken", "inconclusive"),
        ("stuck-once", "inconclusive"),
        ("left-underway", "inconclusive"),
    ],
)
def test_a_broken_judge_or_proof_or_a_violation_half_seen_stands_against_a_pass(code: str, verdict: str) -> None:
    done = Exercise(requirement="BR-ACC-04", evidence=(1,))
    assert (
        _verdict("BR-ACC-04", done, Doubt(requirement="BR-ACC-04", reason=DoubtReason(code), text="t")).verdict
        == verdict
    )


def test_a_doubt_beside_an_exercise_does_not() -> None:
    done = Exercise(requirement="BR-ACC-04", evidence=(1,))
    assert (
        _verdict("BR-ACC-04", done, Doubt(requirement="BR-ACC-04", reason=DoubtReason.ANSWER_LOST, text="t")).verdict
        == "pass"
    )


@pytest.mark.parametrize(
    ("name", "about", "code"),
    [
        ("BR-SEL-06", {"offers": ("failing",)}, "not-configured"),
        ("BR-SEC-02", {"offers": ("failing", "other_campaign")}, "not-configured"),
        ("BR-ACC-04", {"profiles": ("hardening",)}, "not-selected"),
        ("BR-ACC-04", {"selected": ("BR-ACC-01",)}, "not-selected"),
        ("BR-SEC-02", {"absent": ("other_campaign",)}, "declared-absent"),
        ("BR-SEC-02", {"absent": ("other_key",)}, "declared-absent"),
        ("BR-SEC-06", {"absent": ("https",)}, "declared-absent"),
        ("BR-ACC-04", {"drivers": ("machine",)}, "no-driver-selected"),
    ],
)
def test_what_was_never_meant_to_run_is_not_run_and_says_why(name: str, about: dict[str, Any], code: str) -> None:
    verdict = _verdict(name, history=_history(**about))
    assert verdict.verdict == "not_run"
    assert verdict.reason is not None
    assert verdict.reason.code == code


def test_a_finding_is_not_hidden_by_what_is_not_configured() -> None:
    history = _history(offers=("failing",))
    assert _verdict("BR-SEL-06", _finding("BR-SEL-06"), history=history).verdict == "fail"


@pytest.mark.parametrize(("name", "status"), [("BR-ERR-06", 429), ("BR-ERR-07", 500)])
def test_what_is_never_provoked_does_not_apply_unless_it_came(name: str, status: int) -> None:
    assert _verdict(name).verdict == "not_applicable"
    assert _verdict(name, history=_history(retry=status)).verdict == "inconclusive"


@pytest.mark.parametrize("absent", [("BR-SEL-06",), ("failing", "succeeding"), ("recovering",)])
def test_a_declaration_takes_away_no_requirement_and_nothing_that_the_tester_has(absent: tuple[str, ...]) -> None:
    """Histories of older suites may hold such names."""
    verdict = _verdict("BR-SEL-06", history=_history(absent=absent))
    assert verdict.verdict == "inconclusive"
    verdicts = decide(_history(absent=absent), (), CATALOGUE)
    assert overall(verdicts, CATALOGUE, PROFILES) == "inconclusive"


@pytest.mark.parametrize(
    ("name", "absent"), [("BR-SEC-02", "other_campaign"), ("BR-SEC-03", "other_campaign"), ("BR-SEC-06", "https")]
)
def test_a_finding_beats_a_declaration(name: str, absent: str) -> None:
    history = _history(absent=(absent,))
    everything = _everything(CATALOGUE.requirements)
    assert overall(decide(history, everything, CATALOGUE), CATALOGUE, PROFILES) == "conformant"
    verdicts = decide(history, (*everything, _finding(name)), CATALOGUE)
    assert verdicts[name].verdict == "fail"
    assert overall(verdicts, CATALOGUE, PROFILES) == "nonconformant"


def test_recovering_numbers_are_asked_of_those_who_have_them() -> None:
    without = _history(offers=tuple(o for o in OFFERS if o != "recovering"))
    assert _verdict("BR-LIV-02", history=without).verdict == "not_applicable"
    assert _verdict("BR-LIV-02", _finding("BR-LIV-02"), history=without).verdict == "fail"
    assert _verdict("BR-LIV-02").verdict == "inconclusive"


def test_a_case_is_asked_for_where_the_configuration_can_bring_it_about() -> None:
    done = [Exercise(requirement="BR-SGL-01", evidence=(1,), facet=facet) for facet in ("unknown", "created")]
    partly = _verdict("BR-SGL-01", *done)
    assert partly.reason is not None
    assert "not exercised: success" in partly.reason.text
    assert _verdict("BR-SGL-01", *done, history=_history(offers=("failing",))).verdict == "pass"


@pytest.mark.parametrize("facet", ["body", "query", "header"])
def test_of_alternatives_one_case_will_do(facet: str) -> None:
    bare = Exercise(requirement="BR-SEC-05", evidence=(1,), facet="neither of them")
    assert _verdict("BR-SEC-05", bare).verdict == "inconclusive"
    assert _verdict("BR-SEC-05", bare, Exercise(requirement="BR-SEC-05", evidence=(2,), facet=facet)).verdict == "pass"


def test_data_is_kept_in_every_configured_language() -> None:
    traits = CATALOGUE["BR-IDS-03"].cases
    done = [Exercise(requirement="BR-IDS-03", evidence=(1,), facet=facet) for facet in traits]
    for told in ((), ("english",)):
        assert _verdict("BR-IDS-03", *done, history=_history(languages=told)).verdict == "pass"
    both = _history(languages=("english", "tamil"))
    english = Exercise(requirement="BR-IDS-03", evidence=(2,), facet="language:english")
    tamil = Exercise(requirement="BR-IDS-03", evidence=(3,), facet="language:tamil")
    partly = _verdict("BR-IDS-03", *done, english, history=both)
    assert partly.reason is not None
    assert (partly.verdict, partly.reason.text) == ("inconclusive", "not exercised: language:tamil")
    assert _verdict("BR-IDS-03", *done, english, tamil, history=both).verdict == "pass"


def _sent(sizes: dict[str, str]) -> History:
    """Batches of these rows (F: failing, in English; S: succeeding, in Tamil), each sent and retried."""
    exchanges = []
    for n, (batch, letters) in enumerate(sizes.items()):
        rows = tuple(
            Row(
                recipient="6511112222",
                role="failing" if letter == "F" else "succeeding",
                language="english" if letter == "F" else "tamil",
                values={},
                nonce="",
            )
            for letter in letters
        )
        send = Invoke(n=2 * n + 1, t=0.0, operation="batch_send", method="POST", path="/", rows=rows)
        made = End(n=2 * n + 1, outcome="answered", last=1.0, status=201, media="json", body={"batchId": batch})
        retry = Invoke(n=2 * n + 2, t=1.0, operation="batch_retry", method="POST", path="/", batch=batch)
        done = End(n=2 * n + 2, outcome="answered", last=2.0, status=201)
        exchanges += [Exchange(invoke=send, end=made), Exchange(invoke=retry, end=done)]
    return msgspec.structs.replace(_history(), exchanges=tuple(exchanges))


def test_a_pass_says_what_it_was_shown_with() -> None:
    history = _sent({"a": "FFF", "b": "FS", "c": "FFFFFFFF"})
    exercises = [Exercise(requirement="BR-ACC-04", evidence=(n,)) for n in (2, 4)]
    shown = _verdict("BR-ACC-04", *exercises, history=history).shown_with
    assert shown == Shown(rows=3, languages=("english", "tamil"), roles=("failing", "succeeding"))
    assert _verdict("BR-ACC-04", exercises[0], history=history).shown_with == Shown(
        rows=3, languages=("english",), roles=("failing",)
    )
    assert _verdict("BR-ACC-04", *exercises, _finding("BR-ACC-04"), history=history).shown_with is None
    unknown = Exercise(requirement="BR-ACC-04", evidence=(99,))
    assert _verdict("BR-ACC-04", unknown, history=history).shown_with is None


def test_https_is_asked_of_https_targets_only() -> None:
    assert _verdict("BR-SEC-06").verdict == "not_applicable"
    assert _verdict("BR-SEC-06", history=_history(offers=(*OFFERS, "https"))).verdict == "inconclusive"


def test_the_reason_is_the_note_of_what_was_not_reached() -> None:
    data = {"code": "send-refused", "needs": ["another template"], "requirements": ["BR-ACC-04"]}
    note = Note(t=0.0, event="unmet", text="Batch Send was not answered 201", data=data)
    verdict = _verdict("BR-ACC-04", history=_history(notes=(note,)))
    assert verdict.reason is not None
    assert (verdict.reason.code, verdict.reason.needs) == ("send-refused", ("another template",))


def test_a_run_that_ended_early_says_so() -> None:
    verdict = _verdict("BR-ACC-04", history=_history(complete=False))
    assert verdict.reason is not None
    assert verdict.reason.code == "run-incomplete"


def test_overall() -> None:
    everything = _everything(CATALOGUE.requirements)
    verdicts = decide(_history(), everything, CATALOGUE)
    assert overall(verdicts, CATALOGUE, ("core", "guide", "hardening")) == "conformant"
    assert overall(decide(_history(), (), CATALOGUE), CATALOGUE, ("core",)) == "inconclusive"
    failing = decide(_history(), (*everything, _finding("BR-ACC-04")), CATALOGUE)
    assert overall(failing, CATALOGUE, ("core",)) == "nonconformant"
    assert overall(failing, CATALOGUE, ("hardening",)) == "conformant"
    broken = Doubt(requirement="BR-ACC-01", reason=DoubtReason.SUITE_ERROR, text="t")
    assert overall(decide(_history(), (*everything, broken), CATALOGUE), CATALOGUE, ("core",)) == "error"


def test_a_should_does_not_count_overall() -> None:
    everything = _everything(CATALOGUE.requirements)
    failing = decide(_history(), (*everything, _finding("BR-ERR-05")), CATALOGUE)
    assert failing["BR-ERR-05"].verdict == "fail"
    assert overall(failing, CATALOGUE, ("core", "guide", "hardening")) == "conformant"


def test_a_selection_is_never_conformant() -> None:
    everything = _everything(CATALOGUE.requirements)
    core = tuple(r.id for r in CATALOGUE.select(["core"]))
    profiles = ("core", "guide", "hardening")
    some = decide(_history(selected=core[1:]), everything, CATALOGUE)
    assert overall(some, CATALOGUE, ("core",)) == "inconclusive"
    assert overall(some, CATALOGUE, profiles) == "inconclusive"
    whole = decide(_history(selected=core), everything, CATALOGUE)
    assert overall(whole, CATALOGUE, ("core",)) == "conformant"
    assert overall(whole, CATALOGUE, profiles) == "inconclusive"
    failing = decide(_history(selected=core[1:]), (*everything, _finding("BR-ACC-04")), CATALOGUE)
    assert overall(failing, CATALOGUE, ("core",)) == "nonconformant"
    absent = decide(_history(absent=("other_campaign",)), everything, CATALOGUE)
    assert overall(absent, CATALOGUE, profiles) == "conformant"


def test_what_kept_proofs_from_closing_is_said_where_something_is_not_settled() -> None:
    lag = Observation(key="read-lag", value="43 ms at least")
    verdict = _verdict("BR-BLK-02", lag)
    assert verdict.reason is not None
    assert "reads lag by 43 ms at least" in verdict.reason.text
    assert verdict.reason.needs[0].startswith("timing.read_lag")
    passed = _verdict("BR-ACC-04", lag, Exercise(requirement="BR-ACC-04", evidence=(3,)))
    assert (passed.verdict, passed.reason) == ("pass", None)


def test_a_run_that_ended_early_says_which_facets_it_had_not_come_to() -> None:
    verdict = _verdict(
        "BR-BLK-01", Exercise(requirement="BR-BLK-01", evidence=(1,), facet="first"), history=_history(complete=False)
    )
    assert verdict.reason is not None
    assert verdict.reason.text == "not exercised: last, elsewhere, when the run ended early"
