"""What the judges make of drawn traffic: faults are seen in it, and an innocent target is not accused by it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from conformance.findings import Exercise, Finding
from conformance.history.reader import read_history
from conformance.history.records import End, Exchange, Header, History, Invoke, Media, Operation
from conformance.judges import judge
from conformance.reference.faults_inputs import FAULTS
from conformance.reference.server import ReferenceServer
from conformance.reference.settings import Settings
from conformance.session import Options, Result, execute
from tests.sieve import Sieve, sift

MESSAGE = {"id": "message_1", "recipient": "6511112222", "latestStatus": "failure"}
ENDS: dict[str, Any] = {"hasNextPage": False, "hasPreviousPage": False, "startCursor": "a", "endCursor": "b"}
PAGE: dict[str, Any] = {"data": [MESSAGE], "pageData": ENDS}
NESTED = {"error": {"code": "parameter_invalid", "message": "m", "type": "domain_error", "id": "t"}}
OLD = {"message": "invalid cursor", "statusCode": 400}


def answered(
    status: int,
    body: Any,
    *,
    cause: str | None,
    operation: Operation = "campaign_list",
    media: Media = "json",
    times: int = 1,
) -> History:
    """A history of one request, answered so."""
    header = Header(suite_version="0", contract_version="1.0", run_id="r", started="", base_url="", campaign_id="c")
    exchanges = tuple(
        Exchange(
            invoke=Invoke(
                n=n, t=float(n), operation=operation, method="GET", path="/", campaign="c", cause=cause,
                batch="batch_made-up", query=(("limit", "5"), ("after", "QUJD")), driver="schemathesis",
            ),
            end=End(n=n, outcome="answered", last=n + 0.1, status=status, media=media, body=body),
        )
        for n in range(1, times + 1)
    )  # fmt: skip
    return History(header=header, exchanges=exchanges)


def read_between(history: History) -> History:
    """The same, with a plain read answered after each: what was answered 5xx met no outage."""
    first = answered(200, {"data": [], "pageData": {}}, cause=None).exchanges[0]
    reads = tuple(
        Exchange(
            invoke=msgspec.structs.replace(first.invoke, n=e.n + 100, t=e.last + 0.1),
            end=msgspec.structs.replace(first.end, n=e.n + 100, last=e.last + 0.2),
        )
        for e in history.exchanges
    )
    return msgspec.structs.replace(history, exchanges=(*history.exchanges, *reads))


def accused(history: History) -> set[str]:
    """The requirements that findings are about."""
    return {r for o in judge(history) if isinstance(o, Finding) for r in o.any_of}


@pytest.mark.parametrize(
    ("status", "body", "media", "cause", "wrong"),
    [
        (200, PAGE, "json", "generated:valid", False),
        (200, [MESSAGE], "json", "generated:valid", True),
        (200, [MESSAGE], "json", "generated:odd", True),
        (200, {**PAGE, "pageData": {**ENDS, "hasNextPage": 1}}, "json", None, True),
        # A 2xx other than 201 without JSON may be a gateway's (ruling 22).
        (200, None, "none", "generated:odd", False),
        (204, None, "none", "generated:valid", False),
        (400, NESTED, "json", "generated:valid", False),
        (400, OLD, "json", "generated:valid", True),
        # Odd letters may be refused by something in front, in words of its own.
        (400, OLD, "json", "generated:odd", False),
        (400, "Bad Request", "text", "generated:odd", False),
        (400, "Bad Request", "text", "generated:valid", False),
        # How else a made-up cursor is refused is not said.
        (404, {"detail": 1}, "json", "generated:valid", False),
        (422, {"detail": 1}, "json", "generated:valid", False),
        (414, None, "none", "generated:odd", False),
        (500, NESTED, "json", "generated:valid", False),
        (503, "down", "text", "generated:odd", False),
        (429, {}, "json", "generated:valid", False),
        # What the driver calls by any other name is not valid.
        (200, [MESSAGE], "json", "query:generated:plain", False),
    ],
)
def test_drawn_reads(status: int, body: Any, media: Media, cause: str | None, wrong: bool) -> None:
    found = accused(answered(status, body, cause=cause, media=media))
    assert found == ({"BR-SCH-02"} if wrong else set())


def test_a_drawn_read_exercises_nothing() -> None:
    plain = answered(200, PAGE, cause=None, operation="batch_list")
    drawn = answered(200, PAGE, cause="generated:valid", operation="batch_list")
    exercised = [{o.requirement for o in judge(h) if isinstance(o, Exercise)} for h in (plain, drawn)]
    assert exercised == [{"BR-SCH-02"}, set()]


@pytest.mark.parametrize("cause", ["body:generated:number", "query:generated:control", "id:generated:plain"])
def test_a_gateway_may_refuse_a_drawn_retry_in_words_of_its_own(cause: str) -> None:
    assert accused(answered(400, "Bad Request", cause=cause, operation="batch_retry", media="text")) == set()


@pytest.mark.parametrize("cause", ["body:generated:number", "query:generated:control", "header:generated:value"])
def test_a_drawn_retry_that_breaks_the_endpoint_or_is_accepted(cause: str) -> None:
    assert accused(read_between(answered(500, NESTED, cause=cause, operation="batch_retry", times=3))) == {"BR-ERR-04"}
    assert accused(answered(500, NESTED, cause=cause, operation="batch_retry", times=3)) == set()
    assert accused(answered(500, NESTED, cause=cause, operation="batch_retry", times=2)) == set()
    assert accused(answered(201, None, cause=cause, operation="batch_retry", media="none")) == {"BR-ERR-04"}
    assert accused(answered(400, NESTED, cause=cause, operation="batch_retry", times=3)) == set()


def run_against(settings: Settings, folder: Path, *, drivers: tuple[str, ...], depth: str = "quick") -> Result:
    """A run against a reference target."""
    with ReferenceServer(settings) as server:
        return execute(server.config(), Options(depth=depth, drivers=drivers, report_dir=folder, seed=11))


def failed(result: Result) -> list[str]:
    """The requirements that failed, or in which the suite broke."""
    return [item.id for item in result.report.requirements if item.verdict in ("fail", "error")]


@pytest.mark.parametrize("name", FAULTS)
def test_the_driver_finds_what_only_drawn_inputs_show(name: str, tmp_path: Path) -> None:
    fault = FAULTS[name]
    result = run_against(Settings(faults=(name,)), tmp_path, drivers=fault.drivers)
    assert set(fault.breaks) <= set(failed(result))
    assert result.report.run.calls <= 45


def test_the_clean_target_is_not_accused(tmp_path: Path) -> None:
    result = run_against(Settings(speed=4), tmp_path, drivers=("schemathesis",), depth="standard")
    assert failed(result) == []
    assert not any(o.key == "answer-outside-the-contract" for o in result.report.observations)
    assert 0 < result.report.run.messages <= 6


def test_a_quick_run_is_about_thirty_calls_and_no_message(tmp_path: Path) -> None:
    result = run_against(Settings(), tmp_path, drivers=("schemathesis",))
    assert 25 <= result.report.run.calls <= 42
    assert result.report.run.messages == 0


def _page(body: Any) -> Callable[[], Sieve]:
    return lambda: Sieve(fixed=(200, body))


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        "x",
        3,
        {"data": None},
        {"data": [None, 3, {"id": 3}]},
        {"data": {"0": {"id": "m"}}},
        {"batchId": 3},
    ],
)
def test_hostile_answers_end_nothing(body: Any, tmp_path: Path) -> None:
    history = sift(_page(body)(), tmp_path, seed=2)
    assert history.notes[-1].event == "finished"
    judged = judge(history)
    assert not any(getattr(o, "code", "") == "suite-error" for o in judged)


def test_a_verdict_on_a_drawn_history_is_the_same_offline(tmp_path: Path) -> None:
    live = run_against(Settings(faults=("numbers-for-booleans",)), tmp_path, drivers=("schemathesis",))
    assert accused(read_history(tmp_path / "history.jsonl")) == set(failed(live)) == {"BR-SCH-02"}
