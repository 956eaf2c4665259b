"""The driver that explores: programs that nobody planned, drawn by hypothesis.

They are drawn before anything is sent, and run side by side with the planned scenarios, so that a slow target is
waited for once. What a program shows by its own exchanges only steers the search: the verdicts come of the whole
history, as always.
"""

from __future__ import annotations

from conformance.drivers.drive import Begun, Drive
from conformance.drivers.scenarios import look_again
from conformance.exploring.scope import scope_of
from conformance.program.scheduler import Progress


def begin(run: Drive, before: Begun) -> Begun:
    """Draw programs; when they have ended, shrink what was found, and run it again.

    Budgets never end the run here: what is beyond the share is left out.
    """
    # Imported here: what does not explore need not wait for hypothesis.
    from conformance.exploring.engine import Engine

    run.progress(Progress(part="exploring", what="drawing programs"))
    engine = Engine(run, scope_of(run.depth, run.config), before)
    group = engine.begin()

    def after() -> None:
        if engine.pursue(engine.learn(group, search=bool(run.so_far().broken))):
            look_again(run)

    return Begun(programs=group.running, after=after)
