"""``target.second_api_key``: one read and one retry with it, observed and never judged."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
import pytest

from conformance.config_load import load
from conformance.errors import FormatError, UsageError
from conformance.program.check import check
from conformance.program.cost import cost_of
from conformance.program.steps import Program, Read, Retry, RowSpec, Send
from conformance.reference.inside import InsideTarget
from conformance.reference.server import config_for
from conformance.reference.settings import OWN_KEY, SECOND_KEY, Settings
from conformance.scenarios.probing import KEYS
from conformance.session import Options, Result, execute

WRONG_KEY = "kQ9sUe2RbX7pLt5YvGn6"


def _run(key: str, folder: Path, *faults: str, auth: Literal["valid", "second"] = "second") -> Result:
    """What the scenario does with a second key, and no more of it; or the same with the first."""
    inside = InsideTarget(Settings(faults=faults))
    config = inside.config()
    config = msgspec.structs.replace(config, target=msgspec.structs.replace(config.target, second_api_key=key))
    steps = [step for step in KEYS.program(config).steps if getattr(step, "batch", "") == "s"]
    used = tuple(msgspec.structs.replace(s, auth=auth) if isinstance(s, Read | Retry) else s for s in steps)
    options = Options(report_dir=folder / "r", depth="quick", replay=Program(name="p", steps=used))
    return execute(config, options, network=inside)


@pytest.mark.parametrize(
    ("key", "read", "retry"),
    [
        (SECOND_KEY, "answered 200", "answered 201"),
        (WRONG_KEY, "answered 401 invalid_api_key_provided", "answered 401 invalid_api_key_provided"),
    ],
)
def test_what_a_second_key_may_do_is_an_observation(key: str, read: str, retry: str, tmp_path: Path) -> None:
    result = _run(key, tmp_path)
    made = [e.n for e in result.history.exchanges if e.invoke.auth == "second"]
    observed = {o.key: (o.value, o.evidence) for o in result.report.observations if o.key.startswith("second-key")}
    assert observed == {"second-key-read": (read, (made[0],)), "second-key-retry": (retry, (made[1],))}
    assert len(made) == 2
    assert not [item.id for item in result.report.requirements if item.verdict == "fail"]
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or key.encode() not in file.read_bytes()
    assert f"second-key-read: {read[:12]}" in (tmp_path / "r" / "summary.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("auth", "found"), [("valid", True), ("second", False)])
def test_what_a_second_key_retries_accuses_nobody(
    auth: Literal["valid", "second"], found: bool, tmp_path: Path
) -> None:
    result = _run(SECOND_KEY, tmp_path, "two-attempts-at-once", auth=auth)
    assert bool([item.id for item in result.report.requirements if item.verdict == "fail"]) == found


def test_without_a_second_key_nothing_is_sent_with_one() -> None:
    steps = KEYS.program(config_for("http://127.0.0.1:9/api")).steps
    assert not [step for step in steps if isinstance(step, Read | Retry) and step.auth == "second"]


def test_a_second_key_is_another_one_and_is_needed_by_programs_that_use_it(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    target = f'[target]\nbase_url = "http://127.0.0.1:9/api"\ncampaign_id = "c"\napi_key = "{OWN_KEY}"\n'
    file.write_text(f'{target}second_api_key = "{OWN_KEY}"\n', encoding="utf-8")
    with pytest.raises(UsageError, match=r"target\.second_api_key: is target\.api_key"):
        load(file, {})
    config = config_for("http://127.0.0.1:9/api")
    for step in (Read(batch="b", auth="second"), Retry(batch="b", auth="second")):
        with pytest.raises(FormatError, match=r"takes a second key.*target\.second_api_key_env"):
            check(Program(name="p", steps=(Send(batch="b", rows=(RowSpec(),)), step)), config, "p.json")


def test_a_second_key_costs_a_send_and_a_retry_of_one_message() -> None:
    config = config_for("http://127.0.0.1:9/api")
    keyed = msgspec.structs.replace(config, target=msgspec.structs.replace(config.target, second_api_key=SECOND_KEY))
    without, with_it = (cost_of(KEYS.program(c), c) for c in (config, keyed))
    assert with_it.messages - without.messages == 2
    assert with_it.messages_at_most - without.messages_at_most == 2
