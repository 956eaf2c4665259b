"""``replay.json``: what came of a replay, for `compare`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from conformance.files import read_json
from conformance.replaying.tries import Replayed
from conformance.report.model import Report
from conformance.session import Result

#: The file that says what came of it, for `compare`.
FILE = "replay.json"


class ReplayedCause(msgspec.Struct, frozen=True, kw_only=True):
    """A cause in ``replay.json``: that of the older report, or one that the tries brought up."""

    headline: str
    outcome: str
    line: str
    requirements: tuple[str, ...]
    findings: tuple[str, ...]


class ReplayFile(msgspec.Struct, frozen=True, kw_only=True):
    """``replay.json``: what a replay of a report found, for `compare`."""

    replay_version: int = 1
    #: Run id of the report that was replayed.
    of: str
    causes: tuple[ReplayedCause, ...]
    new: tuple[ReplayedCause, ...] = ()


def replay_file(old: Report, found: Iterable[Replayed], tries: Iterable[Result]) -> ReplayFile:
    """What `compare` reads: each cause with its outcome, and what the tries show that the old report does not have."""
    told = [
        ReplayedCause(
            headline=one.question.cause.headline,
            outcome=one.outcome,
            line=one.line,
            requirements=one.question.cause.requirements,
            findings=one.question.cause.findings,
        )
        for one in found
        if one.question.cause is not None
    ]
    known = {f.fingerprint for item in old.requirements for f in item.findings}
    failing = {item.id for item in old.requirements if item.verdict == "fail"}
    fresh = {
        cause.fingerprint: ReplayedCause(
            headline=cause.headline,
            outcome="seen",
            line=cause.headline,
            requirements=cause.requirements,
            findings=cause.findings,
        )
        for result in tries
        for cause in result.report.causes
        if not known & set(cause.findings) and not failing & set(cause.requirements)
    }
    return ReplayFile(of=old.run.id, causes=tuple(told), new=tuple(fresh.values()))


def read_replay(path: Path) -> ReplayFile:
    """Read a ``replay.json``.

    :raises FormatError: it is none.
    """
    return read_json(path, ReplayFile, what="replay", hint="give a replay.json, as `run --replay DIR` writes it")
