"""The driver that explores: programs that nobody planned, drawn by hypothesis.

They are drawn first, before anything is sent, and run side by side, so that a slow target is waited for once and not
once for each. What a program shows by its own exchanges only steers the search: the verdicts come of the whole
history, as always.
"""

from __future__ import annotations

from conformance.drivers.drive import Drive
from conformance.drivers.scenarios import look_again
from conformance.exploring.scope import scope_of
from conformance.program.scheduler import Progress


def drive(run: Drive) -> None:
    """Explore, shrink what is found, and run it again.

    :raises GuardError: the guard ended the run. Budgets never end it here: what is beyond the share is left out.
    """
    # Imported here: what does not explore need not wait for hypothesis.
    from conformance.exploring.engine import Engine

    run.progress(Progress(part="exploring", what="drawing programs"))
    engine = Engine(run, scope_of(run.depth, run.config))
    engine.pursue(engine.explore())
    look_again(run)
