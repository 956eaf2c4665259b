"""A verdict told in words, for terminals and logs: what was expected, what came, why it follows, how to see it again."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from conformance.catalogue import Requirement
from conformance.report.about import exercised
from conformance.report.model import ReportedFinding, ReportedRequirement

#: Repetitions of one defect that are named; the rest stands in the report.
MAX_AGAIN = 4


def story(item: ReportedRequirement, requirement: Requirement, *, width: int = 100) -> str:
    """The whole story of one requirement that did not pass."""
    head = f"{' or '.join((item.id, *alternatives(item)))} {WORDS[item.verdict]}: {happened(item)}"
    lines = [head, *wrap(requirement.sentence, width, "  rule      ")]
    if item.waived is not None:
        lines += wrap(f"until {item.waived.expires}: {item.waived.reason} ({item.waived.link})", width, "  waived    ")
    if item.known:
        lines += wrap("the baseline fails there already", width, "  known     ")
    if item.not_in_baseline:
        lines += wrap("the baseline does not list it: it does not count", width, "  new       ")
    if item.reason is not None:
        lines += wrap(f"{item.reason.text} [{item.reason.code}]", width, "  why       ")
        for need in item.reason.needs:
            lines += wrap(need, width, "  settle by ")
    for finding, again in distinct(item.findings):
        lines += ["", *_finding(finding, width)]
        if again:
            places = "; ".join(", ".join(map(str, other.evidence)) for other in again[:MAX_AGAIN])
            more = f" and {len(again) - MAX_AGAIN} more times" if len(again) > MAX_AGAIN else ""
            lines += wrap(f"in exchanges {places}{more}", width, "    and again ")
    return "\n".join(lines)


def happened(item: ReportedRequirement) -> str:
    """What happened, for one that fails; else what the requirement says."""
    told = distinct(item.findings)
    return told[0][0].summary if told and item.verdict == "fail" else item.title


def alternatives(item: ReportedRequirement) -> tuple[str, ...]:
    """Requirements of which one may be violated in place of this one; none where a finding proves this one by itself."""
    if any(len(finding.any_of) == 1 for finding in item.findings):
        return ()
    return tuple(sorted({name for finding in item.findings for name in finding.any_of} - {item.id}))


def why(item: ReportedRequirement) -> str:
    """Why the verdict is what it is, in one line: for a table."""
    waived = "in the baseline: " if item.known else "not in the baseline: " if item.not_in_baseline else ""
    if item.waived is not None:
        waived = f"waived until {item.waived.expires}: "
    if item.findings:
        others = len(distinct(item.findings)) - 1
        more = f" (and {others} more)" if others else ""
        return f"{waived}{item.findings[0].summary}{more}"
    if item.reason is not None:
        needs = f" → {item.reason.needs[0]}" if item.reason.needs and item.verdict != "not_applicable" else ""
        return f"{waived}{item.reason.text}{needs}"
    return exercised(item.exercised, item.shown_with)


def distinct(findings: Iterable[ReportedFinding]) -> list[tuple[ReportedFinding, list[ReportedFinding]]]:
    """Each defect once, by its fingerprint, with the other findings that show the same one.

    The one of the smallest program that is known, if a driver has made one small, stands for the others.
    """
    groups: dict[str, list[ReportedFinding]] = {}
    for finding in findings:
        groups.setdefault(finding.fingerprint, []).append(finding)
    for group in groups.values():
        group.sort(key=lambda finding: (not finding.scenario.startswith("found-"), not finding.program))
    return [(group[0], group[1:]) for group in groups.values()]


#: "Could not be tested" is never worded like "is violated".
WORDS = {
    "fail": "is violated",
    "inconclusive": "could not be settled",
    "not_run": "was not run",
    "pass": "passed",
    "not_applicable": "does not apply",
    "error": "could not be judged, for the suite broke",
}


def again_with(program: str, folder: str = "DIR", options: str | None = None) -> str:
    """The command line that carries out a finding's program again, with the configuration that the run had.

    :param folder: where the report lies, as a shell takes it; :param options: those that name the target, where they are known.
    """
    replay = f"--replay {folder}/{program}"
    if options is None:
        return f"retry-conformance run {replay}  # and --config FILE, if the run had one"
    return f"retry-conformance run {f'{options} ' if options else ''}{replay}"


def _finding(finding: ReportedFinding, width: int) -> list[str]:
    lines = wrap(finding.summary, width, "  * ")
    lines += [f"  {line}" for line in proof_lines(finding, width - 2)]
    if finding.program:
        lines += wrap(again_with(finding.program), width, "    again     ")
    if finding.reproduced:
        lines += wrap(f"{finding.reproduced} runs of it showed this again", width, "    repeated  ")
    return lines


def proof_lines(finding: ReportedFinding, width: int) -> list[str]:
    """What was expected and observed, why it follows, and what it rests on."""
    lines = []
    if len(finding.any_of) > 1:
        lines += wrap(f"at least one of {', '.join(finding.any_of)} is violated", width, "  proves    ")
    for index, expected in enumerate(finding.expected):
        lines += wrap(expected, width, "  expected  " if index == 0 else "         or ")
    lines += wrap(finding.observed, width, "  observed  ")
    for index, line in enumerate(finding.argument):
        lines += wrap(line, width, "  because   " if index == 0 else "            ")
    lines += wrap(provided(finding.slack), width, "  provided  ")
    if finding.axioms:
        lines += wrap(f"{', '.join(finding.axioms)} (docs/design.md)", width, "  rests on  ")
    if finding.counterfactual:
        lines += wrap(finding.counterfactual, width, "  but       ")
    return [*lines, *wrap(f"exchanges {', '.join(map(str, finding.evidence))} of history.jsonl", width, "  evidence  ")]


def provided(slack: str) -> str:
    """Under what bound on read lag a proof holds, in words."""
    return slack or "no read lag can explain it"


def wrap(text: str, width: int, head: str) -> list[str]:
    """A sentence behind a label, folded to a width."""
    folded = " ".join(text.split())
    return textwrap.wrap(
        folded,
        max(width, len(head) + 30),
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [head.rstrip()]
