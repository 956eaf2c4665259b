"""From a history and its verdicts to the report. Pure."""

from __future__ import annotations

import re
import statistics
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

from conformance import __version__
from conformance.catalogue import PROFILES, Catalogue
from conformance.deciding import overall
from conformance.findings import Finding
from conformance.history.records import History
from conformance.report.about import about
from conformance.report.causes import causes
from conformance.report.curl import curl
from conformance.report.model import (
    REPORT_VERSION,
    Latency,
    Report,
    ReportedFinding,
    ReportedObservation,
    ReportedRequirement,
    RunInfo,
    SuiteInfo,
    TargetInfo,
    Waived,
)
from conformance.report.racing import races
from conformance.report.reproduce import with_scripts
from conformance.verdicts import Verdicts
from conformance.verdicts.scope import absences

LIBRARIES = ("httpx", "hypothesis", "jsonschema-rs", "msgspec", "pytest", "pytest-html", "schemathesis")


def build(
    history: History,
    verdicts: Verdicts,
    catalogue: Catalogue,
    *,
    finished: str,
    exit_status: int,
    history_sha256: str,
    messages: int,
    waived: Mapping[str, Waived] | None = None,
    known: Collection[str] = (),
    listed: Collection[str] | None = None,
    remarks: Sequence[str] = (),
) -> Report:
    """The report of one run.

    :param finished: ISO 8601; :param messages: as counted by the budget.
    :param waived: the waivers in force, by requirement; :param known: fingerprints of the findings of a baseline.
    :param listed: ids that the baseline lists; None without one.
    :param remarks: what is to be said beside the verdicts.
    """
    header = history.header
    calls = sum(e.end.outcome != "not_sent" for e in history.exchanges)
    footer = history.footer
    verdict = overall(verdicts, catalogue, header.profiles)
    requirements = tuple(_requirements(history, verdicts, catalogue, waived or {}, known, listed))
    return Report(
        schema_version=REPORT_VERSION,
        suite=SuiteInfo(
            name="retry-conformance",
            version=__version__,
            contract_version=catalogue.contract_version,
            libraries=libraries(),
        ),
        target=TargetInfo(base_url=header.base_url, campaign_id=header.campaign_id),
        run=RunInfo(
            id=header.run_id,
            started=header.started,
            finished=finished,
            complete=footer is not None and footer.complete,
            exit_status=exit_status,
            seed=header.seed,
            depth=header.depth,
            profiles=header.profiles,
            drivers=header.drivers,
            calls=calls,
            messages=messages,
            config_digest=header.config_digest,
            history_sha256=history_sha256,
            remarks=tuple(remarks),
        ),
        verdict=verdict,
        profiles={p: overall(verdicts, catalogue, [p]) for p in PROFILES if p in header.profiles},
        requirements=requirements,
        observations=(
            *(ReportedObservation(key=o.key, value=o.value, evidence=o.evidence) for o in verdicts.observations),
            *_repetitions(history),
        ),
        latency=latency(history),
        races=races(history),
        causes=with_scripts(causes(history, verdicts, requirements), requirements, history),
        about=about(
            verdict,
            requirements,
            header.profiles,
            contract=catalogue.contract_version,
            absent={r.id: absences(r, header, catalogue.capabilities) for r in catalogue.requirements},
        ),
    )


def libraries() -> dict[str, str]:
    """Versions of what the suite stands on."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def program_file(scenario: str) -> str:
    """The file, beside the report, that holds a scenario's program; empty for a step on the way to a smaller one.

    A program that was run again as ``found-…-2`` is that of ``found-…``.
    """
    if scenario.startswith("machine-shrink-"):
        return ""
    again = re.fullmatch(r"(found-[0-9a-f]+)-\d+", scenario)
    return f"programs/{again[1] if again else scenario}.json"


def latency(history: History) -> dict[str, Latency]:
    """How long the answered calls of each operation took."""
    spans: dict[str, list[float]] = {}
    for exchange in history.exchanges:
        if exchange.answered:
            spans.setdefault(exchange.invoke.operation, []).append(exchange.last - exchange.t)
    return {
        operation: Latency(
            calls=len(taken),
            median=round(statistics.median(taken), 4),
            p95=round(sorted(taken)[int(0.95 * (len(taken) - 1))], 4),
            largest=round(max(taken), 4),
        )
        for operation, taken in spans.items()
    }


def _requirements(
    history: History,
    verdicts: Verdicts,
    catalogue: Catalogue,
    waived: Mapping[str, Waived],
    known: Collection[str],
    listed: Collection[str] | None,
) -> Sequence[ReportedRequirement]:
    programs = {n.scenario for n in history.notes if n.event == "program"}
    items = []
    for verdict in verdicts.items:
        requirement = catalogue[verdict.requirement]
        waiver = waived.get(requirement.id)
        items.append(
            ReportedRequirement(
                id=requirement.id,
                level=requirement.level,
                profile=requirement.profile,
                title=requirement.title,
                verdict=verdict.verdict,
                reason=verdict.reason,
                exercised=verdict.exercised,
                evidence=verdict.evidence,
                findings=tuple(_finding(history, f, programs) for f in verdict.findings),
                waived=waiver if waiver is not None and waiver.covers == verdict.verdict else None,
                known=verdict.verdict == "fail" and all(f.fingerprint in known for f in verdict.findings),
                not_in_baseline=listed is not None and requirement.id not in listed,
                shown_with=verdict.shown_with,
            )
        )
    return items


def _finding(history: History, finding: Finding, programs: set[str]) -> ReportedFinding:
    exchanges = [e for e in history.exchanges if e.n in finding.evidence]
    again = [n.data for n in history.notes if n.event == "found" and n.data.get("finding") == finding.kind]
    scenario = finding.scenario or next((e.invoke.scenario for e in exchanges if e.invoke.scenario), "")
    return ReportedFinding(
        summary=finding.summary,
        argument=finding.argument,
        expected=finding.expected,
        observed=finding.observed,
        any_of=finding.any_of,
        axioms=finding.axioms,
        slack=finding.slack,
        counterfactual=finding.counterfactual,
        fingerprint=finding.fingerprint,
        evidence=tuple(dict.fromkeys(finding.evidence)),
        scenario=scenario,
        program=program_file(scenario) if scenario in programs else "",
        curl=tuple(dict.fromkeys(map(curl, exchanges))),
        reproduced=f"{again[0].get('shown')} of {again[0].get('of')}" if again else "",
    )


def _repetitions(history: History) -> Iterator[ReportedObservation]:
    """How often the smallest program of each finding showed it again: a defect that comes and goes is one all the same."""
    for note in history.notes:
        if note.event == "found":
            value = {name: note.data.get(name) for name in ("finding", "shown", "of")}
            evidence = tuple(e.n for e in history.exchanges if e.invoke.scenario == note.scenario)
            yield ReportedObservation(key=f"reproduced-by-{note.scenario}", value=value, evidence=evidence[:1])
