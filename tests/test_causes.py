"""Causes: findings of one defect are one cause, those of two defects are two, and what is left open hangs under its cause."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from conformance.findings import SURPLUS, Finding
from conformance.history.records import History
from conformance.report.causes import causes, lead
from conformance.report.model import ReportedRequirement
from conformance.report.sides import follows_by_nature
from conformance.report.verdict_line import verdict_line
from conformance.scenarios import SCENARIOS
from conformance.verdicts import Reason, Verdict, Verdicts
from tests.reported import (
    accepted_although_created,
    answered_with_a_body,
    innocent,
    refused_quiescent,
    reported,
    whole,
    wrong_code,
)
from tests.story import Story

ONE: dict[str, tuple[Callable[[], Story], str]] = {
    "created does not block": (accepted_although_created, "BR-BLK-01"),
    "quiescent refused": (refused_quiescent, "BR-ACC-02"),
    "a body": (answered_with_a_body, "BR-ACC-04"),
    "another code": (wrong_code, "BR-ERR-02"),
}


@pytest.mark.parametrize("name", ONE)
def test_one_defect_is_one_cause(name: str) -> None:
    made, broken = ONE[name]
    report = reported(whole(made()))
    assert [c.requirements for c in report.causes] == [(broken,)]
    cause = report.causes[0]
    finding = lead(report.requirements, cause)
    assert cause.headline.lower().startswith(finding.summary[:20].lower())
    assert cause.evidence == finding.evidence
    assert cause.at.startswith("2026-01-01T00:00:0"), "UTC, whatever the offset of the header's time"
    assert verdict_line(report) == "nonconformant: 1 cause, 1 requirement"


def test_an_innocent_target_has_none() -> None:
    assert reported(whole(innocent()), 3).causes == ()


def test_what_lets_in_a_retry_of_no_batch_is_told_before_what_comes_of_it() -> None:
    accepted = _finding("BR-ERR-04", (12,), "unusual input: 2xx for no batch")
    (cause,) = _grouped(_finding("BR-ERR-04 BR-SEL-07", (12, 13), f"{SURPLUS}: any", "1 for 0"), accepted)
    assert (cause.headline, cause.evidence) == ("The target does: unusual input: 2xx for no batch", (12,))
    (broken,) = _grouped(_finding("BR-ERR-04", (12,), "unusual input: 500 for x", "500"))
    assert broken.requirements == ("BR-ERR-04",)


def _finding(requirements: str, evidence: tuple[int, ...], subject: str, observed: str = "201") -> Finding:
    return Finding(
        any_of=tuple(requirements.split()), summary=f"the target does: {subject}", argument=(), expected=("else",),
        observed=observed, evidence=evidence, subject=subject,
    )  # fmt: skip


def _grouped(*findings: Finding, open_: dict[str, Reason] | None = None, history: History | None = None) -> list[Any]:
    """The causes of these findings: 5 is a retry that was refused and carried out, 12 one of the same batch, 19 of another."""
    story = Story().send("b", "FF").finish("b").look("b").retry("b", 400, "any_code", takes=("b.0", "b.1")).look("b")
    story.finish("b").look("b").retry("b").look("b")
    story.finish("b").send("z", "F").finish("z").look("z").retry("z").look("z")
    told = whole(story) if history is None else history
    by: dict[str, list[Finding]] = {}
    for finding in findings:
        for name in finding.any_of:
            by.setdefault(name, []).append(finding)
    items = tuple(Verdict(requirement=n, verdict="fail", findings=tuple(f)) for n, f in by.items())
    requirements = [_item(name, "fail") for name in by]
    requirements += [_item(name, "inconclusive", reason) for name, reason in (open_ or {}).items()]
    return list(causes(told, Verdicts(items=items), requirements))


def _item(name: str, verdict: Any, reason: Reason | None = None) -> ReportedRequirement:
    return ReportedRequirement(
        id=name, level="MUST", profile="core", title=name, verdict=verdict, reason=reason, exercised=0,
        evidence=(5,) if reason is not None and reason.text == "about 5" else (), findings=(),
    )  # fmt: skip


RETRY, LATER, ELSEWHERE = 5, 12, 19
GROUPS: dict[str, tuple[tuple[Finding, ...], list[set[str]]]] = {
    "cases of one rule": (
        (_finding("BR-BLK-01", (RETRY,), "2xx: first"), _finding("BR-BLK-01", (ELSEWHERE,), "2xx: last")),
        [{"BR-BLK-01"}],
    ),
    "what is attempted, by one retry": (
        (_finding("BR-SEL-05", (RETRY,), "surplus: retry"), _finding("BR-SEL-08", (RETRY, 6), "two in progress")),
        [{"BR-SEL-05", "BR-SEL-08"}],
    ),
    "what is attempted, seen rounds later": (
        (_finding("BR-SEL-08", (RETRY, 6), "two in progress"), _finding("BR-SEL-04", (4, LATER), "limit of retries")),
        [{"BR-SEL-08", "BR-SEL-04"}],
    ),
    "a surplus, and what explains it": (
        (
            _finding("BR-BLK-03 BR-SEL-07", (RETRY,), "surplus: refused"),
            _finding("BR-SEL-07", (ELSEWHERE,), "by itself"),
        ),
        [{"BR-BLK-03", "BR-SEL-07"}],
    ),
    "one and the same refusal": (
        (
            _finding("BR-ACC-02", (RETRY,), "quiescent refused", "400 not_now"),
            _finding("BR-ERR-02", (ELSEWHERE,), "blocked", "400 not_now"),
        ),
        [{"BR-ACC-02", "BR-ERR-02"}],
    ),
    "whom it lets in, and how it answers, by one retry": (
        (_finding("BR-BLK-01", (RETRY,), "2xx: first"), _finding("BR-ACC-04", (RETRY,), "carried out", "200")),
        [{"BR-BLK-01"}, {"BR-ACC-04"}],
    ),
    "what is attempted, and what is kept, by one retry": (
        (_finding("BR-SEL-08", (RETRY, 6), "two in progress"), _finding("BR-IDS-03", (RETRY,), "changed: values")),
        [{"BR-SEL-08"}, {"BR-IDS-03"}],
    ),
    "whom it lets in, and what it attempts, where some of the latter may be laid to a field of the body": (
        (
            _finding("BR-BLK-01", (RETRY,), "2xx: first"),
            _finding("BR-SEL-02", (RETRY,), "retried: delivered"),
            _finding("BR-SEL-02 BR-SEC-05", (LATER,), "retried: forced"),
        ),
        [{"BR-BLK-01"}, {"BR-SEL-02", "BR-SEC-05"}],
    ),
    "two reasons to refuse, each forgotten without the other": (
        (
            _finding("BR-BLK-01", (RETRY, LATER), "2xx: first"),
            _finding("BR-SEL-04", (LATER, ELSEWHERE), "limit of retries"),
        ),
        [{"BR-BLK-01"}, {"BR-SEL-04"}],
    ),
    "one reason to refuse that is forgotten, and what comes of it": (
        (_finding("BR-BLK-01", (RETRY, LATER), "2xx: first"), _finding("BR-SEL-04", (LATER,), "limit of retries")),
        [{"BR-BLK-01", "BR-SEL-04"}],
    ),
    "an answer that lacks something, and what the document says": (
        (_finding("BR-ERR-03", (LATER,), "400 whose body"), _finding("BR-SCH-01", (ELSEWHERE,), "not described")),
        [{"BR-ERR-03", "BR-SCH-01"}],
    ),
    "a refusal that was partly carried out, and what else is wrong about it": (
        (
            _finding("BR-BLK-03 BR-SGL-02", (4, RETRY), f"{SURPLUS}: refused", "1 for 0"),
            _finding("BR-BLK-02", (RETRY,), "status after a blocked retry", "messages_enqueued"),
            _finding("BR-ERR-02", (RETRY,), "blocked", "409 conflict"),
        ),
        [{"BR-BLK-03", "BR-SGL-02", "BR-BLK-02", "BR-ERR-02"}],
    ),
    "a refusal that was partly carried out, and what is wrong elsewhere more often": (
        (
            _finding("BR-BLK-03 BR-SGL-02", (4, RETRY), f"{SURPLUS}: refused", "1 for 0"),
            _finding("BR-BLK-02", (RETRY,), "status after a blocked retry", "messages_enqueued"),
            _finding("BR-BLK-02", (LATER, ELSEWHERE), "status after a blocked retry", "messages_enqueued"),
        ),
        [{"BR-BLK-03", "BR-SGL-02"}, {"BR-BLK-02"}],
    ),
    "a surplus that a refused retry may have given, and what an accepted one beside it does": (
        (
            _finding("BR-BLK-03 BR-SEL-05", (4, RETRY, LATER), f"{SURPLUS}: refused", "2 for 1"),
            _finding("BR-BLK-01", (LATER,), "2xx next to a created message"),
            _finding("BR-IDS-03", (LATER,), "changed data", "e-acute"),
        ),
        [{"BR-BLK-03", "BR-SEL-05"}, {"BR-BLK-01"}, {"BR-IDS-03"}],
    ),
    "a surplus that a single retry may have given, and another one that is turned down in the wrong words": (
        (
            _finding("BR-SEL-07 BR-SGL-01", (4, RETRY), f"{SURPLUS}: refused", "1 for 0"),
            _finding("BR-SGL-01", (ELSEWHERE,), "single retry: unknown", "500 internal_error"),
        ),
        [{"BR-SEL-07", "BR-SGL-01"}, {"BR-SGL-01"}],
    ),
    "surplus attempts that refused retries may have given, all of them": (
        (
            _finding("BR-BLK-03 BR-SEL-07", (4, RETRY), f"{SURPLUS}: refused", "1 for 0"),
            _finding("BR-CON-01 BR-BLK-03", (ELSEWHERE,), f"{SURPLUS}: race", "1 for 0"),
        ),
        [{"BR-BLK-03", "BR-SEL-07", "BR-CON-01"}],
    ),
    "surplus attempts that refused retries may have given, but for one": (
        (
            _finding("BR-BLK-03 BR-SEL-07", (4, RETRY), f"{SURPLUS}: refused", "1 for 0"),
            _finding("BR-CON-01 BR-BLK-03", (ELSEWHERE,), f"{SURPLUS}: race", "1 for 0"),
            _finding("BR-CON-01", (ELSEWHERE,), f"{SURPLUS}: race of accepted ones", "3 for 2"),
        ),
        [{"BR-BLK-03", "BR-SEL-07"}, {"BR-CON-01", "BR-BLK-03"}],
    ),
    "a surplus of which no refused retry is suspected": (
        (
            _finding("BR-SEL-05", (4, RETRY), f"{SURPLUS}: accepted", "2 for 1"),
            _finding("BR-BLK-02", (RETRY,), "status after a blocked retry", "messages_enqueued"),
        ),
        [{"BR-SEL-05"}, {"BR-BLK-02"}],
    ),
    "attempts in two batches that a retry answered 429 may have given, whoever else may": (
        (
            _finding("BR-BLK-03 BR-ERR-06", (4, RETRY), f"{SURPLUS}: refused", "1 for 0"),
            _finding("BR-ERR-06 BR-SEL-07", (18, ELSEWHERE), f"{SURPLUS}: another batch's", "1 for 0"),
        ),
        [{"BR-BLK-03", "BR-ERR-06", "BR-SEL-07"}],
    ),
    "attempts in two batches that share another suspect": (
        (
            _finding("BR-BLK-03 BR-SEL-05", (4, RETRY), f"{SURPLUS}: refused", "1 for 0"),
            _finding("BR-SEL-05 BR-SEL-07", (18, ELSEWHERE), f"{SURPLUS}: another batch's", "1 for 0"),
        ),
        [{"BR-BLK-03", "BR-SEL-05"}, {"BR-SEL-05", "BR-SEL-07"}],
    ),
    "two refusals": (
        (
            _finding("BR-ACC-02", (RETRY,), "quiescent refused", "400 not_now"),
            _finding("BR-ERR-02", (ELSEWHERE,), "blocked", "409 conflict"),
        ),
        [{"BR-ACC-02"}, {"BR-ERR-02"}],
    ),
}


@pytest.mark.parametrize("name", GROUPS)
def test_findings_are_grouped_by_what_they_share(name: str) -> None:
    findings, expected = GROUPS[name]
    for given in (findings, findings[::-1]):
        found = _grouped(*given)
        assert sorted(map(sorted, (c.requirements for c in found))) == sorted(map(sorted, expected))
        assert [c.number for c in found] == list(range(1, len(found) + 1))


def test_a_suspect_of_another_scenario_joins_nothing() -> None:
    """A retry that was accepted meanwhile stands in a proof as a suspect; what it does in its own scenario is another matter."""
    story = Story().send("b", "FF").finish("b").look("b").retry("b").look("b").finish("b").look("b").by("rounds")
    told = whole(story.send("z", "F").finish("z").look("z").retry("z").look("z").by("mixed"))
    rounds, mixed = (n for n in (e.n for e in told.exchanges if e.invoke.operation == "batch_retry"))
    limit = msgspec.structs.replace(_finding("BR-SEL-04", (rounds,), "limit of retries"), scenario="rounds")
    delivered = msgspec.structs.replace(_finding("BR-SEL-02", (rounds, mixed), "surplus: retry"), scenario="mixed")
    found = _grouped(limit, delivered, history=told)
    assert sorted(c.requirements for c in found) == [("BR-SEL-02",), ("BR-SEL-04",)]
    by_it = msgspec.structs.replace(_finding("BR-SEL-07", (rounds,), "surplus: another batch"), scenario="mixed")
    assert len(_grouped(limit, by_it, history=told)) == 1, "where nothing else is suspected, it is what they share"


def test_who_may_retry_at_all_is_read_before_how_it_answers() -> None:
    found = _grouped(
        _finding("BR-ACC-04", (RETRY,), "carried out", "200"), _finding("BR-SEC-01", (ELSEWHERE,), "accepted: none")
    )
    assert [c.requirements for c in found] == [("BR-SEC-01",), ("BR-ACC-04",)]


def _unsupported(status: int, code: str) -> Story:
    """Every retry of a batch or message is refused alike, wherever it had to be accepted and wherever it had not."""
    story = Story().send("b", "FF").send("d", "SS").finish("b").finish("d").look("b").look("d").by("rounds")
    story.single("d.0", status, code).single("b.0", status, code).look("b").look("d").by("alone")
    for _ in range(2):
        story.retry("b", status, code).wait(11).look("b").by("rounds")
    return story


def test_one_refusal_of_all_retries_is_one_cause_led_by_what_had_to_be_accepted() -> None:
    """A status that the document does not have for a refusal joins them, of single retries as of those of batches."""
    report = reported(whole(_unsupported(415, "unsupported_media_type")))
    assert len(report.causes) == 1
    cause = report.causes[0]
    assert {"BR-ACC-02", "BR-SGL-01", "BR-SCH-01", "BR-SCH-02"} <= set(cause.requirements)
    assert cause.headline.startswith("The target refuses to retry a quiescent batch that has failed messages")
    assert "BR-ACC-02" in lead(report.requirements, cause).any_of


@pytest.mark.parametrize(("status", "causes_told"), [(400, 2), (409, 1)])
def test_only_a_status_that_is_not_documented_joins_refusals_with_it(status: int, causes_told: int) -> None:
    """A body of a 400 that is not described says nothing of the other refusals with 400."""
    story = Story().send("b", "FF").finish("b").look("b").retry("b", status).look("b").by("one")
    story.send("z", "F").finish("z").look("z").single("z.0", status).look("z").by("two")
    history = whole(story)
    batch, single = (e.n for e in history.exchanges if "retry" in e.invoke.operation)
    found = _grouped(
        _finding("BR-ERR-02", (batch,), "blocked", f"{status} any_code"),
        _finding("BR-SCH-02", (single,), "not described: single_retry", f"{status}: something"),
        history=history,
    )
    assert len(found) == causes_told


def test_a_cause_is_not_led_by_how_a_refusal_is_worded() -> None:
    found = _grouped(
        _finding("BR-BLK-03 BR-SGL-02", (4, RETRY), f"{SURPLUS}: refused", "1 for 0"),
        _finding("BR-ERR-02", (RETRY,), "blocked", "409 conflict"),
    )
    assert [c.headline.startswith("A message gained more attempts") for c in found] == [True]
    single = _grouped(
        _finding("BR-SGL-01", (RETRY,), "single retry: success", "415 unsupported"),
        _finding("BR-ACC-02", (LATER,), "quiescent refused", "415 unsupported"),
    )
    assert [c.headline for c in single] == ["The target does: quiescent refused"]
    accepted = _grouped(
        _finding("BR-SGL-01", (RETRY,), "single retry: success", "success"),
        _finding("BR-ERR-02", (ELSEWHERE,), "blocked", "409 conflict"),
    )
    assert accepted[0].headline == "The target does: single retry: success", "one that is accepted stays grave"


@pytest.mark.parametrize(
    ("reason", "follows"),
    [
        (Reason(code="not-settled", text="about 5"), True),
        (Reason(code="not-settled", text="about nothing"), False),
        (Reason(code="not-configured", text="about 5"), False),
        (Reason(code="run-incomplete", text="about 5"), False),
    ],
)
def test_what_is_left_open_in_the_same_batch_follows(reason: Reason, follows: bool) -> None:
    found = _grouped(_finding("BR-SEL-08", (RETRY, 6), "two in progress"), open_={"BR-IDS-01": reason})
    assert found[0].follows == (("BR-IDS-01",) if follows else ())


def _answered_200() -> History:
    """Retries 5, 11 and 19, of which the last two were answered 200; each is of a scenario of its own."""
    story = Story().send("b", "FF").finish("b").look("b").retry("b").look("b").finish("b").look("b").by("one")
    story.retry("b", 200, takes=("b.0",)).look("b").finish("b").by("two")
    story.send("z", "F").finish("z").look("z").retry("z", 200, takes=("z.0",)).look("z").by("rounds")
    return whole(story)


@pytest.mark.parametrize(
    ("cites", "code", "cause"),
    [
        # A retry call of the cause's own, and one that was only answered like those of the cause.
        (0, "not-settled", "BR-SEL-08"),
        (1, "not-settled", "BR-ACC-04"),
        (2, "answer-lost", "BR-ACC-04"),
        (0, "answer-lost", None),
    ],
)
def test_what_is_open_follows_from_the_cause_whose_retry_calls_its_reason_cites(
    cites: int, code: str, cause: str | None
) -> None:
    history = _answered_200()
    retries = [e.n for e in history.exchanges if e.invoke.operation == "batch_retry"]
    found = [
        _finding("BR-SEL-08", (retries[0], retries[0] + 1), "two in progress"),
        _finding("BR-ACC-04", (retries[1],), "carried out", "200"),
    ]
    verdicts = Verdicts(items=tuple(Verdict(requirement=f.any_of[0], verdict="fail", findings=(f,)) for f in found))
    item = msgspec.structs.replace(
        _item("BR-SEC-01", "inconclusive", Reason(code=code, text="told")), evidence=(retries[cites],)
    )
    told = causes(history, verdicts, [*(_item(f.any_of[0], "fail") for f in found), item])
    assert {c.requirements[0]: c.follows for c in told} == {
        name: (("BR-SEC-01",) if name == cause else ()) for name in ("BR-SEL-08", "BR-ACC-04")
    }


def test_what_is_open_for_want_of_acceptances_follows_from_how_they_are_answered() -> None:
    """Its scenarios are others than those in which that is proved."""
    history = _answered_200()
    retries = [e.n for e in history.exchanges if e.invoke.operation == "batch_retry"]
    found = _finding("BR-ACC-04", (retries[1],), "carried out", "200")
    other = _finding("BR-BLK-02", (retries[0],), "status", "messages_enqueued")
    verdicts = Verdicts(
        items=tuple(Verdict(requirement=f.any_of[0], verdict="fail", findings=(f,)) for f in (found, other))
    )
    planned = next(s.requirements for s in SCENARIOS if s.name == "rounds")
    item = _item(planned[0], "inconclusive", Reason(code="not-exercised", text="the situation did not arise"))
    told = causes(history, verdicts, [*(_item(f.any_of[0], "fail") for f in (found, other)), item])
    assert {c.requirements[0]: c.follows for c in told} == {"BR-ACC-04": (planned[0],), "BR-BLK-02": ()}


def test_reasons_of_the_configuration_have_a_cause_of_their_own() -> None:
    assert not follows_by_nature("declared-absent")
    assert follows_by_nature("chain-not-closed")


def _raced(history: History) -> History:
    """With the retries of batch b, told before as two calls, in one race."""
    raced = tuple(
        msgspec.structs.replace(
            e,
            invoke=msgspec.structs.replace(e.invoke, race=1),
            end=msgspec.structs.replace(e.end, released=1.0 + 0.0008 * (e.n == 5)),
        )
        if e.invoke.operation == "batch_retry" and e.invoke.batch == "b"
        else e
        for e in history.exchanges
    )
    return msgspec.structs.replace(history, exchanges=raced)


def _two_at_once() -> Story:
    return Story().send("b", "F").finish("b").look("b").retry("b").retry("b", 201, takes=("b.0",)).look("b")


def test_a_race_is_told_as_one() -> None:
    found = _grouped(_finding("BR-SEL-08", (4, 6), "two in progress"), history=_raced(whole(_two_at_once())))
    assert found[0].headline == (
        "The target does: two in progress, in a race: two retries released 0.8 ms apart were both answered 201"
    ), "what went wrong first: lists show the beginning only"


def test_what_happens_without_a_race_too_is_told_without_it_first() -> None:
    told = _raced(whole(_two_at_once().send("z", "F").finish("z").look("z").retry("z").look("z")))
    first = min(e.n for e in told.exchanges if e.invoke.operation == "batch_retry" and e.invoke.batch == "z")
    raced = _finding("BR-CON-01 BR-BLK-03 BR-SEL-05 BR-SEL-07", (4, 6), "surplus: race")
    found = _grouped(raced, _finding("BR-BLK-03 BR-SEL-07", (first,), "surplus: others"), history=told)
    assert [", in a race: " in c.headline for c in found] == [False, True]
