"""docs/gate.md and ci/: every command is run, from an empty folder, with variables only, as a user without a home."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from conformance.catalogue import load
from conformance.reference.server import ReferenceServer
from conformance.reference.settings import OTHER_CAMPAIGN, OTHER_KEY, OWN_CAMPAIGN, OWN_KEY, SUCCEEDING, Settings
from conformance.report.write import read_report
from conformance.stopping import REASONS
from conformance.waivers import read_waivers

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"<!-- (run|file|example): ([\w .]+) -->\n\n```\w+\n(.*?)```", re.S)
BLOCKS = {name: text for _, name, text in BLOCK.findall(PAGE)}
#: Run one after the other, in the order of the page, with the status that each ends with.
NO_SECOND = ("gate", "waivers")
WITH_SECOND = ("look before", "gate", "baseline", "compare", "less", "pytest")


def _shell(folder: Path, server: ReferenceServer, *names: str) -> subprocess.CompletedProcess[str]:
    """Run blocks of the page in one shell, with the example's values replaced by those of a target that is there."""
    script = "set -e\n" + "\n".join(BLOCKS[name] for name in names)
    for example, value in (
        ("https://test.postman.gov.sg/api/v2", server.config().target.base_url),
        ("campaign_A", OWN_CAMPAIGN),
        ("campaign_B", OTHER_CAMPAIGN),
        ("6591230000", SUCCEEDING[0]),
    ):
        script = script.replace(example, value)
    # What a local target permits, and keeps the test short.
    quick = {
        "CONFORMANCE_LIMITS__CALLS_PER_SECOND": "200",
        "CONFORMANCE_LIMITS__MAX_CALLS": "5000",
        "CONFORMANCE_TIMING__SETTLE_TIMEOUT": "20",
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {"PATH": path, "API_KEY": OWN_KEY, "OTHER_API_KEY": OTHER_KEY, "LANG": "C.UTF-8", **quick}
    return subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environ, capture_output=True, text=True, timeout=280, check=False
    )


@pytest.fixture
def target() -> Iterator[ReferenceServer]:
    """A target that is as fast as it can be told apart."""
    with ReferenceServer(Settings(speed=2)) as server:
        yield server


#: Requirements that a run settles whatever else the machine does; what is left out here is run as it stands elsewhere.
FEW = ("BR-ERR-01", "BR-SEC-01", "BR-SEC-02", "BR-SEC-03", "BR-SGL-03", "BR-BLK-01")


