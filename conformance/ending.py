"""How a run ends: what ended it is on record and has an exit status, and the history is closed and can be judged."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from conformance.errors import GuardError, ProvedError, TargetError
from conformance.history.writer import HistoryWriter
from conformance.signals import Stop
from conformance.stopping import StoppedBy, by_error
from conformance.transport.client import HttpTransport
from conformance.transport.redact import Redactor

#: Where the traceback of an error of ours is kept, beside the reports.
CRASH_FILE = "crash.txt"


@dataclass
class Ending:
    """How a run ended: its own exit status, whether it did all it had planned, and lines for a person."""

    status: int = 0
    complete: bool = True
    stopped_by: StoppedBy = ""
    lines: list[str] = field(default_factory=list)


def to_its_end(
    drive: Callable[[], None],
    ending: Ending,
    *,
    writer: HistoryWriter,
    transport: HttpTransport,
    stop: Stop,
    folder: Path,
    redactor: Redactor,
) -> None:
    """Let a run go on until it is over or something ends it. Raises nothing.

    :param ending: gets how it ended. :param folder: where an error of ours is told.
    """
    try:
        drive()
    except (TargetError, GuardError) as error:
        ending.status, ending.complete = error.exit_status, False
        ending.lines.append(str(error))
        _stopped(transport, ending, by_error(error), str(error))
    except ProvedError as proved:
        # What is on record gives the exit status.
        ending.complete = False
        ending.lines.append(str(proved))
        _stopped(transport, ending, by_error(proved), str(proved))
    except KeyboardInterrupt:
        stop.taken = True
        ending.status, ending.complete = stop.exit_status, False
        _stopped(transport, ending, "interrupted" if ending.status == 130 else "terminated", stop.words)
    except Exception as crash:
        # A boundary: whatever breaks in a driver of ours, the history is closed and judged, and it is never a pass.
        ending.status, ending.complete = 5, False
        if writer.failed is not None:
            # What cannot be written down is not sent: the run is over, and what was written is judged.
            why = writer.failed.strerror
            ending.lines.append(f"{writer.path}: the history could not be written ({why}); the verdicts end there")
            ending.stopped_by = "history_lost"
            return
        ending.lines.append(f"the suite itself broke ({type(crash).__name__}); {folder / CRASH_FILE} says where")
        logging.getLogger(__name__).debug("the suite broke", exc_info=True)
        with suppress(OSError):
            write_crash(folder, redactor)
        _stopped(transport, ending, "suite_broke", f"the suite itself broke: {type(crash).__name__}")
    finally:
        # What is left is to judge and to write it down, in seconds: a signal does not keep that from being done.
        stop.taken = True
        _close(writer, transport, ending)


def write_crash(folder: Path, redactor: Redactor) -> None:
    """Keep the traceback of the error that is being handled, without keys and numbers."""
    (folder / CRASH_FILE).write_text(redactor.text(traceback.format_exc()), encoding="utf-8")


def _stopped(transport: HttpTransport, ending: Ending, by: StoppedBy, text: str) -> None:
    """Put on record why the run ends early. A full disk keeps nobody from saying it."""
    ending.stopped_by = by
    with suppress(OSError):
        transport.note("stopped", text=text, by=by)


def _close(writer: HistoryWriter, transport: HttpTransport, ending: Ending) -> None:
    """Close the history. On a full disk that may fail, and is said; what was written is judged all the same."""
    try:
        writer.close(transport.now(), complete=ending.complete, messages=transport.budget.messages)
    except OSError as error:
        if ending.stopped_by != "history_lost":
            ending.lines.append(f"{writer.path}: the history could not be closed ({error.strerror})")
        ending.status, ending.complete, ending.stopped_by = 5, False, "history_lost"
