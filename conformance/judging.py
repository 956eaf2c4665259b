"""Judging a history while it grows, and once more in the end: what was judged already is not judged again."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from conformance.catalogue import Catalogue
from conformance.findings import Opinion
from conformance.history.records import STATE_NOTE, History
from conformance.judges import judge


@dataclass
class Judging:
    """Judges the history of one run, of which more and more is on record: what is on record stays as it is.

    A run that has ended differs from the same run a moment before by notes of how it ended and by its footer. Judges are not given
    those, so that their opinions cannot depend on them.
    """

    catalogue: Catalogue
    #: What tells one state of the record from a later one. Not the history itself, which may be large.
    _judged: tuple[object, ...] = ()
    _opinions: tuple[Opinion, ...] = ()

    def opinions(self, history: History) -> tuple[Opinion, ...]:
        """Return what the judges say of a history, as ``judge``."""
        states = tuple(note for note in history.notes if note.event == STATE_NOTE)
        state = (history.header, states, tuple((e.n, e.end.outcome, e.last) for e in history.exchanges))
        if state != self._judged:
            about = msgspec.structs.replace(history, notes=states, footer=None)
            self._judged, self._opinions = state, judge(about, self.catalogue)
        return self._opinions
