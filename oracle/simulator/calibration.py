"""A client that makes a history show how far each view lags (axiom A7 where ``read_lag`` is auto).

A read that is begun some time after a single retry's 201, and misses it, shows a lag of that time; a later read of the
same view shows the attempt, which stays ``created`` all the while. The lag counts twice, so that the read comes after
more than half of what the view lags at most. The batch's status follows a refusal in the same way (ruling 23).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oracle.simulator.client import Client, Script
from oracle.simulator.habits import VIEWS

#: The part of the largest lag after which a read is begun that still misses what happened.
PART = 0.8


def calibrate(client: Client) -> Script:
    """Show the lag of every view that lags, and that of the batch's status; and counts that rise when a message is sent."""
    target = client.target
    h = target.habits
    longest = max(h.lags.values()) + h.status_lag
    target.holding = True
    sent = yield from client.made("F")
    assert sent is not None
    yield longest + 2 * h.making
    yield from client.listed(sent)
    (message,) = sent.known
    reads = {
        "batch_list": client.page(sent),
        "campaign_list": client.page(None, 100),
        "message_read": client.read(message),
    }
    yield from _each(reads)
    release(client)
    yield from client.settled(sent)
    yield longest
    yield from _each(reads)
    if h.read_lag is None and longest:
        target.worst = target.holding = True
        (exchange,) = yield [client.single(message)]
        for view in sorted((view for view in VIEWS if h.lags[view]), key=lambda view: h.lags[view]):
            yield max(0.0, exchange.last + PART * h.lags[view] - target.clock.now)
            yield [reads[view]]
        yield longest
        yield from _each(reads)
        if h.status_lag and h.shows_batches:
            (exchange,) = yield [client.retry(sent)]
            yield max(0.0, exchange.last + PART * h.status_lag - h.lags["message_read"] - target.clock.now)
            yield [reads["message_read"]]
            yield longest + h.lags["message_read"]
            yield [reads["message_read"]]
        target.worst = False
        release(client)
        yield from client.settled(sent)


def _each(reads: Mapping[str, dict[str, Any]]) -> Script:
    for view in VIEWS:
        yield [reads[view]]


def release(client: Client) -> None:
    """Messages that were held go on."""
    client.target.holding = False
    for held in client.target.held:
        client.target.plan(held)
    client.target.held.clear()
