"""``[implementation]``: who made what is tested, in every report and on the badge, with what the target says of itself."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import pytest

from conformance.config import Implementation
from conformance.config_load import digest, load
from conformance.errors import UsageError
from conformance.history.records import ImplementationInfo
from conformance.launch import configured
from conformance.report.build import servers
from conformance.report.write import data_files
from conformance.session import Options, execute
from tests.greens import report
from tests.raw import a_config, answer, listening, saying

SAID = {"organization": "Example Agency", "product": "Retry <Gate>", "version": "3.1", "contact": "api@example.test"}


def test_the_configuration_and_the_environment_say_it(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[implementation]\nproduct = "Gate"\nversion = "3"\n', encoding="utf-8")
    config = load(
        file, {"CONFORMANCE_IMPLEMENTATION__VERSION": "4.0", "CONFORMANCE_IMPLEMENTATION__CONTACT": "x@y.test"}
    )
    assert config.implementation == Implementation(product="Gate", version="4.0", contact="x@y.test")
    assert digest(config) == digest(load(None, {})), "who made it changes nothing about a run"
    for wrong in ("a\\nb", "x" * 121):
        file.write_text(f'[implementation]\nproduct = "{wrong}"\n', encoding="utf-8")
        with pytest.raises(UsageError, match=r"implementation\.product: is no line of at most 120 characters"):
            load(file, {})


def test_a_report_of_the_embedded_target_says_so_whatever_is_configured() -> None:
    named = {"CONFORMANCE_TARGET__BASE_URL": "https://test.example/v2", "CONFORMANCE_IMPLEMENTATION__PRODUCT": "Gate"}
    with configured("reference", None, named) as config:
        assert config.implementation == Implementation(product="embedded reference target")


def test_every_report_says_it_and_the_badge_its_day_and_scope() -> None:
    made = report()
    target = msgspec.structs.replace(
        made.target, implementation=ImplementationInfo(**SAID), server=("nginx/1.27", "gate")
    )
    run = msgspec.structs.replace(made.run, finished="2026-05-16T10:30:50+00:00")
    files = data_files(msgspec.structs.replace(made, target=target, run=run))
    assert json.loads(files["conformance.json"])["target"] == {
        "base_url": target.base_url,
        "campaign_id": target.campaign_id,
        "implementation": SAID,
        "server": ["nginx/1.27", "gate"],
    }
    for name in ("summary.md", "ctrf.json"):
        assert all(
            part in files[name].decode() for part in ("3.1", "Example Agency", "example.test", "nginx/1.27, gate")
        )
    environment = json.loads(files["ctrf.json"])["results"]["environment"]
    assert (environment["appName"], environment["appVersion"]) == ("Retry <Gate>", "3.1")
    properties = {p.get("name"): p.get("value") for p in ET.fromstring(files["junit.xml"]).iter("property")}
    assert properties == {**SAID, "target": target.base_url, "server": "nginx/1.27, gate", "verdict": made.claim}
    badge = ET.fromstring(files["badge.svg"])
    label = badge.get("aria-label")
    assert label == f"batch retry: Retry <Gate> 3.1 (Example Agency): {made.claim}, 2026-05-16"
    assert f"contract {made.suite.contract_version}, {target.base_url}" in "".join(badge.itertext())


def test_a_run_takes_it_from_the_configuration_and_the_server_from_the_answers(tmp_path: Path) -> None:
    with listening(saying(answer(404, b"{}", "server: odd\x1b[2J/1", "server: two"))) as server:
        config = msgspec.structs.replace(a_config(server.url), implementation=Implementation(**SAID))
        result = execute(config, Options(report_dir=tmp_path, drivers=()))
    assert msgspec.to_builtins(result.history.header.implementation) == SAID
    assert result.report.target.implementation == ImplementationInfo(**SAID)
    (said,) = servers(result.history)
    assert "odd" in said
    assert "\x1b" not in said
    assert f"Server: {said}" in result.report.target.words
    assert result.report.target.product == "Retry <Gate> 3.1 (Example Agency)"
