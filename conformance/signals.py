"""Signals that end a run in order: none is lost, wherever it strikes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

#: Libraries that call what we give them, and may take an exception in between for something of their own.
_GUARDED = ("hypothesis", "hypothesis_graphql", "hypothesis_jsonschema", "schemathesis")
_PACKAGE = Path(__file__).parent
#: Where a run waits: there it ends at once, whoever called.
_WAITING = tuple(str(_PACKAGE / name) for name in ("transport", "program"))


class StopError(KeyboardInterrupt):
    """The run is to end now. Like the interruption that it is, no library takes it for an error of what it called."""


class Stop:
    """What came so far. Raised where it struck, or by ``check`` if there was no place for it."""

    def __init__(self) -> None:
        self.number: int | None = None
        #: Whether the run is ending already: then nothing more is raised.
        self.taken = False

    @property
    def exit_status(self) -> int:
        """130 for an interruption, 143 for an end from outside (SIGTERM, SIGHUP)."""
        return 130 if self.number in (None, signal.SIGINT) else 143

    @property
    def words(self) -> str:
        """What came, in words."""
        return "interrupted" if self.exit_status == 130 else f"ended by {signal.Signals(self.number or 0).name}"

    def check(self) -> None:
        """Raise what came before, if anything did.

        :raises StopError: a signal came.
        """
        if self.number is not None and not self.taken:
            raise StopError

    def come(self, number: int, frame: FrameType | None) -> None:
        """A signal came; the handler.

        :raises StopError: unless it struck inside a library that draws or collects garbage, where it would be lost.
        """
        self.number = number
        if not self.taken and not _inside_a_library(frame):
            raise StopError


@contextmanager
def caught() -> Iterator[Stop]:
    """While this lasts, SIGINT, SIGTERM and SIGHUP end the run in order. In other threads than the main one nothing changes.

    A SIGHUP that is ignored already stays so: that is what ``nohup`` is for.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop.come) for number in _ending()}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ending() -> tuple[signal.Signals, ...]:
    """The signals that end a run. Where there is no SIGHUP (Windows), the other two."""
    hang_up = getattr(signal, "SIGHUP", None)
    heard = hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN
    return (signal.SIGINT, signal.SIGTERM, *((hang_up,) if hang_up is not None and heard else ()))


def _inside_a_library(frame: FrameType | None) -> bool:
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(_WAITING):
            return False
        if any(f"/{name}/" in file for name in _GUARDED):
            return True
        frame = frame.f_back
    return False
