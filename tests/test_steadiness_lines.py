"""What ``benchmarks.steadiness`` says of runs: counts, failures of innocents, and causes that no variant declares."""

from __future__ import annotations

import pytest

from benchmarks import steadiness
from benchmarks.steadiness import Run


def _run(status: int, *, failed: tuple[str, ...] = (), causes: tuple[tuple[str, str], ...] = ()) -> Run:
    return Run(variant="slow", seed=4, exit_status=status, failed=failed, causes=causes)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (_run(0), []),
        (_run(1, failed=("BR-BLK-01",)), ["    seed 4: FAILS BR-BLK-01"]),
        (
            _run(3, causes=(("not-settled", "BR-A"), ("not-settled", "BR-B"))),
            ["    seed 4: exit 3: not-settled (BR-A, BR-B); declared: not-settled"],
        ),
        (
            _run(3, causes=(("answer-lost", "BR-A"),)),
            ["    seed 4: exit 3: answer-lost (BR-A); declared: not-settled  NOT DECLARED: answer-lost"],
        ),
        (_run(4), ["    seed 4: exit 4: no cause; declared: not-settled  NOT DECLARED: "]),
    ],
    ids=["passed", "failed", "declared", "another cause", "no cause"],
)
def test_a_run_is_told(run: Run, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steadiness, "declared", lambda variant: ("not-settled",))
    first, *others = steadiness.lines("slow", [run])
    assert first.split() == ["slow", "1", "runs:", "1", "exit", str(run.exit_status)]
    assert others == said
