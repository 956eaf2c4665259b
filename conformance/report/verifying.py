"""If a report is what its history gives: the report is made again from the history, and each field held beside the other. Pure.

What a history cannot tell is taken from the report, and named: ``_made_again`` has all of it. The exit status has to come of the
verdicts and of that. This shows consistency, not origin: whoever can write a history can write another one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from conformance import __version__
from conformance.catalogue import load
from conformance.deciding import decide
from conformance.exit_status import DATA_LOST, possible
from conformance.history import totals
from conformance.history.records import History
from conformance.judging import Judging
from conformance.report.build import build, toned_down
from conformance.report.clean import one_line
from conformance.report.ids import short
from conformance.report.model import Report
from conformance.stopping import StoppedBy, by_history, turned_away

#: Differences that are told at most.
MOST = 40
#: Characters of a value that are told at most.
WIDEST = 100


@dataclass(frozen=True)
class Agreement:
    """What came of it, in lines."""

    same: bool
    lines: tuple[str, ...]


def agreement(report: Report, history: History, content: bytes) -> Agreement:
    """Judge the history under the report's contract, and compare.

    :param content: the bytes of the history's file.
    :raises UsageError: this suite does not judge by the contract that the report names.
    """
    made = _made_again(report, history, content)
    wrong = [one_line(line, 300) for line in min((_wrong(report, again) for again in _ended(report, made)), key=len)]
    taken = f"taken from the report: {', '.join(_taken(report, history))}"
    if not wrong:
        said = f"the report is what this history gives under contract {report.suite.contract_version}: {report.verdict}"
        note = "this shows that the two agree; it does not show where the history came from"
        return Agreement(True, (said, taken, note))
    lines = [f"differs: {line}" for line in wrong[:MOST]]
    if len(wrong) > MOST:
        lines.append(f"and {len(wrong) - MOST} more differences")
    if report.suite.version != __version__:
        lines.append(
            f"the report was written by suite {report.suite.version}; this is {__version__}, whose judges may differ"
        )
    lines += [taken, "the report is not what this history gives"]
    return Agreement(False, tuple(lines))


def _made_again(report: Report, history: History, content: bytes) -> Report:
    """The report that the history gives, before it is told how the run ended."""
    catalogue = load(report.suite.contract_version)
    opinions = () if turned_away(history) else Judging(catalogue).opinions(history)
    verdicts = decide(history, opinions, catalogue)
    lost = any(o.key == DATA_LOST for o in verdicts.observations)
    listed = {item.id for item in report.requirements if not item.not_in_baseline}
    made = build(
        history,
        verdicts,
        catalogue,
        finished=totals.finished(history) or report.run.finished,
        exit_status=0,
        history_sha256=hashlib.sha256(content).hexdigest(),
        messages=report.run.messages if history.footer is None else totals.messages(history),
        waived={item.id: item.waived for item in report.requirements if item.waived is not None},
        known={f.fingerprint for item in report.requirements if item.known for f in item.findings},
        listed=listed if len(listed) < len(report.requirements) else None,
        remarks=report.run.remarks,
        stopped_by=_stopped_by(report, history, lost),
        fail_on=report.run.fail_on,
        stale=report.run.stale,
    )
    # The suite that made the run may have judged it; this one judges it now.
    version = report.suite.version if report.suite.version == history.header.suite_version else __version__
    suite = msgspec.structs.replace(
        made.suite, version=version, libraries=report.suite.libraries, commit=report.suite.commit
    )
    return msgspec.structs.replace(made, suite=suite)


def _stopped_by(report: Report, history: History, lost: bool) -> StoppedBy:
    told = by_history(history)
    # A history that could not be written to its end cannot say that.
    if told == "unknown" and report.run.stopped_by == "history_lost":
        return "history_lost"
    return told or ("data_lost" if lost else "")


def _ended(report: Report, made: Report) -> Iterator[Report]:
    """The report with the exit status that the other one has, in each way in which a run comes to it."""
    status = report.run.exit_status
    yield _with(made, status)
    if status == 5:
        # A report could not be written, after the run had ended with another status.
        for before in possible(made) - {5}:
            yield _with(_with(made, before), status)


def _with(report: Report, status: int) -> Report:
    return toned_down(msgspec.structs.replace(report, run=msgspec.structs.replace(report.run, exit_status=status)))


def _taken(report: Report, history: History) -> Iterator[str]:
    """What the report says and its history cannot tell."""
    marks = {
        "waived": [item.id for item in report.requirements if item.waived is not None],
        "known": [item.id for item in report.requirements if item.known],
        "not in the baseline": [item.id for item in report.requirements if item.not_in_baseline],
    }
    for mark, names in marks.items():
        if names:
            yield f"what is {mark} ({short(names)})"
    if report.run.fail_on != "inconclusive":
        yield f"--fail-on {report.run.fail_on}"
    if report.run.stale:
        yield "stale waivers"
    if history.footer is None:
        yield "the messages spent, for the history is cut off"
    if report.run.exit_status == 5:
        yield "why the exit status is 5"
    yield "remarks"
    yield "the suite's commit and libraries"


def _wrong(report: Report, again: Report) -> list[str]:
    said, gives = (msgspec.json.decode(msgspec.json.encode(one)) for one in (report, again))
    items = said.pop("requirements"), gives.pop("requirements")
    lines = [*_differences(said, gives), *_requirements(*items)]
    if report.run.exit_status not in possible(again):
        lines.append(f"exit status {report.run.exit_status} does not come of these verdicts")
    return lines


def _requirements(said: Sequence[Mapping[str, Any]], gives: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    names = [item["id"] for item in said], [item["id"] for item in gives]
    for name in sorted(set(names[0]) ^ set(names[1])):
        yield f"{name} is {'not in the report' if name in names[1] else 'in the report, and not in its contract'}"
    if names[0] != names[1] and set(names[0]) == set(names[1]):
        yield "the requirements stand in another order in the report, or more than once"
    by_name = {item["id"]: item for item in said}
    for item in gives:
        told = by_name.get(item["id"], item)
        if told["verdict"] != item["verdict"]:
            # All else of it follows from that.
            yield from _differences(told["verdict"], item["verdict"], item["id"])
        else:
            yield from _differences(told, item, item["id"])


def _differences(said: Any, gives: Any, where: str = "") -> Iterator[str]:
    """A line for each value that is another one, by the path that leads to it."""
    if isinstance(said, dict) and isinstance(gives, dict):
        for name in sorted(said.keys() | gives.keys()):
            yield from _differences(said.get(name), gives.get(name), f"{where}.{name}" if where else name)
    elif isinstance(said, list) and isinstance(gives, list) and len(said) == len(gives):
        for number, (one, other) in enumerate(zip(said, gives, strict=True)):
            yield from _differences(one, other, f"{where}[{number}]")
    elif said != gives or type(said) is not type(gives):
        yield f"{where} is {_shown(said)} in the report, and {_shown(gives)} by the history"


def _shown(value: Any) -> str:
    if isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        return f"a list of {len(value)}"
    if value is None or value in ("", [], {}):
        return "empty"
    return one_line(str(value), WIDEST)
