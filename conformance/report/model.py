"""The report, as data: what `conformance.json` holds, and the source of every other report. No I/O here."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from conformance.history.records import ImplementationInfo
from conformance.stopping import StoppedBy
from conformance.verdicts import Reason, Shown, VerdictName

REPORT_VERSION = 1


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    pass


class SuiteInfo(_Part, frozen=True):
    """Which suite judged."""

    name: str
    version: str
    contract_version: str
    libraries: dict[str, str]
    #: The commit that it was installed from or runs in; empty if that is not known.
    commit: str = ""


class TargetInfo(_Part, frozen=True):
    """What was judged."""

    base_url: str
    campaign_id: str
    #: As the configuration says (``[implementation]``).
    implementation: ImplementationInfo = ImplementationInfo()
    #: What the target says of itself in the header Server, each value once.
    server: tuple[str, ...] = ()

    @property
    def product(self) -> str:
        """Product, version and organization, as one name; empty if the configuration says none of them."""
        made = self.implementation
        named = " ".join(part for part in (made.product, made.version) if part)
        return f"{named} ({made.organization})" if named and made.organization else named or made.organization

    @property
    def words(self) -> str:
        """The target in one line: where, what, of whom, and what it says of itself."""
        contact = self.implementation.contact
        parts = (
            self.product,
            f"contact {contact}" if contact else "",
            f"Server: {', '.join(self.server)}" if self.server else "",
        )
        return "; ".join((f"{self.base_url}, campaign {self.campaign_id}", *(part for part in parts if part)))


class RunInfo(_Part, frozen=True):
    """The run: when, how, and what it took. ``calls`` and ``messages`` as counted by the budget."""

    id: str
    started: str
    finished: str
    complete: bool
    exit_status: int
    seed: int
    depth: str
    profiles: tuple[str, ...]
    drivers: tuple[str, ...]
    calls: int
    messages: int
    config_digest: str
    history_sha256: str
    #: Sentences that belong beside the verdicts: why the run ended early, stale waivers, what the baseline has already.
    remarks: tuple[str, ...] = ()
    #: Why the run ended early; empty if it did all it had planned.
    stopped_by: StoppedBy = ""
    #: What else than a failing MUST made the exit status: ``--fail-on``.
    fail_on: Literal["fail", "inconclusive"] = "inconclusive"
    #: Stale waivers that made the exit status 1, a sentence each.
    stale: tuple[str, ...] = ()
    #: How long it took.
    seconds: float = 0.0

    @property
    def spent(self) -> str:
        """What the run took, in words."""
        calls, messages = "" if self.calls == 1 else "s", "" if self.messages == 1 else "s"
        return f"{self.calls} call{calls}, {self.messages} message{messages}"


class ReportedFinding(_Part, frozen=True):
    """A finding with what reproduces it."""

    summary: str
    argument: tuple[str, ...]
    expected: tuple[str, ...]
    observed: str
    any_of: tuple[str, ...]
    axioms: tuple[str, ...]
    slack: str
    counterfactual: str
    fingerprint: str
    evidence: tuple[int, ...]
    scenario: str
    #: File of the program, beside the report; empty if there is none.
    program: str
    #: Command lines of the evidence's exchanges, equal ones once.
    curl: tuple[str, ...]
    #: How often the smallest program that showed it did so again, as "3 of 5"; empty if none was run again.
    reproduced: str = ""


class Waived(_Part, frozen=True):
    """The waiver that covers a verdict, until it expires."""

    covers: str
    reason: str
    link: str
    expires: str
    #: Of the one finding that it names; empty if it covers all.
    fingerprint: str = ""


class ReportedRequirement(_Part, frozen=True):
    """A requirement and its verdict."""

    id: str
    level: str
    profile: str
    title: str
    verdict: VerdictName
    reason: Reason | None
    exercised: int
    evidence: tuple[int, ...]
    findings: tuple[ReportedFinding, ...]
    #: Only if it covers this verdict.
    waived: Waived | None = None
    #: Whether it fails, and by nothing that the baseline does not have already.
    known: bool = False
    #: There is a baseline, and it does not list this requirement: the verdict is reported, and does not count.
    not_in_baseline: bool = False
    #: For a pass: what it was shown with, where the exchanges tell.
    shown_with: Shown | None = None
    #: How long its planned scenarios took.
    seconds: float = 0.0


class ReportedObservation(_Part, frozen=True):
    """Which legal reading the target follows."""

    key: str
    value: Any
    evidence: tuple[int, ...]


class Latency(_Part, frozen=True):
    """Seconds from the first byte sent to the last byte read, over the answered calls of an operation."""

    calls: int
    median: float
    p95: float
    largest: float


class Races(_Part, frozen=True):
    """Races that were run: pairs of retries, the largest skew of their releases, and the window that every pair hits
    between a target's check and its act (``report/racing.py``). Seconds."""

    pairs: int = 0
    skew: float | None = None
    window: float | None = None


