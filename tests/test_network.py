"""Verdicts stay sound behind a bad network: what it loses, cuts, delays, doubles or makes up accuses no target.

Each run goes through a proxy of ours (``tests/proxy.py``) to a reference target, for a few scenarios; its history is
judged for every requirement, selected or not.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from conformance.config_load import load
from conformance.drivers import scenarios
from conformance.errors import TargetError
from conformance.exit_status import of_verdicts
from conformance.findings import Doubt, Finding
from conformance.history.reader import read_history
from conformance.history.records import End, Exchange, History, Invoke, Outcome
from conformance.judges import judge
from conformance.reference.faults import FAULTS
from conformance.reference.server import ReferenceServer, config_text
from conformance.reference.settings import Settings
from conformance.reference.variants import VARIANTS
from conformance.session import Options, Result, execute
from conformance.transport.outage import CALLS, REFUSED, SECONDS, Outage
from tests.proxy import LOSING, READS, WRITES, Fault, Kind, Passed, Proxy


#: Scenarios: rounds, blocked, keys, unknown, control.
@pytest.fixture(autouse=True)
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a bad network leaves undecided is not tried again: these tests are about what is said of it."""
    monkeypatch.setattr(scenarios, "AGAIN", 0)


SOME = ("BR-ACC-06", "BR-BLK-02", "BR-SEC-01", "BR-ERR-01", "BR-SEL-07")
RETRIES = ("batch_retry", "single_retry")
#: Read off one answer by itself, whoever else writes: they rest on no axiom but A3.
BY_ANSWER = ("BR-ACC-04", "BR-ERR-01", "BR-ERR-03", "BR-ERR-05", "BR-SCH-01", "BR-SCH-02", "BR-SEL-03", "BR-SEL-08")
AT_ONCE = (("retry-after", "0"),)


@dataclass(frozen=True)
class Run:
    """A run through the proxy: what the suite says, what every judge says of its history, and what really happened."""

    result: Result
    findings: tuple[Finding, ...]
    log: tuple[Passed, ...]

    @property
    def history(self) -> History:
        return self.result.history

    @property
    def accused(self) -> set[str]:
        """Every requirement that a finding names."""
        return {name for finding in self.findings for name in finding.any_of}

    def befell(self, *kinds: Kind) -> tuple[Passed, ...]:
        return tuple(p for p in self.log if p.kind in kinds)


def through(
    folder: Path,
    *faults: Fault,
    settings: Settings | None = None,
    selected: tuple[str, ...] = SOME,
    seed: int = 1,
    spared: int = 2,
    settle: float = 0.6,
) -> Run:
    """Run against a reference target behind the proxy. What holds of every run is asserted here."""
    settings = settings or Settings(speed=12)
    # Where an answer is waited for in vain, not long; else a busy machine is no silent target.
    patience = 0.3 if {fault.kind for fault in faults} & {"silent", "dribble"} else 3.0
    with ReferenceServer(settings) as server, Proxy(server.base_url, faults, seed=seed, spared=spared) as proxy:
        config = server.config()
        replace = msgspec.structs.replace
        config = replace(
            config,
            target=replace(config.target, base_url=proxy.base_url, read_timeout=patience, connect_timeout=1.0),
            limits=replace(config.limits, max_seconds=40, calls_per_second=2000),
            timing=replace(config.timing, settle_timeout=max(settle, 5 * settings.lifetime)),
        )
        result = execute(config, Options(selected=selected, seed=seed, drivers=("scenarios",), report_dir=folder))
    history = result.history
    assert history.footer is not None
    opinions = judge(history)
    assert "suite-error" not in {o.code for o in opinions if isinstance(o, Doubt)}
    # What a lost answer may have cost stays charged; what was refused or never left costs nothing.
    spent = sum(e.invoke.charge for e in history.exchanges if e.accepted or e.open)
    assert result.report.run.messages == spent
    return Run(result, tuple(o for o in opinions if isinstance(o, Finding)), tuple(proxy.log))


def _innocent(run: Run) -> None:
    assert run.accused == set(), [(f.summary, f.argument) for f in run.findings]
    assert run.result.exit_status in (0, 3)
    for item in run.result.report.requirements:
        assert item.verdict != "inconclusive" or (item.reason is not None and item.reason.code and item.reason.text)


def _each(*kinds: Kind, chance: float = 0.03, operations: tuple[str, ...] = (*WRITES, *READS)) -> tuple[Fault, ...]:
    return tuple(Fault(kind=kind, chance=chance, operations=operations) for kind in kinds)


def _says(kind: Kind, *statuses: int) -> tuple[Fault, ...]:
    return tuple(Fault(kind=kind, status=status, chance=0.03) for status in statuses)


