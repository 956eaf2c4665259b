"""The habits of one legal target: everything that the contract leaves free, drawn from a seed (contract, rulings 1-33)."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

View = Literal["batch_list", "campaign_list", "message_read"]
VIEWS: tuple[View, ...] = ("batch_list", "campaign_list", "message_read")

#: What an accepted batch retry does to the batch's status (ruling 5), an accepted single retry too (ruling 24).
Touch = Literal["keep", "enqueued", "busy", "busy-until-terminal"]
#: What a view shows of attempts (rulings 6, 27, 29).
Counting = Literal["full", "number", "newest", "retries", "when-sent", "none"]


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How one legal target behaves. Times are seconds."""

    settle: float
    #: ``read_lag`` of the configuration; None: auto.
    read_lag: float | None
    #: By how much each view lags at most; the client shows it first where ``read_lag`` is auto.
    lags: dict[View, float]
    #: By how much the batch's status follows a refusal at most (ruling 23).
    status_lag: float
    limit: int
    #: Seconds that one stage of an attempt takes, about.
    pace: float
    #: An accepted retry begins within so many seconds after the decision (ruling 16); 0: at the decision.
    delay: float
    #: The worker picks up what has failed when it runs, too (ruling 21).
    selects_late: bool
    partial: float
    underway_blocks: bool
    after_accepted: Touch
    after_single: Touch
    #: A single retry looks at the batch's status.
    single_heeds_status: bool
    #: ``messages_enqueuing_failed`` is left again when no message is created any more.
    recovers_status: bool
    #: A refusal for messages in flight sets the status as well.
    any_refusal_sets_status: bool
    #: Seconds that a send is processed; 0: its messages are there at once.
    making: float
    corrections: float
    succeeding_fails: float
    unknown_statuses: bool
    old_statuses: bool
    shows_batches: bool
    counting: dict[View, Counting]
    stamps: Literal["fine", "coarse", "none"]
    #: Seconds between the clocks of two machines that stamp attempts.
    skew: float
    attempt_ids: bool
    newest_first: bool
    descending: bool
    same_created: bool
    latency: float
    #: Chance that an answer is lost, a gateway's, throttled, a server error.
    lost: float
    gateway: float
    throttled: float
    errors: float
    old_envelope: bool
    unknown_is_404: bool
    strict_input: bool
    languages: bool
    key_dies: bool
    #: Messages show id, recipient and latestStatus only (ruling 6).
    bare: bool
    #: A field is null or missing in an answer now and then, and back in the next (ruling 33).
    flickers: bool
    #: Everything in memory is lost once: no verdict may rest on what is gone.
    restarts: bool


def draw(rng: Random) -> Habits:
    """One legal target."""
    settle = rng.choice([1.5, 3.0, 10.0])
    lagging = rng.random() < 0.35
    most = rng.choice([0.03, 0.15, 0.4]) if lagging else 0.0
    # Nothing lags behind the settling time (BR-IDS-07).
    lags: dict[View, float] = {view: most * rng.choice([0, 0.5, 1]) for view in VIEWS}
    status_lag = rng.choice([0.0, 0.05, 0.3]) if lagging else 0.0
    # A status that follows late is shown by a view that lags on top of that.
    bound = max(lags.values()) + status_lag
    read_lag = None if rng.random() < (0.4 if lagging else 0.7) else bound * rng.uniform(1.0, 2.0)
    latency = rng.choice([0.003, 0.01, 0.01, 0.1])
    shortest = min((lag for lag in (*lags.values(), status_lag) if lag), default=1.0)
    if read_lag is None and shortest < 8 * latency:
        # Nothing can show a lag that is not much longer than an answer takes: the configuration has to say it.
        read_lag = 1.5 * bound
    counting = _counting(rng)
    noisy = rng.random() < 0.3
    flickers = rng.random() < 0.04
    return Habits(
        settle=settle,
        read_lag=read_lag,
        lags=lags,
        status_lag=status_lag,
        limit=rng.choice([2, 3]),
        pace=rng.choice([0.0002, 0.01, 0.03, 0.08]) * (settle / 1.5) ** 0.5,
        delay=rng.choice([0.0, 0.0, 0.02, 0.2, 0.5 * settle]),
        selects_late=rng.random() < 0.3,
        partial=rng.choice([0.0, 0.0, 0.0, 0.2, 0.6]),
        underway_blocks=rng.random() < 0.4,
        after_accepted=rng.choice(["keep", "enqueued", "busy", "busy-until-terminal"]),
        after_single=rng.choice(["keep", "keep", "enqueued", "busy", "busy-until-terminal"]),
        single_heeds_status=rng.random() < 0.5,
        recovers_status=rng.random() < 0.4,
        any_refusal_sets_status=rng.random() < 0.3,
        making=rng.choice([0.0, 0.0, 0.05, 0.3]),
        corrections=rng.choice([0.0, 0.0, 0.0, 0.0, 0.1]),
        succeeding_fails=rng.choice([0.0, 0.0, 0.2]),
        unknown_statuses=rng.random() < 0.15,
        old_statuses=rng.random() < 0.15,
        shows_batches=rng.random() < 0.8,
        counting=counting,
        stamps=rng.choice(["fine", "fine", "fine", "coarse", "none"]),
        skew=rng.choice([0.0, 0.0, 0.0, 0.2, 2.0]),
        attempt_ids=rng.random() < 0.7,
        newest_first=rng.random() < 0.8,
        descending=rng.random() < 0.3,
        same_created=rng.random() < 0.3,
        latency=latency,
        lost=rng.choice([0.0, 0.1]) if noisy else 0.0,
        gateway=rng.choice([0.0, 0.06]) if noisy else 0.0,
        throttled=rng.choice([0.0, 0.1]) if noisy else 0.0,
        errors=rng.choice([0.0, 0.08]) if noisy else 0.0,
        old_envelope=rng.random() < 0.3,
        unknown_is_404=rng.random() < 0.4,
        strict_input=rng.random() < 0.3,
        languages=rng.random() < 0.3,
        # Where the key dies nothing shows that a field came back.
        key_dies=rng.random() < 0.03 and not flickers,
        bare=rng.random() < 0.05,
        flickers=flickers,
        restarts=rng.random() < 0.02,
    )


def _counting(rng: Random) -> dict[View, Counting]:
    kinds: list[Counting] = ["full", "number", "newest", "retries", "when-sent", "none"]
    if rng.random() < 0.5:
        return {"batch_list": "full", "campaign_list": rng.choice(["none", "number"]), "message_read": "full"}
    if rng.random() < 0.3:
        return {"batch_list": "none", "campaign_list": "none", "message_read": "none"}
    return {view: rng.choice(kinds) for view in VIEWS}
