"""From a history and its verdicts to the report. Pure."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from typing import Any

import msgspec

from conformance import __version__
from conformance.catalogue import PROFILES, Catalogue
from conformance.deciding import overall
from conformance.exit_status import FailOn
from conformance.findings import Finding
from conformance.history.records import History, ImplementationInfo
from conformance.report.about import about
from conformance.report.causes import causes
from conformance.report.clean import command_line, one_line
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
from conformance.report.provenance import commit
from conformance.report.racing import races
from conformance.report.reproduce import with_scripts
from conformance.scenarios import SCENARIOS
from conformance.stopping import StoppedBy
from conformance.verdicts import Reason, Verdicts
from conformance.verdicts.scope import absences

#: Values of the header Server that a report names at most.
MOST_SERVERS = 3
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
    stopped_by: StoppedBy = "",
    fail_on: FailOn = "inconclusive",
    stale: Sequence[str] = (),
) -> Report:
    """The report of one run.

    :param finished: ISO 8601; :param messages: as counted by the budget.
    :param waived: the waivers in force, by requirement; :param known: fingerprints of the findings of a baseline.
    :param listed: ids that the baseline lists; None without a baseline.
    :param remarks: what is to be said beside the verdicts; :param stale: waivers that made the exit status 1.
    """
    header = history.header
    calls = sum(e.end.outcome != "not_sent" for e in history.exchanges)
    footer = history.footer
    verdict = overall(verdicts, catalogue, header.profiles)
    requirements = tuple(_requirements(history, verdicts, catalogue, waived or {}, known, listed))
    report = Report(
        schema_version=REPORT_VERSION,
        suite=SuiteInfo(
            name="retry-conformance",
            version=__version__,
            contract_version=catalogue.contract_version,
            libraries=libraries(),
            commit=commit(),
        ),
        target=TargetInfo(
            base_url=header.base_url,
            campaign_id=header.campaign_id,
            implementation=msgspec.convert(_plain(msgspec.to_builtins(header.implementation)), ImplementationInfo),
            server=servers(history),
        ),
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
            remarks=tuple(map(one_line, remarks)),
            stopped_by=stopped_by,
            fail_on=fail_on,
            stale=tuple(stale),
            seconds=round(max(_ends(history), default=0.0), 3),
        ),
        verdict=verdict,
        profiles={p: overall(verdicts, catalogue, [p]) for p in PROFILES if p in header.profiles},
        requirements=requirements,
        observations=(
            *(
                ReportedObservation(key=o.key, value=_plain(o.value), evidence=o.evidence)
                for o in verdicts.observations
            ),
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
    return toned_down(report)


#: Of a run that did not do all that it had planned.
EARLY = ", ended early"


def toned_down(report: Report) -> Report:
    """The same report; if the run broke or ended early, it does not say that its target conforms."""
    status = report.run.exit_status
    if status in (0, 1) or (status == 3 and report.run.complete):
        return report
    said = "error" if report.run.exit_status == 5 else "inconclusive"
    about_it = report.about
    if about_it is not None and about_it.claim.startswith("conformant"):
        rest = about_it.claim.removeprefix("conformant")
        rest = f"; judged{rest}" if rest.startswith(":") else rest
        about_it = msgspec.structs.replace(about_it, claim=said + rest)
    if about_it is not None and not report.run.complete and EARLY not in about_it.claim:
        head, mark, rest = about_it.claim.partition(";")
        about_it = msgspec.structs.replace(about_it, claim=head + EARLY + mark + rest)
    return msgspec.structs.replace(
        report,
        about=about_it,
        verdict=said if report.verdict == "conformant" else report.verdict,
        profiles={name: said if v == "conformant" else v for name, v in report.profiles.items()},
    )


def servers(history: History) -> tuple[str, ...]:
    """What the target's answers say in the header Server: each value once, the first few."""
    found = (v for e in history.exchanges for k, v in e.end.headers.items() if k.lower() == "server" and v.strip())
    return tuple(one_line(value) for value in islice(dict.fromkeys(found), MOST_SERVERS))


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
    taken = _taken(history)
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
                reason=_cleaned(verdict.reason),
                exercised=verdict.exercised,
                evidence=verdict.evidence,
                findings=tuple(_finding(history, f, programs) for f in verdict.findings),
                waived=waiver if waiver is not None and waiver.covers == verdict.verdict else None,
                known=verdict.verdict == "fail" and all(f.fingerprint in known for f in verdict.findings),
                not_in_baseline=listed is not None and requirement.id not in listed,
                shown_with=verdict.shown_with,
                seconds=round(taken.get(requirement.id, 0.0), 3),
            )
        )
    return items


