"""What a history cost, and how it ended, from its records alone."""

from __future__ import annotations

import datetime
import math

from conformance.history.records import History, Outcome

#: Code of the note of a scenario that the limits did not hold.
LEFT_OUT = "left-out-by-limit"
#: Event of the note that scenarios are done again for what is undecided by chance.
AGAIN_NOTE = "again"


def kept(charge: int, outcome: Outcome, status: int | None) -> int:
    """Messages of a charge that count as sent.

    A refusal sent none. A lost answer, a 408 and any 5xx may have sent them all (ruling 11).
    """
    refused = outcome == "answered" and status is not None and 300 <= status < 500 and status != 408
    return 0 if outcome == "not_sent" or refused else charge


def messages(history: History) -> int:
    """Messages that the run spent; of a history that was cut off, as far as it goes."""
    if history.footer is not None:
        return history.footer.messages
    return sum(kept(e.invoke.charge, e.end.outcome, e.status) for e in history.exchanges)


def finished(history: History) -> str:
    """When the last record was written, ISO 8601 to the second; empty if the history does not say when it began."""
    times = [e.last if math.isfinite(e.last) else e.t for e in history.exchanges] + [n.t for n in history.notes]
    last = history.footer.t if history.footer is not None else max(times, default=0.0)
    try:
        begun = datetime.datetime.fromisoformat(history.header.started)
    except ValueError:
        return ""
    return (begun + datetime.timedelta(seconds=last)).isoformat(timespec="seconds")


def left_out(history: History) -> str:
    """What exploring had no budget for, in one sentence; empty if it ran all that it had drawn."""
    for note in history.notes:
        ran, of = (note.data.get(name) for name in ("ran", "of"))
        if note.event == "explored" and isinstance(ran, int) and isinstance(of, int) and ran < of:
            why = note.data.get("limit") or "the limits hold no more"
            return f"exploring ran {ran} of {of} programs: {why}"
    return ""


def not_begun(history: History) -> str:
    """Which scenarios the limits did not hold, in one sentence; empty if all were carried out."""
    left = [note for note in history.notes if note.event == "unmet" and note.data.get("code") == LEFT_OUT]
    if not left:
        return ""
    needs = left[0].data.get("needs")
    hint = f": it takes {' and '.join(map(str, needs))}" if isinstance(needs, list) else ""
    names = ", ".join(note.scenario for note in left)
    return f"{len(left)} scenarios were left out, for the limits do not hold them ({names}){hint}"


def again(history: History) -> str:
    """Which scenarios were done once more, and what for, in one sentence; empty if none was."""
    return "; ".join(note.text for note in history.notes if note.event == AGAIN_NOTE)


def stopped(history: History) -> str:
    """Why the run ended early, in one sentence; empty if it did all it had planned."""
    if history.footer is None:
        return "the history is cut off: the run was killed, or goes on"
    told = [note.text for note in history.notes if note.event == "stopped"]
    return "" if history.footer.complete else (told or ["the run ended early"])[-1]
