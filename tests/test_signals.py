"""Signals: none is lost, wherever it strikes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st

from conformance.history.reader import read_history
from conformance.reference.server import ReferenceServer
from conformance.reference.settings import Settings
from conformance.session import Options, execute
from conformance.signals import StopError, caught


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_strikes_at_once_in_code_of_ours(number: int) -> None:
    with caught() as stop, pytest.raises(StopError):
        os.kill(os.getpid(), number)
    assert stop.number == number


def test_inside_a_library_it_waits_for_the_next_check() -> None:
    """There it would be taken for an error of what is drawn, or be lost to a callback of the garbage collector."""
    struck: list[int] = []

    @hypothesis.settings(max_examples=5, database=None)
    @hypothesis.given(st.integers())
    def draw(_: int) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        struck.append(1)

    with caught() as stop:
        draw()
        assert len(struck) > 1
        with pytest.raises(StopError):
            stop.check()
        stop.taken = True
        stop.check()
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_nothing_leaves_after_it(number: int, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes while requests are drawn, where the library keeps it to itself."""
    from conformance.fuzzing import drawing

    drawn = drawing.Drawing.cases
    sent: list[int] = []

    def cases(self: drawing.Drawing, operation: str, count: int, *, valid: bool) -> list[drawing.Drawn]:
        sent.append(len(read_history(tmp_path / "history.jsonl").exchanges))

        @hypothesis.settings(max_examples=1, database=None)
        @hypothesis.given(st.integers())
        def strike(_: int) -> None:
            os.kill(os.getpid(), number)

        strike()
        return drawn(self, operation, count, valid=valid)

    monkeypatch.setattr(drawing.Drawing, "cases", cases)
    with ReferenceServer(Settings(speed=10)) as server:
        drivers, selected = ("schemathesis", "scenarios"), ("BR-ERR-04",)
        options = Options(depth="quick", drivers=drivers, selected=selected, report_dir=tmp_path)
        result = execute(server.config(), options)
    assert result.exit_status == status
    assert set(sent) == {len(result.history.exchanges)}
    assert result.history.footer is not None
    assert not result.history.footer.complete


def test_what_was_there_before_is_there_again() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with caught():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


#: Begins two workers, says who they are, and waits for work that never ends.
_PARENT = """
import os, time
from conformance.workers import processes

if __name__ == "__main__":
    with processes(2) as pool:
        print(*{pool.submit(os.getpid).result() for _ in range(20)}, flush=True)
        list(pool.map(time.sleep, [600, 600]))
"""


def test_workers_end_with_the_process_that_began_them(tmp_path: Path) -> None:
    """Even if that is killed, and can do nothing about it."""
    script = tmp_path / "parent.py"
    script.write_text(_PARENT, encoding="utf-8")
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline().split(), "workers that work"
    parent.kill()
    # Every worker holds the pipe too: it is at its end when all of them have ended.
    assert parent.stdout.read() == ""
    parent.wait()
    parent.stdout.close()
