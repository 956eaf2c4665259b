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
    """Judges histories of one run.

    A run that has ended differs from the same run a moment before by notes of how it ended and by its footer. Judges are not given
    those, so that their opinions cannot depend on them.
    """

    catalogue: Catalogue
    _judged: History | None = None
    _opinions: tuple[Opinion, ...] = ()

    def opinions(self, history: History) -> tuple[Opinion, ...]:
        """Return what the judges say of a history, as ``judge``."""
        about = msgspec.structs.replace(
            history, notes=tuple(note for note in history.notes if note.event == STATE_NOTE), footer=None
        )
        if about != self._judged:
            self._judged, self._opinions = about, judge(about, self.catalogue)
        return self._opinions