def _shorter(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let the runs of these blocks be about a few requirements: what they settle is no matter here."""
    few = " ".join(f"--requirement {name}" for name in FEW)
    for name in names:
        text = re.sub(r"retry-conformance run (?=--report-dir)", f"retry-conformance run {few} ", BLOCKS[name])
        text = re.sub(r"(pytest .*)", rf"\1 -k '{' or '.join(FEW)}'", text)
        monkeypatch.setitem(BLOCKS, name, text)


#: What is not run without a second campaign.
SECOND = tuple(r.id for r in load().requirements if "other_campaign" in r.needs)


def test_the_page_waives_all_that_needs_a_second_campaign(tmp_path: Path) -> None:
    path = tmp_path / "waivers.toml"
    path.write_text(BLOCKS["waivers.toml"], encoding="utf-8")
    assert sorted(w.requirement for w in read_waivers(path)) == sorted(SECOND)
    assert [name for name in SECOND if f"{name}" not in PAGE.partition("## The step")[0]] == []
    assert set(SECOND) <= set(FEW)


def test_every_command_of_the_page_leads_to_a_green_gate(
    target: ReferenceServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _shorter(monkeypatch, *WITH_SECOND)
    assert set(BLOCKS) >= {*WITH_SECOND, *NO_SECOND}
    for name in WITH_SECOND:
        ended = _shell(tmp_path, target, "variables", "second campaign", name)
        assert ended.returncode == 0, (name, ended.stdout, ended.stderr)
        if name == "gate":
            assert "Exit status 0: every MUST that was chosen passed" in ended.stdout
    assert {path.name for path in tmp_path.iterdir()} - {".pytest_cache"} == {"reports", "last-good"}
    assert OWN_KEY not in ended.stdout + ended.stderr


def test_without_a_second_campaign_it_is_3_until_that_is_waived(
    target: ReferenceServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _shorter(monkeypatch, *NO_SECOND)
    ended = _shell(tmp_path, target, "variables", "gate")
    assert ended.returncode == 3
    left = read_report(tmp_path / "reports" / "conformance.json").chosen
    assert sorted(item.id for item in left if item.verdict != "pass") == sorted(SECOND)
    (tmp_path / "waivers.toml").write_text(BLOCKS["waivers.toml"], encoding="utf-8")
    ended = _shell(tmp_path, target, "variables", "waivers")
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_a_red_gate_names_the_defect_on_the_console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _shorter(monkeypatch, "gate")
    with ReferenceServer(Settings(speed=2, faults=("created-does-not-block",))) as server:
        ended = _shell(tmp_path, server, "variables", "second campaign", "gate")
        assert ended.returncode == 1
        assert "breaks    BR-BLK-01" in ended.stdout
        # What shows it again needs no file of configuration.
        assert "sh reports/reproduce-1.sh" in ended.stdout
        monkeypatch.setitem(BLOCKS, "again", "retry-conformance run --replay reports")
        ended = _shell(tmp_path, server, "variables", "second campaign", "again")
        assert ended.returncode == 1, ended.stdout + ended.stderr
        assert "seen in 3 of 3 tries" in ended.stdout


def test_examples_of_waivers_are_read(tmp_path: Path) -> None:
    known = {r.id for r in load().requirements}
    for name in ("waivers.toml", "waiver of a finding"):
        path = tmp_path / "waivers.toml"
        path.write_text(BLOCKS[name], encoding="utf-8")
        assert {w.requirement for w in read_waivers(path)} <= known


def test_the_page_names_every_reason_to_stop() -> None:
    assert [reason for reason in REASONS if reason and f"`{reason}`" not in PAGE] == []


# -- ci/ ----------------------------------------------------------------------------------------------------------


def _commands() -> dict[str, list[str]]:
    """The command lines of each ready file."""
    action = yaml.safe_load((ROOT / "ci" / "action.yml").read_text(encoding="utf-8"))
    gitlab = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text(encoding="utf-8"))
    jenkins = (ROOT / "ci" / "Jenkinsfile").read_text(encoding="utf-8")
    return {
        "action.yml": [step["run"] for step in action["runs"]["steps"] if "run" in step],
        "gitlab.yml": gitlab[".retry-conformance"]["script"],
        "Jenkinsfile": re.findall(r"sh '([^']+)'", jenkins),
    }


STAND_INS = """
python3() {{ shift 2; mkdir -p "$1/bin"; printf '#!/bin/sh\\nexit 0\\n' > "$1/bin/pip"; chmod +x "$1/bin/pip"
  printf '#!/bin/sh\\nexec {program} "$@" --requirement BR-ERR-01 --requirement BR-SEC-01\\n' > "$1/bin/retry-conformance"
  chmod +x "$1/bin/retry-conformance"; }}
"""


@pytest.mark.parametrize("name", ["action.yml", "gitlab.yml", "Jenkinsfile"])
def test_the_commands_of_a_ready_file_run_the_gate(
    name: str, target: ReferenceServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installing is left out, for it takes a package index; everything else is run as it stands."""
    stand_ins = STAND_INS.format(program=Path(sys.executable).with_name("retry-conformance"))
    given = (
        f'export RUNNER_TEMP="{tmp_path}/temp" GITHUB_ACTION_PATH="{ROOT}/ci" GATE_PYTHON=python3 GATE_REPORTS=reports '
        "GATE_ARGUMENTS= RETRY_CONFORMANCE=retry-conformance RETRY_CONFORMANCE_ARGUMENTS=\n"
    )
    monkeypatch.setitem(BLOCKS, "ready", given + stand_ins + "\n".join(_commands()[name]))
    ended = _shell(tmp_path, target, "variables", "second campaign", "ready")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert (tmp_path / "reports" / "junit.xml").is_file()


def test_ready_files_keep_the_reports_whatever_happens() -> None:
    action = yaml.safe_load((ROOT / "ci" / "action.yml").read_text(encoding="utf-8"))
    assert action["runs"]["using"] == "composite"
    assert all(step.get("shell") == "bash" for step in action["runs"]["steps"] if "run" in step)
    # An expression inside a script is text that anybody may put code into: inputs come by variables.
    assert not [step for step in action["runs"]["steps"] if "${{" in step.get("run", "")]
    (kept,) = [step for step in action["runs"]["steps"] if "upload-artifact" in step.get("uses", "")]
    assert kept["if"] == "always()"
    job = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text(encoding="utf-8"))[".retry-conformance"]
    assert job["artifacts"]["when"] == "always"
    assert job["artifacts"]["reports"]["junit"] == "reports/junit.xml"
    jenkins = (ROOT / "ci" / "Jenkinsfile").read_text(encoding="utf-8")
    assert re.search(r"post \{\s*always \{\s*junit [^}]*'reports/junit\.xml'", jenkins)
    assert jenkins.count("{") == jenkins.count("}")


def test_the_image_copies_what_the_build_needs() -> None:
    lines = (ROOT / "ci" / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = {name for line in lines if line.startswith("COPY") for name in line.split()[1:-1]}
    assert {"pyproject.toml", "README.md", "LICENSE", "conformance", "retry_conformance", "specs", "docs"} <= copied
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert 'ENTRYPOINT ["retry-conformance"]' in lines


def test_constraints_name_every_dependency() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if "==" in line
    )
    assert [text for text in project["dependencies"] if re.split(r"[<>=~]", text)[0] not in pinned] == []
    assert "/" not in "".join(pinned.values())
