"""The script of a cause: it texts nobody unasked, reaches no host that may not be tested, and tells wrong from right."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import msgspec
import pytest

from conformance.history.records import Exchange
from conformance.reference.inside import InsideTarget
from conformance.reference.server import ReferenceServer
from conformance.reference.settings import OWN_CAMPAIGN, OWN_KEY, Settings
from conformance.report.causes import lead
from conformance.report.reproduce import Situation, script, situation
from conformance.session import Options, execute
from tests.reported import (
    accepted_although_created,
    answered_with_a_body,
    refused_quiescent,
    reported,
    whole,
    wrong_code,
)

SITUATIONS = {
    accepted_although_created: Situation(name="blocked", check="accepted"),
    wrong_code: Situation(name="blocked", check="code"),
    refused_quiescent: Situation(name="quiescent", check="refused"),
    answered_with_a_body: Situation(name="quiescent", check="answer"),
}


@pytest.mark.parametrize(("made", "expected"), SITUATIONS.items(), ids=[m.__name__ for m in SITUATIONS])
def test_a_cause_has_the_situation_that_shows_it(made: object, expected: Situation) -> None:
    assert callable(made)
    history = whole(made())
    report = reported(history)
    cause = report.causes[0]
    shown: list[Exchange] = [e for e in history.exchanges if e.n in cause.evidence]
    assert situation(cause, lead(report.requirements, cause), shown) == expected
    assert cause.script == "reproduce-1.sh"


def test_what_plain_retries_show_too_is_told_by_one_of_them(tmp_path: Path) -> None:
    """A retry with a body may break BR-SEC-05 as well, and no script would bring that about."""
    target = InsideTarget(Settings(faults=("answers-a-body",)))
    options = Options(drivers=("scenarios",), selected=("BR-ACC-04", "BR-SEC-05"), seed=5, report_dir=tmp_path)
    (cause,) = execute(target.config(), options, network=target).report.causes
    assert cause.script == "reproduce-1.sh"


def test_a_suspect_has_no_script() -> None:
    """A script for what is only suspected would acquit falsely."""
    history = whole(accepted_although_created())
    report = reported(history)
    cause = msgspec.structs.replace(report.causes[0], requirements=("BR-SEL-02", "BR-BLK-03"))
    finding = msgspec.structs.replace(lead(report.requirements, report.causes[0]), any_of=("BR-SEL-02", "BR-BLK-03"))
    assert situation(cause, finding, ()) is None


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script of a target that accepts a retry although a message is created."""
    history = whole(accepted_although_created())
    report = reported(history)
    path = tmp_path_factory.mktemp("script") / "reproduce-1.sh"
    path.write_text(script(report.causes[0], lead(report.requirements, report.causes[0]), history), encoding="utf-8")
    return path


def _run(file: Path, said: str = "yes\n", **given: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "CAMPAIGN": "c", "API_KEY": "a-key", **given}
    return subprocess.run(
        ["sh", str(file)], env=environment, input=said, capture_output=True, text=True, timeout=100, check=False
    )


REFUSED = [
    "https://postman.gov.sg/api/v2",
    "https://POSTMAN.gov.sg./api/v2",
    "https://loadtest.postman.gov.sg/api/v2",
    "https://gov.sg/api/v2",
    "https://user@test.postman.gov.sg/api/v2",
    "https://test.postman.gov.sg@postman.gov.sg/api/v2",
    "https://test.postman.gov.sg\\@postman.gov.sg/",
    "https://postman.gov.sg#.test.postman.gov.sg",
    "https://xn--postman-.gov.sg/api",
    "https://ｐostman.gov.sg/api",
    "file:///etc/passwd",
    "https://test.postman.gov.sg/api/v2?x=y",
    'http://127.0.0.1:1/"\nurl = "http://127.0.0.1:2',
]


@pytest.mark.parametrize("url", REFUSED)
def test_a_host_that_may_not_be_tested_is_refused(url: str, file: Path) -> None:
    ended = _run(file, BASE_URL=url)
    assert ended.returncode == 2
    assert "may not be tested" in ended.stderr
    assert "This sends" not in ended.stdout


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "BASE_URL is not set"),
        ({"BASE_URL": "http://127.0.0.1:1", "CAMPAIGN": "a/../b"}, "CAMPAIGN"),
        ({"BASE_URL": "http://127.0.0.1:1", "API_KEY": 'a"b'}, "API_KEY"),
        ({"BASE_URL": "http://127.0.0.1:1", "FAILING": "65 1"}, "FAILING"),
        ({"BASE_URL": "http://127.0.0.1:1", "TRIES": "many"}, "TRIES"),
        ({"BASE_URL": "http://127.0.0.1:1", "ROWS": "21"}, "ROWS"),
    ],
)
def test_wrong_usage_is_one_line(given: dict[str, str], said: str, file: Path) -> None:
    ended = _run(file, **given)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert "a-key" not in ended.stderr + ended.stdout


@pytest.mark.parametrize("answer", ["", "no\n", "y\n"])
def test_nothing_is_sent_unasked(answer: str, file: Path) -> None:
    with ReferenceServer(Settings()) as server:
        ended = _run(file, said=answer, BASE_URL=server.base_url, CAMPAIGN=OWN_CAMPAIGN, API_KEY=OWN_KEY)
    assert ended.returncode == 2
    assert "nothing was sent" in ended.stderr


@pytest.mark.parametrize(("faults", "status"), [(("created-does-not-block",), 1), ((), 0)])
def test_it_tells_a_wrong_target_from_a_right_one(faults: tuple[str, ...], status: int, file: Path) -> None:
    # Deliveries that take long enough for a loaded machine to ask three times while a message is created.
    with ReferenceServer(Settings(faults=faults, delivery=4.0)) as server:
        ended = _run(file, BASE_URL=server.base_url, CAMPAIGN=OWN_CAMPAIGN, API_KEY=OWN_KEY, TRIES="1")
    assert ended.returncode == status, ended.stdout + ended.stderr
    assert ("observed: seen in 1 of 1" in ended.stdout) == bool(status)
    assert OWN_KEY not in ended.stdout + ended.stderr


def test_a_target_that_is_not_there_shows_nothing(file: Path) -> None:
    assert _run(file, BASE_URL="http://127.0.0.1:9/api/v2", TRIES="1").returncode == 3
