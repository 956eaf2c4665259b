"""Waivers: known failures that a gate lets pass, each with a reason and an expiry date."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from conformance.catalogue import Catalogue
from conformance.errors import FormatError
from conformance.report.model import ReportedRequirement, Waived

#: Verdicts that a waiver may cover.
_COVERED = ("fail", "inconclusive", "not_run")


class Waiver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One waiver, as written in the file."""

    requirement: str
    covers: Literal["fail", "inconclusive", "not_run"]
    reason: str
    link: str
    expires: datetime.date


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    waiver: tuple[Waiver, ...] = ()


def read_waivers(path: Path) -> tuple[Waiver, ...]:
    """The waivers of a TOML file: tables ``[[waiver]]`` with requirement, covers, reason, link, expires.

    :raises FormatError: it cannot be read, or is not that.
    """
    mend = "write [[waiver]] with requirement, covers, reason, link and expires = 2027-01-31"
    try:
        data = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
        found = msgspec.convert(data, _File, strict=True).waiver
    except OSError as error:
        raise FormatError(f"cannot be read ({error.strerror})", where=str(path), mend=mend) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise FormatError(f"is no file of waivers ({error})", where=str(path), mend=mend) from None
    except RecursionError:
        raise FormatError("is no file of waivers", where=str(path), mend=mend) from None
    if any(not w.reason.strip() or not w.link.strip() for w in found):
        raise FormatError("has a waiver without a reason or link", where=str(path), mend=mend)
    if len({(w.requirement, w.covers) for w in found}) < len(found):
        raise FormatError("has two waivers for one thing", where=str(path), mend="leave one of them")
    return found


def in_force(
    waivers: Iterable[Waiver], today: datetime.date, verdicts: Mapping[str, str] | None = None
) -> dict[str, Waived]:
    """The waivers that have not expired, by requirement; of several, the one that covers its verdict."""
    found: dict[str, Waived] = {}
    for w in waivers:
        fits = (verdicts or {}).get(w.requirement) == w.covers
        if w.expires >= today and (fits or w.requirement not in found):
            found[w.requirement] = Waived(covers=w.covers, reason=w.reason, link=w.link, expires=w.expires.isoformat())
    return found


def idle(waivers: Iterable[Waiver], verdicts: Mapping[str, str], today: datetime.date) -> list[str]:
    """A line for each waiver in force that leaves its requirement's verdict alone, for it covers another one."""
    return [
        f"the waiver for {w.requirement} covers {w.covers.replace('_', ' ')}, not {verdict.replace('_', ' ')}"
        for w in waivers
        if w.expires >= today and (verdict := verdicts.get(w.requirement, "")) in _COVERED and verdict != w.covers
    ]


def stale(
    waivers: Sequence[Waiver], requirements: Iterable[ReportedRequirement], catalogue: Catalogue, today: datetime.date
) -> list[str]:
    """What is wrong with the waivers themselves, a line each: expired, unknown, or for a failure that is gone."""
    known = {r.id for r in catalogue.requirements}
    verdicts = {item.id: item.verdict for item in requirements}
    lines = []
    for waiver in waivers:
        if waiver.requirement not in known:
            lines.append(f"the waiver for {waiver.requirement} names no requirement of the contract")
        elif waiver.expires < today:
            lines.append(f"the waiver for {waiver.requirement} expired on {waiver.expires.isoformat()}")
        elif waiver.covers == "fail" and verdicts.get(waiver.requirement) == "pass":
            lines.append(f"the waiver for {waiver.requirement} is for a failure, and it passes: remove it")
    return lines
