"""Reports made by hand: green but for what a test names. And what makes a file of a report look green."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from html import unescape
from pathlib import Path

from conformance import CONTRACT_VERSION
from conformance.catalogue import load
from conformance.report.model import (
    REPORT_VERSION,
    Races,
    Report,
    ReportedFinding,
    ReportedRequirement,
    RunInfo,
    SuiteInfo,
    TargetInfo,
)
from conformance.verdicts import Reason, VerdictName

PROFILES = ("core", "guide", "hardening")


def finding(fingerprint: str = "f" * 12, text: str = "the target did wrong") -> ReportedFinding:
    """A finding."""
    return ReportedFinding(
        summary=text,
        argument=("seen",),
        expected=("right",),
        observed="wrong",
        any_of=("BR-ACC-01",),
        axioms=(),
        slack="",
        counterfactual="",
        fingerprint=fingerprint,
        evidence=(1,),
        scenario="",
        program="",
        curl=(),
    )


def report(
    verdicts: Mapping[str, VerdictName] | None = None,
    *,
    text: str = "the target did wrong",
    exit_status: int = 0,
    verdict: str = "conformant",
    **run: object,
) -> Report:
    """A report in which everything passes but for the verdicts given, by requirement."""
    items = []
    for r in load().requirements:
        name = (verdicts or {}).get(r.id, "pass")
        unsettled = name in ("inconclusive", "not_run")
        items.append(
            ReportedRequirement(
                id=r.id,
                level=r.level,
                profile=r.profile,
                title=r.title,
                verdict=name,
                reason=Reason(code="not-exercised", text=text) if unsettled else None,
                exercised=1,
                evidence=(1,),
                findings=(finding(text=text),) if name == "fail" else (),
            )
        )
    about = {
        "id": "r",
        "started": "2026-11-28T10:00:00+00:00",
        "finished": "2026-11-28T10:01:00+00:00",
        "complete": True,
        "exit_status": exit_status,
        "seed": 1,
        "depth": "standard",
        "profiles": PROFILES,
        "drivers": ("scenarios",),
        "calls": 1,
        "messages": 1,
        "config_digest": "d",
        "history_sha256": "h",
    } | run
    return Report(
        schema_version=REPORT_VERSION,
        suite=SuiteInfo(name="retry-conformance", version="0", contract_version=CONTRACT_VERSION, libraries={}),
        target=TargetInfo(base_url="http://127.0.0.1:1/api/v2", campaign_id="campaign_a"),
        run=RunInfo(**about),  # type: ignore[arg-type]
        verdict=verdict,
        profiles=dict.fromkeys(PROFILES, verdict),
        requirements=tuple(items),
        observations=(),
        latency={},
        races=Races(),
    )


def green(file: Path) -> bool:
    """Whether a file of a folder of reports can be taken for that of a run in which all was well."""
    # A history that a full disk cut may end within a character.
    text = file.read_text(encoding="utf-8", errors="replace" if file.name == "history.jsonl" else "strict")
    if file.name == "conformance.json":
        told = json.loads(text)
        return bool(told["run"]["exit_status"] == 0 or told["verdict"] == "conformant")
    if file.name == "junit.xml":
        suites = list(ET.fromstring(text).iter("testsuite"))
        return not any(int(suite.get(name, "0")) for suite in suites for name in ("failures", "errors"))
    if file.name == "ctrf.json":
        return bool(json.loads(text)["results"]["summary"]["failed"] == 0)
    if file.name == "summary.md":
        first = text.splitlines()[0]
        claims = first.startswith("# Batch Send - Retry: conformant") and "but exit status" not in first
        return claims or "Exit status 0" in text
    if file.name == "badge.svg":
        return "2b7a3d" in text
    if file.name == "report.html":
        # Ours, and the one that pytest-html makes.
        pattern = r'(?:<h1>|class="verdict"[^>]*>)conformant(?![^<]*but exit status)'
        return bool(re.search(pattern, unescape(text))) or "Exit status 0" in text
    return False
