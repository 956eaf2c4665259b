"""Programs from files: what cannot be carried out is said in one line, before anything is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from conformance.config import Config, GivenBatch, OtherCampaign, Target
from conformance.errors import FormatError
from conformance.program.check import check
from conformance.program.probes import CAUSES
from conformance.program.steps import Program
from conformance.reference.server import ReferenceServer, config_text
from conformance.scenarios import SCENARIOS
from tests.conftest import command

CONFIG = Config(target=Target(base_url="http://127.0.0.1:1/api/v2", campaign_id="c"))
DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "programs.md"
SEND = {"do": "send", "batch": "b", "rows": [{}]}


def _program(*steps: Any) -> Program:
    return msgspec.convert({"name": "p", "steps": steps}, Program)


def test_what_the_suite_writes_passes() -> None:
    other = OtherCampaign(campaign_id="d", api_key="other_key_0001")
    config = msgspec.structs.replace(CONFIG, target=msgspec.structs.replace(CONFIG.target, other=other))
    for scenario in SCENARIOS:
        check(scenario.program(config), config, "f")


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([{"do": "retry", "batch": "b"}], "step 1: no step before it makes the batch 'b'"),
        ([SEND, {"do": "read", "batch": "c"}], "step 2: no step before it makes the batch 'c'"),
        ([SEND, {"do": "together", "steps": [{"do": "retry", "batch": "z"}]}], "step 2"),
        ([SEND, {"do": "burst", "steps": [{"do": "single_retry", "batch": "z", "row": 0}]}], "step 2"),
        ([{"do": "wait", "batch": "b", "until": "quiet"}], "makes the batch"),
        ([SEND, {"do": "retry", "batch": "b", "cause": "bad:mood"}], "step 2: there is no probe 'bad:mood'"),
        ([SEND, {"do": "retry", "batch": "b", "cause": "campaign:other"}], "another campaign"),
        ([SEND, {"do": "retry", "batch": "b", "cause": "auth:other-key"}], "another campaign"),
        ([SEND, {"do": "retry", "batch": "b", "auth": "other"}], "another campaign"),
        (
            [SEND, {"do": "single_retry", "batch": "b", "cause": "method:GET"}],
            "no probe 'method:GET' of a single retry",
        ),
        ([SEND, {"do": "single_retry", "batch": "b", "cause": "auth:other-key"}], "another campaign"),
        ([{"do": "single_retry", "batch": "z", "cause": "auth:none"}], "makes the batch 'z'"),
        ([{"do": "send", "batch": "b", "rows": []}], "sends no row"),
    ],
)
def test_what_cannot_be_carried_out(steps: list[Any], said: str) -> None:
    with pytest.raises(FormatError) as caught:
        check(_program(*steps), CONFIG, "f")
    assert said in str(caught.value)


def test_a_probe_without_a_batch_and_a_given_batch_need_no_send() -> None:
    check(_program({"do": "retry", "batch": "nobody's", "cause": "id:unknown"}), CONFIG, "f")
    check(_program({"do": "single_retry", "batch": "nobody's", "cause": "id:unknown"}), CONFIG, "f")
    one = {"do": "single_send", "batch": "one"}
    check(_program(one, {"do": "wait", "batch": "one", "until": "terminal"}), CONFIG, "f")
    given = msgspec.structs.replace(CONFIG, given=(GivenBatch(batch_id="batch_7"),))
    check(_program({"do": "retry", "batch": "batch_7"}), given, "f")


def test_the_page_names_every_cause_and_its_example_is_a_program() -> None:
    page = DOCUMENT.read_text(encoding="utf-8")
    assert [cause for cause in CAUSES if cause.rpartition(":")[2] not in page] == []
    lines = [line[4:] for line in page.splitlines() if line.startswith("    ")]
    check(msgspec.convert(json.loads("\n".join(lines)), Program), CONFIG, "f")


def test_a_program_that_is_wrong_sends_nothing(tmp_path: Path) -> None:
    program = tmp_path / "p.json"
    program.write_text(json.dumps({"name": "p", "steps": [SEND, {"do": "retry", "batch": "b", "cause": "bad:mood"}]}))
    with ReferenceServer() as server:
        config = tmp_path / "c.toml"
        config.write_text(config_text(server), encoding="utf-8")
        reports = str(tmp_path / "r")
        status, _, err = command("run", "--config", str(config), "--replay", str(program), "--report-dir", reports)
    assert status == 2
    assert len(err.strip().splitlines()) == 1
    assert "bad:mood" in err
    assert not (tmp_path / "r" / "history.jsonl").exists()
