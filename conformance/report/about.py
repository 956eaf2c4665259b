"""What a verdict is about, in words: "conformant: core, 11 of 52". Pure.

A reader of a badge sees the verdict alone. It says how much of the contract the run was about, and what the service was
declared to lack, so that a part is never taken for the whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from conformance import CONTRACT_VERSION
from conformance.catalogue import PROFILES
from conformance.exit_status import harmless
from conformance.report.ids import short
from conformance.report.model import About, ReportedRequirement
from conformance.verdicts import Shown


def about(
    verdict: str,
    requirements: Sequence[ReportedRequirement],
    profiles: Collection[str],
    *,
    contract: str,
    absent: Mapping[str, Sequence[str]],
) -> About:
    """What a verdict is about.

    :param verdict: the overall verdict; :param profiles: those of the run; :param contract: the version judged by.
    :param absent: by requirement id, what the service was declared to lack for it, in words.
    """
    chosen = [item for item in requirements if item.reason is None or item.reason.code != "not-selected"]
    untested = {item.id: absent[item.id] for item in chosen if item.reason and item.reason.code == "declared-absent"}
    return About(
        claim=_claim(verdict, len(chosen), len(requirements), profiles, contract, _lacking(untested)),
        detail=_detail(verdict, [item for item in chosen if item.level == "MUST" and item.profile in profiles])
        or _should(chosen),
        judged=len(chosen),
        of=len(requirements),
        but_for=tuple(untested),
    )


def _claim(verdict: str, judged: int, of: int, profiles: Collection[str], contract: str, lacking: str) -> str:
    part = [name for name in PROFILES if name in profiles] if set(profiles) != set(PROFILES) else []
    version = [f"contract {contract}"] if contract != CONTRACT_VERSION else []
    scope = ", ".join([*part, f"all {of}" if judged == of else f"{judged} of {of}", *version])
    if verdict != "conformant":
        # "nonconformant: all 52" would say that all of them fail.
        return f"{verdict}; judged: {scope}" + (f"; not tested: {lacking}" if lacking else "")
    if not lacking:
        return f"{verdict}: {scope}"
    return f"conformant but for {lacking}" + (f" ({scope})" if part or version or judged < of else "")


def _lacking(untested: Mapping[str, Sequence[str]]) -> str:
    """Requirements that were declared untestable, with what the service lacks: "BR-SEC-02, -03: no second campaign"."""
    groups: dict[str, list[str]] = {}
    for name, lacks in untested.items():
        groups.setdefault(lacks[0], []).append(name)
    return "; ".join(f"{short(names)}: {lack}" for lack, names in groups.items())


def _detail(verdict: str, musts: Sequence[ReportedRequirement]) -> str:
    """Which requirements decided the verdict; for one that is open, in agreement with the exit status."""
    if verdict == "error":
        return f"could not be judged: {short(_ids(musts, 'error'))}"
    if verdict == "nonconformant":
        return f"violated: {short(_ids(musts, 'fail'))}"
    if verdict != "inconclusive":
        return ""
    if not any(item.verdict == "pass" for item in musts):
        return "nothing that counts was exercised"
    still_open = [item for item in musts if item.verdict in ("inconclusive", "not_run")]
    counted = [item.id for item in still_open if not harmless(item)]
    if counted:
        return f"not settled: {short(counted)}"
    waived = [item.id for item in still_open if item.waived is not None or item.not_in_baseline]
    if waived:
        return f"not settled, and waived or not in the baseline: {short(waived)}"
    return "every MUST that the run was about passed or does not apply"


def _should(chosen: Iterable[ReportedRequirement]) -> str:
    broken = [item.id for item in chosen if item.level == "SHOULD" and item.verdict == "fail"]
    return f"violated, and only a SHOULD: {short(broken)}" if broken else ""


def _ids(items: Iterable[ReportedRequirement], verdict: str) -> list[str]:
    return [item.id for item in items if item.verdict == verdict]


def exercised(times: int, shown: Shown | None) -> str:
    """How often a requirement was exercised, and with what, as a clause."""
    text = f"exercised {times} times" if times != 1 else "exercised once"
    if shown is None:
        return text
    rows = "batches of one row" if shown.rows == 1 else f"batches of up to {shown.rows} rows"
    return f"{text}; {rows}, {' and '.join(shown.roles)} recipients, {', '.join(shown.languages)}"