# -- the proxy itself -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "carried_out"),
    [("reset", 0), ("answer", 0), ("lost", 1), ("cover", 1), ("late", 1), ("cut-body", 1), ("twice", 2), ("again", 2)],
)
def test_the_proxy_knows_what_the_target_carried_out(kind: Kind, carried_out: int, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    run = through(tmp_path, Fault(kind=kind, operations=("batch_send",), nth=(1,)), selected=("BR-BLK-02",))
    (met,) = run.befell(kind)
    assert met.answers == (201,) * carried_out
    assert not [t for t in set(threading.enumerate()) - before if t.is_alive()]


# -- an innocent target ---------------------------------------------------------------------------------------

BAD: dict[str, tuple[Fault, ...]] = {
    "slow": _each("delay", "hold", "dribble", "stale", "open", chance=0.08),
    "losing": _each("reset", "late", "lost"),
    "cutting": _each("cut-head", "cut-body", "cut-chunk", "cut-open"),
    "losing retries": _each("late", "lost", "cut-open", chance=0.15, operations=RETRIES),
    "silent at times": (
        Fault(kind="silent", operations=(*RETRIES, "message_read"), nth=(3, 9, 20), seconds=0.5),
        # Every bit comes within target.read_timeout, the whole does not come within twice that and the connect_timeout.
        Fault(kind="dribble", operations=("batch_list",), nth=(5,), seconds=2.2),
    ),
    "a gateway that errs": _says("answer", 500, 502, 503, 504, 520, 408),
    "a gateway that errs afterwards": _says("cover", 502, 503, 504, 520, 408),
    "a gateway that errs on every other retry": (
        Fault(kind="cover", status=502, chance=0.25, operations=("batch_retry",)),
        Fault(kind="answer", status=503, chance=0.25, operations=("batch_retry",)),
    ),
    "busy": (Fault(kind="answer", status=429, headers=AT_ONCE, chance=0.04),),
}


@pytest.mark.parametrize("way", BAD)
def test_an_innocent_target_is_not_accused(way: str, tmp_path: Path) -> None:
    run = through(tmp_path, *BAD[way])
    _innocent(run)
    assert [p for p in run.log if p.kind is not None]


def _mixture(seed: int) -> tuple[Settings, tuple[Fault, ...]]:
    draw = random.Random(f"network {seed}")
    kinds: tuple[Kind, ...] = (*LOSING, "reset", "delay", "hold", "answer", "cover", "dribble", "stale", "open")
    faults = []
    for kind in draw.sample([kind for kind in kinds if kind != "silent"], 3):
        operations = draw.choice([(*WRITES, *READS), READS, RETRIES, ("batch_retry",)])
        chance = draw.choice([0.02, 0.05, 0.15])
        faults.append(Fault(kind=kind, operations=operations, chance=chance, status=draw.choice([502, 503, 504, 520])))
    # Partial enqueue shows by a status that "processing" overwrites: together they are no legal target.
    variants = draw.sample(sorted(set(VARIANTS) - {"partial-enqueue"}), draw.choice([0, 1, 2]))
    return Settings(speed=draw.choice([8.0, 12.0, 16.0]), variants=tuple(variants), seed=seed), tuple(faults)


@pytest.mark.parametrize("seed", range(1))
def test_legal_targets_behind_mixtures_are_not_accused(seed: int, tmp_path: Path) -> None:
    settings, faults = _mixture(seed)
    _innocent(through(tmp_path, *faults, settings=settings, seed=seed))
    # Nor would it have been, had the run been killed anywhere on the way.
    lines = (tmp_path / "history.jsonl").read_bytes().splitlines(keepends=True)
    for part in range(1, 4):
        cut = tmp_path / f"killed-{part}.jsonl"
        cut.write_bytes(b"".join(lines[: len(lines) * part // 4]) + lines[-2][:20])
        found = [o for o in judge(read_history(cut)) if isinstance(o, Finding)]
        assert not found, (part, found)


def test_what_is_not_settled_says_that_an_answer_was_lost(tmp_path: Path) -> None:
    run = through(tmp_path, *_each("lost", operations=("batch_retry",), chance=1.0))
    _innocent(run)
    reasons = {item.id: item.reason.code for item in run.result.report.requirements if item.reason is not None}
    assert {reasons["BR-ACC-06"], reasons["BR-SEL-07"]} == {"answer-lost"}
    assert reasons["BR-SEC-01"] == "chain-not-closed"
    assert run.result.exit_status == 3
    lenient = of_verdicts(run.result.report.requirements, ("core", "guide", "hardening"), fail_on="fail")
    assert lenient == 0


def test_a_send_whose_answer_is_lost_leaves_a_batch_that_accuses_nobody(tmp_path: Path) -> None:
    # Each of them is exercised by a scenario of its own.
    run = through(
        tmp_path, Fault(kind="lost", operations=("batch_send",), nth=(1,)), selected=("BR-SEC-01", "BR-SEC-02")
    )
    _innocent(run)
    assert [p.answers for p in run.befell("lost")] == [(201,)]
    chosen = {i.id: i for i in run.result.report.requirements if i.id in ("BR-SEC-01", "BR-SEC-02")}
    reasons = [item.reason.code for item in chosen.values() if item.reason is not None]
    assert reasons == ["answer-lost"]


def test_a_single_retry_whose_answer_is_lost(tmp_path: Path) -> None:
    run = through(tmp_path, Fault(kind="lost", operations=("single_retry",)), selected=("BR-SEL-09", "BR-BLK-02"))
    _innocent(run)
    assert (201,) in {p.answers for p in run.befell("lost")}


# -- a faulty target ------------------------------------------------------------------------------------------

MILD = (*_each("delay", "stale", "dribble", chance=0.05), *_each("lost", "reset", chance=0.01))


@pytest.mark.parametrize(
    "fault",
    ["created-does-not-block", "odd-ids-break", "retries-other-batches"],
)
def test_a_bad_network_adds_no_finding_to_those_of_a_fault(fault: str, tmp_path: Path) -> None:
    settings = Settings(speed=12, faults=(fault,))
    selected = ("BR-BLK-02", "BR-SEC-01", *FAULTS[fault].breaks)
    run = through(tmp_path / "behind", *MILD, settings=settings, selected=selected)
    # "At least one of" may name more where the network keeps a proof back: the fault must be among them.
    broken = {*FAULTS[fault].breaks, *FAULTS[fault].also}
    beside = [f.any_of for f in run.findings if not set(f.any_of) & broken]
    if beside:
        plain = through(tmp_path / "plain", settings=settings, selected=selected).accused
        assert all(set(names) & plain for names in beside), beside
    assert run.result.exit_status in (1, 3)


# -- doubled requests -----------------------------------------------------------------------------------------


def test_reads_that_arrive_twice_change_nothing(tmp_path: Path) -> None:
    run = through(tmp_path, *_each("twice", operations=READS, chance=0.5))
    _innocent(run)
    assert run.befell("twice")


@pytest.mark.parametrize("kind", ["twice", "again"])
def test_findings_about_doubled_writes_rest_on_a6(kind: Kind, tmp_path: Path) -> None:
    run = through(tmp_path, Fault(kind=kind, operations=RETRIES, chance=0.5), selected=(*SOME, "BR-SEL-09"))
    assert run.befell(kind)
    for finding in run.findings:
        assert "A6" in finding.axioms or set(finding.any_of) <= set(BY_ANSWER), finding
    if kind == "again":
        # The gateway passes on the second answer, a refusal: seen from the URL, what was refused was carried out.
        assert run.findings


def test_a_send_that_arrives_twice_is_seen(tmp_path: Path) -> None:
    run = through(tmp_path, Fault(kind="twice", operations=("batch_send",)), selected=(*SOME, "BR-IDS-02"))
    _innocent(run)
    assert all(len(p.answers) == 2 for p in run.befell("twice"))


def test_findings_behind_a_cache_rest_on_a7(tmp_path: Path) -> None:
    run = through(tmp_path, Fault(kind="cached", operations=READS, chance=0.5, seconds=0.1))
    assert any(not p.answers for p in run.befell("cached"))
    for finding in run.findings:
        assert "A7" in finding.axioms, finding


# -- 429 ------------------------------------------------------------------------------------------------------


def test_a_storm_of_429_is_waited_out(tmp_path: Path) -> None:
    storm = Fault(kind="answer", status=429, headers=AT_ONCE, nth=(*range(20, 24), *range(60, 64)))
    retries = Fault(kind="answer", status=429, headers=AT_ONCE, operations=("batch_retry",), nth=(2, 3))
    # Slower, so that a message stays created long enough on a machine that has other work as well.
    run = through(tmp_path, storm, retries, settings=Settings(speed=4))
    _innocent(run)
    assert len(run.befell("answer")) == 10
    (judged,) = [item for item in run.result.report.requirements if item.id == "BR-BLK-02"]
    assert judged.verdict == "pass"


def test_a_429_that_is_carried_out_all_the_same_is_a_finding(tmp_path: Path) -> None:
    busy = Fault(kind="cover", status=429, headers=AT_ONCE, operations=("batch_retry",), method="POST", chance=0.5)
    run = through(tmp_path, busy, selected=("BR-ACC-06", "BR-ERR-06", "BR-SEL-07"))
    assert "BR-ERR-06" in run.accused
    assert run.result.exit_status == 1


# -- a target that dies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "spared"), [("reset", 2), ("reset", 60), ("answer", 60)])
def test_a_target_that_dies_ends_the_run(kind: Kind, spared: int, tmp_path: Path) -> None:
    run = through(tmp_path, Fault(kind=kind, status=502), spared=spared)
    assert run.result.exit_status == 4
    assert run.accused == set()
    assert run.history.footer is not None
    assert not run.history.footer.complete
    (line,) = run.result.lines
    assert "has stopped working" in line
    assert [n.text for n in run.history.notes if n.event == "stopped"] == [line]


def _exchange(t: float, status: int | None) -> Exchange:
    outcome: Outcome = "lost" if status is None else "answered"
    invoke = Invoke(n=1, t=t, operation="message_read", method="GET", path="/")
    return Exchange(invoke=invoke, end=End(n=1, outcome=outcome, last=t, status=status))


@pytest.mark.parametrize("status", [None, 500, 503, 408, 429])
def test_silence_is_many_requests_and_long(status: int | None) -> None:
    silence = Outage("http://t", 600.0)
    for _ in range(3 * CALLS):
        silence.heard(_exchange(1.0, status))
    silence.heard(_exchange(2.0, 404))
    silence.at_the_end()
    for _ in range(CALLS):
        silence.heard(_exchange(3.0, status))
    with pytest.raises(TargetError):
        silence.heard(_exchange(3.0 + SECONDS, status))
    with pytest.raises(TargetError):
        silence.at_the_end()


def test_a_few_lost_answers_far_apart_are_no_silence() -> None:
    silence = Outage("http://t", 600.0)
    for number in range(CALLS - 1):
        silence.heard(_exchange(1000.0 * number, None))
    silence.at_the_end()


def test_a_key_that_worked_and_is_refused_three_times_in_a_row_is_dead() -> None:
    outage = Outage("http://t", 600.0)
    for status in (401, 401, 401, 200, 401, 403, 200):
        outage.heard(_read(status))
    for _ in range(REFUSED - 1):
        outage.heard(_read(401))
        outage.heard(_sent(401))
    with pytest.raises(TargetError, match="the key that worked is refused"):
        outage.heard(_read(403))


def test_sends_that_worked_and_are_refused_tell_of_a_dead_key_too() -> None:
    outage = Outage("http://t", 600.0)
    for status in (201, 401, 401):
        outage.heard(_sent(status))
    with pytest.raises(TargetError, match="3 requests in a row were answered 401"):
        outage.heard(_sent(401))


def _sent(status: int) -> Exchange:
    found = _exchange(1.0, status)
    return msgspec.structs.replace(
        found, invoke=msgspec.structs.replace(found.invoke, operation="batch_send", method="POST")
    )


def _read(status: int) -> Exchange:
    found = _exchange(1.0, status)
    return msgspec.structs.replace(found, invoke=msgspec.structs.replace(found.invoke, method="GET"))


@pytest.mark.parametrize("calls", [30, 250])
def test_a_key_that_is_revoked_ends_the_run_within_ten_calls(calls: int, tmp_path: Path) -> None:
    result = _run_with(Settings(revoke_after=calls, speed=4), tmp_path)
    refused = [e for e in result.history.exchanges if e.status == 401 and e.invoke.auth == "valid"]
    # Probes with another key, or with none, say nothing of it, and may lie between.
    asked = [e for e in result.history.exchanges if e.n > refused[0].n and e.invoke.auth == "valid"]
    assert result.exit_status == TargetError.exit_status
    assert len(asked) < 10
    assert result.report.run.stopped_by == "key_refused"
    assert any(f"exchange {refused[0].n} first" in line or "the key that worked" in line for line in result.lines)
    assert not [item.id for item in result.report.requirements if item.verdict == "fail"]


def test_a_target_that_lost_its_data_accuses_nobody(tmp_path: Path) -> None:
    result = _run_with(Settings(restart_after=200, speed=4), tmp_path)
    assert result.exit_status == TargetError.exit_status
    assert any("lost its data" in line for line in result.lines)
    assert not [item.id for item in result.report.requirements if item.verdict == "fail"]


def _run_with(settings: Settings, folder: Path) -> Result:
    with ReferenceServer(settings) as server:
        file = folder / "target.toml"
        file.write_text(config_text(server), encoding="utf-8")
        options = Options(drivers=("scenarios",), depth="quick", seed=1, report_dir=folder / "reports")
        return execute(load(file, {}), options)
