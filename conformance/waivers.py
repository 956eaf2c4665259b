"""Waivers: known failures that a gate lets pass, each with a reason and an expiry date. Dates are days in UTC."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from conformance.catalogue import Catalogue
from conformance.errors import FormatError
from conformance.report.model import ReportedRequirement, Waived

#: Verdicts that a waiver may cover.
_COVERED = ("fail", "inconclusive", "not_run")
StaleWaivers = Literal["fail", "warn"]


class Waiver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One waiver, as written in the file."""

    requirement: str
    covers: Literal["fail", "inconclusive", "not_run"]
    reason: str
    link: str
    #: The last day on which it holds, in UTC.
    expires: datetime.date
    #: Of the one finding that it covers, as the reports show it; empty covers all of the requirement.
    fingerprint: str = ""


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    waiver: tuple[Waiver, ...] = ()


def read_waivers(path: Path) -> tuple[Waiver, ...]:
    """The waivers of a TOML file: tables ``[[waiver]]`` with requirement, covers, reason, link, expires.

    :raises FormatError: it cannot be read, or is not that.
    """
    hint = f"write [[waiver]] with requirement, covers ({', '.join(_COVERED)}), reason, link and expires = 2027-01-31"
    try:
        data = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
        found = msgspec.convert(data, _File, strict=True).waiver
    except OSError as error:
        raise FormatError(f"cannot be read ({error.strerror})", where=str(path), hint=hint) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise FormatError(f"is no file of waivers ({error})", where=str(path), hint=hint) from None
    except RecursionError:
        raise FormatError("is no file of waivers", where=str(path), hint=hint) from None
    if any(not w.reason.strip() or not w.link.strip() for w in found):
        raise FormatError("has a waiver without a reason or link", where=str(path), hint=hint)
    if len({(w.requirement, w.covers, w.fingerprint) for w in found}) < len(found):
        raise FormatError("has two waivers for one thing", where=str(path), hint="leave one of them")
    if any(w.fingerprint and w.covers != "fail" for w in found):
        hint = 'write covers = "fail" beside fingerprint'
        raise FormatError("has a waiver with a fingerprint that covers no failure", where=str(path), hint=hint)
    return found


def unknown(waivers: Iterable[Waiver], catalogue: Catalogue) -> list[str]:
    """A line for each waiver that names no requirement: that is known before anything is sent."""
    ids = {r.id for r in catalogue.requirements}
    return [
        f"the waiver for {w.requirement} names no requirement of the contract"
        for w in waivers
        if w.requirement not in ids
    ]


def in_force(
    waivers: Iterable[Waiver], today: datetime.date, requirements: Iterable[ReportedRequirement] = ()
) -> dict[str, Waived]:
    """The waivers that have not expired, by requirement; of several, the one that covers its verdict.

    Waivers that name fingerprints cover a failure if together they name each of its findings.

    :param today: the day in UTC.
    """
    items = {item.id: item for item in requirements}
    standing = [w for w in waivers if w.expires >= today]
    found: dict[str, Waived] = {}
    for w in standing:
        item = items.get(w.requirement)
        fits = item is not None and item.verdict == w.covers
        if w.fingerprint and (item is None or not _named(standing, item)):
            continue
        if fits or w.requirement not in found:
            found[w.requirement] = Waived(
                covers=w.covers,
                reason=w.reason,
                link=w.link,
                expires=w.expires.isoformat(),
                fingerprint=w.fingerprint,
            )
    return found


def _named(standing: Iterable[Waiver], item: ReportedRequirement) -> bool:
    named = {w.fingerprint for w in standing if w.requirement == item.id and w.fingerprint}
    return bool(item.findings) and {f.fingerprint for f in item.findings} <= named


def idle(waivers: Iterable[Waiver], requirements: Iterable[ReportedRequirement], today: datetime.date) -> list[str]:
    """A line for each waiver in force that has no effect, and is not stale: it covers something that did not come."""
    items = {item.id: item for item in requirements}
    lines = []
    for w in waivers:
        item = items.get(w.requirement)
        left_out = item is not None and item.reason is not None and item.reason.code == "not-selected"
        if item is None or left_out or w.expires < today:
            continue
        verdict, covers = item.verdict.replace("_", " "), w.covers.replace("_", " ")
        if item.verdict != w.covers:
            if item.verdict in _COVERED:
                lines.append(f"the waiver for {w.requirement} covers {covers}, and the verdict is {verdict}")
            elif w.covers != "fail" and item.verdict == "pass":
                lines.append(f"the waiver for {w.requirement} is not used: it covers {covers}, and it passes")
        elif w.fingerprint and w.fingerprint not in {f.fingerprint for f in item.findings}:
            lines.append(f"the waiver for {w.requirement} names the finding {w.fingerprint}, which was not met")
    return lines


def stale(
    waivers: Sequence[Waiver], requirements: Iterable[ReportedRequirement], catalogue: Catalogue, today: datetime.date
) -> list[str]:
    """What is wrong with the waivers themselves, a line each: expired, unknown, or for a failure that is gone.

    :param today: the day in UTC.
    """
    known = {r.id for r in catalogue.requirements}
    verdicts = {item.id: item.verdict for item in requirements}
    lines = []
    for waiver in waivers:
        if waiver.requirement not in known:
            lines += unknown([waiver], catalogue)
        elif waiver.expires < today:
            lines.append(f"the waiver for {waiver.requirement} expired on {waiver.expires.isoformat()} (UTC)")
        elif waiver.covers == "fail" and verdicts.get(waiver.requirement) == "pass":
            lines.append(f"the waiver for {waiver.requirement} is for a failure, and it passes: remove it")
    return lines
