"""Hostile targets, a row for each behaviour: no traceback, no leak, bounded in time, and a history that can be judged."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from conformance.config import Config, ProviderStates
from conformance.history.reader import read_history
from conformance.reference import server as reference
from conformance.reference.app import Service, create_app
from conformance.reference.settings import OTHER_KEY, OWN_KEY, Settings
from conformance.session import CRASH_FILE, Options, Result, execute
from conformance.transport import states
from conformance.transport.pieces import PIECE
from tests.conftest import command
from tests.hostile import MUTATIONS, NUMBER, OK, PATIENCE, REVEALING, SCRIPTS, STATES, forever, short
from tests.mutating import Mutating
from tests.raw import KEY, a_config, listening


def _checked(result: Result, folder: Path, began: float, *keys: str) -> Result:
    """What holds of every run, whatever the target does."""
    assert time.monotonic() - began < PATIENCE
    assert result.exit_status in (0, 1, 3, 4)
    assert not (folder / CRASH_FILE).exists()
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for path, content in files.items():
        text = content.decode("utf-8")
        low = text.lower()
        assert "Traceback" not in text, path
        leaked = [
            key[i : i + PIECE] for key in keys for i in range(len(key) - PIECE + 1) if key[i : i + PIECE].lower() in low
        ]
        assert not leaked, path
        assert not [NUMBER[i : i + 7] for i in range(4) if NUMBER[i : i + 7] in text], path
    history = read_history(folder / "history.jsonl")
    assert history.footer is not None
    status, out, err = command("judge", str(folder / "history.jsonl"))
    # 4: what shows one id for all messages looks like data that were lost.
    assert status in (0, 1, 3, 4)
    assert "Traceback" not in out + err
    return result


# -- the reference target behind a layer that changes its answers ---------------------------------------------------


@pytest.fixture(scope="module")
def changed() -> Iterator[tuple[Mutating, Config]]:
    """The reference target behind a layer that changes its answers, and a configuration for it."""
    layers: list[Mutating] = []

    def layered(service: Service) -> Mutating:
        layers.append(Mutating(create_app(service)))
        return layers[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "create_app", layered)
        with reference.ReferenceServer(Settings(speed=16)) as server:
            yield layers[0], short(server.config())


@pytest.mark.parametrize("row", MUTATIONS)
def test_a_target_whose_answers_are_changed(row: str, tmp_path: Path, changed: tuple[Mutating, Config]) -> None:
    layer, config = changed
    layer.change(MUTATIONS[row])
    began = time.monotonic()
    selected = ("BR-ERR-01", "BR-ERR-05", "BR-IDS-05", "BR-SEC-07")
    result = execute(config, Options(report_dir=tmp_path, drivers=("scenarios",), depth="quick", selected=selected))
    _checked(result, tmp_path, began, OWN_KEY, OTHER_KEY)
    # A secret that was shown is one, and nothing else is.
    shown = {item.id for item in result.report.requirements if item.verdict == "fail"}
    assert ("BR-ERR-05" in shown) == (row in REVEALING)


# -- servers that speak HTTP badly ----------------------------------------------------------------------------------


@pytest.mark.parametrize("row", SCRIPTS)
def test_a_server_that_speaks_http_badly(row: str, tmp_path: Path) -> None:
    with listening(SCRIPTS[row]) as server:
        config = a_config(server.url, read_timeout=0.2, connect_timeout=0.2)
        began = time.monotonic()
        result = execute(config, Options(report_dir=tmp_path, drivers=("scenarios",), depth="quick"))
    assert _checked(result, tmp_path, began, KEY).exit_status == 4


# -- provider states --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", STATES)
def test_provider_states_that_misbehave(row: str) -> None:
    began = time.monotonic()
    with listening(STATES[row]) as server:
        asked = states.ProviderStates(f"http://127.0.0.1:{server.port}/states")
        came = asked.ask("batch_processing", {"messages": "1"}, "setup", within=0.4)
        asked.close()
    assert time.monotonic() - began < PATIENCE
    assert not came.values
    assert came.error
    assert "\n" not in came.error
    assert len(came.error) < 200


def test_a_run_whose_provider_states_dribble_ends_in_its_time(tmp_path: Path) -> None:
    with listening(forever(b"a: b\r\n", 0.05, OK)) as vendor, reference.ReferenceServer(Settings(speed=16)) as server:
        config = short(server.config())
        limits = msgspec.structs.replace(config.limits, max_seconds=1.0)
        url = f"http://127.0.0.1:{vendor.port}/states"
        config = msgspec.structs.replace(config, limits=limits, provider_states=ProviderStates(url=url))
        began = time.monotonic()
        result = execute(config, Options(report_dir=tmp_path, drivers=("scenarios",), selected=("BR-ERR-01",)))
    _checked(result, tmp_path, began, OWN_KEY)


def test_the_table_is_as_wide_as_it_claims() -> None:
    assert len(MUTATIONS) + len(SCRIPTS) + len(STATES) >= 110


#: What one answer may cost, each in a process of its own that measures its peak.
COSTLY = {
    "a page of a million numbers": 'answer(200, b\'{"data":[\' + b"1," * 999_999 + b\'1],"pageData":{}}\')',
    "a page that is just read": 'answer(200, json.dumps({"data": [{"id": f"m_{i:030}"} for i in range(70_000)]}).encode())',
    "errors of 7 MB": 'answer(400, json.dumps({"error": {"message": "A1b2-" * 1_400_000}}).encode())',
    "ids of 30,000 characters": 'answer(200, json.dumps({"data": [{"id": "a" * 30_000}] * 250}).encode())',
    "names of 30,000 characters": "answer(200, json.dumps({str(i) * 30_000: i for i in range(100)}).encode())",
    "ten thousand headers": 'answer(200, b"{}", *(f"x-{i}: a" for i in range(9_000)))',
    "gzip within gzip": 'answer(200, gzip.compress(gzip.compress(bytes(1 << 28))), "content-encoding: gzip, gzip")',
}
_PROGRAM = """
import gzip, json, resource, sys
from pathlib import Path
from tests.raw import LIST, a_config, answer, listening, saying, transported
said = {}
with listening(saying(said)) as server, transported(a_config(server.url, read_timeout=30.0), Path(sys.argv[1])) as out:
    out.call(LIST)
# What getrusage says of a process begins with the peak of its parent, where this is to be had.
status = Path("/proc/self/status")
lines = status.read_text().splitlines() if status.is_file() else []
kib = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
print((kib or [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss])[0] // 1024)
"""


@pytest.mark.parametrize("row", COSTLY)
def test_what_one_answer_costs(row: str, tmp_path: Path) -> None:
    program = _PROGRAM.format(COSTLY[row])
    ran = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True, timeout=120
    )
    assert int(ran.stdout) < 300, "MiB at the peak"
    assert (tmp_path / "history.jsonl").stat().st_size < 8 << 20
    read_history(tmp_path / "history.jsonl")
