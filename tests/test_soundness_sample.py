"""A seeded sample of ``benchmarks.soundness``: legal histories accuse nobody, planted faults are found for what they are.

What the present judges get wrong is listed in the tables, for as long as they do: entries only ever leave them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.soundness import Tally, findings, planted, report, simulated, walked
from conformance.history.reader import read_history
from oracle.simulator.faults import FAULTS
from oracle.simulator.reduced import reduced, write
from oracle.simulator.session import broken, simulate

#: Innocents accused: a requirement and the kind of the finding, as the benchmark prints them.
ACCUSED: tuple[str, ...] = ()
#: Faults whose histories a legal execution explains: a retry that enqueued nothing, and says so by the status (ruling 17).
MISSED: tuple[str, ...] = ("loser-undoes",)
#: Faults next to which a requirement is named alone that they do not break.
STRAYED: tuple[str, ...] = ()


def test_legal_histories_of_the_simulator_accuse_nobody() -> None:
    tally = Tally()
    for seed in range(240):
        simulated(seed, tally)
    assert [line for line in tally.accused if not line.startswith(ACCUSED)] == []


def test_legal_histories_of_the_model_accuse_nobody() -> None:
    tally = Tally()
    for seed in range(60):
        walked(seed, tally)
    assert tally.accused == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_for_what_it_is(name: str) -> None:
    """In one of some histories at least; whatever else is found there is a requirement that it breaks, too."""
    tally = Tally()
    for seed in range(8):
        planted(name, seed, tally)
        if tally.planted[name] > 1 and tally.found[name]:
            break
    assert tally.planted[name]
    assert tally.found[name] or name in MISSED
    assert [line for line in tally.strayed if not line.startswith(ACCUSED)] == [] or name in STRAYED


def test_the_same_seed_gives_the_same_history() -> None:
    assert simulate(7).history == simulate(7).history
    assert broken("no-limit", 7).history == broken("no-limit", 7).history


def test_a_history_is_reduced_and_read_back(tmp_path: Path) -> None:
    whole = next(made for seed in range(9) if (made := broken("answers200", seed)).target.fired)
    least = reduced(whole.history, lambda part: any("BR-ACC-04" in f.any_of for f in findings(part)))
    assert len(least.exchanges) < len(whole.history.exchanges)
    write(least, tmp_path / "history.jsonl")
    assert read_history(tmp_path / "history.jsonl").exchanges == least.exchanges


def test_every_wrong_verdict_has_its_line() -> None:
    tally = Tally(
        accused=["BR-X-01  a kind  [--show 3]", "BR-X-01  a kind  [--show 9]"], missed=["nothing  [--show 4]"]
    )
    tally.judged["legal, simulator"] = 10
    said = list(report(tally, 1.0, shown=1))
    assert "2 accusations in 10 legal histories" in said
    assert "        2  BR-X-01  a kind  [--show 3]" in said
    assert "        1  nothing  [--show 4]" in said


@pytest.mark.parametrize("seed", [9101008, 7301002, 7336677])
def test_histories_that_were_accused_once(seed: int) -> None:
    """A batch that is refused when its data are gone; failures that are corrected while a retry is waited for."""
    assert findings(simulate(seed).history) == []
