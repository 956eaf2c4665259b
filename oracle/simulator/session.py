"""One simulated run: a target, some clients at once, and the history that they leave behind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Any

from conformance.history.records import Exchange, Footer, Header, History
from oracle.simulator.calibration import calibrate
from oracle.simulator.client import Client, Script, Sent
from oracle.simulator.faults import FAULTS
from oracle.simulator.habits import VIEWS, Habits, draw
from oracle.simulator.scripts import SCRIPTS
from oracle.simulator.state import EPOCH, Clock
from oracle.simulator.target import CAMPAIGN, OTHER, Target
from oracle.simulator.views import Views
from oracle.simulator.wire import Wire

#: Habits of a target that shows what it does: most faults are planted in such a one.
PLAIN: dict[str, Any] = {
    "lags": dict.fromkeys(VIEWS, 0.0),
    "status_lag": 0.0,
    "read_lag": None,
    "stamps": "fine",
    "skew": 0.0,
    "shows_batches": True,
    "counting": {"batch_list": "full", "campaign_list": "none", "message_read": "full"},
    "corrections": 0.0,
    "succeeding_fails": 0.0,
    "unknown_statuses": False,
    "old_statuses": False,
    "partial": 0.0,
    "lost": 0.0,
    "gateway": 0.0,
    "errors": 0.0,
    "throttled": 0.0,
    "bare": False,
    "flickers": False,
}


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """A history, and what made it."""

    seed: int
    history: History
    habits: Habits
    scripts: tuple[str, ...]
    target: Target


def simulate(seed: int) -> Simulated:
    """A history of a legal target; the same for the same seed."""
    rng = Random(seed)
    habits = draw(rng)
    return run(seed, habits, rng, Target)


#: Scripts about one batch, whose histories are small enough for the model.
SMALL = ("rounds", "walk", "blocked", "spent", "impatient", "harmless", "insistent", "patient")


def simulate_small(seed: int) -> Simulated:
    """A history of one client and one batch, mostly small enough for the model to explain."""
    rng = Random(f"small {seed}")
    habits = replace(draw(rng), key_dies=False, restarts=False)
    return run(seed, habits, rng, Target, (rng.choice(SMALL),))


def run(seed: int, habits: Habits, rng: Random, kind: type[Target], scripts: tuple[str, ...] = ()) -> Simulated:
    """Let clients talk to a target of that kind; ``scripts`` that are named run first, others are drawn."""
    clock = Clock()
    target = kind(habits, rng, clock)
    views = Views(target)
    wire = Wire(target, views, rng)
    client = Client(target, wire, rng)
    clock.now = 0.05
    if not calibrated(habits):
        wire.quiet = True
        client.start(calibrate(client))
        clock.run(lambda: not client.running)
        wire.quiet = False
    if habits.key_dies:
        target.dead = clock.now + rng.uniform(0, 3 * habits.settle)
    if habits.restarts:
        clock.at(clock.now + rng.uniform(0.5, 3 * habits.settle), target.restart)
        # What is gone with it besides tells that it is the target that lost its data.
        client.start(SCRIPTS["rounds"](client))
        client.start(SCRIPTS["patient"](client))
    names = scripts or tuple(rng.choice(list(SCRIPTS)) for _ in range(rng.choice([1, 1, 2, 3])))
    wire.most = len(wire.exchanges) + rng.choice([30, 50, 80])
    for name in names:
        client.start(SCRIPTS[name](client), rng.uniform(0, 0.2))
    clock.run(lambda: not client.running and not wire.pending)
    wire.most += 40
    wire.quiet = True
    client.start(epilogue(client))
    clock.run(lambda: not client.running and not wire.pending)
    exchanges = tuple(e for e in wire.exchanges if e is not None)
    return Simulated(
        seed=seed, history=_history(habits, exchanges, clock.now), habits=habits, scripts=names, target=target
    )


def calibrated(habits: Habits) -> bool:
    """Whether the configuration says how far reads lag, or nothing lags; and counts say what A4 says of them."""
    lags = any(habits.lags.values()) or habits.status_lag
    return (habits.read_lag is not None or not lags) and "when-sent" not in habits.counting.values()


def epilogue(client: Client) -> Script:
    """At the end everything is read once more: corrections, flickering fields and lost data are seen, which legal means."""
    client.target.steady = True
    habits = client.target.habits
    yield habits.settle * 1.2
    if habits.corrections or habits.flickers or habits.restarts or client.rng.random() < 0.3:
        known = {sent.id for sent in client.sent}
        unheard = [Sent(id=b.id, rows=len(b.messages)) for b in client.target.batches.values() if b.id not in known]
        for sent in [*client.sent, *unheard]:
            yield from client.whole(sent, campaign=False)
        for message in [m for m in client.target.order if m.batch is None]:
            yield [client.read(message.id)]
        yield [client.page(None, 100)]


def _history(habits: Habits, exchanges: tuple[Exchange, ...], now: float) -> History:
    languages = ("languages",) if habits.languages else ()
    header = Header(
        suite_version="0", contract_version="1.1", run_id="simulated", started=EPOCH.isoformat(),
        base_url="http://target.test/api/v2", campaign_id=CAMPAIGN, other_campaign_id=OTHER,
        settle_timeout=habits.settle, read_lag=habits.read_lag,
        offers=("failing", "succeeding", "pending", "recovering", "other_campaign", "other_key", *languages),
    )  # fmt: skip
    calls = sum(e.end.outcome != "not_sent" for e in exchanges)
    messages = sum(e.invoke.charge for e in exchanges)
    footer = Footer(t=now, complete=True, calls=calls, messages=messages)
    return History(header=header, exchanges=exchanges, footer=footer)


def broken(name: str, seed: int) -> Simulated:
    """A history of a target with that fault; ``target.fired`` is 0 if it did not come to show itself."""
    fault = FAULTS[name]
    rng = Random(f"{name} {seed}")
    plain = PLAIN if rng.random() < 0.7 else {}
    habits = replace(draw(rng), **{"key_dies": False, "restarts": False, **plain, **fault.habits})
    return run(seed, habits, rng, fault.target, fault.scripts)
