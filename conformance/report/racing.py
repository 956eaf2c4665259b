"""What the races of a run could see: how many, how close together, and which window between check and act that covers."""

from __future__ import annotations

from conformance.history.records import Exchange, History
from conformance.report.model import Races


def races(history: History) -> Races:
    """Pairs of retries that were released at once, and the window that every pair of them hits.

    A target that checks first and acts later is caught where both requests reach it between the two. They arrive apart by
    the skew of their releases, and by as much as their ways differ. Of the ways nobody knows more than how much single
    reads differ in the time from release to answer: nineteen in twenty take no longer over the fastest than is added here.
    Any window that stays open longer was hit by every pair. It is no probability, and says nothing of shorter windows.
    """
    groups: dict[int, list[Exchange]] = {}
    for exchange in history.exchanges:
        if exchange.invoke.race is not None and exchange.end.outcome != "not_sent":
            groups.setdefault(exchange.invoke.race, []).append(exchange)
    pairs = 0
    skews: list[float] = []
    for group in groups.values():
        retries = [e for e in group if e.invoke.operation in ("batch_retry", "single_retry")]
        released = [e.end.released for e in retries if e.end.released is not None]
        # A race with a 429 does not count (ruling 10).
        if len(released) < 2 or any(e.status == 429 for e in retries):
            continue
        pairs += len(released) * (len(released) - 1) // 2
        skews.append(max(released) - min(released))
    if not skews:
        return Races()
    skew = max(skews)
    return Races(pairs=pairs, skew=round(skew, 6), window=round(skew + _spread(history), 6))


def _spread(history: History) -> float:
    """By how much single reads differ, from release to the answer's first byte: nineteen in twenty, over the fastest."""
    taken = sorted(
        e.end.first - e.end.released
        for e in history.exchanges
        if e.invoke.operation == "message_read" and e.invoke.race is None and e.end.first and e.end.released
    )
    return taken[int(0.95 * (len(taken) - 1))] - taken[0] if taken else 0.0


def in_words(found: Races) -> str:
    """The same in one line; empty if there were no races."""
    if not found.pairs or found.skew is None or found.window is None:
        return ""
    pairs = f"{found.pairs} pair{'s' if found.pairs > 1 else ''} of retries at once"
    return (
        f"{pairs}, released {1000 * found.skew:.2f} ms apart at most: every pair hits a window between check and act that "
        f"stays open for {1000 * found.window:.1f} ms"
    )