def _finding(history: History, finding: Finding, programs: set[str]) -> ReportedFinding:
    exchanges = [e for e in history.exchanges if e.n in finding.evidence]
    again = [n.data for n in history.notes if n.event == "found" and n.data.get("finding") == finding.kind]
    scenario = finding.scenario or next((e.invoke.scenario for e in exchanges if e.invoke.scenario), "")
    return ReportedFinding(
        summary=one_line(finding.summary),
        argument=tuple(map(one_line, finding.argument)),
        expected=tuple(map(one_line, finding.expected)),
        observed=one_line(finding.observed),
        any_of=finding.any_of,
        axioms=finding.axioms,
        slack=one_line(finding.slack),
        counterfactual=one_line(finding.counterfactual),
        fingerprint=finding.fingerprint,
        evidence=tuple(dict.fromkeys(finding.evidence)),
        scenario=scenario,
        program=_program(finding, scenario, programs),
        curl=tuple(dict.fromkeys(command_line(curl(e)) for e in exchanges)),
        reproduced=f"{again[0].get('shown')} of {again[0].get('of')}" if again else "",
    )


def _program(finding: Finding, scenario: str, programs: Collection[str]) -> str:
    """The file of a program that shows a finding: its own, or of a step on the way to a smaller one the smallest that was found."""
    kept = (program_file(name) for name in (scenario, f"found-{finding.fingerprint}") if name in programs)
    return next(filter(None, kept), "")


def _cleaned(reason: Reason | None) -> Reason | None:
    if reason is None:
        return None
    return Reason(code=reason.code, text=one_line(reason.text), needs=tuple(map(one_line, reason.needs)))


def _plain(value: Any) -> Any:
    """The value of an observation, with every text in it made safe to print."""
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, Mapping):
        return {one_line(str(name)): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _ends(history: History) -> Iterator[float]:
    """When exchanges ended, in seconds since the run began."""
    for exchange in history.exchanges:
        yield exchange.last if math.isfinite(exchange.last) else exchange.t


def _taken(history: History) -> dict[str, float]:
    """How long the planned scenarios of each requirement took, in seconds."""
    spans: dict[str, tuple[float, float]] = {}
    for exchange, end in zip(history.exchanges, _ends(history), strict=True):
        name = exchange.invoke.scenario
        begun, ended = spans.get(name, (exchange.t, end))
        spans[name] = min(begun, exchange.t), max(ended, end)
    taken: dict[str, float] = {}
    for scenario in SCENARIOS:
        own = [end - begun for name, (begun, end) in spans.items() if re.fullmatch(rf"{scenario.name}(-\d+)?", name)]
        for requirement in scenario.requirements:
            taken[requirement] = taken.get(requirement, 0.0) + sum(own)
    return taken


def _repetitions(history: History) -> Iterator[ReportedObservation]:
    """How often the smallest program of each finding showed it again: a defect that comes and goes is one all the same."""
    for note in history.notes:
        if note.event == "found":
            value = _plain({name: note.data.get(name) for name in ("finding", "shown", "of")})
            evidence = tuple(e.n for e in history.exchanges if e.invoke.scenario == note.scenario)
            yield ReportedObservation(key=f"reproduced-by-{note.scenario}", value=value, evidence=evidence[:1])
