"""A client that makes a history show how far each view lags (axiom A7 where ``read_lag`` is auto).

A read that is begun some time after a single retry's 201, and misses it, shows a lag of that time; a later read of the
same view shows the attempt, which stays ``created`` all the while. The lag counts twice, so that the read comes after
more than half of what the view lags at most. The batch's status follows a refusal in the same way (ruling 23).
"""

from __future__ import annotations

from oracle.simulator.client import Client, Script
from oracle.simulator.habits import VIEWS

#: The part of the largest lag after which a read is begun that still misses what happened.
PART = 0.8


def calibrate(client: Client) -> Script:
    """Show the lag of every view that lags, and that of the batch's status."""
    target = client.target
    h = target.habits
    longest = max(*h.lags.values(), h.status_lag)
    sent = yield from client.made("F")
    assert sent is not None
    yield from client.settled(sent)
    target.worst = True
    yield longest
    yield from client.listed(sent)
    (message,) = sent.known
    reads = {
        "batch_list": client.page(sent),
        "campaign_list": client.page(None, 100),
        "message_read": client.read(message),
    }
    lagging = sorted((view for view in VIEWS if h.lags[view]), key=lambda view: h.lags[view])
    for view in VIEWS:
        yield [reads[view]]
    (exchange,) = yield [client.single(message)]
    for view in lagging:
        yield max(0.0, exchange.last + PART * h.lags[view] - target.clock.now)
        yield [reads[view]]
    yield longest
    for view in VIEWS:
        yield [reads[view]]
    if h.status_lag and h.shows_batches:
        (exchange,) = yield [client.retry(sent)]
        yield max(0.0, exchange.last + PART * h.status_lag - h.lags["message_read"] - target.clock.now)
        yield [reads["message_read"]]
        yield longest + h.lags["message_read"]
        yield [reads["message_read"]]
    target.worst = False
    for held in target.held:
        target.plan(held)
    yield from client.settled(sent)
