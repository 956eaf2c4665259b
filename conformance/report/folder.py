"""The folder of reports."""

from __future__ import annotations

from pathlib import Path

from conformance.errors import SuiteError, UsageError


def make_folder(folder: Path) -> Path:
    """The report folder, made if need be.

    :raises UsageError: its name belongs to a file.
    :raises SuiteError: it cannot be made or written to; what is there is of an older run.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except (FileExistsError, NotADirectoryError) as error:
        what = f"cannot be written ({error.strerror})"
        raise UsageError(what, where=str(folder), hint="name another --report-dir") from None
    except OSError as error:
        what = f"cannot be written ({error.strerror}): nothing was sent, and reports there are of an older run"
        raise SuiteError(what, where=str(folder), hint="name another --report-dir") from None
    return folder