class About(_Part, frozen=True):
    """What the verdict is about: how much of the contract, and without what (``report/about.py``)."""

    #: "conformant: core, 11 of 52"; what a badge says.
    claim: str
    #: Which requirements decided it; may be empty.
    detail: str
    #: How many requirements the run was about, of how many that the contract has.
    judged: int
    of: int
    #: Requirements that were not tested, for the service was declared to lack what they need.
    but_for: tuple[str, ...] = ()


class Cause(_Part, frozen=True):
    """Findings that share what they are about, told as one (``report/causes.py``). A reading aid: verdicts rest on findings."""

    #: 1 is the one to read first.
    number: int
    #: What happened, in a sentence.
    headline: str
    #: Fingerprint of the finding that tells it best.
    fingerprint: str
    #: Requirements that fail because of it.
    requirements: tuple[str, ...]
    #: Fingerprints of all its findings, the one that tells it best first.
    findings: tuple[str, ...]
    #: Exchanges that prove the finding that tells it best.
    evidence: tuple[int, ...]
    #: When the first of them left: UTC, ISO 8601.
    at: str
    #: In how many places of the history it shows.
    times: int
    #: Requirements that are inconclusive because of it.
    follows: tuple[str, ...] = ()
    #: A script that shows it again, beside the report; empty if there is none.
    script: str = ""


class Report(_Part, frozen=True):
    """All of `conformance.json` (schema: `specs/report.schema.json`)."""

    schema_version: int
    suite: SuiteInfo
    target: TargetInfo
    run: RunInfo
    verdict: str
    profiles: dict[str, str]
    requirements: tuple[ReportedRequirement, ...]
    observations: tuple[ReportedObservation, ...]
    latency: dict[str, Latency]
    races: Races
    #: None in reports of suites that did not say.
    about: About | None = None
    #: What fails, grouped: the cause to read first before the others.
    causes: tuple[Cause, ...] = ()

    @property
    def claim(self) -> str:
        """The verdict and what it is about."""
        return self.about.claim if self.about is not None else self.verdict

    def __getitem__(self, identifier: str) -> ReportedRequirement:
        """The requirement with this id; raises KeyError if there is none."""
        for item in self.requirements:
            if item.id == identifier:
                return item
        raise KeyError(identifier)

    @property
    def chosen(self) -> tuple[ReportedRequirement, ...]:
        """The requirements that the run was about: of its profiles, and of its selection if it had one."""
        return tuple(r for r in self.requirements if r.reason is None or r.reason.code != "not-selected")

    @property
    def left_out(self) -> int:
        """How many requirements the run was not about."""
        return len(self.requirements) - len(self.chosen)

    @property
    def nothing_judged(self) -> bool:
        """Whether the run ended before anything came of it, so that there is one thing to say and not one for each row."""
        codes = {r.reason.code if r.reason is not None else "" for r in self.chosen if r.verdict == "inconclusive"}
        settled = any(r.verdict in ("error", "fail", "pass") for r in self.chosen)
        return not self.run.complete and not settled and codes <= {"run-incomplete"}
